//! The names of an object, outermost first. A copy costs nothing: an object's name stands in many places.

use std::{
    cmp::Ordering,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

/// A list of names that copies share until one of them is changed.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Path(Arc<Vec<String>>);

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
        &self.0
    }
}

impl DerefMut for Path {
    fn deref_mut(&mut self) -> &mut Vec<String> {
        Arc::make_mut(&mut self.0)
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq<Vec<String>> for Path {
    fn eq(&self, other: &Vec<String>) -> bool {
        *self.0 == *other
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Vec<String>> for Path {
    fn from(names: Vec<String>) -> Self {
        Self(Arc::new(names))
    }
}

impl From<Path> for Vec<String> {
    fn from(path: Path) -> Self {
        Arc::unwrap_or_clone(path.0)
    }
}

impl<S: Into<String>> FromIterator<S> for Path {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        names.into_iter().map(Into::into).collect::<Vec<String>>().into()
    }
}
