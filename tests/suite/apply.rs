//! Plans run on real databases: killed, cancelled, cut off, blocked, raced, and what is there afterwards.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use schemaproof::{
    apply::{Applied, ApplyError, End, Event, Fate, Limits, State, Stop, Task, apply},
    catalog::{
        Catalog, Kind, ObjectId,
        read::{self, ReadOptions},
    },
    plan::{Online, Origin, Plan, Recovery, Step},
    sandbox::{SandboxError, Server, Sides, Where, with_servers},
};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use crate::sandbox::{request, test_image, text};

/// A server with a database `app` that is somebody's.
pub async fn on_server(work: impl AsyncFnOnce(&Server)) {
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        work(&servers.base).await;
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

pub async fn execute(server: &Server, database: &str, sql: &str) {
    let connection = server.connect(database).await.unwrap();
    connection.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    connection.close().await;
}

async fn catalog(server: &Server, database: &str) -> Catalog {
    let connection = server.connect(database).await.unwrap();
    let catalog = read::read(&connection, &ReadOptions::default()).await.unwrap();
    connection.close().await;
    catalog
}

/// A plan of groups: a group that begins with `!` runs outside of a transaction.
fn plan(groups: &[&[&str]]) -> Plan {
    let step = |group: usize, sql: &str| Step {
        sql: sql.trim_start_matches('!').into(),
        masked: None,
        origin: Origin::Native,
        group,
        transactional: !sql.starts_with('!'),
        objects: if sql.contains("INDEX CONCURRENTLY") { vec![ObjectId::new(Kind::Index, ["public", "t_id"])] } else { vec![] },
        online: None,
    };
    let groups = groups.iter().enumerate();
    Plan { steps: groups.flat_map(|(at, steps)| steps.iter().map(move |sql| step(at + 1, sql))).collect() }
}

/// Short times: a test waits for them.
fn limits() -> Limits {
    Limits {
        lock: Duration::from_millis(150),
        tries: 3,
        pause: Duration::from_millis(50),
        patience: Duration::from_secs(3),
        ..Limits::default()
    }
}

/// What a plan leads from and to.
struct Ends {
    base: Catalog,
    target: Catalog,
}

/// Where a plan leads is taken from a copy on which it runs, without rows, which may be in its way.
async fn ends(server: &Server, plan: &Plan) -> Ends {
    let base = catalog(server, "app").await;
    let copy = server.create_database("copy", Some("app")).await.unwrap();
    let connection = server.connect(&copy).await.unwrap();
    for table in base.objects.keys().filter(|id| id.kind == Kind::Table) {
        connection.batch_execute(&format!("DELETE FROM {table}")).await.unwrap();
    }
    connection.close().await;
    for step in &plan.steps {
        execute(server, &copy, &step.sql).await;
    }
    let target = catalog(server, &copy).await;
    server.drop_database(&copy).await.unwrap();
    Ends { base, target }
}

/// Applies a plan to `app`.
async fn run(server: &Server, plan: &Plan, ends: &Ends, limits: Limits, on: impl FnMut(Event<'_>)) -> Applied {
    run_between(&server.url("app"), plan, &ends.base, &ends.target, limits, &CancellationToken::new(), on).await
}

async fn run_between(
    url: &SecretString,
    plan: &Plan,
    base: &Catalog,
    target: &Catalog,
    limits: Limits,
    cancel: &CancellationToken,
    on: impl FnMut(Event<'_>),
) -> Applied {
    let options = ReadOptions::default();
    let task = Task { url, plan, base: State::Known(base), target: State::Known(target), options: &options, limits };
    tokio::time::timeout(Duration::from_secs(120), apply(&task, cancel, on)).await.unwrap()
}

fn fates(applied: &Applied) -> String {
    let letter = |fate: &Fate| match fate {
        Fate::NotRun => '-',
        Fate::In { .. } => 'i',
        Fate::RolledBack => 'r',
        Fate::Failed(_) => 'f',
        Fate::Unknown => '?',
    };
    applied.steps.iter().map(letter).collect()
}

#[tokio::test]
async fn a_group_that_fails_leaves_the_groups_before_it_and_says_so() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)").await;
        let plan = plan(&[
            &["CREATE TABLE a (id int)", "CREATE TABLE b (id int)"],
            &["CREATE TABLE c (id int)", "ALTER TABLE t ADD UNIQUE (id)", "CREATE TABLE d (id int)"],
            &["CREATE TABLE e (id int)"],
        ]);
        let applied = run(server, &plan, &ends(server, &plan).await, limits(), |_| {}).await;
        assert_eq!(fates(&applied), "iirf--", "{applied:?}");
        assert!(matches!(&applied.end, End::Stopped(Stop::Step { step: 3, tries: 1 })), "{applied:?}");
        let Fate::Failed(error) = &applied.steps[3] else { panic!() };
        assert_eq!(error.sqlstate.as_deref(), Some("23505"));
        assert!(error.detail.as_ref().unwrap().contains("(id)=(1)"), "{error:?}");
        let said = schemaproof::apply::told::text(&applied, &plan, false, Default::default());
        assert!(said.contains("steps 1-2 are in, step 3 was rolled back, steps 5-6 did not run"), "{said}");
        assert!(said.contains("23505") && said.contains("Run the same command again"), "{said}");
        let tables = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND oid >= 16384";
        assert_eq!(text(server, "app", tables).await, "a b t");
    })
    .await;
}

