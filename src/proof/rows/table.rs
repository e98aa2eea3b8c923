//! What must be known of tables to put rows into them.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Client, SimpleQueryRow};

use super::value::Types;
use crate::proof::replay::{Result, query};

/// A table that rows can be put into: nobody's partition, no member of an extension.
pub(super) struct Table {
    /// Quoted and qualified.
    pub name: String,
    pub empty: bool,
    /// Those that can be given a value.
    pub columns: Vec<Column>,
}

pub(super) struct Column {
    /// Quoted.
    pub name: String,
    pub r#type: u32,
    pub modifier: i64,
    /// The type as `format_type` writes it.
    pub written: String,
    pub nullable: bool,
    /// Part of a unique index or an exclusion constraint.
    pub key: bool,
    /// Neither nullable nor given a value when none is named.
    pub required: bool,
    /// Table and column that a foreign key refers to.
    pub refers: Option<(u32, String)>,
    /// Values that its checks, its domain's, or bounds of partitions speak of.
    pub hints: Vec<Hint>,
    /// Its place among the columns of a check on several.
    pub place: Option<u32>,
}

/// A literal in an expression. Nothing is concluded from it: it is tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hint {
    Number(String),
    Text(String),
}

const COLUMNS: &str = "
    SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind <> 'p' AND pg_catalog.pg_relation_size(c.oid) > 0,
           a.attnum, format('%I', a.attname), a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod),
           a.attnotnull, a.atthasdef OR a.attidentity <> ''
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY n.nspname, c.relname, a.attnum";

const KEYS: &str = "
    SELECT i.indrelid, k.attnum FROM pg_catalog.pg_index i, unnest(i.indkey) k(attnum)
    WHERE (i.indisunique OR i.indisexclusion) AND k.attnum > 0 AND i.indrelid >= 16384";

const REFERENCES: &str = "
    SELECT c.conrelid, k.own, c.confrelid, format('%I', a.attname)
    FROM pg_catalog.pg_constraint c, unnest(c.conkey, c.confkey) k(own, other)
    JOIN pg_catalog.pg_attribute a ON a.attnum = k.other
    WHERE c.contype = 'f' AND c.conparentid = 0 AND a.attrelid = c.confrelid";

/// Expressions that speak of a column: its table's checks, and how its partitions are bounded.
const CHECKS: &str = "
    SELECT c.conrelid, k.attnum, CASE WHEN cardinality(c.conkey) > 1 THEN k.place END, pg_catalog.pg_get_constraintdef(c.oid)
    FROM pg_catalog.pg_constraint c, unnest(c.conkey) WITH ORDINALITY k(attnum, place)
    WHERE c.contype = 'c' AND c.conrelid <> 0
    UNION ALL
    SELECT pg_catalog.pg_partition_root(c.oid), r.attnum, NULL, pg_catalog.pg_get_expr(c.relpartbound, c.oid)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
    JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.inhparent
    JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::int2[])
    JOIN pg_catalog.pg_attribute r ON r.attrelid = pg_catalog.pg_partition_root(c.oid) AND r.attname = a.attname
    WHERE c.relispartition";

const DOMAIN_CHECKS: &str = "
    SELECT contypid, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint WHERE contype = 'c' AND contypid <> 0";

