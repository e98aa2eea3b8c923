//! `drop-sequence`: a sequence is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-sequence",
    level: Level::Danger,
    title: "A sequence is dropped",
    what: "A sequence of the base that no dropped column owns is not in the head.",
    why: "Its last value is gone: made again, it gives numbers that are already in use.",
    effect: "AccessExclusive lock on the sequence.",
    advice: "Note its last value, and set it with `setval` wherever numbers come from afterwards.",
    source: "https://www.postgresql.org/docs/current/sql-dropsequence.html",
    bad: Example { base: "CREATE SEQUENCE invoice_number;", head: "" },
    good: Example { base: "CREATE SEQUENCE invoice_number;", head: "CREATE SEQUENCE invoice_number CACHE 10;" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Sequence]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| RULE.finding(facts, object, format!("Sequence {} is dropped with its last value.", look::name(object))))
        .collect()
}
