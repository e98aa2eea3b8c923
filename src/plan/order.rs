//! One graph over all actions, one deterministic topological sort.
//!
//! It knows nothing of SQL: only what actions create, need, prefer, alter, destroy and release.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap, HashSet},
};

use super::native::{Action, Stage, Verb};
use crate::catalog::{Kind, ObjectId};

/// How much an edge holds when there is a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    /// It gives way first.
    Wish,
    Weak,
    /// It never gives way.
    Strong,
}

#[derive(Debug, Default)]
struct Graph {
    /// Edges (before, after).
    edges: HashMap<(usize, usize), Hold>,
}

impl Graph {
    fn add(&mut self, before: usize, after: usize, hold: Hold) {
        if before != after {
            self.edges.entry((before, after)).and_modify(|held| *held = hold.max(*held)).or_insert(hold);
        }
    }

    /// Takes the edges out that hold least within each circle.
    ///
    /// # Errors
    /// The first circle whose edges are all strong.
    fn open(&mut self, circles: Vec<Vec<usize>>) -> Result<(), Vec<usize>> {
        let mut member_of: HashMap<usize, usize> = HashMap::new();
        for (number, circle) in circles.iter().enumerate() {
            member_of.extend(circle.iter().map(|at| (*at, number)));
        }
        let inside = |(from, to): &(usize, usize)| {
            member_of.get(from).zip(member_of.get(to)).and_then(|(one, other)| (one == other).then_some(*one))
        };
        let mut least: HashMap<usize, Hold> = HashMap::new();
        for (edge, hold) in &self.edges {
            if let Some(number) = inside(edge) {
                least.entry(number).and_modify(|held| *held = (*hold).min(*held)).or_insert(*hold);
            }
        }
        let closed = |number: &usize| least.get(number).is_none_or(|hold| *hold == Hold::Strong);
        if let Some(number) = (0..circles.len()).find(closed) {
            return Err(circles.into_iter().nth(number).unwrap_or_default());
        }
        self.edges.retain(|edge, hold| inside(edge).and_then(|number| least.get(&number)) != Some(hold));
        Ok(())
    }
}

/// Sorts the actions so that everything exists when it is needed and nothing goes while it is used. Answers with a number an action:
/// the same for those that depend on each other, by way of others that are done in an instant.
///
/// # Errors
/// The indexes of the actions of one circle, when there is no order; the actions are as they were then.
pub fn sort(actions: &mut Vec<Action>) -> Result<Vec<usize>, Vec<usize>> {
    let mut graph = connect(actions);
    let order = loop {
        give_up_early(actions, &graph);
        match topological(actions, &graph) {
            Ok(order) => break order,
            Err(rest) => {
                let circles = circles(&graph, &rest);
                graph.open(circles)?;
            }
        }
    };
    let parts = parts(actions, &graph);
    let parts = order.iter().map(|at| parts[*at]).collect();
    let mut slots: Vec<Option<Action>> = std::mem::take(actions).into_iter().map(Some).collect();
    actions.extend(order.into_iter().filter_map(|at| slots.get_mut(at).and_then(Option::take)));
    Ok(parts)
}

/// Which actions belong together: union and find over the edges between those that are not slow.
fn parts(actions: &[Action], graph: &Graph) -> Vec<usize> {
    fn find(parts: &mut [usize], mut at: usize) -> usize {
        while parts[at] != at {
            parts[at] = parts[parts[at]];
            at = parts[at];
        }
        at
    }
    let mut parts: Vec<usize> = (0..actions.len()).collect();
    for (from, to) in graph.edges.keys().filter(|(from, to)| !actions[*from].slow && !actions[*to].slow) {
        let (one, two) = (find(&mut parts, *from), find(&mut parts, *to));
        // The smaller number wins, so that the answer does not depend on the order of the edges.
        parts[one.max(two)] = one.min(two);
    }
    (0..actions.len()).map(|at| find(&mut parts, at)).collect()
}

