//! Splitting, compared with psql itself.

use std::{path::Path, process::Command};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use schemaproof::{
    sandbox::{SandboxError, Sides, Where, with_servers},
    script::{Item, Names, split},
};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::{load::file, sandbox::request};

/// The statements of a script.
fn ours(sql: &str) -> Vec<String> {
    let items = split(&[file("a.sql", sql)], &Names::default()).unwrap();
    items
        .into_iter()
        .filter_map(|item| match item {
            Item::Statement(statement) | Item::CopyIn { statement, .. } | Item::CopyOut(statement) => {
                Some(statement.text.to_string())
            }
            _ => None,
        })
        .collect()
}

/// What psql sends for a script, by its own log, without the comments around statements that its versions treat differently.
fn psql(sql: &str, url: &str, directory: &Path) -> Vec<String> {
    let (script, log) = (directory.join("script.sql"), directory.join("log"));
    std::fs::write(&script, sql).unwrap();
    let _ = std::fs::remove_file(&log);
    let run = Command::new("psql").args(["-X", "-q", "-L"]).arg(&log).arg("-f").arg(&script).arg(url).output().unwrap();
    assert!(log.exists(), "{run:?}");
    let text = std::fs::read_to_string(&log).unwrap();
    let (mut queries, mut open) = (Vec::new(), None::<String>);
    for line in text.split_inclusive('\n') {
        match (line.trim_end_matches('\n').trim_matches(['/', '*']), &mut open) {
            (" QUERY ", None) => open = Some(String::new()),
            ("", Some(query)) if line.contains("********************") => {
                // The log's own line break.
                queries.push(query.strip_suffix('\n').unwrap_or(query).to_string());
                open = None;
            }
            (_, Some(query)) => query.push_str(line),
            _ => {}
        }
    }
    queries
        .iter()
        .flat_map(|query| {
            let parts = ours(query);
            assert!(parts.len() <= 1, "psql sends as one what is split here: {query}");
            parts
        })
        .collect()
}

#[tokio::test]
async fn statements_end_where_psql_ends_them() {
    if Command::new("psql").arg("--version").output().is_err() {
        return eprintln!("skipped: no psql on this machine");
    }
    let fragments = prop::sample::select(vec![
        "'",
        "''",
        "\"",
        "$$",
        "$a$",
        "$1 ",
        "--",
        "\n",
        "/*",
        "*/",
        ";",
        ";\n",
        "; ",
        "(",
        ")",
        "E'",
        "e'\\'",
        "U&'",
        "b'1'",
        "n'",
        " begin ",
        " end ",
        " case ",
        " BEGIN",
        "create function f() ",
        "create or replace procedure p() ",
        "begin atomic ",
        "select 1",
        " ",
        "a",
        "a$",
        " 1 ",
        ":x",
        ":'x'",
        "::int",
        ":=",
        "[1:2]",
        "ä",
        "set standard_conforming_strings = off;",
        "set standard_conforming_strings to on;",
        "'\n'",
        "' '",
        "'--'",
    ]);
    let scripts = prop::collection::vec(fragments, 1..60).prop_map(|parts| parts.concat());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let directory = tempfile::tempdir().unwrap();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(80);
    with_servers(&request(Where::Docker), Sides::One, &CancellationToken::new(), async |servers| {
        let url = servers.base.url("app");
        for _ in 0..cases {
            let mut script = scripts.new_tree(&mut runner).unwrap().current();
            // psql leaves empty lines out where nothing is quoted.
            while script.contains("\n\n") {
                script = script.replace("\n\n", "\n");
            }
            // Whether an open quote has the last line break in it is nobody's concern.
            let script = script.trim_end();
            assert_eq!(ours(script), psql(script, url.expose_secret(), directory.path()), "{script}");
        }
        Ok::<(), SandboxError>(())
    })
    .await
    .unwrap();
}

proptest! {
    #[test]
    fn a_statement_stands_where_it_says(parts in prop::collection::vec("[ \n\t;'\"a-z$()/*ä:-]{0,12}", 0..12)) {
        let text = parts.concat();
        let lines: Vec<&str> = text.split('\n').collect();
        for item in split(&[file("a.sql", &text)], &Names::default()).unwrap() {
            let Item::Statement(statement) = item else { continue };
            for (index, character) in statement.text.chars().enumerate().filter(|(_, c)| *c != '\n') {
                let place = statement.spot(index as u32 + 1).place;
                let found = lines[place.line as usize - 1].chars().nth(place.column as usize - 1);
                prop_assert_eq!(found, Some(character));
            }
        }
    }

    #[test]
    fn whatever_the_bytes_it_comes_to_an_end(text in "\\PC{0,200}") {
        let _ = split(&[file("a.sql", &text)], &Names::default());
        let _ = split(&[file("a.sql", &format!("\\set x {text}\n:x {text} :'x' \\{text}\n{text}"))], &Names::default());
    }
}
