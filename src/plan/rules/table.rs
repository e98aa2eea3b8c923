//! Tables and foreign tables: made with their columns and the constraints that can stand inside, altered in place where Postgres can.
//!
//! Foreign keys are never written inside CREATE TABLE, so that tables may refer to each other. A partition is made as a table and attached,
//! so that its columns, indexes and constraints have the target's names and order.

use super::{
    super::{
        native::{Action, Actions, Context, Reaction, Rule, Side, Verb, Verdict, stands_for},
        online, sql,
    },
    column, constraint, index, partition, rebuild, sequence, user_catalog,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct TableRule;

impl Rule for TableRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Table, Kind::ForeignTable]
    }

    fn verdict(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let replaces = change.attributes.iter().any(|attribute| match attribute.name {
            "partition_key" | "server" => true,
            "inherits" => is_own_otherwise(cx, after) || parents_are_reordered(before, after),
            "of_type" => typed_in_other_order(cx, after),
            "access_method" => cx.base.catalog.server_version < 150_000,
            _ => false,
        });
        if replaces { Verdict::Replace } else { Verdict::Alter }
    }

    fn around(&self, cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change, dependent: &Object) -> Reaction {
        let relinked = change.attributes.iter().any(|attribute| attribute.name == "partition_of");
        if relinked && column::identity_moves(cx, dependent) { Reaction::Alter("identity") } else { Reaction::Nothing }
    }

    fn react(&self, cx: &Context<'_>, object: &Object, need: &Object) -> Reaction {
        let after = cx.target.get(&object.id);
        match need.id.kind {
            // Its rows go through the parent's new key.
            Kind::Table if object.text("partition_of").is_some() => Reaction::Replace,
            Kind::Table | Kind::ForeignTable if !object.list("inherits").is_empty() => {
                // The table above is gone for a while.
                if after.is_some_and(|after| is_own_otherwise(cx, after)) { Reaction::Replace } else { Reaction::Alter("inherits") }
            }
            Kind::Type if object.text("of_type").is_some() => {
                if after.is_some_and(|after| typed_in_other_order(cx, after)) {
                    Reaction::Replace
                } else {
                    Reaction::Alter("of_type")
                }
            }
            Kind::Column | Kind::Default => Reaction::Nothing,
            _ => Reaction::Replace,
        }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let name = sql::name(object);
        let foreign = object.id.kind == Kind::ForeignTable;
        let typed = object.text("of_type");
        let mut lines = Vec::new();
        let mut parts: Vec<&Object> = Vec::new();
        let mut needs: Vec<ObjectId> = Vec::new();
        // CREATE TABLE takes every check for validated.
        let mut later: Vec<(String, &Object)> = Vec::new();
        for part in cx.target.parts_of(&object.id, Kind::Column) {
            parts.push(part);
            let inherited = !column::stands_alone(cx, part);
            match column::definition(cx, part, typed.is_some(), &mut parts) {
                Some(line) if !inherited => lines.push(line),
                _ => lines.extend(inherited.then(|| column::inherited_not_null(cx, part)).flatten()),
            }
        }
        if object.text("partition_of").is_some() {
            for (name, check) in inherited_checks(cx, object) {
                if !is_valid_below(&cx.target, check, object) {
                    later.push((name, check));
                    continue;
                }
                lines.push(format!("CONSTRAINT {} {}", sql::ident(&name), definition_below(cx, check, object)));
                needs.extend(check.needs.iter().filter(|need| !matches!(need.kind, Kind::Column | Kind::Table)).cloned());
            }
        }
        for part in cx.target.parts_of(&object.id, Kind::Constraint) {
            if constraint::stands_inside(cx, object, part) {
                parts.push(part);
                lines.push(format!("CONSTRAINT {} {}", sql::ident(part.id.name()), constraint::definition(part)));
            }
        }
        let mut text = format!(
            "CREATE {}TABLE {name}",
            match (foreign, object.flag("unlogged")) {
                (true, _) => "FOREIGN ",
                (_, true) => "UNLOGGED ",
                _ => "",
            }
        );
        if let Some(of) = typed {
            text.push_str(&format!(" OF {of}"));
        }
        if typed.is_none() || !lines.is_empty() {
            text.push_str(&if lines.is_empty() { " (\n)".to_owned() } else { format!(" (\n    {}\n)", lines.join(",\n    ")) });
        }
        if !object.list("inherits").is_empty() {
            text.push_str(&format!(" INHERITS ({})", object.list("inherits").join(", ")));
        }
        if let Some(key) = object.text("partition_key") {
            text.push_str(&format!(" PARTITION BY {key}"));
        }
        if let Some(server) = object.text("server") {
            text.push_str(&format!(" SERVER {}", sql::ident(server)));
            if !object.list("foreign_options").is_empty() {
                text.push_str(&format!(" OPTIONS ({})", foreign_options(object.list("foreign_options"))));
            }
        }
        if let Some(method) = object.text("access_method") {
            text.push_str(&format!(" USING {}", sql::ident(method)));
        }
        let options: Vec<String> =
            object.list("options").iter().chain(object.list("toast_options")).map(|option| sql::option(option)).collect();
        if !options.is_empty() {
            text.push_str(&format!(" WITH ({})", options.join(", ")));
        }
        if let Some(space) = object.text("tablespace") {
            text.push_str(&format!(" TABLESPACE {}", sql::ident(space)));
        }
        let partition = object.text("partition_of").is_some();
        let action = out.create_with(object, &parts, text);
        action.needs.extend(needs);
        action.needs.extend(valid_only_below(cx, object));
        // Columns and their defaults come from the tables above as these have them then.
        for parent in parents(&cx.target, object).filter(|_| !partition) {
            let columns = cx.target.parts_of(&parent.id, Kind::Column);
            let defaults =
                columns.flat_map(|column| cx.target.parts_of(&column.id, Kind::Default).chain([column]).collect::<Vec<_>>());
            action.needs.extend(defaults.map(|part| part.id.clone()));
        }
        if partition {
            let parents: Vec<ObjectId> = parents(&cx.target, object).map(|parent| parent.id.clone()).collect();
            action.needs.retain(|need| !parents.contains(need));
        }
        for part in parts.iter().filter(|part| part.id.kind == Kind::Column) {
            column::settings(cx, None, part, out);
            let inherited = !column::stands_alone(cx, part);
            if inherited && column::owns_not_null(cx, part) && cx.base.catalog.server_version < 180_000 {
                out.alter(part, format!("ALTER TABLE {name} ALTER COLUMN {} SET NOT NULL", sql::ident(part.id.name())));
            }
        }
        for (check, above) in later {
            let definition = definition_below(cx, above, object);
            let text = format!("ALTER TABLE {name} ADD CONSTRAINT {} {definition}", sql::ident(&check));
            let action = out.alter(object, text);
            action.needs.extend(above.needs.iter().filter(|need| !matches!(need.kind, Kind::Column | Kind::Table)).cloned());
        }
        if partition {
            attach(cx, object, out);
        }
        for part in parts.iter().filter(|part| part.id.kind == Kind::Constraint) {
            marks(cx, &part.id, object, out);
        }
        security(object, "row_security", out);
        security(object, "force_row_security", out);
        match object.text("replica_identity") {
            Some("nothing") => drop(out.alter(object, format!("ALTER TABLE ONLY {name} REPLICA IDENTITY NOTHING"))),
            Some("full") => drop(out.alter(object, format!("ALTER TABLE ONLY {name} REPLICA IDENTITY FULL"))),
            _ => {}
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let name = sql::name(after);
        let table = format!("ALTER {} {name}", sql::noun(after.id.kind));
        let mut partition = false;
        for attribute in &change.attributes {
            match attribute.name {
                "unlogged" => {
                    let how = if after.flag("unlogged") { "UNLOGGED" } else { "LOGGED" };
                    let earlier = persisted_before(cx, after);
                    let action = out.alter(after, format!("{table} SET {how}"));
                    action.prefers.extend(earlier);
                    action.creates.extend([persisted(&after.id), user_catalog::rewritten(&after.id)]);
                    sequence::keep_persistence(cx, after, out);
                }
                "options" => user_catalog::set_options(before, after, out),
                "toast_options" => set_options(&table, before, after, attribute.name, out),
                "tablespace" => {
                    out.alter(
                        after,
                        format!("{table} SET TABLESPACE {}", sql::ident(after.text("tablespace").unwrap_or("pg_default"))),
                    );
                }
                "access_method" => {
                    out.alter(
                        after,
                        format!("{table} SET ACCESS METHOD {}", sql::ident(after.text("access_method").unwrap_or("heap"))),
                    )
                    .creates
                    .push(user_catalog::rewritten(&after.id));
                }
                "partition_of" | "partition_bound" | "detach_pending" if !partition => {
                    partition = true;
                    if let Some(parent) = before.text("partition_of") {
                        detach(cx, before, after, parent, out);
                    }
                    if after.text("partition_of").is_some() {
                        attach(cx, after, out);
                    }
                }
                "inherits" => inherit(cx, before, after, out),
                "validated_checks" => {
                    let new =
                        after.list("validated_checks").iter().filter(|check| !before.list("validated_checks").contains(check));
                    for check in
                        new.filter(|check| check_above(&cx.target, after, check).is_none_or(|above| !cx.appears(&above.id)))
                    {
                        out.alter(after, format!("{table} VALIDATE CONSTRAINT {}", sql::ident(check)));
                    }
                }
                "of_type" => change_type_of(cx, before, after, out),
                "row_security" | "force_row_security" => security(after, attribute.name, out),
                "replica_identity" => match after.text("replica_identity") {
                    None => drop(out.alter(after, format!("ALTER TABLE ONLY {name} REPLICA IDENTITY DEFAULT"))),
                    Some("nothing") => drop(out.alter(after, format!("ALTER TABLE ONLY {name} REPLICA IDENTITY NOTHING"))),
                    Some("full") => drop(out.alter(after, format!("ALTER TABLE ONLY {name} REPLICA IDENTITY FULL"))),
                    Some(_) => existing_marks(cx, after, "replica_identity", out),
                },
                "cluster_on" => match after.text("cluster_on") {
                    None => drop(out.alter(after, format!("{table} SET WITHOUT CLUSTER"))),
                    Some(_) => existing_marks(cx, after, "cluster_on", out),
                },
                "foreign_options" => {
                    let options = changed_foreign_options(before.list("foreign_options"), after.list("foreign_options"));
                    out.alter(after, format!("{table} OPTIONS ({options})"));
                }
                _ => {}
            }
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if rebuild::is_moved(cx, object) {
            rebuild::move_away(cx, object, out);
            return;
        }
        let mut detached = false;
        if let Some(parent) = object.text("partition_of") {
            // A partition that foreign keys see is not dropped as it is.
            let keys = parents(&cx.base, object).flat_map(|parent| {
                cx.base.parts_of(&parent.id, Kind::Constraint).chain(cx.base.parts_of(&parent.id, Kind::Index)).collect::<Vec<_>>()
            });
            detached = keys
                .flat_map(|key| cx.base.dependents(&key.id))
                .any(|user| user.text("form") == Some("f") && !cx.vanishes(&user.id));
            if detached {
                detach_for_good(cx, object, parent, out);
            }
        }
        let action = out.drop(object, format!("DROP {}", sql::noun_and_name(object)));
        if detached {
            action.needs.push(link_gone(&object.id));
        } else {
            action.creates.push(link_gone(&object.id));
        }
    }
}

fn drop(_: &mut Action) {}

/// Tables that this one inherits from or is a partition of.
pub fn parents<'a>(side: &Side<'a>, object: &'a Object) -> impl Iterator<Item = &'a Object> {
    let names: Vec<String> =
        object.text("partition_of").map(str::to_owned).into_iter().chain(object.list("inherits").iter().cloned()).collect();
    let found: Vec<&'a Object> = object
        .needs
        .iter()
        .filter(|need| matches!(need.kind, Kind::Table | Kind::ForeignTable))
        .filter_map(|need| side.get(need))
        .filter(|parent| names.contains(&sql::qualified(&parent.id.path)))
        .collect();
    found.into_iter()
}

/// All tables above this one, the nearest first.
pub fn ancestors<'a>(side: &Side<'a>, object: &'a Object) -> Vec<&'a Object> {
    let mut above: Vec<&Object> = parents(side, object).collect();
    let mut at = 0;
    while let Some(table) = above.get(at).copied() {
        above.extend(parents(side, table));
        at += 1;
    }
    above
}

/// Tables that inherit from this one or are its partitions.
pub fn children<'a>(side: &Side<'a>, id: &ObjectId) -> Vec<&'a Object> {
    let name = sql::qualified(&id.path);
    side.dependents(id)
        .iter()
        .copied()
        .filter(|child| child.text("partition_of") == Some(name.as_str()) || child.list("inherits").contains(&name))
        .collect()
}

