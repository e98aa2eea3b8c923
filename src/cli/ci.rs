//! `schemaproof ci`: the Action's entry. An event in; a comment, a status, a check run, outputs and an exit code out.
//!
//! Reads neither the environment (that is `cli`'s, which fills [`Environment`]) nor a database (that is the pipeline's). Whatever
//! fails on the way is a report whose verdict is `error`, published like any other where there is somewhere to publish it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::Exit;
use crate::{
    config::{Approve, Config, ConfigError},
    github::{
        acceptance::{self, Said},
        api::{Api, ApiError, Limits},
        outputs::{Log, Outputs},
    },
    pipeline::{Job, Outcome},
    report::{
        self, Report, ReportedError, Run, Side,
        many::{self, Part},
    },
    source::SourceError,
    trigger::{Event, Trigger, TriggerError, What},
};

mod attention;
mod command;
mod databases;
mod drift;
mod forks;
mod prepare;
mod publish;

use command::Answer;
use prepare::{All, Database, Prepared, Subject};
use publish::Publisher;

/// Finding out what to compare, before any server is started.
const PREPARING: Duration = Duration::from_secs(300);
/// Writing everything at the end.
const PUBLISHING: Duration = Duration::from_secs(180);
/// The same after a cancellation: the runner kills us 7.5 s after the first signal.
const PUBLISHING_CANCELLED: Duration = Duration::from_secs(5);

/// What a workflow's step is told, as the command line read it from the environment.
#[derive(Debug, Clone)]
pub struct Environment {
    pub event: Event,
    /// `GITHUB_API_URL`.
    pub api_url: String,
    /// `GITHUB_SERVER_URL`.
    pub server_url: String,
    pub run_id: Option<String>,
    pub run_number: Option<u64>,
    /// The input `token`.
    pub token: Option<SecretString>,
    /// `GITHUB_WORKSPACE`: where a checkout would be; reports go to `schemaproof-report` in it.
    pub workspace: Option<PathBuf>,
    pub outputs: Outputs,
    /// The inputs by name, empty ones left out.
    pub inputs: BTreeMap<String, String>,
    /// The `atlas` binary, where there is one.
    pub atlas: Option<PathBuf>,
    pub limits: Limits,
}

