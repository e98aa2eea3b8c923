//! `rename-column`: a column gets another name.

use crate::{
    catalog::{Action, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "rename-column",
    level: Level::Warning,
    title: "A column is renamed",
    what: "A note says that a column of the head had another name in the base.",
    why: "Applications that run while the plan does know the old name alone, and fail until they are all replaced.",
    effect: "AccessExclusive lock for an instant; no data is touched.",
    advice: "Release it in steps: let a view or a second column carry the old name until nobody uses it.",
    source: "https://squawkhq.com/docs/renaming-column",
    bad: Example { base: "CREATE TABLE t (id int, a int);", head: "CREATE TABLE t (id int,\n    b int -- @renamed from=a\n);" },
    good: Example { base: "CREATE TABLE t (id int, a int);", head: "CREATE TABLE t (id int, a int, note text);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let renamed = facts.changes.iter().filter(|change| change.action == Action::Rename && change.object.kind == Kind::Column);
    renamed
        .filter_map(|change| {
            let old = change.renamed_from.as_ref()?;
            let message = format!(
                "Column {} is renamed to {}: whoever uses the old name fails.",
                look::name(old),
                look::name(&change.object)
            );
            Some(RULE.finding(facts, &change.object, message))
        })
        .collect()
}
