//! From one schema to another on a server of the MySQL family: the least destructive statements, in a deterministic order.
//!
//! Every statement commits by itself there, so a step is a group of its own and no step is transactional. Names are always written in
//! full, so that a plan does not depend on a current database. Pure: what a server refuses, the replay finds out and hands back as
//! tables to be [rebuilt](Options::rebuild).

mod table;

pub use self::table::EVERY_VERSION;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ddl::{self, in_full},
    qualified, quoted,
};
use crate::{
    catalog::{self, Action, Catalog, Kind, Object, ObjectId},
    plan::{Origin, Plan, Step},
    sandbox::mysql::Flavor,
    script::mysql::{Token, TokenKind, tokens},
};

/// What the planner is told beside the two schemas.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Tables that no ALTER leads to the target, as a server has said: they are made anew, filled from the old ones and put in their
    /// place.
    pub rebuild: BTreeSet<ObjectId>,
}

/// The plan from `base` to `target`.
pub fn plan(base: &Catalog, target: &Catalog, flavor: Flavor, options: &Options) -> Plan {
    let planner = Planner::new(base, target, flavor, options);
    let mut steps: Vec<Step> = Vec::new();
    let mut add = |sql: String, objects| {
        let group = steps.len() + 1;
        let sql = ddl::without_hints(&sql);
        steps.push(Step { sql, masked: None, origin: Origin::Native, group, transactional: false, objects, online: None });
    };
    let before = [
        planner.drop_left_over(),
        planner.drop_foreign_keys(),
        planner.drop_code(),
        planner.drop_in_the_way(),
        planner.make_surroundings(),
        planner.make_tables(),
    ];
    let after = [
        planner.add_foreign_keys(),
        planner.make_routines(),
        planner.make_views(),
        planner.make_triggers_and_events(),
        planner.drop_rest(),
        planner.set_replicas(),
    ];
    before.into_iter().flatten().for_each(|(sql, object)| add(sql, vec![object]));
    planner.alter_tables().into_iter().for_each(|(sql, objects)| add(sql, objects));
    after.into_iter().flatten().for_each(|(sql, object)| add(sql, vec![object]));
    Plan { steps }
}

type Statements = Vec<(String, ObjectId)>;

struct Planner<'a> {
    base: &'a Catalog,
    target: &'a Catalog,
    flavor: Flavor,
    /// Objects of both sides that differ.
    altered: BTreeSet<&'a ObjectId>,
    rebuilt: BTreeSet<ObjectId>,
    /// Foreign keys of the base that must be away while tables change.
    away: BTreeSet<&'a ObjectId>,
}

/// Only in the first.
fn only<'a>(one: &'a Catalog, other: &'a Catalog, kind: Kind) -> impl Iterator<Item = &'a Object> {
    one.of_kind(kind).filter(move |object| !other.objects.contains_key(&object.id))
}

fn form(object: &Object) -> &str {
    object.text("form").unwrap_or_default()
}

fn table_of(id: &ObjectId) -> ObjectId {
    ObjectId::new(Kind::Table, id.path.iter().take(2))
}

