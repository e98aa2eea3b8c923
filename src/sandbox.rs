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
mod owner;

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedMutexGuard, watch};
use tokio_util::sync::CancellationToken;

pub use self::{
    connection::{Address, Connection, Notice},
    error::{SandboxError, error_text},
};
use crate::config::Config;

/// Which server to start, and within what limits.
#[derive(Debug, Clone)]
pub struct Request {
    pub place: Where,
    /// For `docker`: the image.
    pub image: String,
    /// Database that is made and loaded (`app`), and superuser that loads it (`postgres`).
    pub database: String,
    pub role: String,
    /// Statements run first on every server (`setup:` of the configuration).
    pub setup: Vec<String>,
    pub limits: Limits,
    /// Label `schemaproof.mark` of all containers and networks that are made, so that a run's own can be told; may be empty.
    pub mark: String,
}

/// `--sandbox`.
#[derive(Debug, Clone)]
pub enum Where {
    Auto,
    Docker,
    Local,
    Given(SecretString),
}

#[derive(Debug, Clone)]
pub struct Limits {
    pub memory_bytes: u64,
    /// Size of the data directory.
    pub disk_bytes: u64,
    pub processes: u32,
    /// From start to the first answered query; pulling an image has [`Limits::run`].
    pub start: Duration,
    /// One statement of a schema file or of a plan.
    pub statement: Duration,
    /// A server ends by itself after this long.
    pub run: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 1 << 30,
            disk_bytes: 1 << 30,
            processes: 256,
            start: Duration::from_secs(60),
            statement: Duration::from_secs(60),
            run: Duration::from_secs(900),
        }
    }
}

impl From<&Config> for Request {
    /// What the configuration says; a `sandbox` that is none of its words is taken for a URL.
    fn from(config: &Config) -> Self {
        let place = match config.sandbox.as_str() {
            "auto" => Where::Auto,
            "docker" => Where::Docker,
            "local" => Where::Local,
            url => Where::Given(SecretString::from(url)),
        };
        let limits = Limits {
            memory_bytes: config.memory.saturating_mul(1 << 20),
            disk_bytes: config.disk.saturating_mul(1 << 20),
            statement: Duration::from_secs(config.statement_timeout),
            run: Duration::from_secs(config.timeout),
            ..Limits::default()
        };
        Request {
            place,
            image: config.image.clone(),
            database: config.database.clone(),
            role: config.role.clone(),
            setup: config.setup.clone(),
            limits,
            mark: String::new(),
        }
    }
}

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

/// A server that answers queries.
#[derive(Debug)]
pub struct Server {
    version: String,
    version_num: u32,
    address: Address,
    tools: Tools,
    /// Where the server comes from, as messages name it: ``image `postgres:16` ``.
    origin: String,
    database: String,
    /// Database that is there from the start: where databases are made and dropped from.
    maintenance: String,
    limits: Limits,
    /// Holds why the server ended, once it has.
    ended: watch::Receiver<Option<String>>,
    /// A session from the start: undoes what SQL does to our own role's password.
    keeper: Option<Connection>,
    /// On a given server the two sides take turns with the name of the database.
    turn: Option<given::Turn>,
}

/// Where `pg_dump` of the server's own installation is.
#[derive(Debug)]
enum Tools {
    Container(docker::Programs),
    Directory(local::Programs),
    Path,
}

/// The database that a schema is loaded into, from [`Server::claim`] until [`Claim::settle`].
#[derive(Debug)]
pub struct Claim<'a> {
    pub database: String,
    server: &'a Server,
    turn: Option<OwnedMutexGuard<given::Names>>,
}

impl Claim<'_> {
    /// The schema is loaded: frees the name for the other side where there is only one server, and returns the database's name
    /// from now on.
    ///
    /// # Errors
    /// When the database cannot be renamed, for instance since a session is still connected to it.
    pub async fn settle(self) -> Result<String, SandboxError> {
        match self.turn {
            None => Ok(self.database),
            Some(mut names) => given::settle(self.server, &mut names, self.database).await,
        }
    }
}

impl Server {
    /// `server_version` without what a distribution adds, for instance `16.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `server_version_num`, for instance 160004.
    pub fn version_num(&self) -> u32 {
        self.version_num
    }

    /// Where the server comes from, as messages name it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The superuser that everything is done as.
    pub fn role(&self) -> &str {
        self.address.user()
    }

    /// The name that schema files know their database by (`app`).
    pub fn database(&self) -> &str {
        &self.database
    }

    /// A new session.
    ///
    /// # Errors
    /// When the server is gone, refuses, or does not answer within ten seconds.
    pub async fn connect(&self, database: &str) -> Result<Connection, SandboxError> {
        self.connect_with(database, "").await
    }

    /// A new session with start options (`-c name=value`), which `RESET ALL` goes back to.
    ///
    /// # Errors
    /// As [`Server::connect`].
    pub async fn connect_with(&self, database: &str, options: &str) -> Result<Connection, SandboxError> {
        let refused = |source| SandboxError::Connect { origin: self.origin.clone(), database: database.into(), source };
        match self.dial(database, options).await? {
            Ok(connection) => Ok(connection),
            // invalid_password, invalid_authorization_specification: the SQL files may set a password for the role that runs them.
            Err(error)
                if error.code().is_some_and(|code| matches!(code.code(), "28P01" | "28000")) && self.let_in_again().await =>
            {
                self.dial(database, options).await?.map_err(refused)
            }
            Err(error) => Err(refused(error)),
        }
    }

