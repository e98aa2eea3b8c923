//! The whole story in one function: two schemas in, one report out.
//!
//! Knows every module before it and nothing of GitHub or the command line. [`run`] never fails: what goes wrong is a report whose
//! verdict is `error`.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use self::{planning::Proposal, proving::Proofs, side::Sides};
use crate::{
    catalog::{Catalog, Change, read::ReadOptions},
    config::{Config, Dialect, EngineChoice},
    mysql::{catalog::with_used_policies, live::Databases},
    plan::{
        Plan,
        rename::asked::Asked,
        saved::{Ends, Family},
    },
    report::{self, Remark, Report, Run, build::Parts},
    risk::{self, Facts},
    sandbox::{self, Servers, mysql::Flavor},
    source::{self, SqlFiles},
    verdict::{self, Acceptance},
};

pub mod environments;
mod error;
mod image;
mod live;
mod mysql;
mod planning;
mod proving;
pub mod reading;
mod reduced;
mod roles;
mod side;

pub use self::{error::PipelineError, side::RENAMES_NOTHING};

/// One of the two schemas.
#[derive(Debug, Clone)]
pub struct Input {
    /// What it is called in the report: `main`, `git:v1`, `postgres://host/app`.
    pub name: String,
    pub commit: Option<String>,
    pub schema: Schema,
}

#[derive(Debug, Clone)]
pub enum Schema {
    Files(SqlFiles),
    /// A live database; only read.
    Live(SecretString),
    Empty,
}

/// What is to be compared, and how.
#[derive(Debug, Clone)]
pub struct Job {
    pub config: Config,
    pub base: Input,
    pub target: Input,
    /// A live database that is compared with the base, for drift.
    pub live: Option<Input>,
    /// Where the pull request began, when the base is a live database: what differs there already is told apart.
    pub before: Option<Input>,
    /// The `atlas` binary, where there is one.
    pub atlas: Option<PathBuf>,
    /// Whether the plan is replayed.
    pub prove: bool,
    /// Whoever accepted a plan on the pull request, whichever plan it was.
    pub acceptances: Vec<Acceptance>,
    /// Renames that somebody with the right to do so asked for on the pull request, oldest first.
    pub renames: Vec<Asked>,
    pub run: Option<Run>,
}

impl Job {
    /// Base and target and nothing else, proven, without Atlas.
    pub fn new(config: Config, base: Input, target: Input) -> Job {
        Job {
            config,
            base,
            target,
            live: None,
            before: None,
            atlas: None,
            prove: true,
            acceptances: Vec::new(),
            renames: Vec::new(),
            run: None,
        }
    }

    /// What is compared: base, target, and the live database beside them.
    fn inputs(&self) -> impl Iterator<Item = &Input> {
        [&self.base, &self.target].into_iter().chain(&self.live)
    }
}

/// The report, and the plan with its secrets, which the report has not.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub report: Report,
    pub plan: Plan,
    /// Absent when the schemas could not be read, and for a plan between live databases that is not proven.
    pub catalogs: Option<Box<Catalogs>>,
}

/// The two schemas as they were read: what a plan leads from and to.
#[derive(Debug, Clone)]
pub struct Catalogs {
    pub base: Catalog,
    pub target: Catalog,
    pub options: ReadOptions,
    /// Of the MySQL family: which server, and which of its databases they are of.
    pub family: Option<(Flavor, Databases)>,
}

impl Catalogs {
    /// What a saved plan holds of them.
    pub fn ends(&self) -> Ends {
        let family = self.family.as_ref().map(|(server, databases)| {
            let made = [&self.base, &self.target].into_iter().flat_map(mysql::databases);
            Family { server: *server, databases: databases.iter().flatten().cloned().chain(made).collect() }
        });
        let print = |catalog: &Catalog| match family {
            Some(_) => with_used_policies(catalog.clone()).fingerprint(),
            None => catalog.fingerprint(),
        };
        let (base, target, exclude) = (print(&self.base), print(&self.target), self.options.exclude.clone());
        Ends { base, target, exclude, family }
    }
}

