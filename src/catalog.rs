//! A database's schema as objects, one fact a row, with stable names instead of OIDs.
//!
//! An [`Object`] is one named thing at the finest grain: a column is an object of its own, so are its default, a comment and a
//! grant. Two catalogs are compared generically ([`compare`]); what a difference means in SQL is the planner's matter.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

mod attributes;
mod builder;
pub mod class;
pub mod column;
pub mod comment;
pub mod constraint;
mod definition;
mod dependency;
mod error;
pub mod fingerprint;
pub mod foreign;
mod glance;
pub mod grant;
pub mod index;
pub mod language;
pub mod operator;
mod path;
pub mod publication;
pub mod read;
pub mod reader;
mod readers;
pub mod routine;
pub mod schema;
pub mod sequence;
pub mod setting;
pub mod statistics;
pub mod table;
pub mod text_search;
mod tree;
pub mod trigger;
pub mod types;

use serde::{Deserialize, Serialize};

pub use self::{attributes::Attributes, path::Path};

/// Postgres's own address of an object: `pg_depend`'s (classid, objid, objsubid). Valid in one database only, never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub class: u32,
    pub object: u32,
    pub sub: i32,
}

/// What kind of thing an object is. The names are Postgres's own words (`pg_identify_object` where it has one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    Database,
    Role,
    Schema,
    Extension,
    Language,
    AccessMethod,
    Type,
    EnumValue,
    Domain,
    Sequence,
    Table,
    ForeignTable,
    Column,
    Default,
    Constraint,
    Index,
    View,
    MaterializedView,
    Function,
    Procedure,
    Aggregate,
    Trigger,
    EventTrigger,
    Rule,
    Policy,
    Statistics,
    TextSearchConfiguration,
    TextSearchDictionary,
    TextSearchParser,
    TextSearchTemplate,
    Operator,
    OperatorClass,
    OperatorFamily,
    Cast,
    Collation,
    Conversion,
    Transform,
    Publication,
    Subscription,
    ForeignDataWrapper,
    Server,
    UserMapping,
    Comment,
    Grant,
    DefaultPrivilege,
    SecurityLabel,
    Setting,
    /// Of the MySQL family.
    Event,
    /// TiDB's.
    PlacementPolicy,
}

/// The stable name of an object: kind and path, for instance `column public.tenants.legacy_code` or
/// `function public.touch(integer, text)` (argument types are part of the last name).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    pub kind: Kind,
    /// Outermost name first, unquoted: `["public", "tenants", "legacy_code"]`.
    pub path: Path,
}

impl fmt::Display for ObjectId {
    /// The path joined with dots, as a reviewer would say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.join("."))
    }
}

impl fmt::Display for Kind {
    /// In words: `materialized view`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let debug = format!("{self:?}");
        for (at, letter) in debug.char_indices() {
            if letter.is_ascii_uppercase() && at > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{}", letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

/// The value of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Bool(bool),
    Integer(i64),
    Text(String),
    List(Vec<String>),
}

/// One object of a catalog.
#[derive(Debug, Clone)]
pub struct Object {
    pub id: ObjectId,
    pub address: Option<Address>,
    /// The object that this one is a part of (a column's table); gone when it goes.
    pub parent: Option<ObjectId>,
    /// What is compared. An attribute that is absent has Postgres's default.
    pub attributes: Attributes,
    /// What this object needs to exist (pg_depend, and names inside it), sorted, without itself and its parent.
    pub needs: Vec<ObjectId>,
    /// What the planner must know and no comparison may look at: a column's position, whether a materialized view is populated.
    pub details: Attributes,
}

impl ObjectId {
    pub fn new<S: Into<String>>(kind: Kind, path: impl IntoIterator<Item = S>) -> Self {
        Self { kind, path: path.into_iter().collect() }
    }

    /// A part of this object: the same path and one name more.
    #[must_use]
    pub fn part(&self, kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, path: self.path.part(name) }
    }

    /// The last name of the path.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }
}

impl Object {
    pub fn new(id: ObjectId) -> Self {
        Self {
            id,
            address: None,
            parent: None,
            attributes: Attributes::default(),
            needs: Vec::new(),
            details: Attributes::default(),
        }
    }

    #[must_use]
    pub fn at(mut self, class: u32, object: u32, sub: i32) -> Self {
        self.address = Some(Address { class, object, sub });
        self
    }

