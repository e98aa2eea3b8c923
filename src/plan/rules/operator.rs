//! Operators, operator families and classes, casts.
//!
//! Commutators and negators name each other: making one sets the other's link, dropping one clears it.

use super::super::{
    native::{Actions, Context, Rule, Verdict},
    sql,
};
use crate::catalog::{Change, Kind, Object};

pub struct OperatorRule;

/// Whether the other operator of a link is made or dropped by the plan, so that the link is set or cleared by that.
fn comes_with_other(cx: &Context<'_>, before: &Object, after: &Object, link: &str) -> bool {
    let is = |object: &Object, text: &str| {
        object.id.kind == Kind::Operator && object.text("name").is_some_and(|name| text == format!("OPERATOR({name})"))
    };
    match (before.text(link), after.text(link)) {
        (None, Some(other)) => cx.target.catalog.objects.values().any(|object| is(object, other) && cx.appears(&object.id)),
        (Some(other), None) => cx.base.catalog.objects.values().any(|object| is(object, other) && cx.vanishes(&object.id)),
        _ => false,
    }
}

/// What ALTER OPERATOR ... SET can say of a change; `None` where it cannot.
fn set(cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Option<Vec<String>> {
    let late = cx.base.catalog.server_version >= 170_000;
    let mut options = Vec::new();
    for attribute in change.attributes.iter().filter(|attribute| attribute.name != "owner") {
        match attribute.name {
            name @ ("restrict" | "join") => {
                options.push(format!("{} = {}", name.to_uppercase(), after.text(name).unwrap_or("NONE")));
            }
            name @ ("commutator" | "negator") => {
                if comes_with_other(cx, before, after, name) {
                    continue;
                }
                match after.text(name) {
                    Some(other) if late && before.text(name).is_none() => {
                        options.push(format!("{} = {other}", name.to_uppercase()))
                    }
                    _ => return None,
                }
            }
            name @ ("hashes" | "merges") if late && after.flag(name) => options.push(name.to_uppercase()),
            _ => return None,
        }
    }
    Some(options)
}

impl Rule for OperatorRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Operator]
    }

    fn verdict(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change) -> Verdict {
        if set(cx, before, after, change).is_none() { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let mut options = vec![format!("FUNCTION = {}", object.text("function").unwrap_or_default())];
        for (word, name) in [
            ("LEFTARG", "left"),
            ("RIGHTARG", "right"),
            ("COMMUTATOR", "commutator"),
            ("NEGATOR", "negator"),
            ("RESTRICT", "restrict"),
            ("JOIN", "join"),
        ] {
            options.extend(object.text(name).filter(|text| !text.is_empty()).map(|text| format!("{word} = {text}")));
        }
        options.extend(["hashes", "merges"].iter().filter(|name| object.flag(name)).map(|name| name.to_uppercase()));
        let name = object.text("name").unwrap_or_default();
        out.create(object, format!("CREATE OPERATOR {name} (\n    {}\n)", options.join(",\n    ")));
    }

    fn alter(&self, cx: &Context<'_>, before: &Object, after: &Object, change: &Change, out: &mut Actions<'_>) {
        let options = set(cx, before, after, change).unwrap_or_default();
        if !options.is_empty() {
            out.alter(after, format!("ALTER OPERATOR {} SET ({})", sql::name(after), options.join(", ")));
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP OPERATOR {}", sql::name(object)));
    }
}

pub struct FamilyRule;

impl Rule for FamilyRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::OperatorFamily]
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, format!("CREATE OPERATOR FAMILY {}", sql::name(object)))
            .needs
            .retain(|need| need.kind == Kind::Schema || need.kind == Kind::AccessMethod);
        if !object.list("members").is_empty() {
            let members = object.list("members").join(",\n    ");
            out.alter(object, format!("ALTER OPERATOR FAMILY {} ADD\n    {members}", sql::name(object))).releases.clear();
        }
    }

    fn alter(&self, _cx: &Context<'_>, before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        let (old, new) = (before.list("members"), after.list("members"));
        let gone: Vec<String> = old
            .iter()
            .zip(before.list("places"))
            .filter(|(member, _)| !new.contains(member))
            .map(|(_, place)| place.clone())
            .collect();
        if !gone.is_empty() {
            out.alter(after, format!("ALTER OPERATOR FAMILY {} DROP {}", sql::name(after), gone.join(", ")));
        }
        let added: Vec<String> = new.iter().filter(|member| !old.contains(member)).cloned().collect();
        if !added.is_empty() {
            out.alter(after, format!("ALTER OPERATOR FAMILY {} ADD\n    {}", sql::name(after), added.join(",\n    ")));
        }
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP OPERATOR FAMILY {}", sql::name(object)));
    }
}

pub struct ClassRule;

impl Rule for ClassRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::OperatorClass]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change) -> Verdict {
        if change.attributes.iter().any(|attribute| attribute.name != "owner") { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        let (kind, family) = (object.text("type").unwrap_or_default(), object.text("family").unwrap_or_default());
        let method = object.text("method").unwrap_or_default();
        let name = sql::name(object);
        let name = name.strip_suffix(&format!(" USING {method}")).unwrap_or(&name);
        let default = if object.flag("default") { " DEFAULT" } else { "" };
        let mut members = object.list("members").to_vec();
        match object.text("storage") {
            Some(storage) => members.push(format!("STORAGE {storage}")),
            None if members.is_empty() => members.push(format!("STORAGE {kind}")),
            None => {}
        }
        out.create(
            object,
            format!(
                "CREATE OPERATOR CLASS {name}{default} FOR TYPE {kind} USING {method} FAMILY {family} AS\n    {}",
                members.join(",\n    ")
            ),
        );
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change, _out: &mut Actions<'_>) {}

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP OPERATOR CLASS {}", sql::name(object)));
    }
}

pub struct CastRule;

impl Rule for CastRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Cast]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change) -> Verdict {
        Verdict::Replace
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, format!("CREATE CAST {} {}", sql::name(object), object.text("definition").unwrap_or_default()));
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, _change: &Change, _out: &mut Actions<'_>) {}

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP CAST {}", sql::name(object)));
    }
}
