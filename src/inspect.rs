//! One schema, written down: as JSON, as Atlas HCL, as an entity-relationship picture.
//!
//! Pure: a catalog in, a text out. It plans nothing (SQL is the planner's, from `empty` to what was read) and proves nothing.

pub mod hcl;
pub mod json;
pub mod svg;

use crate::{catalog::Catalog, report::picture};

/// All tables and their references as a mermaid diagram.
pub fn mermaid(catalog: &Catalog) -> String {
    picture::mermaid_whole(&picture::whole(catalog)).unwrap_or_else(|| "erDiagram\n".into())
}
