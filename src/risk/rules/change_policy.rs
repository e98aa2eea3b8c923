//! `change-policy`: a row security policy changes.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-policy",
    level: Level::Warning,
    title: "A row security policy changes",
    what: "A policy is in base and head and differs. Danger when it turns from restrictive to permissive.",
    why: "Other rows are seen or written than before, by those whom it is for.",
    effect: "AccessExclusive lock on the table for an instant.",
    advice: "Let somebody who knows the tenants of this table look at it; test it with the roles that it is for.",
    source: "https://www.postgresql.org/docs/current/sql-alterpolicy.html",
    bad: Example {
        base: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user);",
        head: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (true);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user);",
        head: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user);
COMMENT ON POLICY own ON t IS 'tenants see their own';",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Policy || matches!(change.action, Action::Create | Action::Drop) {
        return None;
    }
    let (before, after) = (facts.in_base(&change.object)?, facts.target.objects.get(&change.object)?);
    let opened = look::is_true(before, "restrictive") && !look::is_true(after, "restrictive");
    let everything = look::text(after, "using") == Some("true") && look::text(before, "using") != Some("true");
    let what = if opened {
        "no longer restricts, it permits"
    } else if everything {
        "lets all rows pass"
    } else {
        "changes"
    };
    let level = if opened || everything { Level::Danger } else { Level::Warning };
    Some(RULE.finding(facts, &change.object, format!("Policy {} {what}.", look::name(&change.object))).at_level(level))
}
