//! `drop-index`: an index is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-index",
    level: Level::Warning,
    title: "An index is dropped",
    what: "An index that belongs to no constraint is not in the head, and no other of the same columns takes its place.",
    why: "Queries that used it read the whole table instead.",
    effect: "AccessExclusive lock on the table until running queries on it have ended. `DROP INDEX CONCURRENTLY` does not block.",
    advice: "Look at `pg_stat_user_indexes.idx_scan` in production first; drop it with `CONCURRENTLY`.",
    source: "https://www.postgresql.org/docs/current/sql-dropindex.html",
    bad: Example {
        base: "CREATE TABLE t (id int, a int);
CREATE INDEX t_a ON t (a);",
        head: "CREATE TABLE t (id int, a int);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, a int);
CREATE INDEX t_a ON t (a);",
        head: "CREATE TABLE t (id int, a int);
CREATE INDEX t_a ON t (a);
CREATE INDEX t_id_a ON t (id, a);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .dropped(Kind::Index)
        .map(|index| {
            let name = look::index_sql(index);
            let message = format!("Index {} is dropped; queries that use it read the whole table.", look::name(index));
            RULE.finding(facts, index, message).safer(format!("DROP INDEX CONCURRENTLY {name};"))
        })
        .collect()
}
