//! The same column of tables above and below, and which statement reaches which.

use super::super::{
    super::native::{Context, Side},
    table,
};
use crate::catalog::{Kind, Object, ObjectId};

/// Whether a column of a table has a definition of its own, and is not just what its parent table has.
pub fn stands_alone(cx: &Context<'_>, column: &Object) -> bool {
    let partition =
        column.parent.as_ref().and_then(|whole| cx.target.get(whole)).is_some_and(|whole| whole.text("partition_of").is_some());
    partition || column.flag("local") || column.integer("inherited") == Some(0)
}

/// Whether a statement on the parent table reaches this column, so that it gets none of its own.
pub(super) fn follows_parent(cx: &Context<'_>, column: &Object) -> bool {
    let held = |whole: &ObjectId| {
        table::kept_parents(cx, whole).iter().any(|parent| {
            let above = parent.id.part(Kind::Column, column.id.name());
            cx.target.get(&above).or_else(|| cx.base.get(&above)).is_some()
        })
    };
    column.integer("inherited").unwrap_or_default() > 0 && column.parent.as_ref().is_some_and(held)
}

/// The same column of the tables above.
pub(super) fn above<'a>(side: &Side<'a>, column: &Object) -> Vec<&'a Object> {
    let Some(whole) = column.parent.as_ref().and_then(|whole| side.get(whole)) else { return Vec::new() };
    let same = |parent: &Object| side.get(&parent.id.part(Kind::Column, column.id.name()));
    table::parents(side, whole).filter_map(same).collect()
}

/// The same column of all tables below.
pub(super) fn below(side: &Side<'_>, column: &Object) -> Vec<ObjectId> {
    let Some(whole) = &column.parent else { return Vec::new() };
    table::offspring(side, whole)
        .into_iter()
        .map(|child| child.id.part(Kind::Column, column.id.name()))
        .filter(|id| side.get(id).is_some())
        .collect()
}

/// Columns of tables below that go, and come again, with this one, which is dropped and made again.
pub fn followers(cx: &Context<'_>, id: &ObjectId) -> Vec<ObjectId> {
    let Some(column) = cx.base.get(id).filter(|column| column.id.kind == Kind::Column && cx.replaced.contains(id)) else {
        return Vec::new();
    };
    let follows = |id: &ObjectId| cx.target.get(id).is_some_and(|child| follows_parent(cx, child)) && !cx.vanishes(id);
    below(&cx.base, column).into_iter().filter(follows).collect()
}
