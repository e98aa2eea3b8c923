//! Tables, partitions and views -> HCL.

use super::{
    Writer,
    definition::{self, Element, Rest, constant, deferrable, element, names, parts},
    text::{Text, expression, list, quoted, reference, sql},
};
use crate::{
    catalog::{Kind, Object, ObjectId},
    plan::readback::readable_back,
};

/// Names of columns as references.
fn columns(names: &[String]) -> String {
    list(names.iter().map(|name| reference(&["column", name])))
}

impl Writer<'_> {
    pub(super) fn table(&self, out: &mut Text, table: &Object) {
        if table.text("partition_of").is_some() {
            return self.partition(out, table);
        }
        self.block(out, "table", &table.id, |out| {
            out.flag("unlogged", table.flag("unlogged"));
            for column in self.columns(&table.id) {
                self.column(out, column);
            }
            let constraints: Vec<&Object> = self.parts(&table.id, Kind::Constraint).collect();
            for form in ["p", "f", "u", "c", "x"] {
                for constraint in constraints.iter().filter(|constraint| constraint.text("form") == Some(form)) {
                    // What is not understood is left out whole.
                    let _ = self.constraint(out, table, constraint, form);
                }
            }
            for index in self.parts(&table.id, Kind::Index) {
                let _ = self.index(out, index);
            }
            if let Some(key) = table.text("partition_key") {
                let _ = self.partition_key(out, key);
            }
            if table.flag("row_security") || table.flag("force_row_security") {
                out.block("row_security", &[], |out| {
                    out.flag("enabled", table.flag("row_security"));
                    out.flag("enforced", table.flag("force_row_security"));
                });
            }
            storage(out, table.list("options").iter().chain(table.list("toast_options")));
        });
    }

    fn column(&self, out: &mut Text, column: &Object) {
        out.block("column", &[column.id.name()], |out| {
            let kind = column.text("type").unwrap_or_default();
            let default = self.parts(&column.id, Kind::Default).next().and_then(|default| default.text("expression"));
            let mut owned = self.parts(&column.id, Kind::Sequence);
            let serial = owned.find_map(|sequence| self.serial(sequence));
            out.flag("null", !column.flag("not_null"));
            out.set("type", serial.map_or_else(|| self.type_of(kind), str::to_string));
            out.set_some("default", default.filter(|_| serial.is_none()).map(|default| constant_or_sql(default, kind)));
            out.set_some("collate", column.text("collation").map(quoted));
            if let (Some(computed), Some(generated)) = (column.text("expression"), column.text("generated")) {
                out.block("as", &[], |out| {
                    out.set("expr", expression(computed));
                    out.set("type", generated);
                });
            }
            if let Some(identity) = column.text("identity") {
                out.block("identity", &[], |out| {
                    out.set("generated", identity.replace(' ', "_"));
                    for sequence in self.parts(&column.id, Kind::Sequence) {
                        self.sequence_options(out, sequence);
                    }
                });
            }
            self.comment(out, &column.id);
        });
    }

    fn constraint(&self, out: &mut Text, table: &Object, constraint: &Object, form: &str) -> Option<()> {
        let name = constraint.id.name();
        let rest = &mut Rest(constraint.text("definition")?);
        match form {
            "p" | "u" => {
                let kind = if rest.word("PRIMARY KEY") { "primary_key" } else { "unique" };
                rest.word("UNIQUE");
                let distinct = !rest.word("NULLS NOT DISTINCT");
                let own = names(rest.parenthesis()?)?;
                let include = if rest.word("INCLUDE") { names(rest.parenthesis()?)? } else { Vec::new() };
                let deferred = deferrable(rest);
                rest.is_empty().then_some(())?;
                let usual = kind == "primary_key" && name == format!("{}_pkey", table.id.name());
                let labels: &[&str] = if usual { &[] } else { &[name] };
                out.block(kind, labels, |out| {
                    out.set("columns", columns(&own));
                    out.set_some("include", Some(columns(&include)).filter(|_| !include.is_empty()));
                    out.set_some("nulls_distinct", Some("false").filter(|_| !distinct));
                    out.flag("deferrable", deferred.deferrable && !deferred.initially);
                    out.flag("initially_deferred", deferred.initially);
                    self.comment(out, &constraint.id);
                });
            }
            "c" => {
                rest.word("CHECK").then_some(())?;
                let condition = rest.parenthesis()?;
                let no_inherit = rest.word("NO INHERIT");
                rest.is_empty().then_some(())?;
                out.block("check", &[name], |out| {
                    out.set("expr", expression(condition));
                    out.flag("no_inherit", no_inherit);
                    self.comment(out, &constraint.id);
                });
            }
            "f" => {
                rest.word("FOREIGN KEY").then_some(())?;
                let own = names(rest.parenthesis()?)?;
                rest.word("REFERENCES").then_some(())?;
                let (schema, other) = rest.qualified()?;
                let theirs = names(rest.parenthesis()?)?;
                let full = rest.word("MATCH FULL");
                let update = if rest.word("ON UPDATE") { Some(action(rest)?) } else { None };
                let delete = if rest.word("ON DELETE") { Some(action(rest)?) } else { None };
                let deferred = deferrable(rest);
                rest.is_empty().then_some(())?;
                let there = self.catalog.objects.get(&ObjectId::new(Kind::Table, [&schema, &other]))?;
                let block = super::block_of(there)?;
                let itself = there.id == table.id;
                let column = |name: &String| match itself {
                    true => reference(&["column", name]),
                    false => self.reference(block, &schema, &other, &["column", name]),
                };
                out.block("foreign_key", &[name], |out| {
                    out.set("columns", columns(&own));
                    out.set("ref_columns", list(theirs.iter().map(column)));
                    out.set_some("match", Some("FULL").filter(|_| full));
                    out.set_some("on_update", update);
                    out.set_some("on_delete", delete);
                    out.flag("deferrable", deferred.deferrable && !deferred.initially);
                    out.flag("initially_deferred", deferred.initially);
                    self.comment(out, &constraint.id);
                });
            }
            _ => {
                rest.word("EXCLUDE USING").then_some(())?;
                let method = rest.name()?;
                let elements = parts(rest.parenthesis()?).into_iter().map(element).collect::<Option<Vec<_>>>()?;
                let include = if rest.word("INCLUDE") { names(rest.parenthesis()?)? } else { Vec::new() };
                let condition = if rest.word("WHERE") { Some(rest.parenthesis()?) } else { None };
                let deferred = deferrable(rest);
                let sayable = |element: &Element<'_>| {
                    element.collation.is_none()
                        && element.operator.is_some_and(|operator| operator.bytes().all(|byte| !byte.is_ascii_alphanumeric()))
                };
                (rest.is_empty() && elements.iter().all(sayable)).then_some(())?;
                out.block("exclude", &[name], |out| {
                    out.set("type", method.to_uppercase());
                    for element in &elements {
                        on(out, element);
                    }
                    out.set_some("include", Some(columns(&include)).filter(|_| !include.is_empty()));
                    out.set_some("where", condition.map(expression));
                    out.flag("deferrable", deferred.deferrable && !deferred.initially);
                    out.flag("initially_deferred", deferred.initially);
                    self.comment(out, &constraint.id);
                });
            }
        }
        Some(())
    }

    fn index(&self, out: &mut Text, index: &Object) -> Option<()> {
        let mut rest = Rest(index.text("definition")?);
        let unique = rest.word("CREATE UNIQUE INDEX");
        (unique || rest.word("CREATE INDEX")).then_some(())?;
        rest.name()?;
        rest.word("ON").then_some(())?;
        rest.word("ONLY");
        rest.qualified()?;
        rest.word("USING").then_some(())?;
        let method = rest.name()?;
        let elements = parts(rest.parenthesis()?).into_iter().map(element).collect::<Option<Vec<_>>>()?;
        let include = if rest.word("INCLUDE") { names(rest.parenthesis()?)? } else { Vec::new() };
        let distinct = !rest.word("NULLS NOT DISTINCT");
        let options = if rest.word("WITH") { parts(rest.parenthesis()?) } else { Vec::new() };
        let condition = if rest.word("WHERE") { Some(rest.0.trim()) } else { None };
        (condition.is_some() || rest.is_empty()).then_some(())?;
        let plain = |element: &Element<'_>| {
            element.column.is_some()
                && element.collation.is_none()
                && element.class.is_none()
                && !(element.descending || element.nulls_first || element.nulls_last)
        };
        let options = options
            .into_iter()
            .map(|option| option.split_once('=').and_then(|(name, value)| Some((name.to_string(), option_value(value)?))))
            .collect::<Option<Vec<_>>>()?;
        out.block("index", &[index.id.name()], |out| {
            out.flag("unique", unique);
            if elements.iter().all(plain) {
                let names: Vec<String> = elements.iter().filter_map(|element| element.column.clone()).collect();
                out.set("columns", columns(&names));
            }
            out.set_some("type", Some(method.to_uppercase()).filter(|method| method != "BTREE"));
            if !elements.iter().all(plain) {
                elements.iter().for_each(|element| on(out, element));
            }
            out.set_some("include", Some(columns(&include)).filter(|_| !include.is_empty()));
            out.set_some("nulls_distinct", Some("false").filter(|_| !distinct));
            out.set_some("where", condition.map(expression));
            if !options.is_empty() {
                out.block("storage_params", &[], |out| {
                    options.iter().for_each(|(name, value)| out.set(name, constant_value(value)))
                });
            }
            self.comment(out, &index.id);
        });
        Some(())
    }

    fn partition_key(&self, out: &mut Text, key: &str) -> Option<()> {
        let mut rest = Rest(key);
        let method = rest.name()?;
        let elements = parts(rest.parenthesis()?).into_iter().map(element).collect::<Option<Vec<_>>>()?;
        rest.is_empty().then_some(())?;
        out.block("partition", &[], |out| {
            out.set("type", method.to_uppercase());
            let names: Vec<String> = elements.iter().filter_map(|element| element.column.clone()).collect();
            if names.len() == elements.len()
                && elements.iter().all(|element| element.class.is_none() && element.collation.is_none())
            {
                out.set("columns", columns(&names));
            } else {
                elements.iter().for_each(|element| element_block(out, "by", element));
            }
        });
        Some(())
    }

    fn partition(&self, out: &mut Text, table: &Object) {
        let Some((schema, parent)) = table.text("partition_of").and_then(|of| Rest(of).qualified()) else { return };
        let Some(whole) = self.catalog.objects.get(&ObjectId::new(Kind::Table, [&schema, &parent])) else { return };
        let Some(block) = super::block_of(whole) else { return };
        let mut inside = Text::default();
        inside.set("of", self.reference(block, &schema, &parent, &[]));
        if bound(&mut inside, table.text("partition_bound").unwrap_or_default()).is_none() {
            return;
        }
        if let Some(key) = table.text("partition_key") {
            let _ = self.partition_key(&mut inside, key);
        }
        self.block(out, "partition", &table.id, |out| out.lines(&inside.text));
    }

    pub(super) fn view(&self, out: &mut Text, view: &Object) {
        let materialized = view.id.kind == Kind::MaterializedView;
        let mut options: Vec<&String> = view.list("options").iter().collect();
        let mut take = |name: &str, values: &[&str]| {
            let known =
                |option: &&String| option.split_once('=').is_some_and(|(option, value)| option == name && values.contains(&value));
            let at = options.iter().position(known)?;
            Some(options.remove(at).split_once('=')?.1.to_string())
        };
        // Other ways to write it stay what they are.
        let invoker = take("security_invoker", &["true", "false"]);
        let check = take("check_option", &["local", "cascaded"]);
        self.block(out, if materialized { "materialized" } else { "view" }, &view.id, |out| {
            out.string("as", &format!("{}\n", readable_back(view.text("definition").unwrap_or_default())));
            out.set_some("security", invoker.map(|set| if set == "true" { "INVOKER" } else { "DEFINER" }));
            out.set_some("check_option", check.map(|option| option.to_uppercase()));
            out.flag("with_no_data", materialized && !view.flag("populated"));
            for index in self.parts(&view.id, Kind::Index) {
                let _ = self.index(out, index);
            }
            for column in self.columns(&view.id).into_iter().filter(|column| self.comments.contains_key(&column.id)) {
                out.block("column", &[column.id.name()], |out| {
                    out.flag("null", true);
                    out.set("type", self.type_of(column.text("type").unwrap_or_default()));
                    self.comment(out, &column.id);
                });
            }
            storage(out, options.into_iter());
        });
    }
}

