//! A server that answers queries, and what it can be asked for.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedMutexGuard, watch};

use super::{Address, Connection, Limits, SandboxError, docker, given, local};
use crate::script::{quote_identifier, quote_literal};

/// A server that answers queries.
#[derive(Debug)]
pub struct Server {
    pub(super) version: String,
    pub(super) version_num: u32,
    pub(super) address: Address,
    pub(super) tools: Tools,
    /// Where the server comes from, as messages name it: ``image `postgres:16` ``.
    pub(super) origin: String,
    pub(super) database: String,
    /// Database that is there from the start: where databases are made and dropped from.
    pub(super) maintenance: String,
    pub(super) limits: Limits,
    /// Holds why the server ended, once it has.
    pub(super) ended: watch::Receiver<Option<String>>,
    /// A session from the start: undoes what SQL does to our own role's password.
    pub(super) keeper: Option<Connection>,
    /// On a given server the two sides take turns with the name of the database.
    pub(super) turn: Option<given::Turn>,
}

/// Where `pg_dump` of the server's own installation is.
#[derive(Debug)]
pub(super) enum Tools {
    Container(docker::Programs),
    Directory(local::Programs),
    Path,
}

/// The database that a schema is loaded into, from [`Server::claim`] until [`Claim::settle`].
#[derive(Debug)]
pub struct Claim<'a> {
    pub database: String,
    pub(super) server: &'a Server,
    pub(super) turn: Option<OwnedMutexGuard<given::Names>>,
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

    /// A new session for what belongs to the whole server, in a database that is there whosever turn it is.
    ///
    /// # Errors
    /// As [`Server::connect`].
    pub async fn connect_to_itself(&self) -> Result<Connection, SandboxError> {
        self.connect(if self.turn.is_some() { &self.maintenance } else { &self.database }).await
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
        self.drop_unasked(name).await
    }

    /// Drops a database, whoever made it.
    pub(super) async fn drop_unasked(&self, name: &str) -> Result<(), SandboxError> {
        for sql in dropping(name, if self.version_num >= 130_000 { " with (force)" } else { "" }) {
            self.administer(&sql).await?;
        }
        Ok(())
    }

    /// Gives the database that a schema was loaded into another name, and makes an empty one in its place, so that a second schema can be
    /// loaded. Not needed on a server that was given, which has a new one for each claim.
    ///
    /// # Errors
    /// When the server refuses, for instance because a session is still in it.
    pub async fn set_aside(&self) -> Result<(), SandboxError> {
        if self.turn.is_some() {
            return Ok(());
        }
        let (name, aside) = self.names();
        self.administer(&format!("alter database {name} rename to {aside}")).await?;
        self.administer(&format!("create database {name} template template0")).await
    }

    /// Drops what was loaded since [`Server::set_aside`], and gives the first database its name back.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn put_back(&self) -> Result<(), SandboxError> {
        if self.turn.is_some() {
            return Ok(());
        }
        let (name, aside) = self.names();
        self.drop_database(&self.database).await?;
        self.administer(&format!("alter database {aside} rename to {name}")).await
    }

    fn names(&self) -> (String, String) {
        (quote_identifier(&self.database), quote_identifier(&format!("{}_aside", self.database)))
    }

    /// Whether both sides are on this one server, so that they have the same roles.
    pub fn is_shared(&self) -> bool {
        self.turn.is_some()
    }

    pub(super) async fn administer(&self, sql: &str) -> Result<(), SandboxError> {
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

/// The statements that drop a database. Its subscriptions, which belong to the whole server, are gone first: it would not go with them, and to
/// drop them takes a session in it.
pub(super) fn dropping(name: &str, with_force: &str) -> [String; 2] {
    let of_database = format!("subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = {})", quote_literal(name));
    let cut_off = format!(
        "BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_subscription WHERE {of_database}) THEN
           PERFORM pg_catalog.pg_replication_origin_drop(o.roname) FROM pg_catalog.pg_replication_origin o
             JOIN pg_catalog.pg_subscription s ON o.roname = 'pg_' || s.oid WHERE {of_database};
           DELETE FROM pg_catalog.pg_subscription WHERE {of_database};
         END IF; END"
    );
    [format!("DO {}", quote_literal(&cut_off)), format!("drop database if exists {}{with_force}", quote_identifier(name))]
}
