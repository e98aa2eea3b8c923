//! A throwaway server from Postgres binaries on this machine.
//!
//! Never as root. Data in memory where there is room, a socket and 127.0.0.1 only, a random password, an environment without any of
//! ours. The server is told to end when our process ends. What SQL can do as a superuser (run programs, read files) it can do here as
//! the user that the server runs as: for SQL of strangers, Docker is the place.

pub(super) mod find;
pub(super) mod process;
pub(super) mod run;

use std::{
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::{
    process::Postmaster,
    run::{Run, free_port, local, log_of, on_free_port},
};
use super::{Address, Connection, Request, SandboxError, Server, Tools, identify, owner, random};
use crate::script::quote_identifier;

/// Largest output of pg_dump that is read, in bytes.
const LARGEST_DUMP: u64 = 256 << 20;

#[derive(Debug)]
pub(super) struct Stand {
    binaries: PathBuf,
    run: Run,
}

/// The programs beside the server.
#[derive(Debug)]
pub(super) struct Programs {
    binaries: PathBuf,
}

impl Programs {
    pub async fn pg_dump(&self, address: &Address, database: &str, arguments: &[&str]) -> Result<String, SandboxError> {
        let mut command = tokio::process::Command::new(self.binaries.join("pg_dump"));
        command
            .args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-U", address.user()])
            .args(arguments)
            .env_clear()
            .env("PGDATABASE", database)
            .env("PGPASSWORD", address.password().expose_secret());
        finish_pg_dump(command).await
    }
}

/// Runs a prepared pg_dump to its end.
pub(super) async fn finish_pg_dump(mut command: tokio::process::Command) -> Result<String, SandboxError> {
    use tokio::io::AsyncReadExt;
    let failed = |message: String| SandboxError::PgDump { message };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("it cannot be run: {error}")))?;
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read_output = async {
        if let Some(stdout) = stdout {
            stdout.take(LARGEST_DUMP + 1).read_to_end(&mut output).await?;
        }
        Ok::<(), std::io::Error>(())
    };
    let read_errors = async {
        if let Some(stderr) = stderr {
            stderr.take(64 << 10).read_to_end(&mut errors).await?;
        }
        Ok::<(), std::io::Error>(())
    };
    let read = tokio::try_join!(read_output, read_errors);
    read.map_err(|error| failed(error.to_string()))?;
    if output.len() as u64 > LARGEST_DUMP {
        return Err(failed(format!("its output is larger than {} MB", LARGEST_DUMP >> 20)));
    }
    let status = child.wait().await.map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(String::from_utf8_lossy(&errors).trim().to_string()));
    }
    String::from_utf8(output).map_err(|error| failed(format!("its output is not UTF-8: {error}")))
}

impl Stand {
    pub async fn new() -> Result<Stand, SandboxError> {
        let binaries = find::binaries().await.ok_or(SandboxError::NoBinaries)?;
        Ok(Stand { binaries, run: Run::new("Postgres")? })
    }

    /// Starts a server and waits until it answers a query.
    pub async fn start(&self, request: &Request, side: &'static str, cancel: &CancellationToken) -> Result<Server, SandboxError> {
        self.start_on(free_port, request, side, cancel).await
    }

    /// Starts a server on the first port of `ports` that is still free when the server takes it.
    async fn start_on(
        &self,
        ports: impl FnMut() -> std::io::Result<u16>,
        request: &Request,
        side: &'static str,
        cancel: &CancellationToken,
    ) -> Result<Server, SandboxError> {
        if cancel.is_cancelled() {
            return Err(SandboxError::Cancelled);
        }
        if side == "base" {
            sweep().await;
        }
        let begun = Instant::now();
        let password = SecretString::from(random(32));
        let directory = self.run.directory(request, side)?;
        self.initialise(request, &directory, &password, cancel).await?;
        let serve = |port| self.serve(port, request, &directory, &password, cancel);
        let server = on_free_port(ports, serve).await?;
        tracing::debug!("the local {side} server is ready after {} ms", begun.elapsed().as_millis());
        Ok(server)
    }

