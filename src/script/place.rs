//! Offsets in texts -> lines and columns in files.

use std::sync::Arc;

use super::{Place, SqlFile, Statement, number};

/// A file with its lines found.
#[derive(Debug)]
pub(super) struct Source {
    pub file: SqlFile,
    /// Offset of each line's first byte.
    lines: Vec<usize>,
}

impl Source {
    pub fn new(file: SqlFile) -> Arc<Source> {
        let starts = file.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Arc::new(Source { file, lines })
    }

    pub fn text(&self) -> &str {
        &self.file.text
    }

    fn line(&self, offset: usize) -> (usize, &str) {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let text = self.text().get(start..).unwrap_or_default().split('\n').next().unwrap_or_default();
        (line, text.strip_suffix('\r').unwrap_or(text))
    }

    pub fn place(&self, offset: usize) -> Place {
        let (line, _) = self.line(offset);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text().get(start..offset).unwrap_or_default();
        // A byte order mark is no character of the first line.
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        Place { file: self.file.path.clone(), line: number(line), column: number(before.chars().count() + 1) }
    }

    pub fn spot(&self, offset: usize) -> Spot {
        Spot { place: self.place(offset), line: self.line(offset).1.trim_start_matches('\u{feff}').into() }
    }
}

/// A place, and the line that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub place: Place,
    /// Text of the line, as it stands in the file: hostile.
    pub line: Arc<str>,
}

impl Spot {
    /// The line with a caret beneath the column. Of a long line, what is around the column.
    pub fn excerpt(&self) -> String {
        const BEFORE: usize = 80;
        const AFTER: usize = 60;
        let column = (self.place.column as usize).saturating_sub(1);
        let from = column.saturating_sub(BEFORE);
        // Tabs and control characters would move the caret.
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = self.line.chars().skip(from).take(BEFORE + AFTER).map(clean).collect();
        let gap = format!("{} | ", self.place.line);
        format!("{gap}{shown}\n{}^", " ".repeat(gap.chars().count() + column - from))
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
