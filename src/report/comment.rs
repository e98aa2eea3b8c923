//! The Markdown report within the limits of where it goes. It shrinks by whole sections, and findings are the last to go.

use crate::{
    report::{
        Report,
        markdown::{Detail, Frame, render},
        words,
    },
    verdict::Verdict,
};

/// Characters of a comment, an issue's body and a check run's summary that GitHub takes.
pub const COMMENT_LIMIT: usize = 65_536;
/// Bytes of a job summary that GitHub shows.
pub const SUMMARY_LIMIT: usize = 1_048_576;
/// Characters of a check run's `output.summary` and `output.text`.
pub const CHECK_LIMIT: usize = 65_535;

/// The comment's body, leaving room for what the caller puts around it (a marker), in characters.
pub fn comment(report: &Report, reserved: usize) -> String {
    fitted(report, COMMENT_LIMIT.saturating_sub(reserved), Frame::Alone)
}

/// The job summary.
pub fn summary(report: &Report) -> String {
    fitted(report, SUMMARY_LIMIT, Frame::Alone)
}

/// Title and summary of the check run.
pub fn check(report: &Report) -> (String, String) {
    (title(report), fitted(report, CHECK_LIMIT, Frame::Alone))
}

/// One line of plain text: the title of a check run and the description of a commit status (140 characters).
pub fn title(report: &Report) -> String {
    let line = match report.verdict {
        Verdict::Error => report.reason.clone(),
        _ if words::no_changes(report) => report.reason.clone(),
        _ => words::headline(report).split_once(": ").map(|(_, tail)| tail.to_string()).unwrap_or_default(),
    };
    let line = crate::report::safe::visible(&line);
    if line.chars().count() <= 140 { line } else { line.chars().take(139).chain(['…']).collect() }
}

/// The most detailed rendering within the limit. Counted in bytes of UTF-8, which is never less than the characters or UTF-16 units
/// that a server may count.
pub fn fitted(report: &Report, limit: usize, frame: Frame) -> String {
    let mut last = String::new();
    for detail in Detail::ALL {
        last = render(report, detail, frame);
        if last.len() <= limit {
            return last;
        }
    }
    cut(&last, limit)
}

/// What is left when even the totals are too long: whole lines from the top.
fn cut(text: &str, limit: usize) -> String {
    const END: &str = "\n\n…\n";
    let mut kept = String::new();
    for line in text.lines() {
        if kept.len() + line.len() + 1 + END.len() > limit {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    if kept.len() + END.len() <= limit { kept + END } else { kept }
}
