//! `untracked-body`: a function may use what this plan drops.

use crate::{
    catalog::{Action, Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "untracked-body",
    level: Level::Notice,
    title: "A function may use what this plan drops",
    what: "A function or procedure whose body is a string stays, is new or changes, in a plan that drops or renames a relation, a column or a function of a schema.",
    why: "Postgres does not read such a body: nothing stops the drop, and the function fails when it is called.",
    effect: "None until the function is called.",
    advice: "Call the function after the plan in a test, or write it in standard SQL (`BEGIN ATOMIC`), whose body Postgres reads.",
    source: "https://www.postgresql.org/docs/current/ddl-depend.html",
    bad: Example {
        base: "CREATE TABLE t (id int PRIMARY KEY);
CREATE TABLE old (id int PRIMARY KEY);
CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS 'begin return (select count(*) from old); end';",
        head: "CREATE TABLE t (id int PRIMARY KEY);
CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS 'begin return (select count(*) from old); end';",
    },
    good: Example {
        base: "CREATE TABLE t (id int PRIMARY KEY);
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'begin return 1; end';",
        head: "CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'begin return 1; end';",
    },
    check,
};

const USED: [Kind; 7] =
    [Kind::Table, Kind::ForeignTable, Kind::View, Kind::MaterializedView, Kind::Column, Kind::Function, Kind::Procedure];
/// Functions that are named in the message.
const MOST_NAMED: usize = 3;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let gone = facts.changes.iter().filter(|change| USED.contains(&change.object.kind));
    let gone: Vec<&ObjectId> =
        gone.filter(|change| matches!(change.action, Action::Drop | Action::Rename)).map(|change| &change.object).collect();
    let Some(first) = gone.first() else { return Vec::new() };
    let routines = facts.target.objects.values().filter(|object| matches!(object.id.kind, Kind::Function | Kind::Procedure));
    let unread: Vec<&ObjectId> =
        routines.filter(|routine| routine.flag("unchecked") && !gone.contains(&&routine.id)).map(|routine| &routine.id).collect();
    if unread.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = unread.iter().take(MOST_NAMED).map(|id| look::name(id)).collect();
    let more = if unread.len() > MOST_NAMED { format!(" and {} more", unread.len() - MOST_NAMED) } else { String::new() };
    let others = if gone.len() > 1 { format!(" (and {} more)", gone.len() - 1) } else { String::new() };
    let use_it = if unread.len() == 1 { "uses" } else { "use" };
    let message =
        format!("Postgres does not know whether {}{more} {use_it} {}{others}, which goes.", names.join(", "), look::name(first));
    vec![RULE.finding(facts, first, message)]
}
