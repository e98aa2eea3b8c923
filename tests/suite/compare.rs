//! `schemaproof compare`: environments side by side, a few and many, on real servers.

use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use schemaproof::sandbox::Server;
use secrecy::ExposeSecret;

use crate::{
    apply::{execute, on_server, said, schema},
    sandbox::{docker, test_image},
};

fn compare(directory: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
    command.args(["compare", "--image", &test_image()]).args(arguments).current_dir(directory).stdin(Stdio::null());
    command.output().unwrap()
}

fn environment(name: &str, server: &Server, database: &str) -> String {
    format!("{name}={}", server.url(database).expose_secret())
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

#[tokio::test]
async fn a_schema_is_the_same_on_an_older_server() {
    on_server(async |server| {
        const SCHEMA: &str = "CREATE DOMAIN code AS text NOT NULL; CREATE TABLE t (id int PRIMARY KEY, code code, note text NOT NULL DEFAULT 'x');
            CREATE TABLE child (more int NOT NULL) INHERITS (t); CREATE VIEW v AS SELECT id, note FROM t;
            CREATE TABLE parts (at date NOT NULL, n int) PARTITION BY RANGE (at); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
            CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT n' IMMUTABLE; CREATE INDEX ON t (f(id)) WHERE note <> '';";
        execute(server, "app", SCHEMA).await;
        let directory = schema(SCHEMA);
        let other = if test_image().contains("18") { "pgvector/pgvector:pg16" } else { "pgvector/pgvector:pg18" };
        let live = environment("live", server, "app");
        let url = live.strip_prefix("live=").unwrap();
        let commands = [vec!["compare", "--image", other, "repository=schema", &live], vec!["plan", "--image", other, "--from", url, "--to", "schema"]];
        for arguments in commands {
            let mut command = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
            let output = command.args(arguments).current_dir(directory.path()).stdin(Stdio::null()).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        }
    })
    .await;
}

#[tokio::test]
async fn repository_and_databases_are_compared_object_by_object() {
    on_server(async |server| {
        const TARGET: &str = "CREATE TABLE t (id int PRIMARY KEY, note text); CREATE VIEW v AS SELECT id FROM t;";
        execute(server, "app", TARGET).await;
        let behind = server.create_database("behind", None).await.unwrap();
        execute(server, &behind, "CREATE TABLE t (id bigint PRIMARY KEY); CREATE TABLE extra (id int)").await;
        let directory = schema(TARGET);
        let password = url::Url::parse(server.url("app").expose_secret()).unwrap().password().unwrap().to_string();
        let (staging, prod) = (environment("staging", server, "app"), environment("prod", server, &behind));
        let file = format!("# ours\n\n{prod}\ngone=postgres://nobody:{password}@127.0.0.1:1/app\n");
        std::fs::write(directory.path().join("environments.txt"), file).unwrap();

        let all = ["repository=schema", &staging, "--from-file", "environments.txt"];
        let output = compare(directory.path(), &[&all[..], &["--format", "json"]].concat());
        let found = json(&output);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert_eq!(found["groups"][0]["names"], serde_json::json!(["repository", "staging"]));
        assert_eq!(found["groups"][1]["names"], serde_json::json!(["prod"]));
        let states: Vec<String> = found["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{} {}", row["object"].as_str().unwrap(), row["states"][1].as_str().unwrap()))
            .collect();
        assert_eq!(states, ["public.extra extra", "public.t.id differs", "public.t.note missing", "public.v missing"]);
        assert!(found["groups"][1]["steps"].as_u64().unwrap() >= 4, "{found:#}");
        assert!(found["environments"][3]["error"].as_str().unwrap().contains("127.0.0.1:1"), "{found:#}");
        for format in ["text", "markdown", "html"] {
            let output = compare(directory.path(), &[&all[..], &["--format", format]].concat());
            let said = said(&output);
            assert!(said.contains("prod") && said.contains("gone") && said.contains("missing"), "{said}");
            assert!(!said.contains(&password), "{said}");
        }

        let same = compare(directory.path(), &["repository=schema", &staging]);
        assert_eq!(same.status.code(), Some(0), "{}", said(&same));
        let differ = compare(directory.path(), &[&staging, &prod]);
        assert_eq!(differ.status.code(), Some(3), "{}", said(&differ));
        assert_eq!(compare(directory.path(), &[&staging]).status.code(), Some(2));
        let twice = compare(directory.path(), &[&staging, &staging]);
        assert!(said(&twice).contains("two environments are called `staging`"), "{}", said(&twice));
    })
    .await;
}

