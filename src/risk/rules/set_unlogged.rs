//! `set-unlogged`: a table becomes unlogged.

use crate::{
    catalog::{Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "set-unlogged",
    level: Level::Danger,
    title: "A table becomes unlogged",
    what: "A table is logged in the base and UNLOGGED in the head.",
    why: "After a crash it is empty, and replicas have none of its rows.",
    effect: "AccessExclusive lock while the table is rewritten.",
    advice: "Keep it logged; for speed, batch the writes.",
    source: "https://www.postgresql.org/docs/current/sql-createtable.html#SQL-CREATETABLE-UNLOGGED",
    bad: Example { base: "CREATE TABLE t (id int);", head: "CREATE UNLOGGED TABLE t (id int);" },
    good: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
CREATE UNLOGGED TABLE cache (id int);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let (before, after) = (facts.in_base(&change.object)?, facts.target.objects.get(&change.object)?);
    let becomes = change.object.kind == Kind::Table && !look::is_true(before, "unlogged") && look::is_true(after, "unlogged");
    becomes.then(|| {
        RULE.finding(facts, &change.object, format!("Table {} is empty after a crash from then on.", look::name(&change.object)))
    })
}
