//! The object table: one row per thing that a person would say, not per statement.
//!
//! Changes that are alike (same kind, action, details, level and effects) are one row. Computed from the report alone, so that every
//! rendering shows the same rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::Action,
    proof::{Effects, LOCK_MODES, SqlError},
    report::{LiveTable, Report, ReportedChange, ReportedFinding, words},
    risk::Level,
};

/// One row of the object table. Texts have names between backticks and are not escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The worst level of the findings about these objects; none when nothing was found.
    pub level: Option<Level>,
    /// Whether the worst of them was accepted.
    pub accepted: bool,
    pub kind: String,
    pub action: Action,
    /// All objects, in order.
    pub objects: Vec<String>,
    pub change: String,
    pub lock: String,
    /// For finding the strongest lock of a row's changes.
    pub lock_strength: usize,
    pub data: String,
    /// Whether Atlas left these out.
    pub left_out: bool,
}

/// How many findings of which sort a report has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub blocking: usize,
    /// Would block, and somebody accepted it.
    pub accepted: usize,
    /// Dangers that the policy does not let block.
    pub dangers: usize,
    pub warnings: usize,
    pub notices: usize,
}

impl Counts {
    pub fn of(report: &Report) -> Counts {
        let mut counts = Counts::default();
        for finding in &report.findings {
            let counter = match (finding.blocks, finding.accepted_by.is_some(), finding.level) {
                (true, _, _) => &mut counts.blocking,
                (_, true, _) => &mut counts.accepted,
                (_, _, Level::Danger) => &mut counts.dangers,
                (_, _, Level::Warning) => &mut counts.warnings,
                (_, _, Level::Notice) => &mut counts.notices,
            };
            *counter += 1;
        }
        counts
    }
}

/// The rows of a report, the worst first.
pub fn rows(report: &Report) -> Vec<Row> {
    let mut findings: BTreeMap<(&str, &str), Vec<&ReportedFinding>> = BTreeMap::new();
    for finding in &report.findings {
        findings.entry((&finding.kind, &finding.object)).or_default().push(finding);
    }
    let about = |at: usize| {
        let change = report.changes.get(at)?;
        findings.get(&(change.kind.as_str(), change.object.as_str())).map(Vec::as_slice)
    };
    let wholes: BTreeMap<&str, usize> =
        report.changes.iter().enumerate().filter(|(_, change)| has_parts(&change.kind)).map(|(at, it)| (&*it.object, at)).collect();
    let mut parts: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut told: BTreeSet<usize> = BTreeSet::new();
    for (at, change) in report.changes.iter().enumerate().filter(|(at, _)| about(*at).is_none()) {
        if let Some((whole, name)) = whole(change, &wholes) {
            parts.entry(whole).or_default().push(describe_part(change, name));
            told.insert(at);
        }
    }
    // A harmless change in one statement with a dangerous one is not what rewrites the table.
    let explained = report
        .changes
        .iter()
        .enumerate()
        .filter(|(at, _)| about(*at).is_some_and(|found| found.iter().any(|finding| finding.level >= Level::Warning)));
    let explained: BTreeSet<usize> = explained.flat_map(|(_, change)| &change.steps).copied().collect();
    let mut sharing: BTreeMap<usize, Vec<&ReportedChange>> = BTreeMap::new();
    for change in &report.changes {
        change.steps.iter().for_each(|step| sharing.entry(*step).or_default().push(change));
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut same: BTreeMap<String, usize> = BTreeMap::new();
    for (at, change) in report.changes.iter().enumerate().filter(|(at, _)| !told.contains(at)) {
        // An enum of which only values change that have rows of their own.
        let empty = change.action == Action::Alter && change.details.is_empty() && !parts.contains_key(&at);
        if empty && has_parts(&change.kind) && about(at).is_none() {
            continue;
        }
        let parts = parts.get(&at).map(Vec::as_slice).unwrap_or_default();
        let beside = about(at).is_none() && change.steps.iter().any(|step| explained.contains(step));
        let effects = change.steps.iter().filter_map(|step| {
            let effects = report.steps.get(*step)?.effects.as_ref()?;
            Some(own(effects, change, sharing.get(step).map(Vec::as_slice).unwrap_or_default(), beside))
        });
        let mut row = row(report, change, about(at).unwrap_or_default(), parts, &effects.collect::<Vec<_>>());
        if report.earlier.as_ref().is_some_and(|earlier| earlier.changes.contains(&at)) {
            row.change.push_str(words::EARLIER);
        }
        let key = format!("{:?} {} {} {:?} {}", row.level, row.accepted, row.kind, row.action, row.change);
        match same.get(&key).and_then(|at| rows.get_mut(*at)) {
            Some(first) => {
                first.objects.push(change.object.clone());
                first.left_out |= change.left_out;
                // What is worse is what a reader has to know of them all.
                if row.lock_strength > first.lock_strength {
                    (first.lock, first.lock_strength) = (row.lock, row.lock_strength);
                }
                if first.data.is_empty() || (row.data.starts_with("fails") && !first.data.starts_with("fails")) {
                    first.data = row.data;
                }
            }
            None => {
                same.insert(key, rows.len());
                rows.push(row);
            }
        }
    }
    rows.sort_by_key(|row| (std::cmp::Reverse(row.level), row.accepted));
    for row in &mut rows {
        row.objects.dedup();
    }
    rows
}

/// Whether changes of its parts are told in the row of the whole.
fn has_parts(kind: &str) -> bool {
    matches!(kind, "type" | "view" | "materialized view")
}

/// Which of the changes a part is told with, and the part's own name: a value with its enum, a column with its view.
fn whole<'a>(change: &'a ReportedChange, wholes: &BTreeMap<&str, usize>) -> Option<(usize, &'a str)> {
    if !matches!(change.kind.as_str(), "enum value" | "column") {
        return None;
    }
    let dots = change.object.match_indices('.');
    dots.rev().find_map(|(at, _)| Some((*wholes.get(&change.object[..at])?, &change.object[at + 1..])))
}

