//! Rows inside of columns: values of composite types that are made anew, and rows of tables whose columns get other types.
//!
//! Such a value goes by way of JSON, in which attributes have names, since there may be others then.

use super::super::super::{
    native::{Actions, Context, Side, Verb, stands_for},
    sql,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

/// Whether a composite type is made anew with other attributes, or with the same in another order.
fn reshaped(cx: &Context<'_>, id: &ObjectId) -> bool {
    let names = |side: &Side<'_>| side.parts_of(id, Kind::Column).map(|part| part.id.name().to_owned()).collect::<Vec<_>>();
    let composite = |side: &Side<'_>| side.get(id).is_some_and(|of| of.text("form") == Some("composite"));
    cx.swapped.contains(id) && composite(&cx.base) && composite(&cx.target) && names(&cx.base) != names(&cx.target)
}

/// The composite type that a column of the base is of, itself and not inside of another.
fn composite_of(before: &Object) -> Option<&ObjectId> {
    let bare = before.text("bare_type");
    before.needs.iter().find(|need| need.kind == Kind::Type && Some(sql::qualified(&need.path)).as_deref() == bare)
}

/// Whether values of composite types that are made anew with other attributes stand inside of the values of a column of the base.
pub(super) fn is_reshaped_inside(cx: &Context<'_>, before: &Object) -> bool {
    let own = composite_of(before);
    before.text("generated").is_none() && inside(cx, before, &|_| true).into_iter().any(|id| Some(id) != own && reshaped(cx, id))
}

/// The value of a column of a composite type that is made anew with other attributes: each of them by its name.
pub(super) fn composed(cx: &Context<'_>, before: &Object) -> Option<String> {
    let name = sql::ident(before.id.name());
    let of = composite_of(before).filter(|of| reshaped(cx, of))?;
    let values = cx.target.parts_of(of, Kind::Column).map(|attribute| match cx.base.get(&attribute.id) {
        Some(_) => format!("(({name}).{})::text::{}", sql::ident(attribute.id.name()), attribute.text("type").unwrap_or_default()),
        None => "NULL".to_owned(),
    });
    let values: Vec<String> = values.collect();
    Some(format!(
        "CASE WHEN {name} IS DISTINCT FROM NULL THEN ROW({})::{} END",
        values.join(", "),
        before.text("bare_type").unwrap_or_default()
    ))
}

/// The value of a column of type `row` (a table's row, or one made for this) whose value is given as JSON: attributes go by their names.
pub(super) fn from_json(row: &str, column: &str, json: &str) -> String {
    format!(
        "(pg_catalog.jsonb_populate_record(NULL::{row}, pg_catalog.jsonb_build_object({}, {json}))).{}",
        sql::literal(column),
        sql::ident(column)
    )
}

/// Gives a column its type by way of JSON. What is no composite value itself needs a type with this one column, which is there for this
/// statement alone: what the statement waits for, and what it then stands for.
pub(super) fn retype_by_name(
    after: &Object,
    json: &str,
    needs: &[ObjectId],
    out: &mut Actions<'_>,
) -> (String, Option<(ObjectId, ObjectId)>) {
    if after.text("type_kind") == Some("c") {
        let (name, kind) = (sql::ident(after.id.name()), after.text("type").unwrap_or_default());
        let value = format!("pg_catalog.jsonb_populate_record(NULL::{kind}, {json})");
        return (format!("ALTER COLUMN {name} TYPE {kind} USING {value}"), None);
    }
    let mut path = after.id.path.clone();
    let own = path.pop().unwrap_or_default();
    let table = path.pop().unwrap_or_default();
    path.push(sql::interim(&format!("{table}_{own}"), "row"));
    let (name, kind) = (sql::ident(after.id.name()), after.text("type").unwrap_or_default());
    let row = ObjectId { kind: Kind::Type, path };
    let done = stands_for("retyped", &after.id);
    let of = sql::qualified(&row.path);
    let made = out.other(after, Verb::Alter, format!("CREATE TYPE {of} AS ({name} {kind})"));
    made.needs.extend(after.needs.iter().chain(&after.parent).chain(needs).cloned());
    made.creates.push(row.clone());
    out.other(after, Verb::Drop, format!("DROP TYPE {of}")).needs.push(done.clone());
    (format!("ALTER COLUMN {name} TYPE {kind} USING {}", from_json(&of, after.id.name(), json)), Some((row, done)))
}

const RELATIONS: &[Kind] = &[Kind::Table, Kind::ForeignTable, Kind::View, Kind::MaterializedView];

/// What a column of the base needs, and what those types among it are made of that are `open`.
fn inside<'a>(cx: &Context<'a>, before: &'a Object, open: &dyn Fn(&ObjectId) -> bool) -> Vec<&'a ObjectId> {
    let mut inside: Vec<&ObjectId> = before.needs.iter().collect();
    let mut at = 0;
    while let Some(need) = inside.get(at).copied() {
        at += 1;
        if let Some(of) = cx.base.get(need).filter(|_| matches!(need.kind, Kind::Type | Kind::Domain) && open(need)) {
            let parts = cx.base.parts_of(need, Kind::Column).flat_map(|attribute| &attribute.needs);
            let more: Vec<&ObjectId> = parts.chain(&of.needs).filter(|need| !inside.contains(need)).collect();
            inside.extend(more);
        }
    }
    inside
}

/// Tables and views, and columns of theirs, whose row type a column of the base has, itself or inside of its type, and which are made anew or
/// get columns of other types: Postgres refuses both while a column holds their rows, which wait as another type.
pub(super) fn changing_rows(cx: &Context<'_>, before: &Object) -> Vec<ObjectId> {
    let mut found = Vec::new();
    if before.text("generated").is_some() {
        return found;
    }
    let stays = |id: &ObjectId| !cx.swapped.contains(id);
    for need in inside(cx, before, &stays).into_iter().filter(|need| RELATIONS.contains(&need.kind) || need.kind == Kind::Extension)
    {
        if cx.replaced.contains(need) {
            found.push(need.clone());
        }
        let retyped = cx.base.parts_of(need, Kind::Column).filter(|column| cx.alters(&column.id, "type"));
        found.extend(retyped.map(|column| column.id.clone()));
    }
    found
}

/// Columns that hold rows of the table whose column gets another type.
pub fn holders_of_row(cx: &Context<'_>, id: &ObjectId, change: &Change) -> Vec<ObjectId> {
    let retyped = id.kind == Kind::Column && change.concerns("type");
    let Some(whole) = cx.base.get(id).and_then(|column| column.parent.as_ref()).filter(|_| retyped) else { return Vec::new() };
    let in_table = |column: &&Object| {
        column.id.kind == Kind::Column && column.parent.as_ref().is_some_and(|holder| holder.kind == Kind::Table && holder != whole)
    };
    let stays = |column: &&Object| cx.target.get(&column.id).is_some() && !cx.vanishes(&column.id);
    let mut users: Vec<&Object> = cx.base.dependents(whole).to_vec();
    let mut at = 0;
    while let Some(user) = users.get(at).copied() {
        at += 1;
        let attribute_of = user.parent.as_ref().filter(|of| user.id.kind == Kind::Column && of.kind == Kind::Type);
        let made_of_it = matches!(user.id.kind, Kind::Type | Kind::Domain).then_some(&user.id).or(attribute_of);
        let more = made_of_it.map(|of| cx.base.dependents(of)).unwrap_or_default();
        users.extend(more.iter().copied().filter(|more| !users.iter().any(|known| known.id == more.id)).collect::<Vec<_>>());
    }
    users.into_iter().filter(in_table).filter(stays).map(|column| column.id.clone()).collect()
}
