//! Typed tables, whose columns are their type's attributes.

use super::{
    super::{
        super::{
            native::{Actions, Context, Side, Verb},
            sql,
        },
        constraint,
    },
    inheritance::ends_in_other_order,
    link::link_gone,
};
use crate::catalog::{Kind, Object, ObjectId};

/// The type that a typed table is of.
fn type_of<'a>(side: &Side<'a>, table: &Object) -> Option<&'a Object> {
    let of = table.text("of_type")?;
    let types = table.needs.iter().filter(|need| need.kind == Kind::Type).filter_map(|need| side.get(need));
    types.into_iter().find(|r#type| sql::qualified(&r#type.id.path) == of)
}

/// Typed tables that stay so, and whose columns change with those of their type.
pub fn typed_by<'a>(cx: &Context<'a>, r#type: &ObjectId) -> Vec<&'a Object> {
    let tables = cx.target.dependents(r#type).iter().copied();
    tables.filter(|table| type_of(&cx.target, table).is_some_and(|of| of.id == *r#type) && stays_typed(cx, &table.id)).collect()
}

/// Whether a table is of the same type before and after, and no statement makes it let go of it.
pub fn stays_typed(cx: &Context<'_>, id: &ObjectId) -> bool {
    let (Some(before), Some(after)) = (cx.base.get(id), cx.target.get(id)) else { return false };
    after.text("of_type").is_some()
        && before.text("of_type") == after.text("of_type")
        && !cx.alters(id, "of_type")
        && !cx.appears(id)
}

/// Whether a table cannot become one of its type: OF asks for the type's columns in the type's order.
pub(super) fn typed_in_other_order(cx: &Context<'_>, after: &Object) -> bool {
    let Some(of) = type_of(&cx.target, after) else { return false };
    let names = |side: &Side<'_>, id| side.parts_of(id, Kind::Column).map(|column| column.id.name().to_owned()).collect::<Vec<_>>();
    ends_in_other_order(&names(&cx.base, &after.id), &names(&cx.target, &of.id))
}

/// NOT OF comes before any of the columns changes, OF after all of them did.
pub(super) fn change_type_of(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let table = format!("ALTER TABLE {}", sql::name(after));
    if before.text("of_type").is_some() {
        let action = out.other(after, Verb::Drop, format!("{table} NOT OF"));
        action.releases.extend(type_of(&cx.base, before).map(|of| cx.old(&of.id)));
        action.creates.push(link_gone(&before.id));
    }
    if let Some(of) = after.text("of_type") {
        let columns =
            |side: &Side<'_>, id: &ObjectId| side.parts_of(id, Kind::Column).map(|column| column.id.clone()).collect::<Vec<_>>();
        let dropped = columns(&cx.base, &after.id).into_iter().filter(|id| cx.vanishes(id)).map(|id| constraint::gone(&id));
        let parts = type_of(&cx.target, after).map(|of| columns(&cx.target, &of.id)).unwrap_or_default();
        let action = out.alter(after, format!("{table} OF {of}"));
        action.needs.extend(columns(&cx.target, &after.id));
        action.needs.extend(parts);
        action.needs.extend(dropped);
        action.releases.clear();
    }
}
