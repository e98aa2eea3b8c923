//! The catalog while it is read: objects by name and by address, and what pg_depend says of the addresses.
//!
//! It asks no server; rows come from the readers ([`super::read`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use foldhash::{HashMap, HashSet};

use super::{
    Address, Catalog, Kind, Object, ObjectId,
    column::ColumnType,
    definition::{Asked, ColumnFacts, ColumnOptions, Printed},
    reader::class,
};

/// The catalog while it is read.
#[derive(Debug, Default)]
pub struct Builder {
    version: u32,
    objects: HashMap<ObjectId, Object>,
    addresses: HashMap<Address, ObjectId>,
    /// Members of extensions: (class, object) to the extension.
    members: HashMap<(u32, u32), ObjectId>,
    ignored: HashSet<(u32, u32)>,
    /// Functions and casts that come with a type (a range's constructors), to the type.
    of_types: HashMap<(u32, u32), u32>,
    /// Array types to their element types.
    arrays: HashMap<u32, u32>,
    /// (dependent, referenced) as pg_depend has them.
    dependencies: Vec<(Address, Address)>,
    /// Relations by OID, and columns whose names must be quoted, as SQL names them.
    relations_sql: HashMap<u32, String>,
    columns_sql: HashMap<(u32, i32), String>,
    columns: HashMap<(u32, i32), ColumnFacts>,
    /// What columns of indexes have of their own, by index.
    pub(super) column_options: HashMap<u32, ColumnOptions>,
    /// Whether privileges on columns were seen.
    pub(super) columns_granted: bool,
    /// Default operator classes: the type they are for, and the access method.
    classes: HashMap<u32, (u32, u32)>,
    asked: Vec<Asked>,
    /// Composite types to the relations that their attributes are columns of.
    row_types: HashMap<u32, u32>,
    /// What stands for the names of objects that are not among these: (class, object) to a hash.
    other_names: HashMap<(u32, u32), u64>,
    /// Words that are quoted as names.
    keywords: HashSet<String>,
    /// What is there and not read, in words.
    left: Vec<String>,
    /// Types of columns by OID and modifier.
    pub(super) column_types: HashMap<(u32, i64), Arc<ColumnType>>,
    /// Collations of columns, as SQL names them.
    pub(super) collations: HashMap<u32, String>,
}

impl Builder {
    /// Nothing yet of a server with this `server_version_num`.
    pub fn new(version: u32) -> Self {
        Self { version, ..Self::default() }
    }

    /// `server_version_num`.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Registers an object, unless it is an extension's; says whether it was registered.
    pub fn add(&mut self, object: Object) -> bool {
        if let Some(address) = object.address {
            let address_of_whole = (address.class, address.object);
            if self.members.contains_key(&address_of_whole) || self.of_types.contains_key(&address_of_whole) {
                return false;
            }
            self.addresses.insert(address, object.id.clone());
        }
        self.objects.insert(object.id.clone(), object);
        true
    }

    /// Lets an address stand for `id` in dependencies; OID 0 is nothing.
    pub fn alias(&mut self, class: u32, object: u32, sub: i32, id: ObjectId) {
        if object != 0 {
            self.addresses.insert(Address { class, object, sub }, id);
        }
    }

    /// Says what is there and not read, as the report is to have it.
    pub fn leave(&mut self, what: &str) {
        self.left.push(what.to_owned());
    }

    /// Says that an object, and what depends on it, is left out on purpose, so that it is not reported as not covered.
    pub fn ignore(&mut self, class: u32, object: u32) {
        self.ignored.insert((class, object));
    }

    /// Says that an object is a member of an extension.
    pub fn member(&mut self, class: u32, object: u32, extension: &str) {
        self.members.insert((class, object), ObjectId::new(Kind::Extension, [extension]));
    }

