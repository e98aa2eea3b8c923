//! Names in messages and in statements.

use super::definition;
use crate::{
    catalog::{Kind, Object, ObjectId},
    plan::sql,
};

/// A name or text of somebody else's in a message: between backticks, and without any of its own.
pub fn quoted(text: &str) -> String {
    format!("`{}`", text.replace('`', "\u{2019}"))
}

/// An object's name in a message.
pub fn name(object: &ObjectId) -> String {
    quoted(&object.to_string())
}

/// A kind in words: `materialized view`.
pub fn kind_words(kind: Kind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name.replace('-', " "),
        _ => "object".into(),
    }
}

/// A kind at the beginning of a sentence.
pub fn kind_title(kind: Kind) -> String {
    let words = kind_words(kind);
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Names one after the other, for a message.
pub fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// The first `n` names of a path as SQL: `public."Order"`.
pub fn qualified(path: &[String], n: usize) -> String {
    path.iter().take(n).map(|name| sql::ident(name)).collect::<Vec<_>>().join(".")
}

/// The relation of a column, constraint, trigger or policy as SQL.
pub fn relation_sql(object: &ObjectId) -> String {
    qualified(&object.path, 2)
}

/// The last name of a path as SQL.
pub fn last_sql(object: &ObjectId) -> String {
    object.path.last().map(|name| sql::ident(name)).unwrap_or_default()
}

/// The last name of a path.
pub fn last_name(object: &ObjectId) -> &str {
    object.path.last().map(String::as_str).unwrap_or_default()
}

/// Schema and name of an index as SQL: its path may have its table between them.
pub fn index_sql(index: &ObjectId) -> String {
    match (index.path.first(), index.path.last()) {
        (Some(schema), Some(name)) if index.path.len() > 1 => format!("{}.{}", sql::ident(schema), sql::ident(name)),
        _ => last_sql(index),
    }
}

/// A routine as SQL names it, with its argument types.
pub fn routine_sql(function: &Object) -> String {
    let name = function.text("sql").map_or_else(|| last_name(&function.id).to_string(), str::to_string);
    if name.contains('.') { name } else { format!("{}.{name}", qualified(&function.id.path, 1)) }
}

/// `CREATE INDEX CONCURRENTLY …` from the server's own definition of an index.
pub fn concurrently(index: &Object) -> Option<String> {
    let definition = definition(index);
    let rest = definition.strip_prefix("CREATE UNIQUE INDEX ").map(|rest| ("UNIQUE ", rest));
    let (unique, rest) = rest.or_else(|| definition.strip_prefix("CREATE INDEX ").map(|rest| ("", rest)))?;
    Some(format!("CREATE {unique}INDEX CONCURRENTLY {rest};"))
}
