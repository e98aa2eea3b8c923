//! Tables that must be made anew and keep their rows: the old one waits in a schema of its own, its rows are copied over, then it is dropped.
//!
//! A schema, and not another name, so that its indexes, constraints and sequences are out of the way too. Where a partition key holds what must
//! go before its successor is made, only the rows wait, in a plain table.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        native::{Actions, Context, Verb, stands_for},
        online, sql,
    },
    column, partition, table,
};
use crate::catalog::{Kind, Object, ObjectId};

/// Where old tables wait.
const WAITING: &str = "schemaproof_old";

/// The schemas whose tables are moved away, each with that in which they wait: one each, for tables of one name may be in several.
fn schemas<'a>(cx: &Context<'a>) -> BTreeMap<&'a str, String> {
    let tables = cx.replaced.iter().filter(|id| id.kind == Kind::Table).filter_map(|id| cx.base.get(id));
    let moved = tables.flat_map(|table| std::iter::once(table).chain(table::offspring(&cx.base, &table.id)));
    let names: BTreeSet<&str> = moved.filter_map(|table| table.id.path.first().map(String::as_str)).collect();
    let waiting = |at: usize| if at == 0 { WAITING.to_owned() } else { format!("{WAITING}_{}", at + 1) };
    names.into_iter().enumerate().map(|(at, name)| (name, waiting(at))).collect()
}

/// The schema in which a table waits.
fn waiting(cx: &Context<'_>, table: &ObjectId) -> String {
    table.path.first().and_then(|schema| schemas(cx).remove(schema.as_str())).unwrap_or_else(|| WAITING.to_owned())
}

fn place(waiting: &str) -> ObjectId {
    ObjectId::new(Kind::Schema, [waiting])
}

/// Stands for the end of a schema in which tables wait.
fn end(waiting: &str) -> ObjectId {
    ObjectId::new(Kind::Setting, [waiting])
}

/// Stands for the rows of a table being where they belong.
fn copied(id: &ObjectId) -> ObjectId {
    stands_for("rows", id)
}

/// The topmost partitioned table above a table of the base that is rebuilt too, if there is one.
fn root<'a>(cx: &Context<'a>, object: &'a Object) -> &'a Object {
    let mut at = object;
    while at.text("partition_of").is_some() {
        match table::parents(&cx.base, at).next() {
            Some(parent) if cx.replaced.contains(&parent.id) => at = parent,
            _ => break,
        }
    }
    at
}

/// Whether a table of the base is moved away instead of being dropped at once.
pub fn is_moved(cx: &Context<'_>, object: &Object) -> bool {
    object.id.kind == Kind::Table && (cx.replaced.contains(&object.id) || cx.replaced.contains(&root(cx, object).id))
}

/// Whether only the rows of a tree of partitions wait: a key of theirs holds what goes before its successor can be made.
fn only_rows_wait(cx: &Context<'_>, top: &Object) -> bool {
    let goes = |need: &ObjectId| {
        matches!(need.kind, Kind::OperatorClass | Kind::OperatorFamily | Kind::Function | Kind::Operator | Kind::Collation)
            && cx.vanishes(need)
    };
    std::iter::once(top).chain(table::offspring(&cx.base, &top.id)).any(|table| table.needs.iter().any(goes))
}

/// Stands for rows waiting in a table of their own.
fn set_aside(id: &ObjectId) -> ObjectId {
    stands_for("set aside", id)
}

/// Sequences of a table's columns whose position goes on.
fn sequences<'a>(cx: &Context<'a>, after: &Object) -> Vec<(&'a Object, &'a Object)> {
    let columns = cx.target.parts_of(&after.id, Kind::Column);
    let of = |column: &'a Object| {
        let goes_on = |sequence: &&Object| cx.base.get(&sequence.id).is_some_and(|old| old.parent.is_some());
        Some((column, cx.target.parts_of(&column.id, Kind::Sequence).find(goes_on)?))
    };
    columns.filter_map(of).collect()
}

