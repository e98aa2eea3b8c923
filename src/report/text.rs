//! The report for a terminal: the plan with each finding under the step that it belongs to, the verdict last.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    report::{
        Report, ReportedFinding, markdown,
        safe::{self, line},
        table, words,
    },
    risk::Level,
    verdict::Verdict,
};

/// How the text is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours by ANSI sequences. What the report itself holds never reaches the terminal as a control character.
    pub colour: bool,
    /// Where sentences are broken between words, in columns; SQL is not. None: nowhere.
    pub width: Option<usize>,
}

pub(crate) const BOLD: &str = "1";
pub(crate) const DIM: &str = "2";
pub(crate) const RED: &str = "31";
pub(crate) const GREEN: &str = "32";
pub(crate) const YELLOW: &str = "33";
const BLUE: &str = "34";

/// The report as text, with a newline at its end.
pub fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    if let Some(error) = &report.error {
        render_error(&mut out, report, error, style);
        return fitted(&out, style);
    }
    header(&mut out, report, style);
    objects(&mut out, report, style);
    if let Some(earlier) = words::earlier(report) {
        let _ = writeln!(out, "\n{}", line(&earlier.replace('`', "")));
    }
    steps(&mut out, report, style);
    let unplaced: Vec<_> =
        report.findings.iter().filter(|finding| finding.step.is_none_or(|step| step >= report.steps.len())).collect();
    if !unplaced.is_empty() {
        out.push('\n');
        for findings in table::groups(unplaced.into_iter()) {
            finding(&mut out, &findings, "", style);
        }
    }
    unproven(&mut out, report, style);
    aside(&mut out, report, style);
    verdict(&mut out, report, style);
    fitted(&out, style)
}

/// The text with lines that are too long broken between words, what follows further in. Lines of SQL stay whole, to be copied.
pub(crate) fn fitted(text: &str, style: Style) -> String {
    let Some(width) = style.width.filter(|width| *width >= 20) else { return text.into() };
    let fit = |line: &str| {
        if line.contains('│') || textwrap::core::display_width(line) <= width {
            return line.to_string();
        }
        let indent = format!("{}  ", " ".repeat(line.chars().take_while(|c| *c == ' ').count()));
        let options = textwrap::Options::new(width).subsequent_indent(&indent).break_words(false);
        textwrap::fill(line, options.word_splitter(textwrap::WordSplitter::NoHyphenation))
    };
    let lines: Vec<String> = text.lines().map(fit).collect();
    lines.join("\n") + "\n"
}

pub(crate) fn paint(text: &str, colour: &str, style: Style) -> String {
    if style.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.into() }
}

fn level_colour(level: Level) -> &'static str {
    match level {
        Level::Danger => RED,
        Level::Warning => YELLOW,
        Level::Notice => BLUE,
    }
}

fn header(out: &mut String, report: &Report, style: Style) {
    let mut said = vec![format!("{} → {}", line(&report.base.name), line(&report.target.name))];
    said.extend(report.server.as_deref().map(|server| format!("{} {}", report.dialect.name(), line(server))));
    said.extend(report.engine.as_ref().map(|engine| line(&markdown::engine_line(engine, report))));
    said.extend(report.fingerprint.as_deref().map(|print| format!("plan {}", line(print))));
    let _ = writeln!(out, "{}", paint(&said.join(" · "), DIM, style));
}

fn objects(out: &mut String, report: &Report, style: Style) {
    let rows = table::rows(report);
    if rows.is_empty() {
        return;
    }
    out.push('\n');
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let names = row.objects.first().map(|name| line(name)).unwrap_or_default();
            let more = if row.objects.len() > 1 { format!(" (+{})", row.objects.len() - 1) } else { String::new() };
            let tick = |text: &str| line(&text.replace('`', ""));
            [clip(&format!("{names}{more}"), 60), clip(&tick(&row.change), 60), tick(&row.lock), tick(&row.data)]
        })
        .collect();
    let width = |at: usize| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for (row, cells) in rows.iter().zip(&cells) {
        let sign = match row.level {
            Some(level) if !row.accepted => paint(sign(Some(level)), level_colour(level), style),
            _ => paint(sign(None), GREEN, style),
        };
        let text =
            cells.iter().zip(widths.iter().chain([&0])).map(|(cell, width)| pad(cell, *width)).collect::<Vec<_>>().join("  ");
        let _ = writeln!(out, "{sign} {}", text.trim_end());
    }
}

