//! The plan replayed on a copy, its end judged, and the way back made and proven the same way.

use std::collections::BTreeSet;

use super::{
    Job, PipelineError,
    planning::{self, Proposal},
    side::{self, Side, Sides},
};
use crate::{
    catalog::{Action, Catalog, Change, Kind, compare, read},
    plan::{Origin, Plan, native, sql},
    proof::{Effects, FailedRows, Proof, SqlError, judge, replay, rows, unusual},
    report::{self, Down, Remark},
    risk::look,
    sandbox::{SandboxError, Server, Servers},
};

/// The proof of a plan, and of the way back.
pub(super) struct Proofs {
    pub up: Proof,
    /// Absent when there is nothing to go back on, or no way back is known.
    pub down: Option<Down>,
}

/// What came of a plan on a copy, without judgement.
pub(super) struct Trial {
    pub catalog: Catalog,
    /// Index of the step that Postgres refused, and why.
    pub refused: Option<(usize, SqlError)>,
}

/// Runs a plan on a copy of a side and reads what is there afterwards. No rows are put in.
pub(super) async fn trial(server: &Server, side: &Side, plan: &Plan) -> Result<Trial, PipelineError> {
    let copy = side.copy(server, "trial").await?;
    let connection = server.connect(&copy).await?;
    let effects = replay::replay(&connection, plan, &BTreeSet::new(), server.limits().statement).await?;
    let refused = effects.into_iter().enumerate().find_map(|(at, effects)| Some((at, effects.error?)));
    let catalog = read::read(&connection, &side.options).await?;
    connection.close().await;
    server.drop_database(&copy).await?;
    Ok(Trial { catalog, refused })
}

/// Proves the proposal, and at the same time makes and proves the way back. A plan with Atlas's steps in it that is not proven gives
/// way to the native planner's if that one is.
pub(super) async fn prove_both_ways(
    job: &Job,
    servers: &Servers,
    sides: &Sides,
    mut proposal: Proposal,
) -> Result<(Proposal, Option<Proofs>), PipelineError> {
    let (base, target) =
        (Ground { server: &servers.base, side: &sides.base }, Ground { server: servers.target(), side: &sides.target });
    let back = match native::plan(&sides.target.catalog, &sides.start().catalog, &planning::options(job)) {
        Ok(plan) => Some(plan.then(sides.renames.back().steps(sides.base.catalog.dialect))).filter(|plan| !plan.steps.is_empty()),
        Err(error) => {
            tracing::debug!("no way back: {error}");
            None
        }
    };
    // A database cannot be copied while somebody is connected to it, so the copies come before the dumps.
    let (base_copy, target_copy) = tokio::try_join!(base.copy("replay"), target.copy("replay"))?;
    let unusual = worked_on(&compare(&sides.base.catalog, &sides.target.catalog), &sides.target.catalog);
    let unusual_copy = if unusual.is_some() { Some(base.copy("unusual").await?) } else { None };
    let way_back = async {
        match &back {
            Some(plan) => Ok::<_, PipelineError>(Some(target.replay(&target_copy, plan).await?)),
            None => Ok(None),
        }
    };
    let refusals = async {
        match &unusual_copy {
            Some(copy) => base.replay_with_unusual(copy, &proposal.plan, unusual.as_ref().and_then(Option::as_ref)).await,
            None => Ok(Vec::new()),
        }
    };
    let (up_end, refusals, back_end, base_dump, target_dump) = tokio::join!(
        base.replay(&base_copy, &proposal.plan),
        refusals,
        way_back,
        base.dump(&sides.base.database),
        target.dump(&sides.target.database)
    );
    let mut refusals = refusals?;
    let up_end = up_end?;
    let refused = up_end.refused.clone();
    let mut up = judge_end(up_end, &sides.target.catalog, &target_dump)?;
    if !up.proven() && proposal.engine.name == Origin::Atlas {
        let native = planning::native_alone(job, sides, vec![planning::does_not_reach(&proposal.engine.version)])?;
        let copy = base.copy("replay").await?;
        let proof = judge_end(base.replay(&copy, &native.plan).await?, &sides.target.catalog, &target_dump)?;
        if proof.proven() {
            (proposal, up) = (native, proof);
            if let Some(unusual) = &unusual {
                let copy = base.copy("unusual").await?;
                refusals = base.replay_with_unusual(&copy, &proposal.plan, unusual.as_ref()).await?;
            }
        }
    }
    for (effects, refusal) in up.effects.iter_mut().zip(refusals) {
        if effects.error.is_none() && effects.error_on_rows.is_none() && refusal.is_some() {
            (effects.error_on_rows, effects.failed_rows) = (refusal, Some(FailedRows::Unusual));
        }
    }
    proposal.remarks.extend(without_rows(&refused, &up));
    let down = match (back, back_end?) {
        (Some(plan), Some(end)) => {
            let proof = judge_end(end, &sides.base.catalog, &base_dump)?;
            let mut all = up.effects.iter().chain(&proof.effects);
            let lossless = all.all(|effects| effects.values_lost == 0 && !effects.fails());
            Some(Down { steps: report::build::steps(&plan, Some(&proof)), lossless, proven: proof.proven() })
        }
        _ => None,
    };
    Ok((proposal, Some(Proofs { up, down })))
}

