//! A plan run on a live server of the MySQL family: each statement commits by itself, so what is in is told step by step.
//!
//! A named lock keeps two runs apart, the schema is read again under it and must be the one that was planned from, and at the end it is
//! compared with the target. A step that meets a lock, a deadlock or a schema that just changed is tried again. Killed at any moment, it
//! leaves whole statements behind; the next run plans from what is there.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{Applied, ApplyError, End, Event, Fate, Limits, State, Stop, differences, is};
use crate::{
    mysql::{
        live::{self, Databases},
        proof::told,
    },
    plan::Plan,
    sandbox::mysql::{Flavor, MySqlAddress, MySqlError, Session},
    source::shown_url,
};

/// What is to be done.
pub struct Task<'a> {
    pub url: &'a SecretString,
    pub plan: &'a Plan,
    pub base: State<'a>,
    pub target: State<'a>,
    pub exclude: &'a [String],
    /// The databases that the plan is about.
    pub databases: &'a Databases,
    pub flavor: Flavor,
    pub limits: Limits,
}

/// Name of the lock (`GET_LOCK`), one for a server.
const LOCK: &str = "schemaproof";
/// How often TiDB is asked how far a statement is.
const PROGRESS: Duration = Duration::from_secs(1);

/// Errors after which the same statement may succeed ("Server Error Message Reference"; TiDB's "Error Codes and Troubleshooting"):
/// lock wait timeout, deadlock, and of TiDB a schema that changed meanwhile, a write conflict, a region or a store that is busy.
const PASSING: &[u16] = &[1205, 1213, 8022, 8027, 8028, 9001, 9002, 9003, 9004, 9005, 9007];

/// Runs the plan. Between two steps it ends soon after `cancel`; a statement that runs is let run to its end.
pub async fn apply(task: &Task<'_>, cancel: &CancellationToken, mut on: impl FnMut(Event<'_>)) -> Applied {
    let begun = Instant::now();
    let mut applied = Applied::begun(task.url, task.plan);
    let opened = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(ApplyError::Cancelled),
        opened = open(task) => opened,
    };
    applied.end = match opened {
        Err(error) => End::Refused(Box::new(error)),
        Ok(None) => End::Nothing,
        Ok(Some(session)) => match run(task, &session, cancel, &mut applied, &mut on).await {
            Err(stop) => End::Stopped(stop),
            Ok(()) => match live::of_session(&session, task.flavor, task.exclude, task.databases).await {
                Ok((now, _)) if is(&task.target, &now.catalog) => End::Reached,
                Ok((now, _)) => End::Differs(differences(&task.target, &now.catalog)),
                Err(source) => End::Unread(Box::new(failed(task, "read the schema back", source))),
            },
        },
    };
    applied.seconds = begun.elapsed().as_secs_f64();
    applied
}

fn failed(task: &Task<'_>, attempted: &'static str, source: MySqlError) -> ApplyError {
    ApplyError::MySql { database: shown_url(task.url), attempted, source }
}

/// A session that holds the lock, on a schema that is as it was planned from; none where it is as the target already.
async fn open(task: &Task<'_>) -> Result<Option<Session>, ApplyError> {
    let address = MySqlAddress::from_url(task.url)?;
    let session = address.connect(task.limits.statement).await.map_err(|source| failed(task, "connect", source))?;
    let found = live::flavor(&session).await.map_err(|source| failed(task, "ask the version", source))?;
    if found != task.flavor {
        return Err(ApplyError::OtherServer { database: shown_url(task.url), found: found.name(), wanted: task.flavor.name() });
    }
    let ask = |source| failed(task, "take the lock", source);
    let seconds = task.limits.patience.as_secs().max(1);
    let got = session.rows(&format!("SELECT GET_LOCK('{LOCK}', {seconds})")).await.map_err(ask)?;
    if got.first().and_then(|row| row.text(0)) != Some("1") {
        let holder = session.rows(&format!("SELECT IS_USED_LOCK('{LOCK}')")).await.ok();
        let holder = holder.and_then(|rows| rows.first()?.text(0).map(String::from));
        return Err(ApplyError::LockedMySql { database: shown_url(task.url), holder });
    }
    let lock = task.limits.lock.as_secs().max(1);
    // Waiting for a table that others use; TiDB waits for nobody there, and knows the second alone.
    let settings = match task.flavor {
        Flavor::TiDb => format!("SET SESSION innodb_lock_wait_timeout = {lock}"),
        Flavor::MySql | Flavor::MariaDb => {
            format!("SET SESSION lock_wait_timeout = {lock}, SESSION innodb_lock_wait_timeout = {lock}")
        }
    };
    session.run(&settings).await.map_err(|source| failed(task, "set its time limits", source))?;
    let (now, _) = live::of_session(&session, task.flavor, task.exclude, task.databases)
        .await
        .map_err(|source| failed(task, "read the schema", source))?;
    if !is(&task.base, &now.catalog) {
        let changes = differences(&task.base, &now.catalog);
        return match is(&task.target, &now.catalog) {
            true => Ok(None),
            false => Err(ApplyError::Changed { database: shown_url(task.url), changes }),
        };
    }
    // As in the replay: names in the plan are whole, and strings are read as they are printed.
    session.run("SET SESSION sql_mode = DEFAULT").await.map_err(|source| failed(task, "set its SQL mode", source))?;
    Ok(Some(session))
}

