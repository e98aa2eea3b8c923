//! Two databases at a glance: which relations are alike in both, so that a plan between the two need not know their parts.
//!
//! Rows about parts of relations (columns, keys, triggers, what is said and granted about them) are added up to one number a relation, with
//! names in the place of OIDs ([`Glance::look`]); the server adds up itself what is most ([`super::reader::Sums`]). Where the numbers of both sides are the same, so is the relation. What has no
//! common form (an OID of unknown class, a value that may hold one) is taken as different.
//!
//! A plan is about what differs, about what depends on that, and looks at what these refer to: [`near`] finds them. What depends on
//! something is followed object by object: a column, a view or a type passes it on to its whole and all that depends on it, a key or an
//! index to those that depend on it alone.
//!
//! It asks no server, and it does not compare objects: what is near is read whole and compared then.

use std::{
    collections::{BTreeSet, VecDeque},
    hash::BuildHasher,
    sync::{Arc, LazyLock},
};

use foldhash::{HashMap, HashSet, quality::RandomState};

use super::{
    Address, Catalog, Kind, Object, ObjectId, definition,
    reader::{Builder, CatalogError, Holds, Of, PartReader, Reader, Row, class},
    tree,
};

/// Stored expressions that no object is made from: the server is asked to print them.
pub(super) const TREES: &[PartReader] = &[PartReader {
    reader: Reader {
        what: "queries of views",
        query: |_| {
            Some("select ev_class, ev_action as tree from pg_rewrite where rulename = '_RETURN' and oid >= 16384".to_owned())
        },
        row: |_, _| Ok(()),
    },
    of: Of::Relation("ev_class"),
    holds: &[("tree", Holds::Tree)],
    sums: None,
}];

/// Names of what no objects are made of: values of enums, and types and operator classes of extensions.
pub(super) const NAMES: Reader = Reader {
    what: "names of types, their values and operator classes",
    query: |_| {
        Some(
            "select 'pg_type'::regclass::oid as class, t.oid, n.nspname, t.typname as name, null as part
             from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.oid >= 16384 and t.typtype <> 'c' and t.typcategory <> 'A'
             union all
             select 'pg_opclass'::regclass, k.oid, n.nspname, k.opcname, a.amname
             from pg_opclass k join pg_namespace n on n.oid = k.opcnamespace join pg_am a on a.oid = k.opcmethod where k.oid >= 16384
             union all
             select 'pg_enum'::regclass, e.oid, n.nspname, t.typname, e.enumlabel
             from pg_enum e join pg_type t on t.oid = e.enumtypid join pg_namespace n on n.oid = t.typnamespace"
                .to_owned(),
        )
    },
    row: |row, builder| {
        let name = (row.text("nspname")?, row.text("name")?, row.opt("part")?);
        builder.name_other(row.oid("class")?, row.oid("oid")?, STATE[0].hash_one(name));
        Ok(())
    },
};

/// One for the process, so that both sides count alike, and nobody knows what adds up to the same.
static STATE: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);

/// What the server's own sums begin with.
pub(super) fn seed() -> i64 {
    STATE[1].hash_one("seed").cast_signed()
}

/// Class and OID: an address but for the columns.
type Node = (u32, u32);

/// What was seen of the relations of one database.
#[derive(Debug, Default)]
pub(super) struct Glance {
    /// The sums of the relations' rows.
    sums: HashMap<u32, u128>,
    /// Relations with rows that have no common form.
    unsure: HashSet<u32>,
    parts: HashMap<Node, Part>,
    /// Which part or relation refers to what, as the rows say.
    refers: Vec<(Node, Node)>,
    /// Common forms of trees that come again and again.
    forms: HashMap<Box<str>, Option<u64>>,
    /// Which query's rows come, and what its columns hold.
    roles: (usize, Vec<Role>),
    /// Whether the relation that rows are about is one whose rows can be left out.
    last: (u32, bool),
    row: Vec<u8>,
    form: Vec<u8>,
}

/// A part of a relation that has an OID.
#[derive(Debug, Clone, Copy)]
struct Part {
    of: u32,
    name: u64,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    Text,
    Holds(Holds),
}

