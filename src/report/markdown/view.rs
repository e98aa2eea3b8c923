//! What the templates show of a report at each [`Detail`].

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Detail, down_title, engine_line, excerpt, file_url, run_url, short_commit, some, step_line};
use crate::{
    catalog::Action,
    proof::Judgement,
    report::{Drift, Report, ReportedEnvironments, ReportedFinding, ReportedStep, Run, picture, safe, table, table::Counts, words},
    risk::Level,
    verdict::Verdict,
};

/// Objects after the first that a line names.
const OTHERS: usize = 5;
/// Characters of object names that [`Detail::Totals`] keeps a rule.
const NAMES_IN_TOTALS: usize = 6_000;
/// Lines of one difference that are shown.
const LONGEST_DIFFERENCE: usize = 16;
/// The rule whose finding is told with the list of what is not analysed.
const NOT_COVERED: &str = crate::risk::rules::not_covered::RULE.id;
/// Rows of the object table that [`Detail::ShortTable`] keeps.
const SHORT_TABLE: usize = 30;
/// Differences of one judge that are shown with their details.
const LONGEST_DIFFERENCES: usize = 20;

/// The whole report.
pub(super) fn of(report: &Report, detail: Detail) -> Value {
    let mut view = serde_json::Map::new();
    for part in [about(report, detail), found(report, detail), around(report, detail)] {
        if let Value::Object(part) = part {
            view.extend(part);
        }
    }
    Value::Object(view)
}

/// What the report is about, and the object table.
fn about(report: &Report, detail: Detail) -> Value {
    let rows = rows(report, detail);
    json!({
        "headline": words::headline(report),
        "reason": reason(report),
        "what_now": words::what_now(report),
        "earlier": words::earlier(report),
        "error": report.error.as_ref().map(|error| json!({
            "message": error.message,
            "advice": error.advice,
            "place": place(report, error.file.as_deref(), error.line),
            "excerpt": excerpt(report),
            "sqlstate": error.sql.as_ref().and_then(|sql| sql.sqlstate.clone()),
            "detail": error.sql.as_ref().and_then(|sql| sql.detail.clone()),
            "hint": error.sql.as_ref().and_then(|sql| sql.hint.clone()),
        })),
        "base": report.base.name,
        "base_commit": report.base.commit.as_deref().map(short_commit),
        "target": report.target.name,
        "target_commit": report.target.commit.as_deref().map(short_commit),
        "server": report.server.as_ref().map(|server| format!("{} {server}", report.dialect.name())),
        "engine": report.engine.as_ref().map(|engine| engine_line(engine, report)),
        "fingerprint": report.fingerprint,
        "rows": rows.0,
        "more_rows": rows.1,
        "with_effects": rows.2,
    })
}

pub(super) fn run(run: &Run) -> Value {
    json!({"number": run.number, "url": run_url(run), "pull_request": run.pull_request})
}

/// The verdict's sentence where the headline does not already say it.
fn reason(report: &Report) -> Option<&str> {
    // The headline counts what blocks and what was accepted, and passing is its sign.
    let quiet = report.proven && !words::no_changes(report);
    let said = report.verdict == Verdict::Error || quiet;
    (!said && !report.reason.is_empty()).then_some(&report.reason)
}

fn plan_title(report: &Report) -> String {
    let transactions = report.steps.iter().map(|step| step.group).collect::<std::collections::BTreeSet<_>>().len();
    let left_out = report.engine.as_ref().map_or(0, |engine| engine.left_out);
    let tail = if left_out > 0 { format!(" ({left_out} left out by Atlas)") } else { String::new() };
    format!("The plan: {} in {}{tail}", words::counted(report.steps.len(), "step"), words::counted(transactions, "transaction"))
}

