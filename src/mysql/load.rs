//! Statements -> a server of the MySQL family, as its client would run them.
//!
//! The base is loaded leniently, the target strictly, as with Postgres. Which statement made which object is read from the statements'
//! first words: for places in messages alone. A TiFlash replica that a server without TiFlash refuses is noted as text.

use std::collections::BTreeMap;

use super::{
    catalog::{Replicas, databases},
    literal, quoted,
};
use crate::{
    catalog::{Kind, ObjectId},
    config::Session as Sessions,
    load::{Failure, LoadError, Options, Strictness},
    sandbox::{
        SandboxError,
        mysql::{Flavor, MySqlError, MySqlServer, Session},
    },
    script::{
        Place, Spot, Statement,
        mysql::{self as script, Token, tokens},
    },
    source::SqlFiles,
};

/// What came of loading a schema.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// What failed and was left out.
    pub failures: Vec<Failure>,
    /// What the reader of a report should know, a sentence each.
    pub remarks: Vec<String>,
    /// What the files do that is not compared, a line each.
    pub not_covered: Vec<String>,
    pub replicas: Replicas,
    /// The first statement about an object, and the first about its parts.
    places: BTreeMap<ObjectId, Vec<Statement>>,
}

impl Loaded {
    /// Of a schema that came from no files.
    pub fn of_live(replicas: Replicas) -> Loaded {
        Loaded { replicas, ..Loaded::default() }
    }

    /// Where an object stands in the files: what names it, else what made the whole that it is a part of.
    pub fn place(&self, id: &ObjectId) -> Option<Place> {
        if let Some(statement) = self.places.get(id).and_then(|statements| statements.first()) {
            return Some(statement.place.clone());
        }
        let whole = [Kind::Table, Kind::View].iter().find_map(|kind| {
            let path = id.path.get(..2)?;
            self.places.get(&ObjectId::new(*kind, path))
        })?;
        // After `CREATE TABLE name`.
        let named = whole.iter().find_map(|statement| Some(statement.spot_of_name(id.name(), 3)?.place));
        named.or_else(|| whole.first().map(|statement| statement.place.clone()))
    }
}

/// Drops every database that is not the server's own, and makes the one that files are run in.
///
/// # Errors
/// When the server refuses.
pub async fn empty(server: &MySqlServer) -> Result<(), SandboxError> {
    let session = server.connect().await?;
    let failed = |source| SandboxError::MySql { attempted: format!("empty {}", server.origin), source };
    let work = async {
        session.run("SET SESSION foreign_key_checks = 0").await?;
        for name in databases(&session).await? {
            session.run(&format!("DROP DATABASE {}", quoted(&name))).await?;
        }
        if server.flavor == Flavor::TiDb {
            let policies = session.rows("SELECT policy_name FROM information_schema.placement_policies ORDER BY 1").await?;
            for name in policies.iter().filter_map(|row| row.text(0)) {
                session.run(&format!("DROP PLACEMENT POLICY {}", quoted(name))).await?;
            }
        }
        let collation = server.collations.database.as_ref().map(|name| format!(" COLLATE {}", quoted(name))).unwrap_or_default();
        session.run(&format!("CREATE DATABASE {}{collation}", quoted(&server.database))).await.map(drop)
    };
    work.await.map_err(failed)
}

/// Drops the database that files are run in when they have left it empty.
///
/// # Errors
/// When the server refuses.
pub async fn drop_if_empty(server: &MySqlServer) -> Result<(), SandboxError> {
    let session = server.connect().await?;
    let attempted = format!("drop the empty database `{}` of {}", server.database, server.origin);
    let failed = |source| SandboxError::MySql { attempted: attempted.clone(), source };
    if is_empty(&session, &server.database).await.map_err(failed)? {
        session.run(&format!("DROP DATABASE IF EXISTS {}", quoted(&server.database))).await.map_err(failed)?;
    }
    Ok(())
}

