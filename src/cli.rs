//! The command line: flags and inputs, a file a subcommand. The only reader of the environment.

use std::{ffi::OsString, future::Future, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub use self::environment::Environment;
use crate::{
    config::{Dialect, EngineChoice, FailOn, Session},
    pipeline,
    report::Report,
    verdict::Verdict,
};

pub mod apply;
pub mod atlas;
pub mod ci;
pub mod compare;
pub mod environment;
pub mod generate;
pub mod init;
pub mod inspect;
pub mod log;
mod output;
pub mod plan;
pub mod rules;
pub mod shell;
pub mod sync;

/// How a command ended; the number is the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The verdict passes, or there was nothing to judge.
    Pass = 0,
    /// schemaproof could not find out: bad SQL, no sandbox, and the like.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The verdict blocks.
    Blocked = 3,
    /// There is a verdict, and it could not be published.
    NotPublished = 4,
}

impl Exit {
    /// How a run with this report ends; `published` is whether everybody who is to see the report can.
    pub fn of(report: &Report, fail_on: FailOn, published: bool) -> Exit {
        let stops = match fail_on {
            FailOn::Blocked => true,
            FailOn::Unproven => !report.proven,
            FailOn::Never => false,
        };
        match report.verdict {
            Verdict::Error => Exit::Failed,
            Verdict::Blocked if stops => Exit::Blocked,
            _ if !published => Exit::NotPublished,
            Verdict::Blocked | Verdict::Pass => Exit::Pass,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[derive(Parser)]
#[command(
    name = "schemaproof",
    version,
    about = "Plans, proves and reviews SQL schema changes",
    after_help = "Exit codes: 0 passes; 1 schemaproof failed; 2 wrong use; 3 the verdict blocks; 4 it could not be published."
)]
struct CommandLine {
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The Action's entry: reads GITHUB_* and INPUT_*, plans, proves, comments, sets the status
    #[command(after_help = "Example:\n  a step `uses: OWNER/schemaproof@v0` of a workflow; `schemaproof init` writes one")]
    Ci,
    /// In a workflow: the databases that the event changes, as a job matrix
    #[command(
        after_help = "Example:\n  schemaproof matrix    # prints the matrix, and sets the step's output `matrix`\n\nIn a step of the Action: `command: matrix`; docs/configuration.md has the workflow."
    )]
    Matrix,
    /// In a workflow: publish reports that other jobs left, as one comment and one status
    #[command(
        after_help = "Example:\n  schemaproof publish schemaproof-report\n\nIn a step of the Action: `command: publish`; docs/configuration.md and docs/forks.md have the workflows."
    )]
    Publish {
        /// Report files, or directories that hold them [default: schemaproof-report in the workspace]
        reports: Vec<std::path::PathBuf>,
    },
    /// Plan from one schema to another, prove it, rate it, print it
    Plan(plan::PlanArguments),
    /// Plan against a live database, ask, run the plan, and compare the end with the target
    Apply(apply::ApplyArguments),
    /// Make this project's database as its SQL files say: found in .env, shown, asked for, applied, verified
    Sync(sync::SyncArguments),
    /// Environments side by side: which are alike, which are not, what each lacks
    Compare(compare::CompareArguments),
    /// One consolidated schema file from the SQL directory
    Generate(generate::GenerateArguments),
    /// One schema written down: SQL, JSON, Atlas HCL, or a picture of its tables
    Inspect(inspect::InspectArguments),
    /// Atlas at the desk
    Atlas(atlas::AtlasArguments),
    /// The rule catalogue
    Rules(rules::RulesArguments),
    /// Give this repository the workflow and the configuration
    Init(init::InitArguments),
    /// A script that completes commands and options in a shell
    Completions(shell::CompletionsArguments),
    /// The manual page
    Man(shell::ManArguments),
}

/// Options that several commands share; what is not given comes from the config file, then from the defaults.
#[derive(Args, Clone, Default)]
pub struct CommonOptions {
    /// Who plans: Atlas completed by the native planner where it is installed, Atlas, or the native planner alone
    #[arg(long, value_enum)]
    pub engine: Option<EngineChoice>,
    /// Whose SQL the files are in [default: that of a URL that is compared, else postgres]
    #[arg(long, value_enum)]
    pub dialect: Option<Dialect>,
    /// Where the throwaway server runs: auto, docker, local, or the URL of a server
    #[arg(long, value_name = "auto|docker|local|URL")]
    pub sandbox: Option<String>,
    /// Docker image of the throwaway server [default: postgres of the live database's version, else
    /// postgres:16; pingcap/tidb:v8.4.0, mysql:8, mariadb:11]
    #[arg(long)]
    pub image: Option<String>,
    /// One session over all files (as `cat *.sql`), or one a file (as docker-entrypoint-initdb.d)
    #[arg(long, value_enum)]
    pub session: Option<Session>,
    /// Objects to leave out of the comparison, for instance `ag_catalog.*`; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Config file [default: .github/schemaproof.yml where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
}

/// Runs the command that the arguments name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // Help and version are "errors" of clap's that are printed on standard output.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Pass.into() };
        }
    };
    let environment = Environment::read();
    log::start(&environment, command_line.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("schemaproof: cannot start its runtime: {error}");
            return Exit::Failed.into();
        }
    };
    let outcome = runtime.block_on(until_signal(async |cancel| match command_line.command {
        Command::Ci => {
            let step = environment.of_the_step()?;
            match step.inputs.get("command").map(String::as_str).unwrap_or("ci") {
                "ci" => Ok(ci::ci(&step, &cancel, pipeline::run).await),
                "matrix" => Ok(ci::matrix(&step, &cancel).await),
                "publish" => Ok(ci::publish(&step, &cancel, &[]).await),
                other => anyhow::bail!("the input `command` is `{}`; it can be `ci`, `matrix` or `publish`", other.escape_debug()),
            }
        }
        Command::Matrix => Ok(ci::matrix(&environment.of_the_step()?, &cancel).await),
        Command::Publish { reports } => Ok(ci::publish(&environment.of_the_step()?, &cancel, &reports).await),
        Command::Plan(arguments) => plan::plan(arguments, &environment, &cancel).await,
        Command::Apply(arguments) => apply::apply(arguments, &environment, &cancel).await,
        Command::Sync(arguments) => sync::sync(arguments, &environment, &cancel).await,
        Command::Compare(arguments) => compare::compare(arguments, &environment, &cancel).await,
        Command::Generate(arguments) => generate::generate(&arguments, &cancel).await,
        Command::Inspect(arguments) => inspect::inspect(arguments, &cancel).await,
        Command::Atlas(arguments) => atlas::atlas(arguments, &environment, &cancel).await,
        Command::Rules(arguments) => rules::rules(&arguments),
        Command::Init(arguments) => init::init(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
    }));
    // A blocking read that never returns must not keep the process.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("schemaproof: {}", said(&error));
            Exit::Failed.into()
        }
    }
}

/// An error and its causes; what an error already says of its cause is not said again.
fn said(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        said if said.contains(&cause) => said.into(),
        said => format!("{said}: {cause}"),
    })
}

/// Runs `work` and turns SIGINT and SIGTERM into its cancellation; `work` then ends by itself, having cleaned up.
async fn until_signal<T, F: Future<Output = T>>(work: impl FnOnce(CancellationToken) -> F) -> T {
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::warn!("stopping: removing what was started");
        on_signal.cancel();
    });
    work(cancel).await
}
