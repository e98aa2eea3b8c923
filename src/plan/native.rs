//! Two catalogs -> a plan, with nothing but Postgres's own facts.
//!
//! **How it goes.** [`compare`] says which facts differ. Each kind has a [`Rule`] (`src/plan/rules/<kind>.rs`) that says whether Postgres
//! can change it in place ([`Verdict`]) and turns differences into [`Action`]s: one statement each, with what it creates, needs, alters,
//! destroys and releases. What must be replaced takes the dependents that Postgres forces with it, to a fixed point. One graph, one sort
//! ([`super::order`]), and the steps are there.
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

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

use super::{Online, Origin, Plan, Recovery, Step, online, order, rules};
use crate::catalog::{self, AttributeChange, Catalog, Change, Kind, Object, ObjectId, compare};

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

/// One catalog with what planning asks of it.
#[derive(Debug)]
pub struct Side<'a> {
    pub catalog: &'a Catalog,
    parts: HashMap<&'a ObjectId, Vec<&'a Object>>,
    dependents: HashMap<&'a ObjectId, Vec<&'a Object>>,
    /// How many columns' NOT NULL constraints have a name.
    not_null_names: HashMap<&'a str, usize>,
}

impl<'a> Side<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        let mut parts: HashMap<_, Vec<_>> = HashMap::default();
        let mut dependents: HashMap<_, Vec<_>> = HashMap::default();
        let mut not_null_names: HashMap<_, usize> = HashMap::default();
        for object in catalog.objects.values() {
            if object.id.kind == Kind::Column
                && let Some(name) = object.text("not_null_name")
            {
                *not_null_names.entry(name).or_default() += 1;
            }
            if let Some(parent) = &object.parent {
                parts.entry(parent).or_default().push(object);
            }
            for need in &object.needs {
                dependents.entry(need).or_default().push(object);
            }
        }
        for list in parts.values_mut() {
            list.sort_by_cached_key(|part| (part.id.kind, part.integer("position").unwrap_or(0), &part.id));
        }
        Self { catalog, parts, dependents, not_null_names }
    }

    pub fn get(&self, id: &ObjectId) -> Option<&'a Object> {
        self.catalog.objects.get(id)
    }

    /// Direct parts, by kind, then by the detail `position`, then by name.
    pub fn parts(&self, id: &ObjectId) -> &[&'a Object] {
        self.parts.get(id).map_or(&[], Vec::as_slice)
    }

    /// Direct parts of one kind.
    pub fn parts_of(&self, id: &ObjectId, kind: Kind) -> impl Iterator<Item = &'a Object> {
        self.parts(id).iter().copied().filter(move |part| part.id.kind == kind)
    }

    /// Parts, their parts, and so on; without the object itself.
    pub fn descendants(&self, id: &ObjectId) -> Vec<&'a Object> {
        let mut all: Vec<&Object> = self.parts(id).to_vec();
        let mut at = 0;
        while let Some(part) = all.get(at).copied() {
            all.extend_from_slice(self.parts(&part.id));
            at += 1;
        }
        all
    }

    /// Whether NOT NULL constraints of several columns have this name, so that Postgres would choose another one by itself.
    pub fn not_null_name_is_shared(&self, name: &str) -> bool {
        self.not_null_names.get(name).is_some_and(|count| *count > 1)
    }

    /// Objects that name this one in their `needs`.
    pub fn dependents(&self, id: &ObjectId) -> &[&'a Object] {
        self.dependents.get(id).map_or(&[], Vec::as_slice)
    }

    /// The object itself and the wholes it is a part of, innermost first.
    pub fn line<'b>(&'b self, id: &'b ObjectId) -> impl Iterator<Item = &'b ObjectId> {
        std::iter::successors(Some(id), |id| self.get(id).and_then(|object| object.parent.as_ref()))
    }
}

