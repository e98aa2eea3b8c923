//! `add-enum-value`: an enum gets a value more.

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "add-enum-value",
    level: Level::Notice,
    title: "An enum gets a value more",
    what: "An enum type of the base has a value in the head that it had not.",
    why: "Applications that know the old values alone fail when they read the new one, and a value cannot be taken away again in place.",
    effect: "None on tables. The new value cannot be used in the transaction that adds it.",
    advice: "Release what knows the value first; then add it; then write it.",
    source: "https://squawkhq.com/docs/ban-add-enum-value",
    bad: Example { base: "CREATE TYPE mood AS ENUM ('sad', 'glad');", head: "CREATE TYPE mood AS ENUM ('sad', 'glad', 'proud');" },
    good: Example {
        base: "CREATE TYPE mood AS ENUM ('sad', 'glad');",
        head: "CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE state AS ENUM ('new', 'done');",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let existed = |path: &[String]| facts.base.objects.contains_key(&ObjectId { kind: Kind::Type, path: path.to_vec().into() });
    facts
        .created(Kind::EnumValue)
        .filter(|value| value.id.path.get(..2).is_some_and(existed))
        .map(|value| {
            let message = format!("The value {} is new: who reads the type has to know it.", look::name(&value.id));
            RULE.finding(facts, &value.id, message)
        })
        .collect()
}
