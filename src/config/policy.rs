//! What blocks, at which level, for which objects, and who may accept it.
//!
//! Says which level a rule has; applies it to no finding: that is the verdict's matter.

use std::collections::BTreeMap;

use globset::Glob;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Naming, nearest};
use crate::risk::{Level, rules};

/// What a rule's level is set to: a level, or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleSetting {
    Off,
    #[serde(untagged)]
    Level(Level),
}

/// Who may accept a blocking finding on the pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Approve {
    /// The lowest repository permission: `write`, `maintain` or `admin`.
    pub permission: Permission,
    /// Whether the pull request's own author may.
    pub author: bool,
    /// Whether a note in the SQL (`-- schemaproof: allow RULE reason`) may accept what blocks. A note is part of the pull request,
    /// so whoever merges it has seen it; switch it off where anybody may open pull requests and merging is automatic.
    pub notes: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    #[default]
    Write,
    Maintain,
    Admin,
}

impl Default for Approve {
    fn default() -> Self {
        Approve { permission: Permission::Write, author: true, notes: true }
    }
}

/// What blocks, and who may accept it. Read from the base, never from the pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The lowest level that blocks.
    pub block: Level,
    /// Level of a rule by its id.
    pub rules: BTreeMap<String, RuleSetting>,
    /// Levels that hold for some objects or files alone; of those that match, the last counts.
    pub overrides: Vec<Override>,
    /// What the names of new objects are to look like.
    pub naming: Naming,
    pub approve: Approve,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            block: Level::Danger,
            rules: BTreeMap::new(),
            overrides: Vec::new(),
            naming: Naming::default(),
            approve: Approve::default(),
        }
    }
}

/// Levels for the findings about some objects, or in some files. With both, both must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Override {
    /// Globs over names as reports show them, `audit.*`; what is in an object that matches does too.
    pub objects: Vec<String>,
    /// Globs over paths in the repository, `extensions/sql/legacy/**`.
    pub paths: Vec<String>,
    pub rules: BTreeMap<String, RuleSetting>,
}

/// What is known of a finding when its level is set.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub rule: &'a str,
    /// The level that the rule gave it.
    pub level: Level,
    /// Path of the object.
    pub object: &'a [String],
    /// The files that it stands in: before and after.
    pub files: &'a [&'a str],
}

impl RuleSetting {
    /// None is off.
    fn level(self) -> Option<Level> {
        match self {
            RuleSetting::Off => None,
            RuleSetting::Level(level) => Some(level),
        }
    }
}

impl Policy {
    /// The level that a finding has under this policy; none when it is switched off.
    ///
    /// A pull request chooses the files that its SQL stands in. So a path that makes a level lower must match both where the object
    /// stood and where it stands; for one that makes it higher, either is enough.
    pub fn level(&self, about: About<'_>) -> Option<Level> {
        let own = (!rules::OPT_IN.contains(&about.rule)).then_some(about.level);
        let mut level = self.rules.get(about.rule).map_or(own, |setting| setting.level());
        for entry in &self.overrides {
            let Some(setting) = entry.rules.get(about.rule) else { continue };
            if entry.matches(about, setting.level() < level) {
                level = setting.level();
            }
        }
        level
    }

