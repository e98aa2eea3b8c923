//! `add-column`: a column is added to a table that is there.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "add-column",
    level: Level::Notice,
    title: "A column is added to a table that is there",
    what: "A table of the base has a column more in the head.",
    why: "What reads `SELECT *` gets a column more, and an INSERT without a list of columns has a value too few or puts one in another place.",
    effect: "AccessExclusive lock for an instant.",
    advice: "Look for `SELECT *` and for INSERTs without a list of columns in the applications that are running.",
    source: "https://squawkhq.com/docs/ban-add-column",
    bad: Example { base: "CREATE TABLE t (id int);", head: "CREATE TABLE t (id int, note text);" },
    good: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
CREATE TABLE notes (id bigint PRIMARY KEY, note text);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let added = facts.created(Kind::Column).filter(|column| look::is_table_column(facts, &column.id));
    added
        .filter(|column| facts.relation_existed(column.id.path.get(..2).unwrap_or_default()))
        .map(|column| {
            RULE.finding(facts, &column.id, format!("Column {} is added to a table that is there.", look::name(&column.id)))
        })
        .collect()
}
