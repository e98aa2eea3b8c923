//! A plan run on a live database: its steps and nothing else, in its transaction groups, under limits, and told exactly.
//!
//! [`apply`] takes the database for itself by a session's advisory lock, reads its catalog again and stops when it is not the one
//! that was planned from. Each group runs as the plan has it; a group that meets a lock, a deadlock or a serialization failure is
//! rolled back and run again with back-off, a bounded number of times. When the connection breaks while a group is committed,
//! the server is asked whether it is in. At the end the catalog is read once more and compared with the target.
//!
//! Killed at any moment, it leaves whole groups behind and nothing between: the next run plans from what is there. The one exception is
//! a statement that Postgres runs outside of a transaction; what such a statement leaves when it fails (an index that is
//! not valid) is dropped before it is tried again, and is part of what the next run plans from.
//!
//! It neither plans nor judges, asks nobody, and prints nothing: [`Event`]s tell how far it is, [`Applied`] what came of it.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

mod group;
pub mod mysql;
mod online;
mod session;
pub mod told;

use self::{group::Ended, session::Session};
use crate::{
    catalog::{
        self, Catalog,
        fingerprint::CatalogFingerprint,
        read::{self, CatalogError, ReadOptions},
    },
    plan::Plan,
    proof::SqlError,
    report::{self, ReportedChange},
    risk::Places,
    sandbox::{Address, SandboxError, mysql::MySqlError},
    source::shown_url,
};

/// What is to be done.
pub struct Task<'a> {
    pub url: &'a SecretString,
    pub plan: &'a Plan,
    pub base: State<'a>,
    pub target: State<'a>,
    pub options: &'a ReadOptions,
    pub limits: Limits,
}

/// A schema that the database must have: before the plan, or after it.
pub enum State<'a> {
    /// What differs from it can be named.
    Known(&'a Catalog),
    /// Of a saved plan.
    Fingerprint(&'a CatalogFingerprint),
}

/// How long, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `lock_timeout`: how long a statement waits for a lock, and others behind it. A group of an online plan may ask for less, or, where
    /// nobody waits behind it, for no limit.
    pub lock: Duration,
    /// `statement_timeout`.
    pub statement: Duration,
    /// Tries of one group.
    pub tries: u32,
    /// Pause before the second try; doubled each time, with jitter.
    pub pause: Duration,
    pub longest_pause: Duration,
    /// How long another run may hold the database before we give up; how long is looked for the outcome of a lost commit.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            lock: Duration::from_secs(5),
            statement: Duration::from_secs(3600),
            tries: 10,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            patience: Duration::from_secs(10),
        }
    }
}