/// What a step did that is told with one of the changes that share it. `beside`: a worse one is what its work is for, and has it in its own row.
fn own(effects: &Effects, change: &ReportedChange, sharing: &[&ReportedChange], beside: bool) -> Effects {
    if beside {
        return Effects { locks: effects.locks.clone(), ..Effects::default() };
    }
    let mut own = effects.clone();
    let of_others = |error: &SqlError| {
        let named = |change: &ReportedChange| error.part.as_ref().is_some_and(|part| change.object.ends_with(&format!(".{part}")));
        // A value that does not fit is in the way of no column that is made or dropped.
        let altered = |change: &ReportedChange| change.action == Action::Alter;
        match sharing.iter().any(|change| named(change)) {
            true => !named(change),
            false => error.is_about_value() && !altered(change) && sharing.iter().any(|change| altered(change)),
        }
    };
    if own.error_on_rows.as_ref().is_some_and(of_others) {
        own.error_on_rows = None;
    }
    if change.kind == "column" && !own.lost_of.is_empty() {
        let of_this = own.lost_of.iter().find(|(column, _)| column.replace('"', "") == change.object);
        own.values_lost = of_this.map_or(0, |(_, lost)| *lost);
    }
    own
}

fn row(report: &Report, change: &ReportedChange, about: &[&ReportedFinding], parts: &[String], effects: &[Effects]) -> Row {
    let worst = about.iter().max_by_key(|finding| (finding.blocks, finding.level));
    let effects: Vec<&Effects> = effects.iter().collect();
    // A new object has no readers that could wait; its statement's locks on others are told.
    let relation = relation(change);
    Row {
        level: worst.map(|finding| finding.level),
        accepted: worst.is_some_and(|finding| finding.accepted_by.is_some()),
        kind: change.kind.clone(),
        action: change.action,
        objects: vec![change.object.clone()],
        change: describe(change, parts),
        lock: lock(report, &effects, &relation),
        lock_strength: strongest(&effects, Some(&relation))
            .or_else(|| strongest(&effects, None))
            .map_or(0, |mode| strength(mode) + 1),
        data: data(report, &effects, &relation),
        left_out: change.left_out,
    }
}

/// `type vector(1536) → vector(384)`, `dropped`, `created, with 15 indexes`.
fn describe(change: &ReportedChange, parts: &[String]) -> String {
    let verb = verb(change);
    // What is told of its parts alone says what it is.
    let parts_alone = change.action == Action::Alter && change.details.is_empty() && !parts.is_empty();
    let kind = if parts_alone || change.kind == "table" || change.kind == "column" { "" } else { change.kind.as_str() };
    let mut said: Vec<String> = vec![[kind, verb].iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ")];
    let details = change.details.len() + parts.len();
    said.extend(change.details.iter().chain(parts).take(3).cloned());
    if details > 3 {
        said.push(format!("and {} more", details - 3));
    }
    said.retain(|part| !part.is_empty());
    said.join(", ")
}

fn verb(change: &ReportedChange) -> &'static str {
    match change.action {
        Action::Create => "created",
        Action::Drop => "dropped",
        Action::Rename => "renamed",
        Action::Replace => "made anew",
        Action::Alter => "",
    }
}

/// `enum value `void` created`, ``column `n` type `a` → `b` ``.
fn describe_part(change: &ReportedChange, name: &str) -> String {
    let name = crate::risk::look::quoted(name);
    let said = [change.kind.as_str(), &name, verb(change), &change.details.join(", ")];
    said.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Schema and name of the table that a change is about, when it is one.
fn relation(change: &ReportedChange) -> String {
    change.object.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// How strong a lock's mode is; unknown ones are the strongest.
pub fn strength(mode: &str) -> usize {
    LOCK_MODES.iter().position(|known| *known == mode).unwrap_or(LOCK_MODES.len())
}

/// The strongest lock of a step on relations that were there, if it makes anybody wait.
pub fn strongest<'a>(effects: &[&'a Effects], relation: Option<&str>) -> Option<&'a str> {
    let locks = effects.iter().flat_map(|effects| &effects.locks);
    let own = locks.filter(|lock| relation.is_none_or(|relation| lock.relation == relation));
    own.map(|lock| lock.mode.as_str()).max_by_key(|mode| strength(mode)).filter(|mode| strength(mode) >= strength("ShareLock"))
}