#[tokio::test]
async fn a_lock_is_tried_again_for_until_it_is_free_or_the_tries_are_used_up() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int)").await;
        let plan = plan(&[&["CREATE TABLE a (id int)", "ALTER TABLE t ADD COLUMN note text"]]);
        let ends = ends(server, &plan).await;
        let holder = server.connect("app").await.unwrap();

        holder.batch_execute("BEGIN; SELECT FROM t").await.unwrap();
        let applied = run(server, &plan, &ends, limits(), |_| {}).await;
        assert!(matches!(&applied.end, End::Stopped(Stop::Step { step: 1, tries: 3 })), "{applied:?}");
        assert_eq!((fates(&applied).as_str(), applied.retries), ("rf", 2));
        assert!(matches!(&applied.steps[1], Fate::Failed(error) if error.sqlstate.as_deref() == Some("55P03")));

        let (sender, mut freed) = tokio::sync::mpsc::unbounded_channel();
        let free = async {
            freed.recv().await;
            holder.batch_execute("ROLLBACK").await.unwrap();
        };
        let work = run(server, &plan, &ends, limits(), |event| {
            if let Event::Again { error, .. } = event {
                assert_eq!(error.sqlstate.as_deref(), Some("55P03"));
                let _ = sender.send(());
            }
        });
        let (applied, ()) = tokio::join!(work, free);
        assert!(applied.is_reached() && applied.retries >= 1, "{applied:?}");
    })
    .await;
}

#[tokio::test]
async fn two_at_once_are_kept_apart_and_the_other_is_named() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int)").await;
        let plan = plan(&[&["ALTER TABLE t ADD COLUMN note text"]]);
        let ends = ends(server, &plan).await;
        let holder = server.connect("app").await.unwrap();
        holder.batch_execute("BEGIN; SELECT FROM t").await.unwrap();
        let patient = Limits { lock: Duration::from_secs(60), ..limits() };
        let (sender, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let first = run(server, &plan, &ends, patient, |event| {
            if let Event::Begun { .. } = event {
                let _ = sender.send(());
            }
        });
        let second = async {
            begun.recv().await;
            let base = catalog(server, "app").await;
            let brief = Limits { patience: Duration::from_millis(300), ..limits() };
            let applied = run_between(&server.url("app"), &plan, &base, &base, brief, &CancellationToken::new(), |_| {}).await;
            let End::Refused(error) = &applied.end else { panic!("{applied:?}") };
            let ApplyError::Locked { pid, holder: named, .. } = error.as_ref() else { panic!("{error}") };
            let really = text(server, "app", "SELECT pid::text FROM pg_locks WHERE locktype = 'advisory'").await;
            assert_eq!(pid.to_string(), really);
            assert!(named.contains("application `schemaproof`") && named.contains("role `postgres`"), "{named}");
            holder.batch_execute("ROLLBACK").await.unwrap();
        };
        let (first, ()) = tokio::join!(first, second);
        assert!(first.is_reached(), "{first:?}");
    })
    .await;
}

