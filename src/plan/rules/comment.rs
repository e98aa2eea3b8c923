//! Comments and security labels.

use super::super::{
    native::{Actions, Context, Rule, Side},
    sql,
};
use crate::catalog::{Change, Kind, Object};

pub struct CommentRule;

/// What the comment stands on, as COMMENT ON has it; `None` for the database, whose name the plan does not know.
fn on(side: &Side<'_>, object: &Object) -> Option<String> {
    if let Some(on) = object.text("on") {
        return Some(on.to_owned());
    }
    if !object.list("index").is_empty() {
        return Some(format!("INDEX {}", sql::qualified(object.list("index"))));
    }
    let parent = object.parent.as_ref()?;
    let whole = side.get(parent)?;
    if object.text("constraint").is_some() {
        let name = sql::ident(whole.text("not_null_name")?);
        let on = match whole.id.kind {
            Kind::Domain => format!("DOMAIN {}", sql::name(whole)),
            _ => sql::whole(&whole.id),
        };
        return Some(format!("CONSTRAINT {name} ON {on}"));
    }
    (whole.id.kind != Kind::Database).then(|| sql::noun_and_name(whole))
}

fn statement(side: &Side<'_>, object: &Object, text: Option<&str>) -> String {
    let text = text.map_or_else(|| "NULL".to_owned(), sql::literal);
    let start = match object.text("provider") {
        Some(provider) => format!("SECURITY LABEL FOR {} ON", sql::ident(provider)),
        None => "COMMENT ON".to_owned(),
    };
    match on(side, object) {
        Some(on) => format!("{start} {on} IS {text}"),
        None => sql::on_database(&format!("{start} DATABASE "), &format!(" IS {text}")),
    }
}

/// Whether the script of an extension that the plan makes brings the comment, on a member or on itself.
fn from_extension(cx: &Context<'_>, object: &Object) -> bool {
    let Some(made) = object.parent.as_ref().filter(|parent| cx.appears(parent)) else { return false };
    object.flag("from_script") || cx.target.get(made).is_some_and(|made| made.text("usual_comment") == object.text("text"))
}

impl Rule for CommentRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Comment, Kind::SecurityLabel]
    }

    fn create(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        if !from_extension(cx, object) {
            out.create(object, statement(&cx.target, object, object.text("text")));
        }
    }

    fn alter(&self, cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        out.alter(after, statement(&cx.target, after, after.text("text")));
    }

    fn drop(&self, cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, statement(&cx.base, object, None));
    }
}
