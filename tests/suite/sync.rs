//! `schemaproof sync`: which database it finds, whether it asks, and what it refuses to do unasked.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use schemaproof::sandbox::Server;
use secrecy::ExposeSecret;

use crate::{
    apply::{execute, on_server, said},
    sandbox::{test_image, text},
};

/// A project's directory, with its SQL files where they are by default.
fn project(sql: &str, dotenv: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("extensions/sql")).unwrap();
    std::fs::write(directory.path().join("extensions/sql/01_tables.sql"), sql).unwrap();
    std::fs::write(directory.path().join(".env"), dotenv).unwrap();
    directory
}

fn sync(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schemaproof"));
    command.args(["sync", "--engine", "native", "--image", &test_image()]).args(arguments).current_dir(directory);
    for name in ["DATABASE_URL", "P8FS_PG_HOST", "P8FS_PG_PORT", "P8FS_PG_DATABASE", "P8FS_PG_USER", "P8FS_PG_PASSWORD"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The `.env` of a server's database.
fn dotenv(server: &Server, database: &str) -> String {
    let url = url::Url::parse(server.url(database).expose_secret()).unwrap();
    let password = percent_encoding::percent_decode_str(url.password().unwrap()).decode_utf8_lossy().into_owned();
    format!(
        "# local\nexport P8FS_PG_HOST={}\nP8FS_PG_PORT={}\nP8FS_PG_DATABASE='{database}'\nP8FS_PG_USER={}\nP8FS_PG_PASSWORD=\"{password}\"\n",
        url.host_str().unwrap(),
        url.port().unwrap(),
        url.username()
    )
}

#[tokio::test]
async fn sync_finds_its_database_and_makes_it_as_the_files_say() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int)").await;
        let other = server.create_database("other", None).await.unwrap();
        let directory = project("CREATE TABLE t (id int, note text);", &dotenv(server, "app"));

        let output = sync(directory.path(), &["--yes", "--out", "target-schema.sql"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(
            said(&output).contains("1 file of extensions/sql") && said(&output).contains("(P8FS_PG_HOST, "),
            "{}",
            said(&output)
        );
        assert!(said(&output).contains("is as the target"), "{}", said(&output));
        let columns = "SELECT count(*)::text FROM pg_attribute WHERE attrelid = to_regclass('t') AND attnum > 0";
        assert_eq!(text(server, "app", columns).await, "2");
        let consolidated = std::fs::read_to_string(directory.path().join("target-schema.sql")).unwrap();
        assert!(consolidated.contains("01_tables.sql\nCREATE TABLE t (id int, note text);\n"), "{consolidated}");

        // The environment wins over the file, and DATABASE_URL over the parts.
        let url = server.url(&other);
        let output = sync(directory.path(), &["--yes"]).env("DATABASE_URL", url.expose_secret()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains("(DATABASE_URL)"), "{}", said(&output));
        assert_eq!(text(server, &other, columns).await, "2");
        let password = url::Url::parse(url.expose_secret()).unwrap().password().unwrap().to_string();
        assert!(!said(&output).contains(&password), "{}", said(&output));
    })
    .await;
}

#[test]
fn no_files_are_no_reason_to_empty_a_database() {
    let directory = project("", "P8FS_PG_PORT=1\n");
    std::fs::remove_file(directory.path().join("extensions/sql/01_tables.sql")).unwrap();
    let output = sync(directory.path(), &["--yes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("SQL files") || said(&output).contains("names nothing here"), "{}", said(&output));
    let output = sync(directory.path(), &["nowhere", "--yes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    std::fs::write(directory.path().join("extensions/sql/01_tables.sql"), "SELECT 1;").unwrap();
    let output = sync(directory.path(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "nobody can be asked: {}", said(&output));
}

/// Runs the command on a terminal of its own, types an answer when it is asked, and returns exit code and all that was shown.
fn on_terminal(command: &mut Command, answer: &str) -> (Option<i32>, String) {
    let pty = nix::pty::openpty(None, None).unwrap();
    let (terminal, ours) = (File::from(pty.slave), File::from(pty.master));
    command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap()).stderr(terminal);
    let mut child = command.spawn().unwrap();
    // The command holds the terminal's other end until it is dropped.
    *command = Command::new("true");
    let (mut screen, mut keyboard) = (ours.try_clone().unwrap(), ours);
    let (sender, shown) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = screen.read(&mut bytes) {
            let _ = sender.send(String::from_utf8_lossy(&bytes[..count]).into_owned());
        }
    });
    let (mut seen, mut asked, begun) = (String::new(), false, Instant::now());
    loop {
        match shown.recv_timeout(Duration::from_secs(1)) {
            Ok(text) => seen.push_str(&text),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => assert!(begun.elapsed() < Duration::from_secs(180), "{seen}"),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if !asked && seen.contains("(y/n) ") {
            asked = true;
            keyboard.write_all(answer.as_bytes()).unwrap();
        }
    }
    (child.wait().unwrap().code(), seen)
}

#[tokio::test]
async fn on_a_terminal_it_asks_and_does_as_it_is_told() {
    on_server(async |server| {
        execute(server, "app", "CREATE TABLE t (id int)").await;
        let directory = project("CREATE TABLE t (id int, note text);", &dotenv(server, "app"));
        let columns = "SELECT count(*)::text FROM pg_attribute WHERE attrelid = to_regclass('t') AND attnum > 0";
        let (code, seen) = on_terminal(&mut sync(directory.path(), &[]), "n\n");
        assert_eq!((code, text(server, "app", columns).await.as_str()), (Some(1), "1"), "{seen}");
        assert!(seen.contains("Apply 1 step to postgres://") && seen.contains("Aborted: nothing was changed"), "{seen}");
        let (code, seen) = on_terminal(&mut sync(directory.path(), &[]), "y\n");
        assert_eq!((code, text(server, "app", columns).await.as_str()), (Some(0), "2"), "{seen}");
        assert!(seen.contains("\u{1b}[32m") && seen.contains("ADD COLUMN note"), "{seen}");
    })
    .await;
}
