//! Constraints of tables and domains as objects.
//!
//! NOT NULL belongs to the column. What a partition or child has only because its parent has it is not an object: it comes and goes with
//! the parent's. What a key's index says is read with the indexes.

use super::{
    Kind, Object, Value,
    definition::{self, Printed},
    reader::{Builder, CatalogError, Holds, Of, PartReader, Reader, Row, Sums, adds_up, class, sum_of_each},
};

pub(super) const PARTS: &[PartReader] = &[PartReader {
    reader: Reader { what: "constraints", query: |version| Some(query(version)), row },
    of: Of::Relation("conrelid"),
    holds: &[
        ("oid", Holds::Own(class::CONSTRAINT)),
        ("conname", Holds::Name),
        ("contypid", Holds::Oid(class::TYPE)),
        ("confrelid", Holds::Oid(class::CLASS)),
        ("conbin", Holds::Tree),
        // It has the constraint's name, or is what the constraint refers to.
        ("conindid", Holds::Nothing),
    ],
    sums: Some(Sums {
        query: |version, seed| {
            adds_up(version).then(|| {
                let says = "contype, conislocal, coninhcount, of_parent, connoinherit, convalidated, conindid is null, key, referenced_key,
                    confmatchtype, confupdtype, confdeltype, condeferrable, condeferred, plain, enforced, validated_below";
                sum_of_each(&query(version), "oid, conrelid, conname, confrelid, conbin", says, seed) + " where conrelid <> 0"
            })
        },
        // Of domains.
        rest: |version| Some(query(version) + " and conrelid = 0"),
        of_relations: false,
    }),
}];

fn query(version: u32) -> String {
    // What a constraint of these says is written from its columns (`definition::key`).
    let all_set = if version >= 150_000 { "confdelsetcols is null" } else { "true" };
    let timeless = if version >= 180_000 { "not conperiod and conenforced" } else { "true" };
    let enforced = if version >= 180_000 { "conenforced" } else { "true" };
    format!(
        "select oid, conrelid, nullif(contypid, 0) as contypid, conname, contype, conislocal, nullif(coninhcount, 0) as coninhcount,
           conparentid <> 0 as of_parent, connoinherit, convalidated, nullif(conindid, 0) as conindid, nullif(confrelid, 0) as confrelid,
           conkey as key, confkey as referenced_key, confmatchtype, confupdtype, confdeltype, condeferrable, condeferred,
           contype in ('f', 'p', 'u') and {all_set} and {timeless} as plain, {enforced} as enforced,
           contype = 'c' and not conislocal and convalidated and (conrelid, conname) in (
             select h.inhrelid, a.conname from pg_inherits h join pg_constraint a on h.inhparent = a.conrelid
             where a.contype = 'c' and not a.convalidated) as validated_below, conbin
         from pg_constraint
         where (contype in ('c', 'f', 'p', 'u', 'x') or contype = 'n' and contypid <> 0) and oid >= 16384"
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
    let inherited = !row.flag("conislocal")? || row.flag("of_parent")?;
    if inherited && !keyed {
        if !row.flag("of_parent")? {
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
        .part_of(whole)
        .with_some("definition", definition)
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
        builder.ask(Printed::Constraint, oid, &id);
    }
    let index = row.oid("conindid")?;
    if keyed && index != 0 {
        builder.alias(class::CLASS, index, 0, id);
    }
    Ok(())
}
