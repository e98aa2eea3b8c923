//! `drop-statistics`: extended statistics are dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-statistics",
    level: Level::Notice,
    title: "Extended statistics are dropped",
    what: "Extended statistics of the base are not in the head.",
    why: "The planner guesses the columns as independent again; plans may change for the worse.",
    effect: "ShareUpdateExclusive lock on the table.",
    advice: "Look at the plans of the queries that they were made for.",
    source: "https://www.postgresql.org/docs/current/sql-dropstatistics.html",
    bad: Example {
        base: "CREATE TABLE t (a int, b int);
CREATE STATISTICS st ON a, b FROM t;",
        head: "CREATE TABLE t (a int, b int);",
    },
    good: Example {
        base: "CREATE TABLE t (a int, b int);",
        head: "CREATE TABLE t (a int, b int);
CREATE STATISTICS st ON a, b FROM t;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Statistics]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| RULE.finding(facts, object, format!("Statistics {} are dropped.", look::name(object))))
        .collect()
}