impl From<Report> for Outcome {
    /// A report without a plan.
    fn from(report: Report) -> Outcome {
        Outcome { report, plan: Plan::default(), catalogs: None }
    }
}

/// Builds both schemas, plans from one to the other, proves the plan, rates it, and reports. Ends within the configuration's
/// `timeout`, and soon after `cancel`, with nothing left behind.
pub async fn run(job: &Job, cancel: &CancellationToken) -> Outcome {
    let begun = Instant::now();
    let limit = Duration::from_secs(job.config.timeout);
    let own = cancel.child_token();
    // Boxed: the whole run is in it, too much for the stack of a thread.
    let mut work = Box::pin(async {
        match (dialect(job)?, &job.base.schema, &job.target.schema) {
            (dialect @ (Dialect::TiDb | Dialect::MySql | Dialect::MariaDb), ..) => mysql::run(job, dialect, begun, &own).await,
            (_, Schema::Live(base), Schema::Live(target)) if !job.prove && job.config.engine == EngineChoice::Native => {
                unproven(job, base, target, begun).await
            }
            _ => {
                let request = image::request(&job.config, job.inputs().find_map(Input::live)).await;
                sandbox::with_servers(&request, sandbox::Sides::Two, &own, async |servers| story(job, servers, begun).await).await
            }
        }
    });
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        () = tokio::time::sleep(limit) => {
            own.cancel();
            // It still removes its servers.
            let _ = work.await;
            Err(PipelineError::Timeout { limit })
        }
    };
    outcome.unwrap_or_else(|error| {
        let seconds = begun.elapsed().as_secs_f64();
        let report = report::build::failed(error.reported(), job.base.side(), job.target.side(), seconds, job.run.clone());
        report.into()
    })
}

/// Whose schemas are compared: as configured, else as the URLs among them say.
fn dialect(job: &Job) -> Result<Dialect, PipelineError> {
    let said = job.inputs().filter_map(|input| Some((input.name.clone(), source::dialect_of(input.live()?))));
    let said: Vec<(String, Dialect)> = said.collect();
    let dialect = job.config.dialect.or(said.first().map(|(_, dialect)| *dialect)).unwrap_or_default();
    match said.into_iter().find(|(_, said)| (*said == Dialect::Postgres) != (dialect == Dialect::Postgres)) {
        Some((name, _)) => Err(PipelineError::Mixed { name, dialect }),
        None => Ok(dialect),
    }
}

/// From two servers to a report.
async fn story(job: &Job, servers: &Servers, begun: Instant) -> Result<Outcome, PipelineError> {
    let sides = Box::pin(side::both(job, servers)).instrument(stage("Building both schemas")).await?;
    let changes = sides.changes();
    let looking = side::earlier(job, servers, &sides, &changes);
    let earlier = match job.before {
        Some(_) => looking.instrument(stage("Looking at what differed before")).await,
        None => looking.await,
    };
    let proposal = Box::pin(planning::propose(job, servers, &sides, &changes)).instrument(stage("Planning")).await?;
    let (proposal, proofs) = match job.prove {
        true => {
            // The futures of a proof are large, and a thread's stack may be small.
            Box::pin(proving::prove_both_ways(job, servers, &sides, proposal))
                .instrument(stage("Replaying the plan and the way back"))
                .await?
        }
        false => (proposal, None),
    };
    let mut outcome = conclude(job, sides, &changes, proposal, proofs, begun).instrument(stage("Rating the change")).await?;
    match earlier {
        Ok(earlier) => outcome.report.tell_earlier(job.before.as_ref().map(|input| input.name.as_str()), &earlier),
        // The plan stands without it.
        Err(error) => {
            let text = format!("It is not known which of these changes are the pull request's: {}.", error.reported().message);
            outcome.report.remarks.push(side::remark("Not told apart", text));
        }
    }
    Ok(outcome)
}

