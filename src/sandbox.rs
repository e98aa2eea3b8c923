//! A throwaway Postgres server: docker | local binaries | a URL it is given.
//!
//! Only a ready server exists as a value: [`start`] returns when a query on the final server has worked.

use std::time::Duration;

use secrecy::SecretString;

/// Which server to start, and within what limits.
#[derive(Debug, Clone)]
pub struct Request {
    pub place: Where,
    /// For `docker`: the image.
    pub image: String,
    /// Database that is made and loaded (`app`), and superuser that loads it (`postgres`).
    pub database: String,
    pub role: String,
    /// Statements run first on every server (`setup:` of the configuration).
    pub setup: Vec<String>,
    pub limits: Limits,
}

/// `--sandbox`.
#[derive(Debug, Clone)]
pub enum Where {
    Auto,
    Docker,
    Local,
    Given(SecretString),
}

#[derive(Debug, Clone)]
pub struct Limits {
    pub memory_bytes: u64,
    /// Size of the data directory.
    pub disk_bytes: u64,
    pub processes: u32,
    /// From start to the first answered query.
    pub start: Duration,
    /// One statement of a schema file or of a plan.
    pub statement: Duration,
}
