//! `add-grant`: somebody gets a privilege.

use crate::{
    catalog::Change,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "add-grant",
    level: Level::Notice,
    title: "Somebody gets a privilege",
    what: "A grant or default privilege is in the head and not in the base. A warning when everybody (PUBLIC) gets it.",
    why: "Who may read or write what is a decision, and easily missed among other changes.",
    effect: "No lock.",
    advice: "Let somebody who answers for access look at it; give privileges to roles, not to PUBLIC.",
    source: "https://www.postgresql.org/docs/current/ddl-priv.html",
    bad: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
GRANT SELECT ON t TO PUBLIC;",
    },
    good: Example { base: "CREATE TABLE t (id int);", head: "CREATE TABLE t (id int, a int);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let (gained, _) = look::privileges(facts, change)?;
    if gained.is_empty() {
        return None;
    }
    let everybody = look::is_public(facts, &change.object);
    let message = format!("{}: {} granted.", look::name(&change.object), look::listed(&gained));
    Some(RULE.finding(facts, &change.object, message).at_level(if everybody { Level::Warning } else { Level::Notice }))
}
