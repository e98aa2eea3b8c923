//! Databases of a server of the MySQL family, read back as objects: what `SHOW CREATE` prints, taken apart, with what
//! `information_schema` adds.
//!
//! Keeps the printed statements too: they are what one of the two judges compares, and rows of `information_schema` what the other
//! does. Writes no SQL and changes nothing. Accounts and their grants are not read.

use std::collections::BTreeMap;

use super::{
    ddl::{self, KeyForm, in_full},
    is_system_database, literal, qualified, quoted,
};
use crate::{
    catalog::{Catalog, Kind, Object, ObjectId, Value},
    sandbox::mysql::{Flavor, MySqlError, Row, Session},
    script::mysql::{TokenKind, tokens},
};

/// The databases of a server but its own, by name.
///
/// # Errors
/// When the server does not answer.
pub async fn databases(session: &Session) -> Result<Vec<String>, MySqlError> {
    let rows = session.rows("SELECT schema_name FROM information_schema.schemata ORDER BY 1").await?;
    Ok(rows.iter().filter_map(|row| row.text(0)).filter(|name| !is_system_database(name)).map(String::from).collect())
}

/// What a server holds.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub catalog: Catalog,
    /// `SHOW CREATE` of every object, normalised: `table app.users` and its statement.
    pub printed: BTreeMap<String, String>,
    /// Rows of `information_schema` about every object, without what depends on time and data.
    pub rows: BTreeMap<String, String>,
}

/// Replicas on TiFlash by table (`[database, table]`): the count with its labels, as text.
pub type Replicas = BTreeMap<Vec<String>, String>;

/// Reads all databases but the server's own and those that `exclude` names (`name` or `name.*`).
///
/// # Errors
/// When a query fails.
pub async fn read(session: &Session, flavor: Flavor, exclude: &[String], replicas: &Replicas) -> Result<Snapshot, MySqlError> {
    // Names in quotes and escapes are read as they are printed with this mode.
    session.run("SET SESSION sql_mode = ''").await?;
    if flavor == Flavor::MySql {
        // MySQL keeps statistics of information_schema for a day otherwise.
        session.run("SET SESSION information_schema_stats_expiry = 0").await?;
    }
    let said = session.rows("SELECT CURRENT_USER(), VERSION()").await?;
    let said = |at| said.first().and_then(|row| row.text(at)).unwrap_or_default();
    let (definer, version) = (definer_of(said(0)), version_number(said(1)));
    let mut reader = Reader { session, replicas, definer, snapshot: Snapshot::default() };
    let databases = session
        .rows("SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata ORDER BY 1")
        .await?;
    for row in &databases {
        let name = row.text(0).unwrap_or_default();
        if !is_system_database(name) && !is_excluded(&[name.to_string()], exclude) {
            reader.database(row, exclude).await?;
        }
    }
    if flavor == Flavor::TiDb {
        reader.placement_policies().await?;
    }
    let mut snapshot = reader.snapshot;
    snapshot.catalog.server_version = version;
    snapshot.catalog.dialect = flavor.dialect();
    relate(&mut snapshot.catalog);
    Ok(snapshot)
}

/// Takes out placement policies that nothing of the snapshot names: they are the server's, of whichever database.
pub fn without_unused_policies(snapshot: &mut Snapshot) {
    let named = keep_used_policies(&mut snapshot.catalog);
    snapshot.printed.retain(|key, _| key.strip_prefix("placement policy ").is_none_or(|name| named.contains(name)));
}

/// The same of a catalog alone.
pub fn with_used_policies(mut catalog: Catalog) -> Catalog {
    keep_used_policies(&mut catalog);
    catalog
}

/// Takes out the others; answers with the names of those that are used.
fn keep_used_policies(catalog: &mut Catalog) -> std::collections::BTreeSet<String> {
    let named = catalog.objects.values().filter_map(|object| object.text("placement_policy"));
    let named = named.map(|name| name.replace('`', "")).collect::<std::collections::BTreeSet<String>>();
    catalog.objects.retain(|id, _| id.kind != Kind::PlacementPolicy || named.contains(id.name()));
    named
}

