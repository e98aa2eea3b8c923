//! Which files a schema's files may include with `\\i` and `\\ir`, so that they can be fetched before anything is run.
//!
//! Looks for more than psql would (in strings and comments too): what is found too much is read and never run. Whether an
//! inclusion is one, and which file it means, is decided in `script`.

use std::collections::BTreeSet;

use super::Selection;
use crate::script::SqlFile;

/// Files that were looked at or asked for already.
pub(super) struct Seen {
    paths: BTreeSet<String>,
    rounds: usize,
}

/// Inclusions of inclusions that are followed; `script` has the same bound.
const DEPTH: usize = 16;
/// Files asked for in one round at most; psql's complaint about the others is `script`'s.
const NAMES: usize = 1_000;

impl Seen {
    pub fn new(files: &[SqlFile]) -> Seen {
        Seen { paths: files.iter().map(|file| file.path.to_string()).collect(), rounds: 0 }
    }

    /// The files that these may include and that were not asked for before; absent when there are none.
    pub fn wanted(&mut self, files: &[SqlFile]) -> Option<Selection> {
        self.rounds += 1;
        if self.rounds > DEPTH {
            return None;
        }
        let mut wanted = Vec::new();
        for file in files {
            let directory = file.path.rsplit_once('/').map_or("", |(directory, _)| directory);
            for name in names(&file.text) {
                for path in [resolve("", name), resolve(directory, name)].into_iter().flatten() {
                    if wanted.len() < NAMES && self.paths.insert(path.clone()) {
                        wanted.push(path);
                    }
                }
            }
        }
        let selection = Selection::files(&wanted);
        (!wanted.is_empty()).then_some(selection)
    }
}

/// The words after `\\i`, `\\ir`, `\\include` and `\\include_relative`, without quotes.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("\\i").filter_map(|(at, _)| {
        let rest = text.get(at + 1..)?;
        let end = rest.find(char::is_whitespace)?;
        let (command, rest) = rest.split_at(end);
        if !matches!(command, "i" | "ir" | "include" | "include_relative") {
            return None;
        }
        let line = rest.lines().next().unwrap_or_default().trim();
        let name = match line.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next()?,
            None => line.split_whitespace().next()?,
        };
        (!name.is_empty()).then_some(name)
    })
}

/// A path from the root of the tree; absent when it leads out of it.
fn resolve(directory: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains(['\\', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inclusions_are_found_in_their_forms() {
        let text = "\\i a.sql\n  \\ir 'b c.sql'\nselect 1; \\include_relative ../d.sql -- x\n\\if true\n\\i\n\\include e.sql";
        assert_eq!(names(text).collect::<Vec<_>>(), ["a.sql", "b c.sql", "../d.sql", "e.sql"]);
    }

    #[test]
    fn nothing_outside_of_the_tree_is_wanted() {
        assert_eq!(resolve("a/b", "../c.sql").as_deref(), Some("a/c.sql"));
        assert_eq!(resolve("a", "../../c.sql"), None);
        assert_eq!(resolve("", "/etc/passwd"), None);
    }
}
