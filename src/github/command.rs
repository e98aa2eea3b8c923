//! What a comment on a pull request asks for.
//!
//! Markdown is read as GitHub reads it (CommonMark with its extensions), by pulldown-cmark. Whether who asks may is not known here.

use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::plan::rename::asked::Asked;

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Accept {
        fingerprint: String,
        reason: Option<String>,
    },
    /// The new name keeps the old one's data. Nobody is named in it yet.
    Rename(Asked),
    /// Say what a rule is about.
    Explain(String),
    /// Run again.
    Recheck,
    /// Anything else after `/schemaproof`.
    Unknown(String),
}

impl Command {
    /// Whether it counts only when somebody with the policy's permission says it.
    pub fn needs_right(&self) -> bool {
        matches!(self, Command::Accept { .. } | Command::Rename(_))
    }
}

/// The commands in a comment's text. A command is a line of a paragraph that stands in nothing else: what is quoted, in a list, a table or
/// a footnote, in code, in a link or an emphasis, or hidden in an HTML comment is no command, and neither is what comes after other HTML.
pub fn commands(body: &str) -> Vec<Command> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    let mut lines = Lines { body, line: None, hidden: false, found: Vec::new() };
    // How deep the event is in tags, and whether the outermost is a paragraph.
    let (mut depth, mut paragraph, mut html) = (0_usize, false, None);
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                match (depth, &tag) {
                    (0, Tag::Paragraph) => (paragraph, lines.line) = (true, Some(Line::Expected)),
                    (0, Tag::HtmlBlock) => html = Some(range.start),
                    (1, _) if paragraph => lines.begin(range.start, false),
                    _ => {}
                }
                depth += 1;
            }
            Event::End(_) => {
                depth -= 1;
                if depth == 0 {
                    if std::mem::take(&mut paragraph) {
                        lines.end(range.end);
                    }
                    if let Some(start) = html.take() {
                        lines.hidden |= !is_comment(&body[start..range.end]);
                    }
                }
            }
            Event::SoftBreak | Event::HardBreak if depth == 1 && paragraph => {
                lines.end(range.start);
                lines.line = Some(Line::Expected);
            }
            // Whatever else may be in it, HTML hides what comes after it, or may.
            Event::Html(_) | Event::InlineHtml(_) => {
                lines.begin(range.start, false);
                lines.hidden |= html.is_none() && !is_comment(&body[range]);
            }
            event if depth == 1 && paragraph => lines.begin(range.start, matches!(event, Event::Text(_))),
            _ => {}
        }
    }
    lines.found
}

/// The lines of the paragraphs of a comment, one after the other.
struct Lines<'a> {
    body: &'a str,
    line: Option<Line>,
    /// Whether what comes now may not be seen by a reader.
    hidden: bool,
    found: Vec<Command>,
}

#[derive(Clone, Copy)]
enum Line {
    Expected,
    Begun { start: usize, may_be_command: bool },
}

impl Lines<'_> {
    /// The first thing of a line, at this place.
    fn begin(&mut self, start: usize, plain: bool) {
        if matches!(self.line, Some(Line::Expected)) {
            // Whoever writes a backslash before it means the words, not the command.
            let is_said = self.body[start..].starts_with('/') && !self.body[..start].ends_with('\\');
            let may_be_command = plain && !self.hidden && is_said;
            self.line = Some(Line::Begun { start, may_be_command });
        }
    }

    fn end(&mut self, end: usize) {
        let Some(Line::Begun { start, may_be_command }) = self.line.take() else { return };
        let text = self.body.get(start..end).unwrap_or_default();
        if may_be_command {
            self.found.extend(command(text.lines().next().unwrap_or_default().trim()));
        }
        // An HTML comment that does not end is text to CommonMark, and a comment to those who are less exact.
        self.hidden |= text.contains("<!--") && !is_comment(&text[text.find("<!--").unwrap_or_default()..]);
    }
}

/// Whether HTML is nothing but comments that end.
fn is_comment(html: &str) -> bool {
    let mut rest = html.trim();
    while let Some(after) = rest.strip_prefix("<!--").and_then(|inside| inside.split_once("-->")) {
        rest = after.1.trim();
    }
    rest.is_empty()
}

