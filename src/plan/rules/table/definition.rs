//! CREATE TABLE: the table with its columns and the constraints that can stand inside.

use super::{
    super::{
        super::{
            native::{Actions, Context},
            sql,
        },
        column, constraint, foreign,
    },
    checks::{definition_below, inherited_checks, is_valid_below, valid_only_below},
    inheritance::parents,
    link::attach,
    settings::{identify_without_index, marks, security},
};
use crate::catalog::{Kind, Object, ObjectId};

/// What stands between the parentheses, and what comes with it.
#[derive(Default)]
struct Body<'a> {
    lines: Vec<String>,
    /// Columns, constraints and the like that the statement makes.
    parts: Vec<&'a Object>,
    needs: Vec<ObjectId>,
    /// Checks of tables above, by name, that are added afterwards: CREATE TABLE takes every check for validated.
    later: Vec<(String, &'a Object)>,
}

/// Makes a table of the target, and what CREATE TABLE cannot say of it.
pub(super) fn create(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let Body { lines, parts, needs, later } = body(cx, object);
    let partition = object.text("partition_of").is_some();
    let action = out.create_with(object, &parts, statement(object, &lines));
    action.needs.extend(needs);
    action.needs.extend(valid_only_below(cx, object));
    // Columns and their defaults come from the tables above as these have them then.
    for parent in parents(&cx.target, object).filter(|_| !partition) {
        let columns = cx.target.parts_of(&parent.id, Kind::Column);
        let defaults = columns.flat_map(|column| cx.target.parts_of(&column.id, Kind::Default).chain([column]).collect::<Vec<_>>());
        action.needs.extend(defaults.map(|part| part.id.clone()));
    }
    if partition {
        let parents: Vec<ObjectId> = parents(&cx.target, object).map(|parent| parent.id.clone()).collect();
        action.needs.retain(|need| !parents.contains(need));
    }
    finish_columns(cx, object, &parts, out);
    for (name, check) in later {
        let definition = definition_below(cx, check, object);
        let text = format!("ALTER TABLE {} ADD CONSTRAINT {} {definition}", sql::name(object), sql::ident(&name));
        out.alter(object, text).needs.extend(beyond_tables(check));
    }
    if partition {
        attach(cx, object, out);
    }
    for part in parts.iter().filter(|part| part.id.kind == Kind::Constraint) {
        marks(cx, &part.id, object, out);
    }
    security(object, "row_security", out);
    security(object, "force_row_security", out);
    identify_without_index(object, out);
}

fn body<'a>(cx: &Context<'a>, object: &Object) -> Body<'a> {
    let mut body = Body::default();
    let typed = object.text("of_type").is_some();
    let inherits = !object.list("inherits").is_empty();
    for part in cx.target.parts_of(&object.id, Kind::Column) {
        body.parts.push(part);
        let inherited = !column::stands_alone(cx, part);
        let bare = (inherits && !column::owns_not_null(cx, part)).then(|| column::without_not_null(part));
        match column::definition(cx, bare.as_ref().unwrap_or(part), typed, &mut body.parts) {
            Some(line) if !inherited => body.lines.push(line),
            _ => body.lines.extend(inherited.then(|| column::inherited_not_null(cx, part)).flatten()),
        }
    }
    if object.text("partition_of").is_some() {
        for (name, check) in inherited_checks(cx, object) {
            if !is_valid_below(&cx.target, check, object) {
                body.later.push((name, check));
                continue;
            }
            body.lines.push(format!("CONSTRAINT {} {}", sql::ident(&name), definition_below(cx, check, object)));
            body.needs.extend(beyond_tables(check));
        }
    }
    for part in cx.target.parts_of(&object.id, Kind::Constraint) {
        if constraint::stands_inside(cx, object, part) {
            body.parts.push(part);
            body.lines.push(format!("CONSTRAINT {} {}", sql::ident(part.id.name()), constraint::definition(part)));
        }
    }
    body
}

/// What a check of a table above needs beside tables and columns: functions, types and the like.
fn beyond_tables(check: &Object) -> impl Iterator<Item = ObjectId> {
    check.needs.iter().filter(|need| !matches!(need.kind, Kind::Column | Kind::Table)).cloned()
}

fn statement(object: &Object, lines: &[String]) -> String {
    let kind = match (object.id.kind == Kind::ForeignTable, object.flag("unlogged")) {
        (true, _) => "FOREIGN ",
        (_, true) => "UNLOGGED ",
        _ => "",
    };
    let mut text = format!("CREATE {kind}TABLE {}", sql::name(object));
    let typed = object.text("of_type");
    if let Some(of) = typed {
        text.push_str(&format!(" OF {of}"));
    }
    if typed.is_none() || !lines.is_empty() {
        text.push_str(&if lines.is_empty() { " (\n)".to_owned() } else { format!(" (\n    {}\n)", lines.join(",\n    ")) });
    }
    if !object.list("inherits").is_empty() {
        text.push_str(&format!(" INHERITS ({})", object.list("inherits").join(", ")));
    }
    if let Some(key) = object.text("partition_key") {
        text.push_str(&format!(" PARTITION BY {key}"));
    }
    if let Some(server) = object.text("server") {
        text.push_str(&format!(" SERVER {}", sql::ident(server)));
        if !object.list("foreign_options").is_empty() {
            text.push_str(&format!(" OPTIONS ({})", foreign::options(object.list("foreign_options"))));
        }
    }
    if let Some(method) = object.text("access_method") {
        text.push_str(&format!(" USING {}", sql::ident(method)));
    }
    let options: Vec<String> =
        object.list("options").iter().chain(object.list("toast_options")).map(|option| sql::option(option)).collect();
    if !options.is_empty() {
        text.push_str(&format!(" WITH ({})", options.join(", ")));
    }
    if let Some(space) = object.text("tablespace") {
        text.push_str(&format!(" TABLESPACE {}", sql::ident(space)));
    }
    text
}

/// Gives new columns what their definitions do not say.
fn finish_columns(cx: &Context<'_>, object: &Object, parts: &[&Object], out: &mut Actions<'_>) {
    let name = sql::name(object);
    for part in parts.iter().filter(|part| part.id.kind == Kind::Column) {
        column::settings(cx, None, part, out);
        let inherited = !column::stands_alone(cx, part);
        if inherited && column::owns_not_null(cx, part) && cx.base.catalog.server_version < 180_000 {
            out.alter(part, format!("ALTER TABLE {name} ALTER COLUMN {} SET NOT NULL", sql::ident(part.id.name())));
        }
    }
}