/// Children, their children, and so on.
pub fn offspring<'a>(side: &Side<'a>, id: &ObjectId) -> Vec<&'a Object> {
    let mut all = children(side, id);
    let mut at = 0;
    while let Some(child) = all.get(at).copied() {
        for next in children(side, &child.id) {
            if !all.iter().any(|known| known.id == next.id) {
                all.push(next);
            }
        }
        at += 1;
    }
    all
}

/// Tables that this one is below, before and after, and whose hold on it no statement loosens; of the target.
pub fn kept_parents<'a>(cx: &'a Context<'_>, id: &ObjectId) -> Vec<&'a Object> {
    let (Some(before), Some(after)) = (cx.base.get(id), cx.target.get(id)) else { return Vec::new() };
    if partition::relinked(cx, id) || cx.appears(id) {
        return Vec::new();
    }
    let was = |parent: &&Object| parents(&cx.base, before).any(|old| old.id == parent.id) && !cx.vanishes(&parent.id);
    parents(&cx.target, after).filter(was).collect()
}

/// Whether the table is, before and after, a child of the same table, and neither made nor dropped by the plan.
pub fn stays_child(cx: &Context<'_>, id: &ObjectId) -> bool {
    !kept_parents(cx, id).is_empty()
}

/// Whether a column of the target would be its table's own, beside being inherited, by what ALTER TABLE can do: one that was there stays
/// as it was, unless no table above had it for a while; a new one comes from a table above that stays above.
fn own_afterwards(cx: &Context<'_>, column: &Object) -> bool {
    let Some(whole) = &column.parent else { return true };
    let held = kept_parents(cx, whole).iter().any(|parent| {
        let above = parent.id.part(Kind::Column, column.id.name());
        cx.target.get(&above).is_some() && (cx.base.get(&column.id).is_none() || cx.base.get(&above).is_some())
    });
    !held || cx.base.get(&column.id).is_some_and(|old| old.flag("local"))
}

