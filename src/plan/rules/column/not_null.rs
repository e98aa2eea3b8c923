//! NOT NULL: a constraint from Postgres 18 on, with a name, which tables below inherit or have of their own.

use super::{
    super::{
        super::{
            native::{Actions, Context, Side, stands_for},
            online, sql,
        },
        table,
    },
    alter_whole,
    inheritance::{above, below, follows_parent},
};
use crate::catalog::{Change, Kind, Object, ObjectId, column::plain_not_null_name};

/// Whether the NOT NULL constraint has the name that Postgres would give it.
pub(super) fn is_plainly_named(cx: &Context<'_>, column: &Object) -> bool {
    let taken = |name: &str| cx.base.not_null_name_is_shared(name) || cx.target.not_null_name_is_shared(name);
    column.text("not_null_name").is_none_or(|name| name == plain_not_null_name(&column.id) && !taken(name))
}

fn no_inherit(column: &Object) -> &'static str {
    if column.flag("not_null_no_inherit") { " NO INHERIT" } else { "" }
}

/// `CONSTRAINT name NOT NULL column`.
fn named_constraint(column: &Object) -> String {
    let name = column.text("not_null_name").map(sql::ident).unwrap_or_default();
    format!("CONSTRAINT {name} NOT NULL {}", sql::ident(column.id.name()))
}

/// The constraint as ADD has it.
pub(super) fn constraint(column: &Object) -> String {
    format!("{}{}", named_constraint(column), no_inherit(column))
}

/// The constraint as it stands with its column.
pub(super) fn clause(cx: &Context<'_>, column: &Object) -> String {
    let named = column.text("not_null_name").filter(|_| !is_plainly_named(cx, column));
    let name = named.map(|name| format!(" CONSTRAINT {}", sql::ident(name))).unwrap_or_default();
    format!("{name} NOT NULL{}", no_inherit(column))
}

/// The column as it is before its NOT NULL is set.
pub fn without_not_null(column: &Object) -> Object {
    let mut column = column.clone();
    for name in ["not_null", "not_null_name", "not_null_no_inherit", "not_null_not_valid"] {
        column.attributes.remove(name);
    }
    column
}

/// Whether the NOT NULL of a column of the target is its table's own, beside what tables above have.
pub fn owns_not_null(cx: &Context<'_>, column: &Object) -> bool {
    let own = match column.text("not_null_name") {
        Some(_) => column.flag("not_null_local"),
        None => !above(&cx.target, column).iter().any(|parent| parent.flag("not_null")),
    };
    column.flag("not_null") && own
}

/// The NOT NULL of an inherited column as a constraint of the new table that inherits it, where it is one.
pub fn inherited_not_null(cx: &Context<'_>, column: &Object) -> Option<String> {
    let is_one = column.text("not_null_name").is_some() && cx.base.catalog.server_version >= 180_000;
    (is_one && owns_not_null(cx, column) && !column.flag("not_null_not_valid")).then(|| constraint(column))
}

/// Whether tables above hand down their NOT NULL to a column.
fn not_null_above(side: &Side<'_>, column: &Object) -> bool {
    above(side, column).iter().any(|parent| parent.flag("not_null") && !parent.flag("not_null_no_inherit"))
}

/// Whether a NOT NULL that stays can become its table's own, or only inherited, by what ALTER TABLE can do.
pub(super) fn can_pass(cx: &Context<'_>, before: &Object, after: &Object) -> bool {
    if !(before.flag("not_null") && after.flag("not_null")) {
        return true;
    }
    match after.flag("not_null_own") {
        true => before.text("not_null_name") == after.text("not_null_name") || !not_null_above(&cx.target, after),
        false => !not_null_above(&cx.base, before),
    }
}

/// Stands for a column's NOT NULL constraint having its new name, before it becomes one with the parent's.
fn named(id: &ObjectId) -> ObjectId {
    stands_for("named", id)
}

/// Whether the NOT NULL constraint of a partition gets another name while it is its parent's too, before and after: Postgres renames it
/// only while the partition is detached.
pub(super) fn is_renamed_under_parent(cx: &Context<'_>, before: &Object, after: &Object) -> bool {
    let held = |side: &Side<'_>, column: &Object| above(side, column).iter().any(|parent| parent.flag("not_null"));
    let with_parent = above(&cx.base, before).iter().zip(above(&cx.target, after)).any(|(old, new)| {
        old.text("not_null_name") == before.text("not_null_name") && new.text("not_null_name") == after.text("not_null_name")
    });
    let partition =
        after.parent.as_ref().and_then(|whole| cx.target.get(whole)).is_some_and(|table| table.text("partition_of").is_some());
    partition && held(&cx.base, before) && held(&cx.target, after) && !with_parent
}

