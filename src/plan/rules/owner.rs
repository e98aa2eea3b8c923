//! Owners, for every kind that has one: `ALTER ... OWNER TO`.
//!
//! Privileges on what changes hands are the grants' matter.

use super::{
    super::{
        native::{Action, Actions, Context},
        sql,
    },
    sequence,
};
use crate::catalog::{Kind, Object, ObjectId};

fn statement(object: &Object, owner: &str) -> String {
    format!("ALTER {} OWNER TO {}", sql::noun_and_name(object), sql::ident(owner))
}

/// What the planner makes belongs to the role that runs the plan, which is taken to be the one that read the base. What has its owner from
/// another (a column's sequence) gets it there.
pub fn after_create(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let own = object.attributes.get("owner").is_some();
    if own && object.text("owner") != Some(cx.base.catalog.reader.as_str()) {
        change(cx, object, out);
    }
}

/// Gives `object` to the owner that the target has; a table's own sequences go with it.
pub fn change(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let Some(owner) = object.text("owner") else { return };
    give(object, owner, out).needs.extend(sequence::owned_by(cx, &object.id));
}

/// Gives `object` to an owner.
pub fn give<'a>(object: &Object, owner: &str, out: &'a mut Actions<'_>) -> &'a mut Action {
    let action = out.alter(object, statement(object, owner));
    action.releases.clear();
    action.needs.push(ObjectId::new(Kind::Role, [owner]));
    action
}
