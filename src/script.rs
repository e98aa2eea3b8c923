//! SQL files -> statements with their place.
//!
//! Splits files exactly where `psql` would and resolves the meta-commands that hand-written and pg_dump files use. Atlas HCL is
//! translated into statements ([`hcl`]).
//! It does not understand SQL: that is Postgres's work. The end of a file is the end of its last statement.

mod find;
pub mod hcl;
mod lexer;
mod meta;
pub mod mysql;
mod place;
mod quote;
mod splitter;
#[cfg(test)]
mod tests;

use std::{fmt, ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};

use self::place::{Piece, Source};
pub use self::{
    find::{find_identifier, names},
    place::Spot,
    quote::{quote_identifier, quote_literal, quoted_identifier},
};
use crate::config::Dialect;

/// One SQL file of a schema source. `path` is relative to the repository (or as the user gave it) with `/` between its parts; it
/// is hostile text and must be escaped wherever it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlFile {
    pub path: Arc<str>,
    pub text: Arc<str>,
}

impl SqlFile {
    /// Takes a file's bytes.
    ///
    /// # Errors
    /// [`ScriptError::NotUtf8`] or [`ScriptError::NulByte`], with the place.
    pub fn from_bytes(path: &str, bytes: &[u8]) -> Result<SqlFile, ScriptError> {
        let place = |before: &[u8]| {
            let text = String::from_utf8_lossy(before);
            let line = text.matches('\n').count() + 1;
            let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Place { file: path.into(), line: number(line), column: number(column) }
        };
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ScriptError::NotUtf8 { place: place(bytes.get(..error.valid_up_to()).unwrap_or_default()) })?;
        match text.find('\0') {
            Some(at) => Err(ScriptError::NulByte { place: place(bytes.get(..at).unwrap_or_default()) }),
            None => Ok(SqlFile { path: path.into(), text: text.into() }),
        }
    }
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

/// Names that the files' psql would know: its variables `DBNAME` and `USER`, and what `\connect` may name.
#[derive(Debug, Clone)]
pub struct Names {
    pub database: String,
    pub role: String,
}

impl Default for Names {
    fn default() -> Self {
        Names { database: "app".into(), role: "postgres".into() }
    }
}

/// How much is read of a stranger's files.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Of all files and of what variables and inclusions make of them, in bytes.
    pub bytes: usize,
    pub statements: usize,
    /// Of files that include files.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { bytes: 64 << 20, statements: 200_000, depth: 16 }
    }
}

/// One statement, without a semicolon at its end.
#[derive(Debug, Clone)]
pub struct Statement {
    /// After variables are put in: what Postgres gets.
    pub text: Arc<str>,
    /// Where it begins.
    pub place: Place,
    /// Its first words in small letters, at most [`Statement::LEAD`]; quoted names are not among them.
    pub lead: Vec<String>,
    pieces: Vec<Piece>,
}

impl Statement {
    pub const LEAD: usize = 5;

    /// Whether it begins with these words.
    pub fn begins_with(&self, words: &[&str]) -> bool {
        self.lead.len() >= words.len() && self.lead.iter().zip(words).all(|(a, b)| a == b)
    }

    /// Whether the word DATABASE stands before this very name in it.
    pub fn names_database(&self, database: &str) -> bool {
        let names: Vec<String> = names(&self.text).collect();
        names.windows(2).any(|pair| matches!(pair, [word, name] if word == "database" && name == database))
    }

    /// Where a character of the text stands in the files; `position` counts from 1, as Postgres's error position does.
    pub fn spot(&self, position: u32) -> Spot {
        place::spot(self, position)
    }
}

/// Rows of a `COPY … FROM stdin`, up to the line `\.`.
#[derive(Debug, Clone)]
pub struct CopyData {
    source: Arc<Source>,
    range: Range<usize>,
}

impl CopyData {
    pub fn as_str(&self) -> &str {
        self.source.text().get(self.range.clone()).unwrap_or_default()
    }

    /// Where a line of the data stands, counting from 1.
    pub fn spot(&self, line: u32) -> Spot {
        let offset: usize = self.as_str().split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
        self.source.spot(self.range.start + offset)
    }
}

/// What is to be done, in order.
#[derive(Debug, Clone)]
pub enum Item {
    /// A file begins that was given (not one that was included).
    File {
        path: Arc<str>,
    },
    Statement(Statement),
    /// `COPY … FROM stdin` with its data.
    CopyIn {
        statement: Statement,
        data: CopyData,
    },
    /// `COPY … TO stdout`: its output goes nowhere.
    CopyOut(Statement),
    /// `\connect` to the database that we are in: a new session.
    Reconnect {
        place: Place,
    },
    /// What a file does not say and was filled in.
    Remark {
        place: Place,
        text: String,
    },
    /// What cannot be done; whether that is fatal is the loader's decision.
    Refused(ScriptError),
}

