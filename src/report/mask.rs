//! Secrets out of free text: the last net under what planners mask themselves.
//!
//! Works on text of any language (SQL, connection strings, messages), so it masks too much rather than too little. Nothing is
//! decided with it.

use crate::proof::SqlError;

const MASK: &str = "********";

/// The text with passwords of URLs (`scheme://user:password@`), and values that follow the words `password`, `passwd`, `secret` or
/// `token` masked.
pub fn text(text: &str) -> String {
    mask_words(&mask_urls(text))
}

/// Message, detail and hint of an error masked.
pub fn sql_error(error: SqlError) -> SqlError {
    SqlError {
        message: text(&error.message),
        detail: error.detail.as_deref().map(text),
        hint: error.hint.as_deref().map(text),
        ..error
    }
}

fn mask_urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let authority_end =
            after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '\'' | '"' | '`')).unwrap_or(after.len());
        let (authority, tail) = after.split_at(authority_end);
        match authority.rsplit_once('@') {
            Some((user, host)) => {
                let name = user.split_once(':').map(|(name, _)| format!("{name}:{MASK}")).unwrap_or_else(|| user.to_string());
                out.push_str(&name);
                out.push('@');
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn mask_words(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some((start, end)) = next_secret(&lower, text, at) {
        out.push_str(&text[at..start]);
        out.push_str(MASK);
        at = end;
    }
    out.push_str(&text[at..]);
    out
}

/// The next value after a word that announces a secret: quoted, or after `=`.
fn next_secret(lower: &str, text: &str, from: usize) -> Option<(usize, usize)> {
    let mut found = None;
    for word in ["password", "passwd", "secret", "token"] {
        let mut search = from;
        while let Some(at) = lower[search..].find(word).map(|at| at + search + word.len()) {
            search = at;
            if let Some(span) = value_at(text, at) {
                if found.is_none_or(|(start, _)| span.0 < start) {
                    found = Some(span);
                }
                break;
            }
        }
    }
    found
}

/// The span of the value at this place: `'…'`, `"…"` or, after `=`, up to a space.
fn value_at(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    let trimmed = rest.trim_start();
    let mut start = at + rest.len() - trimmed.len();
    let equals = trimmed.strip_prefix(['=', ':']);
    let value = match equals {
        Some(after) => {
            let value = after.trim_start();
            start += trimmed.len() - value.len();
            value
        }
        None => trimmed,
    };
    let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'));
    match quote {
        Some(quote) => {
            let inner = &value[1..];
            let mut end = 0;
            while let Some(at) = inner[end..].find(quote).map(|at| at + end) {
                if inner[at + 1..].starts_with(quote) {
                    end = at + 2;
                } else {
                    return (at > 0).then_some((start + 1, start + 1 + at));
                }
            }
            (!inner.is_empty()).then_some((start + 1, text.len()))
        }
        None => {
            equals?;
            let end =
                value.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ',' | ';' | ')' | '&')).unwrap_or(value.len());
            (end > 0).then_some((start, start + end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (plain, masked) in [
            ("postgres://app:hunter2@db/app?x=1", "postgres://app:********@db/app?x=1"),
            (
                "CREATE USER MAPPING … OPTIONS (user 'bob', password 'it''s')",
                "CREATE USER MAPPING … OPTIONS (user 'bob', password '********')",
            ),
            ("host=db password=hunter2 dbname=app", "host=db password=******** dbname=app"),
            ("CREATE ROLE a PASSWORD 'x' LOGIN", "CREATE ROLE a PASSWORD '********' LOGIN"),
            ("password_hash text", "password_hash text"),
            ("https://github.com/a/b", "https://github.com/a/b"),
            ("PASSWORD 'open", "PASSWORD '********"),
        ] {
            assert_eq!(text(plain), masked);
        }
    }
}
