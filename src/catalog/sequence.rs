//! Sequences as objects. One that a column owns, as `serial` or as its identity, is a part of the column.
//!
//! Where a sequence stands is data and not read.

use super::{
    Kind, Object, ObjectId,
    reader::{Builder, CatalogError, Holds, Of, PartReader, Reader, Row, USER_SCHEMAS, class},
};

pub(super) const PARTS: &[PartReader] = &[PartReader {
    reader: Reader { what: "sequences", query: |_| Some(query()), row },
    of: Of::Relation("refobjid"),
    holds: &[("oid", Holds::Own(class::CLASS)), ("relname", Holds::Name)],
    sums: None,
}];

fn query() -> String {
    format!(
        "select c.oid, n.nspname, c.relname, pg_get_userbyid(c.relowner) as owner, c.relpersistence, format_type(s.seqtypid, null) as type,
           s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle, d.refobjid, d.refobjsubid, d.deptype
         from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_sequence s on s.seqrelid = c.oid
           left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
             and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
         where c.relkind = 'S' and {USER_SCHEMAS}"
    )
}

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let column = builder.id(class::CLASS, row.oid("refobjid")?, row.integer("refobjsubid")?.unwrap_or_default() as i32).cloned();
    let mut object = Object::new(ObjectId::new(Kind::Sequence, [row.text("nspname")?, row.text("relname")?]))
        .at(class::CLASS, row.oid("oid")?, 0)
        .with("type", row.text("type")?)
        .with_some("start", row.integer("seqstart")?)
        .with_some("increment", row.integer("seqincrement")?)
        .with_some("minimum", row.integer("seqmin")?)
        .with_some("maximum", row.integer("seqmax")?)
        .with_some("cache", row.integer("seqcache")?)
        .with_flag("cycle", row.flag("seqcycle")?)
        .with_flag("unlogged", row.text("relpersistence")? == "u");
    match column {
        // An owned sequence changes hands with its table.
        Some(column) => {
            let link = if row.opt("deptype")? == Some("i") { "identity_of" } else { "owned_by" };
            object = object.with(link, column.path.clone()).part_of(column).detail("owner", row.text("owner")?);
        }
        None => object = object.with("owner", row.text("owner")?),
    }
    builder.add(object);
    Ok(())
}