/// Roles belong to servers: files may name those that a live database's server has.
#[tokio::test]
async fn files_may_name_the_roles_of_a_live_server() {
    on_server(async |server| {
        const SCHEMA: &str =
            "CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO reporting; CREATE POLICY p ON t TO reporting USING (true);";
        execute(server, "app", &format!("CREATE ROLE reporting; {SCHEMA}")).await;
        let directory = schema(SCHEMA);
        let same = compare(directory.path(), &["repository=schema", &environment("live", server, "app")]);
        execute(server, "app", "DROP TABLE t; DROP ROLE reporting").await;
        assert_eq!(same.status.code(), Some(0), "{}", said(&same));
    })
    .await;
}

/// How many tenants are compared: making them takes most of the time.
fn tenants() -> usize {
    let asked = std::env::var("SCHEMAPROOF_TEST_TENANTS").ok().map(|number| number.parse().unwrap());
    asked.unwrap_or(60).max(50)
}

/// A server whose data is on disk: hundreds of databases are gigabytes.
struct OnDisk {
    container: String,
    url: String,
}

impl OnDisk {
    async fn start() -> OnDisk {
        // It ends by itself, should nobody be left to end it.
        let image = test_image();
        let run = ["run", "--detach", "--rm", "--env", "POSTGRES_PASSWORD=secret", "--publish", "127.0.0.1::5432", &image];
        let server = ["timeout", "600", "docker-entrypoint.sh", "postgres", "-c", "fsync=off", "-c", "full_page_writes=off"];
        let more = ["-c", "autovacuum=off", "-c", "max_wal_size=256MB"];
        let container = docker(&[&run[..], &server, &more].concat());
        let port = docker(&["port", &container, "5432/tcp"]);
        let server = OnDisk { container, url: format!("postgres://postgres:secret@{port}/") };
        // The server that prepares the data directory listens on no port: whoever answers is the final one.
        let begun = Instant::now();
        while let Err(error) = tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls).await {
            assert!(begun.elapsed().as_secs() < 120, "{error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        server
    }

    fn url(&self, database: &str) -> String {
        format!("{}{database}", self.url)
    }

    async fn execute(&self, database: &str, statements: &[String]) {
        let (client, connection) = tokio_postgres::connect(&self.url(database), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        for sql in statements {
            client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", "--volumes", &self.container]).output();
    }
}

#[tokio::test]
async fn many_tenants_are_one_group_and_the_odd_ones_out() {
    let (server, tenants) = (OnDisk::start().await, tenants());
    let one = |sql: &str| [sql.to_string()];
    server.execute("postgres", &one("CREATE DATABASE first")).await;
    server.execute("first", &one("CREATE TABLE t (id int PRIMARY KEY, note text); CREATE INDEX ON t (note)")).await;
    // Copying files costs less than logging them.
    let create = |number: usize| format!("CREATE DATABASE tenant_{number:03} TEMPLATE first STRATEGY file_copy");
    let half = |from: usize| (from..tenants).step_by(2).map(create).collect::<Vec<_>>();
    let (even, odd) = (half(0), half(1));
    tokio::join!(server.execute("postgres", &even), server.execute("postgres", &odd));
    server.execute("tenant_012", &one("DROP INDEX t_note_idx")).await;
    for tenant in ["tenant_032", "tenant_040"] {
        server.execute(tenant, &one("ALTER TABLE t ALTER note SET NOT NULL")).await;
    }
    server.execute("postgres", &one("ALTER DATABASE tenant_020 ALLOW_CONNECTIONS false")).await;
    // Fewer than there are databases, so that reading all at once would fail.
    let reader = "CREATE ROLE reader LOGIN PASSWORD 'secret' CONNECTION LIMIT 6";
    server.execute("postgres", &one(reader)).await;

    let directory = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let as_reader = |database: &str| server.url(database).replace("postgres:secret@", "reader:secret@");
    let (first, all) = (format!("first={}", as_reader("first")), format!("tenant={}", as_reader("tenant_*")));
    let output = compare(directory.path(), &[&first, &all, "--connections", "4", "--format", "json"]);
    eprintln!("{tenants} databases compared in {:?}", begun.elapsed());
    let found = json(&output);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let groups = found["groups"].as_array().unwrap();
    let sizes: Vec<usize> = groups.iter().map(|group| group["names"].as_array().unwrap().len()).collect();
    // The first itself, and all but the three that differ and the one that takes no connections.
    assert_eq!(sizes, [tenants - 3, 2, 1]);
    assert_eq!(groups[1]["names"], serde_json::json!(["tenant/tenant_032", "tenant/tenant_040"]));
    assert_eq!(groups[2]["names"], serde_json::json!(["tenant/tenant_012"]));
    assert_eq!(groups[2]["changes"][0]["object"], "public.t_note_idx");
}
