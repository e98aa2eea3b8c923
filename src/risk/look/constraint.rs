//! Constraints: what they are, and which are added.

use std::collections::BTreeSet;

use super::text;
use crate::{
    catalog::{Action, Kind, Object, ObjectId, Value},
    risk::Facts,
};

/// What a constraint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintType {
    PrimaryKey,
    Unique,
    Check,
    ForeignKey,
    Exclusion,
    NotNull,
}

impl ConstraintType {
    pub fn words(self) -> &'static str {
        match self {
            ConstraintType::PrimaryKey => "primary key",
            ConstraintType::Unique => "unique constraint",
            ConstraintType::Check => "check",
            ConstraintType::ForeignKey => "foreign key",
            ConstraintType::Exclusion => "exclusion constraint",
            ConstraintType::NotNull => "not-null constraint",
        }
    }
}

/// A constraint as `pg_get_constraintdef` prints it.
pub fn definition(constraint: &Object) -> &str {
    text(constraint, "definition").unwrap_or_default()
}

/// What a constraint is, by `pg_constraint.contype`.
pub fn constraint_type(constraint: &Object) -> Option<ConstraintType> {
    match constraint.text("form")? {
        "p" => Some(ConstraintType::PrimaryKey),
        "u" => Some(ConstraintType::Unique),
        "c" => Some(ConstraintType::Check),
        "f" => Some(ConstraintType::ForeignKey),
        "x" => Some(ConstraintType::Exclusion),
        "n" => Some(ConstraintType::NotNull),
        _ => None,
    }
}

/// Whether `pg_constraint.convalidated` is false: NOT VALID or NOT ENFORCED.
pub fn is_unvalidated(constraint: &Object) -> bool {
    constraint.details.get("validated") == Some(&Value::Bool(false))
}

/// Whether it is a NOT NULL that Postgres 18 keeps as a constraint: the column says so too.
pub fn is_not_null_constraint(facts: &Facts<'_>, constraint: &ObjectId) -> bool {
    facts.object(constraint).and_then(constraint_type) == Some(ConstraintType::NotNull)
}

/// Whether a new constraint of the same table has the same definition: another name alone.
pub fn replaced_by_twin(facts: &Facts<'_>, constraint: &ObjectId) -> bool {
    let Some(old) = facts.base.objects.get(constraint).filter(|old| !definition(old).is_empty()) else { return false };
    let Some(table) = &old.parent else { return false };
    let mut new = facts.target.within(Kind::Constraint, table).filter(|new| !facts.base.objects.contains_key(&new.id));
    new.any(|new| !facts.is_renamed(&new.id) && definition(new) == definition(old))
}

/// Constraints of a type that tables of the base get and that are checked against their rows, with their definitions. One that only
/// has another name is none.
pub fn added_constraints<'a>(facts: &Facts<'a>, wanted: ConstraintType) -> Vec<(&'a Object, String)> {
    let mut found = Vec::new();
    let dropped: BTreeSet<(Option<&[String]>, &str)> = facts
        .dropped(Kind::Constraint)
        .filter_map(|old| Some((old.path.get(..2), facts.base.objects.get(old).map(self::definition)?)))
        .collect();
    let changed = facts
        .changes
        .iter()
        .filter(|change| change.object.kind == Kind::Constraint && !matches!(change.action, Action::Drop | Action::Rename));
    for change in changed {
        let Some(new) = facts.target.objects.get(&change.object) else { continue };
        let definition = definition(new);
        let old = facts.in_base(&change.object).map(self::definition);
        let named_anew = dropped.contains(&(change.object.path.get(..2), definition));
        let existed = change.object.path.get(..2).is_some_and(|path| facts.relation_existed(path));
        if constraint_type(new) == Some(wanted)
            && existed
            && old != Some(definition)
            && !named_anew
            && !definition.contains("NOT VALID")
        {
            found.push((new, definition.to_string()));
        }
    }
    found
}

/// Whether a primary key that is new has this column: it brings NOT NULL with it.
pub fn in_new_primary_key(facts: &Facts<'_>, column: &ObjectId) -> bool {
    let table = facts.object(column).and_then(|column| column.parent.as_ref());
    let mut keys = table.into_iter().flat_map(|table| facts.target.within(Kind::Constraint, table));
    keys.any(|key| {
        constraint_type(key) == Some(ConstraintType::PrimaryKey)
            && !facts.base.objects.contains_key(&key.id)
            && !facts.is_renamed(&key.id)
            && key.needs.contains(column)
    })
}

/// The column list of a key's definition, with its parentheses.
pub fn key_columns(definition: &str) -> String {
    match (definition.find('('), definition.find(')')) {
        (Some(start), Some(end)) if start < end => definition[start..=end].to_string(),
        _ => "(…)".into(),
    }
}
