//! Reading a database's catalog: one consistent, read-only snapshot, a handful of round trips, no query a table.
//!
//! **The contract for a reader** (`src/catalog/<kind>.rs`):
//! - A [`Reader`] is one query that yields rows of text, and a function that turns a row into objects. It stands in [`READERS`],
//!   after the readers of what it refers to. All queries are sent together in one message, so a query cannot use another's result; the row
//!   functions can ([`Builder::id`], [`Builder::relation`]).
//! - Rows are read by column name ([`Row::text`], [`Row::list`] for a JSON array, ...). Nothing is formatted that the server formats:
//!   expressions are `pg_get_*def` and `format_type`, with `search_path` empty, so that every name outside `pg_catalog` is qualified.
//!   What opens a relation for every row is left to the end and asked for only where it is needed ([`Builder::ask`], `definition.rs`).
//! - What there is much of, columns and all else that is a part of a relation, is read by a [`PartReader`], which also says how its rows
//!   are compared before anything is made of them (`glance.rs`).
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
    borrow::Borrow,
    cell::{Cell, RefCell},
    collections::BTreeSet,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use foldhash::HashMap;
use futures_util::TryStreamExt;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use tokio_util::task::AbortOnDropHandle;

pub use super::builder::Builder;
use super::{
    Address, Catalog, Kind, ObjectId, column,
    definition::{Asked, Printed},
    dependency,
    glance::{self, Glance, Links, Near},
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
    pub const ENUM: u32 = 3501;
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
    /// The runtime ended first.
    #[error("reading the catalog was broken off, since the program ends")]
    Cancelled,
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

/// A reader of what there is much of: parts of relations. Two databases that a plan is to be made between are first looked at, and of what
/// is alike nothing is made ([`read_two`]).
pub struct PartReader {
    pub reader: Reader,
    /// Which relation a row is about.
    pub of: Of,
    /// What stands in the columns that do not hold the same text on both sides when the same is meant.
    pub holds: &'static [(&'static str, Holds)],
    /// How the server adds up what there is most of.
    pub sums: Option<Sums>,
}

/// How a server adds up what the rows of a [`PartReader`] say, where there are so many that sending it all would take longer.
pub struct Sums {
    /// Rows of what the reader's rows are about, of what they hold where that matters, and of a `sum` of all else that they say and of a number that
    /// both sides have in common; `None` where the version cannot.
    pub query: fn(u32, i64) -> Option<String>,
    /// The reader's query for those of its rows that must be seen whole all the same.
    pub rest: fn(u32) -> Option<String>,
    /// Whether a row adds up a relation's parts; one for each part otherwise.
    pub of_relations: bool,
}

/// A query for [`Sums`] of one row for each row of a reader's query: with these columns, and with the sum of what these expressions say.
pub(super) fn sum_of_each(query: &str, columns: &str, says: &str, seed: i64) -> String {
    format!("select {columns}, hash_record_extended(row({says}), {seed}) as sum from ({query}) as each_of_them")
}

/// Whether a version can add up: `hash_record_extended` came with 14.
pub(super) fn adds_up(version: u32) -> bool {
    version >= 140_000
}

impl PartReader {
    /// Leaves out a part of what is no object here: an extension's, for instance.
    fn ignore(&self, row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
        for (column, holds) in self.holds {
            if let Holds::Own(class) = holds {
                builder.ignore(*class, row.oid(column)?);
            }
        }
        Ok(())
    }
}

/// How a row says which relation it is about.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    /// By the OID in this column; NULL and 0 are none.
    Relation(&'static str),
    /// By the class and the OID in these columns, which are the relation's or a part's that was read before.
    Address(&'static str, &'static str),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The OID of the part itself, by which pg_depend and others speak of it, with its class.
    Own(u32),
    /// The part's name.
    Name,
    /// One OID or several of this class.
    Oid(u32),
    /// Expressions as the server stores them.
    Tree,
    /// What says nothing: an OID of something that comes with the part.
    Nothing,
}

/// All readers but those of parts, in an order in which what is referred to comes first.
const READERS: &[&[Reader]] = &[
    dependency::MEMBERS,
    super::schema::READERS,
    super::types::READERS,
    super::table::READERS,
    super::index::READERS,
    super::routine::READERS,
    super::trigger::READERS,
    super::text_search::READERS,
    super::operator::READERS,
    super::language::READERS,
    super::foreign::READERS,
    super::publication::READERS,
    // After all that they stand on.
    super::comment::DATABASE,
    super::setting::READERS,
    super::grant::READERS,
];

