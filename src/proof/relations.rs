//! What a step did to relations: locks, rewrites, scans, index builds, rows and values lost, read from the catalogs between two
//! steps. Knows nothing of plans.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Client, SimpleQueryRow};

use super::{
    Effects, Lock,
    replay::{Result, query, run},
};

/// The relations of a database as they were before a step, by OID.
#[derive(Clone)]
pub(super) struct Relations {
    known: BTreeMap<u32, Relation>,
    /// Strongest lock by relation that the transaction holds already.
    held: BTreeMap<u32, usize>,
}

#[derive(Debug, Clone)]
struct Relation {
    name: String,
    kind: char,
    /// `relfilenode`: changes when the data is written anew.
    file: u32,
    /// For an index, its table.
    table: Option<u32>,
    rows: u64,
    /// By attribute number.
    columns: BTreeMap<i16, Column>,
    /// Sequential scans so far, as the server adds them up.
    scans: i64,
    /// Rows written so far, as the server adds them up, and which rows of pg_attribute its columns are: the same where rows and columns are.
    state: String,
    /// Made by the plan itself: nobody else waits for it, and it has no data that could be lost.
    made_by_plan: bool,
}

/// What a column holds.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    /// As `format_type` writes it.
    written: String,
    category: String,
    /// Values that are not null.
    values: u64,
    /// The first values as text, in the order of the rows.
    first: Vec<Option<String>>,
}

/// So many values of a column are compared when its type changes.
const COMPARED: usize = 1_000;

/// Lock modes from weakest to strongest: <https://www.postgresql.org/docs/current/explicit-locking.html>.
pub const LOCK_MODES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

/// Relations of user schemas; `{filter}` narrows them. `pg_stat_get_xact_numscans` counts the scans that are not
/// published yet, those of this transaction and of `ALTER TABLE` among them.
const RELATIONS: &str = "
    SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind, c.relfilenode, i.indrelid,
           CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) > 0 ELSE false END,
           coalesce(pg_catalog.pg_stat_get_xact_numscans(c.oid), 0),
           CASE WHEN c.relkind IN ('r', 'm') THEN concat_ws(' ', pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid),
             pg_catalog.pg_stat_get_xact_tuples_updated(c.oid), pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid),
             (SELECT sum(hashtext(a.ctid::text)) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)) END
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    WHERE c.relkind IN ('r', 'm', 'i', 'S', 'p', 'v', 'f', 'I') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

impl Relations {
    pub async fn read(client: &Client) -> Result<Relations> {
        Relations::read_after(client, &Relations { known: BTreeMap::new(), held: BTreeMap::new() }).await
    }

    /// What is there now, where nothing but the truncation of tables came after `before`: those that still have their file are not counted again.
    async fn read_after(client: &Client, before: &Relations) -> Result<Relations> {
        let mut relations = Relations { known: BTreeMap::new(), held: BTreeMap::new() };
        let mut filled = Vec::new();
        for row in query(client, RELATIONS).await? {
            let Some((oid, mut relation)) = Relation::from_row(&row) else { continue };
            let before = before.known.get(&oid);
            relation.made_by_plan = before.is_some_and(|before| before.made_by_plan);
            match before.filter(|before| before.file == relation.file) {
                Some(before) => (relation.rows, relation.columns) = (before.rows, before.columns.clone()),
                None if row.get(5) == Some("t") => filled.push(oid),
                None => {}
            }
            relations.known.insert(oid, relation);
        }
        relations.count(client, &filled).await?;
        Ok(relations)
    }

    /// A new transaction has begun: it holds no locks yet, and what was scanned or written before it does not count. (The server adds both up
    /// until it next publishes them, which it never does within a transaction.)
    pub async fn begin(&mut self, client: &Client) -> Result<()> {
        self.held.clear();
        let scanned = "SELECT oid, pg_catalog.pg_stat_get_xact_numscans(oid) FROM pg_catalog.pg_class
                       WHERE relkind IN ('r', 'm') AND pg_catalog.pg_stat_get_xact_numscans(oid) > 0";
        let mut scans: BTreeMap<u32, i64> = BTreeMap::new();
        for row in query(client, scanned).await? {
            if let (Some(oid), Some(count)) = (number(&row, 0), number(&row, 1)) {
                scans.insert(oid, count);
            }
        }
        for (oid, relation) in &mut self.known {
            relation.scans = scans.get(oid).copied().unwrap_or(0);
            relation.state.clear();
        }
        Ok(())
    }

