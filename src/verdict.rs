//! Findings + policy + acceptances -> verdict. Pure.
//!
//! A plan that is not proven is always blocked, and no acceptance opens it: what would be accepted is unknown. Reads no
//! configuration file and asks nobody for permissions; who may accept is decided where acceptances come from.

use serde::{Deserialize, Serialize};

use crate::{
    config::{Dialect, Policy, policy::About},
    plan::Fingerprint,
    proof::Proof,
    risk::{Facts, Finding, Level},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    Blocked,
    /// schemaproof could not find out: bad SQL, no sandbox, an API that failed.
    Error,
}

/// Somebody with the right to do so takes the blocking findings of one plan upon themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Login, without `@`.
    pub by: String,
    pub reason: Option<String>,
    /// As written by the person: see [`Fingerprint::is_written_as`].
    pub fingerprint: String,
}

/// A finding after policy and acceptances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rated {
    /// `level` is the policy's, where it sets one.
    pub finding: Finding,
    /// Whether it is at or above the policy's blocking level and nobody accepted it.
    pub blocks: bool,
    /// Who accepted it and why, ready to be read; absent for what needs no acceptance.
    pub accepted_by: Option<String>,
}

/// The verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// `Pass` or `Blocked`; `Error` is for runs that did not come this far.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    /// Every finding that policy does not switch off: the worst first, blocking before accepted.
    pub findings: Vec<Rated>,
    pub proven: bool,
}

impl Judged {
    /// How many findings block.
    pub fn blocking(&self) -> usize {
        self.findings.iter().filter(|rated| rated.blocks).count()
    }
}

/// Applies policy and acceptances to what the rules found. Acceptances of another plan's fingerprint do nothing.
pub fn judge(facts: &Facts<'_>, findings: Vec<Finding>, policy: &Policy, acceptances: &[Acceptance]) -> Judged {
    let fingerprint = facts.plan.fingerprint();
    let acceptance = acceptances.iter().find(|acceptance| fingerprint.is_written_as(&acceptance.fingerprint));
    let mut findings: Vec<Rated> = findings.into_iter().filter_map(|finding| rate(facts, finding, policy, acceptance)).collect();
    findings.sort_by(|a, b| {
        (b.blocks, b.finding.level, a.finding.rule, &a.finding.object).cmp(&(
            a.blocks,
            a.finding.level,
            b.finding.rule,
            &b.finding.object,
        ))
    });
    let nothing = facts.changes.is_empty() && facts.plan.steps.is_empty();
    let covered = facts.base.not_covered.is_empty() && facts.target.not_covered.is_empty();
    let proven = facts.proof.is_some_and(Proof::proven);
    let blocking = findings.iter().filter(|rated| rated.blocks).count();
    let unproven = if proven || (nothing && covered && facts.proof.is_none()) {
        None
    } else {
        Some(why_unproven(facts.proof, facts.base.dialect))
    };
    let (verdict, reason) = match (unproven, blocking) {
        (Some(why), 0) => (Verdict::Blocked, format!("The plan is not proven: {why}.")),
        (Some(why), n) => (Verdict::Blocked, format!("The plan is not proven: {why}; and {} not accepted.", counted_blocking(n))),
        (None, 0) => (Verdict::Pass, passing(&findings, nothing, &fingerprint)),
        (None, n) => (Verdict::Blocked, format!("{} not accepted.", capitalised(&counted_blocking(n)))),
    };
    Judged { verdict, reason, findings, proven }
}

fn rate(facts: &Facts<'_>, mut finding: Finding, policy: &Policy, acceptance: Option<&Acceptance>) -> Option<Rated> {
    let places = facts.places_of(&finding.object);
    let files: Vec<&str> = match (places.is_empty(), &finding.place) {
        (true, Some(place)) => vec![&place.file],
        _ => places.into_iter().map(|place| &*place.file).collect(),
    };
    let about = About { rule: finding.rule, level: finding.level, object: &finding.object.path, files: &files };
    finding.level = policy.level(about)?;
    if finding.level < policy.block {
        let accepted_by = finding.note.as_ref().map(ToString::to_string);
        return Some(Rated { finding, blocks: false, accepted_by });
    }
    let by_note = finding.note.as_ref().filter(|_| policy.approve.notes).map(ToString::to_string);
    let accepted_by = by_note.or_else(|| {
        acceptance.map(|acceptance| match &acceptance.reason {
            Some(reason) => format!("{}: {reason}", acceptance.by),
            None => acceptance.by.clone(),
        })
    });
    Some(Rated { blocks: accepted_by.is_none(), finding, accepted_by })
}

fn why_unproven(proof: Option<&Proof>, dialect: Dialect) -> String {
    let Some(proof) = proof else { return "it was not replayed".into() };
    if let Some(step) = proof.failed_step() {
        return format!("step {} fails when it is replayed", step + 1);
    }
    let judges = [(dialect.judge(), &proof.pg_dump), ("the catalog", &proof.catalog)];
    let said: Vec<String> = judges
        .iter()
        .filter(|(_, judgement)| !judgement.equal)
        .map(|(judge, judgement)| match judgement.unable {
            Some(_) => format!("{judge} could not be compared"),
            None => match judgement.differences.len() {
                0 | 1 => format!("{judge} finds a difference from the target"),
                n => format!("{judge} finds {n} differences from the target"),
            },
        })
        .collect();
    said.join(", ")
}

fn passing(findings: &[Rated], nothing: bool, fingerprint: &Fingerprint) -> String {
    let accepted = findings.iter().filter(|rated| rated.accepted_by.is_some()).count();
    match (nothing, accepted) {
        (true, _) => "The schema does not change.".into(),
        (false, 0) => "The plan is proven and nothing in it blocks.".into(),
        (false, n) => format!("The plan {fingerprint} is proven, and {} accepted.", counted(n, "finding is", "findings are")),
    }
}