/// What rules may look at.
#[derive(Debug)]
pub struct Context<'a> {
    pub base: Side<'a>,
    pub target: Side<'a>,
    pub options: Options,
    /// Dropped and made again.
    pub replaced: BTreeSet<ObjectId>,
    /// Types that are renamed away, remade and dropped.
    pub swapped: BTreeSet<ObjectId>,
    /// Gone in the target, without the parts of what is gone.
    pub dropped: BTreeSet<ObjectId>,
    /// New in the target, without the parts of what is new.
    pub created: BTreeSet<ObjectId>,
    /// Changed in place, with what changed.
    pub altered: BTreeMap<ObjectId, Change>,
    /// Parts that get statements of their own although their whole would carry them: set when there was a cycle.
    pub split: BTreeSet<ObjectId>,
}

impl Context<'_> {
    /// Whether an object of the base is gone for a while or for good: dropped or replaced, itself or a whole it is part of.
    pub fn vanishes(&self, id: &ObjectId) -> bool {
        let Some(parent) = self.base.get(id).and_then(|object| object.parent.as_ref()) else { return self.vanishes_itself(id) };
        // A sequence that the target has as a part of something else is moved out before its old whole goes.
        let moved = id.kind == Kind::Sequence && self.target.get(id).is_some_and(|kept| kept.parent.as_ref() != Some(parent));
        self.vanishes_itself(id) || self.swapped.contains(parent) || !moved && self.vanishes(parent)
    }

    /// Whether an object of the target is made by this plan: new or replaced, itself or a whole it is part of.
    pub fn appears(&self, id: &ObjectId) -> bool {
        if self.created.contains(id) || self.replaced.contains(id) {
            return true;
        }
        let Some(parent) = self.target.get(id).and_then(|object| object.parent.as_ref()) else { return false };
        let moved = id.kind == Kind::Sequence && self.base.get(id).is_some_and(|kept| kept.parent.as_ref() != Some(parent));
        if moved { self.vanishes(id) } else { self.swapped.contains(parent) || self.appears(parent) }
    }

    /// Whether an object is there before, during and after, and no statement touches it.
    pub fn untouched(&self, id: &ObjectId) -> bool {
        self.base.get(id).is_some()
            && self.target.get(id).is_some()
            && !self.altered.contains_key(id)
            && !self.swapped.contains(id)
            && !self.vanishes(id)
            && !self.appears(id)
    }
}

/// One statement and what it means for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub sql: String,
    /// The statement with secrets masked, when it has any.
    pub masked: Option<String>,
    /// What it is about: shown with the step, and the first thing that orders steps which dependencies leave free.
    pub subject: ObjectId,
    pub verb: Verb,
    /// What exists after it and did not before. Others that need these come later.
    pub creates: Vec<ObjectId>,
    /// What must exist, and be as the target has it, before.
    pub needs: Vec<ObjectId>,
    /// What had better be there before, as far as anyone can tell: gives way in a cycle.
    pub prefers: Vec<ObjectId>,
    /// What it changes in place. Drops of old dependents come before, what needs these comes after; weak edges both.
    pub alters: Vec<ObjectId>,
    /// What it does away with.
    pub destroys: Vec<ObjectId>,
    /// What its object no longer needs once it ran: must not be destroyed earlier.
    pub releases: Vec<ObjectId>,
    /// Order among parts of one table and the like, before names: a column's position.
    pub position: i64,
    /// False for what Postgres refuses inside a transaction block.
    pub transactional: bool,
    /// Committed on its own before other steps run: ALTER TYPE ... ADD VALUE whose value is used in the same plan.
    pub commits_first: bool,
    /// Makes a routine whose body may name what is made later.
    pub unchecked_body: bool,
    /// The enum value that it adds, as a literal: other statements may use it only after a commit.
    pub new_value: Option<String>,
    /// When it runs. In a plan that is not online everything is [`Stage::Main`] but event triggers, which go first and come last.
    pub stage: Stage,
    /// Takes long and blocks nobody: a group of its own, so that it runs under no other statement's lock.
    pub slow: bool,
    /// Begins a transaction of its own: what comes before it locks something else.
    pub apart: bool,
    /// Longest wait for a lock in an online plan, in milliseconds; absent where nobody waits behind it.
    pub lock_timeout: Option<u32>,
    /// What to do when it failed half-way.
    pub recovery: Option<Recovery>,
}

