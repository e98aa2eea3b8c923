//! Reading a live database: read-only, one snapshot, with time limits, never a write.

use std::time::Duration;

use secrecy::SecretString;

use super::{PipelineError, roles};
use crate::{
    catalog::{
        Catalog,
        read::{self, ReadOptions},
    },
    sandbox::{Address, Connection},
    source::shown_url,
};

/// Start options of every session on a live database: nothing is written, and nobody waits for us.
const OPTIONS: &str =
    "-c default_transaction_read_only=on -c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s";

/// The catalog of a live database.
///
/// # Errors
/// When it cannot be reached or read; the message names the database without its password.
pub(super) async fn read(url: &SecretString, options: &ReadOptions) -> Result<Catalog, PipelineError> {
    with_session(url, async |connection| Ok(read::read(connection, options).await?)).await
}

/// The names of the roles of a live database's server.
///
/// # Errors
/// As [`read`].
pub(super) async fn roles(url: &SecretString) -> Result<Vec<String>, PipelineError> {
    with_session(url, async |connection| roles::read(connection).await).await
}

async fn with_session<T>(
    url: &SecretString,
    work: impl AsyncFnOnce(&Connection) -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    let limit = Duration::from_secs(120);
    let reading = async {
        let address = Address::from_url(url)?;
        let failed = |source| PipelineError::Live { database: shown_url(url), source };
        let connection = address.connect(address.database(), OPTIONS).await.map_err(failed)?;
        let outcome = work(&connection).await;
        connection.close().await;
        outcome
    };
    tokio::time::timeout(limit, reading).await.unwrap_or(Err(PipelineError::LiveTimeout { database: shown_url(url), limit }))
}
