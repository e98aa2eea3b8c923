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
    /// What was there when the reading began was not when the server was to print it: printing looks at what is there now.
    #[error(
        "reading {what} from pg_catalog gave no {wanted}, several times over: another session is changing the schema; run it again when that is \
         done, and if nothing changes it, this is a defect of schemaproof, please report it"
    )]
    Changing { what: &'static str, wanted: &'static str },
    /// The runtime ended first.
    #[error("reading the catalog was broken off, since the program ends")]
    Cancelled,
    /// A pattern to exclude is none.
    #[error("the pattern {pattern:?} in `exclude` cannot be understood: {source}; use for instance \"ag_catalog.*\"")]
    Pattern { pattern: String, source: globset::Error },
}

impl CatalogError {
    /// Whether another session's change of the schema may be why, so that another reading may succeed.
    pub(super) fn may_pass(&self) -> bool {
        // Of relations and other objects that are gone: undefined_table, undefined_object, undefined_function, internal_error
        // ("cache lookup failed", "could not open relation with OID").
        const GONE: [&str; 4] = ["42P01", "42704", "42883", "XX000"];
        match self {
            Self::Changing { .. } => true,
            Self::Query { source, .. } => source.code().is_some_and(|code| GONE.contains(&code.code())),
            _ => false,
        }
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}
