//! Columns of tables, views and composite types, and their defaults.
//!
//! The columns of a new table are written by the table's rule, those of a view by the view.

use super::{
    super::{
        native::{Actions, Context, Reaction, Rule, Side, Verb, Verdict, stands_for},
        online, sql,
    },
    constraint, publication, sequence, table, types, user_catalog,
};
use crate::catalog::{Action, AttributeChange, Change, Kind, Object, ObjectId, column::plain_not_null_name};

pub struct ColumnRule;

/// Whether a column of a table has a definition of its own, and is not just what its parent table has.
pub fn stands_alone(cx: &Context<'_>, column: &Object) -> bool {
    let partition =
        column.parent.as_ref().and_then(|whole| cx.target.get(whole)).is_some_and(|whole| whole.text("partition_of").is_some());
    partition || column.flag("local") || column.integer("inherited") == Some(0)
}

/// Whether a statement on the parent table reaches this column, so that it gets none of its own.
fn follows_parent(cx: &Context<'_>, column: &Object) -> bool {
    let held = |whole: &ObjectId| {
        table::kept_parents(cx, whole).iter().any(|parent| {
            let above = parent.id.part(Kind::Column, column.id.name());
            cx.target.get(&above).or_else(|| cx.base.get(&above)).is_some()
        })
    };
    column.integer("inherited").unwrap_or_default() > 0 && column.parent.as_ref().is_some_and(held)
}

/// Whether a statement on the type of its typed table reaches this column.
fn follows_type(cx: &Context<'_>, column: &Object) -> bool {
    column.parent.as_ref().is_some_and(|whole| table::stays_typed(cx, whole))
}

/// The same column of all tables of a type, for an attribute of it.
fn typed_below(cx: &Context<'_>, attribute: &Object) -> Vec<ObjectId> {
    let tables = attribute.parent.iter().flat_map(|whole| table::typed_by(cx, whole));
    tables.map(|table| table.id.part(Kind::Column, attribute.id.name())).collect()
}

/// What must have been let go before an attribute of a type changes: tables that are no longer of it.
fn typed_no_longer(cx: &Context<'_>, attribute: &Object) -> Vec<ObjectId> {
    let Some(whole) = &attribute.parent else { return Vec::new() };
    let tables = cx.base.dependents(whole).iter().filter(|table| table.text("of_type").is_some());
    tables.filter(|table| !cx.vanishes(&table.id)).map(|table| table::link_gone(&table.id)).collect()
}

/// The same column of all tables below.
fn below(side: &Side<'_>, column: &Object) -> Vec<ObjectId> {
    let Some(whole) = &column.parent else { return Vec::new() };
    table::offspring(side, whole)
        .into_iter()
        .map(|child| {
            let mut path = child.id.path.clone();
            path.push(column.id.name().to_owned());
            ObjectId { kind: Kind::Column, path }
        })
        .filter(|id| side.get(id).is_some())
        .collect()
}

/// Columns of tables below that go, and come again, with this one, which is dropped and made again.
pub fn followers(cx: &Context<'_>, id: &ObjectId) -> Vec<ObjectId> {
    let Some(column) = cx.base.get(id).filter(|column| column.id.kind == Kind::Column && cx.replaced.contains(id)) else {
        return Vec::new();
    };
    let follows = |id: &ObjectId| cx.target.get(id).is_some_and(|child| follows_parent(cx, child)) && !cx.vanishes(id);
    below(&cx.base, column).into_iter().filter(follows).collect()
}

fn of_view(object: &Object) -> bool {
    object.parent.as_ref().is_some_and(|whole| matches!(whole.kind, Kind::View | Kind::MaterializedView))
}

fn of_type(object: &Object) -> bool {
    object.parent.as_ref().is_some_and(|whole| whole.kind == Kind::Type)
}

/// `name type ...` as in CREATE TABLE and ADD COLUMN; adds the parts it makes (default, identity sequence) to `parts`.
pub fn definition<'a>(cx: &Context<'a>, column: &Object, typed: bool, parts: &mut Vec<&'a Object>) -> Option<String> {
    let mut text = sql::ident(column.id.name());
    if !typed {
        text.push_str(&format!(" {}", column.text("type").unwrap_or_default()));
        if !column.list("foreign_options").is_empty() {
            text.push_str(&format!(" OPTIONS ({})", table::foreign_options(column.list("foreign_options"))));
        }
        if let Some(collation) = column.text("collation") {
            text.push_str(&format!(" COLLATE {collation}"));
        }
    }
    let mut said = !typed;
    if let (Some(how), Some(expression)) = (column.text("generated"), column.text("expression")) {
        text.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {how}"));
    }
    for default in cx.target.parts_of(&column.id, Kind::Default) {
        if !cx.split.contains(&default.id) {
            let inherited = !stands_alone(cx, column);
            if inherited && !default_of_parent(cx, column, default) {
                continue;
            }
            parts.push(default);
            text.push_str(&if typed && !said { " WITH OPTIONS".to_owned() } else { String::new() });
            said = true;
            text.push_str(&format!(" DEFAULT {}", default.text("expression").unwrap_or_default()));
        }
    }
    if let Some((clause, sequence)) = identity(cx, column) {
        parts.push(sequence);
        text.push_str(&clause);
    }
    if column.flag("not_null") && !column.flag("not_null_not_valid") {
        text.push_str(&if typed && !said { " WITH OPTIONS".to_owned() } else { String::new() });
        said = true;
        text.push_str(&not_null(cx, column));
    }
    said.then_some(text)
}

/// Whether a parent table has the same default, so that a child gets it from there.
fn default_of_parent(cx: &Context<'_>, column: &Object, default: &Object) -> bool {
    let Some(whole) = column.parent.as_ref().and_then(|whole| cx.target.get(whole)) else { return false };
    table::parents(&cx.target, whole).any(|parent| {
        let mut path = parent.id.path.clone();
        path.push(column.id.name().to_owned());
        cx.target.get(&ObjectId { kind: Kind::Default, path }).is_some_and(|same| same.attributes == default.attributes)
    })
}

/// Whether the NOT NULL constraint has the name that Postgres would give it.
fn plainly_named(cx: &Context<'_>, column: &Object) -> bool {
    let taken = |name: &str| cx.base.not_null_name_is_shared(name) || cx.target.not_null_name_is_shared(name);
    column.text("not_null_name").is_none_or(|name| name == plain_not_null_name(&column.id) && !taken(name))
}

/// ` CONSTRAINT name NOT NULL column` as ADD has it.
fn named_not_null(column: &Object) -> String {
    let name = column.text("not_null_name").map(sql::ident).unwrap_or_default();
    let inherit = if column.flag("not_null_no_inherit") { " NO INHERIT" } else { "" };
    format!(" CONSTRAINT {name} NOT NULL {}{inherit}", sql::ident(column.id.name()))
}

