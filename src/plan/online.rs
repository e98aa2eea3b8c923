//! Plans that do not block: the same end by statements that take long only where nobody waits for them.
//!
//! Rules ask here for the online form of a statement when [`super::native::Options::online`] is set; each file says how its kind of
//! statement is taken apart. What is made by the plan itself has no readers yet, and gets the plain statements. What Postgres has no
//! other way for (rewrites, exclusion constraints, partitioning anew) stays as it is: the replay measures it, and the report says so.
//!
//! Nothing here waits or tries again: a step carries what whoever runs it needs for that ([`Online`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    Online, Recovery, Step,
    native::{Action, Context, Stage},
};
use crate::catalog::{Kind, ObjectId};

pub mod column;
pub mod constraint;
pub mod index;
pub mod partition;

/// Longest wait for a lock that others would wait behind, in milliseconds.
pub(super) const LOCK_TIMEOUT: u32 = 2000;

/// What a script says first.
pub(super) const PREAMBLE: &str = "\
-- Online: where others would wait behind a statement, it gives up after lock_timeout (SQLSTATE 55P03) and can be tried again.
-- psql does not try again. What ran before stays done, and a transaction that failed left nothing behind: do what is said at the
-- group that failed, if anything is, and run the script from that group on.
";

/// What is said of a step that is done in an instant.
pub fn short() -> Online {
    Online { lock_timeout: Some(LOCK_TIMEOUT), recovery: None }
}

/// Puts sorted actions of one table, and what depends on it, into transactions of their own, so that no table stays locked while another
/// is waited for. `parts` has a number an action: those that depend on each other have the same.
pub(super) fn apart(cx: &Context<'_>, actions: Vec<Action>, parts: &[usize]) -> Vec<Action> {
    let table = |action: &Action| {
        let line = cx.base.line(&action.subject).chain(cx.target.line(&action.subject));
        line.filter(|id| in_use(cx, id)).last().cloned()
    };
    // Parts that lock the same table, and all those that lock none, are one.
    let mut whole_of: BTreeMap<usize, usize> = BTreeMap::new();
    let mut tables: BTreeMap<Option<ObjectId>, usize> = BTreeMap::new();
    let mut locks: BTreeMap<usize, BTreeSet<ObjectId>> = BTreeMap::new();
    for (action, part) in actions.iter().zip(parts).filter(|(action, _)| !action.slow) {
        locks.entry(*part).or_default().extend(table(action));
    }
    for (part, locked) in locks {
        let keys: Vec<Option<ObjectId>> = if locked.is_empty() { vec![None] } else { locked.into_iter().map(Some).collect() };
        let whole = keys.iter().filter_map(|key| tables.get(key)).copied().min().unwrap_or(part);
        let joined: BTreeSet<usize> = keys.iter().filter_map(|key| tables.get(key)).copied().collect();
        if joined.len() > 1 {
            whole_of.values_mut().chain(tables.values_mut()).filter(|old| joined.contains(old)).for_each(|old| *old = whole);
        }
        whole_of.insert(part, whole);
        tables.extend(keys.into_iter().map(|key| (key, whole)));
    }
    let mut done = Vec::with_capacity(actions.len());
    // Transactions since the last slow action, and where that of a whole stands among them.
    let (mut run, mut places): (Vec<Vec<Action>>, BTreeMap<usize, usize>) = (Vec::new(), BTreeMap::new());
    let close = |run: &mut Vec<Vec<Action>>, places: &mut BTreeMap<usize, usize>, done: &mut Vec<Action>| {
        places.clear();
        for mut group in run.drain(..) {
            group[0].apart = true;
            done.append(&mut group);
        }
    };
    for (action, part) in actions.into_iter().zip(parts) {
        if action.slow || !action.transactional {
            close(&mut run, &mut places, &mut done);
            done.push(action);
            continue;
        }
        if action.stage == Stage::Last {
            close(&mut run, &mut places, &mut done);
        }
        let at = *places.entry(whole_of.get(part).copied().unwrap_or(*part)).or_insert(run.len());
        match run.get_mut(at) {
            Some(group) => group.push(action),
            None => run.push(vec![action]),
        }
    }
    close(&mut run, &mut places, &mut done);
    done
}

/// What a script says and sets before a group of an online plan.
pub(super) fn introduce(group: &[Step], sql: &mut String) {
    let Some((step, online)) = group.iter().find_map(|step| Some((step, step.online.as_ref()?))) else { return };
    let _ = writeln!(sql, "-- Group {}", step.group);
    match &online.recovery {
        Some(Recovery::Before(before)) => {
            let _ = writeln!(sql, "-- If it fails, run this first: {};", one_line(before));
        }
        Some(Recovery::Instead(instead)) => {
            let _ = writeln!(sql, "-- If it is cut short, run this instead: {};", one_line(instead));
        }
        None => {}
    }
    let _ = match online.lock_timeout {
        Some(limit) if limit % 1000 == 0 => writeln!(sql, "SET lock_timeout = '{}s';", limit / 1000),
        Some(limit) => writeln!(sql, "SET lock_timeout = '{limit}ms';"),
        None => writeln!(sql, "SET lock_timeout = 0;"),
    };
}

/// A statement that may stand in a comment of one line.
fn one_line(sql: &str) -> String {
    sql.replace(['\n', '\r'], " ")
}

/// Whether the plan is online and this table or materialized view is there before, during and after it, so that somebody uses it.
pub(super) fn in_use(cx: &Context<'_>, id: &ObjectId) -> bool {
    cx.options.online
        && matches!(id.kind, Kind::Table | Kind::MaterializedView)
        && cx.base.get(id).is_some()
        && cx.target.get(id).is_some()
        && !cx.vanishes(id)
        && !cx.appears(id)
}

/// Makes an action one that takes long and blocks nobody.
fn slow(action: &mut Action, stage: Stage) {
    (action.slow, action.stage, action.lock_timeout) = (true, stage, None);
}
