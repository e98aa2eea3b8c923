//! Privileges and default privileges: GRANT and REVOKE of what differs.
//!
//! What the plan makes begins with what Postgres gives by default and what the default privileges of the base add; the difference from
//! there to the target is granted and revoked. Changes of default privileges come after everything the plan makes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    native::{Action, Actions, Context, Rule, Side, Verb},
    sql,
};
use crate::catalog::{
    Change, Kind, Object, ObjectId,
    grant::{OWNER, PUBLIC},
};

/// `privilege`, with the grant option or not, by whom (empty for the owner).
fn read(entries: &[String]) -> BTreeMap<(String, String), bool> {
    let mut all = BTreeMap::new();
    for entry in entries {
        let (entry, by) = entry.split_once(" BY ").unwrap_or((entry, ""));
        let (privilege, option) = match entry.strip_suffix(" WITH GRANT OPTION") {
            Some(privilege) => (privilege, true),
            None => (entry, false),
        };
        *all.entry((by.to_owned(), privilege.to_owned())).or_default() |= option;
    }
    all
}

/// The statements from one list of privileges to another; `sentence` puts verb, privileges and what they are on together.
fn difference(has: &[String], wants: &[String], grantee: &str, sentence: &dyn Fn(&str, &[String]) -> String) -> Vec<Said> {
    let (has, wants) = (read(has), read(wants));
    let mut groups: BTreeMap<(u8, &str), Vec<String>> = BTreeMap::new();
    for (key, option) in &has {
        let (by, privilege) = (key.0.as_str(), key.1.clone());
        match wants.get(key) {
            None => groups.entry((0, by)).or_default().push(privilege),
            Some(false) if *option => groups.entry((1, by)).or_default().push(privilege),
            Some(_) => {}
        }
    }
    for (key, option) in &wants {
        if has.get(key).is_none_or(|had| *option && !had) {
            groups.entry((if *option { 3 } else { 2 }, key.0.as_str())).or_default().push(key.1.clone());
        }
    }
    let statements = groups.into_iter().map(|((what, by), privileges)| {
        let statement = match what {
            0 => format!("{} FROM {grantee}", sentence("REVOKE", &privileges)),
            1 => format!("{} FROM {grantee}", sentence("REVOKE GRANT OPTION FOR", &privileges)),
            2 => format!("{} TO {grantee}", sentence("GRANT", &privileges)),
            _ => format!("{} TO {grantee} WITH GRANT OPTION", sentence("GRANT", &privileges)),
        };
        let statement = if by.is_empty() {
            statement
        } else {
            // GRANTED BY is taken only from the role itself.
            let body = format!("BEGIN SET LOCAL ROLE {}; {statement}; RESET ROLE; END", sql::ident(by));
            format!("DO {}", sql::literal(&body))
        };
        Said { revokes: what < 2, options: what == 3, by: by.to_owned(), privileges, sql: statement }
    });
    statements.collect()
}

/// One GRANT or REVOKE.
#[derive(Debug)]
struct Said {
    revokes: bool,
    /// Whether it gives the option to grant them on.
    options: bool,
    /// By which role, when not by the owner.
    by: String,
    privileges: Vec<String>,
    sql: String,
}

/// What is granted on, as GRANT has it.
#[derive(Debug)]
enum On {
    Object(String),
    Column { column: String, table: String },
    Database,
}

fn on(cx: &Context<'_>, grant: &Object) -> Option<On> {
    if let Some(on) = grant.text("on") {
        return Some(match on.strip_prefix("COLUMN ").and_then(last_name) {
            Some((table, column)) => On::Column { column: column.to_owned(), table: table.to_owned() },
            None => On::Object(on.replacen("AGGREGATE ", "FUNCTION ", 1)),
        });
    }
    let parent = grant.parent.as_ref()?;
    on_object(cx.target.get(parent).or_else(|| cx.base.get(parent))?)
}

/// `a.b."c.d"` as `a.b` and `"c.d"`.
fn last_name(identity: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let dots = identity.char_indices().filter(|(_, letter)| {
        quoted ^= *letter == '"';
        *letter == '.' && !quoted
    });
    let (dot, _) = dots.last()?;
    Some((identity.get(..dot)?, identity.get(dot + 1..)?))
}

