//! What is written to standard error while a command runs: lines in a terminal, groups with durations in GitHub Actions.
//!
//! Text from a pull request may be in any line, so no line can start a workflow command. Reports are not written here.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _},
    time::Instant,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{EnvFilter, Layer, layer::Context, prelude::*, registry::LookupSpan};

use super::Environment;

/// Target of the spans that are stages of a run: what a person waits for.
pub const STAGE: &str = "schemaproof::stage";

/// Sends tracing to standard error. `verbose` counts `-v`.
pub fn start(environment: &Environment, verbose: u8) {
    let in_actions = environment.get("GITHUB_ACTIONS") == Some("true");
    let debug =
        verbose > 0 || environment.get("RUNNER_DEBUG") == Some("1") || environment.get("ACTIONS_STEP_DEBUG") == Some("true");
    let filter = match (debug, verbose) {
        (_, 2..) => "debug,schemaproof=trace",
        (true, _) => "warn,schemaproof=debug",
        (false, _) if in_actions || std::io::stderr().is_terminal() => "error,schemaproof=info",
        (false, _) => "error,schemaproof=warn",
    };
    let _ = tracing_subscriber::registry().with(Lines { in_actions }.with_filter(EnvFilter::new(filter))).try_init();
}

struct Lines {
    in_actions: bool,
}

struct Begun(Instant);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if attributes.metadata().target() != STAGE {
            return;
        }
        let mut text = Text::default();
        attributes.record(&mut text);
        let title = if text.message.is_empty() { attributes.metadata().name().to_string() } else { text.message };
        if self.in_actions {
            write(&format!("::group::{}\n", one_line(&title)));
        } else {
            write(&format!("{}…\n", one_line(&title)));
        }
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Begun(Instant::now()));
        }
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Begun(begun)) = span.extensions_mut().remove::<Begun>() else { return };
        if self.in_actions {
            write(&format!("took {:.1} s\n::endgroup::\n", begun.elapsed().as_secs_f64()));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let label = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let mut lines = String::new();
        for (at, line) in format!("{}{}", text.message, text.fields).lines().enumerate() {
            // The label, or the bar of a further line, stands first: no line starts with what the text holds.
            let _ = writeln!(lines, "{} {}", if at == 0 { label } else { "  |" }, one_line(line));
        }
        write(&lines);
    }
}

/// Control characters out, and `##[`, the older form of a workflow command, which counts anywhere in a line, broken up.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect::<String>().replace("##[", "## [")
}

fn write(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" | "title" => self.message = value.to_string(),
            name => {
                let _ = write!(self.fields, " {name}={value}");
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" | "title" => self.message = format!("{value:?}"),
            name => {
                let _ = write!(self.fields, " {name}={value:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_starts_a_workflow_command() {
        assert_eq!(one_line("a\r\n##[error]b\u{1b}[1m"), "a  ## [error]b [1m");
    }
}