fn sign(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Danger) => "✗",
        Some(Level::Warning) => "!",
        Some(Level::Notice) => "i",
        None => "✓",
    }
}

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

fn clip(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest { text.into() } else { text.chars().take(longest - 1).chain(['…']).collect() }
}

fn steps(out: &mut String, report: &Report, style: Style) {
    let mut number = 0;
    for group in report.steps.chunk_by(|a, b| a.group == b.group) {
        let alone = group.iter().any(|step| !step.transactional);
        let title = if alone { "outside of a transaction" } else { "one transaction" };
        let _ = writeln!(out, "\n{}", paint(&format!("{}. {title}", group.first().map_or(0, |step| step.group)), BOLD, style));
        for step in group {
            number += 1;
            let _ = writeln!(out, "   {}", paint(&line(&markdown::step_line(number, step)), DIM, style));
            for text in safe::visible_lines(&step.sql).lines() {
                // The bar keeps a statement's line from being taken for a command of whatever shows it.
                let _ = writeln!(out, "   │ {}", text.replace("##[", "#\u{200b}#["));
            }
            for findings in table::groups(report.findings.iter().filter(|finding| finding.step == Some(number - 1))) {
                finding(out, &findings, "   ", style);
            }
        }
    }
}

fn finding(out: &mut String, findings: &[&ReportedFinding], indent: &str, style: Style) {
    let Some(first) = findings.first() else { return };
    let colour = level_colour(first.level);
    let state = if first.blocks { " (blocks)" } else { "" };
    let head = format!("{} {} {}{state}", sign(Some(first.level)), words::level(first.level), line(&first.rule));
    let _ = writeln!(out, "{indent}{}  {}", paint(&head, colour, style), line(&first.message.replace('`', "")));
    for measured in findings.iter().flat_map(|finding| finding.measurements()).collect::<BTreeSet<_>>() {
        let _ = writeln!(out, "{indent}  {}", line(&measured.replace('`', "")));
    }
    for other in findings.iter().skip(1) {
        let _ = writeln!(out, "{indent}  also {}", line(&other.object));
    }
    for finding in findings.iter().filter(|finding| finding.file.is_some()) {
        let at = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "{indent}  {}",
            paint(&format!("at {}{at}", line(finding.file.as_deref().unwrap_or_default())), DIM, style)
        );
    }
    if let Some(by) = &first.accepted_by {
        let _ = writeln!(out, "{indent}  accepted by {}", line(by));
        return;
    }
    if !first.advice.is_empty() {
        let _ = writeln!(out, "{indent}  {}", line(&first.advice.replace('`', "")));
    }
    if let Some(sql) = &first.safer_sql {
        for text in safe::visible_lines(sql).lines() {
            let _ = writeln!(out, "{indent}  │ {}", paint(&text.replace("##[", "#\u{200b}#["), GREEN, style));
        }
    }
}

fn unproven(out: &mut String, report: &Report, style: Style) {
    let Some(proof) = report.proof.as_ref().filter(|_| !report.proven) else { return };
    let _ = writeln!(out, "\n{}", paint("Not proven", RED, style));
    for (judge, judgement) in [(report.dialect.judge(), &proof.pg_dump), ("the catalog", &proof.catalog)] {
        if let Some(unable) = &judgement.unable {
            let _ = writeln!(out, "  {judge} could not compare: {}", line(unable));
        }
        for difference in &judgement.differences {
            let _ = writeln!(out, "  {judge}: {}", line(&difference.object));
            for text in safe::visible_lines(&difference.detail).lines() {
                let _ = writeln!(out, "    │ {}", text.replace("##[", "#\u{200b}#["));
            }
        }
    }
}

