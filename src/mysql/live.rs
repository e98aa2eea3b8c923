//! A live server of the MySQL family: only read, and only those of its databases that a run is about.

use std::{collections::BTreeSet, time::Duration};

use secrecy::SecretString;

use super::{
    catalog::{self, Replicas, Snapshot},
    literal,
};
use crate::sandbox::{
    Collations, SandboxError,
    mysql::{Flavor, MySqlAddress, MySqlError, Row, Session},
};

/// Which of a server's databases count: all but its own, or these.
pub type Databases = Option<BTreeSet<String>>;

/// One statement on a live server.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Why a live server could not be read; says nothing of which one, the caller does.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error(transparent)]
    Url(#[from] SandboxError),
    #[error(transparent)]
    Server(#[from] MySqlError),
    #[error("it is a {found}, and the schemas are for {wanted}; set `dialect:` to what it is")]
    Other { found: &'static str, wanted: &'static str },
}

/// The kind of server that answers at an address.
///
/// # Errors
/// When it cannot be reached or asked.
pub async fn flavor_of(url: &SecretString) -> Result<Flavor, LiveError> {
    let session = MySqlAddress::from_url(url)?.connect(LIMIT).await?;
    Ok(flavor(&session).await?)
}

/// The kind of server that a session is on.
///
/// # Errors
/// When it cannot be asked.
pub async fn flavor(session: &Session) -> Result<Flavor, MySqlError> {
    let rows = session.rows("SELECT VERSION()").await?;
    Ok(Flavor::of_version(rows.first().and_then(|row| row.text(0)).unwrap_or_default()))
}

/// How databases of a live server are collated that say nothing of it, and the one that its address names.
///
/// # Errors
/// When it cannot be reached or asked.
pub async fn collations(url: &SecretString) -> Result<Collations, LiveError> {
    let address = MySqlAddress::from_url(url)?;
    let session = address.connect(LIMIT).await?;
    let server = session.rows("SELECT @@GLOBAL.collation_server").await?;
    let database = format!(
        "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = {}",
        literal(address.database().unwrap_or_default())
    );
    let database = session.rows(&database).await?;
    let first = |rows: &[Row]| rows.first().and_then(|row| row.text(0)).map(String::from);
    Ok(Collations { server: first(&server), database: first(&database) })
}

/// The schema of a live server.
///
/// # Errors
/// When it cannot be reached or read, or is of another kind.
pub async fn read(
    url: &SecretString,
    wanted: Flavor,
    exclude: &[String],
    databases: &Databases,
) -> Result<(Snapshot, Replicas), LiveError> {
    let session = MySqlAddress::from_url(url)?.connect(LIMIT).await?;
    let found = flavor(&session).await?;
    if found != wanted {
        return Err(LiveError::Other { found: found.name(), wanted: wanted.name() });
    }
    // Belt and braces: what reads here only selects and shows.
    if wanted != Flavor::TiDb {
        // TiDB has no such transactions.
        session.run("SET SESSION TRANSACTION READ ONLY").await?;
    }
    Ok(of_session(&session, wanted, exclude, databases).await?)
}

/// The schema that a session sees.
///
/// # Errors
/// When a query fails.
pub async fn of_session(
    session: &Session,
    flavor: Flavor,
    exclude: &[String],
    databases: &Databases,
) -> Result<(Snapshot, Replicas), MySqlError> {
    let mut replicas = Replicas::new();
    if flavor == Flavor::TiDb {
        let sql = "SELECT table_schema, table_name, replica_count, location_labels FROM information_schema.tiflash_replica";
        for row in session.rows(sql).await? {
            let (Some(database), Some(table), Some(count)) = (row.text(0), row.text(1), row.text(2)) else { continue };
            let labels: Vec<String> =
                row.text(3).unwrap_or_default().split(',').filter(|label| !label.is_empty()).map(literal).collect();
            let labels = if labels.is_empty() { String::new() } else { format!(" LOCATION LABELS {}", labels.join(" , ")) };
            replicas.insert(vec![database.into(), table.into()], format!("{count}{labels}"));
        }
    }
    let mut exclude = exclude.to_vec();
    if let Some(databases) = databases {
        let all = catalog::databases(session).await?;
        exclude.extend(all.iter().filter(|name| !databases.contains(*name)).map(|name| globset::escape(name)));
    }
    let mut snapshot = catalog::read(session, flavor, &exclude, &replicas).await?;
    if databases.is_some() {
        catalog::without_unused_policies(&mut snapshot);
    }
    Ok((snapshot, replicas))
}