fn on_object(object: &Object) -> Option<On> {
    let noun = match object.id.kind {
        Kind::Column => {
            return Some(On::Column { column: sql::ident(object.id.name()), table: sql::whole(&object.id) });
        }
        Kind::Database => return Some(On::Database),
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable => "TABLE",
        // GRANT knows only the types of an aggregate's arguments.
        Kind::Aggregate => return Some(On::Object(format!("FUNCTION {}", object.text("signature").unwrap_or_default()))),
        Kind::Server => "FOREIGN SERVER",
        kind => sql::noun(kind),
    };
    Some(On::Object(format!("{noun} {}", sql::name(object))))
}

fn statements(on: &On, grantee: &str, owner: &str, has: &[String], wants: &[String]) -> Vec<Said> {
    let grantee = match grantee {
        PUBLIC => PUBLIC.to_owned(),
        OWNER => sql::ident(owner),
        role => sql::ident(role),
    };
    match on {
        On::Object(on) => difference(has, wants, &grantee, &|verb, privileges| format!("{verb} {} ON {on}", privileges.join(", "))),
        On::Column { column, table } => difference(has, wants, &grantee, &|verb, privileges| {
            let each: Vec<String> = privileges.iter().map(|privilege| format!("{privilege} ({column})")).collect();
            format!("{verb} {} ON TABLE {table}", each.join(", "))
        }),
        On::Database => {
            const NAME: &str = "\u{1}";
            difference(has, wants, &grantee, &|verb, privileges| format!("{verb} {} ON DATABASE {NAME}", privileges.join(", ")))
                .into_iter()
                .map(|said| match said.sql.split_once(NAME) {
                    Some((start, end)) => Said { sql: sql::on_database(start, end), ..said },
                    None => said,
                })
                .collect()
        }
    }
}

/// Stands for the revoking of a table's privileges, which takes those of its columns with it.
fn revoked(table: &[String], grantee: &str) -> ObjectId {
    let mut path = table.to_vec();
    path.push(format!("revoked from {grantee}"));
    ObjectId { kind: Kind::Grant, path: path.into() }
}

/// Stands for a privilege being revoked from all whom a role granted it on to.
fn passed_on(path: &[String], by: &str, privilege: &str) -> ObjectId {
    mark_of(path, format!("{privilege} passed on by {by}"))
}

/// Stands for a role having the option to grant a privilege on.
fn grantable(path: &[String], role: &str, privilege: &str) -> ObjectId {
    mark_of(path, format!("{privilege} grantable by {role}"))
}

/// Stands for what one role granted to another having its place among the privileges on an object.
fn place_of(path: &[String], grantee: &str, by: &str) -> ObjectId {
    mark_of(path, format!("place of {grantee} by {by}"))
}

fn mark_of(path: &[String], what: String) -> ObjectId {
    let mut path = path.to_vec();
    path.push(what);
    ObjectId { kind: Kind::Grant, path: path.into() }
}

/// Where the privileges of a grant stand among all on the object, by who granted them.
fn places(grant: &Object) -> BTreeMap<&str, usize> {
    let mut places = BTreeMap::new();
    for (place, by) in grant.list("places").iter().filter_map(|entry| entry.split_once(' ')) {
        places.entry(by).or_insert(place.parse().unwrap_or_default());
    }
    places
}

/// All that is granted on an object, in order: to whom, and by whom.
fn in_order<'a>(side: &Side<'a>, parent: &ObjectId) -> Vec<(&'a Object, &'a str)> {
    let grants = side.parts_of(parent, Kind::Grant);
    let mut all: Vec<(usize, &Object, &str)> =
        grants.flat_map(|grant| places(grant).into_iter().map(|(by, place)| (place, grant, by)).collect::<Vec<_>>()).collect();
    all.sort_by_key(|(place, ..)| *place);
    all.into_iter().map(|(_, grant, by)| (grant, by)).collect()
}