/// What was found, and whether it is proven.
fn found(report: &Report, detail: Detail) -> Value {
    let counts = Counts::of(report);
    let of = |wanted: &dyn Fn(&&ReportedFinding) -> bool| -> Vec<Group> {
        let groups = table::groups(report.findings.iter().filter(wanted));
        groups.iter().map(|findings| group(report, findings, detail)).collect()
    };
    // What is not analysed has a part of its own, that is never folded.
    let unread: Vec<&ReportedFinding> = report
        .findings
        .iter()
        .filter(|finding| finding.rule == NOT_COVERED && !finding.blocks && finding.accepted_by.is_none())
        .collect();
    let others = |level: Level| {
        move |finding: &&ReportedFinding| {
            !finding.blocks && finding.accepted_by.is_none() && finding.level == level && finding.rule != NOT_COVERED
        }
    };
    let listed = |count: usize, level: Level| count - unread.iter().filter(|finding| finding.level == level).count();
    let counted = detail >= Detail::BlockingLines;
    let totals = detail >= Detail::Totals;
    json!({
        "blocking": if totals { Vec::new() } else { of(&|finding| finding.blocks) },
        "accepted": if counted { Vec::new() } else { by_acceptor(of(&|finding| !finding.blocks && finding.accepted_by.is_some())) },
        "dangers": if counted { Vec::new() } else { of(&others(Level::Danger)) },
        "warnings": if counted { Vec::new() } else { of(&others(Level::Warning)) },
        "notices": if counted { Vec::new() } else { of(&others(Level::Notice)) },
        "warnings_title": words::counted(listed(counts.warnings, Level::Warning), "warning"),
        "notices_title": words::counted(listed(counts.notices, Level::Notice), "notice"),
        "warnings_open": counts.warnings <= 2,
        "lines": detail >= Detail::FindingLines,
        "totals": if counted { by_rule(report, totals) } else { Vec::new() },
        "accept": words::accept_plan(report),
        "not_acceptable": counts.blocking > 0 && !report.proven,
        "unproven": unproven(report, detail),
        "not_covered": if totals { Vec::new() } else { report.not_covered.iter().take(50).collect() },
        "not_covered_text": match report.dialect.is_postgres() {
            true => "These are in a schema and not read by schemaproof's catalog; `pg_dump` alone judges them",
            false => "These are in a schema and compared by nobody",
        },
        "not_covered_advice": unread.first().map(|finding| &finding.advice),
        "judge": report.dialect.judge(),
        "not_covered_more": report.not_covered.len().saturating_sub(50),
    })
}

#[derive(Serialize)]
struct Group {
    icon: &'static str,
    rule: String,
    title: String,
    message: String,
    /// Distinct measurements of its findings, a few.
    measured: Vec<String>,
    advice: String,
    accepted_by: Option<String>,
    safer_sql: Option<String>,
    objects: Vec<Value>,
    several: bool,
    /// Names of a few objects after the first, and how many more there are.
    others: Vec<String>,
    more_others: usize,
}

fn group(report: &Report, findings: &[&ReportedFinding], detail: Detail) -> Group {
    let objects = findings
        .iter()
        .map(|finding| json!({"object": finding.object, "place": place(report, finding.file.as_deref(), finding.line)}))
        .collect();
    let sql: Vec<&str> = findings.iter().filter_map(|finding| finding.safer_sql.as_deref()).take(3).collect();
    let first = findings.first();
    let text = |get: fn(&ReportedFinding) -> &str| first.map(|finding| get(finding)).unwrap_or_default().to_string();
    Group {
        icon: words::icon(first.map(|finding| finding.level)),
        rule: text(|finding| &finding.rule),
        title: text(|finding| if finding.title.is_empty() { &finding.rule } else { &finding.title }),
        message: text(|finding| &finding.message),
        measured: measured(findings),
        advice: text(|finding| &finding.advice),
        accepted_by: first.and_then(|finding| finding.accepted_by.clone()),
        safer_sql: (!sql.is_empty() && detail < Detail::FindingLines).then(|| sql.join("\n\n")),
        objects,
        several: findings.len() > 1,
        others: findings.iter().skip(1).take(OTHERS).map(|finding| finding.object.clone()).collect(),
        more_others: findings.len().saturating_sub(1 + OTHERS),
    }
}

/// What was measured of some findings, a few sentences; what is the same of several steps is said once.
fn measured(findings: &[&ReportedFinding]) -> Vec<String> {
    let mut said: Vec<(String, Vec<usize>)> = Vec::new();
    for finding in findings {
        for text in finding.measurements() {
            let of_step = finding.step.and_then(|step| Some((step + 1, text.strip_prefix(&format!("Step {} fails", step + 1))?)));
            let (text, steps) = of_step.map_or((text, vec![]), |(step, rest)| (rest, vec![step]));
            match said.iter_mut().find(|(known, of)| known == text && of.is_empty() == steps.is_empty()) {
                Some((_, known)) => known.extend(steps),
                None => said.push((text.to_string(), steps)),
            }
        }
    }
    let sentence = |(text, mut steps): (String, Vec<usize>)| {
        steps.sort_unstable();
        steps.dedup();
        let listed: Vec<String> = steps.iter().map(ToString::to_string).collect();
        match listed.split_last() {
            None => text,
            Some((only, [])) => format!("Step {only} fails{text}"),
            Some((last, others)) => format!("Steps {} and {last} fail{text}", others.join(", ")),
        }
    };
    said.into_iter().map(sentence).take(3).collect()
}

