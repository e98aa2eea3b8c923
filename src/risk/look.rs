//! How rules look at facts: changes by kind and action, attributes, places and steps of an object.
//!
//! The only part of the risk that knows names of attributes of the catalog. Decides nothing.

mod constraint;
mod failure;
mod found;
mod words;

use std::collections::BTreeMap;

pub use self::{constraint::*, failure::*, found::Found, words::*};
use crate::{
    catalog::{Action, Catalog, Change, Kind, Object, ObjectId, Value},
    plan::rename::Rename,
    proof::Effects,
    risk::{Facts, Finding},
    script::Place,
};

impl Facts<'_> {
    /// Changes of this kind and action, in the order of their names.
    pub fn changed(&self, kind: Kind, action: Action) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.object.kind == kind && change.action == action)
    }

    /// Objects of a kind that are dropped, also when a replacement of the same name is made.
    pub fn dropped(&self, kind: Kind) -> impl Iterator<Item = &ObjectId> {
        self.changed(kind, Action::Drop).map(|change| &change.object)
    }

    /// Objects of a kind that are created beside others that stay.
    pub fn created(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.changed(kind, Action::Create).filter_map(|change| self.target.objects.get(&change.object))
    }

    /// Where an object stands, or what it is a part of: in the head, else in the base.
    pub fn place_of(&self, object: &ObjectId) -> Option<Place> {
        let own = self.places.target.get(object).or_else(|| self.places.base.get(object));
        if let Some(place) = own {
            return Some(place.clone());
        }
        let parent = self.target.objects.get(object).or_else(|| self.base.objects.get(object)).and_then(|it| it.parent.clone());
        parent.or_else(|| owner_by_name(object)).filter(|parent| parent != object).and_then(|parent| self.place_of(&parent))
    }

    /// Where an object, or what it is in, stands in the base and in the target. What was renamed stood there under its old name.
    pub fn places_of(&self, object: &ObjectId) -> Vec<&Place> {
        let old = self.changes.iter().find(|change| change.object == *object).and_then(|change| change.renamed_from.as_ref());
        let base = place_in(&self.places.base, self.base, old.unwrap_or(object));
        base.into_iter().chain(place_in(&self.places.target, self.target, object)).collect()
    }

    /// The first step that was planned for an object or a part of it; for steps whose planner does not say, the first that locks
    /// the object's relation against reading or writing and has its name.
    pub fn step_for(&self, object: &ObjectId) -> Option<usize> {
        self.steps_for(object).into_iter().next()
    }

    /// All steps of an object, in the plan's order.
    pub fn steps_for(&self, object: &ObjectId) -> Vec<usize> {
        steps_for(self, object)
    }

    pub fn effects(&self, step: usize) -> Option<&Effects> {
        self.proof.and_then(|proof| proof.effects.get(step))
    }

    /// The object in the base, else in the target.
    pub fn object(&self, id: &ObjectId) -> Option<&Object> {
        self.base.objects.get(id).or_else(|| self.target.objects.get(id))
    }

    /// The object as the base has it, under the name that it, or what it is in, had there.
    pub fn in_base(&self, id: &ObjectId) -> Option<&Object> {
        let old = ObjectId { kind: id.kind, path: self.path_in_base(&id.path).into() };
        self.base.objects.get(&old).or_else(|| self.base.objects.get(id))
    }

    /// Whether the relation of this name (schema and name) is in the base, under this or its old name: what is new has no readers and
    /// no rows.
    pub fn relation_existed(&self, path: &[String]) -> bool {
        let old = self.path_in_base(path);
        let has = |path: &[String]| {
            RELATIONS.iter().any(|kind| self.base.objects.contains_key(&ObjectId { kind: *kind, path: path.to_vec().into() }))
        };
        has(path) || has(&old)
    }

    /// Whether it has another name than in the base.
    pub fn is_renamed(&self, object: &ObjectId) -> bool {
        self.renames().any(|(new, _)| new == object)
    }

    /// A path with the names that it had before what was renamed. The old path of a rename has the new names of what it is in.
    fn path_in_base(&self, path: &[String]) -> Vec<String> {
        let renames = self.renames().map(|(new, old)| (&new.path, old));
        let mut wholes: Vec<_> = renames.filter(|(new, _)| path.starts_with(new)).collect();
        wholes.sort_by_key(|(new, _)| new.len());
        let mut path = path.to_vec();
        for (new, old) in wholes {
            if let (Some(name), Some(was)) = (path.get_mut(new.len().saturating_sub(1)), old.path.last()) {
                name.clone_from(was);
            }
        }
        path
    }
}

