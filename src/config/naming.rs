//! Patterns that the names of new objects are to match: `policy.naming`.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// What a pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Named {
    /// Whatever has no pattern of its own.
    All,
    Schema,
    Table,
    Column,
    Index,
    ForeignKey,
    Check,
}

/// A regular expression by what it is for; it matches anywhere in a name unless it has `^` and `$`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Naming(pub BTreeMap<Named, String>);

impl Naming {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pattern that a name should match and does not.
    pub fn broken(&self, named: Named, name: &str) -> Option<&str> {
        let pattern = self.0.get(&named).or_else(|| self.0.get(&Named::All))?;
        // One that cannot be understood was an error when the configuration was read.
        let matches = Regex::new(pattern).is_ok_and(|regex| regex.is_match(name));
        (!matches).then_some(pattern)
    }

    /// Whether every pattern can be understood.
    ///
    /// # Errors
    /// With the first that cannot.
    pub fn check(&self, origin: &str) -> Result<(), ConfigError> {
        self.0.values().try_for_each(|pattern| match Regex::new(pattern) {
            Ok(_) => Ok(()),
            Err(error) => Err(ConfigError::BadNaming {
                origin: origin.into(),
                pattern: pattern.clone(),
                // Its last line says what is wrong; those before it draw where.
                why: error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").into(),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_its_own_pattern_or_that_of_all() {
        let naming: Naming = serde_json::from_str(r#"{"all": "^[a-z_]+$", "foreign-key": "_fkey$"}"#).unwrap();
        assert_eq!(naming.broken(Named::Table, "users"), None);
        assert_eq!(naming.broken(Named::Table, "Users"), Some("^[a-z_]+$"));
        assert_eq!(naming.broken(Named::ForeignKey, "Users_fkey"), None);
        assert_eq!(naming.broken(Named::ForeignKey, "users"), Some("_fkey$"));
        assert_eq!(Naming::default().broken(Named::Check, "x"), None);
    }

    #[test]
    fn a_pattern_that_is_none_is_an_error() {
        let naming = Naming([(Named::Index, "(".to_string())].into());
        let said = naming.check("f.yml").unwrap_err().to_string();
        assert_eq!(said, "f.yml: the pattern `(` in `policy.naming` cannot be understood: unclosed group");
    }
}
