//! `change-replica-identity`: the replica identity of a table changes.

use crate::{
    catalog::{Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-replica-identity",
    level: Level::Warning,
    title: "The replica identity of a table changes",
    what: "REPLICA IDENTITY of a table differs.",
    why: "Subscribers get other old values with updates and deletes, or none, and stop.",
    effect: "AccessExclusive lock for an instant.",
    advice: "Tell whoever subscribes first.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-REPLICA-IDENTITY",
    bad: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
ALTER TABLE t REPLICA IDENTITY FULL;",
    },
    good: Example { base: "CREATE TABLE t (id int);", head: "CREATE TABLE t (id int, a int);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let changes = change.object.kind == Kind::Table && change.concerns("replica_identity");
    changes.then(|| RULE.finding(facts, &change.object, format!("The replica identity of {} changes.", look::name(&change.object))))
}
