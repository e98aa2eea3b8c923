//! What the server prints and reads back differently is said so that it reads what it printed. Quoted text is left alone.

use std::{borrow::Cow, ops::Range};

/// A statement with expressions as the server prints them, so that it makes the same ones again.
pub fn readable_back(sql: &str) -> Cow<'_, str> {
    let mut edits = Vec::new();
    if sql.contains("::text[])") {
        edits.extend(casts_of_arrays(sql));
    }
    if sql.contains(") AND ") || sql.contains(") OR ") {
        edits.extend(nested_conditions(sql));
    }
    if edits.is_empty() {
        return sql.into();
    }
    edits.sort_by_key(|(place, _)| place.start);
    let mut out = String::with_capacity(sql.len() + 9 * edits.len());
    let mut copied = 0;
    for (place, text) in edits {
        out.push_str(&sql[copied..place.start]);
        out.push_str(text);
        copied = place.end;
    }
    out.push_str(&sql[copied..]);
    out.into()
}

/// What stands somewhere in a statement, and what is to stand there.
type Edit = (Range<usize>, &'static str);

/// `x = ANY ((ARRAY['a'::character varying])::text[])`, the server's way of writing `x IN ('a')`, is read with the cast inside the array.
/// Without the cast the server puts it back where it was. Expressions of extended statistics have fewer parentheses there.
fn casts_of_arrays(sql: &str) -> Vec<Edit> {
    const ARRAYS: [(&str, &str); 2] = [("((ARRAY[", "])::text[])"), ("(ARRAY[", "]::text[])")];
    let mut edits = Vec::new();
    // Where each open bracket's array begins, and how it is opened and closed; nothing for one that is no such array.
    let mut arrays: Vec<Option<(usize, &str, &str)>> = Vec::new();
    for at in unquoted(sql) {
        match sql.as_bytes()[at] {
            b'[' => {
                let opened = ARRAYS.into_iter().find(|(open, _)| sql[..=at].ends_with(open));
                arrays.push(opened.map(|(open, close)| (at + 1 - open.len(), open, close)));
            }
            b']' => {
                if let Some((opened, open, close)) = arrays.pop().flatten()
                    && sql[at..].starts_with(close)
                    && sql[opened + open.len()..at].trim_end().ends_with("::character varying")
                    && ["ANY ", "ALL "].iter().any(|word| sql[..opened].ends_with(word))
                {
                    edits.push((opened..opened + open.len(), "(ARRAY["));
                    edits.push((at..at + close.len(), "])"));
                }
            }
            _ => {}
        }
    }
    edits
}

/// `a BETWEEN 1 AND 5 AND b` is printed as `(((a >= 1) AND (a <= 5)) AND b)`, and that is read as one AND of three (`makeAndExpr` in gram.y looks
/// through parentheses on the left). A cast that changes nothing keeps the inner one apart, and leaves no trace.
fn nested_conditions(sql: &str) -> Vec<Edit> {
    const WORDS: [&str; 2] = [" AND ", " OR "];
    /// What stands between two parentheses.
    struct Group {
        start: usize,
        word: Option<&'static str>,
        /// Where a group that is the first thing in it ends, and its word.
        first: Option<(usize, Option<&'static str>)>,
    }
    let (mut open, mut edits): (Vec<Group>, Vec<Edit>) = (Vec::new(), Vec::new());
    for at in unquoted(sql) {
        match sql.as_bytes()[at] {
            b'(' => open.push(Group { start: at, word: None, first: None }),
            b')' => {
                if let Some(closed) = open.pop()
                    && let Some(outer) = open.last_mut().filter(|outer| outer.start + 1 == closed.start)
                {
                    outer.first = Some((at + 1, closed.word));
                }
            }
            b' ' => {
                if let Some(word) = WORDS.into_iter().find(|word| sql[at..].starts_with(word))
                    && let Some(group) = open.last_mut().filter(|group| group.word.is_none())
                {
                    group.word = Some(word);
                    if group.first == Some((at, Some(word))) {
                        edits.push((at..at, "::boolean"));
                    }
                }
            }
            _ => {}
        }
    }
    edits
}

/// The places of a statement's bytes that stand in no quoted text.
fn unquoted(sql: &str) -> impl Iterator<Item = usize> {
    let mut next = 0;
    std::iter::from_fn(move || {
        while let Some(length) = quoted(sql, next) {
            next += length;
        }
        let at = next;
        next += 1;
        (at < sql.len()).then_some(at)
    })
}

/// The length of the string, identifier or dollar-quoted text that starts at `at`.
fn quoted(sql: &str, at: usize) -> Option<usize> {
    let bytes = sql.as_bytes();
    match *bytes.get(at)? {
        quote @ (b'\'' | b'"') => {
            let escapes = quote == b'\'' && at > 0 && matches!(bytes[at - 1], b'E' | b'e');
            let mut end = at + 1;
            while end < bytes.len() {
                if escapes && bytes[end] == b'\\' {
                    end += 2;
                } else if bytes[end] == quote {
                    if bytes.get(end + 1) == Some(&quote) {
                        end += 2;
                    } else {
                        return Some(end + 1 - at);
                    }
                } else {
                    end += 1;
                }
            }
            Some(bytes.len() - at)
        }
        b'$' if at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') => {
            let tag_end = sql.get(at + 1..)?.find('$')? + at + 2;
            let tag = sql.get(at..tag_end)?;
            if !tag[1..tag.len() - 1].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return None;
            }
            Some(sql.get(tag_end..)?.find(tag).map_or(bytes.len() - at, |end| tag_end + end + tag.len() - at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_in_lists_are_read_back_as_they_were() {
        let printed = "CHECK (((s)::text = ANY ((ARRAY['a]'::character varying, 'b'::character varying])::text[])))";
        assert_eq!(readable_back(printed), "CHECK (((s)::text = ANY (ARRAY['a]'::character varying, 'b'::character varying])))");
        let printed = "ON e, (s::text = ANY (ARRAY['a'::character varying]::text[])) FROM t";
        assert_eq!(readable_back(printed), "ON e, (s::text = ANY (ARRAY['a'::character varying])) FROM t");
        for same in [
            "x = ANY ((ARRAY[1, 2])::text[])",
            "f(ARRAY['a'::character varying]::text[])",
            "$$ ANY ((ARRAY['a'::character varying])::text[]) $$",
            "'ANY ((ARRAY[x::character varying])::text[])'",
        ] {
            assert_eq!(readable_back(same), same);
        }
    }

    #[test]
    fn conditions_inside_conditions_stay_apart() {
        let printed = "CHECK (((((a <> b) AND (a <> c)) AND (a <> 3)) AND (b > 1)))";
        assert_eq!(readable_back(printed), "CHECK (((((a <> b) AND (a <> c))::boolean AND (a <> 3))::boolean AND (b > 1)))");
        assert_eq!(readable_back("((x AND y) AND z)"), "((x AND y)::boolean AND z)");
        let printed = "WHERE ((((a >= 1) AND (a <= 5)) AND (d = ') AND '::text)) OR (((c = a) OR (c = b)) OR (c = 7)))";
        let read =
            "WHERE ((((a >= 1) AND (a <= 5))::boolean AND (d = ') AND '::text)) OR (((c = a) OR (c = b))::boolean OR (c = 7)))";
        assert_eq!(readable_back(printed), read);
        for same in [
            "(((a = 1) OR (b = 2)) AND (c = 3))",
            "((a = 1) AND ((b = 2) AND (c = 3)))",
            "((f((a AND b))) AND c)",
            "((a OR b) AND c)",
            "$$ (((a) AND (b)) AND (c)) $$",
        ] {
            assert_eq!(readable_back(same), same);
        }
    }
}
