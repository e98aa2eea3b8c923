//! Statements, and what each means for others.

use std::collections::BTreeSet;

use super::{
    super::{Recovery, online, rules},
    Context,
};
use crate::catalog::{Kind, Object, ObjectId};

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

/// The actions so far; rules add to it.
#[derive(Debug)]
pub struct Actions<'a> {
    cx: &'a Context<'a>,
    pub all: Vec<Action>,
    made: BTreeSet<ObjectId>,
}

impl<'a> Actions<'a> {
    pub(super) fn new(cx: &'a Context<'a>) -> Self {
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
