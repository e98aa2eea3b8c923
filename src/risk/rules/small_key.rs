//! `small-key`: a new key may run out.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "small-key",
    level: Level::Notice,
    title: "A new key may run out",
    what: "The primary key of a new table is one column of type integer or smallint.",
    why: "It runs out at 2,147,483,647 (or 32,767), and widening it then rewrites the table and all that refer to it.",
    effect: "None: it is about later.",
    advice: "Take `bigint`, or a uuid.",
    source: "https://squawkhq.com/docs/prefer-bigint-over-int",
    bad: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY);" },
    good: Example { base: "", head: "CREATE TABLE t (id bigint PRIMARY KEY);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::new_columns(facts)
        .into_iter()
        .filter(|column| matches!(look::text(column, "type"), Some("integer" | "smallint")))
        .filter(|column| !facts.relation_existed(column.id.path.get(..2).unwrap_or_default()) && look::is_sole_key(facts, column))
        .map(|column| RULE.finding(facts, &column.id, format!("The key {} may run out of numbers.", look::name(&column.id))))
        .collect()
}