/// Whether the NOT NULL of a column of the target is its table's own, beside what tables above have.
pub fn owns_not_null(cx: &Context<'_>, column: &Object) -> bool {
    let own = match column.text("not_null_name") {
        Some(_) => column.flag("not_null_local"),
        None => !above(&cx.target, column).iter().any(|parent| parent.flag("not_null")),
    };
    column.flag("not_null") && own
}

/// The NOT NULL of an inherited column as a constraint of the new table that inherits it, where it is one.
pub fn inherited_not_null(cx: &Context<'_>, column: &Object) -> Option<String> {
    let constraint = column.text("not_null_name").is_some() && cx.base.catalog.server_version >= 180_000;
    (constraint && owns_not_null(cx, column) && !column.flag("not_null_not_valid"))
        .then(|| named_not_null(column).trim().to_owned())
}

fn not_null(cx: &Context<'_>, column: &Object) -> String {
    let named = column.text("not_null_name").filter(|_| !plainly_named(cx, column));
    let name = named.map(|name| format!(" CONSTRAINT {}", sql::ident(name))).unwrap_or_default();
    let inherit = if column.flag("not_null_no_inherit") { " NO INHERIT" } else { "" };
    format!("{name} NOT NULL{inherit}")
}

/// The identity clause with its sequence.
fn identity<'a>(cx: &Context<'a>, column: &Object) -> Option<(String, &'a Object)> {
    let how = column.text("identity")?;
    let sequence = cx.target.parts_of(&column.id, Kind::Sequence).find(|sequence| !sequence.list("identity_of").is_empty())?;
    let mut options = Vec::new();
    let mut names = column.id.path.iter().rev();
    let (name, table) = (names.next().map_or("", String::as_str), names.next().map_or("", String::as_str));
    if sequence.id.name() != format!("{table}_{name}_seq") || sequence.id.path.first() != column.id.path.first() {
        options.push(format!("SEQUENCE NAME {}", sql::name(sequence)));
    }
    options.extend(sequence::options(sequence, column.text("type")));
    let options = if options.is_empty() { String::new() } else { format!(" ({})", options.join(" ")) };
    Some((format!(" GENERATED {how} AS IDENTITY{options}"), sequence))
}

/// `ALTER TABLE name` as it fits what the column belongs to.
fn alter_whole(column: &Object) -> String {
    let noun = column.parent.as_ref().map_or("TABLE", |whole| sql::noun(whole.kind));
    format!("ALTER {noun} {}", sql::whole(&column.id))
}

/// Storage, compression, statistics target and options, where they differ from `before` or, without it, from the default.
pub fn settings(cx: &Context<'_>, before: Option<&Object>, after: &Object, out: &mut Actions<'_>) {
    let differs = |name: &str| match before {
        Some(before) => before.attributes.get(name) != after.attributes.get(name),
        None => after.attributes.contains_key(name),
    };
    let only = if after.parent.as_ref().is_some_and(|whole| whole.kind == Kind::Table) { "ALTER TABLE ONLY" } else { "" };
    let start = if only.is_empty() { alter_whole(after) } else { format!("{only} {}", sql::whole(&after.id)) };
    let column = format!("{start} ALTER COLUMN {}", sql::ident(after.id.name()));
    if differs("storage") {
        let how = after.text("storage").or(after.text("type_storage")).unwrap_or("EXTENDED");
        out.alter(after, format!("{column} SET STORAGE {how}"));
    }
    if differs("compression") {
        out.alter(after, format!("{column} SET COMPRESSION {}", after.text("compression").unwrap_or("DEFAULT")));
    }
    if differs("statistics") {
        out.alter(after, format!("{column} SET STATISTICS {}", after.integer("statistics").unwrap_or(-1)));
    }
    if differs("options") {
        let blank = Object::new(after.id.clone());
        table::set_options(&column, before.unwrap_or(&blank), after, "options", out);
    }
    let not_valid = |column: &Object| column.flag("not_null_not_valid");
    if before.is_none() && not_valid(after) && owns_not_null(cx, after) {
        let name = sql::ident(after.text("not_null_name").unwrap_or_default());
        let text = format!(
            "ALTER TABLE {} ADD CONSTRAINT {name} NOT NULL {} NOT VALID",
            sql::whole(&after.id),
            sql::ident(after.id.name())
        );
        let below = after.parent.iter().flat_map(|whole| table::offspring(&cx.target, whole));
        let below = below.filter(|table| cx.appears(&table.id)).map(|table| table.id.part(Kind::Column, after.id.name()));
        let needed = below.filter(|column| cx.target.get(column).is_some_and(not_valid));
        out.alter(after, text).needs.extend(needed);
    }
}

/// Whether both databases have a cast between two types, made for assignments too when `plainly`, or one through text by way of input and
/// output: everything is assigned to text types, and cast from them.
fn has_cast(cx: &Context<'_>, old: &str, new: &str, plainly: bool) -> bool {
    const TEXTS: &[&str] = &["text", "character varying", "character", "name"];
    if old == new || TEXTS.contains(&new) || TEXTS.contains(&old) && !plainly {
        return true;
    }
    let database = ObjectId::new(Kind::Database, ["database"]);
    let cast = format!("{old} > {new}");
    let known = |side: &Side<'_>| {
        side.get(&database).is_some_and(|all| all.list(if plainly { "plain_casts" } else { "casts" }).contains(&cast))
    };
    known(&cx.base) && known(&cx.target)
        || old.strip_suffix("[]").zip(new.strip_suffix("[]")).is_some_and(|(old, new)| has_cast(cx, old, new, plainly))
}

/// Whether a composite type is made anew with other attributes, or with the same in another order.
fn reshaped(cx: &Context<'_>, id: &ObjectId) -> bool {
    let names = |side: &Side<'_>| side.parts_of(id, Kind::Column).map(|part| part.id.name().to_owned()).collect::<Vec<_>>();
    let composite = |side: &Side<'_>| side.get(id).is_some_and(|of| of.text("form") == Some("composite"));
    cx.swapped.contains(id) && composite(&cx.base) && composite(&cx.target) && names(&cx.base) != names(&cx.target)
}

/// The composite type that a column of the base is of, itself and not inside of another.
fn composite_of(before: &Object) -> Option<&ObjectId> {
    let bare = before.text("bare_type");
    before.needs.iter().find(|need| need.kind == Kind::Type && Some(sql::qualified(&need.path)).as_deref() == bare)
}

/// Whether values of composite types that are made anew with other attributes stand inside of the values of a column of the base.
fn is_reshaped_inside(cx: &Context<'_>, before: &Object) -> bool {
    let own = composite_of(before);
    before.text("generated").is_none() && inside(cx, before, &|_| true).into_iter().any(|id| Some(id) != own && reshaped(cx, id))
}

