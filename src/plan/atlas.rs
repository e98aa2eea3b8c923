//! The `atlas` process: what `atlas schema diff` proposes between two databases.
//!
//! Its exit code and its `sql` output are taken as they are; what it prints for people decides nothing, and "no statements" means
//! only that Atlas proposes none. Its home is a directory of its own, telemetry and update checks are off, and passwords reach it
//! in a password file, never on its command line.

pub mod release;

use std::{
    ffi::OsStr,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};
use url::Url;

use crate::{
    config::Dialect,
    script::{self, Item, Names, SqlFile},
};

/// Most that is read of Atlas's output, in bytes: a plan larger than that is no plan for a reviewer.
const OUTPUT: u64 = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum AtlasError {
    #[error(
        "Atlas was asked for (engine: atlas) and there is no `atlas` on PATH or in the cache; `schemaproof atlas install` \
         downloads its community edition; or use the Action's image, which has it, or `engine: native`"
    )]
    NotFound,
    #[error("cannot run {}: {source}", .program.display())]
    Run { program: PathBuf, source: std::io::Error },
    #[error("cannot prepare a home directory for Atlas: {0}")]
    Home(#[source] std::io::Error),
    #[error("`atlas schema diff` did not end within {} s", .limit.as_secs())]
    Timeout { limit: Duration },
    #[error("`atlas schema diff` failed ({status}){}", if said.is_empty() { String::new() } else { format!(": {said}") })]
    Failed { status: ExitStatus, said: String },
    #[error("`atlas schema diff` printed what is not a list of SQL statements: {0}")]
    Output(String),
}

