//! Online plans on a real server: what holds writers up in the plain plan, by its measured effects, and not in the online one.

use std::collections::BTreeSet;

use schemaproof::{
    config::{Config, EngineChoice},
    pipeline::{self, Input, Job, Outcome, Schema},
    plan::Plan,
    script::SqlFile,
    source::SqlFiles,
};
use tokio_util::sync::CancellationToken;

use crate::sandbox::test_image;

async fn run(base: &str, target: &str, online: bool) -> Outcome {
    run_by(EngineChoice::Native, base, target, online).await
}

async fn run_by(engine: EngineChoice, base: &str, target: &str, online: bool) -> Outcome {
    let input = |name: &str, sql: &str| {
        let files = vec![SqlFile { path: "schema.sql".into(), text: sql.into() }];
        Input { name: name.into(), commit: None, schema: Schema::Files(SqlFiles { files, ..SqlFiles::default() }) }
    };
    let config = Config { engine, online, image: Some(test_image()), statement_timeout: 120, ..Config::default() };
    // Never started: an online plan does not ask it.
    let atlas = Some("/nowhere/atlas".into());
    let job = Job { atlas, ..Job::new(config, input("base", base), input("head", target)) };
    pipeline::run(&job, &CancellationToken::new()).await
}

/// Tables that a step reads, writes or indexes from end to end while writers wait.
fn held_up(outcome: &Outcome) -> BTreeSet<String> {
    assert!(outcome.report.proven, "{:#?}\n{}", outcome.report.proof, outcome.plan.to_sql());
    let effects = outcome.report.steps.iter().filter_map(|step| step.effects.as_ref());
    effects.flat_map(|effects| effects.held_over_work()).map(|lock| lock.relation.replace("public.", "")).collect()
}

/// Where the first statement with this in it stands.
fn at(plan: &Plan, text: &str) -> usize {
    plan.steps.iter().position(|step| step.sql.contains(text)).unwrap_or_else(|| panic!("no {text} in\n{}", plan.to_sql()))
}

const BASE: &str = "
CREATE TABLE other (id int PRIMARY KEY);
CREATE TABLE indexed (id int PRIMARY KEY, a int, b int, c int);
CREATE INDEX indexed_changed ON indexed (a);
CREATE INDEX indexed_gone ON indexed (c);
CREATE TABLE checked (id int PRIMARY KEY, a int);
CREATE TABLE referring (id int PRIMARY KEY, o int);
CREATE TABLE filled (id int PRIMARY KEY, a int);
CREATE TABLE unique_soon (id int PRIMARY KEY, a int, b int);
CREATE TABLE keyed (id int, a int);
CREATE TABLE rekeyed (id int CONSTRAINT rekeyed_key PRIMARY KEY, part int NOT NULL);
CREATE TABLE grown (id int PRIMARY KEY, at int, size int);
CREATE TABLE whole (id int, d int NOT NULL) PARTITION BY RANGE (d);
CREATE TABLE whole_1 PARTITION OF whole FOR VALUES FROM (0) TO (10);
CREATE TABLE whole_0 PARTITION OF whole FOR VALUES FROM (-10) TO (0);
CREATE TABLE whole_2 (id int, d int NOT NULL);
CREATE TABLE rest (id int, d int NOT NULL) PARTITION BY LIST (d);
CREATE TABLE rest_default PARTITION OF rest DEFAULT;
INSERT INTO whole_2 VALUES (1, 12), (2, 13);
INSERT INTO rest VALUES (1, 12), (2, 13);
INSERT INTO other SELECT generate_series(0, 20);
";