/// The value of a column of a composite type that is made anew with other attributes: each of them by its name.
fn composed(cx: &Context<'_>, before: &Object) -> Option<String> {
    let name = sql::ident(before.id.name());
    let of = composite_of(before).filter(|of| reshaped(cx, of))?;
    let values = cx.target.parts_of(of, Kind::Column).map(|attribute| match cx.base.get(&attribute.id) {
        Some(_) => format!("(({name}).{})::text::{}", sql::ident(attribute.id.name()), attribute.text("type").unwrap_or_default()),
        None => "NULL".to_owned(),
    });
    let values: Vec<String> = values.collect();
    Some(format!(
        "CASE WHEN {name} IS DISTINCT FROM NULL THEN ROW({})::{} END",
        values.join(", "),
        before.text("bare_type").unwrap_or_default()
    ))
}

/// The value of a column of type `row` (a table's row, or one made for this) whose value is given as JSON: attributes go by their names.
fn from_json(row: &str, column: &str, json: &str) -> String {
    format!(
        "(pg_catalog.jsonb_populate_record(NULL::{row}, pg_catalog.jsonb_build_object({}, {json}))).{}",
        sql::literal(column),
        sql::ident(column)
    )
}

/// Gives a column its type by way of JSON. What is no composite value itself needs a type with this one column, which is there for this
/// statement alone: what the statement waits for, and what it then stands for.
fn retype_by_name(after: &Object, json: &str, needs: &[ObjectId], out: &mut Actions<'_>) -> (String, Option<(ObjectId, ObjectId)>) {
    if after.text("type_kind") == Some("c") {
        let (name, kind) = (sql::ident(after.id.name()), after.text("type").unwrap_or_default());
        let value = format!("pg_catalog.jsonb_populate_record(NULL::{kind}, {json})");
        return (format!("ALTER COLUMN {name} TYPE {kind} USING {value}"), None);
    }
    let mut path = after.id.path.clone();
    let own = path.pop().unwrap_or_default();
    let table = path.pop().unwrap_or_default();
    path.push(sql::interim(&format!("{table}_{own}"), "row"));
    let (name, kind) = (sql::ident(after.id.name()), after.text("type").unwrap_or_default());
    let row = ObjectId { kind: Kind::Type, path };
    let done = stands_for("retyped", &after.id);
    let of = sql::qualified(&row.path);
    let made = out.other(after, Verb::Alter, format!("CREATE TYPE {of} AS ({name} {kind})"));
    made.needs.extend(after.needs.iter().chain(&after.parent).chain(needs).cloned());
    made.creates.push(row.clone());
    out.other(after, Verb::Drop, format!("DROP TYPE {of}")).needs.push(done.clone());
    (format!("ALTER COLUMN {name} TYPE {kind} USING {}", from_json(&of, after.id.name(), json)), Some((row, done)))
}

/// The old column's value as one of the new column's type.
pub fn conversion(cx: &Context<'_>, before: &Object, after: &Object) -> String {
    let name = sql::ident(after.id.name());
    let kind = after.text("type").unwrap_or_default();
    let same = before.text("type") == Some(kind);
    if same && is_reshaped_inside(cx, before) {
        return from_json(&sql::whole(&after.id), after.id.name(), &format!("pg_catalog.to_jsonb({name})"));
    }
    if let Some(value) = composed(cx, before).filter(|_| same) {
        return value;
    }
    let (old, new) = (before.text("bare_type").unwrap_or_default(), after.text("bare_type").unwrap_or_default());
    if before.needs.iter().any(|need| cx.swapped.contains(need)) || !has_cast(cx, old, new, false) {
        format!("{name}::text::{kind}")
    } else if before.text("type") == Some(kind) {
        name
    } else {
        format!("{name}::{kind}")
    }
}

/// Whether the column is in its table's partition key, before or after.
fn in_partition_key(cx: &Context<'_>, column: &Object) -> bool {
    let name = sql::ident(column.id.name());
    let word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '"';
    let names =
        |key: &str| key.split(|letter| !word(letter)).any(|token| token == name) || name.contains(' ') && key.contains(&name);
    [&cx.base, &cx.target].into_iter().any(|side| {
        column.parent.as_ref().and_then(|whole| side.get(whole)).and_then(|whole| whole.text("partition_key")).is_some_and(names)
    })
}

fn type_change(cx: &Context<'_>, before: &Object, after: &Object) -> String {
    let name = sql::ident(after.id.name());
    let kind = after.text("type").unwrap_or_default();
    let (old, new) = (before.text("bare_type").unwrap_or_default(), after.text("bare_type").unwrap_or_default());
    let swapped = before.needs.iter().any(|need| cx.swapped.contains(need));
    let generated = after.text("generated").is_some();
    let composed = composed(cx, before).filter(|_| before.text("type") == Some(kind) && !generated);
    let using = if let Some(value) = composed {
        format!(" USING {value}")
    } else if generated || (has_cast(cx, old, new, true) && !swapped) {
        String::new()
    } else if swapped
        || !has_cast(cx, old, new, false) && before.text("type_kind") != Some("d") && after.text("type_kind") != Some("d")
    {
        format!(" USING {name}::text::{kind}")
    } else {
        format!(" USING {name}::{kind}")
    };
    let collation = after.text("collation").map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
    format!("ALTER COLUMN {name} TYPE {kind}{collation}{using}")
}

/// Whether a generated column of the base can stay where it is while what its expression needs changes: it is empty in the meantime.
fn can_be_emptied(cx: &Context<'_>, before: &Object) -> bool {
    let Some(after) = cx.target.get(&before.id) else { return false };
    let castable = has_cast(cx, before.text("bare_type").unwrap_or_default(), after.text("bare_type").unwrap_or_default(), true);
    let held = |user: &&&Object| matches!(user.text("form"), Some("p" | "f"));
    cx.base.catalog.server_version >= 170_000
        && before.text("generated").is_some()
        && before.text("generated") == after.text("generated")
        && [before, after].iter().all(|column| column.text("type_kind") != Some("d"))
        && castable
        && cx.base.dependents(&before.id).iter().find(held).is_none()
        && cx.target.dependents(&before.id).iter().find(held).is_none()
}

fn is_of_its_type(need: &ObjectId) -> bool {
    matches!(need.kind, Kind::Type | Kind::Domain | Kind::Collation | Kind::Extension)
}

/// Whether a column of the base keeps its values and is no longer computed, so that it needs nothing for that.
fn keeps_values(cx: &Context<'_>, before: &Object) -> bool {
    let after = cx.target.get(&before.id).filter(|after| !follows_parent(cx, after));
    before.text("generated") == Some("STORED") && after.is_some_and(|after| after.text("generated").is_none())
}