/// Whether a child's inherited columns would not be what the target says of them: a column's own, too, or only inherited.
pub fn is_own_otherwise(cx: &Context<'_>, after: &Object) -> bool {
    let inherited = |column: &&Object| column.integer("inherited").unwrap_or_default() > 0;
    !after.list("inherits").is_empty()
        && cx
            .target
            .parts_of(&after.id, Kind::Column)
            .filter(inherited)
            .any(|column| own_afterwards(cx, column) != column.flag("local"))
}

/// Whether the tables above would stand in another order than the target's.
fn parents_are_reordered(before: &Object, after: &Object) -> bool {
    let (old, new) = (before.list("inherits"), after.list("inherits"));
    let kept = old.iter().filter(|parent| new.contains(parent));
    kept.chain(new.iter().filter(|parent| !old.contains(parent))).ne(new)
}

/// The type that a typed table is of.
pub fn type_of<'a>(side: &Side<'a>, table: &Object) -> Option<&'a Object> {
    let of = table.text("of_type")?;
    let types = table.needs.iter().filter(|need| need.kind == Kind::Type).filter_map(|need| side.get(need));
    types.into_iter().find(|r#type| sql::qualified(&r#type.id.path) == of)
}

/// Typed tables that stay so, and whose columns change with those of their type.
pub fn typed_by<'a>(cx: &Context<'a>, r#type: &ObjectId) -> Vec<&'a Object> {
    let tables = cx.target.dependents(r#type).iter().copied();
    tables.filter(|table| type_of(&cx.target, table).is_some_and(|of| of.id == *r#type) && stays_typed(cx, &table.id)).collect()
}

/// Whether a table is of the same type before and after, and no statement makes it let go of it.
pub fn stays_typed(cx: &Context<'_>, id: &ObjectId) -> bool {
    let (Some(before), Some(after)) = (cx.base.get(id), cx.target.get(id)) else { return false };
    let changes = cx.altered.get(id).is_some_and(|change| change.attributes.iter().any(|attribute| attribute.name == "of_type"));
    after.text("of_type").is_some() && before.text("of_type") == after.text("of_type") && !changes && !cx.appears(id)
}

/// Whether a table cannot become one of its type: OF asks for the type's columns in the type's order.
fn typed_in_other_order(cx: &Context<'_>, after: &Object) -> bool {
    let Some(of) = type_of(&cx.target, after) else { return false };
    let names = |side: &Side<'_>, id| side.parts_of(id, Kind::Column).map(|column| column.id.name().to_owned()).collect::<Vec<_>>();
    let wanted = names(&cx.target, &of.id);
    let there = names(&cx.base, &after.id);
    let kept = there.iter().filter(|name| wanted.contains(name));
    kept.chain(wanted.iter().filter(|name| !there.contains(name))).ne(&wanted)
}

/// NOT OF comes before any of the columns changes, OF after all of them did.
fn change_type_of(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let table = format!("ALTER TABLE {}", sql::name(after));
    if before.text("of_type").is_some() {
        let action = out.other(after, Verb::Drop, format!("{table} NOT OF"));
        action.releases.extend(type_of(&cx.base, before).map(|of| cx.old(&of.id)));
        action.creates.push(link_gone(&before.id));
    }
    if let Some(of) = after.text("of_type") {
        let columns =
            |side: &Side<'_>, id: &ObjectId| side.parts_of(id, Kind::Column).map(|column| column.id.clone()).collect::<Vec<_>>();
        let dropped = columns(&cx.base, &after.id).into_iter().filter(|id| cx.vanishes(id)).map(|id| constraint::gone(&id));
        let parts = type_of(&cx.target, after).map(|of| columns(&cx.target, &of.id)).unwrap_or_default();
        let action = out.alter(after, format!("{table} OF {of}"));
        action.needs.extend(columns(&cx.target, &after.id));
        action.needs.extend(parts);
        action.needs.extend(dropped);
        action.releases.clear();
    }
}

/// Stands for a table being logged, or not, as the target has it.
fn persisted(id: &ObjectId) -> ObjectId {
    stands_for("persisted", id)
}

/// What a table that becomes unlogged comes after, or one that no longer is: no logged table may refer to one that is not.
fn persisted_before(cx: &Context<'_>, after: &Object) -> Vec<ObjectId> {
    let key = |part: &&&Object| part.text("form") == Some("f");
    let tables: Vec<ObjectId> = if after.flag("unlogged") {
        let users = cx.base.parts(&after.id).iter().flat_map(|part| cx.base.dependents(&part.id));
        users.filter(key).filter_map(|key| key.parent.clone()).collect()
    } else {
        let needs = cx.base.parts(&after.id).iter().filter(key).flat_map(|key| &key.needs);
        needs.filter_map(|need| cx.base.get(need)?.parent.clone()).collect()
    };
    tables.iter().map(persisted).collect()
}

fn security(object: &Object, attribute: &str, out: &mut Actions<'_>) {
    let fresh = out.makes(&object.id);
    let what = match (attribute, object.flag(attribute)) {
        (_, false) if fresh => return,
        ("row_security", true) => "ENABLE",
        ("row_security", false) => "DISABLE",
        (_, true) => "FORCE",
        (_, false) => "NO FORCE",
    };
    out.alter(object, format!("ALTER TABLE {} {what} ROW LEVEL SECURITY", sql::name(object)));
}

/// SET and RESET of storage parameters. What is set stands last: so that all stand in the target's order, what stays and comes after
/// something that is set is set too.
pub fn set_options(table: &str, before: &Object, after: &Object, attribute: &str, out: &mut Actions<'_>) {
    let (old, new) = (before.list(attribute), after.list(attribute));
    let key = |option: &str| option.split('=').next().unwrap_or_default().to_owned();
    let mut there = old.iter();
    let stay = new.iter().take_while(|option| there.any(|other| other == *option)).count();
    let set: Vec<String> = new.iter().skip(stay).map(|option| sql::option(option)).collect();
    let reset: Vec<String> = old
        .iter()
        .filter(|option| !new.iter().any(|kept| key(kept) == key(option)))
        .map(|option| sql::option(&key(option)))
        .collect();
    if !set.is_empty() {
        out.alter(after, format!("{table} SET ({})", set.join(", ")));
    }
    if !reset.is_empty() {
        out.alter(after, format!("{table} RESET ({})", reset.join(", ")));
    }
}

/// `name 'value', ...` of options as `pg_foreign_table.ftoptions` has them.
pub fn foreign_options(options: &[String]) -> String {
    let write = |option: &String| match option.split_once('=') {
        Some((name, value)) => format!("{} {}", sql::ident(name), sql::literal(value)),
        None => sql::ident(option),
    };
    options.iter().map(write).collect::<Vec<_>>().join(", ")
}

/// ADD, SET and DROP of foreign options.
pub fn changed_foreign_options(old: &[String], new: &[String]) -> String {
    let key = |option: &str| option.split('=').next().unwrap_or_default().to_owned();
    let has = |list: &[String], name: &str| list.iter().any(|option| key(option) == name);
    let mut parts = Vec::new();
    for option in old.iter().filter(|option| !has(new, &key(option))) {
        parts.push(format!("DROP {}", sql::ident(&key(option))));
    }
    for option in new.iter().filter(|option| !old.contains(option)) {
        let verb = if has(old, &key(option)) { "SET" } else { "ADD" };
        parts.push(format!("{verb} {}", foreign_options(std::slice::from_ref(option))));
    }
    parts.join(", ")
}

/// Checks that the target's table has only because a table above has them, by name.
///
/// What is made for the table above afterwards comes to this one by itself.
fn inherited_checks<'a>(cx: &Context<'a>, object: &Object) -> Vec<(String, &'a Object)> {
    let find = |name: &String| {
        let check = check_above(&cx.target, object, name)?;
        (!cx.split.contains(&check.id)).then(|| (name.clone(), check))
    };
    object.list("inherited_constraints").iter().filter_map(find).collect()
}

/// The check of this name of a table above.
fn check_above<'a>(side: &Side<'a>, object: &Object, name: &str) -> Option<&'a Object> {
    let check = |table: &Object| side.get(&table.id.part(Kind::Constraint, name));
    ancestors(side, object).into_iter().filter_map(check).find(|check| check.text("form") == Some("c"))
}

