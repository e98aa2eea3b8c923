//! `drop-rule`: a rewrite rule is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-rule",
    level: Level::Warning,
    title: "A rewrite rule is dropped",
    what: "A rule of a table or view that stays is not in the head.",
    why: "What it rewrote runs as it is written, or fails: a view may no longer take writes.",
    effect: "AccessExclusive lock on the relation.",
    advice: "Make sure that nobody writes by way of it.",
    source: "https://www.postgresql.org/docs/current/sql-droprule.html",
    bad: Example {
        base: "CREATE TABLE t (id int);
CREATE RULE keep AS ON DELETE TO t DO INSTEAD NOTHING;",
        head: "CREATE TABLE t (id int);",
    },
    good: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
CREATE RULE keep AS ON DELETE TO t DO INSTEAD NOTHING;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Rule]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| RULE.finding(facts, object, format!("Rule {} is dropped.", look::name(object))))
        .collect()
}
