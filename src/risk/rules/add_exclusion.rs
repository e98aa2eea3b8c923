//! `add-exclusion`: an exclusion constraint is added.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "add-exclusion",
    level: Level::Warning,
    title: "An exclusion constraint is added",
    what: "An exclusion constraint is added to a table that is there in the base.",
    why: "Two rows that exclude each other make the statement fail, and there is no way to add one without blocking.",
    effect: "AccessExclusive lock while an index is built over the whole table.",
    advice: "Look for rows that exclude each other first, and run it when nobody writes.",
    source: "https://www.postgresql.org/docs/current/sql-createtable.html",
    bad: Example {
        base: "CREATE TABLE t (during tsrange);",
        head: "CREATE TABLE t (during tsrange, CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&));",
    },
    good: Example {
        base: "CREATE TABLE t (during tsrange);",
        head: "CREATE TABLE t (during tsrange);
CREATE TABLE new_one (during tsrange, EXCLUDE USING gist (during WITH &&));",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::added_constraints(facts, look::ConstraintType::Exclusion)
        .into_iter()
        .map(|(constraint, _)| {
            let message = format!(
                "Exclusion constraint {} is added; rows that exclude each other make it fail, and the table is locked meanwhile{}.",
                look::name(&constraint.id),
                look::rows_read(facts, &constraint.id)
            );
            RULE.finding(facts, &constraint.id, message)
        })
        .collect()
}
