//! A catalog as Atlas HCL.
//!
//! Blocks stand in the order in which people read them: schemas, extensions, types, sequences, tables with what is theirs, views,
//! functions, triggers, policies. What HCL has no words for is left out; which that is, is found by loading the text again and comparing
//! ([`crate::pipeline::reading`]), never claimed.

mod definition;
mod routine;
mod table;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::text::{Text, expression, list, quoted, reference, sql};
use crate::{
    catalog::{Action, Catalog, Change, Kind, Object, ObjectId},
    report::safe,
    script::SqlFile,
    script::quote_identifier,
    source::SqlFiles,
};

/// A schema in HCL.
#[derive(Debug)]
pub struct Written {
    pub text: String,
    /// What is not in it, a line each: `grant public.t: not in HCL`.
    pub left_out: Vec<String>,
}

impl Written {
    /// The text as a schema source.
    pub fn files(self) -> SqlFiles {
        let file = SqlFile { path: Arc::from("schema.hcl"), text: Arc::from(self.text) };
        SqlFiles { files: vec![file], included: Vec::new() }
    }
}

/// The catalog in HCL. `differences` are what was found when such a text was loaded again, from there to the catalog; they are listed at
/// the beginning.
pub fn render(catalog: &Catalog, name: &str, differences: Option<&[Change]>) -> Written {
    let writer = Writer::new(catalog);
    let mut out = Text::default();
    writer.write(&mut out);
    let left_out: Vec<String> = differences.unwrap_or_default().iter().map(said).collect();
    let mut head = format!("# {}\n", safe::visible(name));
    head.push_str(match differences {
        None => "# not proven: it was not loaded again\n",
        Some([]) => "# proven: loaded again, it is the same schema\n",
        Some(_) => "# loaded again, it is the same schema but for what HCL has no words for:\n",
    });
    for line in &left_out {
        head.push_str(&format!("#   {}\n", safe::visible(line)));
    }
    Written { text: format!("{head}\n{}", out.text), left_out }
}

fn said(change: &Change) -> String {
    let what = match change.action {
        Action::Create => "is left out".to_string(),
        Action::Drop => "is made by HCL alone".into(),
        Action::Alter | Action::Rename | Action::Replace => {
            let names: BTreeSet<String> = change.attributes.iter().map(|attribute| attribute.name.replace('_', " ")).collect();
            format!("differs in {}", names.into_iter().collect::<Vec<_>>().join(", "))
        }
    };
    format!("{} {} {what}", change.object.kind, change.object)
}

struct Writer<'a> {
    catalog: &'a Catalog,
    comments: BTreeMap<&'a ObjectId, &'a str>,
    /// Parts by what they are parts of.
    parts: BTreeMap<&'a ObjectId, Vec<&'a Object>>,
    /// Names of a kind of block that several schemas have.
    ambiguous: BTreeSet<(&'static str, &'a str)>,
    /// What HCL has no words for, and what needs that.
    unsayable: BTreeSet<&'a ObjectId>,
    /// User-defined types as Postgres writes them, and as HCL refers to them.
    types: BTreeMap<String, String>,
}

/// What kind of block an object is.
fn block_of(object: &Object) -> Option<&'static str> {
    match object.id.kind {
        Kind::Type => match object.text("form")? {
            "enum" => Some("enum"),
            "composite" => Some("composite"),
            _ => None,
        },
        Kind::Domain => Some("domain"),
        Kind::Sequence => Some("sequence"),
        Kind::Table if object.text("partition_of").is_some() => Some("partition"),
        Kind::Table => Some("table"),
        Kind::View => Some("view"),
        Kind::MaterializedView => Some("materialized"),
        _ => None,
    }
}

/// Objects that HCL cannot make, those that need them, and tables with a column that does.
fn unsayable(catalog: &Catalog) -> BTreeSet<&ObjectId> {
    let cannot = |object: &&Object| match object.id.kind {
        Kind::Type => block_of(object).is_none(),
        Kind::Function | Kind::Procedure => !routine::is_sayable(object),
        Kind::Aggregate
        | Kind::Operator
        | Kind::OperatorClass
        | Kind::OperatorFamily
        | Kind::Cast
        | Kind::Collation
        | Kind::Conversion
        | Kind::Transform
        | Kind::Language
        | Kind::AccessMethod
        | Kind::ForeignDataWrapper
        | Kind::Server
        | Kind::ForeignTable
        | Kind::Rule
        | Kind::TextSearchConfiguration
        | Kind::TextSearchDictionary
        | Kind::TextSearchParser
        | Kind::TextSearchTemplate => true,
        _ => false,
    };
    let mut left: BTreeSet<&ObjectId> = catalog.objects.values().filter(cannot).map(|object| &object.id).collect();
    loop {
        let mut more: Vec<&ObjectId> = Vec::new();
        for object in catalog.objects.values() {
            let lost = object.needs.iter().chain(&object.parent).any(|need| left.contains(need));
            if lost && !left.contains(&object.id) {
                more.push(&object.id);
            }
            if let (Kind::Column, Some(parent)) = (object.id.kind, &object.parent)
                && (lost || left.contains(&object.id))
                && !left.contains(parent)
            {
                more.push(parent);
            }
        }
        if more.is_empty() {
            return left;
        }
        left.extend(more);
    }
}

