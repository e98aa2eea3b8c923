//! Values of every type, by the number of the row that they are for. Knows nothing of tables.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::{
    plan::sql,
    proof::replay::{Result, query},
};

/// What kind of value a column gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An ordinary one, another for each row number.
    Plain(u32),
    /// As long, large or late as the column allows and data may well be.
    Large,
    /// As short, small or early.
    Small,
    /// As long as the column allows, and most of it blanks at the end, which a shorter type cuts off without a word.
    Blank,
}

/// Letters of the longest text that is made where a type allows more.
const LONGEST: i64 = 4_000;
/// Letters of a long text of a type without a limit: longer than the limits that columns are narrowed to.
const LONG: i64 = 300;

/// What must be known of a type to write a value of it.
struct Type {
    schema: String,
    name: String,
    /// `pg_type.typtype` and `typcategory`.
    kind: char,
    category: char,
    base: u32,
    base_modifier: i64,
    element: u32,
    range_of: u32,
    labels: Vec<String>,
    /// Types and modifiers of a composite type's attributes.
    attributes: Vec<(u32, i64)>,
}

pub(super) struct Types(BTreeMap<u32, Type>);

impl Types {
    pub async fn read(client: &Client) -> Result<Types> {
        let mut types = BTreeMap::new();
        for row in query(
            client,
            "SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typtypmod, t.typelem, coalesce(r.rngsubtype, 0),
                    (SELECT string_agg(a.atttypid || ' ' || a.atttypmod, ',' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
                     WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
             FROM pg_catalog.pg_type t
             JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
             LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid",
        )
        .await?
        {
            let field = |at: usize| row.get(at).unwrap_or_default().to_string();
            let letter = |at: usize| row.get(at).and_then(|text| text.chars().next()).unwrap_or(' ');
            let number = |at: usize| row.get(at).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
            types.insert(
                number(0),
                Type {
                    schema: field(1),
                    name: field(2),
                    kind: letter(3),
                    category: letter(4),
                    base: number(5),
                    base_modifier: row.get(6).and_then(|text| text.parse().ok()).unwrap_or(-1),
                    element: number(7),
                    range_of: number(8),
                    labels: Vec::new(),
                    attributes: row.get(9).into_iter().flat_map(|list| list.split(',')).filter_map(attribute).collect(),
                },
            );
        }
        for row in
            query(client, "SELECT enumtypid, quote_literal(enumlabel) FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder")
                .await?
        {
            let owner = row.get(0).and_then(|text| text.parse().ok()).and_then(|oid: u32| types.get_mut(&oid));
            if let (Some(owner), Some(label)) = (owner, row.get(1)) {
                owner.labels.push(label.to_string());
            }
        }
        Ok(Types(types))
    }

    /// `pg_type.typcategory`; a domain's is that of what it is over.
    pub fn category(&self, oid: u32) -> char {
        self.0.get(&oid).map_or(' ', |r#type| r#type.category)
    }

    /// The domains that a type is and is over, itself first.
    pub fn domains(&self, oid: u32) -> impl Iterator<Item = u32> {
        let domain = |oid: &u32| self.0.get(oid).filter(|r#type| r#type.kind == 'd');
        std::iter::successors(domain(&oid).map(|_| oid), move |oid| {
            domain(oid).map(|r#type| r#type.base).filter(|base| domain(base).is_some())
        })
    }

    /// A SQL expression of this shape, or nothing when no value of the type is known. `depth` bounds domains over arrays of domains.
    pub fn value(&self, oid: u32, modifier: i64, shape: Shape, depth: u8) -> Option<String> {
        let r#type = self.0.get(&oid).filter(|_| depth < 5)?;
        match (r#type.kind, r#type.category) {
            ('d', _) => return self.value(r#type.base, r#type.base_modifier, shape, depth + 1),
            ('e', _) => {
                let at = match shape {
                    Shape::Plain(row) => (row as usize).wrapping_sub(1) % r#type.labels.len().max(1),
                    Shape::Large => r#type.labels.len().saturating_sub(1),
                    Shape::Small | Shape::Blank => 0,
                };
                return r#type.labels.get(at).cloned();
            }
            ('c', _) => {
                let value = |(oid, modifier): &(u32, i64)| self.value(*oid, *modifier, shape, depth + 1);
                let values = r#type.attributes.iter().map(|attribute| value(attribute).unwrap_or_else(|| "NULL".into()));
                let values = values.collect::<Vec<_>>().join(", ");
                return Some(format!("ROW({values})::{}", sql::qualified(&[&r#type.schema, &r#type.name])));
            }
            ('r', _) => return self.range(r#type, shape, depth),
            (_, 'A') if shape == Shape::Small => return Some("'{}'".into()),
            (_, 'A') => return Some(format!("ARRAY[{}]", self.value(r#type.element, modifier, shape, depth + 1)?)),
            _ => {}
        }
        match shape {
            Shape::Plain(row) => plain(r#type, modifier, row),
            Shape::Large => large(r#type, modifier).or_else(|| plain(r#type, modifier, 9)),
            Shape::Small => small(r#type).or_else(|| plain(r#type, modifier, 8)),
            Shape::Blank => blank(r#type, modifier).or_else(|| plain(r#type, modifier, 7)),
        }
    }

    fn range(&self, r#type: &Type, shape: Shape, depth: u8) -> Option<String> {
        let bound = |shape| self.value(r#type.range_of, -1, shape, depth + 1);
        let (low, high) = match shape {
            Shape::Plain(row) => (bound(Shape::Plain(row))?, bound(Shape::Plain(row + 1))?),
            Shape::Large | Shape::Small | Shape::Blank => (bound(Shape::Small)?, bound(Shape::Large)?),
        };
        Some(format!("{}({low}, {high})", sql::qualified(&[&r#type.schema, &r#type.name])))
    }
}

/// An attribute's type and modifier, as the query writes them.
fn attribute(text: &str) -> Option<(u32, i64)> {
    let (oid, modifier) = text.split_once(' ')?;
    Some((oid.parse().ok()?, modifier.parse().ok()?))
}

fn plain(r#type: &Type, modifier: i64, row: u32) -> Option<String> {
    Some(match r#type.name.as_str() {
        "uuid" => format!("'00000000-0000-4000-8000-{row:012}'"),
        "bool" => (row % 2 == 1).to_string(),
        "date" => format!("'2020-01-01'::date + {}", row.saturating_sub(1)),
        "timestamp" | "timestamptz" => {
            format!("'2020-01-01 00:00:00.123456'::timestamp + '{} days'::interval", row.saturating_sub(1))
        }
        "time" | "timetz" => format!("'00:00:00.123456'::time + '{row} seconds'::interval"),
        "interval" => format!("'{row} days 00:00:00.123456'"),
        "numeric" if modifier < 0 => format!("{row}.123456789"),
        "numeric" => match scale(modifier) {
            scale @ 1.. => format!("{row}.{}", "1".repeat(scale as usize)),
            _ => row.to_string(),
        },
        "float4" => format!("{row}.125"),
        "float8" => format!("{row}.123456789"),
        "json" | "jsonb" => format!("'{{\"row\": {row}}}'"),
        "bytea" => format!("'\\x{row:08x}'"),
        "inet" | "cidr" => format!("'10.{}.{}.{}'", row >> 16 & 255, row >> 8 & 255, row & 255),
        "macaddr" => format!("'02:00:00:00:{:02x}:{:02x}'", row >> 8 & 255, row & 255),
        "macaddr8" => format!("'02:00:00:00:00:00:{:02x}:{:02x}'", row >> 8 & 255, row & 255),
        "bit" => format!("{row}::bit({})", modifier.max(1)),
        "varbit" => format!("'{row:b}'"),
        "point" => format!("'({row},{row})'"),
        "line" => format!("'{{1,1,{row}}}'"),
        "lseg" | "box" | "path" => format!("'((0,0),({row},{row}))'"),
        "polygon" => format!("'((0,0),(0,{row}),({row},{row}))'"),
        "circle" => format!("'<(0,0),{row}>'"),
        "tsvector" => format!("'row{row}'"),
        "tsquery" => format!("'row{row}'"),
        "xml" => format!("'<row>{row}</row>'"),
        "pg_lsn" => format!("'0/{row:X}'"),
        "ltree" => format!("'row{row}'"),
        "hstore" => format!("'row=>{row}'"),
        // pgvector: the modifier is the number of dimensions.
        "vector" | "halfvec" => format!("array_fill({row}::real, ARRAY[{}])", modifier.max(1)),
        "sparsevec" => format!("'{{1:{row}}}/{}'", modifier.max(1)),
        _ => match r#type.category {
            'N' => row.to_string(),
            'S' => format!("'{row}'"),
            _ => return None,
        },
    })
}

/// Far from the ends of a type, where arithmetic on it fails; beyond the ends of the next narrower one.
fn large(r#type: &Type, modifier: i64) -> Option<String> {
    // varchar, char and numeric: the modifier is four more than what is declared.
    // <https://www.postgresql.org/docs/current/catalog-pg-attribute.html>
    let declared = modifier - 4;
    Some(match r#type.name.as_str() {
        "int2" => "10000".into(),
        "int4" => "1000000".into(),
        "int8" => "10000000000".into(),
        "float4" | "float8" => "1234567890.125".into(),
        "numeric" if modifier < 0 => "12345678901234567.123456789".into(),
        "numeric" => {
            let (precision, scale) = (declared >> 16 & 0xffff, scale(modifier));
            let whole = "9".repeat(usize::try_from(precision - scale).unwrap_or(0));
            let fraction = "9".repeat(usize::try_from(scale.min(precision)).unwrap_or(0));
            format!("{}.{fraction}", if whole.is_empty() { "0" } else { &whole })
        }
        "date" => "'2099-12-31'".into(),
        "timestamp" | "timestamptz" => "'2099-12-31 23:59:58.123456'".into(),
        "time" | "timetz" => "'23:59:58.123456'".into(),
        "interval" => "'10000 days 23:59:58.123456'".into(),
        "varbit" => format!("repeat('1', {})", if modifier < 0 { LONG } else { modifier.clamp(1, LONGEST) }),
        "varchar" | "bpchar" if modifier >= 0 => format!("repeat('x', {})", declared.clamp(1, LONGEST)),
        "text" | "varchar" | "citext" => format!("repeat('x', {LONG})"),
        "bool" => "true".into(),
        // What their like do not keep: the order of keys, the same key twice; the bits behind the network.
        "json" | "jsonb" => "'{\"b\": 1,  \"a\": 2, \"a\": 3}'".into(),
        "inet" => "'10.1.2.3/8'".into(),
        _ => return None,
    })
}

/// Digits behind the point of a `numeric` with a modifier: eleven bits, with a sign since 15.
fn scale(modifier: i64) -> i64 {
    (((modifier - 4) & 0x7ff) ^ 1024) - 1024
}

/// A word with blanks after it.
fn blank(r#type: &Type, modifier: i64) -> Option<String> {
    let declared = modifier - 4;
    Some(match r#type.name.as_str() {
        "varchar" if modifier >= 0 => format!("rpad('x', {})", declared.clamp(1, LONGEST)),
        "text" | "varchar" | "citext" => format!("rpad('x', {LONG})"),
        _ => return None,
    })
}

fn small(r#type: &Type) -> Option<String> {
    Some(match r#type.name.as_str() {
        "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" | "money" => "-1".into(),
        "date" | "timestamp" | "timestamptz" => "'1900-01-01'".into(),
        "time" | "timetz" => "'00:00'".into(),
        "varchar" | "text" | "bpchar" | "citext" | "bytea" => "''".into(),
        "json" | "jsonb" => "'{}'".into(),
        "interval" => "'-1 days'".into(),
        "bool" => "false".into(),
        _ => return None,
    })
}
