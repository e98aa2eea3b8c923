//! Publications with their tables and schemas, and subscriptions, as objects.
//!
//! A table or schema of a publication is a part of the publication: `["publication", "TABLE schema.name"]`. A subscription's connection is
//! read only by who may (superusers): see `connections`.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::{
    Kind, Object, ObjectId,
    reader::{Builder, CatalogError, Reader, Row, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader { what: "publications", query: |version| Some(publications(version)), row: publication },
    Reader { what: "published tables", query: |version| Some(tables(version)), row: member },
    Reader {
        what: "published schemas",
        query: |version| {
            (version >= 150_000).then(|| {
                "select s.oid, p.pubname, s.pnpubid, 'TABLES IN SCHEMA ' || quote_ident(n.nspname) as member, null as extra
                 from pg_publication_namespace s join pg_publication p on p.oid = s.pnpubid join pg_namespace n on n.oid = s.pnnspid"
                    .to_owned()
            })
        },
        row: |row, builder| add_member(row, builder, class::PUBLICATION_NAMESPACE),
    },
    Reader { what: "subscriptions", query: |version| Some(subscriptions(version)), row: subscription },
];

fn publications(version: u32) -> String {
    let generated = if version >= 180_000 { "case p.pubgencols when 's' then 'stored' end" } else { "null" };
    format!(
        "select p.oid, p.pubname, pg_get_userbyid(p.pubowner) as owner, p.puballtables, p.pubviaroot, {generated} as generated,
           concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
             case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end) as publish
         from pg_publication p"
    )
}

fn publication(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let object = Object::new(ObjectId::new(Kind::Publication, [row.text("pubname")?]))
        .at(class::PUBLICATION, row.oid("oid")?, 0)
        .with("owner", row.text("owner")?)
        .with_flag("all_tables", row.flag("puballtables")?)
        .with("publish", row.text("publish")?)
        .with_flag("publish_via_partition_root", row.flag("pubviaroot")?)
        .with_some("publish_generated_columns", row.opt("generated")?);
    builder.add(object);
    Ok(())
}

fn tables(version: u32) -> String {
    let extra = if version >= 150_000 {
        "case when r.prattrs is not null then ' (' || (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
            where a.attrelid = r.prrelid and a.attnum = any (r.prattrs)) || ')' else '' end
         || coalesce(' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')', '')"
    } else {
        "''"
    };
    format!(
        "select r.oid, p.pubname, r.prpubid, 'TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) as member, {extra} as extra
         from pg_publication_rel r join pg_publication p on p.oid = r.prpubid join pg_class c on c.oid = r.prrelid
           join pg_namespace n on n.oid = c.relnamespace"
    )
}

fn member(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    add_member(row, builder, class::PUBLICATION_REL)
}

fn add_member(row: &Row<'_>, builder: &mut Builder, class: u32) -> Result<(), CatalogError> {
    let publication = ObjectId::new(Kind::Publication, [row.text("pubname")?]);
    if builder.get(&publication).is_none() {
        return Ok(());
    }
    let mut path = publication.path.clone();
    path.push(row.text("member")?.to_owned());
    let object = Object::new(ObjectId { kind: Kind::Publication, path })
        .at(class, row.oid("oid")?, 0)
        .part_of(publication)
        .with_some("extra", row.filled("extra")?)
        .detail("member", row.text("member")?);
    builder.add(object);
    Ok(())
}

