//! Why a run came to no verdict, and how the report says so.

use std::time::Duration;

use crate::{
    catalog::read::CatalogError,
    load::LoadError,
    mysql::live::LiveError,
    plan::{atlas::AtlasError, native::PlanError},
    proof::{SqlError, replay::ReplayError},
    report::ReportedError,
    sandbox::{SandboxError, mysql::MySqlError},
};

#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Atlas(#[from] AtlasError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("cannot read the live database {database}: {}", crate::sandbox::error_text(.source))]
    Live { database: String, source: tokio_postgres::Error },
    #[error("the live database {database} was not read within {} s", .limit.as_secs())]
    LiveTimeout { database: String, limit: Duration },
    #[error("reading or making roles: {}", crate::sandbox::error_text(.0))]
    Roles(#[source] tokio_postgres::Error),
    #[error("the live database {database} cannot be rebuilt in the sandbox: `{sql}` failed: {}", crate::sandbox::error_text(.source))]
    Rebuild { database: String, sql: String, source: tokio_postgres::Error },
    #[error("copying a side's database: `{sql}` failed: {}", crate::sandbox::error_text(.source))]
    Copy { sql: String, source: tokio_postgres::Error },
    #[error("a rename that a note asks for cannot be done: `{sql}` failed: {}", crate::sandbox::error_text(.source))]
    Rename { sql: String, source: tokio_postgres::Error },
    #[error("a rename that a note asks for cannot be done: `{sql}` failed: {why}")]
    RenameMySql { sql: String, why: String },
    #[error(
        "the live database {database} cannot be rebuilt in the sandbox: {count} of its objects come out different, first {first}{}",
        other_version(.versions)
    )]
    NotRebuilt { database: String, count: usize, first: String, versions: (u32, u32) },
    #[error("`dialect` is {dialect:?}, and {name} is not of that family: both sides must be on the same kind of server")]
    Mixed { name: String, dialect: crate::config::Dialect },
    #[error("cannot read the live database {database}: {source}")]
    LiveMySql { database: String, source: LiveError },
    #[error(
        "`{one}` and `{other}` are two databases, and statements name theirs: give addresses of the same name, or without one to compare whole \
         servers; `schemaproof compare` compares databases of any name"
    )]
    OtherDatabase { one: String, other: String },
    #[error("{database} has no database `{name}`")]
    NoDatabase { database: String, name: String },
    #[error("replaying the plan failed: {source}")]
    ReplayMySql { source: MySqlError },
    #[error("the live database {database} cannot be rebuilt in the sandbox: `{sql}` failed: {why}")]
    RebuildMySql { database: String, sql: String, why: String },
    #[error("Atlas cannot plan online: its statements block; set `engine: auto` or `engine: native`")]
    OnlineByAtlas,
    #[error(
        "online plans are made for Postgres, and need not be for TiDB, whose own statements do not block; `dialect` is {dialect:?}: plan without `online`"
    )]
    OnlineByMySql { dialect: crate::config::Dialect },
    #[error("the run did not end within {} s (`timeout:` of the configuration)", .limit.as_secs())]
    Timeout { limit: Duration },
}

impl PipelineError {
    /// The error as the report shows it, with file and line where SQL is at fault.
    pub(super) fn reported(&self) -> ReportedError {
        let (spot, failure) = match self {
            PipelineError::Load(error) => (error.spot(), error.failure()),
            _ => (None, None),
        };
        let sql = failure.map(|failure| SqlError {
            sqlstate: failure.sqlstate.clone(),
            message: failure.message.clone(),
            detail: failure.detail.clone(),
            hint: failure.hint.clone(),
            table: None,
            part: None,
        });
        // Place and line stand apart in a report: the message is what is left, and what to do.
        let (message, advice) = match self {
            PipelineError::Load(error) => of_load(error),
            error => (error.to_string(), None),
        };
        ReportedError {
            message,
            advice,
            sql,
            file: spot.as_ref().map(|spot| spot.place.file.to_string()),
            line: spot.as_ref().map(|spot| spot.place.line),
            column: spot.as_ref().map(|spot| spot.place.column),
            excerpt: spot.as_ref().map(|spot| spot.line.to_string()),
        }
    }
}

/// Where the live server and the sandbox are not of one version, that is why.
fn other_version((live, here): &(u32, u32)) -> String {
    match live == here {
        true => String::new(),
        false => format!("; it is PostgreSQL {live} and the sandbox {here}, take a sandbox of its version (`image`, `--image`)"),
    }
}

/// Why a schema could not be loaded, and what to do, without the place.
fn of_load(error: &LoadError) -> (String, Option<String>) {
    match error {
        LoadError::Statement(failure) => {
            // undefined_file
            let file = failure.sqlstate.as_deref() == Some("58P01");
            let advice = "The sandbox's image does not have this file: set `image:` to one that has it.";
            (failure.message.clone(), file.then(|| advice.into()))
        }
        LoadError::MissingExtension { extension, origin, failure } => {
            let advice = format!("{origin} does not have the extension `{extension}`: set `image:` to an image that has it.");
            (failure.message.clone(), Some(advice))
        }
        LoadError::DiskFull { failure, megabytes } => {
            let advice = format!(
                "The sandbox's data directory of {megabytes} MB is full: load less data, or set `disk:` to more megabytes."
            );
            (failure.message.clone(), Some(advice))
        }
        LoadError::OutOfMemory { failure, megabytes } => {
            let advice = format!("The sandbox's server has {megabytes} MB of memory: set `memory:` to more megabytes.");
            (failure.message.clone(), Some(advice))
        }
        LoadError::Endless { seconds, .. } => {
            let advice = "Make it shorter, or set `statement-timeout:` to more seconds.".to_string();
            (format!("the statement was still running after {seconds} s and was stopped"), Some(advice))
        }
        LoadError::ServerEnded { why, .. } => (format!("the sandbox's server ended while it ran this statement: {why}"), None),
        LoadError::SessionEnded { why, .. } => {
            let message = format!("the sandbox's server closed the session while it ran this statement: {why}");
            (message, Some("It crashed, ran out of memory, or the SQL itself ended the session.".into()))
        }
        LoadError::Script(script) => {
            let text = script.to_string();
            (text.strip_prefix(&format!("{}: ", script.place())).unwrap_or(&text).to_string(), None)
        }
        LoadError::Tampered { .. } | LoadError::Sandbox(_) => (error.to_string(), None),
    }
}
