//! What two databases store alike: expression trees (`pg_node_tree`) without what is another number in each of them.
//!
//! A tree names what it refers to by OID, under labels that tell the class; it also says at which place of its source each part stood, which
//! nobody prints. Whatever is not understood (an OID under another label, a value that may hold one) has no common form: it is taken as
//! different.

use super::reader::class;

/// The first OID that initdb gives or a user's object has: smaller ones are the same in all databases of one major version
/// (`FirstUnpinnedObjectId` in `src/include/access/transam.h`).
pub(super) const FIRST_OWN: u32 = 12_000;

/// Types whose values hold no OID and print alike in all databases of one encoding, and the arrays of them
/// (`src/include/catalog/pg_type.dat`).
const PLAIN_TYPES: &[u32] = &[
    16, 17, 18, 19, 20, 21, 23, 25, 114, 142, 600, 650, 700, 701, 705, 829, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266,
    1560, 1562, 1700, 2950, 3614, 3615, 3802, 143, 199, 651, 1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1017,
    1021, 1022, 1040, 1041, 1115, 1182, 1183, 1185, 1187, 1231, 1270, 1561, 1563, 2951, 3643, 3645, 3807,
];

/// OID of the type `regclass`, whose values are OIDs of relations: `nextval('…'::regclass)`.
const REGCLASS: u32 = 2205;

/// Appends a tree's common form to `form`; `None` where there is none. `name` gives the same number for what has the same name on both
/// sides.
pub(super) fn common(tree: &str, form: &mut Vec<u8>, name: impl Fn(u32, u32) -> Option<u64>) -> Option<()> {
    let mut rest = tree.as_bytes();
    let mut label: &[u8] = b"";
    let mut constant = 0;
    let mut before = b' ';
    while let Some(&byte) = rest.first() {
        let starts = matches!(before, b' ' | b'(' | b'{' | b'\n');
        if starts && byte == b':' {
            let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
            (label, rest) = rest.split_at(end);
            form.extend_from_slice(label);
            before = b'x';
            match label {
                b":location" | b":stmt_location" | b":stmt_len" | b":list_start" | b":list_end" => rest = after_number(rest)?,
                // A relation, or an enum's value.
                b":constvalue" if !rest.starts_with(b" <>") && (constant == REGCLASS || constant >= FIRST_OWN) => {
                    let (oid, after) = oid(rest)?;
                    form.extend(named(oid, if constant == REGCLASS { class::CLASS } else { class::ENUM }, &name)?);
                    rest = after;
                }
                b":constvalue" if !rest.starts_with(b" <>") && !PLAIN_TYPES.contains(&constant) => return None,
                _ => {}
            }
            continue;
        }
        if starts && byte.is_ascii_digit() {
            let (number, after) = number(rest)?;
            if number < FIRST_OWN || label.ends_with(b"typmod") {
                form.extend_from_slice(&rest[..rest.len() - after.len()]);
            } else {
                form.extend(named(number, class_of(label)?, &name)?);
            }
            if label == b":consttype" {
                constant = number;
            }
            rest = after;
            before = b'0';
            continue;
        }
        form.push(byte);
        before = byte;
        rest = &rest[1..];
    }
    Some(())
}

/// What stands for an OID.
fn named(oid: u32, class: u32, name: impl Fn(u32, u32) -> Option<u64>) -> Option<[u8; 9]> {
    let mut bytes = [b'#'; 9];
    bytes[1..].copy_from_slice(&name(class, oid)?.to_ne_bytes());
    Some(bytes)
}

/// The class of the OIDs under a label.
fn class_of(label: &[u8]) -> Option<u32> {
    Some(match label {
        b":relid" | b":resorigtbl" => class::CLASS,
        b":funcid" | b":opfuncid" | b":aggfnoid" | b":winfnoid" => class::PROC,
        b":opno" => class::OPERATOR,
        _ if label.ends_with(b"collid") => class::COLLATION,
        b":vartype" | b":consttype" | b":funcresulttype" | b":opresulttype" | b":resulttype" | b":aggtype" | b":wintype"
        | b":casetype" | b":coalescetype" | b":minmaxtype" | b":array_typeid" | b":element_typeid" | b":typeId" => class::TYPE,
        _ => return None,
    })
}

