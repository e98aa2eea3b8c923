//! Many databases side by side: which are alike, which are not, and what each lacks to be like the first. Pure.
//!
//! Databases with the same catalog fingerprint are one group, so that hundreds of tenants are a few lines. It reads no database
//! (that is [`crate::pipeline::environments`]'s) and judges nothing: whether a difference is wanted, people know.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    catalog::{self, Action, Catalog, ObjectId, fingerprint::CatalogFingerprint},
    mysql,
    plan::native,
    report::{self, ReportedChange},
    risk::{Places, look},
    sandbox::mysql::Flavor,
};

pub mod told;

/// What was read of one environment, or why it could not be.
#[derive(Debug)]
pub struct Found {
    pub name: String,
    /// `postgres://host/app`, never with a password; or the files.
    pub source: String,
    pub read: Result<CatalogFingerprint, String>,
}

/// Environments compared with the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Version of this format: 1.
    pub schemaproof: u32,
    /// Name of the first environment: what the others are compared with.
    pub reference: String,
    /// Whether all were read and are the same.
    pub same: bool,
    /// In the order in which they were named.
    pub environments: Vec<Environment>,
    /// The first has the reference in it when that could be read; the others by size, the smallest last.
    pub groups: Vec<Group>,
    /// Objects that are not the same in all groups.
    pub objects: Vec<Row>,
    /// How many objects are the same everywhere.
    pub same_objects: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Environment {
    pub name: String,
    pub source: String,
    /// Index into `groups`.
    pub group: Option<usize>,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// Environments with the same schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    pub fingerprint: String,
    pub names: Vec<String>,
    /// What would change to make it like the reference: `create` is what it lacks, `drop` what it has beyond.
    pub changes: Vec<ReportedChange>,
    /// Steps of the native planner's plan to the reference; it is not proven.
    pub steps: Option<usize>,
    /// Why there is no such plan.
    pub no_plan: Option<String>,
}

/// One object, group by group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub kind: String,
    pub object: String,
    /// One entry a group.
    pub states: Vec<State>,
}

/// How a group's object stands to the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Same,
    Differs,
    /// The reference has it, this group has not.
    Missing,
    /// The reference has not got it, this group has.
    Extra,
    /// Neither has it.
    Absent,
}

/// Compares what was found; `catalogs` holds one catalog a fingerprint. The first environment is the reference.
pub fn compare(found: &[Found], catalogs: &BTreeMap<CatalogFingerprint, Catalog>) -> Comparison {
    let reference = found.first();
    let mut members: BTreeMap<&CatalogFingerprint, Vec<&str>> = BTreeMap::new();
    for environment in found {
        if let Ok(print) = &environment.read {
            members.entry(print).or_default().push(&environment.name);
        }
    }
    let of_reference = reference.and_then(|first| first.read.as_ref().ok());
    let mut order: Vec<(&CatalogFingerprint, Vec<&str>)> = members.into_iter().collect();
    order.sort_by_key(|(print, names)| (Some(*print) != of_reference, std::cmp::Reverse(names.len()), names.first().copied()));

    let wanted = of_reference.and_then(|print| catalogs.get(print));
    let mut rows: BTreeMap<ObjectId, BTreeMap<usize, State>> = BTreeMap::new();
    let groups: Vec<Group> = order
        .iter()
        .enumerate()
        .map(|(at, (print, names))| {
            let mut group = Group {
                fingerprint: print.to_string(),
                names: names.iter().map(ToString::to_string).collect(),
                changes: Vec::new(),
                steps: None,
                no_plan: None,
            };
            let (Some(wanted), Some(catalog)) = (wanted, catalogs.get(print)) else { return group };
            let changes = catalog::compare(catalog, wanted);
            for change in &changes {
                let state = match change.action {
                    Action::Create => State::Missing,
                    Action::Drop => State::Extra,
                    Action::Alter | Action::Rename | Action::Replace => State::Differs,
                };
                rows.entry(change.object.clone()).or_default().insert(at, state);
            }
            group.changes = report::build::changes(catalog, wanted, &changes, &Places::default());
            if let Some(flavor) = Flavor::of_dialect(wanted.dialect) {
                group.steps = Some(mysql::plan::plan(catalog, wanted, flavor, &mysql::plan::Options::default()).steps.len());
                return group;
            }
            match native::plan(catalog, wanted, &native::Options::default()) {
                Ok(plan) => group.steps = Some(plan.steps.len()),
                Err(error) => group.no_plan = Some(error.to_string()),
            }
            group
        })
        .collect();
    let objects: Vec<Row> = rows
        .iter()
        .map(|(id, states)| {
            let there = wanted.is_some_and(|wanted| wanted.objects.contains_key(id));
            let otherwise = if there { State::Same } else { State::Absent };
            let state = |at: usize| states.get(&at).copied().unwrap_or_else(|| part_of_missing(id, at, &rows).unwrap_or(otherwise));
            Row { kind: look::kind_words(id.kind), object: id.to_string(), states: (0..groups.len()).map(state).collect() }
        })
        .collect();
    let environments: Vec<Environment> = found
        .iter()
        .map(|environment| Environment {
            name: environment.name.clone(),
            source: environment.source.clone(),
            group: environment.read.as_ref().ok().and_then(|print| order.iter().position(|(other, _)| *other == print)),
            error: environment.read.as_ref().err().cloned(),
        })
        .collect();
    Comparison {
        schemaproof: 1,
        reference: reference.map(|first| first.name.clone()).unwrap_or_default(),
        same: groups.len() <= 1 && environments.iter().all(|environment| environment.error.is_none()),
        same_objects: wanted.map_or(0, |wanted| wanted.objects.keys().filter(|id| !rows.contains_key(*id)).count()),
        environments,
        groups,
        objects,
    }
}

