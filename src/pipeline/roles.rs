//! Roles belong to a server, not to a database: what the two sides' servers must both have before a plan about them can run.

use tokio_postgres::Client;

use super::PipelineError;
use crate::{
    catalog::{Action, Change, Kind, ObjectId},
    plan::{Origin, Step, sql},
    sandbox::Server,
    script::{self, Item, Names, quote_identifier},
    source::SqlFiles,
};

/// The names of a server's roles, without Postgres's own.
pub(super) async fn read(client: &Client) -> Result<Vec<String>, PipelineError> {
    let rows = client
        .query("SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1", &[])
        .await
        .map_err(PipelineError::Roles)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Makes those of the roles that the server has not, without any right.
pub(super) async fn make(client: &Client, names: &[String]) -> Result<Vec<String>, PipelineError> {
    let there = read(client).await?;
    let mut made = Vec::new();
    for name in names.iter().filter(|name| !there.contains(name)) {
        client.batch_execute(&format!("CREATE ROLE {}", quote_identifier(name))).await.map_err(PipelineError::Roles)?;
        made.push(name.clone());
    }
    Ok(made)
}

/// Makes the roles of live databases' servers, which files that are loaded beside these may name, without any right; answers with the
/// names of those made. Those that the files make are left to them.
pub(super) async fn stand_in(server: &Server, files: &SqlFiles, live: &[String]) -> Result<Vec<String>, PipelineError> {
    let names = Names { database: server.database().into(), role: server.role().into() };
    // What cannot be split is said when it is loaded.
    let items = script::split_including(&files.files, &files.included, &names).unwrap_or_default();
    let own: Vec<String> = items.iter().filter_map(made_by).collect();
    let roles: Vec<String> = live.iter().filter(|name| !own.contains(name)).cloned().collect();
    let connection = server.connect_to_itself().await?;
    let made = make(&connection, &roles).await?;
    connection.close().await;
    Ok(made)
}

/// The role that a statement makes.
fn made_by(item: &Item) -> Option<String> {
    let Item::Statement(statement) = item else { return None };
    let makes = ["role", "user", "group"].iter().any(|kind| statement.begins_with(&["create", kind]));
    script::names(&statement.text).nth(2).filter(|_| makes)
}

/// Gives each of two servers the roles that only the other has; answers with those that the base's had not, or had for that reason
/// already (`stand_ins`). Each server comes with a database to connect to.
pub(super) async fn level(
    base: (&Server, &str),
    target: (&Server, &str),
    stand_ins: &[String],
    which: Which,
) -> Result<Vec<Role>, PipelineError> {
    let (base, target) = (base.0.connect(base.1).await?, target.0.connect(target.1).await?);
    let mut made = make(&base, &read(&target).await?).await?;
    made.extend_from_slice(stand_ins);
    let roles = look_at(&target, &made, which).await?;
    make(&target, &read(&base).await?).await?;
    base.close().await;
    target.close().await;
    Ok(roles)
}

/// A role that the target's server has and the base's has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub name: String,
    login: bool,
    /// What it has there that a plan does not give: rights over the whole server, and other roles'.
    withheld: Vec<String>,
}

/// Which roles of the target's server are the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// All, where its files made them.
    All,
    /// Those that something in its database belongs or is granted to, where the server is a live one.
    Named,
}

/// The server's roles that its database names and that are not among these.
pub(super) async fn besides(client: &Client, there: &[String]) -> Result<Vec<Role>, PipelineError> {
    let names: Vec<String> = read(client).await?.into_iter().filter(|name| !there.contains(name)).collect();
    look_at(client, &names, Which::Named).await
}

async fn look_at(client: &Client, names: &[String], which: Which) -> Result<Vec<Role>, PipelineError> {
    let sql = "SELECT rolname::text, rolcanlogin, array_remove(ARRAY[CASE WHEN rolsuper THEN 'SUPERUSER' END,
                 CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
                 CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
                 CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid) THEN 'memberships' END], NULL)
               FROM pg_catalog.pg_roles r
               WHERE rolname = ANY ($1) AND ($2 OR EXISTS (
                 SELECT FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_database b ON b.datname = current_database()
                 WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.refobjid = r.oid
                   AND (d.dbid = b.oid OR d.dbid = 0 AND d.classid = 'pg_catalog.pg_database'::regclass AND d.objid = b.oid)))
               ORDER BY 1";
    let rows = client.query(sql, &[&names, &(which == Which::All)]).await.map_err(PipelineError::Roles)?;
    Ok(rows.iter().map(|row| Role { name: row.get(0), login: row.get(1), withheld: row.get(2) }).collect())
}

impl Role {
    pub fn change(&self) -> Change {
        Change { action: Action::Create, object: self.id(), renamed_from: None, attributes: Vec::new() }
    }

    fn id(&self) -> ObjectId {
        ObjectId::new(Kind::Role, [self.name.as_str()])
    }

    /// Makes it where it is not there: it belongs to the server, and may be another database's already.
    pub fn step(&self) -> Step {
        let login = if self.login { " LOGIN" } else { "" };
        let (name, role) = (sql::literal(&self.name), sql::ident(&self.name));
        let body = format!(
            "BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}) THEN CREATE ROLE {role}{login}; END IF; END"
        );
        Step {
            sql: format!("DO {}", sql::literal(&body)),
            masked: None,
            origin: Origin::Native,
            group: 1,
            transactional: true,
            objects: vec![self.id()],
            online: None,
        }
    }
}

/// What is to be said of roles that only the target has, which a plan makes or not.
pub(super) fn said_of(roles: &[Role], made: bool) -> Option<String> {
    let list = |items: Vec<String>| items.join(", ");
    if roles.is_empty() {
        return None;
    }
    let names = list(roles.iter().map(|role| role.name.clone()).collect());
    if !made {
        return Some(format!(
            "A plan makes no roles unless `create-roles` is set. These are the target's and not the base's, and must be there before it runs: {names}."
        ));
    }
    let withheld = roles.iter().filter(|role| !role.withheld.is_empty());
    let withheld = list(withheld.map(|role| format!("{} ({})", role.name, role.withheld.join(", "))).collect());
    let more = match withheld.is_empty() {
        true => String::new(),
        false => format!(" What the target gives them besides is not given: {withheld}."),
    };
    Some(format!(
        "The plan makes these roles, which are the target's and not the base's: {names}.{more} They get no password, and the way back leaves them."
    ))
}