    /// Says that an object comes and goes with a type.
    pub fn of_type(&mut self, class: u32, object: u32, r#type: u32) {
        self.of_types.insert((class, object), r#type);
    }

    /// One row of pg_depend.
    pub fn dependency(&mut self, dependent: Address, referenced: Address) {
        self.dependencies.push((dependent, referenced));
    }

    /// The object of this catalog at an address; `None` for what is the system's or an extension's.
    pub fn id(&self, class: u32, object: u32, sub: i32) -> Option<&ObjectId> {
        self.addresses.get(&Address { class, object, sub })
    }

    /// The table, view, sequence, index, ... with this OID.
    pub fn relation(&self, oid: u32) -> Option<&ObjectId> {
        self.id(class::CLASS, oid, 0)
    }

    /// Says how SQL names a relation.
    pub fn name_relation(&mut self, oid: u32, sql: &str) {
        self.relations_sql.insert(oid, sql.to_owned());
    }

    /// Says that a word is quoted where it is a name.
    pub fn keyword(&mut self, word: &str) {
        self.keywords.insert(word.to_owned());
    }

    /// Says what a column is called, and its type and collation.
    pub fn name_column(&mut self, relation: u32, number: i32, name: &str, facts: ColumnFacts) {
        // As `quote_identifier` in `src/backend/utils/adt/ruleutils.c`.
        let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            && !name.starts_with(|first: char| first.is_ascii_digit());
        if !plain || self.keywords.contains(name) {
            self.columns_sql.insert((relation, number), format!("\"{}\"", name.replace('"', "\"\"")));
        }
        self.columns.insert((relation, number), facts);
    }

    /// What the columns of an index have of their own.
    pub(super) fn column_options(&self, index: u32) -> Option<&ColumnOptions> {
        self.column_options.get(&index)
    }

    /// Says that an operator class is the default for a type.
    pub fn name_default_class(&mut self, oid: u32, of: u32, method: u32) {
        self.classes.insert(oid, (of, method));
    }

    /// The qualified name of a relation of this catalog, quoted where needed.
    pub fn relation_sql(&self, oid: u32) -> Option<&str> {
        self.relations_sql.get(&oid).map(String::as_str)
    }

    /// The name of a column of this catalog, quoted where needed.
    pub fn column_sql(&self, relation: u32, number: i32) -> Option<&str> {
        match self.columns_sql.get(&(relation, number)) {
            Some(sql) => Some(sql),
            None => self.id(class::CLASS, relation, number).filter(|id| id.kind == Kind::Column).map(ObjectId::name),
        }
    }

    pub fn column(&self, relation: u32, number: i32) -> Option<ColumnFacts> {
        self.columns.get(&(relation, number)).copied()
    }

    /// The type that an operator class is the default for, and its access method; `None` when it is no default.
    pub fn default_class(&self, oid: u32) -> Option<(u32, u32)> {
        self.classes.get(&oid).copied()
    }

    /// Whether a type has a default operator class of its own.
    pub fn has_default_class(&self, of: u32, method: u32) -> bool {
        self.classes.values().any(|class| *class == (of, method))
    }

    /// Asks the server, once all else is read, to print an object's definition or expression.
    pub fn ask(&mut self, printed: Printed, oid: u32, id: &ObjectId) {
        self.asked.push(Asked { printed, oid, id: id.clone() });
    }

    /// What [`Builder::leave`] was told, once.
    pub(super) fn take_left(&mut self) -> Vec<String> {
        std::mem::take(&mut self.left)
    }

    /// What an array type is an array of.
    pub(super) fn element(&self, array: u32) -> Option<u32> {
        self.arrays.get(&array).copied()
    }

    /// The name of the extension that an object is a member of.
    pub fn extension_of(&self, class: u32, object: u32) -> Option<&str> {
        self.members.get(&(class, object)).map(ObjectId::name)
    }

    /// Lets an array type stand for its element type.
    pub fn array(&mut self, array: u32, element: u32) {
        self.arrays.insert(array, element);
    }

    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id)
    }

    /// The objects of one kind so far, by name.
    pub fn ids(&self, kind: Kind) -> Vec<ObjectId> {
        let mut ids: Vec<ObjectId> = self.objects.keys().filter(|id| id.kind == kind).cloned().collect();
        ids.sort();
        ids
    }

    pub fn get_mut(&mut self, id: &ObjectId) -> Option<&mut Object> {
        self.objects.get_mut(id)
    }

    /// Says which relation a composite type's attributes are columns of.
    pub(super) fn row_type(&mut self, r#type: u32, relation: u32) {
        self.row_types.insert(r#type, relation);
    }

    /// The relation that a composite type's attributes are columns of.
    pub(super) fn rows_of(&self, r#type: u32) -> Option<u32> {
        self.row_types.get(&r#type).copied()
    }

    /// Says what stands for the name of what may be no object of this catalog.
    pub(super) fn name_other(&mut self, class: u32, object: u32, hash: u64) {
        self.other_names.insert((class, object), hash);
    }

    /// What [`Builder::name_other`] was told.
    pub(super) fn other_name(&self, class: u32, object: u32) -> Option<u64> {
        self.other_names.get(&(class, object)).copied()
    }

    /// All objects so far.
    pub(super) fn objects(&self) -> &HashMap<ObjectId, Object> {
        &self.objects
    }

    /// What pg_depend says so far.
    pub(super) fn dependencies(&self) -> &[(Address, Address)] {
        &self.dependencies
    }

    /// Forgets dependencies of what is not to be here.
    pub(super) fn keep_dependencies(&mut self, mut keep: impl FnMut(Address) -> bool) {
        self.dependencies.retain(|(dependent, _)| keep(*dependent));
    }

    /// An address's object, or the whole it is a part of, or the extension it is a member of.
    pub(super) fn resolve(&self, address: Address) -> Option<&ObjectId> {
        let address = match self.of_types.get(&(address.class, address.object)) {
            Some(of) => Address { class: class::TYPE, object: *of, sub: 0 },
            None => address,
        };
        let element = (address.class == class::TYPE).then(|| self.arrays.get(&address.object)).flatten();
        let address = element.map_or(address, |element| Address { object: *element, ..address });
        if let Some(extension) = self.members.get(&(address.class, address.object)) {
            return Some(extension);
        }
        self.addresses.get(&address).or_else(|| self.addresses.get(&Address { sub: 0, ..address }))
    }

    /// The catalog without parts whose whole is not there, and the addresses of what pg_depend mentions and nobody has registered.
    pub(super) fn finish(mut self, reader: String) -> (Catalog, Vec<Asked>, Vec<Address>) {
        let mut missing = BTreeSet::new();
        let mut of_members = BTreeSet::new();
        let mut dependencies = std::mem::take(&mut self.dependencies);
        dependencies.sort_unstable();
        let mut objects = std::mem::take(&mut self.objects);
        for group in dependencies.chunk_by(|(dependent, _), (next, _)| dependent == next) {
            let dependent = group[0].0;
            let Some(from) = self.resolve(dependent) else {
                let ignored = |at: Address| self.ignored.contains(&(at.class, at.object));
                for &(_, referenced) in group {
                    // What belongs to an operator family is a member of the extension by way of the family.
                    let loose = matches!(dependent.class, class::AMOP | class::AMPROC);
                    if loose && self.members.contains_key(&(referenced.class, referenced.object)) {
                        of_members.insert(dependent);
                    }
                    if !ignored(dependent) && !ignored(referenced) {
                        missing.insert(dependent);
                    }
                }
                continue;
            };
            let Some(object) = objects.get_mut(from) else { continue };
            for &(_, referenced) in group {
                if let Some(to) = self.resolve(referenced)
                    && to != from
                    && Some(to) != object.parent.as_ref()
                {
                    object.needs.push(to.clone());
                }
            }
        }
        missing.retain(|address| !of_members.contains(address));
        loop {
            let whole_is_there = |object: &Object| object.parent.as_ref().is_none_or(|parent| objects.contains_key(parent));
            let orphans: Vec<ObjectId> = objects.values().filter(|object| !whole_is_there(object)).map(|o| o.id.clone()).collect();
            if orphans.is_empty() {
                break;
            }
            for id in &orphans {
                objects.remove(id);
            }
        }
        let catalog =
            Catalog { objects: sorted(objects.into_values()), server_version: self.version, reader, ..Catalog::default() };
        (catalog, self.asked, missing.into_iter().collect())
    }
}

/// The objects by name. They are compared by names that lie in one piece each: to follow every name to where it lies takes longer.
fn sorted(objects: impl Iterator<Item = Object>) -> BTreeMap<ObjectId, Object> {
    let mut objects: Vec<(Vec<u8>, Object)> = objects
        .map(|mut object| {
            object.needs.sort_unstable();
            object.needs.dedup();
            // No name has a NUL in it, and none sorts before one.
            let mut key = Vec::with_capacity(64);
            key.extend((object.id.kind as u16).to_be_bytes());
            for name in object.id.path.iter() {
                key.extend(name.as_bytes());
                key.push(0);
            }
            (key, object)
        })
        .collect();
    objects.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    objects.into_iter().map(|(_, object)| (object.id.clone(), object)).collect()
}
