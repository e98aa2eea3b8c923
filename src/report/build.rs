//! Facts, findings and verdict -> [`Report`]. Secrets end here: what the report holds may be shown to anybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{Action, AttributeChange, Catalog, Change, Kind, ObjectId, Value},
    config::Dialect,
    plan::Plan,
    proof::{Difference, Effects, Judgement, Proof, SqlError},
    report::{
        Down, Drift, Engine, LiveCount, LiveTable, Picture, Remark, Report, ReportedChange, ReportedError, ReportedFinding,
        ReportedLive, ReportedProof, ReportedStep, Run, Side, mask, picture, words,
    },
    risk::{
        Facts, Places, look,
        probe::{self, Live},
        rules,
    },
    verdict::{Judged, Rated, Verdict},
};

/// What a report is made of.
pub struct Parts<'a> {
    pub facts: &'a Facts<'a>,
    pub judged: &'a Judged,
    pub base: Side,
    pub target: Side,
    /// Version of the sandbox's server.
    pub server: Option<String>,
    pub engine: Option<Engine>,
    /// What Atlas left out and the native planner added.
    pub left_out: &'a [ObjectId],
    pub remarks: Vec<Remark>,
    pub drift: Option<Drift>,
    pub live: Option<&'a Live>,
    pub down: Option<Down>,
    pub seconds: f64,
    pub run: Option<Run>,
}

/// The report of a run that came to a verdict.
pub fn build(parts: Parts<'_>) -> Report {
    let facts = parts.facts;
    let left_out: BTreeSet<&ObjectId> = parts.left_out.iter().collect();
    let mut changes = changes(facts.base, facts.target, facts.changes, facts.places);
    for (reported, change) in changes.iter_mut().zip(facts.changes) {
        reported.left_out = left_out.contains(&change.object);
        reported.steps = facts.steps_for(&change.object);
    }
    let not_covered: BTreeSet<String> = facts.base.not_covered.iter().chain(&facts.target.not_covered).cloned().collect();
    let mut remarks = parts.remarks;
    if let Some(proof) = facts.proof.filter(|proof| !proof.column_order.is_empty()) {
        remarks.push(words::column_order(&proof.column_order));
    }
    if let Some(proof) = facts.proof.filter(|_| facts.plan.is_online()) {
        let locks = |effects: &'_ Effects| effects.held_over_work().cloned().collect::<Vec<_>>();
        let blocking: Vec<_> = proof.effects.iter().map(locks).enumerate().filter(|(_, locks)| !locks.is_empty()).collect();
        remarks.extend((!blocking.is_empty()).then(|| words::not_online(&blocking)));
    }
    Report {
        schemaproof: 1,
        database: None,
        verdict: parts.judged.verdict,
        reason: parts.judged.reason.clone(),
        proven: parts.judged.proven,
        fingerprint: (!facts.plan.steps.is_empty()).then(|| facts.plan.fingerprint().to_string()),
        base: parts.base,
        target: parts.target,
        dialect: facts.base.dialect,
        server: parts.server,
        engine: parts.engine,
        changes,
        steps: steps(facts.plan, facts.proof),
        findings: parts.judged.findings.iter().map(finding).collect(),
        proof: facts.proof.map(proof),
        not_covered: not_covered.into_iter().collect(),
        remarks: remarks.into_iter().map(masked_remark).collect(),
        picture: picture::draw(facts),
        drift: parts.drift,
        earlier: None,
        environments: None,
        live: parts.live.map(live),
        down: parts.down,
        error: None,
        seconds: parts.seconds,
        run: parts.run,
    }
}

/// The report of a run that could not come to a verdict.
pub fn failed(error: ReportedError, base: Side, target: Side, seconds: f64, run: Option<Run>) -> Report {
    let error = ReportedError {
        message: mask::text(&error.message),
        excerpt: error.excerpt.as_deref().map(mask::text),
        sql: error.sql.map(mask::sql_error),
        ..error
    };
    Report { verdict: Verdict::Error, reason: error.message.clone(), error: Some(error), ..empty(base, target, seconds, run) }
}

/// The report of a run that had nothing to do, with the sentence that says why.
pub fn nothing(reason: &str, base: Side, target: Side, seconds: f64, run: Option<Run>) -> Report {
    Report { verdict: Verdict::Pass, reason: reason.into(), ..empty(base, target, seconds, run) }
}