/// Kinds with rows or readers of their own.
const RELATIONS: [Kind; 4] = [Kind::Table, Kind::ForeignTable, Kind::View, Kind::MaterializedView];

/// Steps of an object in the plan's order.
fn steps_for(facts: &Facts<'_>, object: &ObjectId) -> Vec<usize> {
    let steps = facts.steps();
    let planned = steps.planned(object);
    if !planned.is_empty() {
        return planned.to_vec();
    }
    // A type may have the name of some column; with its schema it has not.
    for whole in [true, false] {
        let about = |at: &usize| {
            facts.plan.steps.get(*at).is_some_and(|step| mentions(&step.sql, object, whole) && touches(facts, *at, object))
        };
        let silent: Vec<usize> = steps.silent.iter().copied().filter(about).collect();
        if !silent.is_empty() {
            return silent;
        }
    }
    steps.of_parts(object)
}

/// Whether a step locked the object's relation, where the object has one that was there before.
fn touches(facts: &Facts<'_>, step: usize, object: &ObjectId) -> bool {
    let Some(relation) = relation_of(object).filter(|path| facts.relation_existed(path)) else { return true };
    let Some(effects) = facts.effects(step).filter(|effects| effects.error.is_none()) else { return true };
    let name = relation.join(".");
    effects.locks.is_empty() || effects.locks.iter().any(|lock| lock.relation == name && lock.mode != "AccessShareLock")
}

/// Whether a statement has an object's own name among its identifiers, if `whole` after the name of what it is in. For telling which step
/// belongs to what is shown; no rule decides on it.
fn mentions(sql: &str, object: &ObjectId, whole: bool) -> bool {
    let Some(name) = object.path.last() else { return false };
    let name = name.split('(').next().unwrap_or(name);
    if name.is_empty() {
        return false;
    }
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let within = object.path.iter().rev().nth(1);
    sql.match_indices(name).any(|(at, _)| {
        let before = sql[..at].trim_end_matches('"');
        let after = sql[at + name.len()..].chars().next();
        let is_within = |dot: &str| within.is_some_and(|whole| dot.trim_end_matches('"').ends_with(whole.as_str()));
        !before.ends_with(part) && !after.is_some_and(part) && (!whole || before.strip_suffix('.').is_some_and(is_within))
    })
}

/// Schema and name of the relation that an object is or is a part of.
pub fn relation_of(object: &ObjectId) -> Option<Vec<String>> {
    match object.kind {
        Kind::Table | Kind::ForeignTable | Kind::View | Kind::MaterializedView => Some(object.path.to_vec()),
        Kind::Column | Kind::Default | Kind::Constraint | Kind::Trigger | Kind::Policy | Kind::Rule => {
            object.path.get(..2).map(<[String]>::to_vec)
        }
        _ => None,
    }
}

/// What an object is a part of, judged by its name alone: for dropped objects whose parent no catalog knows.
fn owner_by_name(object: &ObjectId) -> Option<ObjectId> {
    let path = relation_of(object).filter(|path| path.len() < object.path.len())?;
    Some(ObjectId { kind: Kind::Table, path: path.into() })
}

/// Where an object of one side stands, or the nearest thing that it is in.
fn place_in<'a>(places: &'a BTreeMap<ObjectId, Place>, catalog: &Catalog, object: &ObjectId) -> Option<&'a Place> {
    let parent = |id: &ObjectId| catalog.objects.get(id).and_then(|it| it.parent.clone()).or_else(|| owner_by_name(id));
    // Nothing is nested deeper than a comment on a column of a table in a schema.
    let wholes = std::iter::successors(Some(object.clone()), |id| parent(id).filter(|parent| parent != id)).take(8);
    wholes.into_iter().find_map(|id| places.get(&id))
}

/// An attribute as text; numbers and booleans are not text.
pub fn text<'a>(object: &'a Object, attribute: &str) -> Option<&'a str> {
    match object.attributes.get(attribute) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// An attribute that is set and true.
pub fn is_true(object: &Object, attribute: &str) -> bool {
    matches!(object.attributes.get(attribute), Some(Value::Bool(true)))
}

