//! SQL as it is put together from HCL, with the place of each part: what Postgres says of the statement is said of the HCL.

use std::sync::Arc;

use super::super::{
    Statement,
    place::{Piece, Source, Spot},
};

/// A statement that is being written.
#[derive(Debug, Clone)]
pub(super) struct Sql {
    text: String,
    pieces: Vec<Piece>,
    source: Arc<Source>,
    /// Offset of what it is made of.
    at: usize,
}

impl Sql {
    /// A statement of the block at `at`, which begins with `text`.
    pub fn new(source: &Arc<Source>, at: usize, text: &str) -> Sql {
        let mut sql = Sql { text: String::new(), pieces: Vec::new(), source: source.clone(), at };
        sql.add(at, text);
        sql
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the block stands.
    pub fn spot(&self) -> Spot {
        self.source.spot(self.at)
    }

    /// A statement about the session, at the same place.
    pub fn of_session(&self, text: &str) -> Statement {
        Sql::new(&self.source, self.at, text).finish()
    }

    /// Text that stands for what is at `at`.
    pub fn add(&mut self, at: usize, text: &str) -> &mut Sql {
        self.pieces.push(Piece { at: self.text.len(), source: self.source.clone(), offset: at, variable: true });
        self.text.push_str(text);
        self
    }

    /// Text that stands in the HCL from `at` on, but for indentation and escapes: each line is looked for.
    pub fn add_written(&mut self, at: usize, text: &str) -> &mut Sql {
        let source = self.source.clone();
        let mut from = at;
        for line in text.split_inclusive('\n') {
            let found = source.text().get(from..).and_then(|rest| rest.find(line.trim())).filter(|_| !line.trim().is_empty());
            let indent = line.len() - line.trim_start().len();
            match found {
                Some(found) if found <= 4_096 => {
                    self.add(from, &line[..indent]);
                    let offset = from + found;
                    self.pieces.push(Piece { at: self.text.len(), source: source.clone(), offset, variable: false });
                    self.text.push_str(&line[indent..]);
                    from = offset + line.trim().len();
                }
                _ => {
                    self.add(from, line);
                }
            }
        }
        self
    }

    /// Appends another part with its places.
    pub fn join(&mut self, other: Sql) -> &mut Sql {
        let shift = self.text.len();
        self.pieces.extend(other.pieces.into_iter().map(|piece| Piece { at: piece.at + shift, ..piece }));
        self.text.push_str(&other.text);
        self
    }

    pub fn finish(self) -> Statement {
        let words = self.text.split_whitespace().take_while(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
        let lead = words.take(Statement::LEAD).map(str::to_ascii_lowercase).collect();
        let place = self.source.place(self.at);
        Statement { text: self.text.into(), place, lead, pieces: self.pieces }
    }
}
