//! `drop-policy`: a row security policy is dropped.

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-policy",
    level: Level::Danger,
    title: "A row security policy is dropped",
    what: "A policy of a table that stays is not in the head. Danger while row security is on; a notice where it is off.",
    why: "A permissive policy that goes hides rows from those who saw them; a restrictive one that goes shows rows to those who must not see them.",
    effect: "AccessExclusive lock on the table for an instant.",
    advice: "Create what takes its place in the same transaction, and let somebody who knows the tenants of this table look at it.",
    source: "https://www.postgresql.org/docs/current/ddl-rowsecurity.html",
    bad: Example {
        base: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user);",
        head: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
    },
    good: Example {
        base: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user);",
        head: "CREATE TABLE t (id int, owner text, note text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .dropped(Kind::Policy)
        .map(|policy| {
            let table = ObjectId { kind: Kind::Table, path: look::relation_of(policy).unwrap_or_default().into() };
            let on = facts.base.objects.get(&table).is_some_and(look::row_security);
            let message = if on {
                format!("Policy {} is dropped while row security is on: other rows are seen than before.", look::name(policy))
            } else {
                format!("Policy {} is dropped; row security is off on its table.", look::name(policy))
            };
            RULE.finding(facts, policy, message).at_level(if on { Level::Danger } else { Level::Notice })
        })
        .collect()
}
