//! `new-domain-constraint`: a new domain has a constraint.

use crate::{
    catalog::{Kind, ObjectId},
    risk::{Example, Facts, Finding, Level, Rule, look},
};

pub static RULE: Rule = Rule {
    id: "new-domain-constraint",
    level: Level::Notice,
    title: "A new domain has a constraint",
    what: "A domain is created with a check, or as NOT NULL.",
    why: "Another check later looks at all values of every table that uses the domain, in one statement, and a NOT NULL domain lets NULL through where a join makes one.",
    effect: "None: it is about later.",
    advice: "Put the check on the columns of the tables.",
    source: "https://squawkhq.com/docs/ban-create-domain-with-constraint",
    bad: Example { base: "", head: "CREATE DOMAIN code AS text CONSTRAINT short CHECK (length(VALUE) < 9);" },
    good: Example {
        base: "",
        head: "CREATE DOMAIN code AS text;
CREATE TABLE t (id int PRIMARY KEY, c code CHECK (length(c) < 9));",
    },
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let has_check = |domain: &ObjectId| facts.target.of_kind(Kind::Constraint).any(|part| part.parent.as_ref() == Some(domain));
    facts
        .created(Kind::Domain)
        .filter(|domain| look::is_not_null(domain) || has_check(&domain.id))
        .map(|domain| {
            let message = format!("Changing the constraint of {} later reads every table that uses it.", look::name(&domain.id));
            RULE.finding(facts, &domain.id, message)
        })
        .collect()
}
