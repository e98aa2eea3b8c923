//! Indexes as objects, but for those that are a constraint's.
//!
//! A table's cluster mark and replica identity are attributes of the table.

use super::{
    Kind, Object, ObjectId,
    definition::{self, Printed},
    read::{Builder, CatalogError, Reader, Row, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader {
        what: "default operator classes",
        query: |_| Some("select oid, opcintype, opcmethod from pg_opclass where opcdefault".to_owned()),
        row: |row, builder| {
            builder.name_default_class(row.oid("oid")?, row.oid("opcintype")?, row.oid("opcmethod")?);
            Ok(())
        },
    },
    Reader { what: "indexes", query: |version| Some(query(version)), row },
];

fn query(version: u32) -> String {
    // What an index of these says is written from its columns (`definition::index`).
    let distinct = if version >= 150_000 { "not x.indnullsnotdistinct" } else { "true" };
    let together = if version >= 150_000 { "x.indnullsnotdistinct" } else { "false" };
    format!(
        "select c.oid, n.nspname, c.relname, quote_ident(c.relname) as name, x.indrelid, c.relkind, am.amname, x.indisvalid, x.indisclustered,
           x.indisreplident, x.indisunique, x.indnkeyatts, x.indkey,
           case when x.indisunique and x.indexprs is null and x.indpred is null
             then (x.indkey::int2[])[0:x.indnkeyatts - 1]::text end as key, x.indclass, x.indcollation, x.indoption, sp.spcname,
           x.indexprs is null and x.indpred is null and c.reloptions is null and o.has_options is not true and {distinct}
             and am.amname in ('btree', 'hash', 'gin', 'gist', 'spgist', 'brin') as plain, {together} as nulls_together, o.has_options,
           case when c.reloptions is not null then to_json(c.reloptions) end as options,
           quote_ident(pn.nspname) || '.' || quote_ident(p.relname) as attached_to,
           case when x.indexprs is not null then o.statistics end as statistics
         from pg_index x join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace join pg_am am on am.oid = c.relam
           left join pg_tablespace sp on sp.oid = c.reltablespace
           left join pg_inherits h on h.inhrelid = c.oid left join pg_class p on p.oid = h.inhparent left join pg_namespace pn on pn.oid = p.relnamespace
           left join (select attrelid, bool_or(attoptions is not null) as has_options,
               to_json(array_agg(attnum || '=' || attstattarget order by attnum) filter (where attstattarget >= 0)) as statistics
             from pg_attribute where attnum > 0 and (attoptions is not null or attstattarget >= 0) group by attrelid) o on o.attrelid = c.oid
         where c.oid >= 16384 and n.nspname !~ '^pg_(toast|temp)'
           and not exists (select from pg_constraint k where k.conindid = c.oid and k.contype in ('p', 'u', 'x'))"
    )
}

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let oid = row.oid("oid")?;
    let Some(whole) = builder.relation(row.oid("indrelid")?).cloned() else {
        builder.ignore(class::CLASS, oid);
        return Ok(());
    };
    let id = ObjectId::new(Kind::Index, [row.text("nspname")?, row.text("relname")?]);
    let partitioned = row.text("relkind")? == "I";
    let definition = definition::index(row, builder)?;
    let plain = definition.is_some();
    let object = Object::new(id.clone())
        .at(class::CLASS, oid, 0)
        .with_some("definition", definition)
        .with_some("tablespace", row.opt("spcname")?)
        .with_some("attached_to", row.opt("attached_to")?)
        .with_list("statistics", row.list("statistics")?)
        .with_flag("invalid", !partitioned && !row.flag("indisvalid")?)
        .detail("unique", row.flag("indisunique")?)
        .detail("key", row.opt("key")?.unwrap_or_default())
        .detail("partitioned", partitioned)
        .part_of(whole.clone());
    if builder.add(object) {
        if !plain {
            let facts = (!row.flag("has_options")?).then(|| {
                let facts =
                    row.facts(&["relkind", "amname", "indisunique", "nulls_together", "indnkeyatts", "indkey", "indoption"])?;
                let classes = row.facts(&["indclass"])?;
                let collations = row.facts(&["indcollation"])?;
                let options = row.facts(&["options"])?;
                Ok::<_, CatalogError>(format!("{facts} :opclass {classes} :collid {collations} :options {options}"))
            });
            builder.ask(Printed::Index, oid, &id, row.oid("indrelid")?, facts.transpose()?);
        }
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