/// Why a file cannot be read as psql would read it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ScriptError {
    #[error("{place}: not UTF-8; save the file as UTF-8")]
    NotUtf8 { place: Place },
    #[error("{place}: a NUL byte, which no SQL file can hold")]
    NulByte { place: Place },
    #[error(
        "{}: the meta-command `\\{command}` is not supported; of psql's, these are: \\connect, \\echo, \\i, \\if, \\ir, \\restrict, \\set, \
         \\unset, and COPY data with \\.",
        spot.place
    )]
    Unsupported { spot: Spot, command: String },
    #[error("{}: `\\{command}` {why}", spot.place)]
    Meta { spot: Spot, command: String, why: String },
    #[error("{}: `\\{command} {path}` names a file that is not among the SQL files of this schema", spot.place)]
    NoSuchFile { spot: Spot, command: String, path: String },
    #[error("{}: `\\connect {database}` leaves the database that the files are run in (`database:` is `{ours}`)", spot.place)]
    OtherDatabase { spot: Spot, database: String, ours: String },
    #[error("{}: {why}", spot.place)]
    Hcl { spot: Spot, why: String },
    #[error("{}: the files have more than {limit} {what}, the most that is read", place)]
    TooMuch { place: Place, limit: usize, what: &'static str },
}

impl ScriptError {
    pub fn place(&self) -> &Place {
        match self {
            ScriptError::NotUtf8 { place } | ScriptError::NulByte { place } | ScriptError::TooMuch { place, .. } => place,
            ScriptError::Unsupported { spot, .. }
            | ScriptError::Meta { spot, .. }
            | ScriptError::Hcl { spot, .. }
            | ScriptError::NoSuchFile { spot, .. }
            | ScriptError::OtherDatabase { spot, .. } => &spot.place,
        }
    }

    /// The line at fault with a caret beneath, where there is one.
    pub fn excerpt(&self) -> Option<String> {
        match self {
            ScriptError::NotUtf8 { .. } | ScriptError::NulByte { .. } | ScriptError::TooMuch { .. } => None,
            ScriptError::Unsupported { spot, .. }
            | ScriptError::Meta { spot, .. }
            | ScriptError::Hcl { spot, .. }
            | ScriptError::NoSuchFile { spot, .. }
            | ScriptError::OtherDatabase { spot, .. } => Some(spot.excerpt()),
        }
    }
}

/// One line of a comment in a SQL file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its line in the file, from 1.
    pub line: u32,
    /// With its dashes or asterisks.
    pub text: String,
    /// Whether nothing but space stands before it on its line.
    pub alone: bool,
}

/// The comments of a file, line by line, as Postgres's own scanner delimits them: what stands in a string or in a function's body is
/// none. Those of the MySQL family are delimited by its own rules.
pub fn comments(file: &SqlFile, dialect: Dialect) -> Vec<Comment> {
    if hcl::is_hcl(&file.path) {
        return hcl::comments(&file.text);
    }
    let text = file.text.as_ref();
    if dialect.is_postgres() {
        let kinds = squawk_lexer::tokenize(text).map(|token| {
            let comment = matches!(token.kind, squawk_lexer::TokenKind::LineComment | squawk_lexer::TokenKind::BlockComment { .. });
            (token.len as usize, comment)
        });
        lines_of(text, kinds)
    } else {
        lines_of(text, mysql::lengths(text))
    }
}

/// The lines of a text's comments, from its tokens: their lengths in bytes, and whether they are comments.
fn lines_of(text: &str, tokens: impl Iterator<Item = (usize, bool)>) -> Vec<Comment> {
    let mut comments = Vec::new();
    let (mut at, mut line) = (0usize, 1usize);
    let mut alone = true;
    for (length, comment) in tokens {
        let end = at + length;
        let Some(text) = text.get(at..end) else { break };
        if comment {
            let of_row =
                |(row, text): (usize, &str)| Comment { line: number(line + row), text: text.to_string(), alone: alone || row > 0 };
            comments.extend(text.lines().enumerate().map(of_row));
        }
        line += text.matches('\n').count();
        alone = match text.rfind('\n') {
            Some(newline) => text[newline..].trim().is_empty(),
            None => alone && text.trim().is_empty(),
        };
        at = end;
    }
    comments
}

/// Splits the files, in their order, as psql would.
///
/// # Errors
/// Only [`ScriptError::TooMuch`] and a NUL byte; what else cannot be done is an [`Item::Refused`].
pub fn split(files: &[SqlFile], names: &Names) -> Result<Vec<Item>, ScriptError> {
    split_including(files, &[], names)
}

/// [`split`] where files may also include (`\i`, `\ir`) those of `included`, which are not run by themselves.
///
/// HCL files are translated, all of them together, where the first of them stands.
///
/// # Errors
/// As [`split`].
pub fn split_including(files: &[SqlFile], included: &[SqlFile], names: &Names) -> Result<Vec<Item>, ScriptError> {
    let Some(first) = files.iter().position(|file| hcl::is_hcl(&file.path)) else {
        return splitter::Splitter::new(files, included, names, &Bounds::default()).run();
    };
    let (of_hcl, of_sql): (Vec<SqlFile>, Vec<SqlFile>) = files[first..].iter().cloned().partition(|file| hcl::is_hcl(&file.path));
    let mut items = splitter::Splitter::new(&files[..first], included, names, &Bounds::default()).run()?;
    items.extend(hcl::items(&of_hcl));
    items.extend(splitter::Splitter::new(&of_sql, included, names, &Bounds::default()).run()?);
    Ok(items)
}

/// [`split`] with other bounds.
///
/// # Errors
/// As [`split`].
pub fn split_within(files: &[SqlFile], names: &Names, bounds: &Bounds) -> Result<Vec<Item>, ScriptError> {
    splitter::Splitter::new(files, &[], names, bounds).run()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
