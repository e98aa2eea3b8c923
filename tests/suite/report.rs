//! Reports as people read them.

mod fixture;

use schemaproof::report::comment;

#[test]
fn the_comment_of_a_risky_change() {
    insta::assert_snapshot!(comment::comment(&fixture::p8fs(), 0));
}

#[test]
fn the_comment_of_a_safe_change() {
    insta::assert_snapshot!(comment::comment(&fixture::safe(), 0));
}
