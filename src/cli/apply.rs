//! `schemaproof apply`: a plan against a live database, shown, asked for, run, and compared with the target.
//!
//! A plan that is not proven is never run. What the policy blocks runs only when the plan's fingerprint is given (`--accept`); `--yes`
//! answers the question, and no more than that.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{CommonOptions, Environment, Exit, output, plan};
use crate::{
    apply::{
        self, Limits, State, Task,
        told::{self, Account, Outcome},
    },
    catalog::read::ReadOptions,
    config::{Config, Dialect},
    mysql::live::Databases,
    pipeline::{self, Input, Job, Schema},
    plan::{
        Plan,
        saved::{Ends, Saved},
    },
    report::{self, Report, text::Style, words},
    sandbox::{
        Address,
        mysql::{Flavor, MySqlAddress},
    },
    source::{self, shown_url},
    verdict::{Acceptance, Verdict},
};

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("wanted").required(true).args(["to", "plan"])), after_help = "Examples:
  schemaproof apply --to extensions/sql --url postgres://postgres@localhost:5438/app --dry-run
  schemaproof apply --to extensions/sql --url postgres://postgres@localhost:5438/app
  schemaproof apply --to extensions/sql --url \"$DATABASE_URL\" --yes --accept 'b7f3·91c2·…'
  schemaproof plan --from \"$DATABASE_URL\" --to extensions/sql --format sql --out migrate.sql
  schemaproof apply --plan migrate.sql --url \"$DATABASE_URL\"

Exit codes: 0 the database is as the target (with --dry-run: the plan passes); 1 it is not; 2 wrong use; 3 the verdict blocks.")]
pub struct ApplyArguments {
    /// The schema that is wanted
    #[arg(long, value_name = "S")]
    to: Option<String>,
    /// The database to change
    #[arg(long, value_name = "URL")]
    url: String,
    /// Run a saved plan (`plan --format sql --out FILE`) instead of making one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["online", "create_roles"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    options: ApplyOptions,
    #[command(flatten)]
    common: CommonOptions,
}

/// How a plan is run; `apply` and `sync` share it.
#[derive(clap::Args, Clone)]
pub struct ApplyOptions {
    /// Answer the question with yes; what the policy blocks needs --accept all the same
    #[arg(long, short)]
    yes: bool,
    /// Show the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Plan statements that do not block
    #[arg(long)]
    online: bool,
    /// Make the roles that only the wanted schema has
    #[arg(long)]
    create_roles: bool,
    /// Fingerprint of a plan whose blocking findings are accepted; may be given several times
    #[arg(long, value_name = "FINGERPRINT")]
    accept: Vec<String>,
    /// How long a statement may wait for a lock, and others behind it
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    lock_timeout: Duration,
    /// How long a statement may run
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    statement_timeout: Duration,
    /// How often a transaction group is tried when it meets a lock, a deadlock or a serialization failure
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    tries: u32,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `--format` of `apply` and `sync`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, in colour on a terminal
    #[default]
    Text,
    /// What was planned and done, as JSON, and nothing else on standard output
    Json,
}

/// `5s`, `500ms`, `1h 30m`; a number alone is seconds.
fn time(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()));
    let time = match seconds {
        Some(time) => time,
        None => {
            let span: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}; give for instance 500ms, 5s or 1h"))?;
            Duration::try_from(span).map_err(|_| "a time is not negative".to_string())?
        }
    };
    let longest = Duration::from_secs(7 * 24 * 3600);
    if time.as_millis() == 0 || time > longest {
        return Err("give a time between 1ms and seven days: everything that waits has a limit".into());
    }
    Ok(time)
}

pub async fn apply(arguments: ApplyArguments, environment: &Environment, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let config = arguments.common.config()?;
    let url = SecretString::from(arguments.url);
    let desk = Desk::new(&arguments.options, environment, cancel);
    match (&arguments.plan, &arguments.to) {
        (Some(path), _) => desk.saved(path, &url).await,
        (None, Some(to)) => {
            let target = plan::input(to, &config).await?;
            desk.planned(config, target, &url).await
        }
        (None, None) => bail!("give `--to` or `--plan`"),
    }
}

/// Where a person sits who applies a plan.
pub(super) struct Desk<'a> {
    options: &'a ApplyOptions,
    environment: &'a Environment,
    cancel: &'a CancellationToken,
    style: Style,
}

/// What is about to be run.
struct Proposed<'a> {
    plan: &'a Plan,
    base: State<'a>,
    target: State<'a>,
    options: &'a ReadOptions,
    /// Absent when the plan is a saved one.
    report: Option<&'a Report>,
    /// Absent for Postgres.
    family: Option<&'a (Flavor, Databases)>,
}

