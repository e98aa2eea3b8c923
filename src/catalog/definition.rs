//! Definitions as the server prints them, written here where they are plain, and asked of the server where they are not.
//!
//! `pg_get_indexdef`, `pg_get_constraintdef`, `pg_get_viewdef` and `pg_get_triggerdef` open every relation that they print, which on a fresh connection takes
//! longer than all else. A key, a foreign key and an index on columns alone say nothing but names and flags: they are written from the
//! catalog's rows, letter by letter as `src/backend/utils/adt/ruleutils.c` does. What has an expression, a condition, an option or
//! anything else that is unusual is asked for, all at once, when everything else has been read.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    ObjectId,
    reader::{Builder, CatalogError, Row},
};

/// What of an object the server is asked to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Printed {
    Default,
    Constraint,
    Index,
    View,
    Trigger,
}

impl Printed {
    /// All kinds, in the order in which they are asked for.
    pub(super) const ALL: [Printed; 5] = [Self::Default, Self::Constraint, Self::Index, Self::View, Self::Trigger];

    /// What an error says was read.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Default => "expressions of defaults",
            Self::Constraint => "definitions of constraints",
            Self::Index => "definitions of indexes",
            Self::View => "definitions of views",
            Self::Trigger => "definitions of triggers",
        }
    }

    /// The attribute that holds what was printed, and that as it is kept: a view's without the semicolon at its end.
    pub(super) fn kept(self, text: &str) -> (&'static str, &str) {
        match self {
            Self::Default => ("expression", text),
            Self::Trigger => ("definition", text),
            _ => ("definition", text.trim_end().trim_end_matches(';')),
        }
    }

    /// A SELECT of `oid` and `text` for these OIDs; of defaults also whether they are `volatile`: another value each time.
    pub(super) fn query(self, oids: &[u32]) -> String {
        let these = format!("unnest({}) oid", array(oids));
        let function = match self {
            // A default refers to no column, so that it is printed without opening its table. Its stored tree names the functions that it
            // calls by OID.
            Self::Default => {
                return format!(
                    "select d.oid, pg_get_expr(d.adbin, case when a.attgenerated = '' then 0 else d.adrelid end) as text, v.volatile
                     from {these} join pg_attrdef d using (oid) join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
                       left join (select tree, exists (select from regexp_matches(tree, ':(?:op)?funcid (\\d+)', 'g') as called
                           join pg_proc p on p.oid = called[1]::oid where p.provolatile = 'v') as volatile
                         from (select distinct d.adbin::text as tree from {these} join pg_attrdef d using (oid)
                               where d.adbin::text like '%funcid%') t) v on v.tree = d.adbin::text"
                );
            }
            Self::Constraint => "pg_get_constraintdef",
            Self::Index => "pg_get_indexdef",
            Self::View => "pg_get_viewdef",
            Self::Trigger => "pg_get_triggerdef",
        };
        format!("select oid, {function}(oid) as text from {these}")
    }
}

/// `'{1,2}'::oid[]`
pub(super) fn array(oids: &[u32]) -> String {
    let mut list = String::with_capacity(oids.len() * 8 + 10);
    for oid in oids {
        let _ = write!(list, "{}{oid}", if list.is_empty() { "" } else { "," });
    }
    format!("'{{{list}}}'::oid[]")
}

/// A column as a definition speaks of it.
#[derive(Debug, Clone, Copy)]
pub struct ColumnFacts {
    pub r#type: u32,
    pub collation: u32,
}

/// What the columns of an index have of their own.
#[derive(Debug, Default)]
pub struct ColumnOptions {
    /// Whether any of them has options for its operator class.
    pub any: bool,
    /// Numbers of columns and their statistics targets.
    pub targets: BTreeMap<i64, i64>,
}

impl ColumnOptions {
    /// `number=target` of those that have a target.
    pub(super) fn statistics(&self) -> Vec<String> {
        self.targets.iter().map(|(number, target)| format!("{number}={target}")).collect()
    }
}

/// OIDs of `text` and `character varying`, whose default operator classes are the former's.
const TEXT: u32 = 25;
const VARCHAR: u32 = 1043;

/// The numbers of an `int2vector`, an `oidvector` (`1 2`) or an array of numbers (`{1,2}`).
fn numbers(text: &str) -> impl Iterator<Item = i64> {
    text.trim_matches(['{', '}']).split([' ', ',']).filter_map(|number| number.parse().ok())
}

/// `a, b`: the names of these columns, in parentheses.
fn columns(builder: &Builder, relation: u32, numbers_of: &str) -> Option<String> {
    let mut list = String::from("(");
    for number in numbers(numbers_of) {
        if list.len() > 1 {
            list.push_str(", ");
        }
        list.push_str(builder.column_sql(relation, number as i32)?);
    }
    list.push(')');
    Some(list)
}

