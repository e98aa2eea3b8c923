//! Several reports of one run, one a database: the one comment, title, summary and verdict of them all. Pure.
//!
//! A single report without a name is shown as it is. Of several, those that are worst come first and have most of the room; what has no
//! section is in a list.

use std::fmt::Write as _;

use crate::{
    report::{
        Report,
        annotations::Annotation,
        comment,
        markdown::{self, Frame},
        safe,
        table::Counts,
        words,
    },
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
/// Part of the room that the list at the top may take, and that is kept for those that pass: one of so many.
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
        .map(|(n, what)| if (n, what) == (1, "pass") { "1 passes".into() } else { format!("{n} {what}") })
        .collect();
    format!("{}: {}", words::counted(parts.len(), "database"), said.join(", "))
}

fn fitted(parts: &[Part], limit: usize) -> String {
    match parts {
        [Part { name, report }] if name.is_empty() => comment::fitted(report, limit, Frame::Alone),
        _ => several(parts, limit),
    }
}

fn several(parts: &[Part], limit: usize) -> String {
    let mut sorted: Vec<&Part> = parts.iter().collect();
    sorted.sort_by(|a, b| badness(b).cmp(&badness(a)).then_with(|| a.name.cmp(&b.name)));
    let any = |verdict: Verdict| parts.iter().any(|part| part.report.verdict == verdict);
    let sign = match verdict(parts) {
        Verdict::Error => "❌",
        Verdict::Blocked => "⛔",
        Verdict::Pass => "✅",
    };
    let mut out = format!("### {sign} Schema plans of {}\n\n", counted(parts));
    if let Some(now) = words::what_now_of_several(any(Verdict::Error), any(Verdict::Blocked)) {
        let _ = write!(out, "**What now:** {}\n\n", safe::prose(now));
    }
    let (passing, others): (Vec<&Part>, Vec<&Part>) = sorted.iter().partition(|part| part.report.verdict == Verdict::Pass);
    let few = parts.len() <= FEW;
    list(&mut out, if few { &sorted } else { &others }, limit / LIST);
    if !few && !passing.is_empty() {
        let _ = write!(out, "✅ {} whose plans pass come after these.\n\n", words::counted(passing.len(), "database"));
    }
    let footer = parts.iter().find_map(|part| part.report.run.as_ref()).map(markdown::footer).unwrap_or_default();
    let limit = limit.saturating_sub(footer.len());
    // Those that pass are last, and have a part of the room however many others there are.
    let kept = (limit / LIST).min(passing.len() * LEAST);
    let mut left = sections(&mut out, &others, limit.saturating_sub(kept));
    left.extend(sections(&mut out, &passing, limit.saturating_sub(END)));
    if !left.is_empty() {
        let _ = write!(out, "<details><summary>{} without a section</summary>\n\n", words::counted(left.len(), "more database"));
        let room = limit.saturating_sub(out.len() + "\n</details>\n\n".len());
        list(&mut out, &left, room);
        out.push_str("</details>\n\n");
    }
    out + &footer
}

/// Room for the list of what has no section.
const END: usize = 4_000;
/// Databases up to which all of them are in the list at the top.
const FEW: usize = 12;

/// A section each, as long as there is room for the least of one. Those that had none.
fn sections<'a>(out: &mut String, parts: &[&'a Part], limit: usize) -> Vec<&'a Part> {
    for (at, part) in parts.iter().enumerate() {
        let (head, tail) = (section_head(part), "\n</details>\n\n");
        // What is left is shared by those that follow; what one does not need is the next one's.
        let room = limit.saturating_sub(out.len()).checked_div(parts.len() - at).unwrap_or_default();
        let room = room.max(LEAST).saturating_sub(head.len() + tail.len());
        if out.len() + head.len() + tail.len() + room > limit {
            return parts[at..].to_vec();
        }
        let _ = write!(out, "{head}{}{tail}", comment::fitted(&part.report, room, Frame::Section));
    }
    Vec::new()
}

fn section_head(part: &Part) -> String {
    let (rule, open) = if part.report.verdict == Verdict::Pass { ("", "") } else { ("---\n\n", " open") };
    let (sign, told) = headline(part);
    let name = safe::html_in_markdown(&part.name);
    format!("{rule}<details{open}><summary>{sign} <b>{name}</b>: {}</summary>\n\n", safe::html_in_markdown(&told))
}

/// The sign of a report, and its headline without what every one says.
fn headline(part: &Part) -> (String, String) {
    let headline = words::headline(&part.report);
    let (sign, told) = headline.split_once(' ').unwrap_or(("", &headline));
    (sign.to_string(), told.trim_start_matches("Schema plan: ").to_string())
}

/// A line a database, as many as there is room for: the others are counted.
fn list(out: &mut String, parts: &[&Part], room: usize) {
    const HEAD: &str = "| | database | the worst of it | plan |\n|---|---|---|---|\n";
    const MORE: usize = 100;
    if parts.is_empty() {
        return;
    }
    out.push_str(HEAD);
    let (begun, mut told) = (out.len(), 0);
    let room = room.saturating_sub(HEAD.len() + MORE);
    for part in parts {
        let (sign, plan) = headline(part);
        let cell = |text: &str| safe::cell(&safe::prose(text));
        let row = format!(
            "| {sign} | {} | {} | {} |\n",
            safe::cell(&safe::code(&part.name)),
            cell(&clipped(&words::worst(&part.report))),
            cell(&plan)
        );
        if out.len() - begun + row.len() > room {
            break;
        }
        out.push_str(&row);
        told += 1;
    }
    if told < parts.len() {
        let _ = write!(out, "\n… and {} in the reports of the run.\n", words::counted(parts.len() - told, "more database"));
    }
    out.push('\n');
}

/// A cell that leaves the others their room.
fn clipped(text: &str) -> String {
    const LONGEST: usize = 160;
    if text.chars().count() <= LONGEST { text.into() } else { text.chars().take(LONGEST - 1).chain(['…']).collect() }
}
