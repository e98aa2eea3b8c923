//! `foreign-key-without-index`: a new foreign key has no index.

use crate::{
    catalog::{Action, Change, Kind, Object},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "foreign-key-without-index",
    level: Level::Notice,
    title: "A new foreign key has no index",
    what: "No index begins with the columns of a foreign key that is new.",
    why: "Every delete or key update in the table that it refers to reads the whole referring table.",
    effect: "None.",
    advice: "Add an index on its columns.",
    source: "https://kaveland.no/eugene/hints/E15/",
    bad: Example {
        base: "CREATE TABLE o (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, o_id int);",
        head: "CREATE TABLE o (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, o_id int REFERENCES o);",
    },
    good: Example {
        base: "CREATE TABLE o (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, o_id int);",
        head: "CREATE TABLE o (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, o_id int REFERENCES o);
CREATE INDEX t_o_id ON t (o_id);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    if change.object.kind != Kind::Constraint || change.action != Action::Create {
        return None;
    }
    let key = facts.target.objects.get(&change.object)?;
    let columns = look::key_columns(look::definition(key));
    let covered = || {
        let list = columns.trim_end_matches(')');
        let begins = |other: &Object| {
            look::key_columns(look::definition(other)).strip_prefix(list).is_some_and(|rest| rest.starts_with([')', ',']))
        };
        let unique = |other: &&Object| {
            matches!(look::constraint_type(other), Some(look::ConstraintType::PrimaryKey | look::ConstraintType::Unique))
        };
        key.parent.as_ref().is_some_and(|table| {
            facts.indexes_of(table).any(begins) || facts.target.within(Kind::Constraint, table).filter(unique).any(begins)
        })
    };
    (look::constraint_type(key) == Some(look::ConstraintType::ForeignKey) && !covered()).then(|| {
        let sql = format!("CREATE INDEX CONCURRENTLY ON {} {columns};", look::relation_sql(&change.object));
        RULE.finding(facts, &change.object, format!("Foreign key {} has no index on its columns.", look::name(&change.object)))
            .safer(sql)
    })
}
