//! Columns of tables, views and composite types, and their defaults, as objects.
//!
//! A generated column's expression belongs to the column; a NOT NULL constraint too, with its name where the version has one (18). An
//! identity column's sequence is read with the sequences. Whether a default is another value each time is found in its stored tree, which names
//! the functions that it calls by OID.

use std::sync::Arc;

use super::{
    Kind, Object, ObjectId,
    definition::{ColumnFacts, Printed},
    reader::{Builder, CatalogError, Holds, Of, PartReader, Reader, Row, Sums, adds_up, class},
    tree::FIRST_OWN,
};

/// What the columns of one type have in common, of all columns that there are.
pub(super) const TYPES: Reader = Reader {
    what: "types of columns",
    query: |_| Some(types_among(&format!("{COLUMN_TYPES} and attrelid >= 16384"))),
    row: column_type,
};

const COLUMN_TYPES: &str =
    "select distinct atttypid, atttypmod, attcollation from pg_attribute where attnum > 0 and not attisdropped";

pub(super) const PARTS: &[PartReader] = &[
    PartReader {
        reader: Reader { what: "columns", query: |version| Some(query(version)), row },
        of: Of::RelationOrIndex("attrelid"),
        holds: &[("atttypid", Holds::Oid(class::TYPE)), ("attcollation", Holds::Oid(class::COLLATION))],
        sums: Some(Sums {
            query: |version, seed| adds_up(version).then(|| sums(version, seed)),
            rest: |_| None,
            of_relations: true,
        }),
    },
    PartReader {
        reader: Reader { what: "NOT NULL constraints", query: not_null_query, row: not_null },
        of: Of::Relation("conrelid"),
        holds: &[("oid", Holds::Own(class::CONSTRAINT)), ("conname", Holds::Name)],
        sums: Some(Sums {
            query: |version, seed| {
                (version >= 180_000).then(|| {
                    format!(
                        "select conrelid, bit_xor(hash_record_extended(
                           row(conkey[1], conname, connoinherit, convalidated, conislocal), {seed})) as sum
                         from pg_constraint where contype = 'n' and conrelid <> 0 and oid >= 16384 group by 1"
                    )
                })
            },
            // A comment on one says its OID.
            rest: |version| {
                let all = not_null_query(version)?;
                Some(format!("{all} and oid in (select objoid from pg_description where classoid = 'pg_constraint'::regclass)"))
            },
            of_relations: true,
        }),
    },
];

/// As [`query`] does it, with names in the place of OIDs of what is not the same in all databases.
fn sums(version: u32, seed: i64) -> String {
    format!(
        "select a.attrelid, bit_xor(hash_record_extended(row(a.attnum, a.attname,
           case when a.atttypid < {FIRST_OWN} then a.atttypid end, case when a.atttypid >= {FIRST_OWN} then format_type(a.atttypid, null) end,
           a.atttypmod, case when a.attcollation < {FIRST_OWN} then a.attcollation end,
           case when a.attcollation >= {FIRST_OWN} then a.attcollation::regcollation::text end, a.attnotnull, a.attidentity, a.attgenerated,
           a.attislocal, a.attinhcount, a.attstorage, {compression}, a.attstattarget, a.attoptions, a.attfdwoptions, a.attacl::text), {seed})) as sum
         from pg_attribute a join pg_class c on c.oid = a.attrelid
         where {COLUMNS} group by 1",
        compression = compression(version)
    )
}

/// Read after the sequences that they take values from.
pub(super) const DEFAULTS: &[PartReader] = &[PartReader {
    reader: Reader {
        what: "defaults",
        query: |_| Some("select oid, adrelid, adnum, adbin as tree from pg_attrdef where adrelid >= 16384".to_owned()),
        row: default,
    },
    of: Of::Relation("adrelid"),
    holds: &[("oid", Holds::Own(class::ATTRDEF)), ("tree", Holds::Tree)],
    sums: None,
}];

/// What the columns of one type and modifier have in common.
#[derive(Debug)]
pub(super) struct ColumnType {
    name: String,
    bare: String,
    kind: String,
    category: String,
    storage: String,
    collation: u32,
}

/// A query of the types among these: rows of `atttypid`, `atttypmod` and `attcollation`.
fn types_among(these: &str) -> String {
    format!(
        "select t.oid, x.atttypmod, format_type(t.oid, x.atttypmod) as type, format_type(t.oid, null) as bare_type, t.typtype, t.typcategory,
           t.typstorage, t.typcollation, k.oid as collation_oid, quote_ident(n.nspname) || '.' || quote_ident(k.collname) as collation
         from ({these}) x
           join pg_type t on t.oid = x.atttypid left join pg_collation k on k.oid = x.attcollation
           left join pg_namespace n on n.oid = k.collnamespace"
    )
}

