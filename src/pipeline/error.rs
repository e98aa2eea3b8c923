//! Why a run came to no verdict, and how the report says so.

use std::time::Duration;

use crate::{
    catalog::read::CatalogError,
    load::LoadError,
    plan::{atlas::AtlasError, native::PlanError},
    proof::{SqlError, replay::ReplayError},
    report::ReportedError,
    sandbox::SandboxError,
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
    #[error(
        "the live database {database} cannot be rebuilt in the sandbox: {} of its objects come out different, first {first}",
        .count
    )]
    NotRebuilt { database: String, count: usize, first: String },
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
        });
        // The place and the line stand apart: the message is what is left.
        let message = match failure {
            Some(failure) if matches!(self, PipelineError::Load(LoadError::Statement(_))) => failure.message.clone(),
            _ => self.to_string(),
        };
        ReportedError {
            message,
            advice: None,
            sql,
            file: spot.as_ref().map(|spot| spot.place.file.to_string()),
            line: spot.as_ref().map(|spot| spot.place.line),
            column: spot.as_ref().map(|spot| spot.place.column),
            excerpt: spot.as_ref().map(|spot| spot.line.to_string()),
        }
    }
}
