//! One side of the comparison: a schema in a database of its own, read back, with the places of its objects.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use super::{
    Input, Job, PipelineError, Schema, live,
    roles::{self, Role},
};
use crate::{
    catalog::{
        self, Action, Catalog, Change, Kind, Object, ObjectId,
        read::{self, ReadOptions},
    },
    config::Config,
    load::{self, Failure, Loaded, Strictness},
    plan::{
        Plan, native,
        rename::{Rename, Renames, asked::Asked},
        sql,
    },
    report::{self, Drift, Remark},
    risk::{
        Facts, Finding, Places, look,
        probe::{self, Live},
    },
    sandbox::{Connection, Server, Servers},
    script::quote_identifier,
    script::{Place, SqlFile},
    source::shown_url,
};

/// A schema that was built and read.
pub(super) struct Side {
    pub catalog: Catalog,
    /// The database that holds it; empty when it was only read.
    pub database: String,
    pub options: ReadOptions,
    places: BTreeMap<ObjectId, Place>,
    remarks: Vec<Remark>,
}

impl Side {
    /// The remarks as sentences.
    pub fn said(&self) -> Vec<String> {
        self.remarks.iter().map(|remark| remark.text.clone()).collect()
    }

    /// A copy of the side's database on its server; answers with its name. What belongs to the database itself (its settings, grants,
    /// comment and subscriptions) is not copied by `CREATE DATABASE … TEMPLATE` and is done again by the planner.
    pub async fn copy(&self, server: &Server, purpose: &str) -> Result<String, PipelineError> {
        let database = server.create_database(purpose, Some(&self.database)).await?;
        let of_database = |object: &Object| {
            object.id.kind == Kind::Subscription || object.parent.as_ref().is_some_and(|parent| parent.kind == Kind::Database)
        };
        if self.catalog.objects.values().any(of_database) {
            let copied = read(server, &database, &self.options).await?;
            carry_out(server, &database, &native::plan(&copied, &self.catalog, &native::Options::default())?).await?;
        }
        Ok(database)
    }
}

/// Base and target, and what is known of both together.
pub(super) struct Sides {
    pub base: Side,
    pub target: Side,
    pub places: Places,
    /// The roles that the plan is to make.
    pub roles: Vec<Role>,
    /// What the target's notes say kept its data under a new name.
    pub renames: Renames,
    /// The base after these renames, when there are any.
    renamed: Option<Side>,
    pub remarks: Vec<Remark>,
    /// The server's version.
    pub server: String,
    /// The session by which the base was read, where it is live.
    pub session: Option<Connection>,
}

impl Sides {
    fn new(mut base: Side, mut target: Side, server: String, mut remarks: Vec<Remark>) -> Sides {
        remarks.append(&mut base.remarks);
        remarks.append(&mut target.remarks);
        let places = Places { base: std::mem::take(&mut base.places), target: std::mem::take(&mut target.places) };
        Sides {
            base,
            target,
            places,
            roles: Vec::new(),
            renames: Renames::default(),
            renamed: None,
            remarks,
            server,
            session: None,
        }
    }

    /// Where the planners start: the base, after the renames.
    pub fn start(&self) -> &Side {
        self.renamed.as_ref().unwrap_or(&self.base)
    }

    /// What changes from base to target.
    pub fn changes(&self) -> Vec<Change> {
        let roles = self.roles.iter().map(Role::change);
        roles
            .chain(self.renames.renames.iter().map(Rename::change))
            .chain(catalog::compare(&self.start().catalog, &self.target.catalog))
            .collect()
    }

    /// Reads the renames from the target's files, adds those that were asked for, and carries them out on a copy of the base.
    async fn rename(&mut self, server: &Server, files: &[SqlFile], asked: &[Asked]) -> Result<(), PipelineError> {
        let renames = Renames::read(files, asked, &self.places.target, &self.base.catalog, &self.target.catalog);
        self.remarks.extend(of_renames(&renames));
        if renames.renames.is_empty() {
            return Ok(());
        }
        let database = self.base.copy(server, "renamed").await?;
        let connection = server.connect(&database).await?;
        for step in renames.steps(self.base.catalog.dialect) {
            let failed = |source| PipelineError::Rename { sql: step.sql.clone(), source };
            connection.batch_execute(&step.sql).await.map_err(failed)?;
        }
        let catalog = read::read(&connection, &self.base.options).await?;
        connection.close().await;
        let options = self.base.options.clone();
        self.renamed = Some(Side { catalog, database, options, places: BTreeMap::new(), remarks: Vec::new() });
        self.renames = renames;
        Ok(())
    }
}

