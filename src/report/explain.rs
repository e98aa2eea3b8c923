//! What a rule is about, as Markdown: its page in `docs/rules`, and the answer to `/schemaproof explain RULE`.
//!
//! Made of the rule's own words alone, which are ours. It knows no report.

use std::fmt::Write as _;

use crate::{
    report::{safe, words},
    risk::{Example, Rule, online, rules},
};

/// All of it, with headings of this depth for its title (`#` is 1).
pub fn rule(rule: &Rule, depth: usize) -> String {
    let heading = "#".repeat(depth);
    let mut out = format!(
        "{heading} {}: {}\n\nLevel: {}{}\n\n{}\n\n**Why.** {}\n\n**Effect.** {}\n\n**Instead.** {}\n",
        rule.id,
        rule.title,
        words::level(rule.level),
        if rules::OPT_IN.contains(&rule.id) { ", and off until the configuration gives it a level" } else { "" },
        rule.what,
        rule.why,
        rule.effect,
        [Some(rule.advice), online::hint(rule.id)].into_iter().flatten().collect::<Vec<_>>().join(" ")
    );
    out.push_str(&example(&heading, "What it finds", &rule.bad));
    out.push_str(&example(&heading, "What it lets pass", &rule.good));
    let _ = write!(
        out,
        "\n{heading}# Accepting it\n\n```sql\n-- schemaproof: allow {0} OBJECT the reason\n```\n\nor in the configuration\n\n```yaml\n\
         policy:\n  rules:\n    {0}: off\n```\n\nSource: <{1}>\n",
        rule.id, rule.source
    );
    out
}

/// The answer to somebody who asked for a rule, by its own name or by one that is near it.
pub fn answer(asked: &str, found: &Rule) -> String {
    let near = match asked == found.id {
        true => String::new(),
        false => format!("There is no rule {}; this is the one with the nearest name.\n\n", safe::code(asked)),
    };
    format!(
        "{near}{}\n<sub>Asked for with `/schemaproof explain {}`. The level is the rule's own; the configuration may set another.</sub>\n",
        rule(found, 3),
        found.id
    )
}

fn example(heading: &str, title: &str, example: &Example) -> String {
    if example.base.is_empty() && example.head.is_empty() {
        return String::new();
    }
    let block = |name: &str, sql: &str| {
        let sql = if sql.is_empty() { "-- (nothing)" } else { sql.trim_end() };
        format!("\n{name}:\n\n```sql\n{sql}\n```\n")
    };
    format!("\n{heading}# {title}\n{}{}", block("Before", example.base), block("After", example.head))
}
