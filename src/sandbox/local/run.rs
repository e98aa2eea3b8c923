//! What the local servers of one run have in common: as whom they run, their directories and processes, and the end of all of it.

use std::{
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{process::Command, sync::watch};

use super::{
    find,
    process::{self, Postmaster, User},
};
use crate::sandbox::{Limits, Request, SandboxError, owner::Owner, random};

/// How often a server is started on another port when somebody took its own first.
const PORTS: u32 = 3;

#[derive(Debug)]
pub(in crate::sandbox) struct Run {
    pub user: Option<User>,
    name: String,
    made: Mutex<Vec<PathBuf>>,
    running: Mutex<Vec<Postmaster>>,
}

impl Run {
    /// Finds whom to run `product` as.
    pub fn new(product: &str) -> Result<Run, SandboxError> {
        let user = process::unprivileged().map_err(|why| SandboxError::Local { attempted: format!("run {product}"), why })?;
        Ok(Run { user, name: random(12), made: Mutex::default(), running: Mutex::default() })
    }

    /// A directory for one server, marked as ours so that a later run can sweep it.
    pub fn directory(&self, request: &Request, side: &str) -> Result<PathBuf, SandboxError> {
        let directory = find::roomy_directory(request.limits.disk_bytes).join(format!("schemaproof-{}-{side}", self.name));
        let failed = |error: std::io::Error| local(format!("make {}", directory.display()), error);
        std::fs::DirBuilder::new().mode(0o700).create(&directory).map_err(failed)?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(directory.clone());
        let owner = Owner::this(request.limits.run).labels();
        let lines: String = owner.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        std::fs::write(directory.join("owner"), lines).map_err(failed)?;
        self.give(&directory)?;
        Ok(directory)
    }

    /// Makes the user that servers run as the owner of a file.
    pub fn give(&self, path: &Path) -> Result<(), SandboxError> {
        let Some(user) = &self.user else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user.id), Some(user.group))
            .map_err(|error| local(format!("give {} to user {}", path.display(), user.name), error))
    }

    /// A program as that user, within limits.
    pub fn command(&self, program: &Path, limits: &Limits) -> Command {
        process::command(program, self.user.as_ref(), limits, &self.name)
    }

    /// Runs a program that ends by itself.
    pub async fn finish(&self, mut command: Command, attempted: &str, limit: Duration) -> Result<(), SandboxError> {
        let failed = |why: String| SandboxError::Local { attempted: attempted.into(), why };
        let child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let output = tokio::time::timeout(limit, child.wait_with_output()).await;
        let output = output
            .map_err(|_| failed(format!("no end after {} s", limit.as_secs())))?
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_string()));
        }
        Ok(())
    }

    /// Starts a server that writes to the log of its directory, and tells when it has ended.
    pub fn serve(
        &self,
        mut command: Command,
        directory: &Path,
        program: &Path,
    ) -> Result<watch::Receiver<Option<String>>, SandboxError> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log_of(directory));
        let logs = file.and_then(|file| Ok((file.try_clone()?, file)));
        let (output, errors) = logs.map_err(|error| local("make a log".into(), error))?;
        command.current_dir(directory).stdout(output).stderr(errors);
        let process = Postmaster::start(command, &self.name).map_err(|error| local(format!("run {}", program.display()), error))?;
        let ended = process.ended();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(process);
        Ok(ended)
    }

    /// Ends the servers, each by `end`, and removes their directories.
    pub async fn remove<F: Future<Output = ()>>(&self, end: impl Fn(Postmaster) -> F) {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        futures_util::future::join_all(running.into_iter().map(end)).await;
        process::kill_all_of(&self.name);
        for directory in std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner)) {
            if let Err(error) = std::fs::remove_dir_all(&directory) {
                tracing::warn!("{} could not be removed: {error}; the next run sweeps it", directory.display());
            }
        }
    }
}

/// Where the server of a directory writes to.
pub(in crate::sandbox) fn log_of(directory: &Path) -> PathBuf {
    directory.join("log")
}

/// Starts a server on the first port of `ports` that is still free when the server takes it.
pub(in crate::sandbox) async fn on_free_port<S, F: Future<Output = Result<S, SandboxError>>>(
    mut ports: impl FnMut() -> std::io::Result<u16>,
    serve: impl Fn(u16) -> F,
) -> Result<S, SandboxError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let port = ports().map_err(|error| local("find a free port on 127.0.0.1".into(), error))?;
        match serve(port).await {
            // Somebody may have taken the port between our looking and the server's.
            Err(SandboxError::NotStarted { .. }) if attempts < PORTS => {}
            server => return server,
        }
    }
}

pub(in crate::sandbox) fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// What could not be done on this machine.
pub(in crate::sandbox) fn local(attempted: String, error: std::io::Error) -> SandboxError {
    SandboxError::Local { attempted, why: error.to_string() }
}
