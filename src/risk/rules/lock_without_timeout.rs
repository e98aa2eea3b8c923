//! `lock-without-timeout`: a lock is waited for without a limit.

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "lock-without-timeout",
    level: Level::Notice,
    title: "A lock is waited for without a limit",
    what: "A step takes a lock that keeps writers out of a table that is there. Said once for a plan.",
    why: "While it waits behind a long transaction, everybody who comes after it waits too, readers included where it is AccessExclusive.",
    effect: "Measured: the locks of each step.",
    advice: "Run `SET lock_timeout = '5s'` first and try again when it fails; `schemaproof apply` does both.",
    source: "https://kaveland.no/eugene/hints/E9/",
    bad: Example { base: "CREATE TABLE t (id int);", head: "CREATE TABLE t (id int, note text);" },
    good: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
CREATE TABLE u (id int);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    const KEEPS_WRITERS_OUT: [&str; 4] = ["ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"];
    let effects = facts.proof.iter().flat_map(|proof| proof.effects.iter().enumerate());
    let mut waiting = effects.filter_map(|(step, effects)| {
        let lock = effects.locks.iter().find(|lock| KEEPS_WRITERS_OUT.contains(&lock.mode.as_str()))?;
        Some((step, lock))
    });
    let Some((step, lock)) = waiting.next() else { return Vec::new() };
    let more = match waiting.count() {
        0 => String::new(),
        1 => ", and one more step does".into(),
        n => format!(", and {n} more steps do"),
    };
    let message = format!("Step {} waits for {} on {} without a limit{more}.", step + 1, lock.mode, look::quoted(&lock.relation));
    vec![RULE.finding(facts, &look::relation_named(facts, &lock.relation), message).at_step(step).safer("SET lock_timeout = '5s';")]
}