const NOT_VALID: &str = " NOT VALID";

fn is_not_valid(check: &Object) -> bool {
    check.text("definition").unwrap_or_default().ends_with(NOT_VALID)
}

/// Whether a table below has a check of a table above as validated.
fn is_valid_below(side: &Side<'_>, check: &Object, child: &Object) -> bool {
    let listed = child.list("validated_checks").iter().any(|name| name == check.id.name());
    !is_not_valid(check) || listed || parents(side, child).any(|parent| is_valid_below(side, check, parent))
}

/// The definition that a check of a table above has in a table below.
fn definition_below<'a>(cx: &Context<'_>, check: &'a Object, child: &Object) -> &'a str {
    let definition = check.text("definition").unwrap_or_default();
    if is_valid_below(&cx.target, check, child) { definition.strip_suffix(NOT_VALID).unwrap_or(definition) } else { definition }
}

/// Checks above a new table that inherits, which are made before it: it has them as validated, and those above have not.
fn valid_only_below(cx: &Context<'_>, object: &Object) -> Vec<ObjectId> {
    if object.list("inherits").is_empty() {
        return Vec::new();
    }
    let checks = inherited_checks(cx, object).into_iter().map(|(_, check)| check);
    checks.filter(|check| is_not_valid(check) && is_valid_below(&cx.target, check, object)).map(|check| check.id.clone()).collect()
}

