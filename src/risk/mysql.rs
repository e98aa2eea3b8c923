//! The rules on schemas of the MySQL family: the same ids and levels, on the same facts, with this family's words.
//!
//! Rules that rest on Postgres's locks, roles, extensions and the like have no counterpart here. What was measured (a step that fails,
//! values that are lost) is judged by the very same functions.

use crate::{
    catalog::{Action, AttributeChange, Change, Kind, Object, Value},
    config::Dialect,
    mysql::plan,
    mysql::{qualified, quoted},
    risk::{Facts, Finding, Level, Rule, look, rules},
};

/// All findings of the family's rules, in no order.
pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for change in facts.changes {
        match change.action {
            Action::Drop => found.extend(dropped(facts, change)),
            Action::Create => found.extend(created(facts, change)),
            Action::Alter | Action::Replace | Action::Rename => found.extend(altered(facts, change)),
        }
    }
    for rule in [
        &rules::step_fails::RULE,
        &rules::loses_values::RULE,
        &rules::name_pattern::RULE,
        &rules::not_covered::RULE,
        &rules::rename_table::RULE,
        &rules::rename_column::RULE,
        &rules::likely_rename_table::RULE,
        &rules::likely_rename_column::RULE,
    ] {
        found.extend((rule.check)(facts));
    }
    found.extend(begin_again(facts));
    found.extend(loses_versions(facts));
    found
}

/// Sequences that no server alters so: they are dropped on their way, or told to begin again.
fn begin_again(facts: &Facts<'_>) -> impl Iterator<Item = Finding> {
    let begins =
        |sql: &str| sql.starts_with("DROP SEQUENCE") || (sql.starts_with("ALTER SEQUENCE") && sql.contains(" RESTART WITH "));
    facts.plan.steps.iter().filter(move |step| begins(&step.sql)).filter_map(|step| {
        let id = step.objects.first()?;
        let stays = facts.base.objects.contains_key(id) && facts.target.objects.contains_key(id);
        stays.then(|| {
            rules::drop_sequence::RULE.finding(facts, id, format!("Sequence {} begins again at its start.", look::name(id)))
        })
    })
}

/// Versioned tables whose old versions of rows do not stay.
fn loses_versions(facts: &Facts<'_>) -> impl Iterator<Item = Finding> {
    let is_versioned = |table: &&Object| table.id.kind == Kind::Table && table.text("system_versioning").is_some();
    facts.base.objects.values().filter(is_versioned).filter_map(|table| {
        let id = &table.id;
        let steps = || facts.plan.steps.iter().filter(|step| step.objects.first() == Some(id));
        let made_anew = steps().any(|step| step.sql.starts_with("RENAME TABLE"));
        let what = match facts.target.objects.get(id)?.text("system_versioning") {
            None => "is not versioned any more",
            Some(_) if made_anew && !steps().any(|step| step.sql.ends_with(plan::EVERY_VERSION)) => {
                "is made anew from its present rows"
            }
            Some(_) => return None,
        };
        let message = format!("Table {} {what}: the versions of its rows that were changed or deleted are lost.", look::name(id));
        let kept = [id.path.first().cloned().unwrap_or_default(), format!("{}_versions", id.name())];
        let safer = format!("CREATE TABLE {} AS SELECT * FROM {} {};", qualified(&kept), qualified(&id.path), plan::EVERY_VERSION);
        Some(
            rules::loses_values::RULE
                .finding(facts, id, message)
                .advise("Keep a copy of them first, if they are needed.")
                .safer(safer),
        )
    })
}

