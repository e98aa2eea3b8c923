//! The entity-relationship picture: tables that change, with what they refer to, as mermaid text and as SVG.
//!
//! Both are drawn from [`Picture`], which is data of the report. Names in mermaid are reduced to what its grammar takes; in the SVG
//! they are exact. The layout is a plain grid: it does not minimise crossings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::{
    catalog::{Action, Catalog, Kind, ObjectId},
    report::{Picture, PicturedColumn, PicturedReference, PicturedTable, safe},
    risk::{Facts, look},
};

/// Tables and columns a table that the comment's picture shows; GitHub refuses mermaid texts over 50,000 characters, and a picture with
/// more than this cannot be read.
const SOME: Bounds = Bounds { tables: 12, columns: 14, unchanged: false };

/// How much a mermaid text holds.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    tables: usize,
    /// Of one table.
    columns: usize,
    /// All columns of tables that do not change, not only keys.
    unchanged: bool,
}

/// The tables that change, before and after.
pub fn draw(facts: &Facts<'_>) -> Picture {
    let mut touched: BTreeSet<Vec<String>> = BTreeSet::new();
    for change in facts.changes {
        let about = matches!(change.object.kind, Kind::Table | Kind::Column | Kind::Default | Kind::Constraint);
        if let Some(path) = look::relation_of(&change.object).filter(|_| about) {
            touched.insert(path);
        }
    }
    let (base, target) = (Tables::of(facts.base), Tables::of(facts.target));
    let mut picture = Picture::default();
    let references = |tables: &Tables| -> BTreeSet<(Vec<String>, Vec<String>, String)> {
        tables.references.iter().filter(|(from, to, _)| touched.contains(from) || touched.contains(to)).cloned().collect()
    };
    let (before, after) = (references(&base), references(&target));
    for reference in before.union(&after) {
        let action = match (before.contains(reference), after.contains(reference)) {
            (false, true) => Some(Action::Create),
            (true, false) => Some(Action::Drop),
            _ => None,
        };
        let (from, to, constraint) = reference;
        picture.references.push(PicturedReference {
            from: from.join("."),
            to: to.join("."),
            constraint: constraint.clone(),
            action,
        });
    }
    let others = before.iter().chain(&after).flat_map(|(from, to, _)| [from.clone(), to.clone()]);
    for path in touched.iter().cloned().chain(others.collect::<Vec<_>>()) {
        if let Some(table) = table(&path, &base, &target) {
            picture.tables.insert(path.join("."), table);
        }
    }
    picture
}

/// All tables of one schema, with nothing that changes.
pub fn whole(catalog: &Catalog) -> Picture {
    let tables = Tables::of(catalog);
    let mut picture = Picture::default();
    for path in tables.columns.keys() {
        if let Some(table) = table(path, &tables, &tables) {
            picture.tables.insert(path.join("."), table);
        }
    }
    for (from, to, constraint) in &tables.references {
        let (from, to) = (from.join("."), to.join("."));
        picture.references.push(PicturedReference { from, to, constraint: constraint.clone(), action: None });
    }
    picture
}

/// Columns, keys and references of all tables of one side, by path.
#[derive(Default)]
struct Tables {
    /// Position, name and type.
    columns: BTreeMap<Vec<String>, Vec<(i64, String, String)>>,
    primary: BTreeSet<(Vec<String>, String)>,
    foreign: BTreeSet<(Vec<String>, String)>,
    references: BTreeSet<(Vec<String>, Vec<String>, String)>,
}