/// New tables below that inherit a check and are not to have it as validated, which they would if they were made after it.
pub fn before_check(cx: &Context<'_>, check: &Object) -> Vec<ObjectId> {
    let Some(whole) = check.parent.as_ref().filter(|_| is_not_valid(check) && check.text("form") == Some("c")) else {
        return Vec::new();
    };
    let below =
        offspring(&cx.target, whole).into_iter().filter(|child| cx.appears(&child.id) && !child.list("inherits").is_empty());
    below.filter(|child| !is_valid_below(&cx.target, check, child)).map(|child| child.id.clone()).collect()
}

/// Validates a check that is made without looking at the rows where tables below have it as validated.
pub fn validate_below(cx: &Context<'_>, check: &Object, out: &mut Actions<'_>) {
    let Some(whole) = check.parent.as_ref().filter(|_| check.text("form") == Some("c") && is_not_valid(check)) else { return };
    for child in offspring(&cx.target, whole).into_iter().filter(|child| {
        let inherits = child.list("inherited_constraints").iter().any(|name| name == check.id.name());
        inherits && stays_child(cx, &child.id) && is_valid_below(&cx.target, check, child)
    }) {
        let text = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", sql::name(child), sql::ident(check.id.name()));
        out.alter(child, text).needs.push(check.id.clone());
    }
}

