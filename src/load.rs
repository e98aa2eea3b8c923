//! Statements -> a database, as psql would.
//!
//! One statement is one simple query, so each is a transaction of its own unless the files say BEGIN; several are on their way at
//! a time. Which statement made which object is noted by Postgres itself (`load/provenance.rs`).
//!
//! The base is loaded leniently: a statement that fails is noted and left out, since the pull request may be what mends it; the target
//! strictly. What ends the session (a lost connection, a full disk, a server that is gone) ends either.

mod error;
mod provenance;
mod runner;

use std::collections::BTreeMap;

pub use self::error::{Failure, LoadError};
use crate::{
    catalog::Address,
    config::Session,
    sandbox::{Notice, Server},
    script::{self, Item, Place, SqlFile, Statement},
    source::SqlFiles,
};

/// What becomes of a statement that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// It is noted in [`Loaded::failures`] and left out; inside a transaction too.
    Lenient,
    /// It is the load's error.
    Strict,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub session: Session,
    pub strictness: Strictness,
}

/// A schema in a database.
#[derive(Debug)]
pub struct Loaded {
    /// The database's name from now on.
    pub database: String,
    /// Which statement (index into `statements`) made an object, and which touched it afterwards, the first ones of them in their
    /// order; as far as Postgres says.
    pub created: BTreeMap<Address, usize>,
    pub altered: BTreeMap<Address, Vec<usize>>,
    /// All statements that were run, in their order.
    pub statements: Vec<Statement>,
    /// What failed and was left out.
    pub failures: Vec<Failure>,
    /// What could not be done as the files say on this server, a sentence each.
    pub remarks: Vec<String>,
    /// The first notices of each session.
    pub notices: Vec<Notice>,
}

impl Loaded {
    /// The statements that made and touched an object, or the whole that it is a part of, in that order.
    pub fn statements_of(&self, address: Address) -> impl Iterator<Item = &Statement> {
        let whole = Address { sub: 0, ..address };
        let either = [address, whole];
        let created = either.iter().find_map(|address| self.created.get(address)).into_iter();
        let altered = either.iter().find_map(|address| self.altered.get(address)).into_iter().flatten();
        created.chain(altered).copied().collect::<Vec<_>>().into_iter().filter_map(|index| self.statements.get(index))
    }

    /// The statement that made an object, or else the first that touched it.
    pub fn statement(&self, address: Address) -> Option<&Statement> {
        self.statements_of(address).next()
    }

    /// Where an object was made. For a part of one (a column, a constraint), give the whole's address and the part's name: the place is
    /// the name's in the first statement that has it, of those that made or touched the whole.
    pub fn place(&self, address: Address, part: Option<&str>) -> Option<Place> {
        let named = part.and_then(|part| {
            self.statements_of(address)
                .find_map(|statement| Some(statement.spot(script::find_identifier(&statement.text, part)?).place))
        });
        named.or_else(|| self.statement(address).map(|statement| statement.place.clone()))
    }
}

/// Loads files into the server's database (see [`Server::claim`]).
///
/// # Errors
/// [`LoadError`]; with [`Strictness::Lenient`] only what ends the session.
pub async fn load(server: &Server, files: &[SqlFile], options: Options) -> Result<Loaded, LoadError> {
    let names = script::Names { database: server.database().into(), role: server.role().into() };
    let items = script::split(files, &names)?;
    load_items(server, items, options).await
}

/// [`load`] of a whole source: its files, which may include others of it.
///
/// # Errors
/// As [`load`].
pub async fn load_source(server: &Server, source: &SqlFiles, options: Options) -> Result<Loaded, LoadError> {
    let names = script::Names { database: server.database().into(), role: server.role().into() };
    let items = script::split_including(&source.files, &source.included, &names)?;
    load_items(server, items, options).await
}

/// [`load`] of files that are split already.
///
/// # Errors
/// As [`load`].
pub async fn load_items(server: &Server, items: Vec<Item>, options: Options) -> Result<Loaded, LoadError> {
    let claim = server.claim().await?;
    let database = claim.database.clone();
    let provenance = provenance::install(server, &database).await?;
    let ran = runner::run(server, &database, items, options).await?;
    let touched = provenance::collect(server, &database, provenance).await?;
    let database = claim.settle().await?;
    Ok(Loaded {
        database,
        created: touched.created,
        altered: touched.altered,
        statements: ran.statements,
        failures: ran.failures,
        remarks: ran.remarks,
        notices: ran.notices,
    })
}
