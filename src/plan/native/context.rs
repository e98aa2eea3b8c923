//! What rules may look at: both sides, and what becomes of their objects.

use std::collections::{BTreeMap, BTreeSet};

use super::{super::rules, Options, Side};
use crate::catalog::{Catalog, Change, Kind, ObjectId};

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

impl<'a> Context<'a> {
    /// Both sides, before anything is said about their objects.
    pub(super) fn new(base: &'a Catalog, target: &'a Catalog, options: &Options) -> Self {
        Self {
            base: Side::new(base),
            target: Side::new(target),
            options: options.clone(),
            replaced: BTreeSet::new(),
            swapped: BTreeSet::new(),
            dropped: BTreeSet::new(),
            created: BTreeSet::new(),
            altered: BTreeMap::new(),
            split: BTreeSet::new(),
        }
    }

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

    pub(super) fn vanishes_itself(&self, id: &ObjectId) -> bool {
        self.dropped.contains(id) || self.replaced.contains(id)
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

    /// Whether an object is changed in place, and in this attribute.
    pub fn alters(&self, id: &ObjectId, attribute: &str) -> bool {
        self.altered.get(id).is_some_and(|change| change.concerns(attribute))
    }

    /// The name that an object of the base has while its successor is made.
    pub fn old(&self, id: &ObjectId) -> ObjectId {
        if self.swapped.contains(id) { rules::swap::old_id(id) } else { id.clone() }
    }
}
