//! Which statement made which object, as Postgres says: an event trigger, gone again after the load.
//!
//! Each statement is sent with its number as a comment behind it; the trigger takes the number from `current_query()`, so statements
//! inside functions and DO blocks count as the one that the files have. What the SQL undoes is not known, and nothing else follows
//! from that. Roles, databases and tablespaces have no event triggers.

use std::collections::BTreeMap;

use super::LoadError;
use crate::{
    catalog::Address,
    sandbox::{Connection, SandboxError, Server},
    script::quote_identifier,
};

/// Most rows that are read back.
const MOST: i64 = 2_000_000;

/// Most statements that are kept of one object.
const MOST_OF_ONE: usize = 200;

/// The trigger and its schema, by OID since names can be altered.
#[derive(Debug)]
pub(super) struct Installed {
    schema: u32,
    trigger: u32,
}

#[derive(Debug, Default)]
pub(super) struct Touched {
    pub created: BTreeMap<Address, usize>,
    pub altered: BTreeMap<Address, Vec<usize>>,
}

/// A statement with its number behind it.
pub(super) fn numbered(text: &str, index: usize) -> String {
    format!("{text}\n--{index}")
}

fn failed(sql: &str) -> impl Fn(tokio_postgres::Error) -> LoadError {
    let sql = sql.to_string();
    move |source| LoadError::Sandbox(SandboxError::Statement { sql: sql.clone(), source })
}

async fn session(server: &Server, database: &str) -> Result<Connection, LoadError> {
    // What the SQL has set for the database or the role does not hold here.
    let options = "-c default_transaction_read_only=off -c lock_timeout=5s -c statement_timeout=60s -c search_path=pg_catalog \
                   -c session_replication_role=origin -c role=none";
    Ok(server.connect_with(database, options).await?)
}

/// None where the role may not make event triggers.
pub(super) async fn install(server: &Server, database: &str) -> Result<Option<Installed>, LoadError> {
    let connection = session(server, database).await?;
    let name = format!("schemaproof_{:08x}", std::process::id());
    let superuser = connection
        .query_one("select rolsuper from pg_roles where rolname = current_user", &[])
        .await
        .and_then(|row| row.try_get::<_, bool>(0))
        .map_err(failed("select rolsuper"))?;
    if !superuser {
        return Ok(None);
    }
    let sql = format!(
        "create schema {name};
         create unlogged table {name}.touched (
             number bigint generated always as identity, class oid, object oid, sub int, created bool, statement int);
         create function {name}.note() returns event_trigger language plpgsql security definer
             set search_path = pg_catalog, pg_temp as $note$
         declare at int := substring(right(current_query(), 12) from '--([0-9]{{1,8}})$')::int;
         begin
             if at is not null and to_regclass('{name}.touched') is not null then
                 insert into {name}.touched (class, object, sub, created, statement)
                 select classid, objid, objsubid, command_tag like 'CREATE %', at
                 from pg_event_trigger_ddl_commands() where not in_extension and objid is not null;
             end if;
         end $note$;
         create event trigger {name} on ddl_command_end execute function {name}.note();
         alter event trigger {name} enable always"
    );
    connection.batch_execute(&sql).await.map_err(failed("create event trigger"))?;
    let sql = "select (select oid from pg_namespace where nspname = $1), (select oid from pg_event_trigger where evtname = $1)";
    let row = connection.query_one(sql, &[&name]).await.map_err(failed(sql))?;
    let oids = row.try_get(0).and_then(|schema| Ok((schema, row.try_get(1)?))).map_err(failed(sql))?;
    connection.close().await;
    Ok(Some(Installed { schema: oids.0, trigger: oids.1 }))
}

/// Reads what was noted and removes trigger, function and schema; ends what sessions the SQL left behind.
pub(super) async fn collect(server: &Server, database: &str, installed: Option<Installed>) -> Result<Touched, LoadError> {
    let connection = session(server, database).await?;
    // A session that SQL left behind (a background worker, dblink) would hold locks, and keep the database from being copied.
    let others =
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    connection.batch_execute(others).await.map_err(failed(others))?;
    let Some(installed) = installed else {
        connection.close().await;
        return Ok(Touched::default());
    };
    let sql = "select (select nspname from pg_namespace where oid = $1)::text, \
               (select evtname from pg_event_trigger where oid = $2)::text";
    let row = connection.query_one(sql, &[&installed.schema, &installed.trigger]).await.map_err(failed(sql))?;
    let names = row.try_get::<_, Option<String>>(0).and_then(|schema| Ok((schema, row.try_get::<_, Option<String>>(1)?)));
    let (schema, trigger) = names.map_err(failed(sql))?;
    if let Some(trigger) = trigger {
        let sql = format!("drop event trigger {}", quote_identifier(&trigger));
        connection.batch_execute(&sql).await.map_err(failed(&sql))?;
    }
    let mut touched = Touched::default();
    if let Some(schema) = schema.as_deref().map(quote_identifier) {
        match read(&connection, &schema).await {
            Ok(read) => touched = read,
            Err(error) => tracing::debug!("places of objects are not known: {error}"),
        }
        // Event triggers of the files' own may refuse it; as `replica` none runs but those that are enabled always.
        let sql = format!("set session_replication_role = replica; drop schema {schema} cascade");
        connection.batch_execute(&sql).await.map_err(failed(&sql))?;
    }
    connection.close().await;
    Ok(touched)
}

async fn read(connection: &Connection, schema: &str) -> Result<Touched, tokio_postgres::Error> {
    let sql = format!("select class, object, sub, created, statement from {schema}.touched order by number limit {MOST}");
    let mut touched = Touched::default();
    for row in connection.query(&sql, &[]).await? {
        let address = Address { class: row.try_get(0)?, object: row.try_get(1)?, sub: row.try_get(2)? };
        let (created, statement): (bool, i32) = (row.try_get(3)?, row.try_get(4)?);
        let Ok(statement) = usize::try_from(statement) else { continue };
        if created {
            touched.created.entry(address).or_insert(statement);
        } else {
            let altered = touched.altered.entry(address).or_default();
            if altered.len() < MOST_OF_ONE && altered.last() != Some(&statement) {
                altered.push(statement);
            }
        }
    }
    Ok(touched)
}
