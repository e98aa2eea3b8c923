//! Whether rows and the positions of sequences came back as they were: read before a plan, and again after the plan that leads back.
//!
//! What is made of other rows (materialized views, generated columns) is not looked at. Knows nothing of effects.

use std::{collections::BTreeMap, time::Duration};

use tokio_postgres::Client;

use super::replay::{Result, attempt, query, run};
use crate::plan::Plan;

/// What a database holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// By the quoted name of a table, for partitions of that at their root: a number for each of its rows, sorted.
    rows: BTreeMap<String, Vec<i64>>,
    /// By the quoted name of a sequence.
    positions: BTreeMap<String, String>,
}

/// One statement a table and a sequence that says what it holds. Columns stand in the order of their names: one that was made again is its table's last.
const ASKED: &str = "
    SELECT CASE c.relkind WHEN 'S' THEN format('SELECT %L, NULL, concat_ws('' '', last_value, is_called) FROM %s', named.name, named.name)
      ELSE format('SELECT %L, pg_catalog.hashtextextended(ROW(%s)::text, 0), NULL FROM ONLY %s', named.root,
        (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname COLLATE \"C\") FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), named.name) END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
      LATERAL (SELECT format('%I.%I', n.nspname, c.relname) AS name,
        (SELECT format('%I.%I', above.nspname, root.relname) FROM pg_catalog.pg_class root
         JOIN pg_catalog.pg_namespace above ON above.oid = root.relnamespace
         WHERE root.oid = coalesce(pg_catalog.pg_partition_root(c.oid), c.oid)) AS root) named
    WHERE (c.relkind = 'S' OR c.relkind = 'r' AND pg_catalog.pg_relation_size(c.oid) > 0)
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// Takes three numbers from each sequence that has so many, so that its position is one that could be lost.
const MOVE_ON: &str = "
    SELECT pg_catalog.nextval(format('%I.%I', schemaname, sequencename)::regclass) FROM pg_catalog.pg_sequences, pg_catalog.generate_series(1, 3)
    WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' AND (cycle OR
      coalesce(last_value, start_value)::numeric + 3 * increment_by::numeric BETWEEN min_value AND max_value)";

impl Contents {
    /// Moves the sequences on, and reads.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn begin(client: &Client) -> Result<Contents> {
        run(client, MOVE_ON).await?;
        Contents::read(client).await
    }

    /// # Errors
    /// When the connection breaks.
    pub async fn read(client: &Client) -> Result<Contents> {
        let asked: Vec<String> = query(client, ASKED).await?.iter().filter_map(|row| row.get(0)).map(str::to_string).collect();
        let mut contents = Contents::default();
        for row in query(client, &asked.join(";\n")).await? {
            let Some(name) = row.get(0).map(str::to_string) else { continue };
            match (row.get(1).and_then(|number| number.parse().ok()), row.get(2)) {
                (Some(number), _) => contents.rows.entry(name).or_default().push(number),
                (None, position) => _ = contents.positions.insert(name, position.unwrap_or_default().into()),
            }
        }
        contents.rows.values_mut().for_each(|rows| rows.sort_unstable());
        Ok(contents)
    }

    /// Whether nothing is here that was not there before: rows may have been taken out, and none was changed.
    pub fn are_some_of(&self, before: &Contents) -> bool {
        let found = |(name, rows): (&String, &Vec<i64>)| {
            let mut others = before.rows.get(name).into_iter().flatten();
            rows.iter().all(|row| others.any(|other| other == row))
        };
        self.positions == before.positions && self.rows.iter().all(found)
    }
}

/// Runs a plan as it stands; false when a step fails. `limit` bounds each step.
///
/// # Errors
/// When the connection breaks, or a step does not end in time.
pub async fn run_through(client: &Client, plan: &Plan, limit: Duration) -> Result<bool> {
    run(client, "SET client_min_messages = error; SET check_function_bodies = off").await?;
    let mut at = 0;
    for group in plan.steps.chunk_by(|a, b| a.group == b.group) {
        let transactional = group.iter().all(|step| step.transactional);
        if transactional {
            run(client, "BEGIN").await?;
        }
        for step in group {
            if attempt(client, &step.sql, transactional, (at, limit)).await?.is_err() {
                let _ = client.batch_execute("ROLLBACK").await;
                return Ok(false);
            }
            at += 1;
        }
        if transactional && client.batch_execute("COMMIT").await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(rows: &[i64], position: &str) -> Contents {
        Contents { rows: [("t".into(), rows.to_vec())].into(), positions: [("s".into(), position.into())].into() }
    }

    #[test]
    fn rows_may_be_missing_but_not_be_others() {
        let before = contents(&[1, 1, 2, 3], "3 t");
        assert!(contents(&[1, 3], "3 t").are_some_of(&before));
        assert!(contents(&[1, 1, 2, 3], "3 t").are_some_of(&before));
        assert!(!contents(&[1, 4], "3 t").are_some_of(&before));
        assert!(!contents(&[2, 2], "3 t").are_some_of(&before));
        assert!(!contents(&[1], "1 f").are_some_of(&before));
    }
}
