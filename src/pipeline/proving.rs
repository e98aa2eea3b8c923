//! The plan replayed on a copy, its end judged, and the way back made and proven the same way.

use std::collections::BTreeSet;

use tokio::sync::Semaphore;

use super::{
    Job, PipelineError,
    planning::{self, Proposal},
    side::{self, Side, Sides},
};
use crate::{
    catalog::{Action, Catalog, Change, Kind, ObjectId, Value, compare, read},
    plan::{Origin, Plan, native, sql},
    proof::{
        Effects, FailedRows, Proof, SqlError, judge,
        kept::{self, Contents},
        replay, rows, unusual,
    },
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
    let turns = turns(&sides.base.catalog, &sides.target.catalog);
    let ground = |server, side| Ground { server, side, turns: &turns };
    let (base, target) = (ground(&servers.base, &sides.base), ground(servers.target(), &sides.target));
    let back = match native::plan(&sides.target.catalog, &sides.start().catalog, &planning::options(job)) {
        Ok(plan) => Some(plan.then(sides.renames.back().steps(sides.base.catalog.dialect))).filter(|plan| !plan.steps.is_empty()),
        Err(error) => {
            tracing::debug!("no way back: {error}");
            None
        }
    };
    let tables = |one: &Side, other: &Side| worked_on(&compare(&one.catalog, &other.catalog), &other.catalog);
    let (unusual, back_unusual) =
        (tables(&sides.base, &sides.target), tables(&sides.target, &sides.base).filter(|_| back.is_some()));
    // A database cannot be copied while somebody is connected to it, so the copies come before the dumps.
    let (base_copies, target_copies) = tokio::try_join!(base.copies(unusual), target.copies(back_unusual))?;
    let way_back = async {
        match &back {
            Some(plan) => Ok::<_, PipelineError>(Some(Box::pin(target.replay(&target_copies, plan, Some(&proposal.plan))).await?)),
            None => Ok(None),
        }
    };
    let (up_end, back_end, base_dump, target_dump) = tokio::join!(
        Box::pin(base.replay(&base_copies, &proposal.plan, back.as_ref())),
        way_back,
        base.dump(&sides.base.database),
        target.dump(&sides.target.database)
    );
    let (mut up_end, back_end) = (up_end?, back_end?);
    let mut up = judge_end(&up_end, &sides.target.catalog, &target_dump)?;
    if !up.proven() && proposal.engine.name == Origin::Atlas {
        let native = planning::native_alone(job, sides, vec![planning::does_not_reach(&proposal.engine.version)])?;
        let copies = base.copies(base_copies.unusual.map(|(_, tables)| tables)).await?;
        let end = Box::pin(base.replay(&copies, &native.plan, back.as_ref())).await?;
        let proof = judge_end(&end, &sides.target.catalog, &target_dump)?;
        if proof.proven() {
            (proposal, up, up_end) = (native, proof, end);
        }
    }
    for (effects, refusal) in up.effects.iter_mut().zip(up_end.refusals) {
        if effects.error.is_none() && effects.error_on_rows.is_none() && refusal.is_some() {
            (effects.error_on_rows, effects.failed_rows) = (refusal, Some(FailedRows::Unusual));
        }
    }
    proposal.remarks.extend(without_rows(&up_end.refused, &up));
    let down = match (back, back_end) {
        (Some(plan), Some(end)) => {
            let proof = judge_end(&end, &sides.base.catalog, &base_dump)?;
            let mut all = up.effects.iter().chain(&proof.effects);
            let lossless = up_end.kept
                && end.kept
                // Rows that are there may be in the way of the plan; those that it leaves are not to be in the way back.
                && end.refusals.iter().all(Option::is_none)
                && all.all(|effects| effects.values_lost == 0 && !effects.fails())
                && !may_lose(sides, up_end.refused.iter().chain(&end.refused));
            Some(Down { steps: report::build::steps(&plan, Some(&proof)), lossless, proven: proof.proven() })
        }
        _ => None,
    };
    Ok((proposal, Some(Proofs { up, down })))
}

/// Whether values may be lost that no row had here: of tables and columns that go, there or back; of an enum that has fewer on the way back; of
/// columns that change in tables that took no rows; of times whose time zone is lost.
fn may_lose<'a>(sides: &Sides, refused: impl Iterator<Item = &'a String>) -> bool {
    let (base, target) = (&sides.start().catalog, &sides.target.catalog);
    let (there, back) = (compare(base, target), compare(target, base));
    let holds = |catalog: &Catalog, id: &ObjectId| {
        let whole = catalog.objects.get(id).and_then(|object| Some((object, object.parent.as_ref()?.kind)));
        whole.is_some_and(|(column, of)| matches!(of, Kind::Table | Kind::Type) && column.text("generated").is_none())
    };
    let goes = |catalog: &Catalog, change: &Change| match change.object.kind {
        _ if change.action != Action::Drop => false,
        Kind::Table => true,
        Kind::Column => holds(catalog, &change.object),
        _ => false,
    };
    let altered = || there.iter().filter(|change| change.action == Action::Alter && change.object.kind == Kind::Column);
    let zone = |value: &Option<Value>| matches!(value, Some(Value::Text(text)) if text.contains("with time zone"));
    let zoned = |change: &Change| {
        let mut types = change.attributes.iter().filter(|attribute| attribute.name == "type");
        types.any(|attribute| zone(&attribute.before) != zone(&attribute.after))
    };
    let without_rows: BTreeSet<&String> = refused.collect();
    let unseen = |change: &Change| without_rows.contains(&sql::qualified(&change.object.path[..change.object.path.len().min(2)]));
    there.iter().any(|change| goes(base, change))
        || back.iter().any(|change| goes(target, change))
        || back.iter().any(|change| change.object.kind == Kind::EnumValue && change.action == Action::Drop)
        || altered().any(|change| zoned(change) || unseen(change))
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

/// How many replays go on at once: two that drop subscriptions, which a server has in one catalog for all databases, would wait for each other.
fn turns(base: &Catalog, target: &Catalog) -> Semaphore {
    let subscribes = [base, target].iter().any(|side| side.objects.keys().any(|id| id.kind == Kind::Subscription));
    Semaphore::new(if subscribes { 1 } else { Semaphore::MAX_PERMITS })
}

/// A side on its server.
struct Ground<'a> {
    server: &'a Server,
    side: &'a Side,
    turns: &'a Semaphore,
}

