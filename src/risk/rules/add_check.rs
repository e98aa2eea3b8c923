//! `add-check`: a check constraint is added.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "add-check",
    level: Level::Warning,
    title: "A check constraint is added",
    what: "A check constraint is added to a table that is there in the base, and is not NOT VALID.",
    why: "One row that does not fulfil it makes the statement fail; until the whole table is read nobody reads or writes it.",
    effect: "AccessExclusive lock while the whole table is read. NOT VALID takes it for an instant, VALIDATE only ShareUpdateExclusive.",
    advice: "Add it NOT VALID, and validate it in a transaction of its own.",
    source: "https://squawkhq.com/docs/constraint-missing-not-valid",
    bad: Example {
        base: "CREATE TABLE t (id int NOT NULL, a int);",
        head: "CREATE TABLE t (id int NOT NULL, a int CONSTRAINT a_positive CHECK (a > 0));",
    },
    good: Example {
        base: "CREATE TABLE t (id int NOT NULL, a int);",
        head: "CREATE TABLE t (id int NOT NULL, a int);
ALTER TABLE t ADD CONSTRAINT a_positive CHECK (a > 0) NOT VALID;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::added_constraints(facts, look::ConstraintType::Check)
        .into_iter()
        .map(|(constraint, definition)| {
            let (table, name) = (look::relation_sql(&constraint.id), look::last_sql(&constraint.id));
            let sql = format!(
                "ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID;\nALTER TABLE {table} VALIDATE CONSTRAINT {name};"
            );
            let message = format!(
                "Check {} is added; a row that does not fulfil it makes the migration fail{}.",
                look::name(&constraint.id),
                look::rows_read(facts, &constraint.id)
            );
            RULE.finding(facts, &constraint.id, message).safer(sql)
        })
        .collect()
}
