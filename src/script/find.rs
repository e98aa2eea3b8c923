//! Finds a name inside a statement. For showing a place only: nothing is decided by it.

use squawk_lexer::{TokenKind, tokenize};

/// Position (in characters, from 1) of an identifier in a statement: of a column in its `CREATE TABLE`, for instance.
///
/// Names are compared as Postgres folds them. The first occurrence inside parentheses counts before the first one outside, since
/// that is where columns and constraints are defined.
pub fn find_identifier(statement: &str, name: &str) -> Option<u32> {
    let (mut offset, mut depth, mut outside) = (0_usize, 0_usize, None);
    for token in tokenize(statement) {
        let end = offset + token.len as usize;
        let text = statement.get(offset..end).unwrap_or_default();
        match token.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            TokenKind::Ident | TokenKind::QuotedIdent { .. } if is_name(text, name) => {
                let position = super::number(statement.get(..offset)?.chars().count() + 1);
                if depth > 0 {
                    return Some(position);
                }
                outside = outside.or(Some(position));
            }
            _ => {}
        }
        offset = end;
    }
    outside
}

/// The words and quoted names of a statement in their order, as Postgres folds them.
pub fn names(statement: &str) -> impl Iterator<Item = String> + '_ {
    let mut offset = 0_usize;
    tokenize(statement).filter_map(move |token| {
        let text = statement.get(offset..offset + token.len as usize).unwrap_or_default();
        offset += token.len as usize;
        match token.kind {
            TokenKind::Ident => Some(text.to_ascii_lowercase()),
            TokenKind::QuotedIdent { .. } => Some(text.trim_matches('"').replace("\"\"", "\"")),
            _ => None,
        }
    })
}

fn is_name(written: &str, name: &str) -> bool {
    match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\"") == name,
        None => written.to_ascii_lowercase() == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_where_it_is_defined() {
        let sql = "CREATE TABLE id /* id */ (\n  Name text, -- id\n  id int, \"Odd \"\"one\" int)";
        let at = |position: Option<u32>| position.map(|p| sql.chars().skip(p as usize - 1).take(4).collect::<String>());
        assert_eq!(at(find_identifier(sql, "id")).as_deref(), Some("id i"));
        assert_eq!(at(find_identifier(sql, "name")).as_deref(), Some("Name"));
        assert_eq!(at(find_identifier(sql, "Odd \"one")).as_deref(), Some("\"Odd"));
        assert_eq!(find_identifier(sql, "Name"), None);
        assert_eq!(find_identifier("alter table a add b int", "b"), Some(19));
    }
}
