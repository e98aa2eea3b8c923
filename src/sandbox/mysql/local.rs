//! `tidb-server` or `mariadbd` of this machine. Never as root; data in memory where there is room; 127.0.0.1 and a random password.
//!
//! Programs are found on PATH, in the usual places, and in the cache folder that `scripts/lib/tidb` builds into. It builds nothing.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
};

use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::{Begun, Flavor, MySqlServer};
use crate::sandbox::{
    Limits, Request, SandboxError,
    local::{
        process::Postmaster,
        run::{Run, free_port, local, log_of, on_free_port},
        sweep, tail,
    },
    random,
};

#[derive(Debug)]
pub(super) struct Stand {
    flavor: Flavor,
    program: PathBuf,
    run: Run,
}

/// Where a server's program is.
fn program(flavor: Flavor) -> Option<PathBuf> {
    let names: &[&str] = match flavor {
        Flavor::TiDb => &["tidb-server"],
        Flavor::MySql => &["mysqld"],
        Flavor::MariaDb => &["mariadbd"],
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    directories.extend(["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let built = std::fs::read_dir(cache.unwrap_or_default().join("schemaproof")).into_iter().flatten().flatten();
    let mut built: Vec<PathBuf> = built
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tidb-")))
        .collect();
    built.sort();
    directories.extend(built.into_iter().rev());
    let mut candidates = directories.iter().flat_map(|directory| names.iter().map(move |name| directory.join(name)));
    candidates.find(|path| path.is_file())
}

/// Whether a user who owns nothing here may reach and run a file.
fn open_to_all(file: &Path) -> bool {
    file.ancestors().all(|path| std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o1 != 0))
}

impl Stand {
    pub fn new(flavor: Flavor) -> Result<Stand, SandboxError> {
        // `mysqld` of a MariaDB installation is a link to mariadbd, and needs other options.
        let found = program(flavor).filter(|found| flavor != Flavor::MySql || !leads_to_mariadb(found));
        let program = found.ok_or(SandboxError::NoMySqlBinary { name: flavor.name() })?;
        Ok(Stand { flavor, program, run: Run::new(flavor.name())? })
    }

    /// Starts a server and waits until it answers a query.
    pub async fn start(
        &self,
        request: &Request,
        side: &'static str,
        cancel: &CancellationToken,
    ) -> Result<MySqlServer, SandboxError> {
        if side == "base" {
            sweep().await;
        }
        let directory = self.run.directory(request, side)?;
        let program = self.reachable_program(request, &directory).await?;
        let password = SecretString::from(random(32));
        let begun = std::time::Instant::now();
        let server = async {
            if self.flavor != Flavor::TiDb {
                self.initialise(request, &directory, &password).await?;
            }
            on_free_port(free_port, |port| self.serve(port, request, &program, &directory, &password, cancel)).await
        };
        let server = tokio::select! {
            () = cancel.cancelled() => Err(SandboxError::Cancelled),
            server = server => server,
        };
        tracing::debug!("the local {side} server is ready after {} ms", begun.elapsed().as_millis());
        server
    }

    /// The program, or a copy of it where the user that it is run as cannot reach it.
    ///
    /// `cp` makes the copy: were it written by this process, a program started meanwhile by another task would hold the file open
    /// for writing for a moment, and running the copy fails with ETXTBSY then.
    async fn reachable_program(&self, request: &Request, directory: &Path) -> Result<PathBuf, SandboxError> {
        if self.run.user.is_none() || open_to_all(&self.program) {
            return Ok(self.program.clone());
        }
        let copy = directory.join("server");
        let attempted = format!("copy {}", self.program.display());
        let mut command = tokio::process::Command::new("cp");
        command.arg("--").arg(&self.program).arg(&copy).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        self.run.finish(command, &attempted, request.limits.start).await?;
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o555)).map_err(|error| local(attempted, error))?;
        Ok(copy)
    }

    fn limits(&self, request: &Request) -> Limits {
        // What the programs map is far more than what they use, and their logs are as large as they like.
        let address_space = 64 << 30;
        Limits { memory_bytes: address_space, disk_bytes: request.limits.disk_bytes.max(4 << 30), ..request.limits.clone() }
    }

    /// Fills the data directory of a MySQL or MariaDB.
    async fn initialise(&self, request: &Request, directory: &Path, password: &SecretString) -> Result<(), SandboxError> {
        let (mut program, mut arguments) =
            (self.program.clone(), vec!["--no-defaults".to_string(), "--initialize-insecure".into()]);
        if self.flavor == Flavor::MariaDb {
            let installer = ["/usr/bin", "/usr/local/bin"].iter().map(|at| Path::new(at).join("mariadb-install-db"));
            program = installer
                .chain([self.program.with_file_name("mariadb-install-db")])
                .find(|path| path.is_file())
                .ok_or(SandboxError::NoMySqlBinary { name: "MariaDB (mariadb-install-db)" })?;
            arguments = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
                .map(String::from)
                .to_vec();
        }
        // Read once by the server when it starts.
        let secret = password.expose_secret();
        let sql = format!(
            "DROP USER IF EXISTS root@'127.0.0.1';\nDROP USER IF EXISTS root@'::1';\nALTER USER root@localhost IDENTIFIED BY '{secret}';\nCREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '{secret}';\nGRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;\n"
        );
        let file = directory.join("init.sql");
        std::fs::write(&file, sql).map_err(|error| local("write the first statements".into(), error))?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))
            .map_err(|error| local("write the first statements".into(), error))?;
        self.run.give(&file)?;
        let mut command = self.run.command(&program, &self.limits(request));
        command.args(arguments).arg(format!("--datadir={}", directory.join("data").display())).current_dir(directory);
        command.env("TMPDIR", directory);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let attempted = format!("fill a data directory with {}", program.display());
        self.run.finish(command, &attempted, request.limits.start).await
    }

    async fn serve(
        &self,
        port: u16,
        request: &Request,
        program: &Path,
        directory: &Path,
        password: &SecretString,
        cancel: &CancellationToken,
    ) -> Result<MySqlServer, SandboxError> {
        let origin = format!("the {} of {}", self.flavor.name(), self.program.display());
        let mut command = self.run.command(program, &self.limits(request));
        let data = directory.join("data");
        match self.flavor {
            Flavor::TiDb => {
                command.args(["-store", "unistore", "-host", "127.0.0.1", "-report-status=false", "-P", &port.to_string()]);
                command.arg("-path").arg(&data).arg("-socket").arg(directory.join("socket"));
                command.arg("-temp-dir").arg(directory.join("tmp"));
            }
            Flavor::MySql | Flavor::MariaDb => {
                command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", "--local-infile=OFF"]);
                command.args(["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-log-file-size=32M"]);
                if self.flavor == Flavor::MySql {
                    command.args(["--mysqlx=OFF", "--skip-log-bin", "--performance-schema=OFF"]);
                }
                command.arg(format!("--secure-file-priv={}", directory.display()));
                command.arg(format!("--init-file={}", directory.join("init.sql").display()));
                command.arg(format!("--datadir={}", data.display())).arg(format!("--port={port}"));
                command.arg(format!("--socket={}", directory.join("socket").display()));
                command.arg(format!("--pid-file={}", directory.join("pid").display()));
                command.arg(format!("--tmpdir={}", directory.display()));
            }
        }
        command.env("HOME", directory).env("TMPDIR", directory);
        let (ended, log) = (self.run.serve(command, directory, &self.program)?, log_of(directory));
        let begun =
            Begun { origin, host: "127.0.0.1".into(), port, password: password.clone(), ended, tail: Box::new(move || tail(&log)) };
        begun.ready(request, self.flavor, cancel).await
    }

    pub async fn remove(&self) {
        self.run.remove(Postmaster::kill).await;
    }
}

fn leads_to_mariadb(program: &Path) -> bool {
    let real = std::fs::canonicalize(program).unwrap_or_else(|_| program.to_path_buf());
    real.file_name().is_some_and(|name| name.to_string_lossy().contains("mariadb"))
        || real.metadata().is_ok_and(|about| about.size() == 0)
}