/// What ALTER TABLE does about a NOT NULL that differs.
pub(super) fn alter(cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
    match (change.concerns("not_null"), after.flag("not_null")) {
        (true, true) => return set(cx, after, out),
        (true, false) => return take_off(cx, before, after, out),
        (false, _) => {}
    }
    let follows = follows_parent(cx, after);
    if change.concerns("not_null_own") && follows && change_own(cx, before, after, out) {
        return;
    }
    if change.concerns("not_null_name") {
        rename(cx, before, after, out);
    }
    let whole = alter_whole(after);
    let name = after.text("not_null_name").map(sql::ident).unwrap_or_default();
    if change.concerns("not_null_no_inherit") {
        let how = if after.flag("not_null_no_inherit") { "NO INHERIT" } else { "INHERIT" };
        let below: Vec<ObjectId> = below(&cx.target, after).iter().map(named).collect();
        out.alter(after, format!("{whole} ALTER CONSTRAINT {name} {how}")).needs.extend(below);
    }
    if change.concerns("not_null_not_valid") && !(follows && changes_above(cx, after)) {
        if after.flag("not_null_not_valid") {
            out.alter(after, format!("{whole} ALTER COLUMN {} DROP NOT NULL", sql::ident(after.id.name())));
            out.alter(after, format!("{whole} ADD {} NOT VALID", named_constraint(after)));
        } else {
            online::constraint::validate(cx, after, format!("{whole} VALIDATE CONSTRAINT {name}"), out);
        }
    }
}

/// Takes NOT NULL off a column, unless the statement on the table above does.
fn take_off(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let follows = follows_parent(cx, after);
    let parents = above(&cx.target, after);
    // What is no longer inherited stays with the table that inherited it.
    let left = parents.iter().any(|parent| parent.flag("not_null_no_inherit"));
    if follows && !before.flag("not_null_local") && !left {
        return;
    }
    let action = out.alter(after, format!("{} ALTER COLUMN {} DROP NOT NULL", alter_whole(after), sql::ident(after.id.name())));
    if follows {
        action.needs.extend(parents.iter().map(|parent| parent.id.clone()));
    }
    // It takes along what tables below have only from here.
    for id in below(&cx.target, after) {
        let Some((old, new)) = cx.base.get(&id).zip(cx.target.get(&id)) else { continue };
        let own = old.flag("not_null_local") && cx.base.catalog.server_version >= 180_000;
        if old.flag("not_null") && !own && owns_not_null(cx, new) && follows_parent(cx, new) {
            set_again(cx, new, after, out);
        }
    }
}

/// Sets the NOT NULL of a column below that is taken off with the one above.
fn set_again(cx: &Context<'_>, column: &Object, above: &Object, out: &mut Actions<'_>) {
    let constraint = (!is_plainly_named(cx, column)).then(|| named_constraint(column));
    if online::column::set_not_null(cx, column, constraint.clone(), std::slice::from_ref(&above.id), out) {
        return;
    }
    let how = match constraint {
        Some(constraint) => format!("ADD {constraint}"),
        None => format!("ALTER COLUMN {} SET NOT NULL", sql::ident(column.id.name())),
    };
    out.alter(column, format!("{} {how}", alter_whole(column))).needs.push(above.id.clone());
}

/// Sets NOT NULL on a column that has none.
pub(super) fn set(cx: &Context<'_>, after: &Object, out: &mut Actions<'_>) {
    let follows = follows_parent(cx, after);
    let from_above = follows && !after.flag("not_null_local");
    // It comes from above under the name that it has there; under another one it is made before.
    let same = |parent: &&Object| parent.text("not_null_name") == after.text("not_null_name") || parent.flag("not_null_no_inherit");
    if from_above && above(&cx.target, after).iter().any(same) {
        validate_after_parents(cx, after, out);
        return;
    }
    let below: Vec<ObjectId> = below(&cx.target, after).iter().map(named).collect();
    let plain = is_plainly_named(cx, after) && !after.flag("not_null_no_inherit");
    let valid = !after.flag("not_null_not_valid");
    if valid && !follows && online::column::set_not_null(cx, after, (!plain).then(|| constraint(after)), &below, out) {
        return;
    }
    let whole = alter_whole(after);
    let action = if plain && valid {
        let action = out.alter(after, format!("{whole} ALTER COLUMN {} SET NOT NULL", sql::ident(after.id.name())));
        if !from_above {
            action.needs.extend(online::column::set_above(cx, after));
        }
        action
    } else {
        let valid = if valid { "" } else { " NOT VALID" };
        out.alter(after, format!("{whole} ADD {}{valid}", constraint(after)))
    };
    action.needs.extend(below);
    if from_above {
        action.creates.push(named(&after.id));
    }
}

