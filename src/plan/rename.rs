//! Renames: a note in the SQL says that an object had another name, so that it keeps its data.
//!
//! `-- @renamed from=old_name` stands on the line of the object or column, or on a line of its own above it. Nothing is guessed: without
//! a note, what has another name is another object. Until the note is written, [`asked`] says the same for one pull request. The renames run first, on a copy of the base; the planner then goes on from there.

use std::{collections::BTreeMap, fmt};

use super::{Origin, Step, sql};
use crate::{
    catalog::{Action, Catalog, Change, Kind, ObjectId},
    config::Dialect,
    mysql,
    script::{self, Comment, Place, SqlFile},
};

pub mod asked;

use asked::Asked;

/// An object that keeps its data under a new name. Both names are as they are when its turn comes: the table of a renamed column has
/// its new name already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    pub from: ObjectId,
    pub to: ObjectId,
}

/// A note that does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    pub place: Place,
    pub why: String,
}

/// A note that stands at an object of the target.
struct Note {
    to: ObjectId,
    old: String,
    place: Place,
}

/// What the notes of a schema say, and what was asked for on the pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renames {
    /// In the order in which they run: schemas, then relations and types, then their parts.
    pub renames: Vec<Rename>,
    pub unused: Vec<Unused>,
    /// What was asked for, as the object that it means, or with the reason why it means none.
    pub asked: Vec<(Asked, Result<Rename, String>)>,
}

impl Rename {
    /// The statement, or nothing where the server renames no such object.
    pub fn sql(&self, dialect: Dialect) -> Option<String> {
        if !dialect.is_postgres() {
            return self.sql_of_mysql();
        }
        let old = sql::qualified(&self.from.path);
        let new = sql::ident(self.to.path.last()?);
        let (owner, name) = self.from.path.split_last().map(|(name, owner)| (sql::qualified(owner), name))?;
        Some(match self.from.kind {
            Kind::Schema => format!("ALTER SCHEMA {old} RENAME TO {new}"),
            Kind::Table => format!("ALTER TABLE {old} RENAME TO {new}"),
            Kind::ForeignTable => format!("ALTER FOREIGN TABLE {old} RENAME TO {new}"),
            Kind::View => format!("ALTER VIEW {old} RENAME TO {new}"),
            Kind::MaterializedView => format!("ALTER MATERIALIZED VIEW {old} RENAME TO {new}"),
            Kind::Index => format!("ALTER INDEX {old} RENAME TO {new}"),
            Kind::Sequence => format!("ALTER SEQUENCE {old} RENAME TO {new}"),
            Kind::Type => format!("ALTER TYPE {old} RENAME TO {new}"),
            Kind::Domain => format!("ALTER DOMAIN {old} RENAME TO {new}"),
            Kind::Column => format!("ALTER TABLE {owner} RENAME COLUMN {} TO {new}", sql::ident(name)),
            Kind::Constraint => format!("ALTER TABLE {owner} RENAME CONSTRAINT {} TO {new}", sql::ident(name)),
            Kind::EnumValue => {
                format!("ALTER TYPE {owner} RENAME VALUE {} TO {}", sql::literal(name), sql::literal(self.to.path.last()?))
            }
            _ => return None,
        })
    }

    /// The rename as a change of the schema.
    pub fn change(&self) -> Change {
        Change { action: Action::Rename, object: self.to.clone(), renamed_from: Some(self.from.clone()), attributes: Vec::new() }
    }

    fn sql_of_mysql(&self) -> Option<String> {
        let (name, owner) = self.from.path.split_last()?;
        let new = self.to.path.last()?;
        let part = |word: &str| {
            let (name, new) = (mysql::quoted(name), mysql::quoted(new));
            format!("ALTER TABLE {} RENAME {word} {name} TO {new}", mysql::qualified(owner))
        };
        match self.from.kind {
            Kind::Table => {
                Some(format!("RENAME TABLE {} TO {}", mysql::qualified(&self.from.path), mysql::qualified(&self.to.path)))
            }
            Kind::Column => Some(part("COLUMN")),
            Kind::Index => Some(part("INDEX")),
            _ => None,
        }
    }
}

impl Renames {
    /// The statements: on Postgres all in transaction group 1, in the MySQL family, where each commits by itself, each in its own.
    pub fn steps(&self, dialect: Dialect) -> Vec<Step> {
        let transactional = dialect.is_postgres();
        let statements = self.renames.iter().filter_map(|rename| Some((rename.sql(dialect)?, rename)));
        let step = |(at, (sql, rename)): (usize, (String, &Rename))| Step {
            sql,
            masked: None,
            origin: Origin::Native,
            group: if transactional { 1 } else { at + 1 },
            transactional,
            objects: vec![rename.to.clone()],
            online: None,
        };
        statements.enumerate().map(step).collect()
    }