/// The definition of a primary key, unique or foreign key constraint from a row that says `plain`; `None` where it must be asked for.
pub(super) fn key(row: &Row<'_>, builder: &Builder) -> Result<Option<String>, CatalogError> {
    if !row.flag("plain")? {
        return Ok(None);
    }
    let relation = row.oid("conrelid")?;
    let Some(own) = columns(builder, relation, row.text("key")?) else { return Ok(None) };
    let mut text = match row.text("contype")? {
        "p" => format!("PRIMARY KEY {own}"),
        "u" => format!("UNIQUE {own}"),
        _ => {
            let referenced = row.oid("confrelid")?;
            let (Some(table), Some(others)) =
                (builder.relation_sql(referenced), columns(builder, referenced, row.text("referenced_key")?))
            else {
                return Ok(None);
            };
            let action = |letter: &str| match letter {
                "r" => "RESTRICT",
                "c" => "CASCADE",
                "n" => "SET NULL",
                "d" => "SET DEFAULT",
                _ => "",
            };
            let mut text = format!("FOREIGN KEY {own} REFERENCES {table}{others}");
            match row.text("confmatchtype")? {
                "f" => text.push_str(" MATCH FULL"),
                "p" => text.push_str(" MATCH PARTIAL"),
                _ => {}
            }
            for (event, column) in [("UPDATE", "confupdtype"), ("DELETE", "confdeltype")] {
                let action = action(row.text(column)?);
                if !action.is_empty() {
                    let _ = write!(text, " ON {event} {action}");
                }
            }
            text
        }
    };
    if row.flag("condeferrable")? {
        text.push_str(" DEFERRABLE");
    }
    if row.flag("condeferred")? {
        text.push_str(" INITIALLY DEFERRED");
    }
    if !row.flag("convalidated")? {
        text.push_str(" NOT VALID");
    }
    Ok(Some(text))
}

/// The numbers of an index's key columns, as a constraint has them: `{1,2}`.
pub(super) fn key_of(row: &Row<'_>) -> Result<String, CatalogError> {
    let keys = row.integer("indnkeyatts")?.unwrap_or_default() as usize;
    let numbers: Vec<String> = numbers(row.text("indkey")?).take(keys).map(|number| number.to_string()).collect();
    Ok(format!("{{{}}}", numbers.join(",")))
}

/// The definition of an index on columns alone, with nothing unusual; `None` where it must be asked for.
pub(super) fn index(row: &Row<'_>, builder: &Builder) -> Result<Option<String>, CatalogError> {
    const DESC: i64 = 1;
    const NULLS_FIRST: i64 = 2;
    let relation = row.oid("indrelid")?;
    let method = row.text("amname")?;
    let usual = row.opt("indexprs")?.is_none()
        && row.opt("indpred")?.is_none()
        && row.opt("options")?.is_none()
        && !row.flag("nulls_together")?
        && builder.column_options(row.oid("oid")?).is_none_or(|options| !options.any)
        && matches!(method, "btree" | "hash" | "gin" | "gist" | "spgist" | "brin");
    let Some(table) = builder.relation_sql(relation).filter(|_| usual) else { return Ok(None) };
    let unique = if row.flag("indisunique")? { "UNIQUE " } else { "" };
    let only = if row.text("relkind")? == "I" { "ONLY " } else { "" };
    let mut text = format!("CREATE {unique}INDEX {} ON {only}{table} USING {method} (", row.text("name")?);
    let keys = row.integer("indnkeyatts")?.unwrap_or_default() as usize;
    let (classes, collations, options): (Vec<i64>, Vec<i64>, Vec<i64>) = (
        numbers(row.text("indclass")?).collect(),
        numbers(row.text("indcollation")?).collect(),
        numbers(row.text("indoption")?).collect(),
    );
    for (at, number) in numbers(row.text("indkey")?).enumerate() {
        let number = number as i32;
        let (Some(name), Some(column)) = (builder.column_sql(relation, number), builder.column(relation, number)) else {
            return Ok(None);
        };
        text.push_str(if at == 0 {
            ""
        } else if at == keys {
            ") INCLUDE ("
        } else {
            ", "
        });
        text.push_str(name);
        if at >= keys {
            continue;
        }
        let (Some(class), Some(collation), Some(option)) = (classes.get(at), collations.get(at), options.get(at)) else {
            return Ok(None);
        };
        let usual_class = builder.default_class(*class as u32).is_some_and(|(of, class_method)| {
            of == column.r#type || of == TEXT && column.r#type == VARCHAR && !builder.has_default_class(VARCHAR, class_method)
        });
        if !usual_class || *collation != 0 && *collation as u32 != column.collation {
            return Ok(None);
        }
        // Of the methods that come with Postgres, `btree` alone has an order.
        if method == "btree" {
            text.push_str(match (option & DESC != 0, option & NULLS_FIRST != 0) {
                (true, true) => " DESC",
                (true, false) => " DESC NULLS LAST",
                (false, true) => " NULLS FIRST",
                (false, false) => "",
            });
        }
    }
    text.push(')');
    Ok(Some(text))
}

/// An object whose definition is to be printed.
#[derive(Debug)]
pub(super) struct Asked {
    pub printed: Printed,
    pub oid: u32,
    pub id: ObjectId,
}
