//! A live database beside a plan: what it is asked, what it answers, and that nothing is written to it or run in it.

use schemaproof::{
    catalog::Action,
    config::{Config, EngineChoice},
    pipeline::{self, Input, Job, Schema},
    report::{Report, ReportedFinding},
    risk::Level,
    sandbox::{SandboxError, Sides, Where, with_servers},
    script::SqlFile,
    source::SqlFiles,
};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::sandbox::{request, test_image};

const BASE: &str = "
    CREATE TABLE parent (id bigint PRIMARY KEY);
    CREATE TABLE t (id bigint PRIMARY KEY, a text, code varchar(20), big bigint, price numeric, parent_id bigint, state text);
    CREATE TABLE locked (id int, a int);";
const HEAD: &str = "
    CREATE TABLE parent (id bigint PRIMARY KEY);
    CREATE FUNCTION evil(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE TABLE t (
      id bigint PRIMARY KEY,
      a text NOT NULL,
      code varchar(3) CONSTRAINT t_code_key UNIQUE,
      big integer,
      price numeric(4, 2),
      parent_id bigint CONSTRAINT t_parent REFERENCES parent,
      state text CONSTRAINT t_state CHECK (state IN ('on', 'off') AND id <> 0),
      CONSTRAINT t_evil CHECK (evil(id) AND pg_read_file('/etc/passwd') IS NOT NULL)
    );
    CREATE TABLE locked (id int, a int NOT NULL);";

fn native() -> Config {
    Config { engine: EngineChoice::Native, image: Some(test_image()), ..Config::default() }
}

async fn on_live(sql: &str, work: impl AsyncFn(Report)) {
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        let server = &servers.base;
        let database = server.create_database("live", None).await?;
        let connection = server.connect(&database).await?;
        connection.batch_execute(&format!("{BASE}{sql}")).await.unwrap();
        // What is open here must not keep the questions waiting, and what is locked is not waited for long.
        connection.batch_execute("BEGIN; LOCK TABLE locked").await.unwrap();
        let files = |sql: &str| {
            Schema::Files(SqlFiles { files: vec![SqlFile { path: "s.sql".into(), text: sql.into() }], ..SqlFiles::default() })
        };
        let input = |name: &str, schema| Input { name: name.into(), commit: None, schema };
        let url = server.url(&database);
        let live = Some(input("live", Schema::Live(url)));
        let job = Job { live, ..Job::new(native(), input("base", files(BASE)), input("head", files(HEAD))) };
        let outcome = pipeline::run(&job, &CancellationToken::new()).await;
        connection.batch_execute("ROLLBACK").await.unwrap();
        connection.close().await;
        assert!(outcome.report.remarks.iter().all(|remark| !remark.title.contains("live")), "{:#?}", outcome.report.remarks);
        work(outcome.report).await;
        server.drop_database(&database).await?;
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

fn finding<'a>(report: &'a Report, rule: &str, object: &str) -> &'a ReportedFinding {
    let mut found = report.findings.iter().filter(|finding| finding.rule == rule && finding.object.ends_with(object));
    found.next().unwrap_or_else(|| panic!("no {rule} on {object}: {:#?}", report.findings))
}

