//! `json-column`: a new column is json, not jsonb.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "json-column",
    level: Level::Notice,
    title: "A new column is json, not jsonb",
    what: "A new column has the type `json`.",
    why: "It is parsed at every reading, has no equality and cannot be indexed.",
    effect: "None: it is about later.",
    advice: "Take `jsonb`.",
    source: "https://www.postgresql.org/docs/current/datatype-json.html",
    bad: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, body json);" },
    good: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, body jsonb);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::new_columns(facts)
        .into_iter()
        .filter(|column| look::text(column, "type").is_some_and(|name| name == "json"))
        .map(|column| RULE.finding(facts, &column.id, format!("Column {} is parsed at every reading.", look::name(&column.id))))
        .collect()
}
