//! Functions, procedures, triggers and policies -> HCL.

use super::{
    Writer,
    definition::{self, Rest, constant, deferrable, names, parts},
    text::{Text, expression, list, quoted, reference, sql},
};
use crate::{
    catalog::{Kind, Object, ObjectId},
    plan::readback::readable_back,
};

/// Whether HCL has words for a routine: not for the C language's two strings.
pub(super) fn is_sayable(object: &Object) -> bool {
    let words = ["IMMUTABLE", "STABLE", "VOLATILE", "STRICT", "LEAKPROOF", "WINDOW", "SECURITY", "PARALLEL", "COST", "ROWS"];
    object.text("definition").and_then(definition::routine).is_some_and(|routine| {
        let values = routine.options.iter().zip(routine.options.iter().skip(1));
        let of = |word: &&str| values.clone().any(|(before, after)| after == word && words[6..].contains(before));
        !matches!(routine.language.as_str(), "c" | "internal")
            && routine.options.iter().all(|word| words.contains(word) || of(word))
            && routine.settings.iter().all(|(name, value)| {
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                    && parts(value).into_iter().all(|value| constant(value).is_some())
            })
    })
}

impl Writer<'_> {
    pub(super) fn routines(&self, out: &mut Text) {
        for object in self.of_kind(Kind::Function).chain(self.of_kind(Kind::Procedure)) {
            let _ = self.routine(out, object);
        }
    }

    fn routine(&self, out: &mut Text, object: &Object) -> Option<()> {
        let definition = readable_back(object.text("definition")?);
        let routine = definition::routine(&definition)?;
        let arguments = parts(routine.arguments).into_iter().map(|text| self.argument(object, text)).collect::<Option<Vec<_>>>()?;
        let mut options = Text::default();
        let mut words = routine.options.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "IMMUTABLE" | "STABLE" | "VOLATILE" => options.set("volatility", word),
                "STRICT" | "LEAKPROOF" | "WINDOW" => options.set(&word.to_lowercase(), "true"),
                "SECURITY" | "PARALLEL" | "COST" | "ROWS" => options.set(&word.to_lowercase(), words.next()?),
                _ => return None,
            }
        }
        let settings = routine
            .settings
            .iter()
            .map(|(name, value)| {
                let values =
                    parts(value).into_iter().map(|value| constant(value).map(|text| quoted(&text))).collect::<Option<Vec<_>>>()?;
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                plain.then(|| (name.clone(), if values.len() == 1 { values[0].clone() } else { list(values) }))
            })
            .collect::<Option<Vec<_>>>()?;
        let mut returns = Text::default();
        if let Some(text) = routine.returns {
            let mut rest = Rest(text);
            if rest.word("SETOF") {
                returns.set("return_set", self.type_of(rest.0.trim()));
            } else if rest.word("TABLE") {
                let columns = parts(rest.parenthesis()?).into_iter().map(|text| {
                    let mut rest = Rest(text);
                    Some((rest.name()?, self.type_of(rest.0.trim())))
                });
                let columns = columns.collect::<Option<Vec<_>>>()?;
                returns.block("return_table", &[], |out| {
                    for (name, kind) in &columns {
                        out.block("column", &[name], |out| out.set("type", kind));
                    }
                });
            } else {
                returns.set("return", self.type_of(text.trim()));
            }
        }
        let (schema, name) = (object.id.path.first()?, object.id.name().split('(').next()?);
        let kind = if object.id.kind == Kind::Function { "function" } else { "procedure" };
        out.gap();
        out.block(kind, &[name], |out| {
            out.set("schema", reference(&["schema", schema]));
            out.set("lang", language(&routine.language));
            for argument in &arguments {
                let labels: Vec<&str> = argument.name.iter().map(String::as_str).collect();
                out.block("arg", &labels, |out| {
                    out.set("type", &argument.kind);
                    out.set_some("default", argument.default.map(sql));
                    out.set_some("mode", argument.mode);
                });
            }
            out.lines(&returns.text);
            out.lines(&options.text);
            if !settings.is_empty() {
                out.block("config", &[], |out| settings.iter().for_each(|(name, value)| out.set(name, value)));
            }
            out.string("as", &routine.body);
            self.comment(out, &object.id);
        });
        Some(())
    }

    fn argument<'b>(&self, routine: &Object, text: &'b str) -> Option<Argument<'b>> {
        let mut rest = Rest(text);
        let mode = ["VARIADIC", "INOUT", "OUT"].into_iter().find(|mode| rest.word(mode));
        let whole = rest.0.trim();
        let (declared, default) = match whole.split_once(" DEFAULT ") {
            Some((declared, default)) => (declared, Some(default)),
            None => (whole, None),
        };
        let mut rest = Rest(declared);
        let first = rest.name();
        let named = |name: &String| {
            !rest.is_empty() && routine.list("input_names").iter().chain(routine.list("output_names")).any(|other| other == name)
        };
        let (name, kind) = match first.filter(named) {
            Some(name) => (Some(name), rest.0.trim()),
            None => (None, declared),
        };
        Some(Argument { name, kind: self.type_of(kind), default, mode })
    }

    /// A function by reference where only one has its name, else as SQL.
    fn function(&self, schema: &str, name: &str) -> String {
        let mut same = self.of_kind(Kind::Function).filter(|object| object.id.name().split('(').next() == Some(name));
        let id = ObjectId::new(Kind::Function, [schema.to_string(), format!("{name}()")]);
        match (same.next(), same.next()) {
            (Some(only), None) if only.id == id => reference(&["function", name]),
            _ => sql(&format!("{}.{}", crate::script::quote_identifier(schema), crate::script::quote_identifier(name))),
        }
    }

    pub(super) fn triggers(&self, out: &mut Text) {
        for object in self.of_kind(Kind::Trigger) {
            let _ = self.trigger(out, object);
        }
        for object in self.of_kind(Kind::EventTrigger) {
            let Some((schema, name)) = object.text("function").and_then(|text| Rest(text).qualified()) else { continue };
            out.gap();
            out.block("event_trigger", &[object.id.name()], |out| {
                out.set("on", object.text("event").unwrap_or_default());
                let tags = object.list("tags");
                out.set_some("tags", Some(list(tags.iter().map(|tag| quoted(tag)))).filter(|_| !tags.is_empty()));
                out.set("execute", self.function(&schema, &name));
                self.comment(out, &object.id);
            });
        }
    }

    /// `table.tenants` of a trigger or a policy.
    fn on(&self, part: &Object) -> Option<String> {
        let whole = self.catalog.objects.get(part.parent.as_ref()?)?;
        let [schema, name] = whole.id.path.as_slice() else { return None };
        Some(self.reference(super::block_of(whole)?, schema, name, &[]))
    }

    fn trigger(&self, out: &mut Text, object: &Object) -> Option<()> {
        let mut rest = Rest(object.text("definition")?);
        let constraint = rest.word("CREATE CONSTRAINT TRIGGER");
        (constraint || rest.word("CREATE TRIGGER")).then_some(())?;
        rest.name()?;
        let time = ["BEFORE", "AFTER", "INSTEAD OF"].into_iter().find(|time| rest.word(time))?;
        let mut events = Text::default();
        loop {
            let event = ["INSERT", "UPDATE", "DELETE", "TRUNCATE"].into_iter().find(|event| rest.word(event))?;
            if event == "UPDATE" && rest.word("OF") {
                let end = [" OR ", " ON "].into_iter().filter_map(|word| rest.0.find(word)).min()?;
                let columns = names(&rest.0[..end])?;
                rest.0 = &rest.0[end..];
                events.set("update_of", list(columns.iter().map(|name| reference(&["column", name]))));
            } else {
                events.set(&event.to_lowercase(), "true");
            }
            if !rest.word("OR") {
                break;
            }
        }
        rest.word("ON").then_some(())?;
        rest.qualified()?;
        let deferred = deferrable(&mut rest);
        let mut referencing = Text::default();
        if rest.word("REFERENCING") {
            for (words, name) in [("OLD TABLE AS", "old_table"), ("NEW TABLE AS", "new_table")] {
                if rest.word(words) {
                    referencing.set(name, quoted(&rest.name()?));
                }
            }
        }
        rest.word("FOR EACH").then_some(())?;
        let each = rest.token()?;
        let when = if rest.word("WHEN") { Some(rest.parenthesis()?) } else { None };
        rest.word("EXECUTE FUNCTION").then_some(())?;
        let (schema, name) = rest.function()?;
        let arguments = parts(rest.parenthesis()?).into_iter().map(constant).collect::<Option<Vec<_>>>()?;
        rest.is_empty().then_some(())?;
        let on = self.on(object)?;
        out.gap();
        out.block("trigger", &[object.id.name()], |out| {
            out.set("on", on);
            out.flag("constraint", constraint);
            out.flag("deferrable", deferred.deferrable && !deferred.initially);
            out.flag("initially_deferred", deferred.initially);
            out.block(&time.to_lowercase().replace(' ', "_"), &[], |out| out.lines(&events.text));
            if !referencing.text.is_empty() {
                out.block("referencing", &[], |out| out.lines(&referencing.text));
            }
            out.set("for", each);
            out.set_some("when", when.map(expression));
            out.block("execute", &[], |out| {
                out.set("function", self.function(&schema, &name));
                let values = list(arguments.iter().map(|text| quoted(text)));
                out.set_some("args", Some(values).filter(|_| !arguments.is_empty()));
            });
            self.comment(out, &object.id);
        });
        Some(())
    }

    pub(super) fn policies(&self, out: &mut Text) {
        for object in self.of_kind(Kind::Policy) {
            let Some(on) = self.on(object) else { continue };
            out.gap();
            out.block("policy", &[object.id.name()], |out| {
                out.set("on", on);
                out.set_some("as", Some("RESTRICTIVE").filter(|_| object.flag("restrictive")));
                out.set_some("for", object.text("command"));
                let role = |role: &String| match role.as_str() {
                    "public" => "PUBLIC".to_string(),
                    role => quoted(&Rest(role).name().unwrap_or_default()),
                };
                out.set("to", list(object.list("roles").iter().map(role)));
                out.set_some("using", object.text("using").map(expression));
                out.set_some("with_check", object.text("check").map(expression));
                self.comment(out, &object.id);
            });
        }
    }
}

struct Argument<'a> {
    name: Option<String>,
    kind: String,
    default: Option<&'a str>,
    mode: Option<&'static str>,
}

/// A language's name as Atlas writes the usual ones.
fn language(name: &str) -> String {
    match name {
        "sql" => "SQL".into(),
        "plpgsql" => "PLpgSQL".into(),
        name if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => name.into(),
        name => quoted(name),
    }
}