fn action(rest: &mut Rest<'_>) -> Option<String> {
    for words in ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"] {
        if rest.word(words) {
            // `SET NULL (a)` has no words in HCL.
            return (!rest.0.trim_start().starts_with('(')).then(|| words.replace(' ', "_"));
        }
    }
    None
}

fn on(out: &mut Text, element: &Element<'_>) {
    element_block(out, "on", element);
}

fn element_block(out: &mut Text, kind: &str, element: &Element<'_>) {
    out.block(kind, &[], |out| {
        out.set_some("column", element.column.as_deref().map(|name| reference(&["column", name])));
        out.set_some("expr", element.expression.map(expression));
        out.set_some("collate", element.collation.map(quoted));
        out.set_some("ops", element.class.map(operator_class));
        out.flag("desc", element.descending);
        out.flag("nulls_first", element.nulls_first);
        out.flag("nulls_last", element.nulls_last);
        out.set_some("op", element.operator.map(quoted));
    });
}

/// An operator class: its schema is left away where it is one that is always searched.
fn operator_class(class: &str) -> String {
    let bare = class.strip_prefix("public.").or_else(|| class.strip_prefix("pg_catalog.")).unwrap_or(class);
    if bare.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        bare.to_string()
    } else {
        sql(bare)
    }
}

