//! `drop-publication`: a publication or subscription is dropped.

use crate::{
    catalog::Kind,
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "drop-publication",
    level: Level::Danger,
    title: "A publication or subscription is dropped",
    what: "A publication or subscription of the base is not in the head.",
    why: "Replication of its tables stops; a subscription’s slot may stay behind and keep the log for ever.",
    effect: "No lock on tables.",
    advice: "Tell the other side first, and see to the slot.",
    source: "https://www.postgresql.org/docs/current/logical-replication.html",
    bad: Example { base: "CREATE PUBLICATION p FOR ALL TABLES;", head: "" },
    good: Example { base: "", head: "CREATE PUBLICATION p FOR ALL TABLES;" },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    [Kind::Publication, Kind::Subscription]
        .into_iter()
        .flat_map(|kind| facts.dropped(kind))
        .map(|object| {
            RULE.finding(
                facts,
                object,
                format!("{} {} is dropped: replication stops.", look::kind_title(object.kind), look::name(object)),
            )
        })
        .collect()
}
