//! Reading a database's catalog: one consistent, read-only snapshot, a handful of round trips, no query a table.
//!
//! What pg_depend (or a catalog without schemas) mentions and no reader has registered ends in `Catalog::not_covered`.
//!
//! It does not compare, and it never writes.

use std::{borrow::Borrow, collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use foldhash::HashMap;
use futures_util::TryStreamExt;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Address, Catalog, Kind, ObjectId,
    builder::Builder,
    column,
    definition::{Asked, Printed},
    dependency,
    glance::{self, Glance, Links, Near},
    reader::{Of, Places, Reader, Row},
    readers::{self, Looked, Rows},
};
pub use super::{error::CatalogError, readers::names};

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
    let mut tried = 0;
    loop {
        let outcome = async {
            let mut reading = Reading::begin(client, options).await?;
            reading.everything(client).await?;
            reading.finish(client, options).await
        };
        let outcome = outcome.await;
        match end(client, outcome).await {
            Err(error) if error.may_pass() && is_left(&mut tried) => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// How often is read, and how long is waited in between, when another session changes what is being read.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(400);

/// Counts a try; whether there is another.
fn is_left(tried: &mut u32) -> bool {
    *tried += 1;
    *tried < TRIES
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
    let mut tried = 0;
    loop {
        match read_two_once(&base, &target, options).await {
            Err(error) if error.may_pass() && is_left(&mut tried) => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
}

async fn read_two_once<C>(base: &Arc<C>, target: &Arc<C>, options: &ReadOptions) -> Result<(Catalog, Catalog), CatalogError>
where
    C: Borrow<Client> + Send + Sync + 'static,
{
    let outcome = async {
        // Each side is a task of its own: a core for each, and next to the one that reads from its socket.
        let look = |client: &Arc<C>| {
            let (client, options) = (Arc::clone(client), options.clone());
            aside(async move { Reading::look((*client).borrow(), &options).await })
        };
        let (one, two) = tokio::try_join!(look(base), look(target))?;
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
        tokio::try_join!(conclude(base, one, base_near), conclude(target, two, target_near))
    };
    let (one, two) = match outcome.await {
        Ok((one, two)) => (Ok(one), Ok(two)),
        // The other transaction has to end all the same; its own error is the lesser one.
        Err(error) => (Err(error), Ok(Catalog::default())),
    };
    let (one, two) = tokio::join!(end((**base).borrow(), one), end((**target).borrow(), two));
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
            absent = readers::absent()
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
                absent.extend(
                    numbers.iter().filter_map(|number| readers::RARE.get(*number)).flat_map(|(_, readers)| readers.iter().copied()),
                );
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
        self.all_of(client, &readers::everything()).await?;
        self.privileges_of_columns(client).await?;
        self.connections(client).await
    }

    /// Has these readers read, and makes objects of it.
    async fn all_of(&mut self, client: &Client, wanted: &[&'static Reader]) -> Result<(), CatalogError> {
        let wanted: Vec<&'static Reader> = wanted.iter().copied().filter(|reader| !self.absent.contains(reader.what)).collect();
        let asked = readers::queries(&wanted, self.builder.version());
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
            // A sum of all parts of what is no relation here, a session's temporary table for instance, names none of them.
            (false, Rows::Sums) if part.sums.as_ref().is_some_and(|sums| sums.of_relations) => Ok(()),
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
        for part in readers::PARTS.iter().copied().flatten().filter(|part| self.found.contains(part.reader.what)) {
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
    let mut answers = false;
    let mut started = std::time::Instant::now();
    let mut places = Places::default();
    while let Some(message) = stream.try_next().await.map_err(|source| CatalogError::Query { what: name(at), source })? {
        match message {
            SimpleQueryMessage::RowDescription(_) => answers = true,
            SimpleQueryMessage::Row(row) => {
                places.begin();
                each(at, row, &places)?;
            }
            // A query may stand between statements that answer with no rows.
            SimpleQueryMessage::CommandComplete(rows) if answers => {
                tracing::debug!(what = name(at), rows, milliseconds = started.elapsed().as_secs_f64() * 1000.0, "read");
                started = std::time::Instant::now();
                places = Places::default();
                answers = false;
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
        let text = row.text("text")?;
        if let Some(id) = of.get(&(*printed, row.oid("oid")?))
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

/// `type identity` of what no reader reads, at most 200 of them, but for what a session has for itself (temporary tables and the like).
async fn describe_missing(client: &Client, missing: &[Address]) -> Result<Vec<String>, CatalogError> {
    const SHOWN: usize = 200;
    let values: Vec<String> = missing.iter().map(|at| format!("({}::oid, {}::oid, {})", at.class, at.object, at.sub)).collect();
    let query = format!(
        "select distinct i.type || ' ' || i.identity as object from (values {}) v(c, o, s), pg_identify_object(v.c, v.o, v.s) i
         where i.type is not null and i.identity is not null
           and coalesce(i.schema, (pg_identify_object_as_address(v.c, v.o, v.s)).object_names[1], '') !~ '^pg_(toast_)?temp(_[0-9]+)?$'
         order by 1",
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
    if found.len() > SHOWN {
        let more = found.split_off(SHOWN).len();
        found.push(format!("{more} more objects"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_run_on_any_thread() {
        fn on_any_thread<T: Send>(_: impl Fn(Client, Client, ReadOptions) -> T) {}
        on_any_thread(|one, two, options| async move {
            (read(&one, &options).await.is_ok(), read_two(one.into(), two.into(), &options).await.is_ok())
        });
    }
}
