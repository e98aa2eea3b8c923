//! Privileges and default privileges as objects: for each object and grantee what differs from what Postgres gives by itself.
//!
//! The absence of a privilege that Postgres gives by default is a fact too: a grant with an empty list. What the owner has stands under
//! the name `(owner)`, so that it does not change when the owner does. Privileges on tablespaces and parameters belong to the
//! server and all its databases, those on large objects to data: none are planned, and that there are some is said.

use super::{
    Kind, Object, ObjectId, Value,
    comment::{member_noun, path_on},
    reader::{Builder, CatalogError, Of, PartReader, Reader, Row, class},
};

pub(super) const PARTS: &[PartReader] = &[PartReader {
    reader: Reader {
        what: "privileges",
        query: |_| {
            // Columns of users are many, and few of them have privileges of their own.
            let on_columns = on_columns("a.attrelid < 16384");
            Some(privileges(&format!("{} union all {on_columns}", on_objects())))
        },
        row: grant,
    },
    of: Of::Address("classid", "oid"),
    holds: &[],
    sums: None,
}];

/// Read where a column has privileges of its own.
pub(super) const OF_COLUMNS: Reader =
    Reader { what: "privileges on columns", query: |_| Some(privileges(&on_columns("a.attrelid >= 16384"))), row: grant };

pub(super) const READERS: &[Reader] = &[
    Reader {
        what: "privileges that are not planned",
        query: |version| Some(apart(version)),
        row: |row, builder| {
            builder.leave(row.text("said")?);
            Ok(())
        },
    },
    Reader { what: "default privileges", query: |_| Some(defaults()), row: default },
];

/// The name under which an owner's own privileges stand.
pub const OWNER: &str = "(owner)";
/// The name under which everybody's privileges stand.
pub const PUBLIC: &str = "PUBLIC";

/// One privilege, as in GRANT: with its grant option, and by whom when that is not the owner.
const ENTRY: &str = "x.privilege_type || case when x.is_grantable then ' WITH GRANT OPTION' else '' end
                     || case when x.grantor <> o.owner then ' BY ' || pg_get_userbyid(x.grantor) else '' end";

/// Whether what lies in the schema `n` is users': what initdb granted in information_schema it did not record, and nobody can tell it from what
/// people granted there.
const USER: &str =
    "case n.nspname when 'pg_catalog' then false when 'information_schema' then null else n.nspname !~ '^pg_(toast|temp)' end";

/// All but columns that privileges are on.
fn on_objects() -> String {
    format!(
        "select 'pg_class'::regclass::oid as classid, c.oid, 0 as sub, c.relacl as acl, case c.relkind when 'S' then 's' else 'r' end::\"char\" as type,
             c.relowner as owner, {USER} as users from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relacl is not null
           union all
           select 'pg_proc'::regclass, p.oid, 0, p.proacl, 'f', p.proowner, {USER}
             from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.proacl is not null
           union all
           select 'pg_type'::regclass, t.oid, 0, t.typacl, 'T', t.typowner, {USER}
             from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typacl is not null
           union all
           select 'pg_namespace'::regclass, n.oid, 0, n.nspacl, 'n', n.nspowner, {USER} from pg_namespace n where n.nspacl is not null
           union all
           select 'pg_language'::regclass, oid, 0, lanacl, 'l', lanowner, oid >= 16384 from pg_language where lanacl is not null
           union all
           select 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwacl, 'F', fdwowner, true from pg_foreign_data_wrapper where fdwacl is not null
           union all
           select 'pg_foreign_server'::regclass, oid, 0, srvacl, 'S', srvowner, true from pg_foreign_server where srvacl is not null
           union all
           select 'pg_database'::regclass, oid, 0, datacl, 'd', datdba, true from pg_database where datname = current_database() and datacl is not null"
    )
}

