//! Constraints of tables and domains.
//!
//! Those of a new table stand inside its CREATE TABLE where they can; foreign keys never do.

use super::{
    super::{
        native::{Actions, Context, Reaction, Rule, Verdict},
        sql,
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
    if !options.is_empty() {
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
        && constraint.needs.iter().all(ready)
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

    fn verdict(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
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
                "attached_to" if before.text("attached_to").is_none() => {}
                "attached_to" => verdict = if after.text("attached_to").is_some() { Verdict::Replace } else { verdict },
                _ => {}
            }
        }
        verdict
    }

    fn react(&self, _cx: &Context<'_>, _object: &Object, _need: &Object) -> Reaction {
        Reaction::Replace
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let name = sql::ident(object.id.name());
        let keyed = matches!(object.text("form"), Some("p" | "u" | "x"));
        let whole = if keyed && partitioned(cx, object) {
            format!("ALTER TABLE ONLY {}", sql::whole(&object.id))
        } else {
            alter_whole(object)
        };
        let action = out.create(object, format!("{whole} ADD CONSTRAINT {name} {}", definition(object)));
        if object.text("attached_to").is_some() {
            action
                .needs
                .retain(|need| need.kind != Kind::Constraint && need.kind != Kind::Table || Some(need) == object.parent.as_ref());
        }
        index::attach(cx, object, out);
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
                        out.alter(after, format!("{} VALIDATE CONSTRAINT {name}", alter_whole(after)));
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
        if index::goes_with_parent(cx, object) {
            return;
        }
        let attached = index::attached_below(cx, object);
        let action = out.drop(object, format!("{} DROP CONSTRAINT {}", alter_whole(object), sql::ident(object.id.name())));
        action.destroys.extend(attached);
    }
}
