//! The replay against a real server: what is measured of each kind of step.

use std::time::Duration;

use schemaproof::{
    plan::{Origin, Plan, Step},
    proof::{
        Effects, FailedRows, Lock,
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
        let made_up = rows::fill(&connection).await?.made_up;
        Ok(replay(&connection, &plan(steps), &made_up, Duration::from_secs(20)).await?)
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
    assert_eq!(effects[1].failed_rows, Some(FailedRows::Own));
    // The rows of that table are gone by then.
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
                 CREATE TABLE high (k int NOT NULL UNIQUE CHECK (k > 1000)); CREATE TABLE own (k int PRIMARY KEY); INSERT INTO own VALUES (42);
                 CREATE DOMAIN color AS text CHECK (VALUE IN ('red', 'it''s blue'));
                 CREATE TABLE checks (id bigint PRIMARY KEY, own int NOT NULL REFERENCES own, c color NOT NULL, state text NOT NULL CHECK (state IN ('on', 'off')),
                     country char(2) NOT NULL CHECK (length(country) = 2), since date NOT NULL, until date NOT NULL, price numeric(8, 2) NOT NULL,
                     CHECK (since < until), CHECK (price BETWEEN 10 AND 20));
                 CREATE TABLE days (day date NOT NULL, n int) PARTITION BY RANGE (day); CREATE TABLE days_24 PARTITION OF days FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
                 CREATE TABLE never (k int NOT NULL CHECK (k <> k))",
            )
            .await?;
        let filled = rows::fill(&connection).await?;
        let row = connection
            .query_one(
                "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b JOIN a ON a.id = b.a), (SELECT count(*) FROM parts_1), (SELECT count(*) FROM high),
                        (SELECT count(*) FROM own), (SELECT count(*) FROM checks JOIN own ON k = own), (SELECT count(*) FROM days_24), (SELECT count(*) FROM never)",
                &[],
            )
            .await?;
        Ok((filled, (0..8).map(|at| row.get::<_, i64>(at)).collect::<Vec<_>>()))
    })
    .await;
    let (filled, rows) = outcome.unwrap();
    assert_eq!((filled.made_up.len(), rows), (6, vec![3, 3, 3, 3, 1, 3, 3, 0]));
    assert!(filled.refused.into_iter().eq(["public.never"]));
}

#[tokio::test]
async fn unusual_rows_are_what_the_constraints_allow() {
    let request = request(Where::Auto);
    let outcome: Result<_, Failure> = with_servers(&request, Sides::One, &CancellationToken::new(), async |servers| {
        let connection = servers.base.connect(servers.base.database()).await?;
        connection
            .batch_execute(
                "CREATE TABLE parent (id int PRIMARY KEY);
                 CREATE TABLE t (id uuid PRIMARY KEY, parent int REFERENCES parent, name varchar(500) NOT NULL, code text, n bigint NOT NULL CHECK (n >= 0),
                     price numeric(10, 2), bits varbit(20), words varchar(40)[], only_one int, only_two int, CHECK (num_nonnulls(only_one, only_two) >= 1));
                 CREATE TABLE seeds (id int PRIMARY KEY, label varchar(40)); INSERT INTO seeds VALUES (1, 'own');",
            )
            .await?;
        rows::fill(&connection).await?;
        rows::fill_unusual(&connection, None).await?;
        let row = connection
            .query_one(
                "SELECT count(*) > count(DISTINCT name), max(length(name)) = 500, bool_or(code IS NULL), max(n) > 2147483647, max(price) = 99999999.99 AND max(length(bits)) = 20 AND max(length(words[1])) = 40,
                        bool_or(parent IS NULL), bool_or(only_one IS NULL), bool_or(only_two IS NULL), bool_and(parent IS NULL OR parent IN (SELECT id FROM parent)),
                        (SELECT count(*) > count(label) AND count(*) > count(DISTINCT label) FROM seeds)
                 FROM t",
                &[],
            )
            .await?;
        Ok((0..10).map(|at| row.get::<_, bool>(at)).collect::<Vec<_>>())
    })
    .await;
    assert_eq!(outcome.unwrap(), [true; 10]);
}

#[tokio::test]
async fn rows_of_a_table_that_fails_are_taken_out_and_others_stay() {
    let effects = effects(
        "CREATE TABLE t (v text); CREATE TABLE u (v text);",
        &["ALTER TABLE t ADD COLUMN need int NOT NULL", "ALTER TABLE u ADD COLUMN need int NOT NULL", "DROP TABLE t"],
    )
    .await;
    let told = |effects: &Effects| (effects.failed_rows, effects.error_on_rows.as_ref().and_then(|error| error.table.clone()));
    assert_eq!(told(&effects[0]), (Some(FailedRows::MadeUp), Some("public.t".into())));
    assert_eq!(told(&effects[1]), (Some(FailedRows::MadeUp), Some("public.u".into())));
    assert_eq!(told(&effects[2]), (None, None));
}

