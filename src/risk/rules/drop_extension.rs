//! `drop-extension`: an extension is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-extension",
    level: Level::Danger,
    title: "An extension is dropped",
    what: "An extension of the base is not in the head.",
    why: "Its types, functions and operators go, and with them every column, index and function that uses them.",
    effect: "AccessExclusive locks on what depends on it.",
    advice: "Change what uses it first, release that, and drop the extension later.",
    source: "https://www.postgresql.org/docs/current/sql-dropextension.html",
    bad: Example { base: "CREATE EXTENSION pg_trgm;", head: "" },
    good: Example { base: "", head: "CREATE EXTENSION pg_trgm;" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Extension]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| {
            RULE.finding(
                facts,
                object,
                format!("Extension {} is dropped with its types, functions and operators.", look::name(object)),
            )
        })
        .collect()
}