fn empty(base: Side, target: Side, seconds: f64, run: Option<Run>) -> Report {
    Report {
        schemaproof: 1,
        database: None,
        verdict: Verdict::Pass,
        reason: String::new(),
        proven: false,
        fingerprint: None,
        base,
        target,
        dialect: Dialect::Postgres,
        server: None,
        engine: None,
        changes: Vec::new(),
        steps: Vec::new(),
        findings: Vec::new(),
        proof: None,
        not_covered: Vec::new(),
        remarks: Vec::new(),
        picture: Picture::default(),
        drift: None,
        earlier: None,
        environments: None,
        live: None,
        down: None,
        error: None,
        seconds,
        run,
    }
}

/// Changes as they are reported, in the order given. `left_out` and `steps` are not filled in.
pub fn changes(base: &Catalog, target: &Catalog, changes: &[Change], places: &Places) -> Vec<ReportedChange> {
    let parts = (parts_of(base), parts_of(target));
    // What is said of an enum's values one by one is not said of all of them again.
    let told: BTreeSet<&[String]> = changes
        .iter()
        .filter(|change| change.object.kind == Kind::EnumValue)
        .filter_map(|change| change.object.path.split_last().map(|(_, whole)| whole))
        .collect();
    changes
        .iter()
        .map(|change| {
            let place = places.target.get(&change.object).or_else(|| places.base.get(&change.object));
            ReportedChange {
                kind: look::kind_words(change.object.kind),
                object: change.object.to_string(),
                action: change.action,
                renamed_from: change.renamed_from.as_ref().map(|from| from.path.to_vec()),
                details: details(change, &parts.0, &parts.1, &told),
                file: place.map(|place| place.file.to_string()),
                line: place.map(|place| place.line),
                left_out: false,
                steps: Vec::new(),
            }
        })
        .collect()
}

/// A plan's steps as they are reported.
pub fn steps(plan: &Plan, proof: Option<&Proof>) -> Vec<ReportedStep> {
    plan.steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let effects = proof.and_then(|proof| proof.effects.get(at)).cloned();
            ReportedStep {
                sql: step.shown().to_string(),
                origin: step.origin,
                group: step.group,
                transactional: step.transactional,
                effects: effects.map(|effects| if step.masked.is_some() { silent(effects) } else { effects }),
            }
        })
        .collect()
}

/// An error about a statement with secrets may quote them.
fn silent(mut effects: Effects) -> Effects {
    let withheld = |error: SqlError| SqlError { message: words::WITHHELD.into(), detail: None, hint: None, part: None, ..error };
    effects.error = effects.error.map(withheld);
    effects.error_on_rows = effects.error_on_rows.map(withheld);
    effects
}

fn finding(rated: &Rated) -> ReportedFinding {
    let finding = &rated.finding;
    ReportedFinding {
        rule: finding.rule.into(),
        title: rules::by_id(finding.rule).map(|rule| rule.title).unwrap_or_default().into(),
        level: finding.level,
        blocks: rated.blocks,
        accepted_by: rated.accepted_by.clone(),
        kind: look::kind_words(finding.object.kind),
        object: finding.object.to_string(),
        message: mask::text(&finding.message),
        measured: finding.measured.as_deref().map(mask::text),
        live: finding.live.clone(),
        advice: finding.advice.clone(),
        safer_sql: finding.safer_sql.clone(),
        file: finding.place.as_ref().map(|place| place.file.to_string()),
        line: finding.place.as_ref().map(|place| place.line),
        step: finding.step,
    }
}

fn live(live: &Live) -> ReportedLive {
    let tables = live.relations.iter().map(|(name, size)| (name.clone(), LiveTable { bytes: size.bytes, rows: size.rows }));
    let count = |answer: &probe::Answer| LiveCount {
        kind: look::kind_words(answer.object.kind),
        object: answer.object.to_string(),
        rows: answer.rows.as_ref().ok().copied(),
        text: probe::sentence(answer),
    };
    ReportedLive { database: live.database.clone(), tables: tables.collect(), counts: live.answers.iter().map(count).collect() }
}

fn proof(proof: &Proof) -> ReportedProof {
    ReportedProof { pg_dump: judgement(&proof.pg_dump), catalog: judgement(&proof.catalog) }
}

fn judgement(judgement: &Judgement) -> Judgement {
    let differences = judgement.differences.iter();
    Judgement {
        differences: differences.map(|it| Difference { object: it.object.clone(), detail: mask::text(&it.detail) }).collect(),
        ..judgement.clone()
    }
}

