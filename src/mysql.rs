//! The MySQL family (TiDB, MySQL, MariaDB) on the same seams as Postgres: load, catalog, planner, judge.
//!
//! Each gives the value types that risk, verdict and report already take: [`crate::catalog::Catalog`], [`crate::plan::Plan`],
//! [`crate::proof::Proof`]. Servers are [`crate::sandbox::mysql`]'s, splitting files is [`crate::script::mysql`]'s, and the story is
//! told by `pipeline`. Nothing here judges risk.

pub mod catalog;
pub mod ddl;
pub mod live;
pub mod load;
pub mod plan;
pub mod proof;

/// An identifier as it is written in SQL: always between backticks.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Names of a path, joined: `` `db`.`table` ``.
pub fn qualified(path: &[String]) -> String {
    path.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(".")
}

/// A string constant, as the family reads it with backslash escapes on.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Databases of the servers themselves.
pub fn is_system_database(name: &str) -> bool {
    ["information_schema", "mysql", "performance_schema", "sys", "metrics_schema"].contains(&name.to_ascii_lowercase().as_str())
}
