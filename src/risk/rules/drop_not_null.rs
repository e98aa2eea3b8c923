//! `drop-not-null`: a column may be NULL.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-not-null",
    level: Level::Notice,
    title: "A column may be NULL",
    what: "A NOT NULL column of the base may be NULL in the head.",
    why: "Readers that rely on a value find NULL; it cannot be had back before the NULLs are filled.",
    effect: "AccessExclusive lock for an instant.",
    advice: "Make sure that readers can do with NULL first.",
    source: "https://squawkhq.com/docs/ban-drop-not-null",
    bad: Example { base: "CREATE TABLE t (id int, name text NOT NULL);", head: "CREATE TABLE t (id int, name text);" },
    good: Example {
        base: "CREATE TABLE t (id int, name text NOT NULL);",
        head: "CREATE TABLE t (id int, name text NOT NULL, nick text);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Column || matches!(change.action, Action::Create | Action::Drop) {
        return None;
    }
    let before = facts.base.objects.get(change.renamed_from.as_ref().unwrap_or(&change.object))?;
    let after = facts.target.objects.get(&change.object)?;
    let loses = look::is_not_null(before) && !look::is_not_null(after) && look::is_table_column(facts, &change.object);
    loses.then(|| RULE.finding(facts, &change.object, format!("Column {} may be NULL from then on.", look::name(&change.object))))
}
