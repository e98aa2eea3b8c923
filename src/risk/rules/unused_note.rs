//! `unused-note`: a note in the SQL does nothing.

use crate::risk::{Example, Facts, Finding, Level, Rule};

pub static RULE: Rule = Rule {
    id: "unused-note",
    level: Level::Warning,
    title: "A note in the SQL does nothing",
    what: "A note `-- schemaproof: allow RULE …` in the head matches no finding, or gives no reason.",
    why: "It looks as if something had been accepted; and it would accept the next finding of its rule.",
    effect: "None.",
    advice: "Remove the note, or mend its rule, object or reason.",
    source: "https://github.com/sbdchd/squawk#disabling-rules-via-comments",
    bad: Example { base: "", head: "-- schemaproof: allow drop-table nothing is dropped here" },
    good: Example {
        base: "CREATE TABLE t (id int);",
        head: "-- schemaproof: allow drop-table moved to the archive
",
    },
    check,
};

/// Notes are matched with findings after all rules: see `risk::note`.
fn check(_: &Facts<'_>) -> Vec<Finding> {
    Vec::new()
}
