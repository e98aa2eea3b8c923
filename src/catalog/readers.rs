//! All readers, in an order in which what is referred to comes first; and what is asked of a database, whole or at a glance.

use std::collections::BTreeSet;

use super::{
    column, dependency, glance,
    reader::{PartReader, Reader},
};

/// All readers but those of parts, in an order in which what is referred to comes first.
const READERS: &[&[Reader]] = &[
    dependency::MEMBERS,
    super::schema::READERS,
    super::types::READERS,
    super::table::READERS,
    super::index::READERS,
    super::routine::READERS,
    super::trigger::READERS,
    super::text_search::READERS,
    super::operator::READERS,
    super::language::READERS,
    super::foreign::READERS,
    super::publication::READERS,
    // After all that they stand on.
    super::comment::DATABASE,
    super::setting::READERS,
    super::grant::READERS,
];

/// The readers of parts, in such an order too.
pub(super) const PARTS: &[&[PartReader]] = &[
    column::PARTS,
    super::sequence::PARTS,
    column::DEFAULTS,
    super::constraint::PARTS,
    super::index::PARTS,
    super::trigger::PARTS,
    super::statistics::PARTS,
    super::comment::PARTS,
    super::grant::PARTS,
];

/// What most databases have none of: the catalogs, and the readers that need not ask where there are no rows of users in these. Planning their
/// queries takes longer than all else about them.
pub(super) const RARE: &[(&str, &[&str])] = &[
    ("pg_aggregate where aggfnoid::oid", &["aggregates"]),
    ("pg_am where oid", &["access methods"]),
    ("pg_amop where oid >= 16384 union all select from pg_catalog.pg_amproc where oid", &["members of operator classes"]),
    ("pg_cast where oid", &["casts"]),
    ("pg_collation where oid", &["collations"]),
    ("pg_conversion where oid", &["conversions"]),
    ("pg_default_acl where oid", &["default privileges"]),
    ("pg_event_trigger where oid", &["event triggers"]),
    ("pg_foreign_data_wrapper where oid", &["foreign-data wrappers"]),
    ("pg_foreign_server where oid", &["foreign servers", "user mappings"]),
    ("pg_language where oid", &["languages"]),
    ("pg_opclass where oid", &["operator classes"]),
    ("pg_operator where oid", &["operators"]),
    ("pg_opfamily where oid", &["operator families"]),
    ("pg_policy where oid", &["policies"]),
    ("pg_publication where oid", &["publications", "published tables", "published schemas"]),
    ("pg_statistic_ext where oid", &["extended statistics"]),
    ("pg_transform where oid", &["transforms"]),
    ("pg_ts_config where oid", &["text search configurations"]),
    ("pg_ts_dict where oid", &["text search dictionaries"]),
    ("pg_ts_parser where oid", &["text search parsers"]),
    ("pg_ts_template where oid", &["text search templates"]),
];

/// An expression for the numbers of those of [`RARE`] that have no rows of users.
pub(super) fn absent() -> String {
    let one = |(at, (catalog, _)): (usize, &(&str, _))| {
        format!("case when not exists (select from pg_catalog.{catalog} >= 16384) then '{at}' end")
    };
    format!("array[{}]", RARE.iter().enumerate().map(one).collect::<Vec<_>>().join(", "))
}

/// What the readers read, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    let parts = PARTS.iter().copied().flatten().map(|part| part.reader.what);
    READERS.iter().copied().flatten().map(|reader| reader.what).chain([column::TYPES.what]).chain(parts)
}

/// What is sent to look at a database.
pub(super) struct Looked {
    pub whole: Vec<(&'static Reader, String)>,
    pub parts: Vec<(&'static PartReader, Rows, String)>,
    pub between: Option<String>,
}

/// What a query for parts answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// What the reader makes objects of.
    Whole,
    /// Sums of that.
    Sums,
}

impl Looked {
    pub(super) fn at(version: u32, absent: &BTreeSet<&'static str>) -> Looked {
        let there = |reader: &Reader| !absent.contains(reader.what);
        let whole = READERS.iter().copied().flatten().chain([&glance::NAMES]);
        let whole: Vec<&'static Reader> = whole.filter(|reader| there(reader)).collect();
        let parts = PARTS.iter().copied().chain([glance::TREES]).flatten().filter(|part| there(&part.reader));
        // Sums of relations come last, since they may be of an index, which is a part by then.
        let (mut all, mut last) = (Vec::new(), Vec::new());
        for part in parts {
            let sums = part.sums.as_ref().and_then(|sums| Some((sums, (sums.query)(version, glance::seed())?)));
            let rest = sums.as_ref().map_or(part.reader.query, |(sums, _)| sums.rest);
            all.extend(rest(version).map(|sql| (part, Rows::Whole, sql)));
            if let Some((sums, sql)) = sums {
                if sums.of_relations { &mut last } else { &mut all }.push((part, Rows::Sums, sql));
            }
        }
        all.append(&mut last);
        Looked { whole: queries(&whole, version), parts: all, between: (dependency::BETWEEN.query)(version) }
    }

    pub(super) fn queries(&self) -> Vec<(&'static str, &str)> {
        let mut all: Vec<(&'static str, &str)> = Vec::new();
        all.extend(self.whole.iter().map(|(reader, sql)| (reader.what, sql.as_str())));
        all.extend(self.parts.iter().map(|(part, _, sql)| (part.reader.what, sql.as_str())));
        all.extend(self.between.as_deref().map(|sql| (dependency::BETWEEN.what, sql)));
        all
    }
}

/// All readers, in order.
pub(super) fn everything() -> Vec<&'static Reader> {
    let mut all: Vec<&'static Reader> = READERS.iter().copied().flatten().collect();
    all.push(&column::TYPES);
    all.extend(PARTS.iter().copied().flatten().map(|part| &part.reader));
    all.push(&dependency::ALL);
    all
}

/// Readers with their queries, where the version has what they read.
pub(super) fn queries(readers: &[&'static Reader], version: u32) -> Vec<(&'static Reader, String)> {
    readers.iter().filter_map(|reader| Some((*reader, (reader.query)(version)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rare_is_what_some_reader_reads() {
        for reader in RARE.iter().flat_map(|(_, readers)| *readers).copied() {
            assert!(names().any(|name| name == reader), "{reader}");
        }
    }
}
