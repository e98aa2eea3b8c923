//! `not-covered`: something is not analysed.

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "not-covered",
    level: Level::Warning,
    title: "Something is not analysed",
    what: "The completeness check found objects in pg_catalog that no reader reads.",
    why: "A change to them is not planned. pg_dump alone judges whether they are equal.",
    effect: "None.",
    advice: "Look at them by hand, and report the kind of object so that it is read.",
    source: "https://www.postgresql.org/docs/current/catalogs.html",
    bad: Example { base: "", head: "" },
    good: Example { base: "", head: "" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let missing: std::collections::BTreeSet<&String> = facts.base.not_covered.iter().chain(&facts.target.not_covered).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let named: Vec<String> = missing.iter().take(5).map(|object| look::quoted(object)).collect();
    let more = missing.len().saturating_sub(named.len());
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    let object = ObjectId { kind: Kind::Database, path: vec!["database".into()].into() };
    vec![RULE.finding(facts, &object, format!("Not analysed: {}{tail}.", named.join(", ")))]
}
