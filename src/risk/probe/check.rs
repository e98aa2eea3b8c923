//! A check constraint's expression, written anew for a live database, where it is made of harmless parts alone.
//!
//! The text is `pg_get_constraintdef`'s, from a sandbox that the pull request's own SQL has run in: it may name anything. So nothing of it
//! is handed on as it is. Columns are looked up, literals and Postgres's own operators are copied from the lists here, and whatever is
//! not in them - every function call among it - makes the whole impossible. It decides nothing about what the check means.

use std::collections::BTreeMap;

use crate::script::quoted_identifier;

/// Operators that read their operands and nothing else, for all of Postgres's own types. Division can fail and is left out.
const OPERATORS: [&str; 11] = ["=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "~~", "!~~"];
const WORDS: [&str; 11] = ["and", "or", "not", "is", "null", "true", "false", "any", "all", "array", "distinct"];
/// Types that a literal is cast to, as `format_type` prints them; longer names before those that they begin with.
const TYPES: [&str; 14] = [
    "character varying",
    "double precision",
    "timestamp without time zone",
    "timestamp with time zone",
    "text",
    "integer",
    "bigint",
    "smallint",
    "numeric",
    "boolean",
    "date",
    "uuid",
    "bpchar",
    "real",
];
/// Longest check that is looked at, in bytes.
const LONGEST: usize = 10_000;

/// The condition of `CHECK (…)` with the columns' names, by name in the check, as SQL.
pub fn rewritten(definition: &str, columns: &BTreeMap<&str, String>) -> Option<String> {
    let inside = definition.strip_prefix("CHECK (")?;
    let inside = inside.strip_suffix(" NO INHERIT").unwrap_or(inside).strip_suffix(')')?;
    if inside.len() > LONGEST {
        return None;
    }
    let mut written: Vec<String> = Vec::new();
    let mut rest = inside;
    let mut depth = 0_i32;
    loop {
        rest = rest.trim_start_matches(' ');
        let Some(first) = rest.chars().next() else { break };
        let (piece, after) = match first {
            '(' | ')' | '[' | ']' | ',' => {
                depth += i32::from(first == '(') - i32::from(first == ')');
                // A parenthesis of the text must not close ours.
                if depth < 0 {
                    return None;
                }
                (first.to_string(), rest.get(1..)?)
            }
            '\'' => literal(rest)?,
            '0'..='9' => {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                (rest.get(..end)?.to_string(), rest.get(end..)?)
            }
            ':' => cast(rest)?,
            '"' => {
                let (name, after) = quoted_identifier(rest)?;
                (column(&name, after, columns)?, after)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                let lower = word.to_ascii_lowercase();
                // Postgres prints its own words in capitals, but for these three.
                let is_word = WORDS.contains(&lower.as_str()) && (word != lower || matches!(word, "true" | "false" | "null"));
                let written = if is_word { word.to_ascii_uppercase() } else { column(word, after, columns)? };
                (written, after)
            }
            _ => {
                let end = rest.find(|c: char| !"+-*/<>=~!@#%^&|`?".contains(c)).unwrap_or(rest.len());
                let (operator, after) = rest.split_at(end);
                (OPERATORS.contains(&operator).then(|| operator.to_string())?, after)
            }
        };
        written.push(piece);
        rest = after;
    }
    (depth == 0 && !written.is_empty()).then(|| written.join(" "))
}

/// A column; a name before a parenthesis would be a function's, one before a dot a schema's.
fn column(name: &str, after: &str, columns: &BTreeMap<&str, String>) -> Option<String> {
    let next = after.trim_start_matches(' ').chars().next();
    if matches!(next, Some('(' | '.')) {
        return None;
    }
    columns.get(name).cloned()
}

/// A plain string literal. One with a backslash is printed as `E'…'`, which begins with a word that is no column.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut end = 1;
    loop {
        end += text.get(end..)?.find('\'')? + 1;
        if !text.get(end..)?.starts_with('\'') {
            break;
        }
        end += 1;
    }
    let (literal, after) = text.split_at_checked(end)?;
    (!literal.contains(['\\', '\0'])).then(|| (literal.to_string(), after))
}

/// `::numeric(10,2)`, `::text[]`
fn cast(text: &str) -> Option<(String, &str)> {
    let rest = text.strip_prefix("::")?;
    let name = TYPES.into_iter().find(|name| rest.starts_with(name))?;
    let mut written = format!("::{name}");
    let mut rest = rest.get(name.len()..)?;
    if let Some(inside) = rest.strip_prefix('(') {
        let (limits, after) = inside.split_once(')')?;
        if limits.is_empty() || !limits.chars().all(|c| c.is_ascii_digit() || c == ',') {
            return None;
        }
        written = format!("{written}({limits})");
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("[]") {
        written.push_str("[]");
        rest = after;
    }
    // The end of the name, not the beginning of a longer one.
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '('));
    ends.then_some((written, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(definition: &str) -> Option<String> {
        let columns =
            BTreeMap::from([("a", "a".to_string()), ("State", "\"Was\"".to_string()), ("array", "\"array\"".to_string())]);
        rewritten(definition, &columns)
    }

    #[test]
    fn columns_literals_and_operators_are_written_anew() {
        assert_eq!(run("CHECK ((a > 0))").as_deref(), Some("( a > 0 )"));
        assert_eq!(
            run("CHECK (((\"State\")::text = ANY (ARRAY['x'::text, 'it''s'::character varying(10)])))").as_deref(),
            Some("( ( \"Was\" ) ::text = ANY ( ARRAY [ 'x' ::text , 'it''s' ::character varying(10) ] ) )")
        );
        assert_eq!(
            run("CHECK (((a IS NOT NULL) OR (a >= 1.5))) NO INHERIT").as_deref(),
            Some("( ( a IS NOT NULL ) OR ( a >= 1.5 ) )")
        );
    }

    #[test]
    fn whatever_else_is_in_it_makes_it_impossible() {
        for definition in [
            "CHECK ((pg_read_file('x'::text) IS NULL))",
            "CHECK ((a (1) IS NULL))",
            "CHECK ((\"a\"(1) IS NULL))",
            "CHECK ((public.a > 0))",
            "CHECK ((a OPERATOR(public.>) 0))",
            "CHECK ((a > (SELECT 1)))",
            "CHECK ((a ~ 'x'::text))",
            "CHECK ((a || 'x'::text))",
            "CHECK ((a > E'\\\\x'))",
            "CHECK ((a > 'x\\'))",
            "CHECK ((a::public.evil > 0))",
            "CHECK ((a::text_evil > 0))",
            "CHECK ((a::regclass > 0))",
            "CHECK ((other > 0))",
            "CHECK ((a > 0)) ; DROP TABLE t; --)",
            "CHECK (a > 0) OR (a > 1)",
            "CHECK ((a > 0) -- )",
            "CHECK ((a > 0) /* )",
            "CHECK ((CURRENT_USER = 'x'::text))",
            "CHECK ((a > $1))",
            "NOT NULL a",
        ] {
            assert_eq!(run(definition), None, "{definition}");
        }
    }
}