    /// The tables that have rows.
    pub fn with_rows(&self) -> impl Iterator<Item = &String> {
        self.known.values().filter(|relation| relation.rows > 0 && relation.kind == 'r').map(|relation| &relation.name)
    }

    /// The OIDs of tables by their names as of now.
    pub fn oids(&self, names: &BTreeSet<String>) -> BTreeSet<u32> {
        self.known.iter().filter(|(_, relation)| names.contains(&relation.name)).map(|(oid, _)| *oid).collect()
    }

    /// What tables of these OIDs are called as of now; those that are not there have no name.
    pub fn names(&self, oids: &BTreeSet<u32>) -> BTreeSet<String> {
        oids.iter().filter_map(|oid| self.known.get(oid)).map(|relation| relation.name.clone()).collect()
    }

    /// Takes the rows out of tables and of what refers to them.
    pub async fn empty(&mut self, client: &Client, tables: &BTreeSet<String>) -> Result<()> {
        let tables = tables.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        run(client, &format!("SET session_replication_role = replica; TRUNCATE {tables} CASCADE; RESET session_replication_role"))
            .await?;
        *self = Relations::read_after(client, self).await?;
        Ok(())
    }

    /// Fills in what the step that has just run did, and takes note of what is there now. Outside a transaction locks are gone by
    /// now and are not measured.
    pub async fn measure(&mut self, client: &Client, transactional: bool, effects: &mut Effects) -> Result<()> {
        let mut filter = String::new();
        let mut locked = Vec::new();
        if transactional {
            locked = self.locks(client, effects).await?;
            if locked.is_empty() {
                return Ok(());
            }
            // In a transaction only what it locked can have changed; elsewhere anything can.
            let oids: Vec<String> = locked.iter().map(u32::to_string).collect();
            filter = format!(" AND c.oid IN ({})", oids.join(","));
        }
        let rows = query(client, &format!("{RELATIONS}{filter}")).await?;
        let mut now: BTreeMap<u32, Relation> = rows.iter().filter_map(Relation::from_row).collect();
        let before: Vec<u32> = if transactional { locked } else { self.known.keys().copied().collect() };
        let (mut tallies, mut in_use) = (Vec::new(), Vec::new());
        // Values of rows that came to a table, by column: what left another in the same step is not lost.
        let mut came: BTreeMap<String, u64> = BTreeMap::new();
        let mut lost_in: Vec<(u32, String, String, u64)> = Vec::new();
        for oid in before {
            let Some(old) = self.known.remove(&oid) else { continue };
            let Some(mut new) = now.remove(&oid) else {
                tallies.push((old.name, old.rows, 0));
                effects.values_lost += old.columns.values().map(|column| column.values).sum::<u64>();
                continue;
            };
            let list = match old.kind {
                'r' | 'm' if old.file != new.file => Some(&mut effects.rewrites),
                'r' | 'm' if new.scans > old.scans => Some(&mut effects.scans),
                'i' if old.file != new.file => Some(&mut effects.index_builds),
                _ => None,
            };
            if let Some(list) = list.filter(|_| !old.made_by_plan) {
                list.push(old.name.clone());
                in_use.push(old.table.unwrap_or(oid));
            }
            let had_rows = old.rows > 0;
            new.made_by_plan = old.made_by_plan;
            // The transaction's other tables need not be counted again.
            if had_rows && old.file == new.file && old.state == new.state {
                tallies.push((new.name.clone(), old.rows, old.rows));
                (new.rows, new.columns) = (old.rows, old.columns);
                self.known.insert(oid, new);
                continue;
            }
            let written = old.kind == 'r' && old.state != new.state;
            self.known.insert(oid, new);
            if !had_rows && written {
                let empty = self.known[&oid].clone();
                self.count(client, &[oid]).await?;
                for column in self.known[&oid].columns.values() {
                    *came.entry(column.name.clone()).or_default() += column.values;
                }
                self.known.insert(oid, empty);
            }
            if had_rows {
                self.count(client, &[oid]).await?;
                let new = &self.known[&oid];
                let mut looks = 0;
                for (attribute, column) in &old.columns {
                    let now = new.columns.get(attribute);
                    let mut lost = column.values.saturating_sub(now.map_or(0, |now| now.values));
                    if let Some(now) = now.filter(|now| now.written != column.written && old.rows == new.rows)
                        && let Some(cut) = cut(client, transactional, &new.name, column, now).await?
                    {
                        lost += cut;
                        looks += 1;
                    }
                    if let Some(now) = now.filter(|now| now.values > column.values) {
                        *came.entry(column.name.clone()).or_default() += now.values - column.values;
                    }
                    if lost > 0 {
                        lost_in.push((oid, format!("{}.{}", old.name, column.name), column.name.clone(), lost));
                    }
                }
                tallies.push((old.name, old.rows, new.rows));
                // Looking was a scan of our own.
                self.known.entry(oid).and_modify(|relation| relation.scans += looks);
            }
        }
        for (oid, of, column, mut lost) in lost_in {
            if let Some(came) = came.get_mut(&column) {
                let moved = lost.min(*came);
                (lost, *came) = (lost - moved, *came - moved);
            }
            if lost > 0 {
                effects.values_lost += lost;
                effects.lost_of.insert(of, lost);
                in_use.push(oid);
            }
        }
        for relation in now.values_mut() {
            relation.made_by_plan = true;
            if relation.kind == 'i'
                && let Some(oid) = relation.table
                && let Some(table) = self.known.get(&oid).filter(|table| !table.made_by_plan)
            {
                effects.index_builds.push(format!("{} on {}", relation.name, table.name));
                in_use.push(oid);
            }
        }
        self.known.append(&mut now);
        for table in in_use {
            self.lock_in_use(table, effects);
        }
        // The transaction's other tables are not this step's.
        tallies.retain(|(name, before, after)| before != after || effects.locks.iter().any(|lock| lock.relation == *name));
        let rows_before: u64 = tallies.iter().map(|(_, before, _)| before).sum();
        if rows_before > 0 {
            (effects.rows_before, effects.rows_after) = (Some(rows_before), Some(tallies.iter().map(|(_, _, after)| after).sum()));
        }
        for list in [&mut effects.rewrites, &mut effects.scans, &mut effects.index_builds] {
            list.sort();
            list.dedup();
        }
        effects.locks.sort();
        effects.locks.dedup();
        Ok(())
    }