/// Whether `app`, `app.*` or `app.user*` leaves an object out.
fn is_excluded(path: &[String], exclude: &[String]) -> bool {
    let name = path.join(".");
    exclude.iter().any(|pattern| {
        let whole = path.len() == 1 && pattern.strip_suffix(".*") == Some(name.as_str());
        whole || globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(&name))
    })
}

/// `10.11.6-MariaDB` as 101106.
fn version_number(version: &str) -> u32 {
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0).min(99);
    (next() * 100 + next()) * 100 + next()
}

/// `root@%` as it is printed.
fn definer_of(user: &str) -> String {
    let (name, host) = user.rsplit_once('@').unwrap_or((user, ""));
    format!("{}@{}", quoted(name), quoted(host))
}

struct Reader<'a> {
    session: &'a Session,
    replicas: &'a Replicas,
    definer: String,
    snapshot: Snapshot,
}

impl Reader<'_> {
    fn add(&mut self, object: Object) {
        self.snapshot.catalog.objects.insert(object.id.clone(), object);
    }

    /// What this user makes is this user's: its own name is left out.
    fn without_own_definer(&self, sql: &str) -> String {
        // In ANSI_QUOTES mode names are printed between other quotes.
        let plain = sql.replacen(&format!("DEFINER={} ", self.definer), "", 1);
        plain.replacen(&format!("DEFINER={} ", self.definer.replace('`', "\"")), "", 1)
    }

    async fn show(&self, what: &str, path: &[String]) -> Result<Row, MySqlError> {
        let rows = self.session.rows(&format!("SHOW CREATE {what} {}", qualified(path))).await?;
        rows.into_iter().next().ok_or_else(|| MySqlError::Connection(format!("SHOW CREATE {what} printed nothing")))
    }

    async fn database(&mut self, row: &Row, exclude: &[String]) -> Result<(), MySqlError> {
        let name = row.text(0).unwrap_or_default().to_string();
        let id = ObjectId::new(Kind::Database, [&name]);
        let printed = self.show("DATABASE", std::slice::from_ref(&name)).await?;
        let printed = printed.text(1).unwrap_or_default().to_string();
        let placement =
            printed.split("PLACEMENT POLICY=").nth(1).map(|rest| rest.split([' ', '*']).next().unwrap_or_default().to_string());
        let comment = tokens(&printed).windows(2).find(|pair| pair[0].is("COMMENT")).map(|pair| pair[1].text.to_string());
        self.snapshot.printed.insert(format!("database {name}"), printed);
        let object = Object::new(id.clone())
            .with_some("charset", row.text(1))
            .with_some("collation", row.text(2))
            .with_some("placement_policy", placement)
            .with_some("comment", comment);
        self.add(object);
        let of = format!("table_schema = {}", literal(&name));
        let tables = format!("SELECT table_name, table_type FROM information_schema.tables WHERE {of} ORDER BY 1");
        for row in self.session.rows(&tables).await? {
            let path = vec![name.clone(), row.text(0).unwrap_or_default().to_string()];
            if is_excluded(&path, exclude) {
                continue;
            }
            match row.text(1).unwrap_or_default().to_ascii_uppercase().as_str() {
                "VIEW" | "SYSTEM VIEW" => self.view(&id, path).await?,
                "SEQUENCE" => self.sequence(&id, path).await?,
                "BASE TABLE" | "SYSTEM VERSIONED" => self.table(&id, path).await?,
                other => self.snapshot.catalog.not_covered.push(format!("{} {}", other.to_ascii_lowercase(), path.join("."))),
            }
        }
        self.routines(&id, &name).await?;
        self.triggers(&name).await?;
        self.events(&id, &name).await?;
        self.rows_of(&name, exclude).await
    }

    async fn table(&mut self, database: &ObjectId, path: Vec<String>) -> Result<(), MySqlError> {
        let printed = self.show("TABLE", &path).await?;
        let printed = printed.text(1).unwrap_or_default().to_string();
        let Some(table) = ddl::table(&printed) else {
            self.snapshot.catalog.not_covered.push(format!("table {}", path.join(".")));
            return Ok(());
        };
        let id = ObjectId::new(Kind::Table, &path);
        let mut object = Object::new(id.clone()).part_of(database.clone());
        let mut others = table.other.clone();
        for (name, value) in &table.options {
            match OPTIONS.iter().find(|known| *known == name) {
                // Counters, and what the server says of itself.
                _ if is_volatile(name) => {}
                Some(known) => object = object.with(known, value.clone()),
                None => others.push(format!("{name}={value}")),
            }
        }
        object = object
            .with_some("partitioning", table.partitioning.clone())
            .with_some("tiflash_replica", self.replicas.get(&path).cloned())
            .with_list("other", others)
            .detail("printed", printed.clone());
        let clustered = table.keys.iter().find_map(|key| key.clustered);
        if let Some(clustered) = clustered {
            object = object.detail("clustered", clustered);
        }
        self.add(object);
        let collations = format!(
            "SELECT column_name, character_set_name, collation_name FROM information_schema.columns \
             WHERE table_schema = {} AND table_name = {}",
            literal(&path[0]),
            literal(&path[1])
        );
        let collations: BTreeMap<String, (Option<String>, Option<String>)> = self
            .session
            .rows(&collations)
            .await?
            .iter()
            .filter_map(|row| Some((row.text(0)?.to_string(), (row.text(1).map(Into::into), row.text(2).map(Into::into)))))
            .collect();
        let mut before: Option<String> = None;
        for (at, column) in table.columns.iter().enumerate() {
            let (charset, collation) = collations.get(&column.name).cloned().unwrap_or_default();
            let object = Object::new(ObjectId::new(Kind::Column, [&path[0], &path[1], &column.name]))
                .part_of(id.clone())
                .with("type", column.r#type.clone())
                .with_flag("not_null", column.not_null)
                .with_some("charset", charset)
                .with_some("collation", collation)
                .with_some("default", column.default.clone())
                .with_some("on_update", column.on_update.clone())
                .with_flag("auto_increment", column.auto_increment)
                .with_some("auto_random", column.auto_random.clone())
                .with_some("generated", column.generated.clone())
                .with_some("check", column.check.clone())
                .with_flag("invisible", column.invisible)
                .with_some("comment", column.comment.clone())
                .with_list("other", column.other.clone())
                .detail("definition", column.definition.clone())
                .detail("position", i64::try_from(at).unwrap_or(i64::MAX))
                .detail("after", before.clone().unwrap_or_default());
            self.add(object);
            before = Some(column.name.clone());
        }
        for (at, key) in table.keys.iter().enumerate() {
            let (kind, form) = match key.form {
                KeyForm::Primary => (Kind::Constraint, "p"),
                KeyForm::Index => (Kind::Index, "i"),
                KeyForm::Check => (Kind::Constraint, "c"),
                KeyForm::ForeignKey => (Kind::Constraint, "f"),
            };
            let mut needs: Vec<ObjectId> =
                key.columns.iter().map(|column| ObjectId::new(Kind::Column, [&path[0], &path[1], column])).collect();
            needs.extend(
                key.references
                    .as_ref()
                    .map(|(database, table)| ObjectId::new(Kind::Table, [database.as_ref().unwrap_or(&path[0]), table])),
            );
            let mut object = Object::new(ObjectId::new(kind, [&path[0], &path[1], &key.name]))
                .part_of(id.clone())
                .with("definition", key.definition.clone())
                .detail("form", form)
                .detail("position", i64::try_from(at).unwrap_or(i64::MAX))
                .detail("unique", key.unique)
                .detail("columns", Value::List(key.columns.clone()));
            if let Some(special) = &key.special {
                object = object.detail("special", special.clone());
            }
            needs.sort();
            needs.dedup();
            object.needs = needs;
            self.add(object);
        }
        self.snapshot.printed.insert(format!("table {}", path.join(".")), normalised(&table));
        Ok(())
    }

    async fn view(&mut self, database: &ObjectId, path: Vec<String>) -> Result<(), MySqlError> {
        let printed = self.show("VIEW", &path).await?;
        let printed = self.without_own_definer(printed.text(1).unwrap_or_default());
        let object = Object::new(ObjectId::new(Kind::View, &path)).part_of(database.clone()).with("definition", printed.clone());
        self.add(object);
        self.snapshot.printed.insert(format!("view {}", path.join(".")), printed);
        Ok(())
    }

    async fn sequence(&mut self, database: &ObjectId, path: Vec<String>) -> Result<(), MySqlError> {
        let printed = self.show("SEQUENCE", &path).await?;
        let printed = printed.text(1).unwrap_or_default().to_string();
        let object =
            Object::new(ObjectId::new(Kind::Sequence, &path)).part_of(database.clone()).with("definition", printed.clone());
        self.add(object);
        self.snapshot.printed.insert(format!("sequence {}", path.join(".")), printed);
        Ok(())
    }

    async fn routines(&mut self, database: &ObjectId, name: &str) -> Result<(), MySqlError> {
        let found = format!(
            "SELECT routine_name, routine_type FROM information_schema.routines WHERE routine_schema = {} ORDER BY 2, 1",
            literal(name)
        );
        for row in self.session.rows(&found).await? {
            let path = vec![name.to_string(), row.text(0).unwrap_or_default().to_string()];
            let (kind, word) = match row.text(1).unwrap_or_default() {
                "PROCEDURE" => (Kind::Procedure, "PROCEDURE"),
                "FUNCTION" => (Kind::Function, "FUNCTION"),
                other => {
                    self.snapshot.catalog.not_covered.push(format!("{} {}", other.to_lowercase(), path.join(".")));
                    continue;
                }
            };
            let shown = self.show(word, &path).await?;
            self.source(ObjectId::new(kind, &path), database, &shown, 2);
        }
        Ok(())
    }

    async fn triggers(&mut self, name: &str) -> Result<(), MySqlError> {
        let found = format!(
            "SELECT trigger_name, event_object_table, event_manipulation, action_timing FROM information_schema.triggers WHERE trigger_schema = {} \
             ORDER BY event_object_table, event_manipulation, action_timing, action_order",
            literal(name)
        );
        let mut before: Option<(String, String)> = None;
        for (position, row) in (0i64..).zip(self.session.rows(&found).await?) {
            let path = [name.to_string(), row.text(0).unwrap_or_default().to_string()];
            let table = row.text(1).unwrap_or_default();
            // Those of one table, moment and event run in an order.
            let moment = [1, 2, 3].map(|at| row.text(at).unwrap_or_default()).join(" ");
            let follows = before.filter(|(of, _)| *of == moment).map(|(_, name)| name);
            before = Some((moment.clone(), path[1].clone()));
            let mut shown = self.show("TRIGGER", &path).await?;
            // Its names stand there as somebody wrote them.
            if let Some(Some(printed)) = shown.values.get_mut(2) {
                let named = in_full(printed, "TRIGGER", &path);
                *printed = in_full(&named, "ON", &[name.to_string(), table.to_string()]);
            }
            let parent = ObjectId::new(Kind::Table, [name, table]);
            let id = ObjectId::new(Kind::Trigger, [name, table, &path[1]]);
            self.source(id.clone(), &parent, &shown, 2);
            if let Some(trigger) = self.snapshot.catalog.objects.remove(&id) {
                self.add(trigger.with_some("follows", follows).detail("moment", moment).detail("position", position));
            }
        }
        Ok(())
    }

    async fn events(&mut self, database: &ObjectId, name: &str) -> Result<(), MySqlError> {
        let found = format!("SELECT event_name FROM information_schema.events WHERE event_schema = {} ORDER BY 1", literal(name));
        for row in self.session.rows(&found).await? {
            let path = vec![name.to_string(), row.text(0).unwrap_or_default().to_string()];
            let shown = self.show("EVENT", &path).await?;
            self.source(ObjectId::new(Kind::Event, &path), database, &shown, 3);
        }
        Ok(())
    }

    /// What is kept as its source, with the mode that it was written in.
    fn source(&mut self, id: ObjectId, parent: &ObjectId, shown: &Row, column: usize) {
        let Some(printed) = shown.text(column) else {
            // Somebody else's source, which this user may not read.
            self.snapshot.catalog.not_covered.push(format!("{} {id}", id.kind));
            return;
        };
        let printed = self.without_own_definer(printed);
        let mode = shown.text(1).unwrap_or_default().to_string();
        self.snapshot.printed.insert(format!("{} {id}", id.kind), format!("{printed}\n-- sql_mode {mode}"));
        let object = Object::new(id).part_of(parent.clone()).with("definition", printed).with("sql_mode", mode);
        self.add(object);
    }

    async fn placement_policies(&mut self) -> Result<(), MySqlError> {
        for row in self.session.rows("SELECT policy_name FROM information_schema.placement_policies ORDER BY 1").await? {
            let name = row.text(0).unwrap_or_default().to_string();
            let shown = self.show("PLACEMENT POLICY", std::slice::from_ref(&name)).await?;
            let printed = shown.text(1).unwrap_or_default().to_string();
            let id = ObjectId::new(Kind::PlacementPolicy, [&name]);
            self.snapshot.printed.insert(format!("placement policy {name}"), printed.clone());
            self.add(Object::new(id).with("definition", printed));
        }
        Ok(())
    }

    /// Rows of `information_schema`, a fact each.
    async fn rows_of(&mut self, database: &str, exclude: &[String]) -> Result<(), MySqlError> {
        for (view, schema, name, key) in FACTS {
            let sql = format!("SELECT * FROM information_schema.{view} WHERE {schema} = {}", literal(database));
            let found = match self.session.rows(&sql).await {
                Ok(found) => found,
                // ER_UNKNOWN_TABLE and ER_BAD_TABLE: not every server of the family has every view.
                Err(error) if matches!(error.code(), Some(1109 | 1146)) => continue,
                Err(error) => return Err(error),
            };
            for row in found {
                let column = |wanted: &str| {
                    let at = row.names.iter().position(|name| name.eq_ignore_ascii_case(wanted))?;
                    row.text(at)
                };
                let path = [database.to_string(), column(name).unwrap_or_default().to_string()];
                if is_excluded(&path, exclude) {
                    continue;
                }
                let label: Vec<&str> = key.iter().filter_map(|key| column(key)).collect();
                let facts =
                    row.names.iter().zip(&row.values).filter(|(name, _)| !VOLATILE.contains(&name.to_ascii_lowercase().as_str()));
                let facts: Vec<String> = facts
                    .filter_map(|(name, value)| Some(format!("{} = {}", name.to_lowercase(), value.as_deref()?)))
                    .map(|fact| fact.replace(&self.definer.replace('`', ""), "the reader"))
                    .collect();
                self.snapshot.rows.insert(format!("{view} {}.{}", path.join("."), label.join(".")), facts.join("\n"));
            }
        }
        Ok(())
    }
}

