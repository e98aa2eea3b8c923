//! A server that is given by its URL: databases of our own are made there and dropped.
//!
//! Both sides are on this one server. Schema files know their database by one name (`app`), so the sides take turns with it: made,
//! loaded, renamed. Roles and what is set for the whole server cannot be kept apart; [`Stand::start`] says so.
//!
//! It never drops, renames or connects to load into a database that this run did not make. The SQL that it loads is another matter:
//! give it a server on which nothing else is worth anything.

use std::{
    collections::{BTreeSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    process::Stdio,
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Address, Claim, Connection, Request, SandboxError, Server, Tools, error::error_text, identify, random, server::dropping,
};
use crate::script::quote_identifier;

/// The names that the sides share, one at a time.
pub(super) type Turn = Arc<Mutex<Names>>;

/// What this run made on the server.
#[derive(Debug)]
pub(super) struct Names {
    /// Starts the name of every database of this run.
    prefix: String,
    made: BTreeSet<String>,
    /// The name that schema files know, and whether it was free at the start.
    wanted: String,
    free: bool,
}

impl Names {
    pub fn unique(&mut self, purpose: &str) -> String {
        // Names longer than 63 bytes are cut by the server, and two of them would be one.
        let purpose: String = purpose.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
        let name = format!("{}_{}_{purpose}", self.prefix, self.made.len());
        self.made.insert(name.clone());
        name
    }

    pub fn is_ours(&self, name: &str) -> bool {
        self.made.contains(name)
    }
}

#[derive(Debug)]
pub(super) struct Stand {
    address: Address,
    turn: Turn,
    run: String,
    /// A session that lives as long as the run: its lock says so to others.
    keeper: Mutex<Option<Keeper>>,
}

#[derive(Debug)]
struct Keeper {
    connection: Connection,
    roles: BTreeSet<String>,
    with_force: &'static str,
}

/// The lock that a run holds, by its name.
fn lock_key(run: &str) -> i32 {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    i32::from_ne_bytes([0, 1, 2, 3].map(|at| hasher.finish().to_ne_bytes()[at]))
}

/// First half of the lock's key: says that it is one of ours.
const LOCK_CLASS: i32 = 0x5343_4850;

impl Stand {
    pub fn new(url: &SecretString) -> Result<Stand, SandboxError> {
        let run = random(12);
        let names = Names { prefix: format!("schemaproof_{run}"), made: BTreeSet::new(), wanted: String::new(), free: false };
        Ok(Stand { address: Address::from_url(url)?, turn: Arc::new(Mutex::new(names)), run, keeper: Mutex::new(None) })
    }

    /// Connects; returns a server a side and what cannot be kept apart.
    pub async fn start(
        &self,
        request: &Request,
        both: bool,
        cancel: &CancellationToken,
    ) -> Result<(Server, Option<Server>, Vec<String>), SandboxError> {
        let origin = format!("the server {}", self.address.shown());
        let limit = request.limits.start;
        tokio::select! {
            () = cancel.cancelled() => Err(SandboxError::Cancelled),
            started = tokio::time::timeout(limit, self.look(request, &origin, both)) =>
                started.unwrap_or_else(|_| Err(SandboxError::NoAnswer { origin: origin.clone(), seconds: limit.as_secs() })),
        }
    }

    async fn look(
        &self,
        request: &Request,
        origin: &str,
        both: bool,
    ) -> Result<(Server, Option<Server>, Vec<String>), SandboxError> {
        let maintenance = self.address.database().to_string();
        let connect = |source| SandboxError::Connect { origin: origin.into(), database: maintenance.clone(), source };
        let connection = self.address.connect(&maintenance, "").await.map_err(connect)?;
        let (version, version_num) = identify(&connection).await.map_err(connect)?;
        let row = connection
            .query_one(
                "select exists (select from pg_database where datname = $1), (select rolsuper from pg_roles where rolname = current_user), \
                 pg_try_advisory_lock($2, $3)::text",
                &[&request.database, &LOCK_CLASS, &lock_key(&self.run)],
            )
            .await
            .map_err(connect)?;
        let (taken, superuser): (bool, bool) = (row.try_get(0).map_err(connect)?, row.try_get(1).map_err(connect)?);
        let roles = roles(&connection).await.map_err(connect)?;
        let with_force = if version_num >= 130_000 { " with (force)" } else { "" };
        sweep(&connection, with_force).await;
        *self.keeper.lock().await = Some(Keeper { connection, roles, with_force });
        {
            let mut names = self.turn.lock().await;
            names.wanted = request.database.clone();
            names.free = !taken;
        }

        let mut remarks = Vec::new();
        if both {
            remarks.push(format!(
                "Both sides were loaded on {origin}, so they have the same roles, tablespaces and server settings: differences in \
                 these are not seen."
            ));
        }
        if taken {
            remarks.push(format!(
                "{origin} has a database `{0}` already, so both sides were loaded under other names; statements that name the database \
                 `{0}` were left out.",
                request.database
            ));
        }
        if !superuser {
            remarks.push(format!("`{}` is not a superuser on {origin}: statements that need one fail.", self.address.user()));
        }
        if self.address.user() != request.role {
            remarks.push(format!("The SQL files were run as `{}`, not as `{}`.", self.address.user(), request.role));
        }
        let server = || Server {
            version: version.clone(),
            version_num,
            address: self.address.clone(),
            tools: Tools::Path,
            origin: origin.into(),
            database: request.database.clone(),
            maintenance: maintenance.clone(),
            limits: request.limits.clone(),
            ended: watch::channel(None).1,
            keeper: None,
            turn: Some(self.turn.clone()),
        };
        Ok((server(), both.then(server), remarks))
    }

    /// Drops the databases and roles that this run made.
    pub async fn remove(&self) {
        let Some(keeper) = self.keeper.lock().await.take() else { return };
        let made = std::mem::take(&mut self.turn.lock().await.made);
        let removal = async {
            for name in &made {
                for sql in dropping(name, keeper.with_force) {
                    if let Err(error) = keeper.connection.batch_execute(&sql).await {
                        tracing::warn!("database {name} of the sandbox server could not be dropped: {}", error_text(&error));
                    }
                }
            }
            for role in roles(&keeper.connection).await.unwrap_or_default().difference(&keeper.roles) {
                if let Err(error) = keeper.connection.batch_execute(&format!("drop role {}", quote_identifier(role))).await {
                    tracing::warn!("role {role} of the sandbox server could not be dropped: {}", error_text(&error));
                }
            }
        };
        if tokio::time::timeout(std::time::Duration::from_secs(30), removal).await.is_err() {
            tracing::warn!("not all databases of the sandbox server could be dropped within 30 s; the next run sweeps them");
        }
        keeper.connection.close().await;
    }
}

async fn roles(connection: &Connection) -> Result<BTreeSet<String>, tokio_postgres::Error> {
    connection.query("select rolname::text from pg_roles", &[]).await?.iter().map(|row| row.try_get(0)).collect()
}

/// Drops databases of runs whose session is gone.
async fn sweep(connection: &Connection, with_force: &str) {
    let sql = "select datname::text from pg_database where datname ~ '^schemaproof_[a-z0-9]{12}_' \
               or shobj_description(oid, 'pg_database') ~ '^schemaproof_[a-z0-9]{12}_'";
    let named = "select datname::text, coalesce(substring(shobj_description(oid, 'pg_database') from '^schemaproof_([a-z0-9]{12})_'), \
                 substring(datname from '^schemaproof_([a-z0-9]{12})_'))::text from pg_database where datname in (";
    let sql = format!("{named}{sql})");
    let Ok(found) = connection.query(&sql, &[]).await else { return };
    for row in found {
        let (Ok(name), Ok(run)) = (row.try_get::<_, String>(0), row.try_get::<_, String>(1)) else { continue };
        let alive = connection
            .query_one(
                "select exists (select from pg_locks where locktype = 'advisory' and classid = $1::int4::oid and objid::int8 = \
                 ($2::int8 & 4294967295))",
                &[&LOCK_CLASS, &i64::from(lock_key(&run))],
            )
            .await
            .and_then(|row| row.try_get::<_, bool>(0));
        if matches!(alive, Ok(false)) {
            tracing::info!("dropping database {name} that an earlier run left behind");
            for sql in dropping(&name, with_force) {
                if let Err(error) = connection.batch_execute(&sql).await {
                    tracing::debug!("it could not be dropped: {}", error_text(&error));
                }
            }
        }
    }
}

/// Waits for the turn and makes the database under the name that schema files know, where that is free.
pub(super) async fn claim<'a>(server: &'a Server, turn: &Turn) -> Result<Claim<'a>, SandboxError> {
    let mut names = turn.clone().lock_owned().await;
    if !names.free {
        let database = names.unique("side");
        server.administer(&format!("create database {} template template0", quote_identifier(&database))).await?;
        return Ok(Claim { database, server, turn: Some(names) });
    }
    let database = names.wanted.clone();
    let quoted = quote_identifier(&database);
    if names.is_ours(&database) {
        // The other side's load has failed, and nobody wants what it left.
        server.drop_unasked(&database).await?;
        names.made.remove(&database);
    }
    // The server refuses when somebody has made it since; only from here on it is ours.
    server.administer(&format!("create database {quoted} template template0")).await?;
    names.made.insert(database.clone());
    let mark = format!("comment on database {quoted} is '{}_'", names.prefix);
    server.administer(&mark).await?;
    Ok(Claim { database, server, turn: Some(names) })
}

