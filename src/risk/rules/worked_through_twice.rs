//! `worked-through-twice`: a table is worked through more than once.

use std::collections::BTreeMap;

use crate::risk::{Example, Facts, Finding, Level, Rule, look};

pub static RULE: Rule = Rule {
    id: "worked-through-twice",
    level: Level::Notice,
    title: "A table is worked through more than once",
    what: "More than one step of the plan reads or rewrites the whole of a table that was there; building an index does not count.",
    why: "Each of them takes as long as the table is large, and the table stays locked for all of them.",
    effect: "Measured: tables read and rewritten by each step.",
    advice: "Put the actions into one ALTER TABLE, separated by commas: Postgres does them in one pass.",
    source: "https://kaveland.no/eugene/hints/W12/",
    bad: Example { base: "CREATE TABLE t (a int, b int);", head: "CREATE TABLE t (a bigint, b bigint);" },
    good: Example { base: "CREATE TABLE t (a int, b int);", head: "CREATE TABLE t (a bigint, b int);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut steps: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (step, effects) in facts.proof.iter().flat_map(|proof| proof.effects.iter().enumerate()) {
        // Indexes are built one by one, whatever is done.
        let scans = effects.scans.iter().filter(|_| effects.index_builds.is_empty());
        for relation in effects.rewrites.iter().chain(scans) {
            steps.entry(relation).or_default().push(step);
        }
    }
    steps
        .into_iter()
        .filter(|(_, steps)| steps.len() > 1)
        .map(|(relation, steps)| {
            let listed: Vec<String> = steps.iter().map(|step| (step + 1).to_string()).collect();
            let message = format!("Steps {} each read or write the whole of {}.", listed.join(", "), look::quoted(relation));
            let finding = RULE.finding(facts, &look::relation_named(facts, relation), message).at_step(steps[0]);
            match together(facts, relation, &steps) {
                Some(sql) => finding.safer(sql),
                None => finding,
            }
        })
        .collect()
}

/// One ALTER TABLE of several, where each is one of this table.
fn together(facts: &Facts<'_>, relation: &str, steps: &[usize]) -> Option<String> {
    let start = format!("ALTER TABLE {relation} ");
    let actions = steps.iter().map(|step| {
        let step = facts.plan.steps.get(*step).filter(|step| step.masked.is_none())?;
        step.sql.trim_end_matches(';').strip_prefix(&start).map(str::trim)
    });
    let actions: Vec<&str> = actions.collect::<Option<_>>()?;
    Some(format!("{}\n    {};", start.trim_end(), actions.join(",\n    ")))
}