#[tokio::test]
async fn a_live_database_says_how_many_rows_are_in_the_way_and_how_large_its_tables_are() {
    let data = "
        INSERT INTO parent VALUES (1);
        INSERT INTO t SELECT n, CASE WHEN n > 3 THEN 'a' END, 'c' || (n / 2), n, 1.5, 1, 'on' FROM generate_series(1, 1000) n;
        UPDATE t SET big = 3000000000, price = 100, parent_id = 7, state = 'maybe' WHERE id IN (10, 11);
        ALTER TABLE t ADD COLUMN by_hand int;
        ANALYZE;";
    on_live(data, async |report| {
        let said = |rule: &str, object: &str| {
            let finding = finding(&report, rule, object);
            (finding.level, finding.live.clone().unwrap_or_default())
        };
        let fails = |rows: &str| (Level::Danger, format!("In the live database {rows}: the statement fails."));
        assert_eq!(said("set-not-null", "t.a"), fails("3 rows have NULL there"));
        assert_eq!(said("change-column-type", "t.code"), fails("801 rows have a value that is too long"));
        assert_eq!(said("change-column-type", "t.big"), fails("2 rows have a value out of range"));
        assert_eq!(said("change-column-type", "t.price"), fails("2 rows have a value out of range"));
        assert_eq!(said("add-unique", "t_code_key"), fails("499 rows are equal to another"));
        assert_eq!(said("add-foreign-key", "t_parent"), fails("2 rows have no counterpart"));
        assert_eq!(said("add-check", "t_state"), fails("2 rows do not fulfil it"));
        let (level, unsafe_one) = said("add-check", "t_evil");
        assert!(level < Level::Danger && unsafe_one.contains("was not asked"), "{unsafe_one}");
        let live = report.live.as_ref().unwrap();
        assert!(live.tables["public.t"].bytes > 8192 && live.tables["public.t"].rows == Some(1000), "{live:#?}");
        // Drift is told apart: the steps of the plan know nothing of it.
        let drift = report.drift.as_ref().unwrap();
        assert_eq!(
            drift.changes.iter().map(|change| (change.object.as_str(), change.action)).collect::<Vec<_>>(),
            [("public.t.by_hand", Action::Create)]
        );
        assert_eq!(
            drift.steps.iter().map(|step| step.sql.as_str()).collect::<Vec<_>>(),
            ["ALTER TABLE public.t DROP COLUMN by_hand"]
        );
        assert!(report.steps.iter().all(|step| !step.sql.contains("by_hand")));
    })
    .await;
}

#[tokio::test]
async fn a_locked_table_of_a_live_database_is_not_waited_for() {
    // A locked table answers with the lock's SQLSTATE; the others are asked all the same.
    on_live("INSERT INTO t (id, a) VALUES (1, NULL);", async |report| {
        let locked = finding(&report, "set-not-null", "locked.a").live.clone().unwrap();
        assert_eq!(locked, "The live database refused to count NULLs (55P03).");
        let other = finding(&report, "set-not-null", "t.a").live.clone().unwrap();
        assert_eq!(other, "In the live database one row has NULL there: the statement fails.");
    })
    .await;
}

