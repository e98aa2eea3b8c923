//! Which definitions two databases are certain to print alike, so that nobody has to print them.
//!
//! A server prints a definition from the expression trees it stores (`pg_node_tree`), from the names of what they refer to by OID, and from
//! the names of the columns of the relations in them. Two trees are alike here when they are the same text but for places in a source,
//! which nobody prints, and for OIDs, which must stand for the same name on both sides, with the same columns where it has columns.
//! Whatever is not understood (another OID, a value that may hold one) is not alike: it is printed and compared, as everything was.
//!
//! A tree is not all: a function that a view uses may have changed. So a definition is left out only where nothing that it needs differs
//! either ([`left_out`]), which is also what a plan may look at.

use foldhash::{HashMap, HashSet};

use super::{
    Catalog, Kind, Object, ObjectId, compare,
    definition::{Asked, Printed},
    read::{Builder, Reader, class},
};

/// The trees of what may be asked for.
pub(super) const TREES: &[Reader] = &[
    Reader {
        what: "expressions of constraints",
        query: |_| {
            Some("select oid, conbin as tree from pg_constraint where contype = 'c' and conrelid <> 0 and oid >= 16384".to_owned())
        },
        row: |row, builder| {
            builder.tree(Printed::Constraint, row.oid("oid")?, row.text("tree")?);
            Ok(())
        },
    },
    Reader {
        what: "expressions of indexes",
        query: |_| {
            Some(
                "select indexrelid as oid, concat(indexprs::text, ' :where ', indpred::text) as tree from pg_index
                 where indexrelid >= 16384 and (indexprs is not null or indpred is not null)"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            builder.tree(Printed::Index, row.oid("oid")?, row.text("tree")?);
            Ok(())
        },
    },
    Reader {
        what: "queries of views",
        query: |_| {
            Some("select ev_class as oid, ev_action as tree from pg_rewrite where rulename = '_RETURN' and oid >= 16384".to_owned())
        },
        row: |row, builder| {
            builder.tree(Printed::View, row.oid("oid")?, row.text("tree")?);
            Ok(())
        },
    },
];

/// The first OID that initdb gives or a user's object has: smaller ones are the same in all databases of one major version
/// (`FirstUnpinnedObjectId` in `src/include/access/transam.h`).
const FIRST_OWN: u32 = 12_000;

/// Types whose values hold no OID and print alike in all databases of one encoding, and the arrays of them
/// (`src/include/catalog/pg_type.dat`).
const PLAIN_TYPES: &[u32] = &[
    16, 17, 18, 19, 20, 21, 23, 25, 114, 142, 600, 650, 700, 701, 705, 829, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266,
    1560, 1562, 1700, 2950, 3614, 3615, 3802, 143, 199, 651, 1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1017,
    1021, 1022, 1040, 1041, 1115, 1182, 1183, 1185, 1187, 1231, 1270, 1561, 1563, 2951, 3643, 3645, 3807,
];

/// The objects of both sides whose `definition` is certain to be printed alike, were it printed.
pub(super) fn certain(base: &Builder, target: &Builder) -> HashSet<ObjectId> {
    let others: HashMap<(Printed, &ObjectId), &Asked> =
        target.asked().iter().map(|asked| ((asked.printed, &asked.id), asked)).collect();
    let mut eye = Eye { base, target, columns: HashMap::default() };
    let mut found = HashSet::default();
    for asked in base.asked() {
        let Some(other) = others.get(&(asked.printed, &asked.id)) else { continue };
        let (Some(facts), Some(other_facts)) = (&asked.facts, &other.facts) else { continue };
        let trees = match (base.tree_of(asked), target.tree_of(other)) {
            (Some(one), Some(two)) => eye.alike(one, two),
            (None, None) => asked.printed == Printed::Index,
            _ => false,
        };
        if trees && eye.alike(facts, other_facts) && eye.relation(asked.of, other.of) {
            found.insert(asked.id.clone());
        }
    }
    found
}

/// Two sides, looked at together.
struct Eye<'a> {
    base: &'a Builder,
    target: &'a Builder,
    /// Whether two relations have the same name and the same columns at the same places.
    columns: HashMap<(u32, u32), bool>,
}