/// Why a run could not come to a plan.
#[derive(Debug, thiserror::Error)]
enum CiError {
    #[error(transparent)]
    Trigger(#[from] TriggerError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("there is no token for GitHub's API; give the input `token` (its default is the job's own)")]
    NoToken,
    #[error("`base` is `database`, and there is no `database-url`; give the address of a database that may be read")]
    NoDatabase,
    #[error("what is to be compared was not found out within {} s; run it again", after.as_secs())]
    TimedOut { after: Duration },
    #[error("`only` names the database `{name}`, and `databases` in the configuration of the base has none of that name")]
    UnknownDatabase { name: String },
    #[error("entry {at} of {of} in `environments` {why}")]
    BadEnvironment { at: usize, of: usize, why: &'static str },
    #[error("the run was cancelled")]
    Cancelled,
    #[error("cannot publish the report `{path}`: {why}")]
    Forked { path: String, why: String },
}

/// What a run for an event begins with.
struct Begun {
    api: Arc<Api>,
    trigger: Trigger,
}

fn begin(environment: &Environment, log: &mut Log<std::io::Stdout>) -> Result<Begun, CiError> {
    mask(environment, log);
    let trigger = Trigger::read(&environment.event)?;
    let api = Arc::new(connect(environment, &trigger)?);
    Ok(Begun { api, trigger })
}

/// Prints the databases that an event changes as a job matrix, and sets it as the output `matrix`.
pub async fn matrix(environment: &Environment, cancel: &CancellationToken) -> Exit {
    // Standard output has the matrix and nothing else; a runner reads commands from standard error as well.
    let mut log = Log::new(std::io::stdout());
    let changed = async {
        let Begun { api, trigger } = begin(environment, &mut log)?;
        let Some((subject, _)) = prepare::subject(&api, &trigger).await? else { return Ok(databases::matrix(&[])) };
        Ok::<String, CiError>(databases::matrix(&prepare::prepare(environment, &api, &subject).await?.databases))
    };
    match interruptible(cancel, changed).await {
        Ok(matrix) => {
            let mut log = Log::new(std::io::stdout());
            log.line(&matrix);
            hand_on(environment, &mut log, &[("matrix", matrix)], &[]);
            Exit::Pass
        }
        Err(error) => without_subject(environment, &mut Log::new(std::io::stdout()), &error),
    }
}

/// Publishes the reports that other jobs left at `places` (files, or directories that hold them): one comment, one status.
pub async fn publish(environment: &Environment, cancel: &CancellationToken, places: &[PathBuf]) -> Exit {
    let mut log = Log::new(std::io::stdout());
    let default = forks::default_place(environment);
    let places = if places.is_empty() { &default } else { places };
    let Begun { api, trigger } = match begin(environment, &mut log) {
        Ok(begun) => begun,
        Err(error) => return without_subject(environment, &mut log, &error),
    };
    let published = async {
        if let What::WorkflowRun { head, run } = &trigger.what {
            return forks::after_workflow(environment, &mut log, &api, head, *run, places).await;
        }
        let Some((subject, _)) = prepare::subject(&api, &trigger).await? else {
            return Ok(nothing_to_do(environment, &mut log, &trigger));
        };
        let run = run_of(environment, &trigger, &subject);
        forks::in_run(environment, &mut log, &api, &subject, run, places).await
    };
    match interruptible(cancel, published).await {
        Ok(exit) => exit,
        Err(error) => without_subject(environment, &mut Log::new(std::io::stdout()), &error),
    }
}

/// Runs for one event. `plan` is `pipeline::run`; tests give another.
pub async fn ci(
    environment: &Environment,
    cancel: &CancellationToken,
    plan: impl AsyncFn(&Job, &CancellationToken) -> Outcome,
) -> Exit {
    let mut log = Log::new(std::io::stdout());
    let begun = Instant::now();
    let Begun { api, trigger } = match begin(environment, &mut log) {
        Ok(begun) => begun,
        Err(error) => return without_subject(environment, &mut log, &error),
    };
    if matches!(trigger.what, What::WorkflowRun { .. }) {
        return publish(environment, cancel, &[]).await;
    }
    let found = interruptible(cancel, prepare::subject(&api, &trigger)).await;
    let (subject, answer) = match found {
        Ok(Some((subject, asked))) => (subject, Answer::new(asked)),
        Ok(None) => return nothing_to_do(environment, &mut log, &trigger),
        Err(error) => return without_subject(environment, &mut log, &error),
    };
    let run = run_of(environment, &trigger, &subject);
    let prepared = interruptible(cancel, prepare::prepare(environment, &api, &subject)).await;
    let (config, outcomes, compared, publisher) = match prepared {
        Err(error) => {
            let outcomes = vec![(String::new(), Outcome::from(failed(&error, &subject, begun, run)))];
            let config = Config::from_file_and_inputs(None, &environment.inputs).unwrap_or_default();
            let publisher = Publisher::new(&api, &subject, &config);
            (config, outcomes, Vec::new(), publisher)
        }
        Ok(All { config, databases }) => {
            let mut publisher = Publisher::new(&api, &subject, &config);
            if !prepare::only(environment).is_empty() {
                publisher = publisher.silent();
            }
            let mut said = vec![Said::default(); databases.len()];
            if databases.iter().any(|database| matches!(database.prepared, Prepared::Compare(_))) {
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => {}
                    () = publisher.begin(&mut log, run.as_ref()) => {}
                }
                match interruptible(cancel, heard(&api, &subject, &databases)).await {
                    Ok(heard) => said = heard,
                    // The plan is made all the same; without acceptances it is blocked at the worst.
                    Err(error) => log.say("warning", &format!("no acceptance and no rename counts in this run: {error}")),
                }
            }
            let named = drift::of(&databases);
            let plan = async |job: Job| plan(&job, cancel).await;
            // Each is large, and a future of both would take a thread's stack.
            let planned = Box::pin(databases::plan(&mut log, databases, said, config.parallel, &run, begun, plan));
            let (mut outcomes, compared) = tokio::join!(planned, Box::pin(drift::compare(&named, cancel)));
            drift::beside(&mut log, &compared, &mut outcomes);
            (config, outcomes, compared, publisher)
        }
    };
    let kept = match matches!(trigger.what, What::Schedule { .. }) && !cancel.is_cancelled() {
        true => drift::kept(&mut log, &api, &subject, &config, &compared, run_of(environment, &trigger, &subject).as_ref()).await,
        false => drift::Told::default(),
    };
    finish(environment, &mut log, cancel, publisher, &answer, &config, (&outcomes, &kept)).await
}

/// Ends early when the run is cancelled or the preparation takes too long.
async fn interruptible<T, E: Into<CiError>>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, CiError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(CiError::Cancelled),
        done = tokio::time::timeout(PREPARING, work) => match done {
            Ok(done) => done.map_err(Into::into),
            Err(_) => Err(CiError::TimedOut { after: PREPARING }),
        },
    }
}

