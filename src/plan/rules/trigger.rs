//! Triggers, rules, policies and event triggers.

use super::{
    super::{
        native::{Actions, Context, Rule, Stage, Verb, Verdict},
        sql,
    },
    table,
};
use crate::catalog::{Change, Kind, Object};

/// `ALTER TABLE` for what stands on a view or foreign table too.
fn whole(object: &Object) -> String {
    format!("ALTER TABLE {}", sql::whole(&object.id))
}

pub struct TriggerRule;

fn state(object: &Object) -> &str {
    object.text("enabled").unwrap_or("ENABLE")
}

fn set_state(object: &Object, state: &str) -> String {
    format!("{} {state} TRIGGER {}", whole(object), sql::ident(object.id.name()))
}

impl Rule for TriggerRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Trigger]
    }

    fn verdict(&self, _cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        if change.concerns("definition") && !before.flag("clone") && !after.flag("clone") {
            Verdict::Replace
        } else {
            Verdict::Alter
        }
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if object.flag("clone") {
            let partition = object.parent.as_ref().and_then(|whole| cx.target.get(whole)).map(table::link);
            out.create(object, set_state(object, state(object))).needs.extend(partition);
            return;
        }
        out.create(object, object.text("definition").unwrap_or_default());
        if object.text("enabled").is_some() {
            out.alter(object, set_state(object, state(object))).releases.clear();
        }
    }

    fn alter(&self, cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        out.alter(after, set_state(after, state(after)));
        // It reaches the partitions: what is enabled in a way of its own there is set again.
        for clone in cx.target.dependents(&after.id).iter().filter(|clone| clone.flag("clone") && cx.untouched(&clone.id)) {
            out.alter(clone, set_state(clone, state(clone)));
        }
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if !object.flag("clone") {
            out.drop(object, format!("DROP TRIGGER {}", sql::name(object)));
            return;
        }
        let parent = object.needs.iter().filter(|need| need.kind == Kind::Trigger).find_map(|need| cx.target.get(need));
        if let Some(parent) = parent.filter(|parent| !cx.appears(&parent.id)) {
            let action = out.other(object, Verb::Alter, set_state(object, state(parent)));
            action.needs.push(parent.id.clone());
        }
    }
}

pub struct RuleRule;

impl RuleRule {
    fn set_state(object: &Object) -> String {
        format!("{} {} RULE {}", whole(object), state(object), sql::ident(object.id.name()))
    }
}

impl Rule for RuleRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Rule]
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, object.text("definition").unwrap_or_default());
        if object.text("enabled").is_some() {
            out.alter(object, Self::set_state(object)).releases.clear();
        }
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        if change.concerns("definition") {
            let definition = after.text("definition").unwrap_or_default();
            out.alter(after, definition.replacen("CREATE RULE", "CREATE OR REPLACE RULE", 1));
        }
        if change.concerns("enabled") {
            out.alter(after, Self::set_state(after));
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP RULE {}", sql::name(object)));
    }
}

pub struct PolicyRule;

/// `TO ... USING ... WITH CHECK ...`.
fn clauses(object: &Object, roles: bool) -> String {
    let mut text = String::new();
    if roles {
        text.push_str(&format!(" TO {}", object.list("roles").join(", ")));
    }
    if let Some(using) = object.text("using") {
        text.push_str(&format!(" USING ({using})"));
    }
    if let Some(check) = object.text("check") {
        text.push_str(&format!(" WITH CHECK ({check})"));
    }
    text
}

impl Rule for PolicyRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Policy]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, after: &Object, change: &Change) -> Verdict {
        // ALTER POLICY can neither change the command nor take an expression away.
        let taken = |name: &str| change.concerns(name) && after.text(name).is_none();
        let replaces = change.concerns("command") || change.concerns("restrictive") || taken("using") || taken("check");
        if replaces { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let restrictive = if object.flag("restrictive") { " AS RESTRICTIVE" } else { "" };
        let command = match object.text("command") {
            Some("ALL") | None => String::new(),
            Some(command) => format!(" FOR {command}"),
        };
        let roles = object.list("roles") != ["public"];
        out.create(object, format!("CREATE POLICY {}{restrictive}{command}{}", sql::name(object), clauses(object, roles)));
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        out.alter(after, format!("ALTER POLICY {}{}", sql::name(after), clauses(after, change.concerns("roles"))));
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP POLICY {}", sql::name(object)));
    }
}

pub struct EventTriggerRule;

impl EventTriggerRule {
    fn set_state(object: &Object) -> String {
        format!("ALTER EVENT TRIGGER {} {}", sql::name(object), state(object))
    }
}

impl Rule for EventTriggerRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::EventTrigger]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change) -> Verdict {
        let replaces = ["event", "function", "tags"].iter().any(|name| change.concerns(name));
        if replaces { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let tags: Vec<String> = object.list("tags").iter().map(|tag| sql::literal(tag)).collect();
        let when = if tags.is_empty() { String::new() } else { format!(" WHEN TAG IN ({})", tags.join(", ")) };
        let (event, function) = (object.text("event").unwrap_or_default(), object.text("function").unwrap_or_default());
        let text = format!("CREATE EVENT TRIGGER {} ON {event}{when} EXECUTE FUNCTION {function}()", sql::name(object));
        // It would see the plan's own statements, and may refuse them.
        out.create(object, text).stage = Stage::Last;
        if object.text("enabled").is_some() {
            let action = out.alter(object, Self::set_state(object));
            action.releases.clear();
            action.stage = Stage::Last;
        }
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        out.alter(after, Self::set_state(after)).stage = if state(after) == "DISABLE" { Stage::Early } else { Stage::Last };
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP EVENT TRIGGER {}", sql::name(object))).stage = Stage::Early;
    }
}
