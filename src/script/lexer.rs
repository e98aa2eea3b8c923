//! psql's own tokens: as much of SQL as is needed to find where a statement ends.
//!
//! Follows `src/fe_utils/psqlscan.l` of Postgres. A scanner made for parsing will not do: psql does not know the server's keywords,
//! takes `:name` for a variable and a backslash for a command, and its ideas of an unfinished token decide what is sent.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space and comments.
    Space,
    /// A name or key word without quotes.
    Word,
    /// Anything in quotes, names too.
    Quoted,
    Semicolon,
    Open,
    Close,
    /// `:name`
    Variable,
    /// `:'name'`
    VariableLiteral,
    /// `:"name"`
    VariableIdentifier,
    /// `:{?name}`
    VariableTest,
    /// `\;` or `\:`, which stand for the second character.
    Forced,
    /// A backslash that begins a meta-command.
    Backslash,
    Other,
}

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn goes_on_word(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// Characters of a psql variable's name.
pub(super) fn is_variable(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'\x0b')
}

/// The token at the start of `text`, which is not empty, and its length in bytes (at least 1, on a character's boundary).
pub(super) fn token(text: &str, standard_strings: bool) -> (Kind, usize) {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(0);
    let run = |from: usize, class: fn(u8) -> bool| from + bytes.iter().skip(from).take_while(|byte| class(**byte)).count();
    match at(0) {
        byte if is_space(byte) => (Kind::Space, run(0, is_space)),
        b'-' if at(1) == b'-' => (Kind::Space, run(0, |byte| byte != b'\n')),
        b'/' if at(1) == b'*' => (Kind::Space, block_comment(bytes)),
        b';' => (Kind::Semicolon, 1),
        b'(' => (Kind::Open, 1),
        b')' => (Kind::Close, 1),
        b'\'' => (Kind::Quoted, string(bytes, 1, !standard_strings)),
        b'"' => (Kind::Quoted, identifier(bytes, 1)),
        b'e' | b'E' if at(1) == b'\'' => (Kind::Quoted, string(bytes, 2, true)),
        b'n' | b'N' if at(1) == b'\'' => (Kind::Quoted, string(bytes, 2, !standard_strings)),
        b'b' | b'B' | b'x' | b'X' if at(1) == b'\'' => (Kind::Quoted, string(bytes, 2, false)),
        b'u' | b'U' if at(1) == b'&' && at(2) == b'\'' => (Kind::Quoted, string(bytes, 3, false)),
        b'u' | b'U' if at(1) == b'&' && at(2) == b'"' => (Kind::Quoted, identifier(bytes, 3)),
        byte if begins_word(byte) => (Kind::Word, run(0, goes_on_word)),
        // With what stands behind it without a space, so that `1e'` begins no escape string.
        byte if byte.is_ascii_digit() => {
            let digits = run(0, |byte| byte.is_ascii_digit());
            (Kind::Other, if begins_word(at(digits)) { run(digits, goes_on_word) } else { digits })
        }
        b'$' => dollar(text),
        b':' => colon(bytes),
        b'\\' if matches!(at(1), b';' | b':') => (Kind::Forced, 2),
        b'\\' => (Kind::Backslash, 1),
        _ => (Kind::Other, 1),
    }
}

/// Comments nest; one without an end goes on to the end of the file.
fn block_comment(bytes: &[u8]) -> usize {
    let (mut index, mut depth) = (2, 1);
    while index < bytes.len() {
        match (bytes.get(index), bytes.get(index + 1)) {
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                index += 2;
                if depth == 0 {
                    return index;
                }
            }
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                index += 2;
            }
            _ => index += 1,
        }
    }
    bytes.len()
}

/// A string whose text begins at `index`, with the parts that go on after a line break.
fn string(bytes: &[u8], mut index: usize, escapes: bool) -> usize {
    loop {
        match bytes.get(index) {
            None => return bytes.len(),
            Some(b'\\') if escapes => index += 2,
            Some(b'\'') if bytes.get(index + 1) == Some(&b'\'') => index += 2,
            Some(b'\'') => match continuation(bytes, index + 1) {
                Some(next) => index = next,
                None => return index + 1,
            },
            Some(_) => index += 1,
        }
        if index >= bytes.len() {
            return bytes.len();
        }
    }
}

/// After white space (and `--` comments) with a line break in it, another quote goes on with the string.
fn continuation(bytes: &[u8], mut index: usize) -> Option<usize> {
    let mut broken = false;
    loop {
        match bytes.get(index)? {
            b'\n' | b'\r' => {
                broken = true;
                index += 1;
            }
            byte if is_space(*byte) => index += 1,
            b'-' if bytes.get(index + 1) == Some(&b'-') => {
                while bytes.get(index).is_some_and(|byte| *byte != b'\n') {
                    index += 1;
                }
            }
            b'\'' if broken => return Some(index + 1),
            _ => return None,
        }
    }
}

