//! Rules over changes and measured effects -> findings. Pure: takes values, returns values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    catalog::{Catalog, Change, ObjectId},
    plan::Plan,
    proof::Proof,
    script::Place,
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
}
