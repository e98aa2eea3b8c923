//! `drop-foreign-access`: access to a foreign server is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-foreign-access",
    level: Level::Danger,
    title: "Access to a foreign server is dropped",
    what: "A foreign-data wrapper, server or user mapping of the base is not in the head.",
    why: "Queries over its foreign tables fail, and stored passwords are gone.",
    effect: "No lock on tables.",
    advice: "Move what reads by way of it first.",
    source: "https://www.postgresql.org/docs/current/sql-dropserver.html",
    bad: Example {
        base: "CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w;",
        head: "CREATE FOREIGN DATA WRAPPER w;",
    },
    good: Example { base: "", head: "CREATE FOREIGN DATA WRAPPER w;" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::ForeignDataWrapper, Kind::Server, Kind::UserMapping]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| RULE.finding(facts, object, format!("{} {} is dropped.", look::kind_title(object.kind), look::name(object))))
        .collect()
}
