//! What is asked of a sandbox.

use std::time::Duration;

use secrecy::SecretString;

use crate::config::Config;

/// The image that is taken where none is configured and nothing says which would be better.
const IMAGE: &str = "postgres:16";

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
    /// Of the MySQL family.
    pub collations: Collations,
    pub limits: Limits,
    /// Label `schemaproof.mark` of all containers and networks that are made, so that a run's own can be told; may be empty.
    pub mark: String,
}

/// How databases that say nothing of it are collated: as those of a live server that they are compared with. None: as the sandbox's own
/// server has it.
#[derive(Debug, Clone, Default)]
pub struct Collations {
    /// Any database that files make.
    pub server: Option<String>,
    /// The one that they begin in.
    pub database: Option<String>,
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
    /// From start to the first answered query; pulling an image has [`Limits::run`].
    pub start: Duration,
    /// One statement of a schema file or of a plan.
    pub statement: Duration,
    /// A server ends by itself after this long.
    pub run: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 1 << 30,
            disk_bytes: 1 << 30,
            processes: 256,
            start: Duration::from_secs(60),
            statement: Duration::from_secs(60),
            run: Duration::from_secs(900),
        }
    }
}

impl From<&Config> for Request {
    /// What the configuration says; a `sandbox` that is none of its words is taken for a URL.
    fn from(config: &Config) -> Self {
        let place = match config.sandbox.as_str() {
            "auto" => Where::Auto,
            "docker" => Where::Docker,
            "local" => Where::Local,
            url => Where::Given(SecretString::from(url)),
        };
        let limits = Limits {
            memory_bytes: config.memory.saturating_mul(1 << 20),
            disk_bytes: config.disk.saturating_mul(1 << 20),
            statement: Duration::from_secs(config.statement_timeout),
            run: Duration::from_secs(config.timeout),
            ..Limits::default()
        };
        Request {
            place,
            image: config.image.clone().unwrap_or_else(|| IMAGE.into()),
            database: config.database.clone(),
            role: config.role.clone(),
            setup: config.setup.clone(),
            collations: Collations::default(),
            limits,
            mark: String::new(),
        }
    }
}
