//! The real `atlas` between two real databases, and programs in its place that misbehave.
//!
//! `SCHEMAPROOF_TEST_ATLAS` names the binary; builds from source (v0.13) understand Postgres 15 and older, so the server is a 15.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use schemaproof::{
    plan::atlas::{Atlas, AtlasError, Wanted},
    sandbox::{Request, SandboxError, Sides, Where, with_servers},
};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::sandbox::request;

const LIMIT: Duration = Duration::from_secs(60);

/// The real binary.
pub fn binary() -> PathBuf {
    std::env::var_os("SCHEMAPROOF_TEST_ATLAS")
        .map(PathBuf::from)
        .or_else(|| Atlas::search(&std::env::var_os("PATH").unwrap_or_default()))
        .expect("no atlas: scripts/test provides one, or set SCHEMAPROOF_TEST_ATLAS")
}

/// A server that the binary understands.
pub fn request_15() -> Request {
    let image = std::env::var("SCHEMAPROOF_TEST_IMAGE_15").unwrap_or_else(|_| "pgvector/pgvector:pg15".into());
    Request { image, ..request(Where::Docker) }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error(transparent)]
    Atlas(#[from] AtlasError),
    #[error(transparent)]
    Sql(#[from] tokio_postgres::Error),
}

async fn proposed(from: &str, to: &str) -> Vec<String> {
    let outcome: Result<_, Failure> = with_servers(&request_15(), Sides::One, &CancellationToken::new(), async |servers| {
        let server = &servers.base;
        let mut names = Vec::new();
        for (name, sql) in [("a", from), ("b", to), ("scratch", "")] {
            let name = server.create_database(name, None).await?;
            server.connect(&name).await?.batch_execute(sql).await?;
            names.push(name);
        }
        let atlas = Atlas::open(binary(), LIMIT).await?;
        let [a, b, scratch] = [0, 1, 2].map(|at: usize| server.url(&names[at]));
        Ok(atlas.propose(&a, &Wanted::Database(&b), Some(&scratch), LIMIT).await?)
    })
    .await;
    outcome.unwrap()
}

#[tokio::test]
async fn statements_come_one_by_one_without_what_atlas_says_about_them() {
    let sql = r#"CREATE TABLE t (id int PRIMARY KEY, "we;ird" text DEFAULT 'a;b'); COMMENT ON TABLE t IS 'x; -- y'"#;
    let statements = proposed("", sql).await;
    assert_eq!(statements.len(), 2, "{statements:#?}");
    assert!(statements[0].starts_with("CREATE TABLE") && statements[0].contains("'a;b'"), "{statements:#?}");
    assert_eq!(statements[1], r#"COMMENT ON TABLE "public"."t" IS 'x; -- y'"#);
}

#[tokio::test]
async fn what_atlas_does_not_see_is_no_statement() {
    let before = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (id int); ALTER TABLE t ENABLE ROW LEVEL SECURITY";
    let after = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'; CREATE TABLE t (id int)";
    assert_eq!(proposed(before, after).await, Vec::<String>::new());
}

/// A program in the place of Atlas.
fn program(directory: &Path, script: &str) -> PathBuf {
    let path = directory.join("atlas");
    std::fs::write(&path, format!("#!/bin/sh\n[ \"$1\" = version ] && {{ echo 'atlas version v9.9.9'; exit; }}\n{script}\n"))
        .unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

async fn propose_with(script: &str, limit: Duration) -> Result<Vec<String>, AtlasError> {
    let directory = tempfile::tempdir().unwrap();
    let atlas = Atlas::open(program(directory.path(), script), LIMIT).await?;
    assert_eq!(atlas.version, "v9.9.9");
    let url = SecretString::from("postgres://postgres:s3cret@127.0.0.1:1/app?sslmode=disable");
    atlas.propose(&url, &Wanted::Database(&url), Some(&url), limit).await
}

#[tokio::test]
async fn one_that_hangs_is_given_up_in_time() {
    let begun = Instant::now();
    let error = propose_with("sleep 600", Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, AtlasError::Timeout { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn one_that_fails_or_is_killed_says_what_it_said() {
    let error = propose_with("echo 'Error: no such thing' >&2; exit 1", LIMIT).await.unwrap_err();
    assert!(matches!(&error, AtlasError::Failed { said, .. } if said == "Error: no such thing"), "{error}");
    let error = propose_with("kill -9 $$", LIMIT).await.unwrap_err();
    assert!(matches!(error, AtlasError::Failed { .. }) && error.to_string().contains("signal: 9"), "{error}");
}

#[tokio::test]
async fn it_sees_no_password_on_its_command_line_and_nothing_of_our_environment() {
    let script = r#"case "$*" in *s3cret*) exit 3;; esac; [ -z "$CARGO_MANIFEST_DIR" ] || exit 4; grep -q s3cret "$HOME/.pgpass" || exit 5; [ "$(stat -c %a "$HOME/.pgpass")" = 600 ] || exit 6"#;
    assert_eq!(propose_with(script, LIMIT).await.unwrap(), Vec::<String>::new());
}
