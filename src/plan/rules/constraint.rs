//! Constraints of tables and domains.
//!
//! Those of a new table stand inside its CREATE TABLE where they can; foreign keys never do.

use std::collections::BTreeSet;

use super::{
    super::{
        native::{Actions, Context, Reaction, Rule, Side, Verdict, stands_for},
        online, sql,
    },
    index, table,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct ConstraintRule;

/// The definition with what `pg_get_constraintdef` leaves out: the index's storage parameters and tablespace.
pub fn definition(object: &Object) -> String {
    let text = object.text("definition").unwrap_or_default();
    let mut extra = String::new();
    let options: Vec<String> = object.list("index_options").iter().map(|option| sql::option(option)).collect();
    // What an exclusion constraint's index has stands in its definition.
    if !options.is_empty() && object.text("form") != Some("x") {
        extra.push_str(&format!(" WITH ({})", options.join(", ")));
    }
    if let Some(space) = object.text("tablespace") {
        extra.push_str(&format!(" USING INDEX TABLESPACE {}", sql::ident(space)));
    }
    let at = if object.text("form") == Some("x") {
        text.find(" WHERE (").or(text.find(" DEFERRABLE"))
    } else {
        text.find(" DEFERRABLE")
    };
    let (head, tail) = text.split_at(at.unwrap_or(text.len()));
    format!("{head}{extra}{tail}")
}

/// The table that a foreign key looks up.
pub fn looked_up(key: &Object) -> Option<ObjectId> {
    let own = key.parent.as_ref()?;
    let columns = key.needs.iter().filter(|need| need.kind == Kind::Column);
    let mut tables = columns.map(|column| ObjectId::new(Kind::Table, column.path.iter().take(2).map(String::as_str)));
    Some(tables.find(|table| table != own).unwrap_or_else(|| own.clone()))
}

/// Whether CREATE TABLE would make one of this key and another that says the same (`transformIndexConstraints` in parse_utilcmd.c).
fn is_taken_for_another(cx: &Context<'_>, table: &Object, key: &Object) -> bool {
    fn rank(key: &Object) -> (bool, &ObjectId) {
        (key.text("form") != Some("p"), &key.id)
    }
    let mut keys =
        cx.target.parts_of(&table.id, Kind::Constraint).filter(|other| matches!(other.text("form"), Some("p" | "u" | "x")));
    keys.any(|other| rank(other) < rank(key) && after_word(other) == after_word(key))
}

/// What a key's definition says after PRIMARY KEY or UNIQUE; any other constraint's whole definition.
fn after_word(key: &Object) -> &str {
    let text = key.text("definition").unwrap_or_default();
    ["PRIMARY KEY ", "UNIQUE "].iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text)
}

/// Whether a constraint of a new table can be written inside its CREATE TABLE.
pub fn stands_inside(cx: &Context<'_>, table: &Object, constraint: &Object) -> bool {
    let form = constraint.text("form");
    let ready = |need: &ObjectId| {
        need.path.starts_with(&table.id.path)
            || !cx.appears(need)
            || matches!(need.kind, Kind::Schema | Kind::Type | Kind::Domain | Kind::Extension)
    };
    matches!(form, Some("p" | "u" | "c" | "x"))
        && constraint.flag("validated")
        && !cx.split.contains(&constraint.id)
        && index::attached_before(cx, constraint).is_empty()
        && constraint.needs.iter().all(ready)
        && !is_taken_for_another(cx, table, constraint)
}

/// The key of the target that goes on with an index of the base as it is (ADD CONSTRAINT ... USING INDEX), instead of with one made anew.
pub fn taken_over_by<'a>(cx: &Context<'a>, index: &Object) -> Option<&'a Object> {
    let whole = index.parent.as_ref().filter(|whole| whole.kind == Kind::Table && !cx.vanishes(whole))?;
    let plain = index.flag("unique")
        && !index.flag("partitioned")
        && !index.flag("invalid")
        && index.text("attached_to").is_none()
        && cx.dropped.contains(&index.id)
        && cx.base.parts(&index.id).is_empty();
    if !plain {
        return None;
    }
    let (_, rest) = index.text("definition")?.split_once(" USING btree ")?;
    // What the key's definition says after its word, as the index's has it.
    let same = |key: &&Object| {
        let columns = matches!(key.text("form"), Some("p" | "u")).then(|| deferrability(after_word(key)).0);
        let columns = columns.map(|columns| match columns.strip_prefix("NULLS NOT DISTINCT ") {
            Some(columns) => format!("{columns} NULLS NOT DISTINCT"),
            None => columns.to_owned(),
        });
        columns.as_deref() == Some(rest)
            && key.list("index_options").is_empty()
            && key.text("tablespace") == index.text("tablespace")
            && key.text("attached_to").is_none()
            && (cx.created.contains(&key.id) || cx.replaced.contains(&key.id))
            && key
                .needs
                .iter()
                .chain(&index.needs)
                .all(|need| !cx.vanishes(need) && !cx.appears(need) && !cx.altered.contains_key(need))
    };
    cx.target.parts_of(whole, Kind::Constraint).find(same)
}