const TARGET: &str = "
CREATE TABLE other (id int PRIMARY KEY);
CREATE TABLE indexed (id int PRIMARY KEY, a int, b int, c int);
CREATE INDEX indexed_changed ON indexed (a, b);
CREATE INDEX indexed_new ON indexed (lower(b::text)) WHERE a > 0;
CREATE TABLE checked (id int PRIMARY KEY, a int CONSTRAINT positive CHECK (a >= 0));
CREATE TABLE referring (id int PRIMARY KEY, o int CONSTRAINT to_other REFERENCES other);
CREATE TABLE filled (id int PRIMARY KEY, a int NOT NULL);
CREATE TABLE unique_soon (id int PRIMARY KEY, a int, b int, CONSTRAINT together UNIQUE (a, b) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE keyed (id int PRIMARY KEY, a int);
CREATE TABLE rekeyed (id int, part int NOT NULL, CONSTRAINT rekeyed_key PRIMARY KEY (id, part));
CREATE TABLE grown (id int PRIMARY KEY, at int, size int, token uuid NOT NULL DEFAULT gen_random_uuid());
CREATE TABLE whole (id int CONSTRAINT whole_other REFERENCES other, d int NOT NULL) PARTITION BY RANGE (d);
CREATE TABLE whole_1 PARTITION OF whole FOR VALUES FROM (0) TO (10);
CREATE TABLE whole_0 (id int, d int NOT NULL);
CREATE TABLE whole_2 PARTITION OF whole FOR VALUES FROM (10) TO (20);
CREATE INDEX whole_d ON whole (d);
CREATE TABLE rest (id int, d int NOT NULL) PARTITION BY LIST (d);
CREATE TABLE rest_default PARTITION OF rest DEFAULT;
CREATE TABLE rest_1 PARTITION OF rest FOR VALUES IN (1);
";

#[tokio::test]
async fn what_holds_writers_up_does_not_in_an_online_plan() {
    let (plain, online) = tokio::join!(run(BASE, TARGET, false), run(BASE, TARGET, true));
    let all = [
        "checked",
        "filled",
        "grown",
        "indexed",
        "keyed",
        "referring",
        "rekeyed",
        "rest_default",
        "unique_soon",
        "whole_1",
        "whole_2",
    ];
    // Newer servers read `other` from end to end, too, when they look up what refers to it.
    assert!(held_up(&plain).is_superset(&all.map(str::to_string).into()), "{:?}\n{}", held_up(&plain), plain.plan.to_sql());
    // Rows that the new partition is to have may be in the default one: they are moved and it is attached at once, or readers would miss them.
    assert_eq!(held_up(&online), BTreeSet::from(["rest_default".to_string()]), "{}", online.plan.to_sql());
    assert!(plain.plan.steps.iter().all(|step| step.online.is_none()));
    // What takes long runs alone, and what others would wait behind gives up soon.
    let plan = &online.plan;
    for group in plan.steps.chunk_by(|a, b| a.group == b.group) {
        let patient = group.iter().any(|step| step.online.as_ref().is_some_and(|online| online.lock_timeout.is_none()));
        let long = |words: &[&str]| group.iter().any(|step| words.iter().any(|word| step.sql.contains(word)));
        assert_eq!(long(&["CONCURRENTLY", " VALIDATE "]), patient, "{group:#?}");
        assert!(!long(&["CONCURRENTLY", " VALIDATE ", "UPDATE "]) || group.len() == 1, "{group:#?}");
    }
    // The new one is there before the old one goes, and the key is changed at once.
    assert!(
        at(plan, "CREATE INDEX CONCURRENTLY indexed_changed__new") < at(plan, "DROP INDEX CONCURRENTLY public.indexed_changed")
    );
    let (gone, made) = (at(plan, "DROP CONSTRAINT rekeyed_key"), at(plan, "PRIMARY KEY USING INDEX rekeyed_key__new"));
    assert_eq!(plan.steps[gone].group, plan.steps[made].group);
}

/// What earlier tries left behind is dropped first; Atlas is not asked; what blocks all the same is said.
#[tokio::test]
async fn leftovers_go_first_and_what_blocks_all_the_same_is_said() {
    let base =
        "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX kept ON t (a); CREATE TABLE wide (id int PRIMARY KEY, n int);
                INSERT INTO t VALUES (1, -100);
                CREATE INDEX CONCURRENTLY failed ON t ((1 / (a + 100)));
                CREATE INDEX CONCURRENTLY kept__new ON t ((1 / (a + 100)));
                DELETE FROM t;";
    let target = "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX kept ON t (a, id);
                  CREATE INDEX failed ON t ((1 / (a + 100))); CREATE TABLE wide (id int PRIMARY KEY, n bigint);";
    let outcome = run_by(EngineChoice::Auto, base, target, true).await;
    assert_eq!(held_up(&outcome), BTreeSet::from(["wide".to_string()]));
    let steps: Vec<&str> = outcome.plan.steps.iter().map(|step| step.sql.as_str()).collect();
    assert_eq!(
        steps,
        [
            "DROP INDEX CONCURRENTLY public.failed",
            "DROP INDEX CONCURRENTLY public.kept__new",
            "CREATE INDEX CONCURRENTLY failed ON public.t USING btree (((1 / (a + 100))))",
            "CREATE INDEX CONCURRENTLY kept__new ON public.t USING btree (a, id)",
            "ALTER TABLE public.wide ALTER COLUMN n TYPE bigint",
            "DROP INDEX CONCURRENTLY public.kept",
            "ALTER INDEX public.kept__new RENAME TO kept",
        ]
    );
    let remark = |title: &str| outcome.report.remarks.iter().find(|remark| remark.title == title).unwrap();
    assert_eq!(remark("Atlas was not asked").quote, None);
    let quote = remark("Not everything can be done online").quote.as_deref();
    assert_eq!(quote, Some("step 5: AccessExclusive on public.wide"));
    let refused = run_by(EngineChoice::Atlas, base, target, true).await;
    assert!(refused.report.error.is_some_and(|error| error.message.contains("cannot plan online")));
}

/// The findings of a plan that already takes the way out say what is left, and those of any other name the way out.
#[tokio::test]
async fn findings_know_whether_the_plan_is_online() {
    let base = "CREATE TABLE o (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, o_id int);";
    let target = "CREATE TABLE o (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, o_id int CONSTRAINT t_o REFERENCES o);
                  CREATE INDEX t_o_id ON t (o_id);";
    let (plain, online) = tokio::join!(run(base, target, false), run(base, target, true));
    let of = |outcome: &Outcome, rule: &str| outcome.report.findings.iter().find(|finding| finding.rule == rule).cloned();
    let (before, after) = (of(&plain, "add-foreign-key").unwrap(), of(&online, "add-foreign-key").unwrap());
    assert!(
        before.message.contains("writes to both tables wait") && before.advice.ends_with("`--online` plans it so."),
        "{before:?}"
    );
    assert!(!after.message.contains("wait") && !after.advice.contains("--online") && after.safer_sql.is_none(), "{after:?}");
    assert!(of(&plain, "build-index").is_some() && of(&online, "build-index").is_none());
}

/// A row more in every table, with a key of its own, and what an update, a deletion and a query of it lock.
const WRITTEN: &str = "
INSERT INTO other VALUES (nextval('numbers'));
INSERT INTO indexed VALUES (nextval('numbers'), 1, 1, 1);
INSERT INTO checked VALUES (nextval('numbers'), 1);
INSERT INTO referring VALUES (nextval('numbers'), 1);
INSERT INTO filled VALUES (nextval('numbers'), 1);
INSERT INTO unique_soon VALUES (nextval('numbers'), nextval('numbers'), 1);
INSERT INTO keyed VALUES (nextval('numbers'), 1);
INSERT INTO rekeyed VALUES (nextval('numbers'), 1);
INSERT INTO grown VALUES (nextval('numbers'));
INSERT INTO whole VALUES (1, 5);
INSERT INTO rest VALUES (1, 12);
";
const BESIDE: &str = "
INSERT INTO whole_0 VALUES (1, -5); INSERT INTO whole_2 VALUES (1, 15);
UPDATE indexed SET a = a WHERE false; DELETE FROM checked WHERE false; UPDATE filled SET a = a WHERE false;
UPDATE unique_soon SET a = a WHERE false; DELETE FROM keyed WHERE false; DELETE FROM other WHERE false;
UPDATE whole SET d = d WHERE false; SELECT FROM whole; SELECT FROM rest; SELECT FROM indexed; SELECT FROM grown;
";

/// What takes long runs beside a session that has written to every table and goes on, so that it waits where it can: it holds no lock that
/// readers or writers wait for, and they do not queue behind one that it waits for.
#[tokio::test]
async fn nobody_waits_behind_what_takes_long() {
    let plan = run(BASE, TARGET, true).await.plan;
    crate::apply::on_server(async |server| {
        crate::apply::execute(server, "app", &format!("{BASE} CREATE SEQUENCE numbers START 1000;")).await;
        let connect = async || server.connect("app").await.unwrap();
        let (runner, holder, other) = (connect().await, connect().await, connect().await);
        other.batch_execute("SET lock_timeout = '10s'").await.unwrap();
        let pid: i32 = runner.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let mut long = BTreeSet::new();
        for group in plan.steps.chunk_by(|a, b| a.group == b.group) {
            let step = &group[0];
            if step.online.as_ref().is_some_and(|online| online.lock_timeout.is_some()) {
                let all: Vec<&str> = group.iter().map(|step| step.sql.as_str()).collect();
                let sql = if all.len() > 1 { format!("BEGIN; {}; COMMIT", all.join(";\n")) } else { all.concat() };
                runner.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                continue;
            }
            assert_eq!(group.len(), 1, "{group:#?}");
            long.extend(
                ["CREATE INDEX", "CREATE UNIQUE", "DROP INDEX", "VALIDATE", "DETACH"]
                    .iter()
                    .filter(|word| step.sql.contains(**word)),
            );
            holder.batch_execute(&format!("BEGIN; {WRITTEN}")).await.unwrap();
            let beside = async {
                let begins: String = step.sql.chars().take(60).collect();
                let resting = "SELECT starts_with(query, $2) AND (state <> 'active' OR wait_event_type IS NOT DISTINCT FROM 'Lock')
                               FROM pg_stat_activity WHERE pid = $1";
                while !other.query_one(resting, &[&pid, &begins]).await.unwrap().get::<_, bool>(0) {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                let strong = "SELECT relation::regclass::text || ' ' || mode FROM pg_locks WHERE pid = $1 AND relation >= 16384
                              AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')";
                let locks = other.query(strong, &[&pid]).await.unwrap();
                assert!(
                    locks.is_empty(),
                    "{}: {:?}",
                    step.sql,
                    locks.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
                );
                let written = other.batch_execute(&format!("{WRITTEN}{BESIDE}")).await;
                written.unwrap_or_else(|error| panic!("beside {}: {error:?}", step.sql));
                holder.batch_execute("COMMIT").await.unwrap();
            };
            let (done, ()) = tokio::join!(runner.batch_execute(&step.sql), beside);
            done.unwrap_or_else(|error| panic!("{}: {error:?}", step.sql));
        }
        assert_eq!(long, ["CREATE INDEX", "CREATE UNIQUE", "DROP INDEX", "VALIDATE", "DETACH"].into(), "{}", plan.to_sql());
    })
    .await;
}
