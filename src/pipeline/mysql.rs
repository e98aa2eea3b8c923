//! The same story on a server of the MySQL family: sides, planning, proving.
//!
//! Statements commit by themselves there and a server holds several databases, so there is no copy of a database: a plan is replayed
//! on the side's own server, and a side that is needed once more is loaded once more.

use std::{cell::Cell, collections::BTreeSet, time::Instant};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::start::{Renamed, Way};
use super::{
    Catalogs, Input, Job, Outcome, PipelineError, Schema, planning,
    side::{left_out, remark},
    stage,
};
use crate::{
    catalog::{self, Catalog, ObjectId, read::ReadOptions},
    config::{Config, Dialect},
    load::{Options, Strictness},
    mysql::{
        catalog::{self as reading, Replicas, Snapshot},
        live::{self, Databases, LiveError},
        load::{self, Loaded},
        plan::{self, Options as Planning},
        proof::{self, Replay},
    },
    plan::{Origin, Plan},
    proof::Proof,
    report::{self, Down, Drift, Remark, build::Parts},
    risk::{self, Facts, Places},
    sandbox::{
        Request, SandboxError,
        mysql::{Flavor, MySqlAddress, MySqlServer, MySqlServers, with_mysql_servers},
    },
    source::shown_url,
    verdict,
};

pub(super) mod one;
mod start;

/// From two schemas of the family to a report.
pub(super) async fn run(job: &Job, dialect: Dialect, begun: Instant, cancel: &CancellationToken) -> Result<Outcome, PipelineError> {
    // TiDB's statements on schemas never block.
    if job.config.online && dialect != Dialect::TiDb {
        return Err(PipelineError::OnlineByMySql { dialect });
    }
    let flavor = match (dialect, job.base.live().or_else(|| job.target.live())) {
        // `mysql://` is the way to all three.
        (Dialect::MySql, Some(url)) if job.config.dialect.is_none() => flavor_of(url).await?,
        (Dialect::TiDb, _) => Flavor::TiDb,
        (Dialect::MariaDb, _) => Flavor::MariaDb,
        (Dialect::MySql | Dialect::Postgres, _) => Flavor::MySql,
    };
    let named = named(job)?;
    let scoped = named.as_ref().map(|name| Job { config: Config { database: name.clone(), ..job.config.clone() }, ..job.clone() });
    let job = scoped.as_ref().unwrap_or(job);
    let databases: Databases = named.map(|name| BTreeSet::from([name]));
    let mut request = requested(&job.config, flavor);
    if let Some(url) = job.inputs().find_map(Input::live) {
        request.collations = reading_live(url, live::collations(url).await)?;
    }
    with_mysql_servers(&request, flavor, cancel, async |servers| story(job, servers, databases, begun).await).await
}

/// The sandbox that is asked for; its image is the flavor's own where none is configured.
fn requested(config: &Config, flavor: Flavor) -> Request {
    let mut request = Request::from(config);
    if config.image.is_none() {
        request.image = flavor.image().into();
    }
    request
}

pub(super) async fn flavor_of(url: &SecretString) -> Result<Flavor, PipelineError> {
    reading_live(url, live::flavor_of(url).await)
}

fn reading_live<T>(url: &SecretString, read: Result<T, LiveError>) -> Result<T, PipelineError> {
    read.map_err(|source| PipelineError::LiveMySql { database: shown_url(url), source })
}

/// The database that the addresses of a job name: files begin in it, and no other that they do not make counts. Of two live sides the
/// target's database is taken under the name of the base's.
fn named(job: &Job) -> Result<Option<String>, PipelineError> {
    let mut found: Option<String> = None;
    for input in job.inputs() {
        let Some(url) = input.live() else { continue };
        let Some(name) = MySqlAddress::from_url(url)?.database().map(String::from) else { continue };
        match &found {
            Some(one) if *one != name && !(std::ptr::eq(input, &job.target) && job.base.live().is_some()) => {
                return Err(PipelineError::OtherDatabase { one: one.clone(), other: name });
            }
            Some(_) => {}
            None => found = Some(name),
        }
    }
    Ok(found)
}

