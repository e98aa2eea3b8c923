//! Atlas HCL -> statements with their place.
//!
//! The blocks of all `.hcl` files of a schema source are taken together: each becomes the SQL statements that make it, in an order in
//! which they can run, and what Postgres says of a statement is shown where the HCL stands. What HCL leaves out is filled in and said:
//! a schema that no block declares, the extension that a type is of, the access method that an operator class is for.
//!
//! Nothing is computed: variables, loops and data sources, which Atlas has, would run what a stranger wrote. Columns are NOT NULL unless
//! they say `null = true`, as in Atlas.

mod known;
mod names;
mod objects;
mod order;
mod routines;
mod shape;
mod sql;
mod syntax;
mod table;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::{
    names::{Declared, Names},
    order::{Key, Rank, Unit},
    sql::Sql,
    syntax::{Block, Fault, Form},
};
use super::{Item, Place, ScriptError, SqlFile, place::Source};
use crate::script::{quote_identifier, quote_literal};

/// Whether a file's name says that it is HCL.
pub fn is_hcl(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("hcl"))
}

/// What is to be run for the blocks of these files. What is wrong with a block is an [`Item::Refused`] in its place; the others are
/// translated all the same.
pub(super) fn items(files: &[SqlFile]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut parsed: Vec<(Arc<Source>, Vec<Block>)> = Vec::new();
    for file in files {
        items.push(Item::File { path: file.path.clone() });
        let source = Source::new(file.clone());
        match syntax::parse(&file.text) {
            Ok(blocks) => parsed.push((source, blocks)),
            Err(fault) => items.push(refused(&source, fault)),
        }
    }
    // One schema that is declared is everything's; else it is `public`.
    let schemas: Vec<&Block> =
        parsed.iter().flat_map(|(_, blocks)| blocks).filter(|block| block.kind == "schema" && block.labels.len() == 1).collect();
    let home = match schemas.as_slice() {
        [one] => one.labels.first().map_or("public".into(), |label| label.text.clone()),
        _ => "public".to_string(),
    };
    let mut names = Names::default();
    for (source, blocks) in parsed {
        for block in blocks {
            let sound = shape::check(&block, &block.kind).and_then(|()| names.add(block, &source, &home));
            if let Err(fault) = sound {
                items.push(refused(&source, fault));
            }
        }
    }
    let mut translator = Translator { names: &names, units: Vec::new(), implied: BTreeMap::new(), remarks: Vec::new() };
    for at in 0..names.declared.len() {
        let before = translator.units.len();
        if let Err(fault) = translator.declared(at) {
            // Half an object is none.
            translator.units.truncate(before);
            items.push(refused(&names.declared[at].source, fault));
        }
    }
    translator.finish(items)
}

fn refused(source: &Arc<Source>, fault: Fault) -> Item {
    Item::Refused(ScriptError::Hcl { spot: source.spot(fault.at), why: fault.why })
}

/// What is known while one statement is written.
struct Context {
    schema: String,
    /// Index of the declared relation whose columns `column.NAME` means.
    of: Option<usize>,
    needs: BTreeSet<Key>,
    mentions: BTreeSet<String>,
    /// Extensions that follow from what is used: name, offset, why.
    extensions: BTreeSet<(&'static str, usize, String)>,
}

impl Context {
    fn mention(&mut self, text: &str) {
        self.mentions.extend(values::mentioned(text));
    }
}

struct Translator<'a> {
    names: &'a Names,
    units: Vec<Unit>,
    /// Extensions that no block declares, and where and why they are needed.
    implied: BTreeMap<&'static str, (Arc<Source>, usize, String)>,
    remarks: Vec<(Place, String)>,
}

