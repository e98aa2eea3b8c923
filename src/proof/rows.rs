//! A few synthetic rows for the empty tables of a copy, so that a step that only fails on rows fails in the replay.
//!
//! Every value depends on its type and the row's number alone, so a foreign key's columns hold what the columns they refer to
//! hold. What constraints refuse is left out. Tables that have rows (the schema files' own data) are left as they are.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tokio_postgres::Client;

use super::replay::{Result, query, run};

/// Rows a table gets.
const ROWS: u32 = 3;
/// At most so many tables are filled: a bound on time, far above what a schema under review has.
const TABLES: usize = 2_000;

/// Fills the empty tables of the database that `client` is connected to; answers with how many tables got rows.
///
/// # Errors
/// When the catalogs cannot be read or the connection breaks. A row that Postgres refuses is no error.
pub async fn fill(client: &Client) -> Result<usize> {
    let types = Types::read(client).await?;
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for row in query(client, COLUMNS).await? {
        let field = |at: usize| row.get(at).unwrap_or_default().to_string();
        let number = |at: usize| row.get(at).and_then(|text| text.parse().ok());
        let column = Column {
            name: field(1),
            r#type: number(2).unwrap_or(0),
            modifier: number(3).map_or(-1, i64::from),
            written: field(4),
            required: row.get(5) == Some("t"),
        };
        tables.entry(field(0)).or_default().push(column);
    }
    run(client, "SET session_replication_role = replica; SET client_min_messages = error").await?;
    let inserts = tables.iter().take(TABLES).map(|(table, columns)| insert(client, &types, table, columns));
    let filled = join_all(inserts).await.into_iter().filter(|filled| *filled).count();
    run(client, "RESET session_replication_role").await?;
    Ok(filled)
}

/// Columns of empty tables that are nobody's partition: those that can be given a value.
const COLUMNS: &str = "
    SELECT format('%I.%I', n.nspname, c.relname), format('%I', a.attname), a.atttypid, a.atttypmod,
           pg_catalog.format_type(a.atttypid, a.atttypmod),
           a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND (c.relkind = 'p' OR pg_catalog.pg_relation_size(c.oid) = 0)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY n.nspname, c.relname, a.attnum";

struct Column {
    name: String,
    r#type: u32,
    modifier: i64,
    /// The type as `format_type` writes it.
    written: String,
    required: bool,
}

/// Tries every column first, then only those that need a value.
async fn insert(client: &Client, types: &Types, table: &str, columns: &[Column]) -> bool {
    for only_required in [false, true] {
        let columns: Vec<&Column> = columns.iter().filter(|column| column.required || !only_required).collect();
        let rows: Vec<String> = (1..=ROWS)
            .map(|row| {
                let values: Vec<String> = columns
                    .iter()
                    .map(|column| {
                        types
                            .value(column.r#type, column.modifier, row, 0)
                            .map_or_else(|| "DEFAULT".to_string(), |value| format!("({value})::{}", column.written))
                    })
                    .collect();
                format!("({})", values.join(", "))
            })
            .collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let sql = if columns.is_empty() {
            format!("INSERT INTO {table} DEFAULT VALUES")
        } else {
            format!("INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE VALUES {}", names.join(", "), rows.join(", "))
        };
        if client.batch_execute(&sql).await.is_ok() {
            return true;
        }
    }
    false
}

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
    attributes: usize,
}

struct Types(BTreeMap<u32, Type>);

impl Types {
    async fn read(client: &Client) -> Result<Types> {
        let mut types = BTreeMap::new();
        for row in query(
            client,
            "SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typtypmod, t.typelem, coalesce(r.rngsubtype, 0),
                    (SELECT count(*) FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
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
                    attributes: number(9) as usize,
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

    /// A SQL expression for row `row` of a column of this type, or nothing when no value of it is known. `depth` bounds domains
    /// over arrays of domains.
    fn value(&self, oid: u32, modifier: i64, row: u32, depth: u8) -> Option<String> {
        let r#type = self.0.get(&oid).filter(|_| depth < 5)?;
        match (r#type.kind, r#type.category) {
            ('d', _) => return self.value(r#type.base, r#type.base_modifier, row, depth + 1),
            ('e', _) => return r#type.labels.get((row as usize - 1) % r#type.labels.len().max(1)).cloned(),
            ('c', _) => return Some(format!("'({})'", ",".repeat(r#type.attributes.saturating_sub(1)))),
            ('r', _) => {
                let (low, high) =
                    (self.value(r#type.range_of, -1, row, depth + 1)?, self.value(r#type.range_of, -1, row + 1, depth + 1)?);
                let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
                return Some(format!("{}.{}({low}, {high})", quote(&r#type.schema), quote(&r#type.name)));
            }
            (_, 'A') => return Some(format!("ARRAY[{}]", self.value(r#type.element, -1, row, depth + 1)?)),
            _ => {}
        }
        Some(match r#type.name.as_str() {
            "uuid" => format!("'00000000-0000-4000-8000-{row:012}'"),
            "bool" => (row % 2 == 1).to_string(),
            "date" | "timestamp" | "timestamptz" => format!("'2020-01-{row:02}'"),
            "time" | "timetz" => format!("'00:00:{row:02}'"),
            "interval" => format!("'{row} days'"),
            "json" | "jsonb" => format!("'{{\"row\": {row}}}'"),
            "bytea" => format!("'\\x{row:02x}'"),
            "inet" | "cidr" => format!("'10.0.0.{row}'"),
            "macaddr" => format!("'02:00:00:00:00:{row:02x}'"),
            "macaddr8" => format!("'02:00:00:00:00:00:00:{row:02x}'"),
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
            "pg_lsn" => format!("'0/{row}'"),
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
}
