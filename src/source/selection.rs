//! `paths`: which files of a tree are the schema, and in which order. Pure; names are bytes, as git has them.

use std::{collections::BTreeSet, ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};

use globset::{GlobBuilder, GlobMatcher};

use super::{Entry, EntryKind, LIMITS, SourceError};

/// The compiled entries of `paths`, in the order given.
#[derive(Debug, Clone)]
pub struct Selection {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    /// As it was written.
    entry: String,
    /// The whole path of a plain entry; of a glob, its components before the first one with a wildcard.
    fixed: Vec<u8>,
    glob: Option<Glob>,
    /// A plain entry means this very file, not a directory's files.
    exact: bool,
}

#[derive(Debug, Clone)]
struct Glob {
    matcher: GlobMatcher,
    /// How many components a match has; absent with `**`.
    depth: Option<usize>,
    /// Whether a component of the pattern itself begins with a dot: else hidden files are left out, as the shell does.
    hidden: bool,
}

impl Selection {
    /// Compiles `paths`, each relative to `directory` (itself relative to the repository; empty or `.` for its root).
    ///
    /// # Errors
    /// When an entry is absolute, leads out of the repository, or is not a glob.
    pub fn new(paths: &[String], directory: &str) -> Result<Selection, SourceError> {
        let patterns = paths.iter().map(|entry| pattern(entry, directory, true)).collect::<Result<_, _>>()?;
        Ok(Selection { patterns })
    }

    /// One file, by its exact path.
    ///
    /// # Errors
    /// When the path is absolute or leads out of the repository.
    pub fn file(path: &str) -> Result<Selection, SourceError> {
        Ok(Selection { patterns: vec![Pattern { exact: true, ..pattern(path, "", false)? }] })
    }

    /// Files by their exact paths from the root.
    pub(super) fn files(paths: &[String]) -> Selection {
        let pattern = |path: &String| Pattern { entry: path.clone(), fixed: path.clone().into_bytes(), glob: None, exact: true };
        Selection { patterns: paths.iter().map(pattern).collect() }
    }

    /// Whether a directory may hold something that is selected.
    pub(super) fn wants(&self, directory: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| {
            within(&pattern.fixed, directory)
                || pattern.glob.as_ref().is_some_and(|glob| {
                    within(directory, &pattern.fixed) && glob.depth.is_none_or(|depth| components(directory) < depth)
                })
        })
    }

    /// The selected files in order, and the entries that found nothing. A file that several entries find stands where the first
    /// one put it.
    pub(super) fn select(&self, mut candidates: Vec<Entry>) -> Result<(Vec<Entry>, Vec<String>), SourceError> {
        candidates.sort_by(|a, b| a.path.cmp(&b.path));
        let mut seen = BTreeSet::new();
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        for pattern in &self.patterns {
            let mut found = false;
            for entry in &candidates {
                if matches!(entry.kind, EntryKind::Symlink | EntryKind::Submodule) && within(&pattern.fixed, &entry.path) {
                    return Err(refused(entry));
                }
                if entry.kind == EntryKind::Tree {
                    found |= pattern.glob.is_none() && entry.path == pattern.fixed;
                    continue;
                }
                if !pattern.matches(&entry.path) {
                    continue;
                }
                found = true;
                if entry.kind != EntryKind::File {
                    return Err(refused(entry));
                }
                if seen.insert(entry.path.clone()) {
                    files.push(entry.clone());
                }
                if files.len() > LIMITS.files {
                    return Err(SourceError::TooManyFiles { limit: LIMITS.files });
                }
            }
            if !found {
                missing.push(pattern.entry.clone());
            }
        }
        Ok((files, missing))
    }
}

