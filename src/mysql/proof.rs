//! A plan replayed on a server of the MySQL family, step by step, and its end judged twice: by `SHOW CREATE` of every object, and by the
//! catalog with the rows of `information_schema`.
//!
//! Empty tables get rows first, as with Postgres. There is no transaction around a step: what fails on rows is tried again without
//! them. Locks, rewrites and scans are not measured here. It does not plan.

use std::collections::BTreeMap;

use super::{
    catalog::{Replicas, Snapshot},
    literal, load, plan, qualified, quoted,
};
use crate::{
    catalog::{Catalog, Kind, Object, ObjectId},
    plan::{Plan, Step},
    proof::{Difference, Effects, FailedRows, Judgement, SqlError, judge},
    sandbox::mysql::{Flavor, MySqlError, Session},
    script::mysql::tokens,
};

/// What came of a replay.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// One entry a step.
    pub effects: Vec<Effects>,
    /// Indexes of steps that a server without TiFlash cannot do, and that are compared as text.
    pub as_text: Vec<usize>,
    pub replicas: Replicas,
    /// Whether tables had rows made up for the replay.
    pub rows: bool,
}

/// Puts three rows into every table that has none, as far as its constraints allow: values depend on type and row number alone, so that
/// foreign keys hold. Answers with the tables that got some.
///
/// # Errors
/// Only when the session is gone.
pub async fn fill(session: &Session, catalog: &Catalog) -> Result<Vec<ObjectId>, MySqlError> {
    session.run("SET SESSION foreign_key_checks = 0").await?;
    let mut filled = Vec::new();
    for table in catalog.of_kind(Kind::Table) {
        if count(session, &table.id.path).await != Some(0) {
            continue;
        }
        let columns: Vec<&Object> = catalog
            .objects
            .values()
            .filter(|object| object.id.kind == Kind::Column && object.parent.as_ref() == Some(&table.id))
            .filter(|column| {
                column.text("generated").is_none() && column.text("auto_random").is_none() && !column.flag("auto_increment")
            })
            .collect();
        let names: Vec<String> = columns.iter().map(|column| quoted(column.id.name())).collect();
        let rows: Vec<String> = (1..=3)
            .map(|row| {
                let values: Vec<String> =
                    columns.iter().map(|column| value(column.text("type").unwrap_or_default(), row)).collect();
                format!("({})", values.join(", "))
            })
            .collect();
        let sql = format!("INSERT INTO {} ({}) VALUES {}", qualified(&table.id.path), names.join(", "), rows.join(", "));
        match session.run(&sql).await {
            Ok(_) => filled.push(table.id.clone()),
            Err(MySqlError::Connection(why)) => return Err(MySqlError::Connection(why)),
            // A check, a trigger or a partition that three such rows do not meet.
            Err(error) => tracing::debug!("{} gets no rows: {error}", table.id),
        }
    }
    session.run("SET SESSION foreign_key_checks = 1").await?;
    Ok(filled)
}

/// A value of a type for a row.
fn value(kind: &str, row: usize) -> String {
    let lower = kind.to_ascii_lowercase();
    let name = lower.split(['(', ' ']).next().unwrap_or_default();
    let sizes = lower.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside).unwrap_or_default();
    match name {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "float" | "double" | "year" => match name {
            "year" => format!("{}", 2000 + row),
            _ => row.to_string(),
        },
        // As many digits before the point as there may be.
        "decimal" | "numeric" => {
            let mut sizes = sizes.split(',').filter_map(|size| size.trim().parse::<usize>().ok());
            let (precision, scale) = (sizes.next().unwrap_or(10), sizes.next().unwrap_or(0));
            if precision > scale { row.to_string() } else { "0".into() }
        }
        "bit" => "b'1'".into(),
        "date" => format!("'2024-01-0{row}'"),
        "datetime" | "timestamp" => format!("'2024-01-0{row} 00:00:00'"),
        "time" => format!("'00:00:0{row}'"),
        "json" => format!("'{{\"row\": {row}}}'"),
        "vector" => {
            let dimensions = sizes.parse::<usize>().unwrap_or(3).min(16_383);
            format!("'[{}]'", vec![row.to_string(); dimensions].join(","))
        }
        "uuid" => format!("'00000000-0000-0000-0000-00000000000{row}'"),
        "inet4" => format!("'10.0.0.{row}'"),
        "inet6" => format!("'::{row}'"),
        "point" | "geometry" => format!("ST_GeomFromText('POINT({row} {row})')"),
        "enum" | "set" => {
            let first = tokens(kind).into_iter().find(|token| token.text.starts_with('\''));
            first.map_or_else(|| "''".into(), |first| first.text.to_string())
        }
        // As long as it may be, up to what tells a shorter limit: it is cut where it does not fit.
        "char" | "varchar" | "binary" | "varbinary" => {
            let length = sizes.parse::<usize>().unwrap_or(1).min(64);
            let text = format!("{row}{}", "x".repeat(length.saturating_sub(1)));
            literal(text.get(..length).unwrap_or_default())
        }
        _ => literal(&format!("{row} some text that was made up")),
    }
}

