//! How rules look at facts: changes by kind and action, attributes, places and steps of an object.
//!
//! The only file of the risk part that knows names of attributes of the catalog. Decides nothing.

use std::collections::BTreeMap;

use crate::{
    catalog::{Action, Catalog, Change, Kind, Object, ObjectId, Value},
    plan::{Step, rename::Rename, sql},
    proof::{Effects, FailedRows, SqlError},
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

    /// A path with the names that it had before what was renamed. The old path of a rename has the new names of what it is in.
    fn path_in_base(&self, path: &[String]) -> Vec<String> {
        let renames = self.changes.iter().filter_map(|change| Some((&change.object.path, change.renamed_from.as_ref()?)));
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
    let steps = facts.plan.steps.iter().enumerate();
    let planned: Vec<usize> =
        steps.clone().filter(|(_, step)| step.objects.iter().any(|planned| planned == object)).map(|(at, _)| at).collect();
    if !planned.is_empty() {
        return planned;
    }
    let silent = |whole: bool| -> Vec<usize> {
        let about =
            |at: usize, step: &Step| step.objects.is_empty() && mentions(&step.sql, object, whole) && touches(facts, at, object);
        steps.clone().filter(|(at, step)| about(*at, step)).map(|(at, _)| at).collect()
    };
    // A type may have the name of some column; with its schema it has not.
    for whole in [true, false] {
        let silent = silent(whole);
        if !silent.is_empty() {
            return silent;
        }
    }
    steps.filter(|(_, step)| step.objects.iter().any(|planned| is_part_of(planned, object))).map(|(at, _)| at).collect()
}

fn is_part_of(part: &ObjectId, whole: &ObjectId) -> bool {
    part.path.len() > whole.path.len() && part.path.starts_with(&whole.path)
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

/// Which of the changes that share a step its failure is about.
pub struct Shared<'a> {
    /// Of each step that fails, the objects that it changes.
    objects: BTreeMap<usize, Vec<&'a ObjectId>>,
    facts: &'a Facts<'a>,
}

impl<'a> Shared<'a> {
    pub fn of(facts: &'a Facts<'a>) -> Shared<'a> {
        let fails = |step: &usize| error_of(facts, *step).is_some();
        let mut objects: BTreeMap<usize, Vec<&ObjectId>> =
            (0..facts.plan.steps.len()).filter(fails).map(|step| (step, Vec::new())).collect();
        let changes = if objects.is_empty() { &[] } else { facts.changes };
        for change in changes {
            for step in facts.steps_for(&change.object) {
                if let Some(changed) = objects.get_mut(&step) {
                    changed.push(&change.object);
                }
            }
        }
        Shared { objects, facts }
    }

    /// The step whose failure names this very object.
    pub fn named(&self, object: &ObjectId) -> Option<usize> {
        self.objects.keys().copied().find(|step| error_of(self.facts, *step).is_some_and(|error| names(error, object)))
    }

    /// Whether a step's failure is about an object: what the server names, or else what such an error can be about.
    pub fn fails(&self, step: usize, object: &ObjectId) -> bool {
        let (Some(error), Some(changed)) = (error_of(self.facts, step), self.objects.get(&step)) else { return false };
        if changed.iter().any(|object| names(error, object)) {
            return names(error, object);
        }
        !error.is_about_value() || self.is_retyped(object) || !changed.iter().any(|object| self.is_retyped(object))
    }

    fn is_retyped(&self, column: &ObjectId) -> bool {
        let (Some(before), Some(after)) = (self.facts.in_base(column), self.facts.target.objects.get(column)) else { return false };
        column.kind == Kind::Column && text(before, "type") != text(after, "type")
    }
}

fn error_of<'a>(facts: &'a Facts<'_>, step: usize) -> Option<&'a SqlError> {
    let effects = facts.effects(step)?;
    effects.error.as_ref().or(effects.error_on_rows.as_ref())
}

/// Whether this is the column or constraint that an error names.
fn names(error: &SqlError, object: &ObjectId) -> bool {
    let of_table = || match object.kind {
        Kind::Column | Kind::Constraint => error.table.as_ref().is_none_or(|table| *table == relation_sql(object)),
        kind => kind == Kind::Index,
    };
    error.part.as_deref().is_some_and(|part| part == last_name(object)) && of_table()
}

/// What was measured of a step that a finding should say: that it fails, or what it loses.
pub fn measured(facts: &Facts<'_>, step: usize) -> Option<String> {
    failure(facts, step).or_else(|| lost(facts, step))
}

/// How a step fails, where it does.
pub fn failure(facts: &Facts<'_>, step: usize) -> Option<String> {
    let effects = facts.effects(step)?;
    let error = error_of(facts, step)?;
    let state = error.sqlstate.as_deref().map(|state| format!(" ({state})")).unwrap_or_default();
    let message = match facts.plan.steps.get(step) {
        Some(step) if step.masked.is_some() => String::new(),
        _ => format!(": {}", quoted(&error.message)),
    };
    let rows = match effects.failed_rows {
        _ if effects.error.is_some() => " when it is replayed",
        Some(FailedRows::Own) | None => " on the rows of the copy",
        Some(FailedRows::MadeUp) => " on ordinary rows (made up for the copy)",
        Some(FailedRows::Unusual) => " on some rows that the base allows (made up for the copy)",
    };
    Some(format!("Step {} fails{rows}{message}{state}.", step + 1))
}

