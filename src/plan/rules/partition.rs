//! Rows that belong to another partition once bounds have changed: they are moved between the tables while these are not attached.
//!
//! Rows of a partition that the target does not have go with it, but for those that a partition with a new bound asks for by name.

use super::{
    super::{
        native::{Actions, Context, Side, Verb},
        sql,
    },
    bound::Bound,
    column, rebuild,
    table::{ancestors, children, link, link_gone, offspring, parents},
};
use crate::catalog::{Kind, Object, ObjectId};

/// Stands for the rows of one partition that belong to another having been moved there.
fn moved(from: &ObjectId, to: &ObjectId) -> ObjectId {
    let path = [&["rows moved".to_owned()], from.path.as_slice(), &["to".to_owned()], to.path.as_slice()].concat();
    ObjectId { kind: Kind::Setting, path: path.into() }
}

fn bound(partition: &Object) -> Option<Bound> {
    Bound::parse(partition.text("partition_bound")?)
}

/// Whether a table that stays gets another place below its parent, or another bound.
pub fn relinked(cx: &Context<'_>, id: &ObjectId) -> bool {
    ["partition_of", "partition_bound", "detach_pending"].into_iter().any(|attribute| cx.alters(id, attribute))
}

/// Whether rows of a partition of the base may have to go to another: it goes, gets another bound, or is the default partition.
fn gives(cx: &Context<'_>, source: &Object) -> bool {
    if source.id.kind != Kind::Table || rebuild::is_moved(cx, source) {
        return false;
    }
    match cx.target.get(&source.id) {
        None => true,
        Some(after) => {
            let stays = after.text("partition_of") == source.text("partition_of") && !cx.vanishes(&source.id);
            stays && (relinked(cx, &source.id) || bound(source) == Some(Bound::Default))
        }
    }
}

/// Bounds of the partitions of a table.
fn bounds(side: &Side<'_>, parent: &ObjectId) -> Vec<Bound> {
    children(side, parent).into_iter().filter_map(bound).collect()
}

/// Whether all rows of this bound surely fit one of the others.
fn covered(bound: &Bound, others: &[Bound]) -> bool {
    match bound {
        Bound::List(values) => {
            values.iter().all(|value| others.iter().any(|other| matches!(other, Bound::List(list) if list.contains(value))))
        }
        _ => others.contains(bound),
    }
}

/// Whether rows of `source`, as the base has it, may belong to `child`, as the target has it.
fn may_move(cx: &Context<'_>, parent: &ObjectId, source: &Object, child: &Object) -> bool {
    let (Some(from), Some(to)) = (bound(source), bound(child)) else { return false };
    match (&from, &to) {
        (Bound::Default, Bound::Default) => true,
        (Bound::Default, to) => !covered(to, &bounds(&cx.base, parent)),
        (from, Bound::Default) => cx.target.get(&source.id).is_some() && !covered(from, &bounds(&cx.target, parent)),
        (from, to) => from.overlaps(to),
    }
}

/// Whether rows may have to leave a partition of the target: what it holds before says nothing then about what it holds when it is attached.
pub fn may_lose(cx: &Context<'_>, child: &Object) -> bool {
    let (Some(parent), Some(before)) = (parents(&cx.target, child).next(), cx.base.get(&child.id)) else { return false };
    before.text("partition_of") == child.text("partition_of")
        && gives(cx, before)
        && children(&cx.target, &parent.id).into_iter().any(|other| {
            let new = relinked(cx, &other.id) || cx.appears(&other.id) || bound(other) == Some(Bound::Default);
            other.id != child.id && new && may_move(cx, &parent.id, before, other)
        })
}

/// The table above a partition of the target that stays there and is made anew, where its rows may belong to others now.
pub fn shared_above<'a>(cx: &'a Context<'_>, child: &'a Object) -> Option<&'a Object> {
    let (parent, before) = (parents(&cx.target, child).next()?, cx.base.get(&child.id)?);
    let stays = before.text("partition_of") == child.text("partition_of") && !cx.appears(&parent.id);
    let others = || children(&cx.target, &parent.id).into_iter().filter(|other| other.id != child.id);
    let moves = bound(before) != bound(child)
        || bound(child) == Some(Bound::Default) && others().any(|other| relinked(cx, &other.id) || cx.appears(&other.id));
    (child.text("partition_of").is_some() && stays && moves).then_some(parent)
}

/// Moves the rows that `child` is to have, before it is attached, from partitions that may have them, and those that it may no longer have
/// to the default partition. What its attaching must wait for.
pub fn gather(cx: &Context<'_>, child: &Object, out: &mut Actions<'_>) -> Vec<ObjectId> {
    let Some(parent) = parents(&cx.target, child).next() else { return Vec::new() };
    let remade = cx.appears(&parent.id) || child.id.kind != Kind::Table;
    if remade || cx.base.get(&parent.id).is_none() {
        return Vec::new();
    }
    let mut marks = Vec::new();
    for source in children(&cx.base, &parent.id).into_iter().filter(|source| source.id != child.id) {
        if gives(cx, source) && may_move(cx, &parent.id, source, child) {
            carry(cx, parent, source, child, out);
            marks.push(moved(&source.id, &child.id));
        }
    }
    for other in children(&cx.target, &parent.id).into_iter().filter(|other| other.id != child.id) {
        let standing = bound(other) == Some(Bound::Default) && !relinked(cx, &other.id) && !cx.appears(&other.id);
        if standing
            && let Some(before) = cx.base.get(&child.id)
            && before.text("partition_of") == child.text("partition_of")
            && may_move(cx, &parent.id, before, other)
        {
            carry(cx, parent, before, other, out);
        }
        marks.push(moved(&child.id, &other.id));
    }
    marks
}

