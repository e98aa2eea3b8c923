//! `view-loses-security`: a view no longer checks the rights of who reads it.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "view-loses-security",
    level: Level::Danger,
    title: "A view no longer checks the rights of who reads it",
    what: "A view has security_invoker or security_barrier in the base and not in the head.",
    why: "Its readers see what its owner sees: row security of the tables below is passed by.",
    effect: "AccessExclusive lock on the view for an instant.",
    advice: "Keep the option: `CREATE VIEW … WITH (security_invoker = true)`.",
    source: "https://www.postgresql.org/docs/current/sql-createview.html",
    bad: Example {
        base: "CREATE TABLE t (id int);
CREATE VIEW v WITH (security_invoker = true) AS SELECT id FROM t;",
        head: "CREATE TABLE t (id int);
CREATE VIEW v AS SELECT id FROM t;",
    },
    good: Example {
        base: "CREATE TABLE t (id int);
CREATE VIEW v AS SELECT id FROM t;",
        head: "CREATE TABLE t (id int);
CREATE VIEW v WITH (security_invoker = true) AS SELECT id FROM t;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::View || matches!(change.action, Action::Create | Action::Drop) {
        return None;
    }
    let (before, after) = (facts.in_base(&change.object)?, facts.target.objects.get(&change.object)?);
    let option = ["security_invoker", "security_barrier"]
        .into_iter()
        .find(|name| look::option_on(before, name) && !look::option_on(after, name))?;
    let sql = format!("ALTER VIEW {} SET ({option} = true);", look::qualified(&change.object.path, 2));
    Some(RULE.finding(facts, &change.object, format!("View {} loses {option}.", look::name(&change.object))).safer(sql))
}
