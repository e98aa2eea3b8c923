//! What the blocks declare, and what a reference means.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    super::place::Source,
    order::{Family, Key},
    syntax::{Attribute, Block, Fault, Form, Value},
};
use crate::config::nearest;
use crate::script::quote_identifier;

/// `schema.name` in SQL.
pub(super) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

/// A block of a file, with where it belongs.
pub(super) struct Declared {
    pub block: Block,
    pub source: Arc<Source>,
    pub schema: String,
    pub name: String,
}

/// All blocks at the top of all files that are sound.
#[derive(Default)]
pub(super) struct Names {
    pub declared: Vec<Declared>,
    /// Indexes into `declared`, by kind and name.
    by_name: BTreeMap<(String, String), Vec<usize>>,
    pub schemas: BTreeSet<String>,
}

/// Kinds of blocks that are relations.
pub(super) const RELATIONS: &[&str] = &["table", "partition", "view", "materialized"];

impl Names {
    /// Takes a block in; where it belongs is `home` unless it says so itself.
    pub fn add(&mut self, block: Block, source: &Arc<Source>, home: &str) -> Result<(), Fault> {
        let label = |at: usize| block.labels.get(at).map(|label| label.text.clone());
        let (labelled, name) = match block.labels.len() {
            2 => (label(0), label(1)),
            _ => (None, label(0)),
        };
        let name = name.unwrap_or_default();
        let schema = match attribute(&block, "schema") {
            Some(found) => schema_of(&found.value)?,
            None => labelled.unwrap_or_else(|| home.to_string()),
        };
        let entry = self.by_name.entry((block.kind.clone(), name.clone())).or_default();
        let of_relation = matches!(block.kind.as_str(), "trigger" | "policy" | "function" | "procedure");
        if !of_relation && entry.iter().any(|at| self.declared[*at].schema == schema) {
            return Err(Fault::new(block.at, format!("the {} `{name}` is declared twice", block.kind)));
        }
        entry.push(self.declared.len());
        if block.kind == "schema" {
            self.schemas.insert(attribute(&block, "name").and_then(|named| word(&named.value)).unwrap_or(name.clone()));
        }
        self.declared.push(Declared { block, source: source.clone(), schema, name });
        Ok(())
    }

    /// Whether something of this kind and name is declared.
    pub fn has(&self, kind: &str, name: &str) -> bool {
        self.by_name.contains_key(&(kind.to_string(), name.to_string()))
    }

    /// What a reference such as `table.tenants` or `enum.public.status` means; `rest` is what follows (`["column", "id"]`).
    pub fn resolve<'a>(&'a self, value: &Value, home: &str, kinds: &[&str]) -> Result<(&'a Declared, Vec<String>), Fault> {
        let expected = || {
            let forms: Vec<String> = kinds.iter().map(|kind| format!("`{kind}.NAME`")).collect();
            Fault::new(value.at, format!("a reference is wanted here: {}", forms.join(" or ")))
        };
        let Form::Reference(path) = &value.form else { return Err(expected()) };
        let Some((kind, names)) = path.split_first().filter(|(kind, _)| kinds.contains(&kind.as_str())) else {
            return Err(expected());
        };
        let stop = names.iter().skip(1).position(|name| name == "column").map_or(names.len(), |at| at + 1);
        let (names, rest) = names.split_at(stop);
        let (schema, name) = match names {
            [name] => (None, name),
            [schema, name] => (Some(schema), name),
            _ => return Err(expected()),
        };
        let found = self.by_name.get(&(kind.clone(), name.clone())).map_or(&[][..], Vec::as_slice);
        let found: Vec<&Declared> = found.iter().map(|at| &self.declared[*at]).collect();
        let here = |wanted: &str| found.iter().find(|declared| declared.schema == wanted).copied();
        let one = match schema {
            Some(schema) => here(schema),
            None => here(home).or_else(|| if found.len() == 1 { found.first().copied() } else { None }),
        };
        if let Some(declared) = one {
            return Ok((declared, rest.to_vec()));
        }
        if found.len() > 1 {
            let schemas: BTreeSet<&str> = found.iter().map(|declared| declared.schema.as_str()).collect();
            let schemas: Vec<&str> = schemas.into_iter().collect();
            let why = format!("several schemas have a {kind} `{name}` ({}); write `{kind}.SCHEMA.{name}`", schemas.join(", "));
            return Err(Fault::new(value.at, why));
        }
        let others = self.by_name.keys().filter(|(other, _)| other == kind).map(|(_, name)| name.as_str());
        let advice = nearest(name, others).map(|near| format!("; did you mean `{kind}.{near}`?")).unwrap_or_default();
        Err(Fault::new(value.at, format!("no {kind} `{name}` is declared{advice}")))
    }
}

impl Declared {
    pub fn key(&self) -> Key {
        let family = match self.block.kind.as_str() {
            kind if RELATIONS.contains(&kind) => Family::Relation,
            "enum" | "domain" | "composite" => Family::Type,
            "sequence" => Family::Sequence,
            "function" | "procedure" => Family::Function,
            _ => Family::Other,
        };
        Key { family, schema: self.schema.clone(), name: self.name.clone() }
    }

    pub fn sql(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    /// A column of this table, by its name.
    ///
    /// # Errors
    /// When this is a table whose block has no such column.
    pub fn column(&self, name: &str, at: usize) -> Result<String, Fault> {
        let columns = || self.block.blocks.iter().filter(|inner| inner.kind == "column").flat_map(|inner| inner.labels.first());
        if self.block.kind == "table" && !columns().any(|label| label.text == name) {
            let near = nearest(name, columns().map(|label| label.text.as_str()));
            let advice = near.map(|near| format!("; did you mean `column.{near}`?")).unwrap_or_default();
            return Err(Fault::new(at, format!("the table `{}` has no column `{name}`{advice}", self.name)));
        }
        Ok(name.to_string())
    }
}

pub(super) fn attribute<'a>(block: &'a Block, name: &str) -> Option<&'a Attribute> {
    block.attributes.iter().find(|attribute| attribute.name == name)
}

/// The schema that `schema = schema.public` names.
pub(super) fn schema_of(value: &Value) -> Result<String, Fault> {
    match &value.form {
        Form::Reference(path) if path.len() == 2 && path[0] == "schema" => Ok(path[1].clone()),
        Form::Text(name) => Ok(name.clone()),
        _ => Err(Fault::new(value.at, "a schema is wanted here, as in `schema.public`")),
    }
}

/// A word or a text.
pub(super) fn word(value: &Value) -> Option<String> {
    match &value.form {
        Form::Word(word) | Form::Text(word) => Some(word.clone()),
        _ => None,
    }
}
