//! `change-setting`: a setting of the database or of a role changes.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-setting",
    level: Level::Notice,
    title: "A setting of the database or of a role changes",
    what: "What ALTER DATABASE … SET or ALTER ROLE … SET says differs.",
    why: "Every connection that is made from then on behaves otherwise: time zone, search path, limits.",
    effect: "No lock; connections that are there keep what they have.",
    advice: "See that the applications expect it, and have them connect anew.",
    source: "https://squawkhq.com/docs/ban-alter-database-options",
    bad: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
DO $$ begin execute format('ALTER DATABASE %I SET statement_timeout = 5000', current_database()); end $$;",
    },
    good: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
SET statement_timeout = 5000;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let settings = facts.changes.iter().map(|change| &change.object).filter(|object| object.kind == Kind::Setting);
    settings
        .map(|setting| {
            let message = format!("Setting {} changes for connections that are made from then on.", look::name(setting));
            RULE.finding(facts, setting, message)
        })
        .collect()
}
