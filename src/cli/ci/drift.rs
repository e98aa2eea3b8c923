//! Drift: how the environments stand to the files, and the one issue that a scheduled run keeps up to date about it.
//!
//! Reads no database and finds no issue itself: those are `pipeline::environments`' and `github::issue`'s.

use std::{collections::BTreeSet, fmt::Write as _, io::Stdout, time::Duration};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{
    CiError,
    prepare::{Database, Subject},
};
use crate::{
    cli::compare,
    config::Config,
    environments::{Comparison, told},
    github::{
        api::{Api, Failure},
        comment::{Identity, LONGEST},
        issue,
        outputs::Log,
    },
    pipeline::{
        Input, Outcome, Schema,
        environments::{self, Environment},
    },
    report::{EnvironmentGroup, ReportedEnvironments, Run, UnreadEnvironment, safe, words},
    source,
};

/// How many live databases are read at once.
const CONNECTIONS: usize = 8;
/// Rows of the issue's tables; halved until the issue fits.
const ROWS: usize = 200;
/// Longest time for finding and writing the issue.
const KEEPING: Duration = Duration::from_secs(180);
/// What the issue has beside its tables: the marker, the head, the end.
const RESERVED: usize = 2_000;

/// The environments of one database of the configuration, side by side.
pub(super) struct Compared {
    /// The database's name in the configuration; empty when it is the only one.
    pub name: String,
    pub comparison: Comparison,
}

/// The environments that the configuration names, the reference before them. Patterns of databases are expanded.
///
/// # Errors
/// When an entry is not `NAME=URL`, or two have the same name.
pub(super) async fn named(config: &Config, reference: Option<Input>, scheduled: bool) -> Result<Vec<Environment>, CiError> {
    let bad = |at: usize, why: &'static str| CiError::BadEnvironment { at: at + 1, of: config.environments.len(), why };
    let mut found: Vec<Environment> = Vec::new();
    found.extend(reference.map(|input| Environment { name: input.name.clone(), input }));
    let begun = found.len();
    for (at, line) in config.environments.iter().enumerate() {
        // The line may hold a password.
        let (name, address) =
            compare::named(line).ok_or_else(|| bad(at, "is not NAME=URL, for instance prod=postgres://host/app"))?;
        if url::Url::parse(address).is_err() {
            return Err(bad(at, "has no address of a live database after its name"));
        }
        match compare::matching(name, address).await {
            Ok(Some(all)) => found.extend(all),
            // Reading it says why it cannot be read.
            Ok(None) | Err(_) => found.push(Environment { name: name.into(), input: live(address) }),
        }
    }
    let named =
        |found: &[Environment]| found[begun..].iter().map(|environment| environment.input.name.clone()).collect::<BTreeSet<_>>();
    if let Some(url) = config.database_url.as_deref().filter(|url| scheduled && !url.is_empty()) {
        let input = live(url);
        if !named(&found).contains(&input.name) {
            found.push(Environment { name: "database-url".into(), input });
        }
    }
    let mut names = BTreeSet::new();
    match found.iter().all(|environment| names.insert(environment.name.as_str())) {
        true if found.len() > begun => Ok(found),
        true => Ok(Vec::new()),
        false => Err(bad(0, "or another has a name that is given twice")),
    }
}

fn live(url: &str) -> Input {
    let url = SecretString::from(url);
    Input { name: source::shown_url(&url), commit: None, schema: Schema::Live(url) }
}

/// Compares the environments of every database that names some.
pub(super) async fn compare(databases: &[(String, Config, Vec<Environment>)], cancel: &CancellationToken) -> Vec<Compared> {
    let mut all = Vec::new();
    for (name, config, environments) in databases.iter().filter(|(.., environments)| !environments.is_empty()) {
        let comparison = Box::pin(environments::compare(environments, config, CONNECTIONS, cancel)).await;
        all.push(Compared { name: name.clone(), comparison });
    }
    all
}

/// What is compared, taken from what was prepared.
pub(super) fn of(databases: &[Database]) -> Vec<(String, Config, Vec<Environment>)> {
    databases.iter().map(|database| (database.name.clone(), database.config.clone(), database.environments.clone())).collect()
}