/// Names that share one name space in Postgres: relations, types and constraint indexes of a schema; routines of a schema.
fn name_space(id: &ObjectId) -> Option<(u8, &str, &str)> {
    let space = match id.kind {
        Kind::Table
        | Kind::ForeignTable
        | Kind::View
        | Kind::MaterializedView
        | Kind::Sequence
        | Kind::Index
        | Kind::Type
        | Kind::Domain => 1,
        Kind::Function | Kind::Procedure | Kind::Aggregate => 2,
        Kind::Constraint => 1,
        _ => return None,
    };
    Some((space, id.path.first()?, id.path.last()?))
}

/// Schema and name of a routine, without its arguments.
pub fn routine_name(id: &ObjectId) -> Option<(&str, &str)> {
    if !matches!(id.kind, Kind::Function | Kind::Procedure | Kind::Aggregate) {
        return None;
    }
    Some((id.path.first()?, id.path.last()?.split('(').next()?))
}

fn connect(actions: &[Action]) -> Graph {
    let mut creators: HashMap<&ObjectId, Vec<usize>> = HashMap::new();
    let mut destroyers: HashMap<&ObjectId, Vec<usize>> = HashMap::new();
    let mut alterers: HashMap<&ObjectId, Vec<usize>> = HashMap::new();
    let mut freed: HashMap<(u8, &str, &str), Vec<usize>> = HashMap::new();
    let mut namesakes: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (at, action) in actions.iter().enumerate() {
        action.creates.iter().for_each(|id| creators.entry(id).or_default().push(at));
        action.alters.iter().for_each(|id| alterers.entry(id).or_default().push(at));
        for id in &action.destroys {
            destroyers.entry(id).or_default().push(at);
            if let Some(name) = name_space(id) {
                freed.entry(name).or_default().push(at);
            }
            if let Some(name) = routine_name(id) {
                namesakes.entry(name).or_default().push(at);
            }
        }
    }
    let none = Vec::new();
    let mut graph = Graph::default();
    for (at, action) in actions.iter().enumerate() {
        for need in &action.needs {
            for creator in creators.get(need).unwrap_or(&none) {
                graph.add(*creator, at, Hold::Strong);
            }
            // That a whole is changed is nothing to its parts.
            let whole = action.subject.path.len() > need.path.len() && action.subject.path.starts_with(&need.path);
            if !whole && !action.alters.contains(need) {
                for alterer in alterers.get(need).unwrap_or(&none) {
                    graph.add(*alterer, at, Hold::Weak);
                }
            }
        }
        for wish in &action.prefers {
            for earlier in creators.get(wish).unwrap_or(&none).iter().chain(alterers.get(wish).unwrap_or(&none)) {
                graph.add(*earlier, at, Hold::Wish);
            }
        }
        for id in &action.releases {
            for destroyer in destroyers.get(id).unwrap_or(&none) {
                graph.add(at, *destroyer, Hold::Strong);
            }
            if action.verb == Verb::Drop {
                for alterer in alterers.get(id).unwrap_or(&none) {
                    graph.add(at, *alterer, Hold::Weak);
                }
            }
        }
        for id in &action.creates {
            for destroyer in destroyers.get(id).unwrap_or(&none) {
                graph.add(*destroyer, at, Hold::Strong);
            }
            if let Some(name) = name_space(id) {
                for destroyer in freed.get(&name).unwrap_or(&none) {
                    graph.add(*destroyer, at, Hold::Strong);
                }
            }
            // While both are there, a call that names one may mean the other.
            for destroyer in routine_name(id).and_then(|name| namesakes.get(&name)).unwrap_or(&none) {
                graph.add(*destroyer, at, Hold::Weak);
            }
        }
        for id in &action.alters {
            for creator in creators.get(id).unwrap_or(&none) {
                graph.add(*creator, at, Hold::Strong);
            }
        }
    }
    // Statements about one object keep the order in which its rule gave them.
    for list in alterers.values() {
        for pair in list.windows(2) {
            graph.add(pair[0], pair[1], Hold::Weak);
        }
    }
    graph
}

/// What is early and depends on what is not is not early: it would come in the midst of what it waits for.
fn give_up_early(actions: &mut [Action], graph: &Graph) {
    if actions.iter().all(|action| action.stage != Stage::Early) {
        return;
    }
    loop {
        let late: BTreeSet<usize> = graph
            .edges
            .keys()
            .filter(|(from, to)| actions[*to].stage == Stage::Early && actions[*from].stage != Stage::Early)
            .map(|(_, to)| *to)
            .collect();
        if late.is_empty() {
            return;
        }
        for at in late {
            actions[at].stage = if actions[at].slow { Stage::Late } else { Stage::Main };
        }
    }
}

