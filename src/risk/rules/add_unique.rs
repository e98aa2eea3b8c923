//! `add-unique`: a unique constraint is added.

use crate::risk::{Example, Facts, Finding, Level, Rule, look, online};

pub static RULE: Rule = Rule {
    id: "add-unique",
    level: Level::Warning,
    title: "A unique constraint is added",
    what: "A unique constraint is added to a table that is there in the base.",
    why: "One pair of equal rows makes the statement fail; while its index is built nobody writes to the table.",
    effect: "AccessExclusive lock while an index is built over the whole table.",
    advice: "Build the unique index concurrently first, then make the constraint from it in an instant.",
    source: "https://squawkhq.com/docs/disallowed-unique-constraint",
    bad: Example {
        base: "CREATE TABLE t (id int NOT NULL, a int);",
        head: "CREATE TABLE t (id int NOT NULL, a int CONSTRAINT t_a_key UNIQUE);",
    },
    good: Example {
        base: "CREATE TABLE t (id int NOT NULL, a int);",
        head: "CREATE TABLE t (id int NOT NULL, a int);
CREATE TABLE new_one (a int UNIQUE);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::added_constraints(facts, look::ConstraintType::Unique)
        .into_iter()
        .map(|(constraint, definition)| {
            let (table, name) = (look::relation_sql(&constraint.id), look::last_sql(&constraint.id));
            let sql = format!(
                "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {};\nALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name};",
                look::key_columns(&definition)
            );
            let message = format!("Unique constraint {} is added; equal rows make it fail{}{}.", look::name(&constraint.id), online::if_held_up(facts, &constraint.id, ", and writes wait while its index is built"), look::rows_read(facts, &constraint.id));
            RULE.finding(facts, &constraint.id, message).safer(sql)
        })
        .collect()
}
