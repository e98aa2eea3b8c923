//! Why there is no sandbox, or why it did not do what it was asked.

/// Each says what was attempted, on what, why it failed and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("cannot reach Docker: {why}; start it, or set `sandbox:` to `local` or to the URL of a server")]
    NoDocker { why: String },
    #[error(
        "found no Postgres binaries (initdb and postgres) on PATH, by pg_config or in /usr/lib/postgresql; \
         install Postgres (on Debian: apt-get install postgresql), or use Docker"
    )]
    NoBinaries,
    #[error(
        "no place for a throwaway Postgres. Docker: {docker}. Local: {local}. Start Docker, install Postgres, or set `sandbox:` \
         to the URL of a server"
    )]
    Nowhere { docker: Box<SandboxError>, local: Box<SandboxError> },
    #[error("image `{image}` is not here and cannot be pulled: {why}; set `image:` to one that is, or pull it first")]
    NoImage { image: String, why: String },
    #[error("Docker could not {attempted}: {why}")]
    Docker { attempted: String, why: String },
    #[error("{origin} ended before it answered a query: {why}; its last words:\n{log}")]
    NotStarted { origin: String, why: String, log: String },
    #[error("{origin} did not answer a query within {seconds} s ({why}); its last words:\n{log}")]
    NotReady { origin: String, seconds: u64, why: String, log: String },
    #[error("cannot {attempted}: {why}")]
    Local { attempted: String, why: String },
    #[error("the URL of the server cannot be used: {why}")]
    BadUrl { why: String },
    #[error("{origin} ended: {why}")]
    Ended { origin: String, why: String },
    #[error("{origin} did not answer within {seconds} s")]
    NoAnswer { origin: String, seconds: u64 },
    #[error("cannot connect to database `{database}` of {origin}: {}", error_text(.source))]
    Connect { origin: String, database: String, source: tokio_postgres::Error },
    #[error("`{sql}` failed: {}", error_text(.source))]
    Statement { sql: String, source: tokio_postgres::Error },
    #[error("the statement `{sql}` of `setup:` failed: {}", error_text(.source))]
    Setup { sql: String, source: tokio_postgres::Error },
    #[error(
        "no pg_dump for a server of version {server}: found {found}; install the client programs of that version (on Debian: \
         postgresql-client-{major}), or use `sandbox: docker`"
    )]
    NoPgDump { server: String, major: u32, found: String },
    #[error("pg_dump failed: {message}")]
    PgDump { message: String },
    #[error("database `{database}` was not made by this run and is left alone")]
    NotOurs { database: String },
    #[error(
        "found no {name} on this machine (on PATH, or in schemaproof's cache folder); install it, or set `sandbox:` to `docker` or to \
         the URL of a server"
    )]
    NoMySqlBinary { name: &'static str },
    #[error("cannot {attempted}: {source}")]
    MySql { attempted: String, source: super::mysql::MySqlError },
    #[error("cancelled")]
    Cancelled,
}

/// SQLSTATE and message where the server said something, else what the client said with its causes.
pub fn error_text(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} (SQLSTATE {})", error.message(), error.code().code()),
        None => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !text.contains(&cause_text) {
                    text = format!("{text}: {cause_text}");
                }
                source = cause.source();
            }
            text
        }
    }
}
