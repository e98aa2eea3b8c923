//! Hostile text made safe to show: in Markdown, HTML, a terminal, a workflow command, an address.
//!
//! Names, statements, comments, messages and file names of a pull request are written by strangers. Whatever they hold, they are
//! shown as text: they open no HTML, link nowhere, mention nobody, start no workflow command, and no character in them hides or
//! reorders others. Nothing is dropped without a trace.

use std::fmt::Write as _;

/// Breaks what a renderer would recognise (a mention, a link) without being seen.
const GAP: char = '\u{200b}';

/// Text on one line in which every character can be seen: control, bidirectional and invisible characters become their names.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('\u{23ce}'),
            '\t' | '\r' => out.push(' '),
            c => push_visible(&mut out, c),
        }
    }
    out
}

/// The same for text of several lines.
pub fn visible_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c => push_visible(&mut out, c),
        }
    }
    out
}

fn push_visible(out: &mut String, c: char) {
    let hidden = c.is_control()
        || matches!(c, '\u{61c}' | '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    if hidden {
        let _ = write!(out, "\u{2039}U+{:04X}\u{203a}", u32::from(c));
    } else {
        out.push(c);
    }
}

/// Text that Markdown shows as it is: nothing in it is markup, a link, a mention or a reference. One line.
pub fn markdown(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len() * 2);
    let mut before = ' ';
    // Lists, rules and headings start a line: nothing but digits and spaces before.
    let mut at_start = true;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let inside_word = before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' => out.push_str("&#124;"),
            '@' => {
                out.push('@');
                out.push(GAP);
            }
            '#' => {
                out.push_str("\\#");
                out.push(GAP);
            }
            '/' if before == ':' || before == '/' => {
                out.push(GAP);
                out.push('/');
            }
            '.' if before.eq_ignore_ascii_case(&'w') => {
                out.push(GAP);
                out.push('.');
            }
            '-' if before.eq_ignore_ascii_case(&'h') => {
                out.push('-');
                out.push(GAP);
            }
            '_' if inside_word => out.push('_'),
            '.' | '-' | '(' | ')' | '+' | '=' | ':' if !at_start => out.push(c),
            ',' | ';' | '/' | '?' | '\'' | '"' | '%' => out.push(c),
            c if c.is_ascii_punctuation() => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        at_start &= c.is_ascii_digit() || c.is_whitespace();
        before = c;
    }
    out
}

/// Our own sentences with other people's names between backticks -> Markdown: the names as code, the rest as text.
pub fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for (text, is_code) in segments(text) {
        if is_code {
            out.push_str(&code(text));
        } else {
            out.push_str(&markdown(text));
        }
    }
    out
}

/// Splits a message at its backticks; `true` is what stood between two. Without a partner a backtick is text.
pub fn segments(text: &str) -> Vec<(&str, bool)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        match after.split_once('`') {
            Some((inner, tail)) if !inner.is_empty() => {
                out.push((before, false));
                out.push((inner, true));
                rest = tail;
            }
            _ => break,
        }
    }
    out.push((rest, false));
    out.retain(|(text, _)| !text.is_empty());
    out
}

/// A code span.
pub fn code(text: &str) -> String {
    span(&visible(text))
}

/// Markdown made here -> the same in a table's cell. Only code spans hold bars: [`markdown`] writes them as entities.
pub fn cell(markdown: &str) -> String {
    // A backslash before a bar would escape the escape.
    markdown.replace("\\|", &format!("\\{GAP}|")).replace('|', "\\|")
}

fn span(text: &str) -> String {
    if text.trim().is_empty() {
        return "` `".into();
    }
    let fence = "`".repeat(longest_run(text, '`') + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A fenced block in a language (one word of ours), longer than any fence inside.
pub fn fence(language: &str, text: &str) -> String {
    let text = visible_lines(text);
    let fence = "`".repeat((longest_run(&text, '`') + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

fn longest_run(text: &str, wanted: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Text in HTML, also in an attribute's quotes.
pub fn html(text: &str) -> String {
    let text = visible_lines(text);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '`' => out.push_str("&#96;"),
            c => out.push(c),
        }
    }
    out
}

/// One line of text in HTML that stands in Markdown: it mentions nobody and refers to nothing either.
pub fn html_in_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        out.push_str(&html(c.encode_utf8(&mut [0; 4])));
        if matches!(c, '@' | '#' | '/') {
            out.push(GAP);
        }
    }
    out
}

/// One line for a terminal or a log: no control characters, and nothing that a runner takes for a command.
pub fn line(text: &str) -> String {
    let text = visible(text).replace("##[", &format!("#{GAP}#["));
    if text.trim_start().starts_with("::") { text.replacen("::", &format!(":{GAP}:"), 1) } else { text }
}

/// Data of a workflow command (`::error …::DATA`).
pub fn command_data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            c => push_visible(&mut out, c),
        }
    }
    // Runners still look for the older form of commands anywhere in a line.
    out.replace("##[", &format!("#{GAP}#["))
}

/// A property of a workflow command (`file=PROPERTY`).
pub fn command_property(text: &str) -> String {
    command_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A path in an address: every byte that is not plain is percent-encoded, `/` stays.
pub fn url_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => out.push(byte as char),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_survives_backticks_bars_and_newlines() {
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(cell(&code("a|b\nc")), "`a\\|b\u{23ce}c`");
        assert_eq!(code(""), "` `");
        assert_eq!(html_in_markdown("<b> @eve #1"), "&lt;b&gt; @\u{200b}eve #\u{200b}1");
    }

    #[test]
    fn what_hides_is_named() {
        assert_eq!(visible("a\u{202e}b\0c"), "a‹U+202E›b‹U+0000›c");
        assert_eq!(line("\u{1b}[31mred"), "‹U+001B›[31mred");
        assert_eq!(line("::error::x ##[group]"), ":\u{200b}:error::x #\u{200b}#[group]");
    }

    #[test]
    fn commands_and_addresses_are_encoded() {
        assert_eq!(command_property("a:b,c\n%"), "a%3Ab%2Cc%0A%25");
        assert_eq!(url_path("ä b/#?.sql"), "%C3%A4%20b/%23%3F.sql");
    }

    #[test]
    fn a_backtick_without_a_partner_is_text() {
        assert_eq!(segments("a `b` c ` d"), [("a ", false), ("b", true), (" c ` d", false)]);
        assert_eq!(prose("a `b` <c>"), "a `b` &lt;c&gt;");
    }
}