/// Says what a statement about privileges on `parent` waits for, and what waits for it.
fn mark(cx: &Context<'_>, action: &mut Action, parent: Option<&ObjectId>, grantee: &str, said: &Said) {
    // Who lets whom is said for each privilege.
    action.needs.retain(|need| need.kind != Kind::Grant);
    action.releases.retain(|need| need.kind != Kind::Grant);
    let Some(parent) = parent else { return };
    let table = Some(parent)
        .filter(|parent| parent.kind == Kind::Column)
        .and_then(|column| column.path.split_last())
        .map(|(_, table)| table);
    for privilege in &said.privileges {
        if said.revokes {
            action.needs.push(passed_on(&parent.path, grantee, privilege));
            if !said.by.is_empty() {
                action.creates.push(passed_on(&parent.path, &said.by, privilege));
                action.creates.extend(table.map(|table| passed_on(table, &said.by, privilege)));
            }
        } else {
            if said.options {
                action.creates.push(grantable(&parent.path, grantee, privilege));
            }
            if !said.by.is_empty() {
                action.needs.push(grantable(&parent.path, &said.by, privilege));
                action.needs.extend(table.map(|table| grantable(table, &said.by, privilege)));
            }
        }
    }
    match table {
        Some(table) => action.needs.push(revoked(table, grantee)),
        None if said.revokes => action.creates.push(revoked(&parent.path, grantee)),
        None => {}
    }
    if !said.revokes && !said.by.is_empty() && parent.kind != Kind::Schema {
        // It must see the schema.
        let schema = ObjectId { kind: Kind::Schema, path: parent.path.iter().take(1).cloned().collect() };
        let seen = in_order(&cx.target, &schema).into_iter();
        action.needs.extend(seen.map(|(grant, by)| place_of(&schema.path, grant.text("grantee").unwrap_or_default(), by)));
    }
    if !said.revokes {
        let own = |(grant, by): &(&Object, &str)| grant.text("grantee") == Some(grantee) && *by == said.by;
        let earlier = in_order(&cx.target, parent).into_iter().take_while(|item| !own(item));
        action.prefers.extend(earlier.map(|(grant, by)| place_of(&parent.path, grant.text("grantee").unwrap_or_default(), by)));
        action.creates.push(place_of(&parent.path, grantee, &said.by));
    }
}

/// Column privileges that revoking on the table takes away and the target has.
fn restore_columns(cx: &Context<'_>, grant: &Object, gone: &[String], out: &mut Actions<'_>) {
    let Some(parent) = &grant.parent else { return };
    let grantee = grant.text("grantee").unwrap_or_default();
    let gone: BTreeSet<String> = read(gone).into_keys().map(|(_, privilege)| privilege).collect();
    for column in cx.target.parts_of(parent, Kind::Column) {
        for kept in cx.target.parts_of(&column.id, Kind::Grant) {
            if kept.text("grantee") != Some(grantee) || !cx.untouched(&kept.id) {
                continue;
            }
            let wants: Vec<String> = kept
                .list("privileges")
                .iter()
                .filter(|entry| gone.contains(entry.split(' ').next().unwrap_or_default()))
                .cloned()
                .collect();
            if let Some(on) = on(cx, kept) {
                for said in statements(&on, grantee, kept.text("object_owner").unwrap_or_default(), &[], &wants) {
                    let action = out.alter(kept, said.sql.clone());
                    mark(cx, action, kept.parent.as_ref(), grantee, &said);
                }
            }
        }
    }
}

pub struct GrantRule;