/// Builds both sides, each on its server, side by side.
pub(super) async fn both(job: &Job, servers: &Servers) -> Result<Sides, PipelineError> {
    let of_base = stand_ins(&servers.base, &job.base, &job.target).await?;
    stand_ins(servers.target(), &job.target, &job.base).await?;
    let (base, target) = tokio::join!(
        build(&job.config, &servers.base, &job.base, Strictness::Lenient),
        build(&job.config, servers.target(), &job.target, Strictness::Strict)
    );
    let (mut base, mut target) = (base?, target?);
    let mut remarks: Vec<Remark> = servers.remarks.iter().map(|text| remark("Not kept apart", text.clone())).collect();
    let only_in_target = roles::level(
        (&servers.base, &base.database),
        (servers.target(), &target.database),
        &of_base,
        if job.target.live().is_some() { roles::Which::Named } else { roles::Which::All },
    )
    .await?;
    remarks.extend(roles::said_of(&only_in_target, job.config.create_roles).map(|text| remark("Roles", text)));
    assume_alike(&mut base, &servers.base, &target.catalog).await?;
    assume_alike(&mut target, servers.target(), &base.catalog).await?;
    base.catalog.hide_as(&target.catalog);
    target.catalog.hide_as(&base.catalog);
    let mut sides = Sides::new(base, target, servers.base.version().to_string(), remarks);
    if job.config.create_roles {
        sides.roles = only_in_target;
    }
    if let Schema::Files(files) = &job.target.schema {
        sides.rename(&servers.base, &files.executed(), &job.renames).await?;
    }
    Ok(sides)
}

/// Makes the roles that files may name because the other side's live database has them.
async fn stand_ins(server: &Server, input: &Input, other: &Input) -> Result<Vec<String>, PipelineError> {
    match (&input.schema, other.live()) {
        (Schema::Files(files), Some(url)) => roles::stand_in(server, files, &live::roles(url).await?).await,
        _ => Ok(Vec::new()),
    }
}

/// Reads two live databases: all of them, or what a plan between them needs ([`read::read_two`]).
pub(super) async fn both_live(
    job: &Job,
    base_url: &SecretString,
    target_url: &SecretString,
    all: bool,
) -> Result<Sides, PipelineError> {
    let options = read_options(&job.config);
    let (mut base, mut target, session) = match all {
        true => {
            let (base, target) = tokio::try_join!(live::read(base_url, &options), live::read(target_url, &options))?;
            (base, target, None)
        }
        false => live::read_two(base_url, target_url, &options).await?,
    };
    base.hide_as(&target);
    target.hide_as(&base);
    let server = version(base.server_version);
    let side =
        |catalog| Side { catalog, database: String::new(), options: options.clone(), places: BTreeMap::new(), remarks: Vec::new() };
    let roles = match job.config.create_roles {
        true => live::roles_besides(target_url, &live::roles(base_url).await?).await?,
        false => Vec::new(),
    };
    let remarks = roles::said_of(&roles, true).map(|text| remark("Roles", text)).into_iter().collect();
    Ok(Sides { session, roles, ..Sides::new(side(base), side(target), server, remarks) })
}

/// Makes what a side's reader had no right to see as it is on the other side, in its database too: there is no plan for what nobody knows.
async fn assume_alike(side: &mut Side, server: &Server, other: &Catalog) -> Result<(), PipelineError> {
    if side.catalog.objects.values().all(|object| object.unseen().is_empty()) {
        return Ok(());
    }
    let mut found = side.catalog.clone();
    let mut assumed = side.catalog.clone();
    for object in assumed.objects.values_mut().filter(|object| !object.unseen().is_empty()) {
        let Some(theirs) = other.objects.get(&object.id) else { continue };
        let hidden = object.unseen().to_vec();
        for (name, value) in theirs.attributes.iter().filter(|(name, _)| hidden.iter().any(|hidden| hidden == name)) {
            object.attributes.insert(name, value.clone());
        }
        for object in [Some(object), found.objects.get_mut(&theirs.id)].into_iter().flatten() {
            object.details.remove("unseen");
        }
    }
    carry_out(server, &side.database, &native::plan(&found, &assumed, &native::Options::default())?).await?;
    assumed.hide_as(&side.catalog);
    side.catalog = assumed;
    Ok(())
}