/// What orders actions that dependencies leave free: by stage, drops first, then by kind, name and position.
fn key(action: &Action, at: usize) -> (Stage, u8, u8, Vec<&str>, i64, usize) {
    let verb = match action.verb {
        Verb::Drop => 0,
        Verb::Create | Verb::Alter => 1,
    };
    let id = &action.subject;
    let part = matches!(id.kind, Kind::Column | Kind::Default);
    let whole = if part { id.path.len().saturating_sub(1) } else { id.path.len() };
    let mut path: Vec<&str> = id.path.iter().take(whole).map(String::as_str).collect();
    if part && action.position == 0 {
        path.extend(id.path.last().map(String::as_str));
    }
    (action.stage, verb, rank(id.kind), path, action.position, at)
}

fn rank(kind: Kind) -> u8 {
    match kind {
        // An event trigger that goes or is switched off might refuse what comes; any other has a stage of its own.
        Kind::Role | Kind::Database | Kind::PlacementPolicy | Kind::EventTrigger => 0,
        Kind::Schema => 1,
        Kind::Extension | Kind::Language | Kind::AccessMethod => 2,
        Kind::Collation | Kind::Conversion => 3,
        Kind::Type | Kind::EnumValue | Kind::Domain => 4,
        Kind::Function | Kind::Procedure | Kind::Aggregate => 5,
        Kind::Operator | Kind::OperatorFamily | Kind::OperatorClass | Kind::Cast | Kind::Transform => 6,
        Kind::TextSearchParser | Kind::TextSearchTemplate | Kind::TextSearchDictionary | Kind::TextSearchConfiguration => 7,
        Kind::ForeignDataWrapper | Kind::Server | Kind::UserMapping => 8,
        Kind::Sequence => 9,
        Kind::Table | Kind::ForeignTable => 10,
        Kind::Column => 11,
        Kind::Default => 12,
        Kind::Constraint => 13,
        Kind::Index => 14,
        Kind::View => 15,
        Kind::MaterializedView => 16,
        Kind::Statistics | Kind::Rule | Kind::Policy | Kind::Trigger | Kind::Event => 17,
        Kind::Publication | Kind::Subscription => 18,
        Kind::Setting | Kind::DefaultPrivilege => 19,
        Kind::Comment | Kind::SecurityLabel => 20,
        Kind::Grant => 21,
    }
}

/// Kahn's algorithm with the smallest key first. On failure, what is left.
fn topological(actions: &[Action], graph: &Graph) -> Result<Vec<usize>, BTreeSet<usize>> {
    let mut waiting = vec![0_usize; actions.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); actions.len()];
    for (from, to) in graph.edges.keys() {
        waiting[*to] += 1;
        after[*from].push(*to);
    }
    let mut ready: BinaryHeap<_> =
        actions.iter().enumerate().filter(|(at, _)| waiting[*at] == 0).map(|(at, action)| Reverse(key(action, at))).collect();
    let mut order = Vec::with_capacity(actions.len());
    while let Some(Reverse((.., at))) = ready.pop() {
        order.push(at);
        for next in &after[at] {
            waiting[*next] -= 1;
            if waiting[*next] == 0
                && let Some(action) = actions.get(*next)
            {
                ready.push(Reverse(key(action, *next)));
            }
        }
    }
    if order.len() == actions.len() {
        return Ok(order);
    }
    let done: HashSet<usize> = order.into_iter().collect();
    Err((0..actions.len()).filter(|at| !done.contains(at)).collect())
}

