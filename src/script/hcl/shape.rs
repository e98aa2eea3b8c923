//! Which blocks and attributes there are, and where: anything else is an error with a suggestion.
//!
//! The words are Atlas's for PostgreSQL. Beside them, `partition` blocks at the top say how a table is divided.

use std::ops::RangeInclusive;

use super::syntax::{Block, Fault};
use crate::config::nearest;

/// What may stand in a block, by its path (`table/index/on`).
struct Shape {
    path: &'static str,
    labels: RangeInclusive<usize>,
    attributes: &'static [&'static str],
    blocks: &'static [&'static str],
    /// Any attribute may stand in it: names of settings.
    open: bool,
}

const fn shape(
    path: &'static str,
    labels: RangeInclusive<usize>,
    attributes: &'static [&'static str],
    blocks: &'static [&'static str],
) -> Shape {
    Shape { path, labels, attributes, blocks, open: false }
}

const fn settings(path: &'static str) -> Shape {
    Shape { path, labels: 0..=0, attributes: &[], blocks: &[], open: true }
}

const TOP: &[&str] = &[
    "schema",
    "extension",
    "enum",
    "domain",
    "composite",
    "sequence",
    "table",
    "partition",
    "view",
    "materialized",
    "function",
    "procedure",
    "trigger",
    "event_trigger",
    "policy",
];

const ROUTINE: &[&str] = &[
    "schema",
    "lang",
    "return",
    "return_set",
    "as",
    "volatility",
    "strict",
    "leakproof",
    "security",
    "parallel",
    "cost",
    "rows",
    "window",
    "comment",
    "depends_on",
];

const EVENTS: &[&str] = &["insert", "update", "update_of", "delete", "truncate"];

const INDEX: &[&str] = &["unique", "columns", "type", "where", "include", "nulls_distinct", "page_per_range", "comment"];

const DEFERRABLE: &[&str] = &["columns", "include", "nulls_distinct", "deferrable", "initially_deferred", "comment"];

const SHAPES: &[Shape] = &[
    shape("schema", 1..=1, &["name", "comment"], &[]),
    shape("extension", 1..=1, &["schema", "version", "comment"], &[]),
    shape("enum", 1..=2, &["schema", "values", "comment"], &[]),
    shape("domain", 1..=2, &["schema", "type", "null", "default", "collate", "comment"], &["check"]),
    shape("domain/check", 0..=1, &["expr"], &[]),
    shape("composite", 1..=2, &["schema", "comment"], &["field"]),
    shape("composite/field", 1..=1, &["type", "collate", "comment"], &[]),
    shape(
        "sequence",
        1..=2,
        &["schema", "type", "start", "increment", "min_value", "max_value", "cache", "cycle", "owned_by", "comment"],
        &[],
    ),
    shape(
        "table",
        1..=2,
        &["schema", "comment", "unlogged", "depends_on"],
        &[
            "column",
            "primary_key",
            "foreign_key",
            "index",
            "unique",
            "check",
            "exclude",
            "partition",
            "row_security",
            "storage_params",
        ],
    ),
    shape("table/column", 1..=1, &["type", "null", "default", "comment", "collate", "as"], &["identity", "as"]),
    shape("table/column/identity", 0..=0, &["generated", "start", "increment", "min_value", "max_value", "cache", "cycle"], &[]),
    shape("table/column/as", 0..=0, &["expr", "type"], &[]),
    shape("table/primary_key", 0..=1, DEFERRABLE, &[]),
    shape("table/unique", 0..=1, DEFERRABLE, &[]),
    shape(
        "table/foreign_key",
        0..=1,
        &["columns", "ref_columns", "on_update", "on_delete", "match", "deferrable", "initially_deferred", "comment"],
        &[],
    ),
    shape("table/check", 0..=1, &["expr", "no_inherit", "comment"], &[]),
    shape("table/exclude", 0..=1, &["type", "where", "deferrable", "initially_deferred", "include", "comment"], &["on"]),
    shape("table/exclude/on", 0..=0, &["column", "expr", "op", "ops", "desc", "nulls_first", "nulls_last"], &[]),
    shape("table/index", 1..=1, INDEX, &["on", "storage_params"]),
    shape("table/index/on", 0..=0, &["column", "expr", "ops", "desc", "nulls_first", "nulls_last", "collate"], &[]),
    settings("table/index/storage_params"),
    settings("table/storage_params"),
    shape("table/row_security", 0..=0, &["enabled", "enforced"], &[]),
    shape("table/partition", 0..=0, &["type", "columns"], &["by"]),
    shape("table/partition/by", 0..=0, &["column", "expr", "ops", "collate"], &[]),
    shape("partition", 1..=2, &["schema", "of", "default", "comment"], &["range", "list", "hash", "partition"]),
    shape("partition/range", 0..=0, &["from", "to"], &[]),
    shape("partition/list", 0..=0, &["values"], &[]),
    shape("partition/hash", 0..=0, &["modulus", "remainder"], &[]),
    shape("partition/partition", 0..=0, &["type", "columns"], &["by"]),
    shape("partition/partition/by", 0..=0, &["column", "expr", "ops", "collate"], &[]),
    shape("view", 1..=2, &["schema", "as", "comment", "depends_on", "check_option", "security"], &["column", "storage_params"]),
    shape("view/column", 1..=1, &["type", "null", "comment"], &[]),
    settings("view/storage_params"),
    shape(
        "materialized",
        1..=2,
        &["schema", "as", "comment", "depends_on", "with_no_data"],
        &["column", "index", "storage_params"],
    ),
    shape("materialized/column", 1..=1, &["type", "null", "comment"], &[]),
    shape("materialized/index", 1..=1, INDEX, &["on", "storage_params"]),
    shape("materialized/index/on", 0..=0, &["column", "expr", "ops", "desc", "nulls_first", "nulls_last", "collate"], &[]),
    settings("materialized/index/storage_params"),
    settings("materialized/storage_params"),
    shape("function", 1..=2, ROUTINE, &["arg", "return_table", "config"]),
    shape("function/arg", 0..=1, &["type", "default", "mode"], &[]),
    shape("function/return_table", 0..=0, &[], &["column"]),
    shape("function/return_table/column", 1..=1, &["type"], &[]),
    settings("function/config"),
    shape("procedure", 1..=2, &["schema", "lang", "as", "security", "comment", "depends_on"], &["arg", "config"]),
    shape("procedure/arg", 0..=1, &["type", "default", "mode"], &[]),
    settings("procedure/config"),
    shape(
        "trigger",
        1..=2,
        &["on", "for", "foreach", "when", "constraint", "deferrable", "initially_deferred", "comment", "depends_on"],
        &["before", "after", "instead_of", "referencing", "execute"],
    ),
    shape("trigger/before", 0..=0, EVENTS, &[]),
    shape("trigger/after", 0..=0, EVENTS, &[]),
    shape("trigger/instead_of", 0..=0, EVENTS, &[]),
    shape("trigger/referencing", 0..=0, &["old_table", "new_table"], &[]),
    shape("trigger/execute", 0..=0, &["function", "args"], &[]),
    shape("event_trigger", 1..=1, &["on", "tags", "execute", "comment"], &[]),
    shape("policy", 1..=2, &["on", "as", "for", "to", "using", "with_check", "comment", "depends_on"], &[]),
];