/// Builds one side on a server.
pub(super) async fn build(config: &Config, server: &Server, input: &Input, strictness: Strictness) -> Result<Side, PipelineError> {
    let options = read_options(config);
    if let Schema::Live(url) = &input.schema {
        return rebuild(config, server, url, options).await;
    }
    let loaded = load::load_source(server, input.files(), load::Options { session: config.session, strictness }).await?;
    let catalog = read(server, &loaded.database, &options).await?;
    let places = places(&catalog, &loaded);
    let mut remarks: Vec<Remark> = loaded.remarks.iter().map(|text| remark("Loading", text.clone())).collect();
    remarks.extend(left_out(&loaded.failures));
    Ok(Side { catalog, database: loaded.database, options, places, remarks })
}

/// A live database made anew in the sandbox by the planner, from nothing to what was read, without a row of its data.
async fn rebuild(config: &Config, server: &Server, url: &SecretString, options: ReadOptions) -> Result<Side, PipelineError> {
    let wanted = live::read(url, &options).await?;
    let nothing = load::load(server, &[], load::Options { session: config.session, strictness: Strictness::Strict }).await?;
    let empty = read(server, &nothing.database, &options).await?;
    let plan = native::plan(&empty, &wanted, &native::Options::default())?;
    let connection = server.connect(&nothing.database).await?;
    roles::make(&connection, &live::roles(url).await?).await?;
    let run = async |sql: &str, shown: &str| {
        let failed = |source| PipelineError::Rebuild { database: shown_url(url), sql: shown.to_string(), source };
        connection.batch_execute(sql).await.map_err(failed)
    };
    // Bodies may name what is made later, or what another search_path finds.
    let unchecked = "SET check_function_bodies = off";
    run(unchecked, unchecked).await?;
    for step in &plan.steps {
        run(&step.sql, step.shown()).await?;
    }
    leave_unfinished(&connection, &wanted).await?;
    connection.close().await;
    let mut catalog = read(server, &nothing.database, &options).await?;
    let differences = catalog::compare(&catalog, &wanted);
    if let Some(first) = differences.first() {
        let first = format!("{} {}", first.object.kind, first.object);
        let versions = (wanted.server_version / 10_000, server.version_num() / 10_000);
        return Err(PipelineError::NotRebuilt { database: shown_url(url), count: differences.len(), first, versions });
    }
    // The planner makes nothing that no reader reads; the live database has it all the same.
    catalog.hide_as(&wanted);
    catalog.not_covered = wanted.not_covered;
    let (live, here) = (wanted.server_version / 10_000, server.version_num() / 10_000);
    let remarks = (live != here).then(|| {
        let text = format!(
            "{} is PostgreSQL {live}, and the plan was proven on PostgreSQL {here}: take a throwaway server of version {live} (`image`, `--image`).",
            shown_url(url)
        );
        remark("Another version", text)
    });
    Ok(Side { catalog, database: nothing.database, options, places: BTreeMap::new(), remarks: remarks.into_iter().collect() })
}

/// Marks the indexes that are not valid in the live database (`CREATE INDEX CONCURRENTLY` was interrupted), and the partitions that are about to
/// be detached (`DETACH CONCURRENTLY` was): no statement makes one.
async fn leave_unfinished(connection: &Connection, wanted: &Catalog) -> Result<(), PipelineError> {
    for table in wanted.of_kind(Kind::Table).filter(|table| table.flag("detach_pending")) {
        let sql = "UPDATE pg_catalog.pg_inherits SET inhdetachpending = true WHERE inhrelid = $1::text::regclass";
        let failed = |source| PipelineError::Copy { sql: sql.into(), source };
        connection.execute(sql, &[&sql::name(table)]).await.map_err(failed)?;
    }
    for index in wanted.of_kind(Kind::Index).filter(|object| object.flag("invalid")) {
        let name: Vec<String> = index.id.path.iter().map(|part| quote_identifier(part)).collect();
        let sql = "UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = $1::text::regclass";
        let failed = |source| PipelineError::Copy { sql: sql.into(), source };
        connection.execute(sql, &[&name.join(".")]).await.map_err(failed)?;
    }
    Ok(())
}

