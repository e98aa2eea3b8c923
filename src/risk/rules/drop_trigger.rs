//! `drop-trigger`: a trigger is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-trigger",
    level: Level::Warning,
    title: "A trigger is dropped",
    what: "A trigger of a table or view that stays is not in the head.",
    why: "What it kept up (timestamps, history, derived values, checks) is no longer kept up, without any error.",
    effect: "AccessExclusive lock on the table for an instant.",
    advice: "Make sure that the application or another trigger does its work before it goes.",
    source: "https://www.postgresql.org/docs/current/sql-droptrigger.html",
    bad: Example {
        base: "CREATE TABLE t (id int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();",
        head: "CREATE TABLE t (id int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';",
    },
    good: Example {
        base: "CREATE TABLE t (id int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();",
        head: "CREATE TABLE t (id int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Trigger]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| {
            RULE.finding(facts, object, format!("Trigger {} is dropped; what it kept up is no longer kept up.", look::name(object)))
        })
        .collect()
}
