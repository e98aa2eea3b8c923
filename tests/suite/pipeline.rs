//! The whole way from two directories to a report, with the real Atlas, on the real schema of P8FS where its corpus is at hand.

use std::path::PathBuf;

use schemaproof::{
    config::{Config, EngineChoice},
    pipeline::{self, Input, Job, Outcome, Schema},
    plan::{Origin, rename::asked::Asked},
    proof::FailedRows,
    script::SqlFile,
    source::{SqlFiles, directory},
    verdict::Verdict,
};
use tokio_util::sync::CancellationToken;

use crate::{atlas, sandbox::test_image};

fn job(base: SqlFiles, target: SqlFiles, engine: EngineChoice) -> Job {
    let input = |name: &str, files| Input { name: name.into(), commit: None, schema: Schema::Files(files) };
    let image = match engine {
        EngineChoice::Native => Some(test_image()),
        EngineChoice::Atlas | EngineChoice::Auto => Some(atlas::request_15().image),
    };
    let config = Config { engine, image, statement_timeout: 120, ..Config::default() };
    Job { atlas: Some(atlas::binary()), ..Job::new(config, input("base", base), input("head", target)) }
}

fn file(sql: &str) -> SqlFiles {
    SqlFiles { files: vec![SqlFile { path: "schema.sql".into(), text: sql.into() }], ..SqlFiles::default() }
}

async fn run(base: &str, target: &str, engine: EngineChoice) -> Outcome {
    pipeline::run(&job(file(base), file(target), engine), &CancellationToken::new()).await
}

#[tokio::test]
async fn what_atlas_leaves_out_is_added_and_said() {
    let base = "CREATE TABLE t (id int PRIMARY KEY); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';";
    let target = "CREATE TABLE t (id int PRIMARY KEY, note text); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2';
                  COMMENT ON FUNCTION f() IS 'two';";
    let Outcome { report, plan, .. } = run(base, target, EngineChoice::Atlas).await;
    assert!(report.proven, "{report:#?}");
    let origins: Vec<Origin> = plan.steps.iter().map(|step| step.origin).collect();
    assert_eq!(origins.first(), Some(&Origin::Atlas));
    assert!(origins.contains(&Origin::Native), "{plan:#?}");
    assert_eq!(report.engine.as_ref().map(|engine| (engine.name, engine.left_out)), Some((Origin::Atlas, 2)));
    let said = report.remarks.iter().find(|remark| remark.title.starts_with("Atlas left out")).unwrap();
    assert_eq!(said.quote.as_deref(), Some("function public.f(): altered\ncomment function public.f(): created"));
}

#[tokio::test]
async fn a_plan_of_atlas_that_fails_is_set_aside_with_the_statement() {
    // Trap 3: a view keeps the column's type.
    let base = "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE VIEW v AS SELECT a FROM t;";
    let target = "CREATE TABLE t (id int PRIMARY KEY, a bigint); CREATE VIEW v AS SELECT a FROM t;";
    let Outcome { report, plan, .. } = run(base, target, EngineChoice::Atlas).await;
    assert!(report.proven, "{report:#?}");
    assert!(plan.steps.iter().all(|step| step.origin == Origin::Native));
    let said = report.remarks.iter().find(|remark| remark.title.contains("set aside")).unwrap();
    assert!(said.text.contains("0A000") && said.quote.as_ref().unwrap().contains("ALTER"), "{said:?}");
}

