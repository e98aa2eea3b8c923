//! Sessions on a server of the MySQL family, through mysql_async (no other file knows it).
//!
//! Statements go as text, one at a time, each within a limit; values come back as text.

use std::{fmt, time::Duration};

use mysql_async::{Conn, DriverError, Error, IoError, Opts, OptsBuilder, SslOpts, Value, prelude::Queryable};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::sandbox::SandboxError;

/// Where a server is, and as whom to go there.
#[derive(Clone)]
pub struct MySqlAddress {
    host: String,
    port: u16,
    user: String,
    password: SecretString,
    tls: Tls,
    database: Option<String>,
}

/// `ssl-mode` of a URL, in the words of the mysql client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Disabled,
    /// Where the server has it, without looking at its certificate.
    Preferred,
    Required,
    /// With a certificate for the host's name by an authority that this machine trusts.
    Verified,
}

impl fmt::Debug for MySqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Why a statement or a connection failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MySqlError {
    #[error("{message} (MySQL error {code}, SQLSTATE {sqlstate})")]
    Server { code: u16, sqlstate: String, message: String },
    #[error("{0}")]
    Connection(String),
    #[error("no answer within {0} s")]
    Endless(u64),
}

impl MySqlError {
    /// The server's error number.
    pub fn code(&self) -> Option<u16> {
        match self {
            MySqlError::Server { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// As the report shows it.
    pub fn sql_error(&self) -> (Option<String>, String, Option<String>) {
        match self {
            MySqlError::Server { code, sqlstate, message } => {
                (Some(sqlstate.clone()), message.clone(), Some(format!("MySQL error {code}")))
            }
            other => (None, other.to_string(), None),
        }
    }
}

impl From<Error> for MySqlError {
    fn from(error: Error) -> MySqlError {
        match error {
            Error::Server(error) => MySqlError::Server { code: error.code, sqlstate: error.state, message: error.message },
            Error::Io(IoError::Io(error)) => MySqlError::Connection(error.to_string()),
            other => MySqlError::Connection(other.to_string()),
        }
    }
}

/// One row; values as the server writes them.
#[derive(Debug, Clone)]
pub struct Row {
    pub names: std::sync::Arc<[String]>,
    pub values: Vec<Option<String>>,
}

impl Row {
    /// The value of a column by its number; none when it is NULL or not there.
    pub fn text(&self, at: usize) -> Option<&str> {
        self.values.get(at)?.as_deref()
    }
}

impl MySqlAddress {
    /// Of a server that we started: its superuser is `root`.
    pub(super) fn own(host: &str, port: u16, password: &SecretString) -> MySqlAddress {
        MySqlAddress {
            host: host.into(),
            port,
            user: "root".into(),
            password: password.clone(),
            tls: Tls::Disabled,
            database: None,
        }
    }

    pub(super) fn without_password(&self) -> MySqlAddress {
        MySqlAddress { password: SecretString::from(""), ..self.clone() }
    }

    /// The same server for another account.
    pub(super) fn of(&self, user: &str, password: String) -> MySqlAddress {
        MySqlAddress { user: user.into(), password: SecretString::from(password), ..self.clone() }
    }

    /// Made of letters and digits where it is our own.
    pub(super) fn password(&self) -> &str {
        self.password.expose_secret()
    }

    /// `mysql://user:password@host:port/database?ssl-mode=REQUIRED`; also `tidb://` and `mariadb://`.
    ///
    /// # Errors
    /// When it is not such a URL; the message never holds the password.
    pub fn from_url(url: &SecretString) -> Result<MySqlAddress, SandboxError> {
        let bad = |why: &str| SandboxError::BadUrl { why: why.into() };
        let url = url::Url::parse(url.expose_secret()).map_err(|error| bad(&error.to_string()))?;
        if !["mysql", "mariadb", "maria", "tidb"].contains(&url.scheme()) {
            return Err(bad("it is not a mysql:// address"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("it names no host"))?;
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_string();
        let near = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let mut tls = if near { Tls::Disabled } else { Tls::Preferred };
        for (name, value) in url.query_pairs() {
            tls = match (name.to_ascii_lowercase().as_str(), value.to_ascii_uppercase().as_str()) {
                ("ssl-mode" | "sslmode", "DISABLED") => Tls::Disabled,
                ("ssl-mode" | "sslmode", "PREFERRED") => Tls::Preferred,
                ("ssl-mode" | "sslmode", "REQUIRED") => Tls::Required,
                ("ssl-mode" | "sslmode", "VERIFY_CA" | "VERIFY_IDENTITY") => Tls::Verified,
                ("ssl-mode" | "sslmode", _) => {
                    return Err(bad("its ssl-mode is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY"));
                }
                ("tls", "TRUE") => Tls::Verified,
                ("tls", "SKIP-VERIFY") => Tls::Required,
                _ => tls,
            };
        }
        let port = url.port().unwrap_or(if url.scheme() == "tidb" { 4000 } else { 3306 });
        let user = if url.username().is_empty() { "root".into() } else { decoded(url.username()) };
        let password = SecretString::from(decoded(url.password().unwrap_or_default()));
        let database = Some(decoded(url.path().trim_start_matches('/'))).filter(|name| !name.is_empty());
        Ok(MySqlAddress { host, port, user, password, tls, database })
    }

    /// As a URL, with the password.
    pub(super) fn url(&self, database: &str) -> SecretString {
        let encoded = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let (user, password) = (encoded(&self.user), encoded(self.password.expose_secret()));
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        SecretString::from(format!("mysql://{user}:{password}@{host}:{}/{}", self.port, encoded(database)))
    }

    /// The database that a URL names.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// For messages: never with the password.
    pub fn shown(&self) -> String {
        format!("mysql://{}:{}", self.host, self.port)
    }

    /// A new session in which every statement has `limit` to answer.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or has no TLS where it is asked for.
    pub async fn connect(&self, limit: Duration) -> Result<Session, MySqlError> {
        let tls = match self.tls {
            Tls::Disabled => None,
            Tls::Preferred | Tls::Required => {
                Some(SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true))
            }
            // Those of authorities that this machine trusts, beside the client's own.
            Tls::Verified => {
                let trusted = crate::tls::trusted();
                let trusted = trusted.into_iter().map(|certificate| certificate.to_vec().into()).collect();
                Some(SslOpts::default().with_root_certs(trusted))
            }
        };
        let connected = tokio::time::timeout(limit, Conn::new(self.options(tls))).await;
        let connection = match connected.map_err(|_| MySqlError::Endless(limit.as_secs()))? {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if self.tls == Tls::Preferred => {
                let plain = tokio::time::timeout(limit, Conn::new(self.options(None))).await;
                plain.map_err(|_| MySqlError::Endless(limit.as_secs()))??
            }
            other => other?,
        };
        let id = connection.id();
        Ok(Session { id, connection: Mutex::new(Some(connection)), limit, address: self.clone() })
    }

    fn options(&self, tls: Option<SslOpts>) -> Opts {
        OptsBuilder::default()
            .ip_or_hostname(self.host.clone())
            .tcp_port(self.port)
            .user(Some(self.user.clone()))
            .pass(Some(self.password.expose_secret().to_string()).filter(|password| !password.is_empty()))
            .prefer_socket(false)
            .max_allowed_packet(Some(64 << 20))
            .stmt_cache_size(0)
            .ssl_opts(tls)
            .into()
    }
}

/// A connection with its state: current database, variables.
#[derive(Debug)]
pub struct Session {
    id: u32,
    /// Gone after a statement that did not end: what it would answer next is unknown.
    connection: Mutex<Option<Conn>>,
    limit: Duration,
    address: MySqlAddress,
}

impl Session {
    /// All rows of a query's first result.
    ///
    /// # Errors
    /// When the server refuses, does not answer in time, or is gone.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Row>, MySqlError> {
        self.within_limit(async |connection: &mut Conn| {
            let mut result = connection.query_iter(sql).await?;
            let names: std::sync::Arc<[String]> = result.columns_ref().iter().map(|column| column.name_str().to_string()).collect();
            let rows: Vec<mysql_async::Row> = result.collect().await?;
            result.drop_result().await?;
            let text = |value: Value| match value {
                Value::NULL => None,
                Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                other => Some(other.as_sql(true)),
            };
            Ok(rows
                .into_iter()
                .map(|row| Row { names: names.clone(), values: row.unwrap().into_iter().map(text).collect() })
                .collect())
        })
        .await
    }

    /// Runs a statement, whatever it answers; how many warnings there were.
    ///
    /// # Errors
    /// As [`Session::rows`].
    pub async fn run(&self, sql: &str) -> Result<u16, MySqlError> {
        self.within_limit(async |connection: &mut Conn| {
            let result = connection.query_iter(sql).await?;
            result.drop_result().await?;
            Ok(connection.get_warnings())
        })
        .await
    }

    async fn within_limit<T>(&self, work: impl AsyncFnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, MySqlError> {
        let mut held = self.connection.lock().await;
        let Some(connection) = held.as_mut() else {
            return Err(MySqlError::Connection("the session was ended after a statement that took too long".into()));
        };
        let outcome = tokio::time::timeout(self.limit, work(connection)).await;
        match outcome {
            Ok(done) => Ok(done?),
            Err(_) => {
                *held = None;
                self.kill().await;
                Err(MySqlError::Endless(self.limit.as_secs()))
            }
        }
    }

    /// Asks the server to end this session's statement.
    async fn kill(&self) {
        let attempt = async {
            let mut other = Conn::new(self.address.options(None)).await?;
            other.query_drop(format!("KILL {}", self.id)).await
        };
        if !matches!(tokio::time::timeout(Duration::from_secs(5), attempt).await, Ok(Ok(()))) {
            tracing::debug!("session {} of {} could not be ended", self.id, self.address.shown());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<MySqlAddress, SandboxError> {
        MySqlAddress::from_url(&SecretString::from(url))
    }

    #[test]
    fn urls_are_read_and_shown_without_the_password() {
        let found = address("tidb://me:p%40ss@db.example.com/app?ssl-mode=VERIFY_IDENTITY").unwrap();
        assert_eq!((found.user.as_str(), found.password(), found.port, found.tls), ("me", "p@ss", 4000, Tls::Verified));
        assert_eq!(found.database(), Some("app"));
        assert_eq!(format!("{found:?}"), "mysql://db.example.com:4000");
        assert_eq!(address("mysql://127.0.0.1").unwrap().tls, Tls::Disabled);
        assert!(address("postgres://h/d").is_err());
        assert!(!address("mysql://u:secret@h/?ssl-mode=odd").unwrap_err().to_string().contains("secret"));
    }
}
