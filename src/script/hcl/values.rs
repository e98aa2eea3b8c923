//! Values of attributes -> SQL: flags, words from a list, expressions, types.

use std::collections::BTreeSet;

use super::{
    Context, Translator,
    names::{self, attribute},
    order::Key,
    sql::Sql,
    syntax::{Attribute, Block, Fault, Form, Value},
};
use crate::{
    config::nearest,
    script,
    script::{quote_identifier, quote_literal},
};

/// Types of several words, as HCL writes them and as SQL does.
const WORDS: &[(&str, &str, &str)] = &[
    ("character_varying", "character varying", ""),
    ("bit_varying", "bit varying", ""),
    ("double_precision", "double precision", ""),
    ("timestamp_with_time_zone", "timestamp", " with time zone"),
    ("timestamp_without_time_zone", "timestamp", " without time zone"),
    ("time_with_time_zone", "time", " with time zone"),
    ("time_without_time_zone", "time", " without time zone"),
];

/// What an attribute's SQL text is.
pub(super) fn flag(block: &Block, name: &str) -> Result<Option<bool>, Fault> {
    match attribute(block, name).map(|attribute| &attribute.value) {
        None => Ok(None),
        Some(Value { form: Form::Bool(value), .. }) => Ok(Some(*value)),
        Some(value) => Err(Fault::new(value.at, format!("`{name}` is `true` or `false`"))),
    }
}

/// One word of a list, in capitals, with underscores as spaces.
pub(super) fn choice(found: &Attribute, known: &[&str]) -> Result<String, Fault> {
    let given = names::word(&found.value).unwrap_or_default();
    let upper = given.to_uppercase().replace([' ', '-'], "_");
    if known.contains(&upper.as_str()) {
        return Ok(upper.replace('_', " "));
    }
    let near = nearest(&upper, known.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(Fault::new(found.value.at, format!("`{}` is one of {}{near}", found.name, known.join(", "))))
}

/// A whole number, as it is written.
pub(super) fn number(found: &Attribute) -> Result<String, Fault> {
    match &found.value.form {
        Form::Number(number) if number.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) => Ok(number.clone()),
        _ => Err(Fault::new(found.value.at, format!("`{}` is a whole number", found.name))),
    }
}

/// A text.
pub(super) fn text(found: &Attribute) -> Result<String, Fault> {
    names::word(&found.value).ok_or_else(|| Fault::new(found.value.at, format!("`{}` is a text", found.name)))
}

pub(super) fn list(value: &Value) -> Result<&[Value], Fault> {
    match &value.form {
        Form::List(values) => Ok(values),
        _ => Err(Fault::new(value.at, "a list is wanted here: `[…]`")),
    }
}

/// SQL text: `sql("…")` or a text. None for what is neither.
pub(super) fn raw(value: &Value) -> Option<(usize, &str)> {
    match &value.form {
        Form::Text(text) => Some((value.at, text)),
        Form::Call(name, arguments) if name == "sql" => match arguments.as_slice() {
            [Value { at, form: Form::Text(text) }] => Some((*at, text)),
            _ => None,
        },
        _ => None,
    }
}