/// A query of the types of these relations' columns; their OIDs are an array in SQL.
pub(super) fn types_of(relations: &str) -> String {
    types_among(&format!("{COLUMN_TYPES} and attrelid = any ({relations})"))
}

fn column_type(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let found = ColumnType {
        name: row.text("type")?.to_owned(),
        bare: row.text("bare_type")?.to_owned(),
        kind: row.text("typtype")?.to_owned(),
        category: row.text("typcategory")?.to_owned(),
        storage: row.text("typstorage")?.to_owned(),
        collation: row.oid("typcollation")?,
    };
    builder.column_types.insert((row.oid("oid")?, row.integer("atttypmod")?.unwrap_or(-1)), Arc::new(found));
    if let Some(collation) = row.opt("collation")? {
        builder.collations.insert(row.oid("collation_oid")?, collation.to_owned());
    }
    Ok(())
}

/// Columns that are objects, and those of indexes that have something of their own, in a condition on `pg_attribute a` and `pg_class c`.
const COLUMNS: &str = "a.attnum > 0 and not a.attisdropped and a.attrelid >= 16384 and (c.relkind in ('r', 'p', 'f', 'v', 'm', 'c')
   or c.relkind in ('i', 'I') and (a.attoptions is not null or a.attstattarget >= 0))";

// Rows are many: what is as usual is NULL, and what columns of one type share is read once. Relations of no schema of users are left out by
// `row`.
fn query(version: u32) -> String {
    let compression = compression(version);
    format!(
        "select a.attrelid, a.attnum, a.attname, a.atttypid, nullif(a.atttypmod, -1) as atttypmod, nullif(a.attcollation, 0) as attcollation,
           nullif(a.attnotnull, false) as attnotnull, nullif(a.attidentity, '') as attidentity, nullif(a.attgenerated, '') as attgenerated,
           nullif(a.attislocal, true) as attislocal, nullif(a.attinhcount, 0) as attinhcount, a.attstorage, {compression} as compression,
           nullif(a.attstattarget, -1) as statistics, case when a.attoptions is not null then to_json(a.attoptions) end as options,
           case when a.attfdwoptions is not null then to_json(a.attfdwoptions) end as foreign_options,
           a.attacl
         from pg_attribute a join pg_class c on c.oid = a.attrelid
         where {COLUMNS}"
    )
}

fn compression(version: u32) -> &'static str {
    if version >= 140_000 { "nullif(a.attcompression, '')" } else { "null" }
}

fn not_null_query(version: u32) -> Option<String> {
    (version >= 180_000).then(|| {
        "select oid, conrelid, conkey[1] as number, conname, nullif(connoinherit, false) as connoinherit,
           nullif(convalidated, true) as convalidated, nullif(conislocal, true) as conislocal
         from pg_constraint where contype = 'n' and conrelid <> 0 and oid >= 16384"
            .to_owned()
    })
}

