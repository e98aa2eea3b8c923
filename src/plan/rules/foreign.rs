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

/// ADD, SET and DROP of foreign options. Those behind the first that stands in another place are dropped and added again: pg_dump shows
/// their order.
pub fn changed_options(old: &[String], new: &[String]) -> String {
    changed(old, new, |option| option.to_owned())
}

fn changed<'a>(old: &'a [String], new: &'a [String], show: impl Fn(&String) -> String) -> String {
    let names = |options: &'a [String]| options.iter().map(|option| sql::option_name(option));
    let wanted: Vec<&str> = names(new).collect();
    let (kept, gone): (Vec<&str>, Vec<&str>) = names(old).partition(|name| wanted.contains(name));
    let in_place = kept.iter().zip(&wanted).take_while(|(old, new)| old == new).count();
    let drops = gone.iter().chain(&kept[in_place..]).map(|name| format!("DROP {}", sql::ident(name)));
    let written = new.iter().enumerate().filter(|(at, option)| *at >= in_place || !old.contains(option)).map(|(at, option)| {
        let verb = if at < in_place { "SET" } else { "ADD" };
        format!("{verb} {}", options(&[show(option)]))
    });
    drops.chain(written).collect::<Vec<_>>().join(", ")
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
        // One statement, so that a new validator sees the new options alone.
        let (start, mut clauses) = (format!("ALTER {}", name(after)), String::new());
        for attribute in change.attributes.iter().filter(|attribute| matches!(attribute.name, "handler" | "validator" | "version"))
        {
            let word = attribute.name.to_uppercase();
            clauses.push_str(&match (attribute.name, after.text(attribute.name)) {
                ("version", version) => format!(" {word} {}", sql::literal(version.unwrap_or_default())),
                (_, Some(function)) => format!(" {word} {function}"),
                (_, None) => format!(" NO {word}"),
            });
        }
        if !change.concerns("options") {
            if !clauses.is_empty() {
                out.alter(after, start + &clauses);
            }
            return;
        }
        let (old, new) = (before.list("options"), after.list("options"));
        let mask = |option: &String| masked(after.id.kind, std::slice::from_ref(option)).concat();
        let shown = format!("{start}{clauses} OPTIONS ({})", changed(old, new, mask));
        hide(out.alter(after, format!("{start}{clauses} OPTIONS ({})", changed_options(old, new))), shown);
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP {}", name(object)));
    }
}
