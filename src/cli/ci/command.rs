//! `/schemaproof …` in a comment: whether it is followed, and the reaction that answers it.

use crate::{
    config::Permission,
    github::{
        acceptance::{self, Command, Permissions},
        api::{Api, ApiError},
        comment,
    },
    report::Report,
    trigger::PullRequest,
};

/// A comment with commands by someone who may give them.
pub(super) struct Asked {
    comment: u64,
    commands: Vec<Command>,
}

impl Asked {
    /// The commands of a comment; absent when none is to be followed. Running again is for the pull request's author and those
    /// who may write; whether an acceptance counts is decided by the policy later.
    pub async fn read(api: &Api, pull: &PullRequest, comment: u64, body: &str, login: &str) -> Result<Option<Asked>, ApiError> {
        let commands = acceptance::commands(body);
        // The comment may have been edited so that it holds no command any more: what it accepted is to be forgotten.
        if !pull.open {
            return Ok(None);
        }
        if !commands.is_empty() && commands.iter().all(|command| matches!(command, Command::Unknown(_))) {
            react(api, comment, "confused").await;
            return Ok(None);
        }
        let own = pull.author.as_deref().is_some_and(|author| author.eq_ignore_ascii_case(login));
        if !own && !Permissions::new(api).allows(login, Permission::Write).await? {
            if !commands.is_empty() {
                react(api, comment, "-1").await;
            }
            return Ok(None);
        }
        Ok(Some(Asked { comment, commands }))
    }
}

/// What is answered at the end.
pub(super) struct Answer {
    asked: Option<Asked>,
}

impl Answer {
    pub fn new(asked: Option<Asked>) -> Self {
        Answer { asked }
    }

    /// Thumbs up when every command took effect; down when an acceptance did not: another fingerprint, or no right to give it.
    pub async fn give(&self, api: &Api, report: &Report) {
        let Some(Asked { comment, commands }) = self.asked.as_ref().filter(|asked| !asked.commands.is_empty()) else { return };
        let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let fits = |command: &Command| match command {
            Command::Accept { fingerprint, .. } => {
                let is_this = report.fingerprint.as_deref().is_some_and(|ours| plain(ours) == plain(fingerprint));
                is_this && !report.findings.iter().any(|finding| finding.blocks)
            }
            Command::Recheck => true,
            Command::Unknown(_) => false,
        };
        react(api, *comment, if commands.iter().all(fits) { "+1" } else { "-1" }).await;
    }
}

/// A reaction is a courtesy: failing to give it is no failure of the run.
async fn react(api: &Api, id: u64, content: &str) {
    if let Err(error) = comment::react(api, id, content).await {
        tracing::debug!("{error}");
    }
}
