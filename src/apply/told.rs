//! What was done, for people and as JSON. Pure: takes values, returns text.
//!
//! Statements are shown masked, and whatever a server or a schema says is shown as text, never obeyed.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Applied, End, Event, Fate, Stop};
use crate::{
    catalog::Action,
    plan::{Plan, Step, saved::Saved},
    proof::SqlError,
    report::{
        Report, ReportedChange,
        safe::{self, line},
        text::{BOLD, DIM, GREEN, RED, Style, YELLOW, paint},
        words,
    },
};

/// The whole account as JSON: `schemaproof apply --format json`.
#[derive(Debug, Serialize)]
pub struct Account<'a> {
    /// Version of this format: 1.
    pub schemaproof: u32,
    pub outcome: Outcome,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do.
    pub advice: Option<String>,
    pub database: String,
    /// The plan's.
    pub fingerprint: Option<String>,
    pub steps: Vec<AccountedStep<'a>>,
    /// Where the database differs from the target at the end.
    pub differences: &'a [ReportedChange],
    pub remarks: &'a [String],
    /// Tries beyond the first, of all transaction groups.
    pub retries: u32,
    pub seconds: f64,
    /// How the plan was made and proven; absent when it was a saved one.
    pub report: Option<&'a Report>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything is in, and the database is as the target.
    Applied,
    /// The database was as the target before.
    Nothing,
    DryRun,
    /// The person who was asked said no.
    Declined,
    /// The verdict blocks; nothing was run.
    Blocked,
    /// There is no plan; nothing was run.
    Error,
    /// Nothing was run, for a reason that lies in the database.
    Refused,
    /// Everything is in, and the database is not as the target, or could not be read.
    Differs,
    /// Some of it is in, or may be.
    Stopped,
}

#[derive(Debug, Serialize)]
pub struct AccountedStep<'a> {
    pub number: usize,
    pub group: usize,
    pub transactional: bool,
    /// Secrets masked.
    pub sql: &'a str,
    pub state: &'static str,
    pub milliseconds: Option<f64>,
    pub error: Option<&'a SqlError>,
}