/// One statement that moves the rows of `source` that fit `child`.
fn carry(cx: &Context<'_>, parent: &Object, source: &Object, child: &Object, out: &mut Actions<'_>) {
    let (Some(key), Some(to)) = (parent.text("partition_key"), bound(child)) else { return };
    let after = cx.target.get(&source.id);
    let name = sql::name(parent);
    let mut needs: Vec<ObjectId> = vec![child.id.clone()];
    let condition = match to.fits(&name, key) {
        Some(fits) => fits,
        None => {
            // The default partition gets what is left.
            let others = children(&cx.target, &parent.id).into_iter().filter(|other| other.id != child.id);
            needs.extend(others.map(|other| moved(&source.id, &other.id)));
            let own = after.and_then(bound).and_then(|bound| bound.fits(&name, key));
            own.map_or_else(|| "true".to_owned(), |own| format!("({own}) IS NOT TRUE"))
        }
    };
    let (mut into, mut values, mut overriding) = (Vec::new(), Vec::new(), "");
    for column in cx.target.parts_of(&child.id, Kind::Column) {
        if column.text("identity").is_some() {
            overriding = " OVERRIDING SYSTEM VALUE";
        }
        let id = source.id.part(Kind::Column, column.id.name());
        let value = match (cx.base.get(&id), cx.target.get(&id)) {
            (_, Some(_)) => sql::ident(column.id.name()),
            (Some(old), None) => column::conversion(cx, old, column),
            (None, None) => continue,
        };
        needs.push(column.id.clone());
        if after.is_some() {
            needs.push(id);
        }
        if column.text("generated").is_none() {
            into.push(sql::ident(column.id.name()));
            values.push(value);
        }
    }
    if into.is_empty() {
        return;
    }
    let into = into.join(", ");
    let text = format!(
        "WITH moved AS (DELETE FROM {} WHERE {condition} RETURNING *) INSERT INTO {} ({into}){overriding} SELECT {} FROM moved",
        sql::name(source),
        sql::name(child),
        values.join(", ")
    );
    // What is partitioned itself takes rows once its partitions are there, and has them as long as they are.
    needs.extend(offspring(&cx.target, &child.id).into_iter().map(link));
    let loose = [&source.id, &child.id].into_iter().filter(|id| relinked(cx, id));
    needs.extend(
        loose
            .filter_map(|id| cx.base.get(id))
            .filter(|table| table.text("partition_of").is_some())
            .map(|table| link_gone(&table.id)),
    );
    let action = out.other(child, Verb::Alter, text);
    action.needs.extend(needs);
    action.creates.push(moved(&source.id, &child.id));
    if after.is_none() {
        action.releases.push(source.id.clone());
        action.releases.extend(offspring(&cx.base, &source.id).into_iter().map(|below| below.id.clone()));
        free_of_defaults(cx, source, out);
    }
}

/// Drops defaults of a partition that goes only when its rows are moved, where the columns above get another type before: it gets that too.
fn free_of_defaults(cx: &Context<'_>, source: &Object, out: &mut Actions<'_>) {
    for table in offspring(&cx.base, &source.id).into_iter().chain([source]) {
        for column in cx.base.parts_of(&table.id, Kind::Column) {
            let above = |table: &Object| table.id.part(Kind::Column, column.id.name());
            let retyped: Vec<ObjectId> =
                ancestors(&cx.base, table).into_iter().map(above).filter(|id| cx.alters(id, "type")).collect();
            if retyped.is_empty() {
                continue;
            }
            for default in cx.base.parts_of(&column.id, Kind::Default) {
                let text = column::drop_default(cx, default);
                if !out.all.iter().any(|action| action.sql == text) {
                    out.other(default, Verb::Drop, text).releases.extend(retyped.iter().cloned());
                }
            }
        }
    }
}

/// Foreign keys of the base that see a partition, from other tables.
pub fn keys_that_see<'a>(cx: &Context<'a>, partition: &'a Object) -> Vec<&'a Object> {
    let mut found: Vec<&Object> = Vec::new();
    for table in ancestors(&cx.base, partition) {
        let columns = cx.base.parts_of(&table.id, Kind::Column);
        for key in columns.flat_map(|column| cx.base.dependents(&column.id)) {
            let refers = key.text("form") == Some("f") && key.parent.as_ref() != Some(&table.id);
            if refers && !found.iter().any(|known| known.id == key.id) {
                found.push(key);
            }
        }
    }
    found
}

/// Foreign keys that see a partition that is detached for a while: Postgres lets it go only when no row refers to its rows.
pub fn keys_in_the_way(cx: &Context<'_>) -> Vec<ObjectId> {
    let loose = cx.altered.keys().filter(|id| relinked(cx, id)).filter_map(|id| cx.base.get(id));
    loose
        .filter(|partition| partition.text("partition_of").is_some())
        .flat_map(|partition| keys_that_see(cx, partition))
        .filter(|key| cx.target.get(&key.id).is_some() && !cx.vanishes(&key.id))
        .map(|key| key.id.clone())
        .collect()
}
