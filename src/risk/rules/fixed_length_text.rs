//! `fixed-length-text`: a new column is padded text.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "fixed-length-text",
    level: Level::Notice,
    title: "A new column is padded text",
    what: "A new column has the type `char(n)`.",
    why: "Values are padded with spaces, which some comparisons see and some do not.",
    effect: "None: it is about later.",
    advice: "Take `text`, with a check for the length if it matters.",
    source: "https://squawkhq.com/docs/ban-char-field",
    bad: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, code char(3));" },
    good: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, code text);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::new_columns(facts)
        .into_iter()
        .filter(|column| look::text(column, "type").is_some_and(|name| name.starts_with("character(")))
        .map(|column| RULE.finding(facts, &column.id, format!("Column {} is padded with spaces.", look::name(&column.id))))
        .collect()
}