async fn count(session: &Session, path: &[String]) -> Option<u64> {
    let rows = session.rows(&format!("SELECT COUNT(*) FROM {}", qualified(path))).await.ok()?;
    rows.first()?.text(0)?.parse().ok()
}

/// Runs a plan. A step that fails and runs once the rows are taken out of the tables that got some has failed on rows; the replay goes
/// on after a step that fails whatever the rows, so that all such steps are known.
///
/// # Errors
/// When the session is gone.
pub async fn replay(
    session: &Session,
    flavor: Flavor,
    before: &Catalog,
    steps: &Plan,
    filled: &[ObjectId],
    replicas: &Replicas,
) -> Result<Replay, MySqlError> {
    let mut done = Replay { replicas: replicas.clone(), rows: !filled.is_empty(), ..Replay::default() };
    let mut filled = filled.to_vec();
    let tables = before.objects.keys().filter(|object| object.kind == Kind::Table && !filled.contains(object));
    let own: Vec<ObjectId> = tables.cloned().collect();
    for (at, step) in steps.steps.iter().enumerate() {
        let begun = std::time::Instant::now();
        let table = table_of(step).filter(|table| before.objects.contains_key(table));
        let rows_before = match &table {
            Some(table) => count(session, &table.path).await,
            None => None,
        };
        let values_before = match step.objects.first().and_then(|object| Some((object, plan::left_beside(object, before)?))) {
            // What the table beside it has is not lost.
            Some((left, whole)) => {
                let (left, whole) = (count(session, &left.path).await, count(session, &whole.path).await);
                left.unwrap_or_default().saturating_sub(whole.unwrap_or_default())
            }
            None => at_stake(session, step).await,
        };
        let (mut effects, as_text) = once(session, flavor, step, (&mut filled, &own), &mut done.replicas).await?;
        effects.rows_before = rows_before;
        if let Some(table) = &table {
            effects.rows_after = count(session, &table.path).await.or(rows_before.map(|_| 0));
        }
        if effects.error.is_none() && effects.error_on_rows.is_none() {
            effects.values_lost = values_before;
        }
        effects.milliseconds = begun.elapsed().as_secs_f64() * 1_000.0;
        done.effects.push(effects);
        done.as_text.extend(as_text.then_some(at));
    }
    Ok(done)
}

