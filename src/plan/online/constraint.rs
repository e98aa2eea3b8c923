//! Constraints: checks and foreign keys are added NOT VALID and validated afterwards; keys are made from an index that was built
//! concurrently.
//!
//! Postgres has no such way for exclusion constraints, keys WITHOUT OVERLAPS, and constraints of domains.

use std::collections::BTreeSet;

use super::{
    super::{
        native::{Action, Actions, Context, Stage, Verb, stands_for},
        rules::{self, constraint, table},
        sql,
    },
    column, in_use, index, slow,
};
use crate::catalog::{Kind, Object, ObjectId};

/// How a constraint is added.
#[derive(Debug, Default)]
pub struct Way {
    /// What stands after the constraint's name.
    pub text: String,
    /// What must be done before.
    pub needs: Vec<ObjectId>,
    /// Whether it is validated afterwards ([`validate`]).
    pub validate: bool,
}

/// How a constraint is added to a table that is in use, or just so.
pub fn way(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) -> Way {
    let plain = || Way { text: constraint::definition(object), ..Way::default() };
    let Some(table) = object.parent.as_ref().filter(|whole| in_use(cx, whole)).and_then(|whole| cx.target.get(whole)) else {
        return plain();
    };
    let definition = object.text("definition").unwrap_or_default();
    let whole = table.text("partition_key").is_some();
    match object.text("form") {
        Some("p" | "u") if !whole => from_index(cx, object, out).unwrap_or_else(plain),
        Some("c" | "f") if [" NOT VALID", " NOT ENFORCED"].iter().any(|end| definition.ends_with(end)) => plain(),
        Some("f") if whole && cx.base.catalog.server_version < 180_000 => {
            Way { needs: by_partition(cx, object, table, out), ..plain() }
        }
        Some("c" | "f") => Way { text: format!("{definition} NOT VALID"), validate: true, ..Way::default() },
        _ => plain(),
    }
}

/// VALIDATE of a constraint that was added NOT VALID.
pub fn validate(cx: &Context<'_>, object: &Object, sql: String, out: &mut Actions<'_>) {
    let in_use = object.parent.as_ref().is_some_and(|whole| in_use(cx, whole));
    let action = out.alter(object, sql);
    if in_use {
        slow(action, Stage::Late);
    }
}

/// A check that a table must have before it becomes a child of another: `add` is the clause of ALTER TABLE. Answers with the action after
/// which it is there and holds.
pub fn inherited<'o>(cx: &Context<'_>, child: &Object, add: &str, check: &ObjectId, out: &'o mut Actions<'_>) -> &'o mut Action {
    let whole = format!("ALTER TABLE {}", sql::name(child));
    if !in_use(cx, &child.id) || [" NOT VALID", " NOT ENFORCED"].iter().any(|end| add.ends_with(end)) {
        let action = out.alter(child, format!("{whole} {add}"));
        action.releases.clear();
        return action;
    }
    let added = stands_for("check added", check);
    let columns: Vec<ObjectId> = cx.target.parts_of(&child.id, Kind::Column).map(|column| column.id.clone()).collect();
    let action = out.alter(child, format!("{whole} {add} NOT VALID"));
    action.needs.extend(columns);
    action.releases.clear();
    // One of this name that says something else goes before.
    action.creates.extend([added.clone(), check.clone()]);
    action.stage = Stage::Early;
    let action = out.alter(child, format!("{whole} VALIDATE CONSTRAINT {}", sql::ident(check.name())));
    action.needs.push(added);
    action.releases.clear();
    slow(action, Stage::Early);
    action
}

/// A key from a unique index that is built first.
fn from_index(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) -> Option<Way> {
    let definition = object.text("definition")?;
    let (key, deferred) = [" DEFERRABLE INITIALLY DEFERRED", " DEFERRABLE"]
        .into_iter()
        .find_map(|end| Some((definition.strip_suffix(end)?, end)))
        .unwrap_or((definition, ""));
    let (columns, form, nulls) = match key.strip_prefix("UNIQUE ") {
        Some(rest) => match rest.strip_prefix("NULLS NOT DISTINCT ") {
            Some(columns) => (columns, "UNIQUE", " NULLS NOT DISTINCT"),
            None => (rest, "UNIQUE", ""),
        },
        None => (key.strip_prefix("PRIMARY KEY ")?, "PRIMARY KEY", ""),
    };
    if !columns.starts_with('(') || columns.contains(" WITHOUT OVERLAPS)") {
        return None;
    }
    let name = match index::is_taken(cx, object) {
        true => sql::interim(object.id.name(), "new"),
        false => object.id.name().to_owned(),
    };
    let mut text = format!("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} {columns}{nulls}", sql::ident(&name), sql::whole(&object.id));
    let options: Vec<String> = object.list("index_options").iter().map(|option| sql::option(option)).collect();
    if !options.is_empty() {
        text.push_str(&format!(" WITH ({})", options.join(", ")));
    }
    if let Some(space) = object.text("tablespace") {
        text.push_str(&format!(" TABLESPACE {}", sql::ident(space)));
    }
    let schema = object.id.path.first()?;
    let built = ObjectId::new(Kind::Index, [schema.as_str(), &name]);
    let action = out.create(object, text);
    index::concurrently(action, schema, &name);
    index::without_whole(object, action);
    action.creates = vec![built.clone()];
    let mut needs = vec![built];
    if form == "PRIMARY KEY" {
        // Its NOT NULL would be the table's own, by a name of its own, where one comes from above.
        let columns = object.needs.iter().filter(|need| need.kind == Kind::Column).filter_map(|need| cx.target.get(need));
        needs.extend(columns.flat_map(|column| column::set_above(cx, column)));
    }
    Some(Way { text: format!("{form} USING INDEX {}{deferred}", sql::ident(&name)), needs, validate: false })
}

