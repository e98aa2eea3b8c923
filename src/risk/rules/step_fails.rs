//! `step-fails`: a step fails when it is replayed.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "step-fails",
    level: Level::Danger,
    title: "A step fails on the rows that are there",
    what: "A step of the plan failed in the replay, on the rows of the copy: the files' own, or ordinary ones made up for it. Where it failed on \
           unusual ones alone - NULLs, equal values, long texts, large numbers, as far as the base allows them - it is a warning.",
    why: "It fails the same way in a database with such rows, and the migration stops there.",
    effect: "Measured: SQLSTATE and message are those of the replay.",
    advice: "Change the rows first, or reach the same end by way of a new column.",
    source: "https://www.postgresql.org/docs/current/errcodes-appendix.html",
    bad: Example {
        base: "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1), (1);",
        head: "CREATE TABLE t (a int CONSTRAINT t_a_key UNIQUE);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, code text);
INSERT INTO t VALUES (1, 'x');",
        head: "CREATE TABLE t (id int, code text, n int NOT NULL DEFAULT 0);
INSERT INTO t VALUES (1, 'x');",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let steps = 0..facts.plan.steps.len();
    steps
        .filter_map(|step| {
            let effects = facts.effects(step)?;
            if effects.error.is_none() && effects.error_on_rows.is_none() {
                return None;
            }
            let message = look::measured(facts, step)?;
            let object = look::object_of_step(facts, step);
            let level = if effects.fails() { RULE.level } else { Level::Warning };
            Some(RULE.finding(facts, &object, message).at_level(level).at_step(step))
        })
        .collect()
}