/// The finding with the statement that renames `old` to what the finding is about.
pub fn with_rename(facts: &Facts<'_>, finding: Finding, old: &ObjectId) -> Finding {
    match (Rename { from: old.clone(), to: finding.object.clone() }).sql(facts.base.dialect) {
        Some(sql) => finding.safer(format!("{sql};")),
        None => finding,
    }
}

/// `, and 3 objects use it`: what stays in the target or was there in the base and needs this object, views and functions first.
pub fn readers(facts: &Facts<'_>, object: &ObjectId) -> String {
    let mut users: Vec<String> = facts.users(object).iter().map(name).collect();
    users.dedup();
    match users.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} uses it"),
        [one, two] => format!("; {one} and {two} use it"),
        [one, two, rest @ ..] => format!("; {one}, {two} and {} more use it", rest.len()),
    }
}

/// `; f(bigint) takes its place`: functions of the same name that are new.
pub fn same_name(facts: &Facts<'_>, object: &ObjectId) -> String {
    let plain = |object: &ObjectId| object.to_string().split('(').next().unwrap_or_default().to_string();
    let own = plain(object);
    let other = facts.changed(object.kind, Action::Create).map(|change| &change.object).find(|other| plain(other) == own);
    other.map(|other| format!("; {} has other arguments", name(other))).unwrap_or_default()
}

/// Whether a column is a table's: views and composite types have columns too.
pub fn is_table_column(facts: &Facts<'_>, column: &ObjectId) -> bool {
    let Some(path) = column.path.get(..2).map(<[String]>::to_vec) else { return false };
    [Kind::Table, Kind::ForeignTable].into_iter().any(|kind| {
        let table = ObjectId { kind, path: path.clone().into() };
        facts.base.objects.contains_key(&table) || facts.target.objects.contains_key(&table)
    })
}

/// Whether a column is NOT NULL.
pub fn is_not_null(column: &Object) -> bool {
    is_true(column, "not_null")
}

/// Whether a column of a catalog gets a value where none is given.
pub fn has_default(catalog: &Catalog, column: &Object) -> bool {
    let default = ObjectId { kind: Kind::Default, path: column.id.path.clone() };
    let of_column = |object: &Object| object.id.kind == Kind::Default && object.parent.as_ref() == Some(&column.id);
    ["identity", "generated", "default"].iter().any(|attribute| column.attributes.contains_key(attribute))
        || catalog.objects.contains_key(&default)
        || catalog.objects.range(default..).take(4).any(|(_, object)| of_column(object))
}

/// Before and after of a change of a column's type.
pub fn type_change(change: &Change) -> Option<(&str, &str)> {
    let attribute = change.attributes.iter().find(|attribute| attribute.name == "type")?;
    match (&attribute.before, &attribute.after) {
        (Some(Value::Text(before)), Some(Value::Text(after))) => Some((before, after)),
        _ => None,
    }
}

/// Columns of the base whose type is this one.
pub fn columns_of_type(facts: &Facts<'_>, kind: &ObjectId) -> Vec<ObjectId> {
    let columns = facts.base.of_kind(Kind::Column).filter(|object| object.needs.contains(kind));
    columns.map(|column| column.id.clone()).collect()
}

/// Columns of a table with their types, in the order of their names.
pub fn columns<'a>(catalog: &'a Catalog, table: &ObjectId) -> Vec<(&'a str, &'a str)> {
    catalog.within(Kind::Column, table).map(|column| (last_name(&column.id), text(column, "type").unwrap_or_default())).collect()
}

/// Columns that are new: of new tables, and of tables that were there.
pub fn new_columns<'a>(facts: &Facts<'a>) -> Vec<&'a Object> {
    let target = facts.target;
    let columns = target.of_kind(Kind::Column).filter(|object| !facts.base.objects.contains_key(&object.id));
    columns
        .filter(|column| column.parent.as_ref().is_some_and(|parent| matches!(parent.kind, Kind::Table | Kind::ForeignTable)))
        .filter(|column| !facts.is_renamed(&column.id))
        .collect()
}

/// Whether a column alone is its table's primary key.
pub fn is_sole_key(facts: &Facts<'_>, column: &Object) -> bool {
    let Some(table) = &column.parent else { return false };
    let mut keys =
        facts.target.within(Kind::Constraint, table).filter(|part| constraint_type(part) == Some(ConstraintType::PrimaryKey));
    keys.any(|key| {
        let mut columns = key.needs.iter().filter(|need| need.kind == Kind::Column);
        columns.next() == Some(&column.id) && columns.next().is_none()
    })
}

