//! Who is asked for a review when a rule finds something.

use serde::{Deserialize, Serialize};

use super::{ConfigError, policy};

/// Reviewers of what some rules find.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reviewers {
    /// Ids of rules; none means every rule.
    pub rules: Vec<String>,
    /// Logins.
    pub users: Vec<String>,
    /// Slugs of teams of the repository's organisation.
    pub teams: Vec<String>,
}

impl Reviewers {
    /// Whether the rules exist, and somebody is named by a name that can be one.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self, origin: &str) -> Result<(), ConfigError> {
        self.rules.iter().try_for_each(|rule| policy::known(origin, rule))?;
        let plain = |name: &&String| {
            !name.is_empty() && name.len() <= 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        let names = || self.users.iter().chain(&self.teams);
        let bad = |value: String| ConfigError::BadValue {
            origin: origin.into(),
            key: "reviewers".into(),
            value,
            expected: "the logins of `users` or the slugs of `teams`, each without `@` and without the organisation".into(),
        };
        match names().find(|name| !plain(name)) {
            Some(name) => Err(bad(name.escape_debug().to_string())),
            None if names().next().is_none() => Err(bad(String::new())),
            None => Ok(()),
        }
    }

    /// Whether what a rule found is for them.
    pub fn are_for(&self, rule: &str) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|wanted| wanted == rule)
    }
}
