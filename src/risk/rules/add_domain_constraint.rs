//! `add-domain-constraint`: a constraint is added to a domain.

use crate::{
    catalog::{Action, Change, Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "add-domain-constraint",
    level: Level::Warning,
    title: "A constraint is added to a domain",
    what: "A check is added to a domain that is there in the base, or the domain becomes NOT NULL.",
    why: "One value of any column of the domain that does not fulfil it makes the statement fail.",
    effect: "Share lock on every table with a column of the domain while it is read.",
    advice: "Add it NOT VALID, and validate it in a transaction of its own; or put the check on the tables.",
    source: "https://squawkhq.com/docs/ban-alter-domain-with-add-constraint",
    bad: Example {
        base: "CREATE DOMAIN code AS text;",
        head: "CREATE DOMAIN code AS text CONSTRAINT short CHECK (length(VALUE) < 9);",
    },
    good: Example {
        base: "CREATE DOMAIN code AS text;",
        head: "CREATE DOMAIN code AS text;
CREATE DOMAIN other AS text CHECK (length(VALUE) < 9);",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.changes.iter().filter_map(|change| finding(facts, change)).collect()
}

fn finding(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let domain = ObjectId { kind: Kind::Domain, path: change.object.path.get(..2)?.to_vec().into() };
    let before = facts.base.objects.get(&domain)?;
    let after = facts.target.objects.get(&domain)?;
    let message = match (change.object.kind, change.action) {
        (Kind::Constraint, Action::Create | Action::Replace) => {
            format!("Check {} is added to a domain; all its values are looked at.", look::name(&change.object))
        }
        (Kind::Domain, Action::Alter) if !look::is_not_null(before) && look::is_not_null(after) => {
            format!("Domain {} becomes NOT NULL.", look::name(&domain))
        }
        _ => return None,
    };
    Some(RULE.finding(facts, &change.object, message))
}