impl<'a> Account<'a> {
    /// Of a plan that was not run.
    pub fn not_run(outcome: Outcome, message: String, database: String, plan: &'a Plan, report: Option<&'a Report>) -> Account<'a> {
        Account {
            schemaproof: 1,
            outcome,
            message,
            advice: None,
            database,
            fingerprint: (!plan.steps.is_empty()).then(|| plan.fingerprint().to_string()),
            steps: steps(plan, &[]),
            differences: &[],
            remarks: &[],
            retries: 0,
            seconds: 0.0,
            report,
        }
    }

    /// Of a plan that was run; `saved` says that it came from a file.
    pub fn of(applied: &'a Applied, plan: &'a Plan, report: Option<&'a Report>, saved: bool) -> Account<'a> {
        let outcome = match &applied.end {
            End::Reached => Outcome::Applied,
            End::Nothing => Outcome::Nothing,
            End::Differs(_) | End::Unread(_) => Outcome::Differs,
            End::Refused(_) => Outcome::Refused,
            End::Stopped(_) => Outcome::Stopped,
        };
        let differences = if let End::Differs(changes) = &applied.end { changes.as_slice() } else { &[] };
        let (message, advice) = (sentence(applied, plan), advice(applied, saved));
        Account {
            outcome,
            message,
            advice,
            steps: steps(plan, &applied.steps),
            differences,
            remarks: &applied.remarks,
            retries: applied.retries,
            seconds: applied.seconds,
            ..Account::not_run(outcome, String::new(), applied.database.clone(), plan, report)
        }
    }

    /// Indented, with a newline at its end.
    pub fn json(&self) -> String {
        // Strings, numbers and lists: nothing that JSON refuses.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

fn steps<'a>(plan: &'a Plan, fates: &'a [Fate]) -> Vec<AccountedStep<'a>> {
    let step = |(at, step): (usize, &'a Step)| {
        let (state, milliseconds, error) = match fates.get(at) {
            None | Some(Fate::NotRun) => ("not-run", None, None),
            Some(Fate::In { milliseconds }) => ("in", Some(*milliseconds), None),
            Some(Fate::RolledBack) => ("rolled-back", None, None),
            Some(Fate::Failed(error)) => ("failed", None, Some(error)),
            Some(Fate::Unknown) => ("unknown", None, None),
        };
        let Step { group, transactional, .. } = *step;
        AccountedStep { number: at + 1, group, transactional, sql: step.shown(), state, milliseconds, error }
    };
    plan.steps.iter().enumerate().map(step).collect()
}

/// A line for an event, without a line break.
pub fn event(event: &Event<'_>, plan: &Plan, style: Style) -> String {
    let of = |step: usize| plan.steps.get(step).map(Step::shown).unwrap_or_default();
    match event {
        Event::Begun { step } => format!("  … {} {}", step + 1, first_line(of(*step))),
        Event::Ran { step, time } => {
            let took = words::milliseconds(time.as_secs_f64() * 1000.0);
            format!("  {} {} ran in {took}", paint("✓", GREEN, style), step + 1)
        }
        Event::Progress { told } => format!("    {}", paint(&line(told), DIM, style)),
        Event::In { group } => paint(&format!("group {group} is in"), BOLD, style),
        Event::Again { group, tried, tries, pause, error } => {
            let code = error.sqlstate.as_deref().unwrap_or_default();
            let why = format!("{} (SQLSTATE {})", line(&error.message), line(code));
            let text = format!(
                "group {group} was rolled back: {why}; try {} of {tries} in {}",
                tried + 1,
                words::seconds(pause.as_secs_f64())
            );
            paint(&text, YELLOW, style)
        }
    }
}

/// The first line of a statement, not too long.
fn first_line(sql: &str) -> String {
    let text = line(sql.lines().next().unwrap_or_default());
    if text.chars().count() > 100 || sql.lines().nth(1).is_some() { text.chars().take(99).chain(['…']).collect() } else { text }
}

/// The end of a run, for people.
pub fn text(applied: &Applied, plan: &Plan, saved: bool, style: Style) -> String {
    let good = applied.is_reached();
    let (sign, colour) = if good { ("✅", GREEN) } else { ("❌", RED) };
    let mut out = format!("\n{}\n", paint(&format!("{sign} {}", line(&sentence(applied, plan))), colour, style));
    for fate in &applied.steps {
        if let Fate::Failed(error) = fate {
            push_error(&mut out, error);
        }
    }
    if let End::Stopped(Stop::Commit { error, .. }) = &applied.end {
        push_error(&mut out, error);
    }
    if let End::Differs(changes) = &applied.end {
        for change in changes {
            let details = if change.details.is_empty() { String::new() } else { format!(": {}", change.details.join(", ")) };
            let _ =
                writeln!(out, "  {}", line(&format!("{} {} {}{details}", difference(change.action), change.kind, change.object)));
        }
    }
    for remark in &applied.remarks {
        let _ = writeln!(out, "  {}", line(remark));
    }
    if let Some(advice) = advice(applied, saved) {
        let _ = writeln!(out, "  {}", line(&advice));
    }
    out
}

/// A saved plan before it is run: what was known of it when it was saved, and its steps.
pub fn plan(saved: &Saved, style: Style) -> String {
    let mut out = String::new();
    for comment in &saved.comments {
        let _ = writeln!(out, "  {}", line(comment));
    }
    let plan = &saved.plan;
    let mut number = 0;
    for group in plan.steps.chunk_by(|a, b| a.group == b.group) {
        let Some(first) = group.first() else { continue };
        let how = if first.transactional { "one transaction" } else { "outside of a transaction" };
        let _ = writeln!(out, "\n{}", paint(&format!("{}. {how}", first.group), BOLD, style));
        for step in group {
            number += 1;
            let _ = writeln!(out, "   {}", paint(&format!("step {number}"), DIM, style));
            for text in safe::visible_lines(step.shown()).lines() {
                let _ = writeln!(out, "   │ {text}");
            }
        }
    }
    out
}

fn push_error(out: &mut String, error: &SqlError) {
    for (what, text) in [("detail", &error.detail), ("hint", &error.hint)] {
        if let Some(text) = text {
            let _ = writeln!(out, "  {what}: {}", line(text));
        }
    }
}

/// How an object of the database differs from the target, whose changes these are.
fn difference(action: Action) -> &'static str {
    match action {
        Action::Create => "only there:",
        Action::Drop => "missing there:",
        Action::Alter | Action::Replace | Action::Rename => "differs:",
    }
}

/// What happened, in one sentence without a full stop.
fn sentence(applied: &Applied, plan: &Plan) -> String {
    let all = words::counted(plan.steps.len(), "step");
    match &applied.end {
        End::Reached => {
            format!("Applied: {all} in {}, and {} is as the target", words::seconds(applied.seconds), applied.database)
        }
        End::Nothing => format!("Nothing to do: {} is as the target already", applied.database),
        End::Differs(changes) => {
            let where_to = match changes.len() {
                0 => "is not as the target of the saved plan".to_string(),
                n => format!("differs from the target in {}", words::counted(n, "object")),
            };
            format!("All {all} are in, and {} {where_to}", applied.database)
        }
        End::Unread(error) => format!("All {all} are in; what the database is like now is not known: {error}"),
        End::Refused(error) => format!("Nothing was run: {error}"),
        End::Stopped(stop) => format!("Stopped: {}; {}", why(stop, applied), states(&applied.steps)),
    }
}

fn why(stop: &Stop, applied: &Applied) -> String {
    let said = |error: &SqlError| match &error.sqlstate {
        Some(code) => format!("{} (SQLSTATE {code})", error.message),
        None => error.message.clone(),
    };
    match stop {
        Stop::Step { step, tries } => {
            let error = match applied.steps.get(*step) {
                Some(Fate::Failed(error)) => said(error),
                _ => String::new(),
            };
            let tries = if *tries > 1 { format!(" after {tries} tries") } else { String::new() };
            format!("step {} failed{tries}: {error}", step + 1)
        }
        Stop::Commit { group, error } => format!("group {group} could not be committed: {}", said(error)),
        Stop::Lost { group, why, .. } => format!("the connection broke in group {group}: {why}"),
        Stop::Cancelled => "the run was cancelled".into(),
        Stop::LockGone => {
            "the lock on the database is not this session's any more: the address leads to a pooler that hands sessions around"
                .into()
        }
    }
}

/// `steps 1-3 are in, 4-5 were rolled back, 6 did not run`.
fn states(steps: &[Fate]) -> String {
    type Is = fn(&Fate) -> bool;
    let sorts: [(&str, &str, Is); 4] = [
        ("is in", "are in", |fate| matches!(fate, Fate::In { .. })),
        ("was rolled back", "were rolled back", |fate| matches!(fate, Fate::RolledBack)),
        ("may be in or not", "may be in or not", |fate| matches!(fate, Fate::Unknown)),
        ("did not run", "did not run", |fate| matches!(fate, Fate::NotRun)),
    ];
    let mut said = Vec::new();
    if !steps.iter().any(sorts[0].2) && !steps.iter().any(sorts[2].2) {
        said.push("no step is in".to_string());
    }
    for (one, many, is) in sorts {
        let numbers: Vec<usize> = steps.iter().enumerate().filter(|(_, fate)| is(fate)).map(|(at, _)| at + 1).collect();
        match numbers.len() {
            0 => {}
            1 => said.push(format!("step {} {one}", ranges(&numbers))),
            _ => said.push(format!("steps {} {many}", ranges(&numbers))),
        }
    }
    said.join(", ")
}

/// `1-3, 5`.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).filter_map(|run| Some((run.first()?, run.last()?)));
    let shown: Vec<String> = runs.map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") }).collect();
    shown.join(", ")
}

