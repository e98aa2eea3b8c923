//! Roles belong to a server, not to a database: what the two sides' servers must both have before a plan about them can run.

use tokio_postgres::Client;

use super::PipelineError;
use crate::{sandbox::Server, script::quote_identifier};

/// The names of a server's roles, without Postgres's own.
pub(super) async fn read(client: &Client) -> Result<Vec<String>, PipelineError> {
    let rows = client
        .query("SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1", &[])
        .await
        .map_err(PipelineError::Roles)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Makes those of the roles that the server has not, without any right.
pub(super) async fn make(client: &Client, names: &[String]) -> Result<Vec<String>, PipelineError> {
    let there = read(client).await?;
    let mut made = Vec::new();
    for name in names.iter().filter(|name| !there.contains(name)) {
        client.batch_execute(&format!("CREATE ROLE {}", quote_identifier(name))).await.map_err(PipelineError::Roles)?;
        made.push(name.clone());
    }
    Ok(made)
}

/// Gives each of two servers the roles that only the other has; answers with those that the base's had not. Each server comes with a
/// database to connect to.
pub(super) async fn level(base: (&Server, &str), target: (&Server, &str)) -> Result<Vec<String>, PipelineError> {
    let (base, target) = (base.0.connect(base.1).await?, target.0.connect(target.1).await?);
    let made = make(&base, &read(&target).await?).await?;
    make(&target, &read(&base).await?).await?;
    base.close().await;
    target.close().await;
    Ok(made)
}
