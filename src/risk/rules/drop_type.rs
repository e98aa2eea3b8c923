//! `drop-type`: a type is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-type",
    level: Level::Danger,
    title: "A type is dropped",
    what: "An enum, composite, range or domain type of the base is not in the head.",
    why: "Columns and functions of that type cannot stay, and clients that send it fail.",
    effect: "No table is locked by it alone.",
    advice: "Change what uses it first, release that, and drop the type later.",
    source: "https://www.postgresql.org/docs/current/sql-droptype.html",
    bad: Example { base: "CREATE TYPE mood AS ENUM ('ok', 'bad');", head: "" },
    good: Example { base: "CREATE TYPE mood AS ENUM ('ok', 'bad');", head: "CREATE TYPE mood AS ENUM ('ok', 'bad', 'fine');" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Type, Kind::Domain]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| RULE.finding(facts, object, format!("Type {} is dropped.", look::name(object))))
        .collect()
}
