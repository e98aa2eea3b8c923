//! `security-definer`: a function runs with its owner’s rights on any search path.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "security-definer",
    level: Level::Warning,
    title: "A function runs with its owner’s rights on any search path",
    what: "A function that is new or changed is SECURITY DEFINER and does not set search_path.",
    why: "Whoever may create objects in a schema of the caller’s search path makes the function run their code with its owner’s rights.",
    effect: "None.",
    advice: "Add `SET search_path = pg_catalog, …` to the function, and revoke EXECUTE from PUBLIC.",
    source: "https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY",
    bad: Example { base: "", head: "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';" },
    good: Example {
        base: "",
        head: "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1';",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if !matches!(change.object.kind, Kind::Function | Kind::Procedure) || change.action == Action::Drop {
        return None;
    }
    let function = facts.target.objects.get(&change.object)?;
    let unsafe_ = look::is_security_definer(function) && !look::sets_search_path(function);
    unsafe_.then(|| {
        let sql = format!(
            "ALTER {} {} SET search_path = pg_catalog, public;",
            look::kind_words(change.object.kind).to_uppercase(),
            look::routine_sql(function)
        );
        let message = format!(
            "{} runs with its owner\u{2019}s rights, and whoever calls it chooses the search path.",
            look::name(&change.object)
        );
        RULE.finding(facts, &change.object, message).safer(sql)
    })
}
