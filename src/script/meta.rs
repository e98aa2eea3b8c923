//! psql's meta-commands: those that files use.
//!
//! Arguments are read as `src/bin/psql/psqlscanslash.l` does, but for backquotes: nothing is ever run in a shell.

use std::collections::BTreeMap;

use super::{
    lexer,
    splitter::{Condition, Effect, Splitter},
};

/// A meta-command as written.
pub(super) struct Command {
    pub name: String,
    arguments: Vec<String>,
    /// Something in backquotes, which would be run in a shell.
    shell: bool,
    /// Bytes from the backslash to the end of its line, or to the next backslash.
    pub length: usize,
    /// Its arguments are longer than is read.
    pub too_long: bool,
}

impl Command {
    /// Bytes of its arguments.
    pub fn size(&self) -> usize {
        self.arguments.iter().map(String::len).sum()
    }
}

pub(super) enum Problem {
    Unsupported,
    Wrong(String),
    OtherDatabase(String),
}

/// Reads a command; `text` begins with its backslash. Arguments have at most `most` bytes together, with variables put in.
pub(super) fn parse(text: &str, variables: &BTreeMap<String, String>, most: usize) -> Command {
    let line = text.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    let body = line.get(1..).unwrap_or_default();
    let name: String = body.chars().take_while(|c| !c.is_whitespace() && *c != '\\').collect();
    let mut command = Command { name: name.clone(), arguments: Vec::new(), shell: false, length: 0, too_long: false };
    let mut left = most;
    let mut rest = body.get(name.len()..).unwrap_or_default();
    loop {
        rest = rest.trim_start();
        // Another backslash begins another command; two of them only end this one.
        if command.too_long || rest.is_empty() || rest.starts_with('\\') {
            let end = rest.strip_prefix("\\\\").unwrap_or(rest);
            command.length = (line.len() - end.len()).max(1);
            return command;
        }
        let (argument, length) = argument(rest, variables, &mut command.shell, left);
        match left.checked_sub(argument.len()) {
            Some(less) => left = less,
            None => command.too_long = true,
        }
        command.arguments.push(argument);
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// One argument and how many bytes it takes.
fn argument(text: &str, variables: &BTreeMap<String, String>, shell: &mut bool, most: usize) -> (String, usize) {
    let (mut value, mut at) = (String::new(), 0);
    while value.len() <= most
        && let Some(first) = text.get(at..).and_then(|rest| rest.chars().next())
    {
        let rest = text.get(at..).unwrap_or_default();
        match first {
            c if c.is_whitespace() || c == '\\' => break,
            '\'' => {
                let (part, length) = single_quoted(rest);
                value.push_str(&part);
                at += length;
            }
            '"' => {
                let length = rest.get(1..).and_then(|inner| inner.find('"')).map_or(rest.len(), |end| end + 2);
                value.push_str(rest.get(..length).unwrap_or_default().trim_matches('"'));
                at += length;
            }
            '`' => {
                *shell = true;
                at += rest.get(1..).and_then(|inner| inner.find('`')).map_or(rest.len(), |end| end + 2);
            }
            ':' => {
                let (kind, length) = lexer::token(rest, true);
                let written = rest.get(..length).unwrap_or_default();
                let name = written.trim_matches(|c: char| matches!(c, ':' | '\'' | '"' | '{' | '}' | '?'));
                let known = variables.get(name);
                match (kind, known) {
                    (lexer::Kind::VariableTest, _) => value.push_str(if known.is_some() { "TRUE" } else { "FALSE" }),
                    (lexer::Kind::Variable, Some(known)) => value.push_str(known),
                    (lexer::Kind::VariableLiteral, Some(known)) => value.push_str(&format!("'{}'", known.replace('\'', "''"))),
                    (lexer::Kind::VariableIdentifier, Some(known)) => {
                        value.push_str(&format!("\"{}\"", known.replace('"', "\"\"")))
                    }
                    _ => value.push_str(written),
                }
                at += length;
            }
            c => {
                value.push(c);
                at += c.len_utf8();
            }
        }
    }
    (value, at)
}

fn single_quoted(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\'' if characters.next_if(|(_, next)| *next == '\'').is_some() => value.push('\''),
            '\'' => return (value, at + 1),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'b')) => value.push('\u{8}'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, 'f')) => value.push('\u{c}'),
                Some((_, other)) => value.push(other),
                None => {}
            },
            c => value.push(c),
        }
    }
    (value, text.len())
}

