//! `drop-enum-value`: a value of an enum is removed.

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-enum-value",
    level: Level::Danger,
    title: "A value of an enum is removed",
    what: "A value of an enum type of the base is not in the head.",
    why: "Postgres cannot remove one: the type is made anew and every column of it rewritten. Rows with the value cannot be converted, and clients that send it fail.",
    effect: "AccessExclusive lock and rewrite of every table with a column of the type.",
    advice: "Change the rows that have the value first; then forbid it with a check, and leave the value in the type.",
    source: "https://www.postgresql.org/docs/current/datatype-enum.html",
    bad: Example { base: "CREATE TYPE mood AS ENUM ('ok', 'bad', 'worse');", head: "CREATE TYPE mood AS ENUM ('ok', 'bad');" },
    good: Example { base: "CREATE TYPE mood AS ENUM ('ok', 'bad');", head: "CREATE TYPE mood AS ENUM ('ok', 'bad', 'worse');" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .dropped(Kind::EnumValue)
        .filter_map(|value| {
            let (label, path) = value.path.split_last()?;
            Some((value, ObjectId { kind: Kind::Type, path: path.to_vec().into() }, label))
        })
        .map(|(object, enumeration, label)| {
            let message = format!("Value {} of the enum {} is removed.", look::quoted(label), look::name(&enumeration));
            let columns = look::columns_of_type(facts, &enumeration);
            let sql: Vec<String> = columns
                .iter()
                .take(5)
                .map(|column| {
                    format!(
                        "UPDATE {} SET {} = '…' WHERE {} = '{}';",
                        look::relation_sql(column),
                        look::last_sql(column),
                        look::last_sql(column),
                        object.path.last().map(|label| label.replace('\'', "''")).unwrap_or_default()
                    )
                })
                .collect();
            let mut finding = RULE.finding(facts, object, message);
            finding.place = finding.place.or_else(|| facts.place_of(&enumeration));
            finding.step = finding.step.or_else(|| facts.step_for(&enumeration));
            if sql.is_empty() { finding } else { finding.safer(format!("-- rows that have it, first\n{}", sql.join("\n"))) }
        })
        .collect()
}
