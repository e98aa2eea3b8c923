//! A plan as a file: a script that `psql -v ON_ERROR_STOP=1 -f` runs as it stands, and that reads back as the same plan.
//!
//! What a script cannot say stands in comments that begin with `--@`: the plan's fingerprint, the fingerprints of the catalogs that
//! it leads from and to, and for each step its length, so that reading it back understands no SQL. The last line is a hash of all
//! before it: a file that was edited, cut off or converted is refused. The hash is no signature. Whoever can write the file can
//! write another plan; what was reviewed is told by the plan's fingerprint.
//!
//! Secrets are exact in it, as they are in any script.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Online, Origin, Plan, Step, UNCHECKED, is_unchecked, is_wrapped, online};
use crate::catalog::{ObjectId, fingerprint::CatalogFingerprint};

/// A plan, and what must be known to run it elsewhere and later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub plan: Plan,
    pub ends: Ends,
    /// Whether the plan was proven when it was saved.
    pub proven: bool,
    /// How many findings block unless the plan is accepted.
    pub blocking: usize,
}

/// From where to where a plan leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    pub base: CatalogFingerprint,
    pub target: CatalogFingerprint,
    /// What was left out of both catalogs, as `exclude` has it.
    pub exclude: Vec<String>,
}

/// Why a file is not a saved plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SavedError {
    #[error(
        "it is not a saved plan: its first line does not begin with `{HEAD}`; save one with `schemaproof plan --format sql \
         --out FILE`, and without `--no-proof`"
    )]
    NotSaved,
    #[error("it is a saved plan of version {0}, and this schemaproof reads version {VERSION}: use the release that saved it")]
    Version(u32),
    #[error("it is cut off: its last line is not `{END}…`; save the plan again")]
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
const HEAD: &str = "--@ schemaproof plan ";
const GROUP: &str = "--@ group ";
const STEP: &str = "--@ step ";
const END: &str = "--@ end ";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    fingerprint: String,
    base: String,
    target: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<String>,
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
    /// The file. `comments` are lines for people, put after the first line as comments: the caller sees to it that each is one line.
    pub fn write(&self, comments: &[String]) -> String {
        let head = Head {
            fingerprint: self.plan.fingerprint().as_str().into(),
            base: self.ends.base.to_string(),
            target: self.ends.target.to_string(),
            exclude: self.ends.exclude.clone(),
            proven: self.proven,
            blocking: self.blocking,
        };
        let mut out = format!("{HEAD}{VERSION} {}\n", json(&head));
        for comment in comments {
            out.push_str(&format!("-- {comment}\n"));
        }
        if self.plan.is_online() {
            out.push_str(online::PREAMBLE);
        }
        for group in self.plan.steps.chunk_by(|a, b| a.group == b.group) {
            let Some(first) = group.first() else { continue };
            let how = if first.transactional { "transaction" } else { "alone" };
            out.push_str(&format!("\n{GROUP}{} {how}\n", first.group));
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
                out.push_str(&format!("{STEP}{}\n{};\n", json(&head), step.sql));
            }
            if transaction {
                out.push_str("COMMIT;\n");
            }
        }
        out.push('\n');
        let hash = hash(&out);
        out.push_str(&format!("{END}{hash}\n"));
        out
    }

    /// Reads a file that [`Saved::write`] wrote, and nothing else.
    ///
    /// # Errors
    /// When it is not exactly such a file.
    pub fn read(text: &str) -> Result<Saved, SavedError> {
        let rest = text.strip_prefix(HEAD).ok_or(SavedError::NotSaved)?;
        let (version, _) = rest.split_once(' ').ok_or(SavedError::NotSaved)?;
        let version: u32 = version.parse().map_err(|_| SavedError::NotSaved)?;
        if version != VERSION {
            return Err(SavedError::Version(version));
        }
        let whole = text.strip_suffix('\n').ok_or(SavedError::CutOff)?;
        let body = whole.rfind('\n').map(|at| &text[..=at]).ok_or(SavedError::CutOff)?;
        let told = whole[body.len()..].strip_prefix(END).ok_or(SavedError::CutOff)?;
        if told != hash(body) {
            return Err(SavedError::Altered);
        }
        Reader { text: body, at: 0 }.read()
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
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Saved, SavedError> {
        let head = self.line().unwrap_or_default();
        let head = head.strip_prefix(HEAD).and_then(|rest| rest.split_once(' ')).map(|(_, json)| json).unwrap_or_default();
        let head: Head = serde_json::from_str(head).map_err(|_| self.unexpected("the plan's fingerprints as JSON"))?;
        let print = |text: &str| CatalogFingerprint::parse(text).ok_or(self.unexpected("a catalog's fingerprint"));
        let ends = Ends { base: print(&head.base)?, target: print(&head.target)?, exclude: head.exclude };
        while self.peek().starts_with("-- ") {
            self.line();
        }
        let mut plan = Plan::default();
        loop {
            self.expect("", "an empty line")?;
            if self.at == self.text.len() {
                break;
            }
            self.group(&mut plan)?;
        }
        if plan.fingerprint().as_str() != head.fingerprint {
            return Err(SavedError::Altered);
        }
        Ok(Saved { plan, ends, proven: head.proven, blocking: head.blocking })
    }

    fn group(&mut self, plan: &mut Plan) -> Result<(), SavedError> {
        const WANTED: &str = "`--@ group NUMBER transaction` or `--@ group NUMBER alone`";
        let told = self.line().and_then(|line| line.strip_prefix(GROUP)).and_then(|rest| rest.split_once(' '));
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
        while let Some(head) = self.peek().strip_prefix(STEP) {
            self.line();
            let head: StepHead = serde_json::from_str(head).map_err(|_| self.unexpected("a step's length and origin as JSON"))?;
            let end = self.at.checked_add(head.bytes).ok_or(self.unexpected("a length within the file"))?;
            let sql = self.text.get(self.at..end).ok_or(self.unexpected("a length within the file"))?;
            self.at = end;
            self.expect(";", "a semicolon after the statement")?;
            let sql = sql.to_string();
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
        let ends = Ends { base: print.clone(), target: print, exclude: vec!["ag_catalog.*".into()] };
        Saved { plan: Plan { steps }, ends, proven: true, blocking: 2 }
    }

    #[test]
    fn a_saved_plan_reads_back_as_it_was() {
        let text = saved().write(&["for people".into(), "--@ group 9 alone".into()]);
        assert_eq!(Saved::read(&text).unwrap(), saved());
        let nothing = Saved { plan: Plan::default(), ..saved() };
        assert_eq!(Saved::read(&nothing.write(&[])).unwrap(), nothing);
    }

    #[test]
    fn the_script_is_that_of_the_plan() {
        let lines = |text: &str| {
            let kept = text.lines().filter(|line| !line.is_empty() && !line.starts_with("--"));
            kept.map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(lines(&saved().write(&[])), lines(&saved().plan.to_sql()));
    }

    #[test]
    fn any_other_byte_is_refused() {
        let text = saved().write(&[]);
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
        let text = saved().write(&[]);
        let body = &text[..text.rfind(END).unwrap()];
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
            let other = format!("{other}{END}{}\n", hash(&other));
            assert!(Saved::read(&other).is_err(), "{from} -> {to}");
        }
    }
}
