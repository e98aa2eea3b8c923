//! A plan as a file: a script that `psql -v ON_ERROR_STOP=1 -f` runs as it stands, and that reads back as the same plan.
//!
//! What a script cannot say stands in comments that begin with `--@` (`#@` for the `mysql` client, to which `--@` is no comment): the plan's fingerprint, the fingerprints of the catalogs that
//! it leads from and to, and for each step its length, so that reading it back understands no SQL. The last line is a hash of all
//! before it: a file that was edited, cut off or converted is refused. The hash is no signature. Whoever can write the file can
//! write another plan; what was reviewed is told by the plan's fingerprint.
//!
//! Secrets are exact in it, as they are in any script.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Online, Origin, Plan, Step, UNCHECKED, is_unchecked, is_wrapped, online};
use crate::{
    catalog::{ObjectId, fingerprint::CatalogFingerprint},
    sandbox::mysql::Flavor,
    script,
};

/// A plan, and what must be known to run it elsewhere and later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub plan: Plan,
    pub ends: Ends,
    /// Whether the plan was proven when it was saved.
    pub proven: bool,
    /// How many findings block unless the plan is accepted.
    pub blocking: usize,
    /// Lines for people, put after the first line as comments. Whoever saves sees to it that each is one line.
    pub comments: Vec<String>,
}

/// From where to where a plan leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    pub base: CatalogFingerprint,
    pub target: CatalogFingerprint,
    /// What was left out of both catalogs, as `exclude` has it.
    pub exclude: Vec<String>,
    /// Absent for Postgres.
    pub family: Option<Family>,
}

/// Of the MySQL family: for which server a plan is, and which of its databases it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    pub server: Flavor,
    pub databases: BTreeSet<String>,
}

/// Why a file is not a saved plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SavedError {
    #[error(
        "it is not a saved plan: its first line does not begin with `--@ {HEAD}` or `#@ {HEAD}`; save one with `schemaproof plan --format sql \
         --out FILE`, and without `--no-proof`"
    )]
    NotSaved,
    #[error("it is a saved plan of version {0}, and this schemaproof reads version {VERSION}: use the release that saved it")]
    Version(u32),
    #[error("it is cut off: its last line is not `@ {END}…`; save the plan again")]
    CutOff,
    #[error(
        "it was altered after it was saved: the hash in its last line is not that of the lines before it (other line endings count \
         too); save the plan again"
    )]
    Altered,
    #[error("line {line} is not what a saved plan has there: {wanted} was expected; save the plan again")]
    Unexpected { line: usize, wanted: &'static str },
}

const VERSION: u32 = 1;
/// What a line of ours begins with: a comment of `psql`'s, and one of the `mysql` client's.
const MARK: &str = "--@ ";
const FAMILY_MARK: &str = "#@ ";
const HEAD: &str = "schemaproof plan ";
const GROUP: &str = "group ";
const STEP: &str = "step ";
const END: &str = "end ";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    fingerprint: String,
    base: String,
    target: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    family: Option<Family>,
    proven: bool,
    blocking: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepHead {
    /// Length of the statement, without the semicolon and the line break after it.
    bytes: usize,
    origin: Origin,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    objects: Vec<ObjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    masked: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    online: Option<Online>,
}

impl Saved {
    /// The file.
    pub fn write(&self) -> String {
        let mark = if self.ends.family.is_some() { FAMILY_MARK } else { MARK };
        let head = Head {
            fingerprint: self.plan.fingerprint().as_str().into(),
            base: self.ends.base.to_string(),
            target: self.ends.target.to_string(),
            exclude: self.ends.exclude.clone(),
            family: self.ends.family.clone(),
            proven: self.proven,
            blocking: self.blocking,
        };
        let mut out = format!("{mark}{HEAD}{VERSION} {}\n", json(&head));
        for comment in &self.comments {
            out.push_str(&format!("-- {comment}\n"));
        }
        if self.plan.is_online() {
            out.push_str(online::PREAMBLE);
        }
        for group in self.plan.steps.chunk_by(|a, b| a.group == b.group) {
            let Some(first) = group.first() else { continue };
            let how = if first.transactional { "transaction" } else { "alone" };
            out.push_str(&format!("\n{mark}{GROUP}{} {how}\n", first.group));
            online::introduce(group, &mut out);
            let transaction = is_wrapped(group);
            if transaction {
                out.push_str("BEGIN;\n");
            }
            if is_unchecked(group) {
                out.push_str(&format!("{UNCHECKED}\n"));
            }
            for step in group {
                let head = StepHead {
                    bytes: step.sql.len(),
                    origin: step.origin,
                    objects: step.objects.clone(),
                    masked: step.masked.clone(),
                    online: step.online.clone(),
                };
                out.push_str(&format!("{mark}{STEP}{}\n{}", json(&head), self.ends.statement(&step.sql)));
            }
            if transaction {
                out.push_str("COMMIT;\n");
            }
        }
        out.push('\n');
        let hash = hash(&out);
        out.push_str(&format!("{mark}{END}{hash}\n"));
        out
    }

