//! Where the two schemas come from: a SQL directory at a git revision, files, a live database.
//!
//! Files are read as they are and never interpreted here. Nothing is written, no hook, filter or configuration of a repository
//! is run, and no symbolic link leads out of the tree that was named. Live databases are only named; `load` connects.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::SecretString;

use crate::{
    config::Dialect,
    script::{self, Item, Names, SqlFile},
    trigger::{BaseTip, CommitSha, Head},
};

pub mod api;
pub mod directory;
pub mod git;
mod include;
mod selection;

pub use selection::Selection;

/// The SQL files of one side, in the C-locale order that `cat DIR/*.sql` has.
#[derive(Debug, Clone, Default)]
pub struct SqlFiles {
    pub files: Vec<SqlFile>,
    /// What those include with `\i` or `\ir` and what that includes: read where it stands, never run by itself.
    pub included: Vec<SqlFile>,
}

impl SqlFiles {
    /// The files that statements are run from: those that were given, and of the included ones those that really are. More are fetched than
    /// that: what a string or a comment names, too.
    pub fn executed(&self) -> Vec<SqlFile> {
        let mut files = self.files.clone();
        if self.included.is_empty() {
            return files;
        }
        let items = script::split_including(&self.files, &self.included, &Names::default()).unwrap_or_default();
        let mut run: BTreeSet<&str> = BTreeSet::new();
        for item in &items {
            if let Item::Statement(statement) | Item::CopyIn { statement, .. } | Item::CopyOut(statement) = item {
                run.insert(&statement.place.file);
            }
        }
        run.retain(|path| !self.files.iter().any(|file| *file.path == **path));
        files.extend(self.included.iter().filter(|file| run.contains(&*file.path)).cloned());
        files
    }
}

/// How much of a source is read at most. What lies beyond is an error, never silently left out.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files of one side.
    pub total_bytes: u64,
}

/// The limits of every source.
pub const LIMITS: Limits = Limits { files: 10_000, file_bytes: 32 << 20, total_bytes: 128 << 20 };

/// A schema source as it is written for `--from`, `--to` and `base`.
#[derive(Debug, Clone)]
pub enum SchemaSource {
    /// `postgres://…` or `mysql://…`.
    Live { url: SecretString },
    /// A directory of `.sql` files.
    Directory(PathBuf),
    /// One file of SQL or HCL.
    File(PathBuf),
    /// `git:REF` or `git:REF:PATH`; without a path, the configured paths.
    Git { reference: String, path: Option<String> },
    /// `empty`: a database as `CREATE DATABASE` makes it.
    Empty,
}

impl SchemaSource {
    /// Where it is among the files here.
    pub fn path(&self) -> Option<&Path> {
        match self {
            SchemaSource::Directory(path) | SchemaSource::File(path) => Some(path),
            SchemaSource::Live { .. } | SchemaSource::Git { .. } | SchemaSource::Empty => None,
        }
    }

    /// Understands a schema source. Looks whether a path is a directory; reads nothing.
    ///
    /// # Errors
    /// When it is none of the known forms, or names nothing that is there.
    pub fn parse(text: &str) -> Result<SchemaSource, SourceError> {
        let text = text.trim();
        let live = || SchemaSource::Live { url: SecretString::from(text) };
        if text.is_empty() {
            return Err(SourceError::BadSource { text: String::new() });
        }
        if text == "empty" {
            return Ok(SchemaSource::Empty);
        }
        if let Some(rest) = text.strip_prefix("git:") {
            let (reference, path) = match rest.split_once(':') {
                Some((reference, path)) => (reference, Some(path).filter(|path| !path.is_empty())),
                None => (rest, None),
            };
            if reference.is_empty() {
                return Err(SourceError::BadSource { text: text.into() });
            }
            return Ok(SchemaSource::Git { reference: reference.into(), path: path.map(String::from) });
        }
        match text.split_once("://") {
            Some(("postgres" | "postgresql" | "mysql" | "mariadb" | "maria" | "tidb", _)) => return Ok(live()),
            Some(("file", path)) => return SchemaSource::local(path),
            // The text may hold a password: only its scheme is repeated.
            Some((scheme, _)) => return Err(SourceError::BadScheme { scheme: scheme.chars().take(40).collect() }),
            None => {}
        }
        SchemaSource::local(text)
    }

    fn local(text: &str) -> Result<SchemaSource, SourceError> {
        let path = PathBuf::from(text);
        let about = std::fs::metadata(&path).map_err(|source| SourceError::Io {
            attempt: format!("look at the schema source `{}`", selection::shown_path(&path)),
            source,
        })?;
        Ok(if about.is_dir() { SchemaSource::Directory(path) } else { SchemaSource::File(path) })
    }

