//! schemaproof: Atlas proposes, Postgres proves, the pull request shows.
//!
//! The modules stand in the order that data takes through them; a module knows only those before it.
//! [`pipeline`] tells the whole story in one function, [`cli`] is the only reader of the environment.
//! `ARCHITECTURE.md` is the map.
//!
//! # As a library
//!
//! A [`catalog::Catalog`] is a schema that was read, and [`plan::native::plan`] turns two of them into a [`plan::Plan`]: ordered
//! steps, each with the objects that it changes. The planner reads no database and runs nothing. `examples/plan.rs` is a whole program.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use schemaproof::{
//!     catalog::read::{ReadOptions, read_two},
//!     plan::native,
//!     tokio_postgres::Client,
//! };
//!
//! /// Prints what has to be done to `base`, and what it is done to.
//! async fn print_plan(base: Client, target: Client) -> Result<(), Box<dyn std::error::Error>> {
//!     let (base, target) = read_two(Arc::new(base), Arc::new(target), &ReadOptions::default()).await?;
//!     let plan = native::plan(&base, &target, &native::Options::default())?;
//!     for step in &plan.steps {
//!         let objects: Vec<String> = step.objects.iter().map(ToString::to_string).collect();
//!         println!("{};  -- {}", step.shown(), objects.join(", "));
//!     }
//!     // What Postgres has and no reader knows is never silently left out.
//!     for object in base.not_covered.iter().chain(&target.not_covered) {
//!         println!("-- not covered: {object}");
//!     }
//!     Ok(())
//! }
//! ```

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

/// The Postgres client whose connections are read.
pub use tokio_postgres;
