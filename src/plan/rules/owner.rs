//! Owners, for every kind that has one: `ALTER ... OWNER TO`.
//!
//! Privileges on what changes hands are the grants' matter.

use super::super::{
    native::{Actions, Context},
    sql,
};
use crate::catalog::{Kind, Object, ObjectId};

fn statement(object: &Object, owner: &str) -> String {
    format!("ALTER {} OWNER TO {}", sql::noun_and_name(object), sql::ident(owner))
}

/// What the planner makes belongs to the role that runs the plan, which is taken to be the one that read the base.
pub fn after_create(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let Some(owner) = object.text("owner") else { return };
    if owner != cx.base.catalog.reader {
        change(cx, object, out);
    }
}

/// Gives `object` to the owner that the target has.
pub fn change(_cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let Some(owner) = object.text("owner") else { return };
    let action = out.alter(object, statement(object, owner));
    action.releases.clear();
    action.needs.push(ObjectId::new(Kind::Role, [owner]));
}
