//! Rules over changes and measured effects -> findings. Pure: takes values, returns values.
//!
//! A rule is a file in `risk/rules`: a record and a function over [`Facts`]. Rules decide on what differs between the two catalogs
//! and on what the replay measured, never on the text of SQL. Which findings block is `verdict`'s matter, how they are shown
//! `report`'s.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub mod look;
mod mysql;
pub mod note;
pub mod online;
pub mod peers;
pub mod probe;
pub mod rules;
pub mod types;

use crate::{
    catalog::{Catalog, Change, ObjectId},
    config::{Dialect, Naming},
    plan::Plan,
    proof::Proof,
    script::Place,
    source::SqlFiles,
};

/// How bad a finding is. The order is the order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing.
    Notice,
    /// May hurt: look before merging.
    Warning,
    /// Loses data, breaks running applications or fails on existing rows. Blocks by default.
    Danger,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Danger => "danger",
        })
    }
}

/// Where objects stand in the SQL files.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub base: BTreeMap<ObjectId, Place>,
    pub target: BTreeMap<ObjectId, Place>,
}

/// Everything a rule may look at.
pub struct Facts<'a> {
    pub base: &'a Catalog,
    pub target: &'a Catalog,
    pub changes: &'a [Change],
    pub plan: &'a Plan,
    /// Absent with `--no-proof`.
    pub proof: Option<&'a Proof>,
    pub places: &'a Places,
    /// What the policy wants new names to look like.
    pub naming: &'a Naming,
    /// Made of the others as they are asked for: begins empty.
    pub found: look::Found,
}

/// A rule's remark about a change or an effect, before policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Id of the rule, for instance `drop-column`.
    pub rule: &'static str,
    pub level: Level,
    pub object: ObjectId,
    /// What will happen, in one sentence, about this very object.
    pub message: String,
    /// What to do instead, in one or two sentences.
    pub advice: String,
    /// SQL for this very object that reaches the same end more safely.
    pub safer_sql: Option<String>,
    /// In the head when the object or its parent is there, else in the base.
    pub place: Option<Place>,
    /// Index into the plan's steps.
    pub step: Option<usize>,
    /// What the replay measured of its step, in one sentence.
    pub measured: Option<String>,
    /// What a live database says about it, in a sentence or two.
    pub live: Option<String>,
    /// The note in the SQL that accepts it.
    pub note: Option<note::Accepted>,
}

/// SQL of the two schemas that show a rule: a change that it finds, or one that it lets pass.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    pub base: &'static str,
    pub head: &'static str,
}

/// One rule: what it is about, in words, and the function that finds it. The words are its page in `docs/rules`.
pub struct Rule {
    /// Kebab case, the name of its file with dashes. Stable: configurations and notes name it.
    pub id: &'static str,
    /// Its level where the configuration sets none.
    pub level: Level,
    /// Heading of a finding, without an object's name.
    pub title: &'static str,
    /// What it finds.
    pub what: &'static str,
    /// Why that is dangerous.
    pub why: &'static str,
    /// What Postgres does: locks, rewrites, what is lost.
    pub effect: &'static str,
    /// What to do instead.
    pub advice: &'static str,
    /// Where that can be read.
    pub source: &'static str,
    /// A change that it finds.
    pub bad: Example,
    /// The same end reached in a way that it does not find.
    pub good: Example,
    pub check: fn(&Facts<'_>) -> Vec<Finding>,
}

impl Rule {
    /// A finding of this rule about an object, with its place and its step looked up.
    pub fn finding(&self, facts: &Facts<'_>, object: &ObjectId, message: impl Into<String>) -> Finding {
        Finding {
            rule: self.id,
            level: self.level,
            object: object.clone(),
            message: message.into(),
            advice: self.advice.into(),
            safer_sql: None,
            place: facts.place_of(object),
            step: facts.step_for(object),
            measured: None,
            live: None,
            note: None,
        }
    }
}

impl Finding {
    pub fn safer(mut self, sql: impl Into<String>) -> Finding {
        self.safer_sql = Some(sql.into());
        self
    }

    pub fn at_level(mut self, level: Level) -> Finding {
        self.level = level;
        self
    }

    pub fn at_step(mut self, step: usize) -> Finding {
        self.step = Some(step);
        self
    }

    pub fn advise(mut self, advice: impl Into<String>) -> Finding {
        self.advice = advice.into();
        self
    }
}

/// All findings: every rule over the facts, what was measured put beside it, and the notes in the head's SQL applied. The order is
/// that of severity, then rule, then object.
pub fn findings(facts: &Facts<'_>, head: &SqlFiles) -> Vec<Finding> {
    let mut found: Vec<Finding> = match facts.base.dialect {
        Dialect::Postgres => rules::RULES.iter().flat_map(|rule| (rule.check)(facts)).collect(),
        Dialect::TiDb | Dialect::MySql | Dialect::MariaDb => mysql::findings(facts),
    };
    measured_beside_the_cause(facts, &mut found);
    online::advise(facts, &mut found);
    found.sort_by(|a, b| (b.level, a.rule, &a.object, a.step).cmp(&(a.level, b.rule, &b.object, b.step)));
    found.dedup_by(|a, b| a.rule == b.rule && a.object == b.object && a.message == b.message);
    note::apply(facts, head, &mut found);
    found
}

/// What was measured of a step is said once: with the finding about the change that causes it, where there is one.
fn measured_beside_the_cause(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let generic = |finding: &Finding| rules::MEASURED.contains(&finding.rule);
    let shared = look::Shared::of(facts);
    let mut causes: BTreeSet<(usize, Level)> = BTreeSet::new();
    for finding in found.iter_mut().filter(|finding| finding.level >= Level::Warning && !generic(finding)) {
        // An index and the constraint that is made from it may be two steps.
        let step = shared.named(&finding.object).or(finding.step);
        let fails = |step: usize| facts.effects(step).is_some_and(|effects| effects.error_on_rows.is_some());
        let said = |step: &usize| finding.level == Level::Danger || fails(*step);
        finding.measured = step.filter(said).and_then(|step| {
            let lost = || look::lost_of(facts, step, &finding.object).filter(|_| finding.level == Level::Danger);
            look::failure(facts, step).filter(|_| shared.fails(step, &finding.object)).or_else(lost)
        });
        causes.extend([finding.step, step].into_iter().flatten().map(|step| (step, finding.level)));
    }
    let explained =
        |level: Level| -> BTreeSet<usize> { causes.iter().filter(|(_, of)| *of >= level).map(|(step, _)| *step).collect() };
    let (dangers, warnings) = (explained(Level::Danger), explained(Level::Warning));
    found.retain(|finding| match (generic(finding), finding.step) {
        (true, Some(step)) if finding.level == Level::Danger => !dangers.contains(&step),
        (true, Some(step)) => !warnings.contains(&step),
        _ => true,
    });
}
