//! Schemas and extensions as objects.
//!
//! It does not read what is in them. An extension's members are the extension's: only its name, schema and version are facts.

use super::{
    Kind, Object, ObjectId,
    reader::{Reader, USER_SCHEMAS, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader {
        what: "schemas",
        query: |_| {
            Some(format!("select n.oid, n.nspname, pg_get_userbyid(n.nspowner) as owner from pg_namespace n where {USER_SCHEMAS}"))
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::Schema, [row.text("nspname")?]))
                .at(class::NAMESPACE, row.oid("oid")?, 0)
                .with("owner", row.text("owner")?);
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "extensions",
        query: |_| {
            Some(
                "select e.oid, e.extname, e.extversion, e.extrelocatable, n.nspname,
                   (select a.default_version from pg_available_extensions a where a.name = e.extname) as usual_version,
                   (select a.comment from pg_available_extensions a where a.name = e.extname) as usual_comment
                 from pg_extension e join pg_namespace n on n.oid = e.extnamespace
                 where e.oid >= 16384"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::Extension, [row.text("extname")?]))
                .at(class::EXTENSION, row.oid("oid")?, 0)
                .with("schema", row.text("nspname")?)
                .with("version", row.text("extversion")?)
                .detail("usual_version", row.opt("usual_version")?.unwrap_or_default())
                .detail("usual_comment", row.opt("usual_comment")?.unwrap_or_default())
                .detail("relocatable", row.flag("extrelocatable")?);
            builder.add(object);
            Ok(())
        },
    },
];
