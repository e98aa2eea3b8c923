//! One table that stays: its columns, keys, options and partitioning brought to the target, or the whole of it made anew.

use std::collections::BTreeSet;

use super::{Planner, Statements, create_table, form};
use crate::{
    catalog::{Kind, Object, ObjectId},
    mysql::{qualified, quoted},
    sandbox::mysql::Flavor,
    script::mysql::tokens,
};

impl Planner<'_> {
    /// What TiDB never does in place: the key that orders a table, and AUTO_RANDOM in it.
    pub(super) fn needs_rebuild(&self, table: &Object) -> bool {
        if self.flavor != Flavor::TiDb || !self.target.objects.contains_key(&table.id) {
            return false;
        }
        let primary = ObjectId::new(Kind::Constraint, table.id.path.iter().map(String::as_str).chain(["PRIMARY"]));
        let clustered = |id: &ObjectId| {
            let of = |catalog: &crate::catalog::Catalog| catalog.objects.get(id).is_some_and(|table| table.flag("clustered"));
            of(self.base) || of(self.target)
        };
        let key_changes = self.altered.contains(&primary)
            || self.base.objects.contains_key(&primary) != self.target.objects.contains_key(&primary);
        let random = Self::parts(self.base, &table.id, Kind::Column).any(|column| {
            self.target.objects.get(&column.id).is_some_and(|new| new.text("auto_random") != column.text("auto_random"))
        });
        random || (key_changes && clustered(&table.id))
    }

    pub(super) fn alter_table(&self, id: &ObjectId) -> Vec<(String, Vec<ObjectId>)> {
        let name = qualified(&id.path);
        let mut clauses: Statements = Vec::new();
        let (keys_away, keys_new) = self.keys(id);
        clauses.extend(keys_away);
        let options = self.options(id);
        let (columns_gone, columns_new) = self.columns_of(id);
        clauses.extend(options);
        // A table has a column at any time.
        let all_go = Self::columns(self.base, id).iter().all(|column| !self.target.objects.contains_key(&column.id));
        let (first, second) = if all_go { (columns_new, columns_gone) } else { (columns_gone, columns_new) };
        clauses.extend(first);
        clauses.extend(second);
        clauses.extend(keys_new);
        let mut found: Vec<(String, Vec<ObjectId>)> = match self.flavor {
            // TiDB refuses several kinds of change in one statement, and gains nothing from it.
            Flavor::TiDb => {
                clauses.into_iter().map(|(clause, object)| (format!("ALTER TABLE {name} {clause}"), vec![object])).collect()
            }
            // One statement copies the table once at the most.
            Flavor::MySql | Flavor::MariaDb => together(&name, clauses),
        };
        found.extend(self.partitioning(id).into_iter().chain(self.replica(id)).map(|(sql, object)| (sql, vec![object])));
        found
    }

    /// Keys and checks that go, and those that come.
    fn keys(&self, table: &ObjectId) -> (Statements, Statements) {
        let (mut away, mut new) = (Vec::new(), Vec::new());
        for kind in [Kind::Index, Kind::Constraint] {
            for key in Self::parts(self.base, table, kind).filter(|key| form(key) != "f" && self.changes(&key.id)) {
                let clause = match form(key) {
                    "p" => "DROP PRIMARY KEY".to_string(),
                    "c" => format!("DROP CONSTRAINT {}", quoted(key.id.name())),
                    _ => format!("DROP INDEX {}", quoted(key.id.name())),
                };
                away.push((clause, key.id.clone()));
            }
        }
        // The primary key first: an AUTO_INCREMENT column needs it.
        for kind in [Kind::Constraint, Kind::Index] {
            for key in Self::parts(self.target, table, kind).filter(|key| form(key) != "f" && self.changes(&key.id)) {
                new.push((format!("ADD {}", key.text("definition").unwrap_or_default()), key.id.clone()));
            }
        }
        (away, new)
    }

    /// Columns that go, and those that come or change, in the order of the target.
    fn columns_of(&self, table: &ObjectId) -> (Statements, Statements) {
        let (before, after) = (Self::columns(self.base, table), Self::columns(self.target, table));
        let replaced = self.replaced(&before);
        let goes = |column: &Object| replaced.contains(&column.id) || !self.target.objects.contains_key(&column.id);
        let mut gone: Vec<&&Object> = before.iter().filter(|column| goes(column)).collect();
        // What is computed from others goes before them.
        gone.sort_by_key(|column| column.text("generated").is_none());
        let gone =
            gone.into_iter().map(|column| (format!("DROP COLUMN {}", quoted(column.id.name())), column.id.clone())).collect();
        let stay: Vec<&str> = before.iter().filter(|column| !goes(column)).map(|column| column.id.name()).collect();
        let wanted: Vec<&str> = after.iter().map(|column| column.id.name()).filter(|name| stay.contains(name)).collect();
        let in_place = longest_common(&stay, &wanted);
        let mut new = Vec::new();
        let mut previous: Option<&str> = None;
        for (at, column) in after.iter().enumerate() {
            let name = column.id.name();
            let position = match previous {
                Some(previous) => format!(" AFTER {}", quoted(previous)),
                None => " FIRST".into(),
            };
            let definition = column.text("definition").unwrap_or_default();
            let comes = !stay.contains(&name);
            let moves = !comes && !in_place.contains(name);
            if comes {
                // At the end without saying so, when all that follows is new too.
                let rest_is_new = after.iter().skip(at).all(|column| !stay.contains(&column.id.name()));
                let position = if rest_is_new { String::new() } else { position };
                new.push((format!("ADD COLUMN {} {definition}{position}", quoted(name)), column.id.clone()));
            } else if moves || self.altered.contains(&column.id) {
                let position = if moves { position } else { String::new() };
                new.push((format!("MODIFY COLUMN {} {definition}{position}", quoted(name)), column.id.clone()));
            }
            previous = Some(name);
        }
        (gone, new)
    }

    /// Columns that are dropped and added again: what is computed otherwise, and on TiDB what is computed from a column that changes.
    fn replaced(&self, before: &[&Object]) -> BTreeSet<ObjectId> {
        let changed: Vec<&str> =
            before.iter().filter(|column| self.altered.contains(&column.id)).map(|column| column.id.name()).collect();
        before
            .iter()
            .filter(|column| {
                let Some(new) = self.target.objects.get(&column.id) else { return false };
                let (was, is) = (column.text("generated"), new.text("generated"));
                let stored_becomes_plain = is.is_none() && was.is_some_and(|was| was.ends_with("STORED"));
                let rests_on_changed = || {
                    self.flavor == Flavor::TiDb
                        && was.is_some_and(|was| {
                            tokens(was).iter().any(|token| token.name().is_some_and(|name| changed.contains(&name.as_str())))
                        })
                };
                (was != is && !stored_becomes_plain) || rests_on_changed()
            })
            .map(|column| column.id.clone())
            .collect()
    }

    fn options(&self, id: &ObjectId) -> Statements {
        let (Some(before), Some(after)) = (self.base.objects.get(id), self.target.objects.get(id)) else { return Vec::new() };
        let mut found = Vec::new();
        let differs = |name: &str| before.text(name) != after.text(name);
        if differs("charset") || differs("collate") {
            let collate = after.text("collate").map(|collate| format!(" COLLATE {collate}")).unwrap_or_default();
            found.push(format!("DEFAULT CHARACTER SET {}{collate}", after.text("charset").unwrap_or("utf8mb4")));
        }
        for (name, clause, none) in OPTIONS {
            if differs(name) {
                match after.text(name) {
                    Some(value) => found.push(format!("{clause}={value}")),
                    None => found.push((*none).to_string()),
                }
            }
        }
        if differs("ttl") || (after.text("ttl").is_some() && (differs("ttl_enable") || differs("ttl_job_interval"))) {
            match after.text("ttl") {
                None => found.push("REMOVE TTL".into()),
                Some(ttl) => {
                    let more = [("TTL_ENABLE", "ttl_enable"), ("TTL_JOB_INTERVAL", "ttl_job_interval")];
                    let more = more.iter().filter_map(|(word, name)| Some(format!(" {word}={}", after.text(name)?)));
                    found.push(format!("TTL={ttl}{}", more.collect::<String>()));
                }
            }
        }
        found.into_iter().filter(|clause| !clause.is_empty()).map(|clause| (clause, id.clone())).collect()
    }

    fn partitioning(&self, id: &ObjectId) -> Statements {
        let of = |catalog: &'_ crate::catalog::Catalog| catalog.objects.get(id)?.text("partitioning").map(str::to_string);
        let name = qualified(&id.path);
        let sql = match (of(self.base), of(self.target)) {
            (before, after) if before == after => return Vec::new(),
            (_, None) => format!("ALTER TABLE {name} REMOVE PARTITIONING"),
            (Some(before), Some(after)) => match added_at_the_end(&before, &after) {
                Some(partitions) => format!("ALTER TABLE {name} ADD PARTITION ({partitions})"),
                None => format!("ALTER TABLE {name} {after}"),
            },
            (None, Some(after)) => format!("ALTER TABLE {name} {after}"),
        };
        vec![(sql, id.clone())]
    }

    fn replica(&self, id: &ObjectId) -> Statements {
        let of = |catalog: &'_ crate::catalog::Catalog| catalog.objects.get(id)?.text("tiflash_replica").map(str::to_string);
        let (before, after) = (of(self.base), of(self.target));
        if before == after {
            return Vec::new();
        }
        vec![(format!("ALTER TABLE {} SET TIFLASH REPLICA {}", qualified(&id.path), after.as_deref().unwrap_or("0")), id.clone())]
    }

    /// A new table beside the old one, filled from it, in its place. The rows stay; a value that does not fit is an error before
    /// anything is dropped.
    pub(super) fn rebuild_table(&self, table: &Object) -> Statements {
        let id = &table.id;
        let [database, name] = id.path.as_slice() else { return Vec::new() };
        let beside = [database.clone(), super::beside(name)];
        let Some(create) = create_table(table, &beside) else { return Vec::new() };
        let mut statements = vec![create];
        let common: Vec<String> = Self::columns(self.target, id)
            .iter()
            .filter(|column| column.text("generated").is_none() && self.base.objects.contains_key(&column.id))
            .map(|column| quoted(column.id.name()))
            .collect();
        if Self::columns(self.target, id).iter().any(|column| column.text("auto_random").is_some()) {
            statements.push("SET SESSION allow_auto_random_explicit_insert = ON".into());
        }
        let (old, new) = (qualified(&id.path), qualified(&beside));
        if !common.is_empty() {
            let list = common.join(", ");
            statements.push(format!("INSERT INTO {new} ({list}) SELECT {list} FROM {old}"));
        }
        // At once: there is no moment without the table, and whatever a run that was killed left beside it has no row of its own.
        let aside = qualified(&[database.clone(), super::aside(name)]);
        statements.push(format!("RENAME TABLE {old} TO {aside}, {new} TO {old}"));
        statements.push(format!("DROP TABLE {aside}"));
        statements.into_iter().map(|sql| (sql, id.clone())).collect()
    }
}

