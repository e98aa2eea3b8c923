//! SQL files on disk. Links are followed inside the root that was named and refused out of it.

use std::{
    fs,
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{Entry, EntryKind, LIMITS, Selection, SourceError, SqlFiles, check_size, include, selection::shown_path, sql_file};
use crate::script::SqlFile;

/// Directories looked at in one reading at most.
const DIRECTORIES: usize = 100_000;

/// The `.sql` files of a directory (not of those below it), or one file. Paths are shown as `path` was given.
///
/// # Errors
/// When a file cannot be read, leads out of the directory, is too large, or is not UTF-8.
pub fn read(path: &Path) -> Result<SqlFiles, SourceError> {
    let about = fs::metadata(path).map_err(io(format!("look at `{}`", shown_path(path))))?;
    if about.is_dir() {
        let selection = Selection::new(&[".".into()], "")?;
        return read_selected(path, &selection).map(|(files, _)| files);
    }
    let bytes = content(path, &shown_path(path))?;
    let files = vec![sql_file(shown_path(path), bytes)?];
    let root = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let included = included(&real(root)?, root, &files)?;
    Ok(SqlFiles { files, included })
}

/// What `selection` finds under `root`, and the entries of `paths` that found nothing. Paths are shown with `root` before them
/// unless it is `.` or empty.
///
/// # Errors
/// As [`read`].
pub fn read_selected(root: &Path, selection: &Selection) -> Result<(SqlFiles, Vec<String>), SourceError> {
    let real_root = real(root)?;
    let (selected, missing) = selection.select(list(&real_root, root, selection)?)?;
    let mut total = 0;
    let files = texts(&real_root, root, selected, &mut total)?;
    let included = included(&real_root, root, &files)?;
    Ok((SqlFiles { files, included }, missing))
}

fn real(root: &Path) -> Result<PathBuf, SourceError> {
    fs::canonicalize(if root.as_os_str().is_empty() { Path::new(".") } else { root })
        .map_err(io(format!("look at `{}`", shown_path(root))))
}

/// What the files include, as far as it lies under `root`.
fn included(real_root: &Path, root: &Path, files: &[SqlFile]) -> Result<Vec<SqlFile>, SourceError> {
    let prefix = if root == Path::new(".") { String::new() } else { format!("{}/", shown_path(root).trim_end_matches('/')) };
    let bare = |file: &SqlFile| SqlFile {
        path: file.path.strip_prefix(prefix.as_str()).unwrap_or(&file.path).into(),
        text: file.text.clone(),
    };
    let mut newest: Vec<SqlFile> = files.iter().map(bare).collect();
    let mut seen = include::Seen::new(&newest);
    let (mut included, mut total) = (Vec::new(), 0);
    while let Some(wanted) = seen.wanted(&newest) {
        let (selected, _) = wanted.select(list(real_root, root, &wanted)?)?;
        let found = texts(real_root, root, selected, &mut total)?;
        newest = found.iter().map(bare).collect();
        included.extend(found);
    }
    Ok(included)
}

fn texts(real_root: &Path, root: &Path, selected: Vec<Entry>, total: &mut u64) -> Result<Vec<SqlFile>, SourceError> {
    let mut files = Vec::with_capacity(selected.len());
    for entry in selected {
        let relative = Path::new(std::ffi::OsStr::from_bytes(&entry.path));
        let shown = if root == Path::new(".") { shown_path(relative) } else { shown_path(&root.join(relative)) };
        let bytes = content(&real_root.join(relative), &shown)?;
        *total += bytes.len() as u64;
        if *total > LIMITS.total_bytes {
            return Err(SourceError::TooLarge { limit: LIMITS.total_bytes });
        }
        files.push(sql_file(shown, bytes)?);
    }
    Ok(files)
}

fn list(real_root: &Path, root: &Path, selection: &Selection) -> Result<Vec<Entry>, SourceError> {
    let mut entries = Vec::new();
    let mut looked_at = 0;
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        looked_at += 1;
        if looked_at > DIRECTORIES {
            return Err(SourceError::TooManyFiles { limit: LIMITS.files });
        }
        let attempt = || format!("list `{}`", shown_path(&root.join(&directory)));
        for item in fs::read_dir(real_root.join(&directory)).map_err(io(attempt()))? {
            let item = item.map_err(io(attempt()))?;
            let relative = directory.join(item.file_name());
            let path = relative.as_os_str().as_bytes().to_vec();
            // `file_type` does not follow links; what a link leads to is looked at only when it is selected.
            let is_link = item.file_type().map_err(io(attempt()))?.is_symlink();
            let about = match is_link {
                false => item.metadata().ok(),
                true if selection.wants(&path) || path.ends_with(b".sql") => Some(follow(real_root, root, &relative)?),
                true => None,
            };
            let kind = match &about {
                Some(about) if about.is_dir() => EntryKind::Tree,
                Some(about) if about.is_file() => EntryKind::File,
                Some(_) if path.ends_with(b".sql") => {
                    return Err(SourceError::NotAFile { path: shown_path(&root.join(&relative)) });
                }
                _ => continue,
            };
            if kind == EntryKind::Tree && selection.wants(&path) {
                waiting.push(relative);
            }
            entries.push(Entry { path, kind, id: String::new(), size: about.map(|about| about.len()) });
        }
    }
    Ok(entries)
}

/// Where a link leads, when that is inside the root.
fn follow(real_root: &Path, root: &Path, relative: &Path) -> Result<fs::Metadata, SourceError> {
    let shown = || shown_path(&root.join(relative));
    let attempt = || format!("follow the link `{}`", shown());
    let target = fs::canonicalize(real_root.join(relative)).map_err(io(attempt()))?;
    if !target.starts_with(real_root) {
        return Err(SourceError::LeadsOut { path: shown(), root: shown_path(root) });
    }
    fs::metadata(target).map_err(io(attempt()))
}

/// A regular file's bytes, up to the limit even if it grows while it is read.
fn content(path: &Path, shown: &str) -> Result<Vec<u8>, SourceError> {
    let attempt = || format!("read `{shown}`");
    // Looked at before it is opened: opening a named pipe would wait for a writer.
    let about = fs::metadata(path).map_err(io(attempt()))?;
    if !about.is_file() {
        return Err(SourceError::NotAFile { path: shown.into() });
    }
    check_size(shown.as_bytes(), about.len())?;
    let file = fs::File::open(path).map_err(io(attempt()))?;
    let mut bytes = Vec::new();
    file.take(LIMITS.file_bytes + 1).read_to_end(&mut bytes).map_err(io(attempt()))?;
    check_size(shown.as_bytes(), bytes.len() as u64)?;
    Ok(bytes)
}

fn io(attempt: String) -> impl FnOnce(std::io::Error) -> SourceError {
    move |source| SourceError::Io { attempt, source }
}
