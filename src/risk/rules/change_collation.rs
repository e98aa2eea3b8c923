//! `change-collation`: the collation of a column changes.

use crate::{
    catalog::{Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-collation",
    level: Level::Warning,
    title: "The collation of a column changes",
    what: "A column has another collation in the head.",
    why: "Order and equality of its texts change; its indexes are built anew.",
    effect: "AccessExclusive lock while its indexes are built.",
    advice: "Add an index with the other collation, or use COLLATE in the queries that need it.",
    source: "https://www.postgresql.org/docs/current/collation.html",
    bad: Example { base: "CREATE TABLE t (name text);", head: r#"CREATE TABLE t (name text COLLATE "C");"# },
    good: Example { base: "CREATE TABLE t (name text);", head: r#"CREATE TABLE t (name text, code text COLLATE "C");"# },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let changes = change.object.kind == Kind::Column && change.concerns("collation");
    (changes && look::is_table_column(facts, &change.object))
        .then(|| RULE.finding(facts, &change.object, format!("The collation of {} changes.", look::name(&change.object))))
}
