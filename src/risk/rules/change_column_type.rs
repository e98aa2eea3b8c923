//! `change-column-type`: the type of a column with data changes.

use crate::{
    catalog::{Action, Change, Kind},
    plan::sql,
    risk::{Example, Facts, Finding, Level, Rule, look, types},
};

pub static RULE: Rule = Rule {
    id: "change-column-type",
    level: Level::Danger,
    title: "The type of a column with data changes",
    what: "A column has another type in the head. Danger when values can be lost or refused (narrower, another family, another dimension of a vector); a warning when the table is rewritten; a notice when only the catalog changes.",
    why: "Postgres converts every row or fails on the first that cannot be; meanwhile nobody reads or writes the table. Clients may not understand the new type.",
    effect: "AccessExclusive lock; usually a rewrite of the table and its indexes. Widening `varchar` or going from `varchar` to `text` is free.",
    advice: "Add a column of the new type, fill it in batches, switch readers and writers, and drop the old one later.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html",
    bad: Example { base: "CREATE TABLE t (id int, code varchar(20));", head: "CREATE TABLE t (id int, code varchar(10));" },
    good: Example {
        base: "CREATE TABLE t (id int, code varchar(20));",
        head: "CREATE TABLE t (id int, code varchar(20), code_short varchar(10));",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let column = &change.object;
    if column.kind != Kind::Column
        || !look::is_table_column(facts, column)
        || matches!(change.action, Action::Create | Action::Drop)
    {
        return None;
    }
    let (before, after) = look::type_change(change)?;
    let fit = types::fit(before, after);
    let step = facts.step_for(column);
    let rewrites = step.and_then(|step| facts.effects(step)).map(|effects| !effects.rewrites.is_empty());
    let level = match fit {
        types::Fit::Free if rewrites != Some(true) => Level::Notice,
        types::Fit::Free | types::Fit::Wider => Level::Warning,
        types::Fit::Narrower | types::Fit::Other => Level::Danger,
    };
    let why = match fit {
        types::Fit::Free | types::Fit::Wider => "every value fits",
        types::Fit::Narrower => "values that do not fit are refused or cut",
        types::Fit::Other => "values are converted or refused",
    };
    let rewritten = if rewrites == Some(true) { ", and the table is rewritten" } else { "" };
    let message = format!(
        "The type of {} changes from {} to {}: {why}{rewritten}.",
        look::name(column),
        look::quoted(before),
        look::quoted(after)
    );
    let finding = RULE.finding(facts, column, message).at_level(level);
    match level {
        Level::Notice => return Some(finding.advise("Nothing needs to be done.")),
        Level::Warning => return Some(finding),
        Level::Danger => {}
    }
    let table = look::relation_sql(column);
    let name = look::last_sql(column);
    let new = sql::ident(&format!("{}_new", column.path.last().map(String::as_str).unwrap_or_default()));
    let fill = if types::is_vector(after) {
        format!("-- Then fill {new} from the model in batches, switch the readers, and drop {name} later.")
    } else {
        format!(
            "-- Then fill it in batches, switch the readers, and drop {name} later:\n-- UPDATE {table} SET {new} = {name}::{after} WHERE …;"
        )
    };
    Some(finding.safer(format!("ALTER TABLE {table} ADD COLUMN {new} {after};\n{fill}")))
}