impl Translator<'_> {
    /// Puts SQL text in and notes the names in it.
    pub fn expression(&self, sql: &mut Sql, context: &mut Context, found: &Attribute) -> Result<(), Fault> {
        let Some((at, text)) = raw(&found.value) else {
            return Err(Fault::new(found.value.at, format!("`{}` is SQL: a text, or `sql(\"…\")`", found.name)));
        };
        context.mention(text);
        sql.add_written(at, text);
        Ok(())
    }

    /// A default: a constant, or `sql("…")`.
    pub fn default(&self, sql: &mut Sql, context: &mut Context, value: &Value) -> Result<(), Fault> {
        match &value.form {
            Form::Null => drop(sql.add(value.at, "NULL")),
            Form::Bool(constant) => drop(sql.add(value.at, &constant.to_string())),
            Form::Number(number) => drop(sql.add(value.at, number)),
            Form::Text(text) => drop(sql.add(value.at, &quote_literal(text))),
            Form::Word(word) => drop(sql.add(value.at, &quote_literal(word))),
            Form::Call(..) => match raw(value) {
                Some((at, text)) => {
                    context.mention(text);
                    sql.add_written(at, text);
                }
                None => return Err(Fault::new(value.at, "a default is a constant, or `sql(\"…\")`")),
            },
            _ => return Err(Fault::new(value.at, "a default is a constant, or `sql(\"…\")`")),
        }
        Ok(())
    }

    /// A type: `varchar(255)`, `enum.status`, `sql("vector(1536)")`.
    pub fn type_of(&self, sql: &mut Sql, context: &mut Context, value: &Value) -> Result<(), Fault> {
        match &value.form {
            Form::Reference(_) => {
                let (declared, rest) = self.names.resolve(value, &context.schema, &["enum", "domain", "composite"])?;
                if !rest.is_empty() {
                    return Err(Fault::new(value.at, "a type has no parts that can be named here"));
                }
                context.needs.insert(declared.key());
                sql.add(value.at, &declared.sql());
            }
            Form::Word(word) => {
                self.imply_type(context, value.at, word);
                sql.add(value.at, &type_words(word, None));
            }
            Form::Call(name, _) if name == "sql" => {
                let Some((at, text)) = raw(value) else { return Err(Fault::new(value.at, "`sql` takes one text")) };
                context.mention(text);
                for name in script::names(text) {
                    self.imply_type(context, at, &name);
                }
                sql.add_written(at, text);
            }
            Form::Call(name, arguments) => {
                self.imply_type(context, value.at, name);
                let argument = |value: &Value| match &value.form {
                    Form::Number(number) => Ok(number.clone()),
                    Form::Word(word) | Form::Text(word) if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                        Ok(word.clone())
                    }
                    _ => Err(Fault::new(value.at, "an argument of a type is a number")),
                };
                let arguments = arguments.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
                sql.add(value.at, &type_words(name, Some(&arguments.join(", "))));
            }
            Form::Text(text) => {
                context.mention(text);
                for name in script::names(text) {
                    self.imply_type(context, value.at, &name);
                }
                sql.add_written(value.at, text);
            }
            _ => {
                return Err(Fault::new(
                    value.at,
                    "a type is wanted here, as `varchar(255)`, `enum.status` or `sql(\"vector(3)\")`",
                ));
            }
        }
        Ok(())
    }

    /// `type` of a block, which it must have.
    pub fn own_type(&self, sql: &mut Sql, context: &mut Context, block: &Block) -> Result<(), Fault> {
        let Some(found) = attribute(block, "type") else {
            return Err(Fault::new(block.at, format!("this `{}` has no `type`", block.kind)));
        };
        self.type_of(sql, context, &found.value)
    }

    /// `, ` between names of columns of the block's own table.
    pub fn columns(&self, sql: &mut Sql, context: &Context, found: &Attribute) -> Result<(), Fault> {
        let values = list(&found.value)?;
        if values.is_empty() {
            return Err(Fault::new(found.value.at, format!("`{}` names no column", found.name)));
        }
        for (at, value) in values.iter().enumerate() {
            let name = self.own_column(context, value)?;
            sql.add(value.at, if at > 0 { ", " } else { "" }).add(value.at, &quote_identifier(&name));
        }
        Ok(())
    }

    /// The column that `column.id`, or `table.tenants.column.id` of the same table, means.
    pub fn own_column(&self, context: &Context, value: &Value) -> Result<String, Fault> {
        let wanted = || Fault::new(value.at, "a column is wanted here, as in `column.id`");
        let Form::Reference(path) = &value.form else { return Err(wanted()) };
        let name = match path.as_slice() {
            [column, name] if column == "column" => name,
            [.., column, name] if column == "column" => name,
            _ => return Err(wanted()),
        };
        match context.of {
            Some(at) => self.names.declared[at].column(name, value.at),
            None => Ok(name.clone()),
        }
    }

    /// What `depends_on` names.
    pub fn depends_on(&self, context: &mut Context, block: &Block) -> Result<(), Fault> {
        let kinds: Vec<&str> = [names::RELATIONS, &["enum", "domain", "composite", "sequence", "function", "procedure"]].concat();
        for value in attribute(block, "depends_on").map(|found| list(&found.value)).transpose()?.unwrap_or_default() {
            let (declared, _) = self.names.resolve(value, &context.schema, &kinds)?;
            context.needs.insert(declared.key());
        }
        Ok(())
    }

    fn imply_type(&self, context: &mut Context, at: usize, name: &str) {
        let declared = ["enum", "domain", "composite"].iter().any(|kind| self.names.has(kind, name));
        if let Some(extension) = super::known::extension_of_type(name).filter(|_| !declared) {
            context.extensions.insert((extension, at, format!("the type `{name}` is of the extension `{extension}`")));
            context.needs.insert(Key::extension(extension));
        }
    }
}

fn type_words(name: &str, arguments: Option<&str>) -> String {
    let arguments = arguments.map(|arguments| format!("({arguments})")).unwrap_or_default();
    match WORDS.iter().find(|(written, _, _)| *written == name) {
        Some((_, before, after)) => format!("{before}{arguments}{after}"),
        // HCL's names may have hyphens.
        None if name.contains('-') => format!("{}{arguments}", quote_identifier(name)),
        None => format!("{name}{arguments}"),
    }
}

/// Names of the SQL text, for finding what it needs.
pub(super) fn mentioned(text: &str) -> BTreeSet<String> {
    script::names(text).collect()
}
