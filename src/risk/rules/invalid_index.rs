//! `invalid-index`: an index is invalid.

use crate::{
    catalog::{Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "invalid-index",
    level: Level::Warning,
    title: "An index is invalid",
    what: "An index of the base is INVALID: what a CREATE INDEX CONCURRENTLY that failed leaves behind.",
    why: "No query uses it, every write keeps it up, and `IF NOT EXISTS` takes it for done.",
    effect: "None.",
    advice: "Drop it concurrently and build it again.",
    source: "https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
    bad: Example { base: "", head: "" },
    good: Example { base: "", head: "" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Index {
        return None;
    }
    let invalid = facts.in_base(&change.object).is_some_and(|index| look::is_true(index, "invalid"));
    invalid
        .then(|| RULE.finding(facts, &change.object, format!("Index {} is invalid: no query uses it.", look::name(&change.object))))
}
