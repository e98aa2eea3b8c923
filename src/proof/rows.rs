//! Rows that are made up for a copy, so that a step that only fails on rows fails in the replay.
//!
//! Two kinds. *Ordinary* rows go into empty tables, three each: whatever fails on them fails on nearly any data. *Unusual* ones go
//! into every table that the plan works on: each is an existing row with what its constraints allow and a change may not, such as NULLs, the
//! same values twice, the longest texts, blanks at the end of some and the largest numbers; what fails on them fails on a database that has such rows.
//!
//! Foreign keys hold by construction: a column that refers to another table takes its values from there, or, where tables refer to each other,
//! a value that depends on type and row number alone. What a check wants is found by trying the literals that it is made of. What
//! constraints refuse is left out.

mod table;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use tokio_postgres::Client;

use self::{
    table::{Column, Hint, Table, levels},
    value::{Shape, Types},
};
use super::replay::{Result, run};
use crate::plan::sql;

/// Ordinary rows an empty table gets.
const ROWS: u32 = 3;
/// At most so many tables are filled: a bound on time, far above what a schema under review has.
const TABLES: usize = 2_000;
/// At most so many ways of meeting a table's checks are tried.
const WAYS: usize = 12;
/// At most so many columns of a table are made unusual one by one.
const COLUMNS: usize = 40;
/// Numbers of unusual rows, tried in turn until a key takes one: within a `smallint` and beyond what files insert, then within two digits.
const NUMBERS: [u32; 3] = [30_001, 51, 5];

/// What became of the tables that were empty, by their quoted names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Those that took rows.
    pub made_up: BTreeSet<String>,
    /// Those that refused whatever was tried.
    pub refused: BTreeSet<String>,
}

/// Puts ordinary rows into the empty tables of the database that `client` is connected to.
///
/// # Errors
/// When the catalogs cannot be read or the connection breaks. A row that Postgres refuses is no error.
pub async fn fill(client: &Client) -> Result<Filled> {
    let types = Types::read(client).await?;
    let tables = table::read(client, &types).await?;
    let mut filled = Filled::default();
    let mut done: BTreeMap<u32, &str> = BTreeMap::new();
    run(client, "SET session_replication_role = replica; SET client_min_messages = error").await?;
    for level in levels(&tables) {
        let level: Vec<(u32, &Table)> = level
            .iter()
            .take(TABLES.saturating_sub(filled.made_up.len()))
            .filter_map(|oid| Some((*oid, tables.get(oid)?)))
            .collect();
        let empty = level.iter().filter(|(_, table)| table.empty);
        let inserts = empty.map(async |(_, table)| (table.name.clone(), ordinary(client, &types, table, &done).await));
        for (name, taken) in join_all(inserts).await {
            if taken {
                filled.made_up.insert(name)
            } else {
                filled.refused.insert(name)
            };
        }
        done.extend(level.iter().map(|(oid, table)| (*oid, table.name.as_str())));
    }
    run(client, "RESET session_replication_role").await?;
    Ok(filled)
}

/// Adds unusual rows to tables that have rows: to those of these quoted names, or to all.
///
/// # Errors
/// As [`fill`].
pub async fn fill_unusual(client: &Client, only: Option<&BTreeSet<String>>) -> Result<()> {
    let types = Types::read(client).await?;
    let tables = table::read(client, &types).await?;
    run(client, "SET session_replication_role = replica; SET client_min_messages = error").await?;
    let wanted = tables.values().filter(|table| only.is_none_or(|only| only.contains(&table.name)));
    join_all(wanted.take(TABLES).map(|table| unusual(client, &types, table))).await;
    run(client, "RESET session_replication_role").await
}

/// How values are chosen so that a table's checks hold.
#[derive(Clone, Copy)]
enum Way {
    Plain,
    /// Columns of one check are each higher than the one before.
    Rising,
    /// The nth thing that a column's literals suggest; the others as `Rising`.
    Suggested(usize),
}

/// Tries all columns, then only those that need a value; three rows, then one; in each way until Postgres takes it.
async fn ordinary(client: &Client, types: &Types, table: &Table, done: &BTreeMap<u32, &str>) -> bool {
    let longest = table.columns.iter().map(|column| suggestions(types, column, 1).len()).max().unwrap_or(0).min(WAYS);
    let rising = table.columns.iter().any(|column| column.place.is_some()).then_some(Way::Rising);
    let ways: Vec<Way> = [Way::Plain].into_iter().chain(rising).chain((0..longest).map(Way::Suggested)).collect();
    for (rows, only_required) in [(ROWS, false), (1, false), (ROWS, true), (1, true)] {
        let columns: Vec<&Column> = table.columns.iter().filter(|column| column.required || !only_required).collect();
        for way in &ways {
            let row = |row: u32| {
                let values =
                    columns.iter().map(|column| one(types, column, *way, row, done).unwrap_or_else(|| "DEFAULT".to_string()));
                format!("({})", values.collect::<Vec<_>>().join(", "))
            };
            let sql = if columns.is_empty() {
                format!("INSERT INTO {} DEFAULT VALUES", table.name)
            } else {
                let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                let rows: Vec<String> = (1..=rows).map(row).collect();
                format!("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES {}", table.name, names.join(", "), rows.join(", "))
            };
            if client.batch_execute(&sql).await.is_ok() {
                return true;
            }
        }
    }
    false
}