async fn run(
    task: &Task<'_>,
    session: &Session,
    cancel: &CancellationToken,
    applied: &mut Applied,
    on: &mut impl FnMut(Event<'_>),
) -> Result<(), Stop> {
    for (at, step) in task.plan.steps.iter().enumerate() {
        let mut tried = 0;
        loop {
            if cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            tried += 1;
            on(Event::Begun { step: at });
            let begun = Instant::now();
            let error = match watched(task, session, &step.sql, on).await {
                Ok(()) => {
                    let time = begun.elapsed();
                    applied.steps[at] = Fate::In { milliseconds: time.as_secs_f64() * 1_000.0 };
                    on(Event::Ran { step: at, time });
                    break;
                }
                Err(error) => error,
            };
            if matches!(error, MySqlError::Connection(_) | MySqlError::Endless(_)) {
                // The server may go on with it, and nobody can be asked whether it will.
                applied.steps[at] = Fate::Unknown;
                return Err(Stop::Lost { group: step.group, why: error.to_string(), resolved: false });
            }
            let passing = error.code().is_some_and(|code| PASSING.contains(&code));
            let error = told(&error);
            if !passing || tried >= task.limits.tries {
                applied.steps[at] = Fate::Failed(error);
                return Err(Stop::Step { step: at, tries: tried });
            }
            applied.retries += 1;
            let pause = task.limits.pause.saturating_mul(1 << (tried - 1).min(6)).min(task.limits.longest_pause);
            on(Event::Again { group: step.group, tried, tries: task.limits.tries, pause, error: &error });
            tokio::select! {
                () = cancel.cancelled() => return Err(Stop::Cancelled),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
    Ok(())
}

/// Runs a statement; while TiDB is at it, tells how far its jobs are.
async fn watched(task: &Task<'_>, session: &Session, sql: &str, on: &mut impl FnMut(Event<'_>)) -> Result<(), MySqlError> {
    let running = session.run(sql);
    tokio::pin!(running);
    let mut beside: Option<Session> = None;
    let mut last = String::new();
    loop {
        tokio::select! {
            done = &mut running => return done.map(drop),
            () = tokio::time::sleep(PROGRESS), if task.flavor == Flavor::TiDb => {}
        }
        // Asked while the statement goes on: its end is not waited for behind a question.
        let asked = async {
            if beside.is_none() {
                beside = MySqlAddress::from_url(task.url).ok()?.connect(PROGRESS * 5).await.ok();
            }
            let rows = beside.as_ref()?.rows("ADMIN SHOW DDL JOBS 1").await.ok()?;
            let row = rows.first()?;
            let value = |name: &str| row.text(row.names.iter().position(|other| other.eq_ignore_ascii_case(name))?);
            let object = format!("{}.{}", value("DB_NAME")?, value("TABLE_NAME").unwrap_or_default());
            let rows = value("ROW_COUNT").unwrap_or("0");
            Some(format!(
                "{} of {object}: {}, {}, {rows} rows",
                value("JOB_TYPE")?,
                value("STATE")?,
                value("SCHEMA_STATE").unwrap_or_default()
            ))
        };
        tokio::select! {
            done = &mut running => return done.map(drop),
            told = asked => if let Some(told) = told && told != last {
                on(Event::Progress { told: &told });
                last = told;
            }
        }
    }
}
