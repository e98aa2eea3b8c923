//! `add-column-not-null`: a column that every row must have is added without a default.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "add-column-not-null",
    level: Level::Danger,
    title: "A column that every row must have is added without a default",
    what: "A NOT NULL column without default, identity or generation is added to a table that is there in the base.",
    why: "The statement fails on any table with a row, and every writer that does not know the column fails afterwards.",
    effect: "AccessExclusive lock; SQLSTATE 23502 as soon as there is one row.",
    advice: "Give it a default, or add it without NOT NULL, fill it in batches, and set NOT NULL later.",
    source: "https://squawkhq.com/docs/adding-required-field",
    bad: Example { base: "CREATE TABLE t (id int);", head: "CREATE TABLE t (id int, tenant text NOT NULL);" },
    good: Example { base: "CREATE TABLE t (id int);", head: "CREATE TABLE t (id int, tenant text NOT NULL DEFAULT 'none');" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .created(Kind::Column)
        .filter(|column| look::is_table_column(facts, &column.id))
        .filter(|column| look::is_not_null(column) && !look::has_default(facts.target, column))
        .map(|column| {
            let (table, name) = (look::relation_sql(&column.id), look::last_sql(&column.id));
            let kind = look::text(column, "type").unwrap_or("text");
            let sql = format!(
                "ALTER TABLE {table} ADD COLUMN {name} {kind};\n-- then fill it in batches, and\n\
                 ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL;"
            );
            let message = format!(
                "Column {} is added as NOT NULL without a default: that fails on a table with rows.",
                look::name(&column.id)
            );
            RULE.finding(facts, &column.id, message).safer(sql)
        })
        .collect()
}
