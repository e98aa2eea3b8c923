//! Names and strings as they are written in SQL (Postgres's documentation, "Lexical Structure").

/// An identifier: always in quotes.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string constant, whatever `standard_conforming_strings` is. One with a backslash begins with a space, so that its `E` is not taken
/// for the end of a word before it.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// The identifier in quotes that a text begins with, and what follows it.
pub fn quoted_identifier(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_reads_back() {
        for name in ["a", "a\"b", "\"", "", "a.b"] {
            let text = format!("{}.rest", quote_identifier(name));
            assert_eq!(quoted_identifier(&text), Some((name.to_string(), ".rest")));
        }
        assert_eq!(quoted_identifier("\"open"), None);
        assert_eq!(quoted_identifier("bare"), None);
    }
}
