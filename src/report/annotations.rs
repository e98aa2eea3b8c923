//! Findings on the lines that they are about: as check-run annotations, and as workflow commands.

use crate::{
    report::{Report, safe},
    risk::Level,
};

/// Annotations that GitHub takes in one request.
pub const BATCH: usize = 50;
/// Longest message in bytes (GitHub takes 64 KB), and title in characters.
const LONGEST_MESSAGE: usize = 60_000;
const LONGEST_TITLE: usize = 255;

/// One remark on a line of the head. Plain text: nothing in it is rendered as Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub file: String,
    pub line: u32,
    pub column: Option<u32>,
    /// `failure`, `warning` or `notice`, as the check-runs API has them.
    pub level: &'static str,
    pub title: String,
    pub message: String,
}

/// Annotations of findings with a place, and of the error; the worst first.
pub fn annotations(report: &Report) -> Vec<Annotation> {
    let mut found = Vec::new();
    if let Some(error) = &report.error
        && let (Some(file), Some(line)) = (&error.file, error.line)
    {
        let state = error
            .sql
            .as_ref()
            .and_then(|sql| sql.sqlstate.as_deref())
            .map(|state| format!(" (SQLSTATE {state})"))
            .unwrap_or_default();
        let advice = error.advice.as_deref().map(|advice| format!("\n{advice}")).unwrap_or_default();
        found.push(annotation(
            file,
            line,
            error.column,
            "failure",
            "SQL cannot be run",
            &format!("{}{state}{advice}", error.message),
        ));
    }
    let mut findings: Vec<_> = report.findings.iter().collect();
    findings.sort_by_key(|finding| (!finding.blocks, std::cmp::Reverse(finding.level)));
    for finding in findings {
        let (Some(file), Some(line)) = (&finding.file, finding.line) else { continue };
        let level = match (finding.blocks, finding.level) {
            (true, _) => "failure",
            (false, Level::Danger | Level::Warning) if finding.accepted_by.is_none() => "warning",
            _ => "notice",
        };
        let accepted = finding.accepted_by.as_deref().map(|by| format!("\nAccepted by {by}.")).unwrap_or_default();
        let title = format!("{} ({})", finding.title, finding.rule);
        let measured: String = finding.measurements().map(|measured| format!("\n{measured}")).collect();
        let message = format!("{}{measured}\n{}{accepted}", finding.message, finding.advice);
        found.push(annotation(file, line, None, level, &title, &message));
    }
    found
}

fn annotation(file: &str, line: u32, column: Option<u32>, level: &'static str, title: &str, message: &str) -> Annotation {
    let mut message = safe::visible_lines(message);
    while message.len() > LONGEST_MESSAGE {
        message.truncate(message.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST_MESSAGE - 4).last().unwrap_or(0));
        message.push('…');
    }
    let title = safe::visible(title).chars().take(LONGEST_TITLE).collect();
    Annotation { file: file.into(), line, column, level, title, message }
}

/// The annotations as workflow commands, a line each; for runs whose token may not write a check run.
pub fn commands(report: &Report) -> String {
    annotations(report)
        .iter()
        .map(|annotation| {
            let command = if annotation.level == "failure" { "error" } else { annotation.level };
            let column = annotation.column.map(|column| format!(",col={column}")).unwrap_or_default();
            format!(
                "::{command} file={},line={}{column},title={}::{}\n",
                safe::command_property(&annotation.file),
                annotation.line,
                safe::command_property(&annotation.title),
                safe::command_data(&annotation.message)
            )
        })
        .collect()
}
