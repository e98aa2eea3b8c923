//! Functions, window functions, procedures and aggregates: replaced in place where CREATE OR REPLACE can.
//!
//! Postgres does not know what a body written as a string refers to, and takes it unread. But an index, a check or a materialized view
//! may run it at once: so a routine comes after what its body seems to name, where nothing speaks against it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        native::{Actions, Context, Rule, Verdict},
        sql,
    },
    base_type,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct RoutineRule;

/// What CREATE OR REPLACE FUNCTION refuses: another result, other names of arguments that had names, fewer defaults, another kind.
fn needs_drop(before: &Object, after: &Object) -> bool {
    let same = |name: &str| before.details.get(name) == after.details.get(name);
    let renamed = before
        .list("input_names")
        .iter()
        .enumerate()
        .any(|(at, name)| !name.is_empty() && after.list("input_names").get(at) != Some(name));
    renamed
        || !same("result")
        || !same("window")
        || !same("output_names")
        || !same("all_types")
        || before.list("modes").iter().ne(after.list("modes"))
        || after.integer("defaults") < before.integer("defaults")
}

impl Rule for RoutineRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Function, Kind::Procedure]
    }

    fn verdict(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let definition = change.concerns("definition");
        if definition && needs_drop(before, after) { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let definition = object.text("definition").unwrap_or_default();
        let action = out.create(object, definition.replacen("CREATE OR REPLACE ", "CREATE ", 1));
        action.unchecked_body = object.flag("unchecked");
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        let action = out.alter(after, after.text("definition").unwrap_or_default());
        action.unchecked_body = after.flag("unchecked");
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if !base_type::takes_along(cx, object, out) {
            out.drop(object, format!("DROP {}", sql::noun_and_name(object)));
        }
    }
}

/// Words of a body that may be names, as Postgres folds them: what stands in strings too, for it may be run.
fn words(body: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut rest = body;
    while let Some(at) = rest.find(|letter: char| letter == '"' || letter == '_' || letter.is_alphabetic()) {
        rest = &rest[at..];
        if let Some(inside) = rest.strip_prefix('"') {
            let end = inside.find('"').unwrap_or(inside.len());
            words.insert(inside[..end].to_owned());
            rest = inside.get(end + 1..).unwrap_or_default();
        } else {
            let end = rest.find(|letter: char| letter != '_' && letter != '$' && !letter.is_alphanumeric()).unwrap_or(rest.len());
            words.insert(rest[..end].to_ascii_lowercase());
            rest = &rest[end..];
        }
    }
    words
}

/// Lets routines come after what the plan makes and their bodies seem to name.
pub fn frame(out: &mut Actions<'_>) {
    let mut made: BTreeMap<String, Vec<ObjectId>> = BTreeMap::new();
    for id in out.all.iter().flat_map(|action| &action.creates) {
        let name = match id.kind {
            Kind::Function | Kind::Procedure | Kind::Aggregate => id.name().split('(').next().unwrap_or_default(),
            Kind::Table
            | Kind::ForeignTable
            | Kind::View
            | Kind::MaterializedView
            | Kind::Sequence
            | Kind::Type
            | Kind::Domain
            | Kind::Column => id.name(),
            _ => continue,
        };
        made.entry(name.to_owned()).or_default().push(id.clone());
    }
    for action in out.all.iter_mut().filter(|action| action.unchecked_body) {
        let words = words(&action.sql);
        let named = words.iter().filter_map(|word| made.get(word)).flatten().filter(|id| {
            // A column's name alone says nothing.
            id.kind != Kind::Column || id.path.iter().rev().nth(1).is_some_and(|whole| words.contains(whole))
        });
        action.prefers = named.filter(|id| **id != action.subject).cloned().collect();
    }
}

pub struct AggregateRule;

fn aggregate(object: &Object, how: &str) -> String {
    let name = object.text("name").unwrap_or_default();
    let arguments = object.text("arguments").unwrap_or_default();
    format!("{how} AGGREGATE {name}({arguments}) (\n    {}\n)", object.list("options").join(",\n    "))
}

impl Rule for AggregateRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Aggregate]
    }

    fn verdict(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let same = |name: &str| before.details.get(name) == after.details.get(name);
        let arguments = change.concerns("arguments");
        if arguments || !same("kind") || !same("result") { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, aggregate(object, "CREATE"));
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        out.alter(after, aggregate(after, "CREATE OR REPLACE"));
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP {}", sql::noun_and_name(object)));
    }
}
