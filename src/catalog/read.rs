//! Reading a database's catalog: one consistent, read-only snapshot, a handful of round trips, no query a table.
//!
//! **The contract for a reader** (`src/catalog/<kind>.rs`):
//! - A [`Reader`] is one query that yields rows of text, and a function that turns a row into objects. It stands in [`READERS`],
//!   after the readers of what it refers to. All queries are sent together in one message, so a query cannot use another's result; the row
//!   functions can ([`Builder::id`], [`Builder::relation`]).
//! - Rows are read by column name ([`Row::text`], [`Row::list`] for a JSON array, ...). Nothing is formatted that the server formats:
//!   expressions are `pg_get_*def` and `format_type`, with `search_path` empty, so that every name outside `pg_catalog` is qualified.
//!   What opens a relation for every row is left to the end and asked for only where it is needed ([`Builder::ask`], `definition.rs`).
//! - Tables are many: no subquery and no function that opens relations for each row; what is as usual may be NULL.
//! - `query` gets `server_version_num` and must work from 13 to 18.
//! - Leave out system objects (`oid < 16384` where there is no namespace, [`USER_SCHEMAS`] where there is). Members of extensions are left
//!   out by [`Builder::add`] itself, so are parts of them as long as their parent was looked up by [`Builder::id`] or [`Builder::relation`].
//! - An object gets its address ([`Object::at`]): dependencies are read once for all kinds from pg_depend and translated by address.
//!   What stands for an object without being one (a table's row type, a view's rule, a constraint's index) is registered by
//!   [`Builder::alias`]. What is given up on purpose (a toast table) is registered by [`Builder::ignore`].
//! - `attributes` hold what is compared, absent when it is the default; `details` what only the planner needs.
//! - An object's owner is its attribute `owner`: planned for all kinds by `plan::rules::owner`.
//!
//! What pg_depend (or a catalog without schemas) mentions and no reader has registered ends in `Catalog::not_covered`.
//!
//! It does not compare, and it never writes.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    time::Duration,
};

use foldhash::{HashMap, HashSet};
use futures_util::TryStreamExt;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

pub use super::builder::Builder;
use super::{
    Address, Catalog, ObjectId, alike,
    definition::{self, Asked, Printed},
};

/// OIDs of the system catalogs that addresses refer to (fixed in `src/include/catalog/*.h`).
pub mod class {
    pub const TYPE: u32 = 1247;
    pub const ATTRIBUTE: u32 = 1249;
    pub const PROC: u32 = 1255;
    pub const CLASS: u32 = 1259;
    pub const AUTHID: u32 = 1260;
    pub const DATABASE: u32 = 1262;
    pub const SERVER: u32 = 1417;
    pub const USER_MAPPING: u32 = 1418;
    pub const FOREIGN_DATA_WRAPPER: u32 = 2328;
    pub const ACCESS_METHOD: u32 = 2601;
    pub const AMOP: u32 = 2602;
    pub const AMPROC: u32 = 2603;
    pub const ATTRDEF: u32 = 2604;
    pub const CAST: u32 = 2605;
    pub const CONSTRAINT: u32 = 2606;
    pub const CONVERSION: u32 = 2607;
    pub const LANGUAGE: u32 = 2612;
    pub const NAMESPACE: u32 = 2615;
    pub const OPCLASS: u32 = 2616;
    pub const OPERATOR: u32 = 2617;
    pub const REWRITE: u32 = 2618;
    pub const TRIGGER: u32 = 2620;
    pub const OPFAMILY: u32 = 2753;
    pub const EXTENSION: u32 = 3079;
    pub const POLICY: u32 = 3256;
    pub const STATISTICS: u32 = 3381;
    pub const COLLATION: u32 = 3456;
    pub const EVENT_TRIGGER: u32 = 3466;
    pub const TRANSFORM: u32 = 3576;
    pub const TS_DICTIONARY: u32 = 3600;
    pub const TS_PARSER: u32 = 3601;
    pub const TS_CONFIGURATION: u32 = 3602;
    pub const TS_TEMPLATE: u32 = 3764;
    pub const DEFAULT_ACL: u32 = 826;
    pub const SUBSCRIPTION: u32 = 6100;
    pub const PUBLICATION: u32 = 6104;
    pub const PUBLICATION_REL: u32 = 6106;
    pub const PUBLICATION_NAMESPACE: u32 = 6237;
}