impl<'a> Planner<'a> {
    fn new(base: &'a Catalog, target: &'a Catalog, flavor: Flavor, options: &Options) -> Planner<'a> {
        let mut altered: BTreeSet<&ObjectId> = BTreeSet::new();
        for change in catalog::compare(base, target) {
            if change.action == Action::Alter
                && let Some((id, _)) = base.objects.get_key_value(&change.object)
            {
                altered.insert(id);
            }
        }
        let mut planner = Planner { base, target, flavor, altered, rebuilt: options.rebuild.clone(), away: BTreeSet::new() };
        planner.rebuilt.retain(|id| base.objects.contains_key(id) && target.objects.contains_key(id));
        let by_nature: Vec<ObjectId> = base
            .objects
            .values()
            .filter(|object| object.id.kind == Kind::Table && planner.needs_rebuild(object))
            .map(|object| object.id.clone())
            .collect();
        planner.rebuilt.extend(by_nature);
        planner.away = planner.foreign_keys_in_the_way();
        planner
    }

    fn stays(&self, id: &ObjectId) -> bool {
        self.base.objects.contains_key(id) && self.target.objects.contains_key(id)
    }

    fn changes(&self, id: &ObjectId) -> bool {
        self.altered.contains(id) || !self.stays(id)
    }

    /// Parts of a table, in one side.
    fn parts<'c>(catalog: &'c Catalog, table: &'c ObjectId, kind: Kind) -> impl Iterator<Item = &'c Object> {
        catalog.of_kind(kind).filter(move |object| object.parent.as_ref() == Some(table))
    }

    /// The columns of a table in their order.
    fn columns<'c>(catalog: &'c Catalog, table: &'c ObjectId) -> Vec<&'c Object> {
        let mut columns: Vec<&Object> = Self::parts(catalog, table, Kind::Column).collect();
        columns.sort_by_key(|column| column.integer("position"));
        columns
    }

    /// A foreign key keeps the columns and indexes of both its tables as they are.
    fn foreign_keys_in_the_way(&self) -> BTreeSet<&'a ObjectId> {
        let touched: BTreeSet<ObjectId> = self
            .base
            .objects
            .values()
            .filter(|object| matches!(object.id.kind, Kind::Column | Kind::Index | Kind::Constraint) && form(object) != "f")
            .filter(|object| self.changes(&object.id))
            .flat_map(|object| {
                let columns = object.list("columns").iter();
                let of_key = columns.map(|name| ObjectId::new(Kind::Column, object.id.path.iter().take(2).chain([name])));
                std::iter::once(object.id.clone()).chain(of_key).collect::<Vec<_>>()
            })
            .collect();
        self.base
            .objects
            .values()
            .filter(|object| form(object) == "f")
            .filter(|key| {
                let tables = key.needs.iter().filter(|need| need.kind == Kind::Table).cloned().chain([table_of(&key.id)]);
                let tables: Vec<ObjectId> = tables.collect();
                let own = || key.needs.iter().any(|need| touched.contains(need));
                let other =
                    || {
                        tables.iter().any(|table| {
                            key.needs.iter().filter(|need| need.kind == Kind::Column).any(|need| {
                                touched.contains(&ObjectId::new(Kind::Column, table.path.iter().chain(need.path.last())))
                            }) || key.text("definition").is_some_and(|definition| {
                                let names = tokens(definition);
                                touched.iter().filter(|id| id.kind == Kind::Column && id.path.starts_with(&table.path)).any(|id| {
                                    names
                                        .iter()
                                        .any(|name| name.kind == TokenKind::Name && name.name().as_deref() == Some(id.name()))
                                })
                            })
                        })
                    };
                self.changes(&key.id)
                    || tables.iter().any(|table| self.rebuilt.contains(table) || !self.target.objects.contains_key(table))
                    || own()
                    || other()
            })
            .map(|key| &key.id)
            .collect()
    }

    fn drop_foreign_keys(&self) -> Statements {
        self.away
            .iter()
            // A table that is dropped takes its own along, unless two of them refer to each other.
            .filter(|key| {
                self.target.objects.contains_key(&table_of(key))
                    || self.base.objects[**key].needs.iter().any(|need| need.kind == Kind::Table && *need != table_of(key))
            })
            .map(|key| {
                let sql = format!("ALTER TABLE {} DROP FOREIGN KEY {}", qualified(&key.path[..2]), quoted(key.name()));
                (sql, (**key).clone())
            })
            .collect()
    }

    fn add_foreign_keys(&self) -> Statements {
        let new = |key: &&Object| form(key) == "f" && (!self.base.objects.contains_key(&key.id) || self.away.contains(&key.id));
        let mut keys: Vec<&Object> = self.target.objects.values().filter(new).collect();
        // In the order in which the target prints them.
        keys.sort_by_key(|key| (table_of(&key.id), key.integer("position")));
        keys.into_iter()
            .map(|key| {
                let sql =
                    format!("ALTER TABLE {} ADD {}", qualified(&key.id.path[..2]), key.text("definition").unwrap_or_default());
                (sql, key.id.clone())
            })
            .collect()
    }

    /// Triggers, events, routines and views that go or change.
    fn drop_code(&self) -> Statements {
        let mut found = Vec::new();
        for (kind, word) in [
            (Kind::Event, "EVENT"),
            (Kind::Trigger, "TRIGGER"),
            (Kind::Procedure, "PROCEDURE"),
            (Kind::Function, "FUNCTION"),
            (Kind::View, "VIEW"),
        ] {
            for object in self.base.of_kind(kind) {
                let gone = !self.target.objects.contains_key(&object.id);
                let of_a_table_that_goes = kind == Kind::Trigger && !self.target.objects.contains_key(&table_of(&object.id));
                let again = match kind {
                    Kind::View => false,
                    Kind::Trigger => !gone && !self.trigger_stays(object),
                    _ => self.altered.contains(&object.id),
                };
                if (gone && !of_a_table_that_goes && !self.database_goes(&object.id)) || again {
                    found.push((format!("DROP {word} {}", qualified(&address(&object.id))), object.id.clone()));
                }
            }
        }
        found
    }

    /// Whether a trigger of the base is left alone: it is as it was and so are those before it, or they go.
    fn trigger_stays(&self, trigger: &Object) -> bool {
        let table = table_of(&trigger.id);
        let of_moment = |catalog: &'a Catalog| {
            let moment = trigger.text("moment").unwrap_or_default().to_string();
            let mut found: Vec<&'a Object> = catalog
                .objects
                .values()
                .filter(|other| other.id.kind == Kind::Trigger && table_of(&other.id) == table)
                .filter(|other| other.text("moment") == Some(moment.as_str()))
                .collect();
            found.sort_by_key(|other| other.integer("position"));
            found
        };
        let as_it_was = |one: &Object, other: &Object| {
            one.id == other.id && ["definition", "sql_mode"].iter().all(|name| one.text(name) == other.text(name))
        };
        let wanted = of_moment(self.target);
        let left = of_moment(self.base).into_iter().filter(|one| wanted.iter().any(|other| as_it_was(one, other)));
        // A new one comes after all that are there.
        let in_place = left.zip(&wanted).take_while(|(one, other)| as_it_was(one, other));
        !self.rebuilt.contains(&table) && in_place.into_iter().any(|(one, _)| one.id == trigger.id)
    }

    /// Tables and sequences that go and whose name something of another kind gets.
    fn drop_in_the_way(&self) -> Statements {
        let gone = [(Kind::Table, "TABLE"), (Kind::Sequence, "SEQUENCE")];
        let gone = gone.into_iter().flat_map(|(kind, word)| only(self.base, self.target, kind).map(move |object| (word, object)));
        gone.filter(|(_, object)| self.is_in_the_way(&object.id))
            .map(|(word, object)| (format!("DROP {word} {}", qualified(&object.id.path)), object.id.clone()))
            .collect()
    }

    fn is_in_the_way(&self, id: &ObjectId) -> bool {
        let relations = [Kind::Table, Kind::View, Kind::Sequence];
        relations.into_iter().any(|kind| kind != id.kind && self.target.objects.contains_key(&ObjectId::new(kind, id.path.iter())))
    }

    fn database_goes(&self, id: &ObjectId) -> bool {
        !self.target.objects.contains_key(&ObjectId::new(Kind::Database, id.path.first()))
    }

    /// Placement policies, databases, sequences.
    fn make_surroundings(&self) -> Statements {
        let mut found = Vec::new();
        for policy in self.new_or_altered(Kind::PlacementPolicy) {
            let printed = policy.text("definition").unwrap_or_default();
            let sql = match self.base.objects.contains_key(&policy.id) {
                true => printed.replacen("CREATE", "ALTER", 1),
                false => printed.to_string(),
            };
            found.push((sql, policy.id.clone()));
        }
        for database in self.new_or_altered(Kind::Database) {
            let word = if self.base.objects.contains_key(&database.id) { "ALTER" } else { "CREATE" };
            let mut sql = format!("{word} DATABASE {}", qualified(&database.id.path));
            for (clause, attribute) in [("CHARACTER SET", "charset"), ("COLLATE", "collation")] {
                if let Some(value) = database.text(attribute) {
                    sql.push_str(&format!(" {clause} {value}"));
                }
            }
            let before = self.base.objects.get(&database.id);
            match (before.and_then(|before| before.text("placement_policy")), database.text("placement_policy")) {
                (_, Some(policy)) => sql.push_str(&format!(" PLACEMENT POLICY={policy}")),
                (Some(_), None) => sql.push_str(" PLACEMENT POLICY=`default`"),
                (None, None) => {}
            }
            match (before.and_then(|before| before.text("comment")), database.text("comment")) {
                (_, Some(comment)) => sql.push_str(&format!(" COMMENT {comment}")),
                (Some(_), None) => sql.push_str(" COMMENT ''"),
                (None, None) => {}
            }
            found.push((sql, database.id.clone()));
        }
        for sequence in self.new_or_altered(Kind::Sequence) {
            let before = self.base.objects.get(&sequence.id);
            found.extend(self.sequence(sequence, before).into_iter().map(|sql| (sql, sequence.id.clone())));
        }
        found
    }

    fn sequence(&self, sequence: &Object, before: Option<&Object>) -> Vec<String> {
        let printed = sequence.text("definition").unwrap_or_default();
        let create = in_full(printed, "SEQUENCE", &sequence.id.path);
        let Some(was) = before.map(|before| before.text("definition").unwrap_or_default()) else { return vec![create] };
        let ((was, was_comment), (is, comment)) = (numbers_and_comment(was), numbers_and_comment(printed));
        let name = qualified(&sequence.id.path);
        if was_comment != comment && self.flavor == Flavor::TiDb {
            // Nothing alters it there.
            return vec![format!("DROP SEQUENCE {name}"), create];
        }
        let mut found = Vec::new();
        if was != is {
            let mut sql = in_full(is, "SEQUENCE", &sequence.id.path).replacen("CREATE", "ALTER", 1);
            if counts_elsewhere(was, is) {
                sql.push_str(&format!(" RESTART WITH {}", number_after(is, &["start", "with"]).unwrap_or(1)));
            }
            found.push(sql);
        }
        if was_comment != comment {
            found.push(format!("ALTER TABLE {name} COMMENT={}", comment.unwrap_or("''")));
        }
        found
    }

    fn new_or_altered(&self, kind: Kind) -> impl Iterator<Item = &'a Object> {
        let objects = self.target.of_kind(kind);
        objects
            .filter(|object| self.altered.contains(&object.id) || !self.base.objects.contains_key(&object.id))
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn make_tables(&self) -> Statements {
        only(self.target, self.base, Kind::Table)
            .filter_map(|object| Some((create_table(object, &object.id.path)?, object.id.clone())))
            .collect()
    }

    /// Replicas on TiFlash last of all: a server without TiFlash refuses them, and the rest is done by then.
    fn set_replicas(&self) -> Statements {
        let tables = self.target.of_kind(Kind::Table);
        tables
            .filter_map(|object| {
                let replica = object.text("tiflash_replica")?;
                let before = self.base.objects.get(&object.id).and_then(|before| before.text("tiflash_replica"));
                if before == Some(replica) && !self.rebuilt.contains(&object.id) {
                    return None;
                }
                Some((format!("ALTER TABLE {} SET TIFLASH REPLICA {replica}", qualified(&object.id.path)), object.id.clone()))
            })
            .collect()
    }

    fn alter_tables(&self) -> Vec<(String, Vec<ObjectId>)> {
        let tables: Vec<&Object> = self.target.of_kind(Kind::Table).filter(|object| self.stays(&object.id)).collect();
        let rebuilt = |object: &&&Object| self.rebuilt.contains(&object.id);
        let mut found = Vec::new();
        for object in tables.iter().filter(|object| !rebuilt(object)) {
            found.extend(self.alter_table(&object.id));
        }
        let made_anew = tables.iter().filter(rebuilt).flat_map(|object| self.rebuild_table(object));
        found.extend(made_anew.map(|(sql, object)| (sql, vec![object])));
        found
    }

    /// A view after those that it reads.
    fn make_views(&self) -> Statements {
        let mut waiting: BTreeMap<&ObjectId, &Object> = self.new_or_altered(Kind::View).map(|view| (&view.id, view)).collect();
        let mut found = Vec::new();
        while !waiting.is_empty() {
            let ready = waiting.values().find(|view| !view.needs.iter().any(|need| waiting.contains_key(need)));
            // Two that read each other cannot be; the first by name breaks what would be endless.
            let Some(view) = ready.or(waiting.values().next()).copied() else { break };
            waiting.remove(&view.id);
            let sql = in_full(view.text("definition").unwrap_or_default(), "VIEW", &view.id.path);
            let sql = match self.base.objects.contains_key(&view.id) {
                true => sql.replacen("CREATE", "CREATE OR REPLACE", 1),
                false => sql,
            };
            if self.calls_own_function(view) {
                // MariaDB prints the name of a function of the view's own database alone, and looks for it in the current one.
                found.push((format!("USE {}", quoted(&view.id.path[0])), view.id.clone()));
            }
            found.push((sql, view.id.clone()));
        }
        found
    }

    fn calls_own_function(&self, view: &Object) -> bool {
        let found = tokens(view.text("definition").unwrap_or_default());
        let is_name = |token: &Token<'_>| token.kind == TokenKind::Name;
        found.windows(3).any(|window| {
            let [before, name, open] = window else { return false };
            let function = name.name().map(|name| ObjectId::new(Kind::Function, [&view.id.path[0], &name]));
            !before.is(".") && is_name(name) && open.is("(") && function.is_some_and(|id| self.target.objects.contains_key(&id))
        })
    }

    /// Before the views that call them.
    fn make_routines(&self) -> Statements {
        self.make_code(&[(Kind::Function, "FUNCTION"), (Kind::Procedure, "PROCEDURE")])
    }

    fn make_triggers_and_events(&self) -> Statements {
        self.make_code(&[(Kind::Trigger, "TRIGGER"), (Kind::Event, "EVENT")])
    }

    /// What has a source, each in the mode that it was written in.
    fn make_code(&self, kinds: &[(Kind, &str)]) -> Statements {
        let mut found = Vec::new();
        let mut mode: Option<&str> = None;
        for (kind, word) in kinds {
            let mut objects: Vec<&Object> = self.target.of_kind(*kind).collect();
            // Triggers of one moment run in the order in which they were made.
            objects.sort_by_key(|object| object.integer("position"));
            for object in objects {
                let stays = match (kind, self.base.objects.get(&object.id)) {
                    (_, None) => false,
                    (Kind::Trigger, Some(before)) => self.trigger_stays(before),
                    (_, Some(_)) => !self.altered.contains(&object.id),
                };
                if stays {
                    continue;
                }
                let wanted = object.text("sql_mode").unwrap_or_default();
                if mode != Some(wanted) {
                    found.push((format!("SET SESSION sql_mode = '{wanted}'"), object.id.clone()));
                    mode = Some(wanted);
                }
                let mut sql = in_full(object.text("definition").unwrap_or_default(), word, &address(&object.id));
                if *kind == Kind::Trigger {
                    sql = in_full(&sql, "ON", &object.id.path[..2]);
                }
                found.push((sql, object.id.clone()));
            }
        }
        if let Some((_, last)) = found.last().cloned() {
            found.push(("SET SESSION sql_mode = DEFAULT".into(), last));
        }
        found
    }

    /// Tables of a run that was killed, before others of their names are made.
    fn drop_left_over(&self) -> Statements {
        let tables = only(self.base, self.target, Kind::Table).filter(|table| left_beside(&table.id, self.base).is_some());
        tables.map(|table| (format!("DROP TABLE {}", qualified(&table.id.path)), table.id.clone())).collect()
    }

    /// What goes for good comes last.
    fn drop_rest(&self) -> Statements {
        let mut found = Vec::new();
        let mut drop = |kind: Kind, word: &str, with_database: bool| {
            for object in only(self.base, self.target, kind) {
                let is_done = left_beside(&object.id, self.base).is_some() || self.is_in_the_way(&object.id);
                if !is_done && (with_database || !self.database_goes(&object.id)) {
                    found.push((format!("DROP {word} {}", qualified(&object.id.path)), object.id.clone()));
                }
            }
        };
        drop(Kind::Table, "TABLE", false);
        drop(Kind::Sequence, "SEQUENCE", false);
        drop(Kind::Database, "DATABASE", true);
        drop(Kind::PlacementPolicy, "PLACEMENT POLICY", true);
        found
    }
}

