//! A comparison of environments for a terminal, as Markdown, HTML and JSON. Pure; whatever databases hold is shown as text.

use std::fmt::Write as _;

use super::{Comparison, Environment, Group, State};
use crate::report::{
    safe::{self, line},
    text::{BOLD, DIM, GREEN, RED, Style, YELLOW, paint},
    words,
};

/// How many names of a group, and how many objects, are listed where people read.
const NAMES: usize = 8;
const OBJECTS: usize = 200;
/// More groups than these are not columns of a table; each has its own list instead.
const COLUMNS: usize = 8;

/// Indented JSON, with a newline at its end.
pub fn json(comparison: &Comparison) -> String {
    // Strings, numbers and lists: nothing that JSON refuses.
    serde_json::to_string_pretty(comparison).unwrap_or_default() + "\n"
}

/// `dev, staging and 3 more`.
fn names(group: &Group) -> String {
    let shown: Vec<&str> = group.names.iter().take(NAMES).map(String::as_str).collect();
    match group.names.len().saturating_sub(NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn summary(comparison: &Comparison, at: usize, group: &Group) -> String {
    match (comparison.has_reference(), at) {
        (false, _) => String::new(),
        (true, 0) => "as it is to be".into(),
        (true, _) => {
            let plan = match (&group.steps, &group.no_plan) {
                (Some(steps), _) => format!("plan of {}", words::counted(*steps, "step")),
                (None, Some(why)) => format!("no plan: {why}"),
                (None, None) => String::new(),
            };
            format!("{} · {plan}", differing(group))
        }
    }
}

/// `2 objects missing, 1 extra, 3 differing`.
fn differing(group: &Group) -> String {
    use crate::catalog::Action;
    let count = |is: fn(Action) -> bool| group.changes.iter().filter(|change| is(change.action)).count();
    let counts = [
        (count(|action| action == Action::Create), "missing"),
        (count(|action| action == Action::Drop), "extra"),
        (count(|action| !matches!(action, Action::Create | Action::Drop)), "differing"),
    ];
    let said: Vec<String> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if said.is_empty() { "no object differs".into() } else { format!("objects: {}", said.join(", ")) }
}

fn word(state: State) -> &'static str {
    match state {
        State::Same => "same",
        State::Differs => "differs",
        State::Missing => "missing",
        State::Extra => "extra",
        State::Absent => "-",
    }
}

/// The command that plans what a group lacks; addresses of databases are not in a comparison whole.
fn command(comparison: &Comparison, group: &Group) -> String {
    let source = |name: Option<&String>| {
        let found = comparison.environments.iter().find(|environment| Some(&environment.name) == name);
        found.map(|environment| environment.source.as_str()).unwrap_or_default()
    };
    format!("schemaproof plan --from {} --to {}", source(group.names.first()), source(Some(&comparison.reference)))
}

/// For a terminal.
pub fn text(comparison: &Comparison, style: Style) -> String {
    let mut out = String::new();
    for (at, group) in comparison.groups.iter().enumerate() {
        let sign = if at == 0 && comparison.has_reference() { paint("✓", GREEN, style) } else { paint("✗", RED, style) };
        let _ = writeln!(out, "{sign} {}  {}", at + 1, paint(&line(&names(group)), BOLD, style));
        let summary = summary(comparison, at, group);
        if !summary.is_empty() {
            let _ = writeln!(out, "     {}", paint(&line(&summary), DIM, style));
        }
    }
    for Environment { name, error, .. } in comparison.unread() {
        let why = error.as_deref().unwrap_or_default();
        let _ = writeln!(out, "{} {}: {}", paint("!", YELLOW, style), paint(&line(name), BOLD, style), line(why));
    }
    if comparison.groups.len() <= COLUMNS {
        table(&mut out, comparison, style);
    } else {
        lists(&mut out, comparison);
    }
    for group in comparison.groups.iter().skip(1).filter(|_| comparison.has_reference()).take(COLUMNS) {
        let _ = writeln!(
            out,
            "\n{}",
            paint(
                &line(&format!("what {} lacks: {}", group.names.first().map_or("", String::as_str), command(comparison, group))),
                DIM,
                style
            )
        );
    }
    let colour = if comparison.same { GREEN } else { RED };
    let _ = writeln!(out, "\n{}", paint(&line(&comparison.headline()), colour, style));
    out
}

fn table(out: &mut String, comparison: &Comparison, style: Style) {
    if comparison.objects.is_empty() {
        return;
    }
    let label = |row: &super::Row| line(&format!("{} {}", row.kind, row.object));
    let shown = comparison.objects.iter().take(OBJECTS);
    let width = shown.clone().map(|row| label(row).chars().count()).max().unwrap_or(0);
    let head: String = (1..=comparison.groups.len()).map(|number| format!("  {number:<7}")).collect();
    let _ = writeln!(out, "\n{}{}", " ".repeat(width), paint(head.trim_end(), BOLD, style));
    for row in shown {
        let label = label(row);
        let _ = write!(out, "{label}{}", " ".repeat(width - label.chars().count()));
        for state in &row.states {
            let colour = match state {
                State::Same | State::Absent => DIM,
                State::Differs => YELLOW,
                State::Missing | State::Extra => RED,
            };
            let _ = write!(out, "  {}", paint(&format!("{:<7}", word(*state)), colour, style));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    rest(out, comparison);
}

fn lists(out: &mut String, comparison: &Comparison) {
    for (at, group) in comparison.groups.iter().enumerate().skip(1).take(COLUMNS * 4) {
        let _ = writeln!(out, "\n{}", line(&format!("{}  {}", at + 1, names(group))));
        for change in group.changes.iter().take(NAMES) {
            let _ = writeln!(out, "   {}", line(&format!("{} {} {}", state(change.action), change.kind, change.object)));
        }
        if group.changes.len() > NAMES {
            let _ = writeln!(out, "   and {} more", group.changes.len() - NAMES);
        }
    }
}

fn state(action: crate::catalog::Action) -> &'static str {
    use crate::catalog::Action;
    match action {
        Action::Create => "missing:",
        Action::Drop => "extra:",
        Action::Alter | Action::Rename | Action::Replace => "differs:",
    }
}

fn rest(out: &mut String, comparison: &Comparison) {
    let more = comparison.objects.len().saturating_sub(OBJECTS);
    if more > 0 {
        let _ = writeln!(out, "and {more} more that differ (`--format json` has all)");
    }
    let _ = writeln!(out, "{} the same everywhere", words::counted(comparison.same_objects, "other object"));
}

/// As Markdown: for an issue, a comment or a summary. `at_most` bounds the rows of the table.
pub fn markdown(comparison: &Comparison, at_most: usize) -> String {
    let mut out = format!(
        "### {}\n\n| | environments | against {} |\n|---|---|---|\n",
        safe::markdown(&comparison.headline()),
        safe::markdown(&comparison.reference)
    );
    for (at, group) in comparison.groups.iter().take(at_most).enumerate() {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            at + 1,
            safe::markdown(&names(group)),
            safe::markdown(&summary(comparison, at, group))
        );
    }
    for Environment { name, error, .. } in comparison.unread().take(at_most) {
        let why = error.as_deref().unwrap_or_default();
        let _ = writeln!(out, "| ⚠️ | {} | could not be read: {} |", safe::markdown(name), safe::markdown(why));
    }
    let left = comparison.groups.len().saturating_sub(at_most) + comparison.unread().count().saturating_sub(at_most);
    if left > 0 {
        let _ = writeln!(out, "\n{left} more rows are left out.");
    }
    let columns = comparison.groups.len().min(COLUMNS);
    if !comparison.objects.is_empty() {
        let head: String = (1..=columns).map(|number| format!(" {number} |")).collect();
        let _ = writeln!(out, "\n| object |{head}\n|---|{}", "---|".repeat(columns));
        for row in comparison.objects.iter().take(at_most) {
            let states: String = row.states.iter().take(columns).map(|state| format!(" {} |", word(*state))).collect();
            let _ = writeln!(out, "| {} {} |{states}", safe::markdown(&row.kind), safe::cell(&safe::code(&row.object)));
        }
        let more = comparison.objects.len().saturating_sub(at_most);
        if more > 0 {
            let _ = writeln!(out, "\n{more} more that differ are left out.");
        }
        let _ = writeln!(out, "\n{} the same everywhere.", words::counted(comparison.same_objects, "other object"));
    }
    out
}

/// A page of its own that loads nothing.
pub fn html(comparison: &Comparison) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Environments</title>\n<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem}\
         table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #8884;padding:.2rem .6rem;text-align:left;vertical-align:top}\
         .missing,.extra{color:#c22}.differs{color:#a60}.same,.absent{opacity:.6}</style>\n",
    );
    let _ = writeln!(
        out,
        "<h1>{}</h1>\n<table><tr><th></th><th>environments</th><th>against {}</th></tr>",
        safe::html(&comparison.headline()),
        safe::html(&comparison.reference)
    );
    for (at, group) in comparison.groups.iter().enumerate() {
        let all = safe::html(&group.names.join(", "));
        let _ = writeln!(out, "<tr><td>{}</td><td>{all}</td><td>{}</td></tr>", at + 1, safe::html(&summary(comparison, at, group)));
    }
    for Environment { name, error, .. } in comparison.unread() {
        let why = safe::html(error.as_deref().unwrap_or_default());
        let _ = writeln!(out, "<tr><td>!</td><td>{}</td><td>could not be read: {why}</td></tr>", safe::html(name));
    }
    out.push_str("</table>\n");
    if !comparison.objects.is_empty() {
        out.push_str("<table><tr><th>object</th>");
        for number in 1..=comparison.groups.len() {
            let _ = write!(out, "<th>{number}</th>");
        }
        out.push_str("</tr>\n");
        for row in &comparison.objects {
            let _ = write!(out, "<tr><td>{} {}</td>", safe::html(&row.kind), safe::html(&row.object));
            for state in &row.states {
                let class = if *state == State::Absent { "absent" } else { word(*state) };
                let _ = write!(out, "<td class=\"{class}\">{}</td>", word(*state));
            }
            out.push_str("</tr>\n");
        }
        let _ = writeln!(out, "</table>\n<p>{} the same everywhere</p>", words::counted(comparison.same_objects, "other object"));
    }
    out
}
