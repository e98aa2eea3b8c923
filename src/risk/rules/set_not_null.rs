//! `set-not-null`: a column becomes NOT NULL.

use crate::{
    catalog::{Action, Kind},
    plan::sql,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "set-not-null",
    level: Level::Warning,
    title: "A column becomes NOT NULL",
    what: "A column that is there in the base and may be NULL may not in the head.",
    why: "One row with a NULL makes the statement fail, and so does every writer that leaves the column out.",
    effect: "AccessExclusive lock while the whole table is read, unless a validated check already says the same.",
    advice: "Fill the NULLs first; then prove it with a check that is validated without blocking, and set NOT NULL from it.",
    source: "https://squawkhq.com/docs/adding-not-nullable-field",
    bad: Example { base: "CREATE TABLE t (id int, name text);", head: "CREATE TABLE t (id int, name text NOT NULL);" },
    good: Example { base: "CREATE TABLE t (id int, name text);", head: "CREATE TABLE t (id int, name text, nick text);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .changes
        .iter()
        .filter(|change| change.object.kind == Kind::Column && !matches!(change.action, Action::Create | Action::Drop))
        .filter_map(|change| {
            let column = &change.object;
            let before = facts.base.objects.get(change.renamed_from.as_ref().unwrap_or(column))?;
            let after = facts.target.objects.get(column)?;
            if !look::is_table_column(facts, column)
                || look::is_not_null(before)
                || !look::is_not_null(after)
                || look::in_new_primary_key(facts, column)
            {
                return None;
            }
            let (table, name) = (look::relation_sql(column), look::last_sql(column));
            let check = sql::ident(&format!("{}_not_null", column.path.last().map(String::as_str).unwrap_or_default()));
            let sql = format!(
                "ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID;\n\
                 ALTER TABLE {table} VALIDATE CONSTRAINT {check};\n\
                 ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL;\n\
                 ALTER TABLE {table} DROP CONSTRAINT {check};"
            );
            let message = format!("Column {} becomes NOT NULL; a row with a NULL makes the migration fail.", look::name(column));
            Some(RULE.finding(facts, column, message).safer(sql))
        })
        .collect()
}