impl Glance {
    /// Looks at a row of this reader, in the answer to the query with this number; whether it is about a relation.
    pub(super) fn look(&mut self, builder: &Builder, part: &PartReader, query: usize, row: &Row<'_>) -> Result<bool, CatalogError> {
        let columns = row.row.columns();
        if self.roles.0 != query || self.roles.1.is_empty() {
            let held = |name: &str| part.holds.iter().find(|(column, _)| *column == name).map(|(_, holds)| Role::Holds(*holds));
            let of = |name: &str| match part.of {
                Of::Relation(column) | Of::RelationOrIndex(column) => (column == name).then_some(Role::Holds(Holds::Nothing)),
                Of::Address(_, object) => (object == name).then_some(Role::Holds(Holds::Nothing)),
            };
            let role = |name: &str| held(name).or_else(|| of(name)).unwrap_or(Role::Text);
            self.roles = (query, columns.iter().map(|column| role(column.name())).collect());
        }
        let Some((relation, own)) = self.about(builder, part.of, row)? else { return Ok(false) };
        let mut sum = std::mem::take(&mut self.row);
        sum.clear();
        sum.extend_from_slice(part.reader.what.as_bytes());
        sum.push(0);
        sum.extend(own.to_ne_bytes());
        let known = self.add_up(builder, relation, row, &mut sum);
        self.count(relation, |state| state.hash_one(&sum));
        if !known? {
            self.unsure.insert(relation);
        }
        self.row = sum;
        Ok(true)
    }

    fn count(&mut self, relation: u32, hash: impl Fn(&RandomState) -> u64) {
        let [one, two] = STATE.each_ref().map(|state| u128::from(hash(state)));
        let total = self.sums.entry(relation).or_default();
        *total = total.wrapping_add(one << 64 | two);
    }

    /// The relation that a row is about, and a number for the name of its part.
    pub(super) fn about(&mut self, builder: &Builder, of: Of, row: &Row<'_>) -> Result<Option<(u32, u64)>, CatalogError> {
        let on = match of {
            Of::Relation(column) | Of::RelationOrIndex(column) => (class::CLASS, row.oid(column)?),
            Of::Address(class, object) => (row.oid(class)?, row.oid(object)?),
        };
        Ok(match self.parts.get(&on).copied() {
            Some(part) => Some((part.of, part.name)),
            None if on.0 == class::CLASS && self.is_relation(builder, on.1) => Some((on.1, 0)),
            None => None,
        })
    }

    fn is_relation(&mut self, builder: &Builder, oid: u32) -> bool {
        if self.last.0 != oid {
            let kinds = [Kind::Table, Kind::ForeignTable, Kind::View, Kind::MaterializedView, Kind::Type];
            self.last = (oid, builder.relation(oid).is_some_and(|id| kinds.contains(&id.kind)));
        }
        self.last.1
    }

    /// Appends what a row says; whether all of it is known.
    fn add_up(&mut self, builder: &Builder, relation: u32, row: &Row<'_>, sum: &mut Vec<u8>) -> Result<bool, CatalogError> {
        let mut known = true;
        let mut own = (class::CLASS, relation);
        let mut name = 0;
        let mut refers = Vec::new();
        for at in 0..self.roles.1.len() {
            let Some(role) = self.roles.1.get(at).copied() else { continue };
            let text = row.at(at)?;
            let Some(text) = text else {
                sum.push(0);
                continue;
            };
            sum.push(1);
            match role {
                Role::Text => {}
                Role::Holds(Holds::Name) => name = STATE[0].hash_one(text),
                Role::Holds(Holds::Nothing) => continue,
                Role::Holds(Holds::Own(class)) => {
                    own = (class, text.parse().unwrap_or_default());
                    continue;
                }
                Role::Holds(Holds::Oid(class)) => {
                    for oid in text.split(' ') {
                        let oid = oid.parse().unwrap_or_default();
                        known &= self.name(builder, class, oid).is_some_and(|name| {
                            sum.extend(name.to_ne_bytes());
                            true
                        });
                        if oid >= tree::FIRST_OWN {
                            refers.push((class, oid));
                        }
                    }
                    continue;
                }
                Role::Holds(Holds::Tree) => {
                    known &= self.tree(builder, text).is_some_and(|form| {
                        sum.extend(form.to_ne_bytes());
                        true
                    });
                    continue;
                }
            }
            sum.extend(text.len().to_ne_bytes());
            sum.extend_from_slice(text.as_bytes());
        }
        self.refers.extend(refers.into_iter().map(|to| (own, to)));
        if own != (class::CLASS, relation) {
            self.parts.insert(own, Part { of: relation, name });
        }
        Ok(known)
    }

