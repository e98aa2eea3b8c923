//! The MySQL family from two directories to a report: real TiDB and MariaDB, every case both ways, and P8FS's own schema.

use std::path::{Path, PathBuf};

use schemaproof::{
    cli::{Exit, ci::ci},
    config::{Config, Dialect, EngineChoice},
    pipeline::{self, Input, Job, Outcome, Schema},
    plan::Origin,
    report::Report,
    risk::Level,
    script::SqlFile,
    source::{SqlFiles, directory},
    verdict::Verdict,
};
use tokio_util::sync::CancellationToken;

use crate::{
    atlas,
    ci::{Stage, opened},
    fake::Repo,
};

async fn run_with(base: SqlFiles, target: SqlFiles, config: Config, atlas: Option<PathBuf>) -> Outcome {
    let input = |name: &str, files| Input { name: name.into(), commit: None, schema: Schema::Files(files) };
    let job = Job { atlas, ..Job::new(config, input("base", base), input("head", target)) };
    pipeline::run(&job, &CancellationToken::new()).await
}

async fn run(base: SqlFiles, target: SqlFiles, dialect: Dialect) -> Outcome {
    run_with(base, target, local(dialect), None).await
}

fn local(dialect: Dialect) -> Config {
    Config { dialect: Some(dialect), sandbox: "local".into(), ..Config::default() }
}

fn file(sql: &str) -> SqlFiles {
    SqlFiles { files: vec![SqlFile { path: "schema.sql".into(), text: sql.into() }], ..SqlFiles::default() }
}

/// What keeps a report from being proven both ways.
fn faults(report: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(error) = &report.error {
        faults.push(format!("{error:?}"));
    }
    if !report.proven {
        faults.push(report.reason.clone());
        faults.extend(report.proof.iter().map(|proof| format!("{proof:#?}")));
        let failed = report.steps.iter().filter_map(|step| Some((&step.sql, step.effects.as_ref()?.error.as_ref()?)));
        faults.extend(failed.map(|(sql, error)| format!("{sql}: {}", error.message)));
    }
    match &report.down {
        Some(down) if down.proven => {}
        down => faults.push(format!("the way back is not proven: {down:#?}")),
    }
    faults
}

