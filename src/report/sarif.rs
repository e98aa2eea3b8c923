//! The report as SARIF 2.1.0, as code-scanning services take it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    report::{Report, ReportedFinding, safe},
    risk::{Level, rules},
    verdict::Verdict,
};

/// Results of one run that GitHub shows ("SARIF support for code scanning" in its documentation).
const MOST_RESULTS: usize = 5_000;
/// Bytes of a description that GitHub takes.
const LONGEST_TEXT: usize = 1_024;
/// What a result without a place of its own stands in: GitHub refuses a file with such a one whole.
const NOWHERE: &str = ".github/schemaproof.yml";

/// The report as SARIF, indented, with a newline at its end.
pub fn render(report: &Report) -> String {
    format!("{:#}\n", sarif(report))
}

fn sarif(report: &Report) -> Value {
    let rules: Vec<Value> = rules::RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "name": rule.title,
                "shortDescription": {"text": short(rule.title)},
                "fullDescription": {"text": short(rule.what)},
                "help": {"text": format!("{}\n\n{}\n\n{}", rule.why, rule.effect, rule.advice)},
                "helpUri": rule.source,
                "defaultConfiguration": {"level": level(rule.level)},
                "properties": {"tags": ["database", "schema"], "precision": "very-high", "problem.severity": severity(rule.level)},
            })
        })
        .collect();
    let mut results = Vec::new();
    if let Some(error) = &report.error {
        results.push(json!({
            "ruleId": "error", "level": "error", "message": {"text": safe::visible_lines(&error.message)},
            "locations": location(error.file.as_deref(), error.line),
            "partialFingerprints": {"primaryLocationLineHash": fingerprint("error", 1)},
        }));
    }
    let mut met: BTreeMap<String, u32> = BTreeMap::new();
    for finding in report.findings.iter().take(MOST_RESULTS - results.len()) {
        let about = format!("{}:{}:{}", finding.rule, finding.kind, finding.object);
        let count = met.entry(about.clone()).or_default();
        *count += 1;
        results.push(result(report, finding, &fingerprint(&about, *count)));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "schemaproof", "version": env!("CARGO_PKG_VERSION"), "informationUri": "https://www.postgresql.org/docs/current/ddl.html",
                "rules": rules,
            }},
            // Tells the runs of several databases of one commit apart.
            "automationDetails": {"id": format!("schemaproof/{}/", report.database.as_deref().map(safe::url_path).unwrap_or_default())},
            "invocations": [{"executionSuccessful": report.verdict != Verdict::Error}],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(report: &Report, finding: &ReportedFinding, fingerprint: &str) -> Value {
    // What has no place of its own stands where the change does that its step makes.
    let by_step = || {
        let step = finding.step?;
        report.changes.iter().find(|change| change.steps.contains(&step) && change.file.is_some())
    };
    let (file, line) = match (&finding.file, by_step()) {
        (None, Some(change)) => (change.file.as_deref(), change.line),
        (file, _) => (file.as_deref(), finding.line),
    };
    let said: Vec<&str> =
        std::iter::once(finding.message.as_str()).chain(finding.measurements()).chain([finding.advice.as_str()]).collect();
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.level),
        "message": {"text": safe::visible(&said.join(" "))},
        "locations": location(file, line),
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
        "properties": {"blocks": finding.blocks, "object": safe::visible(&finding.object)},
    });
    if let Some(by) = &finding.accepted_by {
        result["suppressions"] = json!([{"kind": "external", "status": "accepted", "justification": safe::visible(by)}]);
    }
    if let Some(at) = rules::RULES.iter().position(|rule| rule.id == finding.rule) {
        result["ruleIndex"] = at.into();
    }
    result
}

/// What GitHub knows a result by from run to run, in the form of its own (hash and count): the rule and the object, so that moving a
/// statement makes no new alert.
fn fingerprint(about: &str, count: u32) -> String {
    let hash: String = Sha256::digest(about.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{hash}:{count}")
}

fn short(text: &str) -> String {
    let fits = |at: &usize| *at <= LONGEST_TEXT;
    text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(fits).last().map_or_else(String::new, |end| text[..end].into())
}

fn location(file: Option<&str>, line: Option<u32>) -> Value {
    let inside = |file: &&str| !file.split('/').any(|part| part == "..");
    let (file, line) = file.filter(inside).map_or((NOWHERE, None), |file| (file, line));
    json!([{"physicalLocation": {
        "artifactLocation": {"uri": safe::url_path(file.trim_start_matches('/')), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": line.unwrap_or(1).max(1), "startColumn": 1},
    }}])
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Danger => "error",
        Level::Warning => "warning",
        Level::Notice => "recommendation",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Danger => "error",
        Level::Warning => "warning",
        Level::Notice => "note",
    }
}