    /// A number for what an OID stands for, which is the same on both sides where the name is.
    fn name(&self, builder: &Builder, class: u32, oid: u32) -> Option<u64> {
        if oid < tree::FIRST_OWN {
            return Some(oid.into());
        }
        let element = if class == class::TYPE { builder.element(oid) } else { None };
        let object = element.unwrap_or(oid);
        if let Some(id) = builder.id(class, object, 0).filter(|id| id.kind != Kind::Extension) {
            // A range's name stands for its multirange too, a table's for the type of its rows.
            let itself = builder.get(id).and_then(|found| found.address).is_some_and(|address| address.object == object);
            return Some(STATE[0].hash_one((id, element.is_some(), itself)));
        }
        if let Some(part) = self.parts.get(&(class, oid)) {
            return Some(STATE[0].hash_one((builder.relation(part.of)?, part.name)));
        }
        builder.other_name(class, object).map(|name| STATE[0].hash_one((name, element.is_some())))
    }

    /// What an address is in the graph: parts for themselves, but columns, defaults and the rule of a view as their whole.
    fn node(&self, builder: &Builder, address: Address) -> Option<Node> {
        let own = (address.class, address.object);
        if let Some(part) = self.parts.get(&own) {
            return Some(if own.0 == class::ATTRDEF { (class::CLASS, part.of) } else { own });
        }
        node_of(builder, builder.resolve(Address { sub: 0, ..address })?)
    }

    /// The relation that a node is or is a part of.
    fn relation_of(&self, node: Node) -> Option<u32> {
        match self.parts.get(&node) {
            Some(part) => Some(part.of),
            None => (node.0 == class::CLASS).then_some(node.1),
        }
    }

    /// The hash of a tree's common form.
    fn tree(&mut self, builder: &Builder, text: &str) -> Option<u64> {
        /// Longer ones seldom come again.
        const SHORT: usize = 2048;
        if let Some(known) = self.forms.get(text) {
            return *known;
        }
        let mut form = std::mem::take(&mut self.form);
        form.clear();
        let found = tree::common(text, &mut form, |class, oid| self.name(builder, class, oid));
        let hash = found.map(|()| STATE[0].hash_one(&form));
        self.form = form;
        if text.len() < SHORT {
            self.forms.insert(text.into(), hash);
        }
        hash
    }
}

fn node_of(builder: &Builder, id: &ObjectId) -> Option<Node> {
    let address = builder.get(id)?.address?;
    Some((address.class, address.object))
}

/// One database, as far as it was looked at.
pub(super) struct Side<'a> {
    pub builder: &'a Builder,
    pub glance: &'a Glance,
    pub links: &'a Links,
}

/// What of one database a plan may have to do with.
#[derive(Debug, Default)]
pub(super) struct Near {
    /// The relations whose parts are read.
    pub relations: HashSet<u32>,
    /// Their OIDs, as an array in SQL.
    pub of_relations: String,
    /// OIDs of these and their parts, as an array in SQL.
    pub of_all: String,
    /// What differs, and all that depends on it.
    touched: BTreeSet<ObjectId>,
    /// That, and the relations of which parts depend on it: alike on both sides, so that what the server prints of them is too.
    about: Arc<BTreeSet<ObjectId>>,
    /// Parts that depend on it while their relations do not.
    parts: HashSet<Node>,
}

impl Near {
    /// Whether a dependency of this belongs into the catalog: it is no part of a relation that is left out.
    pub(super) fn is_of(&self, glance: &Glance, dependent: Address) -> bool {
        let node = (dependent.class, dependent.object);
        match glance.parts.get(&node) {
            Some(part) => self.relations.contains(&part.of),
            None => node.0 != class::CLASS || !glance.sums.contains_key(&node.1) || self.relations.contains(&node.1),
        }
    }

    /// A reader's query for the rows that are about what is near; rows of [`Of::Address`] may be about something else with such an OID.
    pub(super) fn only(&self, of: Of, sql: &str) -> String {
        let (column, these) = match of {
            Of::Relation(column) => (column, &self.of_relations),
            Of::RelationOrIndex(column) | Of::Address(_, column) => (column, &self.of_all),
        };
        format!("select * from ({sql}) as all_of_it where {column} = any ({these})")
    }