/// What was said on the pull request and counts, for each database under its own policy.
async fn heard(api: &Api, subject: &Subject, databases: &[Database]) -> Result<Vec<Said>, ApiError> {
    let Some(pull) = subject.pull.as_ref().or(subject.queued.as_ref()) else { return Ok(vec![Said::default(); databases.len()]) };
    let mut known: Vec<(&Approve, Said)> = Vec::new();
    let mut all = Vec::with_capacity(databases.len());
    for Database { config, .. } in databases {
        let approve = &config.policy.approve;
        let said = match known.iter().find(|(other, _)| *other == approve) {
            Some((_, said)) => said.clone(),
            None => {
                let said = acceptance::collect(api, pull, approve).await?;
                known.push((approve, said.clone()));
                said
            }
        };
        all.push(said);
    }
    Ok(all)
}

fn connect(environment: &Environment, trigger: &Trigger) -> Result<Api, CiError> {
    let token = environment.token.clone().filter(|token| !token.expose_secret().is_empty()).ok_or(CiError::NoToken)?;
    Ok(Api::new(&environment.api_url, token, trigger.repository.clone(), environment.limits)?)
}

/// Secrets that the runner does not know to be secret: passwords in the addresses of databases.
fn mask(environment: &Environment, log: &mut Log<std::io::Stdout>) {
    for name in ["database-url", "environments", "sandbox", "base"] {
        for line in environment.inputs.get(name).map(String::as_str).unwrap_or_default().lines() {
            let address = line.split_once('=').filter(|(name, _)| !name.contains(':')).map_or(line, |(_, address)| address).trim();
            let Ok(url) = url::Url::parse(address) else { continue };
            let Some(password) = url.password().filter(|password| !password.is_empty()) else { continue };
            log.mask(address);
            log.mask(password);
        }
    }
}

fn run_of(environment: &Environment, trigger: &Trigger, subject: &Subject) -> Option<Run> {
    let id = environment.run_id.as_deref()?;
    let server = environment.server_url.trim_end_matches('/');
    Some(Run {
        number: environment.run_number.unwrap_or_default(),
        url: format!("{server}/{}/actions/runs/{id}", trigger.repository),
        repository: trigger.repository.to_string(),
        server_url: server.to_string(),
        head_sha: subject.head.0.to_string(),
        pull_request: subject.pull.as_ref().map(|pull| pull.number),
    })
}