fn counted_blocking(n: usize) -> String {
    counted(n, "blocking finding is", "blocking findings are")
}

fn counted(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("one {one}") } else { format!("{n} {many}") }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Whether the verdict's blocking level includes this one.
pub fn would_block(level: Level, policy: &Policy) -> bool {
    level >= policy.block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Action, Catalog, Change, Kind, ObjectId},
        config::RuleSetting,
        plan::{Origin, Plan, Step},
        proof::{Difference, Effects, Judgement},
        risk::{Places, note::Accepted},
    };

    fn column() -> ObjectId {
        ObjectId { kind: Kind::Column, path: vec!["public".into(), "t".into(), "c".into()].into() }
    }

    fn finding(rule: &'static str, level: Level) -> Finding {
        Finding {
            rule,
            level,
            object: column(),
            message: "m".into(),
            advice: "a".into(),
            safer_sql: None,
            place: None,
            step: Some(0),
            measured: None,
            live: None,
            note: None,
        }
    }

    fn proof(equal: bool) -> Proof {
        let judgement = |equal: bool| Judgement {
            equal,
            differences: if equal { vec![] } else { vec![Difference { object: "function f()".into(), detail: "-".into() }] },
            unable: None,
        };
        Proof { effects: vec![Effects::default()], pg_dump: judgement(equal), catalog: judgement(true), column_order: vec![] }
    }

    fn run(findings: Vec<Finding>, policy: &Policy, proof: Option<&Proof>, acceptances: &[&str]) -> Judged {
        let (base, target) = (Catalog::default(), Catalog::default());
        let changes = [Change { action: Action::Drop, object: column(), renamed_from: None, attributes: vec![] }];
        let plan = plan();
        let places = Places::default();
        let naming = &policy.naming;
        let facts = Facts {
            base: &base,
            target: &target,
            changes: &changes,
            plan: &plan,
            proof,
            places: &places,
            naming,
            found: crate::risk::look::Found::default(),
        };
        let acceptances: Vec<_> = acceptances
            .iter()
            .map(|fingerprint| Acceptance { by: "ada".into(), reason: Some("agreed".into()), fingerprint: fingerprint.to_string() })
            .collect();
        judge(&facts, findings, policy, &acceptances)
    }

    fn plan() -> Plan {
        let sql = "ALTER TABLE public.t DROP COLUMN c".to_string();
        Plan {
            steps: vec![Step {
                sql,
                masked: None,
                origin: Origin::Native,
                group: 1,
                transactional: true,
                objects: vec![column()],
                online: None,
            }],
        }
    }

    #[test]
    fn a_danger_blocks_until_its_plan_is_accepted() {
        let danger = || vec![finding("drop-column", Level::Danger)];
        let blocked = run(danger(), &Policy::default(), Some(&proof(true)), &[]);
        assert_eq!((blocked.verdict, blocked.reason.as_str()), (Verdict::Blocked, "One blocking finding is not accepted."));
        let other = run(danger(), &Policy::default(), Some(&proof(true)), &["0123-4567"]);
        assert_eq!(other.verdict, Verdict::Blocked);
        let written = plan().fingerprint().to_string();
        let accepted = run(danger(), &Policy::default(), Some(&proof(true)), &[&written]);
        assert_eq!(accepted.verdict, Verdict::Pass);
        assert_eq!(accepted.findings[0].accepted_by.as_deref(), Some("ada: agreed"));
    }

    #[test]
    fn an_unproven_plan_is_blocked_and_no_acceptance_opens_it() {
        let written = plan().fingerprint().to_string();
        for (proof, reason) in [
            (None, "The plan is not proven: it was not replayed."),
            (Some(proof(false)), "The plan is not proven: pg_dump finds a difference from the target."),
        ] {
            let judged = run(vec![], &Policy::default(), proof.as_ref(), &[&written]);
            assert_eq!((judged.verdict, judged.reason.as_str(), judged.proven), (Verdict::Blocked, reason, false));
        }
    }

    #[test]
    fn policy_sets_levels_and_switches_rules_off() {
        let mut policy = Policy::default();
        policy.rules.insert("drop-column".into(), RuleSetting::Level(Level::Warning));
        policy.rules.insert("drop-index".into(), RuleSetting::Off);
        let judged = run(
            vec![finding("drop-column", Level::Danger), finding("drop-index", Level::Warning)],
            &policy,
            Some(&proof(true)),
            &[],
        );
        assert_eq!((judged.verdict, judged.findings.len()), (Verdict::Pass, 1));
        policy.block = Level::Warning;
        let judged = run(vec![finding("drop-column", Level::Danger)], &policy, Some(&proof(true)), &[]);
        assert_eq!((judged.verdict, judged.blocking()), (Verdict::Blocked, 1));
    }

    #[test]
    fn a_note_accepts_only_where_policy_lets_notes_accept() {
        let place = crate::script::Place { file: "a.sql".into(), line: 3, column: 1 };
        let noted = || {
            vec![Finding {
                note: Some(Accepted { reason: "empty".into(), place: place.clone() }),
                ..finding("drop-column", Level::Danger)
            }]
        };
        let judged = run(noted(), &Policy::default(), Some(&proof(true)), &[]);
        assert_eq!(judged.verdict, Verdict::Pass);
        assert_eq!(judged.findings[0].accepted_by.as_deref(), Some("the note at a.sql:3: empty"));
        let mut policy = Policy::default();
        policy.approve.notes = false;
        assert_eq!(run(noted(), &policy, Some(&proof(true)), &[]).verdict, Verdict::Blocked);
    }
}