/// The name of the table that takes another's place; names have 64 characters at the most.
pub fn beside(name: &str) -> String {
    format!("schemaproof_new_{}", name.chars().take(48).collect::<String>())
}

/// The name of the table whose place was taken, until it is dropped.
pub fn aside(name: &str) -> String {
    format!("schemaproof_old_{}", name.chars().take(48).collect::<String>())
}

/// The table beside which a run that was killed has left this one, where it is such a table: it has the rows of that one, or fewer.
pub fn left_beside(id: &ObjectId, base: &Catalog) -> Option<ObjectId> {
    let [database, name] = id.path.as_slice() else { return None };
    let is_ours = id.kind == Kind::Table && ["schemaproof_new_", "schemaproof_old_"].iter().any(|prefix| name.starts_with(prefix));
    let mut tables = base.objects.keys().filter(|other| is_ours && other.kind == Kind::Table && other.path[0] == *database);
    tables.find(|other| beside(other.name()) == *name || aside(other.name()) == *name).cloned()
}

/// A printed sequence up to its engine, and its comment.
fn numbers_and_comment(printed: &str) -> (&str, Option<&str>) {
    let found = tokens(printed);
    let engine = found.iter().position(|token| token.is("ENGINE"));
    let numbers = engine.and_then(|at| printed.get(..found[at].at)).unwrap_or(printed).trim_end();
    let comment = engine.and_then(|at| found[at..].windows(3).find(|window| window[0].is("COMMENT")));
    (numbers, comment.map(|window| window[2].text))
}

