//! Indexes as objects, but for those that are a constraint's.
//!
//! A table's cluster mark and replica identity are attributes of the table.

use super::{
    Kind, Object, ObjectId,
    read::{Builder, CatalogError, Reader, Row, class},
};

pub(super) const READERS: &[Reader] = &[Reader { what: "indexes", query: |_| Some(query()), row }];

fn query() -> String {
    "select c.oid, n.nspname, c.relname, x.indrelid, c.relkind, pg_get_indexdef(c.oid) as definition, x.indisvalid, x.indisclustered,
       x.indisreplident, x.indisunique,
       case when x.indisunique and x.indexprs is null and x.indpred is null
         then (x.indkey::int2[])[0:x.indnkeyatts - 1]::text end as key, sp.spcname,
       (select quote_ident(pn.nspname) || '.' || quote_ident(p.relname) from pg_inherits h join pg_class p on p.oid = h.inhparent
          join pg_namespace pn on pn.oid = p.relnamespace where h.inhrelid = c.oid) as attached_to,
       case when x.indexprs is not null then (select to_json(array_agg(a.attnum || '=' || a.attstattarget order by a.attnum)) from pg_attribute a
          where a.attrelid = c.oid and a.attstattarget >= 0) end as statistics
     from pg_index x join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace
       left join pg_tablespace sp on sp.oid = c.reltablespace
     where c.oid >= 16384 and n.nspname !~ '^pg_(toast|temp)'
       and not exists (select from pg_constraint k where k.conindid = c.oid and k.contype in ('p', 'u', 'x'))"
        .to_owned()
}

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let oid = row.oid("oid")?;
    let Some(whole) = builder.relation(row.oid("indrelid")?).cloned() else {
        builder.ignore(class::CLASS, oid);
        return Ok(());
    };
    let id = ObjectId::new(Kind::Index, [row.text("nspname")?, row.text("relname")?]);
    let partitioned = row.text("relkind")? == "I";
    let object = Object::new(id.clone())
        .at(class::CLASS, oid, 0)
        .with("definition", row.text("definition")?)
        .with_some("tablespace", row.opt("spcname")?)
        .with_some("attached_to", row.opt("attached_to")?)
        .with_list("statistics", row.list("statistics")?)
        .with_flag("invalid", !partitioned && !row.flag("indisvalid")?)
        .detail("unique", row.flag("indisunique")?)
        .detail("key", row.opt("key")?.unwrap_or_default())
        .detail("partitioned", partitioned)
        .part_of(whole.clone());
    if builder.add(object) {
        mark(builder, &whole, &id, row.flag("indisclustered")?, row.flag("indisreplident")?);
    }
    Ok(())
}

/// Says in the table which index it is clustered on, and which one is its replica identity.
pub(super) fn mark(builder: &mut Builder, whole: &ObjectId, index: &ObjectId, clustered: bool, identity: bool) {
    if !clustered && !identity {
        return;
    }
    let Some(table) = builder.get_mut(whole) else { return };
    if clustered {
        table.attributes.insert("cluster_on", index.name().into());
    }
    if identity {
        table.attributes.insert("replica_identity", format!("index {}", index.name()).into());
    }
}
