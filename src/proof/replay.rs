//! Replays a plan statement by statement on a copy of the base and measures what each step did.
//!
//! A step that fails only on the rows that are there (SQLSTATE class 22 or 23) is recorded with that error, the rows of the tables that it
//! works on, or else all, are taken out, and the step is tried again: whether the plan reaches the target is one question, whether data is in its
//! way another. What a row lacks because it was taken out is not held against a step.
//! Does not judge the end: see [`super::judge`].

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::{Effects, FailedRows, SqlError, relations::Relations};
use crate::plan::{Plan, Step, sql};

/// Why a replay could not be measured; a step that Postgres refuses is not an error but an effect.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("measuring the replay of the plan: {}", crate::sandbox::error_text(.0))]
    Measure(#[source] tokio_postgres::Error),
    #[error("step {} of the plan did not end within {} s on a copy of the base", .step + 1, .limit.as_secs())]
    Timeout { step: usize, limit: Duration },
}

pub(super) type Result<T> = std::result::Result<T, ReplayError>;

/// Runs the plan's steps in their transaction groups. The answer has one entry a step; nothing ran after the first entry with an
/// `error`.
///
/// `made_up` names the tables whose rows are ([`super::rows::fill`]); `limit` bounds each step.
///
/// # Errors
/// When the measuring itself fails (the connection broke), or a step does not end in time.
pub async fn replay(client: &Client, plan: &Plan, made_up: &BTreeSet<String>, limit: Duration) -> Result<Vec<Effects>> {
    run(client, "SET client_min_messages = error; SET check_function_bodies = off").await?;
    let mut replay = Replay {
        client,
        limit,
        made_up,
        relations: Relations::read(client).await?,
        effects: Vec::with_capacity(plan.steps.len()),
        begun: None,
        repeated: 0,
        taken_out: BTreeSet::new(),
    };
    for group in plan.steps.chunk_by(|a, b| a.group == b.group) {
        if !replay.group(group, group.iter().all(|step| step.transactional)).await? {
            let _ = client.batch_execute("ROLLBACK").await;
            break;
        }
    }
    let mut effects = replay.effects;
    effects.resize(plan.steps.len(), Effects::default());
    Ok(effects)
}

struct Replay<'a> {
    client: &'a Client,
    limit: Duration,
    made_up: &'a BTreeSet<String>,
    relations: Relations,
    effects: Vec<Effects>,
    /// `relations` before the transaction that runs.
    begun: Option<Relations>,
    /// Steps that were run again because of rows that were in the way.
    repeated: usize,
    /// Tables whose rows were taken out because they were in the way of a step.
    taken_out: BTreeSet<String>,
}

/// So many steps are run again for the sake of rows that later steps may meet; beyond that all rows go at once.
const MOST_REPEATED: usize = 2_000;

