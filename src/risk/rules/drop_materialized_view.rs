//! `drop-materialized-view`: a materialized view is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-materialized-view",
    level: Level::Danger,
    title: "A materialized view is dropped",
    what: "A materialized view of the base is not in the head.",
    why: "Its stored rows and indexes are gone and take a full query to make again; what reads it fails.",
    effect: "AccessExclusive lock on the view.",
    advice: "Move its readers first and drop it in a later pull request.",
    source: "https://www.postgresql.org/docs/current/sql-dropmaterializedview.html",
    bad: Example {
        base: "CREATE TABLE t (id int);
CREATE MATERIALIZED VIEW m AS SELECT id FROM t;",
        head: "CREATE TABLE t (id int);",
    },
    good: Example {
        base: "CREATE TABLE t (id int);
CREATE MATERIALIZED VIEW m AS SELECT id FROM t;",
        head: "CREATE TABLE t (id int);
CREATE MATERIALIZED VIEW m AS SELECT id FROM t;
CREATE INDEX m_id ON m (id);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::MaterializedView]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| {
            RULE.finding(
                facts,
                object,
                format!(
                    "Materialized view {} is dropped with its stored rows{}.",
                    look::name(object),
                    look::readers(facts, object)
                ),
            )
        })
        .collect()
}
