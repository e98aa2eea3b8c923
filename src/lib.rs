//! schemaproof: Atlas proposes, Postgres proves, the pull request shows.
//!
//! The modules stand in the order that data takes through them; a module knows only those before it.
//! [`pipeline`] tells the whole story in one function, [`cli`] is the only reader of the environment.
//! `ARCHITECTURE.md` is the map.

pub mod apply;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod environments;
pub mod github;
pub mod http;
pub mod inspect;
pub mod load;
pub mod mysql;
pub mod pipeline;
pub mod plan;
pub mod proof;
pub mod report;
pub mod risk;
pub mod sandbox;
pub mod script;
pub mod source;
mod tls;
pub mod trigger;
pub mod verdict;