    /// A step that works on a table needs its lock, also where an earlier step of the transaction took it.
    fn lock_in_use(&self, table: u32, effects: &mut Effects) {
        if let (Some(strength), Some(relation)) = (self.held.get(&table), self.known.get(&table))
            && !effects.locks.iter().any(|lock| lock.relation == relation.name)
        {
            effects.locks.push(Lock { relation: relation.name.clone(), mode: LOCK_MODES[*strength].to_string() });
        }
    }

    /// All relations that the transaction has locked; those that this step locked, or locked more strongly, go into its effects.
    async fn locks(&mut self, client: &Client, effects: &mut Effects) -> Result<Vec<u32>> {
        let rows = query(
            client,
            "SELECT l.relation, l.mode FROM pg_catalog.pg_locks l
             WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384",
        )
        .await?;
        let mut now: BTreeMap<u32, usize> = BTreeMap::new();
        for row in rows {
            let (Some(oid), Some(mode)) = (row.get(0).and_then(|text| text.parse().ok()), row.get(1)) else { continue };
            let strength = LOCK_MODES.iter().position(|known| *known == mode).unwrap_or(0);
            let held = now.entry(oid).or_default();
            *held = strength.max(*held);
        }
        for (oid, strength) in &now {
            let stronger = self.held.get(oid).is_none_or(|held| strength > held);
            if let Some(relation) = self.known.get(oid)
                && stronger
                && *strength > 0
                && !relation.made_by_plan
                && !matches!(relation.kind, 'i' | 'I')
            {
                effects.locks.push(Lock { relation: relation.name.clone(), mode: LOCK_MODES[*strength].to_string() });
            }
        }
        let locked = now.keys().copied().collect();
        self.held = now;
        Ok(locked)
    }