/// Whether what a generated column of the base is computed from goes, or gets another type.
fn is_emptied(cx: &Context<'_>, before: &Object) -> bool {
    let retyped = |need: &ObjectId| {
        need.kind == Kind::Column
            && cx.altered.get(need).is_some_and(|change| change.attributes.iter().any(|a| matches!(a.name, "type" | "collation")))
    };
    before.text("generated").is_some() && before.needs.iter().any(|need| cx.vanishes(need) || retyped(need))
}

/// Whether a change can take a column off what it needs: a routine or operator stands in its expression alone.
pub fn may_take_off(change: &Change, need: &Object) -> bool {
    let computes = matches!(need.id.kind, Kind::Function | Kind::Aggregate | Kind::Operator);
    let expression = |attribute: &AttributeChange| matches!(attribute.name, "expression" | "generated");
    change.object.kind != Kind::Column || !computes || change.attributes.iter().any(expression)
}

/// Changes the expression of a generated column; where what it needs goes or changes first, the column is empty in the meantime.
fn change_expression(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let column = format!("ALTER COLUMN {}", sql::ident(after.id.name()));
    let whole = alter_whole(after);
    let expression = after.text("expression").unwrap_or_default();
    let action = if !is_emptied(cx, before) {
        out.alter(after, format!("{whole} {column} SET EXPRESSION AS ({expression})"))
    } else {
        let constraint = match (before.flag("not_null") && after.flag("not_null"), plainly_named(cx, after)) {
            (false, _) => String::new(),
            (true, true) => format!(", {column} SET NOT NULL"),
            (true, false) => format!(", ADD{}", named_not_null(after)),
        };
        let action = out.alter(after, format!("{whole} {column} SET EXPRESSION AS ({expression}){constraint}"));
        action.releases.clear();
        action
    };
    action.creates.extend(user_catalog::rewritten_with(cx, after));
    action.needs.extend(publication::let_go(cx, before));
    // It reaches tables below, which may have expressions of their own.
    for id in below(&cx.target, after) {
        let own = cx.target.get(&id).filter(|column| follows_parent(cx, column) && column.text("generated").is_some());
        if let Some((own, kept)) = own.and_then(|own| Some((own, own.text("expression").filter(|own| *own != expression)?))) {
            let text = format!("{} {column} SET EXPRESSION AS ({kept})", alter_whole(own));
            out.alter(own, text).needs.push(after.id.clone());
        }
    }
}

/// Empties a generated column, so that nothing holds what it was computed from.
fn empty(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    let (whole, column) = (alter_whole(after), format!("ALTER COLUMN {}", sql::ident(after.id.name())));
    let filled = before.flag("not_null") && after.flag("not_null");
    let nullable = if filled { format!("{column} DROP NOT NULL, ") } else { String::new() };
    let releases: Vec<ObjectId> = before.needs.iter().map(|need| cx.old(need)).collect();
    let action = out.other(after, Verb::Drop, format!("{whole} {nullable}{column} SET EXPRESSION AS (NULL)"));
    action.alters.push(after.id.clone());
    action.releases.extend(releases);
    action.creates.extend(user_catalog::rewritten_with(cx, after));
    action.needs.extend(publication::let_go(cx, before));
}

