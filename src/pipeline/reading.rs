//! One schema read, without a second one to compare it with; and whether a text made of it is the same schema again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Input, PipelineError, Schema, image, live, mysql, roles, side};
use crate::{
    catalog::{self, Catalog, Change, read::ReadOptions},
    config::{Config, Dialect},
    load::Strictness,
    sandbox::{self, Request, Sides},
    source::{self, SqlFiles},
};

/// A schema as it was read.
#[derive(Debug)]
pub struct Reading {
    pub catalog: Catalog,
    /// What was said while it was loaded, a sentence each.
    pub remarks: Vec<String>,
}

/// The catalog of one schema. A live database is read in one snapshot, read-only, and no server is started; files are loaded into a
/// sandbox.
///
/// # Errors
/// [`PipelineError`]; within the configuration's `timeout`.
pub async fn read(config: &Config, input: &Input, cancel: &CancellationToken) -> Result<Reading, PipelineError> {
    let dialect = dialect(config, input);
    if !dialect.is_postgres() {
        return within(config, cancel, async |own| {
            let mysql::one::One { catalog, remarks } = mysql::one::read(config, dialect, input, None, own).await?;
            Ok(Reading { catalog, remarks })
        })
        .await;
    }
    if let Schema::Live(url) = &input.schema {
        let catalog = live::read(url, &options(config)).await?;
        return Ok(Reading { catalog, remarks: Vec::new() });
    }
    within(config, cancel, async |own| {
        sandbox::with_servers(&Request::from(config), Sides::One, own, async |servers| {
            let side = side::build(config, &servers.base, input, Strictness::Strict).await?;
            Ok(Reading { remarks: side.said(), catalog: side.catalog })
        })
        .await
    })
    .await
}

/// [`read`], and what is different where `write`'s text of the catalog is loaded, on a server of its own.
///
/// # Errors
/// As [`read`]; also when the text cannot be loaded.
pub async fn read_and_write(
    config: &Config,
    input: &Input,
    cancel: &CancellationToken,
    write: impl Fn(&Catalog) -> SqlFiles,
) -> Result<(Reading, Vec<Change>), PipelineError> {
    let request = image::request(config, input.live()).await;
    within(config, cancel, async |own| {
        sandbox::with_servers(&request, Sides::Two, own, async |servers| {
            let (reading, names) = match &input.schema {
                Schema::Live(url) => {
                    let catalog = live::read(url, &options(config)).await?;
                    (Reading { catalog, remarks: Vec::new() }, live::roles(url).await?)
                }
                _ => {
                    let side = side::build(config, servers.target(), input, Strictness::Strict).await?;
                    let connection = servers.target().connect(&side.database).await?;
                    let names = roles::read(&connection).await?;
                    connection.close().await;
                    (Reading { remarks: side.said(), catalog: side.catalog }, names)
                }
            };
            let maintenance = servers.base.create_database("roles", None).await?;
            let connection = servers.base.connect(&maintenance).await?;
            roles::make(&connection, &names).await?;
            connection.close().await;
            servers.base.drop_database(&maintenance).await?;
            let again = Input { name: input.name.clone(), commit: None, schema: Schema::Files(write(&reading.catalog)) };
            let again = side::build(config, &servers.base, &again, Strictness::Strict).await?;
            let differences = catalog::compare(&again.catalog, &reading.catalog);
            Ok((reading, differences))
        })
        .await
    })
    .await
}

/// On whose server a schema is: as its address says, else as configured.
pub fn dialect(config: &Config, input: &Input) -> Dialect {
    let live = input.live().map(source::dialect_of);
    config.dialect.or(live).unwrap_or_default()
}

fn options(config: &Config) -> ReadOptions {
    ReadOptions { exclude: config.exclude.clone(), ..ReadOptions::default() }
}

/// Runs `work` for as long as the configuration allows; it is cancelled then, and still removes its servers.
async fn within<T>(
    config: &Config,
    cancel: &CancellationToken,
    work: impl AsyncFnOnce(&CancellationToken) -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    let limit = Duration::from_secs(config.timeout);
    let own = cancel.child_token();
    let work = work(&own);
    tokio::pin!(work);
    tokio::select! {
        outcome = &mut work => outcome,
        () = tokio::time::sleep(limit) => {
            own.cancel();
            let _ = work.await;
            Err(PipelineError::Timeout { limit })
        }
    }
}
