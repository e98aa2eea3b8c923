//! Checks that tables below have because tables above have them, and whether they are validated there.

use super::{
    super::super::{
        native::{Actions, Context, Side},
        online, sql,
    },
    inheritance::{ancestors, offspring, parents, stays_child},
};
use crate::catalog::{Kind, Object, ObjectId};

/// Checks that the target's table has only because a table above has them, by name.
///
/// What is made for the table above afterwards comes to this one by itself.
pub(super) fn inherited_checks<'a>(cx: &Context<'a>, object: &Object) -> Vec<(String, &'a Object)> {
    let find = |name: &String| {
        let check = check_above(&cx.target, object, name)?;
        (!cx.split.contains(&check.id)).then(|| (name.clone(), check))
    };
    object.list("inherited_constraints").iter().filter_map(find).collect()
}

/// The check of this name of a table above.
fn check_above<'a>(side: &Side<'a>, object: &Object, name: &str) -> Option<&'a Object> {
    let check = |table: &Object| side.get(&table.id.part(Kind::Constraint, name));
    ancestors(side, object).into_iter().filter_map(check).find(|check| check.text("form") == Some("c"))
}

const NOT_VALID: &str = " NOT VALID";

fn is_not_valid(check: &Object) -> bool {
    check.text("definition").unwrap_or_default().ends_with(NOT_VALID)
}

/// Whether a table below has a check of a table above as validated.
pub(super) fn is_valid_below(side: &Side<'_>, check: &Object, child: &Object) -> bool {
    let listed = child.list("validated_checks").iter().any(|name| name == check.id.name());
    !is_not_valid(check) || listed || parents(side, child).any(|parent| is_valid_below(side, check, parent))
}

/// The definition that a check of a table above has in a table below.
pub(super) fn definition_below<'a>(cx: &Context<'_>, check: &'a Object, child: &Object) -> &'a str {
    let definition = check.text("definition").unwrap_or_default();
    if is_valid_below(&cx.target, check, child) { definition.strip_suffix(NOT_VALID).unwrap_or(definition) } else { definition }
}

/// Checks above a new table that inherits, which are made before it: it has them as validated, and those above have not.
pub(super) fn valid_only_below(cx: &Context<'_>, object: &Object) -> Vec<ObjectId> {
    if object.list("inherits").is_empty() {
        return Vec::new();
    }
    let checks = inherited_checks(cx, object).into_iter().map(|(_, check)| check);
    checks.filter(|check| is_not_valid(check) && is_valid_below(&cx.target, check, object)).map(|check| check.id.clone()).collect()
}

/// New tables below that inherit a check and are not to have it as validated, which they would if they were made after it.
pub fn before_check(cx: &Context<'_>, check: &Object) -> Vec<ObjectId> {
    let Some(whole) = check.parent.as_ref().filter(|_| is_not_valid(check) && check.text("form") == Some("c")) else {
        return Vec::new();
    };
    let below =
        offspring(&cx.target, whole).into_iter().filter(|child| cx.appears(&child.id) && !child.list("inherits").is_empty());
    below.filter(|child| !is_valid_below(&cx.target, check, child)).map(|child| child.id.clone()).collect()
}

/// Validates a check that is made without looking at the rows where tables below have it as validated.
pub fn validate_below(cx: &Context<'_>, check: &Object, out: &mut Actions<'_>) {
    let Some(whole) = check.parent.as_ref().filter(|_| check.text("form") == Some("c") && is_not_valid(check)) else { return };
    for child in offspring(&cx.target, whole).into_iter().filter(|child| {
        let inherits = child.list("inherited_constraints").iter().any(|name| name == check.id.name());
        inherits && stays_child(cx, &child.id) && is_valid_below(&cx.target, check, child)
    }) {
        let text = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", sql::name(child), sql::ident(check.id.name()));
        out.alter(child, text).needs.push(check.id.clone());
    }
}