/// Checks that stay as they are while a table below is no longer to have them as validated, or while a column of theirs gets another
/// type, which makes the check anew below too: they are made anew by themselves.
pub fn invalidated(cx: &Context<'_>) -> Vec<ObjectId> {
    let mut lost: Vec<&Object> = Vec::new();
    for (id, change) in &cx.altered {
        let Some((before, after)) = cx.base.get(id).zip(cx.target.get(id)) else { continue };
        let gone = before.list("validated_checks").iter().filter(|check| !after.list("validated_checks").contains(check));
        lost.extend(gone.filter_map(|check| check_above(&cx.base, before, check)));
        if id.kind == Kind::Column && change.attributes.iter().any(|attribute| attribute.name == "type") {
            let checks = cx.base.dependents(id).iter().copied().filter(|check| check.text("form") == Some("c"));
            lost.extend(checks.filter(|check| {
                check.parent.as_ref().is_some_and(|whole| {
                    offspring(&cx.target, whole)
                        .iter()
                        .any(|child| child.list("validated_checks").contains(&check.id.name().to_owned()))
                })
            }));
        }
    }
    let stays = |check: &&Object| cx.target.get(&check.id).is_some_and(|after| !after.flag("validated")) && !cx.vanishes(&check.id);
    lost.into_iter().filter(stays).map(|check| check.id.clone()).collect()
}

/// Adds the checks that a table must have before it becomes a child of others.
fn add_inherited_checks(cx: &Context<'_>, child: &Object, out: &mut Actions<'_>) -> Vec<ObjectId> {
    let mut made = Vec::new();
    for (name, check) in inherited_checks(cx, child) {
        let definition = definition_below(cx, check, child);
        let mut path = child.id.path.clone();
        path.push(name.clone());
        let id = ObjectId { kind: Kind::Constraint, path };
        let there = cx.base.get(&child.id).is_some_and(|before| {
            before.list("inherited_constraints").contains(&name)
                && !constraints_above(cx, before, &name)
                    .any(|check| dropped_alone(cx, check) || check.text("definition") != Some(definition))
        }) || cx.base.get(&id).is_some_and(|own| own.text("definition") == Some(definition));
        if !there {
            let added =
                online::constraint::inherited(cx, child, &format!("ADD CONSTRAINT {} {definition}", sql::ident(&name)), &id, out);
            added.creates.push(id.clone());
            added.needs.extend(cx.target.parts_of(&child.id, Kind::Column).map(|column| column.id.clone()));
            made.push(id);
        }
    }
    made
}

/// ATTACH PARTITION, after the keys and indexes of both, so that they find each other and nothing is made by itself.
fn attach(cx: &Context<'_>, child: &Object, out: &mut Actions<'_>) {
    let (Some(parent), Some(bound)) = (child.text("partition_of"), child.text("partition_bound")) else { return };
    let checks = if cx.appears(&child.id) { Vec::new() } else { add_inherited_checks(cx, child, out) };
    let later = index::unmatched_above(cx, child);
    let needed: Vec<ObjectId> = parents(&cx.target, child)
        .chain(std::iter::once(child))
        .flat_map(|table| {
            let own = table.id == child.id;
            let keys = cx.target.parts_of(&table.id, Kind::Constraint);
            let keys = keys.filter(|key| key.text("form") != Some("f") && !cx.split.contains(&key.id));
            let indexes = cx
                .target
                .parts_of(&table.id, Kind::Index)
                .filter(|index| !index::mistakable(cx, index) && (own || !index::comes_late(cx, index)));
            let parts = keys.chain(indexes).chain(cx.target.parts_of(&table.id, Kind::Column));
            let parts = parts.filter(|part| !later.iter().any(|index| index.id == part.id));
            // An index of its own that is not valid would not be found.
            let whole = |part: &Object| if own { index::valid(cx, &part.id) } else { Vec::new() };
            let parts = parts.flat_map(|part| [vec![part.id.clone()], whole(part)].concat());
            parts.chain(std::iter::once(table.id.clone())).collect::<Vec<_>>()
        })
        .collect();
    let tables = parents(&cx.target, child).chain(std::iter::once(child));
    let dropped = tables.flat_map(|table| cx.base.parts_of(&table.id, Kind::Column)).filter(|column| cx.vanishes(&column.id));
    let dropped: Vec<ObjectId> = dropped.map(|column| constraint::gone(&column.id)).collect();
    let fitting = online::partition::before_attach(cx, child, out);
    let rows = partition::gather(cx, child, out);
    let action = out.alter(child, format!("ALTER TABLE ONLY {parent} ATTACH PARTITION {} {bound}", sql::name(child)));
    action.needs.extend(needed);
    action.needs.extend(dropped);
    action.needs.extend(fitting);
    action.needs.extend(rows);
    action.needs.extend(checks);
    action.releases.clear();
    // A partition of the same parent that makes room goes, or is detached, first.
    action.creates.push(link(child));
    action.position = 1;
    for sibling in parents(&cx.target, child).flat_map(|parent| children(&cx.base, &parent.id)) {
        action.needs.push(link_gone(&sibling.id));
    }
}

