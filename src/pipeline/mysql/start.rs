//! What a plan of the family begins with: the renames that notes ask for, then what Atlas proposes. The native planner goes on from where
//! these end.
//!
//! All of it is run on the base's own server, since there is no copy of a database: whoever needs the base afterwards loads it again.

use std::{path::PathBuf, time::Duration};

use super::Side;
use crate::{
    catalog::{self, Action, Catalog, Change, ObjectId},
    mysql::{catalog::Replicas, load, proof},
    pipeline::{Job, PipelineError, planning, side},
    plan::{
        Origin, Plan, Step,
        atlas::{Atlas, AtlasError, Wanted},
        rename::{Rename, Renames},
    },
    proof::SqlError,
    report::{Engine, Remark},
    sandbox::{
        SandboxError,
        mysql::{MySqlError, Session},
    },
    script::mysql::tokens,
};

/// The first steps of a plan, and what is there after them.
pub(super) struct Start {
    pub steps: Vec<Step>,
    pub catalog: Catalog,
    pub engine: Engine,
    /// What Atlas left out and the native planner adds.
    pub left_out: Vec<ObjectId>,
    pub remarks: Vec<Remark>,
}

impl Start {
    /// The way that begins so.
    pub fn way<'a>(&'a self, target: &'a Side<'_>) -> Way<'a> {
        Way { before: self.steps.clone(), start: &self.catalog, goal: &target.snapshot.catalog }
    }
}

/// The base under the names that the target's notes give it.
pub(super) struct Renamed {
    pub renames: Renames,
    pub catalog: Catalog,
    pub remarks: Vec<Remark>,
}

impl Renamed {
    /// Reads the notes of the target's files, adds what was asked for on the pull request, and renames.
    pub async fn new(job: &Job, base: &Side<'_>, target: &Side<'_>) -> Result<Renamed, PipelineError> {
        let files = job.target.files();
        let start = &base.snapshot.catalog;
        let renames = Renames::read(&files.files, &job.renames, &target.places(), start, &target.snapshot.catalog);
        let remarks = side::of_renames(&renames);
        let mut renamed = Renamed { renames, catalog: start.clone(), remarks };
        if !renamed.renames.renames.is_empty() {
            renamed.catalog = renamed.on(base).await?;
        }
        Ok(renamed)
    }

    /// The base as it was loaded, renamed on its server.
    async fn on(&self, base: &Side<'_>) -> Result<Catalog, PipelineError> {
        let mut steps = self.steps();
        base.run_as_loaded(&mut steps).await?.map_err(|(step, error)| PipelineError::RenameMySql {
            sql: steps.get(step).map(|step| step.sql.clone()).unwrap_or_default(),
            why: error.message,
        })
    }

    /// The target under the old names, where the server gives it these: the way back begins so.
    pub async fn back(&self, target: &Side<'_>) -> Result<Renamed, PipelineError> {
        let catalog = target.snapshot.catalog.clone();
        let mut back = Renamed { renames: self.renames.back(), catalog, remarks: Vec::new() };
        if !back.renames.renames.is_empty() {
            match target.run_as_loaded(&mut back.steps()).await? {
                Ok(catalog) => back.catalog = catalog,
                Err((_, error)) => {
                    tracing::info!("the way back does without renames: {}", error.message);
                    back.renames = Renames::default();
                }
            }
        }
        Ok(back)
    }

    pub fn steps(&self) -> Vec<Step> {
        self.renames.steps(self.catalog.dialect)
    }

    /// What changes from base to target.
    pub fn changes(&self, target: &Catalog) -> Vec<Change> {
        let renamed = self.renames.renames.iter().map(Rename::change);
        renamed.chain(catalog::compare(&self.catalog, target)).collect()
    }

    /// The native planner's plan begins with the renames alone.
    pub fn native(&self, remarks: Vec<Remark>) -> Start {
        Start {
            steps: self.steps(),
            catalog: self.catalog.clone(),
            engine: Engine::native(),
            left_out: Vec::new(),
            remarks: self.remarks.iter().cloned().chain(remarks).collect(),
        }
    }