/// As the report tells it: without the reference itself.
pub(super) fn reported(comparison: &Comparison) -> ReportedEnvironments {
    let is_other = |name: &&String| **name != comparison.reference;
    let groups = comparison.groups.iter().map(|group| EnvironmentGroup {
        names: group.names.iter().filter(is_other).cloned().collect(),
        changes: group.changes.clone(),
    });
    let unread = comparison.unread().map(|environment| UnreadEnvironment {
        name: environment.name.clone(),
        why: environment.error.clone().unwrap_or_default(),
    });
    ReportedEnvironments {
        against: comparison.reference.clone(),
        // Without the reference nothing is known of the others.
        groups: groups.filter(|group| comparison.has_reference() && !group.names.is_empty()).collect(),
        unread: unread.collect(),
    }
}

/// Puts what was compared into the reports of its databases, and what could not be read into the log.
pub(super) fn beside(log: &mut Log<Stdout>, compared: &[Compared], outcomes: &mut [(String, Outcome)]) {
    for Compared { name, comparison } in compared {
        for environment in comparison.unread() {
            let why = environment.error.as_deref().unwrap_or_default();
            log.say("warning", &format!("the environment {} could not be read: {why}", environment.name));
        }
        if let Some((_, outcome)) = outcomes.iter_mut().find(|(other, _)| other == name) {
            outcome.report.environments = Some(reported(comparison));
        }
    }
}

/// What became of the issue.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub url: Option<String>,
    /// Nobody was told of the drift.
    pub failed: bool,
}

/// Keeps the issue: open while anything differs or cannot be read.
pub(super) async fn kept(
    log: &mut Log<Stdout>,
    api: &Api,
    subject: &Subject,
    config: &Config,
    compared: &[Compared],
    run: Option<&Run>,
) -> Told {
    if compared.is_empty() {
        return Told::default();
    }
    let open = compared.iter().any(|one| !one.comparison.same);
    let told: Vec<String> = compared.iter().map(|one| format!("{} {}", one.name, told::json(&one.comparison))).collect();
    let run = run.map_or(String::new(), |run| format!(" ([run {}]({}))", run.number, run.url));
    let wanted = issue::Wanted {
        key: &format!("drift {}", config.status_context),
        head: &subject.head,
        title: &title(compared),
        told: &format!("{} {}", env!("CARGO_PKG_VERSION"), told.join("\n")),
        text: &text(compared),
        open,
        word: &match open {
            true => format!("The environments differ again{run}."),
            false => format!("The environments have the same schema again{run}."),
        },
    };
    let kept = async { issue::keep(api, &Identity::ask(api).await, &wanted).await };
    let kept = tokio::time::timeout(KEEPING, kept).await;
    match kept {
        Ok(Ok(kept)) => {
            let url = kept.url().map(String::from);
            log.say("notice", &format!("{}{}", title(compared), url.iter().map(|url| format!(": {url}")).collect::<String>()));
            Told { url, failed: false }
        }
        Ok(Err(error)) => {
            let advice = match error.why {
                Failure::Forbidden { .. } => "; the job's `permissions` need `issues: write`",
                _ => "",
            };
            log.say("error", &format!("{error}{advice}"));
            Told { url: None, failed: true }
        }
        Err(_) => {
            log.say("error", &format!("the issue on drift was not written within {} s; run it again", KEEPING.as_secs()));
            Told { url: None, failed: true }
        }
    }
}

/// `Schema drift: 1 of 2 differs from main`.
fn title(compared: &[Compared]) -> String {
    let said = match compared {
        [one] => words::environments(&reported(&one.comparison)).trim_start_matches("Environments: ").to_string(),
        all => {
            let odd = all.iter().filter(|one| !one.comparison.same).count();
            format!("{odd} of {}", words::counted(all.len(), "database"))
        }
    };
    safe::visible(&format!("Schema drift: {said}")).chars().take(250).collect()
}

fn text(compared: &[Compared]) -> String {
    let mut rows = ROWS;
    loop {
        let mut out = String::new();
        for Compared { name, comparison } in compared {
            if !name.is_empty() {
                let _ = writeln!(out, "## {}\n", safe::markdown(name));
            }
            let _ = writeln!(out, "{}", told::markdown(comparison, rows));
        }
        out.push_str(
            "<sub>schemaproof keeps this issue up to date at every scheduled run and closes it when all are the same. If it is closed by hand, it \
             stays closed until something changes.</sub>\n",
        );
        if out.len() + RESERVED <= LONGEST {
            return out;
        }
        if rows == 0 {
            let kept: String = out.chars().take(LONGEST - RESERVED).collect();
            return kept.rsplit_once('\n').map_or_else(|| kept.clone(), |(whole, _)| format!("{whole}\n\n…\n"));
        }
        rows /= 2;
    }
}