/// The size of a relation in the live database: of the change's own where that is known, else of what its steps work on.
fn of_live<'a>(report: &'a Report, relation: &str, worked_on: &[&String]) -> Option<&'a LiveTable> {
    let tables = &report.live.as_ref()?.tables;
    tables.get(relation).or_else(|| worked_on.iter().find_map(|name| tables.get(*name)))
}

fn lock(report: &Report, effects: &[&Effects], relation: &str) -> String {
    let Some(mode) = strongest(effects, Some(relation)).or_else(|| strongest(effects, None)) else { return String::new() };
    let mut said = vec![mode.trim_end_matches("Lock").to_string()];
    let of = |get: fn(&Effects) -> &Vec<String>| effects.iter().flat_map(|effects| get(effects)).collect::<Vec<&String>>();
    let size = |names: &[&String]| of_live(report, relation, names).map(|table| words::bytes(table.bytes));
    let (rewrites, builds, scans) = (of(|it| &it.rewrites), of(|it| &it.index_builds), of(|it| &it.scans));
    if !rewrites.is_empty() {
        said.push(format!("rewrites {}", size(&rewrites).unwrap_or_else(|| "the table".into())));
    } else if !builds.is_empty() {
        let over = size(&[]).map(|size| format!(" over {size}")).unwrap_or_default();
        said.push(format!("builds an index{over}"));
    } else if !scans.is_empty() {
        said.push(format!("reads {}", size(&scans).unwrap_or_else(|| "the table".into())));
    } else if let Some(size) = size(&[]) {
        said.push(format!("table of {size}"));
    }
    said.join(", ")
}

fn data(report: &Report, effects: &[&Effects], relation: &str) -> String {
    let measured = on_the_copy(effects);
    let live = of_live(report, relation, &[]).and_then(|table| table.rows).map(|rows| format!("{} live", words::about(rows)));
    [measured, live.unwrap_or_default()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn on_the_copy(effects: &[&Effects]) -> String {
    if let Some((error, on_rows)) = effects.iter().find_map(|effects| {
        let always = effects.error.as_ref().map(|error| (error, ""));
        let rows = if effects.fails() { " on rows" } else { " on some rows" };
        always.or_else(|| effects.error_on_rows.as_ref().map(|error| (error, rows)))
    }) {
        return match &error.sqlstate {
            Some(state) => format!("fails{on_rows}: `{state}`"),
            None => format!("fails{on_rows}"),
        };
    }
    let lost: u64 = effects.iter().map(|effects| effects.values_lost).sum();
    let rows = effects.iter().filter_map(|effects| effects.rows_before).max();
    let touched =
        effects.iter().any(|effects| !effects.rewrites.is_empty() || !effects.scans.is_empty() || !effects.index_builds.is_empty());
    match (lost, rows) {
        (0, Some(rows)) if touched && rows > 0 => {
            format!("{} {} on the copy", words::number(rows), if rows == 1 { "row" } else { "rows" })
        }
        (0, _) => String::new(),
        (lost, _) => format!("{} {} lost on the copy", words::number(lost), if lost == 1 { "value" } else { "values" }),
    }
}

/// Findings that say the same about several objects, in the report's order.
pub fn groups<'a>(findings: impl Iterator<Item = &'a ReportedFinding>) -> Vec<Vec<&'a ReportedFinding>> {
    let mut groups: Vec<Vec<&ReportedFinding>> = Vec::new();
    let mut same: BTreeMap<(String, String, bool, Option<String>), usize> = BTreeMap::new();
    for finding in findings {
        let key = (finding.rule.clone(), alike(finding), finding.blocks, finding.accepted_by.clone());
        match same.get(&key).and_then(|at| groups.get_mut(*at)) {
            Some(group) => group.push(finding),
            None => {
                same.insert(key, groups.len());
                groups.push(vec![finding]);
            }
        }
    }
    groups
}

/// A finding's message without what is its object's own: names, and numbers that were measured.
fn alike(finding: &ReportedFinding) -> String {
    let names: BTreeSet<String> = {
        let parts: Vec<&str> = finding.object.split('.').collect();
        let last = if parts.len() > 8 { 0 } else { parts.len() };
        (0..last)
            .flat_map(|from| (from + 1..=parts.len()).map(move |to| (from, to)))
            .map(|(from, to)| parts[from..to].join("."))
            .collect()
    };
    let message = crate::report::safe::segments(&finding.message);
    let said = message.into_iter().map(|(text, quoted)| match quoted {
        true if names.contains(text) => String::new(),
        true => text.to_string(),
        false => text.chars().filter(|c| !c.is_ascii_digit()).collect(),
    });
    said.collect()
}
