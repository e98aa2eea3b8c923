//! `inspect`, `generate`, `init`, `completions` and `man`, as a person runs them.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::sandbox::{docker, test_image};

fn schemaproof(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).output().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const SCHEMA: &str = "CREATE TABLE tenants (id uuid PRIMARY KEY, name text NOT NULL);
CREATE TABLE \"<engrams>\" (id bigint PRIMARY KEY, tenant_id uuid REFERENCES tenants, note text DEFAULT 'x');
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'db', password 'hunter2');
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'ann', password 'hunter3');
GRANT SELECT ON tenants TO PUBLIC;
";

#[test]
fn a_schema_is_written_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("schema.sql"), SCHEMA).unwrap();
    let image = test_image();
    let inspect =
        |source: &str, more: &[&str]| schemaproof(directory.path(), &[&["inspect", source, "--image", &image], more].concat());

    let sql = inspect("schema.sql", &["--out", "again.sql"]);
    assert_eq!((sql.status.code(), out(&sql)), (Some(0), ""), "{}", said(&sql));
    let text = std::fs::read_to_string(directory.path().join("again.sql")).unwrap();
    assert!(text.contains("-- proven: loaded into an empty database it is equal") && text.contains("hunter3"), "{text}");
    let arguments =
        ["plan", "--from", "schema.sql", "--to", "again.sql", "--engine", "native", "--format", "json", "--image", &image];
    let plan = schemaproof(directory.path(), &arguments);
    let report: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!((report["changes"].as_array().unwrap().len(), &report["proven"]), (0, &true.into()), "{}", said(&plan));

    let json = inspect("schema.sql", &["--format", "json"]);
    assert!(!out(&json).contains("hunter"), "{}", out(&json));
    let catalog: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let column = catalog["objects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|object| object["path"] == serde_json::json!(["public", "tenants", "name"]));
    let attributes = &column.unwrap()["attributes"];
    assert_eq!((&attributes["not_null"], &attributes["type"]), (&true.into(), &"text".into()), "{attributes}");

    let mermaid = inspect("schema.sql", &["--format", "mermaid"]);
    assert!(out(&mermaid).starts_with("erDiagram\n") && out(&mermaid).contains("text name"), "{}", out(&mermaid));
    let svg = inspect("schema.sql", &["--format", "svg"]);
    assert!(out(&svg).starts_with("<svg ") && out(&svg).contains("public.&lt;engrams&gt;") && !out(&svg).contains("<engrams>"));
    assert_eq!(out(&svg).matches("marker-end").count(), 1);

    let hcl = inspect("schema.sql", &["--format", "hcl"]);
    assert_eq!(hcl.status.code(), Some(0), "{}", said(&hcl));
    assert!(
        said(&hcl).contains("are not in the HCL") && out(&hcl).contains("#   server s is left out"),
        "{}{}",
        said(&hcl),
        out(&hcl)
    );
    assert!(!out(&hcl).contains("hunter") && out(&hcl).contains("foreign_key"), "{}", out(&hcl));
}

#[test]
fn hcl_is_read_out_of_git_too() {
    let directory = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
        let status =
            Command::new("git").args(identity).args(arguments).current_dir(directory.path()).stdout(Stdio::null()).status();
        assert!(status.unwrap().success());
    };
    std::fs::create_dir(directory.path().join("db")).unwrap();
    std::fs::write(directory.path().join("db/schema.hcl"), "table \"t\" {\n  column \"id\" {\n    type = int\n  }\n}\n").unwrap();
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "one"]);
    std::fs::write(directory.path().join("db/schema.hcl"), "table \"t\" {\n  column \"id\" {\n    type = bigint\n  }\n}\n")
        .unwrap();
    let image = test_image();
    let plan = |from: &str, to: &str| {
        let arguments = ["plan", "--from", from, "--to", to, "--engine", "native", "--format", "json", "--image", &image];
        let plan = schemaproof(directory.path(), &arguments);
        let report = serde_json::from_slice(&plan.stdout).unwrap_or_else(|_| panic!("{}", said(&plan)));
        (report, said(&plan))
    };
    // Without a path it is that of the other side.
    for from in ["git:HEAD:db/schema.hcl", "git:HEAD"] {
        let (report, _): (serde_json::Value, _) = plan(from, "file://db/schema.hcl");
        assert_eq!((&report["proven"], &report["base"]["name"]), (&true.into(), &"git:HEAD:db/schema.hcl".into()));
        let change = &report["changes"][0];
        assert_eq!((&change["action"], &change["file"], &change["line"]), (&"alter".into(), &"db/schema.hcl".into(), &2.into()));
    }
    std::fs::write(directory.path().join("new.sql"), "CREATE TABLE n (id int);").unwrap();
    let (report, said) = plan("git:HEAD", "new.sql");
    assert_eq!(report["base"]["files"], 0);
    assert!(said.contains("git:HEAD has no SQL files at extensions/sql: it is taken for an empty schema"), "{said}");
}