/// Renames the loaded database, so that the other side can have the name.
pub(super) async fn settle(server: &Server, names: &mut Names, database: String) -> Result<String, SandboxError> {
    if database != names.wanted || !names.is_ours(&database) {
        return Ok(database);
    }
    let name = names.unique("side");
    let quoted = quote_identifier(&database);
    server.administer(&format!("comment on database {quoted} is null")).await?;
    server.administer(&format!("alter database {quoted} rename to {}", quote_identifier(&name))).await?;
    names.made.remove(&database);
    Ok(name)
}

/// Runs the pg_dump on PATH, if it is as new as the server.
pub(super) async fn pg_dump(server: &Server, database: &str, arguments: &[&str]) -> Result<String, SandboxError> {
    let major = server.version_num / 10_000;
    let missing = |found: String| SandboxError::NoPgDump { server: server.version.clone(), major, found };
    let version = tokio::process::Command::new("pg_dump").arg("--version").stdin(Stdio::null()).output().await;
    let version = version.map_err(|_| missing("none on PATH".into()))?;
    // `pg_dump (PostgreSQL) 16.4 (Debian …)`: the first number with a dot or all digits.
    let text = String::from_utf8_lossy(&version.stdout).trim().to_string();
    let found = text.split_whitespace().find_map(|word| {
        let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    if found.is_none_or(|found| found < major) {
        return Err(missing(format!("`{text}`")));
    }
    let mut command = tokio::process::Command::new("pg_dump");
    let address = &server.address;
    command
        .args(["-h", &address.host(), "-p", &address.port().to_string(), "-U", address.user()])
        .args(arguments)
        .env("PGDATABASE", database)
        .env("PGPASSWORD", address.password().expose_secret())
        .env("PGSSLMODE", address.ssl_mode());
    super::local::finish_pg_dump(command).await
}
