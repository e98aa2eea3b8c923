//! Who depends on whom, as pg_depend has it; and what belongs to an extension or comes with a type.

use super::{
    Address,
    reader::{Builder, CatalogError, Reader, Row},
};

/// What is another's before anything is read.
pub(super) const MEMBERS: &[Reader] = &[
    Reader {
        what: "members of extensions",
        query: |_| {
            Some(
                "select d.classid, d.objid, e.extname from pg_depend d join pg_extension e on e.oid = d.refobjid
                 where d.deptype = 'e' and d.refclassid = 'pg_extension'::regclass"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            builder.member(row.oid("classid")?, row.oid("objid")?, row.text("extname")?);
            Ok(())
        },
    },
    Reader {
        what: "functions that come with types",
        query: |_| {
            Some(
                "select classid, objid, refobjid from pg_depend where deptype = 'i' and refclassid = 'pg_type'::regclass
                   and classid in ('pg_proc'::regclass, 'pg_cast'::regclass) and objid >= 16384"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            builder.of_type(row.oid("classid")?, row.oid("objid")?, row.oid("refobjid")?);
            Ok(())
        },
    },
];

/// Dependencies among what users made; 2200 is the schema `public`. A key's own triggers and the types that come with something are that
/// itself.
const AMONG_USERS: &str = "select classid, objid, objsubid, refclassid, refobjid, refobjsubid from pg_depend
     where deptype <> 'e' and not (deptype = 'i' and classid in ('pg_trigger'::regclass, 'pg_type'::regclass))
       and (objid >= 16384 or classid = 'pg_attrdef'::regclass)
       and (refobjid >= 16384 or refobjid = 2200 and refclassid = 'pg_namespace'::regclass)";

/// All dependencies.
pub(super) const ALL: Reader =
    Reader { what: "dependencies", query: |version| Some(format!("{AMONG_USERS} {}", alone(version))), row };

/// Dependencies but those that hold a relation's own parts together, or that its rows tell: what its keys refer to.
pub(super) const BETWEEN: Reader = Reader {
    what: "dependencies between relations",
    query: |version| {
        Some(format!(
            "{AMONG_USERS}
               and not (classid = 'pg_constraint'::regclass and refclassid in ('pg_class'::regclass, 'pg_trigger'::regclass))
               and not (classid = 'pg_class'::regclass and (refclassid in ('pg_namespace'::regclass, 'pg_constraint'::regclass)
                 or refclassid = 'pg_class'::regclass and (deptype = 'i' or deptype = 'a' and refobjsubid > 0)))
               and not (classid in ('pg_attrdef'::regclass, 'pg_trigger'::regclass) and refclassid = 'pg_class'::regclass and deptype = 'a')
             {}",
            alone(version)
        ))
    },
    row,
};

/// A query of the dependencies of what has these OIDs, which are an array in SQL.
pub(super) fn of(oids: &str) -> String {
    format!("{AMONG_USERS} and objid = any ({oids})")
}

/// Objects that depend on nothing of theirs are added with themselves as what they refer to, so that the completeness check sees them.
fn alone(version: u32) -> String {
    let publication_namespace = if version >= 150_000 {
        "union all select 'pg_publication_namespace'::regclass::oid, oid from pg_publication_namespace"
    } else {
        ""
    };
    format!(
        "union all
         select s.classid, s.oid, 0, s.classid, s.oid, 0 from (
           select 'pg_cast'::regclass::oid as classid, oid from pg_cast
           union all select 'pg_language'::regclass::oid, oid from pg_language
           union all select 'pg_am'::regclass::oid, oid from pg_am
           union all select 'pg_foreign_data_wrapper'::regclass::oid, oid from pg_foreign_data_wrapper
           union all select 'pg_foreign_server'::regclass::oid, oid from pg_foreign_server
           union all select 'pg_user_mapping'::regclass::oid, umid from pg_user_mappings
           union all select 'pg_event_trigger'::regclass::oid, oid from pg_event_trigger
           union all select 'pg_publication'::regclass::oid, oid from pg_publication {publication_namespace}
           union all select 'pg_transform'::regclass::oid, oid from pg_transform
           union all select 'pg_default_acl'::regclass::oid, oid from pg_default_acl
           union all select 'pg_namespace'::regclass::oid, oid from pg_namespace where nspname !~ '^pg_'
         ) s where s.oid >= 16384"
    )
}

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let sub = |name| Ok::<_, CatalogError>(row.integer(name)?.unwrap_or(0) as i32);
    builder.dependency(
        Address { class: row.oid("classid")?, object: row.oid("objid")?, sub: sub("objsubid")? },
        Address { class: row.oid("refclassid")?, object: row.oid("refobjid")?, sub: sub("refobjsubid")? },
    );
    Ok(())
}