/// Condition on `pg_namespace n`: schemas that are not the system's own.
pub const USER_SCHEMAS: &str = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'";

/// What is read, and how patiently.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Glob patterns over names as [`ObjectId`] shows them (`ag_catalog.*`); what matches is not there, nor are its parts.
    pub exclude: Vec<String>,
    /// `statement_timeout` of the reading; zero is none.
    pub statement_timeout: Duration,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { exclude: Vec::new(), statement_timeout: Duration::from_secs(120) }
    }
}

/// Why a catalog could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// A query failed.
    #[error("reading {what} from pg_catalog failed: {}; the role needs to connect and to read pg_catalog, nothing more", describe(.source))]
    Query { what: &'static str, source: tokio_postgres::Error },
    /// The server is older than what the readers know.
    #[error("the server is version {0}; schemas are read from PostgreSQL 13 (130000) and newer: use a newer server")]
    Version(u32),
    /// A row was not what its reader asked for.
    #[error(
        "reading {what} from pg_catalog gave {found} where {wanted} was asked for: this is a defect of schemaproof, please report it"
    )]
    Row { what: &'static str, found: String, wanted: String },
    /// A pattern to exclude is none.
    #[error("the pattern {pattern:?} in `exclude` cannot be understood: {source}; use for instance \"ag_catalog.*\"")]
    Pattern { pattern: String, source: globset::Error },
}

fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}

/// One query over pg_catalog and what becomes of its rows.
pub struct Reader {
    /// What it reads, as an error would say it: "tables".
    pub what: &'static str,
    /// One SELECT without a semicolon, for a `server_version_num`; `None` where the version has no such thing.
    pub query: fn(u32) -> Option<String>,
    /// Turns one row into objects.
    pub row: fn(&Row<'_>, &mut Builder) -> Result<(), CatalogError>,
}

/// All readers, in an order in which what is referred to comes first.
const READERS: &[&[Reader]] = &[
    super::schema::READERS,
    super::types::READERS,
    super::table::READERS,
    super::column::READERS,
    super::sequence::READERS,
    super::constraint::READERS,
    super::index::READERS,
    super::routine::READERS,
    super::trigger::READERS,
    super::statistics::READERS,
    super::text_search::READERS,
    super::operator::READERS,
    super::language::READERS,
    super::foreign::READERS,
    super::publication::READERS,
    // After all that they stand on.
    super::comment::DATABASE,
    super::setting::READERS,
    super::comment::READERS,
    super::grant::READERS,
];

/// What the readers read, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    READERS.iter().copied().flatten().map(|reader| reader.what)
}

/// Where the columns of a query's rows stand, in the order in which a reader asks for them: it asks alike for every row, and looking a
/// name up among twenty would cost more than all else that is done with a row.
#[derive(Debug, Default)]
struct Places {
    asked: RefCell<Vec<(&'static str, usize)>>,
    next: Cell<usize>,
}

impl Places {
    /// The place of a column in these rows; the name is a literal of the reader's, told by where it lies.
    fn of(&self, column: &'static str, row: &SimpleQueryRow) -> Option<usize> {
        let mut asked = self.asked.borrow_mut();
        let next = self.next.get();
        let is = |at: &usize| asked.get(*at).is_some_and(|(name, _)| std::ptr::eq(*name, column));
        let at = if is(&next) { Some(next) } else { (0..asked.len()).find(is) };
        let at = match at {
            Some(at) => at,
            None => {
                asked.push((column, row.columns().iter().position(|other| other.name() == column)?));
                asked.len() - 1
            }
        };
        self.next.set(at + 1);
        asked.get(at).map(|(_, place)| *place)
    }
}

/// One row of a reader's query. Everything is text, as the server prints it.
pub struct Row<'a> {
    what: &'static str,
    row: &'a SimpleQueryRow,
    places: &'a Places,
}