/// Checks that stay as they are while a table below is no longer to have them as validated, or while a column of theirs gets another
/// type, which makes the check anew below too: they are made anew by themselves.
pub fn invalidated(cx: &Context<'_>) -> Vec<ObjectId> {
    let mut lost: Vec<&Object> = Vec::new();
    for (id, change) in &cx.altered {
        let Some((before, after)) = cx.base.get(id).zip(cx.target.get(id)) else { continue };
        let gone = before.list("validated_checks").iter().filter(|check| !after.list("validated_checks").contains(check));
        lost.extend(gone.filter_map(|check| check_above(&cx.base, before, check)));
        if id.kind == Kind::Column && change.concerns("type") {
            let checks = cx.base.dependents(id).iter().copied().filter(|check| check.text("form") == Some("c"));
            lost.extend(checks.filter(|check| {
                check.parent.as_ref().is_some_and(|whole| {
                    offspring(&cx.target, whole)
                        .iter()
                        .any(|child| child.list("validated_checks").contains(&check.id.name().to_owned()))
                })
            }));
        }
    }
    let stays = |check: &&Object| cx.target.get(&check.id).is_some_and(|after| !after.flag("validated")) && !cx.vanishes(&check.id);
    lost.into_iter().filter(stays).map(|check| check.id.clone()).collect()
}

/// Adds the checks that a table must have before it becomes a child of others.
pub(super) fn add_inherited_checks(cx: &Context<'_>, child: &Object, out: &mut Actions<'_>) -> Vec<ObjectId> {
    let mut made = Vec::new();
    for (name, check) in inherited_checks(cx, child) {
        let definition = definition_below(cx, check, child);
        let id = child.id.part(Kind::Constraint, &name);
        let there = cx.base.get(&child.id).is_some_and(|before| {
            before.list("inherited_constraints").contains(&name)
                && !constraints_above(cx, before, &name)
                    .any(|check| dropped_alone(cx, check) || check.text("definition") != Some(definition))
        }) || cx.base.get(&id).is_some_and(|own| own.text("definition") == Some(definition));
        if !there {
            let added =
                online::constraint::inherited(cx, child, &format!("ADD CONSTRAINT {} {definition}", sql::ident(&name)), &id, out);
            added.creates.push(id.clone());
            added.needs.extend(cx.target.parts_of(&child.id, Kind::Column).map(|column| column.id.clone()));
            made.push(id);
        }
    }
    made
}

/// Validates checks that a table has only because a table above has them.
pub(super) fn validate_inherited(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let new = after.list("validated_checks").iter().filter(|check| !before.list("validated_checks").contains(check));
    for check in new.filter(|check| check_above(&cx.target, after, check).is_none_or(|above| !cx.appears(&above.id))) {
        let table = format!("ALTER {} {}", sql::noun(after.id.kind), sql::name(after));
        out.alter(after, format!("{table} VALIDATE CONSTRAINT {}", sql::ident(check)));
    }
}

/// Constraints of this name of the tables right above, of the base.
pub(super) fn constraints_above<'a>(cx: &'a Context<'a>, before: &'a Object, name: &'a str) -> impl Iterator<Item = &'a Object> {
    parents(&cx.base, before).filter_map(move |parent| cx.base.get(&parent.id.part(Kind::Constraint, name)))
}

/// Whether a check is its table's own on one side, and on the other the one of a table above that says the same: it only changes hands.
pub fn changes_hands(cx: &Context<'_>, check: &Object) -> bool {
    let Some(whole) = check.parent.as_ref().filter(|whole| !cx.vanishes(whole) && !cx.appears(whole)) else { return false };
    let Some((before, after)) = cx.base.get(whole).zip(cx.target.get(whole)) else { return false };
    let name = check.id.name();
    let same = |above: &Object| above.text("definition") == check.text("definition") && !dropped_alone(cx, above);
    if cx.target.get(&check.id).is_some() {
        before.list("inherited_constraints").iter().any(|other| other == name) && constraints_above(cx, before, name).any(same)
    } else {
        inherited_checks(cx, after)
            .iter()
            .any(|(other, above)| other == name && above.text("definition") == check.text("definition"))
    }
}

/// Whether a constraint of the base is dropped by a statement of its own, and not with its table.
pub(super) fn dropped_alone(cx: &Context<'_>, part: &Object) -> bool {
    let whole = part.parent.as_ref().is_some_and(|whole| cx.vanishes(whole));
    cx.vanishes(&part.id) && (!whole || cx.split.contains(&part.id))
}
