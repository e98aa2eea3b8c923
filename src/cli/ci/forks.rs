//! The second stage for forks: a report that a run without rights left as an artifact is published by one with rights.
//!
//! Nothing in the report is believed. Which pull request and commit it is for is checked against the event and the API; the
//! texts in it are rendered from data, as hostile as any; no code of the fork is run. A report that passes opens the gate only
//! when the pull request leaves `.github` as it is: else the workflow that made the report may be the fork's own.

use std::{io::Stdout, sync::Arc};

use super::{CiError, Environment, prepare, publish, publish::Publisher};
use crate::{
    cli::Exit,
    github::{self, api::Api, outputs::Log},
    report::{
        self, Report, Run,
        many::{self, Part},
    },
    source::{
        Commits, SourceError,
        api::{Remote, RemoteError, Trees},
    },
    trigger::{CommitSha, Head},
    verdict::Verdict,
};

/// Publishes `schemaproof-report/report.json` of the workspace for the commit that the workflow run was for.
pub(super) async fn publish(
    environment: &Environment,
    log: &mut Log<Stdout>,
    api: &Arc<Api>,
    head: &Head,
    run: u64,
) -> Result<Exit, CiError> {
    let path = environment.workspace.clone().unwrap_or_default().join(publish::DIRECTORY).join("report.json");
    let refuse = |why: String| CiError::Forked { path: path.display().to_string(), why };
    // A link could lead to a file of this machine, and its size is looked at before it is read.
    let about = std::fs::symlink_metadata(&path).map_err(|error| refuse(error.to_string()))?;
    if !about.is_file() || about.len() > report::json::LARGEST as u64 {
        return Err(refuse("it is not a file, or too large".into()));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| refuse(error.to_string()))?;
    let report = report::json::read(&text).map_err(|error| refuse(error.to_string()))?;
    let told = report.run.as_ref().ok_or_else(|| refuse("it does not say which pull request it is for".into()))?;
    let number = told.pull_request.ok_or_else(|| refuse("it is not for a pull request".into()))?;
    if told.head_sha != head.0.as_str() {
        return Err(refuse(format!("it is for another commit than {}, which the workflow ran for", head.0)));
    }
    let pull = github::pull_request(api, number).await?;
    if !pull.open || pull.head != *head {
        log.say("notice", &format!("pull request {number} is closed or has a newer commit; there is nothing to publish"));
        return Ok(Exit::Pass);
    }
    let commits = Commits { local: None, remote: Some(Trees::new(api.clone())) };
    let base = commits.merge_base(&pull.base, head).await?;
    let config = prepare::configuration(environment, &commits, &base).await?;
    let server = environment.server_url.trim_end_matches('/');
    let run = Run {
        number: 0,
        url: format!("{server}/{}/actions/runs/{run}", api.repository()),
        repository: api.repository().to_string(),
        server_url: server.to_string(),
        head_sha: head.0.to_string(),
        pull_request: Some(number),
    };
    let report = judged(Report { run: Some(run), ..report }, workflows(api, &base).await? == workflows(api, &head.0).await?);
    let subject = prepare::of_pull(pull);
    let mut publisher = Publisher::new(api, &subject, &config);
    let parts = [Part { name: String::new(), report }];
    let url = publisher.end(log, &parts).await;
    let outputs = publish::outputs(&parts, &publish::Paths::default(), url.as_deref());
    super::hand_on(environment, log, &outputs, &[&many::summary(&parts), &many::comment(&parts, 0)]);
    // The verdict is the status's; this run only carries it.
    Ok(if publisher.is_published() { Exit::Pass } else { Exit::NotPublished })
}

/// The report with a verdict that its own findings bear out.
fn judged(report: Report, same_workflows: bool) -> Report {
    let blocks = report.findings.iter().any(|finding| finding.blocks);
    let plans = !report.changes.is_empty() || !report.steps.is_empty();
    let unproven = plans && !report.proven;
    let reason = match report.verdict {
        Verdict::Pass if !same_workflows => {
            "The pull request changes `.github`, so a report that its own workflow may have made cannot open the gate: run schemaproof by `workflow_dispatch`."
        }
        Verdict::Pass if blocks || unproven => "The report says that it passes, and holds what blocks.",
        _ => return report,
    };
    Report { verdict: Verdict::Blocked, reason: reason.into(), ..report }
}

/// Object name of the directory `.github`; absent when there is none.
async fn workflows(api: &Arc<Api>, commit: &CommitSha) -> Result<Option<String>, CiError> {
    let attempt = || format!("list the files of {commit}");
    let failed = |source: RemoteError| SourceError::Remote { attempt: attempt(), source };
    let tree = Remote::tree(api, commit.as_str(), false).await.map_err(failed)?;
    Ok(tree.entries.into_iter().find(|entry| entry.path == b".github").map(|entry| entry.id))
}