/// Does what concerns variables and conditions; says what concerns the walk.
pub(super) fn run(splitter: &mut Splitter, command: &Command) -> Result<Effect, Problem> {
    let argument = |index: usize| command.arguments.get(index).map(String::as_str);
    let wrong = |why: &str| Err(Problem::Wrong(why.into()));
    // Conditions count where nothing else does.
    match command.name.as_str() {
        "if" => {
            let condition = match splitter.active() {
                true => branch(truth(argument(0))?),
                false => Condition::Over,
            };
            splitter.conditions.push(condition);
            return Ok(Effect::None);
        }
        "elif" | "else" => {
            let Some(last) = splitter.conditions.pop() else { return wrong("has no `\\if`") };
            let next = match last {
                Condition::True | Condition::Over => Condition::Over,
                Condition::False if command.name == "else" => Condition::True,
                Condition::False => branch(truth(argument(0))?),
            };
            splitter.conditions.push(next);
            return Ok(Effect::None);
        }
        "endif" => {
            return match splitter.conditions.pop() {
                Some(_) => Ok(Effect::None),
                None => wrong("has no `\\if`"),
            };
        }
        _ if !splitter.active() => return Ok(Effect::None),
        _ => {}
    }
    if splitter.restricted.is_some() && command.name != "unrestrict" {
        return wrong("stands between `\\restrict` and `\\unrestrict`, where no other meta-command is allowed");
    }
    if command.shell {
        return wrong("has something in backquotes, which would be run in a shell");
    }
    match command.name.as_str() {
        "restrict" => match argument(0) {
            Some(token) => splitter.restricted = Some(token.into()),
            None => return wrong("needs a word"),
        },
        "unrestrict" => match (splitter.restricted.take(), argument(0)) {
            (Some(open), Some(token)) if open == token => {}
            (open, _) => {
                splitter.restricted = open;
                return wrong("does not name the word of the `\\restrict` before it");
            }
        },
        "set" => match argument(0) {
            None => {}
            Some("AUTOCOMMIT") if !matches!(truth(argument(1)), Ok(true)) => return wrong("cannot turn AUTOCOMMIT off here"),
            Some(name) if name.bytes().all(lexer::is_variable) => {
                splitter.variables.insert(name.into(), command.arguments.get(1..).unwrap_or_default().concat());
            }
            Some(_) => return wrong("needs a name of letters, digits and underscores"),
        },
        "unset" => match argument(0) {
            Some(name) => drop(splitter.variables.remove(name)),
            None => return wrong("needs a name"),
        },
        "i" | "include" | "ir" | "include_relative" => {
            let relative = matches!(command.name.as_str(), "ir" | "include_relative");
            return match argument(0) {
                Some(path) => Ok(Effect::Include { path: path.into(), relative }),
                None => wrong("needs a file"),
            };
        }
        "c" | "connect" => return connect(splitter, &command.arguments),
        "g" | "gx" if command.arguments.is_empty() => return Ok(Effect::Send),
        "r" | "reset" => return Ok(Effect::Reset),
        "q" | "quit" => return Ok(Effect::Quit),
        // Only what is printed, and how.
        "." | "echo" | "qecho" | "warn" | "pset" | "timing" | "x" | "a" | "t" | "f" | "H" | "C" | "T" | "p" | "print" => {}
        "encoding" => match argument(0).map(|name| name.to_ascii_lowercase().replace(['-', '_'], "")) {
            None => {}
            Some(name) if name == "utf8" || name == "unicode" => {}
            Some(_) => return wrong("can only be UTF8: files are read as UTF-8"),
        },
        _ => return Err(Problem::Unsupported),
    }
    Ok(Effect::None)
}

fn branch(condition: bool) -> Condition {
    if condition { Condition::True } else { Condition::False }
}

/// psql's `ParseVariableBool`: prefixes of true, false, yes and no; on, off, 1, 0.
fn truth(text: Option<&str>) -> Result<bool, Problem> {
    let text = text.unwrap_or_default().to_ascii_lowercase();
    let is_prefix = |word: &str| !text.is_empty() && word.starts_with(&text);
    if is_prefix("true") || is_prefix("yes") || text == "on" || text == "1" {
        Ok(true)
    } else if is_prefix("false") || is_prefix("no") || (text.len() > 1 && is_prefix("off")) || text == "0" {
        Ok(false)
    } else {
        Err(Problem::Wrong(format!("has `{text}`, which is neither true nor false")))
    }
}

/// `\connect [-reuse-previous=on] [DATABASE [USER [HOST [PORT]]]]`, or a connection string.
fn connect(splitter: &Splitter, arguments: &[String]) -> Result<Effect, Problem> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| !word.starts_with("-reuse-previous")).collect();
    let (mut database, mut user, mut elsewhere) = (None, None, false);
    match arguments.as_slice() {
        [string] if string.contains('=') => {
            for pair in string.split_whitespace() {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let value = value.trim_matches('\'').to_string();
                match name {
                    "dbname" => database = Some(value),
                    "user" => user = Some(value),
                    _ => elsewhere = true,
                }
            }
        }
        [url, ..] if url.contains("://") => return Err(Problem::Wrong("cannot connect to another server".into())),
        positional => {
            let at = |index: usize| positional.get(index).filter(|word| **word != "-").map(|word| (*word).to_string());
            (database, user) = (at(0), at(1));
            elsewhere = at(2).is_some() || at(3).is_some();
        }
    }
    if elsewhere {
        return Err(Problem::Wrong("cannot connect to another server".into()));
    }
    if let Some(user) = user.filter(|user| *user != splitter.names.role) {
        return Err(Problem::Wrong(format!("cannot connect as `{user}`: the files are run as `{}`", splitter.names.role)));
    }
    match database.filter(|database| *database != splitter.names.database) {
        Some(database) => Err(Problem::OtherDatabase(database)),
        None => Ok(Effect::Reconnect),
    }
}