impl Tables {
    fn of(catalog: &Catalog) -> Tables {
        let mut tables = Tables::default();
        for (id, object) in &catalog.objects {
            match id.kind {
                Kind::Table | Kind::ForeignTable => {
                    tables.columns.entry(id.path.to_vec()).or_default();
                }
                Kind::Column => {
                    let Some(path) = look::relation_of(id) else { continue };
                    let kind = look::text(object, "type").unwrap_or_default().to_string();
                    let position = object.integer("position").unwrap_or(i64::MAX);
                    tables.columns.entry(path).or_default().push((position, id.path.last().cloned().unwrap_or_default(), kind));
                }
                Kind::Constraint => {
                    let Some(path) = look::relation_of(id) else { continue };
                    let needs: Vec<&ObjectId> = object.needs.iter().collect();
                    let own = needs.iter().filter(|need| need.kind == Kind::Column && need.path.starts_with(&path));
                    match look::constraint_type(object) {
                        Some(look::ConstraintType::PrimaryKey) => {
                            tables.primary.extend(own.filter_map(|need| Some((path.clone(), need.path.last()?.clone()))));
                        }
                        Some(look::ConstraintType::ForeignKey) => {
                            let other = needs
                                .iter()
                                .filter(|need| matches!(need.kind, Kind::Table | Kind::Column | Kind::Constraint | Kind::Index))
                                .filter_map(|need| look::relation_of(need))
                                .find(|other| *other != path)
                                .unwrap_or_else(|| path.clone());
                            tables.foreign.extend(own.filter_map(|need| Some((path.clone(), need.path.last()?.clone()))));
                            tables.references.insert((path, other, id.path.last().cloned().unwrap_or_default()));
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        // Views have columns too, and are no tables.
        let real: BTreeSet<Vec<String>> = catalog
            .objects
            .keys()
            .filter(|id| matches!(id.kind, Kind::Table | Kind::ForeignTable))
            .map(|id| id.path.to_vec())
            .collect();
        tables.columns.retain(|path, _| real.contains(path));
        tables.columns.values_mut().for_each(|columns| columns.sort());
        tables
    }
}

fn table(path: &[String], base: &Tables, target: &Tables) -> Option<PicturedTable> {
    let (before, after) = (base.columns.get(path), target.columns.get(path));
    let mut columns = Vec::new();
    let key = |set: &BTreeSet<(Vec<String>, String)>, name: &str| set.contains(&(path.to_vec(), name.to_string()));
    let mut push = |side: &Tables, name: &str, kind: &str, before: Option<&String>, action: Option<Action>| {
        columns.push(PicturedColumn {
            name: name.into(),
            r#type: kind.into(),
            type_before: before.filter(|before| *before != kind).cloned(),
            primary_key: key(&side.primary, name),
            foreign_key: key(&side.foreign, name),
            action,
        });
    };
    let new = before.is_none();
    for (_, name, kind) in after.into_iter().flatten() {
        let old = before.and_then(|columns| columns.iter().find(|(_, old, _)| old == name));
        let action = match old {
            _ if new => None,
            None => Some(Action::Create),
            Some((_, _, old)) if old != kind => Some(Action::Alter),
            Some(_) => None,
        };
        push(target, name, kind, old.map(|(_, _, old)| old), action);
    }
    for (_, name, kind) in before.into_iter().flatten() {
        let stays = after.is_some_and(|columns| columns.iter().any(|(_, new, _)| new == name));
        if !stays {
            push(base, name, kind, None, after.is_some().then_some(Action::Drop));
        }
    }
    let action = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => Some(Action::Create),
        (Some(_), None) => Some(Action::Drop),
        (Some(_), Some(_)) => columns.iter().any(|column| column.action.is_some()).then_some(Action::Alter),
    };
    Some(PicturedTable { action, columns })
}

/// The picture as a mermaid diagram of a size that can be read in a comment; none when there is nothing to draw.
pub fn mermaid(picture: &Picture) -> Option<String> {
    mermaid_within(picture, SOME)
}

/// The picture as a mermaid diagram with all that is in it; none when there is nothing to draw.
pub fn mermaid_whole(picture: &Picture) -> Option<String> {
    mermaid_within(picture, Bounds { tables: usize::MAX, columns: usize::MAX, unchanged: true })
}

fn mermaid_within(picture: &Picture, bounds: Bounds) -> Option<String> {
    if picture.tables.is_empty() {
        return None;
    }
    // Tables that change come first; those that are only referred to fill what is left.
    let mut shown: Vec<(&String, &PicturedTable)> = picture.tables.iter().collect();
    shown.sort_by_key(|(name, table)| (table.action.is_none(), *name));
    let left_out = shown.len().saturating_sub(bounds.tables);
    shown.truncate(bounds.tables);
    let ids: BTreeMap<&str, String> =
        shown.iter().enumerate().map(|(at, (name, _))| (name.as_str(), format!("t{}", at + 1))).collect();
    let mut out = String::from("erDiagram\n");
    for (name, table) in &shown {
        let id = &ids[name.as_str()];
        let mark = mark(table.action);
        let _ =
            writeln!(out, "  {id}[\"{}{}\"] {{", if mark.is_empty() { String::new() } else { format!("{mark}: ") }, label(name));
        let interesting = |column: &&PicturedColumn| column.primary_key || column.foreign_key || column.action.is_some();
        let (first, rest): (Vec<_>, Vec<_>) = table.columns.iter().partition(interesting);
        let rest = if table.action.is_none() && !bounds.unchanged { Vec::new() } else { rest };
        for column in first.into_iter().chain(rest).take(bounds.columns) {
            let keys = match (column.primary_key, column.foreign_key) {
                (true, true) => " PK, FK",
                (true, false) => " PK",
                (false, true) => " FK",
                (false, false) => "",
            };
            let mark = self::mark(column.action);
            let note = if mark.is_empty() { String::new() } else { format!(" \"{mark}\"") };
            let _ = writeln!(out, "    {} {}{keys}{note}", word(&column.r#type, true), word(&column.name, false));
        }
        if table.action.is_some() && table.columns.len() > bounds.columns {
            let _ = writeln!(out, "    and {}_more", table.columns.len() - bounds.columns);
        }
        out.push_str("  }\n");
    }
    for reference in &picture.references {
        if let (Some(from), Some(to)) = (ids.get(reference.from.as_str()), ids.get(reference.to.as_str())) {
            let mark = mark(reference.action);
            let text =
                if mark.is_empty() { label(&reference.constraint) } else { format!("{mark}: {}", label(&reference.constraint)) };
            let line = if reference.action == Some(Action::Drop) { "}o..||" } else { "}o--||" };
            let _ = writeln!(out, "  {from} {line} {to} : \"{text}\"");
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "  more[\"and {left_out} more tables\"]");
    }
    Some(out)
}

fn mark(action: Option<Action>) -> &'static str {
    match action {
        Some(Action::Create) => "new",
        Some(Action::Drop) => "dropped",
        Some(Action::Alter | Action::Replace) => "changed",
        Some(Action::Rename) => "renamed",
        None => "",
    }
}

/// Longest name in the picture, in characters.
const LONGEST_NAME: usize = 48;

/// A name inside mermaid's quotes.
fn label(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '(' | ')' | ' ') { c } else { '?' };
    name.chars().take(LONGEST_NAME).map(plain).collect()
}

/// A name as mermaid's grammar takes it for a type or an attribute.
fn word(name: &str, is_type: bool) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '_' => c,
        '(' | ')' | '[' | ']' | '-' if is_type => c,
        _ => '_',
    };
    let word: String = name.chars().take(LONGEST_NAME).map(plain).collect();
    if word.starts_with(|c: char| c.is_ascii_alphabetic()) { word } else { format!("c_{word}") }
}

/// Which of the two schemas an SVG shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

const ROW: usize = 18;
const WIDTH: usize = 250;
/// Letters that a row of that width holds.
const LETTERS: usize = 31;
const GAP_X: usize = 70;
const GAP_Y: usize = 36;
/// Tables that an SVG shows.
const MOST_BOXES: usize = 60;

/// The picture as SVG of one side; its colours are CSS classes of the page. None when that side has none of the tables.
pub fn svg(picture: &Picture, when: When) -> Option<String> {
    let gone = |action: Option<Action>| match when {
        When::Before => action == Some(Action::Create),
        When::After => action == Some(Action::Drop),
    };
    let tables: Vec<(&String, &PicturedTable)> =
        picture.tables.iter().filter(|(_, table)| !gone(table.action)).take(MOST_BOXES).collect();
    if tables.is_empty() {
        return None;
    }
    let per_row = if tables.len() <= 2 { tables.len() } else { 3 };
    let mut boxes: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let mut tops = vec![10usize; per_row];
    let mut body = String::new();
    for (name, table) in &tables {
        let column = (0..per_row).min_by_key(|at| tops[*at]).unwrap_or(0);
        let (x, y) = (10 + column * (WIDTH + GAP_X), tops[column]);
        let columns: Vec<&PicturedColumn> = table.columns.iter().filter(|column| !gone(column.action)).collect();
        let height = 26 + columns.len() * ROW + 8;
        tops[column] = y + height + GAP_Y;
        boxes.insert(name, (x, y, height));
        let _ = write!(
            body,
            "<g class=\"entity {}\"><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\
             <text class=\"name\" x=\"{}\" y=\"{}\">{}</text><line x1=\"{x}\" y1=\"{line}\" x2=\"{}\" y2=\"{line}\"/>",
            mark(table.action),
            x + 10,
            y + 18,
            safe::html(&clip(name, 34)),
            x + WIDTH,
            line = y + 26,
        );
        for (at, column) in columns.iter().enumerate() {
            let baseline = y + 26 + ROW * (at + 1) - 3;
            let key = if column.primary_key {
                "PK "
            } else if column.foreign_key {
                "FK "
            } else {
                ""
            };
            let name = clip(&column.name, 20);
            let room = LETTERS.saturating_sub(key.chars().count() + name.chars().count()).max(9);
            let before = column.type_before.as_ref().filter(|_| matches!(when, When::Before));
            let _ = write!(
                body,
                "<text class=\"{}\" x=\"{}\" y=\"{baseline}\">{key}{}</text><text class=\"type {}\" x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{}</text>",
                mark(column.action),
                x + 10,
                safe::html(&name),
                mark(column.action),
                x + WIDTH - 10,
                safe::html(&clip(before.unwrap_or(&column.r#type), room)),
            );
        }
        body.push_str("</g>");
    }
    let mut lines = String::new();
    for reference in picture.references.iter().filter(|reference| !gone(reference.action)) {
        if let (Some(from), Some(to)) = (boxes.get(reference.from.as_str()), boxes.get(reference.to.as_str())) {
            let _ = write!(lines, "<path class=\"{}\" d=\"{}\"/>", mark(reference.action), connect(*from, *to));
        }
    }
    let width = 20 + per_row * WIDTH + (per_row - 1) * GAP_X;
    let height = tops.iter().max().copied().unwrap_or(0);
    let title = match when {
        When::Before => "Tables before",
        When::After => "Tables after",
    };
    Some(format!(
        "<svg role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" xmlns=\"http://www.w3.org/2000/svg\">{lines}{body}</svg>"
    ))
}

/// A curve between two boxes (x, y, height), leaving and arriving at their sides.
fn connect(from: (usize, usize, usize), to: (usize, usize, usize)) -> String {
    let (start_y, end_y) = (from.1 + 13, to.1 + 13);
    let (start, end, bend) = match from.0.cmp(&to.0) {
        std::cmp::Ordering::Less => (from.0 + WIDTH, to.0, GAP_X as i64 / 2),
        std::cmp::Ordering::Greater => (from.0, to.0 + WIDTH, -(GAP_X as i64) / 2),
        std::cmp::Ordering::Equal => {
            let side = from.0 + WIDTH;
            let out = side + GAP_X / 2;
            return format!("M{side} {start_y} C{out} {start_y} {out} {end_y} {side} {end_y}");
        }
    };
    format!("M{start} {start_y} C{} {start_y} {} {end_y} {end} {end_y}", start as i64 + bend, end as i64 - bend)
}

/// The text, or its beginning and an ellipsis.
pub(crate) fn clip(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest { text.into() } else { text.chars().take(longest - 1).chain(['\u{2026}']).collect() }
}
