//! The walk over the files: what psql's main loop does, without a server.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Bounds, CopyData, Item, Names, ScriptError, SqlFile, Statement,
    lexer::{self, Kind},
    meta,
    place::{Piece, Source},
};

pub(super) struct Splitter<'a> {
    sources: BTreeMap<Arc<str>, Arc<Source>>,
    files: &'a [SqlFile],
    pub names: &'a Names,
    bounds: &'a Bounds,
    items: Vec<Item>,
    bytes: usize,
    /// psql's variables.
    pub variables: BTreeMap<String, String>,
    /// Open `\if`s of all files, innermost last.
    pub conditions: Vec<Condition>,
    /// The token of `\restrict`, until its `\unrestrict`.
    pub restricted: Option<String>,
    standard_strings: bool,
    /// What a SET has made of it: psql heeds it from the next line on.
    next_standard_strings: bool,
    /// Files that are being read, outermost first.
    open: Vec<Arc<str>>,
}

/// State of an `\if`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// What stands here is done.
    True,
    /// Nothing yet was; an `\elif` may be.
    False,
    /// A branch was done already, or the whole stands inside one that is not.
    Over,
}

/// What a meta-command asks of the walk.
pub(super) enum Effect {
    None,
    /// Send the statement (`\g`).
    Send,
    /// Forget the statement (`\r`).
    Reset,
    /// Leave the file (`\q`).
    Quit,
    Reconnect,
    /// Read a file first; the path as written, and whether it is relative to this file (`\ir`).
    Include {
        path: String,
        relative: bool,
    },
}

/// A statement as far as it is read.
#[derive(Default)]
struct Buffer {
    text: String,
    pieces: Vec<Piece>,
    /// Length without the white space at its end.
    solid: usize,
    lead: Vec<String>,
    leading: bool,
    parentheses: usize,
    /// `BEGIN ATOMIC` blocks (and `CASE`s in them) that are open.
    blocks: usize,
    /// First letters of the words that psql looks at, and how many words there were.
    routine: [u8; 4],
    words: usize,
    copy: Copy,
    /// Outside parentheses, for COPY and SET.
    last: Vec<String>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Copy {
    #[default]
    None,
    In,
    Out,
}

impl<'a> Splitter<'a> {
    pub fn new(files: &'a [SqlFile], included: &[SqlFile], names: &'a Names, bounds: &'a Bounds) -> Self {
        let sources = included.iter().chain(files).map(|file| (file.path.clone(), Source::new(file.clone()))).collect();
        let variables = BTreeMap::from([
            ("DBNAME".to_string(), names.database.clone()),
            ("USER".to_string(), names.role.clone()),
            ("ENCODING".to_string(), "UTF8".to_string()),
        ]);
        Splitter {
            sources,
            files,
            names,
            bounds,
            items: Vec::new(),
            bytes: 0,
            variables,
            conditions: Vec::new(),
            restricted: None,
            standard_strings: true,
            next_standard_strings: true,
            open: Vec::new(),
        }
    }

    pub fn run(mut self) -> Result<Vec<Item>, ScriptError> {
        for file in self.files {
            self.items.push(Item::File { path: file.path.clone() });
            let Some(source) = self.sources.get(&file.path).cloned() else { continue };
            self.file(&source)?;
        }
        Ok(self.items)
    }

    pub fn active(&self) -> bool {
        self.conditions.iter().all(|condition| *condition == Condition::True)
    }

    fn refuse(&mut self, error: ScriptError) {
        self.items.push(Item::Refused(error));
    }

    fn count(&mut self, bytes: usize, source: &Source, offset: usize) -> Result<(), ScriptError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let too_much = |limit, what| ScriptError::TooMuch { place: source.place(offset), limit, what };
        if self.bytes > self.bounds.bytes {
            return Err(too_much(self.bounds.bytes, "bytes"));
        }
        if self.items.len() > self.bounds.statements {
            return Err(too_much(self.bounds.statements, "statements"));
        }
        Ok(())
    }

    fn file(&mut self, source: &Arc<Source>) -> Result<(), ScriptError> {
        self.count(source.text().len(), source, 0)?;
        if let Some(at) = source.text().find('\0') {
            return Err(ScriptError::NulByte { place: source.place(at) });
        }
        self.open.push(source.file.path.clone());
        let depth = self.conditions.len();
        let outcome = self.walk(source);
        if self.conditions.len() > depth {
            self.conditions.truncate(depth);
            let spot = source.spot(source.text().len());
            self.refuse(ScriptError::Meta { spot, command: "if".into(), why: "has no `\\endif` in its file".into() });
        }
        self.open.pop();
        outcome
    }