/// Stands for a table's place below its parent.
pub fn link(child: &Object) -> ObjectId {
    stands_for("partition", &child.id)
}

/// Stands for a table's old place below its parent being free.
pub fn link_gone(child: &ObjectId) -> ObjectId {
    stands_for("partition free", child)
}

/// DETACH PARTITION, and what only came from the parent and is not wanted goes.
fn detach(cx: &Context<'_>, before: &Object, after: &Object, parent: &str, out: &mut Actions<'_>) {
    let gone: Vec<ObjectId> = parents(&cx.base, before).map(|parent| parent.id.clone()).collect();
    // An interrupted one is brought to its end.
    let pending = before.flag("detach_pending");
    let detach = format!("ALTER TABLE {parent} DETACH PARTITION {}{}", sql::name(before), if pending { " FINALIZE" } else { "" });
    let action = out.other(after, Verb::Drop, detach.clone());
    action.releases.extend(gone);
    action.needs.extend(dropped_above(cx, before));
    action.creates.push(link_gone(&before.id));
    if !pending && online::partition::leaves_concurrently(cx, before) {
        online::partition::concurrently(action, &detach);
        online::partition::drop_leftover(cx, before, link_gone(&before.id), out);
    }
    leftovers(cx, before, after, &link_gone(&before.id), out);
}

/// Marks of constraints that are dropped above: as long as this is a partition they go here too.
fn dropped_above(cx: &Context<'_>, before: &Object) -> Vec<ObjectId> {
    let above = parents(&cx.base, before).flat_map(|parent| cx.base.parts_of(&parent.id, Kind::Constraint).collect::<Vec<_>>());
    above
        .filter(|part| matches!(part.text("form"), Some("c" | "f")) && dropped_alone(cx, part))
        .chain(partition::keys_that_see(cx, before).into_iter().filter(|key| cx.vanishes(&key.id)))
        .map(|part| constraint::gone(&part.id))
        .collect()
}

/// DETACH PARTITION of a table that goes.
pub fn detach_for_good(cx: &Context<'_>, object: &Object, parent: &str, out: &mut Actions<'_>) {
    let gone: Vec<ObjectId> = parents(&cx.base, object).map(|parent| parent.id.clone()).collect();
    let detach = format!("ALTER TABLE {parent} DETACH PARTITION {}", sql::name(object));
    let action = out.other(object, Verb::Drop, detach.clone());
    action.releases.extend(gone);
    action.releases.extend(held_above(cx, object));
    action.needs.extend(dropped_above(cx, object));
    action.creates.push(link_gone(&object.id));
    if online::partition::leaves_concurrently(cx, object) {
        online::partition::concurrently(action, &detach);
    }
}

/// Keys, indexes and triggers of the table above that those of a partition of the base are parts of.
pub fn held_above(cx: &Context<'_>, object: &Object) -> Vec<ObjectId> {
    let above: Vec<&ObjectId> = parents(&cx.base, object).map(|parent| &parent.id).collect();
    let parts = cx.base.descendants(&object.id);
    let held = parts.iter().flat_map(|part| &part.needs).filter(|need| {
        let whole = cx.base.get(need).and_then(|need| need.parent.as_ref());
        matches!(need.kind, Kind::Constraint | Kind::Index | Kind::Trigger) && whole.is_some_and(|whole| above.contains(&whole))
    });
    held.cloned().collect()
}

/// Constraints of this name of the tables right above, of the base.
fn constraints_above<'a>(cx: &'a Context<'a>, before: &'a Object, name: &'a str) -> impl Iterator<Item = &'a Object> {
    parents(&cx.base, before).filter_map(move |parent| cx.base.get(&parent.id.part(Kind::Constraint, name)))
}

/// Whether a check is its table's own on one side, and on the other the one of a table above that says the same: it only changes hands.
pub fn changes_hands(cx: &Context<'_>, check: &Object) -> bool {
    let Some(whole) = check.parent.as_ref().filter(|whole| !cx.vanishes(whole) && !cx.appears(whole)) else { return false };
    let Some((before, after)) = cx.base.get(whole).zip(cx.target.get(whole)) else { return false };
    let name = check.id.name();
    let same = |above: &Object| above.text("definition") == check.text("definition") && !dropped_alone(cx, above);
    if cx.target.get(&check.id).is_some() {
        before.list("inherited_constraints").iter().any(|other| other == name) && constraints_above(cx, before, name).any(same)
    } else {
        inherited_checks(cx, after)
            .iter()
            .any(|(other, above)| other == name && above.text("definition") == check.text("definition"))
    }
}

/// Whether a constraint of the base is dropped by a statement of its own, and not with its table.
fn dropped_alone(cx: &Context<'_>, part: &Object) -> bool {
    let whole = part.parent.as_ref().is_some_and(|whole| cx.vanishes(whole));
    cx.vanishes(&part.id) && (!whole || cx.split.contains(&part.id))
}

