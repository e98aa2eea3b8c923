//! One transaction group: run, tried again where that can help, rolled back whole where it cannot.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher as _, Hasher as _},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{
    Applied, Event, Fate, Limits, Stop, online,
    session::{Session, milliseconds},
};
use crate::{
    catalog::{Kind, ObjectId},
    plan::Step,
    proof::{SqlError, replay::sql_error},
    report::{mask, words},
    script::quote_identifier,
};

/// `lock_not_available`, `deadlock_detected`, `serialization_failure`: the same statements may run a moment later.
const PASSING: [&str; 3] = ["55P03", "40P01", "40001"];

/// How long a question of our own may take.
const QUESTION: Duration = Duration::from_secs(30);

/// How long is waited for the end of a statement that was asked to stop.
const STOPPING: Duration = Duration::from_secs(10);

pub(super) struct Group<'a> {
    pub session: &'a Session,
    pub steps: &'a [Step],
    /// Index of the first step in the plan.
    pub first: usize,
    pub limits: &'a Limits,
    pub cancel: &'a CancellationToken,
}

/// How a group ended.
pub(super) enum Ended {
    In,
    Stopped(Stop),
    /// The connection broke before the answer to COMMIT came.
    LostAtCommit {
        xid: String,
        why: String,
    },
}

/// What became of one try.
enum Tried {
    In,
    LostAtCommit { xid: String, why: String },
    Not(At, Trouble),
}

#[derive(Clone, Copy)]
enum At {
    /// Index of the step in the plan.
    Step(usize),
    Commit,
}

enum Trouble {
    Refused(SqlError),
    Lost(String),
    Cancelled,
    LockGone,
}

