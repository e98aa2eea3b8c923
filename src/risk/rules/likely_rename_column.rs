//! `likely-rename-column`: a column may have been renamed.

use std::collections::BTreeMap;

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look, types},
};

pub static RULE: Rule = Rule {
    id: "likely-rename-column",
    level: Level::Warning,
    title: "A column may have been renamed",
    what: "A column is dropped and one of the same type is created in the same table.",
    why: "If it was meant as a rename, the plan loses all its values: it drops the old column and adds an empty one.",
    effect: "As for a dropped column.",
    advice: "If it is a rename, say so with a note at the new column: `-- @renamed from=OLD_NAME`; or, for this pull request alone, in a comment: `/schemaproof rename OLD to NEW`. If it is not, nothing needs to be done.",
    source: "https://atlasgo.io/lint/analyzers",
    bad: Example { base: "CREATE TABLE t (id int, title text);", head: "CREATE TABLE t (id int, headline text);" },
    good: Example { base: "CREATE TABLE t (id int, title text);", head: "CREATE TABLE t (id int, title text, headline text);" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut dropped: BTreeMap<Option<&[String]>, Vec<&ObjectId>> = BTreeMap::new();
    for old in facts.dropped(Kind::Column) {
        dropped.entry(old.path.get(..2)).or_default().push(old);
    }
    facts
        .created(Kind::Column)
        .filter_map(|new| {
            let kind = look::text(new, "type")?;
            let same = |old: &&&ObjectId| {
                let old = facts.base.objects.get(**old).and_then(|old| look::text(old, "type"));
                old.is_some_and(|old| types::base(old) == types::base(kind))
            };
            let mut candidates = dropped.get(&new.id.path.get(..2))?.iter().filter(same);
            let old = candidates.next()?;
            let others = candidates.count();
            let or = if others > 0 { format!(" or one of {others} others") } else { String::new() };
            let message = format!(
                "Column {} is new, and {}{or} of the same type is dropped: a rename, perhaps. As planned, its values are lost.",
                look::name(&new.id),
                look::name(old)
            );
            Some(look::with_rename(facts, RULE.finding(facts, &new.id, message), old))
        })
        .collect()
}
