//! A plan replayed on a copy of the base, measured step by step, and its end judged against the target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod judge;
pub mod kept;
mod relations;
pub mod replay;
pub mod rows;
pub mod unusual;

pub use self::relations::LOCK_MODES;

/// A lock that a step held until its transaction ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Lock {
    /// Schema-qualified name of the relation.
    pub relation: String,
    /// Mode as in `pg_locks.mode`, for instance `AccessExclusiveLock`.
    pub mode: String,
}

/// How Postgres refused a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SqlError {
    /// SQLSTATE, five characters; absent when the connection broke.
    pub sqlstate: Option<String>,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// The table that the error is about, quoted and qualified, where the server names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The column or constraint of the table that the error is about, where the server names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

impl SqlError {
    /// Whether a value does not fit into a type: SQLSTATE class 22.
    pub fn is_about_value(&self) -> bool {
        self.sqlstate.as_deref().is_some_and(|state| state.starts_with("22"))
    }
}

/// Which rows a step failed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailedRows {
    /// Those that the schema files insert.
    Own,
    /// Ordinary ones, made up: it fails on nearly any data.
    MadeUp,
    /// Made up, with what the constraints allow: NULLs, equal values, long texts, large numbers. It fails where such rows are.
    Unusual,
}

/// What one step did when it was replayed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Effects {
    /// Locks on relations that were there before the plan: those that this step took, or works under.
    pub locks: Vec<Lock>,
    /// Tables whose data was written anew (a new relfilenode).
    pub rewrites: Vec<String>,
    /// Tables read from end to end.
    pub scans: Vec<String>,
    /// Indexes built on tables that were there before the plan.
    pub index_builds: Vec<String>,
    /// Rows in the tables that the step locked or emptied, before and after.
    pub rows_before: Option<u64>,
    pub rows_after: Option<u64>,
    /// Values that were there before and are not there after: of dropped columns and tables, and deleted rows.
    pub values_lost: u64,
    /// How many of them are of which column of a table that stays, quoted and qualified.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lost_of: BTreeMap<String, u64>,
    pub milliseconds: f64,
    /// The step failed on the rows that were there (SQLSTATE class 22 or 23) and ran after they were taken out: on a database
    /// with such rows it fails.
    pub error_on_rows: Option<SqlError>,
    /// Which rows `error_on_rows` is about.
    pub failed_rows: Option<FailedRows>,
    /// The step failed whatever the rows; the plan ends there.
    pub error: Option<SqlError>,
}

impl Effects {
    /// Whether the step fails whatever unusual rows there may be.
    pub fn fails(&self) -> bool {
        self.error.is_some() || self.error_on_rows.is_some() && self.failed_rows != Some(FailedRows::Unusual)
    }

    /// Locks that keep writers out of a relation while the step reads, writes or indexes it from end to end. What runs outside of a
    /// transaction has none: its locks are gone before they can be read.
    pub fn held_over_work(&self) -> impl Iterator<Item = &Lock> {
        const KEEPS_WRITERS_OUT: [&str; 4] = ["ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"];
        let worked_on = |relation: &str| {
            let indexed = self.index_builds.iter().filter_map(|build| build.rsplit_once(" on "));
            self.rewrites.iter().chain(&self.scans).any(|name| name == relation)
                || indexed.into_iter().any(|(_, table)| table == relation)
        };
        self.locks.iter().filter(move |lock| KEEPS_WRITERS_OUT.contains(&lock.mode.as_str()) && worked_on(&lock.relation))
    }
}

/// What a judge found about the end of the replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Judgement {
    pub equal: bool,
    /// One entry an object that differs.
    pub differences: Vec<Difference>,
    /// Why the judge could not judge; `equal` is false then.
    pub unable: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Difference {
    /// `kind name`, for instance `function public.touch(integer)`.
    pub object: String,
    /// A unified diff or a sentence; what the replay has against what the target has.
    pub detail: String,
}

/// The outcome of replaying a plan. Only [`Proof::proven`] may be called a proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Proof {
    /// One entry a step, in the plan's order; steps after one that failed have no effects.
    pub effects: Vec<Effects>,
    pub pg_dump: Judgement,
    pub catalog: Judgement,
    /// Differences in the order of columns, which no ALTER can mend; said, and not held against the plan.
    pub column_order: Vec<String>,
}

impl Proof {
    /// Every step ran, and both judges found the end equal to the target.
    pub fn proven(&self) -> bool {
        self.failed_step().is_none() && self.pg_dump.equal && self.catalog.equal
    }

    /// Index of the first step that failed.
    pub fn failed_step(&self) -> Option<usize> {
        self.effects.iter().position(|effects| effects.error.is_some())
    }
}
