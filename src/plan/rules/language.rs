//! Collations, conversions, languages, transforms and access methods.

use super::super::{
    native::{Actions, Context, Rule, Verdict},
    sql,
};
use crate::catalog::{Change, Kind, Object};

/// Collations, conversions and access methods: what Postgres has no ALTER for.
pub struct CollationRule;

impl Rule for CollationRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Collation, Kind::Conversion, Kind::AccessMethod]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, after: &Object, change: &Change) -> Verdict {
        let more = change.attributes.iter().any(|attribute| attribute.name != "owner");
        match (more, after.id.kind) {
            (false, _) => Verdict::Alter,
            // Columns that have it are moved over.
            (true, Kind::Collation) => Verdict::Swap,
            (true, _) => Verdict::Replace,
        }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let name = sql::name(object);
        let text = |name: &str| object.text(name).unwrap_or_default();
        match object.id.kind {
            Kind::Collation => {
                let mut options = vec![format!("provider = {}", text("provider"))];
                for (word, name) in [("locale", "locale"), ("lc_collate", "lc_collate"), ("lc_ctype", "lc_ctype")] {
                    options.extend(object.text(name).map(|value| format!("{word} = {}", sql::literal(value))));
                }
                if object.flag("nondeterministic") {
                    options.push("deterministic = false".to_owned());
                }
                options.extend(object.text("rules").map(|rules| format!("rules = {}", sql::literal(rules))));
                out.create(object, format!("CREATE COLLATION {name} ({})", options.join(", ")));
            }
            Kind::Conversion => {
                let default = if object.flag("default") { "DEFAULT " } else { "" };
                let (from, to) = (sql::literal(text("from")), sql::literal(text("to")));
                out.create(object, format!("CREATE {default}CONVERSION {name} FOR {from} TO {to} FROM {}", text("function")));
            }
            _ => {
                out.create(object, format!("CREATE ACCESS METHOD {name} TYPE {} HANDLER {}", text("type"), text("handler")));
            }
        }
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change, _out: &mut Actions<'_>) {}

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP {}", sql::noun_and_name(object)));
    }
}

/// Languages and transforms: both are replaced in place.
pub struct LanguageRule;

fn definition(object: &Object, replace: &str) -> String {
    let clause = |word: &str, name: &str| object.text(name).map(|text| format!("{word} {text}"));
    if object.id.kind == Kind::Language {
        let trusted = if object.flag("trusted") { "TRUSTED " } else { "" };
        let clauses: Vec<String> = [clause("HANDLER", "handler"), clause("INLINE", "inline"), clause("VALIDATOR", "validator")]
            .into_iter()
            .flatten()
            .collect();
        format!("CREATE {replace}{trusted}LANGUAGE {} {}", sql::name(object), clauses.join(" "))
    } else {
        let clauses: Vec<String> = [clause("FROM SQL WITH FUNCTION", "from_sql"), clause("TO SQL WITH FUNCTION", "to_sql")]
            .into_iter()
            .flatten()
            .collect();
        format!("CREATE {replace}TRANSFORM {} ({})", sql::name(object), clauses.join(", "))
    }
}

impl Rule for LanguageRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Language, Kind::Transform]
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, definition(object, ""));
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        out.alter(after, definition(after, "OR REPLACE "));
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP {}", sql::noun_and_name(object)));
    }
}
