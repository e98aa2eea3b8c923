//! `drop-table`: a table is dropped.

use crate::{
    catalog::Kind,
    plan::sql,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-table",
    level: Level::Danger,
    title: "A table is dropped",
    what: "A table of the base is not in the head, partitions and foreign tables included.",
    why: "Its rows are gone, and everything that reads it fails from that moment on.",
    effect: "AccessExclusive lock for an instant; the data cannot be had back but from a backup.",
    advice: "Stop using it first, release that, keep a copy of the data, and drop it in a later pull request.",
    source: "https://www.postgresql.org/docs/current/sql-droptable.html",
    bad: Example {
        base: "CREATE TABLE tenants (id int PRIMARY KEY, name text);
CREATE TABLE old_log (id int);",
        head: "CREATE TABLE tenants (id int PRIMARY KEY, name text);",
    },
    good: Example {
        base: "CREATE TABLE old_log (id int);",
        head: "CREATE TABLE old_log (id int);
COMMENT ON TABLE old_log IS 'unused since 2.4, to be dropped in 2.6';",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Table, Kind::ForeignTable]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|table| {
            let name = look::qualified(&table.path, 2);
            let message = format!("Table {} is dropped with all its rows{}.", look::name(table), look::readers(facts, table));
            let sql = format!(
                "-- first, in a release of its own: nobody may use it any more\nREVOKE ALL ON {name} FROM PUBLIC;\nALTER TABLE {name} RENAME TO {};",
                sql::ident(&format!("{}_unused", look::last_name(table)))
            );
            RULE.finding(facts, table, message).safer(sql)
        })
        .collect()
}
