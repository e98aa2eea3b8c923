//! `change-view`: the query of a view changes.

use crate::{
    catalog::{Action, Change, Kind},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "change-view",
    level: Level::Notice,
    title: "The query of a view changes",
    what: "A view or materialized view is in base and head, and its query or an option of it differs.",
    why: "Whoever reads it gets other rows or values from then on.",
    effect: "AccessExclusive lock on the view for an instant; a materialized view is made and filled anew.",
    advice: "See who reads it. A view of another name beside it lets readers move one by one.",
    source: "https://squawkhq.com/docs/ban-replace-view-function",
    bad: Example {
        base: "CREATE TABLE t (id int);
CREATE VIEW v AS SELECT id FROM t;",
        head: "CREATE TABLE t (id int);
CREATE VIEW v AS SELECT id FROM t WHERE id > 0;",
    },
    good: Example {
        base: "CREATE TABLE t (id int);
CREATE VIEW v AS SELECT id FROM t;",
        head: "CREATE TABLE t (id int);
CREATE VIEW v AS SELECT id FROM t;
CREATE VIEW w AS SELECT id FROM t WHERE id > 0;",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let view = matches!(change.object.kind, Kind::View | Kind::MaterializedView);
    let differs = change.attributes.iter().any(|attribute| attribute.name != "owner");
    let changes = matches!(change.action, Action::Alter | Action::Replace) && differs;
    (view && changes).then(|| {
        let kind = look::kind_title(change.object.kind);
        RULE.finding(
            facts,
            &change.object,
            format!("{kind} {} changes: its readers get something else.", look::name(&change.object)),
        )
    })
}
