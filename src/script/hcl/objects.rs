//! Schemas, extensions, types, sequences and views -> SQL.

use super::{
    Translator,
    names::{Declared, attribute},
    order::{Key, Rank},
    sql::Sql,
    syntax::{Block, Fault, Form},
    values::{choice, flag, list, number, text},
};
use crate::script::{quote_identifier, quote_literal};

impl Translator<'_> {
    pub fn schema(&mut self, declared: &Declared) -> Result<(), Fault> {
        let name = attribute(&declared.block, "name").map(text).transpose()?.unwrap_or(declared.name.clone());
        // A new database has the schema public.
        let there = if name == "public" { "IF NOT EXISTS " } else { "" };
        let mut sql = Sql::new(&declared.source, declared.block.at, &format!("CREATE SCHEMA {there}"));
        sql.add(declared.block.at, &quote_identifier(&name));
        let mut context = self.context(declared, None);
        context.needs.clear();
        let key = Key::schema(&name);
        self.push(declared, sql, context, Some(key.clone()), Rank::Schema);
        self.comment(declared, &declared.block, &format!("SCHEMA {}", quote_identifier(&name)), Some(key))
    }

    pub fn extension(&mut self, declared: &Declared) -> Result<(), Fault> {
        let name = quote_identifier(&declared.name);
        let mut sql = Sql::new(&declared.source, declared.block.at, &format!("CREATE EXTENSION IF NOT EXISTS {name}"));
        let mut context = self.context(declared, None);
        context.needs.clear();
        if let Some(found) = attribute(&declared.block, "schema") {
            context.needs.insert(Key::schema(&declared.schema));
            sql.add(found.value.at, &format!(" SCHEMA {}", quote_identifier(&declared.schema)));
        }
        if let Some(found) = attribute(&declared.block, "version") {
            sql.add(found.value.at, &format!(" VERSION {}", quote_literal(&text(found)?).trim_start()));
        }
        sql.add(declared.block.at, " CASCADE");
        let key = Key::extension(&declared.name);
        self.push(declared, sql, context, Some(key.clone()), Rank::Extension);
        self.comment(declared, &declared.block, &format!("EXTENSION {name}"), Some(key))
    }

    pub fn enumeration(&mut self, declared: &Declared) -> Result<(), Fault> {
        let mut sql = Sql::new(&declared.source, declared.block.at, &format!("CREATE TYPE {} AS ENUM (", declared.sql()));
        let Some(values) = attribute(&declared.block, "values") else {
            return Err(Fault::new(declared.block.at, "this `enum` has no `values`"));
        };
        for (at, value) in list(&values.value)?.iter().enumerate() {
            let label = match &value.form {
                Form::Text(label) | Form::Word(label) => label,
                _ => return Err(Fault::new(value.at, "a value of an enum is a text")),
            };
            sql.add(value.at, if at > 0 { ", " } else { "" }).add(value.at, quote_literal(label).trim_start());
        }
        sql.add(declared.block.at, ")");
        let context = self.context(declared, None);
        self.push(declared, sql, context, Some(declared.key()), Rank::Type);
        self.comment(declared, &declared.block, &format!("TYPE {}", declared.sql()), Some(declared.key()))
    }

    pub fn domain(&mut self, declared: &Declared) -> Result<(), Fault> {
        let block = &declared.block;
        let mut context = self.context(declared, None);
        let mut sql = Sql::new(&declared.source, block.at, &format!("CREATE DOMAIN {} AS ", declared.sql()));
        self.own_type(&mut sql, &mut context, block)?;
        if let Some(found) = attribute(block, "collate") {
            sql.add(found.value.at, &format!(" COLLATE {}", collation(&text(found)?)));
        }
        if let Some(found) = attribute(block, "default") {
            sql.add(found.at, " DEFAULT ");
            self.default(&mut sql, &mut context, &found.value)?;
        }
        // As a column.
        if flag(block, "null")? != Some(true) {
            sql.add(block.at, " NOT NULL");
        }
        for check in &block.blocks {
            sql.add(check.at, " ");
            if let Some(label) = check.labels.first() {
                sql.add(label.at, &format!("CONSTRAINT {} ", quote_identifier(&label.text)));
            }
            let Some(found) = attribute(check, "expr") else { return Err(Fault::new(check.at, "this `check` has no `expr`")) };
            sql.add(check.at, "CHECK (");
            self.expression(&mut sql, &mut context, found)?;
            sql.add(check.at, ")");
        }
        self.push(declared, sql, context, Some(declared.key()), Rank::Type);
        self.comment(declared, block, &format!("DOMAIN {}", declared.sql()), Some(declared.key()))
    }

    pub fn composite(&mut self, declared: &Declared) -> Result<(), Fault> {
        let block = &declared.block;
        let mut context = self.context(declared, None);
        let mut sql = Sql::new(&declared.source, block.at, &format!("CREATE TYPE {} AS (", declared.sql()));
        for (at, field) in block.blocks.iter().enumerate() {
            let name = field.labels.first().map(|label| quote_identifier(&label.text)).unwrap_or_default();
            sql.add(field.at, if at > 0 { ", " } else { "" }).add(field.at, &format!("{name} "));
            self.own_type(&mut sql, &mut context, field)?;
            if let Some(found) = attribute(field, "collate") {
                sql.add(found.value.at, &format!(" COLLATE {}", collation(&text(found)?)));
            }
        }
        sql.add(block.at, ")");
        self.push(declared, sql, context, Some(declared.key()), Rank::Type);
        for field in &block.blocks {
            let name = field.labels.first().map(|label| quote_identifier(&label.text)).unwrap_or_default();
            self.comment(declared, field, &format!("COLUMN {}.{name}", declared.sql()), Some(declared.key()))?;
        }
        self.comment(declared, block, &format!("TYPE {}", declared.sql()), Some(declared.key()))
    }

    pub fn sequence(&mut self, declared: &Declared) -> Result<(), Fault> {
        let block = &declared.block;
        let mut context = self.context(declared, None);
        let mut sql = Sql::new(&declared.source, block.at, &format!("CREATE SEQUENCE {}", declared.sql()));
        if let Some(found) = attribute(block, "type") {
            sql.add(found.at, " AS ");
            self.type_of(&mut sql, &mut context, &found.value)?;
        }
        sequence_options(&mut sql, block)?;
        self.push(declared, sql, context, Some(declared.key()), Rank::Sequence);
        if let Some(found) = attribute(block, "owned_by") {
            let (table, rest) = self.names.resolve(&found.value, &declared.schema, &["table"])?;
            let [_, name] = rest.as_slice() else {
                return Err(Fault::new(found.value.at, "a column is wanted here, as in `table.tenants.column.id`"));
            };
            let column = table.column(name, found.value.at)?;
            let text = format!("ALTER SEQUENCE {} OWNED BY {}.{}", declared.sql(), table.sql(), quote_identifier(&column));
            let mut context = self.context(declared, None);
            context.needs.extend([declared.key(), table.key()]);
            self.push(declared, Sql::new(&declared.source, found.at, &text), context, None, Rank::Rest);
        }
        self.comment(declared, block, &format!("SEQUENCE {}", declared.sql()), Some(declared.key()))
    }

    /// A view, materialized or not, with its indexes.
    pub fn view(&mut self, at: usize) -> Result<(), Fault> {
        let names = self.names;
        let declared = &names.declared[at];
        let block = &declared.block;
        let materialized = block.kind == "materialized";
        let noun = if materialized { "MATERIALIZED VIEW" } else { "VIEW" };
        let mut context = self.context(declared, Some(at));
        let mut sql = Sql::new(&declared.source, block.at, &format!("CREATE {noun} {}", declared.sql()));
        let mut options: Vec<String> = Vec::new();
        if let Some(found) = attribute(block, "security") {
            options.push(format!("security_invoker = {}", choice(found, &["INVOKER", "DEFINER"])? == "INVOKER"));
        }
        for settings in block.blocks.iter().filter(|inner| inner.kind == "storage_params") {
            options.extend(storage(settings)?);
        }
        if !options.is_empty() {
            sql.add(block.at, &format!(" WITH ({})", options.join(", ")));
        }
        let Some(found) = attribute(block, "as") else {
            return Err(Fault::new(block.at, format!("this `{}` has no `as`", block.kind)));
        };
        sql.add(found.at, " AS ");
        let Some((start, query)) = super::values::raw(&found.value) else {
            return Err(Fault::new(found.value.at, "`as` is the query: a text"));
        };
        context.mention(query);
        sql.add_written(start, query.trim().trim_end_matches(';'));
        if let Some(found) = attribute(block, "check_option") {
            sql.add(found.at, &format!(" WITH {} CHECK OPTION", choice(found, &["LOCAL", "CASCADED"])?));
        }
        if flag(block, "with_no_data")? == Some(true) {
            sql.add(block.at, " WITH NO DATA");
        }
        self.depends_on(&mut context, block)?;
        self.push(declared, sql, context, Some(declared.key()), Rank::View);
        for index in block.blocks.iter().filter(|inner| inner.kind == "index") {
            self.index(at, index)?;
        }
        for column in block.blocks.iter().filter(|inner| inner.kind == "column") {
            let name = column.labels.first().map(|label| quote_identifier(&label.text)).unwrap_or_default();
            self.comment(declared, column, &format!("COLUMN {}.{name}", declared.sql()), Some(declared.key()))?;
        }
        self.comment(declared, block, &format!("{noun} {}", declared.sql()), Some(declared.key()))
    }
}

