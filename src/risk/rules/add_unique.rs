//! `add-unique`: a unique constraint is added.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look, online},
};

pub static RULE: Rule = Rule {
    id: "add-unique",
    level: Level::Warning,
    title: "Values have to be unique",
    what: "A unique constraint or a unique index is added to a table that is there in the base.",
    why: "One pair of equal rows makes the statement fail; while its index is built nobody writes to the table.",
    effect: "AccessExclusive lock while an index is built over the whole table.",
    advice: "Build the unique index concurrently first, then make the constraint from it in an instant.",
    source: "https://squawkhq.com/docs/disallowed-unique-constraint",
    bad: Example {
        base: "CREATE TABLE t (id int NOT NULL, a int);",
        head: "CREATE TABLE t (id int NOT NULL, a int CONSTRAINT t_a_key UNIQUE);",
    },
    good: Example {
        base: "CREATE TABLE t (id int NOT NULL, a int);",
        head: "CREATE TABLE t (id int NOT NULL, a int);
CREATE TABLE new_one (a int UNIQUE);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    look::added_constraints(facts, look::ConstraintType::Unique)
        .into_iter()
        .map(|(constraint, definition)| {
            let (table, name) = (look::relation_sql(&constraint.id), look::last_sql(&constraint.id));
            let sql = format!(
                "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {};\nALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name};",
                look::key_columns(&definition)
            );
            let message = format!("Unique constraint {} is added; equal rows make it fail{}{}.", look::name(&constraint.id), online::if_held_up(facts, &constraint.id, ", and writes wait while its index is built"), look::rows_read(facts, &constraint.id));
            RULE.finding(facts, &constraint.id, message).safer(sql)
        })
        .chain(facts.changes.iter().filter_map(|change| index(facts, change)))
        .collect()
}

/// A unique index that is no constraint's, new or made of another. That writes wait while it is built is `build-index`'s to say.
fn index(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Index || !matches!(change.action, Action::Create | Action::Alter | Action::Replace) {
        return None;
    }
    let index = facts.target.objects.get(&change.object)?;
    let (old, new) = (facts.in_base(&change.object).map_or("", look::definition), look::definition(index));
    let unique = |definition: &str| definition.starts_with("CREATE UNIQUE INDEX ");
    let same = unique(old) && look::key_columns(old) == look::key_columns(new);
    let table = look::table_of_index(index).filter(|table| facts.relation_existed(&table.path))?;
    if !unique(new) || same {
        return None;
    }
    let message =
        format!("Index {} makes values of {} unique; equal rows make it fail.", look::name(&index.id), look::name(&table));
    Some(RULE.finding(facts, &index.id, message).advise("Look for rows that share values, and mend them first."))
}