#[tokio::test]
async fn a_database_that_changed_since_is_refused_with_what_changed() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int)").await;
        let base = catalog(server, "app").await;
        let plan = plan(&[&["CREATE TABLE a (id int)"]]);
        execute(server, "app", "ALTER TABLE t ADD COLUMN sneaked text").await;
        let apply = async |base: State<'_>, target: State<'_>| {
            let (url, options) = (server.url("app"), ReadOptions::default());
            let task = Task { url: &url, plan: &plan, base, target, options: &options, limits: limits() };
            apply(&task, &CancellationToken::new(), |_| {}).await
        };
        let applied = apply(State::Known(&base), State::Known(&base)).await;
        let End::Refused(error) = &applied.end else { panic!("{applied:?}") };
        assert!(matches!(error.as_ref(), ApplyError::Changed { .. }));
        assert!(error.to_string().contains("column public.t.sneaked"), "{error}");
        let print = base.fingerprint();
        let applied = apply(State::Fingerprint(&print), State::Fingerprint(&print)).await;
        assert!(matches!(&applied.end, End::Refused(error) if matches!(error.as_ref(), ApplyError::Changed { .. })), "{applied:?}");
        assert_eq!(fates(&applied), "-");

        // What differs from the target at the end is named.
        let now = catalog(server, "app").await;
        let applied = apply(State::Known(&now), State::Known(&base)).await;
        let End::Differs(changes) = &applied.end else { panic!("{applied:?}") };
        let names: Vec<&str> = changes.iter().map(|change| change.object.as_str()).collect();
        assert_eq!((fates(&applied).as_str(), names), ("i", vec!["public.a", "public.t.sneaked"]));
    })
    .await;
}

#[tokio::test]
async fn an_invalid_index_of_a_failed_try_is_dropped_before_the_next_and_one_that_stays_is_said() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
        let plan = plan(&[&["!CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id)"], &["CREATE TABLE a (id int)"]]);
        let ends = ends(server, &plan).await;
        // A transaction that has written to the table keeps the index from becoming valid.
        let holder = server.connect("app").await.unwrap();
        holder.batch_execute("BEGIN; INSERT INTO t VALUES (2)").await.unwrap();
        let (sender, mut again) = tokio::sync::mpsc::unbounded_channel();
        let free = async {
            again.recv().await;
            holder.batch_execute("ROLLBACK").await.unwrap();
        };
        // Building and dropping wait for locks as short as this on a busy machine.
        let more = Limits { tries: 20, ..limits() };
        let work = run(server, &plan, &ends, more, |event| {
            if let Event::Again { .. } = event {
                let _ = sender.send(());
            }
        });
        let (applied, ()) = tokio::join!(work, free);
        assert!(applied.is_reached() && applied.retries >= 1, "{applied:?}");
        assert!(
            applied.remarks.iter().any(|remark| remark.contains("public.t_id") && remark.contains("was dropped")),
            "{applied:?}"
        );

        execute(server, "app", "DROP INDEX t_id; DROP TABLE a; INSERT INTO t VALUES (1)").await;
        let applied = run(server, &plan, &ends, limits(), |_| {}).await;
        assert_eq!(fates(&applied), "f-", "{applied:?}");
        assert!(applied.remarks.iter().any(|remark| remark.contains("left the index public.t_id behind")), "{applied:?}");
        execute(server, "app", "DELETE FROM t").await;

        // The next run plans from it: the index is made anew.
        let directory = schema("CREATE TABLE t (id int); CREATE UNIQUE INDEX t_id ON t (id); CREATE TABLE a (id int);");
        let output = schemaproof(directory.path(), server, &["--to", "schema", "--yes"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(text(server, "app", "SELECT indisvalid::text FROM pg_index WHERE indexrelid = 't_id'::regclass").await, "true");
    })
    .await;
}