/// Whether a sequence's new bounds or direction leave nothing of where it stands: it has to begin anew.
fn counts_elsewhere(before: &str, after: &str) -> bool {
    let of = |printed: &str| {
        let bound = |word: &str| number_after(printed, &[word]).unwrap_or_default();
        let backwards = number_after(printed, &["increment", "by"]).is_some_and(|step| step < 0);
        (bound("minvalue"), bound("maxvalue"), backwards)
    };
    let ((low, high, down), (new_low, new_high, new_down)) = (of(before), of(after));
    down != new_down || high < new_low || new_high < low
}

/// The number after these words of a printed sequence.
fn number_after(printed: &str, words: &[&str]) -> Option<i128> {
    let found = tokens(printed);
    let at = found.windows(words.len()).position(|window| window.iter().zip(words).all(|(token, word)| token.is(word)))?;
    let rest: String = found.get(at + words.len()..at + words.len() + 2)?.iter().map(|token| token.text).collect();
    let digits: String =
        rest.chars().enumerate().take_while(|(at, c)| c.is_ascii_digit() || (*at == 0 && *c == '-')).map(|(_, c)| c).collect();
    digits.parse().ok()
}

/// Database and name of what is not a part of a table by its address: a trigger's path has the table between them.
fn address(id: &ObjectId) -> Vec<String> {
    match id.path.as_slice() {
        [database, _, name] => vec![database.clone(), name.clone()],
        other => other.to_vec(),
    }
}

/// The statement that makes a table under this name, without its foreign keys.
fn create_table(object: &Object, path: &[String]) -> Option<String> {
    let table = ddl::table(object.text("printed")?)?;
    let mut lines: Vec<String> =
        table.columns.iter().map(|column| format!("{} {}", quoted(&column.name), column.definition)).collect();
    let keys = table.keys.iter().filter(|key| key.form != ddl::KeyForm::ForeignKey && key.special.as_deref() != Some("VECTOR"));
    lines.extend(keys.map(|key| key.definition.clone()));
    lines.extend(table.other.iter().cloned());
    Some(format!("CREATE TABLE {} (\n  {}\n) {}", qualified(path), lines.join(",\n  "), table.tail).trim_end().to_string())
}
