//! Columns of tables, views and composite types, and their defaults.
//!
//! The columns of a new table are written by the table's rule, those of a view by the view. Each file of `column/` is about one thing
//! that a column has: a default, an identity, an expression that computes it, NOT NULL, a type.

use super::{
    super::{
        native::{Actions, Context, Reaction, Rule, Verdict},
        online, sql,
    },
    constraint, foreign, table, types, user_catalog,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

mod attribute;
mod default;
mod definition;
mod generated;
mod identity;
mod inheritance;
mod not_null;
mod retype;
mod rows;

use self::{
    attribute::{follows_type, of_type},
    generated::{can_be_emptied, is_emptied, is_of_its_type, keeps_values},
    inheritance::{below, follows_parent},
};
pub use self::{
    default::{DefaultRule, drop_default},
    definition::{definition, settings},
    generated::may_take_off,
    identity::identity_moves,
    inheritance::{followers, stands_alone},
    not_null::{inherited_not_null, owns_not_null, without_not_null},
    retype::conversion,
    rows::holders_of_row,
};

pub struct ColumnRule;

fn of_view(object: &Object) -> bool {
    object.parent.as_ref().is_some_and(|whole| matches!(whole.kind, Kind::View | Kind::MaterializedView))
}

/// `ALTER TABLE name` as it fits what the column belongs to.
fn alter_whole(column: &Object) -> String {
    let noun = column.parent.as_ref().map_or("TABLE", |whole| sql::noun(whole.kind));
    format!("ALTER {noun} {}", sql::whole(&column.id))
}

/// ` COLLATE name`, where a column has a collation of its own.
pub fn collate(column: &Object) -> String {
    column.text("collation").map(|collation| format!(" COLLATE {collation}")).unwrap_or_default()
}

/// Whether the column is in its table's partition key, before or after.
fn in_partition_key(cx: &Context<'_>, column: &Object) -> bool {
    let name = sql::ident(column.id.name());
    let word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '"';
    let names =
        |key: &str| key.split(|letter| !word(letter)).any(|token| token == name) || name.contains(' ') && key.contains(&name);
    [&cx.base, &cx.target].into_iter().any(|side| {
        column.parent.as_ref().and_then(|whole| side.get(whole)).and_then(|whole| whole.text("partition_key")).is_some_and(names)
    })
}

impl Rule for ColumnRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Column]
    }

    fn verdict(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        if of_type(after) {
            let used = after.parent.as_ref().is_some_and(|whole| types::in_tables(cx, whole));
            return if used && (change.concerns("type") || change.concerns("collation")) {
                Verdict::SwapWhole
            } else {
                Verdict::Alter
            };
        }
        if (change.concerns("type") || change.concerns("collation")) && in_partition_key(cx, after) {
            return Verdict::ReplaceWhole;
        }
        let child = after.parent.as_ref().and_then(|whole| cx.target.get(whole));
        if change.concerns("also_own") && child.is_some_and(|child| table::is_own_otherwise(cx, child)) {
            return Verdict::ReplaceWhole;
        }
        // It cannot be changed by way of one table above while it is inherited from another.
        if change.concerns("type") && after.integer("inherited").unwrap_or_default() > 1 && follows_parent(cx, after) {
            return Verdict::ReplaceWhole;
        }
        if follows_type(cx, after) {
            return Verdict::Alter;
        }
        if change.concerns("not_null_name")
            && before.flag("not_null")
            && follows_parent(cx, after)
            && not_null::is_renamed_under_parent(cx, before, after)
        {
            return Verdict::Relink;
        }
        if change.concerns("not_null_own") && follows_parent(cx, after) && !not_null::can_pass(cx, before, after) {
            return Verdict::ReplaceWhole;
        }
        if of_view(after) || follows_parent(cx, after) {
            return Verdict::Alter;
        }
        if change.concerns("generated") {
            let expression_dropped = after.text("generated").is_none() && before.text("generated") == Some("STORED");
            return if expression_dropped { Verdict::Alter } else { Verdict::Replace };
        }
        if change.concerns("expression") && cx.base.catalog.server_version < 170_000 {
            return Verdict::Replace;
        }
        Verdict::Alter
    }

    fn around(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, dependent: &Object) -> Reaction {
        if of_view(after) {
            return Reaction::Nothing;
        }
        let replace = |so: bool| if so { Reaction::Replace } else { Reaction::Nothing };
        let (old, new) = (before.text("bare_type"), after.text("bare_type"));
        let swapped = retype::is_swapped(cx, before) || !rows::changing_rows(cx, before).is_empty();
        match dependent.id.kind {
            Kind::Default => {
                return replace(
                    change.concerns("type") && (old != new || swapped)
                        || change.concerns("identity")
                        || change.concerns("generated"),
                );
            }
            // The comment on a NOT NULL constraint that is made anew.
            Kind::Comment => return replace(dependent.text("constraint").is_some() && change.concerns("not_null_not_valid")),
            _ => {}
        }
        if !change.concerns("type") && !change.concerns("collation") && !change.concerns("expression") {
            return Reaction::Nothing;
        }
        match dependent.id.kind {
            Kind::View
            | Kind::MaterializedView
            | Kind::Rule
            | Kind::Policy
            | Kind::Trigger
            | Kind::Function
            | Kind::Procedure
            | Kind::Publication => replace(!change.concerns("expression") || change.concerns("type")),
            Kind::Column if keeps_values(cx, dependent) => Reaction::Nothing,
            Kind::Column if dependent.text("generated").is_some() && (change.concerns("type") || change.concerns("collation")) => {
                if can_be_emptied(cx, dependent) {
                    Reaction::Alter("expression")
                } else {
                    Reaction::Replace
                }
            }
            Kind::Constraint if dependent.text("form") == Some("f") => {
                const NUMBERS: &[&str] = &["smallint", "integer", "bigint"];
                const TEXTS: &[&str] = &["text", "character varying"];
                let both =
                    |group: &[&str]| old.is_some_and(|old| group.contains(&old)) && new.is_some_and(|new| group.contains(&new));
                replace((old != new || swapped) && !both(NUMBERS) && !both(TEXTS))
            }
            // A check may refuse what the column holds while it is empty.
            Kind::Constraint if dependent.text("form") == Some("c") && change.concerns("expression") && is_emptied(cx, before) => {
                Reaction::Replace
            }
            Kind::Constraint | Kind::Index => replace(swapped),
            _ => Reaction::Nothing,
        }
    }

    fn react(&self, cx: &Context<'_>, object: &Object, need: &Object) -> Reaction {
        if of_view(object) {
            return Reaction::ReplaceWhole;
        }
        if of_type(object) && object.parent.as_ref().is_some_and(|whole| types::in_tables(cx, whole)) {
            return Reaction::SwapWhole;
        }
        match need.id.kind {
            Kind::Type | Kind::Domain if in_partition_key(cx, object) => Reaction::ReplaceWhole,
            Kind::Function | Kind::Operator if can_be_emptied(cx, object) => Reaction::Alter("expression"),
            _ if keeps_values(cx, object) && !is_of_its_type(&need.id) => Reaction::Nothing,
            _ if object.text("generated").is_some() => Reaction::Replace,
            Kind::Type | Kind::Domain => Reaction::Alter("type"),
            Kind::Sequence => Reaction::Nothing,
            Kind::Collation => Reaction::Alter("collation"),
            _ => Reaction::Alter("type"),
        }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if of_view(object) {
            return;
        }
        if of_type(object) {
            return attribute::create(cx, object, out);
        }
        if follows_type(cx, object) {
            // The type's statement brings the column alone.
            if object.flag("not_null") {
                not_null::set(cx, object, out);
            }
            settings(cx, None, &without_not_null(object), out);
            return;
        }
        let joins = follows_parent(cx, object);
        if joins && !object.flag("local") {
            settings(cx, None, object, out);
            return;
        }
        let mut parts = Vec::new();
        let later = online::column::is_filled_afterwards(cx, object);
        // The one above hands its NOT NULL down to those that are there since Postgres 18.
        let handed_down = joins && !owns_not_null(cx, object) && cx.base.catalog.server_version >= 180_000;
        let bare = (later || handed_down).then(|| without_not_null(object));
        let Some(text) = definition(cx, bare.as_ref().unwrap_or(object), false, &mut parts) else { return };
        // Those that are their tables' own too are made before, and become one with this.
        let (own, below): (Vec<&Object>, Vec<&Object>) = below(&cx.target, object)
            .iter()
            .filter_map(|id| cx.target.get(id))
            .filter(|column| follows_parent(cx, column))
            .partition(|column| column.flag("local"));
        let filled = !parts.is_empty() || object.text("generated").is_some() || object.text("type_kind") == Some("d");
        let mut made = parts;
        for column in below {
            made.push(column);
            let same = |default: &&Object| default::of_parent(cx, column, default);
            made.extend(cx.target.parts_of(&column.id, Kind::Default).filter(same));
        }
        let action = out.create_with(object, &made, format!("{} ADD COLUMN {text}", alter_whole(object)));
        action.creates.extend(filled.then(|| user_catalog::rewritten_with(cx, object)).into_iter().flatten());
        action.needs.extend(object.parent.as_ref().map(table::link_gone));
        action.needs.extend(own.into_iter().map(|column| column.id.clone()));
        action.needs.retain(|need| need.kind != Kind::Table || Some(need) == object.parent.as_ref() || object.needs.contains(need));
        settings(cx, None, object, out);
        if later {
            online::column::fill(cx, object, out);
            if object.flag("not_null") && !object.flag("not_null_not_valid") {
                not_null::set(cx, object, out);
            }
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let first = out.all.len();
        alter(cx, before, after, change, out);
        // What a table above holds is changed when it is let go.
        let table = after.parent.as_ref().and_then(|whole| cx.base.get(whole));
        if let Some(table) = table.filter(|_| !follows_parent(cx, after)) {
            for action in out.all.iter_mut().skip(first).filter(|action| action.subject == after.id) {
                action.needs.push(table::link_gone(&table.id));
            }
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if of_view(object) {
            return;
        }
        if of_type(object) {
            return attribute::drop(cx, object, out);
        }
        if follows_type(cx, object) || follows_parent(cx, object) && !object.flag("local") {
            return;
        }
        let below = below(&cx.base, object);
        let kept = below.iter().any(|id| cx.target.get(id).is_some() && !cx.replaced.contains(id));
        let start = if kept { format!("ALTER TABLE ONLY {}", sql::whole(&object.id)) } else { alter_whole(object) };
        let table = object.parent.as_ref().and_then(|whole| cx.base.get(whole));
        let action = out.drop(object, format!("{start} DROP COLUMN {}", sql::ident(object.id.name())));
        action.needs.extend(table.map(|table| table::link_gone(&table.id)));
        // What is its table's own beside what comes from above goes when that is gone.
        let above = table.into_iter().flat_map(|table| table::ancestors(&cx.base, table));
        action.needs.extend(above.map(|above| constraint::gone(&above.id.part(Kind::Column, object.id.name()))));
        action.creates.push(constraint::gone(&object.id));
        if !kept {
            let own = |id: &ObjectId| cx.base.get(id).is_some_and(|column| column.flag("local"));
            action.destroys.extend(below.into_iter().filter(|id| !own(id)));
        }
    }
}

/// Changes one thing after the other, as each needs it: no expression and no identity where the type changes, NOT NULL for an identity.
fn alter(cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
    if after.parent.as_ref().is_some_and(|whole| whole.kind == Kind::View) {
        return;
    }
    if of_type(after) {
        return attribute::alter(cx, after, change, out);
    }
    let follows = follows_parent(cx, after);
    if change.concerns("generated") && after.text("generated").is_none() && !follows {
        generated::drop_expression(cx, before, after, out);
    }
    let identity = change.concerns("identity") && !follows;
    if identity && !identity::fits(after) {
        identity::take_off(cx, before, after, out);
    }
    let expression = change.concerns("expression") && after.text("expression").is_some();
    let emptied = expression && !follows && is_emptied(cx, before);
    if emptied {
        generated::empty(cx, before, after, out);
    }
    if (change.concerns("type") || change.concerns("collation")) && !of_view(after) && !follows && !follows_type(cx, after) {
        retype::retype(cx, before, after, emptied, out);
    }
    if expression && !(follows && generated::changes_above(cx, after)) {
        generated::change_expression(cx, before, after, out);
    }
    if identity && identity::fits(after) {
        identity::take_off(cx, before, after, out);
    }
    not_null::alter(cx, before, after, change, out);
    if identity {
        identity::set(cx, before, after, out);
    }
    if change.concerns("foreign_options") {
        let options = foreign::changed_options(before.list("foreign_options"), after.list("foreign_options"));
        let column = format!("{} ALTER COLUMN {}", alter_whole(after), sql::ident(after.id.name()));
        out.alter(after, format!("{column} OPTIONS ({options})"));
    }
    settings(cx, Some(before), after, out);
}
