//! TLS as a client: rustls with ring, and the certificates that this machine trusts (or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`).

use std::sync::Arc;

use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto::CryptoProvider, pki_types::CertificateDer};

/// What computes.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of authorities that this machine trusts; none where there are none.
pub fn trusted() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// The same, as what a certificate is verified against. Those that cannot be read are left out.
pub fn trusted_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted());
    roots
}

/// A client that has yet to be told how servers are verified.
///
/// # Errors
/// When the provider has none of the protocol's versions.
pub fn client() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()
}
