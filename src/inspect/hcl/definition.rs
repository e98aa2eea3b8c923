//! What Postgres prints of a constraint, an index, a routine or a trigger, taken apart.
//!
//! Only for what `pg_get_…def` prints, whose forms are few and fixed; whatever is left over makes the whole unreadable (`None`), and the
//! object is then said to be left out. It is not a parser of SQL.

/// The rest of a definition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a>(pub &'a str);

impl<'a> Rest<'a> {
    fn trimmed(&self) -> &'a str {
        self.0.trim_start()
    }

    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// Takes these words, in capitals as Postgres prints them.
    pub fn word(&mut self, word: &str) -> bool {
        let Some(rest) = self.trimmed().strip_prefix(word) else { return false };
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return false;
        }
        self.0 = rest;
        true
    }

    /// The text in parentheses that comes next.
    pub fn parenthesis(&mut self) -> Option<&'a str> {
        let text = self.trimmed();
        let length = balanced(text)?;
        self.0 = &text[length..];
        Some(&text[1..length - 1])
    }

    /// A name, without its quotes.
    pub fn name(&mut self) -> Option<String> {
        let text = self.trimmed();
        if let Some(inner) = text.strip_prefix('"') {
            let mut end = 0;
            loop {
                end += inner.get(end..)?.find('"')?;
                if inner.get(end + 1..)?.starts_with('"') {
                    end += 2;
                    continue;
                }
                self.0 = &inner[end + 1..];
                return Some(inner[..end].replace("\"\"", "\""));
            }
        }
        let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).unwrap_or(text.len());
        self.0 = &text[end..];
        Some(text[..end].to_string()).filter(|name| !name.is_empty())
    }

    /// `schema.name`.
    pub fn qualified(&mut self) -> Option<(String, String)> {
        let schema = self.name()?;
        self.0 = self.0.strip_prefix('.')?;
        Some((schema, self.name()?))
    }

    /// A function's name: one that the server prints without a schema is its own.
    pub fn function(&mut self) -> Option<(String, String)> {
        let first = self.name()?;
        match self.0.strip_prefix('.') {
            Some(rest) => {
                self.0 = rest;
                Some((first, self.name()?))
            }
            None => Some(("pg_catalog".to_owned(), first)),
        }
    }

    /// What stands before the next space outside of quotes and parentheses.
    pub fn token(&mut self) -> Option<&'a str> {
        let text = self.trimmed();
        let end = top(text).find(|(_, letter)| letter.is_whitespace()).map_or(text.len(), |(at, _)| at);
        self.0 = &text[end..];
        Some(&text[..end]).filter(|token| !token.is_empty())
    }
}

/// The letters of a text that stand outside of quotes and parentheses, with their offsets; an opening parenthesis is outside, a closing
/// one too.
fn top(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let (mut depth, mut quote) = (0_usize, None);
    text.char_indices().filter(move |(_, letter)| match (quote, letter) {
        (Some(open), letter) => {
            if open == *letter {
                quote = None;
            }
            false
        }
        (None, '\'' | '"') => {
            quote = Some(*letter);
            false
        }
        (None, '(' | '[') => {
            depth += 1;
            depth == 1
        }
        (None, ')' | ']') => {
            depth = depth.saturating_sub(1);
            depth == 0
        }
        (None, _) => depth == 0,
    })
}

/// Length of the parenthesis that a text begins with.
fn balanced(text: &str) -> Option<usize> {
    text.starts_with('(').then_some(())?;
    top(text).find(|(_, letter)| *letter == ')').map(|(at, _)| at + 1)
}

/// The parts between commas that stand outside of quotes and parentheses.
pub(super) fn parts(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, _) in top(text).filter(|(_, letter)| *letter == ',') {
        parts.push(text[from..at].trim());
        from = at + 1;
    }
    parts.push(text[from..].trim());
    parts
}

/// Names between commas.
pub(super) fn names(text: &str) -> Option<Vec<String>> {
    parts(text)
        .into_iter()
        .map(|part| {
            let mut rest = Rest(part);
            let name = rest.name()?;
            rest.is_empty().then_some(name)
        })
        .collect()
}

/// A string constant's text; none for what is not just one. The server never writes it with escapes (`simple_quote_literal` in ruleutils.c).
pub(super) fn constant(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.replace("''", "").contains('\'')).then(|| inner.replace("''", "'"))
}

/// `DEFERRABLE INITIALLY DEFERRED` and its like.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Deferrable {
    pub deferrable: bool,
    pub initially: bool,
}

pub(super) fn deferrable(rest: &mut Rest<'_>) -> Deferrable {
    rest.word("NOT DEFERRABLE");
    let deferrable = rest.word("DEFERRABLE");
    let initially = rest.word("INITIALLY DEFERRED");
    rest.word("INITIALLY IMMEDIATE");
    Deferrable { deferrable, initially }
}

/// One element of an index, an exclusion or a partition key.
#[derive(Debug, Default)]
pub(super) struct Element<'a> {
    pub column: Option<String>,
    pub expression: Option<&'a str>,
    pub collation: Option<&'a str>,
    pub class: Option<&'a str>,
    pub descending: bool,
    pub nulls_first: bool,
    pub nulls_last: bool,
    /// `WITH =` of an exclusion.
    pub operator: Option<&'a str>,
}