/// Columns that privileges are on, of `pg_attribute a` under this condition.
fn on_columns(condition: &str) -> String {
    format!(
        "select 'pg_class'::regclass::oid as classid, c.oid, a.attnum as sub, a.attacl as acl, 'c'::\"char\" as type, c.relowner as owner, {USER} as users
         from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         where a.attacl is not null and not a.attisdropped and {condition}"
    )
}

/// The privileges on these objects.
fn privileges(on: &str) -> String {
    format!(
        "with o as ({on}
         ), p as (
           select o.*, i.initprivs from o left join pg_init_privs i on i.classoid = o.classid and i.objoid = o.oid and i.objsubid = o.sub and o.oid <> 2200
           where o.users or not o.users and o.acl is distinct from i.initprivs
         ), x as (
           select o.classid, o.oid, o.sub, o.owner, x.grantee, true as actual, {ENTRY} as entry, x.ordinality as position,
             case when x.grantor <> o.owner then pg_get_userbyid(x.grantor) else '' end as by
           from p o, aclexplode(o.acl) with ordinality x
           union all
           select o.classid, o.oid, o.sub, o.owner, x.grantee, false, {ENTRY}, null, null
           from p o, aclexplode(coalesce(o.initprivs, acldefault(o.type, o.owner))) x
         ), g as (
           select classid, oid, sub, owner, grantee, array_agg(entry order by entry) filter (where actual) as has,
             array_agg(entry order by entry) filter (where not actual) as usual,
             array_agg(position || ' ' || by order by position) filter (where actual) as places
           from x group by 1, 2, 3, 4, 5
         )
         select g.classid, g.oid, g.sub, to_json(g.places) as places, case when grantee = 0 then 'PUBLIC' when grantee = owner then '(owner)' else pg_get_userbyid(grantee) end as grantee,
           to_json(g.has) as has, to_json(g.usual) as usual, pg_get_userbyid(g.owner) as owner,
           case when e.objid is not null or g.oid < 16384 and g.oid <> 2200 and g.classid <> 'pg_database'::regclass then (pg_identify_object(g.classid, g.oid, g.sub)).type end as type,
           case when e.objid is not null or g.oid < 16384 and g.oid <> 2200 and g.classid <> 'pg_database'::regclass then (pg_identify_object(g.classid, g.oid, g.sub)).identity end as identity
         from g left join (select classid, objid from pg_depend where refclassid = 'pg_extension'::regclass and deptype = 'e') e
           on e.classid = g.classid and e.objid = g.oid
         where g.has is distinct from g.usual"
    )
}

fn grant(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let (class, object, sub) = (row.oid("classid")?, row.oid("oid")?, row.integer("sub")?.unwrap_or_default() as i32);
    let grantee = row.text("grantee")?;
    let mut on = None;
    let (mut path, parent) = match builder.id(class, object, sub) {
        Some(id) => (path_on(id), Some(id.clone())),
        None => {
            let (Some(kind), Some(identity)) = (row.opt("type")?, row.opt("identity")?) else { return Ok(()) };
            on = Some((kind.to_owned(), identity.to_owned()));
            let extension = builder.extension_of(class, object).map(|name| ObjectId::new(Kind::Extension, [name]));
            (super::Path::from(vec![format!("{kind} {identity}")]), extension)
        }
    };
    if let Some(last) = path.last_mut() {
        *last = format!("{last} to {grantee}");
    }
    let has = row.list("has")?;
    let mut grant = Object::new(ObjectId { kind: Kind::Grant, path: path.clone() })
        .detail("grantee", grantee)
        .detail("object_owner", row.text("owner")?)
        .detail("usual", row.list("usual")?)
        .detail("places", row.list("places")?)
        .with("privileges", has.clone());
    grant.parent = parent;
    if let Some((kind, identity)) = on {
        grant.details.insert("on", Value::Text(format!("{} {identity}", member_noun(&kind))));
    }
    // What a role passed on goes before, and comes after, what lets it.
    for by in has.iter().filter_map(|entry| entry.split_once(" BY ")).map(|(_, by)| by) {
        let mut path = path.clone();
        if let Some(last) = path.last_mut()
            && let Some((start, _)) = last.rsplit_once(" to ")
        {
            *last = format!("{start} to {by}");
        }
        let need = ObjectId { kind: Kind::Grant, path };
        if need != grant.id {
            grant.needs.push(need);
        }
    }
    builder.add(grant);
    Ok(())
}

