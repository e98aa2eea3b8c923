//! `name-pattern`: a new name does not follow the pattern.

use crate::{
    catalog::{Kind, Object},
    config::Named,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "name-pattern",
    level: Level::Warning,
    title: "A new name does not follow the pattern",
    what: "A new schema, table, column, index, foreign key or check has a name that the pattern of `policy.naming` for its kind does not match. Without patterns it finds nothing.",
    why: "Names that follow one pattern can be guessed, and told from each other in messages.",
    effect: "None.",
    advice: "Take a name that follows the pattern, or change the pattern.",
    source: "https://atlasgo.io/lint/analyzers#naming-conventions-policy",
    bad: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
CREATE INDEX by_id ON t (id);",
    },
    good: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
CREATE INDEX t_id_idx ON t (id);",
    },
    check,
};

/// The pattern with which its examples are run.
pub const EXAMPLE: (Named, &str) = (Named::Index, "_idx$");

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    if facts.naming.is_empty() {
        return Vec::new();
    }
    let new = facts.target.objects.values();
    let new = new.filter(|object| facts.in_base(&object.id).is_none() || facts.is_renamed(&object.id));
    new.filter_map(|object| {
        let pattern = facts.naming.broken(named(facts, object)?, look::last_name(&object.id))?;
        let message = format!("The name of {} does not match {}.", look::name(&object.id), look::quoted(pattern));
        Some(RULE.finding(facts, &object.id, message))
    })
    .collect()
}

/// What a name is the name of, where there may be a pattern for it.
fn named(facts: &Facts<'_>, object: &Object) -> Option<Named> {
    match object.id.kind {
        Kind::Schema | Kind::Database => Some(Named::Schema),
        Kind::Table | Kind::ForeignTable => Some(Named::Table),
        Kind::Column => look::is_table_column(facts, &object.id).then_some(Named::Column),
        Kind::Index => Some(Named::Index),
        Kind::Constraint => match look::constraint_type(object)? {
            look::ConstraintType::ForeignKey => Some(Named::ForeignKey),
            look::ConstraintType::Check => Some(Named::Check),
            _ => None,
        },
        _ => None,
    }
}
