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

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change) -> Verdict {
        Verdict::Alter
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let schema = object.text("schema").filter(|schema| *schema != "pg_catalog");
        let schema = schema.map(|schema| format!(" WITH SCHEMA {}", sql::ident(schema))).unwrap_or_default();
        out.create(object, format!("CREATE EXTENSION {}{schema}", sql::name(object)));
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