/// Atlas is handed two databases of what differs; its plan is replayed on the whole.
#[tokio::test]
async fn of_many_tables_atlas_plans_what_differs_and_its_plan_stays() {
    let side = |changed: bool| {
        let mut sql =
            "CREATE TYPE state AS ENUM ('new', 'done'); CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';".to_owned();
        for number in 1..=250 {
            let refers = if number > 1 { format!("REFERENCES t{}", number - 1) } else { String::new() };
            let more = if changed && number == 100 { ", note text, ready boolean NOT NULL DEFAULT false" } else { "" };
            sql.push_str(&format!(
                "CREATE TABLE t{number} (id serial PRIMARY KEY, before int {refers}, state state NOT NULL DEFAULT 'new', \
                   name varchar(40) CHECK (name <> ''){more}); CREATE INDEX t{number}_name ON t{number} (lower(name));"
            ));
        }
        sql + "CREATE VIEW seen AS SELECT id, name, one() FROM t7;"
    };
    let Outcome { report, plan, .. } = run(&side(false), &side(true), EngineChoice::Auto).await;
    assert!(report.proven, "{report:#?}");
    let engine = report.engine.as_ref().map(|engine| (engine.name, engine.left_out));
    assert_eq!(engine, Some((Origin::Atlas, 0)), "{:#?}", report.remarks);
    let steps: Vec<&str> = plan.steps.iter().map(|step| step.sql.as_str()).collect();
    assert!(steps.len() == 1 && steps[0].contains("t100") && steps[0].contains("note"), "{steps:?}");
}

#[tokio::test]
async fn nothing_to_change_is_a_proven_pass_without_steps() {
    let sql = "CREATE TABLE t (id int PRIMARY KEY);";
    let Outcome { report, plan, .. } = run(sql, &format!("{sql} -- a comment\n"), EngineChoice::Native).await;
    assert_eq!((report.verdict, report.proven, plan.steps.len()), (Verdict::Pass, true, 0), "{report:#?}");
}

#[tokio::test]
async fn what_fails_on_rows_fails_on_made_up_ones_and_says_which() {
    let base = "CREATE TABLE need (id int); CREATE TABLE size (name varchar(500)); CREATE TABLE narrow (n bigint); CREATE TABLE uni (code text);
                CREATE TABLE chk (price int); CREATE TABLE nul (a text); CREATE TABLE two (a varchar(50), b text); CREATE TABLE seeds (id int PRIMARY KEY, v varchar(9)); INSERT INTO seeds VALUES (1);";
    let target = "CREATE TABLE need (id int, must int NOT NULL); CREATE TABLE size (name varchar(100)); CREATE TABLE narrow (n int);
                  CREATE TABLE uni (code text UNIQUE); CREATE TABLE chk (price int CHECK (price > 0)); CREATE TABLE nul (a text NOT NULL); CREATE TABLE two (a varchar(5), b text NOT NULL UNIQUE);
                  CREATE TABLE seeds (id int PRIMARY KEY, v varchar(3)); INSERT INTO seeds VALUES (1);";
    let Outcome { report, .. } = run(base, target, EngineChoice::Native).await;
    assert!(report.proven, "{report:#?}");
    let failed = |table: &str| {
        let step = report.steps.iter().find(|step| step.sql.starts_with(&format!("ALTER TABLE public.{table} "))).unwrap();
        let effects = step.effects.as_ref().unwrap();
        (effects.failed_rows, effects.error_on_rows.as_ref().and_then(|error| error.sqlstate.as_deref()))
    };
    assert_eq!(failed("need"), (Some(FailedRows::MadeUp), Some("23502")));
    let unusual = Some(FailedRows::Unusual);
    assert_eq!(failed("size"), (unusual, Some("22001")));
    assert_eq!(failed("narrow"), (unusual, Some("22003")));
    assert_eq!(failed("uni"), (unusual, Some("23505")));
    assert_eq!(failed("chk"), (unusual, Some("23514")));
    assert_eq!(failed("nul"), (unusual, Some("23502")));
    // The rows that one step fails on are no longer in the way of the next, and others still are.
    let of_two = report.steps.iter().filter(|step| step.sql.starts_with("ALTER TABLE public.two "));
    assert!(of_two.clone().count() == 3 && of_two.filter_map(|step| step.effects.as_ref()).all(|it| it.failed_rows == unusual));
    assert_eq!(failed("seeds"), (unusual, Some("22001")));
    // A unique constraint on a table that may have equal values is a warning that says so, and blocks nothing.
    let finding = report.findings.iter().find(|finding| finding.rule == "add-unique").unwrap();
    assert!(!finding.blocks && finding.measured.as_ref().is_some_and(|said| said.contains("23505")), "{finding:#?}");
}