/// One step, and whether it is one that only a server with TiFlash can do. The tables are those with made-up rows, and those that may have rows of
/// the files' own.
async fn once(
    session: &Session,
    flavor: Flavor,
    step: &Step,
    (filled, own): (&mut [ObjectId], &[ObjectId]),
    replicas: &mut Replicas,
) -> Result<(Effects, bool), MySqlError> {
    let mut effects = Effects::default();
    let replica = load::replica(&tokens(&step.sql), "").filter(|_| flavor == Flavor::TiDb);
    let outcome = session.run(&step.sql).await;
    if let Some((path, count)) = replica {
        load::note_replica(session, path, &count, replicas).await;
        return Ok((effects, outcome.is_err()));
    }
    let error = match outcome {
        Ok(_) => {
            let found = tokens(&step.sql);
            load::note_renamed(&found, replicas);
            // A table that is made anew has the rows of the one that is put aside.
            for (old, new) in
                load::renamed(&found).into_iter().filter(|(old, new)| new.last() != old.last().map(|old| plan::aside(old)).as_ref())
            {
                let (old, new) = (ObjectId::new(Kind::Table, &old), ObjectId::new(Kind::Table, &new));
                filled.iter_mut().filter(|table| **table == old).for_each(|table| table.clone_from(&new));
            }
            return Ok((effects, false));
        }
        Err(MySqlError::Connection(why)) => return Err(MySqlError::Connection(why)),
        Err(error) => error,
    };
    // Without the rows of its own table, then without any, so that later steps have theirs.
    let of_step = |tables: &[ObjectId]| table_of(step).filter(|table| tables.contains(table));
    let (first_filled, first_own) = (of_step(filled), of_step(own));
    let mut last = error.clone();
    for (tables, whose) in [
        (first_filled.as_slice(), FailedRows::MadeUp),
        (&*filled, FailedRows::MadeUp),
        (first_own.as_slice(), FailedRows::Own),
        (own, FailedRows::Own),
    ] {
        if tables.is_empty() || (whose == FailedRows::Own && !is_about_rows(&error)) {
            continue;
        }
        take_out(session, tables).await?;
        match session.run(&step.sql).await {
            Ok(_) => {
                (effects.error_on_rows, effects.failed_rows) = (Some(told(&error)), Some(whose));
                return Ok((effects, false));
            }
            Err(MySqlError::Connection(why)) => return Err(MySqlError::Connection(why)),
            Err(error) => last = error,
        }
    }
    effects.error = Some(told(&last));
    Ok((effects, false))
}

/// Whether rows, not schemas, bring an error about: SQLSTATE class 22 or 23, or a number whose class says nothing.
/// <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>
fn is_about_rows(error: &MySqlError) -> bool {
    // Data truncated, incorrect value, no partition for a value, a check (MySQL's and MariaDB's) is violated.
    const ROWS: [u16; 5] = [1265, 1366, 1526, 3819, 4025];
    matches!(error, MySqlError::Server { code, sqlstate, .. }
        if ROWS.contains(code) || sqlstate.starts_with("22") || sqlstate.starts_with("23"))
}

/// Deletes the rows of tables; those that are gone by now have none.
async fn take_out(session: &Session, tables: &[ObjectId]) -> Result<(), MySqlError> {
    session.run("SET SESSION foreign_key_checks = 0").await?;
    for table in tables {
        if let Err(error) = session.run(&format!("DELETE FROM {}", qualified(&table.path))).await {
            tracing::debug!("the rows of {table} stay: {error}");
        }
    }
    session.run("SET SESSION foreign_key_checks = 1").await?;
    Ok(())
}

/// An error as proofs hold it.
pub fn told(error: &MySqlError) -> SqlError {
    let (sqlstate, message, detail) = error.sql_error();
    SqlError { sqlstate, message, detail, hint: None, table: None, part: None }
}

/// The table that a step works on.
fn table_of(step: &Step) -> Option<ObjectId> {
    let object = step.objects.first()?;
    let of_table = matches!(object.kind, Kind::Table | Kind::Column | Kind::Index | Kind::Constraint);
    of_table.then(|| ObjectId::new(Kind::Table, object.path.iter().take(2)))
}

/// How many values the step drops: those of dropped columns, tables and databases.
async fn at_stake(session: &Session, step: &Step) -> u64 {
    let found = tokens(&step.sql);
    let drops_table = found.first().is_some_and(|token| token.is("DROP"));
    let mut lost = 0;
    for object in &step.objects {
        let path = match object.kind {
            Kind::Table if drops_table => object.path.clone(),
            Kind::Column if drops_column(&found, object.name()) => object.path.clone(),
            Kind::Database if drops_table => {
                let sql = format!(
                    "SELECT table_name FROM information_schema.tables WHERE table_schema = {} AND table_type = 'BASE TABLE'",
                    literal(object.name())
                );
                for table in session.rows(&sql).await.unwrap_or_default().iter().filter_map(|row| row.text(0)) {
                    lost += count(session, &[object.name().to_string(), table.to_string()]).await.unwrap_or_default();
                }
                continue;
            }
            _ => continue,
        };
        let (column, table) = match path.as_slice() {
            [database, table, column] => (quoted(column), [database.clone(), table.clone()]),
            [database, table] => ("*".into(), [database.clone(), table.clone()]),
            _ => continue,
        };
        let sql = format!("SELECT COUNT({column}) FROM {}", qualified(&table));
        let counted = session.rows(&sql).await.unwrap_or_default();
        lost += counted.first().and_then(|row| row.text(0)?.parse::<u64>().ok()).unwrap_or_default();
    }
    // The old table of a pair is dropped after its rows have gone over to the new one.
    let goes_over = found.get(1).is_some_and(|token| token.is("TABLE"))
        && step.objects.first().is_some_and(|object| object.kind == Kind::Table);
    if goes_over && moved(session, step).await { 0 } else { lost }
}