    async fn dial(&self, database: &str, options: &str) -> Result<Result<Connection, tokio_postgres::Error>, SandboxError> {
        let limit = Duration::from_secs(10);
        tokio::select! {
            why = self.gone() => Err(SandboxError::Ended { origin: self.origin.clone(), why }),
            connection = tokio::time::timeout(limit, self.address.connect(database, options)) =>
                connection.map_err(|_| SandboxError::NoAnswer { origin: self.origin.clone(), seconds: limit.as_secs() }),
        }
    }

    /// Sets our role's password and right to log in again.
    async fn let_in_again(&self) -> bool {
        let Some(keeper) = &self.keeper else { return false };
        let (role, password) = (quote_identifier(self.role()), quote_literal(self.address.password().expose_secret()));
        keeper.batch_execute(&format!("alter role {role} login password {password} valid until 'infinity'")).await.is_ok()
    }

    /// The URL of a database, for a program that runs beside us (`atlas`). Holds the password.
    pub fn url(&self, database: &str) -> SecretString {
        self.address.url(database)
    }

    /// Ends when the server has ended by itself, with why. Never for a server that was given.
    pub async fn gone(&self) -> String {
        let mut ended = self.ended.clone();
        loop {
            if let Some(why) = ended.borrow_and_update().clone() {
                return why;
            }
            if ended.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Why the server ended, if it has.
    pub fn ended(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    /// The database to load a schema into. On a server of our own it is there, empty; on a given one this waits for the other
    /// side's turn to end.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn claim(&self) -> Result<Claim<'_>, SandboxError> {
        match &self.turn {
            None => Ok(Claim { database: self.database.clone(), server: self, turn: None }),
            Some(turn) => given::claim(self, turn).await,
        }
    }

    /// Makes a database, empty or as a copy of `template` (no session may be connected to it), and returns its name: `purpose`, or
    /// one that no other run has where the server is not ours alone.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create_database(&self, purpose: &str, template: Option<&str>) -> Result<String, SandboxError> {
        let name = match &self.turn {
            None => purpose.to_string(),
            Some(turn) => turn.lock().await.unique(purpose),
        };
        let template = template.map_or("template0".into(), quote_identifier);
        self.administer(&format!("create database {} template {template}", quote_identifier(&name))).await?;
        Ok(name)
    }

    /// Drops a database that [`Server::create_database`] or [`Server::claim`] made, with the sessions in it.
    ///
    /// # Errors
    /// When the server refuses, or the database is not ours.
    pub async fn drop_database(&self, name: &str) -> Result<(), SandboxError> {
        if let Some(turn) = &self.turn
            && !turn.lock().await.is_ours(name)
        {
            return Err(SandboxError::NotOurs { database: name.into() });
        }
        let force = if self.version_num >= 130_000 { " with (force)" } else { "" };
        self.administer(&format!("drop database if exists {}{force}", quote_identifier(name))).await
    }

    /// Whether both sides are on this one server, so that they have the same roles.
    pub fn is_shared(&self) -> bool {
        self.turn.is_some()
    }

    async fn administer(&self, sql: &str) -> Result<(), SandboxError> {
        let connection = self.connect(&self.maintenance).await?;
        let refused = |source| SandboxError::Statement { sql: sql.into(), source };
        match tokio::time::timeout(self.limits.statement, connection.batch_execute(sql)).await {
            Ok(done) => done.map_err(refused),
            Err(_) => Err(SandboxError::NoAnswer { origin: self.origin.clone(), seconds: self.limits.statement.as_secs() }),
        }
    }

    /// What `pg_dump` of the server's own installation prints for a database.
    ///
    /// # Errors
    /// [`SandboxError::NoPgDump`] where there is none that is new enough, [`SandboxError::PgDump`] when it fails.
    pub async fn pg_dump(&self, database: &str, arguments: &[&str]) -> Result<String, SandboxError> {
        let limit = self.limits.statement.max(Duration::from_secs(60));
        let dump = async {
            match &self.tools {
                Tools::Container(programs) => programs.pg_dump(&self.address, database, arguments).await,
                Tools::Directory(programs) => programs.pg_dump(&self.address, database, arguments).await,
                Tools::Path => given::pg_dump(self, database, arguments).await,
            }
        };
        tokio::select! {
            why = self.gone() => Err(SandboxError::Ended { origin: self.origin.clone(), why }),
            dump = tokio::time::timeout(limit, dump) =>
                dump.unwrap_or_else(|_| Err(SandboxError::PgDump { message: format!("no end after {} s", limit.as_secs()) })),
        }
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
    let database = if server.turn.is_some() { &server.maintenance } else { &server.database };
    let connection = server.connect(database).await?;
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

/// An identifier as it is written in SQL: always in quotes.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string constant as it is written in SQL, whatever `standard_conforming_strings` is.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
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