impl Replay<'_> {
    /// Runs one transaction group; false when a step failed.
    async fn group(&mut self, steps: &[Step], transactional: bool) -> Result<bool> {
        self.begin(transactional).await?;
        for (at, step) in steps.iter().enumerate() {
            let mut measured = Effects::default();
            let mut outcome = self.attempt(&step.sql, transactional, &mut measured).await?;
            // Each table once, and in the end all: a step can bring rows of its own.
            let mut emptied: BTreeSet<String> = BTreeSet::new();
            let mut last = false;
            while let Err(error) = &outcome
                && is_about_rows(error)
                && !last
                && self.relations.with_rows().next().is_some()
            {
                let mut tables: BTreeSet<String> = match &error.table {
                    _ if self.repeated > MOST_REPEATED => BTreeSet::new(),
                    Some(table) => BTreeSet::from([table.clone()]),
                    None if transactional => {
                        let filled = self.relations.with_rows().cloned().collect();
                        worked_on(self.client, &step.sql, &filled, (self.effects.len(), self.limit)).await?
                    }
                    None => BTreeSet::new(),
                };
                tables.retain(|table| self.relations.with_rows().any(|name| name == table) && !emptied.contains(table));
                last = tables.is_empty();
                if last {
                    tables.extend(self.relations.with_rows().cloned());
                }
                if measured.error_on_rows.is_none() && !self.misses_what_was_taken_out(error, step, transactional).await? {
                    let made_up = tables.is_subset(self.made_up);
                    measured.failed_rows = Some(if made_up { FailedRows::MadeUp } else { FailedRows::Own });
                    measured.error_on_rows = outcome.err();
                }
                outcome = self.again_without_rows(&tables, &steps[..at], step, transactional, &mut measured).await?;
                emptied.append(&mut tables);
            }
            let failed = outcome.is_err();
            match outcome {
                Ok(()) => self.relations.measure(self.client, transactional, &mut measured).await?,
                Err(error) => measured.error = Some(error),
            }
            self.effects.push(measured);
            if failed {
                return Ok(false);
            }
        }
        if transactional && let Err(error) = self.client.batch_execute("COMMIT").await {
            // A deferred constraint speaks at the end of the transaction.
            if let Some(last) = self.effects.last_mut() {
                last.error = Some(sql_error(&error));
            }
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether a row lacks what it refers to because that was taken out here, not because of the plan. Where no rows are in the way the foreign
    /// key is made, or is there already, and the catalog says what it refers to.
    async fn misses_what_was_taken_out(&self, error: &SqlError, step: &Step, transactional: bool) -> Result<bool> {
        let (Some(table), Some(key)) = (&error.table, &error.part) else { return Ok(false) };
        if self.taken_out.is_empty() || error.sqlstate.as_deref() != Some("23503") {
            return Ok(false);
        }
        run(self.client, if transactional { "SAVEPOINT referred" } else { "BEGIN" }).await?;
        let rows: Vec<String> = self.relations.with_rows().map(|table| format!("; {}", without_rows(table))).collect();
        run(self.client, &format!("SET LOCAL session_replication_role = replica{}", rows.concat())).await?;
        let mut referred = Vec::new();
        if attempt(self.client, &step.sql, true, (self.effects.len(), self.limit)).await?.is_ok() {
            let asked = format!(
                "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_constraint k
                 JOIN pg_catalog.pg_class c ON c.oid = k.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE k.contype = 'f' AND k.conname = {} AND k.conrelid = pg_catalog.to_regclass({})",
                sql::literal(key),
                sql::literal(table)
            );
            referred = query(self.client, &asked).await?;
        }
        run(self.client, if transactional { "ROLLBACK TO SAVEPOINT referred; RELEASE SAVEPOINT referred" } else { "ROLLBACK" })
            .await?;
        Ok(referred.iter().filter_map(|row| row.get(0)).any(|table| self.taken_out.contains(table)))
    }

    async fn begin(&mut self, transactional: bool) -> Result<()> {
        self.begun = transactional.then(|| self.relations.clone());
        if transactional {
            run(self.client, "BEGIN").await?;
        }
        self.relations.begin(self.client).await
    }

    /// Rolls the group back, takes out the rows of tables and of what refers to them, and runs the group again up to and including `step`.
    async fn again_without_rows(
        &mut self,
        tables: &BTreeSet<String>,
        earlier: &[Step],
        step: &Step,
        transactional: bool,
        measured: &mut Effects,
    ) -> Result<std::result::Result<(), SqlError>> {
        // The plan may have renamed them, or made them.
        let oids = self.relations.oids(tables);
        if transactional {
            run(self.client, "ROLLBACK").await?;
        }
        self.relations = match self.begun.take() {
            Some(begun) => begun,
            None => Relations::read(self.client).await?,
        };
        let before: BTreeSet<String> = self.relations.with_rows().cloned().collect();
        let tables = self.relations.names(&oids);
        if !tables.is_empty() {
            self.relations.empty(self.client, &tables).await?;
        }
        self.taken_out.extend(before.into_iter().filter(|name| !self.relations.with_rows().any(|filled| filled == name)));
        self.repeated += earlier.len();
        self.begin(transactional).await?;
        if transactional {
            for step in earlier {
                run(self.client, &step.sql).await?;
            }
            self.relations.measure(self.client, true, &mut Effects::default()).await?;
        }
        self.attempt(&step.sql, transactional, measured).await
    }

    async fn attempt(&self, sql: &str, transactional: bool, measured: &mut Effects) -> Result<std::result::Result<(), SqlError>> {
        let begun = Instant::now();
        let outcome = attempt(self.client, sql, transactional, (self.effects.len(), self.limit)).await?;
        measured.milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
        Ok(outcome)
    }
}

/// Runs a statement; in a transaction, what fails leaves nothing behind. `bound` is the step's index and its limit.
pub(super) async fn attempt(
    client: &Client,
    sql: &str,
    transactional: bool,
    bound: (usize, Duration),
) -> Result<std::result::Result<(), SqlError>> {
    if transactional {
        run(client, "SAVEPOINT step").await?;
    }
    let (step, limit) = bound;
    let outcome = tokio::time::timeout(limit, client.batch_execute(sql)).await.map_err(|_| ReplayError::Timeout { step, limit })?;
    if transactional {
        // Savepoints that stay make every later statement of the transaction slower.
        let end = if outcome.is_err() { "ROLLBACK TO SAVEPOINT step; RELEASE SAVEPOINT step" } else { "RELEASE SAVEPOINT step" };
        run(client, end).await?;
    }
    Ok(outcome.map_err(|error| sql_error(&error)))
}

/// A statement that takes all rows out of a table, by TRUNCATE, which locks more, where it is published and rows of it cannot be told apart.
pub(super) fn without_rows(table: &str) -> String {
    let refused = "object_not_in_prerequisite_state OR invalid_column_reference";
    let body = format!("BEGIN DELETE FROM ONLY {table}; EXCEPTION WHEN {refused} THEN TRUNCATE ONLY {table}; END");
    format!("DO {}", sql::literal(&body))
}

/// Which of these tables a statement works on, by the locks that it takes in this transaction where no rows are in its way. It leaves
/// nothing behind. `bound` is as in [`attempt`].
pub(super) async fn worked_on(
    client: &Client,
    sql: &str,
    tables: &BTreeSet<String>,
    bound: (usize, Duration),
) -> Result<BTreeSet<String>> {
    let mut without = "SAVEPOINT rows; SET LOCAL session_replication_role = replica".to_string();
    for table in tables {
        without.push_str("; ");
        without.push_str(&without_rows(table));
    }
    run(client, &without).await?;
    let before = strongly_locked(client).await?;
    let mut locked = match attempt(client, sql, true, bound).await? {
        Ok(()) => strongly_locked(client).await?,
        Err(_) => BTreeSet::new(),
    };
    run(client, "ROLLBACK TO SAVEPOINT rows; RELEASE SAVEPOINT rows").await?;
    locked.retain(|table| tables.contains(table));
    if !locked.is_subset(&before) {
        locked.retain(|table| !before.contains(table));
    }
    Ok(locked)
}

/// The tables that the transaction has locked against writers, quoted and qualified.
async fn strongly_locked(client: &Client) -> Result<BTreeSet<String>> {
    let rows = query(
        client,
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_locks l
         JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind = 'r' JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384
           AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')",
    )
    .await?;
    Ok(rows.iter().filter_map(|row| row.get(0)).map(str::to_string).collect())
}

/// What Postgres said, as data.
pub fn sql_error(error: &tokio_postgres::Error) -> SqlError {
    match error.as_db_error() {
        Some(db) => SqlError {
            sqlstate: Some(db.code().code().to_string()),
            message: db.message().to_string(),
            detail: db.detail().map(str::to_string),
            hint: db.hint().map(str::to_string),
            table: db.schema().zip(db.table()).map(|(schema, table)| format!("{}.{}", sql::ident(schema), sql::ident(table))),
            part: db.column().or(db.constraint()).map(str::to_string),
        },
        None => SqlError { sqlstate: None, message: error.to_string(), detail: None, hint: None, table: None, part: None },
    }
}

/// Class 22 (data exception) and class 23 (integrity constraint violation) of
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>: what rows, not schemas, bring about.
pub(super) fn is_about_rows(error: &SqlError) -> bool {
    error.sqlstate.as_deref().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

pub(super) async fn run(client: &Client, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(ReplayError::Measure)
}

pub(super) async fn query(client: &Client, sql: &str) -> Result<Vec<SimpleQueryRow>> {
    let messages = client.simple_query(sql).await.map_err(ReplayError::Measure)?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(rows.collect())
}