/// The index that a new key goes on with.
fn taken_over<'a>(cx: &Context<'a>, key: &Object) -> Option<&'a Object> {
    let whole = key.parent.as_ref()?;
    cx.base.parts_of(whole, Kind::Index).find(|index| taken_over_by(cx, index).is_some_and(|by| by.id == key.id))
}

/// Stands for a part having been dropped by itself: with a constraint, what tables below have of it too.
pub fn gone(id: &ObjectId) -> ObjectId {
    stands_for("gone", id)
}

/// Partitions of the table that a foreign key refers to: it hangs on each of them.
pub fn seen_below(side: &Side<'_>, object: &Object) -> Vec<ObjectId> {
    if object.text("form") != Some("f") {
        return Vec::new();
    }
    let columns = object.needs.iter().filter(|need| need.kind == Kind::Column);
    let referred: BTreeSet<&ObjectId> = columns.filter_map(|column| side.get(column)?.parent.as_ref()).collect();
    referred.into_iter().flat_map(|table| table::offspring(side, table)).map(|below| below.id.clone()).collect()
}

/// Foreign keys of the same table whose numbered names come before: one that refers to partitions takes the next free numbers for what it
/// has of each of them (`ChooseConstraintName` in pg_constraint.c; up to Postgres 17).
fn named_before(cx: &Context<'_>, key: &Object) -> Vec<ObjectId> {
    fn numbered(name: &str) -> (&str, Option<u64>) {
        let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        (stem, name[stem.len()..].parse().ok())
    }
    let (stem, number) = numbered(key.id.name());
    let keys = key
        .parent
        .iter()
        .flat_map(|table| cx.target.parts_of(table, Kind::Constraint))
        .filter(|other| other.text("form") == Some("f"));
    let before = |other: &&Object| {
        let (other_stem, other_number) = numbered(other.id.name());
        other_stem == stem && other_number < number
    };
    keys.filter(before).map(|other| other.id.clone()).collect()
}

fn alter_whole(object: &Object) -> String {
    let noun = object.parent.as_ref().map_or("TABLE", |whole| sql::noun(whole.kind));
    format!("ALTER {noun} {}", sql::whole(&object.id))
}

fn partitioned(cx: &Context<'_>, object: &Object) -> bool {
    object
        .parent
        .as_ref()
        .and_then(|whole| cx.target.get(whole).or(cx.base.get(whole)))
        .is_some_and(|whole| whole.text("partition_key").is_some())
}

/// A foreign key's definition without its deferrability, and that alone.
fn deferrability(definition: &str) -> (&str, &str) {
    match definition.find(" DEFERRABLE") {
        Some(at) => definition.split_at(at),
        None => (definition, ""),
    }
}

