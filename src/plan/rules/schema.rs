//! Schemas and extensions.
//!
//! An extension's members are never planned: its script makes them.

use super::super::{
    native::{Actions, Context, Rule, Verdict},
    sql,
};
use crate::catalog::{Change, Kind, Object};

pub struct SchemaRule;

impl Rule for SchemaRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Schema]
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, format!("CREATE SCHEMA {}", sql::name(object)));
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change, _out: &mut Actions<'_>) {}

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP SCHEMA {}", sql::name(object)));
    }
}

pub struct ExtensionRule;

impl Rule for ExtensionRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Extension]
    }

    fn verdict(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let moves = change.concerns("schema");
        // Scripts lead from older versions to newer ones.
        let numbers = |object: &Object| -> Vec<u32> {
            let version = object.text("version").unwrap_or_default();
            version.split(|letter: char| !letter.is_ascii_digit()).map(|part| part.parse().unwrap_or(0)).collect()
        };
        let back = numbers(before) > numbers(after);
        if moves && !before.flag("relocatable") || back { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let schema = object.text("schema").filter(|schema| *schema != "pg_catalog");
        let schema = schema.map(|schema| format!(" WITH SCHEMA {}", sql::ident(schema))).unwrap_or_default();
        let version = object.text("version").filter(|version| object.text("usual_version") != Some(version));
        let version = version.map(|version| format!(" VERSION {}", sql::literal(version))).unwrap_or_default();
        out.create(object, format!("CREATE EXTENSION {}{schema}{version}", sql::name(object)));
        // Its script comments on it.
        let own = |comment: &&Object| comment.text("on").is_none();
        let comment = cx.target.parts_of(&object.id, Kind::Comment).find(own);
        if comment.is_none() && object.text("usual_comment").is_some_and(|text| !text.is_empty()) {
            out.alter(object, format!("COMMENT ON EXTENSION {} IS NULL", sql::name(object)));
        }
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        for attribute in &change.attributes {
            match attribute.name {
                "schema" => {
                    let schema = sql::ident(after.text("schema").unwrap_or_default());
                    out.alter(after, format!("ALTER EXTENSION {} SET SCHEMA {schema}", sql::name(after)));
                }
                "version" => {
                    let version = sql::literal(after.text("version").unwrap_or_default());
                    out.alter(after, format!("ALTER EXTENSION {} UPDATE TO {version}", sql::name(after)));
                }
                _ => {}
            }
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP EXTENSION {}", sql::name(object)));
    }
}
