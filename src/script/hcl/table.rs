//! Tables with their columns, keys, checks, indexes and partitions -> SQL.
//!
//! Foreign keys are added after all tables are there, so that tables may refer to each other in any order and in circles.

use super::{
    Context, Translator, known,
    names::{Declared, attribute},
    objects::{collation, sequence_options, storage},
    order::{Key, Rank},
    sql::Sql,
    syntax::{Block, Fault, Form, Value},
    values::{choice, flag, list, number, raw, text},
};
use crate::script::quote_identifier;

const ACTIONS: &[&str] = &["NO_ACTION", "RESTRICT", "CASCADE", "SET_NULL", "SET_DEFAULT"];

impl Translator<'_> {
    pub fn table(&mut self, at: usize) -> Result<(), Fault> {
        let names = self.names;
        let declared = &names.declared[at];
        let block = &declared.block;
        let mut context = self.context(declared, Some(at));
        let unlogged = if flag(block, "unlogged")? == Some(true) { "UNLOGGED " } else { "" };
        let mut sql = Sql::new(&declared.source, block.at, &format!("CREATE {unlogged}TABLE {} (", declared.sql()));
        let mut first = true;
        let mut comma = |sql: &mut Sql, at: usize| {
            sql.add(at, if std::mem::take(&mut first) { "\n  " } else { ",\n  " });
        };
        for column in inner(block, "column") {
            comma(&mut sql, column.at);
            self.column(&mut sql, &mut context, column)?;
        }
        for part in &block.blocks {
            let noun = match part.kind.as_str() {
                "primary_key" => "PRIMARY KEY",
                "unique" => "UNIQUE",
                "check" => "CHECK",
                "exclude" => "EXCLUDE",
                _ => continue,
            };
            comma(&mut sql, part.at);
            if let Some(label) = part.labels.first() {
                sql.add(label.at, &format!("CONSTRAINT {} ", quote_identifier(&label.text)));
            }
            sql.add(part.at, noun);
            match noun {
                "CHECK" => {
                    let Some(found) = attribute(part, "expr") else {
                        return Err(Fault::new(part.at, "this `check` has no `expr`"));
                    };
                    sql.add(part.at, " (");
                    self.expression(&mut sql, &mut context, found)?;
                    sql.add(part.at, if flag(part, "no_inherit")? == Some(true) { ") NO INHERIT" } else { ")" });
                }
                "EXCLUDE" => self.exclusion(&mut sql, &mut context, part)?,
                _ => self.key(&mut sql, &context, part)?,
            }
        }
        sql.add(block.at, "\n)");
        for partition in inner(block, "partition") {
            self.partition_key(&mut sql, &mut context, partition)?;
        }
        let mut options = Vec::new();
        for settings in inner(block, "storage_params") {
            options.extend(storage(settings)?);
        }
        if !options.is_empty() {
            sql.add(block.at, &format!(" WITH ({})", options.join(", ")));
        }
        self.depends_on(&mut context, block)?;
        self.push(declared, sql, context, Some(declared.key()), Rank::Relation);
        self.around_table(at)
    }

    /// What is made after a table: indexes, foreign keys, row security, comments.
    fn around_table(&mut self, at: usize) -> Result<(), Fault> {
        let names = self.names;
        let declared = &names.declared[at];
        let block = &declared.block;
        let table = declared.sql();
        for part in &block.blocks {
            let label = part.labels.first().map(|label| quote_identifier(&label.text)).unwrap_or_default();
            match part.kind.as_str() {
                "index" => self.index(at, part)?,
                "foreign_key" => self.foreign_key(at, part)?,
                "row_security" => {
                    for (name, words) in [("enabled", "ENABLE"), ("enforced", "FORCE")] {
                        if flag(part, name)? == Some(true) {
                            let text = format!("ALTER TABLE {table} {words} ROW LEVEL SECURITY");
                            let mut context = self.context(declared, Some(at));
                            context.needs.insert(declared.key());
                            self.push(declared, Sql::new(&declared.source, part.at, &text), context, None, Rank::Rest);
                        }
                    }
                }
                "column" => self.comment(declared, part, &format!("COLUMN {table}.{label}"), Some(declared.key()))?,
                "primary_key" | "unique" | "check" | "exclude" if attribute(part, "comment").is_some() => {
                    let name = match part.labels.first() {
                        Some(_) => label,
                        None if part.kind == "primary_key" => quote_identifier(&format!("{}_pkey", declared.name)),
                        None => return Err(Fault::new(part.at, format!("a `{}` with a comment must have a name", part.kind))),
                    };
                    self.comment(declared, part, &format!("CONSTRAINT {name} ON {table}"), Some(declared.key()))?;
                }
                _ => {}
            }
        }
        self.comment(declared, block, &format!("TABLE {table}"), Some(declared.key()))
    }

    fn column(&mut self, sql: &mut Sql, context: &mut Context, block: &Block) -> Result<(), Fault> {
        let name = block.labels.first().map(|label| quote_identifier(&label.text)).unwrap_or_default();
        // The name's place is the column's.
        sql.add(block.at, &name).add(block.at, " ");
        self.own_type(sql, context, block)?;
        if let Some(found) = attribute(block, "collate") {
            sql.add(found.value.at, &format!(" COLLATE {}", collation(&text(found)?)));
        }
        if let Some(found) = attribute(block, "as") {
            sql.add(found.at, " GENERATED ALWAYS AS (");
            self.expression(sql, context, found)?;
            sql.add(found.at, ") STORED");
        }
        for part in &block.blocks {
            if part.kind == "as" {
                let Some(found) = attribute(part, "expr") else { return Err(Fault::new(part.at, "this `as` has no `expr`")) };
                sql.add(part.at, " GENERATED ALWAYS AS (");
                self.expression(sql, context, found)?;
                let stored = attribute(part, "type").map(|found| choice(found, &["STORED", "VIRTUAL"])).transpose()?;
                sql.add(part.at, &format!(") {}", stored.unwrap_or("STORED".into())));
            } else {
                let generated = attribute(part, "generated").map(|found| choice(found, &["ALWAYS", "BY_DEFAULT"])).transpose()?;
                sql.add(part.at, &format!(" GENERATED {} AS IDENTITY", generated.unwrap_or("BY DEFAULT".into())));
                if part.attributes.iter().any(|found| found.name != "generated") {
                    sql.add(part.at, " (");
                    sequence_options(sql, part)?;
                    sql.add(part.at, ")");
                }
            }
        }
        if let Some(found) = attribute(block, "default") {
            sql.add(found.at, " DEFAULT ");
            self.default(sql, context, &found.value)?;
        }
        let null = flag(block, "null")? == Some(true);
        sql.add(block.at, if null { "" } else { " NOT NULL" });
        Ok(())
    }

    /// ` (a, b) INCLUDE (c)` and what follows, of a primary key or a unique constraint.
    fn key(&mut self, sql: &mut Sql, context: &Context, block: &Block) -> Result<(), Fault> {
        let Some(found) = attribute(block, "columns") else {
            return Err(Fault::new(block.at, format!("this `{}` has no `columns`", block.kind)));
        };
        if flag(block, "nulls_distinct")? == Some(false) {
            sql.add(block.at, " NULLS NOT DISTINCT");
        }
        sql.add(block.at, " (");
        self.columns(sql, context, found)?;
        sql.add(block.at, ")");
        self.include(sql, context, block)?;
        deferrable(sql, block)
    }

    fn include(&mut self, sql: &mut Sql, context: &Context, block: &Block) -> Result<(), Fault> {
        if let Some(found) = attribute(block, "include") {
            sql.add(found.at, " INCLUDE (");
            self.columns(sql, context, found)?;
            sql.add(found.at, ")");
        }
        Ok(())
    }

    fn exclusion(&mut self, sql: &mut Sql, context: &mut Context, block: &Block) -> Result<(), Fault> {
        if let Some(found) = attribute(block, "type") {
            sql.add(found.value.at, &format!(" USING {}", quote_identifier(&text(found)?.to_lowercase())));
        }
        sql.add(block.at, " (");
        for (at, on) in block.blocks.iter().enumerate() {
            sql.add(on.at, if at > 0 { ", " } else { "" });
            self.element(sql, context, on)?;
            let Some(found) = attribute(on, "op") else { return Err(Fault::new(on.at, "this `on` has no `op`")) };
            let operator = text(found)?;
            if !operator.bytes().all(|byte| b"+-*/<>=~!@#%^&|`?".contains(&byte)) || operator.is_empty() {
                return Err(Fault::new(found.value.at, "`op` is an operator, as in \"&&\""));
            }
            sql.add(found.value.at, &format!(" WITH {operator}"));
        }
        sql.add(block.at, ")");
        self.include(sql, context, block)?;
        if let Some(found) = attribute(block, "where") {
            sql.add(found.at, " WHERE (");
            self.expression(sql, context, found)?;
            sql.add(found.at, ")");
        }
        deferrable(sql, block)
    }

    fn foreign_key(&mut self, at: usize, block: &Block) -> Result<(), Fault> {
        let names = self.names;
        let declared = &names.declared[at];
        let mut context = self.context(declared, Some(at));
        let mut sql = Sql::new(&declared.source, block.at, &format!("ALTER TABLE {} ADD ", declared.sql()));
        if let Some(label) = block.labels.first() {
            sql.add(label.at, &format!("CONSTRAINT {} ", quote_identifier(&label.text)));
        }
        let needed =
            |name: &str| attribute(block, name).ok_or_else(|| Fault::new(block.at, format!("this `foreign_key` has no `{name}`")));
        sql.add(block.at, "FOREIGN KEY (");
        self.columns(&mut sql, &context, needed("columns")?)?;
        let found = needed("ref_columns")?;
        let mut to: Option<&Declared> = None;
        let mut columns = Vec::new();
        for value in list(&found.value)? {
            // `column.id` is this table's own.
            let own = matches!(&value.form, Form::Reference(path) if path.first().is_some_and(|first| first == "column"));
            let (table, name) = if own {
                (declared, self.own_column(&context, value)?)
            } else {
                let (table, rest) = names.resolve(value, &declared.schema, &["table", "partition"])?;
                let [_, name] = rest.as_slice() else {
                    return Err(Fault::new(value.at, "a column is wanted here, as in `table.tenants.column.id`"));
                };
                (table, table.column(name, value.at)?)
            };
            if to.is_some_and(|to| to.key() != table.key()) {
                return Err(Fault::new(value.at, "all of `ref_columns` are of one table"));
            }
            to = Some(table);
            columns.push((value.at, quote_identifier(&name)));
        }
        let Some(to) = to else { return Err(Fault::new(found.value.at, "`ref_columns` names no column")) };
        sql.add(found.at, &format!(") REFERENCES {} (", to.sql()));
        for (position, (at, column)) in columns.iter().enumerate() {
            sql.add(*at, if position > 0 { ", " } else { "" }).add(*at, column);
        }
        sql.add(found.at, ")");
        if let Some(found) = attribute(block, "match") {
            sql.add(found.value.at, &format!(" MATCH {}", choice(found, &["SIMPLE", "FULL"])?));
        }
        for (name, words) in [("on_update", "ON UPDATE"), ("on_delete", "ON DELETE")] {
            if let Some(found) = attribute(block, name) {
                sql.add(found.value.at, &format!(" {words} {}", choice(found, ACTIONS)?));
            }
        }
        deferrable(&mut sql, block)?;
        context.needs.extend([declared.key(), to.key()]);
        // A unique index may be what it refers to.
        context.needs.extend([index_of(declared), index_of(to)]);
        let Some(label) = block.labels.first() else {
            self.push(declared, sql, context, None, Rank::ForeignKey);
            return Ok(());
        };
        let what = format!("CONSTRAINT {} ON {}", quote_identifier(&label.text), declared.sql());
        let key = Key::part(&what);
        self.push(declared, sql, context, Some(key.clone()), Rank::ForeignKey);
        self.comment(declared, block, &what, Some(key))
    }

    pub fn index(&mut self, at: usize, block: &Block) -> Result<(), Fault> {
        let names = self.names;
        let declared = &names.declared[at];
        let mut context = self.context(declared, Some(at));
        let name = block.labels.first().map(|label| label.text.clone()).unwrap_or_default();
        let unique = if flag(block, "unique")? == Some(true) { "UNIQUE " } else { "" };
        let mut sql = Sql::new(
            &declared.source,
            block.at,
            &format!("CREATE {unique}INDEX {} ON {}", quote_identifier(&name), declared.sql()),
        );
        let mut elements = Sql::new(&declared.source, block.at, " (");
        let mut class: Option<(usize, String)> = None;
        if let Some(found) = attribute(block, "columns") {
            self.columns(&mut elements, &context, found)?;
        }
        let on: Vec<&Block> = inner(block, "on").collect();
        if on.is_empty() == attribute(block, "columns").is_none() {
            return Err(Fault::new(block.at, format!("the index `{name}` has either `columns` or blocks `on`")));
        }
        for (position, on) in on.into_iter().enumerate() {
            elements.add(on.at, if position > 0 { ", " } else { "" });
            if let Some(found) = self.element(&mut elements, &mut context, on)? {
                class.get_or_insert(found);
            }
        }
        elements.add(block.at, ")");
        match attribute(block, "type") {
            Some(found) => drop(sql.add(found.value.at, &format!(" USING {}", quote_identifier(&text(found)?.to_lowercase())))),
            None => {
                if let Some((at, class)) = class
                    && let Some((_, [first, others @ ..])) = known::operator_class(&class)
                {
                    sql.add(at, &format!(" USING {first}"));
                    let others = others.iter().map(|other| format!(" and {other}")).collect::<String>();
                    let text = format!(
                        "the index `{name}` has no `type`; its operator class `{class}` is for {first}{others}: `type = {}` is taken",
                        first.to_uppercase()
                    );
                    self.remark(declared, block.at, text);
                }
            }
        }
        sql.join(elements);
        self.include(&mut sql, &context, block)?;
        if flag(block, "nulls_distinct")? == Some(false) {
            sql.add(block.at, " NULLS NOT DISTINCT");
        }
        let mut options = Vec::new();
        if let Some(found) = attribute(block, "page_per_range") {
            options.push(format!("pages_per_range = {}", number(found)?));
        }
        for settings in inner(block, "storage_params") {
            options.extend(storage(settings)?);
        }
        if !options.is_empty() {
            sql.add(block.at, &format!(" WITH ({})", options.join(", ")));
        }
        if let Some(found) = attribute(block, "where") {
            sql.add(found.at, " WHERE ");
            self.expression(&mut sql, &mut context, found)?;
        }
        context.needs.insert(declared.key());
        let key = index_of(declared);
        self.push(declared, sql, context, Some(key.clone()), Rank::Index);
        let what = format!("INDEX {}", super::names::qualified(&declared.schema, &name));
        self.comment(declared, block, &what, Some(key))
    }

    /// One element of an index or an exclusion; answers with its operator class.
    fn element(&mut self, sql: &mut Sql, context: &mut Context, block: &Block) -> Result<Option<(usize, String)>, Fault> {
        match (attribute(block, "column"), attribute(block, "expr")) {
            (Some(found), None) => {
                let column = self.own_column(context, &found.value)?;
                sql.add(found.value.at, &quote_identifier(&column));
            }
            (None, Some(found)) => {
                sql.add(found.at, "(");
                self.expression(sql, context, found)?;
                sql.add(found.at, ")");
            }
            _ => return Err(Fault::new(block.at, "an `on` has either `column` or `expr`")),
        }
        if let Some(found) = attribute(block, "collate") {
            sql.add(found.value.at, &format!(" COLLATE {}", collation(&text(found)?)));
        }
        let mut class = None;
        if let Some(found) = attribute(block, "ops") {
            let written = operator_class(&found.value)?;
            sql.add(found.value.at, &format!(" {written}"));
            let bare = written.split('(').next().unwrap_or_default().trim().to_string();
            if let Some((Some(extension), _)) = known::operator_class(&bare) {
                let why = format!("the operator class `{bare}` is of the extension `{extension}`");
                context.extensions.insert((extension, found.value.at, why));
                context.needs.insert(Key::extension(extension));
            }
            class = Some((found.value.at, bare));
        }
        if flag(block, "desc")? == Some(true) {
            sql.add(block.at, " DESC");
        }
        for (name, words) in [("nulls_first", " NULLS FIRST"), ("nulls_last", " NULLS LAST")] {
            if flag(block, name)? == Some(true) {
                sql.add(block.at, words);
            }
        }
        Ok(class)
    }

    fn partition_key(&mut self, sql: &mut Sql, context: &mut Context, block: &Block) -> Result<(), Fault> {
        let Some(found) = attribute(block, "type") else { return Err(Fault::new(block.at, "this `partition` has no `type`")) };
        sql.add(found.value.at, &format!(" PARTITION BY {} (", choice(found, &["RANGE", "LIST", "HASH"])?));
        if let Some(found) = attribute(block, "columns") {
            self.columns(sql, context, found)?;
        }
        for (at, by) in block.blocks.iter().enumerate() {
            sql.add(by.at, if at > 0 { ", " } else { "" });
            self.element(sql, context, by)?;
        }
        sql.add(block.at, ")");
        Ok(())
    }

    /// `partition "2024" { of = table.events  range { from = ["2024-01-01"]  to = ["2025-01-01"] } }`.
    pub fn partition(&mut self, at: usize) -> Result<(), Fault> {
        let names = self.names;
        let declared = &names.declared[at];
        let block = &declared.block;
        let Some(of) = attribute(block, "of") else {
            return Err(Fault::new(block.at, "this `partition` has no `of`: whose it is"));
        };
        let (parent, _) = names.resolve(&of.value, &declared.schema, &["table", "partition"])?;
        // Its columns are the parent's.
        let whole = names.declared.iter().position(|other| other.key() == parent.key());
        let mut context = self.context(declared, whole);
        let mut sql =
            Sql::new(&declared.source, block.at, &format!("CREATE TABLE {} PARTITION OF {}", declared.sql(), parent.sql()));
        let mut bounds = 0;
        if flag(block, "default")? == Some(true) {
            sql.add(block.at, " DEFAULT");
            bounds += 1;
        }
        for bound in &block.blocks {
            let needed = |name: &str| {
                attribute(bound, name).ok_or_else(|| Fault::new(bound.at, format!("this `{}` has no `{name}`", bound.kind)))
            };
            match bound.kind.as_str() {
                "range" => {
                    sql.add(bound.at, " FOR VALUES FROM (");
                    self.bound(&mut sql, &mut context, &needed("from")?.value)?;
                    sql.add(bound.at, ") TO (");
                    self.bound(&mut sql, &mut context, &needed("to")?.value)?;
                    sql.add(bound.at, ")");
                }
                "list" => {
                    sql.add(bound.at, " FOR VALUES IN (");
                    self.bound(&mut sql, &mut context, &needed("values")?.value)?;
                    sql.add(bound.at, ")");
                }
                "hash" => {
                    let (modulus, remainder) = (number(needed("modulus")?)?, number(needed("remainder")?)?);
                    sql.add(bound.at, &format!(" FOR VALUES WITH (MODULUS {modulus}, REMAINDER {remainder})"));
                }
                _ => continue,
            }
            bounds += 1;
        }
        if bounds != 1 {
            return Err(Fault::new(block.at, "a `partition` has one of `range`, `list`, `hash` and `default = true`"));
        }
        for inner in inner(block, "partition") {
            self.partition_key(&mut sql, &mut context, inner)?;
        }
        context.needs.insert(parent.key());
        self.push(declared, sql, context, Some(declared.key()), Rank::Partition);
        self.comment(declared, block, &format!("TABLE {}", declared.sql()), Some(declared.key()))
    }

    /// Values of a bound, `MINVALUE` and `MAXVALUE` among them.
    fn bound(&mut self, sql: &mut Sql, context: &mut Context, value: &Value) -> Result<(), Fault> {
        for (at, value) in list(value)?.iter().enumerate() {
            sql.add(value.at, if at > 0 { ", " } else { "" });
            match &value.form {
                Form::Word(word) if matches!(word.as_str(), "MINVALUE" | "MAXVALUE") => drop(sql.add(value.at, word)),
                _ => self.default(sql, context, value)?,
            }
        }
        Ok(())
    }
}

/// What stands for all indexes of a relation.
fn index_of(declared: &Declared) -> Key {
    Key::part(&format!("INDEXES ON {}", declared.sql()))
}

fn inner<'a>(block: &'a Block, kind: &'a str) -> impl Iterator<Item = &'a Block> {
    block.blocks.iter().filter(move |inner| inner.kind == kind)
}

fn deferrable(sql: &mut Sql, block: &Block) -> Result<(), Fault> {
    let initially = flag(block, "initially_deferred")? == Some(true);
    if initially || flag(block, "deferrable")? == Some(true) {
        sql.add(block.at, if initially { " DEFERRABLE INITIALLY DEFERRED" } else { " DEFERRABLE" });
    }
    Ok(())
}

/// `jsonb_path_ops`, `"vector_cosine_ops"` or `sql("gist_trgm_ops(siglen=32)")`.
fn operator_class(value: &Value) -> Result<String, Fault> {
    match (&value.form, raw(value)) {
        (Form::Word(name), _) => Ok(name.clone()),
        (_, Some((_, text))) if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.\"(=, ')".contains(&byte)) => {
            Ok(text.to_string())
        }
        _ => Err(Fault::new(value.at, "`ops` is the name of an operator class")),
    }
}