fn identifier(bytes: &[u8], mut index: usize) -> usize {
    loop {
        match (bytes.get(index), bytes.get(index + 1)) {
            (None, _) => return bytes.len(),
            (Some(b'"'), Some(b'"')) => index += 2,
            (Some(b'"'), _) => return index + 1,
            _ => index += 1,
        }
    }
}

/// `$$`, `$name$` up to the same again; else a parameter or a lone dollar.
fn dollar(text: &str) -> (Kind, usize) {
    let rest = text.get(1..).unwrap_or_default();
    let name = rest.bytes().take_while(|byte| is_variable(*byte)).count();
    let named = name == 0 || rest.bytes().next().is_some_and(begins_word);
    if !named || rest.as_bytes().get(name) != Some(&b'$') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        return (Kind::Other, 1 + digits);
    }
    let length = name + 2;
    let (quote, body) = text.split_at_checked(length).unwrap_or((text, ""));
    (Kind::Quoted, body.find(quote).map_or(text.len(), |end| length + end + length))
}

fn colon(bytes: &[u8]) -> (Kind, usize) {
    let name = |from: usize| bytes.iter().skip(from).take_while(|byte| is_variable(**byte)).count();
    let closed = |from: usize, close: u8| {
        let length = name(from);
        (length > 0 && bytes.get(from + length) == Some(&close)).then_some(from + length + 1)
    };
    match bytes.get(1) {
        Some(b':' | b'=') => (Kind::Other, 2),
        Some(b'\'') => closed(2, b'\'').map_or((Kind::Other, 1), |end| (Kind::VariableLiteral, end)),
        Some(b'"') => closed(2, b'"').map_or((Kind::Other, 1), |end| (Kind::VariableIdentifier, end)),
        Some(b'{') if bytes.get(2) == Some(&b'?') => closed(3, b'}').map_or((Kind::Other, 1), |end| (Kind::VariableTest, end)),
        _ if name(1) > 0 => (Kind::Variable, 1 + name(1)),
        _ => (Kind::Other, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> (Kind, &str) {
        let (kind, length) = token(text, true);
        (kind, &text[..length])
    }

    #[test]
    fn strings_end_where_postgres_ends_them() {
        assert_eq!(first(r"'a\' b"), (Kind::Quoted, r"'a\'"));
        assert_eq!(first(r"E'a\'b' c"), (Kind::Quoted, r"E'a\'b'"));
        assert_eq!(token(r"'a\'b' c", false).1, 6);
        assert_eq!(first("'a''b' c"), (Kind::Quoted, "'a''b'"));
        assert_eq!(
            first("E'a'\n  '\\'' ;"),
            (Kind::Quoted, "E'a'\n  '\\''"),
            "a string goes on after a line break, with its escapes"
        );
        assert_eq!(first("'a' 'b'"), (Kind::Quoted, "'a'"));
        assert_eq!(first("U&\"d\\0061\"\"t\" x"), (Kind::Quoted, "U&\"d\\0061\"\"t\""));
        assert_eq!(first("E'open\\"), (Kind::Quoted, "E'open\\"));
    }

    #[test]
    fn dollar_quotes_need_their_very_name() {
        assert_eq!(first("$a$ $b$ ; $$ $a$;"), (Kind::Quoted, "$a$ $b$ ; $$ $a$"));
        assert_eq!(first("$1$ x"), (Kind::Other, "$1"));
        assert_eq!(first("a$b$ ; $b$"), (Kind::Word, "a$b$"));
        assert_eq!(first("$ö$;$ö$"), (Kind::Quoted, "$ö$;$ö$"));
    }

    #[test]
    fn comments_nest() {
        assert_eq!(first("/* a /* b */ ; */ c"), (Kind::Space, "/* a /* b */ ; */"));
        assert_eq!(first("-- a ; b\nc"), (Kind::Space, "-- a ; b"));
    }

    #[test]
    fn a_colon_is_a_variable_unless_it_is_a_cast() {
        assert_eq!(first("::text"), (Kind::Other, "::"));
        assert_eq!(first(":name "), (Kind::Variable, ":name"));
        assert_eq!(first(":'name' "), (Kind::VariableLiteral, ":'name'"));
        assert_eq!(first(":\"name\" "), (Kind::VariableIdentifier, ":\"name\""));
        assert_eq!(first(":{?name} "), (Kind::VariableTest, ":{?name}"));
        assert_eq!(first(":'two words'"), (Kind::Other, ":"));
    }
}
