//! Several databases in one repository: those whose files change are planned side by side, as many at a time as the configuration says.
//!
//! Knows neither what they are planned with nor how they are published.

use std::{io::Stdout, time::Instant};

use futures_util::{StreamExt as _, stream};

use super::prepare::{Database, Prepared};
use crate::{
    cli::Exit,
    config::FailOn,
    github::{acceptance::Said, outputs::Log},
    pipeline::{Job, Outcome},
    report::{self, Run, many::Part},
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
    let plan = &plan;
    let planned = jobs.into_iter().map(async |(name, job)| (name, plan(job).await));
    let outcomes: Vec<(String, Outcome)> = stream::iter(planned).buffered(parallel.max(1)).collect().await;
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