/// When an action runs, as far as dependencies leave it free; most of it for online plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before everything else: what others can then do in an instant. Given up where it depends on what is not early itself.
    Early,
    Main,
    /// When nothing else can run: what takes long must not stand between a drop and what replaces it.
    Late,
    /// Drops of what was still of use, and what would see the statements of the plan itself.
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Drop,
    Create,
    Alter,
}

/// The actions so far; rules add to it.
#[derive(Debug)]
pub struct Actions<'a> {
    cx: &'a Context<'a>,
    pub all: Vec<Action>,
    made: BTreeSet<ObjectId>,
}

impl Action {
    /// An action on an object, as yet bound to no other.
    pub fn new(subject: ObjectId, verb: Verb, sql: String) -> Action {
        Action {
            sql,
            masked: None,
            subject,
            verb,
            creates: Vec::new(),
            needs: Vec::new(),
            prefers: Vec::new(),
            alters: Vec::new(),
            destroys: Vec::new(),
            releases: Vec::new(),
            position: 0,
            transactional: true,
            commits_first: false,
            unchecked_body: false,
            new_value: None,
            stage: Stage::Main,
            slow: false,
            apart: false,
            lock_timeout: Some(online::LOCK_TIMEOUT),
            recovery: None,
        }
    }
}

impl<'a> Actions<'a> {
    fn new(cx: &'a Context<'a>) -> Self {
        Self { cx, all: Vec::new(), made: BTreeSet::new() }
    }

    fn push(&mut self, action: Action) -> &mut Action {
        self.made.extend(action.creates.iter().cloned());
        let at = self.all.len();
        self.all.push(action);
        &mut self.all[at]
    }

    fn blank(subject: &Object, verb: Verb, sql: String) -> Action {
        Action { position: subject.integer("position").unwrap_or(0), ..Action::new(subject.id.clone(), verb, sql) }
    }

    /// Whether an earlier action makes this object.
    pub fn makes(&self, id: &ObjectId) -> bool {
        self.made.contains(id)
    }

    /// Says that an action makes an object besides those that it was given with.
    pub fn mark_made(&mut self, id: ObjectId) {
        self.made.insert(id);
    }

    /// A statement that makes `object`: it needs what the target's object needs, and its whole.
    pub fn create(&mut self, object: &Object, sql: impl Into<String>) -> &mut Action {
        self.create_with(object, &[], sql)
    }

    /// A statement that makes `object` and `parts` of it in one go.
    pub fn create_with(&mut self, object: &Object, parts: &[&Object], sql: impl Into<String>) -> &mut Action {
        let mut action = Self::blank(object, Verb::Create, sql.into());
        for made in std::iter::once(&object).chain(parts) {
            action.creates.push(made.id.clone());
            action.needs.extend(made.parent.iter().chain(&made.needs).cloned());
        }
        action.needs.retain(|need| !action.creates.contains(need));
        self.push(action)
    }

    /// A statement that changes `after`: it needs what the target's object needs and releases what the base's object needed.
    pub fn alter(&mut self, after: &Object, sql: impl Into<String>) -> &mut Action {
        let mut action = Self::blank(after, Verb::Alter, sql.into());
        action.alters.push(after.id.clone());
        action.needs.extend(after.parent.iter().chain(&after.needs).cloned());
        if !self.cx.appears(&after.id)
            && let Some(before) = self.cx.base.get(&after.id)
        {
            action.releases.extend(before.needs.iter().map(|need| self.cx.old(need)));
            if before.parent != after.parent {
                action.releases.extend(before.parent.clone());
            }
        }
        self.push(action)
    }