impl Rule for ColumnRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Column]
    }

    fn verdict(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        let changed = |name: &str| change.attributes.iter().any(|attribute| attribute.name == name);
        if of_type(after) {
            let used = after.parent.as_ref().is_some_and(|whole| types::in_tables(cx, whole));
            return if used && (changed("type") || changed("collation")) { Verdict::SwapWhole } else { Verdict::Alter };
        }
        if (changed("type") || changed("collation")) && in_partition_key(cx, after) {
            return Verdict::ReplaceWhole;
        }
        let child = after.parent.as_ref().and_then(|whole| cx.target.get(whole));
        if changed("also_own") && child.is_some_and(|child| table::is_own_otherwise(cx, child)) {
            return Verdict::ReplaceWhole;
        }
        // It cannot be changed by way of one table above while it is inherited from another.
        if changed("type") && after.integer("inherited").unwrap_or_default() > 1 && follows_parent(cx, after) {
            return Verdict::ReplaceWhole;
        }
        if follows_type(cx, after) {
            return Verdict::Alter;
        }
        if changed("not_null_name")
            && before.flag("not_null")
            && follows_parent(cx, after)
            && renamed_under_parent(cx, before, after)
        {
            return Verdict::Relink;
        }
        if changed("not_null_own") && follows_parent(cx, after) && !not_null_passes(cx, before, after) {
            return Verdict::ReplaceWhole;
        }
        if of_view(after) || follows_parent(cx, after) {
            return Verdict::Alter;
        }
        if changed("generated") {
            let expression_dropped = after.text("generated").is_none() && before.text("generated") == Some("STORED");
            return if expression_dropped { Verdict::Alter } else { Verdict::Replace };
        }
        if changed("expression") && cx.base.catalog.server_version < 170_000 {
            return Verdict::Replace;
        }
        Verdict::Alter
    }

    fn around(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, dependent: &Object) -> Reaction {
        let changed = |name: &str| change.attributes.iter().any(|attribute| attribute.name == name);
        if of_view(after) {
            return Reaction::Nothing;
        }
        let replace = |so: bool| if so { Reaction::Replace } else { Reaction::Nothing };
        let (old, new) = (before.text("bare_type"), after.text("bare_type"));
        let swapped = before.needs.iter().any(|need| cx.swapped.contains(need)) || !changing_rows(cx, before).is_empty();
        match dependent.id.kind {
            Kind::Default => {
                return replace(changed("type") && (old != new || swapped) || changed("identity") || changed("generated"));
            }
            // The comment on a NOT NULL constraint that is made anew.
            Kind::Comment => return replace(dependent.text("constraint").is_some() && changed("not_null_not_valid")),
            _ => {}
        }
        if !changed("type") && !changed("collation") && !changed("expression") {
            return Reaction::Nothing;
        }
        match dependent.id.kind {
            Kind::View
            | Kind::MaterializedView
            | Kind::Rule
            | Kind::Policy
            | Kind::Trigger
            | Kind::Function
            | Kind::Procedure
            | Kind::Publication => replace(!changed("expression") || changed("type")),
            Kind::Column if keeps_values(cx, dependent) => Reaction::Nothing,
            Kind::Column if dependent.text("generated").is_some() && (changed("type") || changed("collation")) => {
                if can_be_emptied(cx, dependent) { Reaction::Alter("expression") } else { Reaction::Replace }
            }
            Kind::Constraint if dependent.text("form") == Some("f") => {
                const NUMBERS: &[&str] = &["smallint", "integer", "bigint"];
                const TEXTS: &[&str] = &["text", "character varying"];
                let both =
                    |group: &[&str]| old.is_some_and(|old| group.contains(&old)) && new.is_some_and(|new| group.contains(&new));
                replace((old != new || swapped) && !both(NUMBERS) && !both(TEXTS))
            }
            // A check may refuse what the column holds while it is empty.
            Kind::Constraint if dependent.text("form") == Some("c") && changed("expression") && is_emptied(cx, before) => {
                Reaction::Replace
            }
            Kind::Constraint | Kind::Index => replace(swapped),
            _ => Reaction::Nothing,
        }
    }

    fn react(&self, cx: &Context<'_>, object: &Object, need: &Object) -> Reaction {
        if of_view(object) {
            return Reaction::ReplaceWhole;
        }
        if of_type(object) && object.parent.as_ref().is_some_and(|whole| types::in_tables(cx, whole)) {
            return Reaction::SwapWhole;
        }
        match need.id.kind {
            Kind::Type | Kind::Domain if in_partition_key(cx, object) => Reaction::ReplaceWhole,
            Kind::Function | Kind::Operator if can_be_emptied(cx, object) => Reaction::Alter("expression"),
            _ if keeps_values(cx, object) && !is_of_its_type(&need.id) => Reaction::Nothing,
            _ if object.text("generated").is_some() => Reaction::Replace,
            Kind::Type | Kind::Domain => Reaction::Alter("type"),
            Kind::Sequence => Reaction::Nothing,
            Kind::Collation => Reaction::Alter("collation"),
            _ => Reaction::Alter("type"),
        }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if of_view(object) {
            return;
        }
        let kind = object.text("type").unwrap_or_default();
        if of_type(object) {
            let collation = object.text("collation").map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
            let name = sql::ident(object.id.name());
            let text = format!("ALTER TYPE {} ADD ATTRIBUTE {name} {kind}{collation} CASCADE", sql::whole(&object.id));
            let action = out.create(object, text);
            action.creates.extend(typed_below(cx, object));
            action.needs.extend(typed_no_longer(cx, object));
            return;
        }
        if follows_type(cx, object) {
            // The type's statement brings the column alone.
            let bare = Object::new(object.id.clone());
            let change = Change {
                action: Action::Alter,
                object: object.id.clone(),
                renamed_from: None,
                attributes: vec![AttributeChange {
                    name: "not_null",
                    before: None,
                    after: object.attributes.get("not_null").cloned(),
                }],
            };
            if object.flag("not_null") {
                alter_not_null(cx, &bare, object, &change, out);
            }
            settings(cx, None, &Object { attributes: without_not_null(object).attributes, ..object.clone() }, out);
            return;
        }
        if follows_parent(cx, object) {
            settings(cx, None, object, out);
            return;
        }
        let mut parts = Vec::new();
        let later = online::column::is_filled_afterwards(cx, object);
        let bare = later.then(|| without_not_null(object));
        let Some(text) = definition(cx, bare.as_ref().unwrap_or(object), false, &mut parts) else { return };
        let below: Vec<&Object> = below(&cx.target, object)
            .iter()
            .filter_map(|id| cx.target.get(id))
            .filter(|column| follows_parent(cx, column))
            .collect();
        let filled = !parts.is_empty() || object.text("generated").is_some() || object.text("type_kind") == Some("d");
        let mut made = parts;
        for column in below {
            made.push(column);
            let same = |default: &&Object| default_of_parent(cx, column, default);
            made.extend(cx.target.parts_of(&column.id, Kind::Default).filter(same));
        }
        let action = out.create_with(object, &made, format!("{} ADD COLUMN {text}", alter_whole(object)));
        action.creates.extend(filled.then(|| user_catalog::rewritten_with(cx, object)).into_iter().flatten());
        action.needs.extend(object.parent.as_ref().map(table::link_gone));
        action.needs.retain(|need| need.kind != Kind::Table || Some(need) == object.parent.as_ref() || object.needs.contains(need));
        settings(cx, None, object, out);
        if let Some(bare) = bare {
            online::column::fill(cx, object, out);
            let fact = AttributeChange { name: "not_null", before: None, after: object.attributes.get("not_null").cloned() };
            let change = Change { action: Action::Alter, object: object.id.clone(), renamed_from: None, attributes: vec![fact] };
            if object.flag("not_null") && !object.flag("not_null_not_valid") {
                alter_not_null(cx, &bare, object, &change, out);
            }
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let first = out.all.len();
        alter(cx, before, after, change, out);
        // What a table above holds is changed when it is let go.
        let table = after.parent.as_ref().and_then(|whole| cx.base.get(whole));
        if let Some(table) = table.filter(|_| !follows_parent(cx, after)) {
            for action in out.all.iter_mut().skip(first).filter(|action| action.subject == after.id) {
                action.needs.push(table::link_gone(&table.id));
            }
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let name = sql::ident(object.id.name());
        if of_view(object) {
            return;
        }
        if of_type(object) {
            let below = typed_below(cx, object);
            let action = out.drop(object, format!("ALTER TYPE {} DROP ATTRIBUTE {name} CASCADE", sql::whole(&object.id)));
            action.destroys.extend(below);
            action.needs.extend(typed_no_longer(cx, object));
            return;
        }
        if follows_type(cx, object) {
            return;
        }
        if follows_parent(cx, object) && !object.flag("local") {
            return;
        }
        let below = below(&cx.base, object);
        let kept = below.iter().any(|id| cx.target.get(id).is_some() && !cx.replaced.contains(id));
        let only = if kept { "ALTER TABLE ONLY".to_owned() } else { String::new() };
        let start = if only.is_empty() { alter_whole(object) } else { format!("{only} {}", sql::whole(&object.id)) };
        let table = object.parent.as_ref().and_then(|whole| cx.base.get(whole));
        let action = out.drop(object, format!("{start} DROP COLUMN {name}"));
        action.needs.extend(table.map(|table| table::link_gone(&table.id)));
        action.creates.push(constraint::gone(&object.id));
        if !kept {
            action.destroys.extend(below);
        }
    }
}

fn without_not_null(column: &Object) -> Object {
    let mut column = column.clone();
    for name in ["not_null", "not_null_name", "not_null_no_inherit", "not_null_not_valid"] {
        column.attributes.remove(name);
    }
    column
}

fn alter(cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
    let changed = |name: &str| change.attributes.iter().any(|attribute| attribute.name == name);
    let whole = alter_whole(after);
    let name = sql::ident(after.id.name());
    if after.parent.as_ref().is_some_and(|whole| whole.kind == Kind::View) {
        return;
    }
    if of_type(after) {
        if changed("type") || changed("collation") {
            let kind = after.text("type").unwrap_or_default();
            let collation = after.text("collation").map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
            let action = out.alter(after, format!("{whole} ALTER ATTRIBUTE {name} TYPE {kind}{collation} CASCADE"));
            action.alters.extend(typed_below(cx, after));
            action.needs.extend(typed_no_longer(cx, after));
        }
        return;
    }
    let follows = follows_parent(cx, after);
    if changed("generated") && after.text("generated").is_none() && !follows {
        let action = out.other(after, Verb::Drop, format!("{whole} ALTER COLUMN {name} DROP EXPRESSION"));
        action.alters.push(after.id.clone());
        action.releases.extend(before.needs.iter().filter(|need| !is_of_its_type(need)).map(|need| cx.old(need)));
    }
    let (had_identity, has_identity) = (owns_identity(&cx.base, before), owns_identity(&cx.target, after));
    let identity_changes = changed("identity") && !follows && (had_identity || has_identity);
    let numbers_no_longer = !matches!(after.text("bare_type"), Some("smallint" | "integer" | "bigint"));
    if identity_changes && numbers_no_longer {
        drop_identity(cx, before, after, out);
    }
    let emptied = changed("expression") && after.text("expression").is_some() && !follows && is_emptied(cx, before);
    if emptied {
        empty(cx, before, after, out);
    }
    if (changed("type") || changed("collation")) && !of_view(after) && !follows && !follows_type(cx, after) {
        let below: Vec<ObjectId> = below(&cx.target, after).into_iter().filter(|id| !cx.appears(id)).collect();
        let fits: Vec<ObjectId> =
            cx.target.parts_of(&after.id, Kind::Sequence).map(|sequence| sequence::fits(&sequence.id)).collect();
        let rows = changing_rows(cx, before);
        let generated = after.text("generated").is_some();
        let by_name = before.text("type") == after.text("type") && !generated && is_reshaped_inside(cx, before);
        let mut only_row = None;
        let text = if rows.is_empty() && !by_name {
            type_change(cx, before, after)
        } else {
            // By name, since there may be other columns then.
            let json = format!("pg_catalog.to_jsonb({name})");
            // What an extension's type is as JSON, nobody knows.
            let unknown = rows.iter().any(|need| need.kind == Kind::Extension);
            if !rows.is_empty() {
                let waiting = if unknown { format!("text USING {name}::text") } else { format!("jsonb USING {json}") };
                let action = out.other(after, Verb::Drop, format!("{whole} ALTER COLUMN {name} TYPE {waiting}"));
                action.alters.push(after.id.clone());
                action.creates.extend(user_catalog::rewritten_with(cx, after));
                action.releases.extend(rows.clone());
            }
            if unknown {
                let kind = after.text("type").unwrap_or_default();
                format!("ALTER COLUMN {name} TYPE {kind} USING {name}::{kind}")
            } else {
                let json = if rows.is_empty() { json } else { name.clone() };
                let (text, row) = retype_by_name(after, &json, &rows, out);
                only_row = row;
                text
            }
        };
        let action = out.alter(after, format!("{whole} {text}"));
        action.creates.extend(user_catalog::rewritten_with(cx, after));
        if emptied {
            action.releases.clear();
            action.needs.retain(|need| matches!(need.kind, Kind::Type | Kind::Domain | Kind::Collation));
        }
        if !rows.is_empty() {
            action.releases.clear();
            action.needs.extend(rows);
        }
        if let Some((row, done)) = only_row {
            action.needs.push(row);
            action.creates.push(done);
        }
        action.alters.extend(below);
        action.needs.extend(fits);
    }
    let with_parent = || {
        above(&cx.target, after).iter().any(|parent| {
            let change = cx.altered.get(&parent.id);
            change.is_some_and(|change| change.attributes.iter().any(|attribute| attribute.name == "expression"))
        })
    };
    if changed("expression") && after.text("expression").is_some() && !(follows && with_parent()) {
        change_expression(cx, before, after, out);
    }
    if identity_changes && !numbers_no_longer {
        drop_identity(cx, before, after, out);
    }
    alter_not_null(cx, before, after, change, out);
    if identity_changes
        && has_identity
        && let Some(how) = after.text("identity")
    {
        if had_identity {
            out.alter(after, format!("{whole} ALTER COLUMN {name} SET GENERATED {how}"));
        } else if let Some((clause, sequence)) = identity(cx, after) {
            let id = sequence.id.clone();
            let action = out.alter(after, format!("{whole} ALTER COLUMN {name} ADD{clause}"));
            action.needs.extend(online::column::not_null_set(&after.id));
            action.creates.push(id.clone());
            out.mark_made(id);
        }
    }
    if changed("foreign_options") {
        let options = table::changed_foreign_options(before.list("foreign_options"), after.list("foreign_options"));
        out.alter(after, format!("{whole} ALTER COLUMN {name} OPTIONS ({options})"));
    }
    settings(cx, Some(before), after, out);
}

/// Whether an identity is its table's own: a partition has its parent's, comes to it when it is attached and loses it when it is detached.
fn owns_identity(side: &Side<'_>, column: &Object) -> bool {
    let table = column.parent.as_ref().and_then(|whole| side.get(whole));
    let partition = table.is_some_and(|table| table.text("partition_of").is_some());
    column.text("identity").is_some() && !(partition && side.catalog.server_version >= 170_000)
}

/// Whether a column's identity comes or goes with its table's place below another.
pub fn identity_moves(cx: &Context<'_>, column: &Object) -> bool {
    let after = cx.target.get(&column.id);
    column.id.kind == Kind::Column && after.is_some_and(|after| owns_identity(&cx.base, column) != owns_identity(&cx.target, after))
}

/// Takes the identity off a column that has none of its own in the target.
fn drop_identity(cx: &Context<'_>, before: &Object, after: &Object, out: &mut Actions<'_>) {
    if !owns_identity(&cx.base, before) || owns_identity(&cx.target, after) {
        return;
    }
    let sequences: Vec<ObjectId> = cx.base.parts_of(&before.id, Kind::Sequence).map(|sequence| sequence.id.clone()).collect();
    let succeeded = sequence::succeed(cx, &after.id, out);
    let text = format!("{} ALTER COLUMN {} DROP IDENTITY", alter_whole(after), sql::ident(after.id.name()));
    let action = out.alter(after, text);
    match succeeded {
        Some((mark, waiting)) => {
            action.needs.retain(|need| need.kind != Kind::Sequence);
            action.needs.push(mark);
            action.destroys.push(waiting);
        }
        None => action.destroys.extend(sequences),
    }
}

const RELATIONS: &[Kind] = &[Kind::Table, Kind::ForeignTable, Kind::View, Kind::MaterializedView];

/// What a column of the base needs, and what those types among it are made of that are `open`.
fn inside<'a>(cx: &Context<'a>, before: &'a Object, open: &dyn Fn(&ObjectId) -> bool) -> Vec<&'a ObjectId> {
    let mut inside: Vec<&ObjectId> = before.needs.iter().collect();
    let mut at = 0;
    while let Some(need) = inside.get(at).copied() {
        at += 1;
        if let Some(of) = cx.base.get(need).filter(|_| matches!(need.kind, Kind::Type | Kind::Domain) && open(need)) {
            let parts = cx.base.parts_of(need, Kind::Column).flat_map(|attribute| &attribute.needs);
            let more: Vec<&ObjectId> = parts.chain(&of.needs).filter(|need| !inside.contains(need)).collect();
            inside.extend(more);
        }
    }
    inside
}

/// Tables and views, and columns of theirs, whose row type a column of the base has, itself or inside of its type, and which are made anew or
/// get columns of other types: Postgres refuses both while a column holds their rows, which wait as another type.
fn changing_rows(cx: &Context<'_>, before: &Object) -> Vec<ObjectId> {
    let mut found = Vec::new();
    if before.text("generated").is_some() {
        return found;
    }
    let stays = |id: &ObjectId| !cx.swapped.contains(id);
    for need in inside(cx, before, &stays).into_iter().filter(|need| RELATIONS.contains(&need.kind) || need.kind == Kind::Extension)
    {
        let columns: Vec<ObjectId> = cx.base.parts_of(need, Kind::Column).map(|column| column.id.clone()).collect();
        let retyped = |id: &&ObjectId| {
            let type_changes = |change: &Change| change.attributes.iter().any(|attribute| attribute.name == "type");
            cx.altered.get(*id).is_some_and(type_changes)
        };
        if cx.replaced.contains(need) {
            found.push(need.clone());
        }
        found.extend(columns.iter().filter(retyped).cloned());
    }
    found
}

/// Columns that hold rows of the table whose column gets another type.
pub fn holders_of_row(cx: &Context<'_>, id: &ObjectId, change: &Change) -> Vec<ObjectId> {
    let retyped = id.kind == Kind::Column && change.attributes.iter().any(|attribute| attribute.name == "type");
    let Some(whole) = cx.base.get(id).and_then(|column| column.parent.as_ref()).filter(|_| retyped) else { return Vec::new() };
    let in_table = |column: &&Object| {
        column.id.kind == Kind::Column && column.parent.as_ref().is_some_and(|holder| holder.kind == Kind::Table && holder != whole)
    };
    let stays = |column: &&Object| cx.target.get(&column.id).is_some() && !cx.vanishes(&column.id);
    let mut users: Vec<&Object> = cx.base.dependents(whole).to_vec();
    let mut at = 0;
    while let Some(user) = users.get(at).copied() {
        at += 1;
        let attribute_of = user.parent.as_ref().filter(|of| user.id.kind == Kind::Column && of.kind == Kind::Type);
        let made_of_it = matches!(user.id.kind, Kind::Type | Kind::Domain).then_some(&user.id).or(attribute_of);
        let more = made_of_it.map(|of| cx.base.dependents(of)).unwrap_or_default();
        users.extend(more.iter().copied().filter(|more| !users.iter().any(|known| known.id == more.id)).collect::<Vec<_>>());
    }
    users.into_iter().filter(in_table).filter(stays).map(|column| column.id.clone()).collect()
}

/// The same column of the tables above.
fn above<'a>(side: &Side<'a>, column: &Object) -> Vec<&'a Object> {
    let Some(whole) = column.parent.as_ref().and_then(|whole| side.get(whole)) else { return Vec::new() };
    let same = |parent: &Object| side.get(&parent.id.part(Kind::Column, column.id.name()));
    table::parents(side, whole).filter_map(same).collect()
}

