//! What becomes of objects -> actions, as the rules of their kinds say it.

use super::{
    super::{online, rules},
    Action, Actions, Context, PlanError, rule_for,
};
use crate::catalog::{Kind, Object};

/// Lets the rules turn everything into actions.
pub(super) fn act(cx: &Context<'_>) -> Result<Vec<Action>, PlanError> {
    let mut out = Actions::new(cx);
    for id in cx.dropped.iter().chain(&cx.replaced) {
        let Some(object) = cx.base.get(id) else { continue };
        rule_for(id)?.drop(cx, object, &mut out);
        for part in cx.base.descendants(id) {
            if cx.split.contains(&part.id) {
                rule_for(&part.id)?.drop(cx, part, &mut out);
            }
        }
    }
    for id in &cx.swapped {
        let Some(before) = cx.base.get(id) else { continue };
        let other = || cx.target.get(&rules::types::other_kind(id)?);
        let Some(after) = cx.target.get(id).or_else(other) else { continue };
        rules::swap::swap(cx, before, after, &mut out);
        make(cx, after, &mut out)?;
    }
    for id in cx.created.iter().chain(&cx.replaced) {
        if let Some(object) = cx.target.get(id) {
            make(cx, object, &mut out)?;
        }
    }
    for (id, change) in &cx.altered {
        let (Some(before), Some(after)) = (cx.base.get(id), cx.target.get(id)) else { continue };
        let owner = change.concerns("owner");
        // Who is no superuser may not leave a password out: what the new owner may not change is changed before.
        let last = id.kind == Kind::Subscription && before.flag("owner_is_superuser");
        if owner && !last {
            rules::owner::change(cx, after, &mut out);
        }
        if change.attributes.iter().any(|attribute| attribute.name != "owner") {
            rule_for(id)?.alter(cx, before, after, change, &mut out);
        }
        if owner && last {
            rules::owner::change(cx, after, &mut out);
        }
    }
    if cx.options.online {
        online::partition::defaults(cx, &mut out);
        online::partition::changes_above(cx, &mut out);
    }
    rules::rebuild::frame(cx, &mut out);
    rules::base_type::frame(cx, &mut out);
    rules::user_catalog::frame(cx, &mut out);
    rules::routine::frame(&mut out);
    Ok(out.all)
}

/// Makes an object of the target, its owner, and its parts.
fn make(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) -> Result<(), PlanError> {
    if !out.makes(&object.id) {
        rule_for(&object.id)?.create(cx, object, out);
        rules::owner::after_create(cx, object, out);
    }
    rules::grant::after_create(cx, object, out);
    for part in cx.target.parts(&object.id) {
        if cx.appears(&part.id) {
            make(cx, part, out)?;
        }
    }
    Ok(())
}
