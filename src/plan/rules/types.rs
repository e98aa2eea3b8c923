//! Enums, domains, composite and range types; base types: [`base_type`].
//!
//! What ALTER TYPE cannot do (an enum value removed or moved, a range's subtype, a domain's base type) is a swap: see [`super::swap`].

use std::collections::BTreeSet;

use super::{
    super::{
        native::{Actions, Context, Reaction, Rule, Verb, Verdict},
        sql,
    },
    base_type,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct TypeRule;

/// Whether `old` is in `new` in the same order.
fn extends(old: &[String], new: &[String]) -> bool {
    let mut rest = new.iter();
    old.iter().all(|value| rest.any(|other| other == value))
}

/// Whether columns of tables have this type, or one that is made of it.
pub fn in_tables(cx: &Context<'_>, id: &ObjectId) -> bool {
    cx.base.dependents(id).iter().any(|user| match (user.id.kind, &user.parent) {
        (Kind::Column, Some(whole)) if whole.kind == Kind::Type => in_tables(cx, whole),
        (Kind::Column, Some(whole)) => matches!(whole.kind, Kind::Table | Kind::ForeignTable | Kind::MaterializedView),
        (Kind::Type | Kind::Domain, _) => in_tables(cx, &user.id),
        _ => false,
    })
}

/// Whether values of a type of the base may stand in tables; `inside`: as a part of other values, and not as a column's own.
fn is_stored(cx: &Context<'_>, r#type: &Object, inside: bool) -> bool {
    let name = sql::qualified(&r#type.id.path);
    cx.base.dependents(&r#type.id).iter().any(|user| match (user.id.kind, &user.parent) {
        (Kind::Column, Some(whole)) if whole.kind == Kind::Type => {
            cx.base.get(whole).is_some_and(|whole| is_stored(cx, whole, false))
        }
        (Kind::Column, Some(whole)) if matches!(whole.kind, Kind::Table | Kind::MaterializedView | Kind::ForeignTable) => {
            !inside || user.text("bare_type") != Some(name.as_str())
        }
        (Kind::Domain, _) => is_stored(cx, user, inside && user.text("type") == Some(name.as_str())),
        (Kind::Type, _) => is_stored(cx, user, false),
        (Kind::Table, _) => !inside && user.text("of_type") == Some(name.as_str()),
        _ => false,
    })
}

/// Types that ALTER would change, but for what Postgres refuses: domains that get a condition while arrays or composite values in tables
/// hold theirs.
pub fn made_anew(cx: &Context<'_>) -> Vec<ObjectId> {
    let both = |id: &ObjectId| Some((cx.base.get(id)?, cx.target.get(id)?));
    let free = |id: &ObjectId| !cx.swapped.contains(id) && !cx.vanishes(id);
    let conditions = cx.created.iter().chain(cx.altered.keys()).chain(&cx.replaced).filter(|id| id.kind == Kind::Constraint);
    let conditions = conditions.filter_map(|id| cx.target.get(id)).filter(|check| check.flag("validated"));
    let not_null = cx.altered.keys().filter(|id| {
        id.kind == Kind::Domain && both(id).is_some_and(|(before, after)| after.flag("not_null") && !before.flag("not_null"))
    });
    let domains = conditions.filter_map(|check| check.parent.as_ref()).chain(not_null).filter(|id| id.kind == Kind::Domain);
    let held = domains.filter(|id| free(id) && both(id).is_some_and(|(before, _)| is_stored(cx, before, true)));
    held.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The id that a type has when it is a domain, and the other way round.
pub fn other_kind(id: &ObjectId) -> Option<ObjectId> {
    let kind = match id.kind {
        Kind::Type => Kind::Domain,
        Kind::Domain => Kind::Type,
        _ => return None,
    };
    Some(ObjectId { kind, path: id.path.clone() })
}

/// Types that become domains and domains that become other types, both ids, while something that stays is of that type.
pub fn of_another_kind(cx: &Context<'_>) -> Vec<(ObjectId, ObjectId)> {
    let pairs = cx.dropped.iter().filter_map(|old| Some((old.clone(), other_kind(old).filter(|new| cx.created.contains(new))?)));
    let stays = |user: &&Object| cx.target.get(&user.id).is_some();
    pairs.filter(|(old, _)| cx.base.dependents(old).iter().any(stays)).collect()
}

fn attribute_line(attribute: &Object) -> String {
    let collation = attribute.text("collation").map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
    format!("{} {}{collation}", sql::ident(attribute.id.name()), attribute.text("type").unwrap_or_default())
}

impl Rule for TypeRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Type]
    }

    fn verdict(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        if after.text("form") == Some("base") {
            let settable = change.attributes.iter().all(|attribute| base_type::is_settable(before, after, attribute));
            return if settable { Verdict::Alter } else { Verdict::Swap };
        }
        let only_values = change.attributes.iter().all(|attribute| matches!(attribute.name, "values" | "owner"));
        if only_values && extends(before.list("values"), after.list("values")) { Verdict::Alter } else { Verdict::Swap }
    }

    fn react(&self, _cx: &Context<'_>, _object: &Object, _need: &Object) -> Reaction {
        Reaction::Swap
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let name = sql::name(object);
        match object.text("form") {
            Some("enum") => {
                let values: Vec<&Object> = cx.target.parts_of(&object.id, Kind::EnumValue).collect();
                let labels: Vec<String> = object.list("values").iter().map(|value| sql::literal(value)).collect();
                out.create_with(object, &values, format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", ")));
            }
            Some("range") => {
                let mut options = vec![format!("SUBTYPE = {}", object.text("subtype").unwrap_or_default())];
                let named = [
                    ("opclass", "SUBTYPE_OPCLASS"),
                    ("collation", "COLLATION"),
                    ("canonical", "CANONICAL"),
                    ("subtype_diff", "SUBTYPE_DIFF"),
                ];
                for (attribute, option) in named {
                    if let Some(value) = object.text(attribute) {
                        options.push(format!("{option} = {value}"));
                    }
                }
                if let Some(multirange) = object.text("multirange") {
                    let schema = object.id.path.first().map_or("", String::as_str);
                    options.push(format!("MULTIRANGE_TYPE_NAME = {}", sql::qualified(&[schema, multirange])));
                }
                let shell = base_type::create_shell_of_range(cx, object, out);
                out.create(object, format!("CREATE TYPE {name} AS RANGE ({})", options.join(", "))).needs.extend(shell);
            }
            Some("base" | "shell") => base_type::create(cx, object, out),
            _ => {
                let attributes: Vec<&Object> = cx.target.parts_of(&object.id, Kind::Column).collect();
                let lines: Vec<String> = attributes.iter().map(|attribute| attribute_line(attribute)).collect();
                out.create_with(object, &attributes, format!("CREATE TYPE {name} AS ({})", lines.join(", ")));
            }
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        if base_type::is_base(after) {
            base_type::alter(cx, before, after, &change.attributes, out);
            return;
        }
        if !change.concerns("values") {
            return;
        }
        let (old, new) = (before.list("values"), after.list("values"));
        for (at, value) in new.iter().enumerate().filter(|(_, value)| !old.contains(value)) {
            let place = match at.checked_sub(1).and_then(|at| new.get(at)) {
                // After the last value there is: the plain form.
                Some(_) if new.get(at..).is_some_and(|rest| rest.iter().all(|value| !old.contains(value))) => String::new(),
                Some(previous) => format!(" AFTER {}", sql::literal(previous)),
                None => old.first().map(|first| format!(" BEFORE {}", sql::literal(first))).unwrap_or_default(),
            };
            let label = sql::literal(value);
            let action = out.alter(after, format!("ALTER TYPE {} ADD VALUE {label}{place}", sql::name(after)));
            action.new_value = Some(label);
            let mut path = after.id.path.clone();
            path.push(value.clone());
            action.creates.push(ObjectId { kind: Kind::EnumValue, path });
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        base_type::drop(cx, object, out);
    }
}