/// All tables by OID.
pub(super) async fn read(client: &Client, types: &Types) -> Result<BTreeMap<u32, Table>> {
    let mut keys: BTreeSet<(u32, i32)> = BTreeSet::new();
    for row in query(client, KEYS).await? {
        keys.extend(own(&row));
    }
    let mut references: BTreeMap<(u32, i32), (u32, String)> = BTreeMap::new();
    for row in query(client, REFERENCES).await? {
        if let (Some(own), Some(other), Some(column)) = (own(&row), number(&row, 2), row.get(3)) {
            references.entry(own).or_insert((other, column.to_string()));
        }
    }
    let mut domains: BTreeMap<u32, Vec<Hint>> = BTreeMap::new();
    for row in query(client, DOMAIN_CHECKS).await? {
        if let (Some(domain), Some(text)) = (number(&row, 0), row.get(1)) {
            domains.entry(domain).or_default().extend(hints(text));
        }
    }
    let mut checks: BTreeMap<(u32, i32), (Option<u32>, Vec<Hint>)> = BTreeMap::new();
    for row in query(client, CHECKS).await? {
        if let (Some(own), Some(text)) = (own(&row), row.get(3)) {
            let (place, found) = checks.entry(own).or_default();
            *place = place.or(number(&row, 2));
            found.extend(hints(text));
        }
    }
    let mut tables: BTreeMap<u32, Table> = BTreeMap::new();
    for row in query(client, COLUMNS).await? {
        let field = |at: usize| row.get(at).unwrap_or_default().to_string();
        let flag = |at: usize| row.get(at) == Some("t");
        let (Some(oid), Some(attribute)) = (number(&row, 0), number(&row, 3)) else { continue };
        let own = (oid, attribute);
        let (place, mut hints) = checks.remove(&own).unwrap_or_default();
        let r#type = number(&row, 5).unwrap_or(0);
        for domain in types.domains(r#type) {
            hints.extend(domains.get(&domain).into_iter().flatten().cloned());
        }
        hints.sort();
        hints.dedup();
        let column = Column {
            name: field(4),
            r#type,
            modifier: number(&row, 6).unwrap_or(-1),
            written: field(7),
            nullable: !flag(8),
            key: keys.contains(&own),
            required: flag(8) && !flag(9),
            refers: references.remove(&own),
            hints,
            place,
        };
        let table = tables.entry(oid).or_insert_with(|| Table { name: field(1), empty: !flag(2), columns: Vec::new() });
        table.columns.push(column);
    }
    Ok(tables)
}

/// The tables in an order in which those that others refer to come first, as far as there is one, by levels.
pub(super) fn levels(tables: &BTreeMap<u32, Table>) -> Vec<Vec<u32>> {
    let mut left: BTreeSet<u32> = tables.keys().copied().collect();
    let mut levels = Vec::new();
    while !left.is_empty() {
        let waits = |oid: &u32| {
            let columns = tables.get(oid).map(|table| table.columns.as_slice()).unwrap_or_default();
            columns.iter().filter_map(|column| column.refers.as_ref()).any(|(other, _)| other != oid && left.contains(other))
        };
        let mut level: Vec<u32> = left.iter().copied().filter(|oid| !waits(oid)).collect();
        if level.is_empty() {
            // They refer to each other.
            level.extend(&left);
        }
        for oid in &level {
            left.remove(oid);
        }
        levels.push(level);
    }
    levels
}

/// The literals in an expression as the server prints it.
fn hints(expression: &str) -> Vec<Hint> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(|c: char| c == '\'' || c == '"' || c.is_ascii_alphanumeric() || c == '_') {
        let start = &rest[at..];
        let first = start.chars().next().unwrap_or_default();
        if first == '\'' || first == '"' {
            let (text, after) = quoted(start, first);
            if first == '\'' {
                found.push(match text.parse::<f64>() {
                    Ok(_) => Hint::Number(text),
                    Err(_) => Hint::Text(text),
                });
            }
            rest = after;
            continue;
        }
        let end = start.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(start.len());
        let word = &start[..end];
        if first.is_ascii_digit() && word.parse::<f64>().is_ok() {
            let sign = if rest[..at].ends_with('-') { "-" } else { "" };
            found.push(Hint::Number(format!("{sign}{word}")));
        }
        rest = &start[end..];
    }
    found.truncate(24);
    found
}

/// The text between two quotes, of which one inside is written twice, and what comes after.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut inside = String::new();
    let mut rest = &text[quote.len_utf8()..];
    while let Some(at) = rest.find(quote) {
        inside.push_str(&rest[..at]);
        rest = &rest[at + quote.len_utf8()..];
        match rest.strip_prefix(quote) {
            Some(more) => {
                inside.push(quote);
                rest = more;
            }
            None => return (inside, rest),
        }
    }
    (inside, "")
}

fn own(row: &SimpleQueryRow) -> Option<(u32, i32)> {
    Some((number(row, 0)?, number(row, 1)?))
}

fn number<T: std::str::FromStr>(row: &SimpleQueryRow, at: usize) -> Option<T> {
    row.get(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_an_expression_are_found() {
        let number = |text: &str| Hint::Number(text.into());
        let text = |text: &str| Hint::Text(text.into());
        let found = hints("CHECK (((status = ANY (ARRAY['it''s'::text, 'b'::text])) AND (\"a'1\" > -5) AND (b1 < 1.50)))");
        assert_eq!(found, [text("it's"), text("b"), number("-5"), number("1.50")]);
        assert_eq!(hints("FOR VALUES FROM ('2024-01-01') TO (MAXVALUE)"), [text("2024-01-01")]);
    }
}