/// Whether tables above hand down their NOT NULL to a column.
fn not_null_above(side: &Side<'_>, column: &Object) -> bool {
    above(side, column).iter().any(|parent| parent.flag("not_null") && !parent.flag("not_null_no_inherit"))
}

/// Whether a NOT NULL that stays can become its table's own, or only inherited, by what ALTER TABLE can do.
fn not_null_passes(cx: &Context<'_>, before: &Object, after: &Object) -> bool {
    if !(before.flag("not_null") && after.flag("not_null")) {
        return true;
    }
    match after.flag("not_null_own") {
        true => before.text("not_null_name") == after.text("not_null_name") || !not_null_above(&cx.target, after),
        false => !not_null_above(&cx.base, before),
    }
}

/// Stands for a column's NOT NULL constraint having its new name, before it becomes one with the parent's.
fn named(id: &ObjectId) -> ObjectId {
    stands_for("named", id)
}

/// Whether the NOT NULL constraint of a partition gets another name while it is its parent's too, before and after: Postgres renames it
/// only while the partition is detached.
fn renamed_under_parent(cx: &Context<'_>, before: &Object, after: &Object) -> bool {
    let held = |side: &Side<'_>, column: &Object| above(side, column).iter().any(|parent| parent.flag("not_null"));
    let with_parent = above(&cx.base, before).iter().zip(above(&cx.target, after)).any(|(old, new)| {
        old.text("not_null_name") == before.text("not_null_name") && new.text("not_null_name") == after.text("not_null_name")
    });
    let partition =
        after.parent.as_ref().and_then(|whole| cx.target.get(whole)).is_some_and(|table| table.text("partition_of").is_some());
    partition && held(&cx.base, before) && held(&cx.target, after) && !with_parent
}

