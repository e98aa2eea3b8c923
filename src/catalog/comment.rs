//! Comments and security labels as objects, parts of what they stand on. The database itself, for which some are, is read here too.
//!
//! Comments on members of extensions are facts of the extension: its script makes them, people may change them.

use super::{
    Kind, Object, ObjectId, Path, Value,
    reader::{Builder, CatalogError, Of, PartReader, Reader, Row, class},
};

pub(super) const PARTS: &[PartReader] = &[
    PartReader {
        reader: Reader {
            what: "comments",
            query: |_| {
                // A comment on a member of an extension is its script's when it is of the extension's own transaction. What is older than the first OID of users has the comments that initdb gave it, but for the schema public's.
                Some(
                "select d.classoid, d.objoid, d.objsubid, d.description as text, null as provider,
                   case when e.objid is not null then (pg_identify_object(d.classoid, d.objoid, d.objsubid)).type end as type,
                   case when e.objid is not null then (pg_identify_object(d.classoid, d.objoid, d.objsubid)).identity end as identity,
                   x.xmin = d.xmin as from_script
                 from pg_description d left join (
                     select classid, objid, refobjid from pg_depend where refclassid = 'pg_extension'::regclass and deptype = 'e'
                   ) e on e.classid = d.classoid and e.objid = d.objoid
                   left join pg_extension x on x.oid = e.refobjid
                 where d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass and d.objoid = 2200
                 union all
                 select classoid, objoid, 0, description, null, null, null, null from pg_shdescription
                 where classoid = 'pg_database'::regclass and objoid = (select oid from pg_database where datname = current_database())"
                    .to_owned(),
            )
            },
            row: comment,
        },
        of: ON,
        holds: &[],
        sums: None,
    },
    PartReader {
        reader: Reader {
            what: "security labels",
            query: |_| {
                Some(
                "select l.classoid, l.objoid, l.objsubid, l.label as text, l.provider, null as type, null as identity, null::bool as from_script from pg_seclabel l
                 union all
                 select classoid, objoid, 0, label, provider, null, null, null from pg_shseclabel
                 where classoid = 'pg_subscription'::regclass
                   or classoid = 'pg_database'::regclass and objoid = (select oid from pg_database where datname = current_database())"
                    .to_owned(),
            )
            },
            row: comment,
        },
        of: ON,
        holds: &[],
        sums: None,
    },
];

/// What is commented.
const ON: Of = Of::Address("classoid", "objoid");

/// The database: one object, named alike on all sides, that settings, grants and comments are parts of.
pub(super) const DATABASE: &[Reader] = &[Reader {
    what: "the database",
    query: |_| {
        Some(
            "select oid, (select to_json(array_agg(format_type(castsource, null) || ' > ' || format_type(casttarget, null))) from pg_cast) as casts,
               (select to_json(array_agg(format_type(castsource, null) || ' > ' || format_type(casttarget, null))) from pg_cast
                  where castcontext <> 'e') as plain_casts
             from pg_database where datname = current_database()"
                .to_owned(),
        )
    },
    row: |row, builder| {
        let database = Object::new(ObjectId::new(Kind::Database, ["database"]))
            .at(class::DATABASE, row.oid("oid")?, 0)
            .detail("casts", row.list("casts")?)
            .detail("plain_casts", row.list("plain_casts")?);
        builder.add(database);
        Ok(())
    },
}];

/// Kind and path as the path of a fact about an object: `["table public", "name"]`.
pub(super) fn path_on(on: &ObjectId) -> Path {
    let mut path = on.path.clone();
    if let Some(first) = path.first_mut() {
        *first = format!("{} {first}", on.kind);
    }
    path
}

fn comment(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let (class, object) = (row.oid("classoid")?, row.oid("objoid")?);
    let sub = row.integer("objsubid")?.unwrap_or_default() as i32;
    let mut details = Vec::new();
    let (mut path, parent) = match builder.id(class, object, sub) {
        // The index of a key has comments apart from the key's.
        Some(on) if class == class::CLASS && on.kind == Kind::Constraint => {
            let names: Vec<&str> = on.path.first().into_iter().chain(on.path.last()).map(String::as_str).collect();
            details.push(("index", Value::List(names.iter().map(|name| (*name).to_owned()).collect())));
            (path_on(&ObjectId::new(Kind::Index, names)), Some(on.clone()))
        }
        // A check that comes from a table above has its comments there; pg_dump shows no others.
        Some(on) if class == class::CONSTRAINT && matches!(on.kind, Kind::Table | Kind::ForeignTable) => return Ok(()),
        // A NOT NULL constraint is its column's or domain's, and has comments apart from it.
        Some(on) if class == class::CONSTRAINT && on.kind != Kind::Constraint => {
            details.push(("constraint", Value::Text("not null".to_owned())));
            let mut path = path_on(on);
            if let Some(first) = path.first_mut() {
                *first = format!("not null of {first}");
            }
            (path, Some(on.clone()))
        }
        Some(on) => (path_on(on), Some(on.clone())),
        None => {
            let (Some(kind), Some(identity), Some(extension)) =
                (row.opt("type")?, row.opt("identity")?, builder.extension_of(class, object))
            else {
                return Ok(());
            };
            details.push(("on", Value::Text(format!("{} {}", member_noun(kind), identity))));
            details.push(("from_script", Value::Bool(row.flag("from_script")?)));
            (Path::from(vec![format!("{kind} {identity}")]), Some(ObjectId::new(Kind::Extension, [extension])))
        }
    };
    let provider = row.opt("provider")?;
    let kind = if provider.is_some() { Kind::SecurityLabel } else { Kind::Comment };
    if let (Some(provider), Some(last)) = (provider, path.last_mut()) {
        *last = format!("{last} for {provider}");
        details.push(("provider", Value::Text(provider.to_owned())));
    }
    let mut object = Object::new(ObjectId { kind, path }).with("text", row.text("text")?);
    object.parent = parent;
    object.details.extend(details);
    builder.add(object);
    Ok(())
}

/// `pg_identify_object.type` as COMMENT ON and GRANT have it.
pub(super) fn member_noun(kind: &str) -> String {
    match kind {
        "table column" | "view column" | "materialized view column" | "foreign table column" | "composite type column" => {
            "COLUMN".to_owned()
        }
        "table constraint" | "domain constraint" => "CONSTRAINT".to_owned(),
        other => other.to_uppercase().replace('-', " "),
    }
}
