//! What a live database is asked about the findings that depend on data, and what its answers make of them. Pure: asks nobody.
//!
//! A question is a `SELECT count(*)` that is made of names of the live database's own catalog, quoted, of numbers, and of operators
//! that its session resolves in `pg_catalog` alone. Text of the pull request is in none: a check is taken apart and written anew, and
//! only where it is made of columns, literals and Postgres's own operators (`check`); else it is not asked, and that is said.

use std::collections::BTreeMap;

use crate::{
    catalog::{Catalog, Kind, Object, ObjectId},
    plan::sql,
    risk::{Facts, Finding, Level, look, types},
};

mod check;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    Nulls,
    TooLong,
    OutOfRange,
    Duplicates,
    Orphans,
    Violations,
}

/// One question to the live database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The object of the finding.
    pub object: ObjectId,
    pub counted: Counted,
    /// A statement that answers with one number.
    pub sql: String,
}

/// Why there is no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    TimedOut {
        seconds: u64,
    },
    /// There was no time left for it.
    NotAsked,
    /// SQLSTATE of the refusal: no right to read the table, row security that would hide rows, and the like.
    Refused {
        sqlstate: String,
    },
    /// It cannot be asked without running code that is not Postgres's own.
    NotSafe,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub object: ObjectId,
    pub counted: Counted,
    pub rows: Result<u64, Unanswered>,
}

/// A relation's size in the live database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// With indexes and TOAST: `pg_total_relation_size`, partitions included.
    pub bytes: u64,
    /// The planner's estimate (`reltuples`); absent where the table was never analysed.
    pub rows: Option<u64>,
}

/// What a live database says about a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    /// Its address, without the password.
    pub database: String,
    /// By quoted name, as locks name relations.
    pub relations: BTreeMap<String, Size>,
    pub answers: Vec<Answer>,
}

/// The questions that findings raise, and those that cannot be asked.
pub fn questions(facts: &Facts<'_>, live: &Catalog, found: &[Finding]) -> (Vec<Question>, Vec<Answer>) {
    let (mut asked, mut unsafe_ones): (Vec<Question>, Vec<Answer>) = (Vec::new(), Vec::new());
    let sides = Asking { facts, live };
    for finding in found {
        for (counted, sql) in sides.about(finding) {
            let object = finding.object.clone();
            match sql {
                Some(sql) => asked.push(Question { object, counted, sql }),
                None => unsafe_ones.push(Answer { object, counted, rows: Err(Unanswered::NotSafe) }),
            }
        }
    }
    asked.dedup();
    (asked, unsafe_ones)
}

/// Puts the answers beside the findings. Where rows are in the way the statement fails for certain: that is a danger.
pub fn beside(live: &Live, found: &mut [Finding]) {
    for finding in found {
        let answers: Vec<&Answer> =
            live.answers.iter().filter(|answer| answer.object == finding.object && fits(finding, answer)).collect();
        if answers.is_empty() {
            continue;
        }
        finding.live = Some(answers.iter().map(|answer| sentence(answer)).collect::<Vec<_>>().join(" "));
        if answers.iter().any(|answer| answer.rows.as_ref().is_ok_and(|rows| *rows > 0)) {
            finding.level = Level::Danger;
        }
    }
}

fn fits(finding: &Finding, answer: &Answer) -> bool {
    matches!(
        (finding.rule, answer.counted),
        ("set-not-null" | "add-primary-key", Counted::Nulls)
            | ("change-column-type", Counted::TooLong | Counted::OutOfRange)
            | ("add-unique" | "add-primary-key", Counted::Duplicates)
            | ("add-foreign-key", Counted::Orphans)
            | ("add-check", Counted::Violations)
    )
}

/// An answer as a reader is told it.
pub fn sentence(answer: &Answer) -> String {
    let (many, one, what) = match answer.counted {
        Counted::Nulls => ("have NULL there", "has NULL there", "NULLs"),
        Counted::TooLong => ("have a value that is too long", "has a value that is too long", "values that are too long"),
        Counted::OutOfRange => ("have a value out of range", "has a value out of range", "values out of range"),
        Counted::Duplicates => ("are equal to another", "is equal to another", "equal rows"),
        Counted::Orphans => ("have no counterpart", "has no counterpart", "rows without a counterpart"),
        Counted::Violations => ("do not fulfil it", "does not fulfil it", "rows that do not fulfil it"),
    };
    match &answer.rows {
        Ok(0) => format!("In the live database no row {one}."),
        Ok(1) => format!("In the live database one row {one}: the statement fails."),
        Ok(rows) => format!("In the live database {rows} rows {many}: the statement fails."),
        Err(Unanswered::TimedOut { seconds }) => format!("The live database did not count {what} within {seconds} s."),
        Err(Unanswered::NotAsked) => format!("There was no time left to count {what} in the live database."),
        Err(Unanswered::Refused { sqlstate }) => format!("The live database refused to count {what} ({sqlstate})."),
        Err(Unanswered::NotSafe) => {
            format!("The live database was not asked for {what}: that would run more than Postgres's own operators.")
        }
    }
}

