//! Foreign-data wrappers, servers and user mappings, whose options are masked wherever a statement is shown; and how options are written,
//! those of foreign tables and their columns too.

use super::super::{
    native::{Action, Actions, Context, Rule, Verdict},
    sql,
};
use crate::catalog::{Change, Kind, Object};

pub struct ForeignRule;

/// What a masked value is shown as; the same whatever it hides.
pub const MASK: &str = "********";

/// Options of a server or wrapper that anyone may see; any other value, and every value of a user mapping, is masked.
const OPEN: &[&str] =
    &["host", "hostaddr", "port", "dbname", "filename", "format", "fetch_size", "use_remote_estimate", "extensions", "updatable"];

pub(crate) fn masked(kind: Kind, options: &[String]) -> Vec<String> {
    let mask = |option: &String| match option.split_once('=') {
        Some((name, _)) if kind == Kind::UserMapping && name != "user" || kind != Kind::UserMapping && !OPEN.contains(&name) => {
            format!("{name}={MASK}")
        }
        _ => option.clone(),
    };
    options.iter().map(mask).collect()
}

/// `name 'value', ...` of options as `pg_foreign_table.ftoptions` has them.
pub fn options(options: &[String]) -> String {
    let write = |option: &String| match option.split_once('=') {
        Some((name, value)) => format!("{} {}", sql::ident(name), sql::literal(value)),
        None => sql::ident(option),
    };
    options.iter().map(write).collect::<Vec<_>>().join(", ")
}

/// ADD, SET and DROP of foreign options.
pub fn changed_options(old: &[String], new: &[String]) -> String {
    let key = |option: &str| option.split('=').next().unwrap_or_default().to_owned();
    let has = |list: &[String], name: &str| list.iter().any(|option| key(option) == name);
    let mut parts = Vec::new();
    for option in old.iter().filter(|option| !has(new, &key(option))) {
        parts.push(format!("DROP {}", sql::ident(&key(option))));
    }
    for option in new.iter().filter(|option| !old.contains(option)) {
        let verb = if has(old, &key(option)) { "SET" } else { "ADD" };
        parts.push(format!("{verb} {}", options(std::slice::from_ref(option))));
    }
    parts.join(", ")
}

/// `CREATE USER MAPPING FOR name SERVER name` has its name in two places.
fn name(object: &Object) -> String {
    if object.id.kind != Kind::UserMapping {
        return sql::noun_and_name(object);
    }
    let user = match object.id.name() {
        "PUBLIC" => "PUBLIC".to_owned(),
        user => sql::ident(user),
    };
    format!("USER MAPPING FOR {user} SERVER {}", sql::whole(&object.id))
}

fn hide(action: &mut Action, shown: String) {
    if action.sql != shown {
        action.masked = Some(shown);
    }
}

fn create(object: &Object, options: &[String]) -> String {
    let mut text = format!("CREATE {}", name(object));
    match object.id.kind {
        Kind::ForeignDataWrapper => {
            for (word, attribute) in [("HANDLER", "handler"), ("VALIDATOR", "validator")] {
                if let Some(function) = object.text(attribute) {
                    text.push_str(&format!(" {word} {function}"));
                }
            }
        }
        Kind::Server => {
            for (word, attribute) in [("TYPE", "type"), ("VERSION", "version")] {
                if let Some(value) = object.text(attribute) {
                    text.push_str(&format!(" {word} {}", sql::literal(value)));
                }
            }
            text.push_str(&format!(" FOREIGN DATA WRAPPER {}", sql::ident(object.text("wrapper").unwrap_or_default())));
        }
        _ => {}
    }
    if !options.is_empty() {
        text.push_str(&format!(" OPTIONS ({})", self::options(options)));
    }
    text
}

impl Rule for ForeignRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::ForeignDataWrapper, Kind::Server, Kind::UserMapping]
    }

    fn verdict(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let replaces = change.attributes.iter().any(|attribute| match attribute.name {
            "type" | "wrapper" => true,
            // There is no way to say that a server has no version.
            "version" => before.text("version").is_some() && after.text("version").is_none(),
            _ => false,
        });
        if replaces { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let options = object.list("options");
        let shown = create(object, &masked(object.id.kind, options));
        hide(out.create(object, create(object, options)), shown);
    }

    fn alter(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        for attribute in &change.attributes {
            match attribute.name {
                "handler" | "validator" => {
                    let word = attribute.name.to_uppercase();
                    let what =
                        after.text(attribute.name).map_or_else(|| format!("NO {word}"), |function| format!("{word} {function}"));
                    out.alter(after, format!("ALTER {} {what}", name(after)));
                }
                "version" => {
                    let version = sql::literal(after.text("version").unwrap_or_default());
                    out.alter(after, format!("ALTER {} VERSION {version}", name(after)));
                }
                "options" => {
                    let (old, new) = (before.list("options"), after.list("options"));
                    let text = |options: &str| format!("ALTER {} OPTIONS ({options})", name(after));
                    let key = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
                    let changed: Vec<String> = new.iter().filter(|option| !old.contains(option)).cloned().collect();
                    // The same statement with only what changed, so that a masked value differs exactly where the value does.
                    let rest: Vec<String> = old.iter().filter(|option| !new.contains(option)).map(key).collect();
                    let old_names: Vec<String> = rest.iter().map(|name| format!("{name}=")).collect();
                    let shown = changed_options(&old_names, &masked(after.id.kind, &changed));
                    hide(out.alter(after, text(&changed_options(old, new))), text(&shown));
                }
                _ => {}
            }
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP {}", name(object)));
    }
}
