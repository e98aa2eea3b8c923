//! Offsets in texts -> lines and columns in files.

use std::sync::Arc;

use super::{Place, SqlFile, Statement, number};

/// A file with its lines found.
#[derive(Debug)]
pub(super) struct Source {
    pub file: SqlFile,
    /// Offset of each line's first byte.
    lines: Vec<usize>,
    /// Number of characters before every [`STEP`]th byte, so that a place in a long line is found without reading it.
    characters: Vec<usize>,
}

const STEP: usize = 1024;

/// Bytes that begin a character of UTF-8.
fn begins(byte: &u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

impl Source {
    pub fn new(file: SqlFile) -> Arc<Source> {
        let starts = file.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        let mut characters = vec![0];
        for block in file.text.as_bytes().chunks(STEP) {
            let before = characters.last().copied().unwrap_or_default();
            characters.push(before + block.iter().filter(|byte| begins(byte)).count());
        }
        Arc::new(Source { file, lines, characters })
    }

    pub fn text(&self) -> &str {
        &self.file.text
    }

    fn characters_before(&self, offset: usize) -> usize {
        let offset = offset.min(self.text().len());
        let block = self.text().as_bytes().get(offset / STEP * STEP..offset).unwrap_or_default();
        self.characters.get(offset / STEP).copied().unwrap_or_default() + block.iter().filter(|byte| begins(byte)).count()
    }

    /// Number of the line, and where it begins. A byte order mark is no part of the first one.
    fn line(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        (line, if start == 0 && self.text().starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { start })
    }

    pub fn place(&self, offset: usize) -> Place {
        let (line, start) = self.line(offset);
        let column = self.characters_before(offset).saturating_sub(self.characters_before(start)) + 1;
        Place { file: self.file.path.clone(), line: number(line), column: number(column) }
    }

    pub fn spot(&self, offset: usize) -> Spot {
        let place = self.place(offset);
        let before = self.text().get(self.line(offset).1..offset).unwrap_or_default();
        let from = before.char_indices().rev().nth(Spot::BEFORE - 1).map_or(0, |(at, _)| at);
        let after = self.text().get(offset..).unwrap_or_default().split('\n').next().unwrap_or_default();
        let line: String = before.get(from..).unwrap_or_default().chars().chain(after.chars().take(Spot::AFTER)).collect();
        Spot { place, line: line.strip_suffix('\r').unwrap_or(&line).into() }
    }
}

/// A place, and the line that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub place: Place,
    /// Text of the line, as it stands in the file: hostile. Of a long line, at most [`Spot::BEFORE`] characters before the column and
    /// [`Spot::AFTER`] from it on.
    pub line: Arc<str>,
}

impl Spot {
    pub const BEFORE: usize = 80;
    pub const AFTER: usize = 140;

    /// The line with a caret beneath the column.
    pub fn excerpt(&self) -> String {
        // Tabs and control characters would move the caret.
        let shown: String = self.line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let gap = format!("{} | ", self.place.line);
        let column = (self.place.column as usize).saturating_sub(1).min(Spot::BEFORE);
        format!("{gap}{shown}\n{}^", " ".repeat(gap.chars().count() + column))
    }
}

/// A part of a statement that stands in a file as it is.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// Offset in the statement's text.
    pub at: usize,
    pub source: Arc<Source>,
    pub offset: usize,
    /// The part came out of a variable: all of it is where the variable stands.
    pub variable: bool,
}

/// Where a character of a statement is; counts from 1.
pub(super) fn spot(statement: &Statement, position: u32) -> Spot {
    let wanted = (position as usize).saturating_sub(1);
    let offset = statement.text.char_indices().nth(wanted).map_or(statement.text.len(), |(offset, _)| offset);
    let piece = statement.pieces.iter().rev().find(|piece| piece.at <= offset).or(statement.pieces.first());
    match piece {
        Some(piece) if piece.variable => piece.source.spot(piece.offset),
        Some(piece) => piece.source.spot((piece.offset + offset.saturating_sub(piece.at)).min(piece.source.text().len())),
        None => Spot { place: statement.place.clone(), line: "".into() },
    }
}
