//! `change-default`: a default changes.

use crate::{
    catalog::{Action, Change, Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-default",
    level: Level::Notice,
    title: "A default changes",
    what: "A column that stays gets a default, or another one.",
    why: "Rows that are written from then on hold another value where none is given; rows that are there keep theirs.",
    effect: "AccessExclusive lock for an instant.",
    advice: "See that writers and readers expect the new value.",
    source: "https://squawkhq.com/docs/ban-set-default",
    bad: Example {
        base: "CREATE TABLE t (id int, state text DEFAULT 'new');",
        head: "CREATE TABLE t (id int, state text DEFAULT 'fresh');",
    },
    good: Example {
        base: "CREATE TABLE t (id int, state text DEFAULT 'new');",
        head: "CREATE TABLE t (id int, state text DEFAULT 'new', kind text DEFAULT 'a');",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Default || !matches!(change.action, Action::Create | Action::Alter | Action::Replace) {
        return None;
    }
    let column = ObjectId { kind: Kind::Column, path: change.object.path.clone() };
    let stays = look::is_table_column(facts, &column) && facts.in_base(&column).is_some();
    stays.then(|| {
        let message = format!("Column {} gets another value where a writer gives none.", look::name(&column));
        RULE.finding(facts, &change.object, message)
    })
}