impl Rule for ConstraintRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Constraint]
    }

    fn verdict(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let mut verdict = Verdict::Alter;
        for attribute in &change.attributes {
            match attribute.name {
                "definition" => {
                    let (old, new) = (before.text("definition").unwrap_or_default(), after.text("definition").unwrap_or_default());
                    let validated = old.strip_suffix(" NOT VALID") == Some(new);
                    let deferred = after.text("form") == Some("f")
                        && deferrability(old).0 == deferrability(new).0
                        && !old.contains(" NOT VALID")
                        && !new.contains(" NOT VALID")
                        && !old.contains(" NOT ENFORCED")
                        && !new.contains(" NOT ENFORCED");
                    if !validated && !deferred {
                        verdict = Verdict::Replace;
                    }
                }
                "attached_to" if index::taken_off(cx, before, after) => verdict = Verdict::Replace,
                _ => {}
            }
        }
        verdict
    }

    fn react(&self, cx: &Context<'_>, object: &Object, need: &Object) -> Reaction {
        index::react(cx, object, need)
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if object.text("form") == Some("c") && cx.base.get(&object.id).is_none() && table::changes_hands(cx, object) {
            return;
        }
        let name = sql::ident(object.id.name());
        let keyed = matches!(object.text("form"), Some("p" | "u" | "x"));
        let whole = if keyed && partitioned(cx, object) {
            format!("ALTER TABLE ONLY {}", sql::whole(&object.id))
        } else {
            alter_whole(object)
        };
        if let Some(index) = taken_over(cx, object) {
            let word = if object.text("form") == Some("p") { "PRIMARY KEY" } else { "UNIQUE" };
            let deferred = deferrability(object.text("definition").unwrap_or_default()).1;
            let text = format!("{whole} ADD CONSTRAINT {name} {word} USING INDEX {}{deferred}", sql::ident(index.id.name()));
            let action = out.create(object, text);
            action.releases.extend(index.needs.iter().cloned());
            action.destroys.push(index.id.clone());
            if let Some(whole) = object.parent.as_ref().and_then(|whole| cx.target.get(whole)) {
                table::marks(cx, &object.id, whole, out);
            }
            return;
        }
        let valid: Vec<ObjectId> = object.needs.iter().flat_map(|need| index::valid(cx, need)).collect();
        let way = online::constraint::way(cx, object, out);
        let action = out.create(object, format!("{whole} ADD CONSTRAINT {name} {}", way.text));
        action.needs.extend(index::attached_before(cx, object));
        action.needs.extend(table::before_check(cx, object));
        if object.text("form") == Some("f") {
            action.needs.extend(valid);
            action.prefers.extend(named_before(cx, object));
        }
        if object.text("attached_to").is_some() {
            action.needs.retain(|need| {
                !matches!(need.kind, Kind::Constraint | Kind::Index | Kind::Table) || Some(need) == object.parent.as_ref()
            });
        }
        action.needs.extend(way.needs);
        if way.validate {
            online::constraint::validate(cx, object, format!("{whole} VALIDATE CONSTRAINT {name}"), out);
        }
        index::attach(cx, object, out);
        table::validate_below(cx, object, out);
        if let Some(whole) = object.parent.as_ref().and_then(|whole| cx.target.get(whole)) {
            table::marks(cx, &object.id, whole, out);
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let name = sql::ident(after.id.name());
        for attribute in &change.attributes {
            match attribute.name {
                "definition" => {
                    let (old, new) = (before.text("definition").unwrap_or_default(), after.text("definition").unwrap_or_default());
                    if old.strip_suffix(" NOT VALID") == Some(new) {
                        let text = format!("{} VALIDATE CONSTRAINT {name}", alter_whole(after));
                        online::constraint::validate(cx, after, text, out);
                    } else {
                        let how = deferrability(new).1;
                        let how = if how.is_empty() { " NOT DEFERRABLE" } else { how };
                        out.alter(after, format!("{} ALTER CONSTRAINT {name}{how}", alter_whole(after)));
                    }
                }
                "attached_to" => index::attach(cx, after, out),
                "index_options" => {
                    let mut path = after.id.path.clone();
                    let table = path.len().saturating_sub(2);
                    path.remove(table);
                    table::set_options(&format!("ALTER INDEX {}", sql::qualified(&path)), before, after, "index_options", out);
                }
                "tablespace" => {
                    let mut path = after.id.path.clone();
                    let table = path.len().saturating_sub(2);
                    path.remove(table);
                    let space = sql::ident(after.text("tablespace").unwrap_or("pg_default"));
                    out.alter(after, format!("ALTER INDEX {} SET TABLESPACE {space}", sql::qualified(&path)));
                }
                _ => {}
            }
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let hands = object.text("form") == Some("c") && cx.target.get(&object.id).is_none() && table::changes_hands(cx, object);
        if hands || index::goes_with_parent(cx, object) {
            return;
        }
        let attached = index::attached_below(cx, object);
        let action = out.drop(object, format!("{} DROP CONSTRAINT {}", alter_whole(object), sql::ident(object.id.name())));
        action.destroys.extend(attached);
        action.creates.push(gone(&object.id));
        index::after_detach(cx, object, action);
    }
}
