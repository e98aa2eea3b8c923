//! Loading real files into real servers.

use std::path::{Path, PathBuf};

use schemaproof::{
    config::Session,
    load::{LoadError, Loaded, Options, Strictness, load},
    sandbox::{Server, Sides, Where, with_servers},
    script::SqlFile,
};
use tokio_util::sync::CancellationToken;

use crate::sandbox::{request, text};

pub fn strict() -> Options {
    Options { session: Session::Single, strictness: Strictness::Strict }
}

fn lenient() -> Options {
    Options { session: Session::Single, strictness: Strictness::Lenient }
}

pub fn file(path: &str, text: &str) -> SqlFile {
    SqlFile { path: path.into(), text: text.into() }
}

/// A server, and what comes of loading into it.
async fn loaded<T>(files: &[SqlFile], options: Options, then: impl AsyncFnOnce(&Server, Result<Loaded, LoadError>) -> T) -> T {
    let request = request(Where::Docker);
    let cancel = CancellationToken::new();
    let outcome = with_servers(&request, Sides::One, &cancel, async |servers| {
        let outcome = load(&servers.base, files, options).await;
        Ok::<T, schemaproof::sandbox::SandboxError>(then(&servers.base, outcome).await)
    });
    outcome.await.unwrap()
}

/// The corpus, where it is.
fn corpus(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SCHEMAPROOF_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let found = root.join(part);
    if !found.is_dir() {
        eprintln!("skipped: no corpus at {}", found.display());
        return None;
    }
    Some(found)
}

fn directory(path: &Path) -> Vec<SqlFile> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|path| SqlFile::from_bytes(&path.file_name().unwrap().to_string_lossy(), &std::fs::read(path).unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn the_real_files_of_p8fs_load_on_both_sides() {
    let Some(path) = corpus("p8fs") else { return };
    let (base, head) = (directory(&path.join("base")), directory(&path.join("head")));
    let _ = tracing_subscriber::fmt().with_env_filter("schemaproof=debug").with_test_writer().try_init();
    with_servers(&request(Where::Docker), Sides::Two, &CancellationToken::new(), async |servers| {
        let begun = std::time::Instant::now();
        let (a, b) = tokio::join!(load(&servers.base, &base, strict()), load(servers.target(), &head, strict()));
        eprintln!("loaded in {:?}", begun.elapsed());
        let (a, b) = (a.unwrap_or_else(|error| panic!("{error}")), b.unwrap_or_else(|error| panic!("{error}")));
        eprintln!("{} {} {} {}", a.statements.len(), a.created.len(), b.statements.len(), b.created.len());
        let dump = servers.target().pg_dump(&b.database, &["--schema-only"]).await?;
        assert!(!dump.contains("schemaproof"), "nothing of the load's own is left");
        let sql = "select 'pg_class'::regclass::oid, oid from pg_class where relname = 'resources'";
        let row = servers.target().connect(&b.database).await?.query_one(sql, &[]).await.unwrap();
        let address = schemaproof::catalog::Address { class: row.get(0), object: row.get(1), sub: 0 };
        eprintln!("{:?} {:?}", b.place(address, None), b.place(address, Some("id")));
        Ok::<(), schemaproof::sandbox::SandboxError>(())
    })
    .await
    .unwrap();
}
