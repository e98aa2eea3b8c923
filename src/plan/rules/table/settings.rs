//! What is set on a table: storage parameters, whether it is logged, row security, and the index that it is clustered on or identified by.

use super::super::{
    super::{
        native::{Actions, Context, stands_for},
        sql,
    },
    sequence, user_catalog,
};
use crate::catalog::{Kind, Object, ObjectId};

/// SET and RESET of storage parameters. What is set stands last: so that all stand in the target's order, what stays and comes after
/// something that is set is set too.
pub fn set_options(table: &str, before: &Object, after: &Object, attribute: &str, out: &mut Actions<'_>) {
    let (old, new) = (before.list(attribute), after.list(attribute));
    let mut there = old.iter();
    let stay = new.iter().take_while(|option| there.any(|other| other == *option)).count();
    let set: Vec<String> = new.iter().skip(stay).map(|option| sql::option(option)).collect();
    let reset: Vec<String> = old
        .iter()
        .map(|option| sql::option_name(option))
        .filter(|name| !new.iter().any(|kept| sql::option_name(kept) == *name))
        .map(sql::option)
        .collect();
    if !set.is_empty() {
        out.alter(after, format!("{table} SET ({})", set.join(", ")));
    }
    if !reset.is_empty() {
        out.alter(after, format!("{table} RESET ({})", reset.join(", ")));
    }
}

/// Options of what is stored apart, which are taken only where the table has a column that may be.
pub(super) fn set_toast_options(cx: &Context<'_>, table: &str, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let first = out.all.len();
    set_options(table, before, after, "toast_options", out);
    let columns: Vec<ObjectId> = cx.target.parts_of(&after.id, Kind::Column).map(|column| column.id.clone()).collect();
    for action in out.all.iter_mut().skip(first) {
        action.needs.extend(columns.iter().cloned());
    }
}

/// Stands for a table being logged, or not, as the target has it.
fn persisted(id: &ObjectId) -> ObjectId {
    stands_for("persisted", id)
}

/// What a table that becomes unlogged comes after, or one that no longer is: no logged table may refer to one that is not.
fn persisted_before(cx: &Context<'_>, after: &Object) -> Vec<ObjectId> {
    let key = |part: &&&Object| part.text("form") == Some("f");
    let tables: Vec<ObjectId> = if after.flag("unlogged") {
        let users = cx.base.parts(&after.id).iter().flat_map(|part| cx.base.dependents(&part.id));
        users.filter(key).filter_map(|key| key.parent.clone()).collect()
    } else {
        let needs = cx.base.parts(&after.id).iter().filter(key).flat_map(|key| &key.needs);
        needs.filter_map(|need| cx.base.get(need)?.parent.clone()).collect()
    };
    tables.iter().map(persisted).collect()
}

/// Makes a table unlogged, or logged again.
pub(super) fn change_persistence(cx: &Context<'_>, after: &Object, out: &mut Actions<'_>) {
    let how = if after.flag("unlogged") { "UNLOGGED" } else { "LOGGED" };
    let action = out.alter(after, format!("ALTER {} {} SET {how}", sql::noun(after.id.kind), sql::name(after)));
    action.prefers.extend(persisted_before(cx, after));
    action.creates.extend([persisted(&after.id), user_catalog::rewritten(&after.id)]);
    sequence::keep_persistence(cx, after, out);
}

/// Row security, and whether it holds for the owner too.
pub(super) fn security(object: &Object, attribute: &str, out: &mut Actions<'_>) {
    let fresh = out.makes(&object.id);
    let what = match (attribute, object.flag(attribute)) {
        (_, false) if fresh => return,
        ("row_security", true) => "ENABLE",
        ("row_security", false) => "DISABLE",
        (_, true) => "FORCE",
        (_, false) => "NO FORCE",
    };
    out.alter(object, format!("ALTER TABLE {} {what} ROW LEVEL SECURITY", sql::name(object)));
}

/// CLUSTER ON and REPLICA IDENTITY USING INDEX, when the target's table names the index or constraint that was just made.
pub fn marks(cx: &Context<'_>, index: &ObjectId, table: &Object, out: &mut Actions<'_>) {
    for attribute in ["cluster_on", "replica_identity"] {
        if named_index(table, attribute) != Some(index.name()) {
            continue;
        }
        let action = out.alter(table, mark(table, attribute, index.name()));
        action.needs.push(index.clone());
        action.needs.extend(cx.target.get(index).into_iter().flat_map(|index| index.needs.iter().cloned()));
        action.releases.clear();
    }
}

/// The index that a table is clustered on, or identified by.
fn named_index<'a>(table: &'a Object, attribute: &str) -> Option<&'a str> {
    let text = table.text(attribute)?;
    if attribute == "cluster_on" { Some(text) } else { text.strip_prefix("index ") }
}

fn mark(table: &Object, attribute: &str, index: &str) -> String {
    let (name, index) = (sql::name(table), sql::ident(index));
    match attribute {
        "cluster_on" => format!("ALTER TABLE {name} CLUSTER ON {index}"),
        _ => format!("ALTER TABLE ONLY {name} REPLICA IDENTITY USING INDEX {index}"),
    }
}

/// The same for an index that is there already; what the plan makes brings its marks itself.
fn existing_mark(cx: &Context<'_>, table: &Object, attribute: &str, out: &mut Actions<'_>) {
    let Some(name) = named_index(table, attribute) else { return };
    let index = cx
        .target
        .parts(&table.id)
        .iter()
        .find(|part| matches!(part.id.kind, Kind::Index | Kind::Constraint) && part.id.name() == name);
    if let Some(index) = index.filter(|index| !cx.appears(&index.id)) {
        let action = out.alter(table, mark(table, attribute, name));
        action.needs.extend(index.needs.iter().cloned());
    }
}

/// Says which index a table is clustered on.
pub(super) fn change_cluster(cx: &Context<'_>, after: &Object, out: &mut Actions<'_>) {
    match after.text("cluster_on") {
        None => {
            out.alter(after, format!("ALTER {} {} SET WITHOUT CLUSTER", sql::noun(after.id.kind), sql::name(after)));
        }
        Some(_) => existing_mark(cx, after, "cluster_on", out),
    }
}

/// Says what identifies a table's rows to subscribers.
pub(super) fn change_identity(cx: &Context<'_>, after: &Object, out: &mut Actions<'_>) {
    match after.text("replica_identity") {
        None => identify(after, "DEFAULT", out),
        Some("nothing" | "full") => identify_without_index(after, out),
        Some(_) => existing_mark(cx, after, "replica_identity", out),
    }
}

/// REPLICA IDENTITY, where it names no index.
pub(super) fn identify_without_index(table: &Object, out: &mut Actions<'_>) {
    match table.text("replica_identity") {
        Some("nothing") => identify(table, "NOTHING", out),
        Some("full") => identify(table, "FULL", out),
        _ => {}
    }
}

fn identify(table: &Object, how: &str, out: &mut Actions<'_>) {
    out.alter(table, format!("ALTER TABLE ONLY {} REPLICA IDENTITY {how}", sql::name(table)));
}
