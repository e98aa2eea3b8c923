//! `drop-function`: a function is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-function",
    level: Level::Danger,
    title: "A function is dropped",
    what: "A function, procedure or aggregate of the base is not in the head. Other argument types make another function.",
    why: "Every caller fails from that moment on: applications, triggers by dynamic SQL, other functions, whose bodies Postgres does not check.",
    effect: "No table is locked; grants on it are gone.",
    advice: "Keep the old function as a wrapper around the new one until nobody calls it.",
    source: "https://www.postgresql.org/docs/current/sql-dropfunction.html",
    bad: Example { base: "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';", head: "" },
    good: Example {
        base: "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';",
        head: "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 0';
CREATE FUNCTION f(a bigint) RETURNS bigint LANGUAGE sql AS 'SELECT a';",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Function, Kind::Procedure, Kind::Aggregate]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| {
            RULE.finding(
                facts,
                object,
                format!(
                    "{} {} is dropped; its callers fail{}.",
                    look::kind_title(object.kind),
                    look::name(object),
                    look::same_name(facts, object)
                ),
            )
        })
        .collect()
}