/// A part is not listed where its whole is missing; it is missing there all the same.
fn part_of_missing(id: &ObjectId, group: usize, rows: &BTreeMap<ObjectId, BTreeMap<usize, State>>) -> Option<State> {
    let wholes = rows.iter().filter(|(whole, _)| id.path.len() > whole.path.len() && id.path.starts_with(&whole.path));
    wholes.filter_map(|(_, states)| states.get(&group)).find(|state| **state == State::Missing).copied()
}

impl Comparison {
    /// The environments that could not be read.
    pub fn unread(&self) -> impl Iterator<Item = &Environment> {
        self.environments.iter().filter(|environment| environment.error.is_some())
    }

    /// How many environments were read and are not like the reference.
    pub fn odd(&self) -> usize {
        self.groups.iter().skip(1).map(|group| group.names.len()).sum()
    }

    /// Whether the first environment could be read.
    pub fn has_reference(&self) -> bool {
        self.environments.first().is_some_and(|first| first.error.is_none())
    }

    /// The one line that says it all.
    pub fn headline(&self) -> String {
        let (all, unread) = (self.environments.len(), self.unread().count());
        let read = report::words::counted(all - unread, "environment");
        let mut said = match (self.has_reference(), self.odd()) {
            (false, _) => format!("❌ {} could not be read, so there is nothing to compare with", self.reference),
            (true, 0) if all - unread == 1 => "✅ One environment, and nothing to compare it with".to_string(),
            (true, 0) => format!("✅ {read} with the same schema"),
            (true, odd) => format!("❌ {odd} of {read} {} from {}", if odd == 1 { "differs" } else { "differ" }, self.reference),
        };
        if unread > 0 {
            said = format!("{} · {unread} could not be read", said.replace('✅', "❌"));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Kind, Object};

    fn catalog(tables: &[(&str, &str)]) -> Catalog {
        let objects = tables.iter().map(|(name, persistence)| {
            let object = Object::new(ObjectId::new(Kind::Table, ["public", name])).with("persistence", *persistence);
            (object.id.clone(), object)
        });
        Catalog { objects: objects.collect(), ..Catalog::default() }
    }

    fn compared(environments: &[(&str, Option<Catalog>)]) -> Comparison {
        let mut catalogs = BTreeMap::new();
        let found: Vec<Found> = environments
            .iter()
            .map(|(name, catalog)| Found {
                name: name.to_string(),
                source: format!("postgres://{name}"),
                read: match catalog {
                    Some(catalog) => {
                        catalogs.insert(catalog.fingerprint(), catalog.clone());
                        Ok(catalog.fingerprint())
                    }
                    None => Err("connection refused".into()),
                },
            })
            .collect();
        compare(&found, &catalogs)
    }

    #[test]
    fn the_alike_are_one_group_and_each_object_has_a_state_in_each() {
        let first = catalog(&[("a", "p"), ("b", "p")]);
        let other = catalog(&[("a", "u"), ("c", "p")]);
        let found = compared(&[
            ("dev", Some(first.clone())),
            ("one", Some(other.clone())),
            ("two", Some(other)),
            ("gone", None),
            ("staging", Some(first)),
        ]);
        let names: Vec<Vec<&str>> = found.groups.iter().map(|group| group.names.iter().map(String::as_str).collect()).collect();
        assert_eq!(names, [vec!["dev", "staging"], vec!["one", "two"]]);
        let rows: Vec<(&str, &[State])> = found.objects.iter().map(|row| (row.object.as_str(), row.states.as_slice())).collect();
        assert_eq!(
            rows,
            [
                ("public.a", &[State::Same, State::Differs][..]),
                ("public.b", &[State::Same, State::Missing]),
                ("public.c", &[State::Absent, State::Extra]),
            ]
        );
        assert_eq!((found.same, found.odd(), found.same_objects), (false, 2, 0));
        assert_eq!(found.environments[3].error.as_deref(), Some("connection refused"));
        assert_eq!(found.headline(), "❌ 2 of 4 environments differ from dev · 1 could not be read");
    }

    #[test]
    fn without_its_first_there_are_groups_and_no_differences() {
        let found = compared(&[("dev", None), ("prod", Some(catalog(&[("a", "p")])))]);
        assert_eq!((found.groups.len(), found.objects.len(), found.same), (1, 0, false));
        assert!(found.headline().starts_with("❌ dev could not be read"));
        assert_eq!(
            compared(&[("a", Some(Catalog::default())), ("b", Some(Catalog::default()))]).headline(),
            "✅ 2 environments with the same schema"
        );
    }
}