fn dropped(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let id = &change.object;
    if plan::left_beside(id, facts.base).is_some() {
        // A copy of rows that are all in the table beside it.
        return None;
    }
    let name = look::name(id);
    let readers = look::readers(facts, id);
    let (rule, message, advice): (&Rule, String, &str) = match id.kind {
        Kind::Database => (
            &rules::drop_schema::RULE,
            format!("Database {name} is dropped with all its tables and rows."),
            "Stop using it first, release that, keep a copy of the data, and drop it in a later pull request.",
        ),
        Kind::Table => (
            &rules::drop_table::RULE,
            format!("Table {name} is dropped with all its rows{readers}."),
            rules::drop_table::RULE.advice,
        ),
        Kind::Column => {
            (&rules::drop_column::RULE, format!("Column {name} is dropped with all its values."), rules::drop_column::RULE.advice)
        }
        Kind::View => (&rules::drop_view::RULE, format!("View {name} is dropped{readers}."), rules::drop_view::RULE.advice),
        Kind::Sequence => (&rules::drop_sequence::RULE, format!("Sequence {name} is dropped."), rules::drop_sequence::RULE.advice),
        Kind::Function | Kind::Procedure => (
            &rules::drop_function::RULE,
            format!("The {} {name} is dropped: statements that call it fail from that moment on.", id.kind),
            rules::drop_function::RULE.advice,
        ),
        Kind::Trigger | Kind::Event => (
            &rules::drop_trigger::RULE,
            format!("The {} {name} is dropped: what it did is not done any more.", id.kind),
            "See that nothing rests on what it did, or that the application does it now.",
        ),
        Kind::Index => (
            &rules::drop_index::RULE,
            format!("Index {name} is dropped: queries that use it read the whole table."),
            "Make it invisible first (ALTER TABLE … ALTER INDEX … INVISIBLE), watch the queries, then drop it.",
        ),
        Kind::Constraint => (
            &rules::drop_constraint::RULE,
            format!("Constraint {name} is dropped: rows that it refused are let in."),
            "See that the application keeps the rule by itself, or keep the constraint.",
        ),
        _ => return None,
    };
    let mut finding = rule.finding(facts, id, message).advise(advice);
    if id.kind == Kind::Table {
        let unused = [id.path.first().cloned().unwrap_or_default(), format!("{}_unused", id.name())];
        finding = finding.safer(format!(
            "-- first, in a release of its own: nobody may use it any more\nRENAME TABLE {} TO {};",
            qualified(&id.path),
            qualified(&unused)
        ));
    }
    if id.kind == Kind::Index {
        finding = finding.safer(match facts.base.dialect {
            Dialect::MariaDb => format!("ALTER TABLE {} ALTER INDEX {} IGNORED;", qualified(&id.path[..2]), quoted(id.name())),
            _ => format!("ALTER TABLE {} ALTER INDEX {} INVISIBLE;", qualified(&id.path[..2]), quoted(id.name())),
        });
    }
    Some(finding)
}

fn created(facts: &Facts<'_>, change: &Change) -> Option<Finding> {
    let id = &change.object;
    let object = facts.target.objects.get(id)?;
    let name = look::name(id);
    let existed = id.path.get(..2).is_some_and(|path| facts.relation_existed(path));
    if !existed {
        return None;
    }
    let text = |attribute: &str| object.text(attribute).unwrap_or_default();
    match (id.kind, text("form")) {
        (Kind::Column, _) => {
            let filled = object.text("default").is_some() || object.text("generated").is_some();
            let counts = object.flag("auto_increment") || object.text("auto_random").is_some();
            if !object.flag("not_null") || filled || counts {
                return None;
            }
            let kind = text("type");
            let message = match kind.starts_with("vector") && facts.target.dialect == Dialect::TiDb {
                true => format!(
                    "Column {name} is NOT NULL without a default: TiDB adds it to rows that are there as an empty vector, and those rows cannot be read any more."
                ),
                false => format!(
                    "Column {name} is NOT NULL without a default: rows that are there silently get the type's own empty value, and inserts that do not name it fail."
                ),
            };
            let sql = format!("ALTER TABLE {} ADD COLUMN {} {kind} NULL;", qualified(&id.path[..2]), quoted(id.name()));
            let advice = "Add it as NULL or with a default, fill it, then make it NOT NULL.";
            Some(rules::add_column_not_null::RULE.finding(facts, id, message).advise(advice).safer(sql))
        }
        (Kind::Index, _) if object.flag("unique") => {
            let message = format!("{name} makes values unique that need not be: it fails where rows share them.");
            Some(
                rules::add_unique::RULE.finding(facts, id, message).advise("Look for rows that share values, and mend them first."),
            )
        }
        (Kind::Constraint, form) => checked(facts, change, form),
        _ => None,
    }
}