/// What a live database has that the base has not, and the other way round, with the steps that lead from it to the base. Answers with
/// the live database's catalog too.
pub(super) async fn drift(job: &Job, base: &Side) -> Result<Option<(Drift, Catalog)>, PipelineError> {
    let Some(Input { name, schema: Schema::Live(url), .. }) = &job.live else { return Ok(None) };
    let catalog = live::read(url, &base.options).await?;
    let changes = catalog::compare(&base.catalog, &catalog);
    let changes = report::build::changes(&base.catalog, &catalog, &changes, &Places::default());
    // The steps are told, not taken: where there is no way back, the differences alone are said.
    let steps = native::plan(&catalog, &base.catalog, &native::Options::default()).unwrap_or_else(|error| {
        tracing::info!("no plan from the live database to the base: {error}");
        Plan::default()
    });
    Ok(Some((Drift { database: name.clone(), changes, steps: report::build::steps(&steps, None) }, catalog)))
}

/// Which of the changes are not the pull request's: what they are about is alike where it began and where it leads, and the live database
/// differs from both.
pub(super) async fn earlier(job: &Job, servers: &Servers, sides: &Sides, changes: &[Change]) -> Result<Vec<bool>, PipelineError> {
    let Some(input) = &job.before else { return Ok(Vec::new()) };
    servers.base.set_aside().await?;
    let before = build(&job.config, &servers.base, input, Strictness::Lenient).await;
    // Everything else needs the base.
    servers.base.put_back().await?;
    let before = before?;
    let own = catalog::compare(&before.catalog, &sides.target.catalog);
    let is_own = |change: &Change| {
        own.iter().any(|own| {
            let (ours, theirs) = (&own.object.path, &change.object.path);
            let comes_or_goes = own.action != Action::Alter && theirs.starts_with(ours);
            own.object == change.object
                || change.renamed_from.as_ref() == Some(&own.object)
                || comes_or_goes
                || ours.starts_with(theirs)
        })
    };
    Ok(changes.iter().map(|change| !is_own(change)).collect())
}

/// What the live database says about the change: sizes of what is locked, and how many rows are in the way of what was found.
pub(super) async fn ask_live(
    job: &Job,
    facts: &Facts<'_>,
    known: Option<&Catalog>,
    found: &[Finding],
    session: Option<Connection>,
) -> Result<Option<Live>, PipelineError> {
    let beside = job.live.as_ref().and_then(Input::live);
    let session = session.filter(|_| beside.is_none());
    let Some(url) = beside.or_else(|| job.base.live()) else { return Ok(None) };
    // Without a catalog of its own the base is the live database.
    let (questions, not_safe) = probe::questions(facts, known.unwrap_or(facts.base), found);
    let locked =
        facts.proof.iter().flat_map(|proof| &proof.effects).flat_map(|effects| &effects.locks).map(|lock| lock.relation.clone());
    let changed =
        facts.changes.iter().filter_map(|change| look::relation_of(change.renamed_from.as_ref().unwrap_or(&change.object)));
    let relations: BTreeSet<String> = locked.chain(changed.map(|path| sql::qualified(&path))).collect();
    if relations.is_empty() && questions.is_empty() {
        return Ok(None);
    }
    let relations: Vec<String> = relations.into_iter().collect();
    let mut live = Box::pin(live::ask(url, session, &relations, &questions)).await?;
    live.answers.extend(not_safe);
    Ok(Some(live))
}

fn read_options(config: &Config) -> ReadOptions {
    ReadOptions { exclude: config.exclude.clone(), ..ReadOptions::default() }
}

/// Runs a plan on a database of the sandbox, without judgement.
async fn carry_out(server: &Server, database: &str, plan: &Plan) -> Result<(), PipelineError> {
    let connection = server.connect(database).await?;
    for step in &plan.steps {
        let failed = |source| PipelineError::Copy { sql: step.shown().to_string(), source };
        connection.batch_execute(&step.sql).await.map_err(failed)?;
    }
    connection.close().await;
    Ok(())
}

async fn read(server: &Server, database: &str, options: &ReadOptions) -> Result<Catalog, PipelineError> {
    let connection = server.connect(database).await?;
    let catalog = read::read(&connection, options).await?;
    connection.close().await;
    Ok(catalog)
}

