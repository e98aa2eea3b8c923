//! Two catalogs -> a plan, with nothing but Postgres's own facts.
//!
//! **How it goes.** [`compare`] says which facts differ. Each kind has a [`Rule`] (`src/plan/rules/<kind>.rs`) that says whether Postgres
//! can change it in place ([`Verdict`]) and turns differences into [`Action`]s: one statement each, with what it creates, needs, alters,
//! destroys and releases. What must be replaced takes the dependents that Postgres forces with it, to a fixed point (`changes.rs`). One
//! graph, one sort ([`super::order`]), and the steps are there; where actions wait for each other, `circle.rs` says what may open the circle.
//!
//! **The contract for a rule:**
//! - `create` emits what makes the object as the *target* has it; its parts (columns, comments, grants: whatever has it as parent) come by
//!   themselves afterwards, each by its own rule, unless an action of the parent's rule already lists them in `creates` (a table's columns).
//! - `drop` emits what removes the object as the *base* has it; its parts go with it without statements of their own. A kind whose parts do
//!   not go by themselves says so in its SQL.
//! - `alter` turns the changed attributes into statements. Attributes of parts are the parts' own changes.
//! - `verdict` says how a difference is carried out: in place, in place after the dependents that `around` names are gone, or by drop
//!   and create (`Replace`), which asks every dependent's rule how it takes that ([`Rule::react`]).
//! - Use [`Actions::create`], [`Actions::alter`], [`Actions::drop`]: they fill in needs and releases from the catalogs' dependencies. Adjust
//!   the [`Action`] that they return where a statement does less or more than its object says.
//! - Never decide order: state facts (`needs`, `releases`, ...) and let the sort decide. `weak` edges give way in a cycle.
//! - SQL is qualified everywhere; it must run with any search_path. Names are quoted by [`super::sql`]; what the server printed is used as it is.
//! - An owner is handled for every kind by [`super::rules::owner`]: after a create, and when the attribute `owner` differs.
//!
//! It does not read databases and does not run anything: [`plan`] is a function of two values, and the same values give the same bytes.

use std::collections::BTreeSet;

use super::{Plan, online, order, rules};
use crate::catalog::{Catalog, Change, Kind, Object, ObjectId, compare};

mod act;
mod action;
mod changes;
mod circle;
mod context;
mod side;
mod steps;

pub use self::{
    action::{Action, Actions, Stage, Verb},
    context::Context,
    side::Side,
};

/// What may be asked of the planner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Reach the same end by statements that do not block.
    pub online: bool,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// No order satisfies the dependencies.
    #[error("planning failed: {} depend on each other in a circle that no order of statements resolves; change them in two steps", .0.join(", "))]
    Cycle(Vec<String>),
    /// Something differs and no rule changes it.
    #[error("planning failed: {0} differs, and the native planner has no statement that changes it; change it by hand")]
    NoRule(String),
}

/// How a difference is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// By ALTER (or CREATE OR REPLACE); dependents stay as they are, except those that [`Rule::around`] names.
    Alter,
    /// By DROP and CREATE; dependents react.
    Replace,
    /// Parts: the whole that it is a part of is replaced.
    ReplaceWhole,
    /// Attributes of types: the whole type is swapped.
    SwapWhole,
    /// Columns of partitions: in place, while the partition is detached.
    Relink,
    /// Types: the old one is renamed away, the new one made, what uses it is moved over ([`Rule::react`]), the old one dropped.
    Swap,
}

/// What becomes of a dependent when what it needs is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// It is dropped before and made again after.
    Replace,
    /// The whole that it is a part of is dropped before and made again after.
    ReplaceWhole,
    /// It is a type, and swapped too.
    Swap,
    /// It is an attribute of a type, which is swapped.
    SwapWhole,
    /// It stays and is altered: its rule's `alter` is called with this attribute as changed, even if both sides agree on it.
    Alter(&'static str),
    /// It does not mind.
    Nothing,
}

/// What a kind of object needs for being planned.
pub trait Rule: Sync {
    fn kinds(&self) -> &'static [Kind];

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change) -> Verdict {
        Verdict::Alter
    }

    /// What becomes of `dependent` or a part (of the base) around this change in place.
    fn around(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change, _dependent: &Object) -> Reaction {
        Reaction::Nothing
    }

    /// What becomes of `object` (of the base, and also in the target) when `need`, which it depends on, is replaced or swapped.
    fn react(&self, _cx: &Context<'_>, _object: &Object, _need: &Object) -> Reaction {
        Reaction::Replace
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>);

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>);

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>);
}

/// The steps from `base` to `target`. Pure and deterministic.
///
/// # Errors
/// [`PlanError`] when no order satisfies the dependencies, or something differs that no rule changes.
pub fn plan(base: &Catalog, target: &Catalog, options: &Options) -> Result<Plan, PlanError> {
    let changes = compare(base, target);
    if changes.is_empty() {
        return Ok(Plan::default());
    }
    // What is made anew although it could be altered.
    let mut anew = BTreeSet::new();
    // Views that are there before, or after, what they read.
    let mut hollow = BTreeSet::new();
    loop {
        let mut cx = Context::new(base, target, options);
        changes::sort(&mut cx, changes.clone(), &anew)?;
        cx.split.extend(hollow.iter().cloned());
        let (circle, actions) = loop {
            let mut actions = act::act(&cx)?;
            match order::sort(&mut actions) {
                Ok(parts) if cx.options.online => return Ok(steps::steps(&cx, online::apart(&cx, actions, &parts))),
                Ok(_) => return Ok(steps::steps(&cx, actions)),
                Err(circle) => {
                    let split = circle::splittable(&cx, &circle, &actions);
                    if split.is_empty() {
                        break (circle, actions);
                    }
                    cx.split.extend(split);
                }
            }
        };
        let members: Vec<&Action> = circle.iter().filter_map(|at| actions.get(*at)).collect();
        let altered =
            members.iter().map(|action| &action.subject).filter(|id| cx.altered.contains_key(*id) && circle::can_be_anew(id));
        let before = anew.len();
        anew.extend(altered.cloned());
        if anew.len() == before {
            match circle::hollow(&cx, &members) {
                Some(view) => hollow.insert(view),
                None => return Err(PlanError::Cycle(members.into_iter().map(|action| action.sql.clone()).collect())),
            };
        }
    }
}

/// What stands for something of an object having been done, or being as the target has it.
pub fn stands_for(what: &str, id: &ObjectId) -> ObjectId {
    ObjectId { kind: Kind::Setting, path: [&[what.to_owned()], id.path.as_slice()].concat().into() }
}

fn rule_for(id: &ObjectId) -> Result<&'static dyn Rule, PlanError> {
    rules::of(id.kind).ok_or_else(|| PlanError::NoRule(format!("{:?} {id}", id.kind)))
}