    /// A statement that removes `object` of the base with all its parts.
    pub fn drop(&mut self, object: &Object, sql: impl Into<String>) -> &mut Action {
        let mut action = Self::blank(object, Verb::Drop, sql.into());
        let cx = self.cx;
        let mut gone: Vec<&Object> = vec![object];
        let mut at = 0;
        while let Some(whole) = gone.get(at).copied() {
            at += 1;
            // A sequence that is another column's in the target is moved out before.
            gone.extend(cx.base.parts(&whole.id).iter().copied().filter(|part| {
                let moved = part.id.kind == Kind::Sequence
                    && cx.target.get(&part.id).is_some_and(|kept| kept.parent != part.parent)
                    && !cx.vanishes_itself(&part.id);
                !cx.split.contains(&part.id) && !moved
            }));
        }
        for object in &gone {
            action.destroys.push(object.id.clone());
            action.releases.extend(object.parent.iter().chain(&object.needs).cloned());
            action.releases.extend(rules::constraint::seen_below(&cx.base, object));
            if object.text("form") == Some("f") {
                action.creates.push(rules::constraint::gone(&object.id));
            }
        }
        let destroyed: BTreeSet<_> = action.destroys.iter().collect();
        action.releases.retain(|need| !destroyed.contains(need));
        self.push(action)
    }

    /// A statement that is about `object` and neither makes, changes nor removes it; its facts are the caller's.
    pub fn other(&mut self, object: &Object, verb: Verb, sql: impl Into<String>) -> &mut Action {
        let action = Self::blank(object, verb, sql.into());
        self.push(action)
    }
}

impl Context<'_> {
    /// The name that an object of the base has while its successor is made.
    pub fn old(&self, id: &ObjectId) -> ObjectId {
        if self.swapped.contains(id) { rules::swap::old_id(id) } else { id.clone() }
    }

    fn vanishes_itself(&self, id: &ObjectId) -> bool {
        self.dropped.contains(id) || self.replaced.contains(id)
    }
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
    loop {
        let mut cx = Context {
            base: Side::new(base),
            target: Side::new(target),
            options: options.clone(),
            replaced: BTreeSet::new(),
            swapped: BTreeSet::new(),
            dropped: BTreeSet::new(),
            created: BTreeSet::new(),
            altered: BTreeMap::new(),
            split: BTreeSet::new(),
        };
        sort_changes(&mut cx, changes.clone(), &anew)?;
        let (circle, actions) = loop {
            let mut actions = act(&cx)?;
            match order::sort(&mut actions) {
                Ok(parts) if cx.options.online => return Ok(steps(&cx, online::apart(&cx, actions, &parts))),
                Ok(_) => return Ok(steps(&cx, actions)),
                Err(circle) => {
                    let split = splittable(&cx, &circle, &actions);
                    if split.is_empty() {
                        break (circle, actions);
                    }
                    cx.split.extend(split);
                }
            }
        };
        let members: Vec<&Action> = circle.iter().filter_map(|at| actions.get(*at)).collect();
        let altered = members.iter().map(|action| &action.subject).filter(|id| cx.altered.contains_key(*id) && can_be_anew(id));
        let before = anew.len();
        anew.extend(altered.cloned());
        if anew.len() == before {
            return Err(PlanError::Cycle(members.into_iter().map(|action| action.sql.clone()).collect()));
        }
    }
}

/// What stands for something of an object having been done, or being as the target has it.
pub fn stands_for(what: &str, id: &ObjectId) -> ObjectId {
    ObjectId { kind: Kind::Setting, path: [&[what.to_owned()], id.path.as_slice()].concat().into() }
}

/// Whether an object that is altered in a circle can be dropped before and made again after, and nothing is lost.
fn can_be_anew(id: &ObjectId) -> bool {
    matches!(
        id.kind,
        Kind::View | Kind::Function | Kind::Procedure | Kind::Aggregate | Kind::Policy | Kind::Rule | Kind::Trigger | Kind::Default
    )
}

/// Parts whose needs lie in the circle: with statements of their own the circle may open.
fn splittable(cx: &Context<'_>, circle: &[usize], actions: &[Action]) -> Vec<ObjectId> {
    let members: Vec<&Action> = circle.iter().filter_map(|at| actions.get(*at)).collect();
    let mut found = Vec::new();
    for action in &members {
        let (side, ids) = match action.verb {
            Verb::Drop => (&cx.base, &action.destroys),
            Verb::Create => (&cx.target, &action.creates),
            Verb::Alter => continue,
        };
        let parts = ids.iter().filter(|id| **id != action.subject && !cx.split.contains(id)).filter_map(|id| side.get(id));
        for part in parts.filter(|part| can_split(part)) {
            let outward = part.needs.iter().any(|need| {
                members.iter().any(|other| {
                    other.subject != action.subject
                        && (other.creates.contains(need) || other.destroys.contains(need) || other.alters.contains(need))
                })
            });
            if outward {
                found.push(part.id.clone());
            }
        }
    }
    found
}

