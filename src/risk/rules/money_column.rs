//! `money-column`: a new column is money.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "money-column",
    level: Level::Notice,
    title: "A new column is money",
    what: "A new column has the type `money`.",
    why: "Its fraction digits depend on the setting lc_monetary of whoever reads it.",
    effect: "None: it is about later.",
    advice: "Take `numeric` and a column for the currency.",
    source: "https://www.postgresql.org/docs/current/datatype-money.html",
    bad: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, price money);" },
    good: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, price numeric);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::new_columns(facts)
        .into_iter()
        .filter(|column| look::text(column, "type").is_some_and(|name| name == "money"))
        .map(|column| RULE.finding(facts, &column.id, format!("Column {} depends on lc_monetary.", look::name(&column.id))))
        .collect()
}
