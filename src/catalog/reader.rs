//! What reads one kind of objects: a query over pg_catalog, and what becomes of its rows.
//!
//! **The contract for a reader** (`src/catalog/<kind>.rs`):
//! - A [`Reader`] is one query that yields rows of text, and a function that turns a row into objects. It stands in `readers.rs`,
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
//! - An object gets its address ([`super::Object::at`]): dependencies are read once for all kinds from pg_depend and translated by address.
//!   What stands for an object without being one (a table's row type, a view's rule, a constraint's index) is registered by
//!   [`Builder::alias`]. What is given up on purpose (a toast table) is registered by [`Builder::ignore`].
//! - `attributes` hold what is compared, absent when it is the default; `details` what only the planner needs.
//! - An object's owner is its attribute `owner`: planned for all kinds by `plan::rules::owner`.
//!
//! It asks no server: that is `read.rs`.

use std::cell::{Cell, RefCell};

use tokio_postgres::SimpleQueryRow;

pub use super::{builder::Builder, class, error::CatalogError};

/// Condition on `pg_namespace n`: schemas that are not the system's own.
pub const USER_SCHEMAS: &str = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'";

/// One query over pg_catalog and what becomes of its rows.
pub struct Reader {
    /// What it reads, as an error would say it: "tables".
    pub what: &'static str,
    /// One SELECT, which may stand between statements that answer with no rows, for a `server_version_num`; `None` where the version has no such
    /// thing.
    pub query: fn(u32) -> Option<String>,
    /// Turns one row into objects.
    pub row: fn(&Row<'_>, &mut Builder) -> Result<(), CatalogError>,
}

/// A reader of what there is much of: parts of relations. Two databases that a plan is to be made between are first looked at, and of what
/// is alike nothing is made ([`super::read::read_two`]).
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
    pub(super) fn ignore(&self, row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
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
    /// Likewise, or by that of an index of it.
    RelationOrIndex(&'static str),
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

/// Where the columns of a query's rows stand, in the order in which a reader asks for them: it asks alike for every row, and looking a
/// name up among twenty would cost more than all else that is done with a row.
#[derive(Debug, Default)]
pub(super) struct Places {
    asked: RefCell<Vec<(&'static str, usize)>>,
    next: Cell<usize>,
}

impl Places {
    /// Another row begins.
    pub(super) fn begin(&self) {
        self.next.set(0);
    }

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
    pub(super) what: &'static str,
    pub(super) row: &'a SimpleQueryRow,
    pub(super) places: &'a Places,
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
        self.opt(column)?.ok_or(CatalogError::Changing { what: self.what, wanted: column })
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
