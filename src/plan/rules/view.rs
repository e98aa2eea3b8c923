//! Views and materialized views.
//!
//! A view is replaced in place as long as its columns stay and new ones come at the end (what CREATE OR REPLACE VIEW accepts). A materialized
//! view has no such statement.

use super::{
    super::{
        native::{Actions, Context, Rule, Verdict},
        sql,
    },
    column, table,
};
use crate::catalog::{Change, Kind, Object};

pub struct ViewRule;

fn select(object: &Object) -> &str {
    object.text("definition").unwrap_or_default().trim()
}

fn options(object: &Object) -> String {
    let options: Vec<String> = object.list("options").iter().map(|option| sql::option(option)).collect();
    if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) }
}

/// Whether the base's columns are the first of the target's.
fn columns_stay(cx: &Context<'_>, object: &Object) -> bool {
    let facts =
        |column: &Object| (column.id.clone(), column.attributes.get("type").cloned(), column.attributes.get("collation").cloned());
    let old: Vec<_> = cx.base.parts_of(&object.id, Kind::Column).map(facts).collect();
    let new: Vec<_> = cx.target.parts_of(&object.id, Kind::Column).map(facts).collect();
    new.starts_with(&old)
}

impl Rule for ViewRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::View]
    }

    fn verdict(&self, cx: &Context<'_>, _before: &Object, after: &Object, change: &Change) -> Verdict {
        let definition = change.concerns("definition");
        if definition && !columns_stay(cx, after) { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let columns: Vec<&Object> = cx.target.parts_of(&object.id, Kind::Column).collect();
        out.create_with(object, &columns, format!("CREATE VIEW {}{} AS\n{}", sql::name(object), options(object), select(object)));
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let name = sql::name(after);
        if change.concerns("definition") {
            let new: Vec<_> = cx
                .target
                .parts_of(&after.id, Kind::Column)
                .filter(|column| cx.base.get(&column.id).is_none())
                .map(|column| column.id.clone())
                .collect();
            let action = out.alter(after, format!("CREATE OR REPLACE VIEW {name}{} AS\n{}", options(after), select(after)));
            action.creates.extend(new);
        } else if change.concerns("options") {
            table::set_options(&format!("ALTER VIEW {name}"), before, after, "options", out);
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP VIEW {}", sql::name(object)));
    }
}

pub struct MaterializedViewRule;

impl Rule for MaterializedViewRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::MaterializedView]
    }

    fn verdict(&self, cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change) -> Verdict {
        let replaces = change.attributes.iter().any(|attribute| match attribute.name {
            "definition" => true,
            "access_method" => cx.base.catalog.server_version < 150_000,
            _ => false,
        });
        if replaces { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let columns: Vec<&Object> = cx.target.parts_of(&object.id, Kind::Column).collect();
        let method = object.text("access_method").map(|method| format!(" USING {}", sql::ident(method))).unwrap_or_default();
        let space = object.text("tablespace").map(|space| format!(" TABLESPACE {}", sql::ident(space))).unwrap_or_default();
        let listed: Vec<String> =
            object.list("options").iter().chain(object.list("toast_options")).map(|option| sql::option(option)).collect();
        let options = if listed.is_empty() { String::new() } else { format!(" WITH ({})", listed.join(", ")) };
        let data = if object.flag("populated") { "" } else { "\nWITH NO DATA" };
        out.create_with(
            object,
            &columns,
            format!("CREATE MATERIALIZED VIEW {}{method}{options}{space} AS\n{}{data}", sql::name(object), select(object)),
        );
        for part in columns {
            column::settings(cx, None, part, out);
        }
    }

    fn alter(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let view = format!("ALTER MATERIALIZED VIEW {}", sql::name(after));
        for attribute in &change.attributes {
            match attribute.name {
                "options" | "toast_options" => table::set_options(&view, before, after, attribute.name, out),
                "tablespace" => {
                    out.alter(
                        after,
                        format!("{view} SET TABLESPACE {}", sql::ident(after.text("tablespace").unwrap_or("pg_default"))),
                    );
                }
                "access_method" => {
                    out.alter(
                        after,
                        format!("{view} SET ACCESS METHOD {}", sql::ident(after.text("access_method").unwrap_or("heap"))),
                    );
                }
                "cluster_on" => match after.text("cluster_on") {
                    Some(index) => {
                        out.alter(after, format!("{view} CLUSTER ON {}", sql::ident(index)));
                    }
                    None => {
                        out.alter(after, format!("{view} SET WITHOUT CLUSTER"));
                    }
                },
                _ => {}
            }
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP MATERIALIZED VIEW {}", sql::name(object)));
    }
}