/// The readers of parts, in such an order too.
const PARTS: &[&[PartReader]] = &[
    column::PARTS,
    super::sequence::PARTS,
    column::DEFAULTS,
    super::constraint::PARTS,
    super::index::PARTS,
    super::trigger::PARTS,
    super::statistics::PARTS,
    super::comment::PARTS,
    super::grant::PARTS,
];

/// What most databases have none of: the catalogs, and the readers that need not ask where there are no rows of users in these. Planning their
/// queries takes longer than all else about them.
const RARE: &[(&str, &[&str])] = &[
    ("pg_aggregate where aggfnoid::oid", &["aggregates"]),
    ("pg_am where oid", &["access methods"]),
    ("pg_amop where oid >= 16384 union all select from pg_catalog.pg_amproc where oid", &["members of operator classes"]),
    ("pg_cast where oid", &["casts"]),
    ("pg_collation where oid", &["collations"]),
    ("pg_conversion where oid", &["conversions"]),
    ("pg_default_acl where oid", &["default privileges"]),
    ("pg_event_trigger where oid", &["event triggers"]),
    ("pg_foreign_data_wrapper where oid", &["foreign-data wrappers"]),
    ("pg_foreign_server where oid", &["foreign servers", "user mappings"]),
    ("pg_language where oid", &["languages"]),
    ("pg_opclass where oid", &["operator classes"]),
    ("pg_operator where oid", &["operators"]),
    ("pg_opfamily where oid", &["operator families"]),
    ("pg_policy where oid", &["policies"]),
    ("pg_publication where oid", &["publications", "published tables", "published schemas"]),
    ("pg_statistic_ext where oid", &["extended statistics"]),
    ("pg_transform where oid", &["transforms"]),
    ("pg_ts_config where oid", &["text search configurations"]),
    ("pg_ts_dict where oid", &["text search dictionaries"]),
    ("pg_ts_parser where oid", &["text search parsers"]),
    ("pg_ts_template where oid", &["text search templates"]),
];

/// An expression for the numbers of those of [`RARE`] that have no rows of users.
fn absent() -> String {
    let one = |(at, (catalog, _)): (usize, &(&str, _))| {
        format!("case when not exists (select from pg_catalog.{catalog} >= 16384) then '{at}' end")
    };
    format!("array[{}]", RARE.iter().enumerate().map(one).collect::<Vec<_>>().join(", "))
}

/// What the readers read, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    let parts = PARTS.iter().copied().flatten().map(|part| part.reader.what);
    READERS.iter().copied().flatten().map(|reader| reader.what).chain([column::TYPES.what]).chain(parts)
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
    pub(super) row: &'a SimpleQueryRow,
    places: &'a Places,
}

impl<'a> Row<'a> {
    fn refuse(&self, found: impl Into<String>, wanted: impl Into<String>) -> CatalogError {
        CatalogError::Row { what: self.what, found: found.into(), wanted: wanted.into() }
    }

