//! Throwaway servers of the MySQL family: TiDB, MySQL or MariaDB, by docker | local binaries | a URL.
//!
//! As with Postgres, [`with_mysql_servers`] is the only way to one, and removes what it made whatever happens. A server that is given
//! must hold no database of anybody: the files make databases by names of their own, and all of them are dropped in between. It
//! does not load schemas.

mod connection;
mod local;

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::connection::{MySqlAddress, MySqlError, Row, Session};
use super::{Collations, Limits, Request, SandboxError, Where, docker, random};
use crate::config::Dialect;

/// Which server of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavor {
    TiDb,
    MySql,
    MariaDb,
}

impl Flavor {
    /// As its makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Flavor::TiDb => "TiDB",
            Flavor::MySql => "MySQL",
            Flavor::MariaDb => "MariaDB",
        }
    }

    /// That of a dialect; none of Postgres.
    pub fn of_dialect(dialect: Dialect) -> Option<Flavor> {
        match dialect {
            Dialect::Postgres => None,
            Dialect::TiDb => Some(Flavor::TiDb),
            Dialect::MySql => Some(Flavor::MySql),
            Dialect::MariaDb => Some(Flavor::MariaDb),
        }
    }

    /// The dialect that is spoken to it.
    pub fn dialect(self) -> Dialect {
        match self {
            Flavor::TiDb => Dialect::TiDb,
            Flavor::MySql => Dialect::MySql,
            Flavor::MariaDb => Dialect::MariaDb,
        }
    }

    /// The Docker image that is taken where none is configured.
    pub fn image(self) -> &'static str {
        match self {
            Flavor::TiDb => "pingcap/tidb:v8.4.0",
            Flavor::MySql => "mysql:8",
            Flavor::MariaDb => "mariadb:11",
        }
    }

    /// Told from `SELECT VERSION()`: `8.0.11-TiDB-v8.4.0`, `10.11.6-MariaDB-0+deb12u1`, `8.0.39`.
    pub fn of_version(version: &str) -> Flavor {
        if version.contains("TiDB") {
            Flavor::TiDb
        } else if version.contains("MariaDB") {
            Flavor::MariaDb
        } else {
            Flavor::MySql
        }
    }
}

/// The version that reports show: of `8.0.11-TiDB-v8.4.0`, `8.4.0`.
fn shown_version(version: &str) -> String {
    let own = version.split_once("-TiDB-v").map_or(version, |(_, own)| own);
    own.split('-').next().unwrap_or(own).to_string()
}

/// A server that answers queries.
#[derive(Debug)]
pub struct MySqlServer {
    pub flavor: Flavor,
    /// Without what a distribution adds.
    pub version: String,
    pub address: MySqlAddress,
    /// Where it comes from, as messages name it.
    pub origin: String,
    /// The database that the files are run in.
    pub database: String,
    pub collations: Collations,
    pub limits: Limits,
    pub setup: Vec<String>,
    ended: watch::Receiver<Option<String>>,
    /// Keeps other runs off a server that was given.
    _lock: Option<Session>,
}

impl MySqlServer {
    /// The address of a database on it, with the password.
    pub fn url(&self, database: &str) -> SecretString {
        self.address.url(database)
    }

