//! A repository on GitHub, read through its API: trees and blobs of commits, for when there is no checkout or a shallow one.
//!
//! Speaks to a [`Remote`], which the GitHub client is; knows no HTTP itself.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Mutex;

use super::{Entry, EntryKind, LIMITS, Selection, SourceError, check_size, is_sql};
use crate::trigger::{BaseTip, CommitSha, Head};

/// Blobs fetched at a time.
const AT_A_TIME: usize = 8;
/// Trees asked for in one commit at most, when its listing is too long to come whole.
const TREES: usize = 2_000;

/// Why a remote repository did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The commit, tree or blob is not there, or the token may not see it.
    #[error("{0}")]
    NotFound(String),
    #[error(transparent)]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// A tree as the remote lists it. Paths are relative to the tree.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    pub entries: Vec<Entry>,
    /// The remote left entries out since there are too many.
    pub truncated: bool,
}

/// The little that is needed from a remote repository.
pub trait Remote: Send + Sync {
    /// A tree by its object name or its commit's.
    fn tree(&self, id: &str, recursive: bool) -> impl Future<Output = Result<Tree, RemoteError>> + Send;
    /// A blob's content.
    fn blob(&self, id: &str) -> impl Future<Output = Result<Vec<u8>, RemoteError>> + Send;
    /// The merge base of two commits; absent when they have none.
    fn merge_base(&self, base: &BaseTip, head: &Head) -> impl Future<Output = Result<Option<CommitSha>, RemoteError>> + Send;
}

/// Nothing to ask: for the command line outside of GitHub.
pub enum NoRemote {}

impl Remote for NoRemote {
    async fn tree(&self, _: &str, _: bool) -> Result<Tree, RemoteError> {
        match *self {}
    }

    async fn blob(&self, _: &str) -> Result<Vec<u8>, RemoteError> {
        match *self {}
    }

    async fn merge_base(&self, _: &BaseTip, _: &Head) -> Result<Option<CommitSha>, RemoteError> {
        match *self {}
    }
}

/// A remote repository with what it has answered already: base and head share most of their blobs.
pub struct Trees<R> {
    remote: R,
    whole: Mutex<BTreeMap<CommitSha, Arc<Tree>>>,
    blobs: Mutex<BTreeMap<String, Arc<[u8]>>>,
}

impl<R: Remote> Trees<R> {
    pub fn new(remote: R) -> Self {
        Trees { remote, whole: Mutex::default(), blobs: Mutex::default() }
    }

    pub(super) async fn merge_base(&self, base: &BaseTip, head: &Head) -> Result<CommitSha, SourceError> {
        let attempt = || format!("find the merge base of {} and {}", base.0, head.0);
        let found =
            self.remote.merge_base(base, head).await.map_err(|source| SourceError::Remote { attempt: attempt(), source })?;
        found.ok_or_else(|| SourceError::NoMergeBase { base: base.0.to_string(), head: head.0.to_string() })
    }

    pub(super) async fn list(&self, commit: &CommitSha, selection: &Selection) -> Result<Vec<Entry>, SourceError> {
        let whole = self.whole(commit).await?;
        if whole.truncated {
            return self.walk(commit, selection).await;
        }
        Ok(whole.entries.iter().filter(|entry| wanted(entry, selection)).cloned().collect())
    }

    /// Whether a file whose name says SQL differs between two commits, as far as their listings tell.
    pub(super) async fn sql_differs(&self, one: &CommitSha, other: &CommitSha) -> Result<bool, SourceError> {
        let (one, other) = (self.whole(one).await?, self.whole(other).await?);
        let files = |tree: &Tree| -> BTreeMap<Vec<u8>, String> {
            tree.entries.iter().filter(|entry| is_sql(&entry.path)).map(|entry| (entry.path.clone(), entry.id.clone())).collect()
        };
        Ok(one.truncated || other.truncated || files(&one) != files(&other))
    }

    /// The whole listing of a commit, asked for once.
    async fn whole(&self, commit: &CommitSha) -> Result<Arc<Tree>, SourceError> {
        let attempt = || format!("list the files of {commit}");
        let known = self.whole.lock().await.get(commit).cloned();
        if let Some(whole) = known {
            return Ok(whole);
        }
        let tree = self.remote.tree(commit.as_str(), true).await;
        let tree = Arc::new(tree.map_err(|source| SourceError::Remote { attempt: attempt(), source })?);
        self.whole.lock().await.insert(commit.clone(), tree.clone());
        Ok(tree)
    }

    /// One tree at a time, only where something may be selected.
    async fn walk(&self, commit: &CommitSha, selection: &Selection) -> Result<Vec<Entry>, SourceError> {
        let mut entries = Vec::new();
        let mut waiting = vec![(Vec::new(), commit.as_str().to_string())];
        let mut asked = 0;
        while let Some((directory, id)) = waiting.pop() {
            asked += 1;
            if asked > TREES {
                return Err(SourceError::TooManyFiles { limit: LIMITS.files });
            }
            let attempt = || format!("list the directory `{}` of {commit}", super::selection::shown(&directory));
            let tree = self.remote.tree(&id, false).await.map_err(|source| SourceError::Remote { attempt: attempt(), source })?;
            if tree.truncated {
                return Err(SourceError::TooManyFiles { limit: LIMITS.files });
            }
            for mut entry in tree.entries {
                if !directory.is_empty() {
                    entry.path = [directory.as_slice(), b"/", entry.path.as_slice()].concat();
                }
                if entry.kind == EntryKind::Tree && selection.wants(&entry.path) {
                    waiting.push((entry.path.clone(), entry.id.clone()));
                }
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// The contents of blobs, each with the number it was asked by.
    pub(super) async fn blobs(&self, wanted: Vec<(usize, Entry)>) -> Result<Vec<(usize, Vec<u8>)>, SourceError> {
        stream::iter(wanted)
            .map(|(at, entry)| async move { Ok((at, self.blob(&entry).await?)) })
            .buffered(AT_A_TIME)
            .try_collect()
            .await
    }

    async fn blob(&self, entry: &Entry) -> Result<Vec<u8>, SourceError> {
        check_size(&entry.path, entry.size.unwrap_or_default())?;
        let known = self.blobs.lock().await.get(&entry.id).cloned();
        if let Some(bytes) = known {
            return Ok(bytes.to_vec());
        }
        let attempt = || format!("read `{}`", super::selection::shown(&entry.path));
        let bytes = self.remote.blob(&entry.id).await.map_err(|source| SourceError::Remote { attempt: attempt(), source })?;
        check_size(&entry.path, bytes.len() as u64)?;
        self.blobs.lock().await.insert(entry.id.clone(), Arc::from(bytes.as_slice()));
        Ok(bytes)
    }
}

/// Entries in a directory that matters; links and submodules on the way to one are among them.
fn wanted(entry: &Entry, selection: &Selection) -> bool {
    let parent = entry.path.iter().rposition(|byte| *byte == b'/').and_then(|at| entry.path.get(..at)).unwrap_or_default();
    selection.wants(parent)
}
