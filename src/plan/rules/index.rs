//! Indexes, and how those of partitions hang on their parent's.

use super::{
    super::{
        native::{Action, Actions, Context, Reaction, Rule, Side, Verb, Verdict, stands_for},
        online, sql,
    },
    constraint, table,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct IndexRule;

/// The name of the index itself: a constraint's is named like it, in its table's schema.
fn index_name(object: &Object) -> String {
    match (object.id.path.first(), object.id.path.last()) {
        (Some(schema), Some(name)) => sql::qualified(&[schema, name]),
        _ => String::new(),
    }
}

/// Whether `object`, an index or key of a partition, is attached to this one of the table above.
pub fn hangs_on(object: &Object, above: &Object) -> bool {
    matches!(above.id.kind, Kind::Index | Kind::Constraint)
        && object.text("attached_to").is_some_and(|name| name == index_name(above))
}

/// The index or key above of one that vanishes from a partition that stays: Postgres lets it go only with the one above.
pub fn carrier(cx: &Context<'_>, id: &ObjectId) -> Option<ObjectId> {
    let object = cx.base.get(id).filter(|object| object.text("attached_to").is_some())?;
    let stays = object.parent.as_ref().is_some_and(|whole| table::stays_child(cx, whole));
    let above = object.needs.iter().filter_map(|need| cx.base.get(need)).find(|need| hangs_on(object, need))?;
    (stays && !cx.vanishes(&above.id) && cx.target.get(&above.id).is_some()).then(|| above.id.clone())
}

/// What becomes of an index or key when something it needs goes.
pub fn react(cx: &Context<'_>, object: &Object, need: &Object) -> Reaction {
    let stays = || object.parent.as_ref().is_some_and(|whole| table::stays_child(cx, whole));
    // A partition that is detached keeps its own.
    if hangs_on(object, need) && !stays() { Reaction::Nothing } else { Reaction::Replace }
}

/// Stands for an index or key of a partition being attached.
fn attached(id: &ObjectId) -> ObjectId {
    stands_for("attached", id)
}

/// Indexes and keys of the table above, of the target, that a partition has no part of: they are made without looking at partitions, after this
/// one is attached, for attaching would make it one.
pub fn unmatched_above<'a>(cx: &Context<'a>, child: &'a Object) -> Vec<&'a Object> {
    let indexes = |table: &ObjectId| {
        let keyed = |part: &&&Object| part.id.kind == Kind::Index || matches!(part.text("form"), Some("p" | "u" | "x"));
        cx.target.parts(table).iter().filter(keyed).copied().collect::<Vec<_>>()
    };
    if child.text("partition_of").is_none() {
        return Vec::new();
    }
    let own = indexes(&child.id);
    let above = table::parents(&cx.target, child).flat_map(|parent| indexes(&parent.id));
    above.filter(|above| !own.iter().any(|index| hangs_on(index, above) && is_whole(&cx.target, index))).collect()
}

/// Whether every partition below has its part of an index or key: attaching a table takes no other for a part of the one above.
fn is_whole(side: &Side<'_>, index: &Object) -> bool {
    let Some(whole) = index.parent.as_ref() else { return true };
    let parts = side.dependents(&index.id);
    table::children(side, whole).into_iter().all(|child| {
        parts.iter().any(|part| hangs_on(part, index) && part.parent.as_ref() == Some(&child.id) && is_whole(side, part))
    })
}

/// What an index or key of a partitioned table waits for: partitions that are attached and have no part of it.
pub fn attached_before(cx: &Context<'_>, object: &Object) -> Vec<ObjectId> {
    let Some(whole) = object.parent.as_ref().and_then(|whole| cx.target.get(whole)) else { return Vec::new() };
    if whole.text("partition_key").is_none() {
        return Vec::new();
    }
    let without = |child: &&Object| {
        !table::stays_child(cx, &child.id) && unmatched_above(cx, child).iter().any(|above| above.id == object.id)
    };
    table::children(&cx.target, &whole.id).into_iter().filter(without).map(table::link).collect()
}

/// What must have happened for an index or key of a partitioned table to be valid.
pub fn valid(cx: &Context<'_>, id: &ObjectId) -> Vec<ObjectId> {
    let Some(object) = cx.target.get(id) else { return Vec::new() };
    let below = attached_below_of(&cx.target, object);
    let tables = below.iter().filter_map(|child| cx.target.get(child)?.parent.as_ref().and_then(|whole| cx.target.get(whole)));
    tables.map(table::link).chain(below.iter().map(attached)).collect()
}

/// ALTER INDEX ... ATTACH PARTITION, unless attaching the table does it.
pub fn attach(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let Some(parent) = object.text("attached_to") else { return };
    let parents: Vec<ObjectId> =
        object.needs.iter().filter(|need| matches!(need.kind, Kind::Index | Kind::Constraint)).cloned().collect();
    let late = parents.iter().filter_map(|id| cx.target.get(id)).any(|above| hangs_on(object, above) && comes_late(cx, above));
    if !late && !object.parent.as_ref().is_some_and(|whole| table::stays_child(cx, whole)) {
        return;
    }
    let action = out.alter(object, format!("ALTER INDEX {parent} ATTACH PARTITION {}", index_name(object)));
    action.needs.push(object.id.clone());
    action.needs.extend(parents);
    action.needs.extend(object.parent.as_ref().filter(|_| late).and_then(|whole| cx.target.get(whole)).map(table::link));
    action.releases.clear();
    action.creates.push(attached(&object.id));
}

/// An index or key of a partition that is attached is dropped after its table is detached, where it is; online that waits for what takes
/// long.
pub fn after_detach(cx: &Context<'_>, object: &Object, action: &mut Action) {
    let whole = object.parent.as_ref().filter(|_| object.text("attached_to").is_some());
    let leaves = |whole: &ObjectId| !cx.vanishes(whole) && !table::stays_child(cx, whole);
    action.needs.extend(whole.filter(|whole| cx.options.online || leaves(whole)).map(table::link_gone));
}

/// Indexes and keys of partitions that hang on this one, of the base.
pub fn attached_below(cx: &Context<'_>, object: &Object) -> Vec<ObjectId> {
    attached_below_of(&cx.base, object)
}

fn attached_below_of(side: &Side<'_>, object: &Object) -> Vec<ObjectId> {
    fn add(side: &Side<'_>, object: &Object, found: &mut Vec<ObjectId>) {
        let name = index_name(object);
        for child in side.dependents(&object.id) {
            if child.text("attached_to") == Some(name.as_str()) && !found.contains(&child.id) {
                found.push(child.id.clone());
                add(side, child, found);
            }
        }
    }
    let mut found = Vec::new();
    add(side, object, &mut found);
    found
}

/// Whether this index or key of a partition is dropped by dropping the parent's.
pub fn goes_with_parent(cx: &Context<'_>, object: &Object) -> bool {
    let Some(parent) = object.text("attached_to") else { return false };
    let detached = object.parent.as_ref().is_some_and(|whole| !table::stays_child(cx, whole));
    !detached
        && object.needs.iter().any(|need| {
            matches!(need.kind, Kind::Index | Kind::Constraint)
                && cx.vanishes(need)
                && cx.base.get(need).is_some_and(|index| index_name(index) == parent)
        })
}

/// Whether an index or key of a partition that stays is no longer attached where it was.
pub fn taken_off(cx: &Context<'_>, before: &Object, after: &Object) -> bool {
    before.text("attached_to").is_some() && after.parent.as_ref().is_some_and(|whole| table::stays_child(cx, whole))
}

/// A definition split at its storage parameters: before, inside, after.
fn parameters(definition: &str) -> (&str, &str, &str) {
    let Some(at) = definition.find(" WITH (") else { return (definition, "", "") };
    let (head, rest) = definition.split_at(at);
    match rest.find(')') {
        Some(end) => (head, &rest[7..end], &rest[end + 1..]),
        None => (definition, "", ""),
    }
}

/// Whether attaching its table could attach this index, which is to stay by itself, in place of one that is its like: it is made afterwards.
pub fn mistakable(cx: &Context<'_>, object: &Object) -> bool {
    let Some(whole) = object.parent.as_ref().and_then(|whole| cx.target.get(whole)) else { return false };
    if object.text("attached_to").is_some() || whole.text("partition_of").is_none() || table::stays_child(cx, &whole.id) {
        return false;
    }
    let said = |index: &Object| {
        let definition = index.text("definition").unwrap_or_default();
        let (head, _, tail) = parameters(definition);
        format!("{}{tail}", head.replacen(&sql::ident(index.id.name()), "", 1))
    };
    let own = said(object);
    cx.target.parts_of(&whole.id, Kind::Index).any(|other| other.text("attached_to").is_some() && said(other) == own)
}

/// Whether an index is made after partitions are attached: what hangs on it is attached by itself.
pub fn comes_late(cx: &Context<'_>, index: &Object) -> bool {
    cx.appears(&index.id) && index.flag("partitioned") && !attached_before(cx, index).is_empty()
}

/// Such indexes that are there already, and those above that a table which becomes a partition is to have no part of.
pub fn in_the_way(cx: &Context<'_>) -> Vec<ObjectId> {
    let relinked = cx.altered.keys().filter(|id| cx.target.get(id).is_some_and(|table| table.text("partition_of").is_some()));
    let indexes = relinked.flat_map(|id| cx.target.parts_of(id, Kind::Index));
    let there = |index: &&Object| cx.base.get(&index.id).is_some() && !cx.vanishes(&index.id) && mistakable(cx, index);
    let below = cx.altered.keys().chain(&cx.created).filter_map(|id| cx.target.get(id));
    let below = below.filter(|table| table.id.kind == Kind::Table && !table::stays_child(cx, &table.id));
    let above = below.flat_map(|table| unmatched_above(cx, table));
    let above = above.filter(|index| cx.base.get(&index.id).is_some() && !cx.vanishes(&index.id));
    indexes.filter(there).chain(above).map(|index| index.id.clone()).collect()
}

fn extras(object: &Object, out: &mut Actions<'_>) {
    for target in object.list("statistics") {
        if let Some((column, value)) = target.split_once('=') {
            out.alter(object, format!("ALTER INDEX {} ALTER COLUMN {column} SET STATISTICS {value}", index_name(object)));
        }
    }
}

impl Rule for IndexRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Index]
    }

    fn react(&self, cx: &Context<'_>, object: &Object, need: &Object) -> Reaction {
        react(cx, object, need)
    }

    fn verdict(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        if before.parent != after.parent {
            return Verdict::Replace;
        }
        for attribute in &change.attributes {
            match attribute.name {
                "definition" => {
                    let (old, new) = (before.text("definition").unwrap_or_default(), after.text("definition").unwrap_or_default());
                    let ((old_head, _, old_tail), (new_head, _, new_tail)) = (parameters(old), parameters(new));
                    if old_head != new_head || old_tail != new_tail {
                        return Verdict::Replace;
                    }
                }
                "attached_to" if taken_off(cx, before, after) => return Verdict::Replace,
                "invalid" => return Verdict::Replace,
                // Another file under a lock on the index, or another index beside it.
                "tablespace" if cx.options.online && !after.flag("partitioned") => return Verdict::Replace,
                _ => {}
            }
        }
        Verdict::Alter
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let mut text = object.text("definition").unwrap_or_default().to_owned();
        if let Some(space) = object.text("tablespace") {
            let at = text.find(" WHERE ").unwrap_or(text.len());
            text.insert_str(at, &format!(" TABLESPACE {}", sql::ident(space)));
        }
        online::index::create(cx, object, text, out);
        let before = attached_before(cx, object);
        for action in out.all.iter_mut().filter(|action| action.subject == object.id && action.verb == Verb::Create) {
            action.needs.extend(before.iter().cloned());
        }
        if mistakable(cx, object)
            && let Some(whole) = object.parent.as_ref().and_then(|whole| cx.target.get(whole))
        {
            for action in out.all.iter_mut().filter(|action| action.subject == object.id && action.verb == Verb::Create) {
                action.needs.push(table::link(whole));
            }
        }
        extras(object, out);
        attach(cx, object, out);
        if let Some(whole) = object.parent.as_ref().and_then(|whole| cx.target.get(whole)) {
            table::marks(cx, &object.id, whole, out);
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let name = index_name(after);
        for attribute in &change.attributes {
            match attribute.name {
                "definition" => {
                    let list = |object: &Object| -> Vec<String> {
                        let inside = parameters(object.text("definition").unwrap_or_default()).1;
                        inside.split(", ").filter(|option| !option.is_empty()).map(|option| option.replace('\'', "")).collect()
                    };
                    let old = Object::new(before.id.clone()).with_list("options", list(before));
                    let mut new = Object::new(after.id.clone()).with_list("options", list(after));
                    new.parent.clone_from(&after.parent);
                    table::set_options(&format!("ALTER INDEX {name}"), &old, &new, "options", out);
                }
                "tablespace" => {
                    let space = sql::ident(after.text("tablespace").unwrap_or("pg_default"));
                    out.alter(after, format!("ALTER INDEX {name} SET TABLESPACE {space}"));
                }
                "attached_to" => attach(cx, after, out),
                "statistics" => {
                    for gone in before.list("statistics").iter().filter_map(|target| target.split_once('=')) {
                        if !after.list("statistics").iter().any(|kept| kept.split_once('=').is_some_and(|kept| kept.0 == gone.0)) {
                            out.alter(after, format!("ALTER INDEX {name} ALTER COLUMN {} SET STATISTICS -1", gone.0));
                        }
                    }
                    extras(after, out);
                }
                _ => {}
            }
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if constraint::taken_over_by(cx, object).is_some() {
            return;
        }
        let with_table = object.parent.as_ref().is_some_and(|whole| cx.vanishes(whole));
        let alone = cx.split.contains(&object.id) && object.text("attached_to").is_none();
        if with_table && !alone || goes_with_parent(cx, object) {
            return;
        }
        if !online::index::drop(cx, object, out) {
            let attached = attached_below(cx, object);
            // Keys of partitions go with an index above only this way; what else uses them has gone before.
            let cascade = if attached.iter().any(|below| below.kind == Kind::Constraint) { " CASCADE" } else { "" };
            let action = out.drop(object, format!("DROP INDEX {}{cascade}", index_name(object)));
            action.destroys.extend(attached);
            after_detach(cx, object, action);
        }
    }
}
