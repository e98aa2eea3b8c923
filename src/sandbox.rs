//! A throwaway Postgres server: docker | local binaries | a URL it is given.
//!
//! [`with_servers`] is the only way to one: it starts the servers, hands them to a function and removes them when that function
//! returns, fails, panics or is cancelled. Only a ready server exists as a value: a query on the final server has worked.
//! What a run that was killed left behind is swept by the next one.
//!
//! It does not load schemas (that is [`crate::load`]) and it never touches a database or a container that it did not make.

mod connection;
mod docker;
mod error;
mod given;
mod local;
pub mod mysql;
mod owner;
mod request;
mod server;

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use self::server::Tools;
pub use self::{
    connection::{Address, Connection, Notice},
    error::{SandboxError, error_text},
    request::{Collations, Limits, Request, Where},
    server::{Claim, Server},
};

/// Settings of every server of our own: nothing outlives it, so nothing is made durable; a plan may lock thousands of tables at once; a
/// subscription that a plan enables calls no publisher.
const SETTINGS: [&str; 8] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_wal_size=128MB",
    "autovacuum=off",
    "jit=off",
    "max_locks_per_transaction=1024",
    "max_logical_replication_workers=0",
];

/// How many servers a run needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// Only the base.
    One,
    /// Base and target, side by side, so that neither sees the other's roles and settings.
    Two,
}

/// The servers of a run. [`Servers::target`] is the base when only one was asked for.
#[derive(Debug)]
pub struct Servers {
    pub base: Server,
    target: Option<Server>,
    /// What could not be kept apart, a sentence each; for the report.
    pub remarks: Vec<String>,
}

impl Servers {
    pub fn target(&self) -> &Server {
        self.target.as_ref().unwrap_or(&self.base)
    }
}

/// Starts one server or two side by side, runs `work` with them, and removes them whatever came of it.
///
/// # Errors
/// What `work` returns; [`SandboxError`] when no server could be started; [`SandboxError::Cancelled`] when `cancel` was cancelled
/// before `work` was done (it is dropped at its next `await` then).
///
/// # Panics
/// Goes on with a panic of `work`, after removing the servers.
pub async fn with_servers<T, E>(
    request: &Request,
    sides: Sides,
    cancel: &CancellationToken,
    work: impl AsyncFnOnce(&Servers) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<SandboxError>,
{
    let stand = tokio::select! {
        () = cancel.cancelled() => return Err(SandboxError::Cancelled.into()),
        stand = Stand::choose(request) => stand?,
    };
    let outcome = AssertUnwindSafe(async {
        let servers = stand.start(request, sides, cancel).await?;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(SandboxError::Cancelled.into()),
            outcome = work(&servers) => outcome,
        }
    })
    .catch_unwind()
    .await;
    stand.remove().await;
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The files that the image's entry point would execute on a new database, by name in C-locale order; nothing of the image is run.
///
/// # Errors
/// When Docker cannot be reached, the image is not to be had or has no such files, or they are too large.
pub async fn initial_files(request: &Request, cancel: &CancellationToken) -> Result<Vec<(String, Vec<u8>)>, SandboxError> {
    docker::initial::read(request, cancel).await
}

/// Where servers are started. Knows all that it made, also while a start is going on.
enum Stand {
    Docker(Box<docker::Stand>),
    Local(Box<local::Stand>),
    Given(Box<given::Stand>),
}

impl Stand {
    async fn choose(request: &Request) -> Result<Stand, SandboxError> {
        match &request.place {
            Where::Docker => docker::Stand::new(request).await.map(|stand| Stand::Docker(Box::new(stand))),
            Where::Local => local::Stand::new().await.map(|stand| Stand::Local(Box::new(stand))),
            Where::Given(url) => given::Stand::new(url).map(|stand| Stand::Given(Box::new(stand))),
            Where::Auto => match docker::Stand::new(request).await {
                Ok(stand) => Ok(Stand::Docker(Box::new(stand))),
                Err(no_docker) => match local::Stand::new().await {
                    Ok(stand) => Ok(Stand::Local(Box::new(stand))),
                    Err(no_local) => Err(SandboxError::Nowhere { docker: Box::new(no_docker), local: Box::new(no_local) }),
                },
            },
        }
    }

    async fn start(&self, request: &Request, sides: Sides, cancel: &CancellationToken) -> Result<Servers, SandboxError> {
        let both = sides == Sides::Two;
        let (base, target, remarks) = match self {
            Stand::Docker(stand) => {
                stand.prepare(request, cancel).await?;
                let (base, target) = pair(both, |side| stand.start(request, side, cancel)).await?;
                (base, target, Vec::new())
            }
            Stand::Local(stand) => {
                let (base, target) = pair(both, |side| stand.start(request, side, cancel)).await?;
                (base, target, Vec::new())
            }
            Stand::Given(stand) => stand.start(request, both, cancel).await?,
        };
        for server in std::iter::once(&base).chain(&target) {
            tokio::select! {
                () = cancel.cancelled() => return Err(SandboxError::Cancelled),
                done = set_up(server, &request.setup) => done?,
            }
        }
        Ok(Servers { base, target, remarks })
    }

    /// Removes all that was made. Says on the log what could not be removed.
    async fn remove(&self) {
        match self {
            Stand::Docker(stand) => stand.remove().await,
            Stand::Local(stand) => stand.remove().await,
            Stand::Given(stand) => stand.remove().await,
        }
    }
}

/// Starts the base, and the target beside it when there is one. Both starts come to their end before an error is returned, so that
/// nothing is being made while it is removed.
async fn pair<F: Future<Output = Result<Server, SandboxError>>>(
    both: bool,
    start: impl Fn(&'static str) -> F,
) -> Result<(Server, Option<Server>), SandboxError> {
    if !both {
        return Ok((start("base").await?, None));
    }
    let (base, target) = tokio::join!(start("base"), start("target"));
    Ok((base?, Some(target?)))
}

async fn set_up(server: &Server, setup: &[String]) -> Result<(), SandboxError> {
    if setup.is_empty() {
        return Ok(());
    }
    let connection = server.connect_to_itself().await?;
    for sql in setup {
        let refused = |source| SandboxError::Setup { sql: sql.clone(), source };
        match tokio::time::timeout(server.limits.statement, connection.batch_execute(sql)).await {
            Ok(done) => done.map_err(refused)?,
            Err(_) => {
                return Err(SandboxError::NoAnswer { origin: server.origin.clone(), seconds: server.limits.statement.as_secs() });
            }
        }
    }
    Ok(())
}

/// Letters and digits that nobody can guess, from the operating system.
fn random(length: usize) -> String {
    use std::io::Read;
    let mut bytes = vec![0_u8; length];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if read.is_err() {
        // Each hasher is seeded by the operating system.
        use std::hash::{BuildHasher, Hasher};
        for byte in &mut bytes {
            *byte = std::collections::hash_map::RandomState::new().build_hasher().finish().to_be_bytes()[3];
        }
    }
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// Version and readiness of a server that a session works with.
async fn identify(connection: &Connection) -> Result<(String, u32), tokio_postgres::Error> {
    let row =
        connection.query_one("select current_setting('server_version'), current_setting('server_version_num')::int4", &[]).await?;
    let version: String = row.try_get(0)?;
    let number: i32 = row.try_get(1)?;
    let version = version.split_whitespace().next().unwrap_or_default().to_string();
    Ok((version, u32::try_from(number).unwrap_or_default()))
}
