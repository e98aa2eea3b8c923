//! `duplicate-index`: an index is there twice.

use crate::{
    catalog::{Action, Change, Kind, Object},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "duplicate-index",
    level: Level::Notice,
    title: "An index is there twice",
    what: "An index is created that has the definition of another one, but for its name.",
    why: "Every write keeps both up.",
    effect: "Share lock while it is built.",
    advice: "Leave it out.",
    source: "https://www.postgresql.org/docs/current/indexes.html",
    bad: Example {
        base: "CREATE TABLE t (a int);
CREATE INDEX one ON t (a);",
        head: "CREATE TABLE t (a int);
CREATE INDEX one ON t (a);
CREATE INDEX two ON t (a);",
    },
    good: Example {
        base: "CREATE TABLE t (a int, b int);
CREATE INDEX one ON t (a);",
        head: "CREATE TABLE t (a int, b int);
CREATE INDEX one ON t (a);
CREATE INDEX two ON t (b);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Index || change.action != Action::Create {
        return None;
    }
    let index = facts.target.objects.get(&change.object)?;
    let after_name = |object: &Object| {
        look::definition(object).split_once(" ON ").map(|(head, tail)| (head.contains(" UNIQUE "), tail.to_string()))
    };
    let own = after_name(index)?;
    let mut others = facts.indexes_of(index.parent.as_ref()?).filter(|other| other.id != index.id);
    let twin = others.find(|other| after_name(other).as_ref() == Some(&own))?;
    Some(RULE.finding(
        facts,
        &change.object,
        format!("Index {} is the same as {}.", look::name(&change.object), look::name(&twin.id)),
    ))
}