fn aside(out: &mut String, report: &Report, style: Style) {
    if !report.not_covered.is_empty() {
        let _ = writeln!(out, "\n{}", paint(words::not_covered(report.dialect), YELLOW, style));
        for object in &report.not_covered {
            let _ = writeln!(out, "  {}", line(object));
        }
    }
    for remark in &report.remarks {
        let _ = writeln!(out, "\n{}", paint(&line(&remark.title), BOLD, style));
        if let Some(file) = &remark.file {
            let _ = writeln!(out, "  at {}{}", line(file), remark.line.map(|line| format!(":{line}")).unwrap_or_default());
        }
        let _ = writeln!(out, "  {}", line(&remark.text.replace('`', "")));
        for text in safe::visible_lines(remark.quote.as_deref().unwrap_or_default()).lines() {
            let _ = writeln!(out, "  │ {}", text.replace("##[", "#\u{200b}#["));
        }
    }
    if let Some(drift) = report.drift.as_ref().filter(|drift| !drift.changes.is_empty()) {
        let _ = writeln!(out, "\n{}", paint(&format!("Drift of {}", line(&drift.database)), BOLD, style));
        for change in &drift.changes {
            let _ = writeln!(out, "  {} {} {}", action_word(change.action), line(&change.kind), line(&change.object));
        }
    }
    if let Some(environments) = &report.environments {
        let _ = writeln!(out, "\n{}", paint(&line(&words::environments(environments)), BOLD, style));
        for group in &environments.groups {
            let state = match group.changes.len() {
                0 => "same".into(),
                count => words::counted(count, "difference"),
            };
            let _ = writeln!(out, "  {}: {state}", line(&group.names.join(", ")));
        }
        for one in &environments.unread {
            let _ = writeln!(out, "  {} could not be read: {}", line(&one.name), line(&one.why));
        }
    }
    if let Some(down) = &report.down {
        let lossless = if down.lossless { "lossless" } else { "lossy" };
        let proven = if down.proven { "proven" } else { "not proven" };
        let _ = writeln!(
            out,
            "\n{}",
            paint(&format!("Way back: {}, {lossless}, {proven}", words::counted(down.steps.len(), "step")), DIM, style)
        );
    }
}

fn action_word(action: crate::catalog::Action) -> &'static str {
    use crate::catalog::Action;
    match action {
        Action::Create => "missing there:",
        Action::Drop => "only there:",
        Action::Alter | Action::Replace | Action::Rename => "differs:",
    }
}

fn verdict(out: &mut String, report: &Report, style: Style) {
    let colour = match report.verdict {
        Verdict::Pass => GREEN,
        Verdict::Blocked | Verdict::Error => RED,
    };
    let headline = words::headline(report);
    let _ = writeln!(out, "\n{}", paint(&line(&headline), colour, style));
    if report.verdict != Verdict::Pass || words::no_changes(report) {
        let _ = writeln!(out, "{}", line(&report.reason));
    }
}

fn render_error(out: &mut String, report: &Report, error: &crate::report::ReportedError, style: Style) {
    let _ = writeln!(out, "{} {}", paint("error:", RED, style), line(&error.message.replace('`', "")));
    if let Some(file) = &error.file {
        let at = [error.line, error.column].into_iter().flatten().map(|at| format!(":{at}")).collect::<String>();
        let _ = writeln!(out, "  at {}{at}", line(file));
    }
    for text in safe::visible_lines(&markdown::excerpt(report).unwrap_or_default()).lines() {
        let _ = writeln!(out, "  │ {}", text.replace("##[", "#\u{200b}#["));
    }
    if let Some(sql) = &error.sql {
        for (what, text) in [("SQLSTATE", &sql.sqlstate), ("detail", &sql.detail), ("hint", &sql.hint)] {
            if let Some(text) = text {
                let _ = writeln!(out, "  {what}: {}", line(text));
            }
        }
    }
    if let Some(advice) = &error.advice {
        let _ = writeln!(out, "  {}", line(&advice.replace('`', "")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_between_words_and_sql_is_not() {
        let narrow = Style { colour: true, width: Some(30) };
        let text = format!(
            "  {} what reads it fails, and so on\n  │ SELECT a_long_name, another_name FROM somewhere\n",
            paint("✗ danger", RED, narrow)
        );
        let expected = format!(
            "  {} what reads it\n    fails, and so on\n  │ SELECT a_long_name, another_name FROM somewhere\n",
            paint("✗ danger", RED, narrow)
        );
        assert_eq!(fitted(&text, narrow), expected);
        assert_eq!(fitted(&text, Style::default()), text);
    }
}