/// A constraint that rows are checked against.
fn checked(facts: &Facts<'_>, change: &Change, form: &str) -> Option<Finding> {
    let id = &change.object;
    let name = look::name(id);
    let table = look::quoted(&id.path.get(..2)?.join("."));
    let (rule, message) = match form {
        "p" => (
            &rules::add_primary_key::RULE,
            format!("{table} gets a primary key: it fails where rows share its values or have none."),
        ),
        "c" => (&rules::add_check::RULE, format!("{name} is checked against all rows: it fails where one does not meet it.")),
        "f" => {
            (&rules::add_foreign_key::RULE, format!("{name} is checked against all rows: it fails where one refers to nothing."))
        }
        _ => return None,
    };
    Some(rule.finding(facts, id, message).advise("Look for rows that do not meet it, and mend them first."))
}

fn altered(facts: &Facts<'_>, change: &Change) -> Vec<Finding> {
    let id = &change.object;
    let (Some(before), Some(after)) = (facts.in_base(id), facts.target.objects.get(id)) else { return Vec::new() };
    let name = look::name(id);
    let mut found = Vec::new();
    let attribute = |wanted: &str| change.attributes.iter().find(|attribute| attribute.name == wanted);
    match id.kind {
        Kind::Column => {
            if attribute("type").is_some() {
                found.extend(retyped(facts, change, before, after));
            }
            if attribute("not_null").is_some() && after.flag("not_null") {
                let message = format!("Column {name} becomes NOT NULL: it fails where a row has NULL.");
                let sql = format!("SELECT COUNT(*) FROM {} WHERE {} IS NULL;", qualified(&id.path[..2]), quoted(id.name()));
                let rule = &rules::set_not_null::RULE;
                found.push(rule.finding(facts, id, message).advise("Fill the rows that have NULL first.").safer(sql));
            }
            if attribute("generated").is_some() {
                let message = format!("What column {name} is computed from changes: its values are computed anew.");
                found.push(
                    rules::change_generated::RULE.finding(facts, id, message).advise("See that readers expect the new values."),
                );
            }
            let recoded = |name: &str| attribute(name).is_some_and(|change| change.before.is_some() && change.after.is_some());
            if recoded("charset") || recoded("collation") {
                let message = format!("Column {name} is sorted and compared in another way{}.", spoken(attribute("collation")));
                let advice = "See that unique keys still hold, and that joins with other columns compare in the same way.";
                found.push(rules::change_collation::RULE.finding(facts, id, message).advise(advice));
            }
        }
        Kind::Index if after.flag("unique") => {
            let message = format!("{name} is made anew: it fails where rows share the values that are to be unique.");
            found.push(rules::add_unique::RULE.finding(facts, id, message).advise("Look for rows that share values first."));
        }
        Kind::Constraint => found.extend(checked(facts, change, after.text("form").unwrap_or_default())),
        Kind::Table if attribute("partitioning").is_some() => {
            let message = format!("Table {name} is partitioned otherwise: its rows are written anew.");
            let advice = "Try it on a copy of the size of production, and do it when few write.";
            found.push(rules::change_partitioning::RULE.finding(facts, id, message).advise(advice));
        }
        _ => {}
    }
    found
}

fn spoken(change: Option<&AttributeChange>) -> String {
    match change.map(|change| (&change.before, &change.after)) {
        Some((Some(Value::Text(before)), Some(Value::Text(after)))) => format!(" ({before} → {after})"),
        _ => String::new(),
    }
}

fn retyped(facts: &Facts<'_>, change: &Change, before: &Object, after: &Object) -> Option<Finding> {
    let (old, new) = (before.text("type")?, after.text("type")?);
    if let Some(listed) = Listed::change(old, new) {
        let (level, what) = listed?.said();
        let message = format!("Column {} {what}.", look::name(&change.object));
        let advice = "Add new values at the end of the list; take none away before the rows that have it are changed.";
        return Some(rules::change_column_type::RULE.finding(facts, &change.object, message).advise(advice).at_level(level));
    }
    let level = match fit(old, new) {
        Fit::Wider => return None,
        Fit::Narrower | Fit::Other => Level::Danger,
    };
    let name = look::name(&change.object);
    let message = match fit(old, new) {
        Fit::Narrower => format!(
            "Column {name} becomes narrower ({old} → {new}): values that do not fit make the step fail, or are cut where the server is not strict."
        ),
        _ => format!(
            "The type of column {name} changes ({old} → {new}): values are converted one by one, and those that cannot be make the step fail."
        ),
    };
    let advice =
        "Add a column of the new type, fill it, have the application use it, and drop the old one in a later pull request.";
    Some(rules::change_column_type::RULE.finding(facts, &change.object, message).advise(advice).at_level(level))
}