/// A plan of one statement outside of a transaction that gives up soon, and of what is to be done then.
fn giving_up(sql: &str, lock_timeout: Option<u32>, recovery: Recovery) -> Plan {
    let mut plan = plan(&[&[&format!("!{sql}")]]);
    plan.steps[0].objects = Vec::new();
    plan.steps[0].online = Some(Online { lock_timeout, recovery: Some(recovery) });
    plan
}

#[tokio::test]
async fn an_online_plan_is_run_as_it_asks() {
    on_server(async |server| {
        execute(
            server,
            "app",
            "CREATE TABLE t (id int); CREATE INDEX t_gone ON t (id); CREATE TABLE p (id int) PARTITION BY LIST (id);
             CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)",
        )
        .await;
        // Holds what stands in the way until the first try has failed, or for a while.
        let run_against = async |held: &str, plan: &Plan, wait: Option<Duration>| {
            let ends = ends(server, plan).await;
            let holder = server.connect("app").await.unwrap();
            holder.batch_execute(&format!("BEGIN; {held}")).await.unwrap();
            let (sender, mut again) = tokio::sync::mpsc::unbounded_channel();
            let free = async {
                match wait {
                    Some(time) => tokio::time::sleep(time).await,
                    None => again.recv().await.unwrap(),
                }
                holder.batch_execute("ROLLBACK").await.unwrap();
            };
            let more = Limits { tries: 20, ..limits() };
            let work = run(server, plan, &ends, more, |event| {
                if let Event::Again { .. } = event {
                    let _ = sender.send(());
                }
            });
            let (applied, ()) = tokio::join!(work, free);
            holder.close().await;
            assert!(applied.is_reached(), "{applied:?}");
            applied
        };
        let said = |applied: &Applied, text: &str| {
            assert!(applied.retries >= 1 && applied.remarks.iter().any(|remark| remark.contains(text)), "{applied:?}");
        };

        // Nobody waits behind it: it waits longer than the run's own limit.
        let drop = "DROP INDEX CONCURRENTLY IF EXISTS public.";
        let patient = giving_up("CREATE INDEX CONCURRENTLY t_new ON t (id)", None, Recovery::Before(format!("{drop}t_new")));
        let applied = run_against("INSERT INTO t VALUES (1)", &patient, Some(limits().lock * 5)).await;
        assert_eq!((applied.retries, applied.remarks.len()), (0, 0), "{applied:?}");

        // The index of a key is no object of the step: the recovery names it.
        let hasty =
            giving_up("CREATE INDEX CONCURRENTLY \"T new\" ON t (id)", Some(100), Recovery::Before(format!("{drop}\"T new\"")));
        let applied = run_against("INSERT INTO t VALUES (1)", &hasty, None).await;
        said(&applied, "was dropped before the next");

        let gone = giving_up("DROP INDEX CONCURRENTLY t_gone", Some(100), Recovery::Instead(format!("{drop}t_gone")));
        let applied = run_against("SELECT FROM t", &gone, None).await;
        said(&applied, "was ended by `DROP INDEX");

        // Cut short after the first half, and before it.
        let detach = |partition: &str| {
            let start = format!("ALTER TABLE p DETACH PARTITION {partition}");
            giving_up(&format!("{start} CONCURRENTLY"), Some(100), Recovery::Instead(format!("{start} FINALIZE")))
        };
        let applied = run_against("SELECT FROM p", &detach("p1"), None).await;
        said(&applied, "FINALIZE");
        let applied = run_against("LOCK TABLE p IN SHARE UPDATE EXCLUSIVE MODE", &detach("p2"), None).await;
        assert!(applied.retries >= 1 && applied.remarks.is_empty(), "{applied:?}");
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_run_is_rolled_back_and_told() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int)").await;
        let base = catalog(server, "app").await;
        let plan = plan(&[&["CREATE TABLE a (id int)"], &["CREATE TABLE b (id int)", "DO $$ BEGIN PERFORM pg_sleep(600); END $$"]]);
        let cancel = CancellationToken::new();
        let applied = run_between(&server.url("app"), &plan, &base, &base, limits(), &cancel, |event| {
            if let Event::Begun { step: 2 } = event {
                cancel.cancel();
            }
        })
        .await;
        assert!(matches!(&applied.end, End::Stopped(Stop::Cancelled)), "{applied:?}");
        assert_eq!(fates(&applied), "ir-");
        assert!(applied.seconds < 60.0, "{applied:?}");
        assert_eq!(text(server, "app", "SELECT concat(to_regclass('a'), to_regclass('b'))").await, "a");
    })
    .await;
}