/// What Atlas is to lead to.
#[derive(Debug)]
pub enum Wanted<'a> {
    Database(&'a SecretString),
    /// Its own language.
    Hcl(&'a [SqlFile]),
}

/// An `atlas` binary.
#[derive(Debug, Clone)]
pub struct Atlas {
    program: PathBuf,
    /// As it reports it: `v1.2.3`, or `development` for a build of one's own.
    pub version: String,
}

impl Atlas {
    /// Looks for `atlas` in the directories of a `PATH` value.
    pub fn search(path: &OsStr) -> Option<PathBuf> {
        std::env::split_paths(path).map(|directory| directory.join("atlas")).find(|program| program.is_file())
    }

    /// Asks the binary for its version.
    ///
    /// # Errors
    /// When it does not run, or does not answer within `limit`.
    pub async fn open(program: PathBuf, limit: Duration) -> Result<Atlas, AtlasError> {
        let home = tempfile::tempdir().map_err(AtlasError::Home)?;
        let output = run(&program, home.path(), &["version"], limit).await?;
        // `atlas version v1.2.3-abc` on the first line.
        let version = output.lines().next().unwrap_or_default().rsplit(' ').next().unwrap_or_default().to_string();
        Ok(Atlas { program, version })
    }

    /// The statements that Atlas proposes to turn the database `from` into what is wanted; `scratch` is a database without tables that
    /// it may use, which it needs not between two of the MySQL family. Each is without a semicolon at its end.
    ///
    /// # Errors
    /// When Atlas refuses, does not end within `limit`, or prints what cannot be split into statements.
    pub async fn propose(
        &self,
        from: &SecretString,
        to: &Wanted<'_>,
        scratch: Option<&SecretString>,
        limit: Duration,
    ) -> Result<Vec<String>, AtlasError> {
        let home = tempfile::tempdir().map_err(AtlasError::Home)?;
        let mut passwords = Vec::new();
        let mut address = |url: &SecretString| match url.expose_secret() {
            url if url.starts_with("postgres") => without_password(url, &mut passwords),
            url => Ok(url.to_string()),
        };
        let mut arguments: Vec<String> = ["schema", "diff", "--format", "{{ sql . }}", "--from"].map(String::from).into();
        arguments.push(address(from)?);
        match to {
            Wanted::Database(url) => arguments.extend(["--to".into(), address(url)?]),
            Wanted::Hcl(files) => {
                for path in write_hcl(home.path(), files).map_err(AtlasError::Home)? {
                    arguments.extend(["--to".into(), format!("file://{}", path.display())]);
                }
            }
        }
        if let Some(scratch) = scratch {
            arguments.extend(["--dev-url".into(), address(scratch)?]);
        }
        write_password_file(home.path(), &passwords).map_err(AtlasError::Home)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let dialect = if from.expose_secret().starts_with("postgres") { Dialect::Postgres } else { Dialect::MySql };
        let output = run(&self.program, home.path(), &arguments, limit).await?;
        let file = SqlFile { path: "atlas schema diff".into(), text: output.into() };
        let wrong = |error: script::ScriptError| AtlasError::Output(error.to_string());
        if !dialect.is_postgres() {
            return Ok(script::mysql::split(&[file]).map_err(wrong)?.into_iter().map(|found| found.text.to_string()).collect());
        }
        let items = script::split(&[file], &Names::default()).map_err(wrong)?;
        let statements = items.into_iter().filter_map(|item| match item {
            Item::File { .. } => None,
            Item::Statement(statement) => Some(Ok(statement.text.trim_end_matches(';').to_string())),
            other => Some(Err(AtlasError::Output(format!("{other:?}").chars().take(200).collect()))),
        });
        statements.collect()
    }
}

/// The URL for the command line: its password goes to `passwords` as a line of a password file
/// (<https://www.postgresql.org/docs/current/libpq-pgpass.html>), and nested loops are off, which halves the time of Atlas's
/// catalog queries on large schemas.
fn without_password(url: &str, passwords: &mut Vec<String>) -> Result<String, AtlasError> {
    let mut url = Url::parse(url).map_err(|error| AtlasError::Output(format!("a database URL cannot be read: {error}")))?;
    if let Some(password) = url.password() {
        let host = url.host_str().unwrap_or("localhost").trim_start_matches('[').trim_end_matches(']');
        let fields = [
            percent_decode(host),
            url.port().unwrap_or(5432).to_string(),
            "*".to_string(),
            percent_decode(url.username()),
            percent_decode(password),
        ];
        let escaped: Vec<String> = fields
            .iter()
            .map(|field| if field == "*" { field.clone() } else { field.replace('\\', "\\\\").replace(':', "\\:") })
            .collect();
        passwords.push(escaped.join(":"));
        // A URL with a host always takes a password.
        let _ = url.set_password(None);
    }
    url.query_pairs_mut().append_pair("options", "-c enable_nestloop=off");
    // lib/pq reads `+` in a query as it stands.
    let query = url.query().unwrap_or_default().replace('+', "%20");
    url.set_query(Some(&query));
    Ok(url.into())
}

/// Writes HCL files into the home directory, under their own names as far as they have different ones.
fn write_hcl(home: &Path, files: &[SqlFile]) -> std::io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let mut path = home.join(name);
        if name.is_empty() || paths.contains(&path) {
            path = home.join(format!("{at}.hcl"));
        }
        std::fs::write(&path, file.text.as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
}

fn percent_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn write_password_file(home: &Path, lines: &[String]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(home.join(".pgpass"))?;
    lines.iter().try_for_each(|line| writeln!(file, "{line}"))
}

/// Runs Atlas in a clean environment and a process group of its own; answers with its standard output.
async fn run(program: &Path, home: &Path, arguments: &[&str], limit: Duration) -> Result<String, AtlasError> {
    let cannot_run = |source| AtlasError::Run { program: program.to_path_buf(), source };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("PGPASSFILE", home.join(".pgpass"))
        .env("ATLAS_NO_ANON_TELEMETRY", "true")
        .env("ATLAS_NO_UPDATE_NOTIFIER", "true")
        .env("ATLAS_NO_UPGRADE_SUGGESTIONS", "true")
        .env("DO_NOT_TRACK", "1")
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot_run)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let all = async { tokio::try_join!(child.wait(), read(stdout), read(stderr)) };
    let (status, stdout, stderr) =
        tokio::time::timeout(limit, all).await.map_err(|_| AtlasError::Timeout { limit })?.map_err(cannot_run)?;
    if !status.success() {
        // Atlas writes what failed to either of the two.
        let said = [stderr, stdout].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_string()).join("\n");
        return Err(AtlasError::Failed { status, said: said.trim().to_string() });
    }
    String::from_utf8(stdout).map_err(|error| AtlasError::Output(error.to_string()))
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(OUTPUT).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_go_to_the_password_file_alone() {
        let mut passwords = Vec::new();
        let url = without_password("postgres://po%20st:s%3Acret@127.0.0.1:5433/app?sslmode=disable", &mut passwords).unwrap();
        assert_eq!(url, "postgres://po%20st@127.0.0.1:5433/app?sslmode=disable&options=-c%20enable_nestloop%3Doff");
        assert_eq!(passwords, ["127.0.0.1:5433:*:po st:s\\:cret"]);
    }
}
