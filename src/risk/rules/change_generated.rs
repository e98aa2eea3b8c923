//! `change-generated`: a generated column changes.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-generated",
    level: Level::Warning,
    title: "A generated column changes",
    what: "The expression of a generated column differs, or a column begins or ceases to be generated.",
    why: "Every value is computed anew; what was written by hand is lost.",
    effect: "AccessExclusive lock while the table is rewritten.",
    advice: "Add a column with the new expression, switch the readers, and drop the old one later.",
    source: "https://www.postgresql.org/docs/current/ddl-generated-columns.html",
    bad: Example {
        base: "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED);",
        head: "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 2) STORED);",
    },
    good: Example {
        base: "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED);",
        head: "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED, c int);",
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
    change.attributes.iter().find(|attribute| matches!(attribute.name, "generated" | "expression"))?;
    Some(RULE.finding(
        facts,
        &change.object,
        format!("How {} is generated changes: its values are computed anew.", look::name(&change.object)),
    ))
}
