//! Tables and foreign tables: made with their columns and the constraints that can stand inside, altered in place where Postgres can.
//!
//! Foreign keys are never written inside CREATE TABLE, so that tables may refer to each other. A partition is made as a table and attached,
//! so that its columns, indexes and constraints have the target's names and order.
//!
//! Each file of `table/` is about one thing: what a new table is written as, who is above and below, how that changes, checks that come
//! from above, types of tables, and what is set on them.

use super::{
    super::{
        native::{Actions, Context, Reaction, Rule, Verdict},
        sql,
    },
    column, foreign, rebuild, user_catalog,
};
use crate::catalog::{Change, Kind, Object};

mod checks;
mod definition;
mod inheritance;
mod link;
mod settings;
mod typed;

pub use self::{
    checks::{before_check, changes_hands, invalidated, validate_below},
    inheritance::{ancestors, children, is_own_otherwise, kept_parents, offspring, parents, stays_child},
    link::{detach_for_good, held_above, link, link_gone},
    settings::{marks, set_options},
    typed::{stays_typed, typed_by},
};

pub struct TableRule;

impl Rule for TableRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Table, Kind::ForeignTable]
    }

    fn verdict(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let replaces = change.attributes.iter().any(|attribute| match attribute.name {
            "partition_key" | "server" => true,
            "inherits" => is_own_otherwise(cx, after) || inheritance::parents_are_reordered(before, after),
            "of_type" => typed::typed_in_other_order(cx, after),
            "access_method" => cx.base.catalog.server_version < 150_000,
            _ => false,
        });
        if replaces { Verdict::Replace } else { Verdict::Alter }
    }

    fn around(&self, cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change, dependent: &Object) -> Reaction {
        let relinked = change.concerns("partition_of");
        if relinked && column::identity_moves(cx, dependent) { Reaction::Alter("identity") } else { Reaction::Nothing }
    }

    fn react(&self, cx: &Context<'_>, object: &Object, need: &Object) -> Reaction {
        let after = cx.target.get(&object.id);
        match need.id.kind {
            // Its rows go through the parent's new key.
            Kind::Table if object.text("partition_of").is_some() => Reaction::Replace,
            Kind::Table | Kind::ForeignTable if !object.list("inherits").is_empty() => {
                // The table above is gone for a while.
                if after.is_some_and(|after| is_own_otherwise(cx, after)) { Reaction::Replace } else { Reaction::Alter("inherits") }
            }
            Kind::Type if object.text("of_type").is_some() => {
                if after.is_some_and(|after| typed::typed_in_other_order(cx, after)) {
                    Reaction::Replace
                } else {
                    Reaction::Alter("of_type")
                }
            }
            Kind::Column | Kind::Default => Reaction::Nothing,
            _ => Reaction::Replace,
        }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        definition::create(cx, object, out);
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let table = format!("ALTER {} {}", sql::noun(after.id.kind), sql::name(after));
        let mut partition = false;
        for attribute in &change.attributes {
            match attribute.name {
                "unlogged" => settings::change_persistence(cx, after, out),
                "options" => user_catalog::set_options(before, after, out),
                "toast_options" => settings::set_toast_options(cx, &table, before, after, out),
                "tablespace" => {
                    let space = sql::ident(after.text("tablespace").unwrap_or("pg_default"));
                    out.alter(after, format!("{table} SET TABLESPACE {space}"));
                }
                "access_method" => {
                    let method = sql::ident(after.text("access_method").unwrap_or("heap"));
                    let action = out.alter(after, format!("{table} SET ACCESS METHOD {method}"));
                    action.creates.push(user_catalog::rewritten(&after.id));
                }
                "partition_of" | "partition_bound" | "detach_pending" if !partition => {
                    partition = true;
                    if let Some(parent) = before.text("partition_of") {
                        link::detach(cx, before, after, parent, out);
                    }
                    if after.text("partition_of").is_some() {
                        link::attach(cx, after, out);
                    }
                }
                "inherits" => link::inherit(cx, before, after, out),
                "validated_checks" => checks::validate_inherited(cx, before, after, out),
                "of_type" => typed::change_type_of(cx, before, after, out),
                "row_security" | "force_row_security" => settings::security(after, attribute.name, out),
                "replica_identity" => settings::change_identity(cx, after, out),
                "cluster_on" => settings::change_cluster(cx, after, out),
                "foreign_options" => {
                    let options = foreign::changed_options(before.list("foreign_options"), after.list("foreign_options"));
                    out.alter(after, format!("{table} OPTIONS ({options})"));
                }
                _ => {}
            }
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if rebuild::is_moved(cx, object) {
            rebuild::move_away(cx, object, out);
            return;
        }
        let mut detached = false;
        if let Some(parent) = object.text("partition_of") {
            detached = link::is_seen_by_keys(cx, object);
            if detached {
                detach_for_good(cx, object, parent, out);
            }
        }
        let action = out.drop(object, format!("DROP {}", sql::noun_and_name(object)));
        if detached {
            action.needs.push(link_gone(&object.id));
        } else {
            action.creates.push(link_gone(&object.id));
        }
    }
}