impl<'a> Row<'a> {
    fn refuse(&self, found: impl Into<String>, wanted: impl Into<String>) -> CatalogError {
        CatalogError::Row { what: self.what, found: found.into(), wanted: wanted.into() }
    }

    /// A text that may be NULL.
    pub fn opt(&self, column: &'static str) -> Result<Option<&'a str>, CatalogError> {
        let place = self.places.of(column, self.row).ok_or_else(|| self.refuse("no such column", column))?;
        self.row.try_get(place).map_err(|_| self.refuse("what is not UTF-8", column))
    }

    /// A text that may be NULL or empty: both are `None`.
    pub fn filled(&self, column: &'static str) -> Result<Option<&'a str>, CatalogError> {
        Ok(self.opt(column)?.filter(|text| !text.is_empty()))
    }

    /// The texts of several columns, each followed by a space.
    pub(super) fn facts(&self, columns: &[&'static str]) -> Result<String, CatalogError> {
        let mut text = String::new();
        for column in columns {
            text.push_str(self.opt(column)?.unwrap_or_default());
            text.push(' ');
        }
        Ok(text)
    }

    pub fn text(&self, column: &'static str) -> Result<&'a str, CatalogError> {
        self.opt(column)?.ok_or_else(|| self.refuse("NULL", column))
    }

    /// A boolean; NULL is false.
    pub fn flag(&self, column: &'static str) -> Result<bool, CatalogError> {
        Ok(self.opt(column)? == Some("t"))
    }

    /// An OID; NULL is 0.
    pub fn oid(&self, column: &'static str) -> Result<u32, CatalogError> {
        match self.opt(column)? {
            None => Ok(0),
            Some(text) => text.parse().map_err(|_| self.refuse(text, format!("an OID as {column}"))),
        }
    }

    pub fn integer(&self, column: &'static str) -> Result<Option<i64>, CatalogError> {
        match self.opt(column)? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.refuse(text, format!("a number as {column}"))),
        }
    }

    /// A JSON array of texts (`to_json(array(...))`); NULL is empty, so is an element that is NULL.
    pub fn list(&self, column: &'static str) -> Result<Vec<String>, CatalogError> {
        match self.opt(column)? {
            None => Ok(Vec::new()),
            Some(text) => serde_json::from_str::<Vec<Option<String>>>(text)
                .map(|list| list.into_iter().map(Option::unwrap_or_default).collect())
                .map_err(|_| self.refuse(text, format!("a JSON array as {column}"))),
        }
    }
}

/// Takes out what matches a pattern, and everything whose whole is not there.
fn exclude(mut catalog: Catalog, patterns: &[String]) -> Result<Catalog, CatalogError> {
    if patterns.is_empty() {
        return Ok(catalog);
    }
    let mut set = globset::GlobSetBuilder::new();
    for pattern in patterns {
        set.add(globset::Glob::new(pattern).map_err(|source| CatalogError::Pattern { pattern: pattern.clone(), source })?);
    }
    let set = set.build().map_err(|source| CatalogError::Pattern { pattern: patterns.join(", "), source })?;
    catalog.objects.retain(|id, _| !set.is_match(id.to_string()));
    loop {
        let orphans: Vec<ObjectId> = catalog
            .objects
            .values()
            .filter(|object| object.parent.as_ref().is_some_and(|parent| !catalog.objects.contains_key(parent)))
            .map(|object| object.id.clone())
            .collect();
        if orphans.is_empty() {
            break;
        }
        for id in &orphans {
            catalog.objects.remove(id);
        }
    }
    Ok(catalog)
}

/// Reads the schema of the database that `client` is connected to.
///
/// The connection must not be inside a transaction; afterwards it is as it was. Two databases that a plan is to be made between are
/// read by [`read_two`].
///
/// # Errors
/// [`CatalogError`] when the server is too old, a query is refused or times out, or a pattern to exclude is none.
pub async fn read(client: &Client, options: &ReadOptions) -> Result<Catalog, CatalogError> {
    let outcome = async {
        let rows = Rows::read(client, options, false).await?;
        let mut reading = rows.finish(options)?;
        print(client, &mut reading, &HashSet::default()).await?;
        conclude(client, reading).await
    };
    let outcome = outcome.await;
    end(client, outcome).await
}

/// Reads two databases at once, in order to plan between them. What is certain to be printed alike on both sides and no plan looks at is
/// not printed: its `definition` is on neither side, and it stands in [`Catalog::unprinted`].
///
/// # Errors
/// As [`read`].
pub async fn read_two(base: &Client, target: &Client, options: &ReadOptions) -> Result<(Catalog, Catalog), CatalogError> {
    let outcome = async {
        let (one, two) = tokio::try_join!(Rows::read(base, options, true), Rows::read(target, options, true))?;
        let comparable = one.builder.version() == two.builder.version() && one.encoding == two.encoding;
        let alike = if comparable { alike::certain(&one.builder, &two.builder) } else { HashSet::default() };
        let (mut one, mut two) = (one.finish(options)?, two.finish(options)?);
        let asked = one.asked.iter().chain(&two.asked).map(|asked| &asked.id);
        let left_out = alike::left_out(&one.catalog, &two.catalog, &alike, asked);
        tokio::try_join!(print(base, &mut one, &left_out), print(target, &mut two, &left_out))?;
        tokio::try_join!(conclude(base, one), conclude(target, two))
    };
    let (one, two) = match outcome.await {
        Ok((one, two)) => (Ok(one), Ok(two)),
        // The other transaction has to end all the same; its own error is the lesser one.
        Err(error) => (Err(error), Ok(Catalog::default())),
    };
    let (one, two) = tokio::join!(end(base, one), end(target, two));
    Ok((one?, two?))
}

/// Ends the transaction of a reading. Nothing was written: it cannot lose anything, and a broken connection has already been reported.
async fn end(client: &Client, outcome: Result<Catalog, CatalogError>) -> Result<Catalog, CatalogError> {
    let ended = client.simple_query("rollback").await;
    let catalog = outcome?;
    ended.map_err(|source| CatalogError::Query { what: "the end of the transaction", source })?;
    Ok(catalog)
}

/// All rows of one database, before the server prints what must be printed.
struct Rows {
    builder: Builder,
    reader: String,
    encoding: String,
    /// What the role may not see.
    unseen: Vec<String>,
}

/// A catalog, and what is still to be asked about it.
struct Reading {
    catalog: Catalog,
    asked: Vec<Asked>,
    missing: Vec<Address>,
}

impl Rows {
    /// Begins the transaction and reads everything in it; with `trees`, the expressions of what is to be printed too.
    async fn read(client: &Client, options: &ReadOptions, trees: bool) -> Result<Rows, CatalogError> {
        // Nothing is known of how many rows join in a catalog that was filled a moment ago: without nested loops no query is ever slow.
        let begin = format!(
            "begin transaction isolation level repeatable read, read only;
             set local search_path = ''; set local statement_timeout = {timeout}; set local lock_timeout = {timeout};
             set local quote_all_identifiers = off; set local datestyle = 'ISO'; set local intervalstyle = 'postgres';
             set local extra_float_digits = 3; set local bytea_output = 'hex'; set local timezone = 'UTC'; set local jit = off;
             set local enable_nestloop = off;
             set local standard_conforming_strings = on;
             select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
               current_user::text as reader",
            timeout = options.statement_timeout.as_millis()
        );
        let what = "the server's version";
        let (mut version, mut encoding, mut reader) = (0, String::new(), String::new());
        for message in client.simple_query(&begin).await.map_err(|source| CatalogError::Query { what, source })? {
            if let SimpleQueryMessage::Row(row) = message {
                let row = Row { what, row: &row, places: &Places::default() };
                version = row.oid("version")?;
                encoding = row.text("encoding")?.to_owned();
                reader = row.text("reader")?.to_owned();
            }
        }
        if version < 130_000 {
            return Err(CatalogError::Version(version));
        }
        let mut builder = Builder::new(version);
        read_all(client, &mut builder, trees).await?;
        let mut unseen = super::publication::connections(client, &mut builder).await?;
        unseen.extend(builder.take_left());
        Ok(Rows { builder, reader, encoding, unseen })
    }

    fn finish(self, options: &ReadOptions) -> Result<Reading, CatalogError> {
        let (catalog, mut asked, missing) = self.builder.finish(self.reader);
        let mut catalog = exclude(catalog, &options.exclude)?;
        catalog.not_covered = self.unseen;
        asked.retain(|asked| catalog.objects.contains_key(&asked.id));
        Ok(Reading { catalog, asked, missing })
    }
}

const MEMBERS: Reader = Reader {
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
};

const OF_TYPES: Reader = Reader {
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
};

/// Dependencies among what users made; 2200 is the schema `public`. A key's own triggers and the types that come with something are that
/// itself. Objects that depend on nothing of theirs are added with
/// themselves as what they refer to, so that the completeness check sees them.
const DEPENDENCIES: Reader = Reader {
    what: "dependencies",
    query: |version| {
        let publication_namespace = if version >= 150_000 {
            "union all select 'pg_publication_namespace'::regclass::oid, oid from pg_publication_namespace"
        } else {
            ""
        };
        Some(format!(
            "select classid, objid, objsubid, refclassid, refobjid, refobjsubid from pg_depend
             where deptype <> 'e' and not (deptype = 'i' and classid in ('pg_trigger'::regclass, 'pg_type'::regclass)) and (objid >= 16384 or classid = 'pg_attrdef'::regclass)
               and (refobjid >= 16384 or refobjid = 2200 and refclassid = 'pg_namespace'::regclass)
             union all
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
        ))
    },
    row: |row, builder| {
        let sub = |name| Ok::<_, CatalogError>(row.integer(name)?.unwrap_or(0) as i32);
        builder.dependency(
            Address { class: row.oid("classid")?, object: row.oid("objid")?, sub: sub("objsubid")? },
            Address { class: row.oid("refclassid")?, object: row.oid("refobjid")?, sub: sub("refobjsubid")? },
        );
        Ok(())
    },
};

async fn read_all(client: &Client, builder: &mut Builder, trees: bool) -> Result<(), CatalogError> {
    let readers = [&MEMBERS, &OF_TYPES].into_iter().chain(READERS.iter().copied().flatten()).chain(std::iter::once(&DEPENDENCIES));
    let readers = readers.chain(if trees { alike::TREES } else { &[] });
    let mut what = Vec::new();
    let mut sql = String::new();
    for reader in readers {
        if let Some(query) = (reader.query)(builder.version()) {
            sql.push_str(&query);
            sql.push_str(";\n");
            what.push(reader);
        }
    }
    let mut at = 0;
    let name = |at: usize| what.get(at).map_or("the catalog", |reader: &&Reader| reader.what);
    let stream = client.simple_query_raw(&sql).await.map_err(|source| CatalogError::Query { what: name(0), source })?;
    let mut stream = pin!(stream);
    let mut started = std::time::Instant::now();
    let mut places = Places::default();
    while let Some(message) = stream.try_next().await.map_err(|source| CatalogError::Query { what: name(at), source })? {
        match message {
            SimpleQueryMessage::Row(row) => {
                if let Some(reader) = what.get(at) {
                    places.next.set(0);
                    (reader.row)(&Row { what: reader.what, row: &row, places: &places }, builder)?;
                }
            }
            SimpleQueryMessage::CommandComplete(rows) => {
                tracing::debug!(what = name(at), rows, milliseconds = started.elapsed().as_secs_f64() * 1000.0, "read");
                started = std::time::Instant::now();
                places = Places::default();
                at += 1;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Has the server print the definitions that were asked for, but those that are left out.
async fn print(client: &Client, reading: &mut Reading, left_out: &HashSet<ObjectId>) -> Result<(), CatalogError> {
    let Reading { catalog, asked, .. } = reading;
    let mut of: HashMap<(Printed, u32), &ObjectId> = HashMap::default();
    let mut sql = String::new();
    let mut order = Vec::new();
    for printed in Printed::ALL {
        let those = asked.iter().filter(|one| one.printed == printed && !left_out.contains(&one.id));
        let oids: Vec<u32> = those.clone().map(|one| one.oid).collect();
        of.extend(those.map(|one| ((printed, one.oid), &one.id)));
        if !oids.is_empty() {
            order.push(printed);
            sql.push_str(&printed.query(&oids));
            sql.push_str(";\n");
        }
    }
    catalog.unprinted = asked.iter().filter(|one| left_out.contains(&one.id)).map(|one| one.id.clone()).collect();
    let mut order = order.into_iter().peekable();
    let Some(first) = order.peek() else { return Ok(()) };
    let failed = |what| move |source| CatalogError::Query { what, source };
    let mut stream = pin!(client.simple_query_raw(&sql).await.map_err(failed(first.what()))?);
    let mut started = std::time::Instant::now();
    while let Some(printed) = order.peek().copied()
        && let Some(message) = stream.try_next().await.map_err(failed(printed.what()))?
    {
        match message {
            SimpleQueryMessage::Row(row) => {
                let row = Row { what: printed.what(), row: &row, places: &Places::default() };
                if let (Some(id), Some(text)) = (of.get(&(printed, row.oid("oid")?)), row.opt("text")?)
                    && let Some(object) = catalog.objects.get_mut(*id)
                {
                    object.attributes.insert("definition", definition::kept(text).into());
                }
            }
            SimpleQueryMessage::CommandComplete(rows) => {
                tracing::debug!(what = printed.what(), rows, milliseconds = started.elapsed().as_secs_f64() * 1000.0, "read");
                started = std::time::Instant::now();
                order.next();
            }
            _ => {}
        }
    }
    Ok(())
}

/// The catalog, with the names of what no reader reads.
async fn conclude(client: &Client, reading: Reading) -> Result<Catalog, CatalogError> {
    let Reading { mut catalog, missing, .. } = reading;
    if !missing.is_empty() {
        let unseen = std::mem::take(&mut catalog.not_covered);
        catalog.not_covered = describe_missing(client, &missing).await?;
        catalog.not_covered.extend(unseen);
    }
    Ok(catalog)
}

/// `type identity` of what no reader reads, at most 200 of them.
async fn describe_missing(client: &Client, missing: &[Address]) -> Result<Vec<String>, CatalogError> {
    const SHOWN: usize = 200;
    let values: Vec<String> =
        missing.iter().take(SHOWN).map(|at| format!("({}::oid, {}::oid, {})", at.class, at.object, at.sub)).collect();
    let query = format!(
        "select distinct i.type || ' ' || i.identity as object from (values {}) v(c, o, s), pg_identify_object(v.c, v.o, v.s) i
         where i.type is not null and i.identity is not null order by 1",
        values.join(", ")
    );
    let what = "what is not covered";
    let messages = client.simple_query(&query).await.map_err(|source| CatalogError::Query { what, source })?;
    let mut found = Vec::new();
    for message in &messages {
        if let SimpleQueryMessage::Row(row) = message {
            found.push(Row { what, row, places: &Places::default() }.text("object")?.to_owned());
        }
    }
    if missing.len() > SHOWN {
        found.push(format!("{} more objects", missing.len() - SHOWN));
    }
    Ok(found)
}
