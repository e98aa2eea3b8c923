//! Base types, and ranges with a canonical function: made of functions that are made of the type, so a shell of the type comes first, then
//! the functions, then the type itself.
//!
//! What goes with the type goes by its CASCADE: its functions alone, all else is gone by then.

use super::{
    super::{
        native::{Actions, Context, Side, Verb, stands_for},
        sql,
    },
    swap,
};
use crate::catalog::{AttributeChange, Kind, Object, ObjectId};

/// Attributes that `ALTER TYPE ... SET` changes, and the option's name.
const SETTABLE: &[(&str, &str)] = &[
    ("receive", "RECEIVE"),
    ("send", "SEND"),
    ("typmod_in", "TYPMOD_IN"),
    ("typmod_out", "TYPMOD_OUT"),
    ("analyze", "ANALYZE"),
    ("subscript", "SUBSCRIPT"),
    ("storage", "STORAGE"),
];

/// All others: what CREATE TYPE has besides.
const FIXED: &[(&str, &str)] = &[
    ("input", "INPUT"),
    ("output", "OUTPUT"),
    ("length", "INTERNALLENGTH"),
    ("alignment", "ALIGNMENT"),
    ("element", "ELEMENT"),
    ("category", "CATEGORY"),
    ("delimiter", "DELIMITER"),
    ("default", "DEFAULT"),
];

/// Written as strings.
const LITERALS: &[&str] = &["category", "delimiter", "default"];

pub fn is_base(object: &Object) -> bool {
    object.text("form") == Some("base")
}

/// Stands for the shell of a type being there.
fn shell(id: &ObjectId) -> ObjectId {
    stands_for("shell", id)
}

/// The functions of a type that have the type in their signature.
pub fn functions<'a>(side: &Side<'a>, of: &Object) -> Vec<&'a Object> {
    let needed = of.needs.iter().filter(|need| need.kind == Kind::Function).filter_map(|need| side.get(need));
    needed.filter(|function| function.needs.contains(&of.id)).collect()
}

/// The type of the base that a function is such a function of.
fn whose<'a>(cx: &Context<'a>, function: &'a Object) -> Option<&'a Object> {
    let types = function.needs.iter().filter(|need| need.kind == Kind::Type).filter_map(|need| cx.base.get(need));
    types.into_iter().find(|of| of.needs.contains(&function.id))
}

/// Makes a type's shell, after which its functions can be made; answers with what stands for it.
fn create_shell(object: &Object, out: &mut Actions<'_>) -> ObjectId {
    let action = out.create(object, format!("CREATE TYPE {}", sql::name(object)));
    action.needs.retain(|need| need.kind == Kind::Schema);
    action.creates.push(shell(&object.id));
    shell(&object.id)
}

/// Makes the shell of a range type, where its canonical function needs one.
pub fn create_shell_of_range(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) -> Option<ObjectId> {
    (!functions(&cx.target, object).is_empty()).then(|| create_shell(object, out))
}

pub fn create(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let name = sql::name(object);
    let shell_there = cx.base.get(&object.id).is_some_and(|before| before.text("form") == Some("shell")) && !cx.appears(&object.id);
    if !shell_there {
        create_shell(object, out);
    }
    if object.text("form") == Some("shell") {
        return;
    }
    let mut options = Vec::new();
    for (attribute, option) in FIXED.iter().chain(SETTABLE) {
        if let Some(value) = object.text(attribute) {
            let value = if LITERALS.contains(attribute) { sql::literal(value) } else { value.to_owned() };
            options.push(format!("{option} = {value}"));
        }
    }
    for (attribute, option) in
        [("by_value", "PASSEDBYVALUE"), ("preferred", "PREFERRED = true"), ("collatable", "COLLATABLE = true")]
    {
        if object.flag(attribute) {
            options.push(option.to_owned());
        }
    }
    let action = out.create(object, format!("CREATE TYPE {name} (\n    {}\n)", options.join(",\n    ")));
    action.needs.push(shell(&object.id));
    if shell_there {
        action.creates.clear();
        action.alters.push(object.id.clone());
    }
}

/// Whether ALTER TYPE makes this change.
pub fn is_settable(before: &Object, after: &Object, change: &AttributeChange) -> bool {
    match change.name {
        "owner" => true,
        "form" => before.text("form") == Some("shell"),
        "storage" => after.text("storage") != Some("plain"),
        name => SETTABLE.iter().any(|(attribute, _)| *attribute == name) || before.text("form") == Some("shell"),
    }
}

pub fn alter(cx: &Context<'_>, before: &Object, after: &Object, changes: &[AttributeChange], out: &mut Actions<'_>) {
    if before.text("form") == Some("shell") {
        create(cx, after, out);
        return;
    }
    let mut options = Vec::new();
    for change in changes {
        if let Some((attribute, option)) = SETTABLE.iter().find(|(attribute, _)| *attribute == change.name) {
            options.push(format!("{option} = {}", after.text(attribute).unwrap_or("NONE")));
        }
    }
    if !options.is_empty() {
        out.alter(after, format!("ALTER TYPE {} SET ({})", sql::name(after), options.join(", ")));
    }
}

pub fn drop(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let functions = functions(&cx.base, object);
    let cascade = if functions.is_empty() { "" } else { " CASCADE" };
    let action = out.drop(object, format!("DROP TYPE {}{cascade}", sql::name(object)));
    for function in functions {
        let parts = cx.base.descendants(&function.id);
        action.destroys.extend(std::iter::once(function).chain(parts).map(|gone| gone.id.clone()));
        action.releases.extend(function.parent.iter().chain(&function.needs).cloned());
    }
    let destroyed = action.destroys.clone();
    action.releases.retain(|need| !destroyed.contains(need));
}

/// Drops a function of a type with it, or renames it away with it; false when it is no such function.
pub fn takes_along(cx: &Context<'_>, function: &Object, out: &mut Actions<'_>) -> bool {
    let Some(of) = cx.base.get(&function.id).and_then(|function| whose(cx, function)) else { return false };
    if cx.swapped.contains(&of.id) {
        let plain = function.id.name().split('(').next().unwrap_or_default();
        let renamed = swap::old_id(&ObjectId::new(Kind::Function, [plain]));
        let text = format!("ALTER {} RENAME TO {}", sql::noun_and_name(function), sql::ident(renamed.name()));
        let action = out.other(function, Verb::Drop, text);
        action.destroys.push(function.id.clone());
        // Its signature names the type.
        action.releases.push(of.id.clone());
        return true;
    }
    cx.vanishes(&of.id)
}

/// Lets the functions of new types be made of their shells.
pub fn frame(cx: &Context<'_>, out: &mut Actions<'_>) {
    let shells: Vec<ObjectId> =
        out.all.iter().flat_map(|action| &action.creates).filter(|id| id.kind == Kind::Setting).cloned().collect();
    for object in cx.target.catalog.of_kind(Kind::Type) {
        let mark = shell(&object.id);
        if !shells.contains(&mark) {
            continue;
        }
        let functions: Vec<&ObjectId> = functions(&cx.target, object).into_iter().map(|function| &function.id).collect();
        for action in out.all.iter_mut().filter(|action| action.creates.iter().any(|id| functions.contains(&id))) {
            action.needs.retain(|need| *need != object.id);
            action.needs.push(mark.clone());
        }
    }
}
