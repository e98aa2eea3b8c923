//! Notes in the SQL: `-- schemaproof: allow RULE [OBJECT] REASON` accepts one finding, with its reason.
//!
//! Only comments are read, as Postgres's own scanner delimits them; a note inside a string or a function body is none. A note says
//! who answers for a finding, it does not decide what is found: that is the rules' matter, and whether a note may open the gate is
//! the policy's.

use std::{collections::BTreeSet, fmt};

use crate::{
    catalog::{Kind, ObjectId},
    config::{Dialect, nearest},
    risk::{Facts, Finding, look, rules},
    script::{self, Place, SqlFile},
    source::SqlFiles,
};

/// The note that accepts a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub reason: String,
    pub place: Place,
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the note at {}:{}: {}", self.place.file, self.place.line, self.reason)
    }
}

/// One note as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub rule: String,
    /// What follows the rule: an object and a reason, or a reason alone.
    pub rest: String,
    pub place: Place,
}

/// All notes of the files, in their order, and of those that they include.
pub fn read(files: &SqlFiles, dialect: Dialect) -> Vec<Note> {
    let notes = |file: &&SqlFile| file.text.contains("schemaproof:");
    if !files.included.iter().any(|file| notes(&file)) {
        return files.files.iter().flat_map(|file| read_file(file, dialect)).collect();
    }
    files.executed().iter().flat_map(|file| read_file(file, dialect)).collect()
}

fn read_file(file: &SqlFile, dialect: Dialect) -> Vec<Note> {
    if !file.text.contains("schemaproof:") {
        return Vec::new();
    }
    let note = |comment: script::Comment| {
        let (rule, rest) = parse(&comment.text)?;
        Some(Note { rule, rest, place: Place { file: file.path.clone(), line: comment.line, column: 1 } })
    };
    script::comments(file, dialect).into_iter().filter_map(note).collect()
}

/// `-- schemaproof: allow RULE rest`; also inside a block comment.
fn parse(line: &str) -> Option<(String, String)> {
    let text = line.trim().trim_start_matches("/*").trim_start_matches(['-', '*', ' ', '\t']).trim_end_matches("*/").trim();
    let text = text.strip_prefix("schemaproof:")?.trim_start().strip_prefix("allow")?;
    if !text.starts_with([' ', '\t']) {
        return None;
    }
    let text = text.trim();
    let (rule, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (!rule.is_empty()).then(|| (rule.to_string(), rest.trim().to_string()))
}

/// Puts each note on the finding that it means. A note names its object, or means the nearest finding of its rule in its own file,
/// or the only one there is. What is left over is a finding of `unused-note`.
pub fn apply(facts: &Facts<'_>, head: &SqlFiles, found: &mut Vec<Finding>) {
    let mut unused = Vec::new();
    for note in read(head, facts.target.dialect) {
        match candidate(&note, found) {
            Some((_, "")) => unused.push((note, "it gives no reason".to_string())),
            Some((at, reason)) => {
                let reason = reason.to_string();
                if let Some(finding) = found.get_mut(at) {
                    finding.note = Some(Accepted { reason, place: note.place });
                }
            }
            None => {
                let why = why_unused(&note);
                unused.push((note, why));
            }
        }
    }
    found.extend(unused.into_iter().map(|(note, why)| {
        let object = ObjectId { kind: Kind::Comment, path: vec![note.rule.clone()].into() };
        let message = format!("The note {} does nothing: {why}.", look::quoted(&format!("schemaproof: allow {}", note.rule)));
        Finding { place: Some(note.place), step: None, ..rules::unused_note::RULE.finding(facts, &object, message) }
    }));
}

/// The finding that a note means, and the reason that it gives.
fn candidate<'n>(note: &'n Note, found: &[Finding]) -> Option<(usize, &'n str)> {
    let open = || found.iter().enumerate().filter(|(_, finding)| finding.rule == note.rule && finding.note.is_none());
    let (first, rest) = note.rest.split_once([' ', '\t']).unwrap_or((&note.rest, ""));
    if let Some((at, _)) = open().find(|(_, finding)| named(first, &finding.object)) {
        return Some((at, rest.trim()));
    }
    let near = open()
        .filter_map(|(at, finding)| {
            let place = finding.place.as_ref().filter(|place| place.file == note.place.file)?;
            // What stands below the note is nearer than what stands above it.
            Some((place.line < note.place.line, place.line.abs_diff(note.place.line), at))
        })
        .min();
    if let Some((_, _, at)) = near {
        return Some((at, &note.rest));
    }
    let mut all = open();
    match (all.next(), all.next()) {
        (Some((at, _)), None) => Some((at, &note.rest)),
        _ => None,
    }
}

/// Whether a word of a note names an object: its whole path, or the end of it from a dot on.
fn named(word: &str, object: &ObjectId) -> bool {
    let name = object.to_string();
    !word.is_empty() && (word == name || (word.contains('.') && name.strip_suffix(word).is_some_and(|rest| rest.ends_with('.'))))
}

fn why_unused(note: &Note) -> String {
    let ids: BTreeSet<&str> = rules::RULES.iter().map(|rule| rule.id).collect();
    if ids.contains(note.rule.as_str()) {
        return "no finding of this rule is left for it".into();
    }
    match nearest(&note.rule, ids.into_iter()) {
        Some(rule) => format!("there is no such rule; {} is meant, perhaps", look::quoted(&rule)),
        None => "there is no such rule".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(text: &str) -> Vec<(u32, String, String)> {
        let files = SqlFiles { files: vec![SqlFile { path: "a.sql".into(), text: text.into() }], included: Vec::new() };
        read(&files, Dialect::Postgres).into_iter().map(|note| (note.place.line, note.rule, note.rest)).collect()
    }

    #[test]
    fn a_note_is_read_from_comments_alone() {
        let sql = "select 1;\n-- schemaproof: allow drop-column nobody reads it\nselect '\n-- schemaproof: allow drop-table x';\n\
                   do $$ -- schemaproof: allow drop-view y\n$$;\n/* about\n * schemaproof: allow drop-index  public.i unused */";
        assert_eq!(
            notes(sql),
            [
                (2, "drop-column".to_string(), "nobody reads it".to_string()),
                (8, "drop-index".to_string(), "public.i unused".to_string())
            ]
        );
    }

    #[test]
    fn other_words_are_no_note() {
        assert_eq!(
            notes("-- schemaproof: allowed drop-column x\n-- schemaproof: allow\n-- not schemaproof: allow drop-column x"),
            []
        );
    }
}
