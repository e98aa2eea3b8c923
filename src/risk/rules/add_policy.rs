//! `add-policy`: a row security policy is added.

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "add-policy",
    level: Level::Notice,
    title: "A row security policy is added",
    what: "A table that is there, and has row security in base and head, gets a policy. A warning when it is restrictive.",
    why: "A permissive policy lets more rows be seen or written than before, a restrictive one fewer.",
    effect: "AccessExclusive lock on the table for an instant.",
    advice: "Let somebody who knows the tenants of this table look at it; test it with the roles that it is for.",
    source: "https://squawkhq.com/docs/ban-create-policy",
    bad: Example {
        base: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user);",
        head: "CREATE TABLE t (id int, owner text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user);
CREATE POLICY public ON t FOR SELECT USING (owner IS NULL);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, owner text);",
        head: "CREATE TABLE t (id int, owner text);
CREATE TABLE u (id int, owner text);
ALTER TABLE u ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON u USING (owner = current_user);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let guarded = |path: &[String]| {
        let table = ObjectId { kind: Kind::Table, path: path.to_vec().into() };
        facts.in_base(&table).is_some_and(look::row_security) && facts.target.objects.get(&table).is_some_and(look::row_security)
    };
    facts
        .created(Kind::Policy)
        .filter(|policy| policy.id.path.get(..2).is_some_and(guarded))
        .map(|policy| {
            let (what, level) = match look::is_true(policy, "restrictive") {
                true => ("keeps rows from those who had them", Level::Warning),
                false => ("lets more rows be seen or written", Level::Notice),
            };
            RULE.finding(facts, &policy.id, format!("Policy {} {what}.", look::name(&policy.id))).at_level(level)
        })
        .collect()
}