fn failed(error: &CiError, subject: &Subject, begun: Instant, run: Option<Run>) -> Report {
    let side = |name: &str, commit: Option<String>| Side { name: name.into(), commit, files: 0 };
    let told = ReportedError {
        message: format!("{error}."),
        advice: None,
        sql: None,
        file: None,
        line: None,
        column: None,
        excerpt: None,
    };
    let (base, target) = (side(&subject.base_name, None), side(&subject.head_name, Some(subject.head.0.to_string())));
    report::build::failed(told, base, target, begun.elapsed().as_secs_f64(), run)
}

/// It is not known what the run is for, so there is nowhere to set a status: the step itself fails.
fn without_subject(environment: &Environment, log: &mut Log<std::io::Stdout>, error: &CiError) -> Exit {
    log.say("error", &format!("{error}"));
    let text = format!("### schemaproof failed\n\n{}\n", report::safe::markdown(&error.to_string()));
    hand_on(environment, log, &[("verdict", "error".into()), ("proven", "false".into())], &[&text]);
    Exit::Failed
}

fn nothing_to_do(environment: &Environment, log: &mut Log<std::io::Stdout>, trigger: &Trigger) -> Exit {
    let why = match &trigger.what {
        What::Nothing(why) => why.as_str(),
        _ => "There is nothing to do for this event.",
    };
    log.say("notice", why);
    hand_on(environment, log, &[("verdict", "pass".into()), ("proven", "false".into())], &[why]);
    Exit::Pass
}

/// Outputs and summary. Failing here fails no run: it is said.
fn hand_on(environment: &Environment, log: &mut Log<std::io::Stdout>, outputs: &[(&str, String)], summaries: &[&str]) {
    for done in [environment.outputs.set(outputs), environment.outputs.summarise(summaries)] {
        if let Err(error) = done {
            log.say("warning", &error.to_string());
        }
    }
}

async fn finish(
    environment: &Environment,
    log: &mut Log<std::io::Stdout>,
    cancel: &CancellationToken,
    mut publisher: Publisher<'_>,
    answer: &Answer,
    config: &Config,
    (outcomes, told): (&[(String, Outcome)], &drift::Told),
) -> Exit {
    let part = |(name, outcome): &(String, Outcome)| Part { name: name.clone(), report: outcome.report.clone() };
    let parts: Vec<Part> = outcomes.iter().map(part).collect();
    if cancel.is_cancelled() {
        if tokio::time::timeout(PUBLISHING_CANCELLED, publisher.cancelled(log)).await.is_err() {
            log.say("warning", "the status could not be set to `error` before the run was ended");
        }
        return Exit::Failed;
    }
    for Part { name, report } in &parts {
        let title = if name.is_empty() { String::new() } else { format!("{name}:\n") };
        log.plain(format!("{title}{}", report::text::render(report, report::text::Style::default()).trim_end()).trim_end());
    }
    let paths = publish::files(environment, log, outcomes);
    let all = async {
        let url = publisher.end(log, &parts).await;
        answer.give(publisher.api(), &parts).await;
        url
    };
    let too_late = async {
        tokio::select! {
            () = tokio::time::sleep(PUBLISHING) => {}
            () = async { cancel.cancelled().await; tokio::time::sleep(PUBLISHING_CANCELLED).await } => {}
        }
    };
    let url = tokio::select! {
        url = all => url,
        () = too_late => None,
    };
    if !publisher.is_done() {
        log.say("error", "the report could not be published in time; run it again");
    }
    let published = publisher.is_published() && !told.failed;
    let mut outputs = publish::outputs(&parts, &paths, url.as_deref());
    outputs.push(("issue-url", told.url.clone().unwrap_or_default()));
    hand_on(environment, log, &outputs, &[&many::summary(&parts), &many::comment(&parts, 0)]);
    databases::exit(&parts, config.fail_on, published)
}
