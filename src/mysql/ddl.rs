//! What a server prints for `SHOW CREATE TABLE`, taken apart: columns, keys, constraints, options, partitioning.
//!
//! Only text that a server has printed is read here, never the files of a schema. What is not known is kept, in `other`.

use std::collections::BTreeMap;

use super::qualified;
use crate::script::mysql::{Token, TokenKind, tokens};

/// A table as its server prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub keys: Vec<Key>,
    /// Lines of the body that are neither a column nor a key, for instance `PERIOD FOR SYSTEM_TIME`.
    pub other: Vec<String>,
    /// Engine, character set, comment and the like, by name in small letters; values as printed.
    pub options: BTreeMap<String, String>,
    pub partitioning: Option<String>,
    /// All after the body, as printed, without the counter of AUTO_INCREMENT or AUTO_RANDOM.
    pub tail: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// All after the name, as printed.
    pub definition: String,
    /// With `unsigned` and the like.
    pub r#type: String,
    pub charset: Option<String>,
    pub collation: Option<String>,
    pub not_null: bool,
    /// None for `DEFAULT NULL` too.
    pub default: Option<String>,
    pub on_update: Option<String>,
    pub auto_increment: bool,
    /// Bits, as in `AUTO_RANDOM(5)`.
    pub auto_random: Option<String>,
    /// The expression with `VIRTUAL` or `STORED`.
    pub generated: Option<String>,
    pub comment: Option<String>,
    pub check: Option<String>,
    pub invisible: bool,
    pub other: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyForm {
    Primary,
    Index,
    Check,
    ForeignKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub form: KeyForm,
    /// `PRIMARY` for the primary key.
    pub name: String,
    /// The whole line, ready to stand after ADD.
    pub definition: String,
    pub unique: bool,
    /// `FULLTEXT`, `SPATIAL`, `VECTOR`.
    pub special: Option<String>,
    pub columns: Vec<String>,
    /// Database (where it is another) and table that a foreign key refers to.
    pub references: Option<(Option<String>, String)>,
    /// The primary key of a TiDB table that is ordered by it.
    pub clustered: Option<bool>,
}

/// Takes a `CREATE TABLE` apart; none when it is not one.
pub fn table(sql: &str) -> Option<Table> {
    let found = tokens(sql);
    let open = found.iter().position(|token| token.is("("))?;
    let close = closing(&found, open)?;
    let mut table = Table::default();
    for item in split(&found[open + 1..close]) {
        let (first, last) = (item.first()?, item.last()?);
        let text = sql.get(first.at..last.end())?.to_string();
        match first.kind {
            TokenKind::Name => table.columns.push(column(sql, item)?),
            _ => match key(sql, item) {
                Some(key) => table.keys.push(key),
                None => table.other.push(text),
            },
        }
    }
    let rest = &found[close + 1..];
    let counter =
        rest.iter().position(|token| token.is("AUTO_INCREMENT")).filter(|at| rest.get(at + 1).is_some_and(|next| next.is("=")));
    let tail = |from: usize, to: usize| sql.get(from..to).unwrap_or_default().trim().to_string();
    // TiDB's other counter stands in a comment of its own.
    let random = rest.iter().find(|token| token.kind == TokenKind::Hint && unwrapped(token.text).starts_with("AUTO_RANDOM_BASE"));
    let counter = counter.and_then(|at| Some((rest.get(at)?.at, rest.get(at + 2)?.end())));
    table.tail = match counter.or_else(|| random.map(|hint| (hint.at, hint.end()))) {
        Some((from, to)) => format!("{} {}", tail(found[close].end(), from), tail(to, sql.len())),
        None => tail(found[close].end(), sql.len()),
    };
    let partition = rest.iter().position(|token| {
        token.is("PARTITION") || (token.kind == TokenKind::Hint && token.text.to_ascii_uppercase().contains("PARTITION BY"))
    });
    if let Some(at) = partition {
        let text = sql.get(rest[at].at..)?.trim();
        table.partitioning = Some(unwrapped(text).to_string());
    }
    options(sql, &rest[..partition.unwrap_or(rest.len())], &mut table.options);
    Some(table)
}

