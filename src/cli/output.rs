//! Where a command's answer goes: a file, or standard output.

use std::{
    io::{ErrorKind, IsTerminal, Write},
    path::Path,
};

use anyhow::Context;

use super::Environment;
use crate::report::text::Style;

/// Writes an answer. A reader that has seen enough (`| head`) is no failure.
pub fn write(out: Option<&Path>, text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    match out {
        Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
        None => {
            let mut stdout = std::io::stdout();
            match stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                done => done.context("cannot write to standard output"),
            }
        }
    }
}

/// How an answer for people looks there: in colour on a terminal where `NO_COLOR` is not set (<https://no-color.org>).
pub fn style(out: Option<&Path>, environment: &Environment) -> Style {
    let terminal = out.is_none() && std::io::stdout().is_terminal();
    Style { colour: terminal && coloured(environment), width: width().filter(|_| terminal) }
}

/// The same for standard error.
pub fn error_style(environment: &Environment) -> Style {
    let terminal = std::io::stderr().is_terminal();
    Style { colour: terminal && coloured(environment), width: width().filter(|_| terminal) }
}

fn width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Set to the empty string it does not count.
fn coloured(environment: &Environment) -> bool {
    environment.get("NO_COLOR").is_none_or(|value| value.is_empty())
}
