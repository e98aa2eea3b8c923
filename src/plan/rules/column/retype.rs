//! Columns that get another type, or one that is made anew: by a cast, by way of text, or by way of JSON.

use super::{
    super::{
        super::{
            native::{Actions, Context, Side, Verb},
            sql,
        },
        sequence, user_catalog,
    },
    alter_whole, collate,
    inheritance::below,
    rows::{changing_rows, composed, from_json, is_reshaped_inside, retype_by_name},
};
use crate::catalog::{Kind, Object, ObjectId};

/// Whether both databases have a cast between two types, made for assignments too when `plainly`, or one through text by way of input and
/// output: everything is assigned to text types, and cast from them.
pub(super) fn has_cast(cx: &Context<'_>, old: &str, new: &str, plainly: bool) -> bool {
    const TEXTS: &[&str] = &["text", "character varying", "character", "name"];
    if old == new || TEXTS.contains(&new) || TEXTS.contains(&old) && !plainly {
        return true;
    }
    let database = ObjectId::new(Kind::Database, ["database"]);
    let cast = format!("{old} > {new}");
    let known = |side: &Side<'_>| {
        side.get(&database).is_some_and(|all| all.list(if plainly { "plain_casts" } else { "casts" }).contains(&cast))
    };
    known(&cx.base) && known(&cx.target)
        || old.strip_suffix("[]").zip(new.strip_suffix("[]")).is_some_and(|(old, new)| has_cast(cx, old, new, plainly))
}

/// Whether a type that a column of the base needs is swapped.
pub(super) fn is_swapped(cx: &Context<'_>, before: &Object) -> bool {
    before.needs.iter().any(|need| cx.swapped.contains(need))
}

/// The old column's value as one of the new column's type.
pub fn conversion(cx: &Context<'_>, before: &Object, after: &Object) -> String {
    let name = sql::ident(after.id.name());
    let kind = after.text("type").unwrap_or_default();
    let same = before.text("type") == Some(kind);
    if same && is_reshaped_inside(cx, before) {
        return from_json(&sql::whole(&after.id), after.id.name(), &format!("pg_catalog.to_jsonb({name})"));
    }
    if let Some(value) = composed(cx, before).filter(|_| same) {
        return value;
    }
    let (old, new) = (before.text("bare_type").unwrap_or_default(), after.text("bare_type").unwrap_or_default());
    if is_swapped(cx, before) || !has_cast(cx, old, new, false) {
        format!("{name}::text::{kind}")
    } else if same {
        name
    } else {
        format!("{name}::{kind}")
    }
}

/// The clause that gives a column its new type by a cast.
fn type_change(cx: &Context<'_>, before: &Object, after: &Object) -> String {
    let name = sql::ident(after.id.name());
    let kind = after.text("type").unwrap_or_default();
    let (old, new) = (before.text("bare_type").unwrap_or_default(), after.text("bare_type").unwrap_or_default());
    let swapped = is_swapped(cx, before);
    let generated = after.text("generated").is_some();
    let composed = composed(cx, before).filter(|_| before.text("type") == Some(kind) && !generated);
    let using = if let Some(value) = composed {
        format!(" USING {value}")
    } else if generated || (has_cast(cx, old, new, true) && !swapped) {
        String::new()
    } else if swapped
        || !has_cast(cx, old, new, false) && before.text("type_kind") != Some("d") && after.text("type_kind") != Some("d")
    {
        format!(" USING {name}::text::{kind}")
    } else {
        format!(" USING {name}::{kind}")
    };
    format!("ALTER COLUMN {name} TYPE {kind}{}{using}", collate(after))
}

/// The same by way of JSON, with what [`retype_by_name`] says of it. Rows of tables that change wait in the column as another type.
fn change_by_name(
    cx: &Context<'_>,
    after: &Object,
    rows: &[ObjectId],
    out: &mut Actions<'_>,
) -> (String, Option<(ObjectId, ObjectId)>) {
    let (name, kind) = (sql::ident(after.id.name()), after.text("type").unwrap_or_default());
    let json = format!("pg_catalog.to_jsonb({name})");
    if rows.is_empty() {
        return retype_by_name(after, &json, rows, out);
    }
    // What an extension's type is as JSON, nobody knows.
    let unknown = rows.iter().any(|need| need.kind == Kind::Extension);
    let waiting = if unknown { format!("text USING {name}::text") } else { format!("jsonb USING {json}") };
    let action = out.other(after, Verb::Drop, format!("{} ALTER COLUMN {name} TYPE {waiting}", alter_whole(after)));
    action.alters.push(after.id.clone());
    action.creates.extend(user_catalog::rewritten_with(cx, after));
    action.releases.extend(rows.iter().cloned());
    if unknown {
        return (format!("ALTER COLUMN {name} TYPE {kind} USING {name}::{kind}"), None);
    }
    retype_by_name(after, &name, rows, out)
}

/// Gives a column its new type or collation; `emptied` is a generated one that holds nothing then.
pub(super) fn retype(cx: &Context<'_>, before: &Object, after: &Object, emptied: bool, out: &mut Actions<'_>) {
    let rows = changing_rows(cx, before);
    let generated = after.text("generated").is_some();
    let by_name = before.text("type") == after.text("type") && !generated && is_reshaped_inside(cx, before);
    let (text, row) = match rows.is_empty() && !by_name {
        true => (type_change(cx, before, after), None),
        false => change_by_name(cx, after, &rows, out),
    };
    let action = out.alter(after, format!("{} {text}", alter_whole(after)));
    action.creates.extend(user_catalog::rewritten_with(cx, after));
    if emptied {
        action.releases.clear();
        action.needs.retain(|need| matches!(need.kind, Kind::Type | Kind::Domain | Kind::Collation));
    }
    if !rows.is_empty() {
        action.releases.clear();
        action.needs.extend(rows);
    }
    if let Some((row, done)) = row {
        action.needs.push(row);
        action.creates.push(done);
    }
    action.alters.extend(below(&cx.target, after).into_iter().filter(|id| !cx.appears(id)));
    action.needs.extend(cx.target.parts_of(&after.id, Kind::Sequence).map(|sequence| sequence::fits(&sequence.id)));
}
