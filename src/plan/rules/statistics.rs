//! Extended statistics.

use super::super::{
    native::{Actions, Context, Rule, Verdict},
    sql,
};
use crate::catalog::{Change, Kind, Object};

pub struct StatisticsRule;

fn target(object: &Object) -> String {
    format!("ALTER STATISTICS {} SET STATISTICS {}", sql::name(object), object.integer("target").unwrap_or(-1))
}

impl Rule for StatisticsRule {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Statistics]
    }

    fn verdict(&self, _cx: &Context<'_>, _before: &Object, _after: &Object, change: &Change) -> Verdict {
        if change.concerns("definition") { Verdict::Replace } else { Verdict::Alter }
    }

    fn create(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.create(object, object.text("definition").unwrap_or_default());
        if object.integer("target").is_some() {
            out.alter(object, target(object)).releases.clear();
        }
    }

    fn alter(&self, _cx: &Context<'_>, _before: &Object, after: &Object, _change: &Change, out: &mut Actions<'_>) {
        out.alter(after, target(after));
    }

    fn drop(&self, _cx: &Context<'_>, object: &Object, out: &mut Actions<'_>) {
        out.drop(object, format!("DROP STATISTICS {}", sql::name(object)));
    }
}
