//! Columns: NOT NULL is set from a check that was validated before, and a default that is computed row by row is filled in afterwards.
//!
//! Types whose values must be written anew, stored generated columns and identity columns have no such way.

use super::{
    super::{
        native::{Actions, Context, Stage, Verb, stands_for},
        rules::table,
        sql,
    },
    LOCK_TIMEOUT, in_use, slow,
};
use crate::catalog::{Kind, Object, ObjectId};

/// Stands for the rows of a new column having their values.
fn filled(column: &ObjectId) -> ObjectId {
    stands_for("filled", column)
}

/// Sets NOT NULL on a column of a table that is in use, `constraint` being it as a constraint of its own, where that is wanted:
/// `CONSTRAINT name NOT NULL column`. It comes after `needs`. False when it is to be done plainly.
pub fn set_not_null(
    cx: &Context<'_>,
    column: &Object,
    constraint: Option<String>,
    needs: &[ObjectId],
    out: &mut Actions<'_>,
) -> bool {
    let Some(whole) = column.parent.as_ref().filter(|whole| in_use(cx, whole)) else { return false };
    let (start, name) = (format!("ALTER TABLE {}", sql::whole(&column.id)), sql::ident(column.id.name()));
    let related = !table::children(&cx.target, whole).is_empty() || column.integer("inherited").unwrap_or_default() > 0;
    // Before Postgres 18 it is no constraint that could be NOT VALID.
    let named = column.text("not_null_name").filter(|_| cx.base.catalog.server_version >= 180_000 && !related);
    let steps = match named {
        Some(known) => {
            let known = sql::ident(known);
            let constraint = constraint.unwrap_or_else(|| format!("CONSTRAINT {known} NOT NULL {name}"));
            vec![format!("ADD {constraint} NOT VALID"), format!("VALIDATE CONSTRAINT {known}")]
        }
        None => {
            let check = sql::ident(&sql::interim(&format!("{}_{}", whole.name(), column.id.name()), "filled"));
            let set =
                constraint.map_or_else(|| format!("ALTER COLUMN {name} SET NOT NULL"), |constraint| format!("ADD {constraint}"));
            vec![
                format!("ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID"),
                format!("VALIDATE CONSTRAINT {check}"),
                set,
                format!("DROP CONSTRAINT {check}"),
            ]
        }
    };
    let mut before = filled(&column.id);
    // What leaves in the meantime would keep the check.
    let leaves = |child: &&Object| !cx.vanishes(&child.id) && !table::stays_child(cx, &child.id);
    let leaving: Vec<ObjectId> =
        table::offspring(&cx.base, whole).into_iter().filter(leaves).map(|child| table::link_gone(&child.id)).collect();
    // The statement that makes it one with those of tables above and below.
    let joins = steps.len() - 2;
    for (at, step) in steps.into_iter().enumerate() {
        let after = set_by(at, &column.id);
        let action = out.alter(column, format!("{start} {step}"));
        action.stage = Stage::Early;
        if at == 1 {
            slow(action, Stage::Early);
        }
        if at == 0 {
            action.needs.extend(leaving.iter().cloned());
        }
        if at == joins {
            action.needs.extend_from_slice(needs);
        }
        action.needs.push(std::mem::replace(&mut before, after.clone()));
        action.creates.push(after);
    }
    true
}

/// Stands for a step on the way to NOT NULL having been done: 0 the check, 1 its validation, 2 NOT NULL itself.
fn set_by(step: usize, column: &ObjectId) -> ObjectId {
    stands_for(&format!("not null {step}"), column)
}

/// What sets NOT NULL on a column.
pub fn not_null_set(column: &ObjectId) -> [ObjectId; 3] {
    [0, 1, 2].map(|step| set_by(step, column))
}

/// What sets NOT NULL on the columns that this one inherits from, and with them on this one.
pub fn set_above(cx: &Context<'_>, column: &Object) -> Vec<ObjectId> {
    let Some(whole) = column.parent.as_ref().and_then(|whole| cx.target.get(whole)) else { return Vec::new() };
    let above = table::ancestors(&cx.target, whole).into_iter();
    above.map(|parent| set_by(2, &parent.id.part(Kind::Column, column.id.name()))).collect()
}

/// Whether a new column's default is another value for each row, so that adding it with the column would write all rows anew.
pub fn is_filled_afterwards(cx: &Context<'_>, column: &Object) -> bool {
    let Some(whole) = column.parent.as_ref().filter(|whole| in_use(cx, whole)) else { return false };
    volatile_default(cx, &column.id).is_some() && table::children(&cx.target, whole).is_empty()
}

fn volatile_default<'a>(cx: &Context<'a>, column: &ObjectId) -> Option<&'a Object> {
    cx.target.parts_of(column, Kind::Default).find(|default| default.flag("volatile"))
}

/// The default of a new column that is filled in afterwards.
pub fn late(cx: &Context<'_>, column: &Object) -> Option<ObjectId> {
    let filled = column.id.kind == Kind::Column && is_filled_afterwards(cx, column);
    volatile_default(cx, &column.id).filter(|_| filled).map(|default| default.id.clone())
}

/// Fills a new column's default into the rows that were there, a stretch of the table at a time, each in a transaction of its own, and at last
/// into those that others moved to where it had been or ended. Rows that have a value are left alone, so that it can be run again.
pub fn fill(cx: &Context<'_>, column: &Object, out: &mut Actions<'_>) {
    let Some(default) = volatile_default(cx, &column.id) else { return };
    let (table, name) = (sql::whole(&column.id), sql::ident(column.id.name()));
    let expression = default.text("expression").unwrap_or_default();
    // Before Postgres 14 a range of places is looked for in the whole table, those that are listed are not.
    let stretch = match cx.base.catalog.server_version {
        140_000.. => format!("ctid >= format('(%s,0)', fill.at)::tid AND ctid < format('(%s,0)', fill.at + {STRETCH})::tid"),
        _ => format!(
            "ctid = ANY (ARRAY(SELECT format('(%s,%s)', page, item)::tid
            FROM generate_series(fill.at, fill.at + {STRETCH} - 1) AS page, generate_series(1, fill.size / 28) AS item))"
        ),
    };
    // The table's columns may be called as the variables are.
    let body = format!(
        "
#variable_conflict use_column
<<fill>>
DECLARE
    size int := pg_catalog.current_setting('block_size')::int;
    blocks bigint := pg_catalog.pg_relation_size({}) / size;
    at bigint := 0;
BEGIN
    WHILE at <= blocks LOOP
        UPDATE ONLY {table} SET {name} = {expression}
        WHERE {stretch} AND {name} IS NULL;
        COMMIT;
        at := at + {STRETCH};
    END LOOP;
    UPDATE ONLY {table} SET {name} = {expression} WHERE {name} IS NULL;
END",
        sql::literal(&table)
    );
    let action = out.other(column, Verb::Alter, format!("DO {}", sql::dollars(&body)));
    action.needs.extend([column.id.clone(), default.id.clone()]);
    action.needs.extend(default.needs.iter().cloned());
    action.creates.push(filled(&column.id));
    slow(action, Stage::Late);
    action.transactional = false;
    // It holds the rows that it has filled while it waits for the next one.
    action.lock_timeout = Some(LOCK_TIMEOUT);
}

/// Blocks of a table that are filled in one transaction: some 10,000 rows, which others that change one of them wait for.
const STRETCH: u32 = 100;