/// Whether a part can have statements of its own.
fn can_split(part: &Object) -> bool {
    use Kind::{Constraint, Default, Index, Policy, Rule, Statistics, Trigger};
    matches!(part.id.kind, Constraint | Default | Trigger | Policy | Rule | Index | Statistics)
}

fn rule_for(id: &ObjectId) -> Result<&'static dyn Rule, PlanError> {
    rules::of(id.kind).ok_or_else(|| PlanError::NoRule(format!("{:?} {id}", id.kind)))
}

/// Sorts the changes into what is dropped, created, altered, replaced and swapped, to a fixed point; `anew` are replaced in any case.
fn sort_changes(cx: &mut Context<'_>, changes: Vec<Change>, anew: &BTreeSet<ObjectId>) -> Result<(), PlanError> {
    let mut work: Vec<ObjectId> = Vec::new();
    for change in changes {
        match change.action {
            catalog::Action::Create => {
                cx.created.insert(change.object);
            }
            catalog::Action::Drop => {
                work.push(change.object.clone());
                cx.dropped.insert(change.object);
            }
            _ => {
                cx.altered.insert(change.object.clone(), change);
            }
        }
    }
    let altered: Vec<Change> = cx.altered.values().cloned().collect();
    for change in altered {
        let (Some(before), Some(after)) = (cx.base.get(&change.object), cx.target.get(&change.object)) else { continue };
        let verdict = match anew.contains(&change.object) {
            true => Verdict::Replace,
            false => rule_for(&change.object)?.verdict(cx, before, after, &change),
        };
        match verdict {
            Verdict::Alter => {}
            Verdict::Replace => {
                cx.altered.remove(&change.object);
                cx.replaced.insert(change.object.clone());
            }
            Verdict::Swap => {
                cx.altered.remove(&change.object);
                cx.swapped.insert(change.object.clone());
            }
            Verdict::ReplaceWhole => {
                if let Some(whole) = &after.parent {
                    cx.altered.remove(whole);
                    cx.replaced.insert(whole.clone());
                    work.push(whole.clone());
                }
            }
            Verdict::Relink => {
                if let Some(whole) = &after.parent {
                    alter_too(cx, whole, "partition_bound");
                }
            }
            Verdict::SwapWhole => {
                if let Some(whole) = &after.parent {
                    cx.altered.remove(whole);
                    cx.swapped.insert(whole.clone());
                    work.push(whole.clone());
                }
            }
        }
        work.push(change.object);
    }
    for (old, new) in rules::types::of_another_kind(cx) {
        cx.dropped.remove(&old);
        cx.created.remove(&new);
        cx.swapped.extend([old, new]);
    }
    for id in rules::grant::out_of_place(cx) {
        cx.altered.remove(&id);
        cx.replaced.insert(id.clone());
        work.push(id);
    }
    for id in rules::types::made_anew(cx) {
        cx.altered.remove(&id);
        cx.swapped.insert(id.clone());
        work.push(id);
    }
    let in_the_way = [rules::index::in_the_way(cx), rules::partition::keys_in_the_way(cx), rules::table::invalidated(cx)];
    for id in in_the_way.concat() {
        cx.altered.remove(&id);
        cx.replaced.insert(id.clone());
        work.push(id);
    }
    let mut done = BTreeSet::new();
    while let Some(id) = work.pop() {
        if !done.insert((id.clone(), cx.replaced.contains(&id), cx.swapped.contains(&id))) {
            continue;
        }
        if cx.vanishes(&id) {
            let mut gone = vec![id.clone()];
            gone.extend(cx.base.descendants(&id).iter().map(|part| part.id.clone()));
            for need in gone {
                react_to(cx, &need, &mut work)?;
            }
            for too in rules::index::carrier(cx, &id).into_iter().chain(rules::column::followers(cx, &id)) {
                cx.altered.remove(&too);
                cx.replaced.insert(too.clone());
                work.push(too);
            }
        } else if cx.swapped.contains(&id) {
            react_to(cx, &id, &mut work)?;
        } else if let Some(change) = cx.altered.get(&id).cloned() {
            let (Some(before), Some(after)) = (cx.base.get(&id), cx.target.get(&id)) else { continue };
            let rule = rule_for(&id)?;
            for member in rules::publication::in_the_way(cx, &id, &change) {
                cx.altered.remove(&member);
                cx.replaced.insert(member.clone());
                work.push(member);
            }
            for holder in rules::column::holders_of_row(cx, &id, &change) {
                if alter_too(cx, &holder, "type") {
                    work.push(holder);
                }
            }
            let parts = cx.base.parts(&id).to_vec();
            for dependent in cx.base.dependents(&id).iter().copied().chain(parts).collect::<Vec<_>>() {
                let there = cx.target.get(&dependent.id).is_some() && !cx.vanishes(&dependent.id);
                if !there {
                    continue;
                }
                match rule.around(cx, before, after, &change, dependent) {
                    Reaction::Alter(name) if alter_too(cx, &dependent.id, name) => work.push(dependent.id.clone()),
                    Reaction::Replace => {
                        cx.altered.remove(&dependent.id);
                        cx.replaced.insert(dependent.id.clone());
                        work.push(dependent.id.clone());
                    }
                    _ => {}
                }
            }
        }
    }
    let outer: Vec<ObjectId> = cx.replaced.iter().filter(|id| covered(&cx.base, &cx.replaced, &cx.dropped, id)).cloned().collect();
    for id in outer {
        // What goes with its whole and is made again with another (an index of the same name) stays replaced.
        let whole = |side: &Side<'_>| side.get(&id).and_then(|object| object.parent.clone());
        if whole(&cx.base) == whole(&cx.target) {
            cx.replaced.remove(&id);
        }
    }
    // The keys of what is only moved away at first must not hold what they refer to, nor its defaults and the like what goes.
    for id in cx.replaced.iter().chain(&cx.dropped).cloned().collect::<Vec<_>>() {
        if cx.base.get(&id).is_some_and(|table| rules::rebuild::is_moved(cx, table)) {
            let goes = |need: &ObjectId| {
                matches!(need.kind, Kind::Function | Kind::Aggregate | Kind::Operator | Kind::Type | Kind::Domain)
                    && cx.vanishes(need)
            };
            let held: Vec<ObjectId> = cx
                .base
                .descendants(&id)
                .iter()
                .filter(|part| part.text("form") == Some("f") || can_split(part) && part.needs.iter().any(goes))
                .map(|part| part.id.clone())
                .collect();
            cx.split.extend(held);
        }
    }
    // A default that is filled in afterwards is set after its column is there.
    let late: Vec<ObjectId> =
        cx.created.iter().filter_map(|id| cx.target.get(id)).flat_map(|column| online::column::late(cx, column)).collect();
    cx.split.extend(late);
    // Changes of parts are carried by the making of the whole.
    let subsumed: Vec<ObjectId> = cx.altered.keys().filter(|id| cx.vanishes(id) || cx.appears(id)).cloned().collect();
    for id in subsumed {
        cx.altered.remove(&id);
    }
    let covered_drops: Vec<ObjectId> = cx
        .dropped
        .iter()
        .filter(|id| {
            // The successor of a type is made without them.
            let swapped = |at: &ObjectId| matches!(id.kind, Kind::Column | Kind::Grant | Kind::Comment) && cx.swapped.contains(at);
            cx.base.line(id).skip(1).any(|at| cx.replaced.contains(at) || cx.dropped.contains(at) || swapped(at))
        })
        .cloned()
        .collect();
    for id in covered_drops {
        cx.dropped.remove(&id);
    }
    let covered_creates: Vec<ObjectId> = cx
        .created
        .iter()
        .filter(|id| cx.target.line(id).skip(1).any(|at| cx.replaced.contains(at) || cx.created.contains(at)))
        .cloned()
        .collect();
    for id in covered_creates {
        cx.created.remove(&id);
    }
    Ok(())
}