    /// The same way back: parts first.
    pub fn back(&self) -> Renames {
        let back = |rename: &Rename| {
            // On the way back the whole still has its new name when the part's turn comes.
            Rename { from: rename.to.clone(), to: rename.from.clone() }
        };
        Renames { renames: self.renames.iter().rev().map(back).collect(), ..Renames::default() }
    }

    /// Reads the notes of the target's files, and binds what was asked for beside them. `places` is where the target's objects stand.
    pub fn read(
        files: &[SqlFile],
        asked: &[Asked],
        places: &BTreeMap<ObjectId, Place>,
        base: &Catalog,
        target: &Catalog,
    ) -> Renames {
        let (mut found, mut notes) = (Renames::default(), Vec::new());
        for file in files.iter().filter(|file| file.text.contains("@renamed")) {
            let comments = script::comments(file, target.dialect);
            for comment in &comments {
                let Some(old) = old_name(&comment.text, target.dialect) else { continue };
                let place = Place { file: file.path.clone(), line: comment.line, column: 1 };
                match meant(comment, &comments, file, places, target.dialect) {
                    None => {
                        let why = "no object that can be renamed begins on its line or on the one below it".into();
                        found.unused.push(Unused { place, why });
                    }
                    Some(to) => notes.push(Note { to, old, place }),
                }
            }
        }
        for note in &notes {
            found.add(note, &notes, base, target);
        }
        found.bind(asked, base, target);
        found.renames.sort_by(|a, b| (a.to.path.len(), &a.to).cmp(&(b.to.path.len(), &b.to)));
        found.free_names_first();
        found.add_names_made_of_names(base, target);
        found.renames.retain(|rename| rename.sql(target.dialect).is_some());
        // A part's old name stands under its whole's new one.
        let wholes: Vec<Rename> = found.renames.clone();
        for rename in &mut found.renames {
            for whole in &wholes {
                let shorter = whole.to.path.len() < rename.from.path.len();
                if shorter && rename.from.path.starts_with(&whole.from.path) && rename.to.path.starts_with(&whole.to.path) {
                    rename.from.path.splice(..whole.from.path.len(), whole.to.path.iter().cloned());
                }
            }
        }
        found
    }

    fn add(&mut self, note: &Note, notes: &[Note], base: &Catalog, target: &Catalog) {
        let to = note.to.clone();
        let to_in_base = ObjectId { kind: to.kind, path: self.path_in_base(&to.path).into() };
        let from = with_name(&to_in_base, &note.old);
        let there = base.objects.contains_key(&to_in_base);
        // The object that has the old name now, if it had another before.
        let heir = notes.iter().find(|other| other.to == with_name(&to, &note.old));
        let why = if from == to_in_base {
            "the old name is the new one".to_string()
        } else if !base.objects.contains_key(&from) {
            match there {
                // The note has done its work: it may stay where it is.
                true => return,
                false => format!("the base has no {} {from}", from.kind),
            }
        } else if heir.is_some_and(|heir| heir.old == to.name()) {
            format!(
                "it swaps its name with {} {from}, and notes that stay would swap them again in the next plan: give one of them a third \
                 name in between, in a change of its own",
                from.kind
            )
        } else if target.objects.contains_key(&from) && (there || heir.is_none()) {
            format!("the {} {from} is still there", from.kind)
        } else if there && !notes.iter().any(|other| with_name(&other.to, &other.old) == to) {
            format!("the base has a {} {to_in_base} already: drop that one, or rename it, in a change before", to.kind)
        } else {
            self.renames.push(Rename { from, to });
            return;
        };
        self.unused.push(Unused { place: note.place.clone(), why });
    }

    /// Puts what has a name that another one is to have before that one.
    fn free_names_first(&mut self) {
        let mut rest = std::mem::take(&mut self.renames);
        while !rest.is_empty() {
            let taken = |rename: &Rename| {
                let name = with_name(&rename.from, rename.to.name());
                rest.iter().any(|other| other.from == name)
            };
            let next = rest.iter().position(|rename| !taken(rename)).unwrap_or(0);
            let rename = rest.remove(next);
            self.renames.push(rename);
        }
    }

    /// A path of the target with the wholes' names of the base.
    fn path_in_base(&self, path: &[String]) -> Vec<String> {
        let whole = self.renames.iter().filter(|rename| rename.to.path.len() < path.len() && path.starts_with(&rename.to.path));
        match whole.max_by_key(|rename| rename.to.path.len()) {
            Some(rename) => rename.from.path.iter().chain(&path[rename.to.path.len()..]).cloned().collect(),
            None => path.to_vec(),
        }
    }