/// What was accepted, by who accepted it and why: one acceptance may be of many findings.
fn by_acceptor(groups: Vec<Group>) -> Vec<Value> {
    let mut by: BTreeMap<String, Vec<Group>> = BTreeMap::new();
    for group in groups {
        by.entry(group.accepted_by.clone().unwrap_or_default()).or_default().push(group);
    }
    by.into_iter().map(|(acceptor, findings)| json!({"accepted_by": acceptor, "findings": findings})).collect()
}

/// What stands around it: remarks, picture, plan, drift, way back, footer.
fn around(report: &Report, detail: Detail) -> Value {
    let remarks = report.remarks.iter().map(|remark| {
        json!({
            "title": remark.title, "text": remark.text,
            "quote": remark.quote.as_deref().filter(|_| detail < Detail::WithoutSides),
            "place": place(report, remark.file.as_deref(), remark.line),
        })
    });
    let planless = detail >= Detail::WithoutPlan;
    json!({
        "remarks": if planless { Vec::new() } else { remarks.collect::<Vec<_>>() },
        "remarks_left_out": if planless { report.remarks.len() } else { 0 },
        "picture": (detail < Detail::WithoutPicture).then(|| picture::mermaid(&report.picture)).flatten(),
        "plan": (!planless && !report.steps.is_empty()).then(|| groups(&report.steps)),
        "plan_title": plan_title(report),
        "plan_left_out": planless && !report.steps.is_empty(),
        "drift": report.drift.as_ref().map(|drift| drift_view(drift, detail)),
        "environments": report.environments.as_ref().map(|environments| environments_view(environments, detail)),
        "down": report.down.as_ref().map(|down| json!({
            "title": down_title(down),
            "plan": (detail < Detail::WithoutSides).then(|| groups(&down.steps)),
        })),
        "shortened": detail > Detail::Full,
        "judged": report.proven,
        "run": report.run.as_ref().map(run),
        "seconds": words::seconds(report.seconds),
    })
}

fn rows(report: &Report, detail: Detail) -> (Vec<Value>, usize, bool) {
    if detail >= Detail::BlockingLines {
        return (Vec::new(), 0, false);
    }
    let rows = table::rows(report);
    let shown = if detail >= Detail::ShortTable { SHORT_TABLE } else { rows.len() };
    let with_effects = rows.iter().any(|row| !row.lock.is_empty() || !row.data.is_empty());
    let views = rows.iter().take(shown).map(|row| {
        let names = if row.objects.len() <= 3 { row.objects.len() } else { 1 };
        json!({
            "icon": if row.accepted { "☑️" } else { words::icon(row.level) },
            "objects": row.objects.iter().take(names).collect::<Vec<_>>(),
            "more": row.objects.len() - names,
            "change": row.change,
            "lock": row.lock,
            "data": row.data,
        })
    });
    (views.collect(), rows.len().saturating_sub(shown), with_effects)
}

fn by_rule(report: &Report, all: bool) -> Vec<Value> {
    let mut rules: std::collections::BTreeMap<(bool, &str), Vec<&ReportedFinding>> = Default::default();
    for finding in report.findings.iter().filter(|finding| all || !finding.blocks) {
        rules.entry((!finding.blocks, &finding.rule)).or_default().push(finding);
    }
    rules
        .into_iter()
        .map(|((free, rule), findings)| {
            let mut room = if free { 300 } else { NAMES_IN_TOTALS };
            let mut objects = Vec::new();
            for finding in &findings {
                let cost = finding.object.chars().count() * 2 + 4;
                if cost > room {
                    break;
                }
                room -= cost;
                objects.push(&finding.object);
            }
            json!({
                "icon": words::icon(findings.first().map(|finding| finding.level)),
                "rule": rule, "blocks": !free, "count": findings.len(), "more": findings.len() - objects.len(), "objects": objects,
            })
        })
        .collect()
}