impl Eye<'_> {
    fn alike(&mut self, one: &str, two: &str) -> bool {
        let (mut left, mut right) = (one.as_bytes(), two.as_bytes());
        let mut label: &[u8] = b"";
        let mut constant = 0;
        let mut before = b' ';
        loop {
            let (Some(&byte), Some(&other)) = (left.first(), right.first()) else { return left.len() == right.len() };
            let starts = matches!(before, b' ' | b'(' | b'{' | b'\n');
            if starts && byte == b':' {
                let end = left.iter().position(|byte| *byte == b' ').unwrap_or(left.len());
                label = &left[..end];
                if right.get(..end) != Some(label) {
                    return false;
                }
                (left, right) = (&left[end..], &right[end..]);
                if matches!(label, b":location" | b":stmt_location" | b":stmt_len" | b":list_start" | b":list_end") {
                    let (Some(one), Some(two)) = (after_number(left), after_number(right)) else { return false };
                    (left, right) = (one, two);
                } else if label == b":constvalue" && !left.starts_with(b" <>") && !PLAIN_TYPES.contains(&constant) {
                    return false;
                }
                before = b'x';
                continue;
            }
            if starts && byte.is_ascii_digit() {
                let ((Some(one), left_rest), (Some(two), right_rest)) = (number(left), number(right)) else { return false };
                if one.max(two) < FIRST_OWN || label.ends_with(b"typmod") {
                    if one != two {
                        return false;
                    }
                } else if !self.named(label, one, two) {
                    return false;
                }
                if label == b":consttype" {
                    constant = one;
                }
                (left, right) = (left_rest, right_rest);
                before = b'0';
                continue;
            }
            if byte != other {
                return false;
            }
            before = byte;
            (left, right) = (&left[1..], &right[1..]);
        }
    }

    /// Whether two OIDs under this label stand for the same object.
    fn named(&mut self, label: &[u8], one: u32, two: u32) -> bool {
        match label {
            b":relid" | b":resorigtbl" => self.relation(one, two),
            b":funcid" | b":opfuncid" | b":aggfnoid" | b":winfnoid" => self.same(class::PROC, one, two),
            b":opno" => self.same(class::OPERATOR, one, two),
            _ if label.ends_with(b"collid") => self.same(class::COLLATION, one, two),
            b":vartype" | b":consttype" | b":funcresulttype" | b":opresulttype" | b":resulttype" | b":aggtype" | b":wintype"
            | b":casetype" | b":coalescetype" | b":minmaxtype" | b":array_typeid" | b":element_typeid" | b":typeId" => {
                self.r#type(one, two)
            }
            _ => false,
        }
    }

    fn same(&self, class: u32, one: u32, two: u32) -> bool {
        let name = self.base.id(class, one, 0).filter(|id| id.kind != Kind::Extension);
        name.is_some() && name == self.target.id(class, two, 0)
    }

    fn r#type(&mut self, one: u32, two: u32) -> bool {
        let (one, two) = match (self.base.element(one), self.target.element(two)) {
            (Some(one), Some(two)) => (one, two),
            (None, None) => (one, two),
            _ => return false,
        };
        let Some(object) = self.base.id(class::TYPE, one, 0).and_then(|id| self.base.get(id)) else { return false };
        let other = self.target.id(class::TYPE, two, 0).and_then(|id| self.target.get(id));
        let Some(other) = other.filter(|other| other.id == object.id) else { return false };
        match object.id.kind {
            Kind::Domain => true,
            // A range's name stands for its multirange too.
            Kind::Type => object.text("form") == Some("enum"),
            // The type of a relation's rows.
            Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable => match (object.address, other.address) {
                (Some(one), Some(two)) => self.relation(one.object, two.object),
                _ => false,
            },
            _ => false,
        }
    }

    fn relation(&mut self, one: u32, two: u32) -> bool {
        if let Some(known) = self.columns.get(&(one, two)) {
            return *known;
        }
        let name = |side: &Builder, relation, number| {
            side.id(class::CLASS, relation, number).filter(|id| id.kind == Kind::Column).cloned()
        };
        let width = self.base.width(one);
        let same = self.same(class::CLASS, one, two)
            && width == self.target.width(two)
            && (1..=width).all(|number| name(self.base, one, number) == name(self.target, two, number));
        self.columns.insert((one, two), same);
        same
    }
}