    /// What Atlas proposes from here, as far as it holds; or the native planner's beginning, with a word on why Atlas was set aside.
    pub async fn with_atlas(
        &self,
        job: &Job,
        program: PathBuf,
        (base, target): (&Side<'_>, &Side<'_>),
        changes: &[Change],
    ) -> Result<Start, PipelineError> {
        let limit = Duration::from_secs(job.config.statement_timeout.max(60));
        let atlas = Atlas::open(program, Duration::from_secs(10)).await?;
        let aside = |why: &str, quote| Ok(self.native(vec![planning::set_aside(&atlas, why, quote)]));
        if std::ptr::eq(base.server, target.server) {
            return aside("the sandbox is one server, and Atlas compares two", None);
        }
        target.refresh().await?;
        self.on(base).await?;
        let statements = match ask(&atlas, base, target, limit).await? {
            Ok(statements) => statements,
            Err(error) => return aside("it could not plan", Some(error.to_string())),
        };
        let mut steps = self.steps();
        let first = steps.len();
        steps.extend(statements.into_iter().map(|sql| planning::atlas_step(sql, 1, false)));
        let goal = &target.snapshot.catalog;
        let mut ended = base.run_as_loaded(&mut steps).await?;
        if let Ok(catalog) = &ended {
            // A table that it makes otherwise is the native planner's from the beginning, not one to be made twice.
            let otherwise: Vec<ObjectId> = catalog::compare(catalog, goal)
                .into_iter()
                .filter_map(|change| super::table_of(&change.object))
                .filter(|table| !self.catalog.objects.contains_key(table) && goal.objects.contains_key(table))
                .collect();
            if !otherwise.is_empty() {
                let makes = |step: &Step| step.objects.iter().filter_map(super::table_of).any(|table| otherwise.contains(&table));
                steps =
                    steps.into_iter().enumerate().filter(|(at, step)| *at < first || !makes(step)).map(|(_, step)| step).collect();
                ended = base.run_as_loaded(&mut steps).await?;
            }
        }
        let catalog = match ended {
            Ok(catalog) => catalog,
            Err((step, SqlError { sqlstate, message, .. })) => {
                let code = sqlstate.unwrap_or_default();
                let of = steps.len() - first;
                let why = format!(
                    "its statement {} of {of} fails on the base: {message} (SQLSTATE {code})",
                    (step + 1).saturating_sub(first)
                );
                return aside(&why, Some(steps[step].sql.clone()));
            }
        };
        let rest = catalog::compare(&catalog, goal);
        let differ = changes.iter().filter(|change| change.action != Action::Rename).count();
        if rest.len() > differ {
            return aside(&planning::leads_away(differ, rest.len()), None);
        }
        let mut remarks = self.remarks.clone();
        remarks.extend(planning::left_out_remark(&atlas, &rest, goal));
        for (at, step) in steps.iter_mut().enumerate() {
            step.group = at + 1;
        }
        let engine = Engine { name: Origin::Atlas, version: atlas.version, left_out: rest.len() };
        Ok(Start { steps, catalog, engine, left_out: rest.into_iter().map(|change| change.object).collect(), remarks })
    }
}

/// What Atlas proposes between what the two servers hold. It has no file for passwords of this family, so that they would be seen on its
/// command line: it gets accounts of its own that may read and nothing more, on servers that are ours and last as long as the run.
async fn ask(
    atlas: &Atlas,
    base: &Side<'_>,
    target: &Side<'_>,
    limit: Duration,
) -> Result<Result<Vec<String>, AtlasError>, PipelineError> {
    let (from, to) = (base.server.reader().await?, target.server.reader().await?);
    Ok(atlas.propose(&from, &Wanted::Database(&to), None, limit).await)
}

/// A refused step by its place, and why.
type Refused = (usize, SqlError);

impl Side<'_> {
    /// Runs steps on the side as it was loaded, without rows put in, and notes of each what it changed: that alone is known of a
    /// statement of somebody else's. Answers with what is there afterwards.
    async fn run_as_loaded(&self, steps: &mut [Step]) -> Result<Result<Catalog, Refused>, PipelineError> {
        self.refresh().await?;
        self.fresh.set(steps.is_empty());
        let session = self.server.connect().await?;
        let reader = self.server.connect().await?;
        let mut replicas = self.loaded.replicas.clone();
        let mut catalog = self.snapshot.catalog.clone();
        for (at, step) in steps.iter_mut().enumerate() {
            match session.run(&step.sql).await {
                Ok(_) => {}
                Err(source @ MySqlError::Connection(_)) => return Err(PipelineError::ReplayMySql { source }),
                Err(error) => return Ok(Err((at, proof::told(&error)))),
            }
            load::note_renamed(&tokens(&step.sql), &mut replicas);
            let after = self.read(&reader, &replicas).await?;
            if step.objects.is_empty() {
                step.objects = catalog::compare(&catalog, &after).into_iter().map(|change| change.object).collect();
                step.objects.sort_by_key(|object| object.path.len());
            }
            catalog = after;
        }
        Ok(Ok(catalog))
    }

    async fn read(&self, session: &Session, replicas: &Replicas) -> Result<Catalog, PipelineError> {
        let read = crate::mysql::catalog::read(session, self.server.flavor, &self.job.config.exclude, replicas).await;
        let attempted = || format!("read the schema back from {}", self.server.origin);
        Ok(read.map_err(|source| SandboxError::MySql { attempted: attempted(), source })?.catalog)
    }
}

/// From one schema to another by a server that holds the first.
pub(super) struct Way<'a> {
    pub before: Vec<Step>,
    /// Where these lead, and the native planner goes on.
    pub start: &'a Catalog,
    pub goal: &'a Catalog,
}

impl Way<'_> {
    /// The whole plan, with the native planner's part of it.
    pub fn plan(&self, rest: Plan) -> Plan {
        Plan { steps: self.before.clone() }.then(rest.steps)
    }
}