    /// The text of the column at a place, which may be NULL.
    pub(super) fn at(&self, place: usize) -> Result<Option<&'a str>, CatalogError> {
        self.row.try_get(place).map_err(|_| self.refuse("what is not UTF-8", format!("column {place}")))
    }

    /// A text that may be NULL.
    pub fn opt(&self, column: &'static str) -> Result<Option<&'a str>, CatalogError> {
        let place = self.places.of(column, self.row).ok_or_else(|| self.refuse("no such column", column))?;
        self.at(place)
    }

    /// A text that may be NULL or empty: both are `None`.
    pub fn filled(&self, column: &'static str) -> Result<Option<&'a str>, CatalogError> {
        Ok(self.opt(column)?.filter(|text| !text.is_empty()))
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
        let mut reading = Reading::begin(client, options).await?;
        reading.everything(client).await?;
        reading.finish(client, options).await
    };
    let outcome = outcome.await;
    end(client, outcome).await
}

/// Reads two databases at once, in order to plan between them: what differs, what depends on that, and what these refer to. Of relations
/// besides, no parts are read, and [`Catalog::looked_at`] says which objects a plan may be about.
///
/// # Errors
/// As [`read`].
pub async fn read_two<C>(base: Arc<C>, target: Arc<C>, options: &ReadOptions) -> Result<(Catalog, Catalog), CatalogError>
where
    C: Borrow<Client> + Send + Sync + 'static,
{
    let outcome = async {
        // Each side is a task of its own: a core for each, and next to the one that reads from its socket.
        let look = |client: &Arc<C>| {
            let (client, options) = (Arc::clone(client), options.clone());
            aside(async move { Reading::look((*client).borrow(), &options).await })
        };
        let (one, two) = tokio::try_join!(look(&base), look(&target))?;
        let comparable = one.builder.version() == two.builder.version() && one.encoding == two.encoding;
        let near = if comparable { glance::near(one.side(), two.side()) } else { None };
        let [base_near, target_near] = near.map_or([None, None], |near| near.map(Some));
        let conclude = |client: &Arc<C>, mut reading: Reading, near| {
            let (client, options) = (Arc::clone(client), options.clone());
            aside(async move {
                reading.complete((*client).borrow(), near).await?;
                reading.finish((*client).borrow(), &options).await
            })
        };
        tokio::try_join!(conclude(&base, one, base_near), conclude(&target, two, target_near))
    };
    let (one, two) = match outcome.await {
        Ok((one, two)) => (Ok(one), Ok(two)),
        // The other transaction has to end all the same; its own error is the lesser one.
        Err(error) => (Err(error), Ok(Catalog::default())),
    };
    let (one, two) = tokio::join!(end((*base).borrow(), one), end((*target).borrow(), two));
    Ok((one?, two?))
}

/// Has the work done by a task of its own, which ends with the one that waits for it.
async fn aside<T: Send + 'static>(work: impl Future<Output = Result<T, CatalogError>> + Send + 'static) -> Result<T, CatalogError> {
    match AbortOnDropHandle::new(tokio::spawn(work)).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(CatalogError::Cancelled),
        },
    }
}

/// Ends the transaction of a reading. Nothing was written: it cannot lose anything, and a broken connection has already been reported.
async fn end(client: &Client, outcome: Result<Catalog, CatalogError>) -> Result<Catalog, CatalogError> {
    let ended = client.simple_query("rollback").await;
    let catalog = outcome?;
    ended.map_err(|source| CatalogError::Query { what: "the end of the transaction", source })?;
    Ok(catalog)
}

/// One database while it is read.
struct Reading {
    builder: Builder,
    reader: String,
    encoding: String,
    /// What the role may not see.
    unseen: Vec<String>,
    /// The readers that have nothing to read.
    absent: BTreeSet<&'static str>,
    glance: Glance,
    /// The readers of parts that had rows about relations.
    found: BTreeSet<&'static str>,
    links: Links,
    near: Option<Near>,
}

impl Reading {
    /// Begins the transaction.
    async fn begin(client: &Client, options: &ReadOptions) -> Result<Reading, CatalogError> {
        // Nothing is known of how many rows join in a catalog that was filled a moment ago: without nested loops no query is ever slow. The
        // order in which the queries join is good, and looking for a better one takes longer than they do.
        let begin = format!(
            "begin transaction isolation level repeatable read, read only;
             set local search_path = ''; set local statement_timeout = {timeout}; set local lock_timeout = {timeout};
             set local quote_all_identifiers = off; set local datestyle = 'ISO'; set local intervalstyle = 'postgres';
             set local extra_float_digits = 3; set local bytea_output = 'hex'; set local timezone = 'UTC'; set local jit = off;
             set local enable_nestloop = off; set local join_collapse_limit = 1; set local from_collapse_limit = 1;
             set local standard_conforming_strings = on;
             select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
               current_user::text as reader, to_json(array_remove({absent}, null)) as absent",
            timeout = options.statement_timeout.as_millis(),
            absent = absent()
        );
        let what = "the server's version";
        let (mut version, mut encoding, mut reader) = (0, String::new(), String::new());
        let mut absent = BTreeSet::new();
        for message in client.simple_query(&begin).await.map_err(|source| CatalogError::Query { what, source })? {
            if let SimpleQueryMessage::Row(row) = message {
                let row = Row { what, row: &row, places: &Places::default() };
                version = row.oid("version")?;
                encoding = row.text("encoding")?.to_owned();
                reader = row.text("reader")?.to_owned();
                let numbers: Vec<usize> = row.list("absent")?.iter().filter_map(|number| number.parse().ok()).collect();
                absent
                    .extend(numbers.iter().filter_map(|number| RARE.get(*number)).flat_map(|(_, readers)| readers.iter().copied()));
            }
        }
        if version < 130_000 {
            return Err(CatalogError::Version(version));
        }
        let builder = Builder::new(version);
        let (unseen, glance, links) = (Vec::new(), Glance::default(), Links::default());
        Ok(Reading { builder, reader, encoding, unseen, absent, glance, found: BTreeSet::new(), links, near: None })
    }

