//! `disable-row-security`: row security is switched off.

use crate::{
    catalog::{Action, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "disable-row-security",
    level: Level::Danger,
    title: "Row security is switched off",
    what: "A table has row security (or its FORCE) in the base and not in the head.",
    why: "Everybody with a grant on the table sees and writes all its rows from then on: tenants see each other.",
    effect: "AccessExclusive lock on the table for an instant.",
    advice: "Keep row security on; give those who need all rows a policy, or a role with BYPASSRLS.",
    source: "https://www.postgresql.org/docs/current/ddl-rowsecurity.html",
    bad: Example {
        base: "CREATE TABLE t (id int);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
        head: "CREATE TABLE t (id int);",
    },
    good: Example {
        base: "CREATE TABLE t (id int);",
        head: "CREATE TABLE t (id int);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .changed(Kind::Table, Action::Alter)
        .filter_map(|change| {
            let (before, after) = (facts.in_base(&change.object)?, facts.target.objects.get(&change.object)?);
            let table = look::qualified(&change.object.path, 2);
            if look::row_security(before) && !look::row_security(after) {
                let message =
                    format!("Row security of {} is switched off: every grantee sees all rows.", look::name(&change.object));
                let sql = format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;");
                Some(RULE.finding(facts, &change.object, message).safer(sql))
            } else if look::force_row_security(before) && !look::force_row_security(after) {
                let message = format!("Row security of {} no longer holds for the table's owner.", look::name(&change.object));
                let sql = format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY;");
                Some(RULE.finding(facts, &change.object, message).safer(sql))
            } else {
                None
            }
        })
        .collect()
}
