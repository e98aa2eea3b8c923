//! What a step of a workflow hands on: outputs, the job summary, commands to the runner, files.
//!
//! Everything printed here may hold text of strangers, so commands are encoded and plain text is printed with commands switched
//! off. Which values there are is decided elsewhere.

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher as _, Hasher as _},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Bytes that the summary of one step may have ("Adding a job summary" in GitHub's documentation: 1 MiB).
pub const LONGEST_SUMMARY: u64 = 1 << 20;

/// Something that could not be handed on.
#[derive(Debug, thiserror::Error)]
#[error("cannot {attempt}: {source}")]
pub struct OutputError {
    attempt: String,
    source: io::Error,
}

fn failed(attempt: String) -> impl FnOnce(io::Error) -> OutputError {
    move |source| OutputError { attempt, source }
}

/// The files that the runner reads when the step has ended.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// `GITHUB_OUTPUT`.
    pub output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`.
    pub summary: Option<PathBuf>,
}

impl Outputs {
    /// Sets outputs of the step.
    ///
    /// # Errors
    /// When the runner's file cannot be written.
    pub fn set(&self, values: &[(&str, String)]) -> Result<(), OutputError> {
        let Some(path) = &self.output else { return Ok(()) };
        let mut text = String::new();
        for (name, value) in values {
            if !value.contains(['\n', '\r']) {
                text.push_str(&format!("{name}={value}\n"));
                continue;
            }
            let mut delimiter = random();
            while value.contains(&delimiter) {
                delimiter = random();
            }
            text.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
        }
        append(path, &text).map_err(failed(format!("set the step's outputs in `{}`", path.display())))
    }

    /// Adds Markdown to the job summary, the first of `texts` that fits.
    ///
    /// # Errors
    /// When the runner's file cannot be written.
    pub fn summarise(&self, texts: &[&str]) -> Result<(), OutputError> {
        let Some(path) = &self.summary else { return Ok(()) };
        let there = fs::metadata(path).map(|about| about.len()).unwrap_or_default();
        let fits = |text: &&&str| there + (text.len() as u64) < LONGEST_SUMMARY;
        let Some(text) = texts.iter().find(fits) else {
            tracing::warn!("the job summary has no room for the report");
            return Ok(());
        };
        append(path, &format!("{text}\n")).map_err(failed(format!("write the job summary to `{}`", path.display())))
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

/// A word that text from elsewhere cannot know: 128 random bits.
fn random() -> String {
    let word = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("schemaproof_{:016x}{:016x}", word(), word())
}

/// Files in a directory of ours that replaces whatever a checkout has put in its place. Links there are not followed.
///
/// # Errors
/// When the directory or a file cannot be written.
pub fn write_files(directory: &Path, files: &[(&str, &str)]) -> Result<(), OutputError> {
    let attempt = || format!("write the reports to `{}`", directory.display());
    if fs::symlink_metadata(directory).is_ok_and(|about| !about.is_dir()) {
        fs::remove_file(directory).map_err(failed(attempt()))?;
    }
    fs::create_dir_all(directory).map_err(failed(attempt()))?;
    for (name, text) in files {
        let path = directory.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(attempt())(error)),
            _ => {}
        }
        // `create_new` refuses a link that somebody puts there in between.
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed(attempt()))?;
        file.write_all(text.as_bytes()).and_then(|()| File::flush(&mut file)).map_err(failed(attempt()))?;
    }
    Ok(())
}

/// Commands to the runner, written to its log.
pub struct Log<W> {
    to: W,
}

impl<W: Write> Log<W> {
    pub fn new(to: W) -> Self {
        Log { to }
    }

    /// An annotation without a place: `error`, `warning` or `notice`.
    pub fn say(&mut self, level: &str, message: &str) {
        self.line(&format!("::{level}::{}", data(message)));
    }

    /// Has the runner replace a secret by `***` in everything that it shows from here on.
    pub fn mask(&mut self, secret: &str) {
        for line in secret.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(&format!("::add-mask::{}", data(line)));
        }
    }

    /// Text as it is, with no line of it taken for a command.
    pub fn plain(&mut self, text: &str) {
        let word = random();
        self.line(&format!("::stop-commands::{word}\n{text}\n::{word}::"));
    }

    /// A command that is encoded already.
    pub fn line(&mut self, line: &str) {
        // Nobody reads the log when it cannot be written; the exit code tells the rest.
        let _ = writeln!(self.to, "{line}").and_then(|()| self.to.flush());
    }
}

/// The message of a workflow command (`escapeData` in GitHub's toolkit).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn outputs_hold_any_text() {
        let directory = tempfile::tempdir().unwrap();
        let outputs = Outputs { output: Some(directory.path().join("output")), summary: None };
        outputs.set(&[("a", "one\nb<<EOF\nx\nEOF".into()), ("c", "d<<EOF".into())]).unwrap();
        let text = fs::read_to_string(directory.path().join("output")).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let delimiter = first.strip_prefix("a<<").unwrap();
        assert_eq!(rest, format!("one\nb<<EOF\nx\nEOF\n{delimiter}\nc=d<<EOF\n"));
    }

    #[test]
    fn the_summary_takes_what_fits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("summary");
        let outputs = Outputs { output: None, summary: Some(path.clone()) };
        let long = "x".repeat(1 << 20);
        outputs.summarise(&[&long, "short"]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short\n");
        outputs.summarise(&[&long]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short\n");
    }

    #[test]
    fn commands_from_elsewhere_do_not_reach_the_runner() {
        let mut bytes = Vec::new();
        let mut log = Log::new(&mut bytes);
        log.say("error", "100%\r\n::set-output name=x::y");
        log.mask("one\ntwo\n");
        log.plain("::error::hostile");
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "::error::100%25%0D%0A::set-output name=x::y");
        assert_eq!(&lines[1..3], ["::add-mask::one", "::add-mask::two"]);
        let word = lines[3].strip_prefix("::stop-commands::").unwrap();
        assert_eq!(&lines[4..], ["::error::hostile", &format!("::{word}::")]);
        assert!(word.len() > 32);
    }

    #[test]
    fn reports_are_not_written_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let victim = directory.path().join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("kept"), "kept").unwrap();
        let reports = directory.path().join("reports");
        symlink(&victim, &reports).unwrap();
        write_files(&reports, &[("report.md", "x")]).unwrap();
        assert!(!victim.join("report.md").exists());
        fs::remove_file(reports.join("report.md")).unwrap();
        symlink(victim.join("kept"), reports.join("report.md")).unwrap();
        write_files(&reports, &[("report.md", "x")]).unwrap();
        assert_eq!(fs::read_to_string(victim.join("kept")).unwrap(), "kept");
    }
}
