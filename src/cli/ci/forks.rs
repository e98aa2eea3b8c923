//! The second stage: reports that other jobs left as artifacts become one comment, one status and one check run.
//!
//! Two kinds of jobs need it: those of forks, whose token may not write, and those of a job matrix, each of which planned some of many
//! databases. Nothing in a report is believed. Which pull request and commit it is for is checked against the event and the API; the texts
//! in it are rendered from data, as hostile as any; no code of a fork is run. After a fork's workflow a report that passes opens the gate
//! only when the pull request leaves `.github` as it is: else the workflow that made the report may be the fork's own. A database that
//! changes and of which no report arrived keeps the gate shut.

use std::{
    collections::BTreeMap,
    io::Stdout,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use super::{
    CiError, Environment, databases,
    prepare::{self, All, Database, Prepared, Subject},
    publish,
    publish::Publisher,
};
use crate::{
    cli::Exit,
    github::{self, api::Api, outputs::Log},
    pipeline::{Job, Outcome, RENAMES_NOTHING},
    plan::rename::asked::Asked,
    report::{
        self, Report, ReportedError, Run, Side,
        many::{self, Part},
    },
    source::{
        Commits, SourceError,
        api::{Remote, RemoteError, Trees},
    },
    trigger::{CommitSha, Head},
    verdict::Verdict,
};

/// Where reports are looked for when no place is named: in the workspace, as `ci` leaves them and as artifacts are unpacked.
pub(super) fn default_place(environment: &Environment) -> Vec<PathBuf> {
    vec![environment.workspace.clone().unwrap_or_default().join(publish::DIRECTORY)]
}

/// Reports below a directory that are read at most, and how deep they may lie.
const MOST_REPORTS: usize = 2_000;
const DEEPEST: usize = 4;

/// Publishes after a workflow run for a commit: of a fork, perhaps. The pull request is the one that the reports name.
pub(super) async fn after_workflow(
    environment: &Environment,
    log: &mut Log<Stdout>,
    api: &Arc<Api>,
    head: &Head,
    run: u64,
    places: &[PathBuf],
) -> Result<Exit, CiError> {
    let reports = read(places)?;
    let refuse = |why: &str| CiError::Forked { path: shown(places), why: why.into() };
    let numbers = reports.iter().map(|report| report.run.as_ref().and_then(|run| run.pull_request));
    let number = numbers.clone().next().flatten().ok_or_else(|| refuse("it does not say which pull request it is for"))?;
    if numbers.clone().any(|other| other != Some(number)) {
        return Err(refuse("the reports are for several pull requests"));
    }
    let of_head = |report: &Report| report.run.as_ref().is_some_and(|run| run.head_sha == head.0.as_str());
    if !reports.iter().all(of_head) {
        return Err(refuse(&format!("it is for another commit than {}, which the workflow ran for", head.0)));
    }
    let pull = github::pull_request(api, number).await?;
    if !pull.open || pull.head != *head {
        log.say("notice", &format!("pull request {number} is closed or has a newer commit; there is nothing to publish"));
        return Ok(Exit::Pass);
    }
    let commits = Commits { local: None, remote: Some(Trees::new(api.clone())) };
    let base = commits.merge_base(&pull.base, head).await?;
    let same = workflows(api, &base).await? == workflows(api, &head.0).await?;
    let server = environment.server_url.trim_end_matches('/');
    let run = Run {
        number: 0,
        url: format!("{server}/{}/actions/runs/{run}", api.repository()),
        repository: api.repository().to_string(),
        server_url: server.to_string(),
        head_sha: head.0.to_string(),
        pull_request: Some(number),
    };
    // The verdict is the status's; this run only carries it.
    let ended = gather(environment, log, api, &prepare::of_pull(pull), Some(run), reports, same).await?;
    Ok(if matches!(ended, Exit::NotPublished) { ended } else { Exit::Pass })
}

/// Publishes the reports of other jobs of this very run.
pub(super) async fn in_run(
    environment: &Environment,
    log: &mut Log<Stdout>,
    api: &Arc<Api>,
    subject: &Subject,
    run: Option<Run>,
    places: &[PathBuf],
) -> Result<Exit, CiError> {
    let head = subject.head.0.as_str();
    let (of_head, others): (Vec<Report>, Vec<Report>) =
        read(places)?.into_iter().partition(|report| report.run.as_ref().is_some_and(|run| run.head_sha == head));
    if !others.is_empty() {
        log.say("warning", &format!("{} reports are for another commit than {head} and do not count", others.len()));
    }
    gather(environment, log, api, subject, run, of_head, true).await
}

async fn gather(
    environment: &Environment,
    log: &mut Log<Stdout>,
    api: &Arc<Api>,
    subject: &Subject,
    run: Option<Run>,
    reports: Vec<Report>,
    same_workflows: bool,
) -> Result<Exit, CiError> {
    let begun = Instant::now();
    let config = prepare::settings(environment, api, subject).await?.config;
    let mut arrived: BTreeMap<String, Vec<Report>> = BTreeMap::new();
    for report in reports {
        arrived.entry(report.database.clone().unwrap_or_default()).or_default().push(report);
    }
    let mut part = |name: String, prepared: Option<&Prepared>| {
        let report = match arrived.remove(&name).unwrap_or_default().as_slice() {
            [one] => judged(Report { run: run.clone(), ..one.clone() }, same_workflows),
            others => missing(&name, others.len(), prepared, begun, run.clone()),
        };
        Part { name, report }
    };
    let parts = if config.databases.is_empty() {
        vec![part(String::new(), None)]
    } else {
        // Which reports there must be is found out here, and not believed either.
        let All { databases, .. } = prepare::prepare(environment, api, subject).await?;
        let (changed, unchanged): (Vec<Database>, Vec<Database>) =
            databases.into_iter().partition(|database| matches!(database.prepared, Prepared::Compare(_)));
        let mut parts: Vec<Part> = changed.iter().map(|database| part(database.name.clone(), Some(&database.prepared))).collect();
        if parts.iter().flat_map(|part| &part.report.remarks).any(|remark| remark.title == RENAMES_NOTHING) {
            // Each job heard what was asked for, and each but one had nothing to do with it.
            match super::heard(api, subject, &changed).await {
                Ok(heard) => {
                    let renames: Vec<Asked> = heard.into_iter().flat_map(|said| said.renames).collect();
                    databases::say_once(&renames, parts.iter_mut().map(|part| &mut part.report));
                }
                Err(error) => tracing::debug!("{error}"),
            }
        }
        for name in arrived.keys().filter(|name| !name.is_empty()) {
            log.say("warning", &format!("a report is of `{}`, which does not change; it does not count", name.escape_debug()));
        }
        match parts.is_empty() {
            true => {
                let said = vec![Default::default(); unchanged.len()];
                let never = async |_: Job| Outcome::from(report::build::nothing("", Side::default(), Side::default(), 0.0, None));
                let outcomes = databases::plan(log, unchanged, said, 1, &run, begun, never).await;
                outcomes.into_iter().map(|(name, outcome)| Part { name, report: outcome.report }).collect()
            }
            false => parts,
        }
    };
    let mut publisher = Publisher::new(api, subject, &config);
    let url = publisher.end(log, &parts).await;
    let outputs = publish::outputs(&parts, &publish::Paths::default(), url.as_deref());
    super::hand_on(environment, log, &outputs, &[&many::summary(&parts), &many::comment(&parts, 0)]);
    Ok(databases::exit(&parts, config.fail_on, publisher.is_published()))
}

/// What stands for a report that did not arrive, or of which there are several.
fn missing(name: &str, count: usize, prepared: Option<&Prepared>, begun: Instant, run: Option<Run>) -> Report {
    let (base, target) = match prepared {
        Some(Prepared::Compare(job)) => (job.base.side(), job.target.side()),
        Some(Prepared::Nothing { sides, .. }) => (**sides).clone(),
        None => (Side::default(), Side::default()),
    };
    let of = if name.is_empty() { "this change".to_string() } else { format!("the database `{name}`") };
    let message = match count {
        0 => format!("No report of {of} arrived."),
        n => format!("{n} reports of {of} arrived, and one is needed."),
    };
    let advice =
        "Look at the job that was to make it: it did not run, ended early, or did not hand its report on. Then run it again.";
    let told =
        ReportedError { message, advice: Some(advice.into()), sql: None, file: None, line: None, column: None, excerpt: None };
    let report = report::build::failed(told, base, target, begun.elapsed().as_secs_f64(), run);
    Report { database: Some(name.to_string()).filter(|name| !name.is_empty()), ..report }
}

/// The reports at these places: files, or every `report.json` below a directory.
fn read(places: &[PathBuf]) -> Result<Vec<Report>, CiError> {
    let mut files = Vec::new();
    for place in places {
        let refuse = |error: std::io::Error| CiError::Forked { path: place.display().to_string(), why: error.to_string() };
        match std::fs::symlink_metadata(place) {
            Ok(about) if about.is_dir() => find(place, DEEPEST, &mut files).map_err(refuse)?,
            Ok(_) => files.push(place.clone()),
            // No artifact at all is what a job matrix of nothing leaves.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(refuse(error)),
        }
    }
    files.sort();
    files.truncate(MOST_REPORTS);
    files.iter().map(|path| read_one(path)).collect()
}

fn find(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // A link is neither here.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            find(&entry.path(), depth - 1, files)?;
        } else if kind.is_file() && entry.file_name() == "report.json" {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn read_one(path: &Path) -> Result<Report, CiError> {
    let refuse = |why: String| CiError::Forked { path: path.display().to_string(), why };
    // A link could lead to a file of this machine, and its size is looked at before it is read.
    let about = std::fs::symlink_metadata(path).map_err(|error| refuse(error.to_string()))?;
    if !about.is_file() || about.len() > report::json::LARGEST as u64 {
        return Err(refuse("it is not a file, or too large".into()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    report::json::read(&text).map_err(|error| refuse(error.to_string()))
}

fn shown(places: &[PathBuf]) -> String {
    places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
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
