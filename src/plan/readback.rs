//! What the server prints and reads back differently is said so that it reads what it printed. Quoted text is left alone.

use std::{borrow::Cow, ops::Range};

/// An expression as the server prints it, or a statement with such ones, so that it makes the same again.
pub fn readable_back(sql: &str) -> Cow<'_, str> {
    let mut edits = Vec::new();
    if sql.contains("::text[])") {
        edits.extend(casts_of_arrays(sql));
    }
    if sql.contains(") AND ") || sql.contains(") OR ") {
        edits.extend(nested_conditions(sql));
    }
    if sql.contains("::") && ["SELECT ", "RETURNING "].iter().any(|word| sql.contains(word)) {
        edits.extend(names_of_columns(sql));
    }
    if edits.is_empty() {
        return sql.into();
    }
    edits.sort_by_key(|(place, _)| place.start);
    let mut out = String::with_capacity(sql.len() + 16 * edits.len());
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
    /// What stands between two parentheses, or the whole of it.
    struct Group {
        begins: usize,
        word: Option<&'static str>,
        /// Where a group that is the first thing in it ends, and its word.
        first: Option<(usize, Option<&'static str>)>,
    }
    let group = |begins| Group { begins, word: None, first: None };
    let (mut open, mut edits): (Vec<Group>, Vec<Edit>) = (vec![group(0)], Vec::new());
    for at in unquoted(sql) {
        match sql.as_bytes()[at] {
            b'(' => open.push(group(at + 1)),
            b')' => {
                if let Some(closed) = open.pop()
                    && let Some(outer) = open.last_mut().filter(|outer| outer.begins + 1 == closed.begins)
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

/// `(SELECT 'x')` is printed as `( SELECT 'x'::text)`, and there the cast gives its name to a column that had none (`FigureColname` in
/// parse_target.c). Where names are not seen the server leaves out this one alone (`get_target_list` in ruleutils.c), and it is said.
fn names_of_columns(sql: &str) -> Vec<Edit> {
    const END: [&str; 14] = [
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "WINDOW",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "FETCH",
        "FOR",
        "INTO",
    ];
    /// What stands between two parentheses or brackets, or the whole of it.
    #[derive(Default)]
    struct Group {
        /// It changes rows, and RETURNING begins a list of columns.
        changes: bool,
        column: Option<Column>,
    }
    /// A column of a list that is being read.
    #[derive(Default)]
    struct Column {
        cast: bool,
        named: bool,
    }
    let (mut open, mut edits): (Vec<Group>, Vec<Edit>) = (vec![Group::default()], Vec::new());
    let mut end = |column: Option<Column>, at: usize| {
        if column.is_some_and(|column| column.cast && !column.named) {
            let place = sql[..at].trim_end().len();
            edits.push((place..place, " AS \"?column?\""));
        }
    };
    for at in unquoted(sql) {
        let Some(group) = open.last_mut() else { break };
        match sql.as_bytes()[at] {
            b'(' | b'[' => open.push(Group::default()),
            b')' | b']' => {
                end(group.column.take(), at);
                open.pop();
            }
            // Of the column here and of those that it is a part of.
            b':' if sql[at..].starts_with("::") => {
                open.iter_mut().filter_map(|group| group.column.as_mut()).for_each(|column| column.cast = true);
            }
            b',' if group.column.is_some() => end(group.column.replace(Column::default()), at),
            b';' => end(group.column.take(), at),
            b'A'..=b'Z' if !sql[..at].bytes().next_back().is_some_and(is_of_word) => {
                let word = &sql[at..at + sql[at..].bytes().take_while(|byte| is_of_word(*byte)).count()];
                match word {
                    "SELECT" if !["FOR ", "ON "].iter().any(|before| sql[..at].ends_with(before)) => {
                        group.column = Some(Column::default());
                    }
                    "INSERT" | "UPDATE" | "DELETE" | "MERGE" => group.changes = true,
                    "RETURNING" if group.changes => group.column = Some(Column::default()),
                    "AS" => group.column.iter_mut().for_each(|column| column.named = true),
                    "GROUP" if sql[..at].ends_with("WITHIN ") => {}
                    word if END.contains(&word) => end(group.column.take(), at),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    while let Some(group) = open.pop() {
        end(group.column, sql.len());
    }
    edits
}

/// Whether a byte is one of a word's, or of a dollar quote's tag.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
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
        b'$' if at == 0 || !is_of_word(bytes[at - 1]) => {
            let tag_end = sql.get(at + 1..)?.find('$')? + at + 2;
            let tag = sql.get(at..tag_end)?;
            if !tag[1..tag.len() - 1].bytes().all(is_of_word) {
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
    fn columns_without_a_name_stay_without_one() {
        let printed = "USING ((b = ( SELECT 'x, '::text\n   FROM t\n LIMIT 1)))";
        assert_eq!(readable_back(printed), "USING ((b = ( SELECT 'x, '::text AS \"?column?\"\n   FROM t\n LIMIT 1)))");
        let printed = "BEGIN ATOMIC\n INSERT INTO t (a) VALUES ('a'::text)\n   RETURNING 'x'::text,\n     t.a;\n SELECT 1,\n     NULL::text;\nEND";
        let read = "BEGIN ATOMIC\n INSERT INTO t (a) VALUES ('a'::text)\n   RETURNING 'x'::text AS \"?column?\",\n     t.a;\n SELECT 1,\n     NULL::text AS \"?column?\";\nEND";
        assert_eq!(readable_back(printed), read);
        let printed = "( SELECT ('{a}'::text[])[1]\nUNION\n SELECT ('y'::text COLLATE \"C\"))";
        let read = "( SELECT ('{a}'::text[])[1] AS \"?column?\"\nUNION\n SELECT ('y'::text COLLATE \"C\") AS \"?column?\")";
        assert_eq!(readable_back(printed), read);
        for same in [
            "CREATE POLICY p ON t FOR SELECT TO PUBLIC USING ((a = 'x'::text))",
            "CREATE VIEW v AS SELECT 'x'::text AS text, f('x'::text, 1) AS f",
            "( SELECT t.a, 1 FROM t WHERE (a = 'x'::text))",
            "(JSON_VALUE(a, '$' RETURNING text DEFAULT 'x'::text ON ERROR))",
            "( SELECT ( SELECT 1 FROM t WHERE ('x'::text = a)) AS c)",
            "( SELECT percentile_cont((0.5)::double precision) WITHIN GROUP (ORDER BY a) AS p)",
        ] {
            assert_eq!(readable_back(same), same);
        }
    }

    #[test]
    fn conditions_inside_conditions_stay_apart() {
        let printed = "CHECK (((((a <> b) AND (a <> c)) AND (a <> 3)) AND (b > 1)))";
        assert_eq!(readable_back(printed), "CHECK (((((a <> b) AND (a <> c))::boolean AND (a <> 3))::boolean AND (b > 1)))");
        assert_eq!(readable_back("((x AND y) AND z)"), "((x AND y)::boolean AND z)");
        assert_eq!(readable_back("(x OR y) OR z"), "(x OR y)::boolean OR z");
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
