//! The one integration binary: a module a part, so that it links once.

mod fake;
mod github;
mod sandbox;
mod planner;
mod report;
mod source;
