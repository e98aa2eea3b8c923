//! Sessions: where a server is dialled, TLS, and the notices that it sends.
//!
//! Notices are text of whoever wrote the SQL: only the first [`Notice::LIMIT`] of a session are kept.

use std::{
    borrow::Borrow,
    collections::VecDeque,
    future::poll_fn,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::SandboxError;
use crate::tls;

/// What a server said beside its answers (`RAISE NOTICE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// For instance `NOTICE` or `WARNING`, never translated.
    pub severity: String,
    pub message: String,
}

impl Notice {
    /// How many are kept of one session.
    pub const LIMIT: usize = 200;
    /// How many characters of a message are kept.
    const LENGTH: usize = 1000;
}

/// A session. Ends when it is dropped and what it was asked is answered.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    notices: Arc<Mutex<VecDeque<Notice>>>,
    task: JoinHandle<()>,
    tls: Tls,
}

impl Connection {
    /// Takes the notices that have come since the last call.
    pub fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Asks the server to stop what this session is doing. Waits at most two seconds.
    pub async fn cancel_query(&self) {
        let token = self.client.cancel_token();
        let request = async {
            match self.tls.connector() {
                None => token.cancel_query(NoTls).await,
                Some(tls) => token.cancel_query(tls).await,
            }
        };
        if !matches!(tokio::time::timeout(Duration::from_secs(2), request).await, Ok(Ok(()))) {
            tracing::debug!("a cancel request did not arrive");
        }
    }

    /// Cuts the connection, whatever the server is doing.
    pub fn cut(self) {
        self.task.abort();
    }

    /// Ends the session and waits until the connection is closed, at most two seconds.
    pub async fn close(self) {
        let Connection { client, mut task, .. } = self;
        drop(client);
        if tokio::time::timeout(Duration::from_secs(2), &mut task).await.is_err() {
            task.abort();
        }
    }
}

impl Borrow<Client> for Connection {
    fn borrow(&self) -> &Client {
        &self.client
    }
}

impl Deref for Connection {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// Where a server is dialled, and as whom.
#[derive(Debug, Clone)]
pub struct Address {
    config: Config,
    tls: Tls,
    password: SecretString,
}

impl Address {
    /// A server of our own, dialled without TLS.
    pub(super) fn new(host: &str, port: u16, user: &str, password: &SecretString) -> Address {
        let mut config = Config::new();
        config.host(host).port(port).user(user).password(password.expose_secret()).ssl_mode(SslMode::Disable);
        config.connect_timeout(Duration::from_secs(5)).application_name("schemaproof");
        Address { config, tls: Tls::None, password: password.clone() }
    }

    /// What a `postgres://` URL says, with libpq's `sslmode` (all six) and `sslrootcert`.
    ///
    /// `require` encrypts and does not look at the certificate, as libpq does; `verify-ca` and `verify-full` both check the
    /// certificate and the host's name.
    ///
    /// # Errors
    /// [`SandboxError::BadUrl`], never with the password in it.
    pub fn from_url(url: &SecretString) -> Result<Address, SandboxError> {
        let bad = |why: String| SandboxError::BadUrl { why };
        let mut parsed = url::Url::parse(url.expose_secret()).map_err(|error| bad(error.to_string()))?;
        if !["postgres", "postgresql"].contains(&parsed.scheme()) {
            return Err(bad(format!("it starts with `{}:`, not with `postgres:`", parsed.scheme())));
        }
        let mut mode = "prefer".to_string();
        let mut roots = None;
        let kept: Vec<(String, String)> = parsed
            .query_pairs()
            .filter_map(|(name, value)| match &*name {
                "sslmode" => {
                    mode = value.into_owned();
                    None
                }
                "sslrootcert" => {
                    roots = Some(value.into_owned());
                    None
                }
                _ => Some((name.into_owned(), value.into_owned())),
            })
            .collect();
        parsed.set_query(None);
        if !kept.is_empty() {
            parsed.query_pairs_mut().extend_pairs(kept);
        }
        let mut config: Config =
            parsed.as_str().parse().map_err(|error: tokio_postgres::Error| bad(super::error::error_text(&error)))?;
        let (ssl, tls) = match mode.as_str() {
            "disable" | "allow" => (SslMode::Disable, Tls::None),
            "prefer" => (SslMode::Prefer, Tls::unverified()?),
            "require" => (SslMode::Require, Tls::unverified()?),
            "verify-ca" | "verify-full" => (SslMode::Require, Tls::verified(roots.as_deref())?),
            other => return Err(bad(format!("`sslmode={other}` is none of libpq's"))),
        };
        config.ssl_mode(ssl).application_name("schemaproof");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        if config.get_user().is_none() {
            config.user("postgres");
        }
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
        Ok(Address { config, tls, password: SecretString::from(password) })
    }

