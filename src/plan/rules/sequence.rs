//! Sequences. An identity column's is made and dropped by its column.

use super::{
    super::{
        native::{Action, Actions, Context, Reaction, Rule, Verb, Verdict, stands_for},
        sql,
    },
    owner, swap,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct SequenceRule;

/// Smallest and largest value of a sequence's type.
fn range(kind: &str) -> (i64, i64) {
    match kind {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// The options that are not the default's; `own_type` is the type that the sequence has anyway (of its identity column).
pub fn options(sequence: &Object, own_type: Option<&str>) -> Vec<String> {
    let kind = sequence.text("type").unwrap_or("bigint");
    let (smallest, largest) = range(kind);
    let increment = sequence.integer("increment").unwrap_or(1);
    let up = increment > 0;
    let minimum = sequence.integer("minimum").unwrap_or(1);
    let maximum = sequence.integer("maximum").unwrap_or(largest);
    let mut options = Vec::new();
    if own_type.is_none() && kind != "bigint" {
        options.push(format!("AS {kind}"));
    }
    let start = sequence.integer("start").unwrap_or(1);
    if start != if up { minimum } else { maximum } {
        options.push(format!("START WITH {start}"));
    }
    if increment != 1 {
        options.push(format!("INCREMENT BY {increment}"));
    }
    if minimum != if up { 1 } else { smallest } {
        options.push(format!("MINVALUE {minimum}"));
    }
    if maximum != if up { largest } else { -1 } {
        options.push(format!("MAXVALUE {maximum}"));
    }
    if sequence.integer("cache").unwrap_or(1) != 1 {
        options.push(format!("CACHE {}", sequence.integer("cache").unwrap_or(1)));
    }
    if sequence.flag("cycle") {
        options.push("CYCLE".to_owned());
    }
    options
}

fn is_identity(object: &Object) -> bool {
    !object.list("identity_of").is_empty()
}

/// Stands for the bounds of an identity column's sequence fitting the column's new type, which changes the sequence's with it.
pub fn fits(sequence: &ObjectId) -> ObjectId {
    stands_for("fits", sequence)
}

/// Whether the bounds of the base are too wide for the target's type, and Postgres does not narrow them by itself.
fn too_wide(before: &Object, after: &Object) -> bool {
    let old = range(before.text("type").unwrap_or("bigint"));
    let new = range(after.text("type").unwrap_or("bigint"));
    let outside = |bound: Option<i64>, usual: i64| bound.is_some_and(|at| at != usual && (at < new.0 || at > new.1));
    outside(before.integer("minimum"), old.0) || outside(before.integer("maximum"), old.1)
}

/// Carries over where `before`, of the base and by now named `from`, stands.
fn carry(before: &Object, from: &str, after: &Object, out: &mut Actions<'_>) -> ObjectId {
    let text = |name: &str| after.integer(name).unwrap_or_default();
    let narrower = before.integer("minimum") < after.integer("minimum") || before.integer("maximum") > after.integer("maximum");
    let within =
        if narrower { format!(" WHERE last_value BETWEEN {} AND {}", text("minimum"), text("maximum")) } else { String::new() };
    let name = sql::literal(&sql::name(after));
    let action =
        out.other(after, Verb::Alter, format!("SELECT pg_catalog.setval({name}, last_value, is_called) FROM {from}{within}"));
    let mark = stands_for("carried", &before.id);
    action.needs.push(after.id.clone());
    action.creates.push(mark.clone());
    mark
}

/// Stands for a sequence having the name under which it waits.
fn waits(sequence: &ObjectId) -> ObjectId {
    stands_for("waits", sequence)
}

/// A column becomes an identity column, or is none any more: its new sequence goes on where the old one stands. The old one waits under
/// another name where the new one has its own. Returns what the old one's end must wait for, and what it is named then.
pub fn succeed(cx: &Context<'_>, column: &ObjectId, out: &mut Actions<'_>) -> Option<(ObjectId, ObjectId)> {
    let before = cx.base.parts_of(column, Kind::Sequence).next()?;
    let after = cx.target.parts_of(column, Kind::Sequence).next()?;
    let renamed = before.id == after.id;
    let waiting = if renamed { swap::old_id(&before.id) } else { before.id.clone() };
    let from = sql::qualified(&waiting.path);
    let mark = carry(before, &from, after, out);
    if let Some(action) = out.all.last_mut() {
        action.releases.push(waiting.clone());
        if renamed {
            action.needs.push(waits(&waiting));
        }
    }
    if renamed {
        let text = format!("ALTER SEQUENCE {} RENAME TO {}", sql::name(before), sql::ident(waiting.name()));
        let action = out.other(before, Verb::Drop, text);
        action.destroys.push(before.id.clone());
        action.creates.push(waits(&waiting));
    }
    Some((mark, waiting))
}

/// The sequence of a column that was an identity column before, and whose sequence had another name.
fn rename_identity(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let Some(column) = object.parent.as_ref().filter(|column| !cx.appears(column)) else { return };
    let Some(before) = cx.base.parts_of(column, Kind::Sequence).find(|sequence| is_identity(sequence)) else { return };
    let mut name = before.id.path.clone();
    if before.id.path.first() != object.id.path.first() {
        let schema = object.id.path.first().map_or("", String::as_str);
        let action =
            out.other(object, Verb::Alter, format!("ALTER SEQUENCE {} SET SCHEMA {}", sql::qualified(&name), sql::ident(schema)));
        action.creates.push(object.id.clone());
        action.destroys.push(before.id.clone());
        name = [&[schema.to_owned()], name.get(1..).unwrap_or_default()].concat().into();
    }
    if before.id.name() != object.id.name() {
        let action = out.other(
            object,
            Verb::Alter,
            format!("ALTER SEQUENCE {} RENAME TO {}", sql::qualified(&name), sql::ident(object.id.name())),
        );
        action.creates.push(object.id.clone());
        action.destroys.push(before.id.clone());
    }
    let changed = ["type", "start", "increment", "minimum", "maximum", "cache", "cycle"];
    change_options(
        before,
        object,
        changed.into_iter().filter(|name| before.attributes.get(name) != object.attributes.get(name)),
        out,
    );
}

fn change_options(before: &Object, after: &Object, changed: impl Iterator<Item = &'static str>, out: &mut Actions<'_>) {
    let mut parts = Vec::new();
    let early = is_identity(before) && is_identity(after) && too_wide(before, after);
    for name in changed.filter(|name| !(early && *name == "type")) {
        let number = after.integer(name).unwrap_or_default();
        match name {
            "type" => parts.push(format!("AS {}", after.text("type").unwrap_or("bigint"))),
            "start" => parts.push(format!("START WITH {number}")),
            "increment" => parts.push(format!("INCREMENT BY {number}")),
            "minimum" => parts.push(format!("MINVALUE {number}")),
            "maximum" => parts.push(format!("MAXVALUE {number}")),
            "cache" => parts.push(format!("CACHE {number}")),
            "cycle" => parts.push(if after.flag("cycle") { "CYCLE" } else { "NO CYCLE" }.to_owned()),
            _ => {}
        }
    }
    if parts.is_empty() {
        return;
    }
    let name = sql::name(after);
    let mut text = format!("ALTER SEQUENCE {name} {}", parts.join(" "));
    // Where a fresh sequence stands would be outside of its bounds, which Postgres refuses; one that is in use may stand elsewhere.
    if let (Some(start), Some(minimum), Some(maximum)) =
        (before.integer("start"), after.integer("minimum"), after.integer("maximum"))
        && !(minimum..=maximum).contains(&start)
    {
        let outside = format!("(SELECT last_value NOT BETWEEN {minimum} AND {maximum} FROM {name})");
        text = format!("DO {}", sql::literal(&format!("BEGIN IF {outside} THEN {text} RESTART; ELSE {text}; END IF; END")));
    }
    let action = out.alter(after, text);
    if early {
        action.needs.clear();
        action.creates.push(fits(&after.id));
    } else {
        action.needs.push(after.id.clone());
    }
}

fn own<'o>(object: &Object, out: &'o mut Actions<'_>) -> &'o mut Action {
    let owner = object.list("owned_by");
    let owner = if owner.is_empty() { "NONE".to_owned() } else { sql::qualified(owner) };
    out.alter(object, format!("ALTER SEQUENCE {} OWNED BY {owner}", sql::name(object)))
}

/// Stands for a sequence being its column's.
fn owned(sequence: &ObjectId) -> ObjectId {
    stands_for("owned", sequence)
}

/// A new sequence becomes its column's. Postgres wants it to have the table's owner then, and gives it the table's new one with that.
fn own_new(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let table = cx.target.line(&object.id).find(|id| matches!(id.kind, Kind::Table | Kind::ForeignTable));
    let before = table.filter(|table| !cx.appears(table)).and_then(|table| cx.base.get(table)?.text("owner"));
    let handed = before.filter(|owner| *owner != cx.base.catalog.reader).map(|owner| {
        let mark = stands_for("handed", &object.id);
        owner::give(object, owner, out).creates.push(mark.clone());
        mark
    });
    let action = own(object, out);
    action.needs.extend(handed);
    action.creates.push(owned(&object.id));
}

/// New sequences of a table, which become its columns' before it changes hands.
pub fn owned_by(cx: &Context<'_>, table: &ObjectId) -> Vec<ObjectId> {
    let parts = cx.target.descendants(table).into_iter().filter(|part| part.id.kind == Kind::Sequence && cx.appears(&part.id));
    parts.filter(|sequence| !sequence.list("owned_by").is_empty()).map(|sequence| owned(&sequence.id)).collect()
}

/// A table takes its sequences along when it becomes logged or unlogged: those that are not to be as it is are set back.
pub fn keep_persistence(cx: &Context<'_>, table: &Object, out: &mut Actions<'_>) {
    if cx.base.catalog.server_version < 150_000 {
        return;
    }
    for sequence in cx.target.descendants(&table.id).into_iter().filter(|part| part.id.kind == Kind::Sequence) {
        if sequence.flag("unlogged") != table.flag("unlogged") && !cx.appears(&sequence.id) {
            set_persistence(sequence, out).needs.push(table.id.clone());
        }
    }
}

fn set_persistence<'a>(sequence: &Object, out: &'a mut Actions<'_>) -> &'a mut Action {
    let how = if sequence.flag("unlogged") { "UNLOGGED" } else { "LOGGED" };
    out.alter(sequence, format!("ALTER SEQUENCE {} SET {how}", sql::name(sequence)))
}

/// Whether a sequence's table becomes logged or unlogged, and the sequence with it.
fn goes_with_table(cx: &Context<'_>, sequence: &Object) -> bool {
    cx.target.line(&sequence.id).any(|id| matches!(id.kind, Kind::Table) && cx.alters(id, "unlogged"))
}

impl Rule for SequenceRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Sequence]
    }

    fn verdict(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let becomes = is_identity(before) != is_identity(after)
            || is_identity(after) && before.list("identity_of") != after.list("identity_of");
        let logged = change.concerns("unlogged") && cx.base.catalog.server_version < 150_000;
        if becomes || logged && !is_identity(after) { Verdict::Replace } else { Verdict::Alter }
    }

    fn react(&self, _cx: &Context<'_>, _object: &Object, _need: &Object) -> Reaction {
        Reaction::Nothing
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if is_identity(object) {
            rename_identity(cx, object, out);
            return;
        }
        let unlogged = if object.flag("unlogged") { "UNLOGGED " } else { "" };
        let options: String = options(object, None).iter().map(|option| format!(" {option}")).collect();
        let action = out.create(object, format!("CREATE {unlogged}SEQUENCE {}{options}", sql::name(object)));
        // The column's default needs the sequence; that the column owns it is said afterwards.
        action.needs.retain(|need| Some(need) != object.parent.as_ref() && !matches!(need.kind, Kind::Table | Kind::Column));
        if !object.list("owned_by").is_empty() {
            own_new(cx, object, out);
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        change_options(before, after, change.attributes.iter().map(|attribute| attribute.name), out);
        if change.concerns("unlogged") && !goes_with_table(cx, after) {
            set_persistence(after, out);
        }
        if before.list("owned_by") != after.list("owned_by") {
            own(after, out);
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if is_identity(object) {
            // The column's statements do.
            return;
        }
        // The column becomes an identity column, and its sequence goes on where this one stands.
        let becomes = object.parent.as_ref().filter(|column| {
            let identity = |column: &&Object| column.text("identity").is_some();
            cx.target.get(column).filter(identity).is_some() && !cx.vanishes(column) && !cx.appears(column)
        });
        if let Some((mark, waiting)) = becomes.and_then(|column| succeed(cx, column, out)) {
            let mut old = object.clone();
            old.id.clone_from(&waiting);
            let action = out.other(&old, Verb::Drop, format!("DROP SEQUENCE {}", sql::qualified(&waiting.path)));
            action.needs.push(mark);
            action.destroys.push(waiting);
            action.releases.extend(object.parent.iter().chain(&object.needs).cloned());
            return;
        }
        out.drop(object, format!("DROP SEQUENCE {}", sql::name(object)));
    }
}
