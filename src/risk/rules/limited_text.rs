//! `limited-text`: a new column limits the length of its text.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "limited-text",
    level: Level::Notice,
    title: "A new column limits the length of its text",
    what: "A new column has the type `varchar(n)`.",
    why: "A longer limit later is free, a shorter one reads the table, and every client learns of the limit by an error.",
    effect: "None: it is about later.",
    advice: "Take `text`, and a CHECK on its length where there is one: it can be changed without the type, and added NOT VALID.",
    source: "https://squawkhq.com/docs/prefer-text-field",
    bad: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, name varchar(50));" },
    good: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, name text CHECK (length(name) <= 50));" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::new_columns(facts)
        .into_iter()
        .filter_map(|column| {
            let name = look::text(column, "type").filter(|name| name.starts_with("character varying("))?;
            Some(RULE.finding(facts, &column.id, format!("Column {} is {}.", look::name(&column.id), look::quoted(name))))
        })
        .collect()
}