    /// Postgres names constraints, indexes and sequences after their table and columns, and keeps those names when it renames these:
    /// where the target has the name that follows from the new one, it is renamed too.
    fn add_names_made_of_names(&mut self, base: &Catalog, target: &Catalog) {
        // By table: its two paths, and the names in it that changed, the table's own first.
        type Changed<'a> = (&'a [String], Vec<(&'a String, &'a String)>);
        let mut tables: BTreeMap<&[String], Changed<'_>> = BTreeMap::new();
        for rename in &self.renames {
            let length = match rename.to.kind {
                Kind::Table => rename.to.path.len(),
                Kind::Column => rename.to.path.len().saturating_sub(1),
                _ => continue,
            };
            let (Some(old), Some(new)) = (rename.from.path.get(..length), rename.to.path.get(..length)) else { continue };
            let names = rename.from.path.last().zip(rename.to.path.last());
            tables.entry(old).or_insert_with(|| (new, Vec::new())).1.extend(names);
        }
        let mut more = Vec::new();
        for (old_table, (new_table, names)) in &tables {
            let follow = |name: &String| names.iter().fold(name.clone(), |name, (old, new)| renamed(&name, old, new));
            for id in base.objects.keys().filter(|id| !target.objects.contains_key(id)) {
                let path = match (id.kind, id.path.split_last()) {
                    // An index of the MySQL family is a part of its table too.
                    (Kind::Constraint | Kind::Index, Some((name, table))) if table == *old_table => {
                        new_table.iter().cloned().chain([follow(name)]).collect()
                    }
                    (Kind::Index | Kind::Sequence, Some((name, schema))) if old_table.starts_with(schema) => {
                        schema.iter().cloned().chain([follow(name)]).collect()
                    }
                    _ => continue,
                };
                let to = ObjectId { kind: id.kind, path };
                if to.path.last() != id.path.last() && target.objects.contains_key(&to) && !base.objects.contains_key(&to) {
                    more.push(Rename { from: id.clone(), to });
                }
            }
        }
        // The index of a constraint goes with it.
        let constraints: Vec<String> = more
            .iter()
            .filter(|rename| rename.from.kind == Kind::Constraint)
            .filter_map(|rename| rename.from.path.last().cloned())
            .collect();
        more.retain(|rename| {
            rename.from.kind != Kind::Index || !rename.from.path.last().is_some_and(|name| constraints.contains(name))
        });
        more.sort_by(|a, b| a.to.cmp(&b.to));
        more.dedup();
        self.renames.extend(more);
    }
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.from.kind, self.from, self.to)
    }
}

/// The object beside this one that has another name.
fn with_name(id: &ObjectId, name: &str) -> ObjectId {
    let mut id = id.clone();
    if let Some(last) = id.path.last_mut() {
        *last = name.to_owned();
    }
    id
}

/// `orders_customer_id_fkey` with `orders` -> `invoices`: whole words between underscores.
fn renamed(name: &str, old: &str, new: &str) -> String {
    match name.find(old) {
        Some(at) => {
            let (before, rest) = name.split_at(at);
            let after = &rest[old.len()..];
            let whole = (before.is_empty() || before.ends_with('_')) && (after.is_empty() || after.starts_with('_'));
            if whole { format!("{before}{new}{after}") } else { name.to_string() }
        }
        None => name.to_string(),
    }
}

/// `@renamed from=old_name` or `@renamed from="Old name"` (in the MySQL family between backticks) in a comment's line.
fn old_name(text: &str, dialect: Dialect) -> Option<String> {
    let rest = text.split_once("@renamed")?.1.trim_start().strip_prefix("from")?.trim_start().strip_prefix('=')?.trim_start();
    let quoted = ['"', '`'].into_iter().find_map(|quote| Some((quote, rest.strip_prefix(quote)?)));
    let name = match quoted {
        Some((quote, inside)) => inside.split(quote).next()?.to_string(),
        None => {
            let plain = rest.split(|letter: char| letter.is_whitespace() || ",;*".contains(letter)).next()?;
            // Postgres folds what is not quoted.
            if dialect.is_postgres() { plain.to_lowercase() } else { plain.to_string() }
        }
    };
    (!name.is_empty()).then_some(name)
}

