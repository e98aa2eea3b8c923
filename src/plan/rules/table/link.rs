//! How a table comes below another, and leaves it: INHERIT and ATTACH PARTITION, NO INHERIT and DETACH PARTITION.

use super::{
    super::{
        super::{
            native::{Actions, Context, Verb, stands_for},
            online, sql,
        },
        constraint, index, partition,
    },
    checks::{add_inherited_checks, constraints_above, dropped_alone, inherited_checks},
    inheritance::{children, parents},
};
use crate::catalog::{Kind, Object, ObjectId};

/// Stands for a table's place below its parent.
pub fn link(child: &Object) -> ObjectId {
    stands_for("partition", &child.id)
}

/// Stands for a table's old place below its parent being free.
pub fn link_gone(child: &ObjectId) -> ObjectId {
    stands_for("partition free", child)
}

/// ATTACH PARTITION, after the keys and indexes of both, so that they find each other and nothing is made by itself.
pub(super) fn attach(cx: &Context<'_>, child: &Object, out: &mut Actions<'_>) {
    let (Some(parent), Some(bound)) = (child.text("partition_of"), child.text("partition_bound")) else { return };
    let checks = if cx.appears(&child.id) { Vec::new() } else { add_inherited_checks(cx, child, out) };
    let later = index::unmatched_above(cx, child);
    let needed: Vec<ObjectId> = parents(&cx.target, child)
        .chain(std::iter::once(child))
        .flat_map(|table| {
            let own = table.id == child.id;
            let keys = cx.target.parts_of(&table.id, Kind::Constraint);
            let keys = keys.filter(|key| key.text("form") != Some("f") && !cx.split.contains(&key.id));
            let indexes = cx
                .target
                .parts_of(&table.id, Kind::Index)
                .filter(|index| !index::mistakable(cx, index) && (own || !index::comes_late(cx, index)));
            let parts = keys.chain(indexes).chain(cx.target.parts_of(&table.id, Kind::Column));
            let parts = parts.filter(|part| !later.iter().any(|index| index.id == part.id));
            // An index of its own that is not valid would not be found.
            let whole = |part: &Object| if own { index::valid(cx, &part.id) } else { Vec::new() };
            let parts = parts.flat_map(|part| [vec![part.id.clone()], whole(part)].concat());
            parts.chain(std::iter::once(table.id.clone())).collect::<Vec<_>>()
        })
        .collect();
    let tables = parents(&cx.target, child).chain(std::iter::once(child));
    let dropped = tables.flat_map(|table| cx.base.parts_of(&table.id, Kind::Column)).filter(|column| cx.vanishes(&column.id));
    let dropped: Vec<ObjectId> = dropped.map(|column| constraint::gone(&column.id)).collect();
    let fitting = online::partition::before_attach(cx, child, out);
    let rows = partition::gather(cx, child, out);
    let action = out.alter(child, format!("ALTER TABLE ONLY {parent} ATTACH PARTITION {} {bound}", sql::name(child)));
    action.needs.extend(needed);
    action.needs.extend(dropped);
    action.needs.extend(fitting);
    action.needs.extend(rows);
    action.needs.extend(checks);
    action.releases.clear();
    // A partition of the same parent that makes room goes, or is detached, first.
    action.creates.push(link(child));
    action.position = 1;
    for sibling in parents(&cx.target, child).flat_map(|parent| children(&cx.base, &parent.id)) {
        action.needs.push(link_gone(&sibling.id));
    }
}

/// DETACH PARTITION, and what only came from the parent and is not wanted goes.
pub(super) fn detach(cx: &Context<'_>, before: &Object, after: &Object, parent: &str, out: &mut Actions<'_>) {
    // An interrupted one is brought to its end.
    let pending = before.flag("detach_pending");
    let detach = format!("ALTER TABLE {parent} DETACH PARTITION {}{}", sql::name(before), if pending { " FINALIZE" } else { "" });
    let action = out.other(after, Verb::Drop, detach.clone());
    action.releases.extend(parents(&cx.base, before).map(|parent| parent.id.clone()));
    action.needs.extend(dropped_above(cx, before));
    action.creates.push(link_gone(&before.id));
    if !pending && online::partition::leaves_concurrently(cx, before) {
        online::partition::concurrently(action, &detach);
        online::partition::drop_leftover(cx, before, link_gone(&before.id), out);
    }
    leftovers(cx, before, after, &link_gone(&before.id), out);
}

/// Marks of constraints that are dropped above: as long as this is a partition they go here too.
fn dropped_above(cx: &Context<'_>, before: &Object) -> Vec<ObjectId> {
    let above = parents(&cx.base, before).flat_map(|parent| cx.base.parts_of(&parent.id, Kind::Constraint).collect::<Vec<_>>());
    above
        .filter(|part| matches!(part.text("form"), Some("c" | "f")) && dropped_alone(cx, part))
        .chain(partition::keys_that_see(cx, before).into_iter().filter(|key| cx.vanishes(&key.id)))
        .map(|part| constraint::gone(&part.id))
        .collect()
}