impl Pattern {
    fn matches(&self, path: &[u8]) -> bool {
        let (parent, name) = split(path);
        let is_sql = name.ends_with(b".sql");
        match &self.glob {
            None => path == self.fixed || (!self.exact && parent == self.fixed && is_sql && !name.starts_with(b".")),
            Some(glob) => {
                let below = path.get(self.fixed.len()..).unwrap_or_default();
                let is_hidden = below.split(|byte| *byte == b'/').any(|part| part.starts_with(b"."));
                is_sql && (glob.hidden || !is_hidden) && glob.matcher.is_match(Path::new(OsStr::from_bytes(path)))
            }
        }
    }
}

fn refused(entry: &Entry) -> SourceError {
    let path = shown(&entry.path);
    if entry.kind == EntryKind::Submodule { SourceError::Submodule { path } } else { SourceError::Symlink { path } }
}

fn pattern(entry: &str, directory: &str, globs: bool) -> Result<Pattern, SourceError> {
    let bad = |reason: &str| SourceError::BadPath { entry: entry.into(), reason: reason.into() };
    if entry.starts_with('/') {
        return Err(bad("it is absolute; write it relative to the repository"));
    }
    if entry.contains('\0') {
        return Err(bad("it holds a NUL byte"));
    }
    let parts: Vec<&str> = directory.split('/').chain(entry.split('/')).filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(bad("it leads out of the repository with `..`"));
    }
    let own = directory.split('/').filter(|part| !matches!(*part, "" | ".")).count();
    let wild = |part: &str| globs && part.contains(['*', '?', '[', '{']);
    let Some(first) = parts.iter().skip(own).position(|part| wild(part)).map(|at| at + own) else {
        return Ok(Pattern { entry: entry.into(), fixed: parts.join("/").into_bytes(), glob: None, exact: false });
    };
    let (before, after) = parts.split_at(first);
    let whole = before.iter().map(|part| globset::escape(part)).chain(after.iter().map(|part| part.to_string()));
    let glob = GlobBuilder::new(&whole.collect::<Vec<_>>().join("/"))
        .literal_separator(true)
        .build()
        .map_err(|error| bad(&error.kind().to_string()))?;
    let deep = after.iter().any(|part| part.contains("**") || part.contains('{'));
    Ok(Pattern {
        entry: entry.into(),
        fixed: before.join("/").into_bytes(),
        glob: Some(Glob {
            matcher: glob.compile_matcher(),
            depth: (!deep).then_some(parts.len()),
            hidden: after.iter().any(|part| part.starts_with('.')),
        }),
        exact: false,
    })
}

