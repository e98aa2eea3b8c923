//! `add-foreign-key`: a foreign key is added.

use crate::risk::{Example, Facts, Finding, Level, Rule, look, online};

pub static RULE: Rule = Rule {
    id: "add-foreign-key",
    level: Level::Warning,
    title: "A foreign key is added",
    what: "A foreign key is added to a table that is there in the base, and is not NOT VALID.",
    why: "One row without its counterpart makes the statement fail; until all rows are looked up nobody writes to either table.",
    effect: "ShareRowExclusive lock on both tables while the whole table is read. NOT VALID takes it for an instant.",
    advice: "Add it NOT VALID, and validate it in a transaction of its own.",
    source: "https://squawkhq.com/docs/adding-foreign-key-constraint",
    bad: Example {
        base: "CREATE TABLE o (id int PRIMARY KEY);
CREATE TABLE t (id int, o_id int);",
        head: "CREATE TABLE o (id int PRIMARY KEY);
CREATE TABLE t (id int, o_id int CONSTRAINT t_o REFERENCES o);",
    },
    good: Example {
        base: "CREATE TABLE o (id int PRIMARY KEY);
CREATE TABLE t (id int, o_id int);",
        head: "CREATE TABLE o (id int PRIMARY KEY);
CREATE TABLE t (id int, o_id int);
ALTER TABLE t ADD CONSTRAINT t_o FOREIGN KEY (o_id) REFERENCES o NOT VALID;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::added_constraints(facts, look::ConstraintType::ForeignKey)
        .into_iter()
        .map(|(constraint, definition)| {
            let (table, name) = (look::relation_sql(&constraint.id), look::last_sql(&constraint.id));
            let sql = format!(
                "ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID;\nALTER TABLE {table} VALIDATE CONSTRAINT {name};"
            );
            let message = format!(
                "Foreign key {} is added; a row without its counterpart makes it fail{}{}.",
                look::name(&constraint.id),
                online::if_held_up(facts, &constraint.id, ", and writes to both tables wait"),
                look::rows_read(facts, &constraint.id)
            );
            RULE.finding(facts, &constraint.id, message).safer(sql)
        })
        .collect()
}