    /// What it is called in a report: never with a password.
    pub fn name(&self) -> String {
        match self {
            SchemaSource::Live { url, .. } => shown_url(url),
            SchemaSource::Directory(path) | SchemaSource::File(path) => selection::shown_path(path),
            SchemaSource::Git { reference, path: None } => format!("git:{reference}"),
            SchemaSource::Git { reference, path: Some(path) } => format!("git:{reference}:{path}"),
            SchemaSource::Empty => "empty".into(),
        }
    }
}

/// A URL without user, password and parameters: `postgres://host:5432/app`.
pub fn shown_url(url: &SecretString) -> String {
    use secrecy::ExposeSecret as _;
    match url::Url::parse(url.expose_secret()) {
        Ok(parsed) => {
            let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{}{port}{}", parsed.scheme(), parsed.host_str().unwrap_or_default(), parsed.path())
        }
        Err(_) => "a database".into(),
    }
}

/// Whose database a URL leads to, by its scheme; `mysql://` leads to all of that family.
pub fn dialect_of(url: &SecretString) -> Dialect {
    use secrecy::ExposeSecret as _;
    match url.expose_secret().split_once("://").map(|(scheme, _)| scheme) {
        Some("mysql") => Dialect::MySql,
        Some("mariadb" | "maria") => Dialect::MariaDb,
        Some("tidb") => Dialect::TiDb,
        _ => Dialect::Postgres,
    }
}

/// Why a schema source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "`{text}` is not a schema source; give `postgres://…`, a directory of .sql files, `FILE.sql`, `FILE.hcl`, `git:REF`, `git:REF:PATH` or `empty`"
    )]
    BadSource { text: String },
    #[error("cannot read a schema from a `{scheme}://` address; `postgres://`, `mysql://` and `file://` are known")]
    BadScheme { scheme: String },
    #[error("the entry `{entry}` of `paths` cannot be used: {reason}")]
    BadPath { entry: String, reason: String },
    #[error(
        "`{path}` is a symbolic link, and links in a pull request are not followed; put the file itself there, or name the link's target in `paths`"
    )]
    Symlink { path: String },
    #[error("`{path}` is a symbolic link that leads out of `{root}`; copy the file there instead")]
    LeadsOut { path: String, root: String },
    #[error("`{path}` is in a git submodule, which is not read; check its SQL files in, or generate them into this repository")]
    Submodule { path: String },
    #[error("`{path}` is a Git LFS pointer, not SQL; keep SQL files out of LFS (`git lfs untrack`, then commit the file)")]
    Lfs { path: String },
    #[error("`{path}` is neither a file nor a directory")]
    NotAFile { path: String },
    #[error("more than {limit} files are to be read; name fewer in `paths`")]
    TooManyFiles { limit: usize },
    #[error("`{path}` has {bytes} bytes, more than the {limit} that one SQL file may have; move data out of the schema files")]
    FileTooLarge { path: String, bytes: u64, limit: u64 },
    #[error("the SQL files have more than {limit} bytes together; move data out of the schema files")]
    TooLarge { limit: u64 },
    #[error("`{path}` is not UTF-8 (the first byte that does not fit is number {offset}); convert it, for instance with iconv")]
    NotUtf8 { path: String, offset: usize },
    #[error("cannot {attempt} in the local git repository: {message}")]
    Git { attempt: String, message: String },
    #[error("cannot {attempt}: {source}")]
    Io { attempt: String, source: std::io::Error },
    #[error("cannot {attempt} through GitHub's API: {source}")]
    Remote { attempt: String, source: api::RemoteError },
    #[error(
        "the commit {commit} is not in the local repository, and there is no GitHub API to ask; fetch it, for instance with `git fetch`"
    )]
    NoCommit { commit: String },
    #[error("the commits {base} and {head} have no ancestor in common; give `base` a ref or a schema source")]
    NoMergeBase { base: String, head: String },
}

/// What a commit has under the configured paths, before any text is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub commit: CommitSha,
    files: Vec<Entry>,
    /// Entries of `paths` that name nothing in this commit.
    pub missing: Vec<String>,
}

impl Snapshot {
    /// Whether both have the same files with the same content in the same order.
    pub fn is_same_as(&self, other: &Snapshot) -> bool {
        let key = |entry: &Entry| (entry.path.clone(), entry.id.clone());
        self.files.len() == other.files.len() && self.files.iter().zip(&other.files).all(|(a, b)| key(a) == key(b))
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }
}

