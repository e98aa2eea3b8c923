//! The program as a person or a script meets it: exit codes, what is on which stream, and signals.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::sandbox::{docker, test_image};

fn schemaproof(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    command
}

/// A directory with a schema before and one after.
fn schemas(base: &str, head: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, sql) in [("a", base), ("b", head)] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
        std::fs::write(directory.path().join(name).join("01_tables.sql"), sql).unwrap();
    }
    directory
}

fn plan(base: &str, head: &str, more: &[&str]) -> Output {
    let directory = schemas(base, head);
    let image = test_image();
    let arguments = [&["plan", "--from", "a", "--to", "b", "--engine", "native", "--image", &image], more].concat();
    schemaproof(directory.path(), &arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_safe_plan_passes_and_its_sql_is_all_that_is_on_standard_output() {
    let output =
        plan("CREATE TABLE t (id int PRIMARY KEY);", "CREATE TABLE t (id int PRIMARY KEY, note text);", &["--format", "sql"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let sql: Vec<&str> = text(&output.stdout).lines().filter(|line| !line.is_empty() && !line.starts_with("--")).collect();
    assert!(sql.contains(&"ALTER TABLE public.t ADD COLUMN note text;"), "{sql:?}");
}

#[test]
fn a_plan_that_drops_a_column_blocks_and_says_where_and_why() {
    let output = plan(
        "CREATE TABLE t (\n  id int PRIMARY KEY,\n  legacy text\n);",
        "CREATE TABLE t (id int PRIMARY KEY);",
        &["--format", "json"],
    );
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["verdict"], &report["proven"]), (&"blocked".into(), &true.into()));
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "drop-column").unwrap();
    assert_eq!((&finding["object"], &finding["blocks"]), (&"public.t.legacy".into(), &true.into()));
    assert_eq!(report["steps"][0]["effects"]["values_lost"], 3);
}

#[test]
fn notes_in_included_files_count_where_they_stand() {
    let directory =
        schemas("CREATE TABLE t (id int PRIMARY KEY, legacy text, b text);", "-- \\ir parts/never.sql\n\\ir parts/t.sql\n");
    std::fs::create_dir(directory.path().join("b/parts")).unwrap();
    for (name, sql) in [
        (
            "t.sql",
            "\n-- schemaproof: allow drop-column t.legacy nobody reads it\nCREATE TABLE t (\n  id int PRIMARY KEY,\n  -- @renamed from=b\n  c text\n);",
        ),
        ("never.sql", "-- schemaproof: allow drop-column it is not run\nSELECT 1;"),
    ] {
        std::fs::write(directory.path().join("b/parts").join(name), sql).unwrap();
    }
    let image = test_image();
    let arguments = ["plan", "--from", "a", "--to", "b", "--engine", "native", "--image", &image, "--format", "json"];
    let output = schemaproof(directory.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let accepted: Vec<_> = findings.iter().filter_map(|finding| finding["accepted_by"].as_str()).collect();
    assert_eq!(accepted, ["the note at b/parts/t.sql:2: nobody reads it"]);
    assert!(findings.iter().all(|finding| finding["rule"] != "unused-note"), "{findings:#?}");
    let renamed = report["changes"].as_array().unwrap().iter().find(|change| change["action"] == "rename").unwrap();
    assert_eq!((&renamed["object"], &renamed["file"]), (&"public.t.c".into(), &"b/parts/t.sql".into()));
}

#[test]
fn what_else_changes_in_a_renamed_table_is_found() {
    let output = plan(
        "CREATE TABLE orders (id int PRIMARY KEY, title text); ALTER TABLE orders ENABLE ROW LEVEL SECURITY;",
        "-- @renamed from=orders\nCREATE TABLE invoices (id int PRIMARY KEY, title text, due date NOT NULL);",
        &["--format", "json"],
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules: Vec<&str> = report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
    for rule in ["rename-table", "disable-row-security", "add-column-not-null"] {
        assert!(rules.contains(&rule), "{rule}: {rules:?}");
    }
}

#[test]
fn broken_sql_names_file_line_and_sqlstate_and_prints_no_plan() {
    let output = plan("", "CREATE TABLE t (id int);\nCREATE TABEL u ();\n", &["--format", "sql"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    assert!(said.contains("b/01_tables.sql:2:8") && said.contains("42601") && said.contains("CREATE TABEL u"), "{said}");
}

#[test]
fn wrong_use_is_exit_code_two_and_a_missing_source_is_named() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(schemaproof(directory.path(), &["plan", "--form", "x"]).output().unwrap().status.code(), Some(2));
    let output = schemaproof(directory.path(), &["plan", "--from", "empty", "--to", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere"), "{}", text(&output.stderr));
}

#[test]
fn an_engine_that_is_not_there_says_how_to_get_it() {
    let directory = schemas("", "CREATE TABLE t ();");
    let image = test_image();
    let arguments = ["plan", "--from", "a", "--to", "b", "--engine", "atlas", "--image", &image];
    let mut command = schemaproof(directory.path(), &arguments);
    let output = command.env("PATH", "/nonexistent").env("XDG_CACHE_HOME", directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = [text(&output.stdout), text(&output.stderr)].concat();
    assert!(said.contains("schemaproof atlas install"), "{said}");
}

#[test]
fn the_config_file_is_read_and_a_mistyped_key_is_named() {
    let directory = schemas("", "");
    std::fs::write(directory.path().join("config.yml"), "imgae: postgres:17\n").unwrap();
    let output = schemaproof(directory.path(), &["plan", "--from", "a", "--to", "b", "--config", "config.yml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("did you mean `image`"), "{}", text(&output.stderr));
}

#[test]
fn generate_puts_the_files_together_in_the_shells_order() {
    let directory = tempfile::tempdir().unwrap();
    for (name, sql) in [("b.sql", "SELECT 2;"), ("B.sql", "SELECT 1;\n"), ("a.txt", "no"), (".hidden.sql", "no")] {
        std::fs::write(directory.path().join(name), sql).unwrap();
    }
    let output = schemaproof(directory.path(), &["generate", "."]).output().unwrap();
    let lines: Vec<&str> = text(&output.stdout).lines().filter(|line| !line.starts_with("--")).collect();
    assert_eq!(lines, ["SELECT 1;", "SELECT 2;"]);
}

#[test]
fn rules_are_listed_and_explained() {
    let directory = tempfile::tempdir().unwrap();
    let output = schemaproof(directory.path(), &["rules"]).output().unwrap();
    assert!(text(&output.stdout).lines().any(|line| line.starts_with("drop-column ") && line.contains("danger")));
    let output = schemaproof(directory.path(), &["rules", "drop-colunm"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("did you mean `drop-column`?"));
}

#[test]
fn sigterm_and_sigint_at_any_moment_end_the_run_in_time_and_leave_no_container() {
    // Endless on purpose: whatever the moment, the run is in the middle of something.
    let directory = schemas("CREATE TABLE t (id int);", "CREATE TABLE t (id int, note text); SELECT pg_sleep(300);");
    let image = test_image();
    for (milliseconds, signal) in [
        (50, nix::sys::signal::SIGTERM),
        (600, nix::sys::signal::SIGINT),
        (2_000, nix::sys::signal::SIGTERM),
        (6_000, nix::sys::signal::SIGTERM),
    ] {
        let arguments = ["plan", "--from", "a", "--to", "b", "--engine", "native", "--sandbox", "docker", "--image", &image];
        let mut child = schemaproof(directory.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "still running 30 s after the signal");
            std::thread::sleep(Duration::from_millis(20));
        }
        let left = docker(&["ps", "-a", "--filter", "label=schemaproof", "--format", "{{.Label \"schemaproof.owner\"}}"]);
        let ours = format!("/{pid}/");
        assert!(!left.lines().any(|owner| owner.contains(&ours)), "left after {milliseconds} ms: {left}");
        assert_eq!(child.wait().unwrap().code().filter(|code| *code != 1), None);
    }
}

#[test]
fn a_rename_that_a_note_names_keeps_its_data_both_ways() {
    let base = "CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, title text, UNIQUE (customer, title));
                CREATE TABLE lines (id int PRIMARY KEY, of_order int REFERENCES orders); CREATE VIEW titles AS SELECT title FROM orders;";
    let head = "-- @renamed from=orders
                CREATE TABLE invoices (id int PRIMARY KEY, customer int NOT NULL,
                    headline text, -- @renamed from=title
                    UNIQUE (customer, headline));
                CREATE TABLE lines (id int PRIMARY KEY, of_order int REFERENCES invoices);
                CREATE VIEW titles AS SELECT headline AS title FROM invoices;";
    let output = plan(base, head, &["--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["verdict"], &report["proven"]), (&"pass".into(), &true.into()), "{report:#}");
    let sql: Vec<&str> = report["steps"].as_array().unwrap().iter().map(|step| step["sql"].as_str().unwrap()).collect();
    assert_eq!(
        sql,
        [
            "ALTER TABLE public.orders RENAME TO invoices",
            "ALTER TABLE public.invoices RENAME COLUMN title TO headline",
            "ALTER TABLE public.invoices RENAME CONSTRAINT orders_customer_title_key TO invoices_customer_headline_key",
            "ALTER TABLE public.invoices RENAME CONSTRAINT orders_pkey TO invoices_pkey",
        ]
    );
    assert_eq!((&report["down"]["lossless"], &report["down"]["proven"]), (&true.into(), &true.into()));
}