fn storage(letter: &str) -> &'static str {
    match letter {
        "p" => "PLAIN",
        "e" => "EXTERNAL",
        "x" => "EXTENDED",
        _ => "MAIN",
    }
}

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let relation = row.oid("attrelid")?;
    let number = row.integer("attnum")?.unwrap_or_default();
    builder.columns_granted |= row.opt("attacl")?.is_some();
    let Some(whole) = builder.relation(relation).cloned() else {
        // An index, which is read later.
        let options = builder.column_options.entry(relation).or_default();
        options.any |= row.opt("options")?.is_some();
        options.targets.extend(row.integer("statistics")?.map(|target| (number, target)));
        return Ok(());
    };
    if whole.kind == Kind::Extension {
        return Ok(());
    }
    let id = whole.part(Kind::Column, row.text("attname")?);
    let is_view = matches!(whole.kind, Kind::View);
    let type_oid = row.oid("atttypid")?;
    let Some(r#type) = builder.column_types.get(&(type_oid, row.integer("atttypmod")?.unwrap_or(-1))).cloned() else {
        return Ok(());
    };
    let type_storage = storage(&r#type.storage);
    let own_storage = storage(row.text("attstorage")?);
    let collation = row.oid("attcollation")?;
    let own_collation = builder.collations.get(&collation).filter(|_| collation != r#type.collation);
    let generated = match row.opt("attgenerated")? {
        Some("s") => Some("STORED"),
        Some("v") => Some("VIRTUAL"),
        _ => None,
    };
    let inherited = row.integer("attinhcount")?.unwrap_or_default();
    let mut object = Object::new(id.clone())
        .at(class::CLASS, relation, number as i32)
        .part_of(whole)
        .with("type", r#type.name.as_str())
        .with_some("collation", own_collation.map(String::as_str))
        .with_some("statistics", row.integer("statistics")?)
        .with_list("options", row.list("options")?)
        .with_list("foreign_options", row.list("foreign_options")?)
        .with_some("generated", generated)
        .detail("position", number)
        .detail("bare_type", r#type.bare.as_str())
        .detail("type_kind", r#type.kind.as_str())
        .detail("type_category", r#type.category.as_str())
        .detail("type_storage", type_storage)
        .with_flag("also_own", inherited > 0 && row.opt("attislocal")?.is_none())
        .detail("local", row.opt("attislocal")?.is_none())
        .detail("inherited", inherited);
    if !is_view {
        object = object.with_some("storage", Some(own_storage).filter(|own| *own != type_storage)).with_some(
            "compression",
            match row.opt("compression")? {
                Some("p") => Some("pglz"),
                Some("l") => Some("lz4"),
                _ => None,
            },
        );
    }
    if row.flag("attnotnull")? && !is_view {
        object = object.with("not_null", true).detail("not_null_local", true);
    }
    match row.opt("attidentity")? {
        Some("a") => object = object.with("identity", "ALWAYS"),
        Some("d") => object = object.with("identity", "BY DEFAULT"),
        _ => {}
    }
    if !builder.add(object) {
        return Ok(());
    }
    let facts = ColumnFacts { r#type: type_oid, collation };
    builder.name_column(relation, number as i32, row.text("attname")?, facts);
    Ok(())
}

/// The name that Postgres gives to the NOT NULL constraint of a column or a domain where nobody names it
/// (`ChooseConstraintName` in `src/backend/catalog/pg_constraint.c`; longer ones are cut).
pub fn plain_not_null_name(of: &ObjectId) -> String {
    let mut names = of.path.iter().rev().map(String::as_str);
    let name = names.next().unwrap_or_default();
    match of.kind {
        Kind::Column => format!("{}_{name}_not_null", names.next().unwrap_or_default()),
        _ => format!("{name}_not_null"),
    }
}

/// Whether the name of a column's or a domain's NOT NULL constraint is the plain one, or its parent's.
pub(super) fn not_null_name_follows(object: &Object) -> bool {
    let inherited = object.details.contains_key("not_null_local") && !object.flag("not_null_local");
    inherited || object.text("not_null_name").is_some_and(|name| name == plain_not_null_name(&object.id))
}

/// The column that a row is about.
fn column(
    row: &Row<'_>,
    relation: &'static str,
    number: &'static str,
    builder: &Builder,
) -> Result<Option<ObjectId>, CatalogError> {
    let number = row.integer(number)?.unwrap_or_default() as i32;
    Ok(builder.id(class::CLASS, row.oid(relation)?, number).filter(|id| id.kind == Kind::Column).cloned())
}

fn not_null(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let Some(id) = column(row, "conrelid", "number", builder)? else { return Ok(()) };
    let partition = |id: &ObjectId| builder.get(id).is_some_and(|whole| whole.text("partition_of").is_some());
    let partition = builder.get(&id).and_then(|column| column.parent.as_ref()).is_some_and(partition);
    let Some(object) = builder.get_mut(&id).filter(|object| object.flag("not_null")) else { return Ok(()) };
    object.attributes.insert("not_null_name", row.text("conname")?.into());
    let local = row.opt("conislocal")?.is_none();
    if local && !partition && object.integer("inherited").unwrap_or_default() > 0 {
        object.attributes.insert("not_null_own", true.into());
    }
    if row.flag("connoinherit")? {
        object.attributes.insert("not_null_no_inherit", true.into());
    }
    if row.opt("convalidated")?.is_some() {
        object.attributes.insert("not_null_not_valid", true.into());
    }
    object.details.insert("not_null_local", local.into());
    builder.alias(class::CONSTRAINT, row.oid("oid")?, 0, id);
    Ok(())
}

fn default(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let oid = row.oid("oid")?;
    let Some(id) = column(row, "adrelid", "adnum", builder)? else { return Ok(()) };
    if builder.get(&id).is_some_and(|column| column.attributes.contains_key("generated")) {
        builder.alias(class::ATTRDEF, oid, 0, id.clone());
        builder.ask(Printed::Default, oid, &id);
        return Ok(());
    }
    let default = ObjectId { kind: Kind::Default, path: id.path.clone() };
    let object = Object::new(default.clone())
        .at(class::ATTRDEF, oid, 0)
        .part_of(id)
        .detail("position", row.integer("adnum")?.unwrap_or_default());
    if builder.add(object) {
        builder.ask(Printed::Default, oid, &default);
    }
    Ok(())
}
