//! What goes wrong with servers and SQL: each ends in time, with a clear message, and leaves nothing behind.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use schemaproof::{
    load::{LoadError, Loaded, load},
    sandbox::{Request, SandboxError, Sides, Where, with_servers},
};
use tokio_util::sync::CancellationToken;

use crate::{
    load::{file, strict},
    sandbox::{containers, docker, nothing_is_left, request},
};

/// Loads SQL strictly on a server of its own; how it ended, and after how long since the server was there.
async fn end_of(sql: &str, change: impl FnOnce(&mut Request)) -> (Result<Loaded, LoadError>, Duration) {
    let mut request = request(Where::Docker);
    change(&mut request);
    let cancel = CancellationToken::new();
    let run = with_servers(&request, Sides::One, &cancel, async |servers| {
        let begun = Instant::now();
        let loaded = load(&servers.base, &[file("dir/hostile.sql", sql)], strict()).await;
        Ok::<_, SandboxError>((loaded, begun.elapsed()))
    });
    let outcome = run.await.unwrap();
    nothing_is_left(&request);
    outcome
}

#[tokio::test]
async fn an_image_that_cannot_be_had_is_named() {
    let mut request = request(Where::Docker);
    request.image = "schemaproof.invalid/no/such:image".into();
    let begun = Instant::now();
    let error =
        with_servers(&request, Sides::Two, &CancellationToken::new(), async |_| Ok::<(), SandboxError>(())).await.unwrap_err();
    assert!(matches!(error, SandboxError::NoImage { .. }), "{error}");
    assert!(error.to_string().contains("`schemaproof.invalid/no/such:image`") && error.to_string().contains("`image:`"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(60));
    nothing_is_left(&request);
}

#[tokio::test]
async fn a_container_that_ends_before_it_is_ready_is_shown_with_its_last_words() {
    let mut request = request(Where::Docker);
    // Not enough room for a data directory.
    request.limits.disk_bytes = 5 << 20;
    let error =
        with_servers(&request, Sides::One, &CancellationToken::new(), async |_| Ok::<(), SandboxError>(())).await.unwrap_err();
    assert!(matches!(error, SandboxError::NotStarted { .. }), "{error}");
    assert!(error.to_string().contains("No space left"), "{error}");
    nothing_is_left(&request);
}

#[tokio::test]
async fn a_container_that_is_killed_in_the_middle_of_a_load_ends_the_load() {
    let request = request(Where::Docker);
    let cancel = CancellationToken::new();
    let outcome = with_servers(&request, Sides::One, &cancel, async |servers| {
        let files = [file("a.sql", "select 1;\nselect pg_sleep(50);\nselect 2;")];
        let kill = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            for container in containers(&request) {
                docker(&["kill", &container]);
            }
            Instant::now()
        };
        let (loaded, killed) = tokio::join!(load(&servers.base, &files, strict()), kill);
        assert!(killed.elapsed() < Duration::from_secs(5));
        let error = loaded.unwrap_err();
        assert!(matches!(error, LoadError::ServerEnded { .. }), "{error}");
        assert!(error.to_string().starts_with("a.sql:2:1: the server ended"), "{error}");
        assert!(matches!(servers.base.connect("app").await, Err(SandboxError::Ended { .. })));
        Ok::<(), SandboxError>(())
    });
    outcome.await.unwrap();
    nothing_is_left(&request);
}

#[tokio::test]
async fn sql_that_never_ends_is_stopped() {
    let endless = [
        ("select 1;\nselect pg_sleep(1000)", 2),
        ("set statement_timeout = 0;\nselect pg_sleep(1000)", 2),
        (
            "set statement_timeout = 0;\ndo $$ begin loop begin perform pg_sleep(9); exception when query_canceled then null; end; end loop; end $$",
            2,
        ),
    ];
    for (sql, line) in endless {
        let (outcome, took) = end_of(sql, |request| request.limits.statement = Duration::from_secs(1)).await;
        let error = outcome.unwrap_err();
        assert!(matches!(error, LoadError::Endless { seconds: 1, .. }), "{sql}: {error}");
        assert!(error.to_string().starts_with(&format!("dir/hostile.sql:{line}:1: ")), "{error}");
        assert!(took < Duration::from_secs(15), "{sql}: {took:?}");
    }
}

