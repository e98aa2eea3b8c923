//! `disable-trigger`: a trigger is disabled.

use crate::{
    catalog::{Action, Change, Kind, Object},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "disable-trigger",
    level: Level::Warning,
    title: "A trigger is disabled",
    what: "A trigger or event trigger fires in the base and does not in the head.",
    why: "What it kept up is no longer kept up, without any error.",
    effect: "ShareRowExclusive lock on the table for an instant.",
    advice: "Drop it if it is no longer needed; a disabled one is forgotten.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html",
    bad: Example {
        base: "CREATE TABLE t (id int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();",
        head: "CREATE TABLE t (id int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE t DISABLE TRIGGER touch;",
    },
    good: Example {
        base: "CREATE TABLE t (id int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();",
        head: "CREATE TABLE t (id int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE t ENABLE ALWAYS TRIGGER touch;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if !matches!(change.object.kind, Kind::Trigger | Kind::EventTrigger) || change.action == Action::Drop {
        return None;
    }
    let disabled = |object: &Object| matches!(look::text(object, "enabled"), Some("DISABLE"));
    let after = facts.target.objects.get(&change.object)?;
    let was = facts.in_base(&change.object).is_some_and(disabled);
    (disabled(after) && !was)
        .then(|| RULE.finding(facts, &change.object, format!("Trigger {} no longer fires.", look::name(&change.object))))
}
