//! One view model; comment, summary, terminal, HTML and SARIF are renderings of it. Pure.
//!
//! [`Report`] is also the JSON report: its keys are stable once released. [`build`](build::build) makes it from typed facts and is
//! where secrets are masked; every renderer takes a `&Report` alone, and takes every text in it for hostile. Nothing here is
//! written anywhere: publishing is another module's.

pub mod annotations;
pub mod build;
pub mod comment;
pub mod explain;
pub mod html;
pub mod json;
pub mod many;
pub mod markdown;
pub mod mask;
pub mod picture;
pub mod safe;
pub mod sarif;
pub mod sql;
pub mod table;
pub mod text;
pub mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    catalog::Action,
    config::Dialect,
    plan::Origin,
    proof::{Effects, Judgement, SqlError},
    risk::Level,
    verdict::Verdict,
};

/// Everything that is known after a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// Version of this format: 1.
    pub schemaproof: u32,
    /// Name of the database in the configuration, where that has several.
    #[serde(default)]
    pub database: Option<String>,
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    pub proven: bool,
    pub fingerprint: Option<String>,
    pub base: Side,
    pub target: Side,
    /// Whose schemas these are; absent for Postgres.
    #[serde(default, skip_serializing_if = "Dialect::is_postgres")]
    pub dialect: Dialect,
    /// Version of the sandbox's server, for instance `16.4`.
    pub server: Option<String>,
    pub engine: Option<Engine>,
    pub changes: Vec<ReportedChange>,
    pub steps: Vec<ReportedStep>,
    pub findings: Vec<ReportedFinding>,
    pub proof: Option<ReportedProof>,
    /// What the catalog reader does not read: never a success.
    pub not_covered: Vec<String>,
    /// What a reader should know beside the findings: statements of the base that failed, Atlas set aside and why, column order.
    pub remarks: Vec<Remark>,
    /// Entities before and after, for the picture.
    pub picture: Picture,
    pub drift: Option<Drift>,
    /// Which of the changes were there before the pull request, when the base is a live database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Earlier>,
    /// How the configured environments stand to the base (in a scheduled run: to the files).
    #[serde(default)]
    pub environments: Option<ReportedEnvironments>,
    /// What a live database says about the change.
    #[serde(default)]
    pub live: Option<ReportedLive>,
    pub down: Option<Down>,
    /// What went wrong, when the verdict is `error`.
    pub error: Option<ReportedError>,
    pub seconds: f64,
    pub run: Option<Run>,
}

/// One of the two schemas that are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Side {
    /// `main`, `git:v1`, `postgres://host/app` (never with a password).
    pub name: String,
    pub commit: Option<String>,
    pub files: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Engine {
    pub name: Origin,
    pub version: String,
    /// How many changes Atlas left out and schemaproof added.
    pub left_out: usize,
}

