//! The names of an object, outermost first. A copy costs nothing: an object's name stands in many places.

use std::{
    cmp::Ordering,
    fmt,
    hash::{BuildHasher, Hash, Hasher},
    ops::{Deref, DerefMut},
    sync::{Arc, LazyLock},
};

use serde::{Deserialize, Serialize};

/// A list of names that copies share until one of them is changed.
#[derive(Clone, Default)]
pub struct Path(Arc<Names>);

/// One for the process, so that equal lists have equal hashes, and nobody knows names that collide.
static STATE: LazyLock<foldhash::fast::RandomState> = LazyLock::new(Default::default);

#[derive(Clone, Default)]
struct Names {
    list: Vec<String>,
    /// Of the list, as it was made; absent after a change. Names are looked up far more often than they are made.
    hash: Option<u64>,
}

impl Path {
    /// The path of a part of what has this one.
    #[must_use]
    pub fn part(&self, name: impl Into<String>) -> Path {
        let mut names = Vec::with_capacity(self.len() + 1);
        names.extend_from_slice(self);
        names.push(name.into());
        names.into()
    }
}

impl Deref for Path {
    type Target = Vec<String>;

    fn deref(&self) -> &Vec<String> {
        &self.0.list
    }
}

impl DerefMut for Path {
    fn deref_mut(&mut self) -> &mut Vec<String> {
        let names = Arc::make_mut(&mut self.0);
        names.hash = None;
        &mut names.list
    }
}

impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let hash = self.0.hash.unwrap_or_else(|| STATE.hash_one(&self.0.list));
        state.write_u64(hash);
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.list == other.0.list
    }
}

impl Eq for Path {}

impl Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.list.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.list.cmp(&other.0.list) }
    }
}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq<Vec<String>> for Path {
    fn eq(&self, other: &Vec<String>) -> bool {
        self.0.list == *other
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.list.fmt(f)
    }
}

impl From<Vec<String>> for Path {
    fn from(names: Vec<String>) -> Self {
        let hash = Some(STATE.hash_one(&names));
        Self(Arc::new(Names { list: names, hash }))
    }
}

impl From<Path> for Vec<String> {
    fn from(path: Path) -> Self {
        Arc::unwrap_or_clone(path.0).list
    }
}

impl<S: Into<String>> FromIterator<S> for Path {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        names.into_iter().map(Into::into).collect::<Vec<String>>().into()
    }
}
