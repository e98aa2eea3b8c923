//! Partitions: attached after a check has shown that their rows fit, detached concurrently.
//!
//! Postgres has no such way for detaching where there is a default partition or before version 14, nor for partitioning anew. Hash partitions
//! are attached and detached plainly: what their rows fulfil cannot be written down for another database.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        Recovery,
        native::{Action, Actions, Context, Stage, Verb, stands_for},
        rules::{partition, table},
        sql,
    },
    constraint, in_use, slow,
};
use crate::catalog::{Kind, Object, ObjectId};

/// What a partition's rows fulfil, where that means the same in another database: a hash partition's names its table by OID.
fn fitting(child: &Object) -> Option<&str> {
    child.text("partition_constraint").filter(|text| !text.contains("satisfies_hash_partition("))
}

/// Shows beforehand that the rows of a table fit what they will have to; answers with what stands for that having been done. The check is
/// dropped when `ends` are there.
fn check(cx: &Context<'_>, child: &Object, ends: Vec<ObjectId>, out: &mut Actions<'_>) -> Option<ObjectId> {
    let plain = in_use(cx, &child.id) && !partition::may_lose(cx, child) && !gets_partitions(cx, child);
    let fits = fitting(child).filter(|_| plain)?;
    let (start, name) = (format!("ALTER TABLE {}", sql::name(child)), sql::ident(&fits_name(child)));
    let (added, validated) = (stands_for("bounds checked", &child.id), stands_for("bounds validated", &child.id));
    let columns: Vec<ObjectId> =
        cx.target.parts(&child.id).iter().map(|part| part.id.clone()).filter(|id| id.kind == Kind::Column).collect();
    let action = out.other(child, Verb::Alter, format!("{start} ADD CONSTRAINT {name} CHECK ({fits}) NOT VALID"));
    action.needs.extend(columns);
    action.creates.push(added.clone());
    action.stage = Stage::Early;
    let action = out.other(child, Verb::Alter, format!("{start} VALIDATE CONSTRAINT {name}"));
    action.needs.push(added);
    action.creates.push(validated.clone());
    slow(action, Stage::Early);
    let action = out.other(child, Verb::Alter, format!("{start} DROP CONSTRAINT {name}"));
    action.needs.extend(ends);
    action.needs.push(validated.clone());
    // After everything else about the table.
    action.position = i64::MAX;
    // What leaves it in the meantime keeps the check.
    for below in table::offspring(&cx.base, &child.id) {
        if cx.vanishes(&below.id) || table::stays_child(cx, &below.id) {
            continue;
        }
        let text = format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {name}", sql::name(below));
        let action = out.other(below, Verb::Alter, text);
        action.needs.extend([validated.clone(), table::link_gone(&below.id)]);
        action.creates.push(rid_of_check(&below.id));
    }
    Some(validated)
}

/// Stands for a table that left another having no check of it any more.
fn rid_of_check(table: &ObjectId) -> ObjectId {
    stands_for("bounds above unchecked", table)
}

/// Whether a table gets partitions: a check that it has for a while would have to be theirs too.
fn gets_partitions(cx: &Context<'_>, table: &Object) -> bool {
    let below = table::children(&cx.target, &table.id).into_iter();
    below.filter(|child| child.text("partition_of").is_some()).any(|child| !table::stays_child(cx, &child.id))
}

fn fits_name(child: &Object) -> String {
    sql::interim(child.id.name(), "fits")
}

/// What must be there before a partition is attached, so that no row is read then: of itself, and of the default partition.
pub fn before_attach(cx: &Context<'_>, child: &Object, out: &mut Actions<'_>) -> Vec<ObjectId> {
    let mut needs: Vec<ObjectId> = check(cx, child, vec![table::link(child)], out).into_iter().collect();
    if in_use(cx, &child.id) {
        needs.extend(constraint::before_attach(cx, child, out));
    }
    if cx.options.online {
        // Detaching may take long, and comes late of itself.
        needs.extend([table::link_gone(&child.id), rid_of_check(&child.id)]);
    }
    needs.extend(default_partition(cx, child).map(|default| stands_for("bounds validated", &default.id)));
    needs
}

/// The default partition beside this one, when it is there before and after.
fn default_partition<'a>(cx: &Context<'a>, child: &'a Object) -> Option<&'a Object> {
    let default = |sibling: &&Object| sibling.text("partition_bound") == Some("DEFAULT") && sibling.id != child.id;
    let found = table::parents(&cx.target, child).flat_map(|parent| table::children(&cx.target, &parent.id)).find(default)?;
    (in_use(cx, &found.id) && table::stays_child(cx, &found.id)).then_some(found)
}