impl Translator<'_> {
    fn declared(&mut self, at: usize) -> Result<(), Fault> {
        let names = self.names;
        let declared = &names.declared[at];
        if !matches!(declared.block.kind.as_str(), "schema" | "extension") {
            self.schema_must_be(declared)?;
        }
        match declared.block.kind.as_str() {
            "schema" => self.schema(declared),
            "extension" => self.extension(declared),
            "enum" => self.enumeration(declared),
            "domain" => self.domain(declared),
            "composite" => self.composite(declared),
            "sequence" => self.sequence(declared),
            "table" => self.table(at),
            "partition" => self.partition(at),
            "view" | "materialized" => self.view(at),
            "function" | "procedure" => self.routine(declared),
            "trigger" => self.trigger(declared),
            "event_trigger" => self.event_trigger(declared),
            _ => self.policy(declared),
        }
    }

    /// Where schemas are declared at all, the one that is meant must be among them.
    fn schema_must_be(&self, declared: &Declared) -> Result<(), Fault> {
        let known = &self.names.schemas;
        let relation = matches!(declared.block.kind.as_str(), "trigger" | "policy" | "event_trigger");
        if relation || known.is_empty() || declared.schema == "public" || known.contains(&declared.schema) {
            return Ok(());
        }
        let at = names::attribute(&declared.block, "schema").map_or(declared.block.at, |found| found.value.at);
        let near = crate::config::nearest(&declared.schema, known.iter().map(String::as_str));
        let advice = near.map(|near| format!("; did you mean `schema.{near}`?")).unwrap_or_default();
        Err(Fault::new(at, format!("no schema `{}` is declared{advice}", declared.schema)))
    }

    fn context(&self, declared: &Declared, of: Option<usize>) -> Context {
        Context {
            schema: declared.schema.clone(),
            of,
            needs: BTreeSet::from([Key::schema(&declared.schema)]),
            mentions: BTreeSet::new(),
            extensions: BTreeSet::new(),
        }
    }

    /// A statement is done.
    fn push(&mut self, declared: &Declared, sql: Sql, context: Context, makes: Option<Key>, rank: Rank) {
        for (extension, at, why) in context.extensions {
            self.implied.entry(extension).or_insert_with(|| (declared.source.clone(), at, why));
        }
        self.units.push(Unit { sql, makes, needs: context.needs, mentions: context.mentions, rank });
    }

    fn remark(&mut self, declared: &Declared, at: usize, text: String) {
        self.remarks.push((declared.source.place(at), text));
    }

    /// `COMMENT ON what IS …`, when the block has a comment.
    fn comment(&mut self, declared: &Declared, block: &Block, what: &str, needs: Option<Key>) -> Result<(), Fault> {
        let Some(found) = names::attribute(block, "comment") else { return Ok(()) };
        let text = match &found.value.form {
            Form::Null => "NULL".to_string(),
            Form::Text(text) if text.is_empty() => return Ok(()),
            _ => quote_literal(&values::text(found)?),
        };
        let mut sql = Sql::new(&declared.source, found.at, &format!("COMMENT ON {what} IS "));
        sql.add(found.value.at, text.trim_start());
        let mut context = self.context(declared, None);
        context.needs.extend(needs);
        self.push(declared, sql, context, None, Rank::Rest);
        Ok(())
    }

    /// What is implied is added; all is put in order.
    fn finish(mut self, mut items: Vec<Item>) -> Vec<Item> {
        let names = self.names;
        let mut schemas: BTreeMap<&str, &Declared> = BTreeMap::new();
        for declared in &names.declared {
            let has_one = !matches!(declared.block.kind.as_str(), "schema" | "trigger" | "policy" | "event_trigger");
            if has_one && declared.schema != "public" && !names.schemas.contains(&declared.schema) {
                schemas.entry(&declared.schema).or_insert(declared);
            }
        }
        for (name, declared) in schemas {
            let sql = Sql::new(&declared.source, declared.block.at, &format!("CREATE SCHEMA {}", quote_identifier(name)));
            self.remark(declared, declared.block.at, format!("no block declares the schema `{name}`; it is created"));
            self.units.push(unit(sql, Key::schema(name), Rank::Schema));
        }
        let declared_extensions: BTreeSet<&str> = names
            .declared
            .iter()
            .filter(|declared| declared.block.kind == "extension")
            .map(|declared| declared.name.as_str())
            .collect();
        for (name, (source, at, why)) in std::mem::take(&mut self.implied) {
            if !declared_extensions.contains(name) {
                let sql = Sql::new(
                    &source,
                    at,
                    &format!("CREATE EXTENSION IF NOT EXISTS {} SCHEMA public CASCADE", quote_identifier(name)),
                );
                self.remarks.push((source.place(at), format!("{why}, which no block declares; it is created")));
                self.units.push(unit(sql, Key::extension(name), Rank::Extension));
            }
        }
        let (sorted, circle) = order::sort(self.units);
        let mut bodies = sorted.iter().any(|unit| unit.rank == Rank::Function);
        if let Some(first) = sorted.first().filter(|_| std::mem::take(&mut bodies)) {
            // Bodies may name what comes later.
            items.push(Item::Statement(first.sql.of_session("SET check_function_bodies = off")));
            bodies = true;
        }
        let last = sorted.last().filter(|_| bodies).map(|last| last.sql.of_session("RESET check_function_bodies"));
        items.extend(self.remarks.into_iter().map(|(place, text)| Item::Remark { place, text }));
        items.extend(sorted.into_iter().map(|unit| Item::Statement(unit.sql.finish())));
        items.extend(last.map(Item::Statement));
        items.extend(circle.into_iter().take(1).map(|unit| {
            let why = "this needs what needs it in turn; nothing can be made first".to_string();
            Item::Refused(ScriptError::Hcl { spot: unit.sql.spot(), why })
        }));
        items
    }
}