/// Validates a NOT NULL that came from above, where the one there is not.
fn validate_after_parents(cx: &Context<'_>, after: &Object, out: &mut Actions<'_>) {
    let unproven = above(&cx.target, after).into_iter().filter(|parent| parent.flag("not_null_not_valid"));
    let unproven: Vec<ObjectId> = unproven.map(|parent| parent.id.clone()).collect();
    if !unproven.is_empty() && !after.flag("not_null_not_valid") {
        let name = after.text("not_null_name").map(sql::ident).unwrap_or_default();
        out.alter(after, format!("{} VALIDATE CONSTRAINT {name}", alter_whole(after))).needs.extend(unproven);
    }
}

/// Makes a NOT NULL the table's own beside the one above, or takes off one that is to come from above; whether nothing is left to do.
fn change_own(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) -> bool {
    let column = format!("{} ALTER COLUMN {}", alter_whole(after), sql::ident(after.id.name()));
    if after.flag("not_null_own") && not_null_above(&cx.target, after) {
        out.alter(after, format!("{column} SET NOT NULL"));
    } else if !after.flag("not_null_own") && !not_null_above(&cx.base, before) {
        // The one that comes from above would be one with it.
        out.alter(after, format!("{column} DROP NOT NULL")).creates.push(named(&after.id));
        return true;
    }
    false
}

/// Renames the constraint, unless the parent's statement renames it, or takes it away and makes it again.
fn rename(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let Some(old) = before.text("not_null_name") else { return };
    let new = after.text("not_null_name").map(sql::ident).unwrap_or_default();
    let follows = follows_parent(cx, after);
    let (was, is) = (not_null_above(&cx.base, before), not_null_above(&cx.target, after));
    let new_above = above(&cx.target, after);
    let gone = !new_above.iter().any(|parent| parent.flag("not_null"));
    if follows && was && (is || gone && !before.flag("not_null_local")) {
        return;
    }
    // Not even a foreign table's is renamed by ALTER FOREIGN TABLE.
    let text = format!("ALTER TABLE {} RENAME CONSTRAINT {} TO {new}", sql::whole(&after.id), sql::ident(old));
    let action = out.alter(after, text);
    if follows && was {
        action.needs.extend(new_above.iter().map(|parent| parent.id.clone()));
    } else if follows && is {
        action.creates.push(named(&after.id));
    } else if let Some(table) = after.parent.as_ref().and_then(|whole| cx.base.get(whole)) {
        action.needs.push(table::link_gone(&table.id));
    }
}

/// Whether a NOT NULL above is validated, or no longer is, by a statement that reaches this column too.
fn changes_above(cx: &Context<'_>, after: &Object) -> bool {
    let differs = |parent: &Object| {
        let before = cx.base.get(&parent.id);
        before.is_some_and(|before| before.flag("not_null_not_valid") != parent.flag("not_null_not_valid"))
    };
    above(&cx.target, after).into_iter().any(differs)
}

/// Gives a new column the NOT NULL of its own that is not validated.
pub(super) fn add_not_valid(cx: &Context<'_>, column: &Object, out: &mut Actions<'_>) {
    let not_valid = |column: &Object| column.flag("not_null_not_valid");
    if !not_valid(column) || !owns_not_null(cx, column) {
        return;
    }
    let text = format!("ALTER TABLE {} ADD {} NOT VALID", sql::whole(&column.id), named_constraint(column));
    let below = column.parent.iter().flat_map(|whole| table::offspring(&cx.target, whole));
    let below = below.filter(|table| cx.appears(&table.id)).map(|table| table.id.part(Kind::Column, column.id.name()));
    let needed = below.filter(|column| cx.target.get(column).is_some_and(not_valid));
    out.alter(column, text).needs.extend(needed);
}
