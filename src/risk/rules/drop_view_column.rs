//! `drop-view-column`: a column of a view is dropped.

use crate::{
    catalog::{Action, Change, Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-view-column",
    level: Level::Danger,
    title: "A column of a view is dropped",
    what: "A column of a view or materialized view that stays is not in the head.",
    why: "Queries that name it fail, and the view has to be made anew.",
    effect: "AccessExclusive lock on the view.",
    advice: "Keep the column (as NULL, if need be) until nobody reads it.",
    source: "https://www.postgresql.org/docs/current/sql-createview.html",
    bad: Example {
        base: "CREATE TABLE t (a int, b int);
CREATE VIEW v AS SELECT a, b FROM t;",
        head: "CREATE TABLE t (a int, b int);
CREATE VIEW v AS SELECT a FROM t;",
    },
    good: Example {
        base: "CREATE TABLE t (a int, b int);
CREATE VIEW v AS SELECT a FROM t;",
        head: "CREATE TABLE t (a int, b int);
CREATE VIEW v AS SELECT a, b FROM t;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let view = change.object.path.get(..2).map(<[String]>::to_vec)?;
    let is_view = [Kind::View, Kind::MaterializedView]
        .into_iter()
        .any(|kind| facts.base.objects.contains_key(&ObjectId { kind, path: view.clone().into() }));
    (change.object.kind == Kind::Column && change.action == Action::Drop && is_view).then(|| {
        RULE.finding(
            facts,
            &change.object,
            format!("Column {} of a view is dropped; queries that name it fail.", look::name(&change.object)),
        )
    })
}