    /// Counts the rows of tables, and the values of each column that are not null.
    async fn count(&mut self, client: &Client, tables: &[u32]) -> Result<()> {
        for (oid, mut columns) in columns_of(client, tables).await? {
            let Some(relation) = self.known.get_mut(&oid) else { continue };
            let counts: String = columns.values().map(|column| format!(", count({})", column.name)).collect();
            let compared = columns.values().filter(|column| column.is_compared());
            let firsts: Vec<String> = compared.map(|column| format!("json_agg({}::text ORDER BY ctid)", column.name)).collect();
            let mut sql = format!("SELECT count(*){counts} FROM ONLY {}", relation.name);
            // These are scans of our own.
            relation.scans += 1;
            if !firsts.is_empty() {
                let few = format!("(SELECT ctid, * FROM ONLY {} ORDER BY ctid LIMIT {COMPARED}) few", relation.name);
                sql.push_str(&format!("; SELECT {} FROM {few}", firsts.join(", ")));
                relation.scans += 1;
            }
            let rows = query(client, &sql).await?;
            let mut rows = rows.iter();
            let counted = rows.next();
            let number = |at: usize| counted.and_then(|row| row.get(at)).and_then(|text| text.parse().ok()).unwrap_or(0);
            relation.rows = number(0);
            for (at, column) in columns.values_mut().enumerate() {
                column.values = number(at + 1);
            }
            let few = rows.next();
            for (at, column) in columns.values_mut().filter(|column| column.is_compared()).enumerate() {
                column.first = few.and_then(|row| serde_json::from_str(row.get(at)?).ok()).unwrap_or_default();
            }
            relation.columns = columns;
        }
        Ok(())
    }
}

/// The columns of tables, by number.
async fn columns_of(client: &Client, tables: &[u32]) -> Result<BTreeMap<u32, BTreeMap<i16, Column>>> {
    let mut found: BTreeMap<u32, BTreeMap<i16, Column>> = tables.iter().map(|oid| (*oid, BTreeMap::new())).collect();
    let list: Vec<String> = tables.iter().map(u32::to_string).collect();
    let rows = query(
        client,
        &format!(
            "SELECT a.attrelid, a.attnum, format('%I', a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod), t.typcategory
             FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
             WHERE a.attrelid = ANY ('{{{}}}'::oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''",
            list.join(",")
        ),
    )
    .await?;
    for row in rows {
        let text = |at: usize| row.get(at).map(String::from);
        if let (Some(table), Some(attribute), Some(name), Some(written), Some(category)) =
            (number(&row, 0), number(&row, 1), text(2), text(3), text(4))
            && let Some(columns) = found.get_mut(&table)
        {
            columns.insert(attribute, Column { name, written, category, values: 0, first: Vec::new() });
        }
    }
    Ok(found)
}

impl Column {
    /// Numbers, texts, times, bits and arrays: what a change of type within their family may cut without a word.
    fn is_compared(&self) -> bool {
        matches!(self.category.as_str(), "N" | "S" | "D" | "T" | "V" | "A")
    }
}

/// How many values another type of the same family has cut: those that are not what they were, written as the old type again. None where that
/// cannot be seen.
async fn cut(client: &Client, transactional: bool, table: &str, old: &Column, new: &Column) -> Result<Option<u64>> {
    if !old.is_compared() || old.category != new.category || old.first.is_empty() {
        return Ok(None);
    }
    if transactional {
        run(client, "SAVEPOINT compare").await?;
    }
    let sql = format!(
        "SELECT json_agg({0}::{1}::text ORDER BY ctid) FROM (SELECT ctid, {0} FROM ONLY {table} ORDER BY ctid LIMIT {COMPARED}) few",
        new.name, old.written
    );
    let now = query(client, &sql).await;
    if transactional {
        run(client, "ROLLBACK TO SAVEPOINT compare; RELEASE SAVEPOINT compare").await?;
    }
    // Where there is no way back to the old type, nothing can be said of the values.
    let Ok(now) = now else { return Ok(None) };
    let now: Vec<Option<String>> = now.first().and_then(|row| serde_json::from_str(row.get(0)?).ok()).unwrap_or_default();
    let differs = |(before, after): &(&Option<String>, &Option<String>)| before.is_some() && after.is_some() && before != after;
    Ok(Some(old.first.iter().zip(&now).filter(differs).count() as u64))
}

fn number<T: std::str::FromStr>(row: &SimpleQueryRow, at: usize) -> Option<T> {
    row.get(at)?.parse().ok()
}

impl Relation {
    fn from_row(row: &SimpleQueryRow) -> Option<(u32, Relation)> {
        let relation = Relation {
            name: row.get(1)?.to_string(),
            kind: row.get(2)?.chars().next()?,
            file: row.get(3)?.parse().ok()?,
            table: row.get(4).and_then(|text| text.parse().ok()),
            rows: 0,
            columns: BTreeMap::new(),
            scans: row.get(6)?.parse().ok()?,
            state: row.get(7).unwrap_or_default().to_string(),
            made_by_plan: false,
        };
        Some((row.get(0)?.parse().ok()?, relation))
    }
}