/// A number at the start of a text, and what comes after it.
fn number(text: &[u8]) -> (Option<u32>, &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()), rest)
}

/// What comes after a space and a number that may be negative.
fn after_number(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b" ")?;
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

/// Those of `alike` that no plan between the two looks at: neither they nor the whole that they are a part of nor anything that either
/// needs differs. `asked` are all objects with a definition to be printed.
pub(super) fn left_out<'a>(
    base: &Catalog,
    target: &Catalog,
    alike: &HashSet<ObjectId>,
    asked: impl Iterator<Item = &'a ObjectId>,
) -> HashSet<ObjectId> {
    let uncertain: Vec<&ObjectId> = asked.filter(|id| !alike.contains(*id)).collect();
    let changes = compare(base, target);
    let whole = |catalog: &Catalog, id: &ObjectId| {
        let parent = |id: &ObjectId| catalog.objects.get(id).and_then(|object| object.parent.clone());
        std::iter::successors(Some(id.clone()), parent).last()
    };
    let mut differs: HashSet<ObjectId> = HashSet::default();
    for id in changes.iter().map(|change| &change.object).chain(uncertain) {
        differs.insert(id.clone());
        // What is said or granted about something leaves it as it is.
        if matches!(id.kind, Kind::Comment | Kind::Grant | Kind::SecurityLabel) {
            continue;
        }
        differs.extend([base, target].into_iter().filter_map(|catalog| whole(catalog, id)));
    }
    // A sorted map compares names all the way down.
    let objects = [base, target].map(|catalog| -> HashMap<&ObjectId, &Object> { catalog.objects.iter().collect() });
    loop {
        let mut reach = objects.each_ref().map(|objects| Reach { objects, differs: &differs, untouched: HashSet::default() });
        // A table may have to be made again for what its columns need.
        let mut more: Vec<ObjectId> = Vec::new();
        for reach in &mut reach {
            for column in reach.objects.values().filter(|object| object.id.kind == Kind::Column && !object.needs.is_empty()) {
                if let Some(whole) = &column.parent
                    && !differs.contains(whole)
                    && column.needs.iter().any(|need| reach.touched(need))
                {
                    more.push(whole.clone());
                }
            }
        }
        if more.is_empty() {
            let near = near(&objects, &differs);
            let looked_at = |id: &ObjectId| reach.iter().any(|reach| near.contains(&whole_in(reach.objects, id)));
            let alone: Vec<&ObjectId> = alike.iter().filter(|id| !looked_at(id)).collect();
            return alone.into_iter().filter(|id| !reach.iter_mut().any(|reach| reach.touched(id))).cloned().collect();
        }
        differs.extend(more);
    }
}

/// The whole that an object is a part of, or the object.
fn whole_in<'a>(objects: &HashMap<&'a ObjectId, &'a Object>, id: &'a ObjectId) -> &'a ObjectId {
    let mut whole = id;
    while let Some(parent) = objects.get(whole).and_then(|object| object.parent.as_ref()) {
        whole = parent;
    }
    whole
}

/// What is needed by what differs: a partition that is attached, or a foreign key, is planned by what the other table has.
fn near<'a>(objects: &[HashMap<&'a ObjectId, &'a Object>; 2], differs: &'a HashSet<ObjectId>) -> HashSet<&'a ObjectId> {
    let mut near = HashSet::default();
    for objects in objects {
        for object in objects.values().filter(|object| differs.contains(whole_in(objects, &object.id))) {
            near.extend(object.needs.iter().map(|need| whole_in(objects, need)));
        }
    }
    near
}

