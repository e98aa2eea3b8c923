//! `table-without-row-security`: a new table has no row security where others have it.

use crate::{
    catalog::{Action, Change, Kind, Object},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "table-without-row-security",
    level: Level::Warning,
    title: "A new table has no row security where others have it",
    what: "A table is created without row security in a schema in which most tables have it.",
    why: "Forgotten more often than meant: everybody with a grant sees all rows.",
    effect: "None.",
    advice: "Switch row security on and write its policies in the same pull request.",
    source: "https://www.postgresql.org/docs/current/ddl-rowsecurity.html",
    bad: Example {
        base: "CREATE TABLE a (id int);
ALTER TABLE a ENABLE ROW LEVEL SECURITY;",
        head: "CREATE TABLE a (id int);
ALTER TABLE a ENABLE ROW LEVEL SECURITY;
CREATE TABLE b (id int);",
    },
    good: Example {
        base: "CREATE TABLE a (id int);
ALTER TABLE a ENABLE ROW LEVEL SECURITY;",
        head: "CREATE TABLE a (id int);
ALTER TABLE a ENABLE ROW LEVEL SECURITY;
CREATE TABLE b (id int);
ALTER TABLE b ENABLE ROW LEVEL SECURITY;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Table || change.action != Action::Create {
        return None;
    }
    let table = facts.target.objects.get(&change.object)?;
    let schema = change.object.path.first();
    let others: Vec<&Object> = facts.base.of_kind(Kind::Table).filter(|other| other.id.path.first() == schema).collect();
    let secured = others.iter().filter(|other| look::row_security(other)).count();
    if look::row_security(table) || secured * 2 <= others.len() || look::text(table, "partition_of").is_some() {
        return None;
    }
    let message = format!(
        "Table {} has no row security; {secured} of {} tables of its schema have it.",
        look::name(&change.object),
        others.len()
    );
    let sql = format!("ALTER TABLE {} ENABLE ROW LEVEL SECURITY;", look::qualified(&change.object.path, 2));
    Some(RULE.finding(facts, &change.object, message).safer(sql))
}
