//! Why a schema could not be loaded, with the place.

use std::{fmt, sync::Arc};

use crate::{
    sandbox::SandboxError,
    script::{ScriptError, Spot, Statement},
};

/// A statement that failed. Its texts are the files' author's: hostile.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Where: at the server's error position if it gave one, else where the statement begins.
    pub spot: Spot,
    /// Absent for what was refused before it reached the server.
    pub sqlstate: Option<String>,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// The server's call stack, for instance `PL/pgSQL function f() line 3 at EXECUTE`.
    pub context: Option<String>,
    pub statement: Arc<str>,
    /// The extension that the server lacks, when that is why.
    pub extension: Option<String>,
}

impl Failure {
    pub(super) fn of(statement: &Statement, error: &tokio_postgres::error::DbError) -> Failure {
        use tokio_postgres::error::ErrorPosition;
        let position = match error.position() {
            Some(ErrorPosition::Original(position)) => *position,
            // Inside a function: the statement is all that stands in the files.
            Some(ErrorPosition::Internal { .. }) | None => 1,
        };
        Failure {
            spot: statement.spot(position),
            sqlstate: Some(error.code().code().into()),
            message: cut(error.message()),
            detail: error.detail().map(cut),
            hint: error.hint().map(cut),
            context: error.where_().map(cut),
            statement: statement.text.clone(),
            extension: None,
        }
    }

    pub(super) fn refused(error: &ScriptError) -> Failure {
        let spot = match error {
            ScriptError::Unsupported { spot, .. }
            | ScriptError::Meta { spot, .. }
            | ScriptError::Hcl { spot, .. }
            | ScriptError::NoSuchFile { spot, .. }
            | ScriptError::OtherDatabase { spot, .. } => spot.clone(),
            ScriptError::NotUtf8 { place } | ScriptError::NulByte { place } | ScriptError::TooMuch { place, .. } => {
                Spot { place: place.clone(), line: "".into() }
            }
        };
        let message = error.to_string();
        let message = message.strip_prefix(&format!("{}: ", spot.place)).unwrap_or(&message).to_string();
        Failure { spot, sqlstate: None, message, detail: None, hint: None, context: None, statement: "".into(), extension: None }
    }
}

/// SQL can raise a gigabyte.
fn cut(text: &str) -> String {
    const MOST: usize = 4000;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into(),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.spot.place, self.message)?;
        if let Some(sqlstate) = &self.sqlstate {
            write!(f, " (SQLSTATE {sqlstate})")?;
        }
        if !self.spot.line.is_empty() {
            write!(f, "\n{}", self.spot.excerpt())?;
        }
        for (name, text) in [("detail", &self.detail), ("hint", &self.hint), ("context", &self.context)] {
            if let Some(text) = text {
                write!(f, "\n{name}: {text}")?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{}", Failure::refused(.0))]
    Script(#[from] ScriptError),
    #[error("{0}")]
    Statement(Box<Failure>),
    #[error("{0}\nExtension `{extension}` is not in {origin}: set `image:` to an image that has it", failure)]
    MissingExtension { extension: String, origin: String, failure: Box<Failure> },
    #[error(
        "{}: the statement was still running after {seconds} s and was stopped; `statement-timeout` sets the limit\n{}", .spot.place,
        .spot.excerpt()
    )]
    Endless { spot: Spot, seconds: u64 },
    #[error("{failure}\nThe sandbox's data directory of {megabytes} MB is full: load less data, or set `disk` to more megabytes")]
    DiskFull { failure: Box<Failure>, megabytes: u64 },
    #[error("{failure}\nThe sandbox's server has run out of its {megabytes} MB of memory: set `memory` to more megabytes")]
    OutOfMemory { failure: Box<Failure>, megabytes: u64 },
    #[error("{}: the server ended while it ran this statement: {why}\n{}", .spot.place, .spot.excerpt())]
    ServerEnded { spot: Spot, why: String },
    #[error(
        "{}: the server closed the session while it ran this statement ({why}); it crashed, ran out of memory, or the SQL ended the \
         session\n{}",
        .spot.place, .spot.excerpt()
    )]
    SessionEnded { spot: Spot, why: String },
    #[error("the SQL files undid what the load needs to be finished: {why}")]
    Tampered { why: String },
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl LoadError {
    /// Where, when it is a place in the files.
    pub fn spot(&self) -> Option<Spot> {
        match self {
            LoadError::Script(error) => Some(Failure::refused(error).spot),
            LoadError::Statement(failure)
            | LoadError::MissingExtension { failure, .. }
            | LoadError::DiskFull { failure, .. }
            | LoadError::OutOfMemory { failure, .. } => Some(failure.spot.clone()),
            LoadError::Endless { spot, .. } | LoadError::ServerEnded { spot, .. } | LoadError::SessionEnded { spot, .. } => {
                Some(spot.clone())
            }
            LoadError::Tampered { .. } | LoadError::Sandbox(_) => None,
        }
    }

    /// The statement's failure, when the server refused one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            LoadError::Statement(failure)
            | LoadError::MissingExtension { failure, .. }
            | LoadError::DiskFull { failure, .. }
            | LoadError::OutOfMemory { failure, .. } => Some(failure),
            _ => None,
        }
    }
}