/// Copies the rows of a tree of partitions, and where its sequences stand, into plain tables, and drops it.
fn put_aside(cx: &Context<'_>, object: &Object, after: &Object, out: &mut Actions<'_>) {
    let schema = waiting(cx, &object.id);
    let (names, _) = columns(cx, object, after);
    let rows = (!names.is_empty()).then(|| (object.id.name(), names.join(", "), sql::name(object)));
    let positions = sequences(cx, after).into_iter().map(|(_, sequence)| sequence);
    let positions = positions.map(|sequence| (sequence.id.name(), "last_value, is_called".to_owned(), sql::name(sequence)));
    let below = table::offspring(&cx.base, &object.id);
    for (name, what, from) in rows.into_iter().chain(positions) {
        let text = format!("CREATE TABLE {} AS SELECT {what} FROM {from}", sql::qualified(&[&schema, name]));
        let action = out.other(object, Verb::Drop, text);
        action.needs.push(place(&schema));
        action.releases.push(object.id.clone());
        action.releases.extend(below.iter().map(|table| table.id.clone()));
        action.creates.push(set_aside(&object.id));
    }
}

/// Moves the old table away; the root of a tree of partitions also has its rows copied and is dropped in the end.
pub fn move_away(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let top = root(cx, object);
    let is_root = top.id == object.id;
    let partition = object.text("partition_of").filter(|_| is_root);
    if let Some(parent) = partition {
        table::detach_for_good(cx, object, parent, out);
    }
    // What changes in the tables above is none of its business any more.
    for parent in table::parents(&cx.base, object).filter(|_| object.text("partition_of").is_none()) {
        let text = format!("ALTER TABLE {} NO INHERIT {}", sql::name(object), sql::name(parent));
        let action = out.other(object, Verb::Drop, text);
        action.releases.extend(cx.base.parts_of(&parent.id, Kind::Column).map(|column| column.id.clone()));
        action.releases.extend([parent.id.clone(), object.id.clone()]);
    }
    let schema = waiting(cx, &object.id);
    let aside = only_rows_wait(cx, top);
    let action = if aside {
        let action = out.drop(object, format!("DROP TABLE {}", sql::name(object)));
        action.needs.push(set_aside(&top.id));
        action
    } else {
        let action = out.drop(object, format!("ALTER TABLE {} SET SCHEMA {schema}", sql::name(object)));
        action.needs.push(place(&schema));
        action
    };
    let mut releases = if aside { action.releases.clone() } else { std::mem::take(&mut action.releases) };
    if partition.is_some() {
        action.needs.push(table::link_gone(&object.id));
        let let_go = table::held_above(cx, object);
        releases.retain(|need| !let_go.contains(need));
        action.releases.retain(|need| !let_go.contains(need));
    }
    let old = sql::qualified(&[&schema, object.id.name()]);
    if !is_root {
        return;
    }
    // Generated columns are not copied: those whose functions go, go first.
    let goes = |need: &ObjectId| matches!(need.kind, Kind::Function | Kind::Aggregate | Kind::Operator) && cx.vanishes(need);
    releases.retain(|need| !goes(need));
    for column in cx.base.parts_of(&object.id, Kind::Column).filter(|column| !aside && column.text("generated").is_some()) {
        if column.needs.iter().any(goes) {
            let text = format!("ALTER TABLE {} DROP COLUMN {}", sql::name(object), sql::ident(column.id.name()));
            let action = out.other(column, Verb::Drop, text);
            action.releases.extend(column.needs.iter().cloned().chain([object.id.clone()]));
            action.needs.extend(partition.map(|_| table::link_gone(&object.id)));
            action.destroys.push(column.id.clone());
        }
    }
    if aside {
        // The types of the rows that wait are all that holds anything.
        releases.clear();
        let columns = cx.base.parts_of(&object.id, Kind::Column);
        let types = columns.flat_map(|column| &column.needs).filter(|need| matches!(need.kind, Kind::Type | Kind::Domain));
        releases.extend(types.cloned());
    }
    let mut sources = vec![object.id.clone()];
    sources.extend(table::offspring(&cx.base, &object.id).iter().map(|child| child.id.clone()));
    let Some(after) = cx.target.get(&object.id) else { return };
    if aside {
        put_aside(cx, object, after, out);
    }
    let (names, values) = columns(cx, object, after);
    let mut marks = Vec::new();
    if !names.is_empty() {
        let overriding = if cx.target.parts_of(&after.id, Kind::Column).any(|column| column.text("identity").is_some()) {
            " OVERRIDING SYSTEM VALUE"
        } else {
            ""
        };
        let into = partition::shared_above(cx, after).unwrap_or(after);
        // Rows of tables that inherit from it stay theirs.
        let inherited = object.text("partition_key").is_none() && !table::children(&cx.base, &object.id).is_empty();
        let only = if inherited { "ONLY " } else { "" };
        let text = format!(
            "INSERT INTO {} ({}){overriding} SELECT {} FROM {only}{old}",
            sql::name(into),
            names.join(", "),
            values.join(", ")
        );
        let needs: Vec<ObjectId> = std::iter::once(after)
            .chain(table::offspring(&cx.target, &into.id))
            .flat_map(|made| {
                let parts = cx.target.parts_of(&made.id, Kind::Column).map(|column| column.id.clone());
                parts.chain([made.id.clone(), table::link(made)]).collect::<Vec<_>>()
            })
            .collect();
        let action = out.other(after, Verb::Alter, text);
        action.needs.extend(needs);
        action.creates.push(copied(&after.id));
        marks.push(copied(&after.id));
    }
    let sequences = sequences(cx, after);
    for (column, sequence) in &sequences {
        let old = sql::qualified(&[&schema, sequence.id.name()]);
        let text = format!("SELECT pg_catalog.setval({}, last_value, is_called) FROM {old}", sql::literal(&sql::name(sequence)));
        let mark = copied(&sequence.id);
        let action = out.other(after, Verb::Alter, text);
        action.needs.push(sequence.id.clone());
        action.needs.push(column.id.clone());
        action.creates.push(mark.clone());
        marks.push(mark);
    }
    let gone = ObjectId::new(Kind::Table, [&schema, object.id.name()]);
    let mut waiting_tables: Vec<String> = if aside && names.is_empty() { Vec::new() } else { vec![old] };
    if aside {
        waiting_tables.extend(sequences.iter().map(|(_, sequence)| sql::qualified(&[&schema, sequence.id.name()])));
    }
    if waiting_tables.is_empty() {
        return;
    }
    let action = out.other(object, Verb::Drop, format!("DROP TABLE {}", waiting_tables.join(", ")));
    action.needs.extend(marks);
    action.needs.push(after.id.clone());
    let moved = |need: ObjectId| match cx.base.get(&need) {
        Some(table) if is_moved(cx, table) => ObjectId::new(Kind::Table, [&waiting(cx, &table.id), table.id.name()]),
        _ => cx.old(&need),
    };
    action.releases.extend(releases.into_iter().filter(|need| !sources.contains(need)).map(moved));
    // Its partitions go with it, each from where it waits.
    action.releases.extend(sources.iter().map(|table| end(&waiting(cx, table))));
    action.destroys.push(gone);
}

