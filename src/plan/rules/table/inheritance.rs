//! Tables above and below each other, by inheritance or as partitions.

use super::super::{
    super::{
        native::{Context, Side},
        sql,
    },
    partition,
};
use crate::catalog::{Kind, Object, ObjectId};

/// Tables that this one inherits from or is a partition of.
pub fn parents<'a>(side: &Side<'a>, object: &'a Object) -> impl Iterator<Item = &'a Object> {
    let names: Vec<String> =
        object.text("partition_of").map(str::to_owned).into_iter().chain(object.list("inherits").iter().cloned()).collect();
    let found: Vec<&'a Object> = object
        .needs
        .iter()
        .filter(|need| matches!(need.kind, Kind::Table | Kind::ForeignTable))
        .filter_map(|need| side.get(need))
        .filter(|parent| names.contains(&sql::qualified(&parent.id.path)))
        .collect();
    found.into_iter()
}

/// All tables above this one, the nearest first.
pub fn ancestors<'a>(side: &Side<'a>, object: &'a Object) -> Vec<&'a Object> {
    let mut above: Vec<&Object> = parents(side, object).collect();
    let mut at = 0;
    while let Some(table) = above.get(at).copied() {
        above.extend(parents(side, table));
        at += 1;
    }
    above
}

/// Tables that inherit from this one or are its partitions.
pub fn children<'a>(side: &Side<'a>, id: &ObjectId) -> Vec<&'a Object> {
    let name = sql::qualified(&id.path);
    side.dependents(id)
        .iter()
        .copied()
        .filter(|child| child.text("partition_of") == Some(name.as_str()) || child.list("inherits").contains(&name))
        .collect()
}

/// Children, their children, and so on.
pub fn offspring<'a>(side: &Side<'a>, id: &ObjectId) -> Vec<&'a Object> {
    let mut all = children(side, id);
    let mut at = 0;
    while let Some(child) = all.get(at).copied() {
        for next in children(side, &child.id) {
            if !all.iter().any(|known| known.id == next.id) {
                all.push(next);
            }
        }
        at += 1;
    }
    all
}

/// Tables that this one is below, before and after, and whose hold on it no statement loosens; of the target.
pub fn kept_parents<'a>(cx: &'a Context<'_>, id: &ObjectId) -> Vec<&'a Object> {
    let (Some(before), Some(after)) = (cx.base.get(id), cx.target.get(id)) else { return Vec::new() };
    if partition::relinked(cx, id) || cx.appears(id) {
        return Vec::new();
    }
    let was = |parent: &&Object| parents(&cx.base, before).any(|old| old.id == parent.id) && !cx.vanishes(&parent.id);
    parents(&cx.target, after).filter(was).collect()
}

/// Whether the table is, before and after, a child of the same table, and neither made nor dropped by the plan.
pub fn stays_child(cx: &Context<'_>, id: &ObjectId) -> bool {
    !kept_parents(cx, id).is_empty()
}

/// Whether a column of the target would be its table's own, beside being inherited, by what ALTER TABLE can do: one that was there stays
/// as it was, unless no table above had it for a while; a new one comes from a table above that stays above.
fn own_afterwards(cx: &Context<'_>, column: &Object) -> bool {
    let Some(whole) = &column.parent else { return true };
    let held = kept_parents(cx, whole).iter().any(|parent| {
        let above = parent.id.part(Kind::Column, column.id.name());
        cx.target.get(&above).is_some() && (cx.base.get(&column.id).is_none() || cx.base.get(&above).is_some())
    });
    !held || cx.base.get(&column.id).is_some_and(|old| old.flag("local"))
}

/// Whether a child's inherited columns would not be what the target says of them: a column's own, too, or only inherited.
pub fn is_own_otherwise(cx: &Context<'_>, after: &Object) -> bool {
    let inherited = |column: &&Object| column.integer("inherited").unwrap_or_default() > 0;
    !after.list("inherits").is_empty()
        && cx
            .target
            .parts_of(&after.id, Kind::Column)
            .filter(inherited)
            .any(|column| own_afterwards(cx, column) != column.flag("local"))
}

/// Whether the tables above would stand in another order than the target's.
pub(super) fn parents_are_reordered(before: &Object, after: &Object) -> bool {
    ends_in_other_order(before.list("inherits"), after.list("inherits"))
}

/// Whether what stays of the old, and after it what is new, would stand in another order than the new.
pub(super) fn ends_in_other_order(old: &[String], new: &[String]) -> bool {
    let kept = old.iter().filter(|name| new.contains(name));
    kept.chain(new.iter().filter(|name| !old.contains(name))).ne(new)
}
