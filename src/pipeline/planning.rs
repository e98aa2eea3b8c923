//! Atlas proposes, the native planner completes: one plan from two minds, on the same state.

use std::{path::PathBuf, time::Duration};

use super::{
    Job, PipelineError, proving, reduced,
    roles::Role,
    side::{Side, Sides},
};
use crate::{
    catalog::{self, Action, Catalog, Change, Kind, Object, ObjectId},
    config::EngineChoice,
    plan::{
        Origin, Plan, Step,
        atlas::{Atlas, AtlasError, Wanted},
        native, online,
    },
    report::{Engine, Remark},
    sandbox::Servers,
};

/// A plan, and who made it.
pub(super) struct Proposal {
    pub plan: Plan,
    pub engine: Engine,
    /// What Atlas left out and the native planner added.
    pub left_out: Vec<ObjectId>,
    pub remarks: Vec<Remark>,
}

/// SQLSTATEs that say a statement does not go into a transaction with others: `active_sql_transaction` and
/// `unsafe_new_enum_value_usage`.
const NOT_TOGETHER: [&str; 2] = ["25001", "55P04"];

/// The plan from base to target by the engine that the configuration names: the renames that the target's notes ask for, then what
/// the planners find from there.
pub(super) async fn propose(job: &Job, servers: &Servers, sides: &Sides, changes: &[Change]) -> Result<Proposal, PipelineError> {
    let proposal = from_start(job, servers, sides, changes).await?;
    Ok(after_first(sides, proposal))
}

/// The native planner's plan, with `remarks` on how it came to that.
pub(super) fn native_alone(job: &Job, sides: &Sides, remarks: Vec<Remark>) -> Result<Proposal, PipelineError> {
    Ok(after_first(sides, native_from_start(job, sides, remarks)?))
}

/// What is asked of the native planner.
pub(super) fn options(job: &Job) -> native::Options {
    native::Options { online: job.config.online }
}

/// The proposal after what comes before all else: roles, and renames.
fn after_first(sides: &Sides, proposal: Proposal) -> Proposal {
    let roles = Plan { steps: sides.roles.iter().map(Role::step).collect() };
    let mut first = roles.then(sides.renames.steps(sides.base.catalog.dialect));
    if proposal.plan.is_online() {
        first.steps.iter_mut().for_each(|step| step.online = Some(online::short()));
    }
    Proposal { plan: first.then(proposal.plan.steps), ..proposal }
}

async fn from_start(job: &Job, servers: &Servers, sides: &Sides, changes: &[Change]) -> Result<Proposal, PipelineError> {
    let (program, remarks) = to_ask(job, changes)?;
    let Some(program) = program else { return native_from_start(job, sides, remarks) };
    let limit = Duration::from_secs(job.config.statement_timeout.max(60));
    let atlas = Atlas::open(program, Duration::from_secs(10)).await?;
    match with_atlas(&atlas, limit, servers, sides, changes).await? {
        Ok(proposal) => Ok(proposal),
        Err(remark) => native_from_start(job, sides, vec![remark]),
    }
}

/// The Atlas that is to be asked, if any, and a word on why it is not.
pub(super) fn to_ask(job: &Job, changes: &[Change]) -> Result<(Option<PathBuf>, Vec<Remark>), PipelineError> {
    let program = match (job.config.engine, &job.atlas) {
        (EngineChoice::Atlas, _) if job.config.online => return Err(PipelineError::OnlineByAtlas),
        (EngineChoice::Atlas, None) => return Err(AtlasError::NotFound.into()),
        (EngineChoice::Native, _) | (EngineChoice::Auto, None) => None,
        (EngineChoice::Atlas | EngineChoice::Auto, Some(program)) => Some(program.clone()),
    };
    let program = program.filter(|_| !changes.is_empty());
    Ok(match program {
        Some(_) if job.config.online => (None, vec![not_asked()]),
        program => (program, Vec::new()),
    })
}

fn native_from_start(job: &Job, sides: &Sides, remarks: Vec<Remark>) -> Result<Proposal, PipelineError> {
    let plan = native::plan(&sides.start().catalog, &sides.target.catalog, &options(job))?;
    Ok(Proposal { plan, engine: Engine::native(), left_out: Vec::new(), remarks })
}

