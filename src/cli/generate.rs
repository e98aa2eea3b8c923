//! `schemaproof generate`: one consolidated file from the SQL directory, loadable by psql.

use std::{io::Write, path::PathBuf};

use anyhow::Context;

use super::Exit;
use crate::source::{self, SqlFiles};

#[derive(clap::Args)]
#[command(after_help = "Example:
  schemaproof generate --out schema.sql && psql -v ON_ERROR_STOP=1 -f schema.sql")]
pub struct GenerateArguments {
    /// Directory of .sql files, or one file
    #[arg(default_value = "extensions/sql")]
    source: PathBuf,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn generate(arguments: &GenerateArguments) -> anyhow::Result<Exit> {
    let text = consolidated(&source::directory::read(&arguments.source)?);
    match &arguments.out {
        Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
        None => std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?,
    }
    Ok(Exit::Pass)
}

/// All files as one, a comment with its name before each.
pub(super) fn consolidated(files: &SqlFiles) -> String {
    let mut text = String::new();
    for file in &files.files {
        // A line break in a file's name must not end the comment.
        let name: String = file.path.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
        text.push_str(&format!("-- {name}\n{}", file.text));
        if !file.text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}