/// `START WITH 1 INCREMENT BY 1 …`, as far as the block says.
pub(super) fn sequence_options(sql: &mut Sql, block: &Block) -> Result<(), Fault> {
    for (name, words) in [
        ("start", "START WITH"),
        ("increment", "INCREMENT BY"),
        ("min_value", "MINVALUE"),
        ("max_value", "MAXVALUE"),
        ("cache", "CACHE"),
    ] {
        if let Some(found) = attribute(block, name) {
            sql.add(found.value.at, &format!(" {words} {}", number(found)?));
        }
    }
    if flag(block, "cycle")? == Some(true) {
        sql.add(block.at, " CYCLE");
    }
    Ok(())
}

/// `name = value` of storage parameters.
pub(super) fn storage(block: &Block) -> Result<Vec<String>, Fault> {
    let one = |found: &super::syntax::Attribute| {
        let plain = found.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let value = match &found.value.form {
            Form::Bool(value) => value.to_string(),
            Form::Number(number) => number.clone(),
            Form::Word(text) | Form::Text(text) => quote_literal(text).trim_start().to_string(),
            _ => return Err(Fault::new(found.value.at, "a storage parameter is a constant")),
        };
        let name = match found.name.strip_prefix("toast_") {
            Some(name) => format!("toast.{name}"),
            None => found.name.clone(),
        };
        if plain { Ok(format!("{name} = {value}")) } else { Err(Fault::new(found.at, "this is no name of a parameter")) }
    };
    block.attributes.iter().map(one).collect()
}

/// A collation, perhaps with its schema, as SQL writes it.
pub(super) fn collation(text: &str) -> String {
    match text.split_once('.') {
        _ if text.contains('"') => text.to_string(),
        Some((schema, name)) if !schema.is_empty() && matches!(schema, "pg_catalog" | "public") => {
            super::names::qualified(schema, name)
        }
        _ => quote_identifier(text),
    }
}
