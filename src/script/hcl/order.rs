//! The order in which statements can run: after what they need.
//!
//! What HCL refers to is needed. What only occurs as a name in SQL text (a view's query, a default) is waited for as far as that leads
//! into no circle.

use std::collections::{BTreeMap, BTreeSet};

use super::sql::Sql;

/// What a statement makes, or needs: family, schema and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub family: Family,
    pub schema: String,
    pub name: String,
}

impl Key {
    pub fn schema(name: &str) -> Key {
        Key { family: Family::Schema, schema: String::new(), name: name.into() }
    }

    /// Of a part that only comments on it need, by its name in SQL.
    pub fn part(what: &str) -> Key {
        Key { family: Family::Other, schema: String::new(), name: what.into() }
    }

    pub fn extension(name: &str) -> Key {
        Key { family: Family::Extension, schema: String::new(), name: name.into() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    Schema,
    Extension,
    Type,
    Sequence,
    Relation,
    Function,
    Other,
}

/// One statement with what it makes and needs.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub sql: Sql,
    pub makes: Option<Key>,
    pub needs: BTreeSet<Key>,
    /// Names that occur in its SQL text, as Postgres folds them.
    pub mentions: BTreeSet<String>,
    /// Among those that could run, the lower comes first.
    pub rank: Rank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Schema,
    Extension,
    Type,
    Sequence,
    Function,
    Relation,
    Partition,
    View,
    Index,
    ForeignKey,
    Rest,
}

/// The units in an order that works, and those that wait for each other in a circle.
pub(super) fn sort(units: Vec<Unit>) -> (Vec<Unit>, Vec<Unit>) {
    let mut makers: BTreeMap<&Key, Vec<usize>> = BTreeMap::new();
    let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, unit) in units.iter().enumerate() {
        if let Some(key) = &unit.makes {
            makers.entry(key).or_default().push(at);
            named.entry(&key.name).or_default().push(at);
        }
    }
    let mut waits: Vec<Waits> = Vec::with_capacity(units.len());
    let mut waited_for: Vec<Vec<usize>> = vec![Vec::new(); units.len()];
    for (at, unit) in units.iter().enumerate() {
        let hard: BTreeSet<usize> =
            unit.needs.iter().filter_map(|key| makers.get(key)).flatten().copied().filter(|other| *other != at).collect();
        let mentioned = unit.mentions.iter().filter_map(|name| named.get(name.as_str())).flatten().copied();
        let soft: BTreeSet<usize> = mentioned.filter(|other| *other != at && !hard.contains(other)).collect();
        for other in hard.iter().chain(&soft) {
            waited_for[*other].push(at);
        }
        waits.push(Waits { hard, soft });
    }
    // What waits for nothing, and what waits only for names that it mentions.
    let (mut ready, mut possible) = (BTreeSet::new(), BTreeSet::new());
    for (at, waits) in waits.iter().enumerate().filter(|(_, waits)| waits.hard.is_empty()) {
        if waits.soft.is_empty() { &mut ready } else { &mut possible }.insert((units[at].rank, at));
    }
    let mut order = Vec::with_capacity(units.len());
    let mut done = vec![false; units.len()];
    while let Some((_, at)) = ready.pop_first().or_else(|| possible.pop_first()) {
        done[at] = true;
        order.push(at);
        for next in std::mem::take(&mut waited_for[at]) {
            waits[next].hard.remove(&at);
            waits[next].soft.remove(&at);
            if !done[next] && waits[next].hard.is_empty() {
                let key = (units[next].rank, next);
                if waits[next].soft.is_empty() {
                    possible.remove(&key);
                    ready.insert(key);
                } else {
                    possible.insert(key);
                }
            }
        }
    }
    let mut units: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
    let sorted = order.into_iter().filter_map(|at| units[at].take()).collect();
    (sorted, units.into_iter().flatten().collect())
}

/// Indexes of the units that one waits for.
struct Waits {
    hard: BTreeSet<usize>,
    soft: BTreeSet<usize>,
}
