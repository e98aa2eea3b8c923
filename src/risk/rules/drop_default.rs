//! `drop-default`: a default is dropped.

use crate::{
    catalog::{Action, Change, Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-default",
    level: Level::Notice,
    title: "A default is dropped",
    what: "The default of a column that stays is not in the head. A warning when the column is NOT NULL.",
    why: "Writers that leave the column out get NULL from then on, or fail when it is NOT NULL.",
    effect: "AccessExclusive lock for an instant.",
    advice: "Make sure that every writer gives the column a value first.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html",
    bad: Example { base: "CREATE TABLE t (id int, state text DEFAULT 'new');", head: "CREATE TABLE t (id int, state text);" },
    good: Example {
        base: "CREATE TABLE t (id int, state text DEFAULT 'new');",
        head: "CREATE TABLE t (id int, state text DEFAULT 'fresh');",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Default || change.action != Action::Drop {
        return None;
    }
    let column = ObjectId { kind: Kind::Column, path: change.object.path.clone() };
    let after = facts.target.objects.get(&column)?;
    if look::has_default(facts.target, after) || !look::is_table_column(facts, &column) {
        return None;
    }
    let required = look::is_not_null(after);
    let then = if required { "writers that leave it out fail" } else { "writers that leave it out store NULL" };
    let message = format!("The default of {} is dropped: {then}.", look::name(&column));
    Some(RULE.finding(facts, &change.object, message).at_level(if required { Level::Warning } else { Level::Notice }))
}
