//! Replays a plan statement by statement on a copy of the base and measures what each step did.
//!
//! A step that fails only on the rows that are there (SQLSTATE class 22 or 23) is recorded with that error, the rows of the table that it is
//! about, or else all, are taken out, and the step is tried again: whether the plan reaches the target is one question, whether data is in its
//! way another.
//! Does not judge the end: see [`super::judge`].

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::{Effects, FailedRows, SqlError, relations::Relations};
use crate::{
    catalog::{Kind, ObjectId},
    plan::{Plan, Step, sql},
};

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
    let mut replay =
        Replay { client, limit, made_up, relations: Relations::read(client).await?, effects: Vec::with_capacity(plan.steps.len()) };
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
}

impl Replay<'_> {
    /// Runs one transaction group; false when a step failed.
    async fn group(&mut self, steps: &[Step], transactional: bool) -> Result<bool> {
        self.begin(transactional).await?;
        for (at, step) in steps.iter().enumerate() {
            let mut measured = Effects::default();
            let mut outcome = self.attempt(&step.sql, transactional, &mut measured).await?;
            // Each table once, and all of them once: a step can bring rows of its own.
            let mut emptied: BTreeSet<Option<String>> = BTreeSet::new();
            while let Err(error) = &outcome
                && is_about_rows(error)
                && self.relations.with_rows().next().is_some()
                && !emptied.contains(&None)
            {
                let fits = |table: &String| {
                    self.relations.with_rows().any(|name| name == table) && !emptied.contains(&Some(table.clone()))
                };
                let table = error.table.clone().or_else(|| table_of(step)).filter(fits);
                if measured.error_on_rows.is_none() {
                    // Where the server names no table, it may be the files' own.
                    let of = |name: &String| self.made_up.contains(name);
                    let made_up = table.as_ref().map_or_else(|| self.relations.with_rows().all(of), of);
                    measured.failed_rows = Some(if made_up { FailedRows::MadeUp } else { FailedRows::Own });
                    measured.error_on_rows = outcome.err();
                }
                outcome = self.again_without_rows(table.as_deref(), &steps[..at], step, transactional, &mut measured).await?;
                emptied.insert(table);
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

    async fn begin(&mut self, transactional: bool) -> Result<()> {
        if transactional {
            run(self.client, "BEGIN").await?;
        }
        self.relations.begin(self.client).await
    }

    /// Rolls the group back, takes rows out - the table's and those of what refers to it, or all where it has none -, and runs the group
    /// again up to and including `step`.
    async fn again_without_rows(
        &mut self,
        table: Option<&str>,
        earlier: &[Step],
        step: &Step,
        transactional: bool,
        measured: &mut Effects,
    ) -> Result<std::result::Result<(), SqlError>> {
        if transactional {
            run(self.client, "ROLLBACK").await?;
        }
        self.relations = Relations::read(self.client).await?;
        self.relations.empty(self.client, table).await?;
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
        if transactional {
            run(self.client, "SAVEPOINT step").await?;
        }
        let begun = Instant::now();
        let outcome = tokio::time::timeout(self.limit, self.client.batch_execute(sql))
            .await
            .map_err(|_| ReplayError::Timeout { step: self.effects.len(), limit: self.limit })?;
        measured.milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
        if transactional && outcome.is_err() {
            run(self.client, "ROLLBACK TO SAVEPOINT step").await?;
        }
        Ok(outcome.map_err(|error| sql_error(&error)))
    }
}

/// The table that a step was meant to change, quoted and qualified.
fn table_of(step: &Step) -> Option<String> {
    let of_table = |id: &&ObjectId| matches!(id.kind, Kind::Table | Kind::Column | Kind::Constraint);
    step.objects.iter().find(of_table).map(|id| sql::qualified(&id.path[..id.path.len().min(2)]))
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
        },
        None => SqlError { sqlstate: None, message: error.to_string(), detail: None, hint: None, table: None },
    }
}

/// Class 22 (data exception) and class 23 (integrity constraint violation) of
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>: what rows, not schemas, bring about.
fn is_about_rows(error: &SqlError) -> bool {
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