/// Constraints that a table keeps when it is no longer a child and that the target's table does not have.
fn leftovers(cx: &Context<'_>, before: &Object, after: &Object, need: &ObjectId, out: &mut Actions<'_>) {
    for name in before.list("inherited_constraints") {
        let mut path = after.id.path.clone();
        path.push(name.clone());
        // A check of the same name that says something else above is made again for the new parent.
        let inherited = inherited_checks(cx, after);
        let own = cx.target.get(&after.id.part(Kind::Constraint, name));
        let other =
            inherited.iter().find(|(check, _)| check == name).map(|(_, new)| *new).or(own).is_some_and(|new| {
                constraints_above(cx, before, name).any(|check| check.text("definition") != new.text("definition"))
            });
        let wanted = !other
            && (cx.target.get(&ObjectId { kind: Kind::Constraint, path }).is_some()
                || after.list("inherited_constraints").contains(name));
        if before.text("partition_of").is_some() && constraints_above(cx, before, name).any(|part| dropped_alone(cx, part)) {
            continue;
        }
        // A foreign key that goes with the old parent: the one of this name that comes with the new parent is another.
        let old_key = constraints_above(cx, before, name).find(|key| key.text("form") == Some("f") && cx.vanishes(&key.id));
        if !wanted || old_key.is_some() {
            let action = out.alter(after, format!("ALTER TABLE {} DROP CONSTRAINT {}", sql::name(after), sql::ident(name)));
            action.needs = vec![need.clone()];
            action.releases.clear();
            action.destroys.push(after.id.part(Kind::Constraint, name));
            if let Some(key) = old_key {
                action.releases.extend(key.needs.iter().cloned());
                action.releases.extend(constraint::seen_below(&cx.base, key));
            }
        }
    }
}

fn inherit(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let name = sql::name(after);
    let rejoined = |parent: &String| {
        parents(&cx.base, before).any(|table| sql::qualified(&table.id.path) == *parent && cx.vanishes(&table.id))
    };
    for parent in before.list("inherits").iter().filter(|parent| !after.list("inherits").contains(parent) || rejoined(parent)) {
        let gone: Vec<ObjectId> = parents(&cx.base, before).map(|table| table.id.clone()).collect();
        let action = out.other(after, Verb::Drop, format!("ALTER TABLE {name} NO INHERIT {parent}"));
        action.releases.extend(gone);
        action.creates.push(link_gone(&before.id));
        leftovers(cx, before, after, &link_gone(&before.id), out);
    }
    for parent in after.list("inherits").iter().filter(|parent| !before.list("inherits").contains(parent) || rejoined(parent)) {
        let columns: Vec<ObjectId> = cx
            .target
            .parts_of(&after.id, Kind::Column)
            .chain(parents(&cx.target, after).flat_map(|table| cx.target.parts_of(&table.id, Kind::Column).collect::<Vec<_>>()))
            .map(|part| part.id.clone())
            .collect();
        let checks = add_inherited_checks(cx, after, out);
        let action = out.alter(after, format!("ALTER TABLE {name} INHERIT {parent}"));
        action.needs.extend(checks);
        action.needs.extend(columns);
        action.position = 1;
    }
}

/// CLUSTER ON and REPLICA IDENTITY USING INDEX, when the target's table names the index or constraint that was just made.
pub fn marks(cx: &Context<'_>, index: &ObjectId, table: &Object, out: &mut Actions<'_>) {
    let name = index.name();
    let whole = sql::name(table);
    if table.text("cluster_on") == Some(name) {
        let action = out.alter(table, format!("ALTER TABLE {whole} CLUSTER ON {}", sql::ident(name)));
        action.needs.push(index.clone());
        action.needs.extend(cx.target.get(index).into_iter().flat_map(|index| index.needs.iter().cloned()));
        action.releases.clear();
    }
    if table.text("replica_identity").and_then(|identity| identity.strip_prefix("index ")) == Some(name) {
        let action = out.alter(table, format!("ALTER TABLE ONLY {whole} REPLICA IDENTITY USING INDEX {}", sql::ident(name)));
        action.needs.push(index.clone());
        action.needs.extend(cx.target.get(index).into_iter().flat_map(|index| index.needs.iter().cloned()));
        action.releases.clear();
    }
}

/// The same for an index that is there already; what the plan makes brings its marks itself.
fn existing_marks(cx: &Context<'_>, table: &Object, attribute: &str, out: &mut Actions<'_>) {
    let Some(name) = table.text(attribute).map(|text| text.strip_prefix("index ").unwrap_or(text)) else { return };
    let index = cx
        .target
        .parts(&table.id)
        .iter()
        .find(|part| matches!(part.id.kind, Kind::Index | Kind::Constraint) && part.id.name() == name);
    if let Some(index) = index
        && !cx.appears(&index.id)
    {
        let whole = sql::name(table);
        let text = if attribute == "cluster_on" {
            format!("ALTER TABLE {whole} CLUSTER ON {}", sql::ident(name))
        } else {
            format!("ALTER TABLE ONLY {whole} REPLICA IDENTITY USING INDEX {}", sql::ident(name))
        };
        let action = out.alter(table, text);
        action.needs.extend(index.needs.iter().cloned());
    }
}