struct Asking<'a> {
    facts: &'a Facts<'a>,
    live: &'a Catalog,
}

/// Statement of a question; none where it cannot be asked safely.
type Asked = (Counted, Option<String>);

impl Asking<'_> {
    fn about(&self, finding: &Finding) -> Vec<Asked> {
        let object = &finding.object;
        match finding.rule {
            "set-not-null" => self.column(object).map(|column| (Counted::Nulls, Some(nulls(&[column])))).into_iter().collect(),
            "change-column-type" => self.narrowed(object).into_iter().collect(),
            "add-unique" => self.duplicates(object).into_iter().collect(),
            "add-primary-key" => {
                let columns = self.key(object);
                let nulls = columns.map(|columns| (Counted::Nulls, Some(nulls(&columns))));
                nulls.into_iter().chain(self.duplicates(object)).collect()
            }
            "add-foreign-key" => self.orphans(object).into_iter().collect(),
            "add-check" => self.violations(object).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The same object in the live database, which has it under its old name.
    fn of_live(&self, id: &ObjectId) -> Option<&Object> {
        let renames = self.facts.changes.iter().filter_map(|change| Some((&change.object, change.renamed_from.as_ref()?)));
        let mut old = id.clone();
        for (to, from) in renames {
            if to.path.len() <= id.path.len()
                && id.path.starts_with(&to.path)
                && (to.kind == id.kind || to.path.len() < id.path.len())
            {
                old.path = from.path.iter().chain(&id.path[to.path.len()..]).cloned().collect();
            }
        }
        self.live.objects.get(&old).or_else(|| self.live.objects.get(id))
    }

    /// A column of a table of the live database.
    fn column(&self, id: &ObjectId) -> Option<&Object> {
        self.of_live(id).filter(|column| column.parent.as_ref().is_some_and(|parent| parent.kind == Kind::Table))
    }

    /// The live columns of a key of the target, in the key's order.
    fn key(&self, id: &ObjectId) -> Option<Vec<&Object>> {
        let key = self.facts.target.objects.get(id)?;
        let table = key.parent.as_ref()?;
        self.columns_at(table, &numbers(key.text("key")?))
    }

    fn columns_at(&self, table: &ObjectId, numbers: &[i32]) -> Option<Vec<&Object>> {
        let columns = |wanted: &i32| {
            let mut of_table = self.facts.target.within(Kind::Column, table);
            self.column(&of_table.find(|column| column.address.is_some_and(|at| at.sub == *wanted))?.id)
        };
        let found: Option<Vec<&Object>> = numbers.iter().map(columns).collect();
        found.filter(|columns| !columns.is_empty())
    }

    fn duplicates(&self, id: &ObjectId) -> Option<Asked> {
        let columns = self.key(id)?;
        if !columns.iter().all(|column| is_own(column)) {
            return Some((Counted::Duplicates, None));
        }
        let names: Vec<String> = columns.iter().map(|column| name(column)).collect();
        let definition = self.facts.target.objects.get(id).and_then(|key| key.text("definition")).unwrap_or_default();
        let present: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
        let filter =
            if definition.contains("NULLS NOT DISTINCT") { String::new() } else { format!(" WHERE {}", present.join(" AND ")) };
        let sql = format!(
            "SELECT coalesce(pg_catalog.sum(n - 1), 0)::pg_catalog.int8 FROM (SELECT pg_catalog.count(*) AS n FROM {}{filter} \
             GROUP BY {} HAVING pg_catalog.count(*) > 1) AS equal",
            table(columns.first()?),
            names.join(", ")
        );
        Some((Counted::Duplicates, Some(sql)))
    }

    fn orphans(&self, id: &ObjectId) -> Option<Asked> {
        let constraint = self.facts.target.objects.get(id)?;
        let local = self.key(id)?;
        let oid: u32 = constraint.text("referenced")?.parse().ok()?;
        let at = |table: &&Object| table.address.is_some_and(|at| at.object == oid && at.sub == 0);
        let referenced = self.facts.target.of_kind(Kind::Table).find(at)?;
        let keys = self.columns_at(&referenced.id, &numbers(constraint.text("referenced_key")?))?;
        if keys.len() != local.len() || !local.iter().chain(&keys).all(|column| is_own(column)) {
            return Some((Counted::Orphans, None));
        }
        let present: Vec<String> = local.iter().map(|column| format!("t.{} IS NOT NULL", name(column))).collect();
        let equal: Vec<String> =
            local.iter().zip(&keys).map(|(here, there)| format!("r.{} = t.{}", name(there), name(here))).collect();
        let sql = format!(
            "SELECT pg_catalog.count(*) FROM {} AS t WHERE {} AND NOT EXISTS (SELECT FROM {} AS r WHERE {})",
            table(local.first()?),
            present.join(" AND "),
            table(keys.first()?),
            equal.join(" AND ")
        );
        Some((Counted::Orphans, Some(sql)))
    }

    fn violations(&self, id: &ObjectId) -> Option<Asked> {
        let constraint = self.facts.target.objects.get(id)?;
        let of_table = |object: &&Object| object.id.kind == Kind::Column && object.parent == constraint.parent;
        let columns: BTreeMap<&str, &Object> = self
            .facts
            .target
            .objects
            .values()
            .filter(of_table)
            .filter_map(|column| Some((look::last_name(&column.id), self.column(&column.id)?)))
            .collect();
        let from = table(columns.values().next()?);
        let own = columns.into_iter().filter(|(_, column)| is_own(column)).map(|(new, column)| (new, name(column))).collect();
        let predicate = check::rewritten(constraint.text("definition")?, &own);
        let sql = predicate.map(|predicate| format!("SELECT pg_catalog.count(*) FROM {from} WHERE NOT ({predicate})"));
        Some((Counted::Violations, sql))
    }

    /// Values that the narrower type does not take.
    fn narrowed(&self, id: &ObjectId) -> Option<Asked> {
        let column = self.column(id)?;
        let (old, _) = types::parse(look::text(column, "type")?);
        let (new, limits) = types::parse(look::text(self.facts.target.objects.get(id)?, "type")?);
        let (counted, condition) = match (old.as_str(), new.as_str(), limits.as_slice()) {
            ("text" | "character varying" | "character", "character varying" | "character", [length]) => {
                // Blanks at the end are cut without a word.
                let rest = format!("pg_catalog.substr({}::pg_catalog.text, {})", name(column), length + 1);
                (Counted::TooLong, format!("pg_catalog.rtrim({rest}) <> ''"))
            }
            ("bigint" | "integer" | "numeric" | "real" | "double precision", "smallint" | "integer" | "bigint", _) => {
                let (low, high) = match new.as_str() {
                    "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
                    "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
                    _ => (i64::MIN, i64::MAX),
                };
                let value = if old == "bigint" || old == "integer" {
                    name(column)
                } else {
                    format!("pg_catalog.round({}::pg_catalog.numeric)", name(column))
                };
                (Counted::OutOfRange, format!("{value} < {low}::pg_catalog.numeric OR {value} > {high}::pg_catalog.numeric"))
            }
            ("numeric" | "bigint" | "integer" | "smallint", "numeric", [precision, rest @ ..]) => {
                let scale = rest.first().copied().unwrap_or(0);
                let digits = u32::try_from(precision - scale).ok().filter(|digits| *digits < 1000 && (0..1000).contains(&scale))?;
                let value = format!("pg_catalog.abs(pg_catalog.round({}::pg_catalog.numeric, {scale}))", name(column));
                (Counted::OutOfRange, format!("{value} >= 1e{digits}::pg_catalog.numeric"))
            }
            _ => return None,
        };
        Some((counted, Some(format!("SELECT pg_catalog.count(*) FROM {} WHERE {condition}", table(column)))))
    }
}

fn nulls(columns: &[&Object]) -> String {
    let null: Vec<String> = columns.iter().map(|column| format!("{} IS NULL", name(column))).collect();
    let from = columns.first().map(|column| table(column)).unwrap_or_default();
    format!("SELECT pg_catalog.count(*) FROM {from} WHERE {}", null.join(" OR "))
}

fn table(column: &Object) -> String {
    sql::qualified(column.id.path.get(..2).unwrap_or_default())
}

fn name(column: &Object) -> String {
    sql::ident(look::last_name(&column.id))
}

/// The numbers in a list as Postgres prints one: `{1,2}`.
fn numbers(list: &str) -> Vec<i32> {
    list.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// Whether a column's values are compared by Postgres's own code: its type is one of these. Types of `pg_catalog` are printed without
/// a schema, all others with theirs.
fn is_own(column: &Object) -> bool {
    const OWN: [&str; 24] = [
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "boolean",
        "text",
        "character varying",
        "character",
        "name",
        "uuid",
        "date",
        "time without time zone",
        "time with time zone",
        "timestamp without time zone",
        "timestamp with time zone",
        "interval",
        "bytea",
        "inet",
        "cidr",
        "macaddr",
        "bit",
        "jsonb",
    ];
    look::text(column, "type").is_some_and(|name| OWN.contains(&types::base(name).as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_sentence_and_rows_in_the_way_are_a_danger() {
        let object = ObjectId::new(Kind::Column, ["public", "t", "c"]);
        let finding = || Finding {
            rule: "set-not-null",
            level: Level::Warning,
            object: object.clone(),
            message: String::new(),
            advice: String::new(),
            safer_sql: None,
            place: None,
            step: None,
            measured: None,
            live: None,
            note: None,
        };
        let after = |rows| {
            let answers = vec![Answer { object: object.clone(), counted: Counted::Nulls, rows }];
            let mut found = [finding()];
            beside(&Live { answers, ..Live::default() }, &mut found);
            (found[0].level, found[0].live.clone().unwrap())
        };
        assert_eq!(after(Ok(12)), (Level::Danger, "In the live database 12 rows have NULL there: the statement fails.".into()));
        assert_eq!(after(Ok(0)), (Level::Warning, "In the live database no row has NULL there.".into()));
        assert_eq!(
            after(Err(Unanswered::TimedOut { seconds: 10 })),
            (Level::Warning, "The live database did not count NULLs within 10 s.".into())
        );
    }
}
