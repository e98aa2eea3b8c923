//! What can be done about actions that wait for each other in a circle: parts get statements of their own, or objects are made anew.

use super::{super::rules::constraint, Action, Context, Verb};
use crate::catalog::{Kind, Object, ObjectId};

/// Parts whose needs lie in the circle: with statements of their own the circle may open.
pub(super) fn splittable(cx: &Context<'_>, circle: &[usize], actions: &[Action]) -> Vec<ObjectId> {
    let members: Vec<&Action> = circle.iter().filter_map(|at| actions.get(*at)).collect();
    let mut found = Vec::new();
    for action in &members {
        let (side, ids) = match action.verb {
            Verb::Drop => (&cx.base, &action.destroys),
            Verb::Create => (&cx.target, &action.creates),
            Verb::Alter => continue,
        };
        let parts = ids.iter().filter(|id| **id != action.subject && !cx.split.contains(id)).filter_map(|id| side.get(id));
        for part in parts.filter(|part| can_split(part)) {
            let outward = part.needs.iter().chain(&constraint::seen_below(side, part)).any(|need| {
                members.iter().any(|other| {
                    other.subject != action.subject
                        && (other.creates.contains(need) || other.destroys.contains(need) || other.alters.contains(need))
                })
            });
            if outward {
                found.push(part);
            }
        }
    }
    // Foreign keys alone, where they may be enough: what else lies in the circle may not go by itself.
    let key = |part: &Object| part.text("form") == Some("f");
    let keys = found.iter().any(|part| key(part));
    found.into_iter().filter(|part| !keys || key(part)).map(|part| part.id.clone()).collect()
}

/// A view of the circle that can come, or go, with its columns and without its query. One at a time: it may be enough. The oldest, which was
/// there without the others once: pg_dump writes them so, too.
pub(super) fn hollow(cx: &Context<'_>, members: &[&Action]) -> Option<ObjectId> {
    let views = members.iter().filter(|action| action.verb != Verb::Alter).map(|action| &action.subject);
    let views = views.filter(|id| id.kind == Kind::View && !cx.split.contains(id));
    let age = |id: &ObjectId| cx.target.get(id).or_else(|| cx.base.get(id))?.address.map(|address| address.object);
    views.min_by_key(|id| (age(id), *id)).cloned()
}

/// Whether a part can have statements of its own.
pub(super) fn can_split(part: &Object) -> bool {
    use Kind::{Constraint, Default, Index, Policy, Rule, Statistics, Trigger};
    matches!(part.id.kind, Constraint | Default | Trigger | Policy | Rule | Index | Statistics)
}

/// Whether an object that is altered in a circle can be dropped before and made again after, and nothing is lost.
pub(super) fn can_be_anew(id: &ObjectId) -> bool {
    matches!(
        id.kind,
        Kind::View | Kind::Function | Kind::Procedure | Kind::Aggregate | Kind::Policy | Kind::Rule | Kind::Trigger | Kind::Default
    )
}