/// Table options that are compared by name.
const OPTIONS: &[&str] = &[
    "engine",
    "charset",
    "collate",
    "comment",
    "row_format",
    "key_block_size",
    "shard_row_id_bits",
    "pre_split_regions",
    "auto_id_cache",
    "placement_policy",
    "ttl",
    "ttl_enable",
    "ttl_job_interval",
    "page_compressed",
    "encrypted",
    "transactional",
    "checksum",
    "delay_key_write",
    "pack_keys",
    "insert_method",
    "stats_persistent",
    "stats_auto_recalc",
    "stats_sample_pages",
    "page_checksum",
    "page_compression_level",
    "encryption_key_id",
    "compression",
    "encryption",
    "system_versioning",
];

/// Table options that depend on the rows.
fn is_volatile(name: &str) -> bool {
    ["auto_increment", "auto_random_base", "force_auto_inc", "stats_buckets"].contains(&name)
}

/// Views of `information_schema`, their columns for the database and the table or the like, and those that tell rows apart.
const FACTS: &[(&str, &str, &str, &[&str])] = &[
    ("tables", "table_schema", "table_name", &[]),
    ("columns", "table_schema", "table_name", &["column_name"]),
    ("statistics", "table_schema", "table_name", &["index_name", "seq_in_index"]),
    ("key_column_usage", "table_schema", "table_name", &["constraint_name", "column_name"]),
    ("referential_constraints", "constraint_schema", "table_name", &["constraint_name"]),
    ("partitions", "table_schema", "table_name", &["partition_name", "subpartition_name"]),
    ("views", "table_schema", "table_name", &[]),
    ("routines", "routine_schema", "routine_name", &["routine_type"]),
    ("triggers", "trigger_schema", "trigger_name", &[]),
    ("events", "event_schema", "event_name", &[]),
];