/// Whether `path` is `directory` or lies in it. The empty directory is the root.
fn within(path: &[u8], directory: &[u8]) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn components(path: &[u8]) -> usize {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count()
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

/// A path as text: bytes that are not UTF-8 are written `\xNN`, so that different names stay different.
pub(super) fn shown(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

pub(super) fn shown_path(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &[u8], kind: EntryKind) -> Entry {
        Entry { path: path.to_vec(), kind, id: String::new(), size: Some(1) }
    }

    fn select(paths: &[&str], tree: &[&[u8]]) -> Result<(Vec<String>, Vec<String>), SourceError> {
        let paths: Vec<String> = paths.iter().map(|path| path.to_string()).collect();
        let entries = tree.iter().map(|path| entry(path, EntryKind::File)).collect();
        let (files, missing) = Selection::new(&paths, "").unwrap().select(entries)?;
        Ok((files.iter().map(|file| shown(&file.path)).collect(), missing))
    }

    #[test]
    fn a_directory_is_what_the_shell_would_cat() {
        let tree: &[&[u8]] = &[
            b"db/b.sql",
            b"db/a.sql",
            b"db/B.sql",
            b"db/10.sql",
            b"db/9.sql",
            b"db/.hidden.sql",
            b"db/x.txt",
            b"db/sub/c.sql",
            b"dbx/a.sql",
        ];
        assert_eq!(select(&["db"], tree).unwrap().0, ["db/10.sql", "db/9.sql", "db/B.sql", "db/a.sql", "db/b.sql"]);
    }

    #[test]
    fn entries_keep_their_order_and_a_file_its_first_place() {
        let tree: &[&[u8]] = &[b"db/a.sql", b"db/b.sql", b"pre/z.sql", b"db/sub/c.sql"];
        assert_eq!(select(&["pre", "./db/b.sql", "db/"], tree).unwrap().0, ["pre/z.sql", "db/b.sql", "db/a.sql"]);
        assert_eq!(select(&["db/**/*.sql"], tree).unwrap().0, ["db/a.sql", "db/b.sql", "db/sub/c.sql"]);
        assert_eq!(select(&["d*/*.sql"], tree).unwrap().0, ["db/a.sql", "db/b.sql"]);
        assert_eq!(select(&["."], &[b"a.sql", b"db/b.sql"]).unwrap().0, ["a.sql"]);
    }

    #[test]
    fn what_names_nothing_is_told() {
        assert_eq!(select(&["db", "nowhere", "x/*.sql"], &[b"db/a.sql"]).unwrap().1, ["nowhere", "x/*.sql"]);
    }

    #[test]
    fn hostile_names_are_names() {
        let tree: &[&[u8]] = &[b"db/a\nb.sql", b"db/'; --.sql", b"db/\xff\xfe.sql", b"db/$(id).sql"];
        assert_eq!(select(&["db"], tree).unwrap().0, ["db/$(id).sql", "db/'; --.sql", "db/a\nb.sql", "db/\\xff\\xfe.sql"]);
    }

    #[test]
    fn links_and_submodules_on_the_way_are_refused() {
        let selection = Selection::new(&["vendor/db".into()], "").unwrap();
        let one = |path: &[u8], kind| selection.select(vec![entry(path, kind)]);
        assert!(matches!(one(b"vendor", EntryKind::Submodule), Err(SourceError::Submodule { .. })));
        assert!(matches!(one(b"vendor/db", EntryKind::Symlink), Err(SourceError::Symlink { .. })));
        assert!(matches!(one(b"vendor/db/a.sql", EntryKind::Symlink), Err(SourceError::Symlink { .. })));
        assert!(one(b"other", EntryKind::Symlink).is_ok());
        assert!(one(b"vendor/db/readme", EntryKind::Symlink).is_ok());
    }

    #[test]
    fn paths_stay_in_the_repository() {
        for bad in ["/etc", "../x", "a/../../x", "a/[", "a\0b"] {
            assert!(Selection::new(&[bad.to_string()], "").is_err(), "{bad:?}");
        }
        assert!(Selection::new(&["sql".into()], "..").is_err());
    }

    #[test]
    fn a_working_directory_comes_before_every_entry() {
        let selection = Selection::new(&["sql".into(), "*.sql".into()], "./app[1]/").unwrap();
        let tree = [&b"app[1]/sql/a.sql"[..], b"app[1]/b.sql", b"sql/c.sql"].map(|path| entry(path, EntryKind::File)).to_vec();
        let (files, _) = selection.select(tree).unwrap();
        assert_eq!(files.iter().map(|file| shown(&file.path)).collect::<Vec<_>>(), ["app[1]/sql/a.sql", "app[1]/b.sql"]);
    }

    #[test]
    fn only_directories_that_matter_are_walked() {
        let selection = Selection::new(&["a/b".into(), "c/*/d/*.sql".into(), "e/**".into()], "").unwrap();
        for (directory, wanted) in [
            ("", true),
            ("a", true),
            ("a/b", true),
            ("a/b/c", false),
            ("c/x/d", true),
            ("c/x/d/e", false),
            ("e/f/g", true),
            ("z", false),
            ("ab", false),
        ] {
            assert_eq!(selection.wants(directory.as_bytes()), wanted, "{directory}");
        }
    }

    #[test]
    fn too_many_files_are_an_error() {
        let tree = (0..=LIMITS.files).map(|at| entry(format!("db/{at}.sql").as_bytes(), EntryKind::File)).collect();
        let selection = Selection::new(&["db".into()], "").unwrap();
        assert!(matches!(selection.select(tree), Err(SourceError::TooManyFiles { .. })));
    }
}
