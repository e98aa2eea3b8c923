//! `locks-held-together`: a lock is held over slow work.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "locks-held-together",
    level: Level::Notice,
    title: "A lock is held over slow work",
    what: "In one transaction, a step reads, rewrites or indexes a whole table while an AccessExclusive lock of an earlier step on another table is still held.",
    why: "The earlier table can be neither read nor written until the slow step has ended.",
    effect: "Measured: locks and work of each step of the transaction.",
    advice: "Run the slow step in a transaction of its own.",
    source: "https://kaveland.no/eugene/hints/E9/",
    bad: Example {
        base: "CREATE TABLE a (id int);
CREATE TABLE b (id int);
INSERT INTO b VALUES (1);",
        head: "CREATE TABLE a (id int, x int);
CREATE TABLE b (id bigint);
INSERT INTO b VALUES (1);",
    },
    good: Example { base: "CREATE TABLE a (id int);", head: "CREATE TABLE a (id int, x int);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut held: Option<(usize, &str)> = None;
    let mut group = None;
    let mut found = Vec::new();
    for (at, step) in facts.plan.steps.iter().enumerate() {
        if group != Some(step.group) {
            (group, held) = (Some(step.group), None);
        }
        let Some(effects) = facts.effects(at) else { continue };
        let worked: Vec<&String> = effects.rewrites.iter().chain(&effects.scans).collect();
        if let Some((first, relation)) = held
            && worked.iter().any(|other| other.as_str() != relation)
        {
            let message = format!(
                "Step {} works on a whole table while {} stays locked since step {}.",
                at + 1,
                look::quoted(relation),
                first + 1
            );
            found.push(RULE.finding(facts, &look::relation_named(facts, relation), message).at_step(at));
            held = None;
            continue;
        }
        let lock = effects.locks.iter().find(|lock| lock.mode == "AccessExclusiveLock");
        held = held.or_else(|| lock.filter(|_| step.transactional).map(|lock| (at, lock.relation.as_str())));
    }
    found
}
