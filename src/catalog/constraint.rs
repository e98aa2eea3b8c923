//! Constraints of tables and domains as objects.
//!
//! NOT NULL belongs to the column. What a partition or child has only because its parent has it is not an object: it comes and goes with
//! the parent's.

use super::{
    Kind, Object, Value,
    definition::{self, Printed},
    read::{Builder, CatalogError, Reader, Row, class},
};

pub(super) const READERS: &[Reader] = &[Reader { what: "constraints", query: |version| Some(query(version)), row }];

fn query(version: u32) -> String {
    // What a constraint of these says is written from its columns (`definition::key`).
    let distinct = if version >= 150_000 { "x.indnullsnotdistinct is not true and k.confdelsetcols is null" } else { "true" };
    let (timeless, enforced) =
        if version >= 180_000 { ("not k.conperiod and k.conenforced", "k.conenforced") } else { ("true", "true") };
    format!(
        "select k.oid, k.conrelid, k.contypid, k.conname, k.contype, k.conislocal, k.coninhcount, k.conparentid, k.connoinherit,
           k.convalidated, k.conindid, k.confrelid, k.conkey::text as key, k.confkey::text as referenced_key, k.confmatchtype, k.confupdtype, k.confdeltype, k.condeferrable, k.condeferred,
           (k.contype = 'f' or k.contype in ('p', 'u') and x.indnatts = x.indnkeyatts) and {distinct} and {timeless} as plain, {enforced} as enforced,
           case when k.contype in ('p', 'u', 'x') then to_json(i.reloptions) end as index_options,
           case when k.contype in ('p', 'u', 'x') then sp.spcname end as tablespace,
           x.indisclustered, x.indisreplident,
           case when i.relispartition then (select quote_ident(pn.nspname) || '.' || quote_ident(p.relname) from pg_inherits h
              join pg_class p on p.oid = h.inhparent join pg_namespace pn on pn.oid = p.relnamespace where h.inhrelid = k.conindid) end as attached_to,
           ck.conname is not null and k.convalidated as validated_below
         from pg_constraint k left join pg_class i on i.oid = k.conindid and k.contype in ('p', 'u', 'x')
           left join pg_tablespace sp on sp.oid = i.reltablespace
           left join pg_index x on x.indexrelid = i.oid
           left join (select distinct h.inhrelid, a.conname from pg_constraint a join pg_inherits h on h.inhparent = a.conrelid
              where a.contype = 'c' and not a.convalidated) ck on ck.inhrelid = k.conrelid and ck.conname = k.conname and k.contype = 'c'
         where (k.contype in ('c', 'f', 'p', 'u', 'x') or k.contype = 'n' and k.contypid <> 0) and k.oid >= 16384"
    )
}

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let oid = row.oid("oid")?;
    let relation = row.oid("conrelid")?;
    let whole = if relation == 0 { builder.id(class::TYPE, row.oid("contypid")?, 0) } else { builder.relation(relation) };
    let Some(whole) = whole.cloned() else {
        builder.ignore(class::CONSTRAINT, oid);
        return Ok(());
    };
    let name = row.text("conname")?;
    let kind = row.text("contype")?;
    if kind == "n" {
        // A domain's NOT NULL is a fact of the domain.
        builder.alias(class::CONSTRAINT, oid, 0, whole);
        return Ok(());
    }
    let keyed = matches!(kind, "p" | "u" | "x");
    let inherited = !row.flag("conislocal")? || row.oid("conparentid")? != 0;
    if inherited && !keyed {
        if row.oid("conparentid")? == 0 {
            builder.alias(class::CONSTRAINT, oid, 0, whole.clone());
        } else {
            builder.ignore(class::CONSTRAINT, oid);
        }
        let Some(table) = builder.get_mut(&whole) else { return Ok(()) };
        let mut lists = vec![table.details.get_or_insert("inherited_constraints", Value::List(Vec::new()))];
        // Validated here, while what it comes from is not.
        if row.flag("validated_below")? {
            lists.push(table.attributes.get_or_insert("validated_checks", Value::List(Vec::new())));
        }
        for list in lists {
            if let Value::List(list) = list {
                list.push(name.to_owned());
                list.sort();
            }
        }
        return Ok(());
    }
    let id = whole.part(Kind::Constraint, name);
    let definition = definition::key(row, builder)?;
    let plain = definition.is_some();
    let object = Object::new(id.clone())
        .at(class::CONSTRAINT, oid, 0)
        .part_of(whole.clone())
        .with_some("definition", definition)
        .with_list("index_options", row.list("index_options")?)
        .with_some("tablespace", row.opt("tablespace")?)
        .with_some("attached_to", row.opt("attached_to")?)
        .detail("form", kind)
        .detail("key", row.opt("key")?.unwrap_or_default())
        .detail("referenced", row.oid("confrelid")?.to_string())
        .detail("referenced_key", row.opt("referenced_key")?.unwrap_or_default())
        .detail("validated", row.flag("convalidated")?)
        .detail("merged", row.integer("coninhcount")?.unwrap_or_default() > 0);
    if !builder.add(object) {
        return Ok(());
    }
    if !plain {
        let facts = (kind == "c" && relation != 0)
            .then(|| row.facts(&["connoinherit", "convalidated", "condeferrable", "condeferred", "enforced"]));
        builder.ask(Printed::Constraint, oid, &id, relation, facts.transpose()?);
    }
    let index = row.oid("conindid")?;
    if keyed && index != 0 {
        builder.alias(class::CLASS, index, 0, id.clone());
        super::index::mark(builder, &whole, &id, row.flag("indisclustered")?, row.flag("indisreplident")?);
    }
    Ok(())
}