/// DETACH PARTITION of a table that goes.
pub fn detach_for_good(cx: &Context<'_>, object: &Object, parent: &str, out: &mut Actions<'_>) {
    let detach = format!("ALTER TABLE {parent} DETACH PARTITION {}", sql::name(object));
    let action = out.other(object, Verb::Drop, detach.clone());
    action.releases.extend(parents(&cx.base, object).map(|parent| parent.id.clone()));
    action.releases.extend(held_above(cx, object));
    action.needs.extend(dropped_above(cx, object));
    action.creates.push(link_gone(&object.id));
    if online::partition::leaves_concurrently(cx, object) {
        online::partition::concurrently(action, &detach);
    }
}

/// Keys, indexes and triggers of the table above that those of a partition of the base are parts of.
pub fn held_above(cx: &Context<'_>, object: &Object) -> Vec<ObjectId> {
    let above: Vec<&ObjectId> = parents(&cx.base, object).map(|parent| &parent.id).collect();
    let parts = cx.base.descendants(&object.id);
    let held = parts.iter().flat_map(|part| &part.needs).filter(|need| {
        let whole = cx.base.get(need).and_then(|need| need.parent.as_ref());
        matches!(need.kind, Kind::Constraint | Kind::Index | Kind::Trigger) && whole.is_some_and(|whole| above.contains(&whole))
    });
    held.cloned().collect()
}

/// Constraints that a table keeps when it is no longer a child and that the target's table does not have.
fn leftovers(cx: &Context<'_>, before: &Object, after: &Object, need: &ObjectId, out: &mut Actions<'_>) {
    for name in before.list("inherited_constraints") {
        // A check of the same name that says something else above is made again for the new parent.
        let inherited = inherited_checks(cx, after);
        let own = cx.target.get(&after.id.part(Kind::Constraint, name));
        let other =
            inherited.iter().find(|(check, _)| check == name).map(|(_, new)| *new).or(own).is_some_and(|new| {
                constraints_above(cx, before, name).any(|check| check.text("definition") != new.text("definition"))
            });
        let wanted = !other && (own.is_some() || after.list("inherited_constraints").contains(name));
        if before.text("partition_of").is_some() && constraints_above(cx, before, name).any(|part| dropped_alone(cx, part)) {
            continue;
        }
        // A foreign key that goes with the old parent: the one of this name that comes with the new parent is another.
        let old_key = constraints_above(cx, before, name).find(|key| key.text("form") == Some("f") && cx.vanishes(&key.id));
        if !wanted || old_key.is_some() {
            // One that looks up its own table goes with the partition, or stays, as the minor version has it.
            let of_itself = |key: &Object| constraint::looked_up(key).is_some_and(|table| Some(&table) == key.parent.as_ref());
            let own_rows = constraints_above(cx, before, name).any(|key| key.text("form") == Some("f") && of_itself(key));
            let exists = if own_rows { "IF EXISTS " } else { "" };
            let action = out.alter(after, format!("ALTER TABLE {} DROP CONSTRAINT {exists}{}", sql::name(after), sql::ident(name)));
            action.needs = vec![need.clone()];
            action.releases.clear();
            action.destroys.push(after.id.part(Kind::Constraint, name));
            if let Some(key) = old_key {
                action.releases.extend(key.needs.iter().cloned());
                action.releases.extend(constraint::seen_below(&cx.base, key));
            }
        }
    }
}

/// INHERIT and NO INHERIT, where the tables above differ.
pub(super) fn inherit(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let name = sql::name(after);
    let rejoined = |parent: &String| {
        parents(&cx.base, before).any(|table| sql::qualified(&table.id.path) == *parent && cx.vanishes(&table.id))
    };
    for parent in before.list("inherits").iter().filter(|parent| !after.list("inherits").contains(parent) || rejoined(parent)) {
        let action = out.other(after, Verb::Drop, format!("ALTER TABLE {name} NO INHERIT {parent}"));
        action.releases.extend(parents(&cx.base, before).map(|table| table.id.clone()));
        action.creates.push(link_gone(&before.id));
        leftovers(cx, before, after, &link_gone(&before.id), out);
    }
    for parent in after.list("inherits").iter().filter(|parent| !before.list("inherits").contains(parent) || rejoined(parent)) {
        let columns: Vec<ObjectId> = cx
            .target
            .parts_of(&after.id, Kind::Column)
            .chain(parents(&cx.target, after).flat_map(|table| cx.target.parts_of(&table.id, Kind::Column).collect::<Vec<_>>()))
            .map(|part| part.id.clone())
            .collect();
        let checks = add_inherited_checks(cx, after, out);
        let action = out.alter(after, format!("ALTER TABLE {name} INHERIT {parent}"));
        action.needs.extend(checks);
        action.needs.extend(columns);
        action.position = 1;
    }
}

/// Whether a partition of the base is not dropped as it is: foreign keys see it.
pub(super) fn is_seen_by_keys(cx: &Context<'_>, object: &Object) -> bool {
    let keys = parents(&cx.base, object).flat_map(|parent| {
        cx.base.parts_of(&parent.id, Kind::Constraint).chain(cx.base.parts_of(&parent.id, Kind::Index)).collect::<Vec<_>>()
    });
    keys.flat_map(|key| cx.base.dependents(&key.id)).any(|user| user.text("form") == Some("f") && !cx.vanishes(&user.id))
}
