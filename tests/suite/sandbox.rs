//! The sandbox against a real daemon, real binaries and a real server.

use std::process::Command;

use schemaproof::{
    load::load,
    sandbox::{Request, SandboxError, Server, Sides, Where, with_servers},
};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use crate::load::{file, strict};

/// The image that the tests use.
pub fn test_image() -> String {
    std::env::var("SCHEMAPROOF_TEST_IMAGE").unwrap_or_else(|_| "postgres:16".into())
}

/// A request whose containers can be told from all others.
pub fn request(place: Where) -> Request {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mark = format!("test-{}-{number}", std::process::id());
    Request { place, image: test_image(), mark, ..Request::from(&schemaproof::config::Config::default()) }
}

/// What `docker` prints.
pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("the docker client is needed");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

pub fn containers(request: &Request) -> Vec<String> {
    let filter = format!("label=schemaproof.mark={}", request.mark);
    docker(&["ps", "-aq", "--no-trunc", "--filter", &filter]).lines().map(String::from).collect()
}

pub fn nothing_is_left(request: &Request) {
    assert_eq!(containers(request), Vec::<String>::new());
    let filter = format!("label=schemaproof.mark={}", request.mark);
    assert_eq!(docker(&["network", "ls", "-q", "--filter", &filter]), "");
}

pub async fn text(server: &Server, database: &str, sql: &str) -> String {
    let connection = server.connect(database).await.unwrap();
    let row = connection.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    row.get(0)
}