async fn is_empty(session: &Session, database: &str) -> Result<bool, MySqlError> {
    for (table, column) in [("tables", "table_schema"), ("routines", "routine_schema"), ("events", "event_schema")] {
        let sql = format!("SELECT COUNT(*) FROM information_schema.{table} WHERE {column} = {}", literal(database));
        let counted = session.rows(&sql).await?;
        if counted.first().and_then(|row| row.text(0)) != Some("0") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runs the statements of `setup:`.
///
/// # Errors
/// When one fails.
pub async fn set_up(server: &MySqlServer) -> Result<(), SandboxError> {
    if server.setup.is_empty() {
        return Ok(());
    }
    let session = server.connect().await?;
    for sql in &server.setup {
        let attempted = format!("run the statement `{sql}` of `setup:`");
        session.run(sql).await.map_err(|source| SandboxError::MySql { attempted, source })?;
    }
    Ok(())
}

/// Loads files into a server that is empty.
///
/// # Errors
/// [`LoadError`]; with [`Strictness::Lenient`] only what ends the session.
pub async fn load(server: &MySqlServer, files: &SqlFiles, options: Options) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded::default();
    let mut session = open(server).await?;
    let mut database = server.database.clone();
    let mut file = None;
    let mut warned: BTreeMap<String, usize> = BTreeMap::new();
    for statement in script::split(&files.files)? {
        let of_file = statement.place.file.clone();
        if options.session == Sessions::PerFile && file.as_ref().is_some_and(|file| *file != of_file) {
            session = open(server).await?;
            database.clone_from(&server.database);
        }
        file = Some(of_file);
        let found = tokens(&statement.text);
        if found.first().is_some_and(|token| token.is("USE")) {
            database = found.get(1).and_then(Token::name).unwrap_or(database);
        }
        let mut ran = session.run(&statement.text).await;
        if matches!(&ran, Err(error) if error.code() == Some(DATABASE_EXISTS)) && makes(&found, &server.database) {
            // Files may make the database that they begin in, which we have made for them.
            if is_empty(&session, &server.database).await.unwrap_or(false) {
                let _ = session.run(&format!("DROP DATABASE {}", quoted(&server.database))).await;
                ran = session.run(&statement.text).await;
                if database == server.database {
                    let _ = session.run(&format!("USE {}", quoted(&database))).await;
                }
            }
        }
        match ran {
            Ok(0) => {}
            Ok(_) => {
                for row in session.rows("SHOW WARNINGS").await.unwrap_or_default() {
                    // Notes say that something was there already.
                    if row.text(0) != Some("Note") {
                        let text = format!("{} (MySQL error {})", row.text(2).unwrap_or_default(), row.text(1).unwrap_or_default());
                        *warned.entry(text).or_default() += 1;
                    }
                }
            }
            Err(error) => {
                let tolerated = server.flavor == Flavor::TiDb
                    && error.code().is_some_and(|code| !SAYS_NO_TABLE.contains(&code))
                    && replica(&found, &database).is_some();
                if !tolerated {
                    refused(server, &statement, error, options.strictness, &mut loaded)?;
                    continue;
                }
            }
        }
        if let Some((path, count)) = replica(&found, &database) {
            note_replica(&session, path, &count, &mut loaded.replicas).await;
        }
        note(&found, &database, &statement, &mut loaded);
    }
    loaded.remarks.extend(warned.into_iter().take(20).map(|(text, times)| match times {
        1 => format!("The server warns: {text}."),
        times => format!("The server warns {times} times: {text}."),
    }));
    Ok(loaded)
}

/// `ER_DB_CREATE_EXISTS`.
const DATABASE_EXISTS: u16 = 1007;

/// Whether a statement is `CREATE DATABASE` of this name.
fn makes(found: &[Token<'_>], database: &str) -> bool {
    let [create, what, name, ..] = found else { return false };
    create.is("CREATE") && (what.is("DATABASE") || what.is("SCHEMA")) && name.name().as_deref() == Some(database)
}

async fn open(server: &MySqlServer) -> Result<Session, LoadError> {
    let session = server.connect().await?;
    let attempted = format!("use database `{}`", server.database);
    let used = session.run(&format!("USE {}", quoted(&server.database))).await;
    used.map_err(|source| SandboxError::MySql { attempted, source })?;
    Ok(session)
}

/// `ER_PARSE_ERROR`, `ER_BAD_DB_ERROR`, `ER_NO_SUCH_TABLE`, `ER_NO_DB_ERROR`.
const SAYS_NO_TABLE: [u16; 4] = [1064, 1049, 1146, 1046];

fn refused(
    server: &MySqlServer,
    statement: &Statement,
    error: MySqlError,
    strictness: Strictness,
    loaded: &mut Loaded,
) -> Result<(), LoadError> {
    let spot = statement.spot(1);
    let (code, sqlstate, message) = match error {
        MySqlError::Server { code, sqlstate, message } => (code, sqlstate, message),
        MySqlError::Endless(seconds) => return Err(LoadError::Endless { spot, seconds }),
        MySqlError::Connection(why) => return Err(LoadError::SessionEnded { spot, why }),
    };
    let failure = Failure {
        spot: place_in(statement, code, &message).unwrap_or(spot),
        sqlstate: Some(sqlstate),
        message: message.chars().take(4000).collect(),
        detail: Some(format!("{} error {code}", server.flavor.name())),
        hint: None,
        context: None,
        statement: statement.text.clone(),
        extension: None,
    };
    match strictness {
        Strictness::Strict => Err(LoadError::Statement(Box::new(failure))),
        Strictness::Lenient => {
            loaded.failures.push(failure);
            Ok(())
        }
    }
}

/// Where a syntax error is, for the place in a message: the servers say so in their text alone (`line 3 column 7`, `at line 3`).
fn place_in(statement: &Statement, code: u16, message: &str) -> Option<Spot> {
    if code != 1064 {
        return None;
    }
    let words: Vec<&str> = message.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let after = |wanted: &str| {
        let at = words.iter().rposition(|word| *word == wanted)?;
        words.get(at + 1)?.parse::<u32>().ok()
    };
    let (line, column) = (after("line")?, after("column"));
    // TiDB's column is the end of what it could not take.
    Some(statement.spot_of_line(line, column.unwrap_or(1)))
}

/// `ALTER TABLE t SET TIFLASH REPLICA 2 LOCATION LABELS 'zone'`: the table (or the database), and what is said of it.
pub fn replica(found: &[Token<'_>], database: &str) -> Option<(Vec<String>, String)> {
    let mut words = found.iter();
    if !words.next()?.is("ALTER") {
        return None;
    }
    let what = words.next()?;
    let set = found.iter().position(|token| token.is("SET"))?;
    let is_replica = found.get(set + 1)?.is("TIFLASH") && found.get(set + 2)?.is("REPLICA");
    if !is_replica {
        return None;
    }
    let names: Vec<String> = found.get(2..set)?.iter().filter_map(Token::name).collect();
    let path = match (what.text.to_ascii_uppercase().as_str(), names.as_slice()) {
        ("TABLE", [table]) => vec![database.to_string(), table.clone()],
        ("TABLE", [database, table]) => vec![database.clone(), table.clone()],
        ("DATABASE" | "SCHEMA", [name]) => vec![name.clone()],
        _ => return None,
    };
    let said: Vec<&str> = found.get(set + 3..)?.iter().map(|token| token.text).collect();
    Some((path, said.join(" ")))
}

/// Notes a replica; of a database, for all its tables.
pub async fn note_replica(session: &Session, path: Vec<String>, count: &str, replicas: &mut Replicas) {
    let tables = match path.as_slice() {
        [database] => {
            let sql = format!(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = {} AND table_type = 'BASE TABLE'",
                literal(database)
            );
            let rows = session.rows(&sql).await.unwrap_or_default();
            rows.iter().filter_map(|row| Some(vec![database.clone(), row.text(0)?.to_string()])).collect()
        }
        _ => vec![path],
    };
    for table in tables {
        match count {
            "0" => replicas.remove(&table),
            count => replicas.insert(table, count.to_string()),
        };
    }
}

/// Notes what `RENAME TABLE a TO b, …` does to replicas.
pub fn note_renamed(found: &[Token<'_>], replicas: &mut Replicas) {
    for (old, new) in renamed(found) {
        if let Some(replica) = replicas.remove(&old) {
            replicas.insert(new, replica);
        }
    }
}

/// The names before and after of `RENAME TABLE a TO b, …`, in turn.
pub fn renamed(found: &[Token<'_>]) -> Vec<(Vec<String>, Vec<String>)> {
    if !(found.first().is_some_and(|token| token.is("RENAME")) && found.get(1).is_some_and(|token| token.is("TABLE"))) {
        return Vec::new();
    }
    let names = found[2..].split(|token| token.is("TO") || token.is(","));
    let names: Vec<Vec<String>> = names.map(|name| name.iter().filter_map(Token::name).collect()).collect();
    names.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

/// Notes what a statement is about.
fn note(found: &[Token<'_>], database: &str, statement: &Statement, loaded: &mut Loaded) {
    let word = |at: usize| found.get(at).map(|token| token.text.to_ascii_uppercase()).unwrap_or_default();
    if matches!((word(0).as_str(), word(1).as_str()), ("GRANT" | "REVOKE", _) | ("CREATE" | "ALTER" | "DROP", "USER" | "ROLE")) {
        let what = format!("accounts and grants: {} at {}:{}", word(0), statement.place.file, statement.place.line);
        loaded.not_covered.push(what);
        return;
    }
    if word(0) != "CREATE" && word(0) != "ALTER" {
        return;
    }
    const KINDS: [(&str, Kind); 9] = [
        ("TABLE", Kind::Table),
        ("VIEW", Kind::View),
        ("PROCEDURE", Kind::Procedure),
        ("FUNCTION", Kind::Function),
        ("TRIGGER", Kind::Trigger),
        ("EVENT", Kind::Event),
        ("SEQUENCE", Kind::Sequence),
        ("DATABASE", Kind::Database),
        ("SCHEMA", Kind::Database),
    ];
    // `CREATE OR REPLACE DEFINER=… VIEW`: the first word that is a kind.
    let Some((at, kind)) = found.iter().take(16).enumerate().find_map(|(at, token)| {
        let (_, kind) = KINDS.iter().find(|(word, _)| token.is(word))?;
        Some((at, *kind))
    }) else {
        return index_or_policy(found, database, statement, loaded);
    };
    let path = path_at(found, at + 1, database);
    let id = match kind {
        Kind::Database => ObjectId::new(kind, path.last().cloned()),
        Kind::Trigger => {
            let on = found.iter().position(|token| token.is("ON"));
            let table = on.map(|on| path_at(found, on + 1, database)).unwrap_or_default();
            ObjectId::new(kind, table.into_iter().chain(path.last().cloned()))
        }
        _ => ObjectId::new(kind, path),
    };
    loaded.places.entry(id).or_default().push(statement.clone());
}

fn index_or_policy(found: &[Token<'_>], database: &str, statement: &Statement, loaded: &mut Loaded) {
    let Some(at) = found.iter().take(4).position(|token| token.is("INDEX")) else {
        if found.get(1).is_some_and(|token| token.is("PLACEMENT")) {
            let name = path_at(found, 3, database).pop();
            loaded.places.entry(ObjectId::new(Kind::PlacementPolicy, name)).or_default().push(statement.clone());
        }
        return;
    };
    let (Some(name), Some(on)) = (path_at(found, at + 1, database).pop(), found.iter().position(|token| token.is("ON"))) else {
        return;
    };
    let table = path_at(found, on + 1, database);
    let id = ObjectId::new(Kind::Index, table.into_iter().chain([name]));
    loaded.places.entry(id).or_default().push(statement.clone());
}

/// `[IF NOT EXISTS] [database.]name`
fn path_at(found: &[Token<'_>], mut at: usize, database: &str) -> Vec<String> {
    while found.get(at).is_some_and(|token| ["IF", "NOT", "EXISTS"].iter().any(|word| token.is(word))) {
        at += 1;
    }
    let first = found.get(at).and_then(Token::name).unwrap_or_default();
    match (found.get(at + 1), found.get(at + 2).and_then(Token::name)) {
        (Some(dot), Some(second)) if dot.is(".") => vec![first, second],
        _ => vec![database.to_string(), first],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_on_tiflash_is_read() {
        let read = |sql: &str| replica(&tokens(sql), "app");
        assert_eq!(read("ALTER TABLE e.t SET TIFLASH REPLICA 1"), Some((vec!["e".into(), "t".into()], "1".into())));
        assert_eq!(read("alter table `t` set tiflash replica 2 location labels 'z'").unwrap().1, "2 location labels 'z'");
        assert_eq!(read("ALTER TABLE t ADD COLUMN c int"), None);
    }
}
