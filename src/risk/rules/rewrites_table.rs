//! `rewrites-table`: a table is rewritten.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "rewrites-table",
    level: Level::Warning,
    title: "A table is rewritten",
    what: "A step wrote a table that was there before anew, under a lock that lets nobody read it.",
    why: "It takes as long as copying the table does, needs its size once more on the disk, and nobody reads or writes it meanwhile.",
    effect: "Measured: the table had another relfilenode after the step.",
    advice: "Reach the same end by way of a new column that is filled in batches.",
    source: "https://atlasgo.io/lint/analyzers#PG301",
    bad: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int, made timestamptz NOT NULL DEFAULT clock_timestamp());",
    },
    good: Example { base: "CREATE TABLE t (id int);", head: "CREATE TABLE t (id int, made timestamptz NOT NULL DEFAULT now());" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (step, effects) in facts.proof.iter().flat_map(|proof| proof.effects.iter().enumerate()) {
        for relation in &effects.rewrites {
            let table = look::relation_named(facts, relation);
            let rows = effects.rows_before.map(|rows| format!(" ({rows} rows on the copy)")).unwrap_or_default();
            let message =
                format!("Step {} rewrites {}{rows}: nobody reads or writes it meanwhile.", step + 1, look::quoted(relation));
            found.push(RULE.finding(facts, &table, message).at_step(step));
        }
    }
    found
}