/// What every kind of sandbox does.
async fn does_all_that_is_asked(request: &Request) {
    let cancel = CancellationToken::new();
    let done = with_servers(request, Sides::Two, &cancel, async |servers| {
        let files = [file("a.sql", "create role app_owner; create table t (id int); alter database app set work_mem = '5MB'")];
        let (base, target) = tokio::join!(load(&servers.base, &files, strict()), load(servers.target(), &files, strict()));
        for (server, loaded) in [(&servers.base, base.unwrap()), (servers.target(), target.unwrap())] {
            assert!(server.version_num() >= 130_000, "{}", server.version());
            assert!(server.version().starts_with(&(server.version_num() / 10_000).to_string()));
            assert_eq!(text(server, &loaded.database, "show work_mem").await, "5MB");
            let dump = server.pg_dump(&loaded.database, &["--schema-only"]).await;
            match dump {
                Ok(dump) => assert!(dump.contains("CREATE TABLE public.t"), "{dump}"),
                Err(SandboxError::NoPgDump { .. }) if server.is_shared() => {}
                Err(error) => panic!("{error}"),
            }
            let copy = server.create_database("copy", Some(&loaded.database)).await?;
            assert_eq!(text(server, &copy, "select count(*)::text from t").await, "0");
            let url = server.url(&copy);
            assert!(url.expose_secret().contains(&copy));
            let (client, connection) = tokio_postgres::connect(url.expose_secret(), tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute("select from t").await.unwrap();
            server.drop_database(&copy).await?;
        }
        Ok::<(), SandboxError>(())
    });
    done.await.unwrap();
}

#[tokio::test]
async fn docker_does_all_that_is_asked_and_leaves_nothing() {
    let request = request(Where::Docker);
    does_all_that_is_asked(&request).await;
    nothing_is_left(&request);
}

#[tokio::test]
async fn local_binaries_do_all_that_is_asked_and_leave_nothing() {
    let request = request(Where::Local);
    let ours = || {
        let entries = ["/dev/shm", "/tmp"].into_iter().flat_map(|parent| std::fs::read_dir(parent).into_iter().flatten().flatten());
        let owner = format!("/{}/", std::process::id());
        entries.filter(|entry| std::fs::read_to_string(entry.path().join("owner")).is_ok_and(|text| text.contains(&owner))).count()
    };
    match with_servers(&request, Sides::One, &CancellationToken::new(), async |_| {
        assert_eq!(ours(), 1);
        Ok(())
    })
    .await
    {
        Err(SandboxError::NoBinaries) => return eprintln!("skipped: no Postgres binaries on this machine"),
        other => other.unwrap(),
    }
    does_all_that_is_asked(&request).await;
    assert_eq!(ours(), 0);
}

#[tokio::test]
async fn a_given_server_lends_databases_and_has_none_of_ours_afterwards() {
    let databases = "select string_agg(datname, ' ' order by datname) from pg_database";
    let roles = "select string_agg(rolname, ' ' order by rolname) from pg_roles";
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        let host = &servers.base;
        host.drop_database("app").await?;
        let before = (text(host, "postgres", databases).await, text(host, "postgres", roles).await);
        let request = request(Where::Given(host.url("postgres")));
        does_all_that_is_asked(&request).await;
        assert_eq!((text(host, "postgres", databases).await, text(host, "postgres", roles).await), before);

        // A database of that name that is somebody's is left alone.
        host.connect("postgres").await?.batch_execute("create database app").await.unwrap();
        host.connect("app").await?.batch_execute("create table precious (id int)").await.unwrap();
        with_servers(&request, Sides::Two, &CancellationToken::new(), async |servers| {
            assert!(servers.remarks.iter().any(|remark| remark.contains("`app`")), "{:?}", servers.remarks);
            let files = [file("a.sql", "create table t (id int); alter database app set work_mem = '5MB'; drop database app")];
            let loaded = load(&servers.base, &files, strict()).await.unwrap();
            assert_ne!(loaded.database, "app");
            assert_eq!(loaded.remarks.len(), 2, "{:?}", loaded.remarks);
            assert!(matches!(servers.base.drop_database("app").await, Err(SandboxError::NotOurs { .. })));
            Ok::<(), SandboxError>(())
        })
        .await?;
        assert_eq!(text(host, "app", "select count(*)::text || current_setting('work_mem') from precious").await, "04MB");
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn databases_of_a_dead_run_on_a_given_server_are_swept_and_those_of_a_live_one_are_not() {
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        let host = &servers.base;
        let databases = "select string_agg(datname, ' ' order by datname) from pg_database where datname like 'schemaproof%'";
        let connection = host.connect("postgres").await?;
        connection.batch_execute("create database schemaproof_deadbeefdead_0_side").await.unwrap();
        let request = request(Where::Given(host.url("postgres")));
        with_servers(&request, Sides::One, &CancellationToken::new(), async |servers| {
            let kept = servers.base.create_database("kept", None).await?;
            with_servers(&request, Sides::One, &CancellationToken::new(), async |_| Ok::<(), SandboxError>(())).await?;
            assert_eq!(text(host, "postgres", databases).await, kept);
            Ok::<(), SandboxError>(())
        })
        .await
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_container_has_no_way_out_and_few_rights() {
    let request = request(Where::Docker);
    with_servers(&request, Sides::Two, &CancellationToken::new(), async |servers| {
        let connection = servers.base.connect("app").await?;
        // The other side's server is what a way out would reach first; 192.0.2.1 is nobody's (RFC 5737).
        let other = text(servers.target(), "app", "select host(inet_server_addr())").await;
        for (host, port) in [("192.0.2.1", 80), (other.as_str(), 5432)] {
            let sql = format!("copy (select 1) to program 'timeout 2 bash -c \"exec 3<>/dev/tcp/{host}/{port}\" 2>&1'");
            assert!(connection.batch_execute(&sql).await.is_err(), "{host}:{port} was reached");
        }
        let names = "copy (select 1) to program 'timeout 5 getent hosts example.com'";
        assert!(connection.batch_execute(names).await.is_err(), "names are resolved");
        let own = "copy (select 1) to program 'timeout 2 bash -c \"exec 3<>/dev/tcp/127.0.0.1/5432\"'";
        connection.batch_execute(own).await.expect("the way of asking works");

        let status = text(&servers.base, "app", "select pg_read_file('/proc/self/status')").await;
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_string();
        assert_eq!((line("CapEff:").as_str(), line("NoNewPrivs:").as_str()), ("0000000000000000", "1"));
        assert!(connection.batch_execute("copy (select 1) to '/var/tmp/x'").await.is_err(), "the root is read-only");
        let mounts = text(&servers.base, "app", "select pg_read_file('/proc/mounts')").await;
        let data = text(&servers.base, "app", "show data_directory").await;
        assert!(
            mounts.lines().any(|line| line.starts_with("tmpfs ") && data.starts_with(line.split(' ').nth(1).unwrap())),
            "{mounts}"
        );
        for container in containers(&request) {
            let published = docker(&["port", &container]);
            assert!(published.lines().all(|line| line.contains("127.0.0.1:")), "{published}");
            let mounts = docker(&["inspect", "-f", "{{range .Mounts}}{{.Type}} {{end}}", &container]);
            assert_eq!(mounts.trim(), "", "no bind mounts and no volumes");
            // On a machine without an outside nothing answers, whatever the network: that Docker keeps it in, it says itself.
            let networks =
                docker(&["inspect", "-f", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", &container]);
            assert!(!networks.trim().is_empty());
            for network in networks.split_whitespace() {
                assert_eq!(docker(&["network", "inspect", "-f", "{{.Internal}}", network]).trim(), "true", "{network}");
            }
        }
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn setup_runs_first_and_its_failure_names_the_statement() {
    let mut request = request(Where::Docker);
    request.setup = vec!["create role reader".into(), "grant reader to nobody_at_all".into()];
    let error =
        with_servers(&request, Sides::One, &CancellationToken::new(), async |_| Ok::<(), SandboxError>(())).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("grant reader to nobody_at_all") && text.contains("42704"), "{text}");
    nothing_is_left(&request);
}

#[test]
fn a_url_that_cannot_be_used_is_an_error_without_its_password() {
    for url in ["mysql://u:secret@h/d", "postgres://u:secret@h/d?sslmode=perhaps", "postgres://u:secret@h:port/d", "secret"] {
        let error = schemaproof::sandbox::Address::from_url(&SecretString::from(url)).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
#[ignore = "a part of in_a_container_we_join_the_servers_network"]
async fn child_in_a_container() {
    let mut request = request(Where::Docker);
    request.mark = std::env::var("SCHEMAPROOF_TEST_MARK").unwrap();
    does_all_that_is_asked(&request).await;
    println!("\ndone in a container");
}

#[test]
fn in_a_container_we_join_the_servers_network() {
    let request = request(Where::Docker);
    let program = format!("{}:/suite:ro", std::env::current_exe().unwrap().display());
    let mark = format!("SCHEMAPROOF_TEST_MARK={}", request.mark);
    let image = test_image();
    let test_image = format!("SCHEMAPROOF_TEST_IMAGE={image}");
    // A container of its own on Docker's usual network, and one that shares the network of another, as `act` does it.
    let other = docker(&["run", "-d", "--rm", "--entrypoint", "sleep", &image, "1000"]);
    for network in ["bridge", &format!("container:{other}"), "host"] {
        let output = Command::new("docker")
            .args(["run", "--rm", "--network", network, "-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", &program])
            .args(["-e", &mark, "-e", &test_image, "--entrypoint", "/suite", &image])
            .args(["--exact", "sandbox::child_in_a_container", "--ignored", "--nocapture"])
            .output()
            .unwrap();
        let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(text.lines().any(|line| line == "done in a container"), "{network}: {text}{errors}");
        nothing_is_left(&request);
    }
    docker(&["rm", "-f", &other]);
}
