//! A local git repository, through git2: objects are read and nothing else.
//!
//! No hook, filter, attribute or configuration of the repository is run, and nothing is written. The repository may belong to
//! another user, as a checkout does inside a container. Objects that are absent (a shallow or partial clone) are told as absent,
//! so that the caller can ask GitHub instead.

use std::{
    path::{Path, PathBuf},
    sync::Once,
};

use git2::{ErrorCode, ObjectType, Oid, Repository, RepositoryOpenFlags};

use super::{Entry, EntryKind, LIMITS, Selection, SourceError, check_size, is_sql};
use crate::trigger::{BaseTip, CommitSha, Head};

/// Entries looked at in one commit at most: a tree can be made to unfold without end.
const ENTRIES: usize = 1_000_000;

/// A local repository that could be opened.
#[derive(Debug, Clone)]
pub struct Local {
    path: PathBuf,
}

impl Local {
    /// The repository that `directory` is in; absent when there is none that can be opened.
    pub fn find(directory: &Path) -> Option<Local> {
        prepare();
        let none: [&Path; 0] = [];
        match Repository::open_ext(directory, RepositoryOpenFlags::empty(), none) {
            Ok(repository) => Some(Local { path: repository.path().to_path_buf() }),
            Err(error) => {
                tracing::debug!("no local git repository at {}: {}", directory.display(), error.message());
                None
            }
        }
    }

    /// A path of the working tree as commits have it; absent when it is none, or is the whole tree.
    pub fn within(&self, path: &Path) -> Option<String> {
        let repository = Repository::open(&self.path).ok()?;
        let root = repository.workdir()?.canonicalize().ok()?;
        let path = path.canonicalize().ok()?.strip_prefix(root).ok()?.to_str()?.to_string();
        (!path.is_empty()).then_some(path)
    }

    /// Opens the repository on a thread that may block and runs `work` with it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repository) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || {
            let repository = Repository::open(&path).map_err(failed(format!("open {}", path.display())))?;
            work(&repository)
        });
        done.await.unwrap_or_else(|error| Err(SourceError::Git { attempt: "read objects".into(), message: error.to_string() }))
    }

    /// The commit that a ref, tag or other revision names.
    ///
    /// # Errors
    /// When it names no commit.
    pub async fn resolve(&self, reference: &str) -> Result<CommitSha, SourceError> {
        let reference = reference.to_string();
        self.run(move |repository| {
            let attempt = format!("find the revision `{reference}`");
            let object = repository.revparse_single(&reference).map_err(failed(attempt.clone()))?;
            let commit = object.peel_to_commit().map_err(failed(attempt.clone()))?;
            commit.id().to_string().parse().map_err(|_| SourceError::Git { attempt, message: "it is not a commit".into() })
        })
        .await
    }
}

/// Settings of libgit2 for the whole process, made once and before the first repository is opened.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: these set process-wide options of libgit2 and must not race with its use; every use in this program comes
        // after `Local::find`, which waits for this to end.
        let done = unsafe {
            git2::opts::set_verify_owner_validation(false).and_then(|()| {
                use git2::ConfigLevel::{Global, System, XDG};
                [System, Global, XDG].into_iter().try_for_each(|level| git2::opts::set_search_path(level, "/nonexistent"))
            })
        };
        if let Err(error) = done {
            tracing::debug!("libgit2's options could not be set: {}", error.message());
        }
    });
}

fn failed(attempt: String) -> impl FnOnce(git2::Error) -> SourceError {
    move |error| SourceError::Git { attempt, message: error.message().to_string() }
}

/// Absent when the object is not there; an error for anything else.
fn present<T>(found: Result<T, git2::Error>, attempt: impl FnOnce() -> String) -> Result<Option<T>, SourceError> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(failed(attempt())(error)),
    }
}

/// The repository's own kind of object name; absent for the other kind (SHA-256 names in a SHA-1 repository).
fn oid(text: &str) -> Option<Oid> {
    Oid::from_str(text).ok().filter(|oid| oid.to_string() == text)
}

