//! Writing names and literals into SQL.
//!
//! It does not read SQL.

use sha2::{Digest, Sha256};

use crate::{
    catalog::{Kind, Object, ObjectId},
    script::{quote_identifier, quote_literal},
};

/// Words that Postgres does not take as a column or table name without quotes (all but the unreserved ones of `kwlist.h`, 13 to 18).
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// An identifier, quoted where Postgres needs it (the rule of `quote_identifier`).
pub fn ident(name: &str) -> String {
    let mut letters = name.chars();
    let plain = letters.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if plain && KEYWORDS.binary_search(&name).is_err() { name.to_owned() } else { quote_identifier(name) }
}

/// A name for what is there only during the plan: told by its end, at most 63 bytes.
pub fn interim(name: &str, end: &str) -> String {
    let whole = format!("{name}__{end}");
    if whole.len() <= 63 {
        return whole;
    }
    // Long names with the same beginning stay apart.
    let digest = Sha256::digest(name.as_bytes());
    let end = format!("_{:02x}{:02x}{:02x}__{end}", digest[0], digest[1], digest[2]);
    let mut at = 63 - end.len();
    while !name.is_char_boundary(at) {
        at -= 1;
    }
    format!("{}{end}", &name[..at])
}

/// Identifiers joined by dots.
pub fn qualified<S: AsRef<str>>(path: &[S]) -> String {
    path.iter().map(|name| ident(name.as_ref())).collect::<Vec<_>>().join(".")
}

/// A string literal that means the same whatever `standard_conforming_strings` is.
pub fn literal(text: &str) -> String {
    quote_literal(text).trim_start().to_owned()
}

/// A text between dollar quotes that it does not hold itself.
pub fn dollars(text: &str) -> String {
    let mut tag = "$do$".to_owned();
    while text.contains(&tag) {
        tag.insert(1, 'x');
    }
    format!("{tag}{text}{tag}")
}

/// Identifiers in a list, without parentheses.
pub fn idents<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| ident(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// The name of an option, of which `name=value` or the name alone is given.
pub fn option_name(text: &str) -> &str {
    text.split_once('=').map_or(text, |(name, _)| name)
}

/// `name=value` as `pg_class.reloptions` has it, as it is written in `WITH (...)`.
pub fn option(text: &str) -> String {
    match text.split_once('=') {
        Some((name, value)) => {
            let name = qualified(&name.split('.').collect::<Vec<_>>());
            let bare = !value.is_empty()
                && value.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.')
                && (value.parse::<f64>().is_ok()
                    || matches!(value, "true" | "false" | "on" | "off" | "auto" | "local" | "cascaded"));
            if bare && value != "on" { format!("{name}={value}") } else { format!("{name}={}", literal(value)) }
        }
        None => qualified(&text.split('.').collect::<Vec<_>>()),
    }
}

/// The word for a kind of object in `ALTER ... OWNER TO`, `COMMENT ON ...` and `DROP ...`.
pub fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Database => "DATABASE",
        Kind::Role => "ROLE",
        Kind::Schema => "SCHEMA",
        Kind::Extension => "EXTENSION",
        Kind::Language => "LANGUAGE",
        Kind::AccessMethod => "ACCESS METHOD",
        Kind::Type | Kind::EnumValue => "TYPE",
        Kind::Domain => "DOMAIN",
        Kind::Sequence => "SEQUENCE",
        Kind::Table => "TABLE",
        Kind::ForeignTable => "FOREIGN TABLE",
        Kind::Column | Kind::Default => "COLUMN",
        Kind::Constraint => "CONSTRAINT",
        Kind::Index => "INDEX",
        Kind::View => "VIEW",
        Kind::MaterializedView => "MATERIALIZED VIEW",
        Kind::Function => "FUNCTION",
        Kind::Procedure => "PROCEDURE",
        Kind::Aggregate => "AGGREGATE",
        Kind::Trigger => "TRIGGER",
        Kind::EventTrigger => "EVENT TRIGGER",
        Kind::Rule => "RULE",
        Kind::Policy => "POLICY",
        Kind::Statistics => "STATISTICS",
        Kind::TextSearchConfiguration => "TEXT SEARCH CONFIGURATION",
        Kind::TextSearchDictionary => "TEXT SEARCH DICTIONARY",
        Kind::TextSearchParser => "TEXT SEARCH PARSER",
        Kind::TextSearchTemplate => "TEXT SEARCH TEMPLATE",
        Kind::Operator => "OPERATOR",
        Kind::OperatorClass => "OPERATOR CLASS",
        Kind::OperatorFamily => "OPERATOR FAMILY",
        Kind::Cast => "CAST",
        Kind::Collation => "COLLATION",
        Kind::Conversion => "CONVERSION",
        Kind::Transform => "TRANSFORM",
        Kind::Publication => "PUBLICATION",
        Kind::Subscription => "SUBSCRIPTION",
        Kind::ForeignDataWrapper => "FOREIGN DATA WRAPPER",
        Kind::Server => "SERVER",
        Kind::UserMapping => "USER MAPPING",
        Kind::Comment => "COMMENT",
        Kind::Grant | Kind::DefaultPrivilege => "PRIVILEGES",
        Kind::SecurityLabel => "SECURITY LABEL",
        Kind::Setting => "SETTING",
        Kind::Event => "EVENT",
        Kind::PlacementPolicy => "PLACEMENT POLICY",
    }
}

/// An object as SQL names it after its noun: the detail `sql` where its reader gave one (a routine's signature, a cast), else its
/// path, which for an index is schema and name, and for a trigger, rule, policy or constraint `name ON table`.
pub fn name(object: &Object) -> String {
    if let Some(sql) = object.text("sql") {
        return sql.to_owned();
    }
    let path = &object.id.path;
    match object.id.kind {
        Kind::Constraint | Kind::Trigger | Kind::Rule | Kind::Policy => match path.split_last() {
            Some((last, whole)) => {
                let domain = if object.parent.as_ref().is_some_and(|parent| parent.kind == Kind::Domain) { "DOMAIN " } else { "" };
                format!("{} ON {domain}{}", ident(last), qualified(whole))
            }
            None => String::new(),
        },
        _ => qualified(path),
    }
}

/// Noun and name.
pub fn noun_and_name(object: &Object) -> String {
    format!("{} {}", noun(object.id.kind), name(object))
}

/// The name of the table, view, ... that a column, default, constraint, trigger, ... belongs to.
pub fn whole(id: &ObjectId) -> String {
    qualified(id.path.split_last().map_or(&[][..], |(_, whole)| whole))
}

/// A statement about the database that the plan runs in, whatever its name is, which stands between `start` and `end`.
pub fn on_database(start: &str, end: &str) -> String {
    let body = format!("BEGIN EXECUTE {} || quote_ident(current_database()) || {}; END", literal(start), literal(end));
    format!("DO {}", literal(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_can_be_searched() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn names_are_quoted_where_needed() {
        assert_eq!(qualified(&["public", "user", "a b", "Ä\"", "x1"]), "public.\"user\".\"a b\".\"Ä\"\"\".x1");
    }

    #[test]
    fn literals_survive_backslashes() {
        assert_eq!(literal("it's \\ it"), "E'it''s \\\\ it'");
    }

    #[test]
    fn interim_names_fit_and_stay_apart() {
        assert_eq!(interim("t_a", "new"), "t_a__new");
        let (one, two) = ("ä".repeat(31), format!("{}b", "ä".repeat(30)));
        let (one, two) = (interim(&one, "new"), interim(&two, "new"));
        assert!(one.len() <= 63 && two.len() <= 63 && one != two, "{one} {two}");
    }
}
