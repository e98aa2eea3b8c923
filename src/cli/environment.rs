//! The process's environment variables, read once, and what they say to a step of a workflow.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};

use super::ci;
use crate::{
    config::KEYS,
    github::outputs::Outputs,
    plan::atlas::{Atlas, release},
    trigger::Event,
};

/// Environment variables. An empty one counts as absent, as it does in GitHub Actions.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    pub(super) fn read() -> Environment {
        Environment(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect())
    }

    /// These variables, and those of a file of `NAME=value` lines that are not set here. A file that is not there has none.
    ///
    /// # Errors
    /// When the file cannot be read; never with a value in the message.
    pub(super) fn with_dotenv(&self, path: &Path) -> anyhow::Result<Environment> {
        let unreadable = |error: dotenvy::Error, after: Option<&String>| match error {
            // The line holds what may be a secret.
            dotenvy::Error::LineParse(_, column) => anyhow!(
                "cannot read {}: the line after {} is not `NAME=value` (from character {column} on); quote values with spaces",
                path.display(),
                after.map_or("the beginning".into(), |name| format!("that of {name}"))
            ),
            other => anyhow!("cannot read {}: {other}", path.display()),
        };
        let lines = match dotenvy::from_path_iter(path) {
            Ok(lines) => lines,
            Err(error) if error.not_found() => return Ok(self.clone()),
            Err(error) => return Err(unreadable(error, None)),
        };
        let mut all = BTreeMap::new();
        let mut last = None;
        for line in lines {
            let (name, value) = line.map_err(|error| unreadable(error, last.as_ref()))?;
            all.insert(name.clone(), OsString::from(value));
            last = Some(name);
        }
        all.extend(self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.clone(), value.clone())));
        Ok(Environment(all))
    }

    /// The variable's value when it is set, not empty, and UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    /// The `atlas` on `PATH`, else the one that `schemaproof atlas install` keeps.
    pub fn atlas(&self) -> Option<PathBuf> {
        let on_path = Atlas::search(self.0.get("PATH").map_or(OsStr::new(""), OsString::as_os_str));
        on_path.or_else(|| Some(release::kept(&self.cache()?)).filter(|program| program.is_file()))
    }

    /// The user's cache directory (XDG Base Directory Specification).
    pub fn cache(&self) -> Option<PathBuf> {
        let absolute = |path: &str| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let own = self.get("XDG_CACHE_HOME").and_then(absolute);
        own.or_else(|| Some(self.get("HOME").and_then(absolute)?.join(".cache")))
    }

    /// What GitHub tells a step: `GITHUB_*`, and `INPUT_*` for the inputs that `action.yml` has.
    ///
    /// # Errors
    /// When the event's file cannot be read, or a variable that every step has is not there.
    pub(super) fn of_the_step(&self) -> anyhow::Result<ci::Environment> {
        let needed = |name: &str| {
            let missing = || format!("{name} is not set; `schemaproof ci` runs as a step of a GitHub workflow");
            self.get(name).map(String::from).with_context(missing)
        };
        let text = |name: &str| self.get(name).map(String::from);
        let event_path = needed("GITHUB_EVENT_PATH")?;
        let payload = std::fs::read_to_string(&event_path).with_context(|| format!("cannot read the event at {event_path}"))?;
        // The runner keeps hyphens and spells the name in capitals.
        let inputs: BTreeMap<String, String> = KEYS
            .iter()
            .filter(|key| key.input)
            .filter_map(|key| Some((key.name.to_string(), self.get(&format!("INPUT_{}", key.name.to_uppercase()))?.to_string())))
            .collect();
        Ok(ci::Environment {
            event: Event {
                name: needed("GITHUB_EVENT_NAME")?,
                payload,
                repository: text("GITHUB_REPOSITORY"),
                git_ref: text("GITHUB_REF"),
                sha: text("GITHUB_SHA"),
                pr_number: inputs.get("pr-number").cloned(),
            },
            api_url: text("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".into()),
            server_url: text("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".into()),
            run_id: text("GITHUB_RUN_ID"),
            run_number: self.get("GITHUB_RUN_NUMBER").and_then(|number| number.parse().ok()),
            token: inputs.get("token").cloned().or_else(|| text("GITHUB_TOKEN")).map(Into::into),
            workspace: text("GITHUB_WORKSPACE").map(PathBuf::from),
            outputs: Outputs {
                output: text("GITHUB_OUTPUT").map(PathBuf::from),
                summary: text("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            },
            atlas: self.atlas(),
            inputs,
            limits: Default::default(),
        })
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Environment {
        Environment(variables.into_iter().map(|(name, value)| (name.to_string(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_adds_what_is_not_set_and_no_error_shows_a_value() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".env");
        let environment = Environment::from([("A", "here"), ("EMPTY", "")]);
        assert_eq!(environment.with_dotenv(&path).unwrap().get("A"), Some("here"));
        std::fs::write(&path, "# ours\nA=there\nexport B=\"two words # 'x'\"\nEMPTY=filled\nC='$A'\n").unwrap();
        let both = environment.with_dotenv(&path).unwrap();
        let values = ["A", "B", "EMPTY", "C"].map(|name| both.get(name).unwrap());
        assert_eq!(values, ["here", "two words # 'x'", "filled", "$A"]);
        std::fs::write(&path, "A=there\nPASSWORD=hun ter2\n").unwrap();
        let error = environment.with_dotenv(&path).unwrap_err().to_string();
        assert!(error.contains("after that of A") && !error.contains("ter2"), "{error}");
    }
}