#[test]
fn one_file_is_generated_from_a_directory_from_hcl_and_from_an_image() {
    let directory = tempfile::tempdir().unwrap();
    let image = test_image();
    let context = directory.path().join("image");
    std::fs::create_dir(&context).unwrap();
    std::fs::write(context.join("10_b.sql"), "create table b (id int)").unwrap();
    std::fs::write(context.join("05_a.sql"), "create table a (id int);\n").unwrap();
    let gz = Command::new("gzip").arg("-k").arg(context.join("10_b.sql")).status().unwrap();
    assert!(gz.success());
    std::fs::rename(context.join("10_b.sql.gz"), context.join("20_c.sql.gz")).unwrap();
    std::fs::write(context.join("readme.txt"), "no SQL").unwrap();
    let name = format!("schemaproof-test-files:{}", std::process::id());
    let container = docker(&["create", &image]);
    docker(&["cp", &format!("{}/.", context.display()), &format!("{container}:/docker-entrypoint-initdb.d")]);
    docker(&["commit", &container, &name]);
    let generated = schemaproof(directory.path(), &["generate", "--from-image", &name]);
    std::fs::write(context.join("30_run.sh"), "echo").unwrap();
    docker(&["cp", &format!("{}/30_run.sh", context.display()), &format!("{container}:/docker-entrypoint-initdb.d/")]);
    docker(&["commit", &container, &name]);
    let refused = schemaproof(directory.path(), &["generate", "--from-image", &name]);
    let without = schemaproof(directory.path(), &["generate", "--from-image", &name, "--without-scripts"]);
    docker(&["rm", "-f", &container]);
    docker(&["rmi", "-f", &name]);
    let at = format!("-- {name}:/docker-entrypoint-initdb.d/");
    let expected = format!(
        "{at}05_a.sql\ncreate table a (id int);\n{at}10_b.sql\ncreate table b (id int)\n{at}20_c.sql.gz\ncreate table b (id int)\n"
    );
    assert_eq!(out(&generated), expected, "{}", said(&generated));
    assert!(said(&generated).contains("readme.txt"));
    assert_eq!((refused.status.code(), out(&refused)), (Some(1), ""));
    assert!(said(&refused).contains("30_run.sh") && said(&refused).contains("--without-scripts"), "{}", said(&refused));
    assert_eq!(out(&without), expected);

    std::fs::write(directory.path().join("s.hcl"), "table \"t\" {\n  column \"id\" {\n    type = int\n  }\n}\n").unwrap();
    let hcl = schemaproof(directory.path(), &["generate", "s.hcl"]);
    assert!(out(&hcl).contains("-- s.hcl:1:1\nCREATE TABLE \"public\".\"t\" (\n  \"id\" int NOT NULL\n);\n"), "{}", out(&hcl));
}

#[test]
fn a_repository_gets_workflow_and_configuration_and_keeps_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("db/schema")).unwrap();
    std::fs::write(directory.path().join("db/schema/a.sql"), "create table a ();").unwrap();
    let first = schemaproof(directory.path(), &["init", "--uses", "acme/schemaproof@v1", "--image", "postgres:18"]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    let read = |path: &str| std::fs::read_to_string(directory.path().join(path)).unwrap();
    let config = read(".github/schemaproof.yml");
    assert!(config.contains("paths: [\"db/schema\"]") && config.contains("image: \"postgres:18\""), "{config}");
    assert!(read(".github/workflows/schema-check.yml").contains("uses: acme/schemaproof@v1"));
    std::fs::write(directory.path().join(".github/schemaproof.yml"), "mine").unwrap();
    let second = schemaproof(directory.path(), &["init"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("nothing was written"), "{}", said(&second));
    assert_eq!(read(".github/schemaproof.yml"), "mine");
    assert_eq!(schemaproof(directory.path(), &["init", "--force"]).status.code(), Some(0));
    assert!(read(".github/schemaproof.yml").contains("db/schema"));
}

#[test]
fn shells_and_manual_readers_are_served_and_every_command_has_examples() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = schemaproof(directory.path(), &["completions", shell]);
        assert!(out(&script).contains("inspect") && out(&script).contains("sandbox"), "{shell}");
    }
    let page = schemaproof(directory.path(), &["man"]);
    assert!(out(&page).contains(".TH schemaproof 1"), "{}", out(&page));
    assert_eq!(schemaproof(directory.path(), &["man", "--out", "pages"]).status.code(), Some(0));
    assert!(directory.path().join("pages/schemaproof-inspect.1").is_file());
    let help = schemaproof(directory.path(), &["--help"]);
    let commands = out(&help).split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    for name in names.filter(|name| *name != "help") {
        let arguments: &[&str] = if name == "atlas" { &["atlas", "install", "--help"] } else { &[name, "--help"] };
        assert!(out(&schemaproof(directory.path(), arguments)).contains("Example"), "{name} has no example");
    }
}

#[test]
fn what_is_at_fault_is_said_once() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, code, wanted) in [
        (
            &["plan", "--from", "empty", "--to", "extensions/sq"][..],
            1,
            "schemaproof: cannot look at the schema source `extensions/sq`: No such file or directory (os error 2)\n",
        ),
        (
            &["apply", "--yes", "--to", "empty", "--url", "localhost/app"],
            1,
            "schemaproof: the URL of the server cannot be used: relative URL without a base\n",
        ),
        (
            &["apply", "--yes", "--plan", "gone.sql", "--url", "postgres://localhost/app"],
            1,
            "schemaproof: cannot read the plan gone.sql: No such file or directory (os error 2)\n",
        ),
    ] {
        let output = schemaproof(directory.path(), arguments);
        assert_eq!((output.status.code(), said(&output).as_str()), (Some(code), wanted));
    }
    let neither = schemaproof(directory.path(), &["apply", "--url", "postgres://localhost/app"]);
    assert_eq!(neither.status.code(), Some(2));
    assert!(said(&neither).contains("<--to <S>|--plan <FILE>>"), "{}", said(&neither));
    // What the client library says of a connection is the system's own word, and that once.
    let refused = schemaproof(directory.path(), &["inspect", "mysql://root@127.0.0.1:1/app"]);
    assert_eq!(refused.status.code(), Some(1));
    let refused = said(&refused);
    assert!(refused.contains("Connection refused") && !refused.contains("Input/output error"), "{refused}");
}
