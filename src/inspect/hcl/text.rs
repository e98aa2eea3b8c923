//! HCL as text: blocks, attributes, strings, references.

use std::fmt::Write as _;

use crate::plan::readback::readable_back;

/// A file that is being written.
#[derive(Default)]
pub(super) struct Text {
    pub text: String,
    depth: usize,
}

impl Text {
    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }

    /// `kind "label" … {`, what `inside` writes, and `}`.
    pub fn block(&mut self, kind: &str, labels: &[&str], inside: impl FnOnce(&mut Text)) {
        self.indent();
        self.text.push_str(kind);
        for label in labels {
            let _ = write!(self.text, " {}", quoted(label));
        }
        self.text.push_str(" {\n");
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.indent();
        self.text.push_str("}\n");
    }

    /// `name = value`, the value as it is.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        self.indent();
        let _ = writeln!(self.text, "{name} = {}", value.as_ref());
    }

    pub fn set_some(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// `name = true`, or nothing.
    pub fn flag(&mut self, name: &str, set: bool) {
        if set {
            self.set(name, "true");
        }
    }

    /// A text of one line or several. Several lines that end with a line break are a heredoc, letter for letter.
    pub fn string(&mut self, name: &str, value: &str) {
        let awkward = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{feff}';
        if !value.ends_with('\n') || value.matches('\n').count() < 2 || value.contains(awkward) {
            return self.set(name, quoted(value));
        }
        let mut end = String::from("SQL");
        while value.lines().any(|line| line.trim() == end) {
            end.push('_');
        }
        self.indent();
        let _ = write!(self.text, "{name} = <<{end}\n{}{end}\n", templates(value));
    }

    /// What was written apart, one level deeper.
    pub fn lines(&mut self, text: &str) {
        for line in text.lines() {
            self.indent();
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// An empty line.
    pub fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }
}

fn templates(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// A string in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in templates(text).chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// An expression, as the server reads it back as it was, in quotes.
pub(super) fn expression(text: &str) -> String {
    quoted(&readable_back(text))
}

/// `sql("…")`.
pub(super) fn sql(text: &str) -> String {
    format!("sql({})", expression(text))
}

/// `kind.name`, or `kind["odd name"]`.
pub(super) fn reference(path: &[&str]) -> String {
    let mut out = String::new();
    for (at, name) in path.iter().enumerate() {
        let mut letters = name.chars();
        let plain = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        match (at, plain) {
            (0, _) => out.push_str(name),
            (_, true) => {
                let _ = write!(out, ".{name}");
            }
            (_, false) => {
                let _ = write!(out, "[{}]", quoted(name));
            }
        }
    }
    out
}

/// `[a, b]`.
pub(super) fn list(values: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", values.into_iter().collect::<Vec<_>>().join(", "))
}
