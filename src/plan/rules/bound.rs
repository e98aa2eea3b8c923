//! Bounds of partitions, as `pg_get_expr` prints them, and which rows fit one.
//!
//! What cannot be told from two bounds alone is answered so that a statement too many runs, never one too few.

use super::super::sql;

/// FOR VALUES ..., or DEFAULT. Values stay as the server printed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    Default,
    List(Vec<String>),
    Range { from: Vec<String>, to: Vec<String> },
    Hash { modulus: u64, remainder: u64 },
}

/// The characters that stand in no quotes, and where.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut escaped, mut before) = (None, false, ' ');
    text.char_indices().filter(move |(_, letter)| {
        let begins = quote.is_none();
        match (quote, *letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some('E'), '\\') => escaped = true,
            (Some('E' | '\''), '\'') | (Some('"'), '"') => quote = None,
            (None, '\'') => quote = Some(if before == 'E' { 'E' } else { '\'' }),
            (None, '"') => quote = Some('"'),
            _ => {}
        }
        before = *letter;
        begins && quote.is_none()
    })
}

/// The text between the first bracket and the one that closes it, split at the commas in it, and what comes after.
fn bracketed(text: &str) -> Option<(Vec<String>, &str)> {
    let (mut depth, mut begin) = (0_usize, 0);
    let mut parts = Vec::new();
    for (at, letter) in unquoted(text) {
        match letter {
            '(' | '[' => {
                depth += 1;
                if depth == 1 {
                    begin = at + 1;
                }
            }
            ',' if depth == 1 => {
                parts.push(text[begin..at].trim().to_owned());
                begin = at + 1;
            }
            ')' | ']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    parts.push(text[begin..at].trim().to_owned());
                    return Some((parts, &text[at + 1..]));
                }
            }
            _ => {}
        }
    }
    None
}

impl Bound {
    pub fn parse(text: &str) -> Option<Self> {
        if text == "DEFAULT" {
            return Some(Self::Default);
        }
        let rest = text.strip_prefix("FOR VALUES ")?;
        let (first, after) = bracketed(rest)?;
        match rest.split_whitespace().next()? {
            "IN" => Some(Self::List(first)),
            "FROM" => Some(Self::Range { from: first, to: bracketed(after)?.0 }),
            "WITH" => {
                let number = |at: usize| first.get(at)?.rsplit(' ').next()?.parse().ok();
                Some(Self::Hash { modulus: number(0)?, remainder: number(1)? })
            }
            _ => None,
        }
    }

    /// Whether a row may fit both.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(one), Self::List(other)) => one.iter().any(|value| other.contains(value)),
            (Self::Range { from, to }, Self::Range { from: other_from, to: other_to }) => {
                !(ends_before(to, other_from) || ends_before(other_to, from))
            }
            (Self::Hash { modulus, remainder }, Self::Hash { modulus: other, remainder: rest }) => {
                remainder.abs_diff(*rest).is_multiple_of(greatest_divisor(*modulus, *other))
            }
            _ => true,
        }
    }

    /// The condition that a row of the partitioned table fits; `None` for the default partition. `key` is what the table is partitioned
    /// by, as the server prints it, and `table` its name.
    pub fn fits(&self, table: &str, key: &str) -> Option<String> {
        let (keys, _) = bracketed(key)?;
        let keys: Vec<String> = keys.iter().map(|key| expression(key)).collect();
        match self {
            Self::Default => None,
            Self::List(values) => {
                let key = keys.first()?;
                let some: Vec<&str> = values.iter().map(String::as_str).filter(|value| *value != "NULL").collect();
                let mut either = Vec::new();
                if !some.is_empty() {
                    either.push(format!("{key} IN ({})", some.join(", ")));
                }
                if some.len() < values.len() {
                    either.push(format!("{key} IS NULL"));
                }
                Some(either.join(" OR "))
            }
            Self::Range { from, to } => {
                let mut all: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
                all.extend(side(&keys, from, [">=", ">", ">="]));
                all.extend(side(&keys, to, ["<", "<=", "<"]));
                Some(all.join(" AND "))
            }
            Self::Hash { modulus, remainder } => Some(format!(
                "pg_catalog.satisfies_hash_partition({}::pg_catalog.regclass, {modulus}, {remainder}, {})",
                sql::literal(table),
                keys.join(", ")
            )),
        }
    }
}

/// One side of a range: the values before the first MINVALUE or MAXVALUE, compared as that has it (none, MAXVALUE, MINVALUE).
fn side(keys: &[String], values: &[String], operators: [&str; 3]) -> Option<String> {
    let end = values.iter().position(|value| matches!(value.as_str(), "MINVALUE" | "MAXVALUE"));
    let operator = match end.and_then(|end| values.get(end)).map(String::as_str) {
        None => operators[0],
        Some("MAXVALUE") => operators[1],
        Some(_) => operators[2],
    };
    let length = end.unwrap_or(values.len());
    if length == 0 {
        return None;
    }
    Some(format!("({}) {operator} ({})", keys.get(..length)?.join(", "), values.get(..length)?.join(", ")))
}

