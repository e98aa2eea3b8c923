//! The one integration binary: a module a part, so that it links once.

mod fake;
mod faults;
mod github;
mod load;
mod planner;
mod report;
mod sandbox;
mod script;
mod source;
