//! `drop-event-trigger`: an event trigger is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-event-trigger",
    level: Level::Warning,
    title: "An event trigger is dropped",
    what: "An event trigger of the base is not in the head.",
    why: "What it watched or refused is no longer watched or refused.",
    effect: "No lock.",
    advice: "Make sure that nothing relies on it.",
    source: "https://www.postgresql.org/docs/current/sql-dropeventtrigger.html",
    bad: Example {
        base: "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION e();",
        head: "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';",
    },
    good: Example { base: "", head: "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::EventTrigger]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| RULE.finding(facts, object, format!("Event trigger {} is dropped.", look::name(object))))
        .collect()
}