/// Whether a whole of `id`, in the base, goes anyway; the part is then made again with it.
fn covered(base: &Side<'_>, replaced: &BTreeSet<ObjectId>, dropped: &BTreeSet<ObjectId>, id: &ObjectId) -> bool {
    base.line(id).skip(1).any(|at| replaced.contains(at) || dropped.contains(at))
}

/// Lets what depends on `need`, which goes, react.
fn react_to(cx: &mut Context<'_>, need: &ObjectId, work: &mut Vec<ObjectId>) -> Result<(), PlanError> {
    let Some(needed) = cx.base.get(need) else { return Ok(()) };
    // A part of something that only moves to another whole stays.
    for dependent in cx.base.dependents(need).to_vec() {
        if cx.vanishes(&dependent.id) || cx.swapped.contains(&dependent.id) {
            continue;
        }
        let Some(after) = cx.target.get(&dependent.id) else { continue };
        let gone_for_good = cx.target.get(need).is_none();
        let hangs = rules::index::hangs_on(dependent, needed);
        let taken_off = gone_for_good
            && cx.altered.get(&dependent.id).is_some_and(|change| rules::column::may_take_off(change, needed))
            && !after.needs.contains(need)
            && !hangs;
        let namesake = taken_off && can_be_anew(&dependent.id) && has_new_namesake(cx, need);
        if taken_off && !namesake {
            // Its own change takes it off what goes.
            continue;
        }
        let reaction = match namesake {
            true => Reaction::Replace,
            false => rule_for(&dependent.id)?.react(cx, dependent, needed),
        };
        match reaction {
            Reaction::Nothing => {}
            Reaction::Replace => {
                cx.altered.remove(&dependent.id);
                cx.replaced.insert(dependent.id.clone());
                work.push(dependent.id.clone());
            }
            Reaction::ReplaceWhole => {
                if let Some(whole) = &dependent.parent
                    && cx.target.get(whole).is_some()
                {
                    cx.altered.remove(whole);
                    cx.replaced.insert(whole.clone());
                    work.push(whole.clone());
                }
            }
            Reaction::Swap | Reaction::SwapWhole => {
                let whole = dependent.parent.as_ref().filter(|_| reaction == Reaction::SwapWhole).unwrap_or(&dependent.id);
                cx.altered.remove(whole);
                if cx.swapped.insert(whole.clone()) {
                    work.push(whole.clone());
                }
            }
            Reaction::Alter(name) => {
                if alter_too(cx, &dependent.id, name) {
                    work.push(dependent.id.clone());
                }
            }
        }
    }
    Ok(())
}

