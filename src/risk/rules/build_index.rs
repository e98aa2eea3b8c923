//! `build-index`: an index is built while writes wait.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "build-index",
    level: Level::Warning,
    title: "An index is built while writes wait",
    what: "An index is created or made anew, not concurrently, on a table that is there in the base.",
    why: "Nobody writes to the table until the index is built, which on a large table takes minutes or hours.",
    effect: "Share lock on the table. `CREATE INDEX CONCURRENTLY` takes ShareUpdateExclusive: reads and writes go on.",
    advice: "Create it with `CONCURRENTLY`, outside of a transaction.",
    source: "https://squawkhq.com/docs/require-concurrent-index-creation",
    bad: Example {
        base: "CREATE TABLE t (id int, a int);",
        head: "CREATE TABLE t (id int, a int);
CREATE INDEX t_a ON t (a);",
    },
    good: Example {
        base: "CREATE TABLE t (id int, a int);",
        head: "CREATE TABLE t (id int, a int);
CREATE TABLE new_one (a int);
CREATE INDEX new_one_a ON new_one (a);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    // One that changes is built anew where the replay saw that.
    let changed = facts.changes.iter().filter(|change| change.object.kind == Kind::Index && change.action != Action::Drop);
    let built = |change: &&Change| {
        let measured = || facts.step_for(&change.object).and_then(|step| facts.effects(step));
        change.action == Action::Create || measured().is_some_and(|effects| !effects.index_builds.is_empty())
    };
    changed
        .filter(built)
        .filter_map(|change| facts.target.objects.get(&change.object))
        .filter_map(|index| {
            let step = facts.step_for(&index.id);
            // What runs outside of a transaction is the concurrent form.
            if step.and_then(|step| facts.plan.steps.get(step)).is_some_and(|step| !step.transactional) {
                return None;
            }
            let table = look::table_of_index(index).filter(|table| facts.relation_existed(&table.path))?;
            let message = format!(
                "Index {} is built while writes to {} wait{}.",
                look::name(&index.id),
                look::name(&table),
                look::rows_read(facts, &index.id)
            );
            let finding = RULE.finding(facts, &index.id, message);
            Some(match look::concurrently(index) {
                Some(sql) => finding.safer(sql),
                None => finding,
            })
        })
        .collect()
}
