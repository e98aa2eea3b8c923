//! `schemaproof init`: a repository gets the workflow and the configuration.
//!
//! It finds where the schema's SQL is and writes two files, never over one that is there. It runs nothing and commits nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::Exit;
use crate::config::Config;

/// The workflow of this very repository: one text for both.
const WORKFLOW: &str = include_str!("../../.github/workflows/schema-check.yml");

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof init
  schemaproof init --paths db/schema --image pgvector/pgvector:pg16")]
pub struct InitArguments {
    /// Directory of the schema's SQL files, or an HCL file [default: the one that is found]
    #[arg(long, value_name = "PATH")]
    paths: Option<String>,
    /// Docker image of the throwaway Postgres: the version and extensions that production has
    #[arg(long, default_value = "postgres:16")]
    image: String,
    /// The action that the workflow uses
    #[arg(long, value_name = "OWNER/NAME@REF", default_value = "OWNER/schemaproof@v0")]
    uses: String,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
}

pub fn init(arguments: &InitArguments) -> anyhow::Result<Exit> {
    let root = Path::new(".");
    let found = find(root);
    let paths = arguments.paths.clone().or_else(|| found.first().cloned());
    let guessed = paths.is_none();
    let paths = paths.unwrap_or_else(|| "extensions/sql".into());
    let config = configuration(&paths, &arguments.image);
    // What is written must be what is read.
    Config::from_file_and_inputs(Some((".github/schemaproof.yml", config.as_str())), &BTreeMap::new())
        .context("these settings make no configuration")?;
    let files = [(".github/workflows/schema-check.yml", workflow(&arguments.uses)), (".github/schemaproof.yml", config)];
    let there: Vec<&str> = files.iter().map(|(path, _)| *path).filter(|path| root.join(path).symlink_metadata().is_ok()).collect();
    if !there.is_empty() && !arguments.force {
        bail!(
            "{} {} there already; nothing was written. `--force` writes over",
            there.join(" and "),
            if there.len() == 1 { "is" } else { "are" }
        );
    }
    for (path, text) in &files {
        let path = root.join(path);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    println!("\nThe schema is read from {paths}{}.", if guessed { ", where nothing is yet" } else { "" });
    if found.len() > 1 && arguments.paths.is_none() {
        println!(
            "SQL that makes objects is also in {}; `paths:` of .github/schemaproof.yml says what counts.",
            found[1..].join(", ")
        );
    }
    println!("Next:");
    if arguments.uses.starts_with("OWNER/") {
        println!("  - write the action's owner in place of OWNER in .github/workflows/schema-check.yml");
    }
    println!("  - see that it loads:      schemaproof plan --from empty --to {paths} --image {}", arguments.image);
    println!("  - commit both files, and open a pull request that changes the schema");
    println!("  - make the status `schemaproof` a required check of the default branch");
    Ok(Exit::Pass)
}

/// The workflow for another repository.
fn workflow(uses: &str) -> String {
    let mut text = String::new();
    for line in WORKFLOW.lines() {
        if line.starts_with("# To use it in another repository") {
            continue;
        }
        match line.split_once("uses: ./") {
            Some((before, _)) => text.push_str(&format!("{before}uses: {uses}\n")),
            None => text.push_str(&format!("{line}\n")),
        }
    }
    text
}

fn configuration(paths: &str, image: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "# What schemaproof reads and how it judges: see docs/configuration.md of schemaproof.\n\
         paths: [{}]\n\
         # The version and the extensions that production has.\n\
         image: {}\n",
        quoted(paths),
        quoted(image)
    )
}

/// How deep directories are looked through, and how many at most.
const DEPTH: usize = 4;
const MOST: usize = 5_000;

/// Directories whose SQL makes objects, and HCL schemas, the likeliest first. Those of migrations are none: they are changes.
fn find(root: &Path) -> Vec<String> {
    let mut found: Vec<(bool, std::cmp::Reverse<usize>, String)> = Vec::new();
    let mut waiting: Vec<(PathBuf, usize)> = vec![(PathBuf::new(), 0)];
    let mut looked_at = 0;
    while let Some((directory, depth)) = waiting.pop() {
        looked_at += 1;
        let Ok(entries) = fs::read_dir(root.join(&directory)) else { continue };
        let mut schemas = 0;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = directory.join(&name);
            let Ok(kind) = entry.file_type() else { continue };
            let passed_over =
                name.starts_with('.') || matches!(name.as_str(), "node_modules" | "target" | "vendor" | "tests" | "test");
            if kind.is_dir() && !passed_over && !name.contains("migration") && depth < DEPTH && looked_at + waiting.len() < MOST {
                waiting.push((path, depth + 1));
            } else if kind.is_file() && name.ends_with(".sql") && makes_objects(&root.join(&path)) {
                schemas += 1;
            } else if kind.is_file() && name == "schema.hcl" {
                found.push((false, std::cmp::Reverse(1), path.display().to_string()));
            }
        }
        if schemas > 0 {
            let name = if directory.as_os_str().is_empty() { ".".into() } else { directory.display().to_string() };
            found.push((name != "extensions/sql", std::cmp::Reverse(schemas), name));
        }
    }
    found.sort();
    found.into_iter().map(|(_, _, name)| name).collect()
}

/// Whether the beginning of a file has a CREATE of something that lasts.
fn makes_objects(path: &Path) -> bool {
    use std::io::Read as _;
    let mut text = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(1 << 20).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text).to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let lasting = ["table", "type", "function", "view", "schema", "extension", "domain", "or", "materialized", "unlogged"];
    read.is_ok() && words.windows(2).any(|pair| pair[0] == "create" && lasting.contains(&pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workflow_is_this_repositorys_own_with_another_action() {
        let text = workflow("acme/schemaproof@v9");
        assert!(text.contains("      - uses: acme/schemaproof@v9\n        id: schemaproof\n"), "{text}");
        assert!(!text.contains("uses: ./") && !text.contains("zizmor: ignore[self-repository]"));
        let yaml: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        assert!(yaml["jobs"]["schema-check"]["permissions"]["statuses"] == "write");
    }

    #[test]
    fn the_schema_is_found_and_migrations_are_not_it() {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("db/schema/01.sql", "CREATE TABLE t ();"),
            ("db/schema/02.sql", "create or replace view v as select 1;"),
            ("db/migrations/1.sql", "create table a ();"),
            ("queries/report.sql", "select 1"),
            ("other/x.sql", "create extension vector"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(find(root.path()), ["db/schema", "other"]);
    }
}