    /// Whether a plan may be about this object, so that what it says is asked for.
    pub(super) fn is_about(&self, catalog: &Catalog, id: &ObjectId) -> bool {
        catalog.line(id).any(|at| self.about.contains(at))
    }

    /// What [`super::Catalog::looked_at`] is.
    pub(super) fn looked_at(&self, builder: &Builder) -> BTreeSet<ObjectId> {
        let parts = self.parts.iter().filter_map(|(class, object)| builder.id(*class, *object, 0));
        self.touched.iter().chain(parts).cloned().collect()
    }
}

/// Who depends on whom in one database.
#[derive(Debug, Default)]
pub(super) struct Links {
    dependents: HashMap<Node, Vec<Node>>,
    /// What a relation, with its parts, refers to.
    needs: HashMap<u32, Vec<Node>>,
    parts: HashMap<u32, Vec<Node>>,
}

/// One side as a graph of who depends on whom.
struct Graph<'a> {
    side: &'a Side<'a>,
    touched: HashSet<Node>,
}

/// What is near to what differs between two databases; `None` where that is most of them.
pub(super) fn near(base: Side<'_>, target: Side<'_>) -> Option<[Near; 2]> {
    let mut work: VecDeque<ObjectId> = differing(&base, &target).into();
    let sides = [&base, &target];
    let mut graphs = sides.map(Graph::of);
    let mut touched: BTreeSet<ObjectId> = BTreeSet::new();
    while let Some(id) = work.pop_front() {
        if !touched.insert(id.clone()) {
            continue;
        }
        for graph in &mut graphs {
            work.extend(graph.touch(&id));
        }
    }
    // What is touched, or has parts that are; what that refers to; and what that refers to in turn.
    let mut near: BTreeSet<ObjectId> = touched.iter().cloned().collect();
    near.extend(graphs.iter().flat_map(Graph::wholes_of_touched));
    let about = Arc::new(near.clone());
    for _ in 0..2 {
        let more: Vec<ObjectId> = graphs.iter().flat_map(|graph| graph.needs_of(&near)).collect();
        near.extend(more);
    }
    let all = sides.map(|side| side.glance.sums.len()).into_iter().max().unwrap_or_default();
    let found = graphs.map(|graph| graph.near(&near, &touched, &about));
    let most = found.iter().map(|near| near.relations.len()).max().unwrap_or_default();
    (most * 2 <= all).then_some(found)
}

/// The relations and objects that are not certain to be alike.
fn differing(base: &Side<'_>, target: &Side<'_>) -> Vec<ObjectId> {
    let mut found = Vec::new();
    for (one, other) in [(base, target), (target, base)] {
        for object in one.builder.objects().values() {
            let twin = other.builder.get(&object.id);
            let alike = twin.is_some_and(|twin| object.attributes == twin.attributes) && one.alike(object, other, twin);
            if !alike {
                found.push(object.id.clone());
                // What is said or granted about something leaves it as it is.
                let about = matches!(object.id.kind, Kind::Comment | Kind::Grant | Kind::SecurityLabel);
                found.extend(object.parent.clone().filter(|_| !about));
            }
        }
    }
    found
}

impl Side<'_> {
    /// Whether the parts of two relations add up to the same; true of what is no relation.
    fn alike(&self, object: &Object, other: &Side<'_>, twin: Option<&Object>) -> bool {
        let (Some(one), Some(two)) = (self.relation(object), twin.and_then(|twin| other.relation(twin))) else { return true };
        let unsure = |side: &Side<'_>, relation: &u32| side.glance.unsure.contains(relation);
        !unsure(self, &one) && !unsure(other, &two) && self.glance.sums.get(&one) == other.glance.sums.get(&two)
    }

    /// The OID in pg_class of a relation or a composite type.
    fn relation(&self, object: &Object) -> Option<u32> {
        let address = object.address?;
        match address.class {
            class::CLASS => Some(address.object),
            class::TYPE => self.builder.rows_of(address.object),
            _ => None,
        }
    }

    fn node_of(&self, id: &ObjectId) -> Option<Node> {
        node_of(self.builder, id)
    }
}

