//! Loading real files into real servers.

use std::path::{Path, PathBuf};

use schemaproof::{
    catalog::Address,
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
async fn the_real_files_of_p8fs_load_on_both_sides_and_their_dump_loads_again() {
    let Some(path) = corpus("p8fs") else { return };
    let (base, head) = (directory(&path.join("base")), directory(&path.join("head")));
    with_servers(&request(Where::Docker), Sides::Two, &CancellationToken::new(), async |servers| {
        let (a, b) = tokio::join!(load(&servers.base, &base, strict()), load(servers.target(), &head, strict()));
        let (a, b) = (a.unwrap_or_else(|error| panic!("{error}")), b.unwrap_or_else(|error| panic!("{error}")));
        assert!(a.created.len() > 100 && b.created.len() > a.created.len(), "{} {}", a.created.len(), b.created.len());
        let sql = "select ('pg_class'::regclass::oid::int8 || ' ' || oid::int8) from pg_class where relname = 'resources'";
        let oids = text(servers.target(), &b.database, sql).await;
        let (class, object) = oids.split_once(' ').unwrap();
        let address = Address { class: class.parse().unwrap(), object: object.parse().unwrap(), sub: 0 };
        assert_eq!(b.place(address, Some("id")).unwrap().to_string(), "01_entity_schema.sql:365:5");

        let dump = servers.target().pg_dump(&b.database, &["--schema-only"]).await?;
        assert!(!dump.contains("schemaproof"), "nothing of the load's own is left");
        servers.base.drop_database("app").await?;
        servers.base.create_database("app", None).await?;
        let again = load(&servers.base, &[file("dump.sql", &dump)], strict()).await.unwrap_or_else(|error| panic!("{error}"));
        let second = servers.base.pg_dump(&again.database, &["--schema-only"]).await?;
        // pg_dump's `\restrict` has another word each time.
        let plain = |dump: &str| dump.lines().filter(|line| !line.starts_with('\\')).map(String::from).collect::<Vec<_>>();
        assert_eq!(plain(&dump), plain(&second));
        Ok::<(), schemaproof::sandbox::SandboxError>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn files_run_as_psql_would_run_them() {
    let first = "\\restrict abc
\\unrestrict abc
\\set owner reader
\\set note 'it''s'
BEGIN;
CREATE ROLE :owner;
CREATE SCHEMA s;
COMMIT;
SET search_path = s;
CREATE TABLE t (id int PRIMARY KEY, note text);
COPY t (id, note) FROM stdin WITH (FORMAT csv);
1,\"one; two\"
2,'$$
\\.
INSERT INTO t VALUES (3, :'note') RETURNING *;
COPY t TO STDOUT;
CREATE INDEX CONCURRENTLY i ON t (note);
VACUUM t;
GRANT CONNECT ON DATABASE app TO :\"owner\";
\\ir parts/part.sql
\\connect app
\\echo done
";
    let files = [
        file("sql/1.sql", first),
        file("sql/2.sql", "\u{feff}DO $$ BEGIN EXECUTE 'CREATE TABLE u (id int)'; END $$;\r\nSELECT 1 \\g\r\n"),
        file(
            "sql/parts/part.sql",
            "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN a > 1 THEN 1 ELSE 2 END; END;",
        ),
    ];
    loaded(&files, strict(), async |server, outcome| {
        let loaded = outcome.unwrap_or_else(|error| panic!("{error}"));
        let rows = "select string_agg(id || '=' || note, ' ' order by id) from s.t";
        assert_eq!(text(server, "app", rows).await, "1=one; two 2='$$ 3=it's");
        // After \connect the search path is the default again.
        assert_eq!(text(server, "app", "select 'public.u'::regclass::text || s.f(5)").await, "u1");
        let place = async |object: &str, kind: &str, part| {
            let sql = format!("select '{kind}'::regclass::oid::text || ' ' || '{object}'::reg{}::oid::text", &kind[3..]);
            let oids = text(server, "app", &sql).await;
            let (class, object) = oids.split_once(' ').unwrap();
            let address = Address { class: class.parse().unwrap(), object: object.parse().unwrap(), sub: 0 };
            loaded.place(address, part).map(|place| place.to_string()).unwrap_or_default()
        };
        assert_eq!(place("s.t", "pg_class", None).await, "sql/1.sql:10:1");
        assert_eq!(place("s.t", "pg_class", Some("note")).await, "sql/1.sql:10:37");
        assert_eq!(place("s.i", "pg_class", None).await, "sql/1.sql:17:1");
        assert_eq!(place("u", "pg_class", None).await, "sql/2.sql:1:1", "what a DO block makes stands where the block does");
        let function = text(server, "app", "select 'pg_proc'::regclass::oid::text || ' ' || 's.f'::regproc::oid::text").await;
        let (class, object) = function.split_once(' ').unwrap();
        let address = Address { class: class.parse().unwrap(), object: object.parse().unwrap(), sub: 0 };
        assert_eq!(loaded.place(address, None).unwrap().to_string(), "sql/parts/part.sql:1:1");
    })
    .await;
}

#[tokio::test]
async fn an_error_shows_place_state_and_line() {
    let cases = [
        ("type", "select 1;\n\n  create table t (id int,\n    b nosuch);\nselect 2;"),
        ("in a function", "create function f() returns void language plpgsql as $$ begin\n  perform 1/0;\nend $$;\nselect f();"),
        ("copy", "create table t (id int);\ncopy t from stdin;\n1\nx\n\\.\nselect 1"),
        ("quote", "select 'ä', 'open;\nselect 2"),
        ("meta-command", "select 1;\n\\gexec\n"),
        ("include", "\\i ../../etc/passwd\n"),
        ("detail and hint", "do $$ begin raise exception 'no' using detail = 'for one', hint = 'do not'; end $$"),
        ("enormous", "do $$ begin raise exception '%', repeat('x', 100000); end $$"),
        ("variable", "\\set t nosuch\nselect *\nfrom :t;"),
    ];
    let mut shown = String::new();
    let cancel = CancellationToken::new();
    let request = request(Where::Docker);
    let run = with_servers(&request, Sides::One, &cancel, async |servers| {
        for (name, sql) in cases {
            let error = load(&servers.base, &[file("sql/a.sql", sql)], strict()).await.unwrap_err();
            shown.push_str(&format!("--- {name}\n{}\n", error.to_string().replace(&"x".repeat(4000), "x * 4000")));
            servers.base.drop_database("app").await?;
            servers.base.create_database("app", None).await?;
        }
        Ok::<(), schemaproof::sandbox::SandboxError>(())
    });
    run.await.unwrap();
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn an_extension_that_the_image_lacks_is_named_with_the_image() {
    let files = [file("a.sql", "create extension if not exists \"no-such\" with schema public")];
    loaded(&files, strict(), async |_, outcome| {
        let error = outcome.unwrap_err();
        let LoadError::MissingExtension { extension, .. } = &error else { panic!("{error}") };
        assert_eq!(extension, "no-such");
        let text = error.to_string();
        assert!(text.contains("a.sql:1:1") && text.contains("`image:`") && text.contains(&crate::sandbox::test_image()), "{text}");
    })
    .await;
}

#[tokio::test]
async fn a_lenient_load_leaves_out_what_fails_and_nothing_else() {
    let sql = "create table a (id int);\nselect nosuch;\nbegin;\ncreate table b (id int);\ncreate table b (id int);\n\
        copy b from stdin;\nx\n\\.\ncreate table c (id int);\ncommit;\n\\watch\ncreate extension nosuch;\ncreate table d (id int);";
    loaded(&[file("a.sql", sql)], lenient(), async |server, outcome| {
        let loaded = outcome.unwrap_or_else(|error| panic!("{error}"));
        let tables = "select string_agg(relname, ' ' order by relname) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace";
        assert_eq!(text(server, "app", tables).await, "a b c d");
        let failures: Vec<(String, &str)> = loaded
            .failures
            .iter()
            .map(|failure| (failure.spot.place.to_string(), failure.sqlstate.as_deref().unwrap_or_default()))
            .collect();
        let expected = [
            ("a.sql:2:8", "42703"),
            ("a.sql:5:1", "42P07"),
            ("a.sql:6:1", "22P02"),
            ("a.sql:11:1", ""),
            ("a.sql:12:1", "0A000"),
        ];
        assert_eq!(failures, expected.map(|(place, state)| (place.to_string(), state)));
        assert_eq!(loaded.failures[4].extension.as_deref(), Some("nosuch"));
    })
    .await;
}

#[tokio::test]
async fn a_setting_that_only_newer_servers_have_does_not_keep_a_dump_out() {
    let files = [file("dump.sql", "SET transaction_timeout = 0;\nSET search_pth = s;")];
    loaded(&files, strict(), async |_, outcome| {
        let error = outcome.unwrap_err();
        assert!(error.to_string().starts_with("dump.sql:2:1: "), "a mistyped one does: {error}");
    })
    .await;
}

#[tokio::test]
async fn a_session_a_file_forgets_what_the_file_before_has_set() {
    let files = [file("1.sql", "create schema s; set search_path = s; create temp table x ()"), file("2.sql", "create table t ()")];
    for (session, schema) in [(Session::Single, "s"), (Session::PerFile, "public")] {
        loaded(&files, Options { session, ..strict() }, async |server, outcome| {
            outcome.unwrap();
            let sql = "select relnamespace::regnamespace::text from pg_class where relname = 't'";
            assert_eq!(text(server, "app", sql).await, schema);
        })
        .await;
    }
}

#[tokio::test]
async fn a_statement_that_is_there_twice_has_the_place_of_each() {
    let sql = "create schema a; create schema b;\nset search_path = a;\ncreate table t ();\nset search_path = b;\ncreate table t ();\n\
        comment on table t is 'x';";
    loaded(&[file("a.sql", sql)], strict(), async |server, outcome| {
        let loaded = outcome.unwrap();
        for (table, line) in [("a.t", 3), ("b.t", 5)] {
            let sql = format!("select ('{table}'::regclass::oid::int8 || ' ' || 'pg_class'::regclass::oid::int8)");
            let oids = text(server, "app", &sql).await;
            let (object, class) = oids.split_once(' ').unwrap();
            let address = Address { class: class.parse().unwrap(), object: object.parse().unwrap(), sub: 0 };
            assert_eq!(loaded.place(address, None).unwrap().line, line);
            assert_eq!(loaded.altered.contains_key(&address), table == "b.t", "the comment touched only one");
        }
    })
    .await;
}

/// An event trigger of the files' own may refuse every change of the schema: what notes places is gone all the same.
#[tokio::test]
async fn files_may_refuse_every_change_of_the_schema() {
    let sql =
        "CREATE FUNCTION deny() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; CREATE TABLE t (a int);
               CREATE EVENT TRIGGER deny ON ddl_command_start EXECUTE FUNCTION deny();";
    loaded(&[file("a.sql", sql)], strict(), async |server, loaded| {
        let loaded = loaded.unwrap();
        let left = "SELECT count(*)::text FROM pg_namespace WHERE nspname LIKE 'schemaproof%'";
        assert_eq!(text(server, &loaded.database, left).await, "0");
    })
    .await;
}