/// Shows that default partitions hold no rows of those that are attached beside them.
pub fn defaults(cx: &Context<'_>, out: &mut Actions<'_>) {
    let mut beside: BTreeMap<&ObjectId, Vec<ObjectId>> = BTreeMap::new();
    for action in &out.all {
        let child = cx.target.get(&action.subject).filter(|child| action.creates.contains(&table::link(child)));
        if let Some((default, child)) = child.and_then(|child| Some((default_partition(cx, child)?, child))) {
            beside.entry(&default.id).or_default().push(table::link(child));
        }
    }
    for (id, ends) in beside {
        if let Some(default) = cx.target.get(id) {
            check(cx, default, ends, out);
        }
    }
}

/// Whether a partition that leaves its table can do so concurrently.
pub fn leaves_concurrently(cx: &Context<'_>, child: &Object) -> bool {
    let mut parents = table::parents(&cx.base, child);
    let stays = |parent: &Object| {
        cx.target.get(&child.id).is_some_and(|after| after.text("partition_of") == Some(sql::name(parent).as_str()))
    };
    parents.next().is_some_and(|parent| {
        let has_default =
            table::children(&cx.base, &parent.id).iter().any(|sibling| sibling.text("partition_bound") == Some("DEFAULT"));
        cx.base.catalog.server_version >= 140_000
            && in_use(cx, &parent.id)
            && !has_default
            && !stays(parent)
            // What is left behind is told by all that is above.
            && !partition::relinked(cx, &parent.id)
            && fitting(child).is_some()
    })
}

/// Has what changes in tables above a partition that leaves concurrently change after that. What is done to their columns, and the checks and
/// foreign keys that they get, a partition gets too and keeps; an index or key of theirs is not valid while a partition has none.
pub fn changes_above(cx: &Context<'_>, out: &mut Actions<'_>) {
    let mut left: BTreeMap<ObjectId, Vec<(bool, ObjectId)>> = BTreeMap::new();
    for action in out.all.iter().filter(|action| !action.transactional) {
        let child = cx.base.get(&action.subject).filter(|child| action.creates.contains(&table::link_gone(&child.id)));
        let Some(child) = child else { continue };
        for parent in table::ancestors(&cx.base, child) {
            left.entry(parent.id.clone()).or_default().push((cx.vanishes(&child.id), table::link_gone(&child.id)));
        }
    }
    if left.is_empty() {
        return;
    }
    for action in &mut out.all {
        let made = action.verb == Verb::Create && matches!(action.subject.kind, Kind::Constraint | Kind::Index);
        if !made && action.subject.kind != Kind::Column {
            continue;
        }
        let whole = cx.base.line(&action.subject).chain(cx.target.line(&action.subject)).find_map(|id| left.get(id));
        let gone = whole.into_iter().flatten().filter(|(vanishes, _)| made || !vanishes);
        action.needs.extend(gone.map(|(_, gone)| gone.clone()));
    }
}

/// Makes an action one of DETACH CONCURRENTLY, `detach` being the statement without that word.
pub fn concurrently(action: &mut Action, detach: &str) {
    action.sql = format!("{detach} CONCURRENTLY");
    action.transactional = false;
    slow(action, Stage::Late);
    action.recovery = Some(Recovery::Instead(format!("{detach} FINALIZE")));
}

/// Drops the check that DETACH CONCURRENTLY leaves in place of the partition's bounds, whatever Postgres called it. One that says the same
/// and is known by its name stays.
pub fn drop_leftover(cx: &Context<'_>, child: &Object, need: ObjectId, out: &mut Actions<'_>) {
    let (Some(fits), table) = (fitting(child), sql::name(child)) else { return };
    let mut known = BTreeSet::from([fits_name(child)]);
    for side in [&cx.base, &cx.target] {
        known.extend(side.parts_of(&child.id, Kind::Constraint).map(|own| own.id.name().to_owned()));
        known.extend(side.get(&child.id).into_iter().flat_map(|table| table.list("inherited_constraints")).cloned());
    }
    let known: Vec<String> = known.iter().map(|name| sql::literal(name)).collect();
    let body = format!(
        "
DECLARE
    found text;
BEGIN
    FOR found IN SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = {}::regclass AND contype = 'c'
        AND pg_catalog.pg_get_expr(conbin, conrelid) = {} AND conname NOT IN ({})
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE {} DROP CONSTRAINT %I', found);
    END LOOP;
END",
        sql::literal(&table),
        sql::literal(fits),
        known.join(", "),
        table.replace('%', "%%").replace('\'', "''")
    );
    let action = out.other(child, Verb::Alter, format!("DO {}", sql::dollars(&body)));
    action.needs.push(need);
}
