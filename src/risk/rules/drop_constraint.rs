//! `drop-constraint`: a constraint is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-constraint",
    level: Level::Warning,
    title: "A constraint is dropped",
    what: "A primary key, unique, check, foreign key or exclusion constraint of a table that stays is not in the head, and none like it takes its place.",
    why: "Rows that it refused are taken from then on, and cannot be told from the others later.",
    effect: "AccessExclusive lock for an instant; for a foreign key on the other table too.",
    advice: "Make sure that something else keeps what it kept, or that the rule is really no longer one.",
    source: "https://www.postgresql.org/docs/current/ddl-constraints.html",
    bad: Example {
        base: "CREATE TABLE t (id int, price int CONSTRAINT positive CHECK (price > 0));",
        head: "CREATE TABLE t (id int, price int);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, price int CONSTRAINT positive CHECK (price > 0));",
        head: "CREATE TABLE t (id int, price int CONSTRAINT price_positive CHECK (price > 0));",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .dropped(Kind::Constraint)
        .filter(|constraint| !look::is_not_null_constraint(facts, constraint) && !look::replaced_by_twin(facts, constraint))
        .map(|constraint| {
            let what = facts
                .base
                .objects
                .get(constraint)
                .and_then(look::constraint_type)
                .map_or("constraint", look::ConstraintType::words);
            let message = format!("The {what} {} is dropped; rows that it refused are taken.", look::name(constraint));
            RULE.finding(facts, constraint, message)
        })
        .collect()
}