/// Atlas's plan, completed; or why it is set aside whole.
async fn with_atlas(
    atlas: &Atlas,
    limit: Duration,
    servers: &Servers,
    sides: &Sides,
    changes: &[Change],
) -> Result<Result<Proposal, Remark>, PipelineError> {
    let (base, target) = (sides.start(), &sides.target);
    let server = &servers.base;
    let proposed = ask(atlas, limit, servers, (base, target), changes).await?;
    let statements = match proposed {
        Ok(statements) => statements,
        Err(error) => return Ok(Err(set_aside(atlas, "it could not plan", Some(error.to_string())))),
    };
    let mut steps: Vec<Step> = statements.into_iter().map(|sql| atlas_step(sql, 1, true)).collect();

    let plan = |steps: &[Step]| Plan { steps: steps.to_vec() };
    let mut trial = proving::trial(server, base, &plan(&steps)).await?;
    if trial.refused.as_ref().and_then(|(_, error)| error.sqlstate.as_deref()).is_some_and(|code| NOT_TOGETHER.contains(&code)) {
        steps = steps.into_iter().enumerate().map(|(at, step)| atlas_step(step.sql, at + 1, false)).collect();
        trial = proving::trial(server, base, &plan(&steps)).await?;
    }
    if let Some((step, error)) = trial.refused {
        let code = error.sqlstate.unwrap_or_default();
        let why = format!("its statement {} of {} fails on the base: {} (SQLSTATE {code})", step + 1, steps.len(), error.message);
        return Ok(Err(set_aside(atlas, &why, Some(steps[step].sql.clone()))));
    }
    let rest = catalog::compare(&trial.catalog, &target.catalog);
    if rest.len() > changes.len() {
        return Ok(Err(set_aside(atlas, &leads_away(changes.len(), rest.len()), None)));
    }
    let completion = native::plan(&trial.catalog, &target.catalog, &native::Options::default())?;
    let groups = steps.last().map_or(0, |step| step.group);
    steps.extend(completion.steps.into_iter().map(|step| Step { group: step.group + groups, ..step }));
    let engine = Engine { name: Origin::Atlas, version: atlas.version.clone(), left_out: rest.len() };
    let remarks = left_out_remark(atlas, &rest, &target.catalog).into_iter().collect();
    let left_out = rest.into_iter().map(|change| change.object).collect();
    Ok(Ok(Proposal { plan: Plan { steps }, engine, left_out, remarks }))
}

/// What Atlas proposes between two sides, or between what of them matters where they are large: its time grows with all that is there.
async fn ask(
    atlas: &Atlas,
    limit: Duration,
    servers: &Servers,
    (base, target): (&Side, &Side),
    changes: &[Change],
) -> Result<Result<Vec<String>, AtlasError>, PipelineError> {
    let server = &servers.base;
    let mut small = None;
    if let Some(wanted) = reduced::wanted(&base.catalog, &target.catalog, changes) {
        let both = (reduced::make(server, base, &wanted).await?, reduced::make(servers.target(), target, &wanted).await?);
        match both {
            (Ok(base), Ok(target)) => small = Some((base, target)),
            (base, target) => {
                for (server, made) in [(server, base), (servers.target(), target)] {
                    match made {
                        Ok(database) => server.drop_database(&database).await?,
                        Err(why) => tracing::info!("Atlas is handed everything: a database of what differs was not made: {why}"),
                    }
                }
            }
        }
    }
    let scratch = server.create_database("scratch", None).await?;
    let (from, to) = small.as_ref().map_or((&base.database, &target.database), |(base, target)| (base, target));
    let proposed =
        atlas.propose(&server.url(from), &Wanted::Database(&servers.target().url(to)), Some(&server.url(&scratch)), limit).await;
    server.drop_database(&scratch).await?;
    if let Some((base, target)) = &small {
        server.drop_database(base).await?;
        servers.target().drop_database(target).await?;
    }
    Ok(proposed)
}

pub(super) fn atlas_step(sql: String, group: usize, transactional: bool) -> Step {
    Step { sql, masked: None, origin: Origin::Atlas, group, transactional, objects: Vec::new(), online: None }
}

/// What Atlas's plan does not reach, object by object, with the comments and grants of what it would have had to create.
pub(super) fn left_out_remark(atlas: &Atlas, rest: &[Change], target: &Catalog) -> Option<Remark> {
    let mut lines = Vec::new();
    for change in rest {
        let done = match change.action {
            Action::Create => "created",
            Action::Drop => "dropped",
            Action::Alter => "altered",
            Action::Rename => "renamed",
            Action::Replace => "replaced",
        };
        lines.push(format!("{} {}: {done}", change.object.kind, change.object));
        if change.action == Action::Create {
            let said = |object: &&Object| {
                matches!(object.id.kind, Kind::Comment | Kind::Grant) && object.parent.as_ref() == Some(&change.object)
            };
            lines.extend(target.objects.values().filter(said).map(|part| format!("{} {}: created", part.id.kind, part.id)));
        }
    }
    (!rest.is_empty()).then(|| Remark {
        title: format!("Atlas left out {} of the changes", rest.len()),
        text: format!(
            "After the statements of Atlas {} the database still differs from the target here; schemaproof added what is missing.",
            atlas.version
        ),
        quote: Some(lines.join("\n")),
        file: None,
        line: None,
    })
}

fn not_asked() -> Remark {
    Remark {
        title: "Atlas was not asked".into(),
        text: "The plan is online, and Atlas's statements block: it is the native planner's.".into(),
        quote: None,
        file: None,
        line: None,
    }
}

/// Why a plan with Atlas's statements in it gives way to the native planner's.
pub(super) fn does_not_reach(version: &str) -> Remark {
    Remark {
        title: format!("Atlas {version} was set aside"),
        text: "The plan is the native planner's: completed or not, Atlas's does not reach the target.".into(),
        quote: None,
        file: None,
        line: None,
    }
}

/// How many objects differ before and after what was proposed, as a reason to set it aside.
pub(super) fn leads_away(before: usize, after: usize) -> String {
    format!("its plan leads away from the target: {before} objects differ before it and {after} after it")
}

pub(super) fn set_aside(atlas: &Atlas, why: &str, quote: Option<String>) -> Remark {
    Remark {
        title: format!("Atlas {} was set aside", atlas.version),
        text: format!("The plan is the native planner's: {why}."),
        quote,
        file: None,
        line: None,
    }
}
