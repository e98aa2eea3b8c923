//! Settings of the database, and the database itself, which is never made or dropped.

use super::super::{
    native::{Actions, Context, Rule},
    sql,
};
use crate::catalog::{Change, Kind, Object};

pub struct SettingRule;

/// Settings whose value is a list of names, quoted one by one (`variable_is_guc_list_quote` in pg_dump's dumputils.c).
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

fn value(name: &str, value: &str) -> String {
    if !LISTS.contains(&name) {
        return sql::literal(value);
    }
    let mut names = vec![String::new()];
    let mut quoted = false;
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                names.last_mut().into_iter().for_each(|name| name.push('"'));
            }
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(String::new()),
            letter if !quoted && letter.is_whitespace() => {}
            letter => names.last_mut().into_iter().for_each(|name| name.push(letter)),
        }
    }
    names.iter().map(|name| sql::literal(name)).collect::<Vec<_>>().join(", ")
}

fn statement(object: &Object, set: bool) -> String {
    let name = object.text("name").unwrap_or_default();
    let named = sql::qualified(&name.split('.').collect::<Vec<_>>());
    let what = if set {
        format!(" SET {named} TO {}", value(name, object.text("value").unwrap_or_default()))
    } else {
        format!(" RESET {named}")
    };
    match object.text("role") {
        Some(role) => sql::on_database(&format!("ALTER ROLE {} IN DATABASE ", sql::ident(role)), &what),
        None => sql::on_database("ALTER DATABASE ", &what),
    }
}

impl Rule for SettingRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Setting]
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, statement(object, true));
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        out.alter(after, statement(after, true));
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, statement(object, false));
    }
}