fn alter_not_null(cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
    let changed = |name: &str| change.attributes.iter().any(|attribute| attribute.name == name);
    let whole = alter_whole(after);
    let column = sql::ident(after.id.name());
    let follows = follows_parent(cx, after);
    if changed("not_null") && !after.flag("not_null") {
        let parents = above(&cx.target, after);
        // What is no longer inherited stays with the table that inherited it.
        let left = parents.iter().any(|parent| parent.flag("not_null_no_inherit"));
        if follows && !before.flag("not_null_local") && !left {
            return;
        }
        let action = out.alter(after, format!("{whole} ALTER COLUMN {column} DROP NOT NULL"));
        if follows {
            action.needs.extend(parents.iter().map(|parent| parent.id.clone()));
        }
        // It takes along what tables below have only from here.
        for id in below(&cx.target, after) {
            let Some((old, new)) = cx.base.get(&id).zip(cx.target.get(&id)) else { continue };
            let own = old.flag("not_null_local") && cx.base.catalog.server_version >= 180_000;
            if old.flag("not_null") && !own && owns_not_null(cx, new) && follows_parent(cx, new) {
                let named = new.text("not_null_name").filter(|_| !plainly_named(cx, new)).map(sql::ident);
                let (table, column) = (alter_whole(new), sql::ident(new.id.name()));
                let constraint = named.map(|name| format!("CONSTRAINT {name} NOT NULL {column}"));
                if online::column::set_not_null(cx, new, constraint.clone(), std::slice::from_ref(&after.id), out) {
                    continue;
                }
                let text = match constraint {
                    Some(constraint) => format!("{table} ADD {constraint}"),
                    None => format!("{table} ALTER COLUMN {column} SET NOT NULL"),
                };
                let action = out.alter(new, text);
                action.needs.push(after.id.clone());
            }
        }
        return;
    }
    let name = after.text("not_null_name").map(sql::ident).unwrap_or_default();
    if changed("not_null") {
        // It comes from above under the name that it has there; under another one it is made before.
        let same =
            |parent: &Object| parent.text("not_null_name") == after.text("not_null_name") || parent.flag("not_null_no_inherit");
        if follows && !after.flag("not_null_local") && above(&cx.target, after).into_iter().any(same) {
            let unproven = above(&cx.target, after).into_iter().filter(|parent| parent.flag("not_null_not_valid"));
            let unproven: Vec<ObjectId> = unproven.map(|parent| parent.id.clone()).collect();
            if !unproven.is_empty() && !after.flag("not_null_not_valid") {
                out.alter(after, format!("{whole} VALIDATE CONSTRAINT {name}")).needs.extend(unproven);
            }
            return;
        }
        let below: Vec<ObjectId> = below(&cx.target, after).iter().map(named).collect();
        let inherit = if after.flag("not_null_no_inherit") { " NO INHERIT" } else { "" };
        let (plain, valid) = (plainly_named(cx, after) && inherit.is_empty(), !after.flag("not_null_not_valid"));
        let constraint = format!("CONSTRAINT {name} NOT NULL {column}{inherit}");
        if valid && !follows && online::column::set_not_null(cx, after, (!plain).then(|| constraint.clone()), &below, out) {
            return;
        }
        let before_above = follows && !after.flag("not_null_local");
        if plain && valid {
            let action = out.alter(after, format!("{whole} ALTER COLUMN {column} SET NOT NULL"));
            if !before_above {
                action.needs.extend(online::column::set_above(cx, after));
            }
        } else {
            let valid = if valid { "" } else { " NOT VALID" };
            out.alter(after, format!("{whole} ADD {constraint}{valid}"));
        }
        if let Some(action) = out.all.last_mut() {
            action.needs.extend(below);
            if before_above {
                action.creates.push(named(&after.id));
            }
        }
        return;
    }
    if changed("not_null_own") && follows {
        if after.flag("not_null_own") && not_null_above(&cx.target, after) {
            out.alter(after, format!("{whole} ALTER COLUMN {column} SET NOT NULL"));
        } else if !after.flag("not_null_own") && !not_null_above(&cx.base, before) {
            // The one that comes from above would be one with it.
            out.alter(after, format!("{whole} ALTER COLUMN {column} DROP NOT NULL")).creates.push(named(&after.id));
            return;
        }
    }
    if changed("not_null_name")
        && let Some(old) = before.text("not_null_name")
    {
        let (old_above, new_above) = (above(&cx.base, before), above(&cx.target, after));
        let held =
            |parents: &[&Object]| parents.iter().any(|parent| parent.flag("not_null") && !parent.flag("not_null_no_inherit"));
        // The parent's statement renames it, or takes it away and makes it again.
        let (was, is) = (held(&old_above), held(&new_above));
        let gone = !new_above.iter().any(|parent| parent.flag("not_null"));
        if !(follows && was && (is || gone && !before.flag("not_null_local"))) {
            // Not even a foreign table's is renamed by ALTER FOREIGN TABLE.
            let text = format!("ALTER TABLE {} RENAME CONSTRAINT {} TO {name}", sql::whole(&after.id), sql::ident(old));
            let action = out.alter(after, text);
            if follows && was {
                action.needs.extend(new_above.iter().map(|parent| parent.id.clone()));
            } else if follows && is {
                action.creates.push(named(&after.id));
            } else if let Some(table) = after.parent.as_ref().and_then(|whole| cx.base.get(whole)) {
                action.needs.push(table::link_gone(&table.id));
            }
        }
    }
    if changed("not_null_no_inherit") {
        let how = if after.flag("not_null_no_inherit") { "NO INHERIT" } else { "INHERIT" };
        let below: Vec<ObjectId> = below(&cx.target, after).iter().map(named).collect();
        out.alter(after, format!("{whole} ALTER CONSTRAINT {name} {how}")).needs.extend(below);
    }
    let with_parent = || {
        let parents = above(&cx.target, after);
        let same = |parent: &Object| {
            let before = cx.base.get(&parent.id);
            before.is_some_and(|before| before.flag("not_null_not_valid") != parent.flag("not_null_not_valid"))
        };
        follows && parents.into_iter().any(same)
    };
    if changed("not_null_not_valid") && !with_parent() {
        if after.flag("not_null_not_valid") {
            out.alter(after, format!("{whole} ALTER COLUMN {column} DROP NOT NULL"));
            out.alter(after, format!("{whole} ADD CONSTRAINT {name} NOT NULL {column} NOT VALID"));
        } else {
            online::constraint::validate(cx, after, format!("{whole} VALIDATE CONSTRAINT {name}"), out);
        }
    }
}

