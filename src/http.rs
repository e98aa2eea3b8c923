//! The one HTTP client: the proxy of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), the certificates this machine trusts, and
//! limits. It knows neither GitHub nor what is downloaded.

use std::time::Duration;

use crate::tls;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up HTTPS: {why}")]
pub struct HttpError {
    why: String,
}

/// A client for which `silence` is the longest time to wait for a connection, and for the next byte of an answer. Sends nothing yet.
///
/// Proxies are taken from the environment as curl does; certificates from the machine, or from `SSL_CERT_FILE` and `SSL_CERT_DIR`.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(silence: Duration) -> Result<reqwest::Client, HttpError> {
    let failed = |error: &dyn std::error::Error| HttpError { why: error.to_string() };
    let tls = tls::client().map_err(|error| failed(&error))?.with_root_certificates(tls::trusted_roots()).with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("schemaproof/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(silence)
        .read_timeout(silence)
        .build()
        .map_err(|error| failed(&error))
}
