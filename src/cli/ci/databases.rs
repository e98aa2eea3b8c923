//! Several databases in one repository: those whose files change are planned side by side, as many at a time as the configuration says.
//!
//! Knows neither what they are planned with nor how they are published.

use std::{io::Stdout, time::Instant};

use futures_util::{StreamExt as _, stream};

use super::{
    command,
    prepare::{Database, Prepared},
};
use crate::{
    cli::Exit,
    config::FailOn,
    github::{acceptance::Said, outputs::Log},
    pipeline::{Job, Outcome, RENAMES_NOTHING},
    plan::rename::asked::Asked,
    report::{self, Report, Run, many::Part},
};

/// The outcomes by database, in the configuration's order. Where there are several, those that do not change are not told of, unless
/// none does.
pub(super) async fn plan(
    log: &mut Log<Stdout>,
    databases: Vec<Database>,
    said: Vec<Said>,
    parallel: usize,
    run: &Option<Run>,
    begun: Instant,
    plan: impl AsyncFn(Job) -> Outcome,
) -> Vec<(String, Outcome)> {
    let (mut jobs, mut unchanged) = (Vec::new(), Vec::new());
    for (Database { name, prepared, .. }, said) in databases.into_iter().zip(said) {
        match prepared {
            Prepared::Compare(mut job) => {
                job.run.clone_from(run);
                (job.acceptances, job.renames) = (said.acceptances, said.renames);
                jobs.push((name, *job));
            }
            Prepared::Nothing { reason, sides } => {
                let (base, target) = *sides;
                if base.files == 0 && target.files == 0 {
                    // Right for a repository whose first SQL is yet to come; a mistake in `paths` looks the same.
                    log.say("warning", &reason);
                }
                unchanged.push((name, reason, base, target));
            }
        }
    }
    let renames: Vec<Asked> = jobs.iter().flat_map(|(_, job)| job.renames.clone()).collect();
    let plan = &plan;
    let planned = jobs.into_iter().map(async |(name, job)| {
        let mut outcome = plan(job).await;
        outcome.report.database = Some(name.clone()).filter(|name| !name.is_empty());
        (name, outcome)
    });
    let mut outcomes: Vec<(String, Outcome)> = stream::iter(planned).buffered(parallel.max(1)).collect().await;
    say_once(&renames, outcomes.iter_mut().map(|(_, outcome)| &mut outcome.report));
    if !outcomes.is_empty() {
        return outcomes;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let several = unchanged.len() > 1;
    let nothing = unchanged.into_iter().take(1).map(|(name, reason, base, target)| {
        let (name, reason) = if several { (String::new(), "No SQL file of any database changes.".into()) } else { (name, reason) };
        (name, report::build::nothing(&reason, base, target, seconds, run.clone()).into())
    });
    nothing.collect()
}

/// A rename that was asked for is about one of several databases: in the others nothing is to be said of it, and if it is about none, once.
pub(super) fn say_once<'a>(renames: &[Asked], reports: impl Iterator<Item = &'a mut Report>) {
    let mut reports: Vec<&mut Report> = reports.collect();
    for asked in renames {
        let start = format!("{}: ", asked.words());
        let mut said = reports.iter().any(|report| command::renamed(asked, report));
        for report in &mut reports {
            report.remarks.retain(|remark| {
                let is_this = remark.title == RENAMES_NOTHING && remark.text.starts_with(&start);
                !is_this || !std::mem::replace(&mut said, true)
            });
        }
    }
}

/// Jobs that a matrix may have (GitHub's limit).
const MOST_JOBS: usize = 256;

/// The databases that change as GitHub's job matrix: `{"include": [{"name": …, "only": …}]}`. A job is for one database, and where that
/// would be too many, for several.
pub(super) fn matrix(databases: &[Database]) -> String {
    let changes = |database: &&Database| matches!(database.prepared, Prepared::Compare(_));
    let names: Vec<&str> = databases.iter().filter(changes).map(|database| database.name.as_str()).collect();
    let each = names.len().div_ceil(MOST_JOBS).max(1);
    let jobs = names.chunks(each).map(|names| {
        let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
        serde_json::json!({"name": format!("{}{more}", names[0]), "only": names.join(" ")})
    });
    serde_json::json!({"include": jobs.collect::<Vec<_>>()}).to_string()
}

/// How a run with these reports ends: as the worst of them.
pub(super) fn exit(parts: &[Part], fail_on: FailOn, published: bool) -> Exit {
    let exits = parts.iter().map(|part| Exit::of(&part.report, fail_on, published));
    let worst = |exit: &Exit| match exit {
        Exit::Failed | Exit::Usage => 3,
        Exit::Blocked => 2,
        Exit::NotPublished => 1,
        Exit::Pass => 0,
    };
    exits.max_by_key(worst).unwrap_or(Exit::Failed)
}
