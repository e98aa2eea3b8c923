//! What the replay measured of a step: how it fails, what it loses, and which of the changes that share it that is about.

use std::collections::BTreeMap;

use super::{last_name, qualified, quoted, relation_sql, text};
use crate::{
    catalog::{Kind, ObjectId},
    proof::{FailedRows, SqlError},
    risk::Facts,
};

/// Which of the changes that share a step its failure is about.
pub struct Shared<'a> {
    /// Of each step that fails, the objects that it changes.
    objects: BTreeMap<usize, Vec<&'a ObjectId>>,
    facts: &'a Facts<'a>,
}

impl<'a> Shared<'a> {
    pub fn of(facts: &'a Facts<'a>) -> Shared<'a> {
        let fails = |step: &usize| error_of(facts, *step).is_some();
        let mut objects: BTreeMap<usize, Vec<&ObjectId>> =
            (0..facts.plan.steps.len()).filter(fails).map(|step| (step, Vec::new())).collect();
        let changes = if objects.is_empty() { &[] } else { facts.changes };
        for change in changes {
            for step in facts.steps_for(&change.object) {
                if let Some(changed) = objects.get_mut(&step) {
                    changed.push(&change.object);
                }
            }
        }
        Shared { objects, facts }
    }

    /// The step whose failure names this very object.
    pub fn named(&self, object: &ObjectId) -> Option<usize> {
        self.objects.keys().copied().find(|step| error_of(self.facts, *step).is_some_and(|error| names(error, object)))
    }

    /// Whether a step's failure is about an object: what the server names, or else what such an error can be about.
    pub fn fails(&self, step: usize, object: &ObjectId) -> bool {
        let (Some(error), Some(changed)) = (error_of(self.facts, step), self.objects.get(&step)) else { return false };
        if changed.iter().any(|object| names(error, object)) {
            return names(error, object);
        }
        !error.is_about_value() || self.is_retyped(object) || !changed.iter().any(|object| self.is_retyped(object))
    }

    fn is_retyped(&self, column: &ObjectId) -> bool {
        let (Some(before), Some(after)) = (self.facts.in_base(column), self.facts.target.objects.get(column)) else { return false };
        column.kind == Kind::Column && text(before, "type") != text(after, "type")
    }
}

fn error_of<'a>(facts: &'a Facts<'_>, step: usize) -> Option<&'a SqlError> {
    let effects = facts.effects(step)?;
    effects.error.as_ref().or(effects.error_on_rows.as_ref())
}

/// Whether this is the column or constraint that an error names.
fn names(error: &SqlError, object: &ObjectId) -> bool {
    let of_table = || match object.kind {
        Kind::Column | Kind::Constraint => error.table.as_ref().is_none_or(|table| *table == relation_sql(object)),
        kind => kind == Kind::Index,
    };
    error.part.as_deref().is_some_and(|part| part == last_name(object)) && of_table()
}

/// What was measured of a step that a finding should say: that it fails, or what it loses.
pub fn measured(facts: &Facts<'_>, step: usize) -> Option<String> {
    failure(facts, step).or_else(|| lost(facts, step))
}

/// How a step fails, where it does.
pub fn failure(facts: &Facts<'_>, step: usize) -> Option<String> {
    let effects = facts.effects(step)?;
    let error = error_of(facts, step)?;
    let state = error.sqlstate.as_deref().map(|state| format!(" ({state})")).unwrap_or_default();
    let message = match facts.plan.steps.get(step) {
        Some(step) if step.masked.is_some() => String::new(),
        _ => format!(": {}", quoted(&error.message)),
    };
    let rows = match effects.failed_rows {
        _ if effects.error.is_some() => " when it is replayed",
        Some(FailedRows::Own) | None => " on the rows of the copy",
        Some(FailedRows::MadeUp) => " on ordinary rows (made up for the copy)",
        Some(FailedRows::Unusual) => " on some rows that the base allows (made up for the copy)",
    };
    Some(format!("Step {} fails{rows}{message}{state}.", step + 1))
}

/// How many values a step loses, where it loses some.
pub fn lost(facts: &Facts<'_>, step: usize) -> Option<String> {
    lost_words(facts.effects(step)?.values_lost)
}

/// How many values of an object a step loses: of a column where they are counted by columns, else all.
pub fn lost_of(facts: &Facts<'_>, step: usize, object: &ObjectId) -> Option<String> {
    let effects = facts.effects(step)?;
    match object.kind == Kind::Column && !effects.lost_of.is_empty() {
        true => effects.lost_of.get(&qualified(&object.path, 3)).and_then(|lost| lost_words(*lost)),
        false => lost_words(effects.values_lost),
    }
}

fn lost_words(lost: u64) -> Option<String> {
    match lost {
        0 => None,
        1 => Some("One value was lost on the copy.".into()),
        n => Some(format!("{n} values were lost on the copy.")),
    }
}

/// ` (212 rows on the copy)` of the step of an object.
pub fn rows_read(facts: &Facts<'_>, object: &ObjectId) -> String {
    let rows = facts.step_for(object).and_then(|step| facts.effects(step)).and_then(|effects| effects.rows_before);
    match rows {
        Some(1) => " (1 row on the copy)".into(),
        Some(rows) if rows > 1 => format!(" ({rows} rows on the copy)"),
        _ => String::new(),
    }
}
