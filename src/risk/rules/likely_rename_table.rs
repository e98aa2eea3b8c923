//! `likely-rename-table`: a table may have been renamed.

use std::collections::BTreeMap;

use crate::{
    catalog::Kind,
    plan::sql,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "likely-rename-table",
    level: Level::Warning,
    title: "A table may have been renamed",
    what: "A table is dropped and one with the same columns is created.",
    why: "If it was meant as a rename, the plan loses all its rows: it drops the old table and creates an empty one.",
    effect: "As for a dropped table.",
    advice: "If it is a rename, say so with a note at the new table: `-- @renamed from=OLD_NAME`; or, for this pull request alone, in a comment: `/schemaproof rename OLD to NEW`. If it is not, nothing needs to be done.",
    source: "https://atlasgo.io/lint/analyzers",
    bad: Example {
        base: "CREATE TABLE posts (id int PRIMARY KEY, title text);",
        head: "CREATE TABLE articles (id int PRIMARY KEY, title text);",
    },
    good: Example {
        base: "CREATE TABLE posts (id int PRIMARY KEY, title text);",
        head: "CREATE TABLE posts (id int PRIMARY KEY, title text);
CREATE TABLE articles (id int PRIMARY KEY, title text);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut dropped = BTreeMap::new();
    for old in facts.dropped(Kind::Table) {
        dropped.entry(look::columns(facts.base, old)).or_insert(old);
    }
    facts
        .created(Kind::Table)
        .filter_map(|new| {
            let columns = look::columns(facts.target, &new.id);
            let old = *dropped.get(&columns).filter(|_| !columns.is_empty())?;
            let message = format!(
                "Table {} is new, and {} with the same columns is dropped: a rename, perhaps. As planned, its rows are lost.",
                look::name(&new.id),
                look::name(old)
            );
            let finding = RULE.finding(facts, &new.id, message);
            let moves = facts.base.dialect.is_postgres() && old.path.first() != new.id.path.first();
            Some(match new.id.path.first().filter(|_| moves) {
                Some(schema) => {
                    finding.safer(format!("ALTER TABLE {} SET SCHEMA {};", look::qualified(&old.path, 2), sql::ident(schema)))
                }
                None => look::with_rename(facts, finding, old),
            })
        })
        .collect()
}
