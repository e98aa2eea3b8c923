//! `enable-row-security`: row security is switched on.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "enable-row-security",
    level: Level::Warning,
    title: "Row security is switched on",
    what: "A table of the base gets ROW LEVEL SECURITY, or its FORCE. Danger when the head has no policy for it.",
    why: "Everybody but the owner (with FORCE, the owner too) sees and writes only what a policy lets through; without any policy, nothing.",
    effect: "AccessExclusive lock for an instant.",
    advice: "Create the policies in the same change, and test them with the roles that the applications connect as.",
    source: "https://squawkhq.com/docs/ban-alter-row-level-security",
    bad: Example {
        base: "CREATE TABLE t (id int, owner text);",
        head: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
    },
    good: Example {
        base: "CREATE TABLE t (id int, owner text);",
        head: "CREATE TABLE t (id int, owner text);
CREATE TABLE u (id int, owner text);
ALTER TABLE u ENABLE ROW LEVEL SECURITY;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let table = &change.object;
    if table.kind != Kind::Table || matches!(change.action, Action::Create | Action::Drop) {
        return None;
    }
    let (before, after) = (facts.in_base(table)?, facts.target.objects.get(table)?);
    let on = look::row_security(after) && !look::row_security(before);
    let forced = look::force_row_security(after) && look::row_security(after) && !look::force_row_security(before);
    if !on && !forced {
        return None;
    }
    let policies = facts.target.within(Kind::Policy, table).next().is_some();
    let who = if forced { "everybody, its owner too," } else { "everybody but its owner" };
    let (what, level) = match policies {
        true => ("only the rows that a policy lets through", Level::Warning),
        false => ("no row any more: it has no policy", Level::Danger),
    };
    let message = format!("Row security is switched on for {}: {who} sees {what}.", look::name(table));
    Some(RULE.finding(facts, table, message).at_level(level))
}