fn unit(sql: Sql, makes: Key, rank: Rank) -> Unit {
    Unit { sql, makes: Some(makes), needs: BTreeSet::new(), mentions: BTreeSet::new(), rank }
}

/// The comments of a file that stand outside of texts: `#`, `//` and `/* */`, with a `-- ` where HCL has its own signs, so that notes
/// are read as in SQL.
pub(super) fn comments(text: &str) -> Vec<super::Comment> {
    let mut found = Vec::new();
    let mut heredoc: Option<String> = None;
    let mut block = false;
    for (row, line) in text.lines().enumerate() {
        let number = super::number(row + 1);
        if let Some(end) = &heredoc {
            if line.trim() == end {
                heredoc = None;
            }
            continue;
        }
        let mut rest = line;
        let mut quoted = false;
        let alone = |rest: &str| line[..line.len() - rest.len()].trim().is_empty();
        while !rest.is_empty() {
            if block {
                let (inside, after) = rest.split_once("*/").map_or((rest, None), |(inside, after)| (inside, Some(after)));
                found.push(super::Comment {
                    line: number,
                    text: format!("-- {}", inside.trim_matches(['*', ' '])),
                    alone: alone(rest),
                });
                block = after.is_none();
                rest = after.unwrap_or_default();
                continue;
            }
            let comment = rest.strip_prefix('#').or_else(|| rest.strip_prefix("//"));
            match (quoted, comment) {
                (false, Some(comment)) => {
                    found.push(super::Comment { line: number, text: format!("--{comment}"), alone: alone(rest) });
                    rest = "";
                    continue;
                }
                (false, None) if rest.starts_with("/*") => {
                    block = true;
                    rest = &rest[2..];
                    continue;
                }
                (false, None) if rest.starts_with("<<") => {
                    heredoc = Some(rest[2..].trim_start_matches('-').trim().to_string()).filter(|end| !end.is_empty());
                    rest = "";
                    continue;
                }
                (true, _) if rest.starts_with('\\') => rest = rest.get(1..).unwrap_or_default(),
                _ if rest.starts_with('"') => quoted = !quoted,
                _ => {}
            }
            let mut letters = rest.chars();
            letters.next();
            rest = letters.as_str();
        }
    }
    found
}