#[tokio::test]
async fn what_differed_before_the_pull_request_is_told_apart() {
    const BEFORE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX t_a ON t (a);
                          CREATE FUNCTION one() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t';";
    let head = format!("CREATE TABLE u (id int PRIMARY KEY); {BEFORE} ALTER TABLE t ADD COLUMN b int;");
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        let server = &servers.base;
        let database = server.create_database("live", None).await?;
        let connection = server.connect(&database).await?;
        // A body that names what only another search_path finds: it is rebuilt all the same.
        let there = "CREATE TABLE t (id int PRIMARY KEY, a int, by_hand int);
                     CREATE FUNCTION one() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t'";
        connection.batch_execute(there).await.unwrap();
        connection.close().await;
        let files = |sql: &str| {
            Schema::Files(SqlFiles { files: vec![SqlFile { path: "s.sql".into(), text: sql.into() }], ..SqlFiles::default() })
        };
        let input = |name: &str, schema| Input { name: name.into(), commit: None, schema };
        let live = input("live", Schema::Live(server.url(&database)));
        let before = Some(input("main", files(BEFORE)));
        let job = Job { before, ..Job::new(native(), live, input("head", files(&head))) };
        let report = pipeline::run(&job, &CancellationToken::new()).await.report;
        let earlier = report.earlier.as_ref().unwrap_or_else(|| panic!("{:#?}", report.error));
        let objects: Vec<&str> = earlier.changes.iter().map(|at| report.changes[*at].object.as_str()).collect();
        let steps: Vec<&str> = earlier.steps.iter().map(|at| report.steps[*at].sql.as_str()).collect();
        assert_eq!(objects, ["public.t.by_hand", "public.t_a"], "{:#?}", report.changes);
        assert_eq!(steps, ["ALTER TABLE public.t DROP COLUMN by_hand", "CREATE INDEX t_a ON public.t USING btree (a)"]);
        let comment = schemaproof::report::comment::comment(&report, 0);
        assert!(
            comment.contains("2 of 4 changes are not this pull request’s: the database differs from `main` already."),
            "{comment}"
        );
        let row = |object: &str| comment.lines().find(|line| line.starts_with('|') && line.contains(object)).unwrap().to_string();
        assert!(row("by_hand").contains("not by this pull request") && !row("`public.t.b`").contains("not by"), "{comment}");
        server.drop_database(&database).await?;
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_throwaway_server_is_of_the_live_ones_version() {
    with_servers(&crate::atlas::request_15(), Sides::One, &CancellationToken::new(), async |servers| {
        let server = &servers.base;
        let database = server.create_database("live", None).await?;
        let input = |name: &str, schema| Input { name: name.into(), commit: None, schema };
        let (base, target) = (input("live", Schema::Live(server.url(&database))), input("empty", Schema::Empty));
        let config = Config { image: None, sandbox: "docker".into(), ..native() };
        let outcome = pipeline::run(&Job::new(config, base, target), &CancellationToken::new()).await;
        assert!(outcome.report.server.as_deref().is_some_and(|version| version.starts_with("15.")), "{:#?}", outcome.report);
        server.drop_database(&database).await?;
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

/// The base's live database is read by a role that may only connect; whichever side it is, what it cannot see is said, and neither planned nor lost.
#[tokio::test]
async fn what_the_reader_has_no_right_to_see_is_said_and_taken_to_be_alike() {
    const THERE: &str = "
        CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
        CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'x', password 'secret');
        CREATE USER MAPPING FOR postgres SERVER s;
        CREATE SUBSCRIPTION sub CONNECTION 'host=127.0.0.1 port=1 password=secret' PUBLICATION p WITH (connect = false, slot_name = none);
        CREATE TABLE t (a int);";
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        let server = &servers.base;
        let database = server.create_database("live", None).await?;
        let connection = server.connect(&database).await?;
        connection.batch_execute(&format!("CREATE ROLE few_rights LOGIN PASSWORD 'few'; {THERE}")).await.unwrap();
        connection.close().await;
        let mut url = url::Url::parse(server.url(&database).expose_secret()).unwrap();
        url.set_username("few_rights").unwrap();
        url.set_password(Some("few")).unwrap();
        let live = || Schema::Live(url.to_string().into());
        let files = |more: &str| {
            let text = format!("{THERE}{more}");
            Schema::Files(SqlFiles { files: vec![SqlFile { path: "s.sql".into(), text: text.into() }], ..SqlFiles::default() })
        };
        let input = |name: &str, schema| Input { name: name.into(), commit: None, schema };
        let rich = || Schema::Live(server.url(&database));
        let one_more = "ALTER TABLE t ADD b int";
        for (base, target, changes) in [
            (live(), files(one_more), 1),
            (files(one_more), live(), 1),
            (live(), rich(), 0),
            (rich(), live(), 0),
            (live(), live(), 0),
        ] {
            let job = Job::new(native(), input("base", base), input("target", target));
            let report = pipeline::run(&job, &CancellationToken::new()).await.report;
            assert!(report.error.is_none(), "{:#?}", report.error);
            assert_eq!(report.changes.len(), changes, "{:#?}", report.changes);
            assert!(report.proven, "{:#?}", report.proof);
            let said = ["options of user mapping s.PUBLIC", "options of user mapping s.postgres", "connection of subscription sub"];
            let mut unread = report.not_covered.iter();
            assert_eq!(unread.len(), said.len(), "{:?}", report.not_covered);
            assert!(unread.all(|unread| said.iter().any(|said| unread.starts_with(said))), "{:?}", report.not_covered);
        }
        server.drop_database(&database).await?;
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

/// `DETACH PARTITION … CONCURRENTLY` that was interrupted is brought to its end, whatever is wanted.
#[tokio::test]
async fn a_partition_that_is_half_detached_is_detached_whole() {
    const TABLES: &str = "
        CREATE TABLE p (k int) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
        CREATE TABLE p2 (k int);";
    const ATTACHED: &str = "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10) TO (20);";
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        let server = &servers.base;
        let database = server.create_database("live", None).await?;
        let connection = server.connect(&database).await?;
        let pending = "UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'p2'::regclass";
        connection.batch_execute(&format!("{TABLES}{ATTACHED}{pending}")).await.unwrap();
        connection.close().await;
        let input = |name: &str, schema| Input { name: name.into(), commit: None, schema };
        let finalize = "ALTER TABLE public.p DETACH PARTITION public.p2 FINALIZE";
        let attach = "ALTER TABLE ONLY public.p ATTACH PARTITION public.p2 FOR VALUES FROM (10) TO (20)";
        for (more, wanted) in [("", vec![finalize]), (ATTACHED, vec![finalize, attach])] {
            let files = vec![SqlFile { path: "s.sql".into(), text: format!("{TABLES}{more}").into() }];
            let target = Schema::Files(SqlFiles { files, ..SqlFiles::default() });
            let job = Job::new(native(), input("base", Schema::Live(server.url(&database))), input("target", target));
            let report = pipeline::run(&job, &CancellationToken::new()).await.report;
            let steps: Vec<&str> = report.steps.iter().map(|step| step.sql.as_str()).collect();
            assert_eq!(steps, wanted);
            assert!(report.proven, "{:#?}", report.proof);
        }
        server.drop_database(&database).await?;
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

/// Files may name roles that the live database's server has and the sandbox has not. Those that they make they make themselves.
#[tokio::test]
async fn files_may_name_the_roles_of_the_live_server() {
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        let server = &servers.base;
        let database = server.create_database("live", None).await?;
        let connection = server.connect(&database).await?;
        let there = "CREATE ROLE only_there; CREATE ROLE \"In both\"; CREATE TABLE t (a int); GRANT SELECT ON t TO only_there";
        connection.batch_execute(there).await.unwrap();
        connection.close().await;
        let text = "CREATE ROLE \"In both\" LOGIN; CREATE TABLE t (a int); GRANT SELECT, INSERT ON t TO only_there;";
        let files = SqlFiles { files: vec![SqlFile { path: "s.sql".into(), text: text.into() }], ..SqlFiles::default() };
        let input = |name: &str, schema| Input { name: name.into(), commit: None, schema };
        let live = || input("live", Schema::Live(server.url(&database)));
        let made = |report: &Report| report.steps.iter().map(|step| step.sql.clone()).collect::<Vec<_>>();

        let job = Job::new(native(), live(), input("files", Schema::Files(files.clone())));
        let report = pipeline::run(&job, &CancellationToken::new()).await.report;
        assert!(report.proven, "{:#?}", report.error);
        assert_eq!(made(&report), ["GRANT INSERT ON TABLE public.t TO only_there"]);

        // The plan makes them for a base that stood on stand-ins.
        let config = Config { create_roles: true, ..native() };
        let job = Job::new(config, input("files", Schema::Files(files)), live());
        let report = pipeline::run(&job, &CancellationToken::new()).await.report;
        assert!(report.proven, "{:#?}", report.error);
        let steps = made(&report);
        assert!(steps[0].contains("CREATE ROLE only_there"), "{steps:?}");
        assert_eq!(steps[1..], ["REVOKE INSERT ON TABLE public.t FROM only_there"]);
        server.drop_database(&database).await?;
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}
