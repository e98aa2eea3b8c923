//! `add-event-trigger`: an event trigger is added.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "add-event-trigger",
    level: Level::Warning,
    title: "An event trigger is added",
    what: "An event trigger is created or changed.",
    why: "It runs at every schema change of the whole database; an error in it refuses them all, its own removal included.",
    effect: "No lock.",
    advice: "Try it on a copy with every kind of change that you make.",
    source: "https://www.postgresql.org/docs/current/event-triggers.html",
    bad: Example {
        base: "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';",
        head: "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION e();",
    },
    good: Example { base: "", head: "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    (change.object.kind == Kind::EventTrigger && change.action != Action::Drop).then(|| {
        RULE.finding(facts, &change.object, format!("Event trigger {} runs at every schema change.", look::name(&change.object)))
    })
}
