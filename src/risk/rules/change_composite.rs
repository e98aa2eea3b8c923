//! `change-composite`: the attributes of a composite type change.

use std::collections::BTreeSet;

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-composite",
    level: Level::Warning,
    title: "The attributes of a composite type change",
    what: "A composite type of the base has other attributes in the head.",
    why: "Functions and applications that take it apart by position or by name fail, or read something else.",
    effect: "Tables with a column of the type are locked; where an attribute in use changes its type, the column is made anew.",
    advice: "Make a new type, and move to it step by step.",
    source: "https://squawkhq.com/docs/ban-add-composite-attribute",
    bad: Example {
        base: "CREATE TYPE place AS (street text, town text);",
        head: "CREATE TYPE place AS (street text, town text, zip text);",
    },
    good: Example {
        base: "CREATE TYPE place AS (street text, town text);",
        head: "CREATE TYPE place AS (street text, town text);
CREATE TYPE place2 AS (street text, town text, zip text);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let whole =
        |attribute: &ObjectId| attribute.path.get(..2).map(|path| ObjectId { kind: Kind::Type, path: path.to_vec().into() });
    let attributes = facts.changes.iter().map(|change| &change.object).filter(|object| object.kind == Kind::Column);
    let types: BTreeSet<ObjectId> = attributes.filter_map(whole).filter(|id| facts.base.objects.contains_key(id)).collect();
    types
        .into_iter()
        .map(|id| RULE.finding(facts, &id, format!("The attributes of the composite type {} change.", look::name(&id))))
        .collect()
}
