//! Functions, procedures, triggers and policies -> SQL.

use super::{
    Context, Translator,
    names::{Declared, attribute},
    order::{Key, Rank},
    sql::Sql,
    syntax::{Block, Fault, Form},
    values::{choice, flag, list, raw, text},
};
use crate::script::{quote_identifier, quote_literal};

impl Translator<'_> {
    pub fn routine(&mut self, declared: &Declared) -> Result<(), Fault> {
        let block = &declared.block;
        let noun = if block.kind == "function" { "FUNCTION" } else { "PROCEDURE" };
        let mut context = self.context(declared, None);
        let mut sql = Sql::new(&declared.source, block.at, &format!("CREATE {noun} {}(", declared.sql()));
        // What tells routines of one name apart, for the comment.
        let mut identity = Sql::new(&declared.source, block.at, "");
        let arguments = block.blocks.iter().filter(|inner| inner.kind == "arg");
        for (at, argument) in arguments.enumerate() {
            let mut own = Sql::new(&declared.source, argument.at, if at > 0 { ", " } else { "" });
            let mode = attribute(argument, "mode").map(|found| choice(found, &["IN", "OUT", "INOUT", "VARIADIC"])).transpose()?;
            if let Some(mode) = mode.filter(|mode| mode != "IN") {
                own.add(argument.at, &format!("{mode} "));
            }
            if let Some(label) = argument.labels.first() {
                own.add(label.at, &quote_identifier(&label.text)).add(label.at, " ");
            }
            self.own_type(&mut own, &mut context, argument)?;
            identity.join(own.clone());
            if let Some(found) = attribute(argument, "default") {
                own.add(found.at, " DEFAULT ");
                self.default(&mut own, &mut context, &found.value)?;
            }
            sql.join(own);
        }
        sql.add(block.at, ")");
        let returned = |name: &str| attribute(block, name).into_iter();
        for (found, words) in
            returned("return").map(|found| (found, "RETURNS ")).chain(returned("return_set").map(|found| (found, "RETURNS SETOF ")))
        {
            sql.add(found.at, &format!("\n{words}"));
            match &found.value.form {
                // A table's row.
                Form::Reference(path) if path.first().is_some_and(|kind| super::names::RELATIONS.contains(&kind.as_str())) => {
                    let (relation, _) = self.names.resolve(&found.value, &declared.schema, super::names::RELATIONS)?;
                    context.needs.insert(relation.key());
                    sql.add(found.value.at, &relation.sql());
                }
                _ => self.type_of(&mut sql, &mut context, &found.value)?,
            }
        }
        for table in block.blocks.iter().filter(|inner| inner.kind == "return_table") {
            sql.add(table.at, "\nRETURNS TABLE (");
            for (at, column) in table.blocks.iter().enumerate() {
                let name = column.labels.first().map(|label| quote_identifier(&label.text)).unwrap_or_default();
                sql.add(column.at, if at > 0 { ", " } else { "" }).add(column.at, &format!("{name} "));
                self.own_type(&mut sql, &mut context, column)?;
            }
            sql.add(table.at, ")");
        }
        let Some(found) = attribute(block, "lang") else {
            return Err(Fault::new(block.at, format!("this `{}` has no `lang`", block.kind)));
        };
        let language = text(found)?;
        sql.add(found.value.at, &format!("\nLANGUAGE {}", quote_identifier(&language.to_lowercase())));
        self.routine_options(&mut sql, block)?;
        let Some(found) = attribute(block, "as") else {
            return Err(Fault::new(block.at, format!("this `{}` has no `as`", block.kind)));
        };
        let Some((at, body)) = raw(&found.value) else { return Err(Fault::new(found.value.at, "`as` is the body: a text")) };
        let first = body.split_whitespace().take(2).map(str::to_uppercase).collect::<Vec<_>>();
        let standard = language.eq_ignore_ascii_case("sql")
            && matches!(first.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), ["BEGIN", "ATOMIC"] | ["RETURN", ..]);
        if standard {
            // A body that Postgres reads at once: what it names must be there.
            context.mention(body);
            sql.add(found.at, "\n").add_written(at, body.trim().trim_end_matches(';'));
        } else {
            let tag = quote_tag(body);
            sql.add(found.at, &format!("\nAS {tag}")).add_written(at, body).add(found.at, &tag);
        }
        self.depends_on(&mut context, block)?;
        self.push(declared, sql, context, Some(declared.key()), Rank::Function);
        self.comment(declared, block, &format!("{noun} {}({})", declared.sql(), identity.text()), Some(declared.key()))
    }

    fn routine_options(&mut self, sql: &mut Sql, block: &Block) -> Result<(), Fault> {
        if let Some(found) = attribute(block, "volatility") {
            sql.add(found.value.at, &format!("\n{}", choice(found, &["IMMUTABLE", "STABLE", "VOLATILE"])?));
        }
        for (name, words) in [("window", "WINDOW"), ("strict", "STRICT"), ("leakproof", "LEAKPROOF")] {
            if flag(block, name)? == Some(true) {
                sql.add(block.at, &format!("\n{words}"));
            }
        }
        if let Some(found) = attribute(block, "security") {
            sql.add(found.value.at, &format!("\nSECURITY {}", choice(found, &["DEFINER", "INVOKER"])?));
        }
        if let Some(found) = attribute(block, "parallel") {
            sql.add(found.value.at, &format!("\nPARALLEL {}", choice(found, &["SAFE", "UNSAFE", "RESTRICTED"])?));
        }
        for name in ["cost", "rows"] {
            if let Some(found) = attribute(block, name) {
                let Form::Number(number) = &found.value.form else {
                    return Err(Fault::new(found.value.at, format!("`{name}` is a number")));
                };
                sql.add(found.value.at, &format!("\n{} {number}", name.to_uppercase()));
            }
        }
        for settings in block.blocks.iter().filter(|inner| inner.kind == "config") {
            for setting in &settings.attributes {
                let constant = |value: &super::syntax::Value| match &value.form {
                    Form::Text(text) | Form::Word(text) => Ok(quote_literal(text).trim_start().to_string()),
                    Form::Number(number) => Ok(number.clone()),
                    Form::Bool(value) => Ok(value.to_string()),
                    _ => Err(Fault::new(value.at, "a setting is a constant, or a list of them")),
                };
                let value = match &setting.value.form {
                    Form::List(values) => values.iter().map(constant).collect::<Result<Vec<_>, _>>()?.join(", "),
                    _ => constant(&setting.value)?,
                };
                let name = setting.name.split('.').map(quote_identifier).collect::<Vec<_>>().join(".");
                sql.add(setting.at, &format!("\nSET {name} TO {value}"));
            }
        }
        Ok(())
    }

    pub fn trigger(&mut self, declared: &Declared) -> Result<(), Fault> {
        let block = &declared.block;
        let needed =
            |name: &str| attribute(block, name).ok_or_else(|| Fault::new(block.at, format!("this `trigger` has no `{name}`")));
        let (relation, _) = self.names.resolve(&needed("on")?.value, &declared.schema, super::names::RELATIONS)?;
        let of = self.names.declared.iter().position(|other| other.key() == relation.key());
        let mut context = self.context(declared, of);
        context.needs = [relation.key()].into();
        let constraint = if flag(block, "constraint")? == Some(true) { "CONSTRAINT " } else { "" };
        let mut sql =
            Sql::new(&declared.source, block.at, &format!("CREATE {constraint}TRIGGER {}", quote_identifier(&declared.name)));
        let times: Vec<&Block> =
            block.blocks.iter().filter(|inner| matches!(inner.kind.as_str(), "before" | "after" | "instead_of")).collect();
        let [time] = times.as_slice() else {
            return Err(Fault::new(block.at, "a `trigger` has one block `before`, `after` or `instead_of`"));
        };
        sql.add(time.at, &format!(" {}", time.kind.to_uppercase().replace('_', " ")));
        let mut events = 0;
        for event in &time.attributes {
            let words = match event.name.as_str() {
                "update_of" => "UPDATE OF ".to_string(),
                _ if flag(time, &event.name)? != Some(true) => continue,
                name => name.to_uppercase(),
            };
            sql.add(event.at, if events > 0 { " OR " } else { " " }).add(event.at, &words);
            if event.name == "update_of" {
                self.columns(&mut sql, &context, event)?;
            }
            events += 1;
        }
        if events == 0 {
            return Err(Fault::new(time.at, "no event is named: `insert`, `update`, `update_of`, `delete` or `truncate`"));
        }
        sql.add(block.at, &format!(" ON {}", relation.sql()));
        let initially = flag(block, "initially_deferred")? == Some(true);
        if initially || flag(block, "deferrable")? == Some(true) {
            sql.add(block.at, if initially { " DEFERRABLE INITIALLY DEFERRED" } else { " DEFERRABLE" });
        }
        for referencing in block.blocks.iter().filter(|inner| inner.kind == "referencing") {
            sql.add(referencing.at, " REFERENCING");
            for (name, words) in [("old_table", "OLD TABLE AS"), ("new_table", "NEW TABLE AS")] {
                if let Some(found) = attribute(referencing, name) {
                    sql.add(found.value.at, &format!(" {words} {}", quote_identifier(&text(found)?)));
                }
            }
        }
        if let Some(found) = attribute(block, "for").or_else(|| attribute(block, "foreach")) {
            sql.add(found.value.at, &format!(" FOR EACH {}", choice(found, &["ROW", "STATEMENT"])?));
        }
        if let Some(found) = attribute(block, "when") {
            sql.add(found.at, " WHEN (");
            self.expression(&mut sql, &mut context, found)?;
            sql.add(found.at, ")");
        }
        let Some(execute) = block.blocks.iter().find(|inner| inner.kind == "execute") else {
            return Err(Fault::new(block.at, "this `trigger` has no block `execute`"));
        };
        let Some(found) = attribute(execute, "function") else {
            return Err(Fault::new(execute.at, "this `execute` has no `function`"));
        };
        sql.add(execute.at, " EXECUTE FUNCTION ");
        self.function(&mut sql, &mut context, &found.value)?;
        sql.add(found.value.at, "(");
        if let Some(found) = attribute(execute, "args") {
            for (at, value) in list(&found.value)?.iter().enumerate() {
                sql.add(value.at, if at > 0 { ", " } else { "" });
                self.default(&mut sql, &mut context, value)?;
            }
        }
        sql.add(execute.at, ")");
        self.depends_on(&mut context, block)?;
        let what = format!("TRIGGER {} ON {}", quote_identifier(&declared.name), relation.sql());
        self.push_part(declared, sql, context, &what)
    }

    /// A function by reference, or by its name as SQL.
    fn function(&mut self, sql: &mut Sql, context: &mut Context, value: &super::syntax::Value) -> Result<(), Fault> {
        if let Some((at, text)) = raw(value) {
            context.mention(text);
            sql.add_written(at, text);
            return Ok(());
        }
        let (function, _) = self.names.resolve(value, &context.schema, &["function"])?;
        context.needs.insert(function.key());
        sql.add(value.at, &function.sql());
        Ok(())
    }

    pub fn event_trigger(&mut self, declared: &Declared) -> Result<(), Fault> {
        let block = &declared.block;
        let needed = |name: &str| {
            attribute(block, name).ok_or_else(|| Fault::new(block.at, format!("this `event_trigger` has no `{name}`")))
        };
        let mut context = self.context(declared, None);
        context.needs.clear();
        let on = text(needed("on")?)?;
        let mut sql = Sql::new(
            &declared.source,
            block.at,
            &format!("CREATE EVENT TRIGGER {} ON {}", quote_identifier(&declared.name), quote_identifier(&on)),
        );
        if let Some(found) = attribute(block, "tags") {
            let tag = |value: &super::syntax::Value| {
                super::names::word(value).map(|tag| quote_literal(&tag)).ok_or_else(|| Fault::new(value.at, "a tag is a text"))
            };
            let tags = list(&found.value)?.iter().map(tag).collect::<Result<Vec<_>, _>>()?;
            sql.add(found.at, &format!(" WHEN TAG IN ({})", tags.join(", ")));
        }
        sql.add(block.at, " EXECUTE FUNCTION ");
        self.function(&mut sql, &mut context, &needed("execute")?.value)?;
        sql.add(block.at, "()");
        // After everything else that is made.
        self.push_part(declared, sql, context, &format!("EVENT TRIGGER {}", quote_identifier(&declared.name)))
    }

    pub fn policy(&mut self, declared: &Declared) -> Result<(), Fault> {
        let block = &declared.block;
        let Some(on) = attribute(block, "on") else { return Err(Fault::new(block.at, "this `policy` has no `on`")) };
        let (table, _) = self.names.resolve(&on.value, &declared.schema, &["table", "partition"])?;
        let mut context = self.context(declared, None);
        context.needs = [table.key()].into();
        let mut sql =
            Sql::new(&declared.source, block.at, &format!("CREATE POLICY {} ON {}", quote_identifier(&declared.name), table.sql()));
        if let Some(found) = attribute(block, "as") {
            sql.add(found.value.at, &format!(" AS {}", choice(found, &["PERMISSIVE", "RESTRICTIVE"])?));
        }
        if let Some(found) = attribute(block, "for") {
            sql.add(found.value.at, &format!(" FOR {}", choice(found, &["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"])?));
        }
        if let Some(found) = attribute(block, "to") {
            let role = |value: &super::syntax::Value| match &value.form {
                Form::Word(word)
                    if matches!(word.to_uppercase().as_str(), "PUBLIC" | "CURRENT_USER" | "CURRENT_ROLE" | "SESSION_USER") =>
                {
                    Ok(word.to_uppercase())
                }
                Form::Text(name) | Form::Word(name) if name == "public" => Ok("PUBLIC".to_string()),
                Form::Text(name) | Form::Word(name) => Ok(quote_identifier(name)),
                Form::Reference(path) if path.len() == 2 && path[0] == "role" => Ok(quote_identifier(&path[1])),
                _ => Err(Fault::new(value.at, "a role is wanted here: its name, or PUBLIC")),
            };
            let roles = match &found.value.form {
                Form::List(values) => values.iter().map(role).collect::<Result<Vec<_>, _>>()?,
                _ => vec![role(&found.value)?],
            };
            sql.add(found.value.at, &format!(" TO {}", roles.join(", ")));
        }
        for (name, words) in [("using", "USING"), ("with_check", "WITH CHECK")] {
            if let Some(found) = attribute(block, name) {
                sql.add(found.at, &format!(" {words} ("));
                self.expression(&mut sql, &mut context, found)?;
                sql.add(found.at, ")");
            }
        }
        self.depends_on(&mut context, block)?;
        self.push_part(declared, sql, context, &format!("POLICY {} ON {}", quote_identifier(&declared.name), table.sql()))
    }

    /// A statement that makes `what`, and the comment on that.
    fn push_part(&mut self, declared: &Declared, sql: Sql, context: Context, what: &str) -> Result<(), Fault> {
        let key = Key::part(what);
        self.push(declared, sql, context, Some(key.clone()), Rank::Rest);
        self.comment(declared, &declared.block, what, Some(key))
    }
}

/// A dollar quote that the body does not hold.
fn quote_tag(body: &str) -> String {
    let mut tag = String::from("$hcl$");
    let mut more = 0;
    while body.contains(&tag) {
        more += 1;
        tag = format!("$hcl{more}$");
    }
    tag
}
