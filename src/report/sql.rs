//! The plan as a script that `psql -v ON_ERROR_STOP=1 -f` (or the `mysql` client) runs as it stands, with what is known about it as comments.
//!
//! Made from the plan, not from the report: secrets are exact in it, so it is for files and standard output of the machine that asked.

use crate::{
    plan::{
        Plan,
        saved::{Ends, Saved},
    },
    report::{Report, safe, words},
    script,
};

/// The script. Comments hold nothing that could end them: every line is one comment. With `ends` it is a saved plan, which
/// `schemaproof apply --plan` takes.
pub fn render(plan: &Plan, report: &Report, ends: Option<&Ends>) -> String {
    let mut comments = Vec::new();
    let mut comment = |text: &str| comments.push(safe::visible(text));
    comment(&words::headline(report));
    comment(&format!("from {} to {}", report.base.name, report.target.name));
    if let Some(fingerprint) = &report.fingerprint {
        comment(&format!("plan {fingerprint}"));
    }
    for finding in &report.findings {
        let state = match (&finding.accepted_by, finding.blocks) {
            (Some(by), _) => format!(", accepted by {by}"),
            (None, true) => ", blocks".into(),
            (None, false) => String::new(),
        };
        comment(&format!("{} {}{state}: {}", words::level(finding.level), finding.rule, finding.message));
    }
    match ends {
        Some(ends) => {
            let blocking = report.findings.iter().filter(|finding| finding.blocks).count();
            Saved { plan: plan.clone(), ends: ends.clone(), proven: report.proven, blocking, comments }.write()
        }
        None if report.dialect.is_postgres() => format!("-- {}\n\n{}", comments.join("\n-- "), plan.to_sql()),
        None => {
            let statements: String = plan.steps.iter().map(|step| script::mysql::delimited(&step.sql)).collect();
            format!("-- {}\n\n{statements}", comments.join("\n-- "))
        }
    }
}