/// What Atlas's files may hold beside a schema: it is computed, and that is Atlas's work.
const COMPUTED: &[&str] = &["variable", "locals", "data", "env", "atlas"];

/// The first thing in a block that has no place there.
pub(super) fn check(block: &Block, path: &str) -> Result<(), Fault> {
    let found = SHAPES.iter().find(|shape| shape.path == path);
    let Some(shape) = found else {
        if path == block.kind && COMPUTED.contains(&path) {
            let why = format!("`{path}` blocks are computed, which is not done here; write the values themselves");
            return Err(Fault::new(block.at, why));
        }
        return Err(unknown(block.at, "block", &block.kind, TOP, "at the top"));
    };
    if !shape.labels.contains(&block.labels.len()) {
        let wants = match (*shape.labels.start(), *shape.labels.end()) {
            (_, 0) => "no name".to_string(),
            (0, _) => "one name or none".into(),
            (1, 1) => "one name".into(),
            _ => "a name, or a schema and a name".into(),
        };
        return Err(Fault::new(block.at, format!("a `{}` block has {wants}, as in `{} \"name\" {{ … }}`", block.kind, block.kind)));
    }
    let within = format!("in `{}`", block.kind);
    let mut seen: Vec<&str> = Vec::new();
    for attribute in &block.attributes {
        let name = attribute.name.as_str();
        if !shape.open && !shape.attributes.contains(&name) {
            return Err(unknown(attribute.at, "attribute", name, shape.attributes, &within));
        }
        if seen.contains(&name) {
            return Err(Fault::new(attribute.at, format!("`{name}` is given twice")));
        }
        seen.push(name);
    }
    for inner in &block.blocks {
        if !shape.blocks.contains(&inner.kind.as_str()) {
            return Err(unknown(inner.at, "block", &inner.kind, shape.blocks, &within));
        }
        check(inner, &format!("{path}/{}", inner.kind))?;
    }
    Ok(())
}

fn unknown(at: usize, what: &str, name: &str, known: &[&'static str], within: &str) -> Fault {
    let advice = match nearest(name, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if known.is_empty() => String::new(),
        None => format!("; known are {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    Fault::new(at, format!("there is no {what} `{name}` {within}{advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_that_may_stand_somewhere_has_a_shape() {
        let paths: Vec<&str> = SHAPES.iter().map(|shape| shape.path).collect();
        let top = TOP.iter().map(|kind| kind.to_string());
        let inner = SHAPES.iter().flat_map(|shape| shape.blocks.iter().map(move |kind| format!("{}/{kind}", shape.path)));
        for path in top.chain(inner) {
            assert!(paths.contains(&path.as_str()), "{path}");
        }
    }
}
