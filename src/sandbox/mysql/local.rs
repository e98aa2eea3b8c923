//! `tidb-server` or `mariadbd` of this machine. Never as root; data in memory where there is room; 127.0.0.1 and a random password.
//!
//! Programs are found on PATH, in the usual places, and in the cache folder that `scripts/lib/tidb` builds into. It builds nothing.

use std::{
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Mutex, PoisonError},
};

use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::{Begun, Flavor, MySqlServer};
use crate::sandbox::{
    Limits, Request, SandboxError,
    local::{
        find,
        process::{self, Postmaster, User},
        sweep, tail,
    },
    owner::Owner,
    random,
};

#[derive(Debug)]
pub(super) struct Stand {
    flavor: Flavor,
    program: PathBuf,
    user: Option<User>,
    run: String,
    made: Mutex<Vec<PathBuf>>,
    running: Mutex<Vec<Postmaster>>,
}

fn local(attempted: String, error: std::io::Error) -> SandboxError {
    SandboxError::Local { attempted, why: error.to_string() }
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
        let user =
            process::unprivileged().map_err(|why| SandboxError::Local { attempted: format!("run {}", flavor.name()), why })?;
        Ok(Stand { flavor, program, user, run: random(12), made: Mutex::default(), running: Mutex::default() })
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
        let directory = self.directory(request, side)?;
        let program = self.reachable_program(&directory)?;
        let password = SecretString::from(random(32));
        let begun = std::time::Instant::now();
        let server = async {
            if self.flavor != Flavor::TiDb {
                self.initialise(request, &directory, &password).await?;
            }
            let mut attempts = 0;
            loop {
                attempts += 1;
                match self.serve(request, &program, &directory, &password, cancel).await {
                    // Somebody may have taken the port between our looking and the server's.
                    Err(SandboxError::NotStarted { .. }) if attempts < 3 => {}
                    server => return server,
                }
            }
        };
        let server = tokio::select! {
            () = cancel.cancelled() => Err(SandboxError::Cancelled),
            server = server => server,
        };
        tracing::debug!("the local {side} server is ready after {} ms", begun.elapsed().as_millis());
        server
    }

    fn directory(&self, request: &Request, side: &str) -> Result<PathBuf, SandboxError> {
        let directory = find::roomy_directory(request.limits.disk_bytes).join(format!("schemaproof-{}-{side}", self.run));
        let failed = |error: std::io::Error| local(format!("make {}", directory.display()), error);
        std::fs::DirBuilder::new().mode(0o700).create(&directory).map_err(failed)?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(directory.clone());
        let owner = Owner::this(request.limits.run).labels();
        let lines: String = owner.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        std::fs::write(directory.join("owner"), lines).map_err(failed)?;
        self.give(&directory)?;
        Ok(directory)
    }

    fn give(&self, path: &Path) -> Result<(), SandboxError> {
        let Some(user) = &self.user else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user.id), Some(user.group))
            .map_err(|error| local(format!("give {} to user {}", path.display(), user.name), error))
    }

    /// The program, or a copy of it where the user that it is run as cannot reach it.
    fn reachable_program(&self, directory: &Path) -> Result<PathBuf, SandboxError> {
        if self.user.is_none() || open_to_all(&self.program) {
            return Ok(self.program.clone());
        }
        let copy = directory.join("server");
        std::fs::copy(&self.program, &copy).map_err(|error| local(format!("copy {}", self.program.display()), error))?;
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o555))
            .map_err(|error| local(format!("copy {}", self.program.display()), error))?;
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
        self.give(&file)?;
        let mut command = process::command(&program, self.user.as_ref(), &self.limits(request), &self.run);
        command.args(arguments).arg(format!("--datadir={}", directory.join("data").display())).current_dir(directory);
        command.env("TMPDIR", directory);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let attempted = format!("fill a data directory with {}", program.display());
        let child = command.spawn().map_err(|error| local(attempted.clone(), error))?;
        let output = tokio::time::timeout(request.limits.start, child.wait_with_output()).await;
        let failed = |why: String| SandboxError::Local { attempted: attempted.clone(), why };
        let output = output
            .map_err(|_| failed(format!("no end after {} s", request.limits.start.as_secs())))?
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            return Err(failed(String::from_utf8_lossy(&said).trim().to_string()));
        }
        Ok(())
    }

    async fn serve(
        &self,
        request: &Request,
        program: &Path,
        directory: &Path,
        password: &SecretString,
        cancel: &CancellationToken,
    ) -> Result<MySqlServer, SandboxError> {
        let origin = format!("the {} of {}", self.flavor.name(), self.program.display());
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|error| local("find a free port".into(), error))?
            .port();
        let log = directory.join("log");
        let file =
            std::fs::OpenOptions::new().create(true).append(true).open(&log).map_err(|error| local("make a log".into(), error))?;
        let errors = file.try_clone().map_err(|error| local("make a log".into(), error))?;
        let mut command = process::command(program, self.user.as_ref(), &self.limits(request), &self.run);
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
        command.env("HOME", directory).env("TMPDIR", directory).current_dir(directory).stdout(file).stderr(errors);
        let process =
            Postmaster::start(command, &self.run).map_err(|error| local(format!("run {}", self.program.display()), error))?;
        let ended = process.ended();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(process);
        let begun =
            Begun { origin, host: "127.0.0.1".into(), port, password: password.clone(), ended, tail: Box::new(move || tail(&log)) };
        begun.ready(request, self.flavor, cancel).await
    }

    pub async fn remove(&self) {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        futures_util::future::join_all(running.into_iter().map(Postmaster::kill)).await;
        process::kill_all_of(&self.run);
        for directory in std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner)) {
            if let Err(error) = std::fs::remove_dir_all(&directory) {
                tracing::warn!("{} could not be removed: {error}; the next run sweeps it", directory.display());
            }
        }
    }
}

fn leads_to_mariadb(program: &Path) -> bool {
    let real = std::fs::canonicalize(program).unwrap_or_else(|_| program.to_path_buf());
    real.file_name().is_some_and(|name| name.to_string_lossy().contains("mariadb"))
        || real.metadata().is_ok_and(|about| about.size() == 0)
}