/// Whether a routine that goes has a successor of its name with other arguments: as long as both are there, a call may mean either.
fn has_new_namesake(cx: &Context<'_>, id: &ObjectId) -> bool {
    order::routine_name(id).is_some_and(|name| cx.created.iter().any(|made| order::routine_name(made) == Some(name)))
}

/// Has an attribute of what is on both sides altered, even if both agree on it; whether it was not already.
fn alter_too(cx: &mut Context<'_>, id: &ObjectId, name: &'static str) -> bool {
    let change = cx.altered.entry(id.clone()).or_insert_with(|| Change {
        action: catalog::Action::Alter,
        object: id.clone(),
        renamed_from: None,
        attributes: Vec::new(),
    });
    if change.attributes.iter().any(|attribute| attribute.name == name) {
        return false;
    }
    let value = |side: &Side<'_>| side.get(id).and_then(|object| object.attributes.get(name)).cloned();
    change.attributes.push(AttributeChange { name, before: value(&cx.base), after: value(&cx.target) });
    true
}

/// Lets the rules turn everything into actions.
fn act(cx: &Context<'_>) -> Result<Vec<Action>, PlanError> {
    let mut out = Actions::new(cx);
    for id in cx.dropped.iter().chain(&cx.replaced) {
        let Some(object) = cx.base.get(id) else { continue };
        rule_for(id)?.drop(cx, object, &mut out);
        for part in cx.base.descendants(id) {
            if cx.split.contains(&part.id) {
                rule_for(&part.id)?.drop(cx, part, &mut out);
            }
        }
    }
    for id in &cx.swapped {
        let Some(before) = cx.base.get(id) else { continue };
        let other = || cx.target.get(&rules::types::other_kind(id)?);
        let Some(after) = cx.target.get(id).or_else(other) else { continue };
        rules::swap::swap(cx, before, after, &mut out);
        make(cx, after, &mut out)?;
    }
    for id in cx.created.iter().chain(&cx.replaced) {
        if let Some(object) = cx.target.get(id) {
            make(cx, object, &mut out)?;
        }
    }
    for (id, change) in &cx.altered {
        let (Some(before), Some(after)) = (cx.base.get(id), cx.target.get(id)) else { continue };
        let owner = change.attributes.iter().any(|attribute| attribute.name == "owner");
        // Who is no superuser may not leave a password out: what the new owner may not change is changed before.
        let last = id.kind == Kind::Subscription && before.flag("owner_is_superuser");
        if owner && !last {
            rules::owner::change(cx, after, &mut out);
        }
        if change.attributes.iter().any(|attribute| attribute.name != "owner") {
            rule_for(id)?.alter(cx, before, after, change, &mut out);
        }
        if owner && last {
            rules::owner::change(cx, after, &mut out);
        }
    }
    if cx.options.online {
        online::partition::defaults(cx, &mut out);
        online::partition::changes_above(cx, &mut out);
    }
    rules::rebuild::frame(cx, &mut out);
    rules::base_type::frame(cx, &mut out);
    rules::user_catalog::frame(cx, &mut out);
    rules::routine::frame(&mut out);
    Ok(out.all)
}

