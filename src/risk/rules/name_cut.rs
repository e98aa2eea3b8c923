//! `name-cut`: a name may have been cut.

use crate::{
    catalog::{Action, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "name-cut",
    level: Level::Notice,
    title: "A name may have been cut",
    what: "A new object has a name of 63 bytes, the longest that Postgres keeps.",
    why: "Longer names are cut without an error; the rest of it is lost, and two may become one.",
    effect: "None.",
    advice: "Take a shorter name.",
    source: "https://squawkhq.com/docs/identifier-too-long",
    bad: Example {
        base: "",
        head: "CREATE TABLE t (id int PRIMARY KEY, a_column_with_a_name_that_is_so_long_that_postgres_cuts_it_at_its_end int);",
    },
    good: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, short int);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let new = facts.changes.iter().filter(|change| change.action == Action::Create).map(|change| &change.object);
    let columns = look::new_columns(facts);
    let mut objects: Vec<&ObjectId> =
        new.chain(columns.iter().map(|column| &column.id)).filter(|object| look::last_name(object).len() == 63).collect();
    objects.sort();
    objects.dedup();
    objects
        .into_iter()
        .map(|object| RULE.finding(facts, object, format!("The name {} may have been cut.", look::name(object))))
        .collect()
}