/// Stands between a client and a server, and cuts the connection when it sees COMMIT: before it is passed on, or before its answer is.
async fn cutting(server: &Server, after: bool) -> SecretString {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut url = url::Url::parse(server.url("app").expose_secret()).unwrap();
    let to = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let upstream = tokio::net::TcpStream::connect(&to).await.unwrap();
            tokio::spawn(async move {
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), upstream.into_split());
                let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                let mut bytes = vec![0; 65_536];
                while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
                    let commits = bytes[..count].windows(7).any(|part| part == b"COMMIT\0");
                    if commits {
                        answers.abort();
                    }
                    if (after || !commits) && to_server.write_all(&bytes[..count]).await.is_err() {
                        break;
                    }
                    if commits {
                        // Long enough for it to be carried out.
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        break;
                    }
                }
            });
        }
    });
    SecretString::from(url.to_string())
}

#[tokio::test]
async fn after_a_connection_lost_at_commit_the_server_is_asked_whether_it_is_in() {
    on_server(async |server| {
        let base = catalog(server, "app").await;
        let one = plan(&[&["CREATE TABLE a (id int)"]]);
        let two = plan(&[&["CREATE TABLE a (id int)"], &["CREATE TABLE b (id int)"]]);
        execute(server, "app", "CREATE TABLE a (id int)").await;
        let target = catalog(server, "app").await;
        execute(server, "app", "DROP TABLE a").await;
        let cancel = CancellationToken::new();

        let applied = run_between(&cutting(server, false).await, &one, &base, &target, limits(), &cancel, |_| {}).await;
        assert!(matches!(&applied.end, End::Stopped(Stop::Lost { resolved: true, .. })), "{applied:?}");
        assert_eq!((fates(&applied).as_str(), catalog(server, "app").await.fingerprint()), ("r", base.fingerprint()));

        let applied = run_between(&cutting(server, true).await, &two, &base, &target, limits(), &cancel, |_| {}).await;
        assert!(matches!(&applied.end, End::Stopped(Stop::Lost { resolved: true, group: 1, .. })), "{applied:?}");
        assert_eq!((fates(&applied).as_str(), catalog(server, "app").await.fingerprint()), ("i-", target.fingerprint()));

        execute(server, "app", "DROP TABLE a").await;
        let applied = run_between(&cutting(server, true).await, &one, &base, &target, limits(), &cancel, |_| {}).await;
        assert!(applied.is_reached(), "{applied:?}");
    })
    .await;
}

/// A directory with a schema's files in `schema`.
pub fn schema(sql: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("schema")).unwrap();
    std::fs::write(directory.path().join("schema/01.sql"), sql).unwrap();
    directory
}

fn schemaproof(directory: &Path, server: &Server, arguments: &[&str]) -> Command {
    to(directory, server.url("app").expose_secret(), arguments)
}

fn to(directory: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
    command.args(["apply", "--url", url, "--engine", "native", "--image", &test_image()]).args(arguments);
    command.current_dir(directory).stdin(Stdio::null());
    command
}

pub fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

