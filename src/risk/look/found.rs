//! What is asked of the facts for each of many objects, found once.

use std::{collections::BTreeMap, sync::OnceLock};

use foldhash::HashMap;

use super::Facts;
use crate::catalog::{Change, Kind, Object, ObjectId, Path};

/// Indexes of some [`Facts`], made when they are first asked for. Of one `Facts`, whose parts must not be exchanged afterwards.
#[derive(Debug, Default)]
pub struct Found {
    renames: OnceLock<Vec<usize>>,
    steps: OnceLock<Steps>,
    users: OnceLock<HashMap<ObjectId, Vec<ObjectId>>>,
    indexes: OnceLock<HashMap<ObjectId, Vec<ObjectId>>>,
}

/// Steps of a plan by what they were planned for.
#[derive(Debug, Default)]
pub(super) struct Steps {
    by_object: HashMap<ObjectId, Vec<usize>>,
    by_path: BTreeMap<Path, Vec<usize>>,
    /// Those whose planner does not say.
    pub silent: Vec<usize>,
}

impl Steps {
    fn of(facts: &Facts<'_>) -> Steps {
        let mut steps = Steps::default();
        for (at, step) in facts.plan.steps.iter().enumerate() {
            if step.objects.is_empty() {
                steps.silent.push(at);
            }
            for object in &step.objects {
                for list in
                    [steps.by_object.entry(object.clone()).or_default(), steps.by_path.entry(object.path.clone()).or_default()]
                {
                    if list.last() != Some(&at) {
                        list.push(at);
                    }
                }
            }
        }
        steps
    }

    /// Those for this very object, in the plan's order.
    pub fn planned(&self, object: &ObjectId) -> &[usize] {
        self.by_object.get(object).map_or(&[], Vec::as_slice)
    }

    /// Those for what is inside of it by its name, in the plan's order.
    pub fn of_parts(&self, object: &ObjectId) -> Vec<usize> {
        let from = self.by_path.range(&object.path..);
        let parts = from.take_while(|(path, _)| path.starts_with(&object.path)).filter(|(path, _)| path.len() > object.path.len());
        let mut steps: Vec<usize> = parts.flat_map(|(_, steps)| steps).copied().collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}

impl Facts<'_> {
    pub(super) fn steps(&self) -> &Steps {
        self.found.steps.get_or_init(|| Steps::of(self))
    }

    /// New and old names of what is renamed.
    pub(super) fn renames(&self) -> impl Iterator<Item = (&ObjectId, &ObjectId)> {
        let renamed = |(at, change): (usize, &Change)| change.renamed_from.as_ref().map(|_| at);
        let at = self.found.renames.get_or_init(|| self.changes.iter().enumerate().filter_map(renamed).collect());
        at.iter().filter_map(|at| self.changes.get(*at)).filter_map(|change| Some((&change.object, change.renamed_from.as_ref()?)))
    }

    /// The indexes of a table of the target, by name.
    pub fn indexes_of(&self, table: &ObjectId) -> impl Iterator<Item = &Object> {
        let indexes = self.found.indexes.get_or_init(|| {
            let mut indexes: HashMap<ObjectId, Vec<ObjectId>> = HashMap::default();
            for index in self.target.of_kind(Kind::Index) {
                if let Some(table) = &index.parent {
                    indexes.entry(table.clone()).or_default().push(index.id.clone());
                }
            }
            indexes
        });
        indexes.get(table).into_iter().flatten().filter_map(|index| self.target.objects.get(index))
    }

    /// What reads an object of the base by itself: views, routines, policies and triggers, in the order of their names.
    pub(super) fn users(&self, object: &ObjectId) -> &[ObjectId] {
        const USERS: [Kind; 6] = [Kind::View, Kind::MaterializedView, Kind::Function, Kind::Procedure, Kind::Policy, Kind::Trigger];
        let users = self.found.users.get_or_init(|| {
            let mut users: HashMap<ObjectId, Vec<ObjectId>> = HashMap::default();
            for user in self.base.objects.values().filter(|user| USERS.contains(&user.id.kind)) {
                for need in &user.needs {
                    users.entry(need.clone()).or_default().push(user.id.clone());
                }
            }
            users
        });
        users.get(object).map_or(&[], Vec::as_slice)
    }
}
