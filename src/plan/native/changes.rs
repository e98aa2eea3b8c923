//! What becomes of each object: what differs is dropped, created, altered, replaced or swapped, and so is what Postgres forces along with it.

use std::collections::BTreeSet;

use super::{
    super::{online, order, rules},
    Context, PlanError, Reaction, Side, Verdict,
    circle::{can_be_anew, can_split},
    rule_for,
};
use crate::catalog::{self, AttributeChange, Change, Kind, Object, ObjectId};

/// Sorts the changes into what is dropped, created, altered, replaced and swapped, to a fixed point; `anew` are replaced in any case.
pub(super) fn sort(cx: &mut Context<'_>, changes: Vec<Change>, anew: &BTreeSet<ObjectId>) -> Result<(), PlanError> {
    let mut sorting = Sorting { cx, work: Vec::new() };
    sorting.take_up(changes);
    sorting.judge(anew)?;
    sorting.judge_together();
    sorting.spread()?;
    sorting.leave_to_wholes();
    sorting.split();
    sorting.leave_out_covered();
    Ok(())
}

/// The sorting so far.
struct Sorting<'c, 'a> {
    cx: &'c mut Context<'a>,
    /// Objects around which others have not reacted yet; the last comes first.
    work: Vec<ObjectId>,
}