#[tokio::test]
async fn apply_plans_online_when_asked() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)").await;
        let directory = schema("CREATE TABLE t (id int PRIMARY KEY, a int CONSTRAINT positive CHECK (a > 0));");
        let run = |arguments: &[&str]| {
            schemaproof(directory.path(), server, &[&["--to", "schema", "--format", "json"], arguments].concat()).output().unwrap()
        };
        let steps = |account: &serde_json::Value| account["report"]["steps"].as_array().unwrap().len();
        assert_eq!(steps(&json(&run(&["--dry-run"]))), 1);
        let done = run(&["--online", "--yes"]);
        let account = json(&done);
        assert_eq!((&account["outcome"], steps(&account)), (&"applied".into(), 2), "{}", said(&done));
        assert_eq!(text(server, "app", "SELECT convalidated::text FROM pg_constraint WHERE conname = 'positive'").await, "true");
    })
    .await;
}

#[tokio::test]
async fn apply_shows_and_runs_what_passes_and_holds_back_what_blocks() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int PRIMARY KEY, legacy text); INSERT INTO t VALUES (1, 'x')").await;
        let before = catalog(server, "app").await.fingerprint();
        let directory = schema("CREATE TABLE t (id int PRIMARY KEY);");
        let run = |arguments: &[&str]| {
            schemaproof(directory.path(), server, &[&["--to", "schema", "--format", "json"], arguments].concat()).output().unwrap()
        };

        let unanswered = run(&[]);
        assert_eq!(unanswered.status.code(), Some(2), "{}", said(&unanswered));
        let blocked = run(&["--yes", "--accept", "0123·4567·89ab·cdef"]);
        let account = json(&blocked);
        assert_eq!((blocked.status.code(), &account["outcome"]), (Some(3), &"blocked".into()));
        let fingerprint = account["fingerprint"].as_str().unwrap();
        assert!(said(&blocked).contains(&format!("--accept '{fingerprint}'")), "{}", said(&blocked));
        let dry = run(&["--dry-run", "--accept", fingerprint]);
        assert_eq!((dry.status.code(), &json(&dry)["outcome"]), (Some(0), &"dry-run".into()));
        assert_eq!(catalog(server, "app").await.fingerprint(), before);

        let done = run(&["--yes", "--accept", fingerprint]);
        let account = json(&done);
        assert_eq!((done.status.code(), &account["outcome"]), (Some(0), &"applied".into()), "{}", said(&done));
        assert_eq!((&account["steps"][0]["state"], &account["report"]["proven"]), (&"in".into(), &true.into()));
        assert_eq!(text(server, "app", "SELECT id::text FROM t").await, "1");
        let again = run(&["--yes"]);
        assert_eq!((again.status.code(), &json(&again)["outcome"]), (Some(0), &"nothing".into()));
    })
    .await;
}

#[tokio::test]
async fn a_saved_plan_is_applied_as_it_was_reviewed_or_not_at_all() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int)").await;
        let directory = schema("CREATE TABLE t (id int, note text);");
        let file = directory.path().join("plan.sql");
        let mut save = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
        save.args(["plan", "--from", server.url("app").expose_secret(), "--to", "schema", "--engine", "native"]);
        save.args(["--image", &test_image(), "--format", "sql", "--out", "plan.sql"]).current_dir(directory.path());
        assert_eq!(save.status().unwrap().code(), Some(0));
        let saved = std::fs::read_to_string(&file).unwrap();
        let run = || schemaproof(directory.path(), server, &["--plan", "plan.sql", "--yes"]).output().unwrap();

        std::fs::write(&file, saved.replace("note text", "note int")).unwrap();
        let altered = run();
        assert_eq!(altered.status.code(), Some(1));
        assert!(said(&altered).contains("altered after it was saved"), "{}", said(&altered));

        std::fs::write(&file, &saved).unwrap();
        execute(server, "app", "CREATE TABLE between (id int)").await;
        let other = run();
        assert_eq!(other.status.code(), Some(1));
        assert!(said(&other).contains("is not as it was when the plan was made"), "{}", said(&other));
        execute(server, "app", "DROP TABLE between").await;

        let done = run();
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        assert_eq!(
            text(server, "app", "SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0")
                .await,
            "id note"
        );
        let again = run();
        assert_eq!(again.status.code(), Some(0), "{}", said(&again));
        assert!(said(&again).contains("Nothing to do") && said(&again).contains("is as the target already"), "{}", said(&again));

        // What was found when it was saved is shown again, and blocks again.
        std::fs::write(directory.path().join("schema/01.sql"), "CREATE TABLE t (id int);").unwrap();
        assert_eq!(save.status().unwrap().code(), Some(3));
        let blocked = run();
        assert_eq!(blocked.status.code(), Some(3), "{}", said(&blocked));
        for wanted in ["drop-column, blocks: Column", "blocking finding is not accepted.", "add: --accept"] {
            assert!(said(&blocked).contains(wanted), "{wanted}: {}", said(&blocked));
        }
    })
    .await;
}

