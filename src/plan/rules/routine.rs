//! Functions, window functions, procedures and aggregates: replaced in place where CREATE OR REPLACE can.

use super::super::{
    native::{Actions, Context, Rule, Verdict},
    sql,
};
use crate::catalog::{Change, Kind, Object};

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
        let definition = change.attributes.iter().any(|attribute| attribute.name == "definition");
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

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP {}", sql::noun_and_name(object)));
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
        let arguments = change.attributes.iter().any(|attribute| attribute.name == "arguments");
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