/// How many values a step loses, where it loses some.
pub fn lost(facts: &Facts<'_>, step: usize) -> Option<String> {
    lost_words(facts.effects(step)?.values_lost)
}

/// How many values of an object a step loses: of a column where they are counted by columns, else all.
pub fn lost_of(facts: &Facts<'_>, step: usize, object: &ObjectId) -> Option<String> {
    let effects = facts.effects(step)?;
    match object.kind == Kind::Column && !effects.lost_of.is_empty() {
        true => effects.lost_of.get(&qualified(&object.path, 3)).and_then(|lost| lost_words(*lost)),
        false => lost_words(effects.values_lost),
    }
}

fn lost_words(lost: u64) -> Option<String> {
    match lost {
        0 => None,
        1 => Some("One value was lost on the copy.".into()),
        n => Some(format!("{n} values were lost on the copy.")),
    }
}

/// A name or text of somebody else's in a message: between backticks, and without any of its own.
pub fn quoted(text: &str) -> String {
    format!("`{}`", text.replace('`', "\u{2019}"))
}

/// An object's name in a message.
pub fn name(object: &ObjectId) -> String {
    quoted(&object.to_string())
}

/// A kind in words: `materialized view`.
pub fn kind_words(kind: Kind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name.replace('-', " "),
        _ => "object".into(),
    }
}

/// A kind at the beginning of a sentence.
pub fn kind_title(kind: Kind) -> String {
    let words = kind_words(kind);
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The first `n` names of a path as SQL: `public."Order"`.
pub fn qualified(path: &[String], n: usize) -> String {
    path.iter().take(n).map(|name| sql::ident(name)).collect::<Vec<_>>().join(".")
}

/// The relation of a column, constraint, trigger or policy as SQL.
pub fn relation_sql(object: &ObjectId) -> String {
    qualified(&object.path, 2)
}

/// The last name of a path as SQL.
pub fn last_sql(object: &ObjectId) -> String {
    object.path.last().map(|name| sql::ident(name)).unwrap_or_default()
}

/// The last name of a path.
pub fn last_name(object: &ObjectId) -> &str {
    object.path.last().map(String::as_str).unwrap_or_default()
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
    let mut users: Vec<String> = facts
        .base
        .objects
        .values()
        .filter(|user| {
            user.needs.contains(object)
                && matches!(
                    user.id.kind,
                    Kind::View | Kind::MaterializedView | Kind::Function | Kind::Procedure | Kind::Policy | Kind::Trigger
                )
        })
        .map(|user| name(&user.id))
        .collect();
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
    let columns = catalog.of_kind(Kind::Column).filter(|object| object.parent.as_ref() == Some(table));
    columns.map(|column| (last_name(&column.id), text(column, "type").unwrap_or_default())).collect()
}

/// Columns that are new: of new tables, and of tables that were there.
pub fn new_columns<'a>(facts: &Facts<'a>) -> Vec<&'a Object> {
    let target = facts.target;
    let columns = target.of_kind(Kind::Column).filter(|object| !facts.base.objects.contains_key(&object.id));
    columns
        .filter(|column| column.parent.as_ref().is_some_and(|parent| matches!(parent.kind, Kind::Table | Kind::ForeignTable)))
        .filter(|column| !facts.changes.iter().any(|change| change.action == Action::Rename && change.object == column.id))
        .collect()
}

/// Whether a column alone is its table's primary key.
pub fn is_sole_key(facts: &Facts<'_>, column: &Object) -> bool {
    let parts = facts.target.of_kind(Kind::Constraint).filter(|part| part.parent == column.parent);
    let mut keys = parts.filter(|part| constraint_type(part) == Some(ConstraintType::PrimaryKey));
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

/// Names one after the other, for a message.
pub fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
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

/// A routine as SQL names it, with its argument types.
pub fn routine_sql(function: &Object) -> String {
    let name = function.text("sql").map_or_else(|| last_name(&function.id).to_string(), str::to_string);
    if name.contains('.') { name } else { format!("{}.{name}", qualified(&function.id.path, 1)) }
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

/// What a constraint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintType {
    PrimaryKey,
    Unique,
    Check,
    ForeignKey,
    Exclusion,
    NotNull,
}

impl ConstraintType {
    pub fn words(self) -> &'static str {
        match self {
            ConstraintType::PrimaryKey => "primary key",
            ConstraintType::Unique => "unique constraint",
            ConstraintType::Check => "check",
            ConstraintType::ForeignKey => "foreign key",
            ConstraintType::Exclusion => "exclusion constraint",
            ConstraintType::NotNull => "not-null constraint",
        }
    }
}