#[tokio::test]
async fn what_belongs_to_the_database_itself_is_planned_and_proven() {
    let base = "CREATE USER app; GRANT CREATE ON DATABASE app TO app;";
    let target = "CREATE USER app; CREATE USER more; GRANT ALL ON DATABASE app TO app; ALTER DATABASE app SET work_mem = '8MB'; \
                  COMMENT ON DATABASE app IS 'ours';";
    let Outcome { report, .. } = run(base, target, EngineChoice::Native).await;
    assert!(report.proven, "{report:#?}");
    assert!(
        report.remarks.iter().any(|remark| remark.title == "Roles" && remark.text.ends_with("before it runs: more.")),
        "{report:#?}"
    );
}

#[tokio::test]
async fn roles_are_made_where_that_is_asked_and_without_more_than_login() {
    let base = "CREATE TABLE t (id int); CREATE ROLE there;";
    let target = "CREATE TABLE t (id int); CREATE ROLE there LOGIN; CREATE ROLE app LOGIN; CREATE ROLE \"o'dd\" SUPERUSER;
                  GRANT there TO \"o'dd\"; GRANT SELECT ON t TO app, \"o'dd\";";
    let mut job = job(file(base), file(target), EngineChoice::Native);
    job.config.create_roles = true;
    let Outcome { report, plan, .. } = pipeline::run(&job, &CancellationToken::new()).await;
    assert!(report.proven, "{report:#?}");
    let made: Vec<&str> = plan.steps.iter().map(|step| step.sql.as_str()).filter(|sql| sql.contains("CREATE ROLE")).collect();
    assert_eq!(made.len(), 2, "{made:#?}");
    assert!(
        made[0].contains("CREATE ROLE app LOGIN") && made[1].ends_with(r#"THEN CREATE ROLE "o''dd"; END IF; END'"#),
        "{made:#?}"
    );
    assert!(plan.steps[0].sql == made[0] && plan.steps[1].sql == made[1], "a role comes before what is granted to it");
    let said = &report.remarks.iter().find(|remark| remark.title == "Roles").unwrap().text;
    assert!(said.contains("o'dd (SUPERUSER, memberships)"), "{said}");
}

#[tokio::test]
async fn a_base_that_does_not_load_is_left_out_in_part_and_said_and_a_target_is_an_error() {
    let base = "CREATE TABLE t (id int);\nCREATE TABEL u ();";
    let Outcome { report, .. } = run(base, "CREATE TABLE t (id int);", EngineChoice::Native).await;
    assert!(report.proven, "{report:#?}");
    let said = report.remarks.iter().find(|remark| remark.title.contains("left out")).unwrap();
    assert_eq!((said.line, said.quote.as_deref()), (Some(2), Some("CREATE TABEL u ()")));
    let Outcome { report, .. } = run("", base, EngineChoice::Native).await;
    let error = report.error.unwrap();
    assert_eq!((report.verdict, error.line, error.sql.unwrap().sqlstate.as_deref()), (Verdict::Error, Some(2), Some("42601")));
}

#[tokio::test]
async fn statements_of_the_base_that_fail_are_told_together() {
    let base = "CREATE TABLE t (id int);\nCREATE TABEL u ();\nSELECT 1 / 0;";
    let Outcome { report, .. } = run(base, "CREATE TABLE t (id int);", EngineChoice::Native).await;
    let said: Vec<_> = report.remarks.iter().filter(|remark| remark.title.contains("left out")).collect();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!(said[0].title, "2 statements of the base fail and were left out");
    let quote = said[0].quote.as_deref().unwrap();
    assert!(quote.contains("-- schema.sql:3: division by zero (SQLSTATE 22012)\nSELECT 1 / 0"), "{quote}");
}

/// Atlas writes what changes in a table as one statement: its failure is told of the change that it is about.
#[tokio::test]
async fn a_failure_is_told_of_the_change_that_it_is_about() {
    let base = "CREATE TABLE t (id int PRIMARY KEY, gone text, name text, plan varchar(40), mail text);";
    let target = "CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, plan varchar(20), mail text CONSTRAINT one UNIQUE);";
    let Outcome { report, plan, .. } = run(base, target, EngineChoice::Atlas).await;
    assert!(report.proven && plan.steps.iter().any(|step| step.origin == Origin::Atlas), "{report:#?}");
    let measured = |rule: &str| {
        let mut found = report.findings.iter().filter(|finding| finding.rule == rule);
        found.next().and_then(|finding| finding.measured.clone()).unwrap_or_default()
    };
    assert_eq!(measured("drop-column"), "3 values were lost on the copy.");
    assert_eq!(measured("change-column-type"), "");
    assert!(measured("set-not-null").ends_with("`column \"name\" of relation \"t\" contains null values` (23502)."), "{report:#?}");
    assert!(measured("add-unique").ends_with("(23505)."), "{report:#?}");
    assert!(report.findings.iter().all(|finding| finding.rule != "step-fails"), "{:#?}", report.findings);
    let rows = schemaproof::report::table::rows(&report);
    let data = |object: &str| rows.iter().find(|row| row.objects == [object]).map(|row| row.data.clone()).unwrap_or_default();
    assert_eq!(data("public.t.gone"), "3 values lost on the copy");
    assert_eq!(data("public.t.name"), "fails on some rows: `23502`");
}

#[tokio::test]
async fn a_rename_that_was_asked_for_keeps_the_values_until_a_note_says_it() {
    let base = "CREATE TABLE t (id int PRIMARY KEY, \"Old\" text UNIQUE); INSERT INTO t VALUES (1, 'kept');";
    let target = "CREATE TABLE u (\n  id int PRIMARY KEY,\n  headline text UNIQUE\n);";
    let asked = |text: &str| Asked::parse(text, "ann").unwrap();
    let asking = |target: &str, renames: Vec<Asked>| Job { renames, ..job(file(base), file(target), EngineChoice::Native) };
    let job = asking(target, vec![asked("t.\"Old\" to headline"), asked("public.t to u"), asked("nothing to x")]);
    let Outcome { report, plan, .. } = pipeline::run(&job, &CancellationToken::new()).await;
    assert!(report.proven, "{report:#?}");
    assert!(plan.steps.iter().all(|step| step.sql.contains("RENAME")), "{plan:#?}");
    assert!(report.steps.iter().filter_map(|step| step.effects.as_ref()).all(|effects| effects.values_lost == 0));
    let remarks: Vec<(&str, Option<&str>)> =
        report.remarks.iter().map(|remark| (remark.title.as_str(), remark.quote.as_deref())).collect();
    assert_eq!(
        remarks,
        [
            ("Renamed by a comment", Some("-- @renamed from=t")),
            ("Renamed by a comment", Some("-- @renamed from=\"Old\"")),
            ("A rename that was asked for does nothing", None),
        ]
    );
    // With the notes in place the words are no longer needed, and nothing more is said of them.
    let noted =
        target.replace("CREATE", "-- @renamed from=t\nCREATE").replace("  headline", "  -- @renamed from=\"Old\"\n  headline");
    let Outcome { report: same, plan: noted, .. } =
        pipeline::run(&asking(&noted, job.renames[..2].to_vec()), &CancellationToken::new()).await;
    assert!(same.proven && same.remarks.is_empty(), "{same:#?}");
    assert_eq!(noted.fingerprint().to_string(), plan.fingerprint().to_string());
}

/// A side of a corpus, or nothing where it is not at hand.
fn corpus(part: &str) -> Option<SqlFiles> {
    let root = std::env::var_os("SCHEMAPROOF_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let path = root.join(part);
    if !path.is_dir() {
        eprintln!("skipped: no corpus at {}", path.display());
        return None;
    }
    Some(directory::read(&path).unwrap())
}

#[tokio::test]
async fn on_p8fs_atlas_leaves_out_vectors_functions_a_trigger_and_comments_and_the_whole_is_proven() {
    let (Some(base), Some(head)) = (corpus("p8fs/base"), corpus("p8fs/head")) else { return };
    let Outcome { report, .. } = pipeline::run(&job(base, head, EngineChoice::Atlas), &CancellationToken::new()).await;
    assert!(report.proven, "{:#?} {:#?}", report.error, report.proof);
    assert_eq!(report.verdict, Verdict::Blocked);
    let said = report.remarks.iter().find(|remark| remark.title.starts_with("Atlas left out")).unwrap();
    let of_kind = |kind: &str| said.quote.as_ref().unwrap().lines().filter(|line| line.starts_with(kind)).count();
    let counts = ["column ", "function ", "trigger "].map(of_kind);
    assert_eq!(counts, [6, 2, 1], "{said:#?}");
    assert!(of_kind("comment ") > 0, "{said:#?}");
}

/// Whether the way back is lossless; both ways are proven.
async fn lossless(base: &str, target: &str) -> bool {
    let report = run(base, target, EngineChoice::Native).await.report;
    let down = report.down.unwrap_or_else(|| panic!("{base} -> {target}: {:#?}", report.error));
    assert!(report.proven && down.proven, "{base} -> {target}");
    down.lossless
}

#[tokio::test]
async fn a_way_back_is_lossless_only_where_all_that_was_tried_came_back() {
    // Whatever is tried: NOT NULL, the position of a sequence that becomes another's, a subscription in the way of copies.
    let kept = (
        "CREATE TABLE t (a serial, b int, n int);
         CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION one WITH (connect = false, slot_name = none);",
        "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b int NOT NULL, n int UNIQUE);
         CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION two WITH (connect = false, slot_name = none);
         CREATE SUBSCRIPTION more CONNECTION 'host=127.0.0.1 port=1' PUBLICATION one WITH (connect = false, slot_name = none);",
    );
    assert!(lossless(kept.0, kept.1).await);
    // The same rows in other partitions.
    let rows = "INSERT INTO p SELECT g, 'x' FROM generate_series(0, 19) g;";
    let parted = |bound: u32| {
        format!(
            "CREATE TABLE p (k int, v text) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO ({bound});
             CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ({bound}) TO (20); {rows}"
        )
    };
    assert!(lossless(&parted(10), &parted(5)).await);
    for (base, target) in [
        // Another form of the same value.
        ("CREATE TABLE t (a json);", "CREATE TABLE t (a jsonb);"),
        ("CREATE TABLE t (a text); INSERT INTO t VALUES ('007');", "CREATE TABLE t (a int);"),
        // Blanks at the end are cut without a word.
        ("CREATE TABLE t (a varchar(10));", "CREATE TABLE t (a varchar(5));"),
        // Rows that come later and do not fit on the way back.
        ("CREATE TABLE t (a int);", "CREATE TABLE t (a bigint);"),
        (
            "CREATE TYPE e AS ENUM ('a', 'b', 'c', 'd'); CREATE TABLE t (a e);",
            "CREATE TYPE e AS ENUM ('a', 'b', 'x', 'c', 'd'); CREATE TABLE t (a e);",
        ),
        // Where a sequence stood, and attributes of composite values.
        ("CREATE SEQUENCE s; CREATE TABLE t (a int);", "CREATE TABLE t (a int);"),
        ("CREATE TYPE c AS (x int, y text); CREATE TABLE t (a c);", "CREATE TYPE c AS (x int); CREATE TABLE t (a c);"),
        // Nothing is known of the rows.
        ("CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, NULL);", "CREATE TABLE t (a int);"),
    ] {
        assert!(!lossless(base, target).await, "{base} -> {target}");
    }
}
