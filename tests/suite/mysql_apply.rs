//! `apply` on live servers of the MySQL family: real TiDB and MariaDB, whole, in part, twice at once, and changed meanwhile.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use schemaproof::{
    apply::{End, Limits, State, mysql},
    config::Config,
    mysql::load,
    pipeline::{self, Input, Job, Schema},
    sandbox::{
        Request, SandboxError,
        mysql::{Flavor, MySqlAddress, MySqlServer, Session, with_mysql_servers},
    },
    script::SqlFile,
    source::SqlFiles,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::apply::said;

/// A live server with the databases `app` and `other`, which holds a table that no file names; and one for a sandbox.
struct Live<'a> {
    address: String,
    beside: &'a MySqlServer,
    sandbox: SecretString,
}

impl Live<'_> {
    fn url(&self, database: &str) -> SecretString {
        SecretString::from(format!("{}{database}", self.address))
    }

    async fn connect(&self) -> Session {
        MySqlAddress::from_url(&self.url("")).unwrap().connect(Duration::from_secs(60)).await.unwrap()
    }

    /// A server is taken for a sandbox when there is no table on it.
    async fn clean(&self) {
        load::empty(self.beside).await.unwrap();
    }
}

/// A TiDB as it runs in production: sandboxes have no status port, and `information_schema.tiflash_replica` is read through it.
struct TiDb {
    process: Child,
    port: u16,
    _data: tempfile::TempDir,
}