async fn story(job: &Job, servers: &MySqlServers, databases: Databases, begun: Instant) -> Result<Outcome, PipelineError> {
    let given = servers.target().is_none();
    let (base, target, databases) = sides(job, servers, databases).instrument(stage("Building both schemas")).await?;
    let flavor = servers.base.flavor;
    let renamed = Renamed::new(job, &base, &target).await?;
    let changes = renamed.changes(&target.snapshot.catalog);
    let planning = async {
        let (program, remarks) = planning::to_ask(job, &changes)?;
        let start = match program {
            Some(program) => renamed.with_atlas(job, program, (&base, &target), &changes).await?,
            None => renamed.native(remarks),
        };
        let (plan, replayed) = base.plan_to(&start.way(&target), &target, flavor, job.prove).await?;
        let holds = replayed.as_ref().is_none_or(|ended| ended.proof.proven());
        if holds || start.engine.name == Origin::Native {
            return Ok::<_, PipelineError>((start, plan, replayed));
        }
        let native = renamed.native(vec![planning::does_not_reach(&start.engine.version)]);
        let (other, ended) = base.plan_to(&native.way(&target), &target, flavor, true).await?;
        let proven = ended.as_ref().is_some_and(|ended| ended.proof.proven());
        Ok(if proven { (native, other, ended) } else { (start, plan, replayed) })
    };
    let (start, plan, replayed) = planning.instrument(stage("Planning and replaying")).await?;
    if given {
        target.fresh.set(false);
    }
    let mut remarks: Vec<Remark> = start.remarks;
    for side in [&base, &target] {
        remarks.extend(side.loaded.remarks.iter().map(|text| remark("Loading", text.clone())));
        remarks.extend(left_out(&side.loaded.failures));
    }
    remarks.dedup();
    if !plan.steps.is_empty() {
        remarks.push(remark(
            "Statements commit by themselves",
            format!(
                "{} commits each of these statements by itself: a plan that stops half-way leaves its first steps done. Locks, rewrites and scans were not measured.",
                flavor.name()
            ),
        ));
    }
    let (mut up, mut down) = (None, None);
    if let Some(Ended { replay, proof, key_order }) = replayed {
        remarks.extend(as_text(&plan, &replay));
        if !key_order.is_empty() {
            remarks.push(remark(
                "Keys in another order",
                format!(
                    "After the plan SHOW CREATE TABLE prints the keys of {} in another order than in the target: a server puts a new key last. Nothing else differs.",
                    key_order.join(", ")
                ),
            ));
        }
        down = base.way_back(&target, &renamed, flavor, &proof).instrument(stage("Replaying the way back")).await?;
        up = Some(proof);
    }
    let places = Places { base: base.places(), target: target.places() };
    let facts = Facts {
        base: &base.snapshot.catalog,
        target: &target.snapshot.catalog,
        changes: &changes,
        plan: &plan,
        proof: up.as_ref(),
        places: &places,
        naming: &job.config.policy.naming,
        found: risk::look::Found::default(),
    };
    let findings = risk::findings(&facts, job.target.files());
    let judged = verdict::judge(&facts, findings, &job.config.policy, &job.acceptances);
    let report = report::build::build(Parts {
        facts: &facts,
        judged: &judged,
        base: job.base.side(),
        target: job.target.side(),
        server: Some(servers.base.version.clone()),
        engine: Some(start.engine),
        left_out: &start.left_out,
        remarks,
        drift: drift(job, &base, flavor, &databases).await?,
        live: None,
        down,
        seconds: begun.elapsed().as_secs_f64(),
        run: job.run.clone(),
    });
    let catalogs = Catalogs {
        base: base.snapshot.catalog,
        target: target.snapshot.catalog,
        options: ReadOptions { exclude: job.config.exclude.clone(), ..ReadOptions::default() },
        family: Some((flavor, databases)),
    };
    Ok(Outcome { report, plan, catalogs: Some(Box::new(catalogs)) })
}