/// A foreign key of a partitioned table, which cannot be NOT VALID before Postgres 18: each partition gets its own, validated, and the
/// table's takes them over.
fn by_partition(cx: &Context<'_>, object: &Object, parent: &Object, out: &mut Actions<'_>) -> Vec<ObjectId> {
    let leaves = table::offspring(&cx.target, &parent.id);
    leaves.into_iter().filter_map(|leaf| key_of_partition(cx, object, leaf, out)).collect()
}

/// Foreign keys that a table gets by being attached: it has them already, validated, so that no row is looked up then.
pub fn before_attach(cx: &Context<'_>, child: &Object, out: &mut Actions<'_>) -> Vec<ObjectId> {
    let mut needs = Vec::new();
    for parent in table::ancestors(&cx.target, child) {
        for key in cx.target.parts_of(&parent.id, Kind::Constraint).filter(|key| key.text("form") == Some("f")) {
            // What it has from a table above it keeps when it is let go.
            let kept = cx
                .base
                .get(&child.id)
                .is_some_and(|before| before.list("inherited_constraints").iter().any(|name| name == key.id.name()));
            if kept && !cx.appears(&key.id) || waits_for_itself(cx, key) {
                continue;
            }
            // Before Postgres 18 a new key of the table above makes those of all partitions itself.
            if cx.appears(&key.id) && cx.base.catalog.server_version < 180_000 {
                needs.push(validated(&child.id, key));
            } else {
                needs.extend(key_of_partition(cx, key, child, out));
            }
        }
    }
    needs
}

/// What stands for the tables in use being attached that become part of this one.
fn joining(cx: &Context<'_>, table: &ObjectId) -> Vec<ObjectId> {
    let joins = |child: &&Object| in_use(cx, &child.id) && !table::stays_child(cx, &child.id);
    table::offspring(&cx.target, table).into_iter().filter(joins).map(table::link).collect()
}

/// Whether what a foreign key of a table looks up is there only when that table is attached: its own rows, or those of another one that
/// waits so for it.
fn waits_for_itself(cx: &Context<'_>, key: &Object) -> bool {
    let Some(own) = &key.parent else { return false };
    let mut open: Vec<ObjectId> = constraint::looked_up(key).into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(table) = open.pop() {
        if table == *own {
            return true;
        }
        if joining(cx, &table).is_empty() || !seen.insert(table.clone()) {
            continue;
        }
        open.extend(
            cx.target
                .parts_of(&table, Kind::Constraint)
                .filter(|key| key.text("form") == Some("f"))
                .filter_map(constraint::looked_up),
        );
    }
    false
}

/// Whether an action gives a partition its own part of its table's foreign key.
pub fn is_of_partition(action: &Action) -> bool {
    let marks = action.creates.iter().filter(|id| id.kind == Kind::Setting);
    action.verb == Verb::Alter && marks.flat_map(|id| id.path.iter().take(2)).any(|part| part == OF_PARTITION)
}

const OF_PARTITION: &str = "key validated";

/// Stands for a partition's own part of its table's foreign key being there and holding.
fn validated(leaf: &ObjectId, key: &Object) -> ObjectId {
    let ObjectId { kind, path } = stands_for(OF_PARTITION, leaf);
    ObjectId { kind, path: [path.as_slice(), key.id.path.as_slice()].concat().into() }
}

fn key_of_partition(cx: &Context<'_>, key: &Object, leaf: &Object, out: &mut Actions<'_>) -> Option<ObjectId> {
    let definition =
        key.text("definition").filter(|text| ![" NOT VALID", " NOT ENFORCED"].iter().any(|end| text.ends_with(end)))?;
    let mut path = leaf.id.path.clone();
    path.push(key.id.name().to_owned());
    let has_one = cx.base.get(&ObjectId { kind: Kind::Constraint, path }).is_some();
    if leaf.text("partition_key").is_some() || has_one || !in_use(cx, &leaf.id) {
        return None;
    }
    let (whole, name) = (format!("ALTER TABLE {}", sql::name(leaf)), sql::ident(key.id.name()));
    let validated = validated(&leaf.id, key);
    let added = ObjectId { path: [&["added".to_owned()], validated.path.as_slice()].concat().into(), ..validated.clone() };
    let action = out.other(key, Verb::Alter, format!("{whole} ADD CONSTRAINT {name} {definition} NOT VALID"));
    let inner = |need: &&ObjectId| need.path.starts_with(&key.id.path[..key.id.path.len() - 1]);
    for need in key.needs.iter().filter(|need| !inner(need)) {
        action.needs.push(need.clone());
        action.needs.extend(rules::index::valid(cx, need));
    }
    action.needs.extend(cx.target.parts_of(&leaf.id, Kind::Column).map(|column| column.id.clone()));
    action.creates.push(added.clone());
    let action = out.other(key, Verb::Alter, format!("{whole} VALIDATE CONSTRAINT {name}"));
    action.needs.push(added);
    action.needs.extend(constraint::looked_up(key).iter().flat_map(|table| joining(cx, table)));
    action.creates.push(validated.clone());
    slow(action, Stage::Late);
    Some(validated)
}
