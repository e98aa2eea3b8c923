//! One rule a kind of object: what is to be said in SQL when it is new, gone or different.
//!
//! The contract for a rule stands in [`super::native`].

use super::native::Rule;
use crate::catalog::Kind;

pub mod owner;
pub mod schema;
pub mod swap;

/// All rules. A kind stands in exactly one.
pub const RULES: &[&dyn Rule] = &[&schema::SchemaRule, &schema::ExtensionRule];

/// The rule for a kind.
pub fn of(kind: Kind) -> Option<&'static dyn Rule> {
    RULES.iter().copied().find(|rule| rule.kinds().contains(&kind))
}