/// How far it is.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step is being run. Its index in the plan.
    Begun { step: usize },
    /// A step has run. Unless its group is in too, it may yet be rolled back.
    Ran { step: usize, time: Duration },
    /// A group is committed.
    In { group: usize },
    /// A group was rolled back and is tried again after a pause.
    Again { group: usize, tried: u32, tries: u32, pause: Duration, error: &'a SqlError },
    /// What the server says of a step that it is at.
    Progress { told: &'a str },
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    NotRun,
    In {
        milliseconds: f64,
    },
    /// It ran, and went with its transaction.
    RolledBack,
    Failed(SqlError),
    /// The connection broke, and nobody can be asked.
    Unknown,
}

/// What was done, and how it ended.
#[derive(Debug)]
pub struct Applied {
    /// `postgres://host/app`, never with a password.
    pub database: String,
    pub end: End,
    /// One entry a step of the plan.
    pub steps: Vec<Fate>,
    /// What was dropped that failed statements had left, and what they left in the end.
    pub remarks: Vec<String>,
    /// Tries beyond the first, of all groups.
    pub retries: u32,
    pub seconds: f64,
}

#[derive(Debug)]
pub enum End {
    /// Every step is in, and the database is as the target.
    Reached,
    /// The database was as the target before: nothing was run.
    Nothing,
    /// Every step is in, and the database is not as the target.
    Differs(Vec<ReportedChange>),
    /// Every step is in; what the database is like now could not be read.
    Unread(Box<ApplyError>),
    /// Nothing was run.
    Refused(Box<ApplyError>),
    /// Some steps are in, or may be.
    Stopped(Stop),
}

/// Why a plan did not run to its end.
#[derive(Debug)]
pub enum Stop {
    /// Postgres refused a step, after as many tries as there were.
    Step { step: usize, tries: u32 },
    /// Postgres refused the commit of a group, which was rolled back.
    Commit { group: usize, error: SqlError },
    /// The connection broke. `resolved` is whether it is known what is in.
    Lost { group: usize, why: String, resolved: bool },
    /// The run was cancelled.
    Cancelled,
    /// The lock on the database was gone: between us and the server sits something that swaps sessions.
    LockGone,
}

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Url(#[from] SandboxError),
    #[error("cannot connect to {database}: {}", crate::sandbox::error_text(.source))]
    Connect { database: String, source: tokio_postgres::Error },
    #[error("{database} did not answer within {} s", .limit.as_secs())]
    NoAnswer { database: String, limit: Duration },
    #[error("cannot ask {database}: {}", crate::sandbox::error_text(.source))]
    Ask { database: String, source: tokio_postgres::Error },
    #[error("{database} is a standby, which takes no changes; give the address of the primary")]
    Standby { database: String },
    #[error(
        "another run of schemaproof works on {database}: {holder}; wait until it has ended, or end it with \
         `SELECT pg_terminate_backend({pid})`"
    )]
    Locked { database: String, holder: String, pid: i32 },
    #[error(
        "the session's lock on {database} does not hold: the address leads to a pooler that hands sessions around; give the \
         address of the server itself"
    )]
    Pooled { database: String },
    #[error("the catalog of {database} cannot be read: {source}")]
    Read { database: String, source: CatalogError },
    #[error(
        "{database} is not as it was when the plan was made{}. Plan again from what is there now",
        changed(.changes)
    )]
    Changed { database: String, changes: Vec<ReportedChange> },
    #[error("cannot {attempted} of {database}: {source}")]
    MySql { database: String, attempted: &'static str, source: MySqlError },
    #[error("{database} is a {found}, and the plan is for {wanted}")]
    OtherServer { database: String, found: &'static str, wanted: &'static str },
    #[error(
        "another run of schemaproof works on {database}{}; wait until it has ended",
        .holder.as_ref().map(|id| format!(": connection {id} has its lock (`KILL {id}` ends it)")).unwrap_or_default()
    )]
    LockedMySql { database: String, holder: Option<String> },
    #[error("the run was cancelled before anything was run")]
    Cancelled,
}

/// `: table public.t, column public.u.c and 3 more`.
fn changed(changes: &[ReportedChange]) -> String {
    let named: Vec<String> = changes.iter().take(5).map(|change| format!("{} {}", change.kind, change.object)).collect();
    match (named.is_empty(), changes.len() - named.len()) {
        (true, _) => String::new(),
        (false, 0) => format!(": {}", named.join(", ")),
        (false, more) => format!(": {} and {more} more", named.join(", ")),
    }
}

/// Runs the plan on the database. Ends soon after `cancel`: the group that is running is rolled back, unless it is being committed.
pub async fn apply(task: &Task<'_>, cancel: &CancellationToken, mut on: impl FnMut(Event<'_>)) -> Applied {
    let begun = Instant::now();
    let mut applied = Applied::begun(task.url, task.plan);
    let opened = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(ApplyError::Cancelled),
        opened = in_time(task, open(task)) => opened,
    };
    applied.end = match opened {
        Err(error) => End::Refused(Box::new(error)),
        Ok(None) => End::Nothing,
        Ok(Some((address, mut session))) => match run(task, &address, &mut session, cancel, &mut applied, &mut on).await {
            Ok(()) => {
                let end = verify(task, &session, &mut applied.remarks).await;
                session.close().await;
                end
            }
            Err(stop) => {
                session.close().await;
                End::Stopped(stop)
            }
        },
    };
    applied.seconds = begun.elapsed().as_secs_f64();
    applied
}

/// The longest time for what is asked before and after the plan.
async fn in_time<T>(task: &Task<'_>, work: impl Future<Output = Result<T, ApplyError>>) -> Result<T, ApplyError> {
    let limit = task.limits.patience + Duration::from_secs(180);
    let late = || ApplyError::NoAnswer { database: shown_url(task.url), limit };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}

