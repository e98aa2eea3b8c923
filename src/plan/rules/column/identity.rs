//! Identity columns, each with its sequence.

use super::{
    super::{
        super::{
            native::{Actions, Context, Side},
            online, sql,
        },
        sequence,
    },
    alter_whole,
};
use crate::catalog::{Kind, Object, ObjectId};

/// Whether an identity is its table's own: a partition has its parent's, comes to it when it is attached and loses it when it is detached.
fn owns_identity(side: &Side<'_>, column: &Object) -> bool {
    let table = column.parent.as_ref().and_then(|whole| side.get(whole));
    let partition = table.is_some_and(|table| table.text("partition_of").is_some());
    column.text("identity").is_some() && !(partition && side.catalog.server_version >= 170_000)
}

/// Whether a column's identity comes or goes with its table's place below another.
pub fn identity_moves(cx: &Context<'_>, column: &Object) -> bool {
    let after = cx.target.get(&column.id);
    column.id.kind == Kind::Column && after.is_some_and(|after| owns_identity(&cx.base, column) != owns_identity(&cx.target, after))
}

/// Whether a column is of a type that can have an identity.
pub(super) fn fits(column: &Object) -> bool {
    matches!(column.text("bare_type"), Some("smallint" | "integer" | "bigint"))
}

/// The identity clause with its sequence.
pub(super) fn clause<'a>(cx: &Context<'a>, column: &Object) -> Option<(String, &'a Object)> {
    let how = column.text("identity")?;
    let sequence = cx.target.parts_of(&column.id, Kind::Sequence).find(|sequence| !sequence.list("identity_of").is_empty())?;
    let mut options = Vec::new();
    let mut names = column.id.path.iter().rev();
    let (name, table) = (names.next().map_or("", String::as_str), names.next().map_or("", String::as_str));
    if sequence.id.name() != format!("{table}_{name}_seq") || sequence.id.path.first() != column.id.path.first() {
        options.push(format!("SEQUENCE NAME {}", sql::name(sequence)));
    }
    options.extend(sequence::options(sequence, column.text("type")));
    let options = if options.is_empty() { String::new() } else { format!(" ({})", options.join(" ")) };
    Some((format!(" GENERATED {how} AS IDENTITY{options}"), sequence))
}

/// Makes a column an identity, or one of the other way.
pub(super) fn set(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let Some(how) = after.text("identity").filter(|_| owns_identity(&cx.target, after)) else { return };
    let column = format!("{} ALTER COLUMN {}", alter_whole(after), sql::ident(after.id.name()));
    if owns_identity(&cx.base, before) {
        out.alter(after, format!("{column} SET GENERATED {how}"));
    } else if let Some((clause, sequence)) = clause(cx, after) {
        let id = sequence.id.clone();
        let action = out.alter(after, format!("{column} ADD{clause}"));
        action.needs.extend(online::column::not_null_set(&after.id));
        action.creates.push(id.clone());
        out.mark_made(id);
    }
}

/// Takes the identity off a column that has none of its own in the target.
pub(super) fn take_off(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    if !owns_identity(&cx.base, before) || owns_identity(&cx.target, after) {
        return;
    }
    let sequences: Vec<ObjectId> = cx.base.parts_of(&before.id, Kind::Sequence).map(|sequence| sequence.id.clone()).collect();
    let succeeded = sequence::succeed(cx, &after.id, out);
    let text = format!("{} ALTER COLUMN {} DROP IDENTITY", alter_whole(after), sql::ident(after.id.name()));
    let action = out.alter(after, text);
    match succeeded {
        Some((mark, waiting)) => {
            action.needs.retain(|need| need.kind != Kind::Sequence);
            action.needs.push(mark);
            action.destroys.push(waiting);
        }
        None => action.destroys.extend(sequences),
    }
}