impl Links {
    /// What was seen of a database, linked.
    pub(super) fn of(builder: &Builder, glance: &Glance) -> Links {
        let mut links = Links::default();
        for (node, part) in &glance.parts {
            links.parts.entry(part.of).or_default().push(*node);
        }
        let address = |(class, object): Node| Address { class, object, sub: 0 };
        let told = glance.refers.iter().map(|(from, to)| (address(*from), address(*to)));
        for (from, to) in builder.dependencies().iter().copied().chain(told) {
            let (Some(from), Some(to)) = (glance.node(builder, from), glance.node(builder, to)) else { continue };
            if from == to {
                continue;
            }
            links.dependents.entry(to).or_default().push(from);
            if let Some(whole) = glance.relation_of(from) {
                links.needs.entry(whole).or_default().push(to);
            }
            // Tables depend on each other by inheritance, and what is done to one may be done by way of the other.
            let is_table = |node: Node| node.0 == class::CLASS && glance.sums.contains_key(&node.1);
            if is_table(from) && is_table(to) && !is_view(builder, from) {
                links.dependents.entry(from).or_default().push(to);
            }
        }
        links
    }
}

fn is_view(builder: &Builder, relation: Node) -> bool {
    builder.relation(relation.1).is_some_and(|id| matches!(id.kind, Kind::View | Kind::MaterializedView))
}

impl<'a> Graph<'a> {
    fn of(side: &'a Side<'a>) -> Self {
        Graph { side, touched: HashSet::default() }
    }

    fn id_of(&self, node: Node) -> Option<&'a ObjectId> {
        self.side.builder.id(node.0, node.1, 0)
    }

    /// Touches an object; answers with those that depend on it.
    fn touch(&mut self, id: &ObjectId) -> Vec<ObjectId> {
        let Some(start) = self.side.node_of(id) else { return Vec::new() };
        let mut found = Vec::new();
        let mut work = vec![start];
        while let Some(node) = work.pop() {
            if !self.touched.insert(node) {
                continue;
            }
            let of_whole = self.side.links.parts.get(&node.1).filter(|_| node.0 == class::CLASS).into_iter().flatten();
            let each = std::iter::once(&node).chain(of_whole);
            for dependent in each.flat_map(|node| self.side.links.dependents.get(node).into_iter().flatten()).copied() {
                if self.side.glance.parts.contains_key(&dependent) {
                    work.push(dependent);
                } else if let Some(id) = self.id_of(dependent) {
                    found.push(id.clone());
                }
            }
        }
        found
    }

    /// The relations of which parts are touched.
    fn wholes_of_touched(&self) -> impl Iterator<Item = ObjectId> {
        let parts = self.touched.iter().filter_map(|node| self.side.glance.parts.get(node));
        parts.filter_map(|part| self.side.builder.relation(part.of).cloned())
    }

    /// What these relations refer to.
    fn needs_of(&self, near: &BTreeSet<ObjectId>) -> Vec<ObjectId> {
        let relations = near.iter().filter_map(|id| self.side.builder.get(id)).filter_map(|object| self.side.relation(object));
        let needs = relations.flat_map(|relation| self.side.links.needs.get(&relation).into_iter().flatten());
        let wholes = needs.filter_map(|node| self.side.glance.relation_of(*node));
        wholes.filter_map(|relation| self.side.builder.relation(relation).cloned()).collect()
    }

    fn near(self, near: &BTreeSet<ObjectId>, touched: &BTreeSet<ObjectId>, about: &Arc<BTreeSet<ObjectId>>) -> Near {
        let relations = near.iter().filter_map(|id| self.side.builder.get(id)).filter_map(|object| self.side.relation(object));
        // Composite types are few, and their columns are read with them.
        let types = self.side.builder.objects().values().filter(|object| object.id.kind == Kind::Type);
        let types = types.filter_map(|object| self.side.relation(object));
        let relations: HashSet<u32> = relations.chain(types).collect();
        let parts = relations.iter().flat_map(|relation| self.side.links.parts.get(relation).into_iter().flatten());
        let list = |oids: &mut dyn Iterator<Item = u32>| {
            let mut oids: Vec<u32> = oids.collect();
            oids.sort_unstable();
            definition::array(&oids)
        };
        let of_all = list(&mut relations.iter().copied().chain(parts.map(|(_, oid)| *oid)));
        let of_relations = list(&mut relations.iter().copied());
        let of_near = |node: &Node| self.side.glance.parts.contains_key(node);
        let parts = self.touched.into_iter().filter(of_near).collect();
        Near { relations, of_relations, of_all, touched: touched.clone(), about: Arc::clone(about), parts }
    }
}