impl Rule for GrantRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Grant]
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let made = object.parent.as_ref().is_some_and(|parent| parent.kind != Kind::Extension && cx.appears(parent));
        if !made {
            give(cx, object, object.list("usual"), out);
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        let Some(on) = on(cx, after) else { return };
        let grantee = after.text("grantee").unwrap_or_default();
        let mut revoking = false;
        let owner = after.text("object_owner").unwrap_or_default();
        for said in statements(&on, grantee, owner, before.list("privileges"), after.list("privileges")) {
            revoking |= said.revokes;
            let action = out.alter(after, said.sql.clone());
            mark(cx, action, after.parent.as_ref(), grantee, &said);
        }
        if revoking {
            restore_columns(cx, after, before.list("privileges"), out);
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let grantee = object.text("grantee").unwrap_or_default();
        // A column's owner is its table's.
        let owned = object.parent.as_ref().and_then(|parent| {
            cx.target.line(parent).filter_map(|id| cx.target.get(id)).find(|whole| whole.attributes.contains_key("owner"))
        });
        let owner = owned.and_then(|whole| whole.text("owner"));
        let Some(on) = on(cx, object) else { return };
        // What was granted to the new owner became the owner's own, with the option to grant it on.
        let merged = owner == Some(grantee);
        let plain: Vec<String> = object.list("privileges").iter().map(|entry| entry.replace(" WITH GRANT OPTION", "")).collect();
        let wants = if merged { plain.as_slice() } else { object.list("usual") };
        let owner = owner.or(object.text("object_owner")).unwrap_or_default();
        let mut revoking = false;
        for said in statements(&on, grantee, owner, object.list("privileges"), wants) {
            revoking |= said.revokes && !merged;
            let action = out.drop(object, said.sql.clone());
            if object.text("on").is_none() {
                // After the owner has changed. An extension's members may have other names after the extension has changed.
                action.verb = Verb::Alter;
                action.needs.extend(object.parent.clone());
                action.needs.extend(owned.map(|whole| whole.id.clone()));
            }
            mark(cx, action, object.parent.as_ref(), grantee, &said);
        }
        if revoking {
            restore_columns(cx, object, object.list("privileges"), out);
        }
    }
}

/// The statements that bring a grantee of what is new from `has` to what the target says.
fn give(cx: &Context<'_>, grant: &Object, has: &[String], out: &mut Actions<'_>) {
    let Some(on) = on(cx, grant) else { return };
    let grantee = grant.text("grantee").unwrap_or_default();
    for said in statements(&on, grantee, grant.text("object_owner").unwrap_or_default(), has, grant.list("privileges")) {
        let action = out.create(grant, said.sql.clone());
        mark(cx, action, grant.parent.as_ref(), grantee, &said);
    }
}

/// Grants that stay and must be given anew, so that all on an object stand in the order in which the target has them: what is granted is
/// put at the end. Only where grants on the object change anyway.
pub fn out_of_place(cx: &Context<'_>) -> Vec<ObjectId> {
    let changed = cx.created.iter().chain(&cx.dropped).chain(cx.altered.keys()).filter(|id| id.kind == Kind::Grant);
    let parents: BTreeSet<&ObjectId> =
        changed.filter_map(|id| cx.target.get(id).or_else(|| cx.base.get(id))?.parent.as_ref()).collect();
    let mut found = Vec::new();
    for parent in parents.into_iter().filter(|parent| cx.base.get(parent).is_some() && cx.target.get(parent).is_some()) {
        let plain = |item: &(&Object, &str)| {
            let (grant, _) = item;
            grant.text("on").is_none() && grant.text("grantee") != Some(OWNER) && grant.list("usual").is_empty()
        };
        let items = |side| in_order(side, parent).into_iter().filter(plain).map(|(grant, by)| (&grant.id, by)).collect::<Vec<_>>();
        let (old, wanted) = (items(&cx.base), items(&cx.target));
        let stays: Vec<_> = old.into_iter().filter(|item| wanted.contains(item)).collect();
        let kept = wanted.iter().zip(&stays).take_while(|(new, old)| new == old).count();
        found.extend(stays.into_iter().skip(kept).map(|(id, _)| id.clone()));
    }
    found
}

/// What ALTER DEFAULT PRIVILEGES calls objects of a kind.
fn class(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable => Some("TABLES"),
        Kind::Sequence => Some("SEQUENCES"),
        Kind::Function | Kind::Procedure | Kind::Aggregate => Some("FUNCTIONS"),
        Kind::Type | Kind::Domain => Some("TYPES"),
        Kind::Schema => Some("SCHEMAS"),
        _ => None,
    }
}