/// What becomes of the list of an enum or a set. Values that are added at its end change the table's definition alone.
#[derive(Debug, PartialEq, Eq)]
enum Listed {
    Removed(Vec<String>),
    Reordered,
    InsertedBetween,
    /// A number of values from which on each takes more bytes in a row.
    Larger,
}

impl Listed {
    /// None where a type is no such list; none within it where the list only grows at its end.
    fn change(old: &str, new: &str) -> Option<Option<Listed>> {
        let list = |text: &str| {
            let lower = text.to_ascii_lowercase();
            let form = ["enum", "set"].into_iter().find(|form| lower.starts_with(&format!("{form}(")))?;
            Some((form, values(&text[form.len()..])))
        };
        let ((form, before), (other, after)) = (list(old)?, list(new)?);
        if form != other {
            return None;
        }
        let removed: Vec<String> = before.iter().filter(|value| !after.contains(value)).cloned().collect();
        let kept = after.iter().filter(|value| before.contains(value));
        let bytes = |count: usize| match form {
            "enum" => {
                if count > 255 {
                    2
                } else {
                    1
                }
            }
            _ => [1, 2, 3, 4, 8].into_iter().find(|bytes| count <= bytes * 8).unwrap_or(8),
        };
        Some(if !removed.is_empty() {
            Some(Listed::Removed(removed))
        } else if !kept.eq(before.iter()) {
            Some(Listed::Reordered)
        } else if !after.starts_with(&before) {
            Some(Listed::InsertedBetween)
        } else if bytes(after.len()) > bytes(before.len()) {
            Some(Listed::Larger)
        } else {
            None
        })
    }

    fn said(&self) -> (Level, String) {
        const COPIED: &str = "all rows are written anew, and the numbers that stand for the values are others";
        match self {
            Listed::Removed(values) => {
                (Level::Danger, format!("loses {}: rows that have it make the step fail, or lose it", look::listed(values)))
            }
            Listed::Reordered => (Level::Warning, format!("has its values in another order: {COPIED}")),
            Listed::InsertedBetween => (Level::Warning, format!("has new values before others: {COPIED}")),
            Listed::Larger => (Level::Warning, "has so many values that each takes a byte more: all rows are written anew".into()),
        }
    }
}