/// The merge base; absent when the repository is shallow or lacks a commit, since it cannot know then.
pub(super) fn merge_base(repository: &Repository, base: &BaseTip, head: &Head) -> Result<Option<CommitSha>, SourceError> {
    let (Some(base), Some(head)) = (oid(base.0.as_str()), oid(head.0.as_str())) else { return Ok(None) };
    if repository.is_shallow() || repository.find_commit(base).is_err() || repository.find_commit(head).is_err() {
        return Ok(None);
    }
    let found = present(repository.merge_base(base, head), || format!("find the merge base of {base} and {head}"))?;
    Ok(found.and_then(|oid| oid.to_string().parse().ok()))
}

/// What a commit has in the directories that `selection` wants; absent when an object is missing.
pub(super) fn list(repository: &Repository, commit: &CommitSha, selection: &Selection) -> Result<Option<Vec<Entry>>, SourceError> {
    let Some(id) = oid(commit.as_str()) else { return Ok(None) };
    let attempt = || format!("read the tree of {commit}");
    let Some(root) = present(repository.find_commit(id).and_then(|commit| commit.tree()), attempt)? else { return Ok(None) };
    let mut entries = Vec::new();
    let mut looked_at = 0;
    let mut waiting = vec![(Vec::new(), root)];
    while let Some((directory, tree)) = waiting.pop() {
        for item in tree.iter() {
            looked_at += 1;
            if looked_at > ENTRIES {
                return Err(SourceError::TooManyFiles { limit: LIMITS.files });
            }
            let mut path: Vec<u8> = directory.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(item.name_bytes());
            let kind = kind(item.filemode(), item.kind());
            if kind == EntryKind::Tree && selection.wants(&path) {
                let Some(below) = present(repository.find_tree(item.id()), attempt)? else { return Ok(None) };
                waiting.push((path.clone(), below));
            }
            entries.push(Entry { path, kind, id: item.id().to_string(), size: None });
        }
    }
    Ok(Some(entries))
}

/// Whether a file whose name says SQL differs between two commits; absent when an object is missing.
pub(super) fn sql_differs(repository: &Repository, one: &CommitSha, other: &CommitSha) -> Result<Option<bool>, SourceError> {
    let attempt = || format!("compare {one} with {other}");
    let (Some(a), Some(b)) = (oid(one.as_str()), oid(other.as_str())) else { return Ok(None) };
    let tree = |id| present(repository.find_commit(id).and_then(|commit| commit.tree()), attempt);
    let (Some(a), Some(b)) = (tree(a)?, tree(b)?) else { return Ok(None) };
    let Some(difference) = present(repository.diff_tree_to_tree(Some(&a), Some(&b), None), attempt)? else { return Ok(None) };
    let differs = difference
        .deltas()
        .any(|delta| [delta.old_file(), delta.new_file()].iter().any(|file| file.path_bytes().is_some_and(is_sql)));
    Ok(Some(differs))
}

fn kind(mode: i32, object: Option<ObjectType>) -> EntryKind {
    match (mode, object) {
        (0o120_000, _) => EntryKind::Symlink,
        (0o160_000, _) => EntryKind::Submodule,
        (_, Some(ObjectType::Tree)) => EntryKind::Tree,
        _ => EntryKind::File,
    }
}

/// The content of blobs; absent where the object is missing.
pub(super) fn blobs(repository: &Repository, entries: &[Entry]) -> Result<Vec<Option<Vec<u8>>>, SourceError> {
    let database = repository.odb().map_err(failed("open the object database".into()))?;
    let mut total = 0;
    let one = |entry: &Entry| {
        let Some(id) = oid(&entry.id) else { return Ok(None) };
        let attempt = || format!("read the object {id}");
        // The size is asked first: what is too large is never unpacked.
        let Some((bytes, _)) = present(database.read_header(id), attempt)? else { return Ok(None) };
        check_size(&entry.path, bytes as u64)?;
        total += bytes as u64;
        if total > LIMITS.total_bytes {
            return Err(SourceError::TooLarge { limit: LIMITS.total_bytes });
        }
        let blob = present(repository.find_blob(id), attempt)?;
        Ok(blob.map(|blob| blob.content().to_vec()))
    };
    entries.iter().map(one).collect()
}