/// Privileges of what the plan makes.
pub fn after_create(cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
    let mut grants: BTreeMap<&str, &Object> = BTreeMap::new();
    for grant in cx.target.parts_of(&object.id, Kind::Grant) {
        if let Some(grantee) = grant.text("grantee").filter(|_| grant.text("on").is_none()) {
            grants.insert(grantee, grant);
        }
    }
    // What a grantee has everywhere, what it usually has, what it has in this schema.
    type Defaults<'a> = (Option<&'a [String]>, &'a [String], &'a [String]);
    let mut defaults: BTreeMap<&str, Defaults<'_>> = BTreeMap::new();
    if let Some(class) = class(object.id.kind) {
        for default in cx.base.catalog.objects.range(ObjectId { kind: Kind::DefaultPrivilege, path: Vec::new().into() }..) {
            let default = default.1;
            if default.id.kind != Kind::DefaultPrivilege {
                break;
            }
            let here = default
                .text("schema")
                .is_none_or(|schema| object.id.path.len() > 1 && object.id.path.first().is_some_and(|own| own == schema));
            if default.text("objects") == Some(class) && default.text("role") == Some(&cx.base.catalog.reader) && here {
                let entry = defaults.entry(default.text("grantee").unwrap_or_default()).or_default();
                if default.text("schema").is_some() {
                    entry.2 = default.list("privileges");
                } else {
                    entry.0 = Some(default.list("privileges"));
                    entry.1 = default.list("usual");
                }
            }
        }
    }
    let public: &[&str] = match class(object.id.kind) {
        Some("FUNCTIONS") => &["EXECUTE"],
        Some("TYPES") => &["USAGE"],
        _ => &[],
    };
    let grantees: BTreeSet<&str> = grants.keys().chain(defaults.keys()).copied().collect();
    for grantee in grantees {
        let grant = grants.get(grantee).copied();
        let (everywhere, usual, here) = defaults.get(grantee).copied().unwrap_or_default();
        let usual: Vec<String> = match grant {
            Some(grant) => grant.list("usual").to_vec(),
            None if grantee == PUBLIC => public.iter().map(|privilege| (*privilege).to_owned()).collect(),
            None => usual.to_vec(),
        };
        let mut has = everywhere.map_or_else(|| usual.clone(), <[String]>::to_vec);
        has.extend(here.iter().cloned());
        match grant {
            Some(grant) => give(cx, grant, &has, out),
            // An owner that has more of its own than all is no one; a grantee that becomes the owner has its own.
            None if grantee == OWNER && everywhere.is_none() || object.text("owner") == Some(grantee) => {}
            None => {
                let Some(on) = on_object(object) else { continue };
                for said in statements(&on, grantee, object.text("owner").unwrap_or_default(), &has, &usual) {
                    out.other(object, Verb::Alter, said.sql).needs.push(object.id.clone());
                }
            }
        }
    }
}

pub struct DefaultPrivilegeRule;

impl DefaultPrivilegeRule {
    fn statements(object: &Object, has: &[String], wants: &[String]) -> Vec<String> {
        let role = object.text("role").unwrap_or_default();
        let schema = object.text("schema").map(|schema| format!(" IN SCHEMA {}", sql::ident(schema))).unwrap_or_default();
        let grantee = match object.text("grantee") {
            Some(PUBLIC) | None => PUBLIC.to_owned(),
            Some(OWNER) => sql::ident(role),
            Some(grantee) => sql::ident(grantee),
        };
        let start = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {}{schema}", sql::ident(role));
        let objects = object.text("objects").unwrap_or_default();
        difference(has, wants, &grantee, &|verb, privileges| format!("{start} {verb} {} ON {objects}", privileges.join(", ")))
            .into_iter()
            .map(|said| said.sql)
            .collect()
    }

    /// What is made is made under the default privileges of the base.
    fn last(cx: &Context<'_>, object: &Object, action: &mut Action) {
        let made = cx.target.catalog.objects.keys().filter(|id| class(id.kind) == object.text("objects") && cx.appears(id));
        action.needs.extend(made.cloned());
    }
}

impl Rule for DefaultPrivilegeRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::DefaultPrivilege]
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        for statement in Self::statements(object, object.list("usual"), object.list("privileges")) {
            Self::last(cx, object, out.create(object, statement));
        }
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        for statement in Self::statements(after, before.list("privileges"), after.list("privileges")) {
            Self::last(cx, after, out.alter(after, statement));
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        for statement in Self::statements(object, object.list("privileges"), object.list("usual")) {
            let action = out.drop(object, statement);
            action.verb = Verb::Alter;
            Self::last(cx, object, action);
        }
    }
}