    fn walk(&mut self, source: &Arc<Source>) -> Result<(), ScriptError> {
        let text = source.text();
        let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut buffer = Buffer::default();
        // Data of COPYs in the line that is being read: where it begins and ends.
        let mut data: Option<(usize, usize)> = None;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            let (kind, mut length) = lexer::token(rest, self.standard_strings);
            if let Some((begin, end)) = data
                && at + length >= begin
            {
                // The line break before the data ends the line; what follows the data goes on.
                if kind == Kind::Space || at >= begin {
                    at = end;
                    data = None;
                    continue;
                }
            }
            let token = rest.get(..length).unwrap_or_default();
            if token.contains('\n') {
                self.standard_strings = self.next_standard_strings;
            }
            match kind {
                Kind::Semicolon if buffer.parentheses == 0 && buffer.blocks == 0 => {
                    self.finish(&mut buffer, source, at + length, &mut data)?;
                }
                Kind::Backslash => {
                    let command = meta::parse(rest, &self.variables, self.bounds.bytes.saturating_sub(self.bytes));
                    if command.too_long {
                        return Err(ScriptError::TooMuch { place: source.place(at), limit: self.bounds.bytes, what: "bytes" });
                    }
                    if command.name == "set" {
                        self.count(command.size(), source, at)?;
                    }
                    length = command.length;
                    let effect = self.meta(&command, source, at);
                    at += length;
                    match effect {
                        Effect::None => {}
                        Effect::Send => self.finish(&mut buffer, source, at, &mut data)?,
                        Effect::Reset => buffer = Buffer::default(),
                        Effect::Quit => break,
                        Effect::Reconnect => self.items.push(Item::Reconnect { place: source.place(at - length) }),
                        Effect::Include { path, relative } => self.include(&path, relative, source, at - length)?,
                    }
                    continue;
                }
                _ if !self.active() => {}
                Kind::Variable | Kind::VariableLiteral | Kind::VariableIdentifier | Kind::VariableTest => {
                    self.variable(&mut buffer, kind, token, source, at)?;
                }
                Kind::Forced => buffer.push(Kind::Other, token.get(1..).unwrap_or_default(), source, at + 1, false),
                _ => buffer.push(kind, token, source, at, false),
            }
            at += length;
        }
        self.finish(&mut buffer, source, text.len(), &mut data)
    }

    /// Puts a variable's value in; one that is not set stays as it is written.
    fn variable(
        &mut self,
        buffer: &mut Buffer,
        kind: Kind,
        token: &str,
        source: &Arc<Source>,
        at: usize,
    ) -> Result<(), ScriptError> {
        let name = token.trim_matches(|c: char| matches!(c, ':' | '\'' | '"' | '{' | '}' | '?'));
        let value = self.variables.get(name).cloned();
        let text = match (kind, value) {
            (Kind::VariableTest, value) => if value.is_some() { "TRUE" } else { "FALSE" }.to_string(),
            (_, None) => {
                buffer.push(Kind::Other, token, source, at, false);
                return Ok(());
            }
            (Kind::VariableLiteral, Some(value)) => literal(&value),
            (Kind::VariableIdentifier, Some(value)) => format!("\"{}\"", value.replace('"', "\"\"")),
            (_, Some(value)) => value,
        };
        self.count(text.len(), source, at)?;
        let mut from = 0;
        while from < text.len() {
            let rest = text.get(from..).unwrap_or_default();
            let (kind, length) = lexer::token(rest, self.standard_strings);
            let part = rest.get(..length).unwrap_or_default();
            if kind == Kind::Semicolon && buffer.parentheses == 0 && buffer.blocks == 0 {
                self.finish(buffer, source, at, &mut None)?;
            } else {
                buffer.push(kind, part, source, at, true);
            }
            from += length.max(1);
        }
        Ok(())
    }

    /// The statement ends at `end`.
    fn finish(
        &mut self,
        buffer: &mut Buffer,
        source: &Arc<Source>,
        end: usize,
        data: &mut Option<(usize, usize)>,
    ) -> Result<(), ScriptError> {
        let Buffer { mut text, pieces, solid, lead, copy, last, .. } = std::mem::take(buffer);
        text.truncate(solid);
        let Some(first) = pieces.first().filter(|_| !text.is_empty() && self.active()) else { return Ok(()) };
        if lead.first().is_some_and(|word| word == "set")
            && let Some(at) = last.iter().position(|word| word == "standard_conforming_strings")
        {
            let off = last.iter().skip(at + 1).any(|word| matches!(word.trim_matches('\''), "off" | "false" | "no" | "0"));
            self.next_standard_strings = !off;
        }
        self.count(if pieces.len() > 1 { text.len() } else { 0 }, source, first.offset)?;
        let statement = Statement { text: text.into(), place: first.source.place(first.offset), lead, pieces };
        self.items.push(match copy {
            Copy::None => Item::Statement(statement),
            Copy::Out => Item::CopyOut(statement),
            Copy::In => {
                let range = copy_data(source.text(), data.map_or(end, |(_, end)| end), data.is_some());
                *data = Some((data.map_or(range.start, |(begin, _)| begin), range.end + range.terminator));
                Item::CopyIn { statement, data: CopyData { source: source.clone(), range: range.start..range.end } }
            }
        });
        Ok(())
    }

    fn meta(&mut self, command: &meta::Command, source: &Arc<Source>, at: usize) -> Effect {
        match meta::run(self, command) {
            Ok(effect) => effect,
            Err(problem) => {
                let spot = source.spot(at);
                let name = command.name.clone();
                let error = match problem {
                    meta::Problem::Unsupported => ScriptError::Unsupported { spot, command: name },
                    meta::Problem::Wrong(why) => ScriptError::Meta { spot, command: name, why },
                    meta::Problem::OtherDatabase(database) => {
                        ScriptError::OtherDatabase { spot, database, ours: self.names.database.clone() }
                    }
                };
                self.refuse(error);
                Effect::None
            }
        }
    }

    /// Reads a file of the given sets, and no other.
    fn include(&mut self, path: &str, relative: bool, source: &Arc<Source>, at: usize) -> Result<(), ScriptError> {
        let command = if relative { "ir" } else { "i" };
        let directory = source.file.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        // psql's own directory is not known: the top of the tree is tried, then the file's directory.
        let candidates = [(!relative).then(|| join("", path)), Some(join(directory, path))];
        let found = candidates.into_iter().flatten().flatten().find_map(|path| self.sources.get(path.as_str()).cloned());
        let Some(included) = found else {
            self.refuse(ScriptError::NoSuchFile { spot: source.spot(at), command: command.into(), path: path.into() });
            return Ok(());
        };
        let why = if self.open.contains(&included.file.path) {
            format!("includes {} while that is being read: a circle", included.file.path)
        } else if self.open.len() > self.bounds.depth {
            format!("goes deeper than {} files", self.bounds.depth)
        } else {
            return self.file(&included);
        };
        self.refuse(ScriptError::Meta { spot: source.spot(at), command: command.into(), why });
        Ok(())
    }
}