/// Between two live databases, nothing replayed and no sandbox started.
async fn unproven(job: &Job, base: &SecretString, target: &SecretString, begun: Instant) -> Result<Outcome, PipelineError> {
    // Drift is compared with the whole base.
    let mut all = job.live.is_some();
    let (sides, changes, proposal) = loop {
        let sides = side::both_live(job, base, target, all).await?;
        let changes = sides.changes();
        let proposal = planning::native_alone(job, &sides, Vec::new())?;
        let mut objects = proposal.plan.steps.iter().flat_map(|step| &step.objects);
        let catalogs = [&sides.base.catalog, &sides.target.catalog];
        if all || objects.all(|object| catalogs.iter().all(|catalog| catalog.knows_all_about(object))) {
            break (sides, changes, proposal);
        }
        tracing::info!("the plan is about more than what differs and depends on that: both databases are read whole");
        all = true;
    };
    let outcome = conclude(job, sides, &changes, proposal, None, begun).await?;
    // Never run, so that nobody asks where it leads from and to.
    Ok(Outcome { catalogs: None, ..outcome })
}

/// Rates what is known, asks the live database about it where there is one, and makes the report of it all.
async fn conclude(
    job: &Job,
    sides: Sides,
    changes: &[Change],
    proposal: Proposal,
    proofs: Option<Proofs>,
    begun: Instant,
) -> Result<Outcome, PipelineError> {
    let (proof, down) = proofs.map_or((None, None), |proofs| (Some(proofs.up), proofs.down));
    let facts = Facts {
        base: &sides.base.catalog,
        target: &sides.target.catalog,
        changes,
        plan: &proposal.plan,
        proof: proof.as_ref(),
        places: &sides.places,
        naming: &job.config.policy.naming,
        found: risk::look::Found::default(),
    };
    let mut findings = risk::findings(&facts, job.target.files());
    let (drift, known) = side::drift(job, &sides.base).await?.unzip();
    let mut remarks: Vec<Remark> = sides.remarks.iter().cloned().chain(proposal.remarks).collect();
    let live = match side::ask_live(job, &facts, known.as_ref(), &findings, sides.session).await {
        Ok(live) => live,
        // The plan stands without it.
        Err(error) => {
            remarks.push(side::remark("The live database was not asked", format!("Sizes and counts are missing: {error}.")));
            None
        }
    };
    if let Some(live) = &live {
        risk::probe::beside(live, &mut findings);
    }
    let judged = verdict::judge(&facts, findings, &job.config.policy, &job.acceptances);
    let report = report::build::build(Parts {
        facts: &facts,
        judged: &judged,
        base: job.base.side(),
        target: job.target.side(),
        server: Some(sides.server.clone()),
        engine: Some(proposal.engine),
        left_out: &proposal.left_out,
        remarks,
        drift,
        live: live.as_ref(),
        down,
        seconds: begun.elapsed().as_secs_f64(),
        run: job.run.clone(),
    });
    let (base, target) = (sides.base.catalog, sides.target.catalog);
    let catalogs = Catalogs { base, target, options: sides.base.options, family: None };
    Ok(Outcome { report, plan: proposal.plan, catalogs: Some(Box::new(catalogs)) })
}

impl Input {
    /// Its files; none for what is not made of files.
    pub fn files(&self) -> &SqlFiles {
        static NONE: SqlFiles = SqlFiles { files: Vec::new(), included: Vec::new() };
        match &self.schema {
            Schema::Files(files) => files,
            Schema::Live(_) | Schema::Empty => &NONE,
        }
    }

    /// The address of a live database.
    pub(crate) fn live(&self) -> Option<&SecretString> {
        match &self.schema {
            Schema::Live(url) => Some(url),
            Schema::Files(_) | Schema::Empty => None,
        }
    }

    /// What the report says of it.
    pub fn side(&self) -> report::Side {
        report::Side { name: self.name.clone(), commit: self.commit.clone(), files: self.files().files.len() }
    }
}

/// A span that the log shows as a stage of the run.
fn stage(title: &'static str) -> tracing::Span {
    info_span!(target: "schemaproof::stage", "stage", title)
}