/// `FOR VALUES FROM (…) TO (…)` and the other bounds.
fn bound(out: &mut Text, text: &str) -> Option<()> {
    let mut rest = Rest(text);
    if rest.word("DEFAULT") {
        out.flag("default", true);
        return Some(());
    }
    rest.word("FOR VALUES").then_some(())?;
    let values = |text: &str| {
        list(parts(text).into_iter().map(|value| match value {
            "MINVALUE" | "MAXVALUE" => value.to_string(),
            value => match constant(value) {
                Some(text) => quoted(&text),
                None if value.bytes().all(|byte| byte.is_ascii_digit()) => value.to_string(),
                None => sql(value),
            },
        }))
    };
    if rest.word("FROM") {
        let from = values(rest.parenthesis()?);
        rest.word("TO").then_some(())?;
        let to = values(rest.parenthesis()?);
        out.block("range", &[], |out| {
            out.set("from", from);
            out.set("to", to);
        });
    } else if rest.word("IN") {
        let values = values(rest.parenthesis()?);
        out.block("list", &[], |out| out.set("values", values));
    } else {
        rest.word("WITH").then_some(())?;
        let inside = rest.parenthesis()?.to_string();
        let mut inside = Rest(&inside);
        inside.word("modulus").then_some(())?;
        let modulus = inside.name()?;
        let mut inside = Rest(inside.0.trim_start_matches(','));
        inside.word("remainder").then_some(())?;
        let remainder = inside.name()?;
        out.block("hash", &[], |out| {
            out.set("modulus", modulus);
            out.set("remainder", remainder);
        });
    }
    Some(())
}

