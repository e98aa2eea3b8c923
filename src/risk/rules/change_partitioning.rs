//! `change-partitioning`: the partitioning of a table changes.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-partitioning",
    level: Level::Danger,
    title: "The partitioning of a table changes",
    what: "A table is partitioned in another way, a partition has other bounds, or is no longer one. A warning where a table becomes a partition.",
    why: "Rows of a detached partition vanish from its table; other keys or bounds need every row to be moved.",
    effect: "AccessExclusive lock on table and partitions; all rows are read, or written anew.",
    advice: "Create the new table or partition beside the old one, copy in batches, and swap their names.",
    source: "https://www.postgresql.org/docs/current/ddl-partitioning.html",
    bad: Example {
        base: "CREATE TABLE t (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
        head: "CREATE TABLE t (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE t1 (id int, d date);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
        head: "CREATE TABLE t (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Table || matches!(change.action, Action::Create | Action::Drop) {
        return None;
    }
    let changed = |name: &str| change.attributes.iter().find(|attribute| attribute.name == name);
    let name = look::name(&change.object);
    let (message, level) = if changed("partition_key").is_some() {
        (format!("The partition key of {name} changes: every row has to be moved."), Level::Danger)
    } else if let Some(parent) = changed("partition_of") {
        match parent.before.is_some() {
            true => (format!("Table {name} is no longer a partition: its rows vanish from the partitioned table."), Level::Danger),
            false => (format!("Table {name} becomes a partition: all its rows are read first."), Level::Warning),
        }
    } else {
        changed("partition_bound")?;
        (format!("The bounds of the partition {name} change."), Level::Danger)
    };
    Some(RULE.finding(facts, &change.object, message).at_level(level))
}