impl Sorting<'_, '_> {
    /// Takes the changes for what they say they are.
    fn take_up(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change.action {
                catalog::Action::Create => {
                    self.cx.created.insert(change.object);
                }
                catalog::Action::Drop => {
                    self.work.push(change.object.clone());
                    self.cx.dropped.insert(change.object);
                }
                _ => {
                    self.cx.altered.insert(change.object.clone(), change);
                }
            }
        }
    }

    /// Asks the rules how each change is carried out.
    fn judge(&mut self, anew: &BTreeSet<ObjectId>) -> Result<(), PlanError> {
        let altered: Vec<Change> = self.cx.altered.values().cloned().collect();
        for change in altered {
            let id = change.object.clone();
            let (Some(before), Some(after)) = (self.cx.base.get(&id), self.cx.target.get(&id)) else { continue };
            let verdict = match anew.contains(&id) {
                true => Verdict::Replace,
                false => rule_for(&id)?.verdict(self.cx, before, after, &change),
            };
            let whole = after.parent.clone();
            match (verdict, whole) {
                (Verdict::Replace, _) => {
                    self.replace(id);
                    continue;
                }
                (Verdict::Swap, _) => {
                    self.swap(id);
                    continue;
                }
                (Verdict::ReplaceWhole, Some(whole)) => self.replace(whole),
                (Verdict::SwapWhole, Some(whole)) => self.swap(whole),
                (Verdict::Relink, Some(whole)) => {
                    self.alter_too(&whole, "partition_bound");
                }
                (Verdict::Alter | Verdict::ReplaceWhole | Verdict::SwapWhole | Verdict::Relink, _) => {}
            }
            self.work.push(id);
        }
        Ok(())
    }

    /// Asks the rules that look at all changes at once.
    fn judge_together(&mut self) {
        for (old, new) in rules::types::of_another_kind(self.cx) {
            self.cx.dropped.remove(&old);
            self.cx.created.remove(&new);
            self.cx.swapped.extend([old, new]);
        }
        for id in rules::grant::out_of_place(self.cx) {
            self.replace(id);
        }
        for id in rules::types::made_anew(self.cx) {
            self.swap(id);
        }
        let cx = &*self.cx;
        let in_the_way = [rules::index::in_the_way(cx), rules::partition::keys_in_the_way(cx), rules::table::invalidated(cx)];
        for id in in_the_way.concat() {
            self.replace(id);
        }
    }

    /// Lets others react to each object that goes, is swapped or altered, and yet others to these, until nobody does any more.
    fn spread(&mut self) -> Result<(), PlanError> {
        let mut done = BTreeSet::new();
        while let Some(id) = self.work.pop() {
            if !done.insert((id.clone(), self.cx.replaced.contains(&id), self.cx.swapped.contains(&id))) {
                continue;
            }
            if self.cx.vanishes(&id) {
                self.react_to_end(&id)?;
            } else if self.cx.swapped.contains(&id) {
                self.react_to(&id)?;
            } else if let Some(change) = self.cx.altered.get(&id).cloned() {
                self.react_around(&id, &change)?;
            }
        }
        Ok(())
    }

    /// Lets what depends on an object that vanishes, or on its parts, react.
    fn react_to_end(&mut self, id: &ObjectId) -> Result<(), PlanError> {
        self.react_to(id)?;
        for part in self.cx.base.descendants(id) {
            self.react_to(&part.id)?;
        }
        for too in rules::index::carrier(self.cx, id).into_iter().chain(rules::column::followers(self.cx, id)) {
            self.replace(too);
        }
        Ok(())
    }

    /// Lets what is around an object that is altered react.
    fn react_around(&mut self, id: &ObjectId, change: &Change) -> Result<(), PlanError> {
        let (Some(before), Some(after)) = (self.cx.base.get(id), self.cx.target.get(id)) else { return Ok(()) };
        let rule = rule_for(id)?;
        for member in rules::publication::in_the_way(self.cx, id, change) {
            self.replace(member);
        }
        for holder in rules::column::holders_of_row(self.cx, id, change) {
            self.alter(&holder, "type");
        }
        let parts = self.cx.base.parts(id).to_vec();
        for dependent in self.cx.base.dependents(id).iter().copied().chain(parts).collect::<Vec<_>>() {
            if self.cx.target.get(&dependent.id).is_none() || self.cx.vanishes(&dependent.id) {
                continue;
            }
            match rule.around(self.cx, before, after, change, dependent) {
                Reaction::Alter(name) => self.alter(&dependent.id, name),
                Reaction::Replace => self.replace(dependent.id.clone()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets what depends on `need`, which goes, react.
    fn react_to(&mut self, need: &ObjectId) -> Result<(), PlanError> {
        let Some(needed) = self.cx.base.get(need) else { return Ok(()) };
        // A part of something that only moves to another whole stays.
        for dependent in self.cx.base.dependents(need).to_vec() {
            let id = &dependent.id;
            if self.cx.vanishes(id) || self.cx.swapped.contains(id) {
                continue;
            }
            let Some(after) = self.cx.target.get(id) else { continue };
            let taken_off = is_taken_off(self.cx, dependent, after, needed);
            let namesake = taken_off && can_be_anew(id) && has_new_namesake(self.cx, need);
            if taken_off && !namesake {
                // Its own change takes it off what goes.
                continue;
            }
            let reaction = match namesake {
                true => Reaction::Replace,
                false => rule_for(id)?.react(self.cx, dependent, needed),
            };
            let whole = dependent.parent.as_ref();
            match reaction {
                Reaction::Nothing => {}
                Reaction::Replace => self.replace(id.clone()),
                Reaction::ReplaceWhole => {
                    if let Some(whole) = whole.filter(|whole| self.cx.target.get(whole).is_some()) {
                        self.replace(whole.clone());
                    }
                }
                Reaction::Swap => self.swap_once(id),
                Reaction::SwapWhole => self.swap_once(whole.unwrap_or(id)),
                Reaction::Alter(name) => self.alter(id, name),
            }
        }
        Ok(())
    }

    /// Has an object dropped and made again, and what depends on it react.
    fn replace(&mut self, id: ObjectId) {
        self.cx.altered.remove(&id);
        self.cx.replaced.insert(id.clone());
        self.work.push(id);
    }

    /// Has a type swapped, and what depends on it react.
    fn swap(&mut self, id: ObjectId) {
        self.cx.altered.remove(&id);
        self.cx.swapped.insert(id.clone());
        self.work.push(id);
    }

    /// The same, unless it already is.
    fn swap_once(&mut self, id: &ObjectId) {
        self.cx.altered.remove(id);
        if self.cx.swapped.insert(id.clone()) {
            self.work.push(id.clone());
        }
    }

    /// Has an attribute of what is on both sides altered, and what is around it react, unless it already is.
    fn alter(&mut self, id: &ObjectId, name: &'static str) {
        if self.alter_too(id, name) {
            self.work.push(id.clone());
        }
    }

    /// Has an attribute of what is on both sides altered, even if both agree on it; whether it was not already.
    fn alter_too(&mut self, id: &ObjectId, name: &'static str) -> bool {
        let change = self.cx.altered.entry(id.clone()).or_insert_with(|| Change {
            action: catalog::Action::Alter,
            object: id.clone(),
            renamed_from: None,
            attributes: Vec::new(),
        });
        if change.concerns(name) {
            return false;
        }
        let value = |side: &Side<'_>| side.get(id).and_then(|object| object.attributes.get(name)).cloned();
        change.attributes.push(AttributeChange { name, before: value(&self.cx.base), after: value(&self.cx.target) });
        true
    }

    /// What is replaced and goes with its whole is made again with that.
    fn leave_to_wholes(&mut self) {
        let cx = &mut *self.cx;
        // What is made again with another whole (an index of the same name) stays replaced.
        let whole = |side: &Side<'_>, id: &ObjectId| side.get(id).and_then(|object| object.parent.clone());
        let outer = cx.replaced.iter().filter(|id| cx.base.line(id).skip(1).any(|at| cx.vanishes_itself(at)));
        let outer: Vec<ObjectId> = outer.filter(|id| whole(&cx.base, id) == whole(&cx.target, id)).cloned().collect();
        for id in outer {
            cx.replaced.remove(&id);
        }
    }

    /// Gives parts statements of their own that cannot go or come with their whole.
    fn split(&mut self) {
        let cx = &mut *self.cx;
        // The keys of what is only moved away at first must not hold what they refer to, nor its defaults and the like what goes.
        for id in cx.replaced.iter().chain(&cx.dropped).cloned().collect::<Vec<_>>() {
            if cx.base.get(&id).is_some_and(|table| rules::rebuild::is_moved(cx, table)) {
                let parts = cx.base.descendants(&id);
                let held: Vec<ObjectId> = parts.iter().filter(|part| holds(cx, part)).map(|part| part.id.clone()).collect();
                cx.split.extend(held);
            }
        }
        // A default that is filled in afterwards is set after its column is there.
        let columns = cx.created.iter().filter_map(|id| cx.target.get(id));
        let late: Vec<ObjectId> = columns.flat_map(|column| online::column::late(cx, column)).collect();
        cx.split.extend(late);
    }

    /// Takes out what needs no statement of its own, because that of its whole carries it.
    fn leave_out_covered(&mut self) {
        let cx = &mut *self.cx;
        let altered: Vec<ObjectId> = cx.altered.keys().filter(|id| cx.vanishes(id) || cx.appears(id)).cloned().collect();
        for id in altered {
            cx.altered.remove(&id);
        }
        let goes_along = |id: &&ObjectId| {
            // The successor of a type is made without them.
            let swapped = |at: &ObjectId| matches!(id.kind, Kind::Column | Kind::Grant | Kind::Comment) && cx.swapped.contains(at);
            cx.base.line(id).skip(1).any(|at| cx.vanishes_itself(at) || swapped(at))
        };
        let dropped: Vec<ObjectId> = cx.dropped.iter().filter(goes_along).cloned().collect();
        for id in dropped {
            cx.dropped.remove(&id);
        }
        let comes_along = |id: &&ObjectId| cx.target.line(id).skip(1).any(|at| cx.replaced.contains(at) || cx.created.contains(at));
        let created: Vec<ObjectId> = cx.created.iter().filter(comes_along).cloned().collect();
        for id in created {
            cx.created.remove(&id);
        }
    }
}

/// Whether a part of a table that is only moved away at first would hold what it needs: a key what it refers to, any other part what goes.
fn holds(cx: &Context<'_>, part: &Object) -> bool {
    let goes = |need: &ObjectId| {
        matches!(need.kind, Kind::Function | Kind::Aggregate | Kind::Operator | Kind::Type | Kind::Domain) && cx.vanishes(need)
    };
    part.text("form") == Some("f") || can_split(part) && part.needs.iter().any(goes)
}

/// Whether the own change of an object takes it off what goes for good.
fn is_taken_off(cx: &Context<'_>, object: &Object, after: &Object, needed: &Object) -> bool {
    cx.target.get(&needed.id).is_none()
        && cx.altered.get(&object.id).is_some_and(|change| rules::column::may_take_off(change, needed))
        && !after.needs.contains(&needed.id)
        && !rules::index::hangs_on(object, needed)
}

/// Whether a routine that goes has a successor of its name with other arguments: as long as both are there, a call may mean either.
fn has_new_namesake(cx: &Context<'_>, id: &ObjectId) -> bool {
    order::routine_name(id).is_some_and(|name| cx.created.iter().any(|made| order::routine_name(made) == Some(name)))
}