    /// Whether every rule that is named exists, and every pattern can be understood.
    ///
    /// # Errors
    /// With the nearest name of a rule as a suggestion.
    pub fn check(&self, origin: &str) -> Result<(), ConfigError> {
        let named = self.rules.keys().chain(self.overrides.iter().flat_map(|entry| entry.rules.keys()));
        named.into_iter().try_for_each(|rule| known(origin, rule))?;
        self.naming.check(origin)?;
        for entry in &self.overrides {
            if entry.objects.is_empty() && entry.paths.is_empty() {
                return Err(ConfigError::NoPattern { origin: origin.into() });
            }
            for pattern in entry.objects.iter().chain(&entry.paths) {
                let failed = |source| ConfigError::BadPattern { origin: origin.into(), pattern: pattern.clone(), source };
                Glob::new(pattern).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Whether there is a rule of this name.
///
/// # Errors
/// With the nearest name as a suggestion.
pub fn known(origin: &str, rule: &str) -> Result<(), ConfigError> {
    if rules::by_id(rule).is_some() {
        return Ok(());
    }
    let suggestion = nearest(rule, rules::RULES.iter().map(|rule| rule.id));
    Err(ConfigError::UnknownRule { origin: origin.into(), rule: rule.into(), suggestion })
}

impl Override {
    fn matches(&self, about: About<'_>, lowers: bool) -> bool {
        let wholes = (1..=about.object.len()).map(|length| about.object[..length].join("."));
        let of_object = self.objects.is_empty() || wholes.into_iter().any(|name| any(&self.objects, &name));
        let in_file = |file: &&str| any(&self.paths, file);
        let in_files = self.paths.is_empty()
            || match lowers {
                true => !about.files.is_empty() && about.files.iter().all(in_file),
                false => about.files.iter().any(in_file),
            };
        of_object && in_files
    }
}

/// Whether one of the patterns matches; one that cannot be understood was an error when the configuration was read.
fn any(patterns: &[String], text: &str) -> bool {
    patterns.iter().filter_map(|pattern| Glob::new(pattern).ok()).any(|glob| glob.compile_matcher().is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn policy(yaml: &str) -> Result<Policy, String> {
        let file = format!("policy:\n  {}", yaml.replace('\n', "\n  "));
        Config::from_file_and_inputs(Some(("f.yml", &file)), &BTreeMap::new())
            .map(|config| config.policy)
            .map_err(|error| error.to_string())
    }

    fn level(policy: &Policy, object: &str, files: &[&str]) -> Option<Level> {
        let object: Vec<String> = object.split('.').map(String::from).collect();
        policy.level(About { rule: "drop-column", level: Level::Danger, object: &object, files })
    }

    #[test]
    fn the_last_entry_that_matches_counts() {
        let policy = policy(
            "rules: {drop-column: warning}\noverrides:\n- objects: [\"audit.*\"]\n  rules: {drop-column: off}\n\
             - objects: [audit.kept]\n  rules: {drop-column: danger}\n- objects: [\"*\"]\n  rules: {drop-table: off}",
        )
        .unwrap();
        assert_eq!(level(&policy, "public.t.c", &[]), Some(Level::Warning));
        assert_eq!(level(&policy, "audit.t.c", &[]), None);
        assert_eq!(level(&policy, "audit.kept.c", &[]), Some(Level::Danger));
        assert_eq!(level(&policy, "audit2.t.c", &[]), Some(Level::Warning));
    }

    #[test]
    fn a_rule_that_is_asked_for_finds_nothing_unasked() {
        let about = About { rule: "add-column", level: Level::Notice, object: &[], files: &[] };
        assert_eq!(Policy::default().level(about), None);
        assert_eq!(policy("rules: {add-column: warning}").unwrap().level(about), Some(Level::Warning));
    }

    #[test]
    fn moving_a_file_lowers_no_level() {
        let lower = policy("overrides:\n- paths: [\"legacy/**\"]\n  rules: {drop-column: notice}").unwrap();
        assert_eq!(level(&lower, "public.t.c", &["legacy/a/t.sql", "legacy/t.sql"]), Some(Level::Notice));
        assert_eq!(level(&lower, "public.t.c", &["sql/t.sql", "legacy/t.sql"]), Some(Level::Danger));
        assert_eq!(level(&lower, "public.t.c", &[]), Some(Level::Danger));
        let higher =
            policy("rules: {drop-column: off}\noverrides:\n- paths: [\"core/**\"]\n  rules: {drop-column: danger}").unwrap();
        assert_eq!(level(&higher, "public.t.c", &["core/t.sql", "other/t.sql"]), Some(Level::Danger));
        let both = policy("overrides:\n- objects: [public.t]\n  paths: [\"a/*\"]\n  rules: {drop-column: off}").unwrap();
        assert_eq!(level(&both, "public.t.c", &["a/t.sql"]), None);
        assert_eq!(level(&both, "public.u.c", &["a/t.sql"]), Some(Level::Danger));
    }

    #[test]
    fn a_rule_or_a_pattern_that_is_none_is_an_error() {
        let said = |yaml| policy(yaml).unwrap_err();
        let unknown = "f.yml names the rule `drop-colum`, and there is no such rule; did you mean `drop-column`?";
        assert_eq!(said("rules: {drop-colum: off}"), unknown);
        assert_eq!(said("overrides:\n- objects: [a]\n  rules: {drop-colum: off}"), unknown);
        assert!(said("overrides:\n- rules: {drop-column: off}").contains("neither `objects` nor `paths`"));
        assert!(said("overrides:\n- objects: [\"a[\"]\n  rules: {drop-column: off}").contains("the pattern `a[`"));
        assert!(said("overrides:\n- object: [a]").contains("object"));
    }
}
