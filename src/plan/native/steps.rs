//! Ordered actions -> the steps of a plan, in transaction groups.

use super::{
    super::{Online, Origin, Plan, Step, readback},
    Action, Context,
};

/// Numbers the ordered actions into transaction groups.
pub(super) fn steps(cx: &Context<'_>, mut actions: Vec<Action>) -> Plan {
    find_values_in_use(&mut actions);
    let (first, rest): (Vec<_>, Vec<_>) = actions.into_iter().partition(|action| action.commits_first);
    let mut plan = Plan::default();
    let mut group = 0;
    let mut open = false;
    let early = first.len();
    for (at, action) in first.into_iter().chain(rest).enumerate() {
        if !action.transactional || action.slow || action.apart || !open || at == early {
            group += 1;
        }
        open = action.transactional && !action.slow;
        let online = cx.options.online.then_some(Online { lock_timeout: action.lock_timeout, recovery: action.recovery });
        let mut objects = vec![action.subject];
        for id in action.creates.into_iter().chain(action.alters).chain(action.destroys) {
            if !objects.contains(&id) {
                objects.push(id);
            }
        }
        // Marks that only order statements name nothing that anyone knows.
        objects.retain(|id| cx.base.get(id).is_some() || cx.target.get(id).is_some());
        plan.steps.push(Step {
            sql: readback::readable_back(&action.sql).into_owned(),
            masked: action.masked,
            origin: Origin::Native,
            group,
            transactional: action.transactional,
            objects,
            online,
        });
    }
    plan
}

/// Has enum values committed before the others that the plan itself uses.
fn find_values_in_use(actions: &mut [Action]) {
    let values: Vec<(usize, String)> =
        actions.iter().enumerate().filter_map(|(at, action)| Some((at, action.new_value.clone()?))).collect();
    for (at, value) in values {
        let used = actions
            .iter()
            .enumerate()
            .any(|(other, action)| other != at && action.new_value.is_none() && action.sql.contains(&value));
        if let Some(action) = actions.get_mut(at) {
            action.commits_first = used;
        }
    }
}
