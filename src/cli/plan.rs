//! `schemaproof plan`: from one schema to another, proven, rated, printed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::{CommonOptions, Environment, Exit, output};
use crate::{
    config::Config,
    pipeline::{self, Input, Job, Outcome, Schema},
    report::{self, safe, text::Style},
    source::{self, Commits, SchemaSource, Selection, api::NoRemote},
    verdict::Verdict,
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof plan --from git:main --to extensions/sql
  schemaproof plan --from postgres://localhost:5438/app --to extensions/sql --format sql --out migrate.sql
  schemaproof plan --from git:main --to extensions/sql --online --format sql --out migrate.sql
  schemaproof plan --from empty --to schema.sql --engine native
  schemaproof plan --from git:main --to schema/ --dialect tidb

A schema source is postgres://…, mysql://…, a directory of .sql files, file.sql, git:REF, git:REF:PATH, or empty.")]
pub struct PlanArguments {
    /// The schema that is there
    #[arg(long, value_name = "S")]
    from: String,
    /// The schema that is wanted
    #[arg(long, value_name = "S")]
    to: String,
    /// Swap --from and --to
    #[arg(long)]
    reverse: bool,
    /// Reach the same end by statements that do not block (planned by the native planner)
    #[arg(long)]
    online: bool,
    /// Make the roles that only the wanted schema has
    #[arg(long)]
    create_roles: bool,
    /// Do not replay the plan; the verdict is then `blocked`, since nothing is proven
    #[arg(long)]
    no_proof: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: CommonOptions,
}

/// `--format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, in colour on a terminal
    #[default]
    Text,
    /// A script for `psql -v ON_ERROR_STOP=1 -f`, and nothing else
    Sql,
    Json,
    Markdown,
    Html,
    Sarif,
}

pub async fn plan(arguments: PlanArguments, environment: &Environment, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let mut config = arguments.common.config()?;
    config.online |= arguments.online;
    config.create_roles |= arguments.create_roles;
    let (from, to) = match arguments.reverse {
        false => (&arguments.from, &arguments.to),
        true => (&arguments.to, &arguments.from),
    };
    let (from, to) = (SchemaSource::parse(from)?, SchemaSource::parse(to)?);
    let (base, target) = (read(&from, to.path(), &config).await?, read(&to, from.path(), &config).await?);
    let job = Job { atlas: environment.atlas(), prove: !arguments.no_proof, ..Job::new(config, base, target) };
    let outcome = pipeline::run(&job, cancel).await;
    let out = arguments.out.as_deref();
    let text = render(&outcome, arguments.format, output::style(out, environment));
    if outcome.report.verdict == Verdict::Error && arguments.format == Format::Sql {
        // There is no plan; standard output stays empty, so that nothing half-made is run.
        eprint!("{}", report::text::render(&outcome.report, output::error_style(environment)));
        return Ok(Exit::Failed);
    }
    output::write(out, text)?;
    Ok(Exit::of(&outcome.report, job.config.fail_on, true))
}

fn render(outcome: &Outcome, format: Format, style: Style) -> String {
    match format {
        Format::Text => report::text::render(&outcome.report, style),
        Format::Sql => {
            report::sql::render(&outcome.plan, &outcome.report, outcome.catalogs.as_ref().map(|catalogs| catalogs.ends()).as_ref())
        }
        Format::Json => report::json::render(&outcome.report),
        Format::Markdown => report::comment::comment(&outcome.report, 0),
        Format::Html => report::html::render(&outcome.report),
        Format::Sarif => report::sarif::render(&outcome.report),
    }
}

/// A schema source as one side of a job.
pub async fn input(text: &str, config: &Config) -> anyhow::Result<Input> {
    read(&SchemaSource::parse(text)?, None, config).await
}

/// Reads a schema source. `git:REF` without a path means the path of the other side, where the commit has it, else the configured ones.
async fn read(source: &SchemaSource, other: Option<&Path>, config: &Config) -> anyhow::Result<Input> {
    let mut name = source.name();
    let (schema, commit) = match source {
        SchemaSource::Live { url } => (Schema::Live(url.clone()), None),
        SchemaSource::Directory(path) | SchemaSource::File(path) => (Schema::Files(source::directory::read(path)?), None),
        SchemaSource::Empty => (Schema::Empty, None),
        SchemaSource::Git { reference, path } => {
            let local = source::git::Local::find(Path::new(".")).context("git: sources need a git repository here")?;
            let commit = local.resolve(reference).await?;
            let same = other.filter(|_| path.is_none()).and_then(|other| local.within(other));
            let commits = Commits::<NoRemote> { local: Some(local), remote: None };
            let mut paths = path.as_ref().map_or_else(|| config.paths.clone(), |path| vec![path.clone()]);
            if let Some(same) = same
                && !commits.snapshot(&commit, &Selection::new(std::slice::from_ref(&same), "")?).await?.is_empty()
            {
                paths = vec![same];
            }
            if path.is_none() && paths != config.paths {
                name = format!("{name}:{}", paths.join(", "));
            }
            let snapshot = commits.snapshot(&commit, &Selection::new(&paths, "")?).await?;
            if snapshot.is_empty() {
                let (name, paths) = (safe::line(&name), safe::line(&paths.join(", ")));
                eprintln!(
                    "schemaproof: {name} has no SQL files at {paths}: it is taken for an empty schema (`git:REF:PATH` names another path)"
                );
            }
            (Schema::Files(commits.read(&snapshot).await?), Some(commit.as_str().to_string()))
        }
    };
    Ok(Input { name, commit, schema })
}

impl CommonOptions {
    /// The configuration that these options, the config file and the defaults give.
    ///
    /// # Errors
    /// When the file cannot be read or is not a configuration.
    pub fn config(&self) -> anyhow::Result<Config> {
        let default = Path::new(".github/schemaproof.yml");
        let path = self.config.as_deref().or_else(|| default.is_file().then_some(default));
        let file = match path {
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).with_context(|| format!("cannot read the config file {}", path.display()))?;
                Some((path.display().to_string(), text))
            }
            None => None,
        };
        let mut inputs = BTreeMap::new();
        let mut set = |name: &str, value: Option<String>| value.map(|value| inputs.insert(name.to_string(), value));
        set("engine", self.engine.and_then(value_name));
        set("dialect", self.dialect.and_then(value_name));
        set("session", self.session.and_then(value_name));
        set("sandbox", self.sandbox.clone());
        set("image", self.image.clone());
        set("exclude", (!self.exclude.is_empty()).then(|| self.exclude.join("\n")));
        Ok(Config::from_file_and_inputs(file.as_ref().map(|(path, text)| (path.as_str(), text.as_str())), &inputs)?)
    }
}

fn value_name(value: impl clap::ValueEnum) -> Option<String> {
    value.to_possible_value().map(|value| value.get_name().to_string())
}
