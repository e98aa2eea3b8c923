//! SQL files of the MySQL family -> statements with their place, split where the `mysql` client splits them.
//!
//! Knows strings, quoted names, comments, `DELIMITER` and the terminators `\g` and `\G`. Comments that a server executes (`/*! */`, and
//! TiDB's `/*T! */`) stay in the statement; all others before it are left out. It does not understand SQL; [`tokens`] also serves who
//! reads what a server itself has printed.

use std::ops::Range;

use super::{Piece, ScriptError, Source, Spot, SqlFile, Statement, number};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A word or a number.
    Word,
    /// A name between backticks.
    Name,
    /// A string, or with ANSI_QUOTES a name, between quotes.
    String,
    /// `/*! … */` or `/*T! … */`.
    Hint,
    /// Any other single character.
    Symbol,
}

/// One token and where it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
    pub at: usize,
}

impl Token<'_> {
    /// Whether it is this word, in letters of either case.
    pub fn is(&self, word: &str) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Symbol) && self.text.eq_ignore_ascii_case(word)
    }

    /// The name that a word or a quoted name stands for.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_string()),
            TokenKind::Name => Some(self.text.get(1..self.text.len().saturating_sub(1)).unwrap_or_default().replace("``", "`")),
            _ => None,
        }
    }

    /// Where it ends in the text.
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// A statement as the `mysql` client takes it: a body with semicolons in it needs another delimiter.
pub fn delimited(sql: &str) -> String {
    let inside = tokens(sql).iter().any(|token| token.text.contains(';') && token.kind != TokenKind::String);
    if !inside {
        return format!("{sql};\n");
    }
    let ends_it = |delimiter: &String| format!("{sql}{delimiter}").find(delimiter) == Some(sql.len());
    let delimiter = (2..).map(|length| "$".repeat(length)).find(ends_it).unwrap_or_default();
    format!("DELIMITER {delimiter}\n{sql}{delimiter}\nDELIMITER ;\n")
}

/// The tokens of a text, without space and comments.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((kind, length)) = next(text, at) {
        if let Some(kind) = kind {
            found.push(Token { kind, text: &text[at..at + length], at });
        }
        at += length;
    }
    found
}

/// Length in bytes of each token, of space and of comments, in their order, and whether it is a comment.
pub(super) fn lengths(text: &str) -> impl Iterator<Item = (usize, bool)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (kind, length) = next(text, at)?;
        let comment = kind.is_none() && !text[at..].starts_with(char::is_whitespace);
        at += length;
        Some((length, comment))
    })
}

/// Kind and length in bytes of what begins here; no kind for space and comments.
fn next(text: &str, at: usize) -> Option<(Option<TokenKind>, usize)> {
    let rest = text.get(at..)?;
    let first = rest.chars().next()?;
    let whole = |kind, length| Some((kind, length));
    match first {
        c if c.is_whitespace() => whole(None, c.len_utf8()),
        '#' => whole(None, line(rest)),
        '-' if rest.starts_with("--") && rest[2..].chars().next().is_none_or(|c| c.is_whitespace() || c.is_control()) => {
            whole(None, line(rest))
        }
        '/' if rest.starts_with("/*") => {
            let length = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
            let hint = rest.starts_with("/*!") || rest.starts_with("/*T!") || rest.starts_with("/*M!");
            whole(hint.then_some(TokenKind::Hint), length)
        }
        '`' => whole(Some(TokenKind::Name), quoted(rest, '`', false)),
        '\'' | '"' => whole(Some(TokenKind::String), quoted(rest, first, true)),
        c if is_part(c) => whole(Some(TokenKind::Word), rest.find(|c| !is_part(c)).unwrap_or(rest.len())),
        c => whole(Some(TokenKind::Symbol), c.len_utf8()),
    }
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '@')
}

fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// Length of what is between quotes; doubled quotes are inside it, and escaped ones where there are escapes.
fn quoted(rest: &str, quote: char, escapes: bool) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if escapes && c == '\\' {
            characters.next();
        } else if c == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => {
                    characters.next();
                }
                _ => return at + c.len_utf8(),
            }
        }
    }
    rest.len()
}

/// Splits the files, in their order; each begins with the delimiter `;`.
///
/// # Errors
/// A command of the client that needs more than the files (`source`, `system`, …), or files with more than the client reads.
pub fn split(files: &[SqlFile]) -> Result<Vec<Statement>, ScriptError> {
    let bounds = super::Bounds::default();
    let mut statements = Vec::new();
    let mut bytes = 0;
    for file in files {
        bytes += file.text.len();
        let source = Source::new(file.clone());
        let too_much = |limit, what| ScriptError::TooMuch { place: source.place(0), limit, what };
        if bytes > bounds.bytes {
            return Err(too_much(bounds.bytes, "bytes"));
        }
        let mut delimiter = ";".to_string();
        let mut begun: Option<usize> = None;
        let mut at = if file.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut end = at;
        let mut push = |range: Range<usize>| {
            let text = file.text.get(range.clone()).unwrap_or_default();
            if !text.is_empty() {
                let lead = lead(text);
                let pieces = vec![Piece { at: 0, source: source.clone(), offset: range.start, variable: false }];
                statements.push(Statement { text: text.into(), place: source.place(range.start), lead, pieces });
            }
            statements.len() <= bounds.statements
        };
        while at < file.text.len() {
            let rest = &file.text[at..];
            // A quoted delimiter is none, and a comment hides one; both begin with a character that no delimiter of use has.
            if rest.starts_with(&delimiter) || rest.starts_with("\\g") || rest.starts_with("\\G") {
                let length = if rest.starts_with(&delimiter) { delimiter.len() } else { 2 };
                if let Some(start) = begun.take()
                    && !push(start..end)
                {
                    return Err(too_much(bounds.statements, "statements"));
                }
                at += length;
                continue;
            }
            if begun.is_none() {
                let word = rest.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or_default();
                if word.eq_ignore_ascii_case("delimiter") {
                    let length = line(rest);
                    let wanted = rest[word.len()..length].split_whitespace().next().unwrap_or_default();
                    if wanted.is_empty() {
                        let why = "needs the delimiter that is to be used".to_string();
                        return Err(ScriptError::Meta { spot: source.spot(at), command: "delimiter".into(), why });
                    }
                    delimiter = wanted.trim_matches(['\'', '"']).to_string();
                    at += length;
                    continue;
                }
                if ["source", "system", "tee", "pager", "edit"].iter().any(|command| word.eq_ignore_ascii_case(command)) {
                    return Err(unsupported(&source, at, word));
                }
                if let Some(command) = rest.strip_prefix('\\') {
                    let command: String = command.chars().take(1).collect();
                    return Err(unsupported(&source, at, &command));
                }
            }
            let Some((kind, length)) = next(&file.text, at) else { break };
            // Two words may stand together with the delimiter between them, which may be a word itself.
            let length = match kind {
                Some(TokenKind::Word) => rest[..length].find(&delimiter).filter(|found| *found > 0).unwrap_or(length),
                _ => length,
            };
            if kind.is_some() {
                begun.get_or_insert(at);
                end = at + length;
            }
            at += length;
        }
        if let Some(start) = begun
            && !push(start..end)
        {
            return Err(too_much(bounds.statements, "statements"));
        }
    }
    Ok(statements)
}