/// The OID in ` 4 [ 1 64 0 0 0 0 0 0 ]`: the bytes of a value, as signed numbers.
fn oid(value: &[u8]) -> Option<(u32, &[u8])> {
    let inside = value.strip_prefix(b" 4 [ ")?;
    let end = inside.iter().position(|byte| *byte == b']')?;
    let bytes = std::str::from_utf8(&inside[..end]).ok()?;
    let bytes: Vec<u8> =
        bytes.split_ascii_whitespace().map(|byte| byte.parse().ok().map(i8::cast_unsigned)).collect::<Option<_>>()?;
    let (oid, padding) = bytes.split_first_chunk::<4>()?;
    padding.iter().all(|byte| *byte == 0).then(|| (u32::from_le_bytes(*oid), &inside[end + 1..]))
}

/// A number and what comes after it.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let number = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    Some((number, &text[end..]))
}

/// What comes after ` 12` or ` -1`.
fn after_number(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b" ")?;
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The common form, where OIDs count from `first`.
    fn form(tree: &str, first: u32) -> Option<Vec<u8>> {
        let mut form = Vec::new();
        common(tree, &mut form, |class, oid| Some(u64::from(class) << 32 | u64::from(oid.checked_sub(first)?)))?;
        Some(form)
    }

    fn alike(one: &str, two: &str) -> bool {
        let (one, two) = (form(one, 20_000), form(two, 30_000));
        one.is_some() && one == two
    }

    #[test]
    fn oids_stand_for_names_and_places_for_nothing() {
        let call = |oid: u32, place: &str| format!("{{FUNCEXPR :funcid {oid} :funcresulttype 16 :args <> :location {place}}}");
        assert!(alike(&call(20_001, "12"), &call(30_001, "-1")));
        assert!(!alike(&call(20_001, "12"), &call(30_002, "12")), "another function");
        assert!(!alike(&call(1_400, "1"), &call(1_401, "1")));
        assert!(!alike("{X :unheard 20001}", "{X :unheard 30001}"));
        assert!(!alike("{X :a (1 2) :b 3}", "{X :a (1 2 :b) 3}"));
        assert!(!alike("{X :opno 20001}", "{X :funcid 30001}"), "another class");
    }

    #[test]
    fn a_value_is_compared_only_where_it_can_hold_no_oid() {
        let value = |of: u32| {
            format!("{{CONST :consttype {of} :consttypmod 786438 :constisnull false :location 1 :constvalue 4 [ 7 0 0 0 ]}}")
        };
        assert!(alike(&value(23), &value(23)));
        assert!(!alike(&value(2206), &value(2206)), "a regtype");
        assert!(!alike("{CONST :consttype 23 :constvalue 4 [ 7 0 ]}", "{CONST :consttype 23 :constvalue 4 [ 8 0 ]}"));
    }

    #[test]
    fn a_relation_or_an_enums_value_is_one_of_that_name() {
        let value = |of: u32, oid: u32| {
            let bytes = oid.to_le_bytes().map(|byte| byte.cast_signed().to_string()).join(" ");
            format!("{{CONST :consttype {of} :constvalue 4 [ {bytes} 0 0 0 0 ]}}")
        };
        assert!(alike(&value(2205, 20_007), &value(2205, 30_007)));
        assert!(!alike(&value(2205, 20_007), &value(2205, 30_008)));
        assert!(alike(&value(20_001, 20_007), &value(30_001, 30_007)));
        assert!(!alike(&value(20_001, 20_007), &value(30_001, 30_008)));
        assert!(!alike(&value(20_001, 20_007), &value(30_002, 30_007)));
        assert!(!alike(
            "{CONST :consttype 20001 :constvalue 5 [ 1 2 3 4 5 ]}",
            "{CONST :consttype 30001 :constvalue 5 [ 1 2 3 4 5 ]}"
        ));
    }
}
