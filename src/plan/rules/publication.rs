//! Publications with their tables and schemas, and subscriptions.
//!
//! A subscription is made without connecting to its publisher, and dropped without asking it to drop the slot: a plan reaches no other
//! server. What that leaves to be done there is not planned.

use super::{
    super::{
        native::{Actions, Context, Rule, Side, Verdict},
        sql,
    },
    constraint::gone,
    foreign::MASK,
    table,
};
use crate::catalog::{Change, Kind, Object, ObjectId};

pub struct PublicationRule;

/// `publish = '...', ...`.
fn publish(object: &Object) -> String {
    let mut options = vec![format!("publish = {}", sql::literal(object.text("publish").unwrap_or_default()))];
    if object.flag("publish_via_partition_root") {
        options.push("publish_via_partition_root = true".to_owned());
    }
    if let Some(generated) = object.text("publish_generated_columns") {
        options.push(format!("publish_generated_columns = {generated}"));
    }
    options.join(", ")
}

/// Members of publications that stay, of a table of the base whose virtual column gets another expression: Postgres refuses that to tables
/// that are published by name.
pub fn in_the_way(cx: &Context<'_>, id: &ObjectId, change: &Change) -> Vec<ObjectId> {
    let column = cx.base.get(id).filter(|column| column.text("generated") == Some("VIRTUAL") && change.concerns("expression"));
    let members = members_of(&cx.base, column).into_iter();
    members
        .filter(|member| cx.target.get(&member.id).is_some() && !cx.vanishes(&member.id))
        .map(|member| member.id.clone())
        .collect()
}

/// Members of publications that are a column's table, or one below it.
fn members_of<'a>(side: &Side<'a>, column: Option<&Object>) -> Vec<&'a Object> {
    let whole = column.and_then(|column| column.parent.as_ref());
    let tables = whole.into_iter().flat_map(|whole| {
        let below = table::offspring(side, whole).into_iter().map(|table| table.id.clone());
        below.chain([whole.clone()]).collect::<Vec<_>>()
    });
    let member = |user: &&Object| user.id.kind == Kind::Publication && user.text("member").is_some();
    tables.flat_map(|table| side.dependents(&table).iter().copied().filter(member).collect::<Vec<_>>()).collect()
}

/// What a new expression of a virtual column waits for.
pub fn let_go(cx: &Context<'_>, column: &Object) -> Vec<ObjectId> {
    let column = Some(column).filter(|column| column.text("generated") == Some("VIRTUAL"));
    members_of(&cx.base, column).into_iter().filter(|member| cx.vanishes(&member.id)).map(|member| gone(&member.id)).collect()
}

impl Rule for PublicationRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Publication]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change) -> Verdict {
        let replaces = change.attributes.iter().any(|attribute| matches!(attribute.name, "all_tables" | "extra"));
        if replaces { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if let (Some(member), Some(publication)) = (object.text("member"), object.id.path.first()) {
            let member = member.replacen("TABLE ", "TABLE ONLY ", usize::from(member.starts_with("TABLE ")));
            let extra = object.text("extra").unwrap_or_default();
            let action = out.create(object, format!("ALTER PUBLICATION {} ADD {member}{extra}", sql::ident(publication)));
            // A schema and a list of columns do not go together.
            let members = object.parent.iter().flat_map(|whole| cx.base.parts_of(whole, Kind::Publication));
            action.needs.extend(members.filter(|other| cx.vanishes(&other.id)).map(|other| gone(&other.id)));
            let tables = object.needs.iter().filter(|need| need.kind == Kind::Table);
            let columns = tables.flat_map(|table| cx.target.parts_of(table, Kind::Column));
            let computed =
                columns.filter(|column| column.text("generated") == Some("VIRTUAL") && cx.altered.contains_key(&column.id));
            action.needs.extend(computed.map(|column| column.id.clone()));
            return;
        }
        let all = if object.flag("all_tables") { " FOR ALL TABLES" } else { "" };
        out.create(object, format!("CREATE PUBLICATION {}{all} WITH ({})", sql::name(object), publish(object)));
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let mut options = Vec::new();
        for attribute in &change.attributes {
            match attribute.name {
                "publish" => options.push(format!("publish = {}", sql::literal(after.text("publish").unwrap_or_default()))),
                "publish_via_partition_root" => {
                    options.push(format!("publish_via_partition_root = {}", after.flag("publish_via_partition_root")));
                }
                "publish_generated_columns" => {
                    options
                        .push(format!("publish_generated_columns = {}", after.text("publish_generated_columns").unwrap_or("none")));
                }
                _ => {}
            }
        }
        if !options.is_empty() {
            out.alter(after, format!("ALTER PUBLICATION {} SET ({})", sql::name(after), options.join(", ")));
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        match (object.text("member"), object.id.path.first()) {
            (Some(member), Some(publication)) => {
                let action = out.drop(object, format!("ALTER PUBLICATION {} DROP {member}", sql::ident(publication)));
                action.creates.push(gone(&object.id));
            }
            _ => {
                out.drop(object, format!("DROP PUBLICATION {}", sql::name(object)));
            }
        }
    }
}

pub struct SubscriptionRule;

fn slot(object: &Object) -> String {
    object.text("slot").map_or_else(|| "NONE".to_owned(), sql::literal)
}

fn create(object: &Object, connection: &str) -> String {
    let mut options = vec!["connect = false".to_owned(), format!("slot_name = {}", slot(object))];
    options.extend(object.list("options").iter().cloned());
    format!(
        "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} WITH ({})",
        sql::name(object),
        sql::literal(connection),
        sql::idents(object.list("publications")),
        options.join(", ")
    )
}

/// What an option has when it is not said.
fn usual(name: &str) -> &'static str {
    match name {
        "password_required" => "true",
        "origin" => "any",
        "synchronous_commit" => "off",
        _ => "false",
    }
}

