//! `user_catalog_table`: as long as a table has this storage parameter, Postgres does not rewrite it.

use super::{
    super::{
        native::{Actions, Context, Verb, stands_for},
        sql,
    },
    table,
};
use crate::catalog::{Kind, Object, ObjectId};

const PARAMETER: &str = "user_catalog_table";

/// Stands for a table having been rewritten, for all that this plan has to rewrite it for.
pub fn rewritten(table: &ObjectId) -> ObjectId {
    stands_for("rewritten", table)
}

/// The same for a column's table, and the tables below it that have the column.
pub fn rewritten_with(cx: &Context<'_>, column: &Object) -> Vec<ObjectId> {
    let whole = column.parent.iter().filter(|whole| whole.kind == Kind::Table);
    whole
        .flat_map(|whole| {
            let below = table::offspring(&cx.target, whole).into_iter().map(|table| rewritten(&table.id));
            below.chain([rewritten(whole)]).collect::<Vec<_>>()
        })
        .collect()
}

fn as_catalog(table: &Object) -> Option<&String> {
    table.list("options").iter().find(|option| sql::option_name(option) == PARAMETER)
}

/// The parameters of a table without that which [`frame`] sees to.
fn others(table: &Object) -> Object {
    let options: Vec<String> = table.list("options").iter().filter(|option| Some(*option) != as_catalog(table)).cloned().collect();
    let mut table = table.clone();
    table.attributes.remove("options");
    table.with_list("options", options)
}

/// Whether one side has the parameter.
fn concerns(before: &Object, after: &Object) -> bool {
    as_catalog(before).is_some() || as_catalog(after).is_some()
}

/// The other parameters, where [`frame`] does not set them too.
pub fn set_options(before: &Object, after: &Object, out: &mut Actions<'_>) {
    let table = format!("ALTER {} {}", sql::noun(after.id.kind), sql::name(after));
    if !concerns(before, after) {
        table::set_options(&table, before, after, "options", out);
    }
}

/// Takes the parameter off before a table is rewritten, and gives it afterwards, in its place among the others.
pub fn frame(cx: &Context<'_>, out: &mut Actions<'_>) {
    for before in cx.base.catalog.of_kind(Kind::Table) {
        let after = cx.target.get(&before.id).filter(|after| concerns(before, after) && !cx.vanishes(&before.id));
        let Some(after) = after else { continue };
        let (name, mark, free) =
            (format!("ALTER TABLE {}", sql::name(after)), rewritten(&before.id), stands_for("no catalog", &before.id));
        let rewrites = out.all.iter().any(|action| action.creates.contains(&mark));
        let mut old = before.clone();
        if as_catalog(before).is_some() && (rewrites || as_catalog(after).is_none()) {
            for action in out.all.iter_mut().filter(|action| action.creates.contains(&mark)) {
                action.needs.push(free.clone());
            }
            let action = out.other(after, Verb::Alter, format!("{name} RESET ({PARAMETER})"));
            action.creates.push(free.clone());
            old = others(before);
        }
        let first = out.all.len();
        table::set_options(&name, &old, after, "options", out);
        for action in out.all.iter_mut().skip(first) {
            action.needs.extend([mark.clone(), free.clone()]);
        }
    }
}