/// Circles among `rest` that share no action, at least one: each from the smallest action that is left along the smallest predecessors
/// until one comes again.
fn circles(graph: &Graph, rest: &BTreeSet<usize>) -> Vec<Vec<usize>> {
    let mut before: HashMap<usize, usize> = HashMap::new();
    for (from, to) in graph.edges.keys() {
        if rest.contains(from) && rest.contains(to) {
            before.entry(*to).and_modify(|smallest| *smallest = (*from).min(*smallest)).or_insert(*from);
        }
    }
    let mut circles = Vec::new();
    // Which walk came by.
    let mut seen: HashMap<usize, usize> = HashMap::new();
    for start in rest {
        let mut path: Vec<usize> = Vec::new();
        // Every action that is left has a predecessor that is left, or comes after a circle: walking backwards ends in one, or on
        // the way that an earlier walk took.
        let mut at = before.contains_key(start).then_some(*start);
        while let Some(current) = at {
            if let Some(walk) = seen.insert(current, *start) {
                if walk == *start
                    && let Some(begin) = path.iter().position(|member| *member == current)
                {
                    circles.push(path.split_off(begin));
                }
                break;
            }
            path.push(current);
            at = before.get(&current).copied();
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ObjectId {
        ObjectId::new(Kind::Table, ["public", name])
    }

    fn action(verb: Verb, subject: &str) -> Action {
        Action::new(id(subject), verb, subject.to_owned())
    }

    fn sorted(mut actions: Vec<Action>) -> Result<Vec<String>, Vec<usize>> {
        sort(&mut actions)?;
        Ok(actions.into_iter().map(|action| action.sql).collect())
    }

    #[test]
    fn a_wish_orders_and_gives_way() {
        let wishing = |name: &str, wish: &str| Action { prefers: vec![id(wish)], ..creating(name, &[]) };
        assert_eq!(sorted(vec![wishing("a", "b"), creating("b", &[])]), Ok(["b", "a"].map(str::to_owned).to_vec()));
        assert_eq!(sorted(vec![wishing("a", "b"), creating("b", &["a"])]), Ok(["a", "b"].map(str::to_owned).to_vec()));
        let circles = vec![wishing("a", "b"), wishing("b", "a"), wishing("c", "d"), wishing("d", "c")];
        assert_eq!(sorted(circles), Ok(["a", "b", "c", "d"].map(str::to_owned).to_vec()));
    }

    fn creating(name: &str, needs: &[&str]) -> Action {
        Action { creates: vec![id(name)], needs: needs.iter().map(|need| id(need)).collect(), ..action(Verb::Create, name) }
    }

    #[test]
    fn what_is_needed_comes_first_and_the_rest_by_name() {
        let actions = vec![creating("d", &[]), creating("a", &["c"]), creating("c", &[]), creating("b", &[])];
        let order = sorted(actions.clone());
        assert_eq!(order, Ok(["b", "c", "a", "d"].map(str::to_owned).to_vec()));
        assert_eq!(sorted(actions.into_iter().rev().collect()), order, "the order in which actions come does not matter");
    }

    #[test]
    fn what_uses_something_goes_before_it_and_its_successor_comes_after() {
        let table = Action { destroys: vec![id("a")], ..action(Verb::Drop, "a") };
        let view = Action { destroys: vec![id("v")], releases: vec![id("a")], ..action(Verb::Drop, "v") };
        let again = Action { sql: "a again".to_owned(), ..creating("a", &[]) };
        assert_eq!(sorted(vec![again, table, view]), Ok(["v", "a", "a again"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_takes_long_comes_before_or_after_and_not_between() {
        let slow = |stage, name: &str, needs: &[&str]| Action { stage, slow: true, ..creating(name, needs) };
        let actions = vec![
            creating("b", &["a"]),
            creating("a", &[]),
            slow(Stage::Late, "0", &["a"]),
            slow(Stage::Early, "z", &[]),
            slow(Stage::Early, "1", &["a"]),
            creating("y", &["z"]),
        ];
        assert_eq!(sorted(actions), Ok(["z", "a", "b", "y", "0", "1"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_circle_is_found_and_a_weak_edge_gives_way() {
        assert_eq!(sorted(vec![creating("a", &["b"]), creating("b", &["a"]), creating("c", &[])]), Err(vec![0, 1]));
        let altering = Action { alters: vec![id("t")], needs: vec![id("x")], ..action(Verb::Alter, "t") };
        assert_eq!(sorted(vec![altering, creating("x", &["t"])]), Ok(["x", "t"].map(str::to_owned).to_vec()));
    }
}
