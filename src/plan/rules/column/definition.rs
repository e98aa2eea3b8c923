//! What a new column is written as, and what is set on it afterwards.

use super::{
    super::{
        super::{
            native::{Actions, Context},
            sql,
        },
        foreign, table,
    },
    alter_whole, collate,
    default::of_parent,
    identity,
    inheritance::stands_alone,
    not_null,
};
use crate::catalog::{Kind, Object};

/// `name type ...` as in CREATE TABLE and ADD COLUMN; adds the parts it makes (default, identity sequence) to `parts`.
pub fn definition<'a>(cx: &Context<'a>, column: &Object, typed: bool, parts: &mut Vec<&'a Object>) -> Option<String> {
    let mut text = sql::ident(column.id.name());
    if !typed {
        text.push_str(&format!(" {}", column.text("type").unwrap_or_default()));
        if !column.list("foreign_options").is_empty() {
            text.push_str(&format!(" OPTIONS ({})", foreign::options(column.list("foreign_options"))));
        }
        text.push_str(&collate(column));
    }
    // A column of a typed table stands there only where there is more to say than what its type does.
    let mut said = !typed;
    let mut add = |text: &mut String, clause: &str| {
        text.push_str(if said { "" } else { " WITH OPTIONS" });
        text.push_str(clause);
        said = true;
    };
    if let (Some(how), Some(expression)) = (column.text("generated"), column.text("expression")) {
        text.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {how}"));
    }
    for default in cx.target.parts_of(&column.id, Kind::Default) {
        if !cx.split.contains(&default.id) {
            let inherited = !stands_alone(cx, column);
            if inherited && !of_parent(cx, column, default) {
                continue;
            }
            parts.push(default);
            add(&mut text, &format!(" DEFAULT {}", default.text("expression").unwrap_or_default()));
        }
    }
    if let Some((clause, sequence)) = identity::clause(cx, column) {
        parts.push(sequence);
        text.push_str(&clause);
    }
    if column.flag("not_null") && !column.flag("not_null_not_valid") {
        add(&mut text, &not_null::clause(cx, column));
    }
    said.then_some(text)
}

/// Storage, compression, statistics target and options, where they differ from `before` or, without it, from the default.
pub fn settings(cx: &Context<'_>, before: Option<&Object>, after: &Object, out: &mut Actions<'_>) {
    let differs = |name: &str| match before {
        Some(before) => before.attributes.get(name) != after.attributes.get(name),
        None => after.attributes.contains_key(name),
    };
    let alone = after.parent.as_ref().is_some_and(|whole| whole.kind == Kind::Table);
    let start = if alone { format!("ALTER TABLE ONLY {}", sql::whole(&after.id)) } else { alter_whole(after) };
    let column = format!("{start} ALTER COLUMN {}", sql::ident(after.id.name()));
    if differs("storage") {
        let how = after.text("storage").or(after.text("type_storage")).unwrap_or("EXTENDED");
        out.alter(after, format!("{column} SET STORAGE {how}"));
    }
    if differs("compression") {
        out.alter(after, format!("{column} SET COMPRESSION {}", after.text("compression").unwrap_or("DEFAULT")));
    }
    if differs("statistics") {
        out.alter(after, format!("{column} SET STATISTICS {}", after.integer("statistics").unwrap_or(-1)));
    }
    if differs("options") {
        let blank = Object::new(after.id.clone());
        table::set_options(&column, before.unwrap_or(&blank), after, "options", out);
    }
    if before.is_none() {
        not_null::add_not_valid(cx, after, out);
    }
}