    #[must_use]
    pub fn part_of(mut self, parent: ObjectId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Adds a compared attribute; `None`, `false` as an option and empty lists are for the caller to leave out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name, value.into());
        self
    }

    /// Adds a compared attribute when there is one.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a compared attribute `true`, or nothing.
    #[must_use]
    pub fn with_flag(self, name: &'static str, set: bool) -> Self {
        if set { self.with(name, true) } else { self }
    }

    /// Adds a compared list unless it is empty.
    #[must_use]
    pub fn with_list(self, name: &'static str, list: Vec<String>) -> Self {
        if list.is_empty() { self } else { self.with(name, Value::List(list)) }
    }

    /// Adds what is known and not compared.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.insert(name, value.into());
        self
    }

    /// Says that the reader had no right to see this attribute: it may have any value, and is compared with none.
    pub fn hide(&mut self, attribute: &str) {
        if let Value::List(names) = self.details.get_or_insert("unseen", Value::List(Vec::new()))
            && names.iter().all(|name| name != attribute)
        {
            names.push(attribute.to_owned());
        }
    }

    /// Attributes that the reader had no right to see.
    pub fn unseen(&self) -> &[String] {
        match self.details.get("unseen") {
            Some(Value::List(names)) => names,
            _ => &[],
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name).or_else(|| self.details.get(name))
    }

    /// The text of an attribute or detail.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether an attribute or detail is there and true.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Bool(true)))
    }

    /// The number of an attribute or detail.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The list of an attribute or detail; empty when it is not there.
    pub fn list(&self, name: &str) -> &[String] {
        match self.value(name) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Path> for Value {
    fn from(value: Path) -> Self {
        Self::List(value.into())
    }
}

impl From<Vec<String>> for Value {
    fn from(value: Vec<String>) -> Self {
        Self::List(value)
    }
}

/// All objects of one database.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    pub objects: BTreeMap<ObjectId, Object>,
    /// Whose database it is.
    pub dialect: crate::config::Dialect,
    /// `server_version_num`.
    pub server_version: u32,
    /// The role that read it. What it makes belongs to it, so that owners are set only where they are others.
    pub reader: String,
    /// What the completeness check found in pg_catalog and no reader reads.
    pub not_covered: Vec<String>,
    /// Where parts of relations were left out because they are alike in the catalog that this one was read beside ([`read::read_two`]):
    /// objects all of whose dependents are here, as far as they are not parts of such. `None` is all.
    pub looked_at: Option<BTreeSet<ObjectId>>,
}

impl Catalog {
    /// Whether everything that depends on an object is here, so that a plan may be about it.
    pub fn knows_all_about(&self, id: &ObjectId) -> bool {
        let Some(looked_at) = &self.looked_at else { return true };
        // What is not here at all is the other side's.
        !self.objects.contains_key(id) || self.line(id).any(|at| looked_at.contains(at))
    }

    /// The objects of one kind, by name.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        let first = ObjectId { kind, path: Path::default() };
        self.objects.range(first..).map(|(_, object)| object).take_while(move |object| object.id.kind == kind)
    }

    /// The parts of one kind that have their whole's path before their own name (columns, constraints, triggers, policies), by name.
    pub fn within(&self, kind: Kind, whole: &ObjectId) -> impl Iterator<Item = &Object> {
        let first = ObjectId { kind, path: whole.path.clone() };
        let from = self.objects.range(first..).map(|(_, object)| object);
        let (named, whole) = (whole.path.clone(), whole.clone());
        from.take_while(move |object| object.id.kind == kind && object.id.path.starts_with(&named))
            .filter(move |object| object.parent.as_ref() == Some(&whole))
    }

    /// Takes over from another reading which attributes its reader had no right to see, of what both have.
    pub fn hide_as(&mut self, other: &Catalog) {
        for hidden in other.objects.values().filter(|object| !object.unseen().is_empty()) {
            if let Some(object) = self.objects.get_mut(&hidden.id) {
                hidden.unseen().iter().for_each(|name| object.hide(name));
            }
        }
    }

    /// The object itself and the wholes it is a part of, innermost first.
    pub fn line<'a>(&'a self, id: &'a ObjectId) -> impl Iterator<Item = &'a ObjectId> {
        std::iter::successors(Some(id), |id| self.objects.get(*id).and_then(|object| object.parent.as_ref()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Create,
    Alter,
    Drop,
    Rename,
    /// Dropped and made again, since Postgres has no ALTER for what changed.
    Replace,
}

/// One attribute that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeChange {
    pub name: &'static str,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl fmt::Display for AttributeChange {
    /// `type integer -> bigint`; what is absent is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name.replace('_', " "))?;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, " {before} -> {after}"),
            (Some(before), None) => write!(f, " {before} -> none"),
            (None, Some(after)) => write!(f, " none -> {after}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Text(value) => f.write_str(value),
            Value::List(values) => write!(f, "({})", values.join(", ")),
        }
    }
}