impl<'a> Desk<'a> {
    pub fn new(options: &'a ApplyOptions, environment: &'a Environment, cancel: &'a CancellationToken) -> Desk<'a> {
        Desk { options, environment, cancel, style: output::style(None, environment) }
    }

    /// Plans from the database to the target, and runs the plan.
    pub async fn planned(&self, mut config: Config, target: Input, url: &SecretString) -> anyhow::Result<Exit> {
        if !self.can_ask() {
            return Ok(Exit::Usage);
        }
        config.online |= self.options.online;
        config.create_roles |= self.options.create_roles;
        if source::dialect_of(url) != Dialect::Postgres {
            MySqlAddress::from_url(url)?;
        } else if let address = Address::from_url(url)?
            && config.role == Config::default().role
        {
            // What the files make is to belong to whoever applies it, as it will in the database.
            config.role = address.user().to_string();
        }
        let acceptances = self.options.accept.iter();
        let acceptances =
            acceptances.map(|fingerprint| Acceptance { by: "--accept".into(), reason: None, fingerprint: fingerprint.clone() });
        let base = Input { name: shown_url(url), commit: None, schema: Schema::Live(url.clone()) };
        let (atlas, acceptances) = (self.environment.atlas(), acceptances.collect());
        let job = Job { atlas, acceptances, ..Job::new(config, base, target) };
        let pipeline::Outcome { report, plan, catalogs } = pipeline::run(&job, self.cancel).await;
        self.show(&report::text::render(&report, self.style))?;
        let not_run = |outcome, message: &str| Account::not_run(outcome, message.into(), shown_url(url), &plan, Some(&report));
        let Some(catalogs) = catalogs.filter(|_| report.verdict != Verdict::Error) else {
            return self.end(&not_run(Outcome::Error, &report.reason), "", Exit::Failed);
        };
        if report.verdict == Verdict::Blocked {
            return self.end(&not_run(Outcome::Blocked, &report.reason), &self.way_out(&plan, report.proven), Exit::Blocked);
        }
        if plan.steps.is_empty() {
            let message = format!("Nothing to do: {} is as the target", shown_url(url));
            return self.end(&not_run(Outcome::Nothing, &message), &format!("\n{message}"), Exit::Pass);
        }
        let proposed = Proposed {
            plan: &plan,
            base: State::Known(&catalogs.base),
            target: State::Known(&catalogs.target),
            options: &catalogs.options,
            report: Some(&report),
            family: catalogs.family.as_ref(),
        };
        self.go_on(proposed, url).await
    }

    /// Runs a plan that was saved and reviewed.
    async fn saved(&self, path: &Path, url: &SecretString) -> anyhow::Result<Exit> {
        if !self.can_ask() {
            return Ok(Exit::Usage);
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the plan {}", path.display()))?;
        let saved = Saved::read(&text).with_context(|| format!("cannot use the plan {}", path.display()))?;
        let Ends { base, target, exclude, family } = &saved.ends;
        let server = family.as_ref().map_or("Postgres", |family| family.server.name());
        if source::dialect_of(url).is_postgres() != family.is_none() {
            bail!("the plan {} is for {server}, and {} is another kind of server", path.display(), shown_url(url));
        }
        let plan = &saved.plan;
        let steps = words::counted(plan.steps.len(), "step");
        self.show(&format!("saved plan {} · {server} · {steps}\n{}", plan.fingerprint(), told::plan(&saved, self.style)))?;
        let not_run = |outcome, message: &str| Account::not_run(outcome, message.into(), shown_url(url), plan, None);
        if plan.steps.is_empty() {
            let message = "Nothing to do: the saved plan has no steps";
            return self.end(&not_run(Outcome::Nothing, message), &format!("\n{message}"), Exit::Pass);
        }
        if !saved.proven {
            let message = "The plan was not proven when it was saved.";
            return self.end(
                &not_run(Outcome::Blocked, message),
                &format!("\n{message}\n{}", self.way_out(plan, false)),
                Exit::Blocked,
            );
        }
        let fingerprint = plan.fingerprint();
        if saved.blocking > 0 && !self.options.accept.iter().any(|text| fingerprint.is_written_as(text)) {
            let are = if saved.blocking == 1 { "is" } else { "are" };
            let message = format!("{} {are} not accepted.", words::counted(saved.blocking, "blocking finding"));
            return self.end(
                &not_run(Outcome::Blocked, &message),
                &format!("\n{message}\n{}", self.way_out(plan, true)),
                Exit::Blocked,
            );
        }
        let options = ReadOptions { exclude: exclude.clone(), ..ReadOptions::default() };
        let (base, target) = (State::Fingerprint(base), State::Fingerprint(target));
        let family = family.as_ref().map(|family| (family.server, Some(family.databases.clone())));
        self.go_on(Proposed { plan, base, target, options: &options, report: None, family: family.as_ref() }, url).await
    }

    /// Asks, runs, tells.
    async fn go_on(&self, proposed: Proposed<'_>, url: &SecretString) -> anyhow::Result<Exit> {
        let Proposed { plan, report, .. } = proposed;
        let saved = report.is_none();
        let not_run = |outcome, message: &str| Account::not_run(outcome, message.into(), shown_url(url), plan, report);
        if self.options.dry_run {
            let message = "Dry run: nothing was changed";
            return self.end(&not_run(Outcome::DryRun, message), &format!("\n{message}"), Exit::Pass);
        }
        let question = format!("Apply {} to {}?", words::counted(plan.steps.len(), "step"), shown_url(url));
        if !self.options.yes && !self.ask(&question).await? {
            let message = "Aborted: nothing was changed";
            return self.end(&not_run(Outcome::Declined, message), message, Exit::Failed);
        }
        let limits = Limits {
            lock: self.options.lock_timeout,
            statement: self.options.statement_timeout,
            tries: self.options.tries,
            ..Limits::default()
        };
        let on = |event: apply::Event<'_>| {
            let text = format!("{}\n", told::event(&event, plan, self.style));
            // Who stopped listening does not stop the plan.
            let _ = match event {
                apply::Event::Progress { .. } => std::io::stderr().write_all(text.as_bytes()).map_err(Into::into),
                _ => self.show(&text),
            };
        };
        let Proposed { base, target, options, .. } = proposed;
        let applied = match proposed.family {
            Some((flavor, databases)) => {
                let (exclude, flavor) = (options.exclude.as_slice(), *flavor);
                let task = apply::mysql::Task { url, plan, base, target, exclude, databases, flavor, limits };
                apply::mysql::apply(&task, self.cancel, on).await
            }
            None => apply::apply(&Task { url, plan, base, target, options, limits }, self.cancel, on).await,
        };
        let exit = if applied.is_reached() { Exit::Pass } else { Exit::Failed };
        self.show(&told::text(&applied, plan, saved, self.style))?;
        self.end(&Account::of(&applied, plan, report, saved), "", exit)
    }

    /// What a person is shown: on standard output, unless that is for JSON alone.
    pub fn show(&self, text: &str) -> anyhow::Result<()> {
        match self.options.format {
            Format::Text => std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output"),
            Format::Json => std::io::stderr().write_all(text.as_bytes()).context("cannot write to standard error"),
        }
    }

    fn end(&self, account: &Account<'_>, last: &str, exit: Exit) -> anyhow::Result<Exit> {
        if !last.is_empty() {
            self.show(&format!("{last}\n"))?;
        }
        if self.options.format == Format::Json {
            std::io::stdout().write_all(account.json().as_bytes()).context("cannot write to standard output")?;
        }
        Ok(exit)
    }

    /// What to do about a plan that is blocked.
    fn way_out(&self, plan: &Plan, proven: bool) -> String {
        if !proven {
            return "Nothing was changed: a plan that is not proven is not run, and no acceptance opens it.".into();
        }
        let fingerprint = plan.fingerprint();
        let other = if self.options.accept.is_empty() { "" } else { " What was accepted is another plan." };
        format!("Nothing was changed.{other} To take this plan upon yourself, add: --accept '{fingerprint}'")
    }

    /// Whether somebody could be asked; says so before all the work when not.
    fn can_ask(&self) -> bool {
        let can = self.options.yes || self.options.dry_run || std::io::stdin().is_terminal();
        if !can {
            eprintln!(
                "schemaproof: standard input is no terminal, so nobody can be asked; give --yes, or --dry-run to change nothing"
            );
        }
        can
    }

    /// Asks a question on the terminal. No answer is no.
    async fn ask(&self, question: &str) -> anyhow::Result<bool> {
        eprint!("\n{} (y/n) ", report::safe::line(question));
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => {
                eprintln!();
                Ok(false)
            }
            line = answer => {
                let line = line.context("the answer could not be read")?.context("the answer could not be read")?;
                Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(time("5"), Ok(Duration::from_secs(5)));
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("1h 30m"), Ok(Duration::from_secs(5400)));
        for bad in ["0", "-1s", "soon", "8 days", "400h", ""] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
