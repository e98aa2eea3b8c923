//! `remove-grant`: somebody loses a privilege.

use crate::{
    catalog::Change,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "remove-grant",
    level: Level::Warning,
    title: "Somebody loses a privilege",
    what: "A grant or default privilege of the base is not in the head.",
    why: "Applications that use the role fail with 42501 from that moment on.",
    effect: "No lock.",
    advice: "Make sure that nobody uses the privilege any more.",
    source: "https://www.postgresql.org/docs/current/ddl-priv.html",
    bad: Example {
        base: "CREATE TABLE t (id int);
GRANT SELECT ON t TO PUBLIC;",
        head: "CREATE TABLE t (id int);",
    },
    good: Example {
        base: "CREATE TABLE t (id int);
GRANT SELECT ON t TO PUBLIC;",
        head: "CREATE TABLE t (id int, a int);
GRANT SELECT ON t TO PUBLIC;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let (_, lost) = look::privileges(facts, change)?;
    if lost.is_empty() {
        return None;
    }
    let message = format!("{}: {} revoked.", look::name(&change.object), look::listed(&lost));
    Some(RULE.finding(facts, &change.object, message))
}
