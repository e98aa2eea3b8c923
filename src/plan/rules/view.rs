//! Views and materialized views.
//!
//! A view is replaced in place as long as its columns stay and new ones come at the end (what CREATE OR REPLACE VIEW accepts). A materialized
//! view has no such statement.

use super::{
    super::{
        native::{Actions, Context, Rule, Side, Verb, Verdict, stands_for},
        sql,
    },
    column, table,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct ViewRule;

/// What stands after the view's name, and its query.
fn query(object: &Object) -> (String, String) {
    let definition = object.text("definition").unwrap_or_default().trim();
    values(definition).unwrap_or_else(|| (String::new(), definition.to_owned()))
}

/// The columns and the VALUES of `CREATE VIEW v (x, y) AS VALUES ...`, which the server prints as a SELECT that is another query when it
/// is parsed again (`get_simple_values_rte` in ruleutils.c).
fn values(definition: &str) -> Option<(String, String)> {
    const ALIAS: &str = ") \"*VALUES*\"";
    let (list, rest) = definition.strip_prefix("SELECT ")?.split_once("\n   FROM (VALUES ")?;
    let (values, end) = rest.split_once(ALIAS)?;
    let ends = end.is_empty() || ["ORDER BY ", "LIMIT ", "OFFSET "].iter().any(|clause| end.trim_start().starts_with(clause));
    if !ends || end.contains(ALIAS) {
        return None;
    }
    let mut names = Vec::new();
    for (at, item) in list.split(",\n    ").enumerate() {
        let item = item.strip_prefix("\"*VALUES*\".").unwrap_or(item);
        let (column, name) = item.split_once(" AS ").unwrap_or((item, item));
        names.push((column == format!("column{}", at + 1)).then_some(name)?);
    }
    Some((format!(" ({})", names.join(", ")), format!("VALUES {values}{end}")))
}

fn options(object: &Object) -> String {
    let options: Vec<String> = object.list("options").iter().map(|option| sql::option(option)).collect();
    if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) }
}

/// What stands after a view's name.
fn after_name(object: &Object) -> String {
    let (names, query) = query(object);
    format!("{names}{} AS\n{query}", options(object))
}

/// A query with the columns of a view that reads nothing: the view can be there while what it reads is not.
fn no_query(side: &Side<'_>, object: &Object) -> String {
    let column = |column: &Object| {
        let (kind, name) = (column.text("type").unwrap_or_default(), sql::ident(column.id.name()));
        format!("NULL::{kind}{} AS {name}", column::collate(column))
    };
    format!("SELECT {}", side.parts_of(&object.id, Kind::Column).map(column).collect::<Vec<_>>().join(",\n    "))
}

/// What a view without its query needs.
fn needs_of_columns(side: &Side<'_>, object: &Object) -> Vec<ObjectId> {
    let columns = side.parts_of(&object.id, Kind::Column).flat_map(|column| column.needs.clone());
    let schema = object.needs.iter().filter(|need| need.kind == Kind::Schema).cloned();
    schema.chain(columns).filter(|need| *need != object.id).collect()
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
        let (name, rest) = (sql::name(object), after_name(object));
        if !cx.split.contains(&object.id) {
            out.create_with(object, &columns, format!("CREATE VIEW {name}{rest}"));
            return;
        }
        let hollow = format!("CREATE VIEW {name} AS\n{}", no_query(&cx.target, object));
        out.create_with(object, &columns, hollow).needs = needs_of_columns(&cx.target, object);
        out.alter(object, format!("CREATE OR REPLACE VIEW {name}{rest}")).needs.push(object.id.clone());
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
            let action = out.alter(after, format!("CREATE OR REPLACE VIEW {name}{}", after_name(after)));
            action.creates.extend(new);
        } else if change.concerns("options") {
            table::set_options(&format!("ALTER VIEW {name}"), before, after, "options", out);
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let name = sql::name(object);
        if !cx.split.contains(&object.id) {
            out.drop(object, format!("DROP VIEW {name}"));
            return;
        }
        let emptied = stands_for("emptied", &object.id);
        let hollow = format!("CREATE OR REPLACE VIEW {name} AS\n{}", no_query(&cx.base, object));
        let action = out.other(object, Verb::Drop, hollow);
        action.releases.extend(object.needs.iter().cloned());
        action.creates.push(emptied.clone());
        let action = out.drop(object, format!("DROP VIEW {name}"));
        action.releases = needs_of_columns(&cx.base, object);
        action.needs.push(emptied);
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
        let (names, query) = query(object);
        out.create_with(
            object,
            &columns,
            format!("CREATE MATERIALIZED VIEW {}{names}{method}{options}{space} AS\n{query}{data}", sql::name(object)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_said_as_values() {
        let said = |definition: &str| values(definition).map(|(names, query)| format!("v{names} AS {query}"));
        let found = said("SELECT column1 AS x,\n    column2 AS \"Y\"\n   FROM (VALUES (1,'a'::text), (2,'b'::text)) \"*VALUES*\"");
        assert_eq!(found.as_deref(), Some("v (x, \"Y\") AS VALUES (1,'a'::text), (2,'b'::text)"));
        let found = said("SELECT \"*VALUES*\".column1 AS x\n   FROM (VALUES (1)) \"*VALUES*\"\n  ORDER BY column1 DESC");
        assert_eq!(found.as_deref(), Some("v (x) AS VALUES (1)\n  ORDER BY column1 DESC"));
        for other in [
            "SELECT column2 AS x\n   FROM (VALUES (1,2)) \"*VALUES*\"",
            "SELECT column1 AS x\n   FROM (VALUES (1)) \"*VALUES*\"\n  WHERE (column1 > 0)",
            "SELECT column1 AS x\n   FROM (VALUES (1)) \"*VALUES*\"\nUNION\n SELECT column1 AS x\n   FROM (VALUES (2)) \"*VALUES*\"",
            "SELECT v.x\n   FROM ( VALUES (1)) v(x)",
        ] {
            assert_eq!(said(other), None, "{other}");
        }
    }
}
