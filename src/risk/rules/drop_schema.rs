//! `drop-schema`: a schema is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-schema",
    level: Level::Danger,
    title: "A schema is dropped",
    what: "A schema of the base is not in the head.",
    why: "Everything in it is gone with it: tables and their rows, functions, types.",
    effect: "AccessExclusive locks on every relation in it.",
    advice: "Move what is still needed with `ALTER … SET SCHEMA`, release that, and drop the empty schema later.",
    source: "https://www.postgresql.org/docs/current/sql-dropschema.html",
    bad: Example {
        base: "CREATE SCHEMA archive;
CREATE TABLE archive.t (id int);",
        head: "",
    },
    good: Example {
        base: "CREATE SCHEMA archive;",
        head: "CREATE SCHEMA archive;
COMMENT ON SCHEMA archive IS 'to be dropped in 2.6';",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Schema]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| RULE.finding(facts, object, format!("Schema {} is dropped with everything in it.", look::name(object))))
        .collect()
}