/// What a grant or default privilege gives more and gives less than before: (gained, lost). A grant that is not there has Postgres's
/// usual privileges. None for changes of other kinds, and for what comes and goes with its object.
pub fn privileges(facts: &Facts<'_>, change: &Change) -> Option<(Vec<String>, Vec<String>)> {
    if !matches!(change.object.kind, Kind::Grant | Kind::DefaultPrivilege) {
        return None;
    }
    let (before, after) = (facts.in_base(&change.object), facts.target.objects.get(&change.object));
    let usual = || before.or(after).map(|grant| grant.list("usual")).unwrap_or_default();
    let has = |grant: Option<&'_ Object>| -> Vec<String> {
        grant.map_or_else(|| usual().to_vec(), |grant| grant.list("privileges").to_vec())
    };
    let (old, new) = (has(before), has(after));
    let beyond =
        |some: &[String], others: &[String]| some.iter().filter(|entry| !others.contains(entry)).cloned().collect::<Vec<_>>();
    Some((beyond(&new, &old), beyond(&old, &new)))
}

/// Whether a grant is to everybody.
pub fn is_public(facts: &Facts<'_>, grant: &ObjectId) -> bool {
    facts.target.objects.get(grant).or_else(|| facts.base.objects.get(grant)).and_then(|grant| grant.text("grantee"))
        == Some("PUBLIC")
}

/// What `pg_get_functiondef` prints before the body.
fn header(function: &Object) -> &str {
    let definition = definition(function);
    let end = ["\nAS ", "\nBEGIN ATOMIC", "\nRETURN "].iter().filter_map(|start| definition.find(start)).min();
    end.and_then(|end| definition.get(..end)).unwrap_or(definition)
}

/// Whether a function runs with its owner's rights.
pub fn is_security_definer(function: &Object) -> bool {
    header(function)
        .lines()
        .any(|line| line.split_whitespace().collect::<Vec<_>>().windows(2).any(|words| words == ["SECURITY", "DEFINER"]))
}

/// Whether a function sets its own search path.
pub fn sets_search_path(function: &Object) -> bool {
    header(function).lines().any(|line| line.trim_start().starts_with("SET search_path"))
}

/// Whether a storage or view option is on.
pub fn option_on(object: &Object, name: &str) -> bool {
    let on = |value: &str| matches!(value, "true" | "on" | "yes" | "1" | "t" | "y");
    object.list("options").iter().filter_map(|option| option.split_once('=')).any(|(option, value)| option == name && on(value))
}

pub fn row_security(table: &Object) -> bool {
    is_true(table, "row_security")
}

pub fn force_row_security(table: &Object) -> bool {
    is_true(table, "force_row_security")
}

/// What a step is about: what it was planned for, else the first relation that it locks.
pub fn object_of_step(facts: &Facts<'_>, step: usize) -> ObjectId {
    let planned = facts.plan.steps.get(step).and_then(|step| step.objects.first()).cloned();
    let locked = || facts.effects(step).and_then(|effects| effects.locks.first()).map(|lock| relation_named(facts, &lock.relation));
    planned.or_else(locked).unwrap_or_else(|| ObjectId { kind: Kind::Database, path: vec![format!("step {}", step + 1)].into() })
}

/// The relation of this schema-qualified name.
pub fn relation_named(facts: &Facts<'_>, relation: &str) -> ObjectId {
    let kinds = [Kind::Table, Kind::MaterializedView, Kind::View, Kind::Index, Kind::Sequence, Kind::ForeignTable];
    let known = facts.base.objects.keys().chain(facts.target.objects.keys());
    let mut found = known.filter(|id| kinds.contains(&id.kind) && id.to_string() == relation);
    found.next().cloned().unwrap_or_else(|| ObjectId { kind: Kind::Table, path: relation.split('.').map(str::to_string).collect() })
}

/// The table or materialized view of an index.
pub fn table_of_index(index: &Object) -> Option<ObjectId> {
    index
        .parent
        .clone()
        .or_else(|| index.needs.iter().find(|need| matches!(need.kind, Kind::Table | Kind::MaterializedView)).cloned())
}
