//! `/schemaproof …` in a comment: whether it is followed, and the reaction that answers it. `explain` is answered here, with a comment:
//! it needs no plan.

use std::collections::BTreeMap;

use crate::{
    catalog::Action,
    config::{self, Permission},
    github::{
        acceptance::Permissions,
        api::{Api, ApiError},
        command::{self, Command},
        comment::{self, Identity, Wanted},
    },
    plan::rename,
    report::{self, Report, many::Part},
    risk::{Rule, rules},
    trigger::PullRequest,
};

/// Rules that one comment may ask for.
const MOST_EXPLAINED: usize = 5;

/// A comment with commands by someone who may give them.
pub(super) struct Asked {
    comment: u64,
    commands: Vec<Command>,
}

impl Asked {
    /// The commands of a comment; absent when none is to be followed. Running again is for the pull request's author and those
    /// who may write; whether an acceptance counts is decided by the policy later.
    pub async fn read(api: &Api, pull: &PullRequest, comment: u64, body: &str, login: &str) -> Result<Option<Asked>, ApiError> {
        let commands = command::commands(body);
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
        let explained = explain(api, pull, &commands).await?;
        if !commands.is_empty() && commands.iter().all(|command| matches!(command, Command::Explain(_))) {
            react(api, comment, if explained { "+1" } else { "confused" }).await;
            return Ok(None);
        }
        Ok(Some(Asked { comment, commands }))
    }
}

/// Answers every `explain` with a comment of its own a rule, which stays the only one on that rule. Whether all of them name a rule.
async fn explain(api: &Api, pull: &PullRequest, commands: &[Command]) -> Result<bool, ApiError> {
    let asked: Vec<&str> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Explain(rule) => Some(rule.as_str()),
            _ => None,
        })
        .collect();
    let found: BTreeMap<&str, (&str, &Rule)> =
        asked.iter().filter_map(|asked| rule(asked)).map(|(asked, rule)| (rule.id, (asked, rule))).collect();
    if found.is_empty() {
        return Ok(asked.is_empty());
    }
    let identity = Identity::ask(api).await;
    for (asked, rule) in found.values().take(MOST_EXPLAINED) {
        let text = report::explain::answer(asked, rule);
        let wanted = Wanted {
            number: pull.number,
            key: &format!("explain {}", rule.id),
            head: &pull.head,
            told: &text,
            text: &text,
            sticky: true,
            make: true,
        };
        comment::write(api, &identity, &wanted).await?;
    }
    Ok(asked.iter().all(|asked| rule(asked).is_some()) && found.len() <= MOST_EXPLAINED)
}

/// The rule of this name, or the one with the nearest name.
fn rule(asked: &str) -> Option<(&str, &'static Rule)> {
    let nearest = || rules::by_id(&config::nearest(asked, rules::RULES.iter().map(|rule| rule.id))?);
    Some((asked, rules::by_id(asked).or_else(nearest)?))
}

/// What is answered at the end.
pub(super) struct Answer {
    asked: Option<Asked>,
}

impl Answer {
    pub fn new(asked: Option<Asked>) -> Self {
        Answer { asked }
    }

    /// Thumbs up when every command took effect; down when an acceptance or a rename did not: another fingerprint, nothing that can be
    /// meant, or no right to say it.
    pub async fn give(&self, api: &Api, parts: &[Part]) {
        let Some(Asked { comment, commands }) = self.asked.as_ref().filter(|asked| !asked.commands.is_empty()) else { return };
        // Of several databases it is one that a command is about.
        let fits = |command: &Command| parts.iter().any(|part| followed(command, &part.report));
        react(api, *comment, if commands.iter().all(fits) { "+1" } else { "-1" }).await;
    }
}

/// Whether a command took effect on a report.
fn followed(command: &Command, report: &Report) -> bool {
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match command {
        Command::Accept { fingerprint, .. } => {
            let is_this = report.fingerprint.as_deref().is_some_and(|ours| plain(ours) == plain(fingerprint));
            is_this && !report.findings.iter().any(|finding| finding.blocks)
        }
        Command::Rename(asked) => renamed(asked, report),
        Command::Recheck | Command::Explain(_) => true,
        Command::Unknown(_) => false,
    }
}

/// Whether a rename that was asked for is in a report.
pub(super) fn renamed(asked: &rename::asked::Asked, report: &Report) -> bool {
    report.changes.iter().any(|change| {
        let is_new = change.object == asked.to || change.object.ends_with(&format!(".{}", asked.to));
        let was_old = change.renamed_from.as_ref().is_some_and(|from| from.ends_with(&asked.from));
        change.action == Action::Rename && is_new && was_old
    })
}

/// A reaction is a courtesy: failing to give it is no failure of the run.
async fn react(api: &Api, id: u64, content: &str) {
    if let Err(error) = comment::react(api, id, content).await {
        tracing::debug!("{error}");
    }
}