/// Both sides, and the databases that count: of a live server those that its address or the files of the other side name.
async fn sides<'a>(
    job: &'a Job,
    servers: &'a MySqlServers,
    mut databases: Databases,
) -> Result<(Side<'a>, Side<'a>, Databases), PipelineError> {
    let given = servers.target().is_none();
    let base = |databases| Side::build(job, &servers.base, &job.base, Strictness::Lenient, databases);
    let target =
        |databases| Side::build(job, servers.target().unwrap_or(&servers.base), &job.target, Strictness::Strict, databases);
    let base_is_live = job.base.live().is_some();
    if !given && (databases.is_none() || base_is_live == job.target.live().is_some()) {
        let (base, target) = tokio::try_join!(base(databases.clone()), target(databases.clone()))?;
        return Ok((base, target, databases));
    }
    // In turns: what the files make must be known before a live server is read, and on one server each takes the other's place.
    let files_first = |side: &Side<'_>, databases: &mut Databases| {
        if let Some(databases) = databases {
            databases.extend(side.databases());
        }
        side.fresh.set(!given);
    };
    if base_is_live {
        let target = target(databases.clone()).await?;
        files_first(&target, &mut databases);
        let base = base(databases.clone()).await?;
        return Ok((base, target, databases));
    }
    let base = base(databases.clone()).await?;
    files_first(&base, &mut databases);
    let target = target(databases.clone()).await?;
    Ok((base, target, databases))
}

/// The names of the databases of a catalog.
pub(super) fn databases(catalog: &Catalog) -> impl Iterator<Item = String> {
    catalog.objects.keys().filter(|id| id.kind == catalog::Kind::Database).map(|id| id.name().to_string())
}

/// Steps that only a server with TiFlash can do.
fn as_text(plan: &Plan, replay: &Replay) -> Option<Remark> {
    let steps: Vec<&str> = replay.as_text.iter().filter_map(|at| plan.steps.get(*at)).map(|step| step.sql.as_str()).collect();
    (!steps.is_empty()).then(|| Remark {
        quote: Some(steps.join(";\n") + ";"),
        ..remark(
            "Replicas on TiFlash were compared as text",
            "The sandbox has no TiFlash: these steps were not run, and what they set is taken from their words.".into(),
        )
    })
}

/// A schema that was built and read, and the server that it is on.
struct Side<'a> {
    job: &'a Job,
    server: &'a MySqlServer,
    input: &'a Input,
    strictness: Strictness,
    snapshot: Snapshot,
    loaded: Loaded,
    /// Those of a live server that count.
    live: Databases,
    /// Whether the server holds this side as it was loaded.
    fresh: Cell<bool>,
}

/// Where a replay ended, judged.
struct Ended {
    replay: Replay,
    proof: Proof,
    /// Tables whose keys are printed in another order than the target's, which is no difference.
    key_order: Vec<String>,
}

