//! The two judges of a replay's end: `pg_dump --schema-only` of the server's own installation, and our own catalog reading.
//! Pure: what is judged is handed in.

use std::collections::BTreeMap;

use super::{Difference, Judgement};
use crate::catalog::{self, Action, Catalog};

/// Compares the dumps of the replay's end and of the target. What is not schema does not count: comments, `\restrict` tokens, the
/// order of objects and of the privileges on one. The order of columns is answered apart: no ALTER can mend it.
pub fn by_pg_dump(end: &str, target: &str) -> (Judgement, Vec<String>) {
    let (end, target) = (Dump::read(end), Dump::read(target));
    let mut differences = Vec::new();
    let mut column_order = Vec::new();
    let names: std::collections::BTreeSet<_> = end.0.keys().chain(target.0.keys()).collect();
    for name in names {
        let empty = Vec::new();
        let (has, wants) = (end.0.get(name).unwrap_or(&empty), target.0.get(name).unwrap_or(&empty));
        if has == wants || is_privileges(name) && sorted_lines(has) == sorted_lines(wants) {
            continue;
        }
        if in_any_order(has) == in_any_order(wants) {
            column_order.push(name.clone());
            continue;
        }
        let detail = match (has.is_empty(), wants.is_empty()) {
            (true, _) => format!("is missing:\n{}", wants.join("\n")),
            (_, true) => format!("should not be there:\n{}", has.join("\n")),
            _ => lines_that_differ(&has.join("\n"), &wants.join("\n")),
        };
        differences.push(Difference { object: name.clone(), detail });
    }
    (Judgement { equal: differences.is_empty(), differences, unable: None }, column_order)
}

/// Compares what our own reader sees.
pub fn by_catalog(end: &Catalog, target: &Catalog) -> Judgement {
    let differences: Vec<Difference> = catalog::compare(end, target)
        .into_iter()
        .map(|change| {
            let detail = match change.action {
                Action::Create => "is missing".to_string(),
                Action::Drop => "should not be there".to_string(),
                _ => change.attributes.iter().map(|attribute| attribute.to_string()).collect::<Vec<_>>().join("\n"),
            };
            Difference { object: format!("{} {}", change.object.kind, change.object), detail }
        })
        .collect();
    Judgement { equal: differences.is_empty(), differences, unable: None }
}

/// The judgement of a judge that could not judge.
pub fn unable(why: impl Into<String>) -> Judgement {
    Judgement { equal: false, differences: Vec::new(), unable: Some(why.into()) }
}

/// A dump's statements by the object they belong to, as pg_dump's own table of contents names it.
struct Dump(BTreeMap<String, Vec<String>>);

impl Dump {
    /// Every entry of a dump begins with `--`, `-- Name: …; Type: …; Schema: …; Owner: …`, `--`
    /// (`_printTocEntry` in Postgres's pg_backup_archiver.c, which keeps line breaks out of the names).
    fn read(text: &str) -> Dump {
        let mut dump = Dump(BTreeMap::new());
        let mut object = String::new();
        // The defaults that stand for tables made after them.
        let mut defaults: BTreeMap<&str, &str> = BTreeMap::new();
        let mut lines = text.lines().peekable();
        let mut entry: Vec<&str> = Vec::new();
        let mut previous = "";
        while let Some(line) = lines.next() {
            if previous == "--" && line.starts_with("-- Name: ") && lines.peek() == Some(&"--") {
                dump.add(&object, &mut entry, &defaults);
                object = entry_name(line);
            } else if let Some((name, value)) = line.strip_prefix("SET default_").and_then(|rest| rest.split_once(" = ")) {
                defaults.insert(name, value);
            } else if line == "-- PostgreSQL database dump complete" {
                dump.add(&object, &mut entry, &defaults);
                object = String::new();
            } else if !object.is_empty() {
                entry.push(line);
            }
            previous = line;
        }
        dump.add(&object, &mut entry, &defaults);
        dump
    }

    fn add(&mut self, object: &str, entry: &mut Vec<&str>, defaults: &BTreeMap<&str, &str>) {
        // Blank lines and comment lines stand around the statements; inside, a function's body may have them too.
        while entry.last().is_some_and(|line| line.is_empty() || *line == "--" || line.starts_with("\\unrestrict")) {
            entry.pop();
        }
        let first = entry.iter().position(|line| !line.is_empty() && *line != "--").unwrap_or(entry.len());
        if first < entry.len() {
            let mut text = entry[first..].join("\n");
            if text.starts_with("CREATE TABLE")
                || text.starts_with("CREATE UNLOGGED TABLE")
                || text.starts_with("CREATE MATERIALIZED VIEW")
            {
                for (name, value) in defaults
                    .iter()
                    .filter(|(name, value)| **value != "''" && !(**name == "table_access_method" && **value == "heap;"))
                {
                    text.push_str(&format!("\n-- default_{name} = {value}"));
                }
            }
            let statements = self.0.entry(object.to_string()).or_default();
            statements.push(text);
            statements.sort();
        }
        entry.clear();
    }
}