/// A session that holds the lock, on a database that is as it was planned from; none where it is as the target already.
async fn open(task: &Task<'_>) -> Result<Option<(Address, Session)>, ApplyError> {
    let address = Address::from_url(task.url)?;
    let session = Session::open(&address, shown_url(task.url), &task.limits).await?;
    session.lock(task.limits.patience).await?;
    let now = session.read(task.options).await?;
    if !is(&task.base, &now) {
        let changes = differences(&task.base, &now);
        session.close().await;
        return match is(&task.target, &now) {
            true => Ok(None),
            false => Err(ApplyError::Changed { database: shown_url(task.url), changes }),
        };
    }
    Ok(Some((address, session)))
}

/// Runs group after group, and notes what became of each step.
async fn run(
    task: &Task<'_>,
    address: &Address,
    session: &mut Session,
    cancel: &CancellationToken,
    applied: &mut Applied,
    on: &mut impl FnMut(Event<'_>),
) -> Result<(), Stop> {
    let mut first = 0;
    for steps in task.plan.steps.chunk_by(|a, b| a.group == b.group) {
        let number = steps.first().map_or(0, |step| step.group);
        let mut group = group::Group { session, steps, first, limits: &task.limits, cancel };
        let ended = group.run(applied, on).await;
        let all = first..first + steps.len();
        first = all.end;
        match ended {
            Ended::In => on(Event::In { group: number }),
            Ended::Stopped(stop) => return Err(stop),
            Ended::LostAtCommit { xid, why } => {
                let found = Session::resolve(address, session.database(), &xid, &task.limits).await;
                let last = first == task.plan.steps.len();
                match found {
                    Some((again, true)) if last => {
                        *session = again;
                        on(Event::In { group: number });
                    }
                    Some((_, true)) => return Err(Stop::Lost { group: number, why, resolved: true }),
                    Some((_, false)) => {
                        applied.set(all, |_| Fate::RolledBack);
                        return Err(Stop::Lost { group: number, why, resolved: true });
                    }
                    None => {
                        applied.set(all, |_| Fate::Unknown);
                        return Err(Stop::Lost { group: number, why, resolved: false });
                    }
                }
            }
        }
    }
    Ok(())
}

/// What the database is like now, against the target.
async fn verify(task: &Task<'_>, session: &Session, remarks: &mut Vec<String>) -> End {
    match in_time(task, session.read(task.options)).await {
        Ok(now) if is(&task.target, &now) => End::Reached,
        Ok(now) => {
            if let State::Known(target) = &task.target
                && let (there, here) = (now.server_version / 10_000, target.server_version / 10_000)
                && there != here
            {
                remarks.push(format!(
                    "The target was read on PostgreSQL {here}, and this is PostgreSQL {there}, which prints some things in another way: \
                     take a sandbox of its version (`--image`)."
                ));
            }
            End::Differs(differences(&task.target, &now))
        }
        Err(error) => End::Unread(Box::new(error)),
    }
}

fn is(wanted: &State<'_>, now: &Catalog) -> bool {
    match wanted {
        State::Known(catalog) => catalog::compare(catalog, now).is_empty(),
        State::Fingerprint(print) => now.fingerprint() == **print,
    }
}

/// What the database has that is not wanted, and the other way round; empty when only a fingerprint is wanted.
fn differences(wanted: &State<'_>, now: &Catalog) -> Vec<ReportedChange> {
    match wanted {
        State::Known(catalog) => differences_between(catalog, now),
        State::Fingerprint(_) => Vec::new(),
    }
}

fn differences_between(wanted: &Catalog, now: &Catalog) -> Vec<ReportedChange> {
    report::build::changes(wanted, now, &catalog::compare(wanted, now), &Places::default())
}

impl Session {
    async fn read(&self, options: &ReadOptions) -> Result<Catalog, ApplyError> {
        read::read(self, options).await.map_err(|source| ApplyError::Read { database: self.database().into(), source })
    }
}

impl Applied {
    /// Nothing has been run yet.
    fn begun(url: &SecretString, plan: &Plan) -> Applied {
        Applied {
            database: shown_url(url),
            end: End::Reached,
            steps: vec![Fate::NotRun; plan.steps.len()],
            remarks: Vec::new(),
            retries: 0,
            seconds: 0.0,
        }
    }

    fn set(&mut self, steps: std::ops::Range<usize>, fate: impl Fn(&Fate) -> Fate) {
        for step in self.steps.get_mut(steps).unwrap_or_default() {
            *step = fate(step);
        }
    }

    /// Whether the database is as the target.
    pub fn is_reached(&self) -> bool {
        matches!(self.end, End::Reached | End::Nothing)
    }
}
