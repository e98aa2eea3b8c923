//! The plan as a script that `psql -v ON_ERROR_STOP=1 -f` runs as it stands, with what is known about it as comments.
//!
//! Made from the plan, not from the report: secrets are exact in it, so it is for files and standard output of the machine that asked.

use crate::{
    plan::Plan,
    report::{Report, safe, words},
};

/// The script. Comments hold nothing that could end them: every line is one comment.
pub fn render(plan: &Plan, report: &Report) -> String {
    let mut out = String::new();
    let mut comment = |text: &str| {
        out.push_str("-- ");
        out.push_str(&safe::visible(text));
        out.push('\n');
    };
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
    out.push('\n');
    out.push_str(&plan.to_sql());
    out
}
