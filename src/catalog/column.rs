//! Columns of tables, views and composite types, and their defaults, as objects.
//!
//! A generated column's expression belongs to the column; a NOT NULL constraint too, with its name where the version has one (18). An
//! identity column's sequence is read with the sequences. Whether a default is another value each time is found in its stored tree, which names
//! the functions that it calls by OID.

use std::sync::Arc;

use super::{
    Kind, Object, ObjectId,
    definition::ColumnFacts,
    read::{Builder, CatalogError, Reader, Row, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader { what: "types of columns", query: |_| Some(types()), row: column_type },
    Reader { what: "columns", query: |version| Some(query(version)), row },
];

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

fn types() -> String {
    "select t.oid, x.atttypmod, format_type(t.oid, x.atttypmod) as type, format_type(t.oid, null) as bare_type, t.typtype, t.typcategory,
       t.typstorage, t.typcollation, k.oid as collation_oid, quote_ident(n.nspname) || '.' || quote_ident(k.collname) as collation
     from (select distinct atttypid, atttypmod, attcollation from pg_attribute
           where attnum > 0 and not attisdropped and attrelid >= 16384) x
       join pg_type t on t.oid = x.atttypid left join pg_collation k on k.oid = x.attcollation
       left join pg_namespace n on n.oid = k.collnamespace"
        .to_owned()
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

// Rows are many: what is as usual is NULL, and what columns of one type share is read once. Relations of no schema of users are left out by
// `row`. A default refers to no column, so that it is
// printed without opening its table.
fn query(version: u32) -> String {
    let compression = if version >= 140_000 { "nullif(a.attcompression, '')" } else { "null" };
    let (not_null, join) = if version >= 180_000 {
        (
            "k.oid as not_null_oid, k.conname as not_null_name, nullif(k.connoinherit, false) as connoinherit,
             nullif(not k.convalidated, false) as not_null_unvalidated, nullif(not k.conislocal, false) as not_null_from_parent",
            "left join pg_constraint k on k.conrelid = a.attrelid and k.contype = 'n' and a.attnotnull and k.conkey[1] = a.attnum",
        )
    } else {
        (
            "null as not_null_oid, null as not_null_name, null as connoinherit, null as not_null_unvalidated, null as not_null_from_parent",
            "",
        )
    };
    format!(
        "select a.attrelid, a.attnum, a.attname, nullif(quote_ident(a.attname), a.attname) as quoted, a.atttypid,
           nullif(a.atttypmod, -1) as atttypmod, nullif(a.attcollation, 0) as attcollation, nullif(a.attnotnull, false) as attnotnull,
           nullif(a.attidentity, '') as attidentity, nullif(a.attgenerated, '') as attgenerated,
           nullif(not a.attislocal, false) as from_parent, nullif(a.attinhcount, 0) as attinhcount,
           a.attstorage, {compression} as compression,
           nullif(a.attstattarget, -1) as statistics, to_json(a.attoptions) as options, to_json(a.attfdwoptions) as foreign_options,
           d.oid as default_oid,
           case when a.attgenerated = '' then pg_get_expr(d.adbin, 0) else pg_get_expr(d.adbin, d.adrelid) end as expression,
           v.volatile, {not_null}
         from pg_attribute a join pg_class c on c.oid = a.attrelid
           left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.atthasdef
           left join (select tree, nullif(exists (select from regexp_matches(tree, ':(?:op)?funcid (\\d+)', 'g') as called
               join pg_proc p on p.oid = called[1]::oid where p.provolatile = 'v'), false) as volatile
             from (select distinct adbin::text as tree from pg_attrdef where adbin::text like '%funcid%') t) v on v.tree = d.adbin::text
           {join}
         where a.attnum > 0 and not a.attisdropped and a.attrelid >= 16384 and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c')"
    )
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
    let Some(whole) = builder.relation(relation).cloned() else { return Ok(()) };
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
    let expression = row.opt("expression")?;
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
        .with_some("expression", expression.filter(|_| generated.is_some()))
        .detail("position", number)
        .detail("bare_type", r#type.bare.as_str())
        .detail("type_kind", r#type.kind.as_str())
        .detail("type_category", r#type.category.as_str())
        .detail("type_storage", type_storage)
        .with_flag("also_own", inherited > 0 && !row.flag("from_parent")?)
        .detail("local", !row.flag("from_parent")?)
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
        object = object
            .with("not_null", true)
            .with_some("not_null_name", row.opt("not_null_name")?)
            .with_flag("not_null_no_inherit", row.flag("connoinherit")?)
            .with_flag("not_null_not_valid", row.flag("not_null_unvalidated")?)
            .detail("not_null_local", !row.flag("not_null_from_parent")?);
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
    builder.name_column(relation, number as i32, row.opt("quoted")?, facts);
    let default = row.oid("default_oid")?;
    if default != 0 {
        if generated.is_some() {
            builder.alias(class::ATTRDEF, default, 0, id.clone());
        } else if let Some(expression) = expression {
            let default_id = ObjectId { kind: Kind::Default, path: id.path.clone() };
            builder.add(
                Object::new(default_id)
                    .at(class::ATTRDEF, default, 0)
                    .part_of(id.clone())
                    .with("expression", expression)
                    .detail("volatile", row.flag("volatile")?)
                    .detail("position", number),
            );
        }
    }
    let not_null = row.oid("not_null_oid")?;
    if not_null != 0 {
        builder.alias(class::CONSTRAINT, not_null, 0, id);
    }
    Ok(())
}