fn apart(version: u32) -> String {
    let parameters =
        if version >= 150_000 { "union all select 'privileges on parameter ' || parname from pg_parameter_acl" } else { "" };
    format!(
        "select 'privileges on tablespace ' || quote_ident(spcname) as said from pg_tablespace where spcacl <> acldefault('t', spcowner) {parameters}
         union all select 'comments and privileges of ' || count(*) || ' large objects' from pg_largeobject_metadata l
           where lomacl is not null or exists (select from pg_description d where d.classoid = 'pg_largeobject'::regclass and d.objoid = l.oid)
           having count(*) > 0"
    )
}

fn defaults() -> String {
    // Default privileges of a role everywhere replace what Postgres gives; those for a schema come on top.
    format!(
        "with o as (
           select d.oid, d.defaclrole as owner, d.defaclnamespace, d.defaclobjtype, d.defaclacl as acl from pg_default_acl d
         ), x as (
           select o.*, x.grantee, true as actual, {ENTRY} as entry from o, aclexplode(o.acl) x
           union all
           select o.*, x.grantee, false, {ENTRY} from o,
             aclexplode(case when o.defaclnamespace = 0 then acldefault(case o.defaclobjtype when 'S' then 's' else o.defaclobjtype end, o.owner) end) x
         ), g as (
           select oid, owner, defaclnamespace, defaclobjtype, grantee, array_agg(entry order by entry) filter (where actual) as has,
             array_agg(entry order by entry) filter (where not actual) as usual
           from x group by 1, 2, 3, 4, 5
         )
         select g.oid, pg_get_userbyid(g.owner) as role, n.oid as schema_oid, n.nspname, g.defaclobjtype as type,
           case when grantee = 0 then 'PUBLIC' when grantee = g.owner then '(owner)' else pg_get_userbyid(grantee) end as grantee,
           to_json(g.has) as has, to_json(g.usual) as usual
         from g left join pg_namespace n on n.oid = g.defaclnamespace where g.has is distinct from g.usual"
    )
}

fn default(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let objects = match row.text("type")? {
        "r" => "TABLES",
        "S" => "SEQUENCES",
        "f" => "FUNCTIONS",
        "T" => "TYPES",
        "n" => "SCHEMAS",
        "L" => "LARGE OBJECTS",
        _ => return Ok(()),
    };
    let role = row.text("role")?;
    let grantee = row.text("grantee")?;
    let schema = row.opt("nspname")?;
    let mut path: Vec<String> = schema.into_iter().map(str::to_owned).collect();
    path.push(format!("{} of {role} to {grantee}", objects.to_lowercase()));
    let oid = row.oid("oid")?;
    let mut object = Object::new(ObjectId { kind: Kind::DefaultPrivilege, path: path.into() })
        .detail("role", role)
        .detail("objects", objects)
        .detail("grantee", grantee)
        .detail("usual", row.list("usual")?)
        .with("privileges", row.list("has")?);
    if let Some(schema) = schema {
        object = object.detail("schema", schema);
        object.parent = builder.id(class::NAMESPACE, row.oid("schema_oid")?, 0).cloned();
        if object.parent.is_none() && !matches!(schema, "pg_catalog" | "information_schema") {
            return Ok(());
        }
    }
    builder.alias(class::DEFAULT_ACL, oid, 0, object.id.clone());
    builder.add(object);
    Ok(())
}