/// Kills the program when it has written so many lines that begin with two spaces and a sign: the begin and the end of a step.
fn kill_after(command: &mut Command, lines: usize) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let told = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut seen = told.filter(|line| line.starts_with("  … ") || line.starts_with("  ✓ "));
    let found = seen.by_ref().take(lines).count();
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    // It may be done by now.
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL);
    child.wait().unwrap();
    assert!(found == lines, "only {found} of {lines} lines");
}

#[tokio::test]
async fn a_run_that_is_killed_at_any_step_is_finished_by_the_next() {
    const BASE: &str = "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, feels mood); \
                        INSERT INTO t SELECT generate_series(1, 1000), 'sad'";
    // The new value is used, so it is committed in a group of its own before the rest.
    const TARGET: &str = "CREATE TYPE mood AS ENUM ('sad', 'glad'); \
        CREATE TABLE t (id int PRIMARY KEY, feels mood DEFAULT 'glad', note text, CONSTRAINT low CHECK (id < 100000)); \
        CREATE INDEX t_note ON t (note); CREATE VIEW v AS SELECT id FROM t WHERE feels = 'glad';";
    on_server(async |server| {
        execute(server, "app", BASE).await;
        let directory = schema(TARGET);
        let mut save = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
        save.args(["plan", "--from", server.url("app").expose_secret(), "--to", "schema", "--engine", "native"]);
        save.args(["--image", &test_image(), "--format", "sql", "--out", "plan.sql"]).current_dir(directory.path());
        assert_eq!(save.status().unwrap().code(), Some(0));
        let saved =
            schemaproof::plan::saved::Saved::read(&std::fs::read_to_string(directory.path().join("plan.sql")).unwrap()).unwrap();
        let steps = saved.plan.steps.len();
        assert!(steps >= 5 && saved.plan.steps.last().unwrap().group >= 2, "{:#?}", saved.plan);

        // Killed at the begin and at the end of every step; what is there then is one of few states, each of which is finished once.
        let mut states = std::collections::BTreeMap::new();
        for lines in 1..=2 * steps {
            let database = server.create_database(&format!("k{lines}"), Some("app")).await.unwrap();
            let url = server.url(&database);
            kill_after(&mut to(directory.path(), url.expose_secret(), &["--plan", "plan.sql", "--yes"]), lines);
            // The server has noticed when nobody is connected any more.
            let gone = format!("SELECT count(*)::text FROM pg_stat_activity WHERE datname = '{database}'");
            while text(server, "postgres", &gone).await != "0" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(text(server, &database, "SELECT count(*)::text FROM t").await, "1000");
            states.insert(catalog(server, &database).await.fingerprint(), database);
        }
        let ends = [&saved.ends.base, &saved.ends.target];
        assert!(states.keys().all(|state| ends.contains(&state) || states.len() <= saved.plan.steps.last().unwrap().group + 1));
        assert!(states.contains_key(&saved.ends.base) && states.len() >= 2, "{states:?}");
        for database in states.values() {
            let output = to(directory.path(), server.url(database).expose_secret(), &["--to", "schema", "--yes"]).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            assert_eq!(catalog(server, database).await.fingerprint(), saved.ends.target);
            assert_eq!(text(server, database, "SELECT count(*)::text FROM t").await, "1000");
        }
    })
    .await;
}
