//! A catalog as JSON: every object with its attributes, in the order of their names. Secrets are masked.
//!
//! The keys are stable: `schemaproof`, `server_version`, `objects` (`kind`, `path`, `part_of`, `attributes`, `needs`) and `not_covered`.
//! Names of attributes are those of the page on coverage. What is valid in one database only (OIDs) is not in it.

use serde_json::{Map, Value as Json, json};

use crate::{
    catalog::{Catalog, Kind, Object, ObjectId, Value},
    plan::rules::foreign,
    report::mask,
};

/// The catalog, indented, with a line break at its end.
pub fn render(catalog: &Catalog) -> String {
    let objects: Vec<Json> = catalog.objects.values().map(object).collect();
    let (major, minor) = (catalog.server_version / 10_000, catalog.server_version % 10_000);
    let all = json!({
        "schemaproof": 1,
        "server_version": format!("{major}.{minor}"),
        "objects": objects,
        "not_covered": catalog.not_covered,
    });
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}

fn object(object: &Object) -> Json {
    let attributes: Map<String, Json> = object
        .attributes
        .iter()
        .map(|(name, value)| (name.to_string(), serde_json::to_value(masked(object.id.kind, name, value)).unwrap_or_default()))
        .collect();
    let mut json = Map::new();
    json.insert("kind".into(), serde_json::to_value(object.id.kind).unwrap_or_default());
    json.insert("path".into(), serde_json::to_value(&object.id.path).unwrap_or_default());
    if let Some(parent) = &object.parent {
        json.insert("part_of".into(), name(parent));
    }
    json.insert("attributes".into(), attributes.into());
    if !object.needs.is_empty() {
        json.insert("needs".into(), object.needs.iter().map(name).collect());
    }
    Json::Object(json)
}

fn name(id: &ObjectId) -> Json {
    json!({"kind": id.kind, "path": id.path})
}

/// A value as anybody may see it.
fn masked(kind: Kind, name: &str, value: &Value) -> Value {
    match (kind, value) {
        (Kind::UserMapping | Kind::Server | Kind::ForeignDataWrapper, Value::List(options)) if name == "options" => {
            Value::List(foreign::masked(kind, options))
        }
        (Kind::Subscription, Value::Text(_)) if name == "connection" => foreign::MASK.into(),
        (_, Value::Text(text)) => mask::text(text).into(),
        (_, Value::List(list)) => Value::List(list.iter().map(|text| mask::text(text)).collect()),
        (_, value) => value.clone(),
    }
}