/// One entry of a git tree. The path is bytes: git knows no encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: Vec<u8>,
    pub kind: EntryKind,
    /// Object name of the blob, hexadecimal.
    pub id: String,
    /// In bytes, where the listing says it.
    pub size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Symlink,
    Submodule,
    Tree,
}

/// The commits of one repository: read from the local repository where it has them, else through the API.
pub struct Commits<R> {
    pub local: Option<git::Local>,
    pub remote: Option<api::Trees<R>>,
}

impl<R: api::Remote> Commits<R> {
    /// The merge base of a branch's tip and a head.
    ///
    /// # Errors
    /// When neither the local repository nor the API knows the commits, or they have no ancestor in common.
    pub async fn merge_base(&self, base: &BaseTip, head: &Head) -> Result<CommitSha, SourceError> {
        if let Some(local) = &self.local {
            let (base, head) = (base.clone(), head.clone());
            if let Some(found) = local.run(move |repository| git::merge_base(repository, &base, &head)).await? {
                return Ok(found);
            }
        }
        match &self.remote {
            Some(remote) => remote.merge_base(base, head).await,
            None => Err(SourceError::NoCommit { commit: head.0.to_string() }),
        }
    }

    /// What `selection` finds in a commit.
    ///
    /// # Errors
    /// When the commit cannot be read, or a path leads through a link or a submodule, or there are too many files.
    pub async fn snapshot(&self, commit: &CommitSha, selection: &Selection) -> Result<Snapshot, SourceError> {
        let candidates = self.list(commit, selection).await?;
        let (files, missing) = selection.select(candidates)?;
        check_sizes(&files)?;
        Ok(Snapshot { commit: commit.clone(), files, missing })
    }

    async fn list(&self, commit: &CommitSha, selection: &Selection) -> Result<Vec<Entry>, SourceError> {
        if let Some(local) = &self.local {
            let (commit, selection) = (commit.clone(), selection.clone());
            if let Some(found) = local.run(move |repository| git::list(repository, &commit, &selection)).await? {
                return Ok(found);
            }
        }
        match &self.remote {
            Some(remote) => remote.list(commit, selection).await,
            None => Err(SourceError::NoCommit { commit: commit.to_string() }),
        }
    }

    /// The texts of a snapshot.
    ///
    /// # Errors
    /// When a file cannot be read, is too large, is not UTF-8, or is a Git LFS pointer.
    pub async fn read(&self, snapshot: &Snapshot) -> Result<SqlFiles, SourceError> {
        let mut total = 0;
        let files = self.texts(&snapshot.files, &mut total).await?;
        let mut seen = include::Seen::new(&files);
        let (mut included, mut newest) = (Vec::new(), files.clone());
        while let Some(wanted) = seen.wanted(&newest) {
            let (found, _) = wanted.select(self.list(&snapshot.commit, &wanted).await?)?;
            check_sizes(&found)?;
            newest = self.texts(&found, &mut total).await?;
            included.extend(newest.iter().cloned());
        }
        Ok(SqlFiles { files, included })
    }

    async fn texts(&self, entries: &[Entry], total: &mut u64) -> Result<Vec<SqlFile>, SourceError> {
        let mut files = Vec::with_capacity(entries.len());
        for (path, bytes) in self.blobs(entries).await? {
            *total += bytes.len() as u64;
            if *total > LIMITS.total_bytes {
                return Err(SourceError::TooLarge { limit: LIMITS.total_bytes });
            }
            files.push(sql_file(selection::shown(&path), bytes)?);
        }
        Ok(files)
    }

    /// Whether two snapshots are the same schema: the same files, and the same content in what those include. Texts are read only
    /// when a file that could be included differs between the commits.
    ///
    /// # Errors
    /// As [`Commits::read`].
    pub async fn are_same(&self, one: &Snapshot, other: &Snapshot) -> Result<bool, SourceError> {
        if !one.is_same_as(other) {
            return Ok(false);
        }
        if one.files.is_empty() || one.commit == other.commit || !self.other_sql_differs(&one.commit, &other.commit).await? {
            return Ok(true);
        }
        Ok(self.read(one).await?.included == self.read(other).await?.included)
    }

    async fn other_sql_differs(&self, one: &CommitSha, other: &CommitSha) -> Result<bool, SourceError> {
        if let Some(local) = &self.local {
            let (one, other) = (one.clone(), other.clone());
            if let Some(differs) = local.run(move |repository| git::sql_differs(repository, &one, &other)).await? {
                return Ok(differs);
            }
        }
        match &self.remote {
            Some(remote) => remote.sql_differs(one, other).await,
            None => Ok(true),
        }
    }

