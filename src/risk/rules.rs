//! The rules: a file each. A test compares this list with the directory.

use crate::risk::Rule;

pub mod add_check;
pub mod add_column_not_null;
pub mod add_exclusion;
pub mod add_foreign_key;
pub mod add_primary_key;
pub mod add_unique;
pub mod build_index;
pub mod change_column_type;
pub mod disable_row_security;
pub mod drop_column;
pub mod drop_constraint;
pub mod drop_enum_value;
pub mod drop_extension;
pub mod drop_function;
pub mod drop_index;
pub mod drop_materialized_view;
pub mod drop_policy;
pub mod drop_schema;
pub mod drop_sequence;
pub mod drop_table;
pub mod drop_trigger;
pub mod drop_type;
pub mod drop_view;
pub mod likely_rename_column;
pub mod likely_rename_table;
pub mod loses_values;
pub mod not_covered;
pub mod rename_column;
pub mod rename_table;
pub mod rewrites_table;
pub mod set_not_null;
pub mod step_fails;
pub mod unused_note;

/// Every rule, by name.
pub static RULES: &[&Rule] = &[
    &add_check::RULE,
    &add_column_not_null::RULE,
    &add_exclusion::RULE,
    &add_foreign_key::RULE,
    &add_primary_key::RULE,
    &add_unique::RULE,
    &build_index::RULE,
    &change_column_type::RULE,
    &disable_row_security::RULE,
    &drop_column::RULE,
    &drop_constraint::RULE,
    &drop_enum_value::RULE,
    &drop_extension::RULE,
    &drop_function::RULE,
    &drop_index::RULE,
    &drop_materialized_view::RULE,
    &drop_policy::RULE,
    &drop_schema::RULE,
    &drop_sequence::RULE,
    &drop_table::RULE,
    &drop_trigger::RULE,
    &drop_type::RULE,
    &drop_view::RULE,
    &likely_rename_column::RULE,
    &likely_rename_table::RULE,
    &loses_values::RULE,
    &not_covered::RULE,
    &rename_column::RULE,
    &rename_table::RULE,
    &rewrites_table::RULE,
    &set_not_null::RULE,
    &step_fails::RULE,
    &unused_note::RULE,
];

/// Rules about what was measured alone: what another rule explains is not said twice.
pub const MEASURED: [&str; 2] = ["loses-values", "step-fails"];

/// The rule with this id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}