impl TiDb {
    async fn start() -> TiDb {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (port, status, data) = (free(), free(), tempfile::tempdir().unwrap());
        let mut command = Command::new("tidb-server");
        command.args(["-store", "unistore", "-host", "127.0.0.1", "-path"]).arg(data.path());
        command.args(["-P", &port.to_string(), "-status", &status.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        // It keeps a log of slow statements where it is started.
        command.current_dir(data.path());
        let server = TiDb { process: command.spawn().expect("tidb-server"), port, _data: data };
        let begun = Instant::now();
        let address = MySqlAddress::from_url(&SecretString::from(server.address())).unwrap();
        while let Err(error) = address.connect(Duration::from_secs(5)).await {
            assert!(begun.elapsed().as_secs() < 120, "{error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        server
    }

    fn address(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/", self.port)
    }
}

impl Drop for TiDb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn on_live(flavor: Flavor, work: impl AsyncFnOnce(&Live<'_>)) {
    let config = Config { sandbox: "local".into(), ..Config::default() };
    with_mysql_servers(&Request::from(&config), flavor, &CancellationToken::new(), async |servers| {
        let beside = servers.target().unwrap();
        let tidb = if flavor == Flavor::TiDb { Some(TiDb::start().await) } else { None };
        let address = tidb.as_ref().map_or_else(|| servers.base.url("").expose_secret().to_string(), TiDb::address);
        let live = Live { address, beside, sandbox: beside.url("") };
        sql(&live, &["CREATE DATABASE app", "CREATE DATABASE other", "CREATE TABLE other.kept (id int)"]).await;
        work(&live).await;
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

async fn sql(live: &Live<'_>, statements: &[&str]) {
    let session = live.connect().await;
    for statement in statements {
        session.run(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

async fn value(live: &Live<'_>, query: &str) -> String {
    let rows = live.connect().await.rows(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    rows.first().and_then(|row| row.text(0)).unwrap_or_default().to_string()
}

/// A directory with the schema in `schema.sql`.
fn schema(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("schema.sql"), text).unwrap();
    directory
}

async fn run(directory: &Path, command: &str, live: &Live<'_>, arguments: &[&str]) -> Output {
    live.clean().await;
    let mut run = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
    run.args([command, "--sandbox", live.sandbox.expose_secret()])
        .args(arguments)
        .env_remove("DATABASE_URL")
        .current_dir(directory);
    if command == "sync" {
        run.env("DATABASE_URL", live.url("app").expose_secret());
    }
    run.stdin(Stdio::null()).output().unwrap()
}

async fn apply(directory: &Path, live: &Live<'_>, arguments: &[&str]) -> Output {
    let url = live.url("app");
    run(directory, "apply", live, &[&["--url", url.expose_secret(), "--to", "schema.sql"], arguments].concat()).await
}

const TABLES: &str = "CREATE TABLE t (id bigint PRIMARY KEY, note varchar(20));
CREATE TABLE u (id bigint PRIMARY KEY, t_id bigint, CONSTRAINT of_t FOREIGN KEY (t_id) REFERENCES t (id));
CREATE VIEW v AS SELECT id FROM t;\n";

async fn whole(flavor: Flavor) {
    on_live(flavor, async |live| {
        let directory = schema(TABLES);
        let dry = apply(directory.path(), live, &["--dry-run"]).await;
        assert_eq!(dry.status.code(), Some(0), "{}", said(&dry));
        assert_eq!(value(live, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'app'").await, "0");
        let done = apply(directory.path(), live, &["--yes"]).await;
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        assert!(said(&done).contains("is as the target"), "{}", said(&done));
        // The files are loaded into a server of the live one's kind.
        let live_one = format!("live={}", live.url("app").expose_secret());
        let compared = run(directory.path(), "compare", live, &["files=schema.sql", &live_one]).await;
        assert_eq!(compared.status.code(), Some(0), "{}", said(&compared));
        let again = run(directory.path(), "sync", live, &["schema.sql", "--yes"]).await;
        assert!(again.status.success() && said(&again).contains("Nothing to do"), "{}", said(&again));
        // What blocks needs more than yes.
        std::fs::write(directory.path().join("schema.sql"), TABLES.replace(", note varchar(20)", "")).unwrap();
        let blocked = apply(directory.path(), live, &["--yes", "--format", "json"]).await;
        assert_eq!(blocked.status.code(), Some(3), "{}", said(&blocked));
        let account: serde_json::Value = serde_json::from_slice(&blocked.stdout).unwrap();
        let fingerprint = account["fingerprint"].as_str().unwrap();
        let accepted = run(directory.path(), "sync", live, &["schema.sql", "--yes", "--accept", fingerprint]).await;
        assert_eq!(accepted.status.code(), Some(0), "{}", said(&accepted));
        assert_eq!(value(live, "SELECT COUNT(*) FROM other.kept").await, "0");
        let password = url::Url::parse(live.url("app").expose_secret()).unwrap().password().map(String::from);
        let all = [dry, done, again, blocked, accepted].map(|output| said(&output)).concat();
        assert!(password.is_none_or(|password| password.is_empty() || !all.contains(&password)), "{all}");
    })
    .await;
}

#[tokio::test]
async fn a_schema_is_applied_whole_on_tidb() {
    whole(Flavor::TiDb).await;
}

#[tokio::test]
async fn a_schema_is_applied_whole_on_mariadb() {
    whole(Flavor::MariaDb).await;
}

async fn in_part(flavor: Flavor) {
    on_live(flavor, async |live| {
        sql(live, &["CREATE TABLE app.b (n int)", "INSERT INTO app.b VALUES (1), (1)"]).await;
        let directory = schema("CREATE TABLE a (id int PRIMARY KEY);\nCREATE TABLE b (n int, UNIQUE KEY once (n));\n");
        // The replay's own rows are no duplicates: the live ones are.
        let stopped = apply(directory.path(), live, &["--yes", "--format", "json"]).await;
        let account: serde_json::Value = serde_json::from_slice(&stopped.stdout).unwrap_or_else(|_| panic!("{}", said(&stopped)));
        assert_eq!((stopped.status.code(), account["outcome"].as_str()), (Some(1), Some("stopped")), "{}", said(&stopped));
        let states: Vec<&str> = account["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["in", "failed"], "{account:#}");
        assert!(account["message"].as_str().unwrap().contains("step 1 is in"), "{account:#}");
        assert!(account["advice"].as_str().unwrap().contains("Rows that are there are in the way"), "{account:#}");
        sql(live, &["DELETE FROM app.b LIMIT 1"]).await;
        let done = apply(directory.path(), live, &["--yes"]).await;
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        assert_eq!(value(live, "SELECT COUNT(*) FROM app.b").await, "1");
    })
    .await;
}

#[tokio::test]
async fn a_step_that_live_rows_refuse_says_what_is_in_and_the_next_run_goes_on_tidb() {
    in_part(Flavor::TiDb).await;
}

#[tokio::test]
async fn a_step_that_live_rows_refuse_says_what_is_in_and_the_next_run_goes_on_mariadb() {
    in_part(Flavor::MariaDb).await;
}

/// What is planned from the live server to a schema, and the catalogs.
async fn planned(live: &Live<'_>, target: &str) -> pipeline::Outcome {
    live.clean().await;
    let files = SqlFiles { files: vec![SqlFile { path: "schema.sql".into(), text: target.into() }], ..SqlFiles::default() };
    let input = |name: &str, schema| Input { name: name.into(), commit: None, schema };
    let config = Config { sandbox: live.sandbox.expose_secret().into(), ..Config::default() };
    let job = Job::new(config, input("live", Schema::Live(live.url("app"))), input("files", Schema::Files(files)));
    let outcome = Box::pin(pipeline::run(&job, &CancellationToken::new())).await;
    assert!(outcome.report.proven, "{:#?}", outcome.report);
    outcome
}

/// A table that must be made anew, one that is altered, one that is new.
const BEFORE: &[&str] = &[
    "CREATE TABLE app.big (id bigint PRIMARY KEY AUTO_RANDOM(5), n int)",
    "INSERT INTO app.big (n) VALUES (1), (2), (3)",
    "CREATE TABLE app.t (id int PRIMARY KEY)",
    "INSERT INTO app.t VALUES (1), (2)",
];
const AFTER: &str = "CREATE TABLE big (id bigint PRIMARY KEY AUTO_RANDOM(6), n int);
CREATE TABLE t (id int PRIMARY KEY, note text, KEY (note(10)));
CREATE TABLE fresh (id int PRIMARY KEY);\n";

#[tokio::test]
async fn killed_after_any_step_the_next_run_finishes_and_no_row_is_lost() {
    on_live(Flavor::TiDb, async |live| {
        let directory = schema(AFTER);
        sql(live, BEFORE).await;
        let plan = planned(live, AFTER).await.plan;
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.sql.as_str()).collect();
        assert!(steps.iter().any(|step| step.starts_with("RENAME TABLE")) && steps.len() >= 6, "{steps:#?}");
        for done in 0..=steps.len() {
            sql(live, &["DROP DATABASE app", "CREATE DATABASE app"]).await;
            sql(live, BEFORE).await;
            // Each statement commits by itself: this is what a run leaves that is killed after so many of them.
            sql(live, &steps[..done]).await;
            let next = apply(directory.path(), live, &["--yes"]).await;
            assert_eq!(next.status.code(), Some(0), "after step {done}: {}", said(&next));
            for (query, rows) in [("SELECT SUM(n) FROM app.big", "6"), ("SELECT COUNT(*) FROM app.t", "2")] {
                assert_eq!(value(live, query).await, rows, "after step {done}: {query}");
            }
            let left = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'app'";
            assert_eq!(value(live, left).await, "3", "after step {done}");
        }
    })
    .await;
}

async fn two_at_once_and_changed(flavor: Flavor) {
    on_live(flavor, async |live| {
        let pipeline::Outcome { plan, catalogs, .. } = planned(live, TABLES).await;
        let catalogs = catalogs.unwrap();
        let (flavor, databases) = catalogs.family.as_ref().unwrap();
        let url = live.url("app");
        let limits = Limits { patience: Duration::from_secs(1), ..Limits::default() };
        let task = mysql::Task {
            url: &url,
            plan: &plan,
            base: State::Known(&catalogs.base),
            target: State::Known(&catalogs.target),
            exclude: &[],
            databases,
            flavor: *flavor,
            limits,
        };
        let held = live.connect().await;
        held.rows("SELECT GET_LOCK('schemaproof', 5)").await.unwrap();
        let locked = mysql::apply(&task, &CancellationToken::new(), |_| {}).await;
        let End::Refused(error) = &locked.end else { panic!("{locked:?}") };
        assert!(error.to_string().contains("another run of schemaproof"), "{error}");
        held.rows("SELECT RELEASE_LOCK('schemaproof')").await.unwrap();

        sql(live, &["CREATE TABLE app.t (id int)"]).await;
        let changed = mysql::apply(&task, &CancellationToken::new(), |_| {}).await;
        let End::Refused(error) = &changed.end else { panic!("{changed:?}") };
        assert!(error.to_string().contains("not as it was when the plan was made: table app.t"), "{error}");
        // Another database of the server is nobody's business here.
        sql(live, &["DROP TABLE app.t", "CREATE TABLE other.more (id int)"]).await;
        let applied = mysql::apply(&task, &CancellationToken::new(), |_| {}).await;
        assert!(applied.is_reached(), "{applied:?}");
    })
    .await;
}

#[tokio::test]
async fn two_at_once_are_kept_apart_and_a_changed_schema_is_refused_on_tidb() {
    two_at_once_and_changed(Flavor::TiDb).await;
}

#[tokio::test]
async fn two_at_once_are_kept_apart_and_a_changed_schema_is_refused_on_mariadb() {
    two_at_once_and_changed(Flavor::MariaDb).await;
}

#[tokio::test]
async fn files_that_name_no_collation_get_that_of_the_live_database() {
    on_live(Flavor::MariaDb, async |live| {
        let table = "TABLE t (id int PRIMARY KEY, note varchar(20))";
        let collated = "ALTER DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_esperanto_ci";
        sql(live, &[collated, &format!("CREATE {}", table.replace(" t ", " app.t "))]).await;
        let same = planned(live, &format!("CREATE {table};")).await;
        assert!(same.plan.steps.is_empty(), "{:#?}", same.plan);
        let more = planned(live, &format!("CREATE {table};\nCREATE TABLE more (note text);")).await;
        let steps: Vec<&str> = more.plan.steps.iter().map(|step| step.sql.as_str()).collect();
        assert!(matches!(steps.as_slice(), [one] if one.contains("utf8mb4_esperanto_ci")), "{steps:?}");
    })
    .await;
}

#[tokio::test]
async fn two_live_databases_of_different_names_are_planned_under_the_first_ones() {
    on_live(Flavor::MariaDb, async |live| {
        let other = ["CREATE TABLE other.t (id int PRIMARY KEY)", "CREATE VIEW other.v AS SELECT id FROM other.t"];
        sql(live, &["CREATE TABLE app.kept (id int)", "CREATE TABLE app.t (id int)"]).await;
        sql(live, &other).await;
        live.clean().await;
        let input = |name: &str| Input { name: name.into(), commit: None, schema: Schema::Live(live.url(name)) };
        let config = Config { sandbox: live.sandbox.expose_secret().into(), ..Config::default() };
        let (job, cancel) = (Job::new(config, input("app"), input("other")), CancellationToken::new());
        let pipeline::Outcome { plan, report, .. } = Box::pin(pipeline::run(&job, &cancel)).await;
        assert!(report.proven, "{report:#?}");
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.sql.as_str()).collect();
        let [table, view] = steps.as_slice() else { panic!("{steps:?}") };
        assert!(table.starts_with("ALTER TABLE `app`.`t`") && view.contains("VIEW `app`.`v`"), "{steps:?}");
    })
    .await;
}

async fn a_saved_plan(flavor: Flavor) {
    on_live(flavor, async |live| {
        sql(live, &["CREATE TABLE app.t (id int PRIMARY KEY, old int)", "INSERT INTO app.t VALUES (1, 1)"]).await;
        // Another database of the server is nobody's business; one that the files make is.
        let directory = schema(
            "CREATE TABLE t (id int PRIMARY KEY, note text);\nCREATE VIEW v AS SELECT id, ';' AS c FROM t;\n\
             CREATE DATABASE more;\nCREATE TABLE more.m (id int PRIMARY KEY);\n",
        );
        if flavor == Flavor::MariaDb {
            let body =
                "DELIMITER //\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.note = 'a;b'; SET @a = 1; END//\n";
            let file = directory.path().join("schema.sql");
            std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + body).unwrap();
        }
        let (url, file) = (live.url("app"), directory.path().join("plan.sql"));
        let saved =
            ["--from", url.expose_secret(), "--to", "schema.sql", "--engine", "native", "--format", "sql", "--out", "plan.sql"];
        let saved = run(directory.path(), "plan", live, &saved).await;
        assert_eq!(saved.status.code(), Some(3), "{}", said(&saved));
        let apply = async |url: &SecretString, arguments: &[&str]| {
            let arguments = [&["--url", url.expose_secret(), "--plan", "plan.sql", "--yes"], arguments].concat();
            run(directory.path(), "apply", live, &arguments).await
        };
        let blocked = apply(&url, &[]).await;
        assert_eq!(blocked.status.code(), Some(3), "{}", said(&blocked));
        let plan = schemaproof::plan::saved::Saved::read(&std::fs::read_to_string(&file).unwrap()).unwrap().plan;
        let accept = plan.fingerprint().as_str().to_string();
        assert!(said(&blocked).contains("drop-column, blocks: Column"), "{}", said(&blocked));

        sql(live, &["CREATE TABLE app.between (id int)"]).await;
        let changed = apply(&url, &["--accept", &accept]).await;
        assert_eq!(changed.status.code(), Some(1), "{}", said(&changed));
        assert!(said(&changed).contains("is not as it was when the plan was made"), "{}", said(&changed));
        sql(live, &["DROP TABLE app.between", "CREATE TABLE other.unseen (id int)"]).await;

        let elsewhere = apply(&SecretString::from("postgres://127.0.0.1:1/app"), &["--accept", &accept]).await;
        assert_eq!(elsewhere.status.code(), Some(1), "{}", said(&elsewhere));
        assert!(said(&elsewhere).contains(&format!("is for {}, and postgres://", flavor.name())), "{}", said(&elsewhere));

        let done = apply(&url, &["--accept", &accept]).await;
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        assert_eq!(value(live, "SELECT COUNT(*) FROM app.v").await, "1");
        assert_eq!(value(live, "SELECT COUNT(*) FROM more.m").await, "0");
        let again = apply(&url, &["--accept", &accept]).await;
        assert_eq!(again.status.code(), Some(0), "{}", said(&again));
        assert!(said(&again).contains("is as the target already"), "{}", said(&again));
    })
    .await;
}

#[tokio::test]
async fn a_saved_plan_is_applied_as_it_was_reviewed_or_not_at_all_on_tidb() {
    a_saved_plan(Flavor::TiDb).await;
}

#[tokio::test]
async fn a_saved_plan_is_applied_as_it_was_reviewed_or_not_at_all_on_mariadb() {
    a_saved_plan(Flavor::MariaDb).await;
}

#[tokio::test]
async fn versions_of_rows_stay_or_are_found_on_mariadb() {
    on_live(Flavor::MariaDb, async |live| {
        let history = [
            "CREATE TABLE app.t (id int PRIMARY KEY, n int) WITH SYSTEM VERSIONING",
            "INSERT INTO app.t VALUES (1, 1), (2, 2)",
            "UPDATE app.t SET n = 3 WHERE id = 1",
            "DELETE FROM app.t WHERE id = 2",
        ];
        sql(live, &history).await;
        // No ALTER gives the columns that say when a row held other names.
        let named = "CREATE TABLE t (id int PRIMARY KEY, n int, s timestamp(6) GENERATED ALWAYS AS ROW START, \
                     e timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;";
        let done = apply(schema(named).path(), live, &["--yes"]).await;
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        assert!(said(&done).contains("RENAME TABLE"), "{}", said(&done));
        let versions = "SELECT GROUP_CONCAT(CONCAT(id, ':', n) ORDER BY id, n) FROM app.t FOR SYSTEM_TIME ALL";
        assert_eq!(value(live, versions).await, "1:1,1:3,2:2");
        assert_eq!(value(live, "SELECT COUNT(*) FROM app.t").await, "1");

        let plain = apply(schema("CREATE TABLE t (id int PRIMARY KEY, n int);").path(), live, &["--yes"]).await;
        assert_eq!(plain.status.code(), Some(3), "{}", said(&plain));
        assert!(said(&plain).contains("app.t is not versioned any more"), "{}", said(&plain));
        assert_eq!(value(live, versions).await, "1:1,1:3,2:2");
    })
    .await;
}

#[tokio::test]
async fn a_key_that_comes_last_is_said() {
    on_live(Flavor::MariaDb, async |live| {
        sql(live, &["CREATE TABLE app.t (id int PRIMARY KEY, a int, b int, KEY one (a), KEY two (b))"]).await;
        let outcome = planned(live, "CREATE TABLE t (id int PRIMARY KEY, a int, b int, KEY one (a, b), KEY two (b));").await;
        let said = outcome.report.remarks.iter().find(|remark| remark.title == "Keys in another order");
        assert!(said.is_some_and(|remark| remark.text.contains("the keys of app.t")), "{:#?}", outcome.report.remarks);
        let last = planned(live, "CREATE TABLE t (id int PRIMARY KEY, a int, b int, KEY one (a), KEY two (b, a));").await;
        assert!(!last.report.remarks.iter().any(|remark| remark.title.starts_with("Keys")), "{:#?}", last.report.remarks);
    })
    .await;
}
