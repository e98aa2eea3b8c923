//! A plan replayed on a copy whose tables have unusual rows ([`super::rows::fill_unusual`]): on which of its steps they are in the way.
//!
//! The rows that a step fails on are found one by one and taken out, so that others are there for the steps after it. Nothing else is
//! measured here.

use std::{collections::BTreeSet, time::Duration};

use tokio_postgres::Client;

use super::{
    SqlError,
    replay::{Result, attempt, is_about_rows, query, run, without_rows, worked_on},
};
use crate::plan::{Plan, Step};

/// Up to so many rows of a table are looked at one by one.
const LOOKED_AT: usize = 64;
/// So many steps may fail before all rows go at once: a bound on time. What a plan of more of them needs is another plan.
const LOOKED_INTO: usize = 40;

/// How each step failed on rows. It ends with the first step that fails for another reason: what the replay itself says of that is enough.
///
/// `limit` bounds each step.
///
/// # Errors
/// When the connection breaks, or a step does not end in time.
pub async fn refusals(client: &Client, plan: &Plan, limit: Duration) -> Result<Vec<Option<SqlError>>> {
    run(client, "SET client_min_messages = error; SET check_function_bodies = off").await?;
    let mut found = Vec::with_capacity(plan.steps.len());
    for group in plan.steps.chunk_by(|a, b| a.group == b.group) {
        if !run_group(client, group, limit, &mut found).await? {
            let _ = client.batch_execute("ROLLBACK").await;
            break;
        }
    }
    found.resize(plan.steps.len(), None);
    Ok(found)
}

/// Runs one transaction group; false when a step failed.
async fn run_group(client: &Client, steps: &[Step], limit: Duration, found: &mut Vec<Option<SqlError>>) -> Result<bool> {
    let transactional = steps.iter().all(|step| step.transactional);
    if transactional {
        run(client, "BEGIN").await?;
    }
    for step in steps {
        let bound = (found.len(), limit);
        let mut outcome = attempt(client, &step.sql, transactional, bound).await?;
        let refusal = outcome.as_ref().err().filter(|error| is_about_rows(error)).cloned();
        if let Some(error) = &refusal {
            let mut error = error.clone();
            // Those that it fails on one by one, then those that are in each other's way.
            for _ in 0..2 {
                if transactional
                    && found.iter().flatten().count() < LOOKED_INTO
                    && outcome.is_err()
                    && take_out(client, step, &error, bound).await?
                {
                    outcome = attempt(client, &step.sql, true, bound).await?;
                    error = outcome.as_ref().err().cloned().unwrap_or(error);
                }
            }
            if outcome.is_err() {
                delete(client, &filled(client).await?).await?;
                outcome = attempt(client, &step.sql, transactional, bound).await?;
            }
        }
        found.push(refusal);
        if outcome.is_err() {
            return Ok(false);
        }
    }
    Ok(!transactional || client.batch_execute("COMMIT").await.is_ok())
}

/// Takes the rows out that a step fails on one by one; whether there were some.
async fn take_out(client: &Client, step: &Step, error: &SqlError, bound: (usize, Duration)) -> Result<bool> {
    let filled = filled(client).await?;
    let tables = match &error.table {
        Some(table) => BTreeSet::from([table.clone()]),
        None => worked_on(client, &step.sql, &filled, bound).await?,
    };
    let mut bad = Vec::new();
    for table in tables.intersection(&filled) {
        let rows = query(client, &format!("SELECT ctid FROM ONLY {table} LIMIT {}", LOOKED_AT + 1)).await?;
        if rows.len() > LOOKED_AT {
            continue;
        }
        for row in rows.iter().filter_map(|row| row.get(0)) {
            run(client, "SAVEPOINT row; SET LOCAL session_replication_role = replica").await?;
            let others = attempt(client, &format!("DELETE FROM ONLY {table} WHERE ctid <> '{row}'"), true, bound).await?;
            let alone = match others {
                Ok(()) => attempt(client, &step.sql, true, bound).await?,
                // It is published, and rows of it cannot be told apart.
                Err(_) => Ok(()),
            };
            run(client, "ROLLBACK TO SAVEPOINT row; RELEASE SAVEPOINT row").await?;
            if alone.is_err_and(|error| is_about_rows(&error)) {
                bad.push(format!("DELETE FROM ONLY {table} WHERE ctid = '{row}'"));
            }
        }
        if bad.is_empty() {
            // They are in each other's way.
            delete(client, &BTreeSet::from([table.clone()])).await?;
        }
    }
    if !bad.is_empty() {
        as_replica(client, &bad.join("; ")).await?;
    }
    Ok(!tables.is_empty())
}

/// Tables with rows, quoted and qualified.
async fn filled(client: &Client) -> Result<BTreeSet<String>> {
    let rows = query(
        client,
        "SELECT format('%I.%I', n.nspname, c.relname)
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND pg_catalog.pg_relation_size(c.oid) > 0",
    )
    .await?;
    Ok(rows.iter().filter_map(|row| row.get(0)).map(str::to_string).collect())
}

/// Takes all rows out of tables.
async fn delete(client: &Client, tables: &BTreeSet<String>) -> Result<()> {
    let deletions: Vec<String> = tables.iter().map(|table| without_rows(table)).collect();
    as_replica(client, &deletions.join("; ")).await
}

/// Without triggers, and so without looking at foreign keys.
async fn as_replica(client: &Client, sql: &str) -> Result<()> {
    run(client, "SET session_replication_role = replica").await?;
    run(client, sql).await?;
    run(client, "RESET session_replication_role").await
}
