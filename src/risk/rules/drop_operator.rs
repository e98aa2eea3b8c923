//! `drop-operator`: something that queries use by name is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-operator",
    level: Level::Danger,
    title: "Something that queries use by name is dropped",
    what: "An operator, operator class, cast, collation, text search object, language or access method of the base is not in the head.",
    why: "Queries and indexes that use it fail.",
    effect: "Depends on what uses it.",
    advice: "Move what uses it first and drop it in a later pull request.",
    source: "https://www.postgresql.org/docs/current/sql-commands.html",
    bad: Example { base: r#"CREATE COLLATION c FROM "C";"#, head: "" },
    good: Example { base: "", head: r#"CREATE COLLATION c FROM "C";"# },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [
        Kind::Operator,
        Kind::OperatorClass,
        Kind::OperatorFamily,
        Kind::Cast,
        Kind::Collation,
        Kind::Conversion,
        Kind::TextSearchConfiguration,
        Kind::TextSearchDictionary,
        Kind::TextSearchParser,
        Kind::TextSearchTemplate,
        Kind::Language,
        Kind::AccessMethod,
        Kind::Transform,
    ]
    .into_iter()
    .flat_map(|kind| facts.dropped(kind))
    .map(|object| RULE.finding(facts, object, format!("{} {} is dropped.", look::kind_title(object.kind), look::name(object))))
    .collect()
}