/// What a row is partitioned by, without the operator class that may follow it.
fn expression(key: &str) -> String {
    let bytes = key.as_bytes();
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' | b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            b' ' if !quoted && depth == 0 => {
                let rest = key[at + 1..].strip_prefix("COLLATE ").and_then(|rest| rest.split(' ').next());
                return rest.map_or_else(|| key[..at].to_owned(), |collation| format!("{} COLLATE {collation}", &key[..at]));
            }
            _ => {}
        }
    }
    key.to_owned()
}

/// Whether a range that ends at `to` surely ends before one that begins at `from`, as far as their first values say.
fn ends_before(to: &[String], from: &[String]) -> bool {
    if to == from {
        return true;
    }
    let (Some(to), Some(from)) = (to.first(), from.first()) else { return false };
    match (to.parse::<f64>(), from.parse::<f64>()) {
        (Ok(to), Ok(from)) => to < from,
        _ => {
            // Dates and times of one length, as ISO writes them, are ordered like their texts.
            let iso = |text: &str| {
                text.len() > 8
                    && text[1..5].bytes().all(|byte| byte.is_ascii_digit())
                    && text.bytes().all(|byte| byte.is_ascii_digit() || b"'-: +.".contains(&byte))
            };
            iso(to) && iso(from) && to.len() == from.len() && to < from
        }
    }
}

fn greatest_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one.max(1) } else { greatest_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(text: &str) -> Bound {
        Bound::parse(text).unwrap()
    }

    #[test]
    fn rows_fit_what_the_bound_says() {
        let fits = |text: &str, key: &str| bound(text).fits("s.p", key);
        assert_eq!(fits("FOR VALUES IN ('a, (b', NULL)", "LIST (k)").unwrap(), "k IN ('a, (b') OR k IS NULL");
        assert_eq!(fits("FOR VALUES IN (NULL)", "LIST (lower(k))").unwrap(), "lower(k) IS NULL");
        assert_eq!(
            fits("FOR VALUES FROM (1, MINVALUE) TO (2, 'x')", "RANGE (a, \"b c\" text_pattern_ops)").unwrap(),
            "a IS NOT NULL AND \"b c\" IS NOT NULL AND (a) >= (1) AND (a, \"b c\") < (2, 'x')"
        );
        assert_eq!(fits("FOR VALUES FROM (MINVALUE) TO (MAXVALUE)", "RANGE (((a + 1)))").unwrap(), "((a + 1)) IS NOT NULL");
        assert_eq!(
            fits("FOR VALUES FROM (1, MAXVALUE) TO (2, MAXVALUE)", "RANGE (a COLLATE \"C\", b)").unwrap(),
            "a COLLATE \"C\" IS NOT NULL AND b IS NOT NULL AND (a COLLATE \"C\") > (1) AND (a COLLATE \"C\") <= (2)"
        );
        assert_eq!(
            fits("FOR VALUES WITH (modulus 4, remainder 1)", "HASH (a, b)").unwrap(),
            "pg_catalog.satisfies_hash_partition('s.p'::pg_catalog.regclass, 4, 1, a, b)"
        );
        assert_eq!(fits("DEFAULT", "LIST (k)"), None);
    }

    #[test]
    fn bounds_overlap_unless_they_surely_do_not() {
        let overlap = |one: &str, other: &str| {
            let (one, other) = (bound(one), bound(other));
            assert_eq!(one.overlaps(&other), other.overlaps(&one));
            one.overlaps(&other)
        };
        assert!(overlap("FOR VALUES IN (1, 2)", "FOR VALUES IN (2)"));
        assert!(!overlap("FOR VALUES IN (1, 2)", "FOR VALUES IN (3)"));
        assert!(!overlap("FOR VALUES FROM (0) TO (10)", "FOR VALUES FROM (10) TO (20)"));
        assert!(!overlap("FOR VALUES FROM (2) TO (9)", "FOR VALUES FROM (10) TO (20)"));
        assert!(overlap("FOR VALUES FROM (0) TO (11)", "FOR VALUES FROM (10) TO (MAXVALUE)"));
        assert!(!overlap("FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')", "FOR VALUES FROM ('2024-03-01') TO ('2025-01-01')"));
        assert!(overlap("FOR VALUES FROM ('a') TO ('b')", "FOR VALUES FROM ('x') TO ('y')"), "who knows the collation");
        assert!(overlap("FOR VALUES WITH (modulus 2, remainder 1)", "FOR VALUES WITH (modulus 4, remainder 3)"));
        assert!(!overlap("FOR VALUES WITH (modulus 2, remainder 1)", "FOR VALUES WITH (modulus 4, remainder 2)"));
        assert!(overlap("DEFAULT", "FOR VALUES IN (1)"));
    }
}