/// The values of `('a','b''c')`.
fn values(list: &str) -> Vec<String> {
    let (mut found, mut value): (Vec<String>, Option<String>) = (Vec::new(), None);
    let mut letters = list.chars().peekable();
    while let Some(letter) = letters.next() {
        match (&mut value, letter) {
            (None, '\'') => value = Some(String::new()),
            (None, _) => {}
            (Some(text), '\'') if letters.peek() == Some(&'\'') => {
                letters.next();
                text.push('\'');
            }
            (Some(_), '\'') => found.extend(value.take()),
            (Some(text), letter) => text.push(letter),
        }
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
enum Fit {
    /// Every value fits.
    Wider,
    Narrower,
    Other,
}

/// What a change of type does to values, by the types' names as the servers print them.
fn fit(old: &str, new: &str) -> Fit {
    let parse = |text: &str| {
        let lower = text.to_ascii_lowercase();
        let name = lower.split(['(', ' ']).next().unwrap_or_default().to_string();
        let inside = lower.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
        let sizes: Vec<u64> =
            inside.into_iter().flat_map(|inside| inside.split(',')).filter_map(|size| size.trim().parse().ok()).collect();
        let unsigned = lower.contains("unsigned");
        (name, sizes, unsigned)
    };
    let ((a, a_sizes, a_unsigned), (b, b_sizes, b_unsigned)) = (parse(old), parse(new));
    let place = |list: &[&str], name: &str| list.iter().position(|known| *known == name);
    let integers = ["tinyint", "smallint", "mediumint", "int", "bigint"];
    let by = |wider: bool| if wider { Fit::Wider } else { Fit::Narrower };
    if let (Some(from), Some(to)) = (place(&integers, &a), place(&integers, &b)) {
        return match (a_unsigned, b_unsigned) {
            (false, false) | (true, true) => by(to >= from),
            (true, false) => by(to > from),
            (false, true) => Fit::Narrower,
        };
    }
    let floats = ["float", "double"];
    if let (Some(from), Some(to)) = (place(&floats, &a), place(&floats, &b)) {
        return by(to >= from);
    }
    if a == "decimal" && b == "decimal" {
        let digits = |sizes: &[u64]| (sizes.first().copied().unwrap_or(10), sizes.get(1).copied().unwrap_or(0));
        let ((p, s), (q, t)) = (digits(&a_sizes), digits(&b_sizes));
        return by(t >= s && q.saturating_sub(t) >= p.saturating_sub(s));
    }
    // Most characters (of text types, bytes); a character of utf8mb4 may have four bytes.
    let most = |name: &str, sizes: &[u64]| match name {
        "char" | "varchar" => Some(sizes.first().copied().unwrap_or(1)),
        "tinytext" => Some(63),
        "text" => Some(16_383),
        "mediumtext" => Some(4_194_303),
        "longtext" => Some(1 << 30),
        _ => None,
    };
    if let (Some(from), Some(to)) = (most(&a, &a_sizes), most(&b, &b_sizes)) {
        return by(to >= from);
    }
    let bytes = |name: &str, sizes: &[u64]| match name {
        "binary" | "varbinary" => Some(sizes.first().copied().unwrap_or(1)),
        "tinyblob" => Some(255),
        "blob" => Some(65_535),
        "mediumblob" => Some(16_777_215),
        "longblob" => Some(1 << 32),
        _ => None,
    };
    if let (Some(from), Some(to)) = (bytes(&a, &a_sizes), bytes(&b, &b_sizes)) {
        return by(to >= from);
    }
    if a == b && ["timestamp", "datetime", "time"].contains(&a.as_str()) {
        let digits = |sizes: &[u64]| sizes.first().copied().unwrap_or(0);
        return by(digits(&b_sizes) >= digits(&a_sizes));
    }
    Fit::Other
}

#[cfg(test)]
mod tests {
    use super::{Fit, Listed, fit};

    #[test]
    fn what_becomes_of_a_list_of_values_is_told_by_the_values() {
        let many = |count: usize| format!("enum({})", (0..count).map(|n| format!("'{n}'")).collect::<Vec<_>>().join(","));
        let flags = |count: usize| many(count).replace("enum", "set");
        for (old, new, wanted) in [
            ("enum('a')", "enum('a','b')", Some(None)),
            ("enum('a','b')", "enum('b')", Some(Some(Listed::Removed(vec!["a".into()])))),
            ("enum('a','b')", "enum('b','a','c')", Some(Some(Listed::Reordered))),
            ("enum('a','b')", "enum('a','c','b')", Some(Some(Listed::InsertedBetween))),
            ("enum('a)','it''s')", "enum('a)','it''s',',')", Some(None)),
            (&many(255), &many(256), Some(Some(Listed::Larger))),
            (&many(256), &many(257), Some(None)),
            ("set('a','b')", "set('a')", Some(Some(Listed::Removed(vec!["b".into()])))),
            (&flags(7), &flags(8), Some(None)),
            (&flags(8), &flags(9), Some(Some(Listed::Larger))),
            (&flags(32), &flags(33), Some(Some(Listed::Larger))),
            (&flags(33), &flags(64), Some(None)),
            ("enum('a')", "set('a')", None),
            ("enum('a')", "varchar(3)", None),
        ] {
            assert_eq!(Listed::change(old, new), wanted, "{old} -> {new}");
        }
    }

    #[test]
    fn families_of_types_are_known() {
        for (old, new, wanted) in [
            ("int(11)", "bigint(20)", Fit::Wider),
            ("int", "int unsigned", Fit::Narrower),
            ("int unsigned", "bigint", Fit::Wider),
            ("varchar(255)", "text", Fit::Wider),
            ("text", "varchar(255)", Fit::Narrower),
            ("decimal(10,2)", "decimal(12,2)", Fit::Wider),
            ("decimal(10,2)", "decimal(10,4)", Fit::Narrower),
            ("vector(1536)", "vector(384)", Fit::Other),
            ("text", "timestamp", Fit::Other),
        ] {
            assert_eq!(fit(old, new), wanted, "{old} to {new}");
        }
    }
}
