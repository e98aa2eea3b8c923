//! Replacing a type that columns use: the old one is renamed away, the new one made, columns are moved over, the old one dropped.
//!
//! It does not say which columns are moved: their rule reacts to the swap.

use super::super::{
    native::{Actions, Verb},
    sql,
};
use crate::catalog::{Object, ObjectId};

/// The name under which the old type waits for its end: at most 63 bytes.
pub fn old_id(id: &ObjectId) -> ObjectId {
    let mut old = id.clone();
    if let Some(name) = old.path.last_mut() {
        let mut end = name.len().min(58);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name.push_str("__old");
    }
    old
}

/// Renames the type away and drops it in the end. What needs the new one comes after it is made, by the dependencies of its making.
pub fn swap(before: &Object, out: &mut Actions<'_>) {
    let old = old_id(&before.id);
    let noun = sql::noun(before.id.kind);
    let rename = out.other(before, Verb::Drop, format!("ALTER {noun} {} RENAME TO {}", sql::name(before), sql::ident(old.name())));
    // Gone under its name: what is made under that name comes later. Whoever still uses it does so by OID.
    rename.destroys.push(before.id.clone());
    let mut gone = Object::new(old.clone());
    gone.needs.clone_from(&before.needs);
    let drop = out.other(&gone, Verb::Drop, format!("DROP {noun} {}", sql::qualified(&old.path)));
    drop.needs.push(before.id.clone());
    drop.destroys.push(old);
    drop.releases.clone_from(&before.needs);
}