fn command(line: &str) -> Option<Command> {
    let rest = line.strip_prefix("/schemaproof")?;
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let mut words = rest.split_whitespace();
    let unknown = || Some(Command::Unknown(rest.trim().chars().take(100).collect()));
    if words.clone().next() == Some("rename") {
        let names = rest.trim_start().strip_prefix("rename").unwrap_or_default().replace('`', "");
        return Asked::parse(&names, "").map(Command::Rename).or_else(unknown);
    }
    match (words.next(), words.next()) {
        (Some("accept"), Some(fingerprint)) => {
            let fingerprint = fingerprint.trim_matches('`').to_string();
            let reason = words.collect::<Vec<_>>().join(" ");
            Some(Command::Accept { fingerprint, reason: Some(reason).filter(|reason| !reason.is_empty()) })
        }
        (Some("recheck"), None) => Some(Command::Recheck),
        (Some("explain"), Some(rule)) if words.next().is_none() => {
            Some(Command::Explain(rule.trim_matches('`').chars().take(100).collect()))
        }
        _ => unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(body: &str) -> Vec<String> {
        let fingerprint = |command| match command {
            Command::Accept { fingerprint, .. } => Some(fingerprint),
            _ => None,
        };
        commands(body).into_iter().filter_map(fingerprint).collect()
    }

    #[test]
    fn a_command_on_a_line_of_its_own_counts() {
        let accept = |reason: Option<&str>| Command::Accept { fingerprint: "b7f3·91c2".into(), reason: reason.map(String::from) };
        assert_eq!(commands("/schemaproof accept b7f3·91c2"), [accept(None)]);
        assert_eq!(
            commands("fine with me\n\n  /schemaproof accept b7f3·91c2  rebuilt nightly \r\n"),
            [accept(Some("rebuilt nightly"))]
        );
        assert_eq!(commands("fine with me:\n/schemaproof accept `b7f3·91c2`"), [accept(None)]);
        assert_eq!(commands("/schemaproof recheck"), [Command::Recheck]);
        assert_eq!(commands("/schemaproof explain `drop-column`"), [Command::Explain("drop-column".into())]);
        assert_eq!(commands("/schemaproof explain"), [Command::Unknown("explain".into())]);
        let asked = Asked { by: String::new(), from: vec!["t".into(), "Old".into()], to: "new".into() };
        assert_eq!(commands("/schemaproof rename `t.\"Old\"` to `new`"), [Command::Rename(asked)]);
        assert_eq!(commands("/schemaproof rename t.old"), [Command::Unknown("rename t.old".into())]);
        assert_eq!(commands("/schemaproof accept"), [Command::Unknown("accept".into())]);
    }

    #[test]
    fn what_is_not_plainly_said_does_not_count() {
        for body in [
            "please write /schemaproof accept abc",
            "> /schemaproof accept abc",
            "> they said\n/schemaproof accept abc",
            "    /schemaproof accept abc",
            "\t/schemaproof accept abc",
            "```\n/schemaproof accept abc\n```",
            "````\n```\n/schemaproof accept abc\n````",
            "~~~sql\n/schemaproof accept abc",
            "- ```\n  /schemaproof accept abc\n  ```",
            "`\n/schemaproof accept abc\n`",
            "<!--\n/schemaproof accept abc\n-->",
            "x <!-- y\n/schemaproof accept abc",
            "<!-- a --> <!--\n/schemaproof accept abc",
            "<pre>\n\n/schemaproof accept abc\n</pre>",
            "<!-- /schemaproof accept abc -->",
            "- ```\n\n  /schemaproof accept abc\n  ```",
            "- > they said\n/schemaproof accept abc",
            "1. > they said\n\n   /schemaproof accept abc",
            "- they said\n\n  /schemaproof accept abc",
            "> [!NOTE]\n> /schemaproof accept abc",
            "<blockquote>\n\n/schemaproof accept abc\n\n</blockquote>",
            "<details><summary>x</summary>\n\n/schemaproof accept abc\n\n</details>",
            "<div hidden>\n\n/schemaproof accept abc",
            "<p title='\n\n/schemaproof accept abc\n\n'>",
            "see <span title='\n/schemaproof accept abc\n'>this</span>",
            "see <b>this</b>\n/schemaproof accept abc",
            "[x]: /u '\n/schemaproof accept abc\n'",
            "![\n/schemaproof accept abc\n](x)",
            "[\n/schemaproof accept abc\n](x)",
            "~~x\n/schemaproof accept abc~~",
            "**x\n/schemaproof accept abc**",
            "~~/schemaproof accept abc~~",
            "`/schemaproof accept abc`",
            "``x\n/schemaproof accept abc\n``",
            "$$\n/schemaproof accept abc\n$$",
            "[^1]: /schemaproof accept abc",
            "# /schemaproof accept abc",
            "/schemaproof accept abc\n===",
            "|a|\n|-|\n|/schemaproof accept abc|",
            "&#47;schemaproof accept abc",
            "\u{200b}/schemaproof accept abc",
            "\u{202e}/schemaproof accept abc",
            "/\u{441}chemaproof accept abc",
            "/SCHEMAPROOF accept abc",
            "<!--\r\n/schemaproof accept abc\r\n-->",
            "<?\n/schemaproof accept abc\n?>",
            "<![CDATA[\n/schemaproof accept abc\n]]>",
            "<script>\n/schemaproof accept abc\n</script>",
            "<x-y a='\n/schemaproof accept abc\n'>",
            "/schemaproofaccept abc",
            "/schemaproof-accept abc",
            "* /schemaproof accept abc",
            "\\/schemaproof accept abc",
        ] {
            assert_eq!(accepts(body), [""; 0], "{body:?}");
        }
    }

    #[test]
    fn a_code_block_that_ends_hides_nothing_after_it() {
        assert_eq!(accepts("```\n/schemaproof accept no\n```\n/schemaproof accept yes"), ["yes"]);
        assert_eq!(accepts("<!-- hidden -->\n\n/schemaproof accept yes"), ["yes"]);
        assert_eq!(accepts("looks *good*\n/schemaproof accept yes since `x` is *unused*\nthanks <b>all</b>"), ["yes"]);
        assert_eq!(accepts("> quoted\n\n/schemaproof accept yes\n\n> more"), ["yes"]);
        assert_eq!(accepts("- a\n- b\n\n/schemaproof accept yes  \nfine"), ["yes"]);
    }
}
