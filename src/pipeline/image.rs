//! Which throwaway server goes with a live database: one of its version, so that what versions print differently is no difference.

use std::time::Duration;

use secrecy::SecretString;

use super::live;
use crate::{
    config::Config,
    sandbox::{Request, Where},
    source::shown_url,
};

/// Longest time for asking a live database its version.
const LIMIT: Duration = Duration::from_secs(20);

/// What is asked of the sandbox: where no image is configured, `postgres` of the version of the live database that is compared.
pub(super) async fn request(config: &Config, live: Option<&SecretString>) -> Request {
    let mut request = Request::from(config);
    let (Some(url), None, Where::Auto | Where::Docker) = (live, &config.image, &request.place) else { return request };
    match tokio::time::timeout(LIMIT, live::major(url)).await {
        Ok(Ok(major)) => request.image = format!("postgres:{major}"),
        // Whoever reads the database tells why it cannot be read.
        Ok(Err(error)) => tracing::info!("the image stays {}: {error}", request.image),
        Err(_) => tracing::info!("the image stays {}: {} does not say its version", request.image, shown_url(url)),
    }
    request
}