fn subscriptions(version: u32) -> String {
    let mut columns = String::new();
    for (since, column, name) in [
        (140_000, "s.subbinary::text", "binary"),
        (140_000, "s.substream::text", "streaming"),
        (150_000, "(s.subtwophasestate <> 'd')::text", "two_phase"),
        (150_000, "s.subdisableonerr::text", "disable_on_error"),
        (160_000, "s.subpasswordrequired::text", "password_required"),
        (160_000, "s.subrunasowner::text", "run_as_owner"),
        (160_000, "s.suborigin", "origin"),
        (170_000, "s.subfailover::text", "failover"),
    ] {
        if version >= since {
            columns.push_str(&format!(", {column} as {name}"));
        } else {
            columns.push_str(&format!(", null as {name}"));
        }
    }
    let query = format!(
        "select s.oid, s.subname, pg_get_userbyid(s.subowner) as owner, r.rolsuper, s.subenabled, s.subslotname, s.subsynccommit,
           to_json(s.subpublications) as publications {columns}
         from pg_subscription s left join pg_roles r on r.oid = s.subowner where s.subdbid = (select oid from pg_database where datname = current_database())"
    );
    letting_go(&query)
}

/// A query that keeps no lock when it is done. `DROP SUBSCRIPTION`, in whatever database of the server, waits for whom read the subscriptions, and
/// who comes to read them meanwhile waits for it: of two readings side by side one would wait for the other.
fn letting_go(query: &str) -> String {
    format!("savepoint subscriptions; {query}; rollback to savepoint subscriptions")
}

fn subscription(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let name = row.text("subname")?;
    let mut options = Vec::new();
    for (option, usual) in [
        ("binary", "false"),
        ("two_phase", "false"),
        ("disable_on_error", "false"),
        ("password_required", "true"),
        ("run_as_owner", "false"),
        ("origin", "any"),
        ("failover", "false"),
    ] {
        if let Some(value) = row.opt(option)?.filter(|value| *value != usual) {
            options.push(format!("{option} = {value}"));
        }
    }
    let streaming = match row.opt("streaming")? {
        Some("t" | "true") => Some("on"),
        Some("p") => Some("parallel"),
        _ => Some("off"),
    };
    // Since 18 streaming is parallel unless said otherwise: it is always said.
    if builder.version() >= 140_000 {
        options.extend(streaming.map(|value| format!("streaming = {value}")));
    }
    if row.text("subsynccommit")? != "off" {
        options.push(format!("synchronous_commit = {}", row.text("subsynccommit")?));
    }
    let object = Object::new(ObjectId::new(Kind::Subscription, [name]))
        .at(class::SUBSCRIPTION, row.oid("oid")?, 0)
        .with("owner", row.text("owner")?)
        .with_flag("enabled", row.flag("subenabled")?)
        .with_some("slot", row.opt("subslotname")?)
        .with("publications", row.list("publications")?)
        .with_list("options", options)
        .detail("owner_is_superuser", row.flag("rolsuper")?);
    builder.add(object);
    Ok(())
}

/// Reads the connections of the subscriptions that were read, where the role may; what it may not see is answered as not covered.
pub(super) async fn connections(client: &Client, builder: &mut Builder) -> Result<Vec<String>, CatalogError> {
    let names = builder.ids(Kind::Subscription);
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let what = "connections of subscriptions";
    let failed = |source| CatalogError::Query { what, source };
    let may = "select has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'select') as may";
    for message in client.simple_query(may).await.map_err(failed)? {
        if let SimpleQueryMessage::Row(row) = message
            && row.get("may") != Some("t")
        {
            for id in &names {
                if let Some(object) = builder.get_mut(id) {
                    object.hide("connection");
                }
            }
            return Ok(names.iter().map(|id| format!("connection of subscription {id} (only superusers may read it)")).collect());
        }
    }
    let query = "select s.subname, s.subconninfo from pg_catalog.pg_subscription s
                 where s.subdbid = (select oid from pg_catalog.pg_database where datname = current_database())";
    for message in client.simple_query(&letting_go(query)).await.map_err(failed)? {
        if let SimpleQueryMessage::Row(row) = message
            && let (Some(name), Some(connection)) = (row.get("subname"), row.get("subconninfo"))
            && let Some(object) = builder.get_mut(&ObjectId::new(Kind::Subscription, [name]))
        {
            object.attributes.insert("connection", connection.into());
        }
    }
    Ok(Vec::new())
}
