//! The report as SARIF 2.1.0, as code-scanning services take it.

use serde_json::{Value, json};

use crate::{
    report::{Report, ReportedFinding, safe},
    risk::{Level, rules},
    verdict::Verdict,
};

/// Results of one run that GitHub keeps.
const MOST_RESULTS: usize = 5_000;

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
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": rule.what},
                "help": {"text": format!("{}\n\n{}\n\n{}", rule.why, rule.effect, rule.advice)},
                "helpUri": rule.source,
                "defaultConfiguration": {"level": level(rule.level)},
            })
        })
        .collect();
    let mut results: Vec<Value> = report.findings.iter().take(MOST_RESULTS).map(result).collect();
    if let Some(error) = &report.error {
        results.push(json!({
            "ruleId": "error", "level": "error", "message": {"text": safe::visible_lines(&error.message)},
            "locations": location(error.file.as_deref(), error.line),
        }));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "schemaproof", "version": env!("CARGO_PKG_VERSION"), "informationUri": "https://www.postgresql.org/docs/current/ddl.html",
                "rules": rules,
            }},
            "invocations": [{"executionSuccessful": report.verdict != Verdict::Error}],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &ReportedFinding) -> Value {
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.level),
        "message": {"text": safe::visible(&std::iter::once(finding.message.as_str()).chain(finding.measurements()).chain([finding.advice.as_str()]).collect::<Vec<_>>().join(" "))},
        "locations": location(finding.file.as_deref(), finding.line),
        "partialFingerprints": {"object/v1": format!("{}:{}:{}", finding.rule, finding.kind, safe::visible(&finding.object))},
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

fn location(file: Option<&str>, line: Option<u32>) -> Value {
    match file {
        Some(file) => json!([{"physicalLocation": {
            "artifactLocation": {"uri": safe::url_path(file.trim_start_matches('/'))}, "region": {"startLine": line.unwrap_or(1).max(1)},
        }}]),
        None => json!([]),
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Danger => "error",
        Level::Warning => "warning",
        Level::Notice => "note",
    }
}