impl<'a> Side<'a> {
    async fn build(
        job: &'a Job,
        server: &'a MySqlServer,
        input: &'a Input,
        strictness: Strictness,
        live: Databases,
    ) -> Result<Side<'a>, PipelineError> {
        load::set_up(server).await?;
        let (snapshot, loaded) = load_side(job, server, input, strictness, &live).await?;
        Ok(Side { job, server, input, strictness, snapshot, loaded, live, fresh: Cell::new(true) })
    }

    fn databases(&self) -> impl Iterator<Item = String> {
        databases(&self.snapshot.catalog)
    }

    /// Has the server hold this side as it was loaded.
    async fn refresh(&self) -> Result<(), PipelineError> {
        if !self.fresh.get() {
            load_side(self.job, self.server, self.input, self.strictness, &self.live).await?;
            self.fresh.set(true);
        }
        Ok(())
    }

    fn places(&self) -> std::collections::BTreeMap<ObjectId, crate::script::Place> {
        let objects = self.snapshot.catalog.objects.keys();
        objects.filter_map(|id| Some((id.clone(), self.loaded.place(id)?))).collect()
    }

    /// The plan to another side, replayed. What a server refuses leads to another plan: tables that no ALTER changes are made anew.
    async fn plan_to(
        &self,
        way: &Way<'_>,
        target: &Side<'_>,
        flavor: Flavor,
        prove: bool,
    ) -> Result<(Plan, Option<Ended>), PipelineError> {
        let mut options = Planning::default();
        let mut first: Option<(Plan, Ended)> = None;
        loop {
            let plan = way.plan(plan::plan(way.start, way.goal, flavor, &options));
            if !prove {
                return Ok((plan, None));
            }
            let ended = self.replay(&plan, target, flavor).await?;
            if ended.proof.proven() {
                return Ok((plan, Some(ended)));
            }
            let refused = refused(&plan, &ended, way.start, way.goal);
            let more = refused.iter().any(|table| !options.rebuild.contains(table));
            if !more {
                // Where tables made anew have not helped, the plan without is easier to read.
                let (plan, ended) = match first {
                    Some((plan, before)) if faults(&before) <= faults(&ended) => (plan, before),
                    _ => (plan, ended),
                };
                return Ok((plan, Some(ended)));
            }
            options.rebuild.extend(refused);
            first.get_or_insert((plan, ended));
        }
    }

    async fn replay(&self, plan: &Plan, target: &Side<'_>, flavor: Flavor) -> Result<Ended, PipelineError> {
        self.refresh().await?;
        let session = self.server.connect().await?;
        let failed = |source| PipelineError::ReplayMySql { source };
        let base = &self.snapshot.catalog;
        let filled = match plan.steps.is_empty() {
            true => Vec::new(),
            false => proof::fill(&session, base).await.map_err(failed)?,
        };
        self.fresh.set(plan.steps.is_empty());
        let replay = proof::replay(&session, flavor, base, plan, &filled, &self.loaded.replicas).await.map_err(failed)?;
        let session = self.server.connect().await?;
        let end = reading::read(&session, flavor, &self.job.config.exclude, &replay.replicas).await.map_err(failed)?;
        let proof = Proof {
            effects: replay.effects.clone(),
            pg_dump: proof::by_show_create(&end, &target.snapshot),
            catalog: proof::by_catalog(&end, &target.snapshot, flavor),
            column_order: Vec::new(),
        };
        Ok(Ended { replay, proof, key_order: proof::key_order(&end.catalog, &target.snapshot.catalog) })
    }

    async fn way_back(
        &self,
        target: &Side<'_>,
        renamed: &Renamed,
        flavor: Flavor,
        up: &Proof,
    ) -> Result<Option<Down>, PipelineError> {
        if self.snapshot.catalog.objects.is_empty() && target.snapshot.catalog.objects.is_empty() {
            return Ok(None);
        }
        let back = renamed.back(target).await?;
        let way = Way { before: back.steps(), start: &back.catalog, goal: &self.snapshot.catalog };
        let (plan, ended) = target.plan_to(&way, self, flavor, true).await?;
        let Some(Ended { proof, .. }) = ended.filter(|_| !plan.steps.is_empty()) else { return Ok(None) };
        let mut all = up.effects.iter().chain(&proof.effects);
        let lossless = all.all(|effects| effects.values_lost == 0 && !effects.fails());
        Ok(Some(Down { steps: report::build::steps(&plan, Some(&proof)), lossless, proven: proof.proven() }))
    }
}

/// How many steps failed, and what differs at the end.
fn faults(ended: &Ended) -> usize {
    let failed = ended.proof.effects.iter().filter(|effects| effects.error.is_some());
    failed.count() + ended.proof.pg_dump.differences.len()
}

/// Tables of both sides that a step failed on, or that differ at the end though every step ran.
fn refused(plan: &Plan, ended: &Ended, base: &Catalog, target: &Catalog) -> Vec<ObjectId> {
    let failed = plan.steps.iter().zip(&ended.proof.effects).filter(|(_, effects)| effects.error.is_some());
    let mut tables: Vec<ObjectId> = failed.flat_map(|(step, _)| &step.objects).filter_map(table_of).collect();
    if tables.is_empty() {
        let differ = ended.proof.pg_dump.differences.iter();
        tables = differ
            .filter_map(|difference| difference.object.strip_prefix("table ")?.split_once('.'))
            .map(|(database, table)| ObjectId::new(catalog::Kind::Table, [database, table]))
            .collect();
    }
    tables.retain(|table| base.objects.contains_key(table) && target.objects.contains_key(table));
    tables.sort();
    tables.dedup();
    tables
}

fn table_of(id: &ObjectId) -> Option<ObjectId> {
    use catalog::Kind;
    let is_part = matches!(id.kind, Kind::Table | Kind::Column | Kind::Index | Kind::Constraint);
    is_part.then(|| ObjectId::new(Kind::Table, id.path.iter().take(2)))
}