#[tokio::test]
async fn sql_that_fills_the_disk_is_stopped() {
    let fill = "create table t as select repeat(md5(i::text), 100) from generate_series(1, 100000000) i";
    let (outcome, took) = end_of(fill, |request| request.limits.disk_bytes = 128 << 20).await;
    let error = outcome.unwrap_err();
    // Where the log of changes is what finds no room, the server gives up whole.
    match &error {
        LoadError::DiskFull { megabytes: 128, .. } => assert!(error.to_string().contains("`disk`"), "{error}"),
        LoadError::ServerEnded { .. } | LoadError::SessionEnded { .. } => {}
        other => panic!("{other}"),
    }
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[tokio::test]
async fn sql_that_eats_memory_or_processes_is_stopped() {
    let eat = "do $$ declare a text[]; begin for i in 1..80 loop a := a || repeat('x', 10000000); end loop; end $$";
    let (outcome, took) = end_of(eat, |request| {
        request.limits.memory_bytes = 256 << 20;
        request.limits.disk_bytes = 256 << 20;
    })
    .await;
    let error = outcome.unwrap_err();
    // Without a limit it would end well.
    let known = matches!(error, LoadError::OutOfMemory { .. } | LoadError::ServerEnded { .. } | LoadError::SessionEnded { .. });
    assert!(known, "{error}");
    assert!(took < Duration::from_secs(60), "{took:?}");

    let bomb = "copy (select 1) to program 'bash -c \"b() { b | b & }; b; sleep 2; exit 3\"'; select 1";
    let (outcome, took) = end_of(bomb, |request| request.limits.statement = Duration::from_secs(5)).await;
    outcome.unwrap_err();
    assert!(took < Duration::from_secs(30), "{took:?}");
    // More processes than the limit are not had: the shell waits for room until its time is over. Without a limit it ends at once, and well.
    let crowd = "copy (select 1) to program 'bash -c \"for ((i = 0; i < 400; i++)); do sleep 8 & done 2>/dev/null; exit 0\"'";
    let (outcome, _) = end_of(crowd, |request| request.limits.statement = Duration::from_secs(5)).await;
    outcome.unwrap_err();
}

#[tokio::test]
async fn sql_that_ends_its_session_or_its_server_is_said_to_have() {
    let (outcome, _) = end_of("select 1;\nselect pg_terminate_backend(pg_backend_pid());\nselect 2", |_| {}).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, LoadError::SessionEnded { .. }), "{error}");
    assert!(error.to_string().starts_with("dir/hostile.sql:2:1: "), "{error}");

    let kill = "copy (select 1) to program 'kill -9 $(head -1 $PGDATA/postmaster.pid)';\nselect pg_sleep(5)";
    let (outcome, took) = end_of(kill, |_| {}).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, LoadError::ServerEnded { .. }), "{error}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn sql_that_undoes_the_loads_own_means_is_loaded_all_the_same() {
    let sql = "alter role postgres password 'another';
        do $$ declare n text; begin
            select nspname into n from pg_namespace where nspname like 'schemaproof%';
            execute format('drop table %I.touched', n);
            execute format('alter schema %I rename to \"odd \"\"one\"', n);
        end $$;
        alter database app set default_transaction_read_only = on;
        alter role postgres set search_path = nowhere;
        create schema s create table t (id int)";
    let (outcome, _) = end_of(sql, |_| {}).await;
    let loaded = outcome.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.failures.len(), 0);

    let sql = "do $$ declare n text; begin
            select nspname into n from pg_namespace where nspname like 'schemaproof%';
            execute format('drop schema %I cascade', n);
        end $$; create table t (id int)";
    end_of(sql, |_| {}).await.0.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn cancelling_at_any_moment_ends_in_time_and_leaves_nothing() {
    for delay in [0, 5, 40, 150, 400, 800, 1300, 2500] {
        let request = request(Where::Docker);
        let cancel = CancellationToken::new();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            cancel.cancel();
            Instant::now()
        };
        let run = with_servers(&request, Sides::Two, &cancel, async |servers| {
            load(&servers.base, &[file("a.sql", "select pg_sleep(50)")], strict())
                .await
                .map(drop)
                .map_err(|_| SandboxError::Cancelled)
        });
        let (outcome, cancelled) = tokio::join!(run, stop);
        assert!(matches!(outcome, Err(SandboxError::Cancelled)), "after {delay} ms: {outcome:?}");
        assert!(cancelled.elapsed() < Duration::from_secs(10), "after {delay} ms: {:?}", cancelled.elapsed());
        nothing_is_left(&request);
    }
}

#[tokio::test]
async fn a_panic_goes_on_after_the_servers_are_removed() {
    let request = request(Where::Docker);
    let seen = request.clone();
    let run = tokio::spawn(async move {
        let cancel = CancellationToken::new();
        with_servers(&request, Sides::One, &cancel, async |_| -> Result<(), SandboxError> { panic!("on purpose") }).await
    });
    assert!(run.await.unwrap_err().is_panic());
    nothing_is_left(&seen);
}

/// Runs one of the ignored tests below in a process of its own.
fn child(test: &str, environment: &[(&str, &str)]) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "a part of without_docker_the_error_says_so"]
async fn child_without_docker() {
    let error =
        with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |_| Ok::<(), SandboxError>(())).await;
    println!("ended with: {}", error.unwrap_err());
}

#[tokio::test]
async fn without_docker_the_error_says_so() {
    let begun = Instant::now();
    let output =
        child("faults::child_without_docker", &[("DOCKER_HOST", "unix:///no/such/docker.sock")]).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("ended with: cannot reach Docker") && text.contains("`sandbox:`"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
#[ignore = "a part of what_a_killed_run_leaves_behind_is_gone_or_swept"]
async fn child_that_is_killed() {
    let mut request = request(Where::Docker);
    request.mark = std::env::var("SCHEMAPROOF_TEST_MARK").unwrap();
    with_servers(&request, Sides::Two, &CancellationToken::new(), async |_| {
        println!("\nready");
        std::future::pending::<Result<(), SandboxError>>().await
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_a_killed_run_leaves_behind_is_gone_or_swept() {
    use std::io::BufRead;
    let request = request(Where::Docker);
    let mut child = child("faults::child_that_is_killed", &[("SCHEMAPROOF_TEST_MARK", &request.mark)]);
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "ready")));
    assert_eq!(containers(&request).len(), 2);
    // SIGKILL: nothing of ours runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = Instant::now();
    while !containers(&request).is_empty() {
        assert!(killed.elapsed() < Duration::from_secs(10), "the containers outlive their run");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The next run, whoever's it is, sweeps the network.
    let next = crate::sandbox::request(Where::Docker);
    with_servers(&next, Sides::One, &CancellationToken::new(), async |_| Ok::<(), SandboxError>(())).await.unwrap();
    nothing_is_left(&request);
}
