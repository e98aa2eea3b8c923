//! `change-owner`: an object gets another owner.

use crate::{
    catalog::{Change, Value},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-owner",
    level: Level::Warning,
    title: "An object gets another owner",
    what: "The owner of an object differs between base and head.",
    why: "Owners may do everything with it, and row security does not hold for them; the old owner loses all of that.",
    effect: "AccessExclusive lock for an instant.",
    advice: "Let somebody who answers for access look at it.",
    source: "https://www.postgresql.org/docs/current/ddl-priv.html",
    bad: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
ALTER TABLE t OWNER TO pg_monitor;",
    },
    good: Example { base: "CREATE TABLE t (id int);", head: "CREATE TABLE t (id int, a int);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let attribute = change.attributes.iter().find(|attribute| attribute.name == "owner")?;
    let who = |value: &Option<Value>| match value {
        Some(Value::Text(name)) => look::quoted(name),
        _ => "its creator".into(),
    };
    let (before, after) = (who(&attribute.before), who(&attribute.after));
    let message =
        format!("{} {} belongs to {after} instead of {before}.", look::kind_title(change.object.kind), look::name(&change.object));
    Some(RULE.finding(facts, &change.object, message))
}
