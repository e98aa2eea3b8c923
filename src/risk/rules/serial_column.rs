//! `serial-column`: a new column is serial.

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "serial-column",
    level: Level::Notice,
    title: "A new column is serial",
    what: "A new column takes its values from a sequence of its own by DEFAULT, as `serial` makes it.",
    why: "Its sequence has an owner and grants of its own: who may insert into the table may not use it until that is granted too, and a value given by hand is taken again by the sequence.",
    effect: "None: it is about later.",
    advice: "Take `GENERATED ALWAYS AS IDENTITY`.",
    source: "https://squawkhq.com/docs/prefer-identity",
    bad: Example { base: "", head: "CREATE TABLE t (id bigserial PRIMARY KEY);" },
    good: Example { base: "", head: "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let owned = |column: &ObjectId| {
        let sequences = facts.target.of_kind(Kind::Sequence);
        sequences
            .filter(|sequence| sequence.parent.as_ref() == Some(column))
            .map(|sequence| sequence.id.clone())
            .collect::<Vec<_>>()
    };
    let is_serial = |column: &ObjectId| {
        let default = ObjectId { kind: Kind::Default, path: column.path.clone() };
        let uses = facts.target.objects.get(&default).map(|default| default.needs.clone()).unwrap_or_default();
        owned(column).iter().any(|sequence| uses.contains(sequence))
    };
    look::new_columns(facts)
        .into_iter()
        .filter(|column| is_serial(&column.id))
        .map(|column| {
            let message = format!("Column {} takes its values from a sequence with rights of its own.", look::name(&column.id));
            RULE.finding(facts, &column.id, message)
        })
        .collect()
}
