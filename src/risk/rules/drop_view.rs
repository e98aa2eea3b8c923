//! `drop-view`: a view is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-view",
    level: Level::Danger,
    title: "A view is dropped",
    what: "A view of the base is not in the head.",
    why: "Every query, view and function that reads it fails from that moment on, and its grants are gone.",
    effect: "AccessExclusive lock on the view; no data is lost.",
    advice: "Move its readers first and drop it in a later pull request.",
    source: "https://www.postgresql.org/docs/current/sql-dropview.html",
    bad: Example {
        base: "CREATE TABLE t (id int);
CREATE VIEW v AS SELECT id FROM t;",
        head: "CREATE TABLE t (id int);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, a int);
CREATE VIEW v AS SELECT id FROM t;",
        head: "CREATE TABLE t (id int, a int);
CREATE VIEW v AS SELECT id, a FROM t;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::View]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| {
            RULE.finding(
                facts,
                object,
                format!("View {} is dropped; what reads it fails{}.", look::name(object), look::readers(facts, object)),
            )
        })
        .collect()
}
