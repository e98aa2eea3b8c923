//! Tables, foreign tables, views and materialized views as objects, and what of them is one fact a relation.
//!
//! Their columns, constraints and indexes are read elsewhere.

use super::{
    Kind, Object, ObjectId,
    definition::Printed,
    reader::{Builder, CatalogError, Reader, Row, USER_SCHEMAS, class},
};

pub(super) const READERS: &[Reader] = &[Reader { what: "tables and views", query: |version| Some(query(version)), row }];

fn query(version: u32) -> String {
    // DETACH CONCURRENTLY that was interrupted; since 14.
    let pending = if version >= 140_000 { "bool_or(i.inhdetachpending)" } else { "false" };
    format!(
        "select c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner) as owner, c.reltype,
           to_json(c.reloptions) as options, c.relreplident, c.relrowsecurity, c.relforcerowsecurity, c.relispopulated,
           c.relispartition, case when c.relispartition then pg_get_expr(c.relpartbound, 0) end as bound,
           case when c.relispartition then pg_get_partition_constraintdef(c.oid) end as partition_constraint,
           case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
           case when c.reloftype <> 0 then format_type(c.reloftype, null) end as of_type,
           quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name,
           am.amname, sp.spcname, to_json(tc.reloptions) as toast_options, c.reltoastrelid, pa.parents, pa.detach_pending,
           s.srvname, to_json(ft.ftoptions) as foreign_options, rw.oid as rule
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
           left join pg_am am on am.oid = c.relam and am.amname <> 'heap'
           left join pg_tablespace sp on sp.oid = c.reltablespace
           left join pg_class tc on tc.oid = c.reltoastrelid
           left join pg_rewrite rw on rw.ev_class = c.oid and rw.rulename = '_RETURN'
           left join (select i.inhrelid, to_json(array_agg(quote_ident(pn.nspname) || '.' || quote_ident(p.relname) order by i.inhseqno)) as parents,
                {pending} as detach_pending
              from pg_inherits i join pg_class p on p.oid = i.inhparent join pg_namespace pn on pn.oid = p.relnamespace
              group by i.inhrelid) pa on pa.inhrelid = c.oid
           left join pg_foreign_table ft on ft.ftrelid = c.oid left join pg_foreign_server s on s.oid = ft.ftserver
         where c.relkind in ('r', 'p', 'f', 'v', 'm') and {USER_SCHEMAS}"
    )
}

fn row(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let relkind = row.text("relkind")?;
    let kind = match relkind {
        "f" => Kind::ForeignTable,
        "v" => Kind::View,
        "m" => Kind::MaterializedView,
        _ => Kind::Table,
    };
    let oid = row.oid("oid")?;
    let id = ObjectId::new(kind, [row.text("nspname")?, row.text("relname")?]);
    let mut object = Object::new(id.clone())
        .at(class::CLASS, oid, 0)
        .with("owner", row.text("owner")?)
        .with_flag("unlogged", row.text("relpersistence")? == "u")
        .with_list("options", row.list("options")?)
        .with_list("toast_options", row.list("toast_options")?.into_iter().map(|option| format!("toast.{option}")).collect())
        .with_some("access_method", row.opt("amname")?)
        .with_some("tablespace", row.opt("spcname")?)
        .with_some("of_type", row.opt("of_type")?)
        .with_some("partition_key", row.opt("partition_key")?)
        .with_some("server", row.opt("srvname")?)
        .with_list("foreign_options", row.list("foreign_options")?)
        .with_flag("row_security", row.flag("relrowsecurity")?)
        .with_flag("force_row_security", row.flag("relforcerowsecurity")?);
    match row.text("relreplident")? {
        "n" if kind == Kind::Table => object = object.with("replica_identity", "nothing"),
        "f" if kind == Kind::Table => object = object.with("replica_identity", "full"),
        _ => {}
    }
    let parents = row.list("parents")?;
    if row.flag("relispartition")? {
        object = object
            .with_some("partition_of", parents.into_iter().next())
            .with_some("partition_bound", row.opt("bound")?)
            .with_flag("detach_pending", row.flag("detach_pending")?);
        if let Some(constraint) = row.opt("partition_constraint")? {
            object = object.detail("partition_constraint", constraint);
        }
    } else {
        object = object.with_list("inherits", parents);
    }
    let view = matches!(kind, Kind::View | Kind::MaterializedView);
    if view {
        object = object.detail("populated", row.flag("relispopulated")?);
    }
    builder.ignore(class::CLASS, row.oid("reltoastrelid")?);
    if builder.add(object) {
        builder.name_relation(oid, row.text("name")?);
        if view {
            builder.ask(Printed::View, oid, &id);
        }
        builder.alias(class::TYPE, row.oid("reltype")?, 0, id.clone());
        builder.alias(class::REWRITE, row.oid("rule")?, 0, id);
    }
    Ok(())
}