    /// Reads a file that [`Saved::write`] wrote, and nothing else.
    ///
    /// # Errors
    /// When it is not exactly such a file.
    pub fn read(text: &str) -> Result<Saved, SavedError> {
        let marked = [MARK, FAMILY_MARK].into_iter().find_map(|mark| Some((mark, text.strip_prefix(mark)?.strip_prefix(HEAD)?)));
        let (mark, rest) = marked.ok_or(SavedError::NotSaved)?;
        let (version, _) = rest.split_once(' ').ok_or(SavedError::NotSaved)?;
        let version: u32 = version.parse().map_err(|_| SavedError::NotSaved)?;
        if version != VERSION {
            return Err(SavedError::Version(version));
        }
        let whole = text.strip_suffix('\n').ok_or(SavedError::CutOff)?;
        let body = whole.rfind('\n').map(|at| &text[..=at]).ok_or(SavedError::CutOff)?;
        let end = whole[body.len()..].strip_prefix(mark);
        let told = end.and_then(|end| end.strip_prefix(END)).ok_or(SavedError::CutOff)?;
        if told != hash(body) {
            return Err(SavedError::Altered);
        }
        Reader { text: body, at: 0, mark }.read()
    }
}

impl Ends {
    /// A statement as the client takes it, with what ends it.
    fn statement(&self, sql: &str) -> String {
        match self.family {
            Some(_) => script::mysql::delimited(sql),
            None => format!("{sql};\n"),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    // Strings, numbers and lists only: nothing that JSON refuses, and no line break outside of a string's escapes.
    serde_json::to_string(value).unwrap_or_default()
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// What lines of ours begin with.
    mark: &'static str,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Saved, SavedError> {
        let head = self.line().unwrap_or_default();
        let head = head.strip_prefix(self.mark).and_then(|head| head.strip_prefix(HEAD));
        let head = head.and_then(|rest| rest.split_once(' ')).map(|(_, json)| json).unwrap_or_default();
        let head: Head = serde_json::from_str(head).map_err(|_| self.unexpected("the plan's fingerprints as JSON"))?;
        let print = |text: &str| CatalogFingerprint::parse(text).ok_or(self.unexpected("a catalog's fingerprint"));
        let ends = Ends { base: print(&head.base)?, target: print(&head.target)?, exclude: head.exclude, family: head.family };
        if ends.family.is_some() != (self.mark == FAMILY_MARK) {
            return Err(self.unexpected("the server that the first line is for"));
        }
        let mut comments = Vec::new();
        while let Some(comment) = self.peek().strip_prefix("-- ") {
            comments.push(comment.to_string());
            self.line();
        }
        let mut plan = Plan::default();
        loop {
            self.expect("", "an empty line")?;
            if self.at == self.text.len() {
                break;
            }
            self.group(&mut plan, &ends)?;
        }
        if plan.is_online() {
            comments.truncate(comments.len().saturating_sub(online::PREAMBLE.lines().count()));
        }
        if plan.fingerprint().as_str() != head.fingerprint {
            return Err(SavedError::Altered);
        }
        Ok(Saved { plan, ends, proven: head.proven, blocking: head.blocking, comments })
    }

    fn group(&mut self, plan: &mut Plan, ends: &Ends) -> Result<(), SavedError> {
        const WANTED: &str = "`@ group NUMBER transaction` or `@ group NUMBER alone`";
        let told = self.line().and_then(|line| line.strip_prefix(self.mark)?.strip_prefix(GROUP)?.split_once(' '));
        let (number, how) = told.ok_or(self.unexpected(WANTED))?;
        let group: usize = number.parse().map_err(|_| self.unexpected(WANTED))?;
        let transactional = match how {
            "transaction" => true,
            "alone" => false,
            _ => return Err(self.unexpected(WANTED)),
        };
        if plan.steps.last().is_some_and(|last| last.group >= group) {
            return Err(self.unexpected("a number greater than that of the group before"));
        }
        // What an online plan says and sets before a group follows from its steps.
        let introduced = self.at;
        while self.peek().starts_with("-- ") || self.peek().starts_with("SET lock_timeout = ") {
            self.line();
        }
        let introduction = self.text.get(introduced..self.at).unwrap_or_default();
        let wrapped = self.peek() == "BEGIN;";
        if wrapped {
            self.line();
        }
        let unchecked = self.peek() == UNCHECKED;
        if unchecked {
            self.line();
        }
        let begin = plan.steps.len();
        while let Some(head) = self.peek().strip_prefix(self.mark).and_then(|line| line.strip_prefix(STEP)) {
            self.line();
            let head: StepHead = serde_json::from_str(head).map_err(|_| self.unexpected("a step's length and origin as JSON"))?;
            let begin = self.at;
            if ends.family.is_some() && self.peek().starts_with("DELIMITER ") {
                self.line();
            }
            let end = self.at.checked_add(head.bytes).ok_or(self.unexpected("a length within the file"))?;
            let sql = self.text.get(self.at..end).ok_or(self.unexpected("a length within the file"))?.to_string();
            let written = ends.statement(&sql);
            self.at = begin;
            if !self.text.get(begin..).is_some_and(|rest| rest.starts_with(&written)) {
                return Err(self.unexpected("the statement, and what ends it"));
            }
            self.at = begin + written.len();
            plan.steps.push(Step {
                sql,
                masked: head.masked,
                origin: head.origin,
                group,
                transactional,
                objects: head.objects,
                online: head.online,
            });
        }
        let steps = plan.steps.get(begin..).unwrap_or_default();
        if steps.is_empty()
            || (!transactional && steps.len() > 1)
            || wrapped != is_wrapped(steps)
            || unchecked != is_unchecked(steps)
        {
            return Err(self.unexpected("the steps that the group may have"));
        }
        let mut wanted = String::new();
        online::introduce(steps, &mut wanted);
        if introduction != wanted {
            return Err(self.unexpected("what the steps have said before them"));
        }
        if wrapped {
            self.expect("COMMIT;", "COMMIT")?;
        }
        Ok(())
    }

    fn peek(&self) -> &'a str {
        self.text.get(self.at..).and_then(|rest| rest.split_once('\n')).map_or("", |(line, _)| line)
    }