/// Attribute, clause, and what undoes it.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("engine", "ENGINE", ""),
    ("comment", "COMMENT", "COMMENT=''"),
    ("row_format", "ROW_FORMAT", "ROW_FORMAT=DEFAULT"),
    ("key_block_size", "KEY_BLOCK_SIZE", "KEY_BLOCK_SIZE=0"),
    ("shard_row_id_bits", "SHARD_ROW_ID_BITS", "SHARD_ROW_ID_BITS=0"),
    ("auto_id_cache", "AUTO_ID_CACHE", "AUTO_ID_CACHE=0"),
    ("placement_policy", "PLACEMENT POLICY", "PLACEMENT POLICY=`default`"),
];

/// One ALTER for all of them.
fn together(name: &str, clauses: Statements) -> Vec<(String, Vec<ObjectId>)> {
    if clauses.is_empty() {
        return Vec::new();
    }
    let (list, objects): (Vec<String>, Vec<ObjectId>) = clauses.into_iter().unzip();
    let gap = if list.len() > 1 { "\n  " } else { " " };
    vec![(format!("ALTER TABLE {name}{gap}{}", list.join(",\n  ")), objects)]
}

/// Names of a longest run of columns that keep their order.
fn longest_common<'a>(before: &[&'a str], after: &[&'a str]) -> BTreeSet<&'a str> {
    let mut length = vec![vec![0usize; after.len() + 1]; before.len() + 1];
    for (i, one) in before.iter().enumerate().rev() {
        for (j, other) in after.iter().enumerate().rev() {
            length[i][j] = if one == other { length[i + 1][j + 1] + 1 } else { length[i + 1][j].max(length[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, BTreeSet::new());
    while i < before.len() && j < after.len() {
        if before[i] == after[j] {
            found.insert(before[i]);
            (i, j) = (i + 1, j + 1);
        } else if length[i + 1][j] >= length[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// The partitions that are new when all old ones are there as they were, before them.
fn added_at_the_end(before: &str, after: &str) -> Option<String> {
    let before = before.trim_end().strip_suffix(')')?;
    let more = after.trim_end().strip_suffix(')')?.strip_prefix(before)?;
    let more = more.trim_start().strip_prefix(',')?.trim();
    // A default partition or MAXVALUE takes no others after it.
    (!before.to_ascii_uppercase().contains("MAXVALUE") && !more.is_empty()).then(|| more.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_columns_as_can_be_are_moved() {
        let found = longest_common(&["a", "b", "c", "d"], &["d", "a", "b", "c"]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn partitions_at_the_end_are_told_from_others() {
        let before = "PARTITION BY RANGE (`y`)\n(PARTITION `p0` VALUES LESS THAN (10))";
        let after = "PARTITION BY RANGE (`y`)\n(PARTITION `p0` VALUES LESS THAN (10),\n PARTITION `p1` VALUES LESS THAN (20))";
        assert_eq!(added_at_the_end(before, after).as_deref(), Some("PARTITION `p1` VALUES LESS THAN (20)"));
        assert_eq!(added_at_the_end(after, before), None);
    }
}