/// `-- Name: a; Type: TABLE; Schema: public; Owner: x` -> `TABLE public.a`.
fn entry_name(line: &str) -> String {
    let rest = line.trim_start_matches("-- Name: ");
    let Some((name, rest)) = rest.rsplit_once("; Type: ") else { return rest.to_string() };
    let mut parts = rest.split("; ");
    let kind = parts.next().unwrap_or_default();
    let schema = parts.find_map(|part| part.strip_prefix("Schema: ")).unwrap_or("-");
    if schema == "-" { format!("{kind} {name}") } else { format!("{kind} {schema}.{name}") }
}

/// Whether an entry of a dump is the privileges on an object.
fn is_privileges(name: &str) -> bool {
    name.starts_with("ACL ") || name.starts_with("DEFAULT ACL ")
}

fn sorted_lines(statements: &[String]) -> Vec<&str> {
    let mut lines: Vec<&str> = statements.iter().flat_map(|text| text.lines()).collect();
    lines.sort_unstable();
    lines
}

/// The same with the lines between the parentheses of each CREATE TABLE sorted, and those about its columns after it.
fn in_any_order(statements: &[String]) -> Vec<String> {
    statements.iter().map(|text| if is_table(text) { sort_columns(text) } else { text.clone() }).collect()
}

fn is_table(text: &str) -> bool {
    ["CREATE TABLE ", "CREATE UNLOGGED TABLE ", "CREATE FOREIGN TABLE "].iter().any(|start| text.starts_with(start))
}

fn sort_columns(text: &str) -> String {
    let (mut sorted, mut columns) = (Vec::new(), Vec::new());
    for line in text.lines() {
        // pg_dump indents every column and table constraint by four spaces and nothing else of the statement. Storage, compression,
        // statistics targets and options of columns follow, a statement a line.
        if line.starts_with("    ") || line.starts_with("ALTER ") && line.contains(" ALTER COLUMN ") || line.is_empty() {
            columns.push(line.trim_end_matches(','));
        } else {
            columns.sort_unstable();
            sorted.append(&mut columns);
            sorted.push(line);
        }
    }
    sorted.append(&mut columns);
    sorted.join("\n")
}

/// `-` what the replay has, `+` what the target has.
fn lines_that_differ(has: &str, wants: &str) -> String {
    similar::TextDiff::from_lines(has, wants).unified_diff().context_radius(1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(entries: &[(&str, &str)]) -> String {
        let mut text = String::from(
            "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET default_tablespace = '';\n\nSET default_table_access_method = heap;\n\n",
        );
        for (name, sql) in entries {
            text.push_str(&format!("--\n-- Name: {name}; Owner: postgres\n--\n\n{sql}\n\n\n"));
        }
        text + "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n"
    }

    #[test]
    fn order_of_objects_and_tokens_do_not_count() {
        let a = ("a; Type: TABLE; Schema: public", "CREATE TABLE public.a (\n    x integer\n);");
        let b = ("b; Type: TABLE; Schema: public", "CREATE TABLE public.b (\n    x integer\n);");
        let (judgement, order) = by_pg_dump(&dump(&[a, b]), &dump(&[b, a]).replace("abc", "def"));
        assert!(judgement.equal && order.is_empty(), "{judgement:?}");
    }

    #[test]
    fn what_differs_is_named() {
        let a = ("a; Type: TABLE; Schema: public", "CREATE TABLE public.a (\n    x integer\n);");
        let wide = ("a; Type: TABLE; Schema: public", "CREATE TABLE public.a (\n    x bigint\n);");
        let f = ("f(); Type: FUNCTION; Schema: public", "CREATE FUNCTION public.f() RETURNS void\n\n--\n-- inside\n;");
        let (judgement, _) = by_pg_dump(&dump(&[a]), &dump(&[wide, f]));
        let names: Vec<_> = judgement.differences.iter().map(|difference| difference.object.as_str()).collect();
        assert_eq!(names, ["FUNCTION public.f()", "TABLE public.a"]);
        assert!(judgement.differences[1].detail.contains("-    x integer\n+    x bigint"));
    }

    #[test]
    fn the_order_of_grants_does_not_count() {
        let one = ("TABLE a; Type: ACL; Schema: public", "GRANT SELECT ON TABLE public.a TO x;\nGRANT ALL ON TABLE public.a TO y;");
        let two = ("TABLE a; Type: ACL; Schema: public", "GRANT ALL ON TABLE public.a TO y;\nGRANT SELECT ON TABLE public.a TO x;");
        let other = ("TABLE a; Type: ACL; Schema: public", "GRANT ALL ON TABLE public.a TO y;");
        assert!(by_pg_dump(&dump(&[one]), &dump(&[two])).0.equal);
        assert!(!by_pg_dump(&dump(&[one]), &dump(&[other])).0.equal);
    }

    #[test]
    fn the_order_of_columns_is_said_and_not_a_difference() {
        let one = ("a; Type: TABLE; Schema: public", "CREATE TABLE public.a (\n    x integer,\n    y text\n);");
        let two = ("a; Type: TABLE; Schema: public", "CREATE TABLE public.a (\n    y text,\n    x integer\n);");
        let (judgement, order) = by_pg_dump(&dump(&[one]), &dump(&[two]));
        assert!(judgement.equal);
        assert_eq!(order, ["TABLE public.a"]);
    }
}
