//! `add-primary-key`: a primary key is added.

use crate::risk::{Example, Facts, Finding, Level, Rule, look, online};

pub static RULE: Rule = Rule {
    id: "add-primary-key",
    level: Level::Warning,
    title: "A primary key is added",
    what: "A primary key is added to a table that is there in the base.",
    why: "Equal or NULL keys make the statement fail; while its index is built and the columns are checked nobody reads or writes the table.",
    effect: "AccessExclusive lock while the table is read and an index is built.",
    advice: "Build the unique index concurrently and set the columns NOT NULL first, then make the key from the index in an instant.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html",
    bad: Example { base: "CREATE TABLE t (id int NOT NULL, a int);", head: "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int);" },
    good: Example {
        base: "CREATE TABLE t (id int NOT NULL, a int);",
        head: "CREATE TABLE t (id int NOT NULL, a int);
CREATE TABLE new_one (a int PRIMARY KEY);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::added_constraints(facts, look::ConstraintType::PrimaryKey)
        .into_iter()
        .map(|(constraint, definition)| {
            let (table, name) = (look::relation_sql(&constraint.id), look::last_sql(&constraint.id));
            let sql = format!(
                "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {};\nALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name};",
                look::key_columns(&definition)
            );
            let message = format!("Primary key {} is added; equal keys make it fail{}{}.", look::name(&constraint.id), online::if_held_up(facts, &constraint.id, ", and the table is locked while its index is built"), look::rows_read(facts, &constraint.id));
            RULE.finding(facts, &constraint.id, message).safer(sql)
        })
        .collect()
}
