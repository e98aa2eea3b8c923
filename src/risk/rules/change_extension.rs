//! `change-extension`: an extension changes.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-extension",
    level: Level::Warning,
    title: "An extension changes",
    what: "An extension has another version or schema in the head.",
    why: "A new version may change functions and types that queries use, and rarely goes back.",
    effect: "Locks on its members.",
    advice: "Read its release notes, and try the update on a copy of production.",
    source: "https://www.postgresql.org/docs/current/sql-alterextension.html",
    bad: Example {
        base: "CREATE EXTENSION pg_trgm SCHEMA public;",
        head: "CREATE SCHEMA ext;
CREATE EXTENSION pg_trgm SCHEMA ext;",
    },
    good: Example {
        base: "CREATE EXTENSION pg_trgm;",
        head: "CREATE EXTENSION pg_trgm;
CREATE TABLE t (id int);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    (change.object.kind == Kind::Extension && matches!(change.action, Action::Alter | Action::Replace)).then(|| {
        let what: Vec<&str> = change.attributes.iter().map(|attribute| attribute.name).collect();
        RULE.finding(facts, &change.object, format!("Extension {} changes its {}.", look::name(&change.object), what.join(" and ")))
    })
}