/// Copies of a side's database for a replay.
struct Copies {
    ordinary: String,
    /// For unusual rows in the tables of these names, or in all; absent where no change looks at rows.
    unusual: Option<(String, Option<BTreeSet<String>>)>,
}

/// Where a replay ended.
struct End {
    effects: Vec<Effects>,
    catalog: Catalog,
    dump: Result<String, SandboxError>,
    /// Tables that refused rows.
    refused: BTreeSet<String>,
    /// How each step failed on unusual rows.
    refusals: Vec<Option<SqlError>>,
    /// Whether all rows and positions of sequences were what they had been, after the plan that leads back.
    kept: bool,
}

impl Ground<'_> {
    async fn copies(&self, unusual: Option<Option<BTreeSet<String>>>) -> Result<Copies, PipelineError> {
        let ordinary = self.side.copy(self.server, "replay").await?;
        let unusual = match unusual {
            Some(tables) => Some((self.side.copy(self.server, "unusual").await?, tables)),
            None => None,
        };
        Ok(Copies { ordinary, unusual })
    }

    /// Replays a plan on a copy, with rows in its tables, and reads what is there afterwards; then the plan that leads back. Likewise with
    /// unusual rows on another. The copies are gone then.
    async fn replay(&self, copies: &Copies, plan: &Plan, back: Option<&Plan>) -> Result<End, PipelineError> {
        let unusual = async {
            match &copies.unusual {
                Some((copy, tables)) => Box::pin(self.replay_with_unusual(copy, plan, back, tables.as_ref())).await,
                None => Ok((Vec::new(), true)),
            }
        };
        let (ordinary, unusual) = tokio::join!(Box::pin(self.replay_with_ordinary(&copies.ordinary, plan, back)), unusual);
        let (end, (refusals, kept)) = (ordinary?, unusual?);
        Ok(End { refusals, kept: end.kept && kept, ..end })
    }

    async fn replay_with_ordinary(&self, copy: &str, plan: &Plan, back: Option<&Plan>) -> Result<End, PipelineError> {
        let _turn = self.turns.acquire().await;
        let limit = self.server.limits().statement;
        let connection = self.server.connect(copy).await?;
        let rows::Filled { made_up, refused } =
            if plan.steps.is_empty() { rows::Filled::default() } else { rows::fill(&connection).await? };
        let before = Contents::begin(&connection).await?;
        let effects = replay::replay(&connection, plan, &made_up, limit).await?;
        let catalog = read::read(&connection, &self.side.options).await?;
        connection.close().await;
        let dump = self.dump(copy).await;
        let kept = match back.filter(|_| effects.iter().all(|effects| effects.error.is_none())) {
            Some(back) => {
                let connection = self.server.connect(copy).await?;
                let kept = kept::run_through(&connection, back, limit).await? && Contents::read(&connection).await? == before;
                connection.close().await;
                kept
            }
            None => false,
        };
        self.server.drop_database(copy).await?;
        Ok(End { effects, catalog, dump, refused, refusals: Vec::new(), kept })
    }

    /// How each step failed on unusual rows, and whether none of those that it ran with was another after the plan that leads back.
    async fn replay_with_unusual(
        &self,
        copy: &str,
        plan: &Plan,
        back: Option<&Plan>,
        tables: Option<&BTreeSet<String>>,
    ) -> Result<(Vec<Option<SqlError>>, bool), PipelineError> {
        let _turn = self.turns.acquire().await;
        let limit = self.server.limits().statement;
        let connection = self.server.connect(copy).await?;
        rows::fill(&connection).await?;
        rows::fill_unusual(&connection, tables).await?;
        let before = Contents::begin(&connection).await?;
        let refusals = unusual::refusals(&connection, plan, limit).await?;
        let kept = match back {
            Some(back) if kept::run_through(&connection, back, limit).await? => {
                let after = Contents::read(&connection).await?;
                if refusals.iter().all(Option::is_none) { after == before } else { after.are_some_of(&before) }
            }
            _ => false,
        };
        connection.close().await;
        self.server.drop_database(copy).await?;
        Ok((refusals, kept))
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
            // An attribute of a type that any table may have.
            Kind::Column if is_part_of_type(target, &change.object) => return Some(None),
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

fn is_part_of_type(catalog: &Catalog, id: &ObjectId) -> bool {
    catalog.objects.get(id).and_then(|object| object.parent.as_ref()).is_some_and(|whole| whole.kind == Kind::Type)
}

fn judge_end(end: &End, target: &Catalog, target_dump: &Result<String, SandboxError>) -> Result<Proof, PipelineError> {
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
    Ok(Proof { effects: end.effects.clone(), pg_dump, catalog, column_order })
}