async fn load_side(
    job: &Job,
    server: &MySqlServer,
    input: &Input,
    strictness: Strictness,
    live: &Databases,
) -> Result<(Snapshot, Loaded), PipelineError> {
    load::empty(server).await?;
    let loaded = match &input.schema {
        Schema::Files(files) => load::load(server, files, Options { session: job.config.session, strictness }).await?,
        Schema::Empty => Loaded::default(),
        Schema::Live(url) => return rebuild(job, server, url, live).await,
    };
    if live.is_none() && [&job.base, &job.target].into_iter().any(|input| input.live().is_some()) {
        // The database that files begin in is ours alone unless they put something in it.
        load::drop_if_empty(server).await?;
    }
    let session = server.connect().await?;
    let mut snapshot = reading::read(&session, server.flavor, &job.config.exclude, &loaded.replicas)
        .await
        .map_err(|source| SandboxError::MySql { attempted: format!("read the schema back from {}", server.origin), source })?;
    snapshot.catalog.not_covered.extend(loaded.not_covered.iter().cloned());
    Ok((snapshot, loaded))
}

/// A live server's schema made anew in the sandbox by the planner, without a row of its data.
async fn rebuild(
    job: &Job,
    server: &MySqlServer,
    url: &SecretString,
    databases: &Databases,
) -> Result<(Snapshot, Loaded), PipelineError> {
    let own = one::named(url)?.filter(|own| databases.is_some() && *own != job.config.database);
    let databases = own.clone().map_or_else(|| databases.clone(), |own| Some(BTreeSet::from([own])));
    let read = live::read(url, server.flavor, &job.config.exclude, &databases).await;
    let (mut wanted, mut replicas) = reading_live(url, read)?;
    if let Some(own) = own {
        let base = &job.config.database;
        wanted.catalog = one::renamed(wanted.catalog, &own, base);
        replicas = replicas
            .into_iter()
            .map(|(path, replica)| (path.into_iter().map(|name| if name == own { base.clone() } else { name }).collect(), replica))
            .collect();
    }
    let session = server.connect().await?;
    let failed = |source| SandboxError::MySql { attempted: format!("read the schema back from {}", server.origin), source };
    let none = Replicas::new();
    let empty = reading::read(&session, server.flavor, &job.config.exclude, &none).await.map_err(failed)?;
    let plan = plan::plan(&empty.catalog, &wanted.catalog, server.flavor, &Planning::default());
    let session = server.connect().await?;
    let replay = proof::replay(&session, server.flavor, &empty.catalog, &plan, &[], &none).await.map_err(failed)?;
    let database = shown_url(url);
    if let Some((step, error)) =
        plan.steps.iter().zip(&replay.effects).find_map(|(step, effects)| Some((step, effects.error.as_ref()?)))
    {
        return Err(PipelineError::RebuildMySql { database, sql: step.sql.clone(), why: error.message.clone() });
    }
    let session = server.connect().await?;
    let snapshot = reading::read(&session, server.flavor, &job.config.exclude, &replicas).await.map_err(failed)?;
    let differences = catalog::compare(&snapshot.catalog, &wanted.catalog);
    if let Some(first) = differences.first() {
        let first = format!("{} {}", first.object.kind, first.object);
        return Err(PipelineError::NotRebuilt { database, count: differences.len(), first, versions: (0, 0) });
    }
    Ok((snapshot, Loaded::of_live(replicas)))
}

/// What a live server has that the base has not, and the other way round.
async fn drift(job: &Job, base: &Side<'_>, flavor: Flavor, databases: &Databases) -> Result<Option<Drift>, PipelineError> {
    let Some(Input { name, schema: Schema::Live(url), .. }) = &job.live else { return Ok(None) };
    let (live, _) = reading_live(url, live::read(url, flavor, &job.config.exclude, databases).await)?;
    let (base, live) = (&base.snapshot.catalog, &live.catalog);
    let changes = report::build::changes(base, live, &catalog::compare(base, live), &Places::default());
    let steps = plan::plan(live, base, flavor, &Planning::default());
    Ok(Some(Drift { database: name.clone(), changes, steps: report::build::steps(&steps, None) }))
}
