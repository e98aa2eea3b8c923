//! Defaults of columns.

use super::super::{
    super::{
        native::{Actions, Context, Rule},
        sql,
    },
    table,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct DefaultRule;

/// Whether a parent table has the same default, so that a child gets it from there.
pub(super) fn of_parent(cx: &Context<'_>, column: &Object, default: &Object) -> bool {
    let Some(whole) = column.parent.as_ref().and_then(|whole| cx.target.get(whole)) else { return false };
    table::parents(&cx.target, whole).any(|parent| {
        let same = cx.target.get(&parent.id.part(Kind::Default, column.id.name()));
        same.is_some_and(|same| same.attributes == default.attributes)
    })
}

/// `ALTER TABLE name`, with ONLY where tables below have columns of their own.
fn alter_only(cx: &Context<'_>, object: &Object) -> String {
    let path = object.id.path.split_last().map_or(&[][..], |(_, whole)| whole);
    let whole = |kind| ObjectId { kind, path: path.to_vec().into() };
    let is_there = |id: &ObjectId| cx.target.get(id).or(cx.base.get(id)).is_some();
    let name = sql::qualified(path);
    if is_there(&whole(Kind::View)) {
        return format!("ALTER VIEW {name}");
    }
    if is_there(&whole(Kind::ForeignTable)) {
        return format!("ALTER FOREIGN TABLE {name}");
    }
    let table = whole(Kind::Table);
    let alone = [&cx.target, &cx.base].into_iter().all(|side| table::children(side, &table).is_empty());
    format!("ALTER TABLE {}{name}", if alone { "" } else { "ONLY " })
}

fn set(cx: &Context<'_>, default: &Object) -> String {
    let expression = default.text("expression").unwrap_or_default();
    format!("{} ALTER COLUMN {} SET DEFAULT {expression}", alter_only(cx, default), sql::ident(default.id.name()))
}

/// ALTER COLUMN ... DROP DEFAULT.
pub fn drop_default(cx: &Context<'_>, default: &Object) -> String {
    format!("{} ALTER COLUMN {} DROP DEFAULT", alter_only(cx, default), sql::ident(default.id.name()))
}

impl Rule for DefaultRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Default]
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, set(cx, object));
    }

    fn alter(&self, cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        out.alter(after, set(cx, after));
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, drop_default(cx, object));
    }
}
