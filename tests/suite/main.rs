//! The one integration binary: a module a part, so that it links once.

mod sandbox;
mod source;
