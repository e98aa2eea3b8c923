//! Enums, domains, composite, range and base types as objects; shells too, of which base types are to be made.
//!
//! A table's row type, array types and multirange types are not objects of their own: they stand for what they come with.

use super::{
    Kind, Object, ObjectId,
    reader::{Builder, CatalogError, Reader, Row, USER_SCHEMAS, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader { what: "types", query: |version| Some(query(version)), row },
    Reader {
        what: "array types",
        query: |_| Some("select oid, typelem from pg_type where oid >= 16384 and typinput = 'array_in'::regproc".to_owned()),
        row: |row, builder| {
            builder.array(row.oid("oid")?, row.oid("typelem")?);
            Ok(())
        },
    },
];

fn query(version: u32) -> String {
    let not_null = if version >= 170_000 {
        "(select conname from pg_constraint k where k.contypid = t.oid and k.contype = 'n' limit 1)"
    } else {
        "null"
    };
    let subscript = if version >= 140_000 { "nullif(t.typsubscript, 0)::regproc" } else { "null" };
    let multirange = if version >= 140_000 { "rngmultitypid" } else { "0::oid" };
    format!(
        "select t.oid, n.nspname, t.typname, t.typtype, t.typrelid, pg_get_userbyid(t.typowner) as owner, t.typarray,
           case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base, t.typnotnull,
           case when t.typtype = 'd' then coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) end as default,
           case when t.typtype = 'd' and t.typcollation <> (select b.typcollation from pg_type b where b.oid = t.typbasetype)
             then (select quote_ident(cn.nspname) || '.' || quote_ident(k.collname) from pg_collation k
                   join pg_namespace cn on cn.oid = k.collnamespace where k.oid = t.typcollation) end as collation,
           case when t.typtype = 'd' then {not_null} end as not_null_name,
           (select to_json(array_agg(e.enumlabel order by e.enumsortorder)) from pg_enum e where e.enumtypid = t.oid) as labels,
           case when r.rngtypid is not null then format_type(r.rngsubtype, null) end as subtype,
           case when r.rngcollation <> (select st.typcollation from pg_type st where st.oid = r.rngsubtype)
             then (select quote_ident(cn.nspname) || '.' || quote_ident(k.collname) from pg_collation k
                   join pg_namespace cn on cn.oid = k.collnamespace where k.oid = r.rngcollation) end as range_collation,
           (select quote_ident(cn.nspname) || '.' || quote_ident(k.opcname) from pg_opclass k
              join pg_namespace cn on cn.oid = k.opcnamespace where k.oid = r.rngsubopc and not k.opcdefault) as opclass,
           nullif(r.rngcanonical, 0)::regproc as canonical, nullif(r.rngsubdiff, 0)::regproc as subdiff,
           t.typinput::regproc as input, t.typoutput::regproc as output, nullif(t.typreceive, 0)::regproc as receive,
           nullif(t.typsend, 0)::regproc as send, nullif(t.typmodin, 0)::regproc as typmod_in, nullif(t.typmodout, 0)::regproc as typmod_out,
           nullif(t.typanalyze, 0)::regproc as analyze, {subscript} as subscript, case when t.typlen > 0 then t.typlen end as length, t.typbyval,
           case t.typalign when 'c' then 'char' when 's' then 'int2' when 'd' then 'double' end as alignment,
           case t.typstorage when 'e' then 'external' when 'm' then 'main' when 'x' then 'extended' end as storage,
           nullif(t.typcategory, 'U') as category, t.typispreferred, t.typdefault as text_default,
           case when t.typelem <> 0 then format_type(t.typelem, null) end as element, nullif(t.typdelim, ',') as delimiter,
           t.typcollation <> 0 as collatable, t.typisdefined,
           r.multirange, (select mr.typname from pg_type mr where mr.oid = r.multirange) as multirange_name,
           (select mr.typarray from pg_type mr where mr.oid = r.multirange) as multirange_array
         from (select * from pg_type where oid >= 16384 and (typtype in ('e', 'd', 'r')
                 or typtype = 'c' and typrelid in (select oid from pg_class where relkind = 'c')
                 or typtype = 'b' and typinput <> 'array_in'::regproc or typtype = 'p' and not typisdefined)) t
           join pg_namespace n on n.oid = t.typnamespace
           left join (select *, {multirange} as multirange from pg_range) r on r.rngtypid = t.oid
         where {USER_SCHEMAS}"
    )
}

/// Attributes of base types as their query has them; a length that is missing is variable.
const BASE: &[&str] = &[
    "input",
    "output",
    "receive",
    "send",
    "typmod_in",
    "typmod_out",
    "analyze",
    "subscript",
    "length",
    "alignment",
    "storage",
    "category",
    "delimiter",
    "element",
];

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let form = row.text("typtype")?;
    let path = [row.text("nspname")?, row.text("typname")?];
    let id = ObjectId::new(if form == "d" { Kind::Domain } else { Kind::Type }, path);
    let oid = row.oid("oid")?;
    let mut object = Object::new(id.clone()).at(class::TYPE, oid, 0).with("owner", row.text("owner")?);
    match form {
        "e" => object = object.with("form", "enum").with("values", row.list("labels")?),
        "c" => object = object.with("form", "composite"),
        "p" => object = object.with("form", "shell"),
        "b" => {
            object = object.with("form", "base");
            for name in BASE {
                object = object.with_some(name, row.opt(name)?);
            }
            object = object
                .with_some("default", row.opt("text_default")?)
                .with_flag("by_value", row.flag("typbyval")?)
                .with_flag("preferred", row.flag("typispreferred")?)
                .with_flag("collatable", row.flag("collatable")?);
        }
        "r" => {
            object = object
                .with("form", "range")
                .with_some("subtype", row.opt("subtype")?)
                .with_some("collation", row.opt("range_collation")?)
                .with_some("opclass", row.opt("opclass")?)
                .with_some("canonical", row.opt("canonical")?)
                .with_some("subtype_diff", row.opt("subdiff")?)
                .with_some("multirange", row.opt("multirange_name")?);
        }
        _ => {
            object = object
                .with_some("type", row.opt("base")?)
                .with_some("collation", row.opt("collation")?)
                .with_some("default", row.opt("default")?)
                .with_flag("not_null", row.flag("typnotnull")?)
                .with_some("not_null_name", row.opt("not_null_name")?);
        }
    }
    let labels = if form == "e" { row.list("labels")? } else { Vec::new() };
    if builder.add(object) {
        builder.alias(class::CLASS, row.oid("typrelid")?, 0, id.clone());
        if form == "c" {
            builder.row_type(oid, row.oid("typrelid")?);
        }
        builder.alias(class::TYPE, row.oid("typarray")?, 0, id.clone());
        if form == "r" {
            builder.alias(class::TYPE, row.oid("multirange")?, 0, id.clone());
            builder.alias(class::TYPE, row.oid("multirange_array")?, 0, id.clone());
        }
        for (position, label) in (1_i64..).zip(labels) {
            let value = ObjectId::new(Kind::EnumValue, [path[0], path[1], label.as_str()]);
            builder.add(Object::new(value).part_of(id.clone()).detail("position", position));
        }
    }
    Ok(())
}