    /// The database that the URL names, else `postgres`.
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or("postgres")
    }

    pub fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    pub(super) fn password(&self) -> &SecretString {
        &self.password
    }

    /// Host and port for people: never with user or password.
    pub fn shown(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    pub(super) fn host(&self) -> String {
        match self.config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
            #[cfg(unix)]
            Some(tokio_postgres::config::Host::Unix(path)) => path.display().to_string(),
            None => "localhost".into(),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.config.get_ports().first().copied().unwrap_or(5432)
    }

    pub(super) fn ssl_mode(&self) -> &'static str {
        match (&self.tls, self.config.get_ssl_mode()) {
            (Tls::None, _) | (_, SslMode::Disable) => "disable",
            (Tls::Verified(_), _) => "verify-full",
            (_, SslMode::Prefer) => "prefer",
            _ => "require",
        }
    }

    /// A URL for another program. Holds the password.
    pub(super) fn url(&self, database: &str) -> SecretString {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("sslmode", self.ssl_mode());
        let host = self.host();
        let authority = if host.starts_with('/') {
            query.append_pair("host", &host);
            String::new()
        } else if host.contains(':') {
            format!("[{host}]")
        } else {
            host
        };
        let query = query.finish();
        let (user, password) = (encode(self.user()), encode(self.password.expose_secret()));
        SecretString::from(format!("postgres://{user}:{password}@{authority}:{}/{}?{query}", self.port(), encode(database)))
    }

    /// Opens a session.
    ///
    /// # Errors
    /// What the client library says.
    pub async fn connect(&self, database: &str, options: &str) -> Result<Connection, tokio_postgres::Error> {
        let mut config = self.config.clone();
        config.dbname(database);
        if !options.is_empty() {
            config.options(options);
        }
        let notices = Arc::new(Mutex::new(VecDeque::new()));
        let (client, task) = match self.tls.connector() {
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                (client, drive(connection, notices.clone()))
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls).await?;
                (client, drive(connection, notices.clone()))
            }
        };
        Ok(Connection { client, notices, task, tls: self.tls.clone() })
    }
}

fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>, notices: Arc<Mutex<VecDeque<Notice>>>) -> JoinHandle<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notice(notice)) => {
                    let mut notices = notices.lock().unwrap_or_else(PoisonError::into_inner);
                    if notices.len() < Notice::LIMIT {
                        let severity = notice.severity().to_string();
                        notices.push_back(Notice { severity, message: notice.message().chars().take(Notice::LENGTH).collect() });
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!("a connection ended: {error}");
                    break;
                }
            }
        }
    })
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[derive(Clone)]
enum Tls {
    None,
    Unverified(Arc<ClientConfig>),
    Verified(Arc<ClientConfig>),
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Tls::None => "None",
            Tls::Unverified(_) => "Unverified",
            Tls::Verified(_) => "Verified",
        })
    }
}

impl Tls {
    fn connector(&self) -> Option<MakeRustlsConnect> {
        match self {
            Tls::None => None,
            Tls::Unverified(config) | Tls::Verified(config) => Some(MakeRustlsConnect::new(config.as_ref().clone())),
        }
    }

    fn unverified() -> Result<Tls, SandboxError> {
        let config = tls::client()
            .map_err(bad_tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(tls::provider())))
            .with_no_client_auth();
        Ok(Tls::Unverified(Arc::new(config)))
    }

    fn verified(roots: Option<&str>) -> Result<Tls, SandboxError> {
        let store = match roots {
            None | Some("system") => tls::trusted_roots(),
            Some(file) => {
                let mut store = RootCertStore::empty();
                let why = |error: String| SandboxError::BadUrl {
                    why: format!("cannot read the certificates of sslrootcert `{file}`: {error}"),
                };
                for certificate in CertificateDer::pem_file_iter(file).map_err(|error| why(error.to_string()))? {
                    store.add(certificate.map_err(|error| why(error.to_string()))?).map_err(|error| why(error.to_string()))?;
                }
                store
            }
        };
        let config = tls::client().map_err(bad_tls)?.with_root_certificates(store).with_no_client_auth();
        Ok(Tls::Verified(Arc::new(config)))
    }
}

fn bad_tls(error: rustls::Error) -> SandboxError {
    SandboxError::BadUrl { why: format!("TLS cannot be set up: {error}") }
}

/// `sslmode=require`: encrypted, whoever it is (libpq's documentation, "SSL Support", table 34.1).
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