    async fn initialise(
        &self,
        request: &Request,
        directory: &Path,
        password: &SecretString,
        cancel: &CancellationToken,
    ) -> Result<(), SandboxError> {
        let password_file = directory.join("password");
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&password_file)
            .and_then(|mut file| writeln!(file, "{}", password.expose_secret()))
            .map_err(|error| local("write the password file".into(), error))?;
        self.run.give(&password_file)?;
        let mut command = self.run.command(&self.binaries.join("initdb"), &request.limits);
        command
            .args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--username", &request.role, "-D"])
            .arg(directory.join("data"))
            .arg("--pwfile")
            .arg(&password_file)
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let attempted = format!("fill a data directory with {}/initdb", self.binaries.display());
        let done = tokio::select! {
            () = cancel.cancelled() => Err(SandboxError::Cancelled),
            done = self.run.finish(command, &attempted, request.limits.start) => done,
        };
        let _ = std::fs::remove_file(&password_file);
        done
    }

    async fn serve(
        &self,
        port: u16,
        request: &Request,
        directory: &Path,
        password: &SecretString,
        cancel: &CancellationToken,
    ) -> Result<Server, SandboxError> {
        let origin = format!("Postgres of {}", self.binaries.display());
        let program = self.binaries.join("postgres");
        let mut command = self.run.command(&program, &request.limits);
        command.arg("-D").arg(directory.join("data")).arg("-p").arg(port.to_string()).arg("-k").arg(directory);
        for setting in super::SETTINGS.iter().chain(&["listen_addresses=127.0.0.1", "timezone=UTC"]) {
            command.arg("-c").arg(setting);
        }
        let (ended, log) = (self.run.serve(command, directory, &program)?, log_of(directory));

        let address = Address::new("127.0.0.1", port, &request.role, password);
        let mut gone = ended.clone();
        let (version, version_num, keeper) = tokio::select! {
            () = cancel.cancelled() => return Err(SandboxError::Cancelled),
            _ = gone.wait_for(Option::is_some) => {
                let why = ended.borrow().clone().unwrap_or_default();
                return Err(SandboxError::NotStarted { origin, why, log: tail(&log) });
            }
            ready = tokio::time::timeout(request.limits.start, until_ready(&address, directory, &request.database)) =>
                ready.map_err(|_| SandboxError::NotReady {
                    origin: origin.clone(),
                    seconds: request.limits.start.as_secs(),
                    why: "no answer".into(),
                    log: tail(&log),
                })?,
        };
        Ok(Server {
            version,
            version_num,
            address,
            tools: Tools::Directory(Programs { binaries: self.binaries.clone() }),
            origin,
            database: request.database.clone(),
            maintenance: "postgres".into(),
            limits: request.limits.clone(),
            ended,
            keeper: Some(keeper),
            turn: None,
        })
    }

    pub async fn remove(&self) {
        self.run.remove(Postmaster::stop).await;
    }
}

/// Asks every few milliseconds until the server in this very directory answers (another may have the port).
async fn until_ready(address: &Address, directory: &Path, database: &str) -> (String, u32, Connection) {
    let data = directory.join("data").display().to_string();
    let attempt = async || {
        let connection = address.connect("postgres", "").await?;
        let row = connection.query_one("select current_setting('data_directory') = $1", &[&data]).await?;
        if !row.try_get::<_, bool>(0)? {
            return Ok::<_, tokio_postgres::Error>(None);
        }
        connection.batch_execute(&format!("create database {}", quote_identifier(database))).await?;
        let (version, version_num) = identify(&connection).await?;
        Ok(Some((version, version_num, connection)))
    };
    loop {
        if let Ok(Ok(Some(found))) = tokio::time::timeout(Duration::from_secs(5), attempt()).await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The last lines of a log file.
pub(super) fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes.get(bytes.len().saturating_sub(8 << 10)..).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(12)).map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Stops the servers and removes the directories of runs that are over.
pub(super) async fn sweep() {
    for parent in find::parents() {
        let Ok(entries) = std::fs::read_dir(&parent) else { continue };
        for entry in entries.flatten() {
            if !entry.file_name().to_string_lossy().starts_with("schemaproof-") {
                continue;
            }
            // What another user has put there is not ours, whatever it says.
            let file = entry.path().join("owner");
            let ours = std::fs::symlink_metadata(&file).is_ok_and(|found| found.uid() == nix::unistd::Uid::effective().as_raw());
            let Ok(lines) = std::fs::read_to_string(&file) else { continue };
            if !ours {
                continue;
            }
            let label = |name: &str| lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            if !owner::is_over(label(owner::OWNER), label(owner::DEADLINE)) {
                continue;
            }
            tracing::info!("removing {} that an earlier run left behind", entry.path().display());
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(run) = name.split('-').nth(1) {
                process::kill_all_of(run);
            }
            if let Err(error) = std::fs::remove_dir_all(entry.path()) {
                tracing::debug!("it could not be removed: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, sandbox::Where};

    /// Starts on `ports`, one after the other, while one of them is taken; the port that it got, or why it got none.
    async fn start_on(ports: impl FnMut() -> std::io::Result<u16>) -> Option<Result<u16, String>> {
        let stand = match Stand::new().await {
            Err(SandboxError::NoBinaries) => return None,
            other => other.unwrap(),
        };
        let request = Request { place: Where::Local, ..Request::from(&Config::default()) };
        let started = stand.start_on(ports, &request, "target", &CancellationToken::new()).await;
        let port = started.map(|server| server.address.port()).map_err(|error| error.to_string());
        stand.remove().await;
        Some(port)
    }

    #[tokio::test]
    async fn a_port_that_somebody_takes_first_is_given_up_for_another() {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let taken_port = taken.local_addr().unwrap().port();
        let free = free_port().unwrap();
        let mut ports = [taken_port, free].into_iter();
        match start_on(|| Ok(ports.next().unwrap())).await {
            None => eprintln!("skipped: no Postgres binaries on this machine"),
            Some(port) => assert_eq!(port, Ok(free)),
        }
        let mut tried = 0;
        let always = start_on(|| {
            tried += 1;
            Ok(taken_port)
        });
        if let Some(port) = always.await {
            let message = port.unwrap_err();
            assert!(message.contains(&taken_port.to_string()), "{message}");
            assert_eq!(tried, 3);
        }
    }
}
