//! `wasted-padding`: the order of a new table’s columns wastes room.

use std::collections::BTreeMap;

use crate::{
    catalog::{Kind, Object, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look, types},
};

pub static RULE: Rule = Rule {
    id: "wasted-padding",
    level: Level::Notice,
    title: "The order of a new table’s columns wastes room",
    what: "The columns of fixed length of a new table stand in an order that makes Postgres pad each row by eight bytes or more than needed.",
    why: "Each value begins at a multiple of its alignment; on a table with many rows the gaps are gigabytes, and the order cannot be changed later.",
    effect: "None but room on disk and in memory.",
    advice: "Put columns of eight bytes first, then those of four, two and one, then those of variable length.",
    source: "https://www.postgresql.org/docs/current/storage-page-layout.html",
    bad: Example { base: "", head: "CREATE TABLE t (a boolean, b bigint, c boolean, d bigint);" },
    good: Example { base: "", head: "CREATE TABLE t (b bigint, d bigint, a boolean, c boolean);" },
    check,
};

/// Bytes in a row that are worth a word.
const LEAST: u64 = 8;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut tables: BTreeMap<&ObjectId, Vec<&Object>> = BTreeMap::new();
    for column in look::new_columns(facts) {
        if let Some(table) =
            column.parent.as_ref().filter(|table| table.kind == Kind::Table && !facts.relation_existed(&table.path))
        {
            tables.entry(table).or_default().push(column);
        }
    }
    tables
        .into_iter()
        .filter_map(|(table, mut columns)| {
            columns.sort_by_key(|column| column.integer("position"));
            // What stands behind the first column of variable length begins anywhere.
            let lengths: Option<Vec<u64>> = columns.iter().map(|column| length(look::text(column, "type")?)).collect();
            let lengths = lengths?;
            let mut best = lengths.clone();
            best.sort_by(|a, b| b.cmp(a));
            let wasted = size(&lengths) - size(&best);
            (wasted >= LEAST).then(|| {
                let message =
                    format!("Each row of {} is {wasted} bytes longer than in the best order of its columns.", look::name(table));
                RULE.finding(facts, table, message)
            })
        })
        .collect()
}

/// Length, which is also the alignment, of a type of fixed length (`pg_type.typlen` and `typalign`).
fn length(name: &str) -> Option<u64> {
    Some(match types::base(name).as_str() {
        "boolean" | "\"char\"" => 1,
        "smallint" => 2,
        "integer" | "real" | "date" | "oid" => 4,
        "bigint"
        | "double precision"
        | "money"
        | "timestamp without time zone"
        | "timestamp with time zone"
        | "time without time zone" => 8,
        _ => return None,
    })
}

/// Bytes of a row's values with the gaps, up to a multiple of eight.
fn size(lengths: &[u64]) -> u64 {
    lengths.iter().fold(0, |at: u64, length| at.next_multiple_of(*length) + length).next_multiple_of(8)
}
