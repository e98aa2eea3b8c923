//! Columns of tables, views and composite types, and their defaults, as objects.
//!
//! A generated column's expression belongs to the column; a NOT NULL constraint too, with its name where the version has one (18). An
//! identity column's sequence is read with the sequences.

use super::{
    Kind, Object, ObjectId,
    read::{Builder, CatalogError, Reader, Row, USER_SCHEMAS, class},
};

pub(super) const READERS: &[Reader] = &[Reader { what: "columns", query: |version| Some(query(version)), row }];

fn query(version: u32) -> String {
    let compression = if version >= 140_000 { "a.attcompression" } else { "''" };
    let (not_null, join) = if version >= 180_000 {
        (
            "k.oid as not_null_oid, k.conname as not_null_name, k.connoinherit, not k.convalidated as not_null_unvalidated, k.conislocal as not_null_local",
            "left join pg_constraint k on k.conrelid = a.attrelid and k.contype = 'n' and a.attnotnull and k.conkey[1] = a.attnum",
        )
    } else {
        (
            "null as not_null_oid, null as not_null_name, null as connoinherit, null as not_null_unvalidated, true as not_null_local",
            "",
        )
    };
    format!(
        "select a.attrelid, a.attnum, a.attname, c.relkind, format_type(a.atttypid, a.atttypmod) as type,
           format_type(a.atttypid, null) as bare_type, a.attnotnull, a.attidentity, a.attgenerated, a.attislocal, a.attinhcount,
           case when a.attcollation <> t.typcollation
             then (select quote_ident(cn.nspname) || '.' || quote_ident(co.collname) from pg_collation co
                   join pg_namespace cn on cn.oid = co.collnamespace where co.oid = a.attcollation) end as collation,
           case when a.attstorage <> t.typstorage then a.attstorage end as storage, t.typstorage, {compression} as compression,
           nullif(a.attstattarget, -1) as statistics, to_json(a.attoptions) as options, to_json(a.attfdwoptions) as foreign_options,
           d.oid as default_oid, pg_get_expr(d.adbin, d.adrelid) as expression, t.typtype, t.typcategory, c.relispartition, {not_null}
         from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
           join pg_type t on t.oid = a.atttypid
           left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.atthasdef
           {join}
         where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c') and {USER_SCHEMAS}"
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
    let generated = match row.text("attgenerated")? {
        "s" => Some("STORED"),
        "v" => Some("VIRTUAL"),
        _ => None,
    };
    let expression = row.opt("expression")?;
    let mut object = Object::new(id.clone())
        .at(class::CLASS, relation, number as i32)
        .part_of(whole)
        .with("type", row.text("type")?)
        .with_some("collation", row.opt("collation")?)
        .with_some("statistics", row.integer("statistics")?)
        .with_list("options", row.list("options")?)
        .with_list("foreign_options", row.list("foreign_options")?)
        .with_some("generated", generated)
        .with_some("expression", expression.filter(|_| generated.is_some()))
        .detail("position", number)
        .detail("bare_type", row.text("bare_type")?)
        .detail("type_kind", row.text("typtype")?)
        .detail("type_category", row.text("typcategory")?)
        .detail("type_storage", storage(row.text("typstorage")?))
        .detail("local", row.flag("attislocal")?)
        .detail("inherited", row.integer("attinhcount")?.unwrap_or_default());
    if !is_view {
        object = object.with_some("storage", row.filled("storage")?.map(storage)).with_some(
            "compression",
            match row.text("compression")? {
                "p" => Some("pglz"),
                "l" => Some("lz4"),
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
            .detail("not_null_local", row.flag("not_null_local")?);
    }
    match row.text("attidentity")? {
        "a" => object = object.with("identity", "ALWAYS"),
        "d" => object = object.with("identity", "BY DEFAULT"),
        _ => {}
    }
    if !builder.add(object) {
        return Ok(());
    }
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