/// Columns that both have, and what is selected for them.
fn columns(cx: &Context<'_>, before: &Object, after: &Object) -> (Vec<String>, Vec<String>) {
    let mut names = Vec::new();
    let mut values = Vec::new();
    for column in cx.target.parts_of(&after.id, Kind::Column).filter(|column| column.text("generated").is_none()) {
        if let Some(old) = cx.base.parts_of(&before.id, Kind::Column).find(|old| old.id == column.id) {
            names.push(sql::ident(column.id.name()));
            values.push(column::conversion(cx, old, column));
        }
    }
    (names, values)
}

/// Makes and drops the schema, when anything waits in it, and lets keys that refer elsewhere and triggers come after the rows.
pub fn frame(cx: &Context<'_>, out: &mut Actions<'_>) {
    let rebuilt: Vec<&Object> = cx.replaced.iter().filter(|id| id.kind == Kind::Table).filter_map(|id| cx.target.get(id)).collect();
    if rebuilt.is_empty() {
        return;
    }
    for schema in schemas(cx).into_values() {
        let action = out.other(&Object::new(place(&schema)), Verb::Create, format!("CREATE SCHEMA {schema}"));
        action.creates.push(place(&schema));
        let last = ObjectId::new(Kind::Schema, [schema.as_str(), "end"]);
        let action = out.other(&Object::new(last), Verb::Drop, format!("DROP SCHEMA {schema}"));
        action.destroys.push(end(&schema));
    }
    let marks: Vec<ObjectId> = rebuilt.iter().map(|table| copied(&table.id)).collect();
    for action in &mut out.all {
        let late = matches!(action.subject.kind, Kind::Constraint | Kind::Trigger | Kind::Rule | Kind::MaterializedView)
            && (action.creates.contains(&action.subject) || online::constraint::is_of_partition(action));
        let key = cx.target.get(&action.subject).is_none_or(|part| match part.text("form") {
            Some("p" | "u" | "x") => true,
            // Partitions must have it before they are attached, unless it comes to them afterwards.
            Some("c") => !cx.split.contains(&part.id),
            _ => false,
        });
        if late && !(action.subject.kind == Kind::Constraint && key) {
            action.needs.extend(marks.iter().cloned());
        }
    }
}
