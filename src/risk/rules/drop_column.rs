//! `drop-column`: a column is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-column",
    level: Level::Danger,
    title: "A column is dropped",
    what: "A column of a table that stays is not in the head.",
    why: "Its values are gone, and every statement that names the column fails from that moment on.",
    effect: "AccessExclusive lock for an instant, no rewrite; the values cannot be had back but from a backup.",
    advice: "Stop reading and writing it first, release that, and drop it in a later pull request.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html",
    bad: Example {
        base: "CREATE TABLE tenants (id int PRIMARY KEY, legacy_code text);",
        head: "CREATE TABLE tenants (id int PRIMARY KEY);",
    },
    good: Example {
        base: "CREATE TABLE tenants (id int PRIMARY KEY, legacy_code text NOT NULL);",
        head: "CREATE TABLE tenants (id int PRIMARY KEY, legacy_code text);
COMMENT ON COLUMN tenants.legacy_code IS 'unused since 2.4, to be dropped in 2.6';",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .dropped(Kind::Column)
        .filter(|column| look::is_table_column(facts, column))
        .map(|column| {
            let table = look::relation_sql(column);
            let name = look::last_sql(column);
            let message = format!("Column {} is dropped with all its values{}.", look::name(column), look::readers(facts, column));
            let sql = format!(
                "-- first, in a release of its own: keep the values, and let new rows do without it\n\
                 ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL;"
            );
            let required = facts.object(column).is_some_and(look::is_not_null);
            let finding = RULE.finding(facts, column, message);
            if required { finding.safer(sql) } else { finding }
        })
        .collect()
}