/// Enum values are changed by their type.
pub struct EnumValueRule;

impl Rule for EnumValueRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::EnumValue]
    }

    fn create(&self, _cx: &Context<'_>, _object: &Object, _out: &mut Actions<'_>) {}

    fn alter(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change, _out: &mut Actions<'_>) {}

    fn drop(&self, _cx: &Context<'_>, _object: &Object, _out: &mut Actions<'_>) {}
}

pub struct DomainRule;

impl Rule for DomainRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Domain]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change) -> Verdict {
        let swaps = change.attributes.iter().any(|attribute| matches!(attribute.name, "type" | "collation"));
        if swaps { Verdict::Swap } else { Verdict::Alter }
    }

    fn react(&self, _cx: &Context<'_>, _object: &Object, need: &Object) -> Reaction {
        match need.id.kind {
            // A relation is the type of its rows.
            Kind::Type
            | Kind::Domain
            | Kind::Collation
            | Kind::Table
            | Kind::ForeignTable
            | Kind::View
            | Kind::MaterializedView => Reaction::Swap,
            // A default that calls a function which is made anew.
            _ => Reaction::Alter("default"),
        }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let mut text = format!("CREATE DOMAIN {} AS {}", sql::name(object), object.text("type").unwrap_or_default());
        if let Some(collation) = object.text("collation") {
            text.push_str(&format!(" COLLATE {collation}"));
        }
        if let Some(default) = object.text("default") {
            text.push_str(&format!(" DEFAULT {default}"));
        }
        if object.flag("not_null") {
            // The old domain's constraint has the usual name for as long as it waits for its end.
            let usual = |name: &&str| *name == format!("{}_not_null", object.id.name()) && !cx.swapped.contains(&object.id);
            let named = object.text("not_null_name").filter(|name| !usual(name));
            text.push_str(&named.map(|name| format!(" CONSTRAINT {}", sql::ident(name))).unwrap_or_default());
            text.push_str(" NOT NULL");
        }
        let inside: Vec<&Object> =
            cx.target.parts_of(&object.id, Kind::Constraint).filter(|check| check.flag("validated")).collect();
        for check in &inside {
            text.push_str(&format!(" CONSTRAINT {} {}", sql::ident(check.id.name()), check.text("definition").unwrap_or_default()));
        }
        out.create_with(object, &inside, text);
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let domain = format!("ALTER DOMAIN {}", sql::name(after));
        for attribute in &change.attributes {
            match attribute.name {
                "default" => {
                    let calls: Vec<ObjectId> = before.needs.iter().filter(|need| cx.vanishes(need)).cloned().collect();
                    let first = before.attributes.contains_key("default") && !calls.is_empty();
                    if first {
                        let action = out.other(after, Verb::Drop, format!("{domain} DROP DEFAULT"));
                        action.alters.push(after.id.clone());
                        action.releases.extend(calls);
                    }
                    match after.text("default") {
                        Some(default) => {
                            let action = out.alter(after, format!("{domain} SET DEFAULT {default}"));
                            if first {
                                action.releases.clear();
                            }
                        }
                        None if first => {}
                        None => {
                            out.alter(after, format!("{domain} DROP DEFAULT"));
                        }
                    }
                }
                "not_null" if !after.flag("not_null") => {
                    out.alter(after, format!("{domain} DROP NOT NULL"));
                }
                "not_null" => {
                    let named = after.text("not_null_name").filter(|name| *name != format!("{}_not_null", after.id.name()));
                    match named {
                        Some(name) => out.alter(after, format!("{domain} ADD CONSTRAINT {} NOT NULL", sql::ident(name))),
                        None => out.alter(after, format!("{domain} SET NOT NULL")),
                    };
                }
                "not_null_name" if before.flag("not_null") && after.flag("not_null") => {
                    let (old, new) =
                        (before.text("not_null_name").unwrap_or_default(), after.text("not_null_name").unwrap_or_default());
                    out.alter(after, format!("{domain} RENAME CONSTRAINT {} TO {}", sql::ident(old), sql::ident(new)));
                }
                _ => {}
            }
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP DOMAIN {}", sql::name(object)));
    }
}