fn masked_remark(remark: Remark) -> Remark {
    Remark { text: mask::text(&remark.text), quote: remark.quote.as_deref().map(mask::text), ..remark }
}

/// How many parts of each kind an object has.
fn parts_of(catalog: &Catalog) -> BTreeMap<&ObjectId, BTreeMap<Kind, usize>> {
    let mut parts: BTreeMap<&ObjectId, BTreeMap<Kind, usize>> = BTreeMap::new();
    for object in catalog.objects.values() {
        if let Some(parent) = &object.parent {
            *parts.entry(parent).or_default().entry(object.id.kind).or_default() += 1;
        }
    }
    parts
}

/// Longest value that is shown where it changes, in characters.
const LONGEST_VALUE: usize = 80;

fn details(
    change: &Change,
    base: &BTreeMap<&ObjectId, BTreeMap<Kind, usize>>,
    target: &BTreeMap<&ObjectId, BTreeMap<Kind, usize>>,
    told: &BTreeSet<&[String]>,
) -> Vec<String> {
    let attributes = || {
        let told = change.object.kind == Kind::Type && told.contains(&change.object.path.as_slice());
        let attributes = change.attributes.iter().filter(move |attribute| !(told && attribute.name == "values"));
        attributes.map(|attribute| attribute_change(change.object.kind, attribute))
    };
    match change.action {
        Action::Create => target.get(&change.object).map(with_parts).unwrap_or_default(),
        Action::Drop => base.get(&change.object).map(with_parts).unwrap_or_default(),
        Action::Rename => {
            let from = change.renamed_from.iter().map(|from| format!("was {}", look::name(from)));
            from.chain(attributes()).collect()
        }
        Action::Alter | Action::Replace => attributes().collect(),
    }
}

/// `with 15 indexes, 1 trigger`.
fn with_parts(parts: &BTreeMap<Kind, usize>) -> Vec<String> {
    let shown = [Kind::Column, Kind::Constraint, Kind::Index, Kind::Trigger, Kind::Policy, Kind::Rule, Kind::EnumValue];
    let counted: Vec<String> =
        shown.iter().filter_map(|kind| parts.get(kind).map(|count| words::counted(*count, &look::kind_words(*kind)))).collect();
    if counted.is_empty() { Vec::new() } else { vec![format!("with {}", counted.join(", "))] }
}

/// `type vector(1536) → vector(384)`; values that are long or may hold secrets are not shown.
fn attribute_change(kind: Kind, change: &AttributeChange) -> String {
    let name = match (kind, change.name) {
        (Kind::Column, "not_null") => {
            return if change.after == Some(Value::Bool(true)) { "becomes NOT NULL" } else { "may be NULL" }.into();
        }
        // A default's expression is the default.
        (Kind::Default, "expression") => String::new(),
        (_, name) => name.replace(['-', '_'], " "),
    };
    attribute_values(&name, kind, change).trim_start().to_string()
}

fn attribute_values(name: &str, kind: Kind, change: &AttributeChange) -> String {
    let secret = matches!(kind, Kind::UserMapping | Kind::Subscription | Kind::Server | Kind::ForeignDataWrapper | Kind::Role);
    if secret {
        return format!("{name} changed");
    }
    match (&change.before, &change.after) {
        (None | Some(Value::Bool(false)), Some(Value::Bool(true))) => format!("{name} on"),
        (Some(Value::Bool(true)), None | Some(Value::Bool(false))) => format!("{name} off"),
        (Some(before), Some(after)) => match (short(before), short(after)) {
            (Some(before), Some(after)) => format!("{name} {before} → {after}"),
            _ => format!("{name} changed"),
        },
        (None, Some(after)) => short(after).map_or_else(|| format!("{name} added"), |after| format!("{name} {after}")),
        (Some(before), None) => {
            short(before).map_or_else(|| format!("{name} removed"), |before| format!("{name} {before} removed"))
        }
        (None, None) => name.to_string(),
    }
}

fn short(value: &Value) -> Option<String> {
    let text = match value {
        Value::Bool(on) => if *on { "on" } else { "off" }.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => look::quoted(text),
        Value::List(list) => look::quoted(&list.join(", ")),
    };
    (text.chars().count() <= LONGEST_VALUE && !text.contains('\n')).then_some(text)
}