/// Where each object stands in the files: Postgres said which statement made it, or which made what it is a part of.
fn places(catalog: &Catalog, loaded: &Loaded) -> BTreeMap<ObjectId, Place> {
    let mut places = BTreeMap::new();
    for (id, object) in &catalog.objects {
        let own = object.address.and_then(|address| loaded.place(address, part_name(id)));
        let mut owner = object.parent.as_ref();
        let place = own.or_else(|| {
            while let Some(parent) = owner.and_then(|parent| catalog.objects.get(parent)) {
                if let Some(place) = parent.address.and_then(|address| loaded.place(address, part_name(id))) {
                    return Some(place);
                }
                owner = parent.parent.as_ref();
            }
            None
        });
        if let Some(place) = place {
            places.insert(id.clone(), place);
        }
    }
    places
}

/// The name to look for inside the statement that made the whole.
fn part_name(id: &ObjectId) -> Option<&str> {
    matches!(id.kind, Kind::Column | Kind::Constraint | Kind::Default | Kind::EnumValue)
        .then(|| id.path.last().map(String::as_str))
        .flatten()
}

pub(super) fn remark(title: &str, text: String) -> Remark {
    Remark { title: title.into(), text, quote: None, file: None, line: None }
}

/// Title of what is said of a rename that was asked for and does nothing.
pub const RENAMES_NOTHING: &str = "A rename that was asked for does nothing";

/// What is to be said of renames: notes that do nothing, and what became of those that were asked for.
pub(super) fn of_renames(renames: &Renames) -> Vec<Remark> {
    let unused = renames.unused.iter().map(|unused| Remark {
        file: Some(unused.place.file.to_string()),
        line: Some(unused.place.line),
        ..remark("A note on a rename does nothing", format!("{}.", unused.why))
    });
    unused.chain(renames.asked.iter().map(|(asked, bound)| asked_for(asked, bound))).collect()
}

/// What became of a rename that somebody asked for on the pull request.
fn asked_for(asked: &Asked, bound: &Result<Rename, String>) -> Remark {
    match bound {
        Ok(rename) => {
            let text = format!(
                "The {} {} is the new {}, as {} asked in a comment. That holds for this pull request alone: to keep it, write the note \
                 below at {} in the SQL.",
                rename.from.kind,
                look::quoted(&rename.from.to_string()),
                look::quoted(&asked.to),
                asked.by,
                look::quoted(&asked.to),
            );
            let note = format!("-- @renamed from={}", asked.from.last().map(|name| sql::ident(name)).unwrap_or_default());
            Remark { quote: Some(note), ..remark("Renamed by a comment", text) }
        }
        Err(why) => remark(RENAMES_NOTHING, format!("{}: {why}.", asked.words())),
    }
}

/// Statements of the base that failed and are shown, when there are many.
const SHOWN_FAILURES: usize = 20;

/// Statements of the base that failed and were left out, in one remark.
pub(super) fn left_out(failures: &[Failure]) -> Option<Remark> {
    let first = failures.first()?;
    let message = |failure: &Failure| {
        let code = failure.sqlstate.as_ref().map(|code| format!(" (SQLSTATE {code})")).unwrap_or_default();
        format!("{}{code}", failure.message)
    };
    let statement =
        |failure: &Failure| failure.statement.chars().take(2_000 / failures.len().min(SHOWN_FAILURES)).collect::<String>();
    if failures.len() == 1 {
        return Some(Remark {
            title: "A statement of the base fails and was left out".into(),
            text: message(first),
            quote: Some(statement(first)),
            file: Some(first.spot.place.file.to_string()),
            line: Some(first.spot.place.line),
        });
    }
    let told = |failure: &Failure| {
        let place = &failure.spot.place;
        format!("-- {}:{}: {}\n{}", place.file, place.line, message(failure), statement(failure))
    };
    let mut quote: Vec<String> = failures.iter().take(SHOWN_FAILURES).map(told).collect();
    quote.extend((failures.len() > SHOWN_FAILURES).then(|| format!("-- and {} more", failures.len() - SHOWN_FAILURES)));
    Some(Remark {
        quote: Some(quote.join("\n\n")),
        ..remark(
            &format!("{} statements of the base fail and were left out", failures.len()),
            "What they make is not in the base: where the target has it, the plan makes it.".into(),
        )
    })
}

/// `160004` -> `16.4`.
fn version(number: u32) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}