/// Makes an object of the target, its owner, and its parts.
fn make(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) -> Result<(), PlanError> {
    if !out.makes(&object.id) {
        rule_for(&object.id)?.create(cx, object, out);
        rules::owner::after_create(cx, object, out);
    }
    rules::grant::after_create(cx, object, out);
    for part in cx.target.parts(&object.id) {
        if cx.appears(&part.id) {
            make(cx, part, out)?;
        }
    }
    Ok(())
}

/// Numbers the ordered actions into transaction groups.
fn steps(cx: &Context<'_>, mut actions: Vec<Action>) -> Plan {
    let values: Vec<(usize, String)> =
        actions.iter().enumerate().filter_map(|(at, action)| Some((at, action.new_value.clone()?))).collect();
    for (at, value) in values {
        let used = actions
            .iter()
            .enumerate()
            .any(|(other, action)| other != at && action.new_value.is_none() && action.sql.contains(&value));
        if let Some(action) = actions.get_mut(at) {
            action.commits_first = used;
        }
    }
    let mut first = Vec::new();
    let mut rest = Vec::new();
    for action in actions {
        if action.commits_first { first.push(action) } else { rest.push(action) }
    }
    let mut plan = Plan::default();
    let mut group = 0;
    let mut open = false;
    let early = first.len();
    for (at, action) in first.into_iter().chain(rest).enumerate() {
        if !action.transactional || action.slow || action.apart || !open || at == early {
            group += 1;
        }
        open = action.transactional && !action.slow;
        let online = cx.options.online.then_some(Online { lock_timeout: action.lock_timeout, recovery: action.recovery });
        let mut objects = vec![action.subject];
        for id in action.creates.into_iter().chain(action.alters).chain(action.destroys) {
            if !objects.contains(&id) {
                objects.push(id);
            }
        }
        // Marks that only order statements name nothing that anyone knows.
        objects.retain(|id| cx.base.get(id).is_some() || cx.target.get(id).is_some());
        plan.steps.push(Step {
            sql: super::sql::readable_back(&action.sql).into_owned(),
            masked: action.masked,
            origin: Origin::Native,
            group,
            transactional: action.transactional,
            objects,
            online,
        });
    }
    plan
}
