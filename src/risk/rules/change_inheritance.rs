//! `change-inheritance`: a table inherits from others than before.

use crate::{
    catalog::{Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-inheritance",
    level: Level::Warning,
    title: "A table inherits from others than before",
    what: "A table that stays has other parents (`INHERITS`) in the head. Partitions are the matter of `change-partitioning`.",
    why: "Queries of a parent see the rows of its children: those of a table that leaves are missing from then on, and those of one that joins appear.",
    effect: "AccessExclusive lock on the table, ShareUpdateExclusive on its parent, for an instant.",
    advice: "Look for queries of the parent that count on these rows, or would be surprised by them.",
    source: "https://squawkhq.com/docs/ban-detach-inheritance",
    bad: Example {
        base: "CREATE TABLE p (id int);
CREATE TABLE c (id int) INHERITS (p);",
        head: "CREATE TABLE p (id int);
CREATE TABLE c (id int);",
    },
    good: Example {
        base: "CREATE TABLE p (id int);
CREATE TABLE c (id int) INHERITS (p);",
        head: "CREATE TABLE p (id int);
CREATE TABLE c (id int, note text) INHERITS (p);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Table {
        return None;
    }
    let (before, after) = (facts.in_base(&change.object)?, facts.target.objects.get(&change.object)?);
    let (old, new) = (before.list("inherits"), after.list("inherits"));
    let beyond =
        |some: &[String], others: &[String]| some.iter().filter(|name| !others.contains(name)).cloned().collect::<Vec<_>>();
    let (left, joined) = (beyond(old, new), beyond(new, old));
    let what = match (left.is_empty(), joined.is_empty()) {
        (true, true) => return None,
        (false, _) => format!("no longer inherits from {}: queries of it miss its rows", look::listed(&left)),
        (true, false) => format!("inherits from {}: queries of it see its rows", look::listed(&joined)),
    };
    Some(RULE.finding(facts, &change.object, format!("Table {} {what}.", look::name(&change.object))))
}
