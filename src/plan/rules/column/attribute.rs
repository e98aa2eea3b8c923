//! Attributes of composite types, and the columns that tables of such a type have by them.

use super::{
    super::{
        super::{
            native::{Actions, Context},
            sql,
        },
        table,
    },
    alter_whole, collate,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub(super) fn of_type(object: &Object) -> bool {
    object.parent.as_ref().is_some_and(|whole| whole.kind == Kind::Type)
}

/// Whether a statement on the type of its typed table reaches this column.
pub(super) fn follows_type(cx: &Context<'_>, column: &Object) -> bool {
    column.parent.as_ref().is_some_and(|whole| table::stays_typed(cx, whole))
}

/// The same column of all tables of a type, for an attribute of it.
fn typed_below(cx: &Context<'_>, attribute: &Object) -> Vec<ObjectId> {
    let tables = attribute.parent.iter().flat_map(|whole| table::typed_by(cx, whole));
    tables.map(|table| table.id.part(Kind::Column, attribute.id.name())).collect()
}

/// What must have been let go before an attribute of a type changes: tables that are no longer of it.
fn typed_no_longer(cx: &Context<'_>, attribute: &Object) -> Vec<ObjectId> {
    let Some(whole) = &attribute.parent else { return Vec::new() };
    let tables = cx.base.dependents(whole).iter().filter(|table| table.text("of_type").is_some());
    tables.filter(|table| !cx.vanishes(&table.id)).map(|table| table::link_gone(&table.id)).collect()
}

pub(super) fn create(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let (name, kind, collation) = (sql::ident(object.id.name()), object.text("type").unwrap_or_default(), collate(object));
    let action = out.create(object, format!("{} ADD ATTRIBUTE {name} {kind}{collation} CASCADE", alter_whole(object)));
    action.creates.extend(typed_below(cx, object));
    action.needs.extend(typed_no_longer(cx, object));
}

pub(super) fn alter(cx: &Context<'_>, after: &Object, change: &Change, out: &mut Actions<'_>) {
    if change.concerns("type") || change.concerns("collation") {
        let (name, kind, collation) = (sql::ident(after.id.name()), after.text("type").unwrap_or_default(), collate(after));
        let text = format!("{} ALTER ATTRIBUTE {name} TYPE {kind}{collation} CASCADE", alter_whole(after));
        let action = out.alter(after, text);
        action.alters.extend(typed_below(cx, after));
        action.needs.extend(typed_no_longer(cx, after));
    }
}

pub(super) fn drop(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let text = format!("{} DROP ATTRIBUTE {} CASCADE", alter_whole(object), sql::ident(object.id.name()));
    let action = out.drop(object, text);
    action.destroys.extend(typed_below(cx, object));
    action.needs.extend(typed_no_longer(cx, object));
}