#[tokio::test]
async fn values_that_a_narrower_type_cuts_are_counted() {
    let effects = effects(
        "CREATE TABLE t (b varchar(50), c numeric(10,2), d timestamptz, f float8, h int, i text, n text);
         INSERT INTO t VALUES (repeat('x', 50), 1.25, '2024-01-01 00:00:00.5+00', 0.1234567891234, 3, 'abc', NULL), ('short', 1, '2024-01-01', 1, 4, 'd', 'n')",
        &[
            "ALTER TABLE t ALTER b TYPE varchar(10) USING b::varchar(10)",
            "ALTER TABLE t ALTER c TYPE int",
            "ALTER TABLE t ALTER d TYPE timestamptz(0)",
            "ALTER TABLE t ALTER f TYPE real",
            "ALTER TABLE t ALTER h TYPE bigint",
            "ALTER TABLE t ALTER i TYPE varchar(20)",
            "ALTER TABLE t ALTER n TYPE varchar(20) USING upper(n)",
        ],
    )
    .await;
    assert!(effects.iter().all(|effects| !effects.fails()), "{effects:#?}");
    let lost: Vec<u64> = effects.iter().map(|effects| effects.values_lost).collect();
    assert_eq!(lost, [1, 1, 1, 1, 0, 0, 1], "{effects:#?}");
}

#[tokio::test]
async fn made_up_values_have_what_a_coarser_type_cuts() {
    let effects = effects(
        "CREATE TABLE t (a timestamptz, b timestamp(6) NOT NULL, c time, d interval, e numeric, f numeric(12,4), g float8, h timestamptz, i timestamptz(0))",
        &[
            "ALTER TABLE t ALTER a TYPE timestamptz(0)",
            "ALTER TABLE t ALTER b TYPE timestamp(2)",
            "ALTER TABLE t ALTER c TYPE time(0)",
            "ALTER TABLE t ALTER d TYPE interval(0)",
            "ALTER TABLE t ALTER e TYPE numeric(10,2)",
            "ALTER TABLE t ALTER f TYPE numeric(12,2)",
            "ALTER TABLE t ALTER g TYPE real",
            "ALTER TABLE t ALTER h TYPE date",
            "ALTER TABLE t ALTER i TYPE timestamptz(3)",
        ],
    )
    .await;
    let lost: Vec<u64> = effects.iter().map(|effects| effects.values_lost).collect();
    assert_eq!(lost, [3, 3, 3, 3, 3, 3, 3, 3, 0], "{effects:#?}");
}

/// A row that refers to one that the replay itself took out says nothing of the plan.
#[tokio::test]
async fn what_was_taken_out_is_not_missed() {
    let effects = effects(
        "CREATE TABLE p (id int PRIMARY KEY, v text); CREATE TABLE c (p int); CREATE TABLE d (p int); CREATE TABLE q (id int PRIMARY KEY);
         INSERT INTO d VALUES (77); CREATE TABLE e (p int)",
        &[
            "ALTER TABLE p ADD COLUMN need int NOT NULL",
            "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (p) REFERENCES public.p",
            "ALTER TABLE d ADD CONSTRAINT d_q FOREIGN KEY (p) REFERENCES public.q",
            "ALTER TABLE e ADD CONSTRAINT e_p FOREIGN KEY (p) REFERENCES public.p NOT VALID",
            "|ALTER TABLE e VALIDATE CONSTRAINT e_p",
        ],
    )
    .await;
    let codes: Vec<_> =
        effects.iter().map(|effects| effects.error_on_rows.as_ref().and_then(|error| error.sqlstate.as_deref())).collect();
    assert_eq!(codes, [Some("23502"), None, Some("23503"), None, None]);
    assert!(effects.iter().all(|effects| effects.error.is_none()), "{effects:#?}");
}

#[tokio::test]
async fn values_of_rows_that_move_to_another_table_are_not_lost() {
    let effects = effects(
        "CREATE TABLE a (k int, v text); CREATE TABLE b (v text, k int); CREATE TABLE c (k int); CREATE TABLE d (k int); CREATE TABLE e (k int);
         INSERT INTO a SELECT g, 'x' FROM generate_series(1, 9) g; INSERT INTO b VALUES ('y', 20); INSERT INTO c VALUES (1), (2), (3)",
        &[
            "WITH moved AS (DELETE FROM a WHERE k > 5 RETURNING *) INSERT INTO b (k, v) SELECT k, v FROM moved",
            "TRUNCATE d, e",
            "WITH moved AS (DELETE FROM c WHERE k > 1 RETURNING *) INSERT INTO d SELECT k FROM moved WHERE k > 2",
            "WITH moved AS (DELETE FROM a WHERE k > 3 RETURNING *) INSERT INTO e SELECT k FROM moved",
        ],
    )
    .await;
    let lost: Vec<u64> = effects.iter().map(|effects| effects.values_lost).collect();
    assert_eq!(lost, [0, 6, 1, 2], "{effects:#?}");
}

#[tokio::test]
async fn rows_are_taken_out_of_a_published_table_that_cannot_tell_them_apart() {
    let effects = effects(
        "CREATE TABLE t (a text); INSERT INTO t VALUES ('x'); CREATE PUBLICATION p FOR TABLE t",
        &["ALTER TABLE t ALTER a TYPE int USING a::int"],
    )
    .await;
    assert!(effects.iter().all(|effects| effects.error.is_none() && effects.failed_rows == Some(FailedRows::Own)), "{effects:#?}");
}
