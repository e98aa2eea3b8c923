//! `table-without-primary-key`: a new table has no primary key.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "table-without-primary-key",
    level: Level::Notice,
    title: "A new table has no primary key",
    what: "A table is created without a primary key or partitioning parent.",
    why: "Its rows cannot be told apart, and logical replication refuses updates and deletes.",
    effect: "None.",
    advice: "Give it one: `id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY`, or a uuid.",
    source: "https://squawkhq.com/docs/rules",
    bad: Example { base: "", head: "CREATE TABLE t (id int);" },
    good: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Table || change.action != Action::Create {
        return None;
    }
    let table = facts.target.objects.get(&change.object)?;
    let mut keys = facts.target.within(Kind::Constraint, &change.object);
    let keyed = keys.any(|key| look::constraint_type(key) == Some(look::ConstraintType::PrimaryKey));
    (!keyed && look::text(table, "partition_of").is_none())
        .then(|| RULE.finding(facts, &change.object, format!("Table {} has no primary key.", look::name(&change.object))))
}