impl Engine {
    /// The native planner.
    pub fn native() -> Engine {
        Engine { name: Origin::Native, version: env!("CARGO_PKG_VERSION").into(), left_out: 0 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportedChange {
    pub kind: String,
    pub object: String,
    pub action: Action,
    /// The name before, of what is renamed: the whole path.
    #[serde(default)]
    pub renamed_from: Option<Vec<String>>,
    /// What changed, ready to be read: `type vector(1536) -> vector(384)`.
    pub details: Vec<String>,
    pub file: Option<String>,
    pub line: Option<u32>,
    /// Whether Atlas left it out.
    pub left_out: bool,
    /// Indexes into `steps`.
    pub steps: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportedStep {
    /// Secrets masked.
    pub sql: String,
    pub origin: Origin,
    pub group: usize,
    pub transactional: bool,
    pub effects: Option<Effects>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportedFinding {
    pub rule: String,
    /// The rule's title: what happens, without an object's name.
    pub title: String,
    pub level: Level,
    pub blocks: bool,
    pub accepted_by: Option<String>,
    /// Kind of the object, as in `changes`.
    pub kind: String,
    pub object: String,
    /// One sentence or two; names are between backticks.
    pub message: String,
    /// What the replay measured, in one sentence: that the step fails on rows, or how many values it loses.
    #[serde(default)]
    pub measured: Option<String>,
    /// What the live database says about it: how many rows are in the way.
    #[serde(default)]
    pub live: Option<String>,
    pub advice: String,
    pub safer_sql: Option<String>,
    pub file: Option<String>,
    pub line: Option<u32>,
    /// Index into `steps`.
    pub step: Option<usize>,
}

impl ReportedFinding {
    /// What was measured, on the copy and in the live database.
    pub fn measurements(&self) -> impl Iterator<Item = &str> {
        self.measured.as_deref().into_iter().chain(self.live.as_deref())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportedProof {
    pub pg_dump: Judgement,
    pub catalog: Judgement,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Remark {
    pub title: String,
    pub text: String,
    /// SQL or program output that belongs to it; shown in a fence.
    pub quote: Option<String>,
    pub file: Option<String>,
    pub line: Option<u32>,
}

/// Tables that change, for an entity-relationship picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Picture {
    pub tables: BTreeMap<String, PicturedTable>,
    pub references: Vec<PicturedReference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PicturedTable {
    /// Absent when the table itself does not change but is referred to.
    pub action: Option<Action>,
    pub columns: Vec<PicturedColumn>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PicturedColumn {
    pub name: String,
    /// The target's; of a column that is dropped, the base's.
    pub r#type: String,
    /// The base's type, where the target has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_before: Option<String>,
    pub primary_key: bool,
    pub foreign_key: bool,
    pub action: Option<Action>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PicturedReference {
    pub from: String,
    pub to: String,
    pub constraint: String,
    pub action: Option<Action>,
}

/// What a live database differs in from where a pull request began: part of the plan, and not of the pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Earlier {
    /// Where it began.
    pub base: String,
    /// Indexes into `changes`.
    pub changes: Vec<usize>,
    /// Indexes into `steps`: those that make these changes and no other.
    pub steps: Vec<usize>,
}

impl Report {
    /// Notes which of the changes were there before the pull request, which began at `base`.
    pub fn tell_earlier(&mut self, base: Option<&str>, earlier: &[bool]) {
        let Some(base) = base else { return };
        let is_earlier = |at: usize| earlier.get(at).copied().unwrap_or_default();
        let changes: Vec<usize> = (0..self.changes.len()).filter(|at| is_earlier(*at)).collect();
        let makes = |step: usize| self.changes.iter().enumerate().filter(move |(_, change)| change.steps.contains(&step));
        let alone = |step: &usize| makes(*step).next().is_some() && makes(*step).all(|(at, _)| is_earlier(at));
        let steps = (0..self.steps.len()).filter(alone).collect();
        self.earlier = Some(Earlier { base: base.into(), changes, steps });
    }
}

/// A live database against the base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Drift {
    pub database: String,
    pub changes: Vec<ReportedChange>,
    /// From the live database to the base, not replayed: what was to be done before the pull request, and is no part of its plan.
    #[serde(default)]
    pub steps: Vec<ReportedStep>,
}

/// Live databases against the base; those with the same schema are one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportedEnvironments {
    /// What they are compared with.
    pub against: String,
    pub groups: Vec<EnvironmentGroup>,
    pub unread: Vec<UnreadEnvironment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EnvironmentGroup {
    pub names: Vec<String>,
    /// What would change to make it the same: `create` is what it lacks, `drop` what it has beyond. Empty when it is the same.
    pub changes: Vec<ReportedChange>,
}

/// An environment that nothing is known of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UnreadEnvironment {
    pub name: String,
    pub why: String,
}

/// What a live database says: sizes of the relations that the plan locks, and answers to what was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportedLive {
    pub database: String,
    /// By quoted name, as in `effects.locks`.
    pub tables: BTreeMap<String, LiveTable>,
    pub counts: Vec<LiveCount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LiveTable {
    /// With indexes, TOAST and partitions.
    pub bytes: u64,
    /// The planner's estimate; absent where the table was never analysed.
    pub rows: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LiveCount {
    pub kind: String,
    pub object: String,
    /// Rows in the way of the statement; absent where they were not counted.
    pub rows: Option<u64>,
    /// The answer in a sentence.
    pub text: String,
}

/// The way back: from the target to the base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Down {
    pub steps: Vec<ReportedStep>,
    pub lossless: bool,
    pub proven: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportedError {
    /// What was attempted, on what, why it failed.
    pub message: String,
    /// What to do.
    pub advice: Option<String>,
    pub sql: Option<SqlError>,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub column: Option<u32>,
    /// The line at fault.
    pub excerpt: Option<String>,
}

/// The workflow run that made the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Run {
    pub number: u64,
    pub url: String,
    pub repository: String,
    pub server_url: String,
    pub head_sha: String,
    pub pull_request: Option<u64>,
}
