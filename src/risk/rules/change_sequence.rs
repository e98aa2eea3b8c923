//! `change-sequence`: a sequence gives other numbers.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-sequence",
    level: Level::Warning,
    title: "A sequence gives other numbers",
    what: "Type, bounds, increment, start or cycle of a sequence differ.",
    why: "It may run out, or give numbers that are already in use.",
    effect: "ShareRowExclusive lock on the sequence.",
    advice: "Compare its last value with the new bounds in production first.",
    source: "https://www.postgresql.org/docs/current/sql-altersequence.html",
    bad: Example { base: "CREATE SEQUENCE s;", head: "CREATE SEQUENCE s AS int CYCLE;" },
    good: Example {
        base: "CREATE SEQUENCE s;",
        head: "CREATE SEQUENCE s;
COMMENT ON SEQUENCE s IS 'numbers of invoices';",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Sequence {
        return None;
    }
    let telling = ["type", "minimum", "maximum", "increment", "start", "cycle"];
    let what: Vec<&str> = change.attributes.iter().map(|attribute| attribute.name).filter(|name| telling.contains(name)).collect();
    (!what.is_empty() && change.action != Action::Drop).then(|| {
        RULE.finding(facts, &change.object, format!("Sequence {} changes its {}.", look::name(&change.object), what.join(", ")))
    })
}
