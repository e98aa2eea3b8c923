//! Replacing a type that columns use: the old one is renamed away, the new one made, columns are moved over, the old one dropped.
//!
//! It does not say which columns are moved: their rule reacts to the swap.

use super::{
    super::{
        native::{Actions, Context, Verb},
        sql,
    },
    base_type,
};
use crate::catalog::{Kind, Object, ObjectId};

/// The name under which the old type waits for its end.
pub fn old_id(id: &ObjectId) -> ObjectId {
    let mut old = id.clone();
    if let Some(name) = old.path.last_mut() {
        *name = sql::interim(name, "old");
    }
    old
}

/// Renames the type away and drops it in the end. What needs the new one comes after it is made, by the dependencies of its making.
pub fn swap(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let old = old_id(&before.id);
    let noun = sql::noun(before.id.kind);
    let rename = out.other(before, Verb::Drop, format!("ALTER {noun} {} RENAME TO {}", sql::name(before), sql::ident(old.name())));
    // Gone under its name: what is made under that name comes later. Whoever still uses it does so by OID.
    rename.destroys.push(before.id.clone());
    if let (Some(multirange), Some(schema)) = (before.text("multirange"), before.id.path.first()) {
        let id = ObjectId::new(before.id.kind, [schema.as_str(), multirange]);
        let name = sql::ident(old_id(&id).name());
        let rename = out.other(before, Verb::Drop, format!("ALTER TYPE {} RENAME TO {name}", sql::qualified(&id.path)));
        rename.destroys.push(before.id.clone());
    }
    // A range type's constructors keep their names when the type is renamed, and would be in the way of the new one's.
    if let (Some("range"), Some(subtype), Some(schema)) = (before.text("form"), before.text("subtype"), before.id.path.first()) {
        let name = sql::name(before);
        let mut constructors =
            vec![(before.id.name(), format!("{subtype}, {subtype}")), (before.id.name(), format!("{subtype}, {subtype}, text"))];
        if let Some(multirange) = before.text("multirange") {
            constructors.extend([
                (multirange, String::new()),
                (multirange, name.clone()),
                (multirange, format!("VARIADIC {name}[]")),
            ]);
        }
        for (function, arguments) in constructors {
            let id = ObjectId::new(before.id.kind, [schema.as_str(), function]);
            let new = sql::ident(old_id(&id).name());
            let rename =
                out.other(before, Verb::Drop, format!("ALTER FUNCTION {}({arguments}) RENAME TO {new}", sql::qualified(&id.path)));
            rename.releases.push(before.id.clone());
        }
    }
    let mut gone = Object::new(old.clone());
    gone.needs.clone_from(&before.needs);
    // Its functions are renamed away too, and go with it.
    let along: Vec<ObjectId> = base_type::functions(&cx.base, before).into_iter().map(|function| function.id.clone()).collect();
    let cascade = if along.is_empty() { "" } else { " CASCADE" };
    let drop = out.other(&gone, Verb::Drop, format!("DROP {noun} {}{cascade}", sql::qualified(&old.path)));
    drop.needs.push(after.id.clone());
    drop.destroys.push(old);
    let parts = cx.base.descendants(&before.id);
    drop.releases.extend(parts.iter().flat_map(|part| &part.needs).chain(&before.needs).map(|need| cx.old(need)));
    // A domain's default must not hold a function that goes before the domain's successor is made.
    let goes = |need: &&ObjectId| matches!(need.kind, Kind::Function | Kind::Aggregate | Kind::Operator) && cx.vanishes(need);
    let computed: Vec<ObjectId> = match (before.id.kind, before.text("default")) {
        (Kind::Domain, Some(_)) => before.needs.iter().filter(goes).map(|need| cx.old(need)).collect(),
        _ => Vec::new(),
    };
    drop.releases.retain(|need| !computed.contains(need));
    drop.releases.retain(|need| !along.contains(need));
    if !computed.is_empty() {
        let action = out.other(before, Verb::Drop, format!("ALTER {noun} {} DROP DEFAULT", sql::name(before)));
        action.releases.extend(computed.into_iter().chain([before.id.clone()]));
    }
}