/// A constraint as `pg_get_constraintdef` prints it.
pub fn definition(constraint: &Object) -> &str {
    text(constraint, "definition").unwrap_or_default()
}

/// What a constraint is, by `pg_constraint.contype`.
pub fn constraint_type(constraint: &Object) -> Option<ConstraintType> {
    match constraint.text("form")? {
        "p" => Some(ConstraintType::PrimaryKey),
        "u" => Some(ConstraintType::Unique),
        "c" => Some(ConstraintType::Check),
        "f" => Some(ConstraintType::ForeignKey),
        "x" => Some(ConstraintType::Exclusion),
        "n" => Some(ConstraintType::NotNull),
        _ => None,
    }
}

/// Whether `pg_constraint.convalidated` is false: NOT VALID or NOT ENFORCED.
pub fn is_unvalidated(constraint: &Object) -> bool {
    constraint.details.get("validated") == Some(&Value::Bool(false))
}

/// Whether it is a NOT NULL that Postgres 18 keeps as a constraint: the column says so too.
pub fn is_not_null_constraint(facts: &Facts<'_>, constraint: &ObjectId) -> bool {
    facts.object(constraint).and_then(constraint_type) == Some(ConstraintType::NotNull)
}

/// Whether a new constraint of the same table has the same definition: another name alone.
pub fn replaced_by_twin(facts: &Facts<'_>, constraint: &ObjectId) -> bool {
    let Some(old) = facts.base.objects.get(constraint) else { return false };
    let table = constraint.path.get(..2);
    facts
        .created(Kind::Constraint)
        .any(|new| new.id.path.get(..2) == table && !definition(old).is_empty() && definition(new) == definition(old))
}

/// Constraints of a type that tables of the base get and that are checked against their rows, with their definitions. One that only
/// has another name is none.
pub fn added_constraints<'a>(facts: &Facts<'a>, wanted: ConstraintType) -> Vec<(&'a Object, String)> {
    let mut found = Vec::new();
    let changed = facts
        .changes
        .iter()
        .filter(|change| change.object.kind == Kind::Constraint && !matches!(change.action, Action::Drop | Action::Rename));
    for change in changed {
        let Some(new) = facts.target.objects.get(&change.object) else { continue };
        let definition = definition(new);
        let old = facts.in_base(&change.object).map(self::definition);
        let named_anew = facts.dropped(Kind::Constraint).any(|old| {
            old.path.get(..2) == change.object.path.get(..2)
                && facts.base.objects.get(old).is_some_and(|old| self::definition(old) == definition)
        });
        let existed = change.object.path.get(..2).is_some_and(|path| facts.relation_existed(path));
        if constraint_type(new) == Some(wanted)
            && existed
            && old != Some(definition)
            && !named_anew
            && !definition.contains("NOT VALID")
        {
            found.push((new, definition.to_string()));
        }
    }
    found
}

/// Whether a primary key that is new has this column: it brings NOT NULL with it.
pub fn in_new_primary_key(facts: &Facts<'_>, column: &ObjectId) -> bool {
    facts.created(Kind::Constraint).any(|constraint| {
        constraint_type(constraint) == Some(ConstraintType::PrimaryKey)
            && constraint.id.path.get(..2) == column.path.get(..2)
            && constraint.needs.contains(column)
    })
}

/// The column list of a key's definition, with its parentheses.
pub fn key_columns(definition: &str) -> String {
    match (definition.find('('), definition.find(')')) {
        (Some(start), Some(end)) if start < end => definition[start..=end].to_string(),
        _ => "(…)".into(),
    }
}

/// ` (212 rows on the copy)` of the step of an object.
pub fn rows_read(facts: &Facts<'_>, object: &ObjectId) -> String {
    let rows = facts.step_for(object).and_then(|step| facts.effects(step)).and_then(|effects| effects.rows_before);
    match rows {
        Some(1) => " (1 row on the copy)".into(),
        Some(rows) if rows > 1 => format!(" ({rows} rows on the copy)"),
        _ => String::new(),
    }
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

/// `CREATE INDEX CONCURRENTLY …` from the server's own definition of an index.
pub fn concurrently(index: &Object) -> Option<String> {
    let definition = definition(index);
    let rest = definition.strip_prefix("CREATE UNIQUE INDEX ").map(|rest| ("UNIQUE ", rest));
    let (unique, rest) = rest.or_else(|| definition.strip_prefix("CREATE INDEX ").map(|rest| ("", rest)))?;
    Some(format!("CREATE {unique}INDEX CONCURRENTLY {rest};"))
}

/// Schema and name of an index as SQL: its path may have its table between them.
pub fn index_sql(index: &ObjectId) -> String {
    match (index.path.first(), index.path.last()) {
        (Some(schema), Some(name)) if index.path.len() > 1 => format!("{}.{}", sql::ident(schema), sql::ident(name)),
        _ => last_sql(index),
    }
}