/// What to do; nothing when all is well or the message says it.
fn advice(applied: &Applied, saved: bool) -> Option<String> {
    let go_on = match saved {
        false => "Run the same command again: it plans from what is there now and goes on.",
        true => "Save a new plan from what is there now, and apply that: it goes on.",
    };
    let untouched = applied.steps.iter().all(|fate| !matches!(fate, Fate::In { .. } | Fate::Unknown));
    let go_on = if untouched && saved { "Then apply the same plan again." } else { go_on };
    match &applied.end {
        End::Reached | End::Nothing | End::Refused(_) => None,
        End::Differs(_) => Some(
            "Somebody else may have changed it meanwhile. Plan again to see what is left: `schemaproof plan --from URL --to …`."
                .into(),
        ),
        End::Unread(_) => Some("Plan again to see what is left: `schemaproof plan --from URL --to …`.".into()),
        End::Stopped(stop) => {
            let error = match stop {
                Stop::Step { step, .. } => match applied.steps.get(*step) {
                    Some(Fate::Failed(error)) => Some(error),
                    _ => None,
                },
                Stop::Commit { error, .. } => Some(error),
                _ => None,
            };
            let code = error.and_then(|error| error.sqlstate.as_deref()).unwrap_or_default();
            Some(match (stop, code) {
                (_, "55P03" | "40P01") => format!(
                    "Others hold what it needs (`SELECT * FROM pg_stat_activity`). Try when they are done, or with a longer \
                     `--lock-timeout` or more `--tries`. {go_on}"
                ),
                (_, "57014") => format!("It ran longer than `--statement-timeout` lets it: give it more. {go_on}"),
                (_, code) if code.starts_with("22") || code.starts_with("23") => {
                    format!("Rows that are there are in the way: mend them. {go_on}")
                }
                (Stop::Step { .. } | Stop::Commit { .. }, _) => format!("Mend what the message names. {go_on}"),
                (Stop::Lost { resolved: true, .. }, _) => {
                    format!("The server was asked, or nothing was committed: what is said to be in is in. {go_on}")
                }
                (Stop::Lost { resolved: false, .. }, _) => format!("Whether it is in could not be found out. {go_on}"),
                (Stop::LockGone, _) => format!("Give the address of the server itself. {go_on}"),
                (Stop::Cancelled, _) => go_on.into(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_said_in_ranges() {
        let fate = |fate: u8| match fate {
            b'i' => Fate::In { milliseconds: 1.0 },
            b'r' => Fate::RolledBack,
            b'u' => Fate::Unknown,
            b'f' => {
                Fate::Failed(SqlError { sqlstate: None, message: String::new(), detail: None, hint: None, table: None, part: None })
            }
            _ => Fate::NotRun,
        };
        let said = |fates: &str| states(&fates.bytes().map(fate).collect::<Vec<_>>());
        assert_eq!(said("iiirf--"), "steps 1-3 are in, step 4 was rolled back, steps 6-7 did not run");
        assert_eq!(said("rf-"), "no step is in, step 1 was rolled back, step 3 did not run");
        assert_eq!(said("iu-"), "step 1 is in, step 2 may be in or not, step 3 did not run");
        assert_eq!(ranges(&[1, 3, 4, 5, 7]), "1, 3-5, 7");
    }
}
