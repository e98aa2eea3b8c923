//! Writes what is generated from the code, or checks that it is up to date: `action.yml`, the README's table of inputs, and in `docs/` the
//! configuration, the rules and the JSON Schema of a report.
//!
//! `cargo run -p xtask` writes, `cargo run -p xtask -- check` compares and fails with the names of the files that differ.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

mod action;
mod configuration;
mod rules;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is not inside of the repository")?.to_path_buf();
    let files = generated(&root)?;
    match std::env::args().nth(1).as_deref() {
        None | Some("generate") => write(&root, &files),
        Some("check") => check(&root, &files),
        Some(other) => bail!("unknown task `{other}`: there are `generate` and `check`"),
    }
}

/// Every generated file, by its path in the repository, with the text that it is to have.
fn generated(root: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let runs = std::fs::read_to_string(root.join(rules::RUNS)).with_context(|| format!("reading {}", rules::RUNS))?;
    let mut files = rules::pages(&runs);
    files.insert("action.yml".into(), action::metadata());
    files.insert("docs/configuration.md".into(), configuration::page());
    let schema = serde_json::to_string_pretty(&schemaproof::report::json::schema())?;
    files.insert("docs/report.schema.json".into(), schema + "\n");
    let readme = std::fs::read_to_string(root.join("README.md")).context("reading README.md")?;
    files.insert("README.md".into(), configuration::readme(&readme)?);
    Ok(files)
}

fn write(root: &Path, files: &BTreeMap<PathBuf, String>) -> Result<()> {
    for (path, text) in files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    for left in leftovers(root, files)? {
        std::fs::remove_file(root.join(&left)).with_context(|| format!("removing {}", left.display()))?;
    }
    Ok(())
}

fn check(root: &Path, files: &BTreeMap<PathBuf, String>) -> Result<()> {
    let differs = |(path, text): (&PathBuf, &String)| {
        let there = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        (there != *text).then(|| path.display().to_string())
    };
    let mut drifted: Vec<String> = files.iter().filter_map(differs).collect();
    drifted.extend(leftovers(root, files)?.iter().map(|path| format!("{} (nothing generates it)", path.display())));
    if drifted.is_empty() {
        return Ok(());
    }
    bail!("not up to date: {}. Run `cargo run -p xtask` and commit what it writes.", drifted.join(", "))
}

/// Pages of rules that are no more.
fn leftovers(root: &Path, files: &BTreeMap<PathBuf, String>) -> Result<Vec<PathBuf>> {
    let Ok(folder) = std::fs::read_dir(root.join("docs/rules")) else { return Ok(Vec::new()) };
    let mut left = Vec::new();
    for entry in folder {
        let path = Path::new("docs/rules").join(entry?.file_name());
        if !files.contains_key(&path) {
            left.push(path);
        }
    }
    left.sort();
    Ok(left)
}
