//! Several reports of one run, one a database: the one comment, title, summary and verdict of them all. Pure.
//!
//! A single report without a name is shown as it is. Of several, those that are worst come first and have most of the room; what a
//! database changes is never left out of the list at the top, however little of its section fits.

use std::fmt::Write as _;

use crate::{
    report::{Report, annotations::Annotation, comment, safe, table::Counts, words},
    verdict::Verdict,
};

/// The report of one database.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its name in the configuration; empty when there is one database and it has none.
    pub name: String,
    pub report: Report,
}

/// Bytes of one section below which it is left to the list.
const LEAST: usize = 900;
/// Part of the room that the list at the top may take: one of so many.
const LIST: usize = 3;

/// The worst verdict.
pub fn verdict(parts: &[Part]) -> Verdict {
    let worst = parts.iter().map(|part| badness(part).0).max().unwrap_or_default();
    match worst {
        2 => Verdict::Error,
        1 => Verdict::Blocked,
        _ => Verdict::Pass,
    }
}

/// Whether every plan is proven.
pub fn proven(parts: &[Part]) -> bool {
    parts.iter().all(|part| part.report.proven || words::no_changes(&part.report))
}

/// Whether nothing changes anywhere.
pub fn nothing(parts: &[Part]) -> bool {
    parts.iter().all(|part| part.report.verdict == Verdict::Pass && words::no_changes(&part.report))
}

/// One line of plain text for a status and a check run.
pub fn title(parts: &[Part]) -> String {
    match parts {
        [Part { name, report }] if name.is_empty() => comment::title(report),
        _ => counted(parts),
    }
}

/// The comment's body, leaving room for what the caller puts around it, in characters.
pub fn comment(parts: &[Part], reserved: usize) -> String {
    fitted(parts, comment::COMMENT_LIMIT.saturating_sub(reserved))
}

/// The job summary.
pub fn summary(parts: &[Part]) -> String {
    fitted(parts, comment::SUMMARY_LIMIT)
}

/// Title and summary of the check run.
pub fn check(parts: &[Part]) -> (String, String) {
    (title(parts), fitted(parts, comment::CHECK_LIMIT))
}

/// Annotations of all of them, the worst first.
pub fn annotations(parts: &[Part]) -> Vec<Annotation> {
    let mut all: Vec<Annotation> = parts.iter().flat_map(|part| super::annotations::annotations(&part.report)).collect();
    all.sort_by_key(|annotation| match annotation.level {
        "failure" => 0,
        "warning" => 1,
        _ => 2,
    });
    all
}

/// How bad: the verdict, what blocks, what warns. The greatest is the worst.
fn badness(part: &Part) -> (u8, usize, usize, bool) {
    let counts = Counts::of(&part.report);
    let verdict = match part.report.verdict {
        Verdict::Error => 2,
        Verdict::Blocked => 1,
        Verdict::Pass => 0,
    };
    (verdict, counts.blocking, counts.warnings + counts.dangers, !words::no_changes(&part.report))
}

/// `3 of 200 databases block, 1 could not be planned, 196 pass`
fn counted(parts: &[Part]) -> String {
    let count = |wanted: Verdict| parts.iter().filter(|part| part.report.verdict == wanted).count();
    let said = [(Verdict::Error, "could not be planned"), (Verdict::Blocked, "blocked"), (Verdict::Pass, "pass")];
    let said: Vec<String> = said
        .into_iter()
        .map(|(verdict, what)| (count(verdict), what))
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    format!("{}: {}", words::counted(parts.len(), "database"), said.join(", "))
}

fn fitted(parts: &[Part], limit: usize) -> String {
    match parts {
        [Part { name, report }] if name.is_empty() => comment::fitted(report, limit),
        _ => several(parts, limit),
    }
}

fn several(parts: &[Part], limit: usize) -> String {
    let mut sorted: Vec<&Part> = parts.iter().collect();
    sorted.sort_by(|a, b| badness(b).cmp(&badness(a)).then_with(|| a.name.cmp(&b.name)));
    let sign = match verdict(parts) {
        Verdict::Error => "❌",
        Verdict::Blocked => "⛔",
        Verdict::Pass => "✅",
    };
    let mut out = format!("### {sign} Schema plans: {}\n\n", counted(parts));
    list(&mut out, &sorted, limit / LIST);
    let mut left_out = 0;
    for (at, part) in sorted.iter().enumerate() {
        let (head, tail) = (section_head(part), "\n</details>\n\n");
        // What is left is shared by those that follow; what one does not need is the next one's.
        let room = limit.saturating_sub(out.len() + END).checked_div(sorted.len() - at).unwrap_or_default();
        let room = room.max(LEAST).saturating_sub(head.len() + tail.len());
        if out.len() + END + head.len() + tail.len() + room > limit {
            left_out = sorted.len() - at;
            break;
        }
        let _ = write!(out, "{head}{}{tail}", comment::fitted(&part.report, room));
    }
    if left_out > 0 {
        let _ = writeln!(out, "{} more in the reports of the run.", words::counted(left_out, "section"));
    }
    out
}

/// Room for the last line.
const END: usize = 100;

fn section_head(part: &Part) -> String {
    let open = if part.report.verdict == Verdict::Pass { "" } else { " open" };
    let headline = words::headline(&part.report);
    let name = safe::html_in_markdown(&part.name);
    format!("<details{open}><summary><b>{name}</b>: {}</summary>\n\n", safe::html_in_markdown(&headline))
}

/// A line a database: those that do not pass, whatever the room; the others as long as there is some.
fn list(out: &mut String, sorted: &[&Part], room: usize) {
    out.push_str("| | database | plan |\n|---|---|---|\n");
    let begun = out.len();
    let mut left = 0;
    for part in sorted {
        let headline = words::headline(&part.report);
        let (sign, told) = headline.split_once(' ').unwrap_or(("", &headline));
        let told = told.trim_start_matches("Schema plan: ");
        let row = format!("| {sign} | {} | {} |\n", safe::cell(&safe::code(&part.name)), safe::cell(&safe::prose(told)));
        if left > 0 || out.len() - begun + row.len() > room {
            left += 1;
            continue;
        }
        out.push_str(&row);
    }
    if left > 0 {
        let _ = write!(out, "\n… and {} that come after these in the reports.\n", words::counted(left, "database"));
    }
    out.push('\n');
}
