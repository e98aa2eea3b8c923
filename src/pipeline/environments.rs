//! Many schemas read for a comparison: live databases a few at a time, files each in a sandbox of their own.
//!
//! One that cannot be read stops no other. Nothing is compared here: see [`crate::environments`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::{
    Input, PipelineError, Schema, image, live,
    mysql::{self, one::Canonical},
    roles,
};
use crate::{
    catalog::{
        Catalog,
        fingerprint::CatalogFingerprint,
        read::{self, ReadOptions},
    },
    config::{Config, Dialect},
    environments::{self, Comparison, Found},
    load::{self, Strictness},
    report::mask,
    sandbox::{self, Request, SandboxError, Sides},
    source::{self, SqlFiles},
};

/// An environment to be read.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `prod`.
    pub name: String,
    pub input: Input,
}

/// Reads all environments, at most `connections` databases at once, and compares them with the first. Ends soon after the
/// configuration's `timeout` or `cancel`; what was not read by then could not be read.
pub async fn compare(environments: &[Environment], config: &Config, connections: usize, cancel: &CancellationToken) -> Comparison {
    let options = ReadOptions { exclude: config.exclude.clone(), ..ReadOptions::default() };
    // One catalog a fingerprint: hundreds of tenants are a few catalogs.
    let catalogs: Mutex<BTreeMap<CatalogFingerprint, Catalog>> = Mutex::default();
    let own = cancel.child_token();
    let mut family = family(environments, config);
    // Files are loaded into a server of the kind and version that the first live one is, so that what servers print differently is no
    // difference.
    let live = environments.iter().find_map(|environment| environment.input.live());
    if let (Some(url), Dialect::MySql, None) = (live, family.0, config.dialect)
        && let Ok(flavor) = mysql::flavor_of(url).await
    {
        family.0 = flavor.dialect();
    }
    let request = image::request(config, live.filter(|_| family.0.is_postgres())).await;
    let roles = live_roles(environments, &family.0, connections.max(1)).await;
    let read = async |(at, Environment { name, input }): (usize, &Environment)| {
        let read = catalog(input, config, (&request, &roles), &family, &options, &own).await.map(|catalog| {
            let print = catalog.fingerprint();
            catalogs.lock().unwrap_or_else(PoisonError::into_inner).entry(print.clone()).or_insert(catalog);
            print
        });
        tracing::info!("{name} {}", if read.is_ok() { "is read" } else { "could not be read" });
        let read = read.map_err(|error| mask::text(&error.to_string()));
        (at, Found { name: name.clone(), source: input.name.clone(), read })
    };
    let all = stream::iter(environments.iter().enumerate()).map(read).buffer_unordered(connections.max(1)).collect();
    tokio::pin!(all);
    let mut found: Vec<(usize, Found)> = tokio::select! {
        found = &mut all => found,
        () = tokio::time::sleep(Duration::from_secs(config.timeout)) => {
            own.cancel();
            // Sandboxes are still removed.
            all.await
        }
    };
    found.sort_by_key(|(at, _)| *at);
    let found: Vec<Found> = found.into_iter().map(|(_, found)| found).collect();
    environments::compare(&found, &catalogs.lock().unwrap_or_else(PoisonError::into_inner))
}

/// On whose servers all of them are: as configured, else as the first live one says; and, of the MySQL family, what the database of each is
/// called in the comparison.
fn family(environments: &[Environment], config: &Config) -> (Dialect, Option<Canonical>) {
    let live = || environments.iter().filter_map(|environment| environment.input.live());
    let dialect = config.dialect.or_else(|| live().next().map(source::dialect_of)).unwrap_or_default();
    let named =
        live().filter_map(|url| mysql::one::named(url).ok().flatten().map(|name| Canonical { name, url: url.clone() })).next();
    (dialect, named.filter(|_| !dialect.is_postgres()))
}

/// The roles of the live databases' servers, which files beside them may name, `connections` servers at once. One that does not answer says so
/// when its databases are read.
async fn live_roles(environments: &[Environment], dialect: &Dialect, connections: usize) -> Vec<String> {
    let files = environments.iter().any(|environment| matches!(environment.input.schema, Schema::Files(_)));
    if !files || !dialect.is_postgres() {
        return Vec::new();
    }
    let mut servers = BTreeMap::new();
    for url in environments.iter().filter_map(|environment| environment.input.live()) {
        let parsed = url::Url::parse(url.expose_secret()).ok();
        servers.entry(parsed.map(|url| (url.host_str().map(String::from), url.port()))).or_insert(url);
    }
    let found = stream::iter(servers.into_values()).map(live::roles).buffer_unordered(connections).collect::<Vec<_>>().await;
    let names: BTreeSet<String> = found.into_iter().flatten().flatten().collect();
    names.into_iter().collect()
}

async fn catalog(
    input: &Input,
    config: &Config,
    (request, roles): (&Request, &[String]),
    (dialect, database): &(Dialect, Option<Canonical>),
    options: &ReadOptions,
    cancel: &CancellationToken,
) -> Result<Catalog, PipelineError> {
    if input.live().is_some_and(|url| source::dialect_of(url).is_postgres() != dialect.is_postgres()) {
        return Err(PipelineError::Mixed { name: input.name.clone(), dialect: *dialect });
    }
    if !dialect.is_postgres() {
        return mysql::one::read(config, *dialect, input, database.as_ref(), cancel).await.map(|one| one.catalog);
    }
    match &input.schema {
        Schema::Live(url) => tokio::select! {
            biased;
            () = cancel.cancelled() => Err(SandboxError::Cancelled.into()),
            catalog = live::read(url, options) => catalog,
        },
        Schema::Files(files) => load(files, config, (request, roles), options, cancel).await,
        Schema::Empty => load(&SqlFiles::default(), config, (request, &[]), options, cancel).await,
    }
}

/// Loads files into a server of their own, and reads what they made.
async fn load(
    files: &SqlFiles,
    config: &Config,
    (request, roles): (&Request, &[String]),
    options: &ReadOptions,
    cancel: &CancellationToken,
) -> Result<Catalog, PipelineError> {
    sandbox::with_servers(request, Sides::One, cancel, async |servers| {
        let server = &servers.base;
        roles::stand_in(server, files, roles).await?;
        let strict = load::Options { session: config.session, strictness: Strictness::Strict };
        let loaded = load::load_source(server, files, strict).await?;
        let connection = server.connect(&loaded.database).await?;
        let catalog = read::read(&connection, options).await?;
        connection.close().await;
        Ok(catalog)
    })
    .await
}

/// The names of the databases of a server that take connections, but templates.
///
/// # Errors
/// When the server cannot be asked.
pub async fn databases(url: &SecretString) -> Result<Vec<String>, PipelineError> {
    if !source::dialect_of(url).is_postgres() {
        return mysql::one::databases(url).await;
    }
    live::databases(url).await
}