    /// Reads everything, and makes objects of it.
    async fn everything(&mut self, client: &Client) -> Result<(), CatalogError> {
        self.all_of(client, &everything()).await?;
        self.privileges_of_columns(client).await?;
        self.connections(client).await
    }

    /// Has these readers read, and makes objects of it.
    async fn all_of(&mut self, client: &Client, readers: &[&'static Reader]) -> Result<(), CatalogError> {
        let readers: Vec<&'static Reader> = readers.iter().copied().filter(|reader| !self.absent.contains(reader.what)).collect();
        let asked = queries(&readers, self.builder.version());
        let builder = &mut self.builder;
        ask(client, &asked.iter().map(|(reader, sql)| (reader.what, sql.as_str())).collect::<Vec<_>>(), &mut |at, row, places| {
            match asked.get(at) {
                Some((reader, _)) => (reader.row)(&Row { what: reader.what, row: &row, places }, builder),
                None => Ok(()),
            }
        })
        .await
    }

    async fn privileges_of_columns(&mut self, client: &Client) -> Result<(), CatalogError> {
        match self.builder.columns_granted {
            true => self.all_of(client, &[&super::grant::OF_COLUMNS]).await,
            false => Ok(()),
        }
    }

    async fn connections(&mut self, client: &Client) -> Result<(), CatalogError> {
        self.unseen = super::publication::connections(client, &mut self.builder).await?;
        self.unseen.extend(self.builder.take_left());
        Ok(())
    }

    /// Begins the transaction, makes objects of what is no part of a relation, and looks at the rest.
    async fn look(client: &Client, options: &ReadOptions) -> Result<Reading, CatalogError> {
        let mut reading = Reading::begin(client, options).await?;
        let asked = Looked::at(reading.builder.version(), &reading.absent);
        ask(client, &asked.queries(), &mut |at, row, places| reading.seen(&asked, at, &row, places)).await?;
        reading.links = Links::of(&reading.builder, &reading.glance);
        reading.connections(client).await?;
        Ok(reading)
    }

    /// Takes a row of the query with this number.
    fn seen(&mut self, asked: &Looked, at: usize, row: &SimpleQueryRow, places: &Places) -> Result<(), CatalogError> {
        let make = |reader: &Reader, builder: &mut Builder| (reader.row)(&Row { what: reader.what, row, places }, builder);
        if let Some((reader, _)) = asked.whole.get(at) {
            return make(reader, &mut self.builder);
        }
        let Some((part, rows, _)) = asked.parts.get(at - asked.whole.len()) else {
            return make(&dependency::BETWEEN, &mut self.builder);
        };
        let row = Row { what: part.reader.what, row, places };
        match (self.glance.look(&self.builder, part, at, &row)?, rows) {
            (true, _) => {
                self.found.insert(part.reader.what);
                Ok(())
            }
            (false, Rows::Whole) => (part.reader.row)(&row, &mut self.builder),
            (false, Rows::Sums) => part.ignore(&row, &mut self.builder),
        }
    }

    fn side(&self) -> glance::Side<'_> {
        glance::Side { builder: &self.builder, glance: &self.glance, links: &self.links }
    }

