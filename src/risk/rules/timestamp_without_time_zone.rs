//! `timestamp-without-time-zone`: a new column is a timestamp without time zone.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "timestamp-without-time-zone",
    level: Level::Notice,
    title: "A new column is a timestamp without time zone",
    what: "A new column has the type `timestamp without time zone`.",
    why: "The same value means another moment to every client with another time zone.",
    effect: "None: it is about later.",
    advice: "Take `timestamptz`.",
    source: "https://squawkhq.com/docs/prefer-timestamp-tz",
    bad: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, made timestamp);" },
    good: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, made timestamptz);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::new_columns(facts)
        .into_iter()
        .filter(|column| {
            look::text(column, "type").is_some_and(|name| name.starts_with("timestamp") && name.ends_with("without time zone"))
        })
        .map(|column| RULE.finding(facts, &column.id, format!("Column {} keeps no time zone.", look::name(&column.id))))
        .collect()
}