    /// The text of one file of a commit; absent when the commit has no such file.
    ///
    /// # Errors
    /// As [`Commits::read`].
    pub async fn file(&self, commit: &CommitSha, path: &str) -> Result<Option<String>, SourceError> {
        let selection = Selection::file(path)?;
        let snapshot = self.snapshot(commit, &selection).await?;
        let files = self.texts(&snapshot.files, &mut 0).await?;
        Ok(files.first().map(|file| file.text.to_string()))
    }

    async fn blobs(&self, entries: &[Entry]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, SourceError> {
        let mut found: Vec<Option<Vec<u8>>> = vec![None; entries.len()];
        if let Some(local) = &self.local {
            let wanted = entries.to_vec();
            found = local.run(move |repository| git::blobs(repository, &wanted)).await?;
        }
        let absent: Vec<(usize, Entry)> = entries
            .iter()
            .enumerate()
            .filter(|(at, _)| found.get(*at).is_none_or(Option::is_none))
            .map(|(at, entry)| (at, entry.clone()))
            .collect();
        if !absent.is_empty() {
            let Some(remote) = &self.remote else {
                return Err(SourceError::NoCommit {
                    commit: absent.first().map(|(_, entry)| entry.id.clone()).unwrap_or_default(),
                });
            };
            for (at, bytes) in remote.blobs(absent).await? {
                if let Some(slot) = found.get_mut(at) {
                    *slot = Some(bytes);
                }
            }
        }
        Ok(entries.iter().zip(found).filter_map(|(entry, bytes)| Some((entry.path.clone(), bytes?))).collect())
    }
}

/// Whether a file's name says that it is SQL.
fn is_sql(path: &[u8]) -> bool {
    [&b".sql"[..], b".psql", b".pgsql", b".ddl", b".dump"].iter().any(|end| path.to_ascii_lowercase().ends_with(end))
}

fn check_sizes(files: &[Entry]) -> Result<(), SourceError> {
    let mut total = 0_u64;
    for file in files {
        check_size(&file.path, file.size.unwrap_or_default())?;
        total = total.saturating_add(file.size.unwrap_or_default());
    }
    if total > LIMITS.total_bytes {
        return Err(SourceError::TooLarge { limit: LIMITS.total_bytes });
    }
    Ok(())
}

fn check_size(path: &[u8], bytes: u64) -> Result<(), SourceError> {
    if bytes > LIMITS.file_bytes {
        return Err(SourceError::FileTooLarge { path: selection::shown(path), bytes, limit: LIMITS.file_bytes });
    }
    Ok(())
}

/// What a Git LFS pointer begins with (git-lfs specification, "Pointer format").
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1";

fn sql_file(path: String, bytes: Vec<u8>) -> Result<SqlFile, SourceError> {
    check_size(path.as_bytes(), bytes.len() as u64)?;
    if bytes.len() < 1024 && bytes.starts_with(LFS) {
        return Err(SourceError::Lfs { path });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SqlFile { path: Arc::from(path), text: Arc::from(text) }),
        Err(error) => Err(SourceError::NotUtf8 { path, offset: error.utf8_error().valid_up_to() + 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart() {
        let git = SchemaSource::parse("git:v1:db/sql").unwrap();
        assert!(matches!(&git, SchemaSource::Git { reference, path: Some(path) } if reference == "v1" && path == "db/sql"));
        assert!(matches!(SchemaSource::parse("git:HEAD~1").unwrap(), SchemaSource::Git { path: None, .. }));
        assert!(matches!(SchemaSource::parse("empty").unwrap(), SchemaSource::Empty));
        assert!(matches!(SchemaSource::parse("src").unwrap(), SchemaSource::Directory(_)));
        assert!(matches!(SchemaSource::parse("file://Cargo.toml").unwrap(), SchemaSource::File(_)));
        assert!(matches!(SchemaSource::parse("mysql://u@h/d").unwrap(), SchemaSource::Live { .. }));
    }

    #[test]
    fn no_name_and_no_error_holds_a_password() {
        let live = SchemaSource::parse("postgres://ann:hunter2@db.example:6543/app?sslmode=require&password=hunter2").unwrap();
        assert_eq!(live.name(), "postgres://db.example:6543/app");
        assert!(!SchemaSource::parse("oracle://ann:hunter2@db").unwrap_err().to_string().contains("hunter2"));
        assert!(!format!("{live:?}").contains("hunter2"));
    }

    #[test]
    fn pointers_and_other_encodings_are_refused() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec();
        assert!(matches!(sql_file("a.sql".into(), pointer), Err(SourceError::Lfs { .. })));
        assert!(matches!(sql_file("a.sql".into(), b"-- caf\xe9".to_vec()), Err(SourceError::NotUtf8 { offset: 7, .. })));
    }
}