    /// Makes objects of the parts of what is near, or of all there are.
    async fn complete(&mut self, client: &Client, near: Option<Near>) -> Result<(), CatalogError> {
        let version = self.builder.version();
        if near.is_some() {
            // Few rows, by OIDs, for which the catalogs have indexes.
            let by_indexes = "set local enable_nestloop = on; set local enable_seqscan = off";
            let what = "the settings of the session";
            client.batch_execute(by_indexes).await.map_err(|source| CatalogError::Query { what, source })?;
        }
        // What is about no relation was made of the rows when they were seen.
        let (types, dependencies) = match &near {
            None => ((column::TYPES.query)(version), (dependency::ALL.query)(version)),
            Some(near) => (Some(column::types_of(&near.of_relations)), Some(dependency::of(&near.of_all))),
        };
        let mut asked: Vec<(&'static Reader, Option<Of>, String)> = Vec::new();
        asked.extend(types.map(|sql| (&column::TYPES, None, sql)));
        for part in PARTS.iter().copied().flatten().filter(|part| self.found.contains(part.reader.what)) {
            let sql = (part.reader.query)(version).map(|sql| match &near {
                None => sql,
                Some(near) => near.only(part.of, &sql),
            });
            asked.extend(sql.map(|sql| (&part.reader, Some(part.of), sql)));
        }
        asked.extend(dependencies.map(|sql| (&dependency::ALL, None, sql)));
        let (builder, glance) = (&mut self.builder, &mut self.glance);
        let texts: Vec<(&'static str, &str)> = asked.iter().map(|(reader, _, sql)| (reader.what, sql.as_str())).collect();
        ask(client, &texts, &mut |at, row, places| {
            let Some((reader, of, _)) = asked.get(at) else { return Ok(()) };
            let row = Row { what: reader.what, row: &row, places };
            let wanted = match of {
                None => true,
                Some(of) => {
                    let about = glance.about(builder, *of, &row)?;
                    about.is_some_and(|(relation, _)| near.as_ref().is_none_or(|near| near.relations.contains(&relation)))
                }
            };
            if wanted { (reader.row)(&row, builder) } else { Ok(()) }
        })
        .await?;
        self.near = near;
        self.privileges_of_columns(client).await
    }

    /// Has the server print what it must, and concludes the catalog.
    async fn finish(mut self, client: &Client, options: &ReadOptions) -> Result<Catalog, CatalogError> {
        if let Some(near) = &self.near {
            self.builder.keep_dependencies(|dependent| near.is_of(&self.glance, dependent));
        }
        let looked_at = self.near.as_ref().map(|near| near.looked_at(&self.builder));
        let (catalog, mut asked, missing) = self.builder.finish(self.reader);
        asked.retain(|one| self.near.as_ref().is_none_or(|near| near.is_about(&catalog, &one.id)));
        let mut catalog = exclude(catalog, &options.exclude)?;
        catalog.looked_at = looked_at;
        print(client, &mut catalog, &asked).await?;
        if !missing.is_empty() {
            catalog.not_covered = describe_missing(client, &missing).await?;
        }
        catalog.not_covered.extend(self.unseen);
        Ok(catalog)
    }
}

/// What is sent to look at a database.
struct Looked {
    whole: Vec<(&'static Reader, String)>,
    parts: Vec<(&'static PartReader, Rows, String)>,
    between: Option<String>,
}

/// What a query for parts answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// What the reader makes objects of.
    Whole,
    /// Sums of that.
    Sums,
}

impl Looked {
    fn at(version: u32, absent: &BTreeSet<&'static str>) -> Looked {
        let there = |reader: &Reader| !absent.contains(reader.what);
        let whole = READERS.iter().copied().flatten().chain([&glance::NAMES]);
        let whole: Vec<&'static Reader> = whole.filter(|reader| there(reader)).collect();
        let parts = PARTS.iter().copied().chain([glance::TREES]).flatten().filter(|part| there(&part.reader));
        // Sums of relations come last, since they may be of an index, which is a part by then.
        let (mut all, mut last) = (Vec::new(), Vec::new());
        for part in parts {
            let sums = part.sums.as_ref().and_then(|sums| Some((sums, (sums.query)(version, glance::seed())?)));
            let rest = sums.as_ref().map_or(part.reader.query, |(sums, _)| sums.rest);
            all.extend(rest(version).map(|sql| (part, Rows::Whole, sql)));
            if let Some((sums, sql)) = sums {
                if sums.of_relations { &mut last } else { &mut all }.push((part, Rows::Sums, sql));
            }
        }
        all.append(&mut last);
        Looked { whole: queries(&whole, version), parts: all, between: (dependency::BETWEEN.query)(version) }
    }

    fn queries(&self) -> Vec<(&'static str, &str)> {
        let mut all: Vec<(&'static str, &str)> = Vec::new();
        all.extend(self.whole.iter().map(|(reader, sql)| (reader.what, sql.as_str())));
        all.extend(self.parts.iter().map(|(part, _, sql)| (part.reader.what, sql.as_str())));
        all.extend(self.between.as_deref().map(|sql| (dependency::BETWEEN.what, sql)));
        all
    }
}

/// All readers, in order.
fn everything() -> Vec<&'static Reader> {
    let mut all: Vec<&'static Reader> = READERS.iter().copied().flatten().collect();
    all.push(&column::TYPES);
    all.extend(PARTS.iter().copied().flatten().map(|part| &part.reader));
    all.push(&dependency::ALL);
    all
}

/// Readers with their queries, where the version has what they read.
fn queries(readers: &[&'static Reader], version: u32) -> Vec<(&'static Reader, String)> {
    readers.iter().filter_map(|reader| Some((*reader, (reader.query)(version)?))).collect()
}

/// What becomes of a row of the query with a number.
type EachRow<'a> = dyn FnMut(usize, SimpleQueryRow, &Places) -> Result<(), CatalogError> + Send + 'a;

/// Sends queries in one message and hands over their rows, each with the number of its query.
async fn ask(client: &Client, queries: &[(&'static str, &str)], each: &mut EachRow<'_>) -> Result<(), CatalogError> {
    if queries.is_empty() {
        return Ok(());
    }
    let name = |at: usize| queries.get(at).map_or("the catalog", |(what, _)| *what);
    let texts: Vec<&str> = queries.iter().map(|(_, sql)| *sql).collect();
    let sql = texts.join(";\n");
    let mut stream = pin!(client.simple_query_raw(&sql).await.map_err(|source| CatalogError::Query { what: name(0), source })?);
    let mut at = 0;
    let mut started = std::time::Instant::now();
    let mut places = Places::default();
    while let Some(message) = stream.try_next().await.map_err(|source| CatalogError::Query { what: name(at), source })? {
        match message {
            SimpleQueryMessage::Row(row) => {
                places.next.set(0);
                each(at, row, &places)?;
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

/// Has the server print the definitions that were asked for.
async fn print(client: &Client, catalog: &mut Catalog, asked: &[Asked]) -> Result<(), CatalogError> {
    let mut of: HashMap<(Printed, u32), ObjectId> = HashMap::default();
    let mut oids: HashMap<Printed, Vec<u32>> = HashMap::default();
    for one in asked.iter().filter(|asked| catalog.objects.contains_key(&asked.id)) {
        of.insert((one.printed, one.oid), one.id.clone());
        oids.entry(one.printed).or_default().push(one.oid);
    }
    let queries: Vec<(Printed, String)> =
        Printed::ALL.into_iter().filter_map(|printed| Some((printed, printed.query(oids.get(&printed)?)))).collect();
    let texts: Vec<(&'static str, &str)> = queries.iter().map(|(printed, sql)| (printed.what(), sql.as_str())).collect();
    ask(client, &texts, &mut |at, row, places| {
        let Some((printed, _)) = queries.get(at) else { return Ok(()) };
        let row = Row { what: printed.what(), row: &row, places };
        if let (Some(id), Some(text)) = (of.get(&(*printed, row.oid("oid")?)), row.opt("text")?)
            && let Some(object) = catalog.objects.get_mut(id)
        {
            let (attribute, text) = printed.kept(text);
            object.attributes.insert(attribute, text.into());
            if id.kind == Kind::Default {
                object.details.insert("volatile", row.flag("volatile")?.into());
            }
        }
        Ok(())
    })
    .await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rare_is_what_some_reader_reads() {
        for reader in RARE.iter().flat_map(|(_, readers)| *readers).copied() {
            assert!(names().any(|name| name == reader), "{reader}");
        }
    }

    #[test]
    fn readings_run_on_any_thread() {
        fn on_any_thread<T: Send>(_: impl Fn(Client, Client, ReadOptions) -> T) {}
        on_any_thread(|one, two, options| async move {
            (read(&one, &options).await.is_ok(), read_two(one.into(), two.into(), &options).await.is_ok())
        });
    }
}
