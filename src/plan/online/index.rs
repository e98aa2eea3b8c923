//! Indexes: built and dropped concurrently. One that changes is built under another name, before the old one goes.
//!
//! The index of a partitioned table cannot be built so: it is made for that table alone, and those of its partitions, which can, are
//! attached.

use super::{
    super::{
        Recovery,
        native::{Action, Actions, Context, Stage},
        rules, sql,
    },
    in_use, slow,
};
use crate::catalog::{Kind, Object, ObjectId};

/// Makes an index, `text` being the plain statement.
pub fn create(cx: &Context<'_>, object: &Object, text: String, out: &mut Actions<'_>) {
    let on_table = object.parent.as_ref().is_some_and(|whole| in_use(cx, whole));
    let name = object.id.name();
    let parts = ["UNIQUE ", ""].into_iter().find_map(|unique| {
        let rest = text.strip_prefix(&format!("CREATE {unique}INDEX {} ON ", sql::ident(name)))?;
        Some((object.id.path.first()?, unique, rest))
    });
    let Some((schema, unique, rest)) = parts.filter(|_| on_table && !object.flag("partitioned")) else {
        without_whole(object, out.create(object, text));
        return;
    };
    let beside = is_taken(cx, object);
    let first = if beside { sql::interim(name, "new") } else { name.to_owned() };
    let action = out.create(object, format!("CREATE {unique}INDEX CONCURRENTLY {} ON {rest}", sql::ident(&first)));
    concurrently(action, schema, &first);
    without_whole(object, action);
    if beside {
        let built = ObjectId::new(Kind::Index, [schema.as_str(), &first]);
        action.creates = vec![built.clone()];
        let text = format!("ALTER INDEX {} RENAME TO {}", sql::qualified(&built.path), sql::ident(name));
        let action = out.create(object, text);
        without_whole(object, action);
        action.needs.push(built);
    }
}

/// What an index of a partition is attached to need not be there when it is built.
pub fn without_whole(object: &Object, action: &mut Action) {
    if object.text("attached_to").is_some() {
        action.needs.retain(|need| {
            !matches!(need.kind, Kind::Index | Kind::Constraint | Kind::Table) || Some(need) == object.parent.as_ref()
        });
    }
}

/// Makes an action one of CREATE INDEX CONCURRENTLY, which leaves an invalid index behind when it fails.
pub(super) fn concurrently(action: &mut Action, schema: &str, name: &str) {
    slow(action, Stage::Early);
    action.transactional = false;
    action.recovery = Some(Recovery::Before(drop_left(schema, name)));
}

/// Drops what CREATE INDEX CONCURRENTLY left behind when it failed.
pub fn drop_left(schema: &str, name: &str) -> String {
    format!("DROP INDEX CONCURRENTLY IF EXISTS {}", sql::qualified(&[schema, name]))
}

/// Whether an index of the base has the name that this index or constraint is to have, and is of use until then.
pub(super) fn is_taken(cx: &Context<'_>, object: &Object) -> bool {
    let (Some(schema), name) = (object.id.path.first(), object.id.name()) else { return false };
    let index = cx.base.get(&ObjectId::new(Kind::Index, [schema.as_str(), name]));
    let key = object.parent.as_ref().and_then(|whole| {
        let mut path = whole.path.clone();
        path.push(name.to_owned());
        cx.base.get(&ObjectId { kind: Kind::Constraint, path })
    });
    index.is_some_and(|index| !index.flag("invalid")) || key.is_some_and(|key| matches!(key.text("form"), Some("p" | "u" | "x")))
}

/// Drops an index concurrently; false when it is to be done plainly.
pub fn drop(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) -> bool {
    let on_table = object.parent.as_ref().is_some_and(|whole| in_use(cx, whole));
    if !on_table || object.flag("partitioned") {
        return false;
    }
    let action = out.drop(object, format!("DROP INDEX CONCURRENTLY {}", sql::name(object)));
    rules::index::after_detach(cx, object, action);
    slow(action, if object.flag("invalid") { Stage::Early } else { Stage::Last });
    action.transactional = false;
    let again = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", sql::name(object));
    action.recovery = Some(Recovery::Instead(again));
    true
}
