//! One table that stays: its columns, keys, options and partitioning brought to the target, or the whole of it made anew.

use std::collections::{BTreeMap, BTreeSet};

use super::{Planner, Statements, create_table, form};
use crate::{
    catalog::{Kind, Object, ObjectId},
    mysql::{ddl::unwrapped, qualified, quoted},
    sandbox::mysql::Flavor,
    script::mysql::{TokenKind, tokens},
};

impl Planner<'_> {
    /// What is never done in place: on TiDB the key that orders a table, AUTO_RANDOM in it, the way in which it hands out numbers, how
    /// it is split, and stored columns that are computed; on MariaDB the columns that say when a row held.
    pub(super) fn needs_rebuild(&self, table: &Object) -> bool {
        let Some(wanted) = self.target.objects.get(&table.id) else { return false };
        if self.flavor != Flavor::TiDb {
            let versions = |table: &Object| {
                let lines = table.list("other").iter();
                lines.filter(|line| line.starts_with("PERIOD FOR SYSTEM_TIME")).cloned().collect::<Vec<_>>()
            };
            return versions(table) != versions(wanted);
        }
        let differs = |name: &str| table.text(name) != wanted.text(name);
        let replaced = self.replaced(&Self::columns(self.base, &table.id));
        let is_stored = |column: &Object| column.text("generated").is_some_and(|generated| generated.ends_with("STORED"));
        let comes = |column: &Object| replaced.contains(&column.id) || !self.base.objects.contains_key(&column.id);
        if Self::columns(self.target, &table.id).into_iter().any(|column| is_stored(column) && comes(column)) {
            return true;
        }
        let numbers_alone = |table: &Object| table.text("auto_id_cache") == Some("1");
        if numbers_alone(table) != numbers_alone(wanted)
            || (differs("pre_split_regions") && wanted.text("shard_row_id_bits").is_some())
        {
            return true;
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
        let (lines_away, lines_new) = self.other_lines(id);
        let (ttl_away, ttl_new) = self.ttl(id);
        let (columns_gone, columns_new) = self.columns_of(id);
        clauses.extend(keys_away.into_iter().chain(lines_away).chain(ttl_away).chain(self.options(id)));
        // A table has a column at any time.
        let all_go = Self::columns(self.base, id).iter().all(|column| !self.target.objects.contains_key(&column.id));
        let (first, second) = if all_go { (columns_new, columns_gone) } else { (columns_gone, columns_new) };
        clauses.extend(first.into_iter().chain(second).chain(ttl_new).chain(lines_new).chain(keys_new));
        let (unversioned, versioned) = self.versioning(id);
        clauses.extend(versioned);
        let keeps_history = unversioned.is_empty() && self.is_versioned(self.base, id) && !clauses.is_empty();
        let mut found: Vec<(String, Vec<ObjectId>)> = match self.flavor {
            // TiDB refuses several kinds of change in one statement, and gains nothing from it.
            Flavor::TiDb => {
                clauses.into_iter().map(|(clause, object)| (format!("ALTER TABLE {name} {clause}"), vec![object])).collect()
            }
            // One statement copies the table once at the most.
            Flavor::MySql | Flavor::MariaDb => [together(&name, unversioned), together(&name, clauses)].concat(),
        };
        if keeps_history {
            let set = |value: &str| (format!("SET SESSION system_versioning_alter_history = {value}"), vec![id.clone()]);
            found.insert(0, set("KEEP"));
            found.push(set("DEFAULT"));
        }
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
        let kinds = [Kind::Constraint, Kind::Index].into_iter();
        let mut keys: Vec<&Object> = kinds
            .flat_map(|kind| Self::parts(self.target, table, kind))
            .filter(|key| form(key) != "f" && self.changes(&key.id))
            .collect();
        // The primary key first: an AUTO_INCREMENT column needs it. The others as the target prints them.
        keys.sort_by_key(|key| (form(key) != "p", key.integer("position")));
        new.extend(keys.into_iter().map(|key| (format!("ADD {}", key.text("definition").unwrap_or_default()), key.id.clone())));
        (away, new)
    }

    /// Lines that are neither columns nor keys: MariaDB's periods.
    fn other_lines(&self, table: &ObjectId) -> (Statements, Statements) {
        let of = |catalog: &crate::catalog::Catalog| {
            let lines = catalog.objects.get(table).map(|table| table.list("other").to_vec()).unwrap_or_default();
            lines.into_iter().filter(|line| line.starts_with("PERIOD FOR ")).collect::<Vec<_>>()
        };
        let (before, after) = (of(self.base), of(self.target));
        let named = |line: &str| line.split(" (").next().unwrap_or(line).to_string();
        let away = before.iter().filter(|line| !after.contains(line)).map(|line| (format!("DROP {}", named(line)), table.clone()));
        let new = after.iter().filter(|line| !before.contains(line)).map(|line| (format!("ADD {line}"), table.clone()));
        (away.collect(), new.collect())
    }

    fn is_versioned(&self, catalog: &crate::catalog::Catalog, table: &ObjectId) -> bool {
        catalog.objects.get(table).is_some_and(|table| table.text("system_versioning").is_some())
    }

    /// The columns of a versioned table that say when a row held, where these are times: numbers of transactions are the server's alone.
    fn history_of(&self, catalog: &crate::catalog::Catalog, table: &ObjectId) -> Option<String> {
        let lines = catalog.objects.get(table).filter(|_| self.is_versioned(catalog, table))?.list("other").iter();
        let Some(period) = lines.into_iter().find_map(|line| line.strip_prefix("PERIOD FOR SYSTEM_TIME")) else {
            return Some("`row_start`, `row_end`".into());
        };
        let columns: Vec<String> = tokens(period).iter().filter_map(|token| token.name()).collect();
        let is_time = |name: &String| {
            let column = ObjectId::new(Kind::Column, table.path.iter().chain([name]));
            let column = catalog.objects.get(&column);
            column.and_then(|column| column.text("type")).is_some_and(|form| form.starts_with("timestamp"))
        };
        columns.iter().all(is_time).then(|| columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "))
    }

    /// MariaDB's versions of rows: what ends them, in a statement of its own, and what begins them.
    fn versioning(&self, table: &ObjectId) -> (Statements, Statements) {
        let clause = |word: &str| vec![(format!("{word} SYSTEM VERSIONING"), table.clone())];
        match (self.is_versioned(self.base, table), self.is_versioned(self.target, table)) {
            (true, false) => (clause("DROP"), Vec::new()),
            (false, true) => (Vec::new(), clause("ADD")),
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// What ends a TTL before its column goes or changes, and what begins one when its column is there.
    fn ttl(&self, id: &ObjectId) -> (Statements, Statements) {
        let (Some(before), Some(after)) = (self.base.objects.get(id), self.target.objects.get(id)) else {
            return (Vec::new(), Vec::new());
        };
        let differs = |name: &str| before.text(name) != after.text(name);
        if !["ttl", "ttl_enable", "ttl_job_interval"].iter().any(|name| differs(name)) {
            return (Vec::new(), Vec::new());
        }
        let clause = |clause: String| vec![(clause, id.clone())];
        let new = after.text("ttl").map(|ttl| {
            let more = [("TTL_ENABLE", "ttl_enable"), ("TTL_JOB_INTERVAL", "ttl_job_interval")];
            let more = more.iter().filter_map(|(word, name)| Some(format!(" {word}={}", after.text(name)?)));
            clause(format!("TTL={ttl}{}", more.collect::<String>()))
        });
        let column = before.text("ttl").and_then(|ttl| tokens(ttl).first()?.name());
        let column = column.map(|name| ObjectId::new(Kind::Column, id.path.iter().chain([&name])));
        let in_the_way = column.is_some_and(|column| self.changes(&column));
        let ends = before.text("ttl").is_some() && (new.is_none() || in_the_way);
        (if ends { clause("REMOVE TTL".into()) } else { Vec::new() }, new.unwrap_or_default())
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
        found.into_iter().filter(|clause| !clause.is_empty()).map(|clause| (clause, id.clone())).collect()
    }

    fn partitioning(&self, id: &ObjectId) -> Statements {
        let of = |catalog: &'_ crate::catalog::Catalog| catalog.objects.get(id)?.text("partitioning").map(str::to_string);
        let name = qualified(&id.path);
        let sql = match (of(self.base), of(self.target)) {
            (before, after) if before == after => return Vec::new(),
            (_, None) => format!("ALTER TABLE {name} REMOVE PARTITIONING"),
            (Some(before), Some(after)) => {
                let ((plain, placed), (wanted, places)) = (without_placement(&before), without_placement(&after));
                if plain == wanted {
                    let moved = places.iter().filter(|(partition, policy)| placed.get(*partition) != Some(policy));
                    return moved
                        .map(|(partition, policy)| {
                            let policy = policy.as_deref().unwrap_or("PLACEMENT POLICY=`default`");
                            (format!("ALTER TABLE {name} PARTITION {partition} {policy}"), id.clone())
                        })
                        .collect();
                }
                match added_at_the_end(&before, &after) {
                    Some(partitions) => format!("ALTER TABLE {name} ADD PARTITION ({partitions})"),
                    None => format!("ALTER TABLE {name} {after}"),
                }
            }
            (None, Some(after)) => format!("ALTER TABLE {name} {after}"),
        };
        vec![(sql, id.clone())]
    }

    /// A replica on TiFlash that goes; those that come are made last of all.
    fn replica(&self, id: &ObjectId) -> Statements {
        let of = |catalog: &'_ crate::catalog::Catalog| catalog.objects.get(id)?.text("tiflash_replica").map(str::to_string);
        match (of(self.base), of(self.target)) {
            (Some(_), None) => vec![(format!("ALTER TABLE {} SET TIFLASH REPLICA 0", qualified(&id.path)), id.clone())],
            _ => Vec::new(),
        }
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
            match (self.history_of(self.base, id), self.history_of(self.target, id)) {
                (Some(from), Some(to)) if self.base.server_version >= INSERTS_HISTORY => {
                    statements.push("SET SESSION system_versioning_insert_history = ON".into());
                    let every = format!("SELECT {list}, {from} FROM {old} {EVERY_VERSION}");
                    statements.push(format!("INSERT INTO {new} ({list}, {to}) {every}"));
                    statements.push("SET SESSION system_versioning_insert_history = DEFAULT".into());
                }
                _ => statements.push(format!("INSERT INTO {new} ({list}) SELECT {list} FROM {old}")),
            }
        }
        // At once: there is no moment without the table, and whatever a run that was killed left beside it has no row of its own.
        let aside = qualified(&[database.clone(), super::aside(name)]);
        statements.push(format!("RENAME TABLE {old} TO {aside}, {new} TO {old}"));
        statements.push(format!("DROP TABLE {aside}"));
        statements.into_iter().map(|sql| (sql, id.clone())).collect()
    }
}

/// What a query ends with that reads rows that were changed or deleted, too.
pub const EVERY_VERSION: &str = "FOR SYSTEM_TIME ALL";

/// The first MariaDB with `system_versioning_insert_history`.
const INSERTS_HISTORY: u32 = 101_100;

/// Attribute, clause, and what undoes it.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("engine", "ENGINE", ""),
    ("comment", "COMMENT", "COMMENT=''"),
    ("row_format", "ROW_FORMAT", "ROW_FORMAT=DEFAULT"),
    ("key_block_size", "KEY_BLOCK_SIZE", "KEY_BLOCK_SIZE=0"),
    ("shard_row_id_bits", "SHARD_ROW_ID_BITS", "SHARD_ROW_ID_BITS=0"),
    ("auto_id_cache", "AUTO_ID_CACHE", "AUTO_ID_CACHE=0"),
    ("placement_policy", "PLACEMENT POLICY", "PLACEMENT POLICY=`default`"),
    ("page_compressed", "PAGE_COMPRESSED", "PAGE_COMPRESSED=DEFAULT"),
    ("page_compression_level", "PAGE_COMPRESSION_LEVEL", "PAGE_COMPRESSION_LEVEL=DEFAULT"),
    ("encrypted", "ENCRYPTED", "ENCRYPTED=DEFAULT"),
    ("encryption_key_id", "ENCRYPTION_KEY_ID", "ENCRYPTION_KEY_ID=DEFAULT"),
    ("encryption", "ENCRYPTION", "ENCRYPTION='N'"),
    ("compression", "COMPRESSION", "COMPRESSION=''"),
    ("transactional", "TRANSACTIONAL", "TRANSACTIONAL=DEFAULT"),
    ("page_checksum", "PAGE_CHECKSUM", ""),
    ("checksum", "CHECKSUM", "CHECKSUM=0"),
    ("delay_key_write", "DELAY_KEY_WRITE", "DELAY_KEY_WRITE=0"),
    ("pack_keys", "PACK_KEYS", "PACK_KEYS=DEFAULT"),
    ("insert_method", "INSERT_METHOD", ""),
    ("stats_persistent", "STATS_PERSISTENT", "STATS_PERSISTENT=DEFAULT"),
    ("stats_auto_recalc", "STATS_AUTO_RECALC", "STATS_AUTO_RECALC=DEFAULT"),
    ("stats_sample_pages", "STATS_SAMPLE_PAGES", "STATS_SAMPLE_PAGES=DEFAULT"),
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

/// What a partitioning says apart from where its partitions are, and the policy of each by its quoted name.
fn without_placement(partitioning: &str) -> (String, BTreeMap<String, Option<String>>) {
    let (mut plain, mut at, mut policies, mut last) = (String::new(), 0, BTreeMap::new(), None);
    let found = tokens(partitioning);
    for (index, token) in found.iter().enumerate() {
        if token.is("PARTITION")
            && let Some(name) = found.get(index + 1).filter(|name| name.kind == TokenKind::Name)
        {
            policies.insert(name.text.to_string(), None);
            last = Some(name.text.to_string());
        }
        let inner = unwrapped(token.text);
        if token.kind == TokenKind::Hint
            && inner.starts_with("PLACEMENT POLICY")
            && let Some(partition) = &last
        {
            policies.insert(partition.clone(), Some(inner.to_string()));
            plain.push_str(partitioning.get(at..token.at).unwrap_or_default().trim_end());
            at = token.end();
        }
    }
    plain.push_str(partitioning.get(at..).unwrap_or_default());
    (plain, policies)
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