    /// The address of an account of its own, which may read and nothing more.
    ///
    /// # Errors
    /// When the server refuses to make it.
    pub async fn reader(&self) -> Result<SecretString, SandboxError> {
        let (user, password) = (format!("reader_{}", random(12)), random(32));
        let session = self.connect().await?;
        let attempted = format!("make an account on {} that may only read", self.origin);
        let make = async {
            session.run(&format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'")).await?;
            session.run(&format!("GRANT SELECT, SHOW VIEW, TRIGGER ON *.* TO '{user}'@'%'")).await
        };
        make.await.map_err(|source| SandboxError::MySql { attempted, source })?;
        Ok(self.address.of(&user, password).url(""))
    }

    async fn open(&self) -> Result<Session, MySqlError> {
        let session = self.address.connect(self.limits.statement).await?;
        // TiDB makes databases in its own default whatever the session says.
        if let Some(collation) = self.collations.server.as_ref().filter(|_| self.flavor != Flavor::TiDb) {
            session.run(&format!("SET SESSION collation_server = '{}'", collation.replace('\'', "''"))).await?;
        }
        Ok(session)
    }

    /// A new session, in no database.
    ///
    /// # Errors
    /// When the server is gone, refuses, or does not answer within ten seconds.
    pub async fn connect(&self) -> Result<Session, SandboxError> {
        let limit = Duration::from_secs(10);
        let mut ended = self.ended.clone();
        let gone = async {
            match ended.wait_for(Option::is_some).await {
                Ok(why) => why.clone().unwrap_or_default(),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            why = gone => Err(SandboxError::Ended { origin: self.origin.clone(), why }),
            session = tokio::time::timeout(limit, self.open()) => match session {
                Ok(session) => session.map_err(|source| SandboxError::MySql { attempted: format!("connect to {}", self.origin), source }),
                Err(_) => Err(SandboxError::NoAnswer { origin: self.origin.clone(), seconds: limit.as_secs() }),
            },
        }
    }
}

/// The servers of a run: one a side, or the same for both where one was given.
#[derive(Debug)]
pub struct MySqlServers {
    pub base: MySqlServer,
    target: Option<MySqlServer>,
}

impl MySqlServers {
    /// The target's own server; none when both sides take turns on the base's.
    pub fn target(&self) -> Option<&MySqlServer> {
        self.target.as_ref()
    }
}

/// Starts a server a side, runs `work` with them, and removes them whatever came of it.
///
/// # Errors
/// As [`super::with_servers`].
///
/// # Panics
/// Goes on with a panic of `work`, after removing the servers.
pub async fn with_mysql_servers<T, E>(
    request: &Request,
    flavor: Flavor,
    cancel: &CancellationToken,
    work: impl AsyncFnOnce(&MySqlServers) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<SandboxError>,
{
    let stand = tokio::select! {
        () = cancel.cancelled() => return Err(SandboxError::Cancelled.into()),
        stand = Stand::choose(request, flavor, cancel) => stand?,
    };
    let outcome = AssertUnwindSafe(async {
        let servers = stand.start(request, flavor, cancel).await?;
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

enum Stand {
    Docker(Box<docker::Stand>),
    Local(Box<local::Stand>),
    Given(MySqlAddress),
}

impl Stand {
    async fn choose(request: &Request, flavor: Flavor, cancel: &CancellationToken) -> Result<Stand, SandboxError> {
        let docker = async || docker::Stand::new(request).await.map(|stand| Stand::Docker(Box::new(stand)));
        let local = || local::Stand::new(flavor).map(|stand| Stand::Local(Box::new(stand)));
        match &request.place {
            Where::Docker => docker().await,
            Where::Local => local(),
            Where::Given(url) => MySqlAddress::from_url(url).map(Stand::Given),
            Where::Auto => match docker().await {
                Ok(stand) => match (stand.prepare(request, cancel).await, local()) {
                    (Err(no_image @ SandboxError::NoImage { .. }), Ok(local)) if request.image == flavor.image() => {
                        tracing::info!("{no_image}; using this machine's own {}", flavor.name());
                        stand.remove().await;
                        Ok(local)
                    }
                    (prepared, _) => prepared.map(|()| stand),
                },
                Err(no_docker) => {
                    local().map_err(|no_local| SandboxError::Nowhere { docker: Box::new(no_docker), local: Box::new(no_local) })
                }
            },
        }
    }

    async fn start(&self, request: &Request, flavor: Flavor, cancel: &CancellationToken) -> Result<MySqlServers, SandboxError> {
        let start = async |side: &'static str| match self {
            Stand::Docker(stand) => in_container(stand, request, flavor, side, cancel).await,
            Stand::Local(stand) => stand.start(request, side, cancel).await,
            Stand::Given(address) => given(address, request).await,
        };
        if matches!(request.place, Where::Docker) {
            self.prepare(request, cancel).await?;
        }
        if let Stand::Given(_) = self {
            return Ok(MySqlServers { base: start("base").await?, target: None });
        }
        let (base, target) = tokio::join!(start("base"), start("target"));
        Ok(MySqlServers { base: base?, target: Some(target?) })
    }

    async fn prepare(&self, request: &Request, cancel: &CancellationToken) -> Result<(), SandboxError> {
        match self {
            Stand::Docker(stand) => stand.prepare(request, cancel).await,
            Stand::Local(_) | Stand::Given(_) => Ok(()),
        }
    }

    async fn remove(&self) {
        match self {
            Stand::Docker(stand) => stand.remove().await,
            Stand::Local(stand) => stand.remove().await,
            Stand::Given(_) => {}
        }
    }
}

/// What the image's entry point is told.
fn serving(flavor: Flavor, password: &str) -> docker::Serving {
    let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
    let data = docker::DATA;
    let (command, environment, port) = match flavor {
        // The password is set by the first session: until then only this host reaches the server.
        Flavor::TiDb => {
            (words(&format!("-store unistore -path {data} -host 0.0.0.0 -P 4000 -report-status=false")), Vec::new(), 4000)
        }
        Flavor::MySql => (
            words(&format!(
                "mysqld --datadir={data} --skip-log-bin --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --mysqlx=OFF \
                 --performance-schema=OFF --secure-file-priv=NULL --local-infile=OFF"
            )),
            vec![format!("MYSQL_ROOT_PASSWORD={password}"), "MYSQL_ROOT_HOST=%".into()],
            3306,
        ),
        Flavor::MariaDb => (
            words(&format!(
                "mariadbd --datadir={data} --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --skip-name-resolve \
                 --local-infile=OFF"
            )),
            vec![format!("MARIADB_ROOT_PASSWORD={password}"), "MARIADB_ROOT_HOST=%".into()],
            3306,
        ),
    };
    let scratch = ["/tmp", "/var/run/mysqld", "/run/mysqld"].map(String::from).to_vec();
    docker::Serving { product: flavor.name(), command, environment, scratch, port }
}

async fn in_container(
    stand: &docker::Stand,
    request: &Request,
    flavor: Flavor,
    side: &'static str,
    cancel: &CancellationToken,
) -> Result<MySqlServer, SandboxError> {
    let password = SecretString::from(random(32));
    let secret = secrecy::ExposeSecret::expose_secret(&password).to_string();
    let launched = stand.launch(request, side, |_| serving(flavor, &secret), cancel).await?;
    let docker::Launched { host, port, log, ended, origin, .. } = launched;
    let begun = Begun { origin, host, port, password, ended, tail: Box::new(move || docker::tail(&log)) };
    let server = begun.ready(request, flavor, cancel).await?;
    Ok(MySqlServer { origin: format!("image `{}`", request.image), ..server })
}

/// A server that was started and may not answer yet.
struct Begun {
    origin: String,
    host: String,
    port: u16,
    password: SecretString,
    ended: watch::Receiver<Option<String>>,
    tail: Box<dyn Fn() -> String + Send + Sync>,
}

impl Begun {
    /// Asks every few milliseconds until it answers.
    async fn ready(self, request: &Request, flavor: Flavor, cancel: &CancellationToken) -> Result<MySqlServer, SandboxError> {
        let begun = Instant::now();
        let Begun { origin, host, port, password, ended, tail } = self;
        let address = MySqlAddress::own(&host, port, &password);
        let last = std::sync::Mutex::new(String::from("it does not listen yet"));
        let asking = async {
            loop {
                match tokio::time::timeout(Duration::from_secs(5), first_session(&address, flavor)).await {
                    Ok(Ok(version)) => return version,
                    Ok(Err(error)) => *last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = error.to_string(),
                    Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let mut gone = ended.clone();
        let version = tokio::select! {
            () = cancel.cancelled() => return Err(SandboxError::Cancelled),
            _ = gone.wait_for(Option::is_some) => {
                let why = ended.borrow().clone().unwrap_or_default();
                return Err(SandboxError::NotStarted { origin, why, log: tail() });
            }
            version = tokio::time::timeout(request.limits.start, asking) => match version {
                Ok(version) => version,
                Err(_) => {
                    let why = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
                    return Err(SandboxError::NotReady { origin, seconds: request.limits.start.as_secs(), why, log: tail() });
                }
            },
        };
        tracing::debug!("{origin} is ready after {} ms", begun.elapsed().as_millis());
        Ok(server(version, address, origin, request, ended, None))
    }
}

/// The version, when our own password opens the server. TiDB begins with an empty one, which is set here.
async fn first_session(address: &MySqlAddress, flavor: Flavor) -> Result<String, MySqlError> {
    let limit = Duration::from_secs(5);
    let session = match address.connect(limit).await {
        Ok(session) => session,
        Err(error) if flavor == Flavor::TiDb && error.code() == Some(ACCESS_DENIED) => {
            let open = address.without_password().connect(limit).await?;
            open.run(&format!("ALTER USER CURRENT_USER() IDENTIFIED BY '{}'", address.password())).await?;
            address.connect(limit).await?
        }
        Err(error) => return Err(error),
    };
    let rows = session.rows("SELECT VERSION()").await?;
    Ok(rows.first().and_then(|row| row.text(0)).unwrap_or_default().to_string())
}

/// `ER_ACCESS_DENIED_ERROR`.
const ACCESS_DENIED: u16 = 1045;

fn server(
    version: String,
    address: MySqlAddress,
    origin: String,
    request: &Request,
    ended: watch::Receiver<Option<String>>,
    lock: Option<Session>,
) -> MySqlServer {
    MySqlServer {
        flavor: Flavor::of_version(&version),
        version: shown_version(&version),
        address,
        origin,
        database: request.database.clone(),
        collations: request.collations.clone(),
        limits: request.limits.clone(),
        setup: request.setup.clone(),
        ended,
        _lock: lock,
    }
}

/// A server by its URL: nothing may be in it, and no other run may use it meanwhile.
async fn given(address: &MySqlAddress, request: &Request) -> Result<MySqlServer, SandboxError> {
    let origin = address.shown();
    let failed = |source| SandboxError::MySql { attempted: format!("use {origin} as a sandbox"), source };
    let session = address.connect(request.limits.statement).await.map_err(failed)?;
    let seconds = request.limits.start.as_secs();
    let locked = session.rows(&format!("SELECT GET_LOCK('schemaproof', {seconds})")).await.map_err(failed)?;
    if locked.first().and_then(|row| row.text(0)) != Some("1") {
        let why = format!("another run of schemaproof has used it for {seconds} s");
        return Err(SandboxError::BadUrl { why });
    }
    let version = session.rows("SELECT VERSION()").await.map_err(failed)?;
    let version = version.first().and_then(|row| row.text(0)).unwrap_or_default().to_string();
    let in_use = "SELECT table_schema, COUNT(*) FROM information_schema.tables WHERE LOWER(table_schema) NOT IN \
                  ('information_schema', 'mysql', 'performance_schema', 'sys', 'metrics_schema') GROUP BY table_schema ORDER BY 1";
    if let Some(database) = session.rows(in_use).await.map_err(failed)?.first().and_then(|row| row.text(0)) {
        let why =
            format!("its database `{database}` has tables in it; give a server without any, since all databases on it are dropped");
        return Err(SandboxError::BadUrl { why });
    }
    let (sender, ended) = watch::channel(None);
    // Nobody tells us when a server of others ends.
    drop(sender);
    Ok(server(version, address.clone(), origin, request, ended, Some(session)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_from_its_version() {
        for (version, flavor, shown) in [
            ("8.0.11-TiDB-v8.4.0", Flavor::TiDb, "8.4.0"),
            ("10.11.6-MariaDB-0+deb12u1", Flavor::MariaDb, "10.11.6"),
            ("8.0.39", Flavor::MySql, "8.0.39"),
        ] {
            assert_eq!((Flavor::of_version(version), shown_version(version).as_str()), (flavor, shown));
        }
    }
}