/// One object created, altered, dropped, renamed or replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub action: Action,
    /// Its name in the target; in the base when it is dropped.
    pub object: ObjectId,
    /// Its old name, when `action` is `Rename`.
    pub renamed_from: Option<ObjectId>,
    pub attributes: Vec<AttributeChange>,
}

impl Change {
    /// Whether this attribute is among those that change.
    pub fn concerns(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|change| change.name == attribute)
    }
}

/// What differs between two catalogs, in the order of [`ObjectId`]. Parts of an object that is created or dropped whole are not
/// listed beside it. What only one of two servers' versions knows is no difference, nor is what one of the readers had no right to see.
pub fn compare(base: &Catalog, target: &Catalog) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut note = |action, id: &ObjectId, attributes| {
        changes.push(Change { action, object: id.clone(), renamed_from: None, attributes });
    };
    // NOT NULL is a constraint with a name from 18 on.
    let named = [base, target].map(|catalog| catalog.server_version >= 180_000);
    let known = |attribute: &str| named[0] == named[1] || !matches!(attribute, "not_null_name" | "not_null_own");
    let (mut before, mut after) = (base.objects.values().peekable(), target.objects.values().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (Some(before), Some(after)) => before.id.cmp(&after.id),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let old = if order == Ordering::Greater { None } else { before.next() };
        let new = if order == Ordering::Less { None } else { after.next() };
        match (old, new) {
            (Some(old), Some(new)) => {
                let mut attributes = Vec::new();
                if old.attributes != new.attributes {
                    attributes = compare_attributes(old, new);
                    attributes.retain(|change| known(change.name));
                }
                attributes.extend(order_of_attributes((base, old), (target, new)));
                if !attributes.is_empty() {
                    note(Action::Alter, &new.id, attributes);
                }
            }
            (Some(old), None) => {
                if old.parent.as_ref().is_none_or(|parent| target.objects.contains_key(parent)) {
                    note(Action::Drop, &old.id, Vec::new());
                }
            }
            (None, Some(new)) => {
                if new.parent.as_ref().is_none_or(|parent| base.objects.contains_key(parent)) {
                    note(Action::Create, &new.id, Vec::new());
                }
            }
            (None, None) => {}
        }
    }
    changes
}

/// The order of a composite type's attributes, where those that stay and then those that are new do not stand in it: rows that are written
/// as text or as ROW depend on it.
fn order_of_attributes(before: (&Catalog, &Object), after: (&Catalog, &Object)) -> Option<AttributeChange> {
    let composite = |object: &Object| object.id.kind == Kind::Type && object.text("form") == Some("composite");
    if !composite(before.1) || !composite(after.1) {
        return None;
    }
    let names = |(catalog, whole): (&Catalog, &Object)| {
        let first = ObjectId { kind: Kind::Column, path: whole.id.path.clone() };
        let columns = catalog.objects.range(first..).map(|(_, column)| column);
        let columns = columns.take_while(|column| column.id.kind == Kind::Column && column.id.path.starts_with(&whole.id.path));
        let mut columns: Vec<&Object> = columns.filter(|column| column.parent.as_ref() == Some(&whole.id)).collect();
        columns.sort_by_key(|column| column.integer("position"));
        columns.into_iter().map(|column| column.id.name().to_owned()).collect::<Vec<_>>()
    };
    let (old, new) = (names(before), names(after));
    let stay = old.iter().filter(|name| new.contains(name));
    let in_order = stay.chain(new.iter().filter(|name| !old.contains(name))).eq(&new);
    (!in_order).then_some(AttributeChange { name: "order", before: Some(Value::List(old)), after: Some(Value::List(new)) })
}

fn compare_attributes(before: &Object, after: &Object) -> Vec<AttributeChange> {
    let names: std::collections::BTreeSet<_> = before.attributes.keys().chain(after.attributes.keys()).collect();
    let unseen = |name: &str| [before, after].iter().any(|object| object.unseen().iter().any(|unseen| unseen == name));
    names
        .into_iter()
        .filter(|name| before.attributes.get(name) != after.attributes.get(name) && !unseen(name))
        .map(|name| AttributeChange {
            name,
            before: before.attributes.get(name).cloned(),
            after: after.attributes.get(name).cloned(),
        })
        .collect()
}
