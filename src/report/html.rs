//! The report as one HTML file: no request leaves it, nothing in it runs but its own few lines of script.
//!
//! The page's policy allows exactly that script, by its hash. Every text of the report is escaped.

use std::sync::LazyLock;

use base64::Engine as _;
use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    report::{Report, ReportedFinding, ReportedStep, markdown, picture, safe, table, words},
    verdict::Verdict,
};

const STYLE: &str = include_str!("templates/report.css");
const SCRIPT: &str = include_str!("templates/report.js");

/// The report as a complete page.
pub fn render(report: &Report) -> String {
    TEMPLATES.render("report", &view(report)).unwrap_or_else(|error| {
        let error = safe::html(&error.to_string());
        format!(
            "<!doctype html><title>schemaproof</title><p>{}</p><p>The report cannot be shown: {error}</p>",
            safe::html(&words::headline(report))
        )
    })
}

static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.register_escape_fn(safe::html);
    templates.set_strict_mode(true);
    templates.register_helper(
        "prose",
        Box::new(
            |h: &Helper<'_>,
             _: &Handlebars<'_>,
             _: &Context,
             _: &mut RenderContext<'_, '_>,
             out: &mut dyn Output|
             -> HelperResult {
                let text = h.param(0).and_then(|param| param.value().as_str()).unwrap_or_default();
                for (text, is_code) in safe::segments(text) {
                    let text = safe::html(text);
                    out.write(&if is_code { format!("<code>{text}</code>") } else { text })?;
                }
                Ok(())
            },
        ),
    );
    for (name, text) in [("report", include_str!("templates/report.html.hbs")), ("step", include_str!("templates/step.html.hbs"))] {
        if let Err(error) = templates.register_template_string(name, text) {
            tracing::error!(name, %error, "a template of the report cannot be read");
        }
    }
    templates
});

fn view(report: &Report) -> Value {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let place = |file: Option<&str>, line: Option<u32>| match file {
        None => Value::Null,
        Some(file) => json!({
            "text": line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}")),
            "url": markdown::file_url(report.run.as_ref(), file, line),
        }),
    };
    let finding = |finding: &ReportedFinding| {
        json!({
            "icon": if finding.accepted_by.is_some() { "☑️" } else { words::icon(Some(finding.level)) },
            "level": words::level(finding.level), "title": finding.title, "rule": finding.rule, "kind": finding.kind, "object": finding.object,
            "message": finding.message, "measured": finding.measurements().collect::<Vec<_>>(), "advice": finding.advice, "safer_sql": finding.safer_sql, "blocks": finding.blocks,
            "accepted_by": finding.accepted_by, "place": place(finding.file.as_deref(), finding.line),
            "step": finding.step.map(|step| step + 1),
        })
    };
    let rows = table::rows(report).into_iter().map(|row| {
        json!({
            "icon": if row.accepted { "☑️" } else { words::icon(row.level) }, "objects": row.objects, "change": row.change, "lock": row.lock,
            "data": row.data, "left_out": row.left_out,
        })
    });
    let error = report.error.as_ref().map(|error| {
        json!({
            "message": error.message, "advice": error.advice, "excerpt": markdown::excerpt(report), "place": place(error.file.as_deref(), error.line),
            "sqlstate": error.sql.as_ref().and_then(|sql| sql.sqlstate.clone()),
            "detail": error.sql.as_ref().and_then(|sql| sql.detail.clone()),
            "hint": error.sql.as_ref().and_then(|sql| sql.hint.clone()),
        })
    });
    let judges = report.proof.iter().flat_map(|proof| [(report.dialect.judge(), &proof.pg_dump), ("the catalog", &proof.catalog)]);
    json!({
        "style": STYLE, "script": SCRIPT, "hash": hash,
        "headline": words::headline(report),
        "state": match report.verdict { Verdict::Pass => "pass", Verdict::Blocked => "blocked", Verdict::Error => "error" },
        "reason": report.reason, "what_now": words::what_now(report), "accept": words::accept_plan(report),
        "error": error,
        "base": report.base.name, "target": report.target.name,
        "base_commit": report.base.commit.as_deref().map(markdown::short_commit), "target_commit": report.target.commit.as_deref().map(markdown::short_commit),
        "server": report.server.as_ref().map(|server| format!("{} {server}", report.dialect.name())),
        "not_covered_title": words::not_covered(report.dialect), "fingerprint": report.fingerprint,
        "engine": report.engine.as_ref().map(|engine| markdown::engine_line(engine, report)),
        "rows": rows.collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "before": picture::svg(&report.picture, picture::When::Before),
        "after": picture::svg(&report.picture, picture::When::After),
        "pictured": !report.picture.tables.is_empty(),
        "plan": groups(&report.steps),
        "judges": judges.filter(|(_, judgement)| !judgement.equal).map(|(name, judgement)| json!({
            "judge": name, "unable": judgement.unable, "differences": judgement.differences,
        })).collect::<Vec<_>>(),
        "proven": report.proven,
        "not_covered": report.not_covered,
        "remarks": report.remarks.iter().map(|remark| json!({
            "title": remark.title, "text": remark.text, "quote": remark.quote, "place": place(remark.file.as_deref(), remark.line),
        })).collect::<Vec<_>>(),
        "drift": report.drift,
        "environments": report.environments,
        "down": report.down.as_ref().map(|down| json!({"title": markdown::down_title(down), "plan": groups(&down.steps)})),
        "seconds": words::seconds(report.seconds),
        "run": report.run.as_ref().map(|run| json!({"number": run.number, "url": markdown::run_url(run)})),
    })
}

fn groups(steps: &[ReportedStep]) -> Vec<Value> {
    let mut number = 0;
    steps
        .chunk_by(|a, b| a.group == b.group)
        .map(|group| {
            let alone = group.iter().any(|step| !step.transactional);
            let steps = group.iter().map(|step| {
                number += 1;
                json!({
                    "number": number, "line": markdown::step_line(number, step), "sql": step.sql,
                    "failed": step.effects.as_ref().is_some_and(|effects| effects.error.is_some()),
                })
            });
            let steps: Vec<Value> = steps.collect();
            json!({"number": group.first().map(|step| step.group), "alone": alone, "steps": steps})
        })
        .collect()
}
