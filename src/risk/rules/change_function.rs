//! `change-function`: a function changes.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-function",
    level: Level::Notice,
    title: "A function changes",
    what: "The body or an option (volatility, strictness, rights, settings) of a function, procedure or aggregate differs.",
    why: "Whoever calls it gets something else from then on: triggers, policies, generated columns and expression indexes too, whose stored values stay as they are.",
    effect: "No lock on tables.",
    advice: "See who calls it. Where an index or a generated column is made with it, build that anew.",
    source: "https://squawkhq.com/docs/ban-replace-view-function",
    bad: Example {
        base: "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1';",
        head: "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 2';",
    },
    good: Example {
        base: "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1';",
        head: "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1';
CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'select 2';",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let routine = matches!(change.object.kind, Kind::Function | Kind::Procedure | Kind::Aggregate);
    let differs = change.attributes.iter().any(|attribute| attribute.name != "owner");
    let changes = matches!(change.action, Action::Alter | Action::Replace) && differs;
    (routine && changes).then(|| {
        let kind = look::kind_title(change.object.kind);
        RULE.finding(
            facts,
            &change.object,
            format!("{kind} {} changes: its callers get something else.", look::name(&change.object)),
        )
    })
}
