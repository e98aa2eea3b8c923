//! What `--online` has to do with findings: where it is the way out, and what is left to say of a plan that takes it.
//!
//! The one place that knows which rules are about statements that an online plan takes apart.

use crate::{
    catalog::ObjectId,
    risk::{Facts, Finding},
};

/// Rules about statements that hold writers up in a plain plan and not in an online one, with the advice that is left then.
const RULES: &[(&str, &str)] = &[
    ("add-check", "The plan validates it without blocking. Look for rows that do not fulfil it first."),
    ("add-foreign-key", "The plan validates it without blocking. Look for rows without their counterpart first."),
    ("add-primary-key", "The plan builds its index without blocking. Look for rows with equal keys first."),
    ("add-unique", "The plan builds its index without blocking. Look for equal rows first."),
    ("build-index", "The plan builds it without blocking."),
    ("drop-index", "The plan drops it without blocking. Look at `pg_stat_user_indexes.idx_scan` in production first."),
    ("locks-held-together", "The plan is online already; run this part of it when nobody writes."),
    ("set-not-null", "The plan proves it by a check that is validated without blocking. Fill the NULLs first."),
];

/// What the advice of a rule says besides, when the plan is not online.
pub fn hint(rule: &str) -> Option<&'static str> {
    RULES.iter().any(|(id, _)| *id == rule).then_some("`--online` plans it so.")
}

/// Whether writers wait while the plan works on an object: by what was measured, else by what kind of plan it is.
pub fn holds_up(facts: &Facts<'_>, object: &ObjectId) -> bool {
    let held = |step: usize| facts.effects(step).is_some_and(|effects| effects.held_over_work().next().is_some());
    !facts.plan.is_online() || facts.steps_for(object).into_iter().any(held)
}

/// Part of a message that holds only where writers wait.
pub fn if_held_up(facts: &Facts<'_>, object: &ObjectId, text: &'static str) -> &'static str {
    if holds_up(facts, object) { text } else { "" }
}

/// Puts the findings' advice right: `--online` where it would help, and what is left to do where the plan took it.
pub(super) fn advise(facts: &Facts<'_>, found: &mut [Finding]) {
    for finding in found {
        let Some((_, left)) = RULES.iter().find(|(id, _)| *id == finding.rule) else { continue };
        if !facts.plan.is_online() {
            finding.advice = format!("{} {}", finding.advice, hint(finding.rule).unwrap_or_default());
        } else if !holds_up(facts, &finding.object) {
            finding.advice = (*left).into();
            finding.safer_sql = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::rules;

    #[test]
    fn they_are_rules() {
        for (id, _) in RULES {
            assert!(rules::by_id(id).is_some(), "{id}");
        }
    }
}
