//! Findings + policy + acceptances -> verdict. Pure.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    Blocked,
    /// schemaproof could not find out: bad SQL, no sandbox, an API that failed.
    Error,
}