async fn cases(dialect: Dialect, others: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases-mysql");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases.retain(|case| !case.file_name().unwrap().to_string_lossy().starts_with(others));
    assert!(cases.len() >= 7);
    let mut wrong = Vec::new();
    for case in cases {
        let side = |name: &str| directory::read(&case.join(name)).unwrap();
        let Outcome { report, plan, .. } = run(side("a.sql"), side("b.sql"), dialect).await;
        assert!(!plan.steps.is_empty() || !report.proven, "{}: nothing to do", case.display());
        let faults = faults(&report);
        if !faults.is_empty() {
            wrong.push(format!("{}:\n{}", case.display(), faults.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn every_case_is_proven_both_ways_on_tidb() {
    cases(Dialect::TiDb, "mariadb-").await;
}

#[tokio::test]
async fn every_case_is_proven_both_ways_on_mariadb() {
    cases(Dialect::MariaDb, "tidb-").await;
}

/// P8FS's schema for TiDB, before and after a change.
fn corpus() -> Option<PathBuf> {
    let corpus = std::env::var_os("SCHEMAPROOF_CORPUS").map(|corpus| Path::new(&corpus).join("p8fs-tidb"));
    let corpus = corpus.filter(|corpus| corpus.is_dir());
    if corpus.is_none() {
        eprintln!("skipped: SCHEMAPROOF_CORPUS names no folder with p8fs-tidb");
    }
    corpus
}

#[tokio::test]
async fn the_schema_of_p8fs_is_planned_both_ways_on_tidb() {
    let Some(corpus) = corpus() else { return };
    let side = |name: &str| directory::read(&corpus.join(name)).unwrap();
    let Outcome { report, plan, .. } = run(side("base.sql"), side("head.sql"), Dialect::TiDb).await;
    assert_eq!(faults(&report), Vec::<String>::new());
    let sql = |wanted: &str| plan.steps.iter().any(|step| step.sql.contains(wanted));
    assert!(sql("`embedding_vector` vector(384) NOT NULL"), "{plan:#?}");
    assert!(sql("CREATE TABLE `embeddings`.`moments_embeddings`"));
    assert!(sql("ALTER TABLE `embeddings`.`moments_embeddings` SET TIFLASH REPLICA 1"));
    assert!(report.remarks.iter().any(|remark| remark.title.contains("TiFlash")));
    assert_eq!(report.verdict, Verdict::Blocked);
    assert!(report.findings.iter().any(|finding| finding.rule == "change-column-type" && finding.blocks && finding.line.is_some()));
}

#[tokio::test]
async fn drops_block_and_are_found_in_the_files() {
    let base = "CREATE TABLE t (id bigint PRIMARY KEY AUTO_RANDOM(5), old text, v VECTOR(3));\nCREATE TABLE gone (id int);";
    let target = "CREATE TABLE t (\n  id bigint PRIMARY KEY AUTO_RANDOM(5),\n  v VECTOR(3)\n);";
    let Outcome { report, plan, .. } = run(file(base), file(target), Dialect::TiDb).await;
    assert_eq!((report.verdict, report.proven), (Verdict::Blocked, true), "{report:#?}");
    let blocking: Vec<&str> =
        report.findings.iter().filter(|finding| finding.blocks).map(|finding| finding.rule.as_str()).collect();
    assert_eq!(blocking, ["drop-column", "drop-table"]);
    let statements: Vec<&str> = plan.steps.iter().map(|step| step.sql.as_str()).collect();
    assert_eq!(statements, ["ALTER TABLE `app`.`t` DROP COLUMN `old`", "DROP TABLE `app`.`gone`"]);
    assert_eq!(report.steps[0].effects.as_ref().unwrap().values_lost, 3);
    let back: Vec<&str> = report.down.as_ref().unwrap().steps.iter().map(|step| step.sql.as_str()).collect();
    assert!(back.iter().any(|sql| sql.contains("ADD COLUMN `old` text DEFAULT NULL AFTER `id`")), "{back:?}");
}

#[tokio::test]
async fn auto_random_and_vectors_are_kept_when_a_table_is_made_anew() {
    let base =
        "CREATE TABLE t (id bigint PRIMARY KEY AUTO_RANDOM(5), v VECTOR(3)); INSERT INTO t (v) VALUES ('[1,2,3]'), ('[4,5,6]');";
    let target = "CREATE TABLE t (id bigint PRIMARY KEY AUTO_RANDOM(6), v VECTOR(3));";
    let Outcome { report, plan, .. } = run(file(base), file(target), Dialect::TiDb).await;
    assert_eq!(faults(&report), Vec::<String>::new());
    assert!(plan.steps.iter().any(|step| step.sql.contains("AUTO_RANDOM(6)")));
    assert!(report.steps.iter().all(|step| step.effects.as_ref().unwrap().values_lost == 0), "{:#?}", report.steps);
    assert!(report.down.unwrap().lossless);
}

#[tokio::test]
async fn errors_say_where_and_with_which_code() {
    let target = "CREATE TABLE t (id int PRIMARY KEY);\n\nCREATE VIEW v AS\n  SELECT id FROM nowhere;\n";
    for dialect in [Dialect::TiDb, Dialect::MariaDb] {
        let Outcome { report, .. } = run(file(""), file(target), dialect).await;
        let error = report.error.unwrap();
        assert_eq!((error.file.as_deref(), error.line, error.column), (Some("schema.sql"), Some(3), Some(1)), "{dialect:?}");
        let sql = error.sql.unwrap();
        assert_eq!((sql.sqlstate.as_deref(), sql.detail.unwrap().ends_with("error 1146")), (Some("42S02"), true));
    }
    let Outcome { report, .. } = run(file(""), file("SELECT 1;\nCREATE TABLE t (\n  id int PRIMARY KEYS\n);"), Dialect::TiDb).await;
    assert_eq!(report.error.unwrap().line, Some(3));
}

#[tokio::test]
async fn a_statement_of_the_base_that_fails_is_left_out_and_said() {
    let (base, target) = ("CREATE TABLE t (id int);\nCREATE TABLE t (id int, n int);", "CREATE TABLE t (id int);");
    let Outcome { report, plan, .. } = run(file(base), file(target), Dialect::TiDb).await;
    assert_eq!((report.proven, plan.steps.len()), (true, 0), "{report:#?}");
    let said = report.remarks.iter().find(|remark| remark.title.contains("left out")).unwrap();
    assert_eq!(said.line, Some(2));
}

#[tokio::test]
async fn tidb_runs_from_its_image() {
    let config = Config { dialect: Some(Dialect::TiDb), sandbox: "docker".into(), ..Config::default() };
    let Outcome { report, .. } =
        run_with(file("CREATE TABLE t (id int);"), file("CREATE TABLE t (id int, n int);"), config, None).await;
    assert_eq!((report.verdict, report.proven), (Verdict::Pass, true), "{report:#?}");
    assert_eq!((report.dialect, report.server.as_deref()), (Dialect::TiDb, Some("8.4.0")));
}

#[tokio::test]
async fn the_actions_whole_job_runs_for_tidb() {
    let Some(corpus) = corpus() else { return };
    let text = |name: &str| std::fs::read_to_string(corpus.join(name)).unwrap();
    let (base, head) = (text("base.sql"), text("head.sql"));
    let settings = (".github/schemaproof.yml", "dialect: tidb\nsandbox: local\n");
    let repo = Repo::new().await;
    let (number, _, commit) =
        repo.with_pull(&[settings, ("extensions/sql/1.sql", &base)], &[settings, ("extensions/sql/1.sql", &head)]).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    let cancel = CancellationToken::new();
    let run =
        ci(&stage.environment, &cancel, async |job: &Job, cancel: &CancellationToken| Box::pin(pipeline::run(job, cancel)).await);
    assert_eq!(Box::pin(run).await, Exit::Blocked);
    assert_eq!(repo.status(&commit.0, "schemaproof").await.unwrap().0, "failure");
    assert_eq!((stage.output("proven").as_deref(), stage.output("verdict").as_deref()), (Some("true"), Some("blocked")));
    let (_, comment) = repo.comments(number).await.remove(0);
    for part in ["TiDB 8.4.0", "`embeddings.moments_embeddings`", "vector(384)", "/schemaproof accept ", "TiFlash", "SHOW CREATE"] {
        assert!(comment.contains(part), "{part}\n{comment}");
    }
    let plan = stage.file(&stage.output("plan-sql").unwrap());
    assert!(plan.contains("CREATE TABLE `embeddings`.`moments_embeddings`"), "{plan}");
}

/// From base to target by Atlas and what completes it.
async fn by_atlas(base: &str, target: &str, dialect: Dialect) -> Outcome {
    let config = Config { engine: EngineChoice::Atlas, ..local(dialect) };
    run_with(file(base), file(target), config, Some(atlas::binary())).await
}

fn proposed_by(report: &Report) -> Vec<(Origin, &str)> {
    report.steps.iter().map(|step| (step.origin, step.sql.as_str())).collect()
}

#[tokio::test]
async fn atlas_proposes_and_what_it_drops_is_completed_on_tidb() {
    let base = "CREATE TABLE t (id bigint PRIMARY KEY AUTO_RANDOM(5), old text); CREATE TABLE plain (id int PRIMARY KEY);
                CREATE VIEW v AS SELECT id FROM plain;";
    let target = "CREATE TABLE t (id bigint PRIMARY KEY AUTO_RANDOM(5), title varchar(20)) SHARD_ROW_ID_BITS = 0;
                  CREATE TABLE plain (id int PRIMARY KEY, note text);
                  CREATE TABLE more (id bigint PRIMARY KEY AUTO_RANDOM(4), at datetime) TTL = `at` + INTERVAL 1 DAY;
                  CREATE VIEW v AS SELECT id, note FROM plain;";
    let Outcome { report, plan, .. } = by_atlas(base, target, Dialect::TiDb).await;
    assert_eq!(faults(&report), Vec::<String>::new());
    let engine = report.engine.as_ref().unwrap();
    assert_eq!((engine.name, engine.left_out), (Origin::Atlas, 2), "{:#?}", report.remarks);
    let found = proposed_by(&report);
    assert!(found.contains(&(Origin::Atlas, "ALTER TABLE `app`.`plain` ADD COLUMN `note` text NULL")), "{found:#?}");
    let mut dropped = report.steps.iter().filter(|step| step.sql.contains("DROP COLUMN `old`"));
    let dropped = dropped.next().unwrap();
    assert_eq!((dropped.origin, dropped.effects.as_ref().unwrap().values_lost), (Origin::Atlas, 3));
    // What Atlas would make without its AUTO_RANDOM is made once, and whole.
    let made: Vec<_> = found.iter().filter(|(_, sql)| sql.contains("`more`")).collect();
    assert!(
        matches!(made.as_slice(), [(Origin::Native, sql)] if sql.contains("AUTO_RANDOM(4)") && sql.contains("TTL")),
        "{made:#?}"
    );
    assert!(plan.steps.windows(2).all(|pair| pair[0].group < pair[1].group));
    assert!(
        report.findings.iter().any(|finding| finding.rule == "drop-column" && finding.step.is_some()),
        "{:#?}",
        report.findings
    );
}

#[tokio::test]
async fn atlas_proposes_on_mariadb() {
    let base = "CREATE TABLE t (id int PRIMARY KEY, old text); CREATE TABLE u (id int PRIMARY KEY);";
    let target = "CREATE TABLE t (id int PRIMARY KEY, title varchar(20) NOT NULL DEFAULT '', KEY by_title (title));
                  CREATE TABLE u (id int PRIMARY KEY, t int, CONSTRAINT of_t FOREIGN KEY (t) REFERENCES t (id));
                  DELIMITER $$\nCREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.title = 'x'; END$$";
    let Outcome { report, .. } = by_atlas(base, target, Dialect::MariaDb).await;
    assert_eq!(faults(&report), Vec::<String>::new());
    assert_eq!(report.engine.as_ref().unwrap().name, Origin::Atlas, "{:#?}", report.remarks);
    let found = proposed_by(&report);
    assert!(found.iter().any(|(origin, sql)| *origin == Origin::Atlas && sql.starts_with("ALTER TABLE `app`.`t`")), "{found:#?}");
    assert!(found.iter().any(|(origin, sql)| *origin == Origin::Native && sql.contains("TRIGGER")), "{found:#?}");
}

#[tokio::test]
async fn where_atlas_refuses_a_vector_the_native_planner_takes_over_and_says_why() {
    let target = "CREATE TABLE t (id int PRIMARY KEY, v VECTOR(3));";
    let Outcome { report, .. } = by_atlas("CREATE TABLE t (id int PRIMARY KEY);", target, Dialect::TiDb).await;
    assert_eq!(faults(&report), Vec::<String>::new());
    assert_eq!(report.engine.as_ref().unwrap().name, Origin::Native);
    let said = report.remarks.iter().find(|remark| remark.title.contains("was set aside")).unwrap();
    assert!(said.quote.as_ref().unwrap().contains("exit status: 1"), "{said:#?}");
}

#[tokio::test]
async fn a_rename_that_a_note_names_keeps_its_data_both_ways() {
    let base = "CREATE TABLE Orders (id int PRIMARY KEY, customer int, title varchar(20), KEY title (title));
                CREATE TABLE items (id int PRIMARY KEY, of_order int, CONSTRAINT f FOREIGN KEY (of_order) REFERENCES Orders (id));
                CREATE VIEW titles AS SELECT title FROM Orders;";
    let head = "# @renamed from=Orders
                CREATE TABLE invoices (id int PRIMARY KEY, customer bigint,
                    headline varchar(20), -- @renamed from=title
                    due date NOT NULL,
                    KEY headline (headline));
                CREATE TABLE items (id int PRIMARY KEY, of_order int, CONSTRAINT f FOREIGN KEY (of_order) REFERENCES invoices (id));
                CREATE VIEW titles AS SELECT headline AS title FROM invoices;";
    for (dialect, atlas) in [(Dialect::TiDb, None), (Dialect::MariaDb, None), (Dialect::MariaDb, Some(atlas::binary()))] {
        let by = if atlas.is_some() { Origin::Atlas } else { Origin::Native };
        let Outcome { report, .. } = run_with(file(base), file(head), local(dialect), atlas).await;
        assert_eq!(faults(&report), Vec::<String>::new());
        let found = proposed_by(&report);
        let renames: Vec<&str> = found.iter().take(3).map(|(_, sql)| *sql).collect();
        let expected = [
            "RENAME TABLE `app`.`Orders` TO `app`.`invoices`",
            "ALTER TABLE `app`.`invoices` RENAME COLUMN `title` TO `headline`",
            "ALTER TABLE `app`.`invoices` RENAME INDEX `title` TO `headline`",
        ];
        assert_eq!(renames, expected, "{dialect:?}");
        assert!(!found.iter().any(|(_, sql)| sql.contains("DROP COLUMN") || sql.contains("DROP TABLE")), "{found:#?}");
        assert!(report.steps.iter().all(|step| step.effects.as_ref().unwrap().values_lost == 0));
        assert_eq!((report.engine.as_ref().unwrap().name, report.remarks.iter().any(|it| it.title.contains("note"))), (by, false));
        let rules: Vec<(&str, &str)> =
            report.findings.iter().map(|finding| (finding.rule.as_str(), finding.object.as_str())).collect();
        for rule in ["rename-table", "rename-column", "add-column-not-null"] {
            assert!(rules.iter().any(|(found, _)| *found == rule), "{rule}: {rules:?}");
        }
        let back: Vec<&str> = report.down.as_ref().unwrap().steps.iter().map(|step| step.sql.as_str()).collect();
        assert_eq!(back[2], "RENAME TABLE `app`.`invoices` TO `app`.`Orders`", "{back:?}");
    }
}

#[tokio::test]
async fn what_may_have_been_renamed_is_found_and_a_note_that_does_nothing_is_said() {
    let base = "CREATE TABLE t (id int PRIMARY KEY, title varchar(20)); CREATE TABLE posts (a int, b text);";
    let head = "CREATE TABLE t (id int PRIMARY KEY, headline varchar(20)); CREATE TABLE articles (a int, b text);
                -- @renamed from=`no such`\nCREATE TABLE other (a int);";
    let Outcome { report, .. } = run(file(base), file(head), Dialect::TiDb).await;
    let safer = |rule: &str| report.findings.iter().find(|finding| finding.rule == rule).unwrap().safer_sql.clone().unwrap();
    assert_eq!(safer("likely-rename-column"), "ALTER TABLE `app`.`t` RENAME COLUMN `title` TO `headline`;");
    assert_eq!(safer("likely-rename-table"), "RENAME TABLE `app`.`posts` TO `app`.`articles`;");
    let unused = report.remarks.iter().find(|remark| remark.title == "A note on a rename does nothing").unwrap();
    assert_eq!((unused.line, unused.text.as_str()), (Some(2), "the base has no table app.no such."));
}

#[tokio::test]
async fn lists_of_values_are_judged_on_servers_as_by_their_texts() {
    let table = |list: &str, set: &str| format!("CREATE TABLE t (id int PRIMARY KEY, e enum({list}), s set({set}));");
    let base = table("'a','b','c'", "'x','y'") + " INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'x,y'), (3, 'c', '');";
    let cases = [
        ("'a','b','c','d'", "'x','y','z'", None),
        ("'a','c','b'", "'x','y'", Some((Level::Warning, "in another order"))),
        ("'a','new','b','c'", "'x','y'", Some((Level::Warning, "new values before others"))),
        ("'a','c'", "'x','y'", Some((Level::Danger, "loses `b`"))),
        ("'a','b','c'", "'x'", Some((Level::Danger, "loses `y`"))),
    ];
    for dialect in [Dialect::TiDb, Dialect::MariaDb] {
        for (list, set, wanted) in cases {
            let Outcome { report, .. } = run(file(&base), file(&table(list, set)), dialect).await;
            assert!(report.proven, "{dialect:?} {list} {set}: {report:#?}");
            let found: Vec<_> = report.findings.iter().filter(|finding| finding.rule == "change-column-type").collect();
            match wanted {
                None => assert!(found.is_empty(), "{dialect:?} {list}: {found:#?}"),
                Some((level, words)) => {
                    assert_eq!(found.len(), 1, "{dialect:?} {list}: {found:#?}");
                    assert!(found[0].level == level && found[0].message.contains(words), "{dialect:?} {list}: {found:#?}");
                }
            }
            let refused = report.steps.iter().filter_map(|step| step.effects.as_ref()).any(|effects| effects.fails());
            assert_eq!(refused, matches!(wanted, Some((Level::Danger, _))), "{dialect:?} {list} {set}: {:#?}", report.steps);
        }
    }
}
