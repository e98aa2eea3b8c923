//! Why a catalog could not be read.

/// Why a catalog could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A query failed.
    #[error("reading {what} from pg_catalog failed: {}; the role needs to connect and to read pg_catalog, nothing more", describe(.source))]
    Query { what: &'static str, source: tokio_postgres::Error },
    /// The server is older than what the readers know.
    #[error("the server is version {0}; schemas are read from PostgreSQL 13 (130000) and newer: use a newer server")]
    Version(u32),
    /// A row was not what its reader asked for.
    #[error(
        "reading {what} from pg_catalog gave {found} where {wanted} was asked for: this is a defect of schemaproof, please report it"
    )]
    Row { what: &'static str, found: String, wanted: String },
    /// The runtime ended first.
    #[error("reading the catalog was broken off, since the program ends")]
    Cancelled,
    /// A pattern to exclude is none.
    #[error("the pattern {pattern:?} in `exclude` cannot be understood: {source}; use for instance \"ag_catalog.*\"")]
    Pattern { pattern: String, source: globset::Error },
}

fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}
