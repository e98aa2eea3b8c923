//! Generated columns: what they are computed from may go or change only while they are empty.

use super::{
    super::{
        super::{
            native::{Actions, Context, Verb},
            sql,
        },
        publication, user_catalog,
    },
    alter_whole,
    inheritance::{above, below, follows_parent},
    not_null,
    retype::has_cast,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

/// Whether a generated column of the base can stay where it is while what its expression needs changes: it is empty in the meantime.
pub(super) fn can_be_emptied(cx: &Context<'_>, before: &Object) -> bool {
    let Some(after) = cx.target.get(&before.id) else { return false };
    let castable = has_cast(cx, before.text("bare_type").unwrap_or_default(), after.text("bare_type").unwrap_or_default(), true);
    let held = |user: &&&Object| matches!(user.text("form"), Some("p" | "f"));
    cx.base.catalog.server_version >= 170_000
        && before.text("generated").is_some()
        && before.text("generated") == after.text("generated")
        && [before, after].iter().all(|column| column.text("type_kind") != Some("d"))
        && castable
        && cx.base.dependents(&before.id).iter().find(held).is_none()
        && cx.target.dependents(&before.id).iter().find(held).is_none()
}

pub(super) fn is_of_its_type(need: &ObjectId) -> bool {
    matches!(need.kind, Kind::Type | Kind::Domain | Kind::Collation | Kind::Extension)
}

/// Whether a column of the base keeps its values and is no longer computed, so that it needs nothing for that.
pub(super) fn keeps_values(cx: &Context<'_>, before: &Object) -> bool {
    let after = cx.target.get(&before.id).filter(|after| !follows_parent(cx, after));
    before.text("generated") == Some("STORED") && after.is_some_and(|after| after.text("generated").is_none())
}

/// Whether what a generated column of the base is computed from goes, or gets another type.
pub(super) fn is_emptied(cx: &Context<'_>, before: &Object) -> bool {
    let retyped = |need: &ObjectId| need.kind == Kind::Column && (cx.alters(need, "type") || cx.alters(need, "collation"));
    before.text("generated").is_some() && before.needs.iter().any(|need| cx.vanishes(need) || retyped(need))
}

/// Whether a change can take a column off what it needs: a routine or operator stands in its expression alone.
pub fn may_take_off(change: &Change, need: &Object) -> bool {
    let computes = matches!(need.id.kind, Kind::Function | Kind::Aggregate | Kind::Operator);
    change.object.kind != Kind::Column || !computes || change.concerns("expression") || change.concerns("generated")
}

/// Whether a table above, whose expression reaches this column too, gets another one.
pub(super) fn changes_above(cx: &Context<'_>, after: &Object) -> bool {
    above(&cx.target, after).iter().any(|parent| cx.alters(&parent.id, "expression"))
}

/// Keeps the values of a column that is no longer computed.
pub(super) fn drop_expression(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let text = format!("{} ALTER COLUMN {} DROP EXPRESSION", alter_whole(after), sql::ident(after.id.name()));
    let action = out.other(after, Verb::Drop, text);
    action.alters.push(after.id.clone());
    action.releases.extend(before.needs.iter().filter(|need| !is_of_its_type(need)).map(|need| cx.old(need)));
}

/// Changes the expression of a generated column; where what it needs goes or changes first, the column is empty in the meantime.
pub(super) fn change_expression(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let column = format!("ALTER COLUMN {}", sql::ident(after.id.name()));
    let whole = alter_whole(after);
    let expression = after.text("expression").unwrap_or_default();
    let action = if !is_emptied(cx, before) {
        out.alter(after, format!("{whole} {column} SET EXPRESSION AS ({expression})"))
    } else {
        let constraint = match (before.flag("not_null") && after.flag("not_null"), not_null::is_plainly_named(cx, after)) {
            (false, _) => String::new(),
            (true, true) => format!(", {column} SET NOT NULL"),
            (true, false) => format!(", ADD {}", not_null::constraint(after)),
        };
        let action = out.alter(after, format!("{whole} {column} SET EXPRESSION AS ({expression}){constraint}"));
        action.releases.clear();
        action
    };
    action.creates.extend(user_catalog::rewritten_with(cx, after));
    action.needs.extend(publication::let_go(cx, before));
    // It reaches tables below, which may have expressions of their own.
    for id in below(&cx.target, after) {
        let own = cx.target.get(&id).filter(|column| follows_parent(cx, column) && column.text("generated").is_some());
        if let Some((own, kept)) = own.and_then(|own| Some((own, own.text("expression").filter(|own| *own != expression)?))) {
            let text = format!("{} {column} SET EXPRESSION AS ({kept})", alter_whole(own));
            out.alter(own, text).needs.push(after.id.clone());
        }
    }
}

/// Empties a generated column, so that nothing holds what it was computed from.
pub(super) fn empty(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let (whole, column) = (alter_whole(after), format!("ALTER COLUMN {}", sql::ident(after.id.name())));
    let filled = before.flag("not_null") && after.flag("not_null");
    let nullable = if filled { format!("{column} DROP NOT NULL, ") } else { String::new() };
    let releases: Vec<ObjectId> = before.needs.iter().map(|need| cx.old(need)).collect();
    let action = out.other(after, Verb::Drop, format!("{whole} {nullable}{column} SET EXPRESSION AS (NULL)"));
    action.alters.push(after.id.clone());
    action.releases.extend(releases);
    action.creates.extend(user_catalog::rewritten_with(cx, after));
    action.needs.extend(publication::let_go(cx, before));
}