/// Whether the table that a step drops is the old one of a pair, whose rows have gone over to the new one.
async fn moved(session: &Session, step: &Step) -> bool {
    let Some([database, name]) = step.objects.first().map(|object| object.path.as_slice()) else { return false };
    let aside = [database.clone(), plan::aside(name)];
    matches!((count(session, &aside).await, count(session, &[database.clone(), name.clone()]).await), (Some(old), Some(new)) if new >= old)
}

/// `DROP COLUMN` of this name, in whichever clause.
fn drops_column(found: &[crate::script::mysql::Token<'_>], name: &str) -> bool {
    found.windows(3).any(|window| window[0].is("DROP") && window[1].is("COLUMN") && window[2].name().as_deref() == Some(name))
}

/// Judges the end of a replay by what `SHOW CREATE` prints of every object.
pub fn by_show_create(end: &Snapshot, target: &Snapshot) -> Judgement {
    compare(&end.printed, &target.printed)
}

/// Judges it by the catalog and by the rows of `information_schema`; equal catalogs must need no plan.
pub fn by_catalog(end: &Snapshot, target: &Snapshot, flavor: Flavor) -> Judgement {
    let mut judged = judge::by_catalog(&end.catalog, &target.catalog);
    let rows = compare(&end.rows, &target.rows);
    judged.differences.extend(rows.differences);
    judged.equal = judged.differences.is_empty();
    if judged.equal {
        let second = plan::plan(&end.catalog, &target.catalog, flavor, &plan::Options::default());
        if !second.steps.is_empty() {
            return judge::unable(format!("a second plan has {} steps where none is needed", second.steps.len()));
        }
    }
    judged
}

/// The tables whose keys stand in another order than in the target.
pub fn key_order(end: &Catalog, target: &Catalog) -> Vec<String> {
    let of = |catalog: &Catalog| {
        let mut tables: BTreeMap<Vec<String>, Vec<(i64, ObjectId)>> = BTreeMap::new();
        for object in catalog.objects.values().filter(|object| matches!(object.id.kind, Kind::Index | Kind::Constraint)) {
            if let (Some(position), Some(table)) = (object.integer("position"), object.id.path.get(..2)) {
                tables.entry(table.to_vec()).or_default().push((position, object.id.clone()));
            }
        }
        tables.into_iter().map(|(table, mut keys)| {
            keys.sort();
            (table, keys.into_iter().map(|(_, key)| key).collect::<Vec<_>>())
        })
    };
    let target: BTreeMap<_, _> = of(target).collect();
    let differ = of(end).filter(|(table, keys)| target.get(table).is_some_and(|wanted| wanted != keys));
    differ.map(|(table, _)| table.join(".")).collect()
}

fn compare(end: &BTreeMap<String, String>, target: &BTreeMap<String, String>) -> Judgement {
    let names: std::collections::BTreeSet<&String> = end.keys().chain(target.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let detail = match (end.get(name), target.get(name)) {
            (has, wants) if has == wants => continue,
            (None, Some(wants)) => format!("is missing:\n{wants}"),
            (Some(has), None) => format!("should not be there:\n{has}"),
            (has, wants) => {
                let (has, wants) = (has.map_or("", String::as_str), wants.map_or("", String::as_str));
                similar::TextDiff::from_lines(has, wants).unified_diff().context_radius(1).to_string()
            }
        };
        differences.push(Difference { object: name.clone(), detail });
    }
    Judgement { equal: differences.is_empty(), differences, unable: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_values_fit_their_types() {
        assert_eq!(value("varchar(3)", 2), "'2xx'");
        assert_eq!(value("decimal(2,2)", 2), "0");
        assert_eq!(value("enum('a''b','c')", 1), "'a''b'");
        assert_eq!(value("vector(3)", 1), "'[1,1,1]'");
        assert_eq!(value("int(11) unsigned", 3), "3");
    }
}