/// Tables that the plan works on and that could be given no rows: what it does to rows there is not shown.
fn without_rows(refused: &BTreeSet<String>, proof: &Proof) -> Option<Remark> {
    let locked: BTreeSet<&String> = proof.effects.iter().flat_map(|effects| &effects.locks).map(|lock| &lock.relation).collect();
    let names: Vec<String> = refused.iter().filter(|table| locked.contains(table)).cloned().collect();
    let shown = look::listed(names.get(..3.min(names.len()))?);
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    let text = format!(
        "No made-up row was taken by {shown}{more} on the copy, whatever was tried for its constraints: the replay does not show what the plan does \
         to rows there."
    );
    (!names.is_empty()).then(|| side::remark("Replayed without rows", text))
}

/// A side on its server.
struct Ground<'a> {
    server: &'a Server,
    side: &'a Side,
}

/// Where a replay ended.
struct End {
    effects: Vec<Effects>,
    catalog: Catalog,
    dump: Result<String, SandboxError>,
    /// Tables that refused rows.
    refused: BTreeSet<String>,
}

impl Ground<'_> {
    async fn copy(&self, purpose: &'static str) -> Result<String, PipelineError> {
        self.side.copy(self.server, purpose).await
    }

    /// Replays a plan on a copy, with rows in its tables, and reads what is there afterwards. The copy is gone then.
    async fn replay(&self, copy: &str, plan: &Plan) -> Result<End, PipelineError> {
        let connection = self.server.connect(copy).await?;
        let rows::Filled { made_up, refused } =
            if plan.steps.is_empty() { rows::Filled::default() } else { rows::fill(&connection).await? };
        let effects = replay::replay(&connection, plan, &made_up, self.server.limits().statement).await?;
        let catalog = read::read(&connection, &self.side.options).await?;
        connection.close().await;
        let dump = self.dump(copy).await;
        self.server.drop_database(copy).await?;
        Ok(End { effects, catalog, dump, refused })
    }

    /// Replays a plan on a copy whose tables, or those that are named, have unusual rows; how each step failed on them. The copy is gone then.
    async fn replay_with_unusual(
        &self,
        copy: &str,
        plan: &Plan,
        tables: Option<&BTreeSet<String>>,
    ) -> Result<Vec<Option<SqlError>>, PipelineError> {
        let connection = self.server.connect(copy).await?;
        rows::fill(&connection).await?;
        rows::fill_unusual(&connection, tables).await?;
        let refusals = unusual::refusals(&connection, plan, self.server.limits().statement).await?;
        connection.close().await;
        self.server.drop_database(copy).await?;
        Ok(refusals)
    }

    async fn dump(&self, database: &str) -> Result<String, SandboxError> {
        self.server.pg_dump(database, &["--schema-only"]).await
    }
}

/// The quoted tables whose rows may be in the way of changes; all of them where a type changes that any may have, or names do, and nothing where
/// no change looks at rows.
fn worked_on(changes: &[Change], target: &Catalog) -> Option<Option<BTreeSet<String>>> {
    let mut tables = BTreeSet::new();
    for change in changes.iter().filter(|change| change.action != Action::Drop) {
        match change.object.kind {
            Kind::Domain | Kind::Type => return Some(None),
            _ if change.action == Action::Rename => return Some(None),
            Kind::Table | Kind::Column | Kind::Constraint | Kind::Index => {
                // An index has no name of its table's in its own.
                let whole = target.objects.get(&change.object).and_then(|object| object.parent.as_ref());
                let path = whole.filter(|_| change.object.kind == Kind::Index).map_or(&change.object.path, |table| &table.path);
                tables.insert(sql::qualified(&path[..path.len().min(2)]));
            }
            _ => {}
        }
    }
    (!tables.is_empty()).then_some(Some(tables))
}

fn judge_end(end: End, target: &Catalog, target_dump: &Result<String, SandboxError>) -> Result<Proof, PipelineError> {
    let (pg_dump, column_order) = match (&end.dump, target_dump) {
        (Ok(end), Ok(target)) => judge::by_pg_dump(end, target),
        (Err(error), _) | (_, Err(error)) => (judge::unable(error.to_string()), Vec::new()),
    };
    let mut catalog = judge::by_catalog(&end.catalog, target);
    if catalog.equal {
        // Equal catalogs must need no plan: if they do, the planner would never come to rest.
        let second = native::plan(&end.catalog, target, &native::Options::default())?;
        if !second.steps.is_empty() {
            catalog = judge::unable(format!("a second plan has {} steps where none is needed", second.steps.len()));
        }
    }
    Ok(Proof { effects: end.effects, pg_dump, catalog, column_order })
}
