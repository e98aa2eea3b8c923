//! The ordered steps from one schema to another, in transaction groups.

use std::fmt;

pub mod atlas;
pub mod native;
pub mod online;
pub mod order;
pub mod readback;
pub mod rename;
pub mod rules;
pub mod saved;
pub mod sql;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::{Kind, ObjectId};

/// Who proposed a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Atlas,
    Native,
}

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// One statement without a semicolon at its end. May hold secrets (user mappings, subscriptions): see `masked`.
    pub sql: String,
    /// The same with secrets masked, when it has any: what is shown.
    pub masked: Option<String>,
    pub origin: Origin,
    /// Transaction group, from 1. Steps of one group run in one transaction when `transactional`.
    pub group: usize,
    /// False for what Postgres refuses inside a transaction block; such a step is a group of its own.
    pub transactional: bool,
    /// What the planner meant to change with it; empty for Atlas's steps (the replay finds out).
    pub objects: Vec<ObjectId>,
    /// How it waits and is tried again, in a plan that does not block; absent in any other.
    pub online: Option<Online>,
}

/// What whoever runs a step of an online plan should know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Online {
    /// Longest wait for a lock, in milliseconds: whoever comes later waits behind it. Absent where nobody does, and the wait may
    /// take what it takes. The same for all steps of a group.
    pub lock_timeout: Option<u32>,
    /// What to do about a step that failed, before the plan goes on. Absent where the group is simply run again: a transaction
    /// leaves nothing behind, and the other steps go on where they stopped.
    pub recovery: Option<Recovery>,
}

/// What a step outside of a transaction needs after it failed half-way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    /// This statement, and then the step again.
    Before(String),
    /// This statement, and not the step again.
    Instead(String),
}

impl Step {
    /// The statement as it may be shown.
    pub fn shown(&self) -> &str {
        self.masked.as_deref().unwrap_or(&self.sql)
    }

    /// Whether it makes a routine whose body may name what is made later: it runs with `check_function_bodies` off, as `apply` and the
    /// replay have it for the whole session.
    fn has_body(&self) -> bool {
        let routine = self.objects.first().is_some_and(|object| matches!(object.kind, Kind::Function | Kind::Procedure));
        self.transactional && routine && self.sql.starts_with("CREATE ")
    }
}

/// What a script says after BEGIN where a step of the group makes a routine. It is no step.
pub(crate) const UNCHECKED: &str = "SET LOCAL check_function_bodies = off;";

/// Whether a script says [`UNCHECKED`] in a group.
pub(crate) fn is_unchecked(group: &[Step]) -> bool {
    group.iter().any(Step::has_body)
}

/// Whether a script begins and ends a transaction for a group: one statement is one by itself.
pub(crate) fn is_wrapped(group: &[Step]) -> bool {
    group.first().is_some_and(|step| step.transactional) && (group.len() > 1 || is_unchecked(group))
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
}

/// Hash of a plan's steps: what an acceptance is bound to. Shown as `b7f3·91c2`; written in a comment with or without the dot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Plan {
    /// This plan and then `more`; where the one ends and the other begins in a transaction, in the same one.
    pub fn then(mut self, more: Vec<Step>) -> Plan {
        let last = self.steps.last().map_or(0, |step| step.group);
        let joins = |step: &Step| step.transactional && step.online.is_none();
        let joined = self.steps.last().is_some_and(joins) && more.first().is_some_and(joins);
        let shift = if joined { last - 1 } else { last };
        self.steps.extend(more.into_iter().map(|step| Step { group: step.group + shift, ..step }));
        self
    }

    /// The same steps give the same fingerprint; any other statement, order or grouping gives another.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for step in &self.steps {
            hash.update(step.group.to_be_bytes());
            hash.update((step.sql.len() as u64).to_be_bytes());
            hash.update(step.sql.as_bytes());
        }
        let digest = hash.finalize();
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Fingerprint(hex)
    }

    /// Whether it is made not to block.
    pub fn is_online(&self) -> bool {
        self.steps.iter().any(|step| step.online.is_some())
    }

    /// A script that `psql -v ON_ERROR_STOP=1 -f` runs as it stands. Secrets are exact in it.
    pub fn to_sql(&self) -> String {
        let mut sql = String::new();
        if self.is_online() {
            sql.push_str(online::PREAMBLE);
        }
        for group in self.steps.chunk_by(|a, b| a.group == b.group) {
            online::introduce(group, &mut sql);
            let transaction = is_wrapped(group);
            if transaction {
                sql.push_str("BEGIN;\n");
            }
            if is_unchecked(group) {
                sql.push_str(UNCHECKED);
                sql.push('\n');
            }
            for step in group {
                sql.push_str(&step.sql);
                sql.push_str(";\n");
            }
            if transaction {
                sql.push_str("COMMIT;\n");
            }
        }
        sql
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = (0..self.0.len()).step_by(4).map(|at| &self.0[at..(at + 4).min(self.0.len())]).collect();
        f.write_str(&parts.join("·"))
    }
}

impl Fingerprint {
    /// Whether a person wrote this fingerprint: dots, dashes, spaces and case do not matter.
    pub fn is_written_as(&self, text: &str) -> bool {
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        plain.eq_ignore_ascii_case(&self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