/// The index of the parenthesis that closes the one at `open`.
fn closing(found: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, token) in found.iter().enumerate().skip(open) {
        match token.text {
            "(" if token.kind == TokenKind::Symbol => depth += 1,
            ")" if token.kind == TokenKind::Symbol => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// At the commas outside parentheses.
fn split<'a, 'b>(found: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (at, token) in found.iter().enumerate() {
        match token.text {
            "(" if token.kind == TokenKind::Symbol => depth += 1,
            ")" if token.kind == TokenKind::Symbol => depth = depth.saturating_sub(1),
            "," if token.kind == TokenKind::Symbol && depth == 0 => {
                parts.push(&found[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&found[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// What an executed comment holds: `/*T![auto_rand] AUTO_RANDOM(5) */` is `AUTO_RANDOM(5)`.
pub fn unwrapped(hint: &str) -> &str {
    let Some(inner) = hint.strip_prefix("/*").and_then(|rest| rest.strip_suffix("*/")) else { return hint };
    let inner = inner.trim_start_matches(['T', 'M']).strip_prefix('!').unwrap_or(inner);
    let inner = match inner.strip_prefix('[') {
        Some(feature) => feature.split_once(']').map_or(inner, |(_, rest)| rest),
        None => inner.trim_start_matches(|c: char| c.is_ascii_digit()),
    };
    inner.trim()
}

/// A printed statement with the name after its first `word` written in full.
pub fn in_full(sql: &str, word: &str, path: &[String]) -> String {
    let found = tokens(sql);
    let Some(at) = found.iter().position(|token| token.is(word)) else { return sql.to_string() };
    let mut names = at + 1;
    while found.get(names).is_some_and(|token| ["IF", "NOT", "EXISTS"].iter().any(|word| token.is(word))) {
        names += 1;
    }
    let Some(first) = found.get(names) else { return sql.to_string() };
    let last = match (found.get(names + 1), found.get(names + 2)) {
        (Some(dot), Some(second)) if dot.is(".") => second,
        _ => first,
    };
    format!("{}{}{}", sql.get(..first.at).unwrap_or_default(), qualified(path), sql.get(last.end()..).unwrap_or_default())
}

/// Words that begin the next part of a column's definition.
const PARTS: &[&str] = &[
    "NOT",
    "NULL",
    "DEFAULT",
    "ON",
    "AUTO_INCREMENT",
    "COMMENT",
    "COLLATE",
    "CHARACTER",
    "CHARSET",
    "GENERATED",
    "AS",
    "INVISIBLE",
    "CHECK",
    "STORED",
    "VIRTUAL",
    "PERSISTENT",
    "WITHOUT",
    "WITH",
    "SRID",
    "COLUMN_FORMAT",
    "STORAGE",
    "REF_SYSTEM_ID",
    "COMPRESSED",
];

fn begins_part(token: &Token<'_>) -> bool {
    token.kind == TokenKind::Hint || (token.kind == TokenKind::Word && PARTS.iter().any(|word| token.is(word)))
}

fn column(sql: &str, item: &[Token<'_>]) -> Option<Column> {
    let name = item.first()?.name()?;
    let (first, last) = (item.get(1)?, item.last()?);
    let text = |range: &[Token<'_>]| match (range.first(), range.last()) {
        (Some(first), Some(last)) => sql.get(first.at..last.end()).unwrap_or_default().to_string(),
        _ => String::new(),
    };
    let mut column = Column { name, definition: sql.get(first.at..last.end())?.to_string(), ..Column::default() };
    let mut at = 1;
    // Up to the next part, whatever stands in parentheses.
    let until = |from: usize| {
        let mut depth = 0usize;
        for (index, token) in item.iter().enumerate().skip(from) {
            match token.text {
                "(" if token.kind == TokenKind::Symbol => depth += 1,
                ")" if token.kind == TokenKind::Symbol => depth = depth.saturating_sub(1),
                _ if depth == 0 && begins_part(token) => return index,
                _ => {}
            }
        }
        item.len()
    };
    let end = until(at);
    column.r#type = text(&item[at..end]);
    at = end;
    while let Some(token) = item.get(at) {
        let next = item.get(at + 1);
        let follows = |word: &str| next.is_some_and(|next| next.is(word));
        let begun = at;
        if token.kind == TokenKind::Hint {
            hint(&mut column, unwrapped(token.text));
            at += 1;
        } else if token.is("NOT") && follows("NULL") {
            column.not_null = true;
            at += 2;
        } else if token.is("NULL") {
            at += 1;
        } else if token.is("DEFAULT") {
            // The default may itself be a word that begins a part: NULL.
            let end = until(at + 2);
            let value = text(&item[at + 1..end]);
            column.default = Some(value).filter(|value| !value.eq_ignore_ascii_case("NULL"));
            at = end;
        } else if token.is("ON") && follows("UPDATE") {
            let end = until(at + 2);
            column.on_update = Some(text(&item[at + 2..end]));
            at = end;
        } else if token.is("AUTO_INCREMENT") {
            column.auto_increment = true;
            at += 1;
        } else if token.is("COMMENT") {
            column.comment = next.map(|next| next.text.to_string());
            at += 2;
        } else if token.is("COLLATE") {
            column.collation = next.and_then(Token::name);
            at += 2;
        } else if token.is("CHARACTER") && follows("SET") {
            column.charset = item.get(at + 2).and_then(Token::name);
            at += 3;
        } else if token.is("GENERATED") && of_row(&item[at..]).is_some() {
            column.generated = of_row(&item[at..]).map(str::to_string);
            at += 5;
        } else if token.is("GENERATED") || token.is("AS") {
            let open = (at..item.len()).find(|index| item[*index].is("("))?;
            let close = closing(item, open)?;
            let kind = item.get(close + 1).filter(|kind| ["STORED", "VIRTUAL", "PERSISTENT"].iter().any(|word| kind.is(word)));
            let kind = kind.map_or("VIRTUAL", |kind| if kind.is("VIRTUAL") { "VIRTUAL" } else { "STORED" });
            column.generated = Some(format!("{} {kind}", text(&item[open..=close])));
            at = close + 1;
        } else if token.is("STORED") || token.is("VIRTUAL") || token.is("PERSISTENT") {
            at += 1;
        } else if token.is("INVISIBLE") {
            column.invisible = true;
            at += 1;
        } else if token.is("CHECK") {
            let close = closing(item, at + 1)?;
            column.check = Some(text(&item[at + 1..=close]));
            at = close + 1;
        } else {
            let end = until(at + 1);
            column.other.push(text(&item[at..end]));
            at = end;
        }
        at = at.max(begun + 1);
    }
    Some(column)
}

/// `GENERATED ALWAYS AS ROW START`: since when, or until when, a versioned row holds.
fn of_row(item: &[Token<'_>]) -> Option<&'static str> {
    let [_, _, _, row, end, ..] = item else { return None };
    match () {
        () if row.is("ROW") && end.is("START") => Some("ROW START"),
        () if row.is("ROW") && end.is("END") => Some("ROW END"),
        () => None,
    }
}

fn hint(column: &mut Column, inner: &str) {
    if let Some(bits) = inner.strip_prefix("AUTO_RANDOM") {
        column.auto_random = Some(bits.trim().trim_matches(['(', ')']).to_string());
    } else if inner.eq_ignore_ascii_case("INVISIBLE") {
        column.invisible = true;
    } else {
        column.other.push(inner.to_string());
    }
}

fn key(sql: &str, item: &[Token<'_>]) -> Option<Key> {
    let (first, last) = (item.first()?, item.last()?);
    let definition = sql.get(first.at..last.end())?.to_string();
    let names = |range: &[Token<'_>]| -> Vec<String> {
        range.iter().filter(|token| token.kind == TokenKind::Name).filter_map(Token::name).collect()
    };
    let mut at = 0;
    let mut constraint = None;
    if first.is("CONSTRAINT") {
        constraint = item.get(1)?.name();
        at = 2;
    }
    let word = item.get(at)?;
    let open = (at..item.len()).find(|index| item[*index].is("("))?;
    let close = closing(item, open)?;
    let columns = names(&item[open..close]);
    let key = |form, name: String| Key {
        form,
        name,
        definition: definition.clone(),
        unique: false,
        special: None,
        columns: columns.clone(),
        references: None,
        clustered: None,
    };
    if word.is("PRIMARY") {
        let clustered = item[close..].iter().find(|token| token.kind == TokenKind::Hint).map(|hint| unwrapped(hint.text));
        let clustered = clustered.map(|word| word.eq_ignore_ascii_case("CLUSTERED"));
        return Some(Key { unique: true, clustered, ..key(KeyForm::Primary, "PRIMARY".into()) });
    }
    if word.is("FOREIGN") {
        let to = (close..item.len()).find(|index| item[*index].is("REFERENCES"))?;
        let target = (to..item.len()).find(|index| item[*index].is("("))?;
        let mut path = names(&item[to..target]);
        let table = path.pop()?;
        return Some(Key { references: Some((path.pop(), table)), ..key(KeyForm::ForeignKey, constraint?) });
    }
    if word.is("CHECK") {
        return Some(key(KeyForm::Check, constraint?));
    }
    let words: Vec<String> =
        item[at..open].iter().filter(|token| token.kind == TokenKind::Word).map(|token| token.text.to_ascii_uppercase()).collect();
    if !words.iter().any(|word| word == "KEY" || word == "INDEX") {
        return None;
    }
    let name = names(&item[at..open]).into_iter().next()?;
    let special = words.iter().find(|word| ["FULLTEXT", "SPATIAL", "VECTOR", "COLUMNAR"].contains(&word.as_str())).cloned();
    Some(Key { unique: words.iter().any(|word| word == "UNIQUE"), special, ..key(KeyForm::Index, name) })
}

/// `ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='x' WITH SYSTEM VERSIONING /*T! SHARD_ROW_ID_BITS=4 */`
fn options(sql: &str, found: &[Token<'_>], options: &mut BTreeMap<String, String>) {
    let mut at = 0;
    let mut name: Vec<String> = Vec::new();
    while let Some(token) = found.get(at) {
        if token.kind == TokenKind::Hint {
            hinted(unwrapped(token.text), options);
            at += 1;
            continue;
        }
        if token.is("=") {
            let end = match found.get(at + 1) {
                Some(open) if open.is("(") => closing(found, at + 1).unwrap_or(found.len() - 1) + 1,
                _ => at + 2,
            };
            let value = found.get(at + 1).zip(found.get(end - 1)).and_then(|(first, last)| sql.get(first.at..last.end()));
            options.insert(option_name(&name), value.unwrap_or_default().to_string());
            name.clear();
            at = end;
            continue;
        }
        // `PLACEMENT POLICY=`, `DEFAULT CHARSET=`, MariaDB's `` `PAGE_COMPRESSED`= ``; and words alone.
        name.extend(token.name());
        if name.len() == 3 && name.join(" ").eq_ignore_ascii_case("WITH SYSTEM VERSIONING") {
            options.insert("system_versioning".into(), "yes".into());
            name.clear();
        }
        at += 1;
    }
    if !name.is_empty() {
        options.insert("other".into(), name.join(" "));
    }
}

fn option_name(words: &[String]) -> String {
    let name = words.join(" ").to_ascii_lowercase();
    name.trim_start_matches("default ").replace("character set", "charset").replace(' ', "_")
}

/// What stands in an executed comment: a value goes on until the next `NAME =`, as in ``TTL=`at` + INTERVAL 1 DAY``.
fn hinted(inner: &str, options: &mut BTreeMap<String, String>) {
    let found = tokens(inner);
    let is_word = |at: usize| found.get(at).is_some_and(|token| token.kind == TokenKind::Word);
    let is_equal = |at: usize| found.get(at).is_some_and(|token| token.is("="));
    let begins = |at: usize| is_word(at) && (is_equal(at + 1) || (is_word(at + 1) && is_equal(at + 2)));
    let mut at = 0;
    while at < found.len() {
        let Some(equal) = (at..found.len()).find(|at| is_equal(*at)) else { return };
        let end = (equal + 2..found.len()).find(|at| begins(*at)).unwrap_or(found.len());
        let name: Vec<String> = found[at..equal].iter().filter_map(Token::name).collect();
        let value = found.get(equal + 1).zip(found.get(end - 1)).and_then(|(first, last)| inner.get(first.at..last.end()));
        options.insert(option_name(&name), value.unwrap_or_default().to_string());
        at = end;
    }
}

/// A statement without the comments that TiDB and MariaDB print around what is theirs: `/*T![auto_rand] AUTO_RANDOM(5) */` becomes
/// `AUTO_RANDOM(5)`. The `mysql` client leaves such comments out, and what they say with them.
pub fn without_hints(sql: &str) -> String {
    let (mut plain, mut at) = (String::with_capacity(sql.len()), 0);
    for token in tokens(sql) {
        let own = ["/*T!", "/*M!"].iter().any(|begin| token.text.starts_with(begin));
        if token.kind == TokenKind::Hint && own {
            plain.push_str(sql.get(at..token.at).unwrap_or_default());
            plain.push_str(unwrapped(token.text));
            at = token.end();
        }
    }
    plain.push_str(sql.get(at..).unwrap_or_default());
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "CREATE TABLE `p` (
  `id` bigint(20) NOT NULL /*T![auto_rand] AUTO_RANDOM(5) */,
  `a` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'x,)',
  `b` int(11) GENERATED ALWAYS AS (length(`a`)) STORED NOT NULL,
  `u` varchar(10) COLLATE utf8mb4_general_ci DEFAULT NULL COMMENT 'it''s',
  `d` decimal(10,2) DEFAULT '1.5',
  `ts` timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  `n` int(11) DEFAULT (nextval(`f`.`sq`)) CHECK (`n` > 0),
  PRIMARY KEY (`id`) /*T![clustered_index] CLUSTERED */,
  UNIQUE KEY `ua` (`a`),
  KEY `ea` ((lower(`u`))),
  VECTOR INDEX `vx` ((vec_cosine_distance(`v`))),
  CONSTRAINT `fk` FOREIGN KEY (`n`) REFERENCES `f`.`s` (`id`) ON DELETE CASCADE,
  CONSTRAINT `ck` CHECK (`d` > 0)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='hi; there' /*T! SHARD_ROW_ID_BITS=4 PRE_SPLIT_REGIONS=2 */ /*T![placement] PLACEMENT POLICY=`pol` */ /*T![ttl] TTL=`ts` + INTERVAL 1 DAY */ /*T![ttl] TTL_ENABLE='ON' */
PARTITION BY RANGE (`id`)
(PARTITION `p0` VALUES LESS THAN (10))";

    #[test]
    fn a_printed_table_is_taken_apart() {
        let table = table(PRINTED).unwrap();
        let column = |name: &str| table.columns.iter().find(|column| column.name == name).unwrap();
        assert_eq!(column("id").auto_random.as_deref(), Some("5"));
        let a = column("a");
        assert_eq!((a.r#type.as_str(), a.charset.as_deref(), a.default.as_deref()), ("varchar(20)", Some("latin1"), Some("'x,)'")));
        assert_eq!(column("b").generated.as_deref(), Some("(length(`a`)) STORED"));
        assert!(column("b").not_null && column("u").default.is_none());
        assert_eq!(column("u").comment.as_deref(), Some("'it''s'"));
        assert_eq!(column("ts").on_update.as_deref(), Some("CURRENT_TIMESTAMP"));
        assert_eq!(
            (column("n").default.as_deref(), column("n").check.as_deref()),
            (Some("(nextval(`f`.`sq`))"), Some("(`n` > 0)"))
        );
        assert!(table.columns.iter().all(|column| column.other.is_empty()), "{:?}", table.columns);
        let key = |name: &str| table.keys.iter().find(|key| key.name == name).unwrap();
        assert_eq!(key("PRIMARY").clustered, Some(true));
        assert!(key("ua").unique && !key("ea").unique);
        assert_eq!(key("vx").special.as_deref(), Some("VECTOR"));
        assert_eq!(key("fk").references, Some((Some("f".into()), "s".into())));
        assert_eq!(key("ck").form, KeyForm::Check);
        assert_eq!(table.options["placement_policy"], "`pol`");
        assert_eq!(table.options["ttl"], "`ts` + INTERVAL 1 DAY");
        assert_eq!(table.options["shard_row_id_bits"], "4");
        assert_eq!(table.options["pre_split_regions"], "2");
        assert_eq!(table.options["comment"], "'hi; there'");
        assert_eq!(table.options["charset"], "utf8mb4");
        assert!(table.partitioning.unwrap().starts_with("PARTITION BY RANGE"));
    }

    #[test]
    fn what_mariadb_has_alone_is_read() {
        let table = table(
            "CREATE TABLE `v` (\n  `id` int(11) NOT NULL,\n  `rs` timestamp(6) GENERATED ALWAYS AS ROW START,\n  \
             `re` timestamp(6) GENERATED ALWAYS AS ROW END INVISIBLE,\n  PRIMARY KEY (`id`,`re`),\n  PERIOD FOR SYSTEM_TIME (`rs`, `re`)\n\
             ) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci `PAGE_COMPRESSED`='1' WITH SYSTEM VERSIONING",
        )
        .unwrap();
        assert_eq!(table.columns[1].generated.as_deref(), Some("ROW START"));
        assert!(table.columns[2].generated.as_deref() == Some("ROW END") && table.columns[2].invisible);
        assert_eq!(table.other, ["PERIOD FOR SYSTEM_TIME (`rs`, `re`)"]);
        assert_eq!((table.options["collate"].as_str(), table.options["page_compressed"].as_str()), ("latin1_swedish_ci", "'1'"));
        assert_eq!(table.options["system_versioning"], "yes");
    }

    #[test]
    fn what_the_client_would_leave_out_is_written_plainly() {
        let sql = "CREATE TABLE `t` (`a` text COMMENT '/*T! no */', `id` bigint /*T![auto_rand] AUTO_RANDOM(5, 54) */) /*T! SHARD_ROW_ID_BITS=4 */ /*!80000 x */";
        let plain =
            "CREATE TABLE `t` (`a` text COMMENT '/*T! no */', `id` bigint AUTO_RANDOM(5, 54)) SHARD_ROW_ID_BITS=4 /*!80000 x */";
        assert_eq!(without_hints(sql), plain);
    }
}