pub(super) fn element(text: &str) -> Option<Element<'_>> {
    let mut rest = Rest(text);
    let mut element = Element::default();
    if rest.trimmed().starts_with('(') {
        element.expression = Some(rest.parenthesis()?);
    } else {
        let before = rest.trimmed();
        let name = rest.name()?;
        if rest.0.starts_with(['(', '.']) {
            // A call: up to the end of its parenthesis.
            while rest.0.starts_with('.') {
                rest.0 = &rest.0[1..];
                rest.name()?;
            }
            rest.parenthesis()?;
            element.expression = Some(&before[..before.len() - rest.0.len()]);
        } else {
            element.column = Some(name);
        }
    }
    if rest.word("COLLATE") {
        element.collation = Some(rest.token()?);
    }
    loop {
        if rest.is_empty() {
            return Some(element);
        }
        if rest.word("DESC") {
            element.descending = true;
        } else if rest.word("NULLS FIRST") {
            element.nulls_first = true;
        } else if rest.word("NULLS LAST") {
            element.nulls_last = true;
        } else if rest.word("WITH") {
            element.operator = Some(rest.token()?);
        } else if element.class.is_none() {
            let before = rest.trimmed();
            rest.token()?;
            if rest.trimmed().starts_with('(') {
                rest.parenthesis()?;
            }
            element.class = Some(before[..before.len() - rest.0.len()].trim());
        } else {
            return None;
        }
    }
}

/// A routine as `pg_get_functiondef` prints it.
#[derive(Debug, Default)]
pub(super) struct Routine<'a> {
    pub arguments: &'a str,
    pub returns: Option<&'a str>,
    pub language: String,
    pub options: Vec<&'a str>,
    /// Names and values of settings.
    pub settings: Vec<(String, &'a str)>,
    pub body: String,
}

pub(super) fn routine(text: &str) -> Option<Routine<'_>> {
    let mut rest = Rest(text);
    let kind = ["CREATE OR REPLACE FUNCTION", "CREATE OR REPLACE PROCEDURE"].into_iter().any(|words| rest.word(words));
    kind.then_some(())?;
    rest.qualified()?;
    let mut routine = Routine { arguments: rest.parenthesis()?, ..Routine::default() };
    let mut lines = rest.0;
    loop {
        lines = lines.strip_prefix('\n')?;
        let (line, after) = lines.split_once('\n').unwrap_or((lines, ""));
        if line.starts_with("AS ") || line.starts_with("BEGIN ATOMIC") || line.starts_with("RETURN ") {
            break;
        }
        let mut rest = Rest(line);
        if rest.word("RETURNS") {
            routine.returns = Some(rest.trimmed());
        } else if rest.word("LANGUAGE") {
            routine.language = rest.name()?;
            rest.is_empty().then_some(())?;
        } else if rest.word("SET") {
            let name = rest.token()?.to_string();
            rest.word("TO").then_some(())?;
            routine.settings.push((name, rest.trimmed()));
        } else {
            routine.options.extend(line.split_whitespace());
        }
        lines = &lines[line.len()..];
        if after.is_empty() && lines.len() <= 1 {
            return None;
        }
    }
    routine.body = match lines.strip_prefix("AS ") {
        None => lines.to_string(),
        Some(quoted) => {
            let end = quoted.strip_prefix('$')?.find('$')? + 2;
            let (tag, body) = quoted.split_at(end);
            body.trim_end().strip_suffix(tag)?.to_string()
        }
    };
    Some(routine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_apart() {
        let one = element("lower((\"Odd Name\")::text) COLLATE \"C\" text_pattern_ops DESC NULLS LAST").unwrap();
        assert_eq!(one.expression, Some("lower((\"Odd Name\")::text)"));
        assert_eq!(
            (one.collation, one.class, one.descending, one.nulls_last),
            (Some("\"C\""), Some("text_pattern_ops"), true, true)
        );
        let two = element("\"a \"\"b\" gist_trgm_ops (siglen='32')").unwrap();
        assert_eq!((two.column.as_deref(), two.class), (Some("a \"b"), Some("gist_trgm_ops (siglen='32')")));
        assert_eq!(element("during WITH &&").unwrap().operator, Some("&&"));
        assert!(element("a b c").is_none());
    }

    #[test]
    fn commas_in_quotes_and_parentheses_separate_nothing() {
        assert_eq!(parts("a, f(b, c), 'd, e', \"f, g\""), ["a", "f(b, c)", "'d, e'", "\"f, g\""]);
        assert_eq!(constant("'it''s'").as_deref(), Some("it's"));
        assert_eq!(constant("'a' || 'b'"), None);
    }

    #[test]
    fn a_function_is_taken_apart() {
        let text = "CREATE OR REPLACE FUNCTION public.f(a integer DEFAULT 1)\n RETURNS SETOF text\n LANGUAGE plpgsql\n STABLE STRICT\n SET \
                    search_path TO 'public', 'x'\nAS $function$\nbegin\n return;\nend $function$";
        let routine = routine(text).unwrap();
        assert_eq!((routine.arguments, routine.returns), ("a integer DEFAULT 1", Some("SETOF text")));
        assert_eq!(routine.options, ["STABLE", "STRICT"]);
        assert_eq!(routine.settings, [("search_path".to_string(), "'public', 'x'")]);
        assert_eq!(routine.body, "\nbegin\n return;\nend ");
    }
}