/// What can be reached by way of needs and wholes in one catalog.
struct Reach<'a> {
    objects: &'a HashMap<&'a ObjectId, &'a Object>,
    differs: &'a HashSet<ObjectId>,
    /// From these, nothing that differs can be reached.
    untouched: HashSet<&'a ObjectId>,
}

impl<'a> Reach<'a> {
    fn touched(&mut self, id: &ObjectId) -> bool {
        if self.differs.contains(id) {
            return true;
        }
        let Some(start) = self.objects.get(id) else { return false };
        let mut seen: HashSet<&'a ObjectId> = HashSet::default();
        let mut work = vec![*start];
        while let Some(object) = work.pop() {
            if self.untouched.contains(&object.id) || !seen.insert(&object.id) {
                continue;
            }
            if self.differs.contains(&object.id) {
                return true;
            }
            work.extend(object.needs.iter().chain(&object.parent).filter_map(|need| self.objects.get(need).copied()));
        }
        self.untouched.extend(seen);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::definition::ColumnFacts;

    /// A table `public.t` with these columns and a check with this expression, in a database whose OIDs start at `first`.
    fn side(first: u32, columns: &[&str], tree: &str) -> Builder {
        let mut builder = Builder::new(180_000);
        let table = ObjectId::new(Kind::Table, ["public", "t"]);
        builder.add(Object::new(table.clone()).at(class::CLASS, first, 0));
        builder.add(Object::new(ObjectId::new(Kind::Function, ["public", "f()"])).at(class::PROC, first + 1, 0));
        for (number, name) in (1..).zip(columns) {
            builder.add(Object::new(table.part(Kind::Column, *name)).at(class::CLASS, first, number).part_of(table.clone()));
            builder.name_column(first, number, None, ColumnFacts { r#type: 23, collation: 0 });
        }
        let check = table.part(Kind::Constraint, "t_check");
        builder.add(Object::new(check.clone()).at(class::CONSTRAINT, first + 2, 0).part_of(table));
        builder.tree(Printed::Constraint, first + 2, tree);
        builder.ask(Printed::Constraint, first + 2, &check, first, Some("t t ".into()));
        builder
    }

    fn alike(columns: &[&str], one: &str, two: &str) -> bool {
        !certain(&side(20_000, &["a", "b"], one), &side(30_000, columns, two)).is_empty()
    }

    #[test]
    fn oids_stand_for_names_and_places_for_nothing() {
        let call = |oid: u32, place: &str| format!("{{FUNCEXPR :funcid {oid} :funcresulttype 16 :args <> :location {place}}}");
        assert!(alike(&["a", "b"], &call(20_001, "12"), &call(30_001, "-1")));
        assert!(!alike(&["a", "b"], &call(20_001, "12"), &call(20_001, "12")), "the same number is another function there");
        assert!(!alike(&["a", "b"], &call(1_400, "1"), &call(1_401, "1")));
        assert!(!alike(&["b", "a"], &call(20_001, "1"), &call(30_001, "1")), "what a column is called is printed");
        assert!(!alike(&["a", "b", "c"], &call(20_001, "1"), &call(30_001, "1")));
        assert!(!alike(&["a", "b"], "{X :unheard 20001}", "{X :unheard 30001}"));
        assert!(!alike(&["a", "b"], "{X :a (1 2) :b 3}", "{X :a (1 2 :b) 3}"));
    }

    #[test]
    fn a_value_is_compared_only_where_it_can_hold_no_oid() {
        let value = |of: u32| {
            format!("{{CONST :consttype {of} :consttypmod 786438 :constisnull false :location 1 :constvalue 4 [ 7 0 0 0 ]}}")
        };
        assert!(alike(&["a", "b"], &value(23), &value(23)));
        assert!(!alike(&["a", "b"], &value(2205), &value(2205)), "a regclass");
        assert!(!alike(&["a", "b"], "{CONST :consttype 23 :constvalue 4 [ 7 0 ]}", "{CONST :consttype 23 :constvalue 4 [ 8 0 ]}"));
    }
}
