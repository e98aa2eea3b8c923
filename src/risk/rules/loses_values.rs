//! `loses-values`: a step loses values.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "loses-values",
    level: Level::Danger,
    title: "A step loses values",
    what: "Values that were in the copy before a step were not there after it.",
    why: "They cannot be had back but from a backup.",
    effect: "Measured: counted before and after the step.",
    advice: "Keep the values elsewhere before the step, or leave it for a later pull request.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html",
    bad: Example {
        base: "CREATE TABLE t (id int, code text);
INSERT INTO t VALUES (1, 'x');",
        head: "CREATE TABLE t (id int);
INSERT INTO t VALUES (1);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, code text);
INSERT INTO t VALUES (1, 'x');",
        head: "CREATE TABLE t (id int, code text, n int);
INSERT INTO t VALUES (1, 'x');",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let steps = 0..facts.plan.steps.len();
    steps
        .filter(|step| facts.effects(*step).is_some_and(|effects| effects.values_lost > 0 && effects.error.is_none()))
        .filter_map(|step| {
            let object = look::object_of_step(facts, step);
            let message = format!("Step {} loses values. {}", step + 1, look::measured(facts, step)?);
            Some(RULE.finding(facts, &object, message).at_step(step))
        })
        .collect()
}