/// Columns of `information_schema` that depend on time, data or the server's own numbers.
const VOLATILE: &[&str] = &[
    "table_rows",
    "avg_row_length",
    "data_length",
    "max_data_length",
    "index_length",
    "data_free",
    "auto_increment",
    "create_time",
    "update_time",
    "check_time",
    "checksum",
    "tidb_table_id",
    "cardinality",
    "created",
    "last_altered",
    "last_executed",
    "starts",
    "ends",
    "execute_at",
    "max_index_length",
    "partition_id",
    "tidb_partition_id",
    "version",
    "definer",
    "temporary",
    // The server's numbering of what stands in no order.
    "action_order",
    // Its parentheses stand as somebody wrote them; what SHOW CREATE prints of a view is compared.
    "view_definition",
    // Which options were once named; what SHOW CREATE prints of them is compared.
    "create_options",
    // It follows from the keys; TiDB says it otherwise for a foreign key of CREATE TABLE than for one that was added.
    "column_key",
];

/// A table's statement in one order: keys and constraints stand in the order in which they were made, which is no difference.
fn normalised(table: &ddl::Table) -> String {
    let mut lines: Vec<String> =
        table.columns.iter().map(|column| format!("{} {}", quoted(&column.name), column.definition)).collect();
    let mut keys: Vec<String> = table.keys.iter().map(|key| key.definition.clone()).chain(table.other.iter().cloned()).collect();
    keys.sort();
    lines.append(&mut keys);
    let options = table.options.iter().filter(|(name, _)| !is_volatile(name)).map(|(name, value)| format!("{name}={value}"));
    lines.extend(options);
    lines.extend(table.partitioning.clone());
    lines.join("\n")
}

/// Which relations of the catalog a view names, as the server prints them: in full, between backticks.
fn relate(catalog: &mut Catalog) {
    let mut related = Vec::new();
    for (id, view) in &catalog.objects {
        if id.kind != Kind::View {
            continue;
        }
        let mut needs = Vec::new();
        let found = tokens(view.text("definition").unwrap_or_default());
        for window in found.windows(3) {
            let [database, dot, name] = window else { continue };
            if database.kind != TokenKind::Name || !dot.is(".") || name.kind != TokenKind::Name {
                continue;
            }
            let path = [database.name().unwrap_or_default(), name.name().unwrap_or_default()];
            let known = [Kind::Table, Kind::View, Kind::Sequence].map(|kind| ObjectId::new(kind, &path));
            needs.extend(known.into_iter().filter(|known| known != id && catalog.objects.contains_key(known)));
        }
        needs.sort();
        needs.dedup();
        related.push((id.clone(), needs));
    }
    for (id, needs) in related {
        if let Some(view) = catalog.objects.get_mut(&id) {
            view.needs = needs;
        }
    }
}