impl Rule for SubscriptionRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Subscription]
    }

    fn verdict(&self, _cx: &Context<'_>, before: &Object, after: &Object, _change: &Change) -> Verdict {
        // These are altered only with the publisher's help.
        let fixed = |object: &Object| -> Vec<String> {
            let kept = |option: &&String| option.starts_with("two_phase") || option.starts_with("failover");
            object.list("options").iter().filter(kept).cloned().collect()
        };
        if fixed(before) == fixed(after) { Verdict::Alter } else { Verdict::Replace }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let shown = create(object, MASK);
        let action = out.create(object, create(object, object.text("connection").unwrap_or_default()));
        action.masked = Some(shown);
        if object.flag("enabled") {
            out.alter(object, format!("ALTER SUBSCRIPTION {} ENABLE", sql::name(object))).releases.clear();
        }
    }

    fn alter(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let name = sql::name(after);
        if change.concerns("enabled") && !after.flag("enabled") {
            out.alter(after, format!("ALTER SUBSCRIPTION {name} DISABLE"));
        }
        if change.concerns("connection") {
            let text = |connection: &str| format!("ALTER SUBSCRIPTION {name} CONNECTION {}", sql::literal(connection));
            let action = out.alter(after, text(after.text("connection").unwrap_or_default()));
            action.masked = Some(text(MASK));
        }
        if change.concerns("publications") {
            let publications = sql::idents(after.list("publications"));
            out.alter(after, format!("ALTER SUBSCRIPTION {name} SET PUBLICATION {publications} WITH (refresh = false)"));
        }
        let mut options = Vec::new();
        if change.concerns("slot") {
            options.push(format!("slot_name = {}", slot(after)));
        }
        if change.concerns("options") {
            let (old, new) = (before.list("options"), after.list("options"));
            let key = |option: &str| option.split(" = ").next().unwrap_or_default().to_owned();
            options.extend(new.iter().filter(|option| !old.contains(option)).cloned());
            let gone = old.iter().map(|option| key(option)).filter(|name| !new.iter().any(|option| key(option) == *name));
            options.extend(gone.map(|name| format!("{name} = {}", usual(&name))));
        }
        if !options.is_empty() {
            out.alter(after, format!("ALTER SUBSCRIPTION {name} SET ({})", options.join(", ")));
        }
        if change.concerns("enabled") && after.flag("enabled") {
            out.alter(after, format!("ALTER SUBSCRIPTION {name} ENABLE"));
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let name = sql::name(object);
        if object.flag("enabled") {
            out.drop(object, format!("ALTER SUBSCRIPTION {name} DISABLE"));
        }
        if object.text("slot").is_some() {
            out.drop(object, format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)"));
        }
        out.drop(object, format!("DROP SUBSCRIPTION {name}"));
    }
}
