//! `new-enum`: a new type is an enum.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "new-enum",
    level: Level::Notice,
    title: "A new type is an enum",
    what: "An enum type is created.",
    why: "A value can be added to it and renamed, but never removed or moved: that is a new type and a rewrite of every table that uses it.",
    effect: "None: it is about later.",
    advice: "Where the values change, take a table of them and a foreign key, or `text` with a CHECK.",
    source: "https://kaveland.no/eugene/hints/W13",
    bad: Example { base: "", head: "CREATE TYPE mood AS ENUM ('sad', 'ok');" },
    good: Example { base: "", head: "CREATE TABLE mood (name text PRIMARY KEY);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .created(Kind::Type)
        .filter(|created| look::text(created, "form") == Some("enum"))
        .map(|created| {
            RULE.finding(
                facts,
                &created.id,
                format!("Values of {} can be added later, and never removed.", look::name(&created.id)),
            )
        })
        .collect()
}
