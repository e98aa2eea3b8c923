//! Text search parsers, templates, dictionaries and configurations.

use super::super::{
    native::{Actions, Context, Rule, Verdict},
    sql,
};
use crate::catalog::{Change, Kind, Object};

/// Parsers and templates: what Postgres has no ALTER for.
pub struct ParserRule;

impl Rule for ParserRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::TextSearchParser, Kind::TextSearchTemplate]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change) -> Verdict {
        Verdict::Replace
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let options = object.list("options").join(", ");
        out.create(object, format!("CREATE {} ({options})", sql::noun_and_name(object)));
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change, _out: &mut Actions<'_>) {}

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP {}", sql::noun_and_name(object)));
    }
}

pub struct DictionaryRule;

impl Rule for DictionaryRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::TextSearchDictionary]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change) -> Verdict {
        if change.concerns("template") { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let mut options = vec![format!("TEMPLATE = {}", object.text("template").unwrap_or_default())];
        options.extend(object.list("options").iter().cloned());
        out.create(object, format!("CREATE TEXT SEARCH DICTIONARY {} ({})", sql::name(object), options.join(", ")));
    }

    fn alter(&self, _cx: &Context<'_>, before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        let key = |option: &str| sql::option_name(option).trim().to_owned();
        let (old, new) = (before.list("options"), after.list("options"));
        let mut options: Vec<String> = new.iter().filter(|option| !old.contains(option)).cloned().collect();
        options.extend(old.iter().map(|option| key(option)).filter(|name| !new.iter().any(|option| key(option) == *name)));
        if options.is_empty() {
            // Only their order differs, which ALTER keeps when a value is set anew after it was taken away.
            let names: Vec<String> = old.iter().map(|option| key(option)).collect();
            out.alter(after, format!("ALTER TEXT SEARCH DICTIONARY {} ({})", sql::name(after), names.join(", ")));
            options.extend(new.iter().cloned());
        }
        out.alter(after, format!("ALTER TEXT SEARCH DICTIONARY {} ({})", sql::name(after), options.join(", ")));
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP TEXT SEARCH DICTIONARY {}", sql::name(object)));
    }
}

pub struct ConfigurationRule;

/// A mapping's token type and dictionaries.
fn mapping(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn alter_mapping(object: &Object, what: &str) -> String {
    format!("ALTER TEXT SEARCH CONFIGURATION {} {what}", sql::name(object))
}

impl Rule for ConfigurationRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::TextSearchConfiguration]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change) -> Verdict {
        if change.concerns("parser") { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let parser = object.text("parser").unwrap_or_default();
        out.create(object, format!("CREATE TEXT SEARCH CONFIGURATION {} (PARSER = {parser})", sql::name(object)));
        for (tokens, dictionaries) in by_dictionaries(object.list("mappings")) {
            let what = format!("ADD MAPPING FOR {} WITH {dictionaries}", tokens.join(", "));
            out.alter(object, alter_mapping(object, &what)).releases.clear();
        }
    }

    fn alter(&self, _cx: &Context<'_>, before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        let (old, new) = (before.list("mappings"), after.list("mappings"));
        let has = |list: &[String], token: &str| list.iter().any(|text| mapping(text).0 == token);
        let gone: Vec<&str> = old.iter().map(|text| mapping(text).0).filter(|token| !has(new, token)).collect();
        if !gone.is_empty() {
            out.alter(after, alter_mapping(after, &format!("DROP MAPPING FOR {}", gone.join(", "))));
        }
        let differs: Vec<String> = new.iter().filter(|text| !old.contains(text)).cloned().collect();
        let (altered, added): (Vec<String>, Vec<String>) = differs.into_iter().partition(|text| has(old, mapping(text).0));
        for (verb, list) in [("ALTER", altered), ("ADD", added)] {
            for (tokens, dictionaries) in by_dictionaries(&list) {
                out.alter(after, alter_mapping(after, &format!("{verb} MAPPING FOR {} WITH {dictionaries}", tokens.join(", "))));
            }
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP TEXT SEARCH CONFIGURATION {}", sql::name(object)));
    }
}

/// Token types that have the same dictionaries, together.
fn by_dictionaries(mappings: &[String]) -> Vec<(Vec<&str>, &str)> {
    let mut groups: Vec<(Vec<&str>, &str)> = Vec::new();
    for (token, dictionaries) in mappings.iter().map(|text| mapping(text)) {
        match groups.iter_mut().find(|group| group.1 == dictionaries) {
            Some(group) => group.0.push(token),
            None => groups.push((vec![token], dictionaries)),
        }
    }
    groups
}