fn unsupported(source: &Source, at: usize, command: &str) -> ScriptError {
    let why = "is a command of the mysql client that schema files cannot use; put the SQL itself there".to_string();
    ScriptError::Meta { spot: source.spot(at), command: command.into(), why }
}

fn lead(text: &str) -> Vec<String> {
    tokens(text)
        .iter()
        .take_while(|token| token.kind == TokenKind::Word)
        .take(Statement::LEAD)
        .map(|token| token.text.to_ascii_lowercase())
        .collect()
}

impl Statement {
    /// Where a line and column (both from 1, in characters) of the statement's own text stand in the files.
    pub fn spot_of_line(&self, line: u32, column: u32) -> Spot {
        let before = self.text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(|line| line.chars().count()).sum();
        self.spot(number(before).saturating_add(column.max(1)))
    }

    /// Where a name stands in the statement, with or without backticks, after the first `skip` tokens.
    pub fn spot_of_name(&self, name: &str, skip: usize) -> Option<Spot> {
        let found = tokens(&self.text)
            .into_iter()
            .skip(skip)
            .find(|token| token.name().is_some_and(|found| found.eq_ignore_ascii_case(name)))?;
        let characters = self.text.get(..found.at)?.chars().count();
        Some(self.spot(number(characters) + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        let file = SqlFile { path: "a.sql".into(), text: sql.into() };
        split(&[file]).unwrap().into_iter().map(|statement| statement.text.to_string()).collect()
    }

    #[test]
    fn a_delimiter_in_a_string_a_name_or_a_comment_is_none() {
        let sql = "-- one; two\nSELECT 'a;''b\\';c', `x;``y`, \"q;\" /* ; */ + 1; # end;\nSELECT 2--1;";
        assert_eq!(texts(sql), ["SELECT 'a;''b\\';c', `x;``y`, \"q;\" /* ; */ + 1", "SELECT 2--1"]);
    }

    #[test]
    fn comments_are_those_of_the_family() {
        let text =
            "# one\nCREATE TABLE t (a text DEFAULT 'it\\'s # no', `b# no` int, -- two\n  /* three\n four */ c int /*! no */);";
        let file = SqlFile { path: "a.sql".into(), text: text.into() };
        let found = crate::script::comments(&file, crate::config::Dialect::TiDb);
        let found: Vec<_> = found.iter().map(|comment| (comment.line, comment.alone, comment.text.as_str())).collect();
        assert_eq!(found, [(1, true, "# one"), (2, false, "-- two"), (3, true, "/* three"), (4, true, " four */")]);
    }

    #[test]
    fn another_delimiter_keeps_a_body_whole() {
        let sql = "DELIMITER $$\nCREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END$$\ndelimiter ;\nSELECT 1;";
        let found = texts(sql);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("END") && found[1] == "SELECT 1");
    }

    #[test]
    fn comments_that_a_server_executes_stay() {
        let sql = "/*!40101 SET NAMES utf8mb4 */;\nCREATE TABLE t (id bigint PRIMARY KEY /*T![auto_rand] AUTO_RANDOM(5) */);";
        assert_eq!(texts(sql).len(), 2);
        assert!(texts(sql)[1].contains("AUTO_RANDOM(5)"));
    }

    #[test]
    fn places_are_those_of_the_file() {
        let file = SqlFile { path: "a.sql".into(), text: "SELECT 1;\n\n  SELECT\n    nothing;\n".into() };
        let statements = split(&[file]).unwrap();
        assert_eq!((statements[1].place.line, statements[1].place.column), (3, 3));
        let spot = statements[1].spot_of_line(2, 5);
        assert_eq!((spot.place.line, spot.place.column, &*spot.line), (4, 5, "    nothing;"));
        assert_eq!(statements[1].spot_of_name("nothing", 0).unwrap().place.line, 4);
    }

    #[test]
    fn what_the_client_would_do_beside_sql_is_refused_with_its_place() {
        let file = SqlFile { path: "a.sql".into(), text: "SELECT 1;\nsource other.sql\n".into() };
        let error = split(&[file]).unwrap_err();
        assert!(error.to_string().starts_with("a.sql:2:1: "), "{error}");
    }
}