impl Buffer {
    fn push(&mut self, kind: Kind, token: &str, source: &Arc<Source>, offset: usize, variable: bool) {
        if self.text.is_empty() && kind == Kind::Space {
            return;
        }
        if token.is_empty() {
            return;
        }
        let joined = self.pieces.last().is_some_and(|piece| {
            !variable
                && !piece.variable
                && Arc::ptr_eq(&piece.source, source)
                && piece.offset + (self.text.len() - piece.at) == offset
        });
        if self.text.is_empty() {
            self.leading = true;
        }
        if !joined {
            self.pieces.push(Piece { at: self.text.len(), source: source.clone(), offset, variable });
        }
        self.text.push_str(token);
        if kind == Kind::Space {
            return;
        }
        self.solid = self.text.len();
        match kind {
            Kind::Word => self.word(&token.to_ascii_lowercase()),
            Kind::Open => self.parentheses += 1,
            Kind::Close => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        if kind != Kind::Word {
            self.leading = false;
            self.note(token);
        }
    }

    fn word(&mut self, word: &str) {
        if self.leading && self.lead.len() < Statement::LEAD {
            self.lead.push(word.into());
        }
        self.note(word);
        // As psqlscan.l: only CREATE [OR REPLACE] {FUNCTION | PROCEDURE} can have a block.
        if matches!(word, "create" | "function" | "procedure" | "or" | "replace")
            && let Some(letter) = self.routine.get_mut(self.words)
        {
            *letter = word.as_bytes().first().copied().unwrap_or_default();
        }
        self.words += 1;
        let routine = matches!(self.routine, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p']);
        if !routine || self.parentheses > 0 {
            return;
        }
        match word {
            "begin" => self.blocks += 1,
            "case" if self.blocks > 0 => self.blocks += 1,
            "end" => self.blocks = self.blocks.saturating_sub(1),
            _ => {}
        }
    }

    /// Notes what COPY and SET are told by.
    fn note(&mut self, token: &str) {
        let told = self.lead.first().is_some_and(|word| word == "copy" || word == "set");
        if !told || self.parentheses > 0 || self.last.len() > 200 {
            return;
        }
        if self.copy == Copy::None && self.lead.first().is_some_and(|word| word == "copy") && matches!(token, "stdin" | "stdout") {
            self.copy = match self.last.last().map(String::as_str) {
                Some("from") => Copy::In,
                Some("to") => Copy::Out,
                _ => Copy::None,
            };
        }
        self.last.push(token.to_ascii_lowercase());
    }
}

struct DataRange {
    start: usize,
    end: usize,
    /// Length of the line `\.` with its line break.
    terminator: usize,
}

/// The data of a COPY whose statement ends at `from`: begins in the next line, ends before the line `\.` or with the file.
fn copy_data(text: &str, from: usize, at_line_start: bool) -> DataRange {
    let rest = text.get(from..).unwrap_or_default();
    let start = if at_line_start { from } else { rest.find('\n').map_or(text.len(), |line| from + line + 1) };
    let mut end = start;
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        if line.trim_end_matches(['\n', '\r']) == "\\." {
            return DataRange { start, end, terminator: line.len() };
        }
        end += line.len();
    }
    DataRange { start, end, terminator: 0 }
}

/// A string constant as psql's `PQescapeLiteral` writes it.
fn literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// A path below a directory of the tree; none when it leads out of the tree.
fn join(directory: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\\') {
        return None;
    }
    let root = if directory.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(format!("{root}{}", parts.join("/")))
}
