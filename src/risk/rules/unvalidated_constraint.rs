//! `unvalidated-constraint`: a constraint is left unvalidated.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "unvalidated-constraint",
    level: Level::Notice,
    title: "A constraint is left unvalidated",
    what: "A constraint is NOT VALID in the head.",
    why: "Rows that were there before may break it, and the planner of queries cannot use it.",
    effect: "VALIDATE takes ShareUpdateExclusive: reads and writes go on.",
    advice: "Validate it in the next pull request.",
    source: "https://www.postgresql.org/docs/current/sql-altertable.html",
    bad: Example {
        base: "CREATE TABLE t (a int);",
        head: "CREATE TABLE t (a int);
ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;",
    },
    good: Example { base: "CREATE TABLE t (a int);", head: "CREATE TABLE t (a int, b int);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Constraint || change.action == Action::Drop {
        return None;
    }
    let constraint = facts.target.objects.get(&change.object)?;
    look::is_unvalidated(constraint).then(|| {
        let sql =
            format!("ALTER TABLE {} VALIDATE CONSTRAINT {};", look::relation_sql(&change.object), look::last_sql(&change.object));
        RULE.finding(facts, &change.object, format!("Constraint {} is not validated.", look::name(&change.object))).safer(sql)
    })
}