/// The object that a note stands at: the first that begins on its line, or, when the note has a line of its own, on the next line that
/// is no comment.
fn meant(
    comment: &Comment,
    comments: &[Comment],
    file: &SqlFile,
    places: &BTreeMap<ObjectId, Place>,
    dialect: Dialect,
) -> Option<ObjectId> {
    let mut line = comment.line;
    if comment.alone {
        line += 1;
        while comments.iter().any(|other| other.alone && other.line == line) {
            line += 1;
        }
    }
    let renamable = |id: &&ObjectId| Rename { from: (*id).clone(), to: (*id).clone() }.sql(dialect).is_some();
    let on_line = places.iter().filter(|(_, place)| place.file == file.path && place.line == line);
    // A column and its NOT NULL begin at one place: the shortest path is the whole, and the kinds' order puts a column first.
    on_line
        .map(|(id, place)| (place.column, id))
        .filter(|(_, id)| renamable(id))
        .min_by_key(|(column, id)| (*column, id.path.len(), id.kind))
        .map(|(_, id)| id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_the_old_name() {
        let found = |text: &str, dialect| old_name(text, dialect);
        assert_eq!(found("-- @renamed from=Old_Name, since 2", Dialect::Postgres).as_deref(), Some("old_name"));
        assert_eq!(found("-- @renamed from=Old_Name, since 2", Dialect::TiDb).as_deref(), Some("Old_Name"));
        assert_eq!(found("/* @renamed from=\"Old Name\" */", Dialect::Postgres).as_deref(), Some("Old Name"));
        assert_eq!(found("# @renamed from=`Old Name`", Dialect::MariaDb).as_deref(), Some("Old Name"));
        assert_eq!(found("-- @renamed to=x", Dialect::Postgres), None);
    }

    #[test]
    fn names_made_of_names_follow_by_whole_words() {
        assert_eq!(renamed("orders_customer_fkey", "orders", "invoices"), "invoices_customer_fkey");
        assert_eq!(renamed("orders_customer_fkey", "customer", "client"), "orders_client_fkey");
        assert_eq!(renamed("reorders_pkey", "orders", "x"), "reorders_pkey");
    }

    #[test]
    fn a_note_that_names_nothing_is_said_and_one_that_has_done_its_work_is_not() {
        let catalog = |names: &[&str]| {
            let mut catalog = Catalog::default();
            for name in names {
                let id = ObjectId::new(Kind::Column, ["public", "t", *name]);
                catalog.objects.insert(id.clone(), crate::catalog::Object::new(id));
            }
            catalog
        };
        let file = SqlFile {
            path: "t.sql".into(),
            text: "CREATE TABLE t (\n  a int, -- @renamed from=x\n  b int -- @renamed from=y\n);\n-- @renamed from=z\n".into(),
        };
        let place = |line| Place { file: "t.sql".into(), line, column: 3 };
        let id = |name: &str| ObjectId::new(Kind::Column, ["public", "t", name]);
        let places = BTreeMap::from([(id("a"), place(2)), (id("b"), place(3))]);
        let found = Renames::read(&[file], &[], &places, &catalog(&["a"]), &catalog(&["a", "b"]));
        assert_eq!(found.renames, []);
        let unused: Vec<_> = found.unused.iter().map(|unused| (unused.place.line, unused.why.as_str())).collect();
        assert_eq!(
            unused,
            [
                (5, "no object that can be renamed begins on its line or on the one below it"),
                (3, "the base has no column public.t.y")
            ]
        );
        // A name that another one leaves is free, but two that swap theirs would do so again and again.
        let columns = |notes: &[(&str, &str)], base: &[&str]| {
            let lines = notes.iter().map(|(name, old)| format!("  {name} int, -- @renamed from={old}\n"));
            let file = SqlFile { path: "t.sql".into(), text: format!("CREATE TABLE t (\n{});", lines.collect::<String>()).into() };
            let places = notes.iter().enumerate().map(|(at, (name, _))| (id(name), place(at as u32 + 2))).collect();
            let names: Vec<&str> = notes.iter().map(|(name, _)| *name).collect();
            Renames::read(&[file], &[], &places, &catalog(base), &catalog(&names))
        };
        let chain = [("b", "a"), ("c", "b")];
        let steps = |found: &Renames| found.steps(Dialect::Postgres).into_iter().map(|step| step.sql).collect::<Vec<_>>();
        let start = "ALTER TABLE public.t RENAME COLUMN";
        assert_eq!(steps(&columns(&chain, &["a", "b"])), [format!("{start} b TO c"), format!("{start} a TO b")]);
        let whys = |found: &Renames| found.unused.iter().map(|unused| unused.why.clone()).collect::<Vec<_>>().join("\n");
        assert_eq!(columns(&[("b", "a")], &["b"]), Renames::default());
        assert_eq!(whys(&columns(&chain, &["b", "c"])), "the column public.t.b is still there");
        let swapped = columns(&[("a", "b"), ("b", "a")], &["a", "b"]);
        assert_eq!(swapped.renames, []);
        assert!(whys(&swapped).contains("it swaps its name with column public.t.b"), "{swapped:?}");
        assert!(whys(&columns(&[("b", "a")], &["a", "b"])).contains("has a column public.t.b already"));
    }
}