    fn line(&mut self) -> Option<&'a str> {
        let (line, _) = self.text.get(self.at..)?.split_once('\n')?;
        self.at += line.len() + 1;
        Some(line)
    }

    fn expect(&mut self, wanted: &str, said: &'static str) -> Result<(), SavedError> {
        if self.line() == Some(wanted) { Ok(()) } else { Err(self.unexpected(said)) }
    }

    fn unexpected(&self, wanted: &'static str) -> SavedError {
        let line = self.text.get(..self.at).unwrap_or_default().lines().count().max(1);
        SavedError::Unexpected { line, wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, Kind};

    fn saved() -> Saved {
        let step = |sql: &str, group, transactional| Step {
            sql: sql.into(),
            masked: None,
            origin: Origin::Native,
            group,
            transactional,
            objects: vec![ObjectId::new(Kind::Index, ["public", "i\n--@ end"])],
            online: None,
        };
        let secret = Step { masked: Some("CREATE …".into()), ..step("CREATE USER MAPPING …", 3, true) };
        let slow = Online { lock_timeout: None, recovery: Some(crate::plan::Recovery::Before("DROP INDEX …".into())) };
        let alone = Step {
            objects: vec![ObjectId::new(Kind::Procedure, ["public", "p()"])],
            ..step("CREATE OR REPLACE PROCEDURE p() …", 6, true)
        };
        let steps = vec![
            Step {
                objects: vec![ObjectId::new(Kind::Function, ["public", "f()"])],
                ..step("CREATE FUNCTION f() … $$\n--@ step {}\nCOMMIT;\n$$", 1, true)
            },
            step("SELECT 'é'", 1, true),
            step("CREATE INDEX CONCURRENTLY …", 2, false),
            secret,
            Step { online: Some(online::short()), ..step("ALTER TABLE …", 4, true) },
            Step { online: Some(slow), ..step("CREATE INDEX CONCURRENTLY …", 5, false) },
            alone,
        ];
        let print = Catalog::default().fingerprint();
        let ends = Ends { base: print.clone(), target: print, exclude: vec!["ag_catalog.*".into()], family: None };
        let comments = vec!["for people".into(), "--@ group 9 alone".into()];
        Saved { plan: Plan { steps }, ends, proven: true, blocking: 2, comments }
    }

    #[test]
    fn a_saved_plan_reads_back_as_it_was() {
        let text = saved().write();
        assert_eq!(Saved::read(&text).unwrap(), saved());
        let nothing = Saved { plan: Plan::default(), ..saved() };
        assert_eq!(Saved::read(&nothing.write()).unwrap(), nothing);
    }

    /// Whatever the `mysql` client takes: another delimiter where a body has semicolons in it, or dollars.
    #[test]
    fn a_plan_of_the_family_reads_back_as_it_was() {
        let of = |statements: &[&str]| {
            let step = |(at, sql): (usize, &&str)| Step {
                sql: sql.to_string(),
                masked: None,
                origin: Origin::Native,
                group: at + 1,
                transactional: false,
                objects: vec![ObjectId::new(Kind::Table, ["app", "t"])],
                online: None,
            };
            let family = Some(Family { server: Flavor::TiDb, databases: ["app".to_string()].into() });
            let ends = Ends { family, ..saved().ends };
            Saved { plan: Plan { steps: statements.iter().enumerate().map(step).collect() }, ends, ..saved() }
        };
        let wanted = of(&[
            "ALTER TABLE `app`.`t` ADD `n` int",
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.n = 1; SET @a = '$$'; END",
            "CREATE VIEW v AS SELECT ';' AS c",
            "DELIMITER",
        ]);
        let text = wanted.write();
        assert!(text.starts_with("#@ schemaproof plan 1 ") && text.contains("DELIMITER $$$\nCREATE TRIGGER"), "{text}");
        assert_eq!(Saved::read(&text).unwrap(), wanted);
        let body = &text[..text.rfind("#@ end ").unwrap()];
        for (from, to) in [
            ("ADD `n` int;", "ADD `n` int; DROP TABLE t;"),
            ("DELIMITER $$$", "DELIMITER $$"),
            ("END$$$", "END$$$ DROP TABLE t$$$"),
            ("#@ group 2", "--@ group 2"),
            ("\"tidb\"", "\"oracle\""),
        ] {
            let other = body.replacen(from, to, 1);
            assert_ne!(other, body, "{from}");
            let other = format!("{other}#@ end {}\n", hash(&other));
            assert!(Saved::read(&other).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn the_script_is_that_of_the_plan() {
        let lines = |text: &str| {
            let kept = text.lines().filter(|line| !line.is_empty() && !line.starts_with("--"));
            kept.map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(lines(&saved().write()), lines(&saved().plan.to_sql()));
    }

    #[test]
    fn any_other_byte_is_refused() {
        let text = saved().write();
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let Ok(altered) = String::from_utf8(bytes) else { continue };
            assert!(Saved::read(&altered).is_err(), "byte {at}");
            assert!(Saved::read(&text[..at]).is_err(), "cut off at {at}");
        }
        assert_eq!(Saved::read(&text.replace('\n', "\r\n")), Err(SavedError::Altered));
        assert_eq!(Saved::read("CREATE TABLE t ();\n"), Err(SavedError::NotSaved));
        assert_eq!(Saved::read(&text.replacen("plan 1", "plan 2", 1)), Err(SavedError::Version(2)));
    }

    #[test]
    fn a_file_with_its_own_hash_is_still_read_strictly() {
        let text = saved().write();
        let body = &text[..text.rfind("--@ end ").unwrap()];
        for (from, to) in [
            ("SELECT 'é';", "SELECT 'é'; DROP TABLE t;"),
            ("COMMIT;\n\n", "COMMIT;\nDROP TABLE t;\n\n"),
            ("group 2 alone", "group 2 somehow"),
            ("group 1 transaction", "group 1 alone"),
            ("group 2 alone", "group 1 alone"),
            ("\"blocking\":2", "\"blocking\":2,\"more\":1"),
            ("CREATE USER", "CREATE Xser"),
        ] {
            let other = body.replacen(from, to, 1);
            assert_ne!(other, body, "{from}");
            let other = format!("{other}--@ end {}\n", hash(&other));
            assert!(Saved::read(&other).is_err(), "{from} -> {to}");
        }
    }
}