impl Group<'_> {
    fn number(&self) -> usize {
        self.steps.first().map_or(0, |step| step.group)
    }

    fn is_transaction(&self) -> bool {
        self.steps.iter().all(|step| step.transactional)
    }

    pub async fn run(&mut self, applied: &mut Applied, on: &mut impl FnMut(Event<'_>)) -> Ended {
        let mut tried = 0;
        let there = self.invalid().await;
        loop {
            tried += 1;
            let outcome = match self.is_transaction() {
                true => self.transaction(applied, on).await,
                false => self.alone(tried > 1, &there, applied, on).await,
            };
            let (at, trouble) = match outcome {
                Tried::In => return Ended::In,
                Tried::LostAtCommit { xid, why } => return Ended::LostAtCommit { xid, why },
                Tried::Not(at, trouble) => (at, trouble),
            };
            let passing = match &trouble {
                Trouble::Refused(error) => error.sqlstate.as_deref().is_some_and(|code| PASSING.contains(&code)),
                Trouble::Lost(_) | Trouble::Cancelled | Trouble::LockGone => false,
            };
            let again = passing && tried < self.limits.tries && !self.cancel.is_cancelled();
            let error = match &trouble {
                Trouble::Refused(error) if again => error,
                _ => {
                    self.say_left(&there, applied).await;
                    return self.stop(at, trouble, tried, applied);
                }
            };
            applied.retries += 1;
            let pause = self.pause(tried);
            on(Event::Again { group: self.number(), tried, tries: self.limits.tries, pause, error });
            tokio::select! {
                () = self.cancel.cancelled() => {
                    self.say_left(&there, applied).await;
                    return self.stop(at, Trouble::Cancelled, tried, applied);
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Between half and the whole of the doubled pause, so that two that met do not meet again.
    fn pause(&self, tried: u32) -> Duration {
        let whole = self.limits.pause.saturating_mul(1 << (tried - 1).min(16)).min(self.limits.longest_pause);
        let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
        whole.mul_f64(0.5 + (random % 1000) as f64 / 2000.0)
    }

    /// One try of a group that is a transaction. Unless it is in, it is rolled back.
    async fn transaction(&self, applied: &mut Applied, on: &mut impl FnMut(Event<'_>)) -> Tried {
        let tried = self.until_commit(applied, on).await;
        if matches!(tried, Tried::Not(..)) {
            let _ = tokio::time::timeout(STOPPING, self.session.batch_execute("ROLLBACK")).await;
        }
        tried
    }

    async fn until_commit(&self, applied: &mut Applied, on: &mut impl FnMut(Event<'_>)) -> Tried {
        if let Err(trouble) = self.execute("BEGIN ISOLATION LEVEL READ COMMITTED").await {
            return Tried::Not(At::Step(self.first), trouble);
        }
        if let Some(limit) = online::lock_timeout(self.steps, self.limits)
            && let Err(trouble) = self.execute(&format!("SET LOCAL lock_timeout = {limit}")).await
        {
            return Tried::Not(At::Step(self.first), trouble);
        }
        if let Err((at, trouble)) = self.all(applied, on).await {
            return Tried::Not(at, trouble);
        }
        // From here on a cancellation comes too late: what is being committed is.
        let xid = match within(QUESTION, self.session.query_one("SELECT pg_current_xact_id()::text", &[])).await {
            Ok(row) if !self.cancel.is_cancelled() => row.get(0),
            Ok(_) => return Tried::Not(At::Commit, Trouble::Cancelled),
            Err(trouble) => return Tried::Not(At::Commit, trouble),
        };
        match self.answer(self.session.batch_execute("COMMIT")).await {
            Ok(()) => Tried::In,
            Err(Trouble::Lost(why)) => Tried::LostAtCommit { xid, why },
            Err(trouble) => Tried::Not(At::Commit, trouble),
        }
    }

    /// One try of a statement that Postgres runs outside of a transaction, under the limits that it asks for.
    async fn alone(
        &self,
        again: bool,
        there: &BTreeSet<(u32, ObjectId)>,
        applied: &mut Applied,
        on: &mut impl FnMut(Event<'_>),
    ) -> Tried {
        let limit = online::lock_timeout(self.steps, self.limits);
        if let Some(limit) = limit
            && let Err(trouble) = self.execute(&format!("SET lock_timeout = {limit}")).await
        {
            return Tried::Not(At::Step(self.first), trouble);
        }
        let done = self.recovered(again, there, applied, on).await;
        if limit.is_some() {
            // Where this fails the connection is gone, and nothing more is run on it.
            let usual = format!("SET lock_timeout = {}", milliseconds(self.limits.lock));
            let _ = within(QUESTION, self.session.batch_execute(&usual)).await;
        }
        match done {
            Ok(()) => Tried::In,
            Err((at, trouble)) => Tried::Not(at, trouble),
        }
    }

    /// Ends what the try before began, or drops what it left and runs the statement.
    async fn recovered(
        &self,
        again: bool,
        there: &BTreeSet<(u32, ObjectId)>,
        applied: &mut Applied,
        on: &mut impl FnMut(Event<'_>),
    ) -> Result<(), (At, Trouble)> {
        if let Some(instead) = online::instead(self.steps) {
            if again {
                self.is_ours().await?;
                match self.one(0, instead, applied, on).await {
                    Err((_, Trouble::Refused(error))) if error.sqlstate.as_deref() == Some(online::NOT_BEGUN) => {}
                    Ok(()) => {
                        applied.remarks.push(format!("What a failed try had begun was ended by `{instead}`."));
                        return Ok(());
                    }
                    Err(other) => return Err(other),
                }
            }
            return self.all(applied, on).await;
        }
        for (_, index) in self.invalid().await.difference(there) {
            let quoted: Vec<String> = index.path.iter().map(|part| quote_identifier(part)).collect();
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", quoted.join("."));
            self.execute(&drop).await.map_err(|trouble| (At::Step(self.first), trouble))?;
            applied.remarks.push(format!("The index {index}, which a failed try had left not valid, was dropped before the next."));
        }
        self.all(applied, on).await
    }

    /// Runs the steps one after the other, when the database is still this session's.
    async fn all(&self, applied: &mut Applied, on: &mut impl FnMut(Event<'_>)) -> Result<(), (At, Trouble)> {
        self.is_ours().await?;
        for (at, step) in self.steps.iter().enumerate() {
            self.one(at, &step.sql, applied, on).await?;
        }
        Ok(())
    }

    async fn is_ours(&self) -> Result<(), (At, Trouble)> {
        match within(QUESTION, self.session.holds_lock()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err((At::Step(self.first), Trouble::LockGone)),
            Err(trouble) => Err((At::Step(self.first), trouble)),
        }
    }

    /// Runs the group's step number `at`, by its statement or what stands for it.
    async fn one(&self, at: usize, sql: &str, applied: &mut Applied, on: &mut impl FnMut(Event<'_>)) -> Result<(), (At, Trouble)> {
        let number = self.first + at;
        on(Event::Begun { step: number });
        let begun = Instant::now();
        self.execute(sql).await.map_err(|trouble| match trouble {
            Trouble::Refused(error) => (At::Step(number), Trouble::Refused(shown(&self.steps[at], error))),
            other => (At::Step(number), other),
        })?;
        let time = begun.elapsed();
        applied.set(number..number + 1, |_| Fate::In { milliseconds: time.as_secs_f64() * 1000.0 });
        on(Event::Ran { step: number, time });
        Ok(())
    }

    /// Longer than the server lets a statement run: without an answer by then the connection is taken for broken.
    fn longest(&self) -> Duration {
        self.limits.statement.saturating_add(Duration::from_secs(30))
    }

    /// The answer to a statement of the plan.
    async fn answer<T>(&self, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Trouble> {
        within(self.longest(), work).await
    }

    /// Runs a statement, and asks the server to stop it when the run is cancelled. A statement that ran to its end all the same has run.
    async fn execute(&self, sql: &str) -> Result<(), Trouble> {
        if self.cancel.is_cancelled() {
            return Err(Trouble::Cancelled);
        }
        let work = self.answer(self.session.batch_execute(sql));
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = self.cancel.cancelled() => {}
        }
        self.session.cancel_query().await;
        match tokio::time::timeout(STOPPING, &mut work).await {
            Ok(Err(Trouble::Refused(_))) => Err(Trouble::Cancelled),
            Ok(done) => done,
            Err(_) => Err(Trouble::Lost("the statement that was to be stopped did not end".into())),
        }
    }

    /// Notes what became of the group's steps.
    fn stop(&self, at: At, trouble: Trouble, tries: u32, applied: &mut Applied) -> Ended {
        let all = self.first..self.first + self.steps.len();
        if self.is_transaction() {
            let ran = |fate: &Fate| if matches!(fate, Fate::In { .. }) { Fate::RolledBack } else { fate.clone() };
            applied.set(all.clone(), ran);
        }
        let group = self.number();
        Ended::Stopped(match (at, trouble) {
            (At::Step(step), Trouble::Refused(error)) => {
                applied.set(step..step + 1, |_| Fate::Failed(error.clone()));
                Stop::Step { step, tries }
            }
            (At::Commit, Trouble::Refused(error)) => Stop::Commit { group, error },
            (_, Trouble::Lost(why)) => {
                // Nothing of a transaction stays that nobody committed; a statement outside of one may have gone on.
                let resolved = self.is_transaction();
                if !resolved {
                    applied.set(all, |_| Fate::Unknown);
                }
                Stop::Lost { group, why, resolved }
            }
            (_, Trouble::Cancelled) => Stop::Cancelled,
            (_, Trouble::LockGone) => Stop::LockGone,
        })
    }

    /// The indexes that these steps name and that are not valid.
    async fn invalid(&self) -> BTreeSet<(u32, ObjectId)> {
        if self.is_transaction() {
            return BTreeSet::new();
        }
        let named: BTreeSet<&ObjectId> =
            self.steps.iter().flat_map(|step| &step.objects).filter(|id| id.kind == Kind::Index).collect();
        if named.is_empty() && !online::is_left(self.steps) {
            return BTreeSet::new();
        }
        let sql = "SELECT c.oid, n.nspname::text, c.relname::text FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
                   JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT x.indisvalid AND c.relkind = 'i'";
        let found = within(QUESTION, self.session.query(sql, &[])).await.unwrap_or_default();
        let found = found.iter().filter_map(|row| {
            let path: [String; 2] = [row.try_get(1).ok()?, row.try_get(2).ok()?];
            Some((row.try_get(0).ok()?, ObjectId::new(Kind::Index, path)))
        });
        found.filter(|(_, id)| named.contains(id) || online::leaves(self.steps, id)).collect()
    }

    /// Says what the failed statement left: an index that it names, that is not valid and that was not `there` before.
    async fn say_left(&self, there: &BTreeSet<(u32, ObjectId)>, applied: &mut Applied) {
        if let Some(instead) = online::instead(self.steps) {
            applied.remarks.push(format!("If the failed statement was cut short half-way, `{instead}` ends what it began."));
            return;
        }
        for (_, index) in self.invalid().await.difference(there) {
            let text = format!("The failed statement left the index {index} behind, not valid: the next run replaces it.");
            applied.remarks.push(text);
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(|error| trouble(&error)),
        Err(_) => Err(Trouble::Lost(format!("no answer within {} s", limit.as_secs()))),
    }
}

/// What Postgres said about a step, as it may be shown.
fn shown(step: &Step, error: SqlError) -> SqlError {
    match step.masked {
        Some(_) => SqlError { message: words::WITHHELD.into(), detail: None, hint: None, part: None, ..error },
        None => mask::sql_error(error),
    }
}

/// Whether Postgres refused, or the connection broke. Class 08 (connection exception) and 57P01 to 57P03 (the server is being shut down, or has crashed)
/// say the latter too.
fn trouble(error: &tokio_postgres::Error) -> Trouble {
    let gone = |code: &str| code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03");
    match error.code() {
        Some(code) if !gone(code.code()) => Trouble::Refused(sql_error(error)),
        _ => Trouble::Lost(crate::sandbox::error_text(error)),
    }
}
