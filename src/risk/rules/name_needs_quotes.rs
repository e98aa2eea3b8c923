//! `name-needs-quotes`: a new name has to be quoted.

use crate::{
    catalog::{Action, Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "name-needs-quotes",
    level: Level::Notice,
    title: "A new name has to be quoted",
    what: "A new schema, relation, type or column has a name that SQL takes only between double quotes: capitals, other signs, or a reserved word.",
    why: "Whoever forgets the quotes names something else, or gets an error; many tools forget them.",
    effect: "None.",
    advice: "Take small letters, digits and underscores, and no reserved word.",
    source: "https://atlasgo.io/lint/analyzers#naming-conventions-policy",
    bad: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, \"createdAt\" timestamptz);" },
    good: Example { base: "", head: "CREATE TABLE t (id int PRIMARY KEY, created_at timestamptz);" },
    check,
};

const NAMED: [Kind; 8] =
    [Kind::Schema, Kind::Table, Kind::ForeignTable, Kind::View, Kind::MaterializedView, Kind::Sequence, Kind::Type, Kind::Domain];

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let new = facts.changes.iter().filter(|change| matches!(change.action, Action::Create | Action::Rename));
    let new = new.map(|change| &change.object).filter(|object| NAMED.contains(&object.kind));
    let columns = look::new_columns(facts);
    let mut objects: Vec<&ObjectId> =
        new.chain(columns.iter().map(|column| &column.id)).filter(|object| look::last_sql(object).starts_with('"')).collect();
    objects.sort();
    objects.dedup();
    objects
        .into_iter()
        .map(|object| {
            RULE.finding(facts, object, format!("The name of {} has to be quoted wherever it is used.", look::name(object)))
        })
        .collect()
}
