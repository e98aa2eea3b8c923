//! Where the two schemas come from: a SQL directory at a git revision, files, a live database.

use crate::script::SqlFile;

/// The SQL files of one side, in the C-locale order that `cat DIR/*.sql` has.
#[derive(Debug, Clone, Default)]
pub struct SqlFiles {
    pub files: Vec<SqlFile>,
}
