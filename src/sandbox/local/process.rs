//! Processes of a local server: as whom, within what limits, and their end.

use std::{path::Path, process::Stdio, time::Duration};

use nix::{
    sys::{
        resource::{Resource, setrlimit},
        signal::{Signal, kill},
    },
    unistd::{Pid, Uid},
};
use tokio::{process::Command, sync::watch, task::JoinHandle};

use crate::sandbox::Limits;

/// Marks every process of a run, since programs that SQL starts belong to no group of ours.
const MARK: &str = "SCHEMAPROOF_RUN";

#[derive(Debug, Clone)]
pub(in crate::sandbox) struct User {
    pub name: &'static str,
    pub id: u32,
    pub group: u32,
}

/// As whom a server is run when we are root: postgres, else nobody. None when we are not root.
pub(in crate::sandbox) fn unprivileged() -> Result<Option<User>, String> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Ok(Some(found)) = nix::unistd::User::from_name(name) {
            return Ok(Some(User { name, id: found.uid.as_raw(), group: found.gid.as_raw() }));
        }
    }
    Err("it must not run as root, and there is neither a user postgres nor a user nobody".into())
}

/// A program in a process group of its own, without our environment, that ends when we end.
pub(in crate::sandbox) fn command(program: &Path, user: Option<&User>, limits: &Limits, run: &str) -> Command {
    let mut command = Command::new(program);
    let (memory, disk) = (limits.memory_bytes.saturating_add(1 << 30), limits.disk_bytes);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env(MARK, run)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(user) = user {
        command.uid(user.id).gid(user.group);
    }
    // Only async-signal-safe calls between fork and exec.
    #[allow(unsafe_code, reason = "limits are set in the child; the calls are async-signal-safe")]
    unsafe {
        command.pre_exec(move || {
            #[cfg(target_os = "linux")]
            nix::sys::prctl::set_pdeathsig(Signal::SIGQUIT)?;
            setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
            setrlimit(Resource::RLIMIT_FSIZE, disk, disk)?;
            setrlimit(Resource::RLIMIT_AS, memory, memory)?;
            Ok(())
        });
    }
    command
}

/// The server's first process.
#[derive(Debug)]
pub(in crate::sandbox) struct Postmaster {
    pid: Option<u32>,
    ended: watch::Receiver<Option<String>>,
    task: JoinHandle<()>,
}

impl Postmaster {
    pub fn start(mut command: Command, run: &str) -> std::io::Result<Postmaster> {
        let mut child = command.spawn()?;
        let pid = child.id();
        let (sender, ended) = watch::channel(None);
        let run = run.to_string();
        let task = tokio::spawn(async move {
            let why = match child.wait().await {
                Ok(status) => format!("its process ended with {status}"),
                Err(error) => format!("its process cannot be waited for: {error}"),
            };
            tracing::debug!("local server of run {run}: {why}");
            let _ = sender.send(Some(why));
            sender.closed().await;
        });
        Ok(Postmaster { pid, ended, task })
    }

    pub fn ended(&self) -> watch::Receiver<Option<String>> {
        self.ended.clone()
    }

    /// Ends the server: an immediate shutdown, and a kill after six seconds (the postmaster gives its children five).
    pub async fn stop(self) {
        let mut ended = self.ended.clone();
        for (signal, patience) in [(Signal::SIGQUIT, 6), (Signal::SIGKILL, 2)] {
            if ended.borrow().is_some() {
                break;
            }
            if let Some(pid) = self.pid.and_then(|pid| i32::try_from(pid).ok()) {
                let _ = kill(Pid::from_raw(pid), signal);
            }
            let _ = tokio::time::timeout(Duration::from_secs(patience), ended.wait_for(Option::is_some)).await;
        }
        self.task.abort();
    }

    /// Ends a server whose data nobody needs, at once.
    pub async fn kill(self) {
        if let Some(pid) = self.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|_| self.ended.borrow().is_none()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let mut ended = self.ended.clone();
        let _ = tokio::time::timeout(Duration::from_secs(2), ended.wait_for(Option::is_some)).await;
        self.task.abort();
    }
}

/// Kills what is left of a run, also programs that SQL has started. Only where there is a /proc.
pub(in crate::sandbox) fn kill_all_of(run: &str) {
    let mark = format!("{MARK}={run}");
    for _ in 0..3 {
        let mut found = false;
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            let Ok(environment) = std::fs::read(entry.path().join("environ")) else { continue };
            if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
                found = true;
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        if !found {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