fn unproven(report: &Report, detail: Detail) -> Option<Value> {
    let proof = report.proof.as_ref()?;
    let failed = report.steps.iter().enumerate().find_map(|(at, step)| {
        let error = step.effects.as_ref()?.error.as_ref()?;
        Some(json!({"step": at + 1, "message": error.message, "sqlstate": error.sqlstate, "sql": step.sql}))
    });
    let judge = |name: &str, judgement: &Judgement| {
        (!judgement.equal).then(|| {
            let shown = if detail >= Detail::ShortTable { 200 } else { LONGEST_DIFFERENCES };
            let differences = judgement.differences.iter().take(shown).map(|difference| {
                let detail = (detail < Detail::ShortTable).then(|| first_lines(&difference.detail));
                json!({"object": difference.object, "detail": detail})
            });
            json!({
                "judge": name, "unable": judgement.unable, "count": judgement.differences.len(),
                "differences": differences.collect::<Vec<_>>(),
                "more": judgement.differences.len().saturating_sub(shown),
            })
        })
    };
    let judges: Vec<Value> =
        [judge(report.dialect.judge(), &proof.pg_dump), judge("the catalog", &proof.catalog)].into_iter().flatten().collect();
    (failed.is_some() || !judges.is_empty()).then(|| json!({"failed": failed, "judges": judges}))
}

fn first_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let more = lines.len().saturating_sub(LONGEST_DIFFERENCE);
    let shown = lines.get(..LONGEST_DIFFERENCE.min(lines.len())).unwrap_or_default().join("\n");
    if more > 0 { format!("{shown}\n… and {more} more lines in the report") } else { shown }
}

/// Transaction groups with their statements as text, each with who proposed it and what it did.
fn groups(steps: &[ReportedStep]) -> Vec<Value> {
    let mut at = 0;
    steps
        .chunk_by(|a, b| a.group == b.group)
        .map(|group| {
            let sql: Vec<String> = group
                .iter()
                .map(|step| {
                    at += 1;
                    format!("-- {}\n{};", safe::visible(&step_line(at, step)), step.sql)
                })
                .collect();
            let alone = group.iter().any(|step| !step.transactional);
            json!({"number": group.first().map(|step| step.group), "alone": alone, "sql": sql.join("\n\n")})
        })
        .collect()
}

fn drift_view(drift: &Drift, detail: Detail) -> Value {
    let shown = if detail >= Detail::WithoutSides { 0 } else { 100 };
    let changes = drift.changes.iter().take(shown).map(|change| {
        let verb = match change.action {
            Action::Create => "is missing there",
            Action::Drop => "is there and in no file",
            Action::Alter | Action::Replace | Action::Rename => "differs",
        };
        json!({"kind": change.kind, "object": change.object, "verb": verb, "details": change.details.join(", ")})
    });
    json!({
        "database": drift.database,
        "steps": words::counted(drift.steps.len(), "step"),
        "plan": (detail < Detail::WithoutSides && !drift.steps.is_empty()).then(|| groups(&drift.steps)),
        "count": words::counted(drift.changes.len(), "difference"),
        "changes": changes.collect::<Vec<_>>(),
        "more": drift.changes.len().saturating_sub(shown),
        "none": drift.changes.is_empty(),
    })
}

fn environments_view(environments: &ReportedEnvironments, detail: Detail) -> Value {
    let shown = if detail >= Detail::WithoutSides { 5 } else { 50 };
    let groups = environments.groups.iter().take(shown).map(|group| {
        let objects: Vec<String> = group.changes.iter().map(|change| format!("{} `{}`", change.kind, change.object)).collect();
        let differs = format!("{}: {}", words::counted(objects.len(), "difference"), some(&objects));
        json!({"names": some(&group.names), "state": if objects.is_empty() { "same".into() } else { differs }})
    });
    let unread = environments.unread.iter().take(shown);
    let left = environments.groups.len().saturating_sub(shown) + environments.unread.len().saturating_sub(shown);
    json!({
        "headline": safe::html_in_markdown(&words::environments(environments)),
        "against": environments.against,
        "groups": groups.collect::<Vec<_>>(),
        "unread": unread.map(|one| json!({"name": one.name, "why": one.why})).collect::<Vec<_>>(),
        "more": left,
    })
}

pub(super) fn place(report: &Report, file: Option<&str>, line: Option<u32>) -> Value {
    let Some(file) = file else { return Value::Null };
    let text = line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
    json!({"text": text, "url": file_url(report.run.as_ref(), file, line)})
}