impl<'a> Writer<'a> {
    fn new(catalog: &'a Catalog) -> Writer<'a> {
        let mut writer = Writer {
            catalog,
            comments: BTreeMap::new(),
            parts: BTreeMap::new(),
            ambiguous: BTreeSet::new(),
            unsayable: unsayable(catalog),
            types: BTreeMap::new(),
        };
        let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
        for object in catalog.objects.values() {
            match (&object.parent, object.id.kind) {
                // The index of a key has a comment apart from the key's.
                (Some(_), Kind::Comment) if !object.list("index").is_empty() => {}
                (Some(parent), Kind::Comment) => drop(writer.comments.insert(parent, object.text("text").unwrap_or_default())),
                (Some(parent), _) => writer.parts.entry(parent).or_default().push(object),
                (None, _) => {}
            }
            if let Some(block) = block_of(object)
                && !seen.insert((block, object.id.name()))
            {
                writer.ambiguous.insert((block, object.id.name()));
            }
        }
        for object in catalog.objects.values() {
            if let (Some(block @ ("enum" | "domain" | "composite")), [schema, name]) = (block_of(object), object.id.path.as_slice())
            {
                let reference = writer.reference(block, schema, name, &[]);
                for schema in [schema.clone(), quote_identifier(schema)] {
                    for name in [name.clone(), quote_identifier(name)] {
                        writer.types.insert(format!("{schema}.{name}"), reference.clone());
                    }
                }
            }
        }
        writer
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &'a Object> + '_ {
        self.catalog.of_kind(kind).filter(move |object| !self.unsayable.contains(&object.id))
    }

    fn parts(&self, id: &ObjectId, kind: Kind) -> impl Iterator<Item = &'a Object> + '_ {
        self.parts
            .get(id)
            .into_iter()
            .flatten()
            .copied()
            .filter(move |part| part.id.kind == kind && !self.unsayable.contains(&part.id))
    }

    /// `table.public.tenants.column.id`, as short as it may be.
    fn reference(&self, block: &'static str, schema: &str, name: &str, rest: &[&str]) -> String {
        let mut path = vec![block];
        if self.ambiguous.contains(&(block, name)) {
            path.push(schema);
        }
        path.push(name);
        path.extend(rest);
        reference(&path)
    }

    /// A block for an object of a schema.
    fn block(&self, out: &mut Text, kind: &'static str, id: &ObjectId, inside: impl FnOnce(&mut Text)) {
        let (schema, name) = (id.path.first().map_or("", String::as_str), id.name());
        out.gap();
        let both = [schema, name];
        let labels = if self.ambiguous.contains(&(kind, name)) { &both[..] } else { &both[1..] };
        out.block(kind, labels, |out| {
            out.set("schema", reference(&["schema", schema]));
            inside(out);
            self.comment(out, id);
        });
    }

    fn comment(&self, out: &mut Text, id: &ObjectId) {
        out.set_some("comment", self.comments.get(id).map(|text| quoted(text)));
    }

    fn write(&self, out: &mut Text) {
        for schema in self.of_kind(Kind::Schema) {
            out.gap();
            out.block("schema", &[schema.id.name()], |out| self.comment(out, &schema.id));
        }
        for extension in self.of_kind(Kind::Extension) {
            out.gap();
            out.block("extension", &[extension.id.name()], |out| {
                out.set_some("schema", extension.text("schema").map(|schema| reference(&["schema", schema])));
                self.comment(out, &extension.id);
            });
        }
        for object in self.of_kind(Kind::Type) {
            match object.text("form") {
                Some("enum") => self.block(out, "enum", &object.id, |out| {
                    out.set("values", list(object.list("values").iter().map(|value| quoted(value))));
                }),
                Some("composite") => self.block(out, "composite", &object.id, |out| {
                    for field in self.columns(&object.id) {
                        out.block("field", &[field.id.name()], |out| {
                            out.set("type", self.type_of(field.text("type").unwrap_or_default()));
                            out.set_some("collate", field.text("collation").map(quoted));
                            self.comment(out, &field.id);
                        });
                    }
                }),
                _ => {}
            }
        }
        for domain in self.of_kind(Kind::Domain) {
            self.block(out, "domain", &domain.id, |out| self.domain(out, domain));
        }
        for sequence in self.of_kind(Kind::Sequence) {
            if !sequence.list("identity_of").is_empty() || self.serial(sequence).is_some() {
                continue;
            }
            self.block(out, "sequence", &sequence.id, |out| {
                out.set_some("type", sequence.text("type").map(|name| self.type_of(name)));
                self.sequence_options(out, sequence);
                if let [schema, table, column] = sequence.list("owned_by") {
                    out.set("owned_by", self.reference("table", schema, table, &["column", column]));
                }
            });
        }
        for table in self.of_kind(Kind::Table) {
            self.table(out, table);
        }
        for view in self.of_kind(Kind::View).chain(self.of_kind(Kind::MaterializedView)) {
            self.view(out, view);
        }
        self.routines(out);
        self.triggers(out);
        self.policies(out);
    }

    fn domain(&self, out: &mut Text, domain: &Object) {
        out.set("type", self.type_of(domain.text("type").unwrap_or_default()));
        out.flag("null", !domain.flag("not_null"));
        out.set_some("collate", domain.text("collation").map(quoted));
        out.set_some("default", domain.text("default").map(sql));
        for check in self.parts(&domain.id, Kind::Constraint) {
            let mut rest = definition::Rest(check.text("definition").unwrap_or_default());
            if rest.word("CHECK")
                && let Some(condition) = rest.parenthesis()
                && rest.is_empty()
            {
                out.block("check", &[check.id.name()], |out| out.set("expr", expression(condition)));
            }
        }
    }

    /// What is not the default of a sequence of its type.
    fn sequence_options(&self, out: &mut Text, sequence: &Object) {
        let most = match sequence.text("type") {
            Some("smallint") => i64::from(i16::MAX),
            Some("integer") => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        let number = |name| sequence.integer(name);
        let rises = number("increment").unwrap_or(1) > 0;
        let (least, most) = if rises { (1, most) } else { (-most - 1, -1) };
        let start = if rises { number("minimum") } else { number("maximum") };
        for (name, value, usual) in [
            ("start", number("start"), start.unwrap_or(1)),
            ("increment", number("increment"), 1),
            ("min_value", number("minimum"), least),
            ("max_value", number("maximum"), most),
            ("cache", number("cache"), 1),
        ] {
            out.set_some(name, value.filter(|value| *value != usual).map(|value| value.to_string()));
        }
        out.flag("cycle", sequence.flag("cycle"));
    }

    /// The type `serial` or its like, where a sequence is just what that makes.
    fn serial(&self, sequence: &Object) -> Option<&'static str> {
        let [schema, table, column] = sequence.list("owned_by") else { return None };
        let id = ObjectId::new(Kind::Column, [schema, table, column]);
        let default = self.catalog.objects.get(&ObjectId { kind: Kind::Default, path: id.path.clone() })?.text("expression")?;
        let name = format!("{table}_{column}_seq");
        let mut options = Text::default();
        self.sequence_options(&mut options, sequence);
        let column = self.catalog.objects.get(&id)?;
        let expected = format!("nextval('{schema}.{name}'::regclass)");
        let plain = sequence.id == ObjectId::new(Kind::Sequence, [schema.as_str(), name.as_str()])
            && default == expected
            && options.text.is_empty();
        let own =
            !self.comments.contains_key(&sequence.id) && column.flag("not_null") && sequence.text("type") == column.text("type");
        match column.text("type") {
            _ if !plain || !own => None,
            Some("smallint") => Some("smallserial"),
            Some("integer") => Some("serial"),
            Some("bigint") => Some("bigserial"),
            _ => None,
        }
    }

    /// Columns in their order.
    fn columns(&self, id: &ObjectId) -> Vec<&'a Object> {
        let mut columns: Vec<&Object> = self.parts(id, Kind::Column).collect();
        columns.sort_by_key(|column| column.integer("position"));
        columns
    }

    /// A type as HCL has it.
    fn type_of(&self, name: &str) -> String {
        if let Some(reference) = self.types.get(name) {
            return reference.clone();
        }
        let (word, arguments, after) = match name.split_once('(') {
            Some((word, rest)) => match rest.split_once(')') {
                Some((arguments, after)) => (word.trim(), Some(arguments), after.trim()),
                None => return sql(name),
            },
            None => match name.strip_suffix(" with time zone") {
                Some(word) => (word, None, "with time zone"),
                None => match name.strip_suffix(" without time zone") {
                    Some(word) => (word, None, "without time zone"),
                    None => (name, None, ""),
                },
            },
        };
        let word = match (word, after) {
            ("timestamp" | "time", "with time zone") => format!("{word}tz"),
            ("timestamp" | "time", "without time zone" | "") => word.to_string(),
            ("character varying" | "bit varying" | "double precision", "") => word.replace(' ', "_"),
            (word, "") if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) => word.to_string(),
            _ => return sql(name),
        };
        let numbers = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
        match arguments {
            None => word,
            Some(arguments) if numbers(arguments) => format!("{word}({})", arguments.replace(',', ", ")),
            Some(_) => sql(name),
        }
    }
}