pub struct DefaultRule;

/// `ALTER TABLE name`, with ONLY where tables below have columns of their own.
fn alter_only(cx: &Context<'_>, object: &Object) -> String {
    let path = object.id.path.split_last().map_or(&[][..], |(_, whole)| whole);
    let whole = |kind| {
        cx.target
            .get(&ObjectId { kind, path: path.to_vec().into() })
            .or(cx.base.get(&ObjectId { kind, path: path.to_vec().into() }))
    };
    let name = sql::qualified(path);
    if whole(Kind::View).is_some() {
        return format!("ALTER VIEW {name}");
    }
    if whole(Kind::ForeignTable).is_some() {
        return format!("ALTER FOREIGN TABLE {name}");
    }
    let parent = ObjectId { kind: Kind::Table, path: path.to_vec().into() };
    let only =
        if table::children(&cx.target, &parent).is_empty() && table::children(&cx.base, &parent).is_empty() { "" } else { "ONLY " };
    format!("ALTER TABLE {only}{name}")
}

impl Rule for DefaultRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Default]
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let expression = object.text("expression").unwrap_or_default();
        out.create(
            object,
            format!("{} ALTER COLUMN {} SET DEFAULT {expression}", alter_only(cx, object), sql::ident(object.id.name())),
        );
    }

    fn alter(&self, cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        let expression = after.text("expression").unwrap_or_default();
        out.alter(
            after,
            format!("{} ALTER COLUMN {} SET DEFAULT {expression}", alter_only(cx, after), sql::ident(after.id.name())),
        );
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("{} ALTER COLUMN {} DROP DEFAULT", alter_only(cx, object), sql::ident(object.id.name())));
    }
}
