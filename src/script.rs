//! SQL files -> statements with their place.
//!
//! Splits files exactly where `psql` would and resolves the meta-commands that hand-written and pg_dump files use.
//! It does not understand SQL: that is Postgres's work.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// One SQL file of a schema source. `path` is relative to the repository (or as the user gave it) with `/` between its parts; it
/// is hostile text and must be escaped wherever it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlFile {
    pub path: Arc<str>,
    pub text: Arc<str>,
}

/// Where something stands in a SQL file. `line` and `column` count from 1; `column` counts characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
