//! `schemaproof rules`: the rule catalogue.

use anyhow::bail;

use super::Exit;
use crate::{
    config,
    risk::{Rule, online, rules},
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof rules
  schemaproof rules drop-column")]
pub struct RulesArguments {
    /// Explain one rule
    rule: Option<String>,
}

pub fn rules(arguments: &RulesArguments) -> anyhow::Result<Exit> {
    match &arguments.rule {
        None => {
            let width = rules::RULES.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
            for rule in rules::RULES {
                let off = if rules::OPT_IN.contains(&rule.id) { " (off until it is given a level)" } else { "" };
                println!("{:width$}  {:7}  {}{off}", rule.id, rule.level, rule.title);
            }
        }
        Some(id) => match rules::by_id(id) {
            Some(rule) => explain(rule),
            None => {
                let suggestion = config::nearest(id, rules::RULES.iter().map(|rule| rule.id));
                bail!("there is no rule `{id}`{}", suggestion.map(|id| format!("; did you mean `{id}`?")).unwrap_or_default())
            }
        },
    }
    Ok(Exit::Pass)
}

fn explain(rule: &Rule) {
    println!("{} ({})\n{}\n", rule.id, rule.level, rule.title);
    for (heading, text) in [
        ("What it finds", rule.what),
        ("Why", rule.why),
        ("What Postgres does", rule.effect),
        ("What to do", &[Some(rule.advice), online::hint(rule.id)].into_iter().flatten().collect::<Vec<_>>().join(" ")),
        ("Found in", rule.bad.head),
        ("Not found in", rule.good.head),
        ("Source", rule.source),
    ] {
        println!("{heading}\n  {}\n", text.trim().replace('\n', "\n  "));
    }
}