/// The value of a column of an ordinary row.
fn one(types: &Types, column: &Column, way: Way, row: u32, done: &BTreeMap<u32, &str>) -> Option<String> {
    if let Some((other, name)) = &column.refers
        && let Some(other) = done.get(other)
    {
        let count = format!("greatest((SELECT count(*) FROM {other}), 1)");
        return Some(format!("(SELECT {name} FROM {other} OFFSET {} % {count} LIMIT 1)", row - 1));
    }
    let plain = |row| types.value(column.r#type, column.modifier, Shape::Plain(row), 0);
    let rising = || plain(row + 7 * column.place.map_or(0, |place| place - 1));
    let value = match way {
        Way::Plain => plain(row),
        Way::Rising => rising(),
        Way::Suggested(at) => {
            let suggested = suggestions(types, column, row);
            suggested.get(at % suggested.len().max(1)).cloned().or_else(rising)
        }
    };
    value.map(|value| format!("({value})::{}", column.written))
}

/// Values that a column's literals suggest for a row.
fn suggestions(types: &Types, column: &Column, row: u32) -> Vec<String> {
    let category = types.category(column.r#type);
    let mut found = Vec::new();
    for hint in &column.hints {
        match hint {
            Hint::Text(text) => found.push(sql::literal(text)),
            Hint::Number(text) if category == 'N' => {
                found.extend([format!("{text} + {row}"), text.clone(), format!("{text} - {row}"), format!("{text} / 2")]);
            }
            Hint::Number(text) => {
                found.push(sql::literal(text));
                if category == 'S' && text.parse::<u16>().is_ok() {
                    found.push(format!("lpad('{row}', {text}, 'x')"));
                }
            }
        }
    }
    found
}

/// Adds rows that are like one that is there but for what is unusual. All columns at once, or, where that is refused, one by one.
async fn unusual(client: &Client, types: &Types, table: &Table) {
    let free = |column: &&Column| !column.key && column.refers.is_none();
    let large = |column: &Column| types.value(column.r#type, column.modifier, Shape::Large, 0);
    let small = |column: &Column| types.value(column.r#type, column.modifier, Shape::Small, 0);
    let texts = |column: &&Column| types.category(column.r#type) == 'S';
    let blank = |column: &Column| {
        Some(column).filter(texts).and_then(|column| types.value(column.r#type, column.modifier, Shape::Blank, 0))
    };
    let null = |column: &Column| column.nullable.then(|| "NULL".to_string());
    let mut row = 0;
    // The same values twice, but for keys.
    insert(client, types, table, &BTreeMap::new(), row).await;
    for shape in [&null as &dyn Fn(&Column) -> Option<String>, &large, &small, &blank] {
        row += 1;
        let values: BTreeMap<&str, String> = table
            .columns
            .iter()
            .filter(|column| !column.key)
            .filter(|column| free(column) || column.nullable && shape(column).as_deref() == Some("NULL"))
            .filter_map(|column| Some((column.name.as_str(), shape(column)?)))
            .collect();
        if values.is_empty() || insert(client, types, table, &values, row).await {
            continue;
        }
        for (name, value) in values.into_iter().take(COLUMNS) {
            row += 1;
            insert(client, types, table, &BTreeMap::from([(name, value)]), row).await;
        }
    }
}

/// A copy of one of the table's rows with other values in some columns, and new ones in its keys; whether it was taken.
async fn insert(client: &Client, types: &Types, table: &Table, values: &BTreeMap<&str, String>, row: u32) -> bool {
    let numbered = table.columns.iter().any(|column| column.key && column.refers.is_none());
    for from in NUMBERS.into_iter().take(if numbered { NUMBERS.len() } else { 1 }) {
        let columns: Option<Vec<(&str, String)>> = table
            .columns
            .iter()
            .filter_map(|column| {
                let name = column.name.as_str();
                let cast = |value: &str| format!("({value})::{}", column.written);
                if let Some(value) = values.get(name) {
                    return Some(Some((name, cast(value))));
                }
                if !column.key || column.refers.is_some() {
                    return Some(Some((name, name.to_string())));
                }
                match types.value(column.r#type, column.modifier, Shape::Plain(from + row), 0) {
                    Some(value) => Some(Some((name, cast(&value)))),
                    None if column.required => Some(None),
                    None => None,
                }
            })
            .collect();
        let Some(columns) = columns else { return false };
        let (names, values): (Vec<&str>, Vec<String>) = columns.into_iter().unzip();
        let sql = format!(
            "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {table} LIMIT 1",
            names.join(", "),
            values.join(", "),
            table = table.name
        );
        if client.batch_execute(&sql).await.is_ok() {
            return true;
        }
    }
    false
}
