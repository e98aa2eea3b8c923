//! `schemaproof inspect`: one schema written down.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::{CommonOptions, Exit, output, plan::input};
use crate::{
    catalog::Catalog,
    config::{Config, EngineChoice},
    inspect,
    pipeline::{self, Input, Job, Schema, reading},
    report::{self, safe, text::Style},
    verdict::Verdict,
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof inspect postgres://localhost:5438/app > schema.sql
  schemaproof inspect extensions/sql --format svg --out docs/schema.svg
  schemaproof inspect git:main --format hcl --out schema.hcl
  schemaproof inspect schema.hcl --format json | jq '.objects[].path'

SQL is proven to load into an equal database, as a plan is; HCL is loaded again, and what Atlas HCL cannot say is listed.
A live database is only read. Secrets are exact in SQL and in no other format.")]
pub struct InspectArguments {
    /// A schema source
    #[arg(value_name = "S", default_value = "extensions/sql")]
    source: String,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Do not load what is written to see that it is the same again
    #[arg(long)]
    no_proof: bool,
    #[command(flatten)]
    common: CommonOptions,
}

/// `--format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A script for `psql -v ON_ERROR_STOP=1 -f` that makes the schema in an empty database
    #[default]
    Sql,
    /// Every object with its attributes
    Json,
    /// Atlas HCL
    Hcl,
    /// A mermaid entity-relationship diagram of the tables
    Mermaid,
    /// The same as a picture
    Svg,
}

pub async fn inspect(arguments: InspectArguments, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let config = arguments.common.config()?;
    let input = input(&arguments.source, &config).await?;
    let out = arguments.out.as_deref();
    let dialect = reading::dialect(&config, &input);
    if arguments.format == Format::Hcl && !dialect.is_postgres() {
        anyhow::bail!("HCL is written for Postgres only; of {} there are sql, json, mermaid and svg", dialect.name());
    }
    match arguments.format {
        Format::Sql => sql(config, input, !arguments.no_proof, out, cancel).await,
        Format::Hcl if !arguments.no_proof => hcl(&config, &input, out, cancel).await,
        format => {
            let reading = reading::read(&config, &input, cancel).await?;
            say(&reading.remarks);
            output::write(out, render(&reading.catalog, format, &input.name))?;
            Ok(Exit::Pass)
        }
    }
}

fn render(catalog: &Catalog, format: Format, name: &str) -> String {
    match format {
        Format::Json => inspect::json::render(catalog),
        Format::Mermaid => inspect::mermaid(catalog),
        Format::Svg => inspect::svg::render(catalog, name),
        Format::Sql | Format::Hcl => inspect::hcl::render(catalog, name, None).text,
    }
}

/// The plan from nothing to the schema, proven as every plan is.
async fn sql(config: Config, input: Input, prove: bool, out: Option<&Path>, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let config = Config { engine: EngineChoice::Native, ..config };
    let base = Input { name: "empty".into(), commit: None, schema: Schema::Empty };
    let job = Job { prove, ..Job::new(config, base, input) };
    let outcome = pipeline::run(&job, cancel).await;
    let report = &outcome.report;
    if report.verdict == Verdict::Error || prove && !report.proven {
        // Standard output stays empty, so that nothing half-made is run.
        eprint!("{}", report::text::render(report, Style::default()));
        return Ok(if report.verdict == Verdict::Error { Exit::Failed } else { Exit::Blocked });
    }
    let server = report.server.as_deref().unwrap_or_default();
    let proof = match prove {
        true => format!(
            "proven: loaded into an empty database it is equal, to {} and to schemaproof's own reading",
            report.dialect.judge()
        ),
        false => "not proven".to_string(),
    };
    let mut text = format!("-- {}, {} {server}\n-- {proof}\n", safe::visible(&job.target.name), report.dialect.name());
    for remark in &report.remarks {
        text.push_str(&format!("-- {}\n", safe::visible(&remark.text)));
    }
    text.push('\n');
    text.push_str(&outcome.plan.to_sql());
    output::write(out, &text)?;
    Ok(Exit::Pass)
}

/// HCL, loaded again; what comes out different is listed in it and on standard error.
async fn hcl(config: &Config, input: &Input, out: Option<&Path>, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let (reading, differences) =
        reading::read_and_write(config, input, cancel, |catalog| inspect::hcl::render(catalog, &input.name, None).files())
            .await
            .context("the schema as HCL was not proven (`--no-proof` writes it all the same)")?;
    say(&reading.remarks);
    let written = inspect::hcl::render(&reading.catalog, &input.name, Some(&differences));
    if let Some(first) = written.left_out.first() {
        eprintln!(
            "schemaproof: {} facts of this schema are not in the HCL, first: {first}; the comment at its beginning lists them",
            written.left_out.len()
        );
    }
    output::write(out, &written.text)?;
    Ok(Exit::Pass)
}

fn say(remarks: &[String]) {
    for remark in remarks {
        eprintln!("schemaproof: {}", safe::line(remark));
    }
}
