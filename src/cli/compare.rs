//! `schemaproof compare`: environments side by side. The first named is what the others are compared with.

use std::{collections::BTreeSet, io::Read as _, path::PathBuf};

use anyhow::{Context, bail};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{CommonOptions, Environment, Exit, output, plan};
use crate::{
    config::Config,
    environments::told,
    pipeline::{Input, Schema, environments},
    source::shown_url,
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof compare repository=extensions/sql dev=postgres://localhost:5438/app prod=\"$PROD_URL\"
  schemaproof compare template=postgres://db/template 'tenant=postgres://db/tenant_*'
  schemaproof compare --from-file environments.txt --format markdown

A `*` in a database's name stands for every database of that server whose name fits. Lines of a file are NAME=S, too;
empty ones and those that begin with `#` are left out.

Exit codes: 0 all are the same; 1 one could not be read; 2 wrong use; 3 some differ.")]
pub struct CompareArguments {
    /// Environments: a name and a schema source; the first is what the others are compared with
    #[arg(value_name = "NAME=S")]
    environments: Vec<String>,
    /// Further environments, a line each; `-` is standard input
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// How many databases are read at once
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: CommonOptions,
}

/// `--format` of `compare`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, in colour on a terminal
    #[default]
    Text,
    Json,
    Markdown,
    Html,
}

/// Rows of a table in Markdown.
const ROWS: usize = 500;

pub async fn compare(arguments: CompareArguments, environment: &Environment, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let config = arguments.common.config()?;
    let mut lines = arguments.environments.clone();
    if let Some(path) = &arguments.from_file {
        lines.extend(from_file(path)?);
    }
    let found = expanded(&lines, &config).await?;
    if found.len() < 2 {
        eprintln!("schemaproof: name at least two environments, as NAME=S");
        return Ok(Exit::Usage);
    }
    let comparison = environments::compare(&found, &config, arguments.connections.into(), cancel).await;
    let out = arguments.out.as_deref();
    let text = match arguments.format {
        Format::Text => told::text(&comparison, output::style(out, environment)),
        Format::Json => told::json(&comparison),
        Format::Markdown => told::markdown(&comparison, ROWS),
        Format::Html => told::html(&comparison),
    };
    output::write(out, text)?;
    Ok(if comparison.unread().next().is_some() {
        Exit::Failed
    } else if comparison.same {
        Exit::Pass
    } else {
        Exit::Blocked
    })
}

fn from_file(path: &std::path::Path) -> anyhow::Result<Vec<String>> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(String::from).collect())
}

/// The environments that `NAME=S` entries name, with patterns of databases expanded. Names are unique.
async fn expanded(lines: &[String], config: &Config) -> anyhow::Result<Vec<environments::Environment>> {
    let mut found: Vec<environments::Environment> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        // The line may hold a password.
        let Some((name, source)) = named(line) else {
            bail!("environment {} of {} is not NAME=S, for instance prod=postgres://host/app", at + 1, lines.len());
        };
        match matching(name, source).await? {
            Some(all) => found.extend(all),
            None => found.push(environments::Environment { name: name.into(), input: plan::input(source, config).await? }),
        }
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = found.iter().find(|environment| !names.insert(environment.name.as_str())) {
        bail!("two environments are called `{}`; give each a name of its own", twice.name);
    }
    Ok(found)
}

/// `prod=postgres://…`: a name has none of the characters that addresses and paths are made of.
pub(super) fn named(line: &str) -> Option<(&str, &str)> {
    let (name, source) = line.split_once('=')?;
    let (name, source) = (name.trim(), source.trim());
    let plain = !name.is_empty() && !name.contains([':', '/', '?', '@']) && !name.contains(char::is_control);
    (plain && !source.is_empty()).then_some((name, source))
}

/// Of addresses of live databases.
const SCHEMES: &[&str] = &["postgres", "postgresql", "mysql", "mariadb", "tidb"];

/// The databases that `postgres://host/tenant_*` stands for; absent for a source without a star in its database's name.
pub(super) async fn matching(name: &str, source: &str) -> anyhow::Result<Option<Vec<environments::Environment>>> {
    let Some(mut url) = url::Url::parse(source).ok().filter(|url| SCHEMES.contains(&url.scheme())) else {
        return Ok(None);
    };
    let path = url.path().trim_start_matches('/').to_string();
    if !path.contains('*') {
        return Ok(None);
    }
    let pattern = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
    let wrong = || format!("`{pattern}` of {name} is no pattern of database names");
    let pattern = globset::Glob::new(&pattern).with_context(wrong)?.compile_matcher();
    url.set_path(if url.scheme().starts_with("postgres") { "/postgres" } else { "" });
    let names = environments::databases(&SecretString::from(url.to_string())).await?;
    let matching: Vec<String> = names.into_iter().filter(|database| pattern.is_match(database)).collect();
    if matching.is_empty() {
        bail!("{name}: no database of {} fits `{}`", shown_url(&SecretString::from(url.to_string())), pattern.glob());
    }
    let environment = |database: String| {
        let mut url = url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push(&database);
        }
        let url = SecretString::from(url.to_string());
        let name = format!("{name}/{database}");
        environments::Environment { name, input: Input { name: shown_url(&url), commit: None, schema: Schema::Live(url) } }
    };
    Ok(Some(matching.into_iter().map(environment).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_an_address() {
        assert_eq!(named("prod = postgres://h/d?a=b"), Some(("prod", "postgres://h/d?a=b")));
        for bad in ["postgres://h/d?sslmode=disable", "=x", "prod=", "prod", "a/b=c"] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }
}
