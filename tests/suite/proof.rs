//! The replay against a real server: what is measured of each kind of step.

use std::time::Duration;

use schemaproof::{
    plan::{Origin, Plan, Step},
    proof::{
        Effects, Lock,
        replay::{ReplayError, replay},
        rows,
    },
    sandbox::{Connection, Request, SandboxError, Sides, Where, with_servers},
};
use tokio_util::sync::CancellationToken;

use crate::sandbox::request;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Sql(#[from] tokio_postgres::Error),
}

/// Runs `setup`, fills empty tables, and replays `steps`; `|` at the start of a step begins a new group, `!` one outside a
/// transaction.
async fn effects(setup: &str, steps: &[&str]) -> Vec<Effects> {
    let request: Request = request(Where::Auto);
    let outcome: Result<_, Failure> = with_servers(&request, Sides::One, &CancellationToken::new(), async |servers| {
        let connection: Connection = servers.base.connect(servers.base.database()).await?;
        connection.batch_execute(setup).await?;
        rows::fill(&connection).await?;
        Ok(replay(&connection, &plan(steps), Duration::from_secs(20)).await?)
    })
    .await;
    outcome.unwrap()
}

fn plan(steps: &[&str]) -> Plan {
    let mut group = 1;
    let steps = steps.iter().map(|sql| {
        let alone = sql.starts_with('!');
        if alone || sql.starts_with('|') {
            group += 1;
        }
        Step {
            sql: sql.trim_start_matches(['!', '|']).to_string(),
            masked: None,
            origin: Origin::Native,
            group,
            transactional: !alone,
            objects: Vec::new(),
            online: None,
        }
    });
    Plan { steps: steps.collect() }
}

fn lock(relation: &str, mode: &str) -> Lock {
    Lock { relation: relation.into(), mode: mode.into() }
}

#[tokio::test]
async fn locks_rewrites_scans_and_rows_are_measured_step_by_step() {
    let effects = effects(
        "CREATE TABLE parent (id int PRIMARY KEY, note text); CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent, v varchar(20));",
        &[
            "ALTER TABLE parent ADD COLUMN extra int",
            "ALTER TABLE child ALTER v TYPE text",
            "ALTER TABLE child ALTER parent TYPE bigint",
            "ALTER TABLE child ADD CHECK (id > 0)",
            "CREATE INDEX child_v ON child (v)",
            "ALTER TABLE parent DROP COLUMN note",
            "|DROP TABLE child",
            "!CREATE INDEX CONCURRENTLY parent_extra ON parent (extra)",
        ],
    )
    .await;
    assert!(effects.iter().all(|effects| effects.error.is_none() && effects.error_on_rows.is_none()), "{effects:#?}");
    assert_eq!(effects[0].locks, [lock("public.parent", "AccessExclusiveLock")]);
    assert!(effects[0].rewrites.is_empty() && effects[0].scans.is_empty(), "{:?}", effects[0]);
    assert!(effects[1].rewrites.is_empty(), "varchar to text is no rewrite");
    assert_eq!(effects[2].rewrites, ["public.child"]);
    assert_eq!(effects[3].scans, ["public.child"]);
    assert_eq!(effects[4].index_builds, ["public.child_v on public.child"]);
    assert_eq!((effects[5].values_lost, effects[5].rows_before, effects[5].rows_after), (3, Some(3), Some(3)));
    // The lock on parent, for the foreign key, brings its three rows in.
    assert_eq!((effects[6].values_lost, effects[6].rows_before, effects[6].rows_after), (9, Some(6), Some(3)));
    assert_eq!(effects[7].index_builds, ["public.parent_extra on public.parent"]);
}

#[tokio::test]
async fn a_step_that_fails_on_rows_is_told_from_one_that_always_fails() {
    let effects = effects(
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'x');",
        &[
            "CREATE TABLE u ()",
            "ALTER TABLE t ADD COLUMN need int NOT NULL",
            "ALTER TABLE t ALTER v TYPE int USING v::int",
            "ALTER TABLE nowhere ADD x int",
            "DROP TABLE t",
        ],
    )
    .await;
    let code = |error: &Option<schemaproof::proof::SqlError>| error.as_ref().and_then(|error| error.sqlstate.clone());
    assert_eq!(code(&effects[1].error_on_rows).as_deref(), Some("23502"));
    assert_eq!(effects[1].error, None);
    // The rows are gone by then.
    assert_eq!((&effects[2].error_on_rows, &effects[2].error), (&None, &None));
    assert_eq!(code(&effects[3].error).as_deref(), Some("42P01"));
    assert_eq!(effects[4], Effects::default());
}

#[tokio::test]
async fn synthetic_rows_go_through_keys_types_and_generated_columns() {
    let request = request(Where::Auto);
    let outcome: Result<_, Failure> = with_servers(&request, Sides::One, &CancellationToken::new(), async |servers| {
        let connection = servers.base.connect(servers.base.database()).await?;
        connection
            .batch_execute(
                "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN code AS varchar(3) CHECK (VALUE <> ''); CREATE TYPE pair AS (a int, b text);
                 CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), m mood NOT NULL, c code NOT NULL UNIQUE, p pair, tags text[] NOT NULL,
                     span tstzrange, twice int GENERATED ALWAYS AS (n * 2) STORED, n int NOT NULL, always int GENERATED ALWAYS AS IDENTITY);
                 CREATE TABLE b (a uuid NOT NULL REFERENCES a, at timestamptz NOT NULL, PRIMARY KEY (a, at));
                 CREATE TABLE parts (k int NOT NULL) PARTITION BY RANGE (k); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
                 CREATE TABLE never (k int NOT NULL CHECK (k > 1000)); CREATE TABLE own (k int); INSERT INTO own VALUES (42)",
            )
            .await?;
        let filled = rows::fill(&connection).await?;
        let row = connection
            .query_one("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b JOIN a ON a.id = b.a), (SELECT count(*) FROM parts_1), (SELECT count(*) FROM never), (SELECT count(*) FROM own)", &[])
            .await?;
        Ok((filled, (0..5).map(|at| row.get::<_, i64>(at)).collect::<Vec<_>>()))
    })
    .await;
    assert_eq!(outcome.unwrap(), (3, vec![3, 3, 3, 0, 1]));
}
