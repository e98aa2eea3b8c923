//! One catalog with what planning asks of it: parts, dependents, names in use.

use foldhash::HashMap;

use crate::catalog::{Catalog, Kind, Object, ObjectId};

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
    pub(super) fn new(catalog: &'a Catalog) -> Self {
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
