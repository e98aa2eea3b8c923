//! Indexes as objects, but for those that are a constraint's: what these say completes the constraint.
//!
//! A table's cluster mark and replica identity are attributes of the table.

use super::{
    Kind, Object, ObjectId, Value,
    definition::{self, Printed},
    reader::{Builder, CatalogError, Holds, Of, PartReader, Reader, Row, Sums, adds_up, class, sum_of_each},
    tree::FIRST_OWN,
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
    Reader {
        what: "words that are quoted as names",
        query: |_| Some("select word from pg_get_keywords() where catcode <> 'U'".to_owned()),
        row: |row, builder| {
            builder.keyword(row.text("word")?);
            Ok(())
        },
    },
];

pub(super) const PARTS: &[PartReader] = &[PartReader {
    reader: Reader { what: "indexes", query: |version| Some(query(version)), row },
    of: Of::Relation("indrelid"),
    holds: &[
        ("oid", Holds::Own(class::CLASS)),
        ("relname", Holds::Name),
        ("indclass", Holds::Oid(class::OPCLASS)),
        ("indcollation", Holds::Oid(class::COLLATION)),
        ("indexprs", Holds::Tree),
        ("indpred", Holds::Tree),
    ],
    sums: Some(Sums {
        query: |version, seed| {
            adds_up(version).then(|| {
                let own = |vector| format!("case when {FIRST_OWN} <= any ({vector}) then {vector} end as {vector}");
                let common = |vector| format!("case when {FIRST_OWN} > all ({vector}) then {vector} end");
                let [classes, collations] = ["indclass", "indcollation"];
                let columns =
                    format!("oid, relname, indrelid, {}, {}, indexprs, indpred", own(classes), own(collations));
                let says = format!(
                    "nspname, relkind, amname, indisvalid, indisclustered, indisreplident, indisunique, indnatts, indnkeyatts, indkey::text,
                     {}, {}, indoption::text, nulls_together, tablespace, options::text, attached_to",
                    common(classes), common(collations)
                );
                sum_of_each(&query(version), &columns, &says, seed)
            })
        },
        rest: |_| None,
        of_relations: false,
    }),
}];

fn query(version: u32) -> String {
    let together = if version >= 150_000 { "nullif(x.indnullsnotdistinct, false)" } else { "null" };
    format!(
        "select c.oid, n.nspname, c.relname, quote_ident(c.relname) as name, x.indrelid, c.relkind, am.amname, x.indisvalid,
           nullif(x.indisclustered, false) as indisclustered, nullif(x.indisreplident, false) as indisreplident, x.indisunique, x.indnatts,
           x.indnkeyatts, x.indkey, x.indclass, x.indcollation, x.indoption, x.indexprs, x.indpred, {together} as nulls_together,
           case when c.reltablespace <> 0 then (select spcname from pg_tablespace where oid = c.reltablespace) end as tablespace,
           case when c.reloptions is not null then to_json(c.reloptions) end as options,
           case when c.relispartition then (select quote_ident(pn.nspname) || '.' || quote_ident(p.relname) from pg_inherits h
              join pg_class p on p.oid = h.inhparent join pg_namespace pn on pn.oid = p.relnamespace where h.inhrelid = c.oid) end as attached_to
         from pg_index x join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace join pg_am am on am.oid = c.relam
         where x.indexrelid >= 16384 and n.nspname !~ '^pg_(toast|temp)'"
    )
}

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let oid = row.oid("oid")?;
    let Some(whole) = builder.relation(row.oid("indrelid")?).cloned() else {
        builder.ignore(class::CLASS, oid);
        return Ok(());
    };
    if let Some(key) = builder.relation(oid).filter(|id| id.kind == Kind::Constraint).cloned() {
        complete(row, builder, &key)?;
        return mark(row, builder, &whole, &key);
    }
    let id = ObjectId::new(Kind::Index, [row.text("nspname")?, row.text("relname")?]);
    let partitioned = row.text("relkind")? == "I";
    let expressions = row.opt("indexprs")?.is_some();
    let key = row.flag("indisunique")? && !expressions && row.opt("indpred")?.is_none();
    let key = if key { definition::key_of(row)? } else { String::new() };
    let statistics = if expressions { builder.column_options(oid).map(|options| options.statistics()) } else { None };
    let definition = definition::index(row, builder)?;
    let plain = definition.is_some();
    let object = Object::new(id.clone())
        .at(class::CLASS, oid, 0)
        .with_some("definition", definition)
        .with_some("tablespace", row.opt("tablespace")?)
        .with_some("attached_to", row.opt("attached_to")?)
        .with_list("statistics", statistics.unwrap_or_default())
        .with_flag("invalid", !partitioned && !row.flag("indisvalid")?)
        .detail("unique", row.flag("indisunique")?)
        .detail("key", key)
        .detail("partitioned", partitioned)
        .part_of(whole.clone());
    if builder.add(object) {
        if !plain {
            builder.ask(Printed::Index, oid, &id);
        }
        mark(row, builder, &whole, &id)?;
    }
    Ok(())
}

/// Adds what a constraint has by its index.
fn complete(row: &Row<'_>, builder: &mut Builder, key: &ObjectId) -> Result<(), CatalogError> {
    let options = row.list("options")?;
    let plain = row.opt("indnatts")? == row.opt("indnkeyatts")? && !row.flag("nulls_together")?;
    let Some(object) = builder.get_mut(key) else { return Ok(()) };
    if !options.is_empty() {
        object.attributes.insert("index_options", Value::List(options));
    }
    for (name, value) in [("tablespace", row.opt("tablespace")?), ("attached_to", row.opt("attached_to")?)] {
        if let Some(value) = value {
            object.attributes.insert(name, value.into());
        }
    }
    // Written from its columns; what else its index says is printed with it.
    if !plain
        && object.attributes.remove("definition").is_some()
        && let Some(oid) = object.address.map(|address| address.object)
    {
        builder.ask(Printed::Constraint, oid, key);
    }
    Ok(())
}

/// Says in the table which index it is clustered on, and which one is its replica identity.
fn mark(row: &Row<'_>, builder: &mut Builder, whole: &ObjectId, index: &ObjectId) -> Result<(), CatalogError> {
    let (clustered, identity) = (row.flag("indisclustered")?, row.flag("indisreplident")?);
    if (clustered || identity)
        && let Some(table) = builder.get_mut(whole)
    {
        if clustered {
            table.attributes.insert("cluster_on", index.name().into());
        }
        if identity {
            table.attributes.insert("replica_identity", format!("index {}", index.name()).into());
        }
    }
    Ok(())
}
