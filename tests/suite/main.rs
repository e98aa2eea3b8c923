//! The one integration binary: a module a part, so that it links once.

mod apply;
mod atlas;
mod ci;
mod cli;
mod compare;
mod desk;
mod drift;
mod fake;
mod faults;
mod github;
mod hcl;
mod install;
mod live;
mod load;
mod mysql;
mod online;
mod pipeline;
mod planner;
mod proof;
mod report;
mod risk;
mod sandbox;
mod script;
mod security;
mod source;
mod sync;