fn storage<'b>(out: &mut Text, options: impl Iterator<Item = &'b String>) {
    let options: Vec<(&str, &str)> = options.filter_map(|option| option.split_once('=')).collect();
    if !options.is_empty() {
        out.block("storage_params", &[], |out| {
            for (name, value) in options {
                out.set(&name.replace("toast.", "toast_"), constant_value(value));
            }
        });
    }
}

/// The value of a storage parameter, which Postgres puts in quotes only where it must.
fn option_value(value: &str) -> Option<String> {
    let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
    if plain { Some(value.to_string()) } else { constant(value) }
}

fn constant_value(value: &str) -> String {
    let number = !value.is_empty() && value.len() < 15 && value.bytes().all(|byte| byte.is_ascii_digit());
    if number || matches!(value, "true" | "false") { value.to_string() } else { quoted(value) }
}

/// A default: a constant of the column's own type, or SQL.
fn constant_or_sql(expression: &str, kind: &str) -> String {
    let number = expression.len() < 15 && expression.bytes().all(|byte| byte.is_ascii_digit());
    if number || matches!(expression, "true" | "false") {
        return expression.to_string();
    }
    let bare = kind.split('(').next().unwrap_or_default();
    match expression.rsplit_once("::") {
        Some((literal, cast)) if cast == bare && matches!(cast, "text" | "character varying") => {
            match definition::constant(literal) {
                Some(text) => quoted(&text),
                None => sql(expression),
            }
        }
        _ => sql(expression),
    }
}
