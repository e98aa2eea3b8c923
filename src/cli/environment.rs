//! The process's environment variables, read once, and what they say to a step of a workflow.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use anyhow::Context;

use super::ci;
use crate::{config::KEYS, github::outputs::Outputs, plan::atlas::Atlas, trigger::Event};

/// Environment variables. An empty one counts as absent, as it does in GitHub Actions.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    pub(super) fn read() -> Environment {
        Environment(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect())
    }

    /// The variable's value when it is set, not empty, and UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    /// The `atlas` on `PATH`.
    pub fn atlas(&self) -> Option<PathBuf> {
        Atlas::search(self.0.get("PATH").map_or(OsStr::new(""), OsString::as_os_str))
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
