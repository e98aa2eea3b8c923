//! The rules: a file each. A test compares this list with the directory.

use crate::risk::Rule;

pub mod add_check;
pub mod add_column;
pub mod add_column_not_null;
pub mod add_domain_constraint;
pub mod add_enum_value;
pub mod add_event_trigger;
pub mod add_exclusion;
pub mod add_foreign_key;
pub mod add_grant;
pub mod add_policy;
pub mod add_primary_key;
pub mod add_unique;
pub mod build_index;
pub mod change_collation;
pub mod change_column_type;
pub mod change_composite;
pub mod change_default;
pub mod change_extension;
pub mod change_function;
pub mod change_generated;
pub mod change_identity;
pub mod change_inheritance;
pub mod change_owner;
pub mod change_partitioning;
pub mod change_policy;
pub mod change_replica_identity;
pub mod change_sequence;
pub mod change_setting;
pub mod change_view;
pub mod disable_row_security;
pub mod disable_trigger;
pub mod drop_column;
pub mod drop_constraint;
pub mod drop_default;
pub mod drop_enum_value;
pub mod drop_event_trigger;
pub mod drop_extension;
pub mod drop_foreign_access;
pub mod drop_function;
pub mod drop_identity;
pub mod drop_index;
pub mod drop_materialized_view;
pub mod drop_not_null;
pub mod drop_operator;
pub mod drop_policy;
pub mod drop_publication;
pub mod drop_rule;
pub mod drop_schema;
pub mod drop_sequence;
pub mod drop_statistics;
pub mod drop_table;
pub mod drop_trigger;
pub mod drop_type;
pub mod drop_view;
pub mod drop_view_column;
pub mod duplicate_index;
pub mod enable_row_security;
pub mod fixed_length_text;
pub mod foreign_key_without_index;
pub mod invalid_index;
pub mod json_column;
pub mod likely_rename_column;
pub mod likely_rename_table;
pub mod limited_text;
pub mod lock_without_timeout;
pub mod locks_held_together;
pub mod loses_values;
pub mod money_column;
pub mod name_cut;
pub mod name_needs_quotes;
pub mod name_pattern;
pub mod new_domain_constraint;
pub mod new_enum;
pub mod not_covered;
pub mod remove_grant;
pub mod rename_column;
pub mod rename_table;
pub mod rewrites_table;
pub mod security_definer;
pub mod serial_column;
pub mod set_not_null;
pub mod set_unlogged;
pub mod small_key;
pub mod step_fails;
pub mod table_without_primary_key;
pub mod table_without_row_security;
pub mod timestamp_without_time_zone;
pub mod untracked_body;
pub mod unused_note;
pub mod unvalidated_constraint;
pub mod view_loses_security;
pub mod wasted_padding;
pub mod worked_through_twice;

/// Every rule, by name.
pub static RULES: &[&Rule] = &[
    &add_check::RULE,
    &add_column::RULE,
    &add_column_not_null::RULE,
    &add_domain_constraint::RULE,
    &add_enum_value::RULE,
    &add_event_trigger::RULE,
    &add_exclusion::RULE,
    &add_foreign_key::RULE,
    &add_grant::RULE,
    &add_policy::RULE,
    &add_primary_key::RULE,
    &add_unique::RULE,
    &build_index::RULE,
    &change_collation::RULE,
    &change_column_type::RULE,
    &change_composite::RULE,
    &change_default::RULE,
    &change_extension::RULE,
    &change_function::RULE,
    &change_generated::RULE,
    &change_identity::RULE,
    &change_inheritance::RULE,
    &change_owner::RULE,
    &change_partitioning::RULE,
    &change_policy::RULE,
    &change_replica_identity::RULE,
    &change_sequence::RULE,
    &change_setting::RULE,
    &change_view::RULE,
    &disable_row_security::RULE,
    &disable_trigger::RULE,
    &drop_column::RULE,
    &drop_constraint::RULE,
    &drop_default::RULE,
    &drop_enum_value::RULE,
    &drop_event_trigger::RULE,
    &drop_extension::RULE,
    &drop_foreign_access::RULE,
    &drop_function::RULE,
    &drop_identity::RULE,
    &drop_index::RULE,
    &drop_materialized_view::RULE,
    &drop_not_null::RULE,
    &drop_operator::RULE,
    &drop_policy::RULE,
    &drop_publication::RULE,
    &drop_rule::RULE,
    &drop_schema::RULE,
    &drop_sequence::RULE,
    &drop_statistics::RULE,
    &drop_table::RULE,
    &drop_trigger::RULE,
    &drop_type::RULE,
    &drop_view::RULE,
    &drop_view_column::RULE,
    &duplicate_index::RULE,
    &enable_row_security::RULE,
    &fixed_length_text::RULE,
    &foreign_key_without_index::RULE,
    &invalid_index::RULE,
    &json_column::RULE,
    &likely_rename_column::RULE,
    &likely_rename_table::RULE,
    &limited_text::RULE,
    &lock_without_timeout::RULE,
    &locks_held_together::RULE,
    &loses_values::RULE,
    &money_column::RULE,
    &name_cut::RULE,
    &name_needs_quotes::RULE,
    &name_pattern::RULE,
    &new_domain_constraint::RULE,
    &new_enum::RULE,
    &not_covered::RULE,
    &remove_grant::RULE,
    &rename_column::RULE,
    &rename_table::RULE,
    &rewrites_table::RULE,
    &security_definer::RULE,
    &serial_column::RULE,
    &set_not_null::RULE,
    &set_unlogged::RULE,
    &small_key::RULE,
    &step_fails::RULE,
    &table_without_primary_key::RULE,
    &table_without_row_security::RULE,
    &timestamp_without_time_zone::RULE,
    &untracked_body::RULE,
    &unused_note::RULE,
    &unvalidated_constraint::RULE,
    &view_loses_security::RULE,
    &wasted_padding::RULE,
    &worked_through_twice::RULE,
];

/// Rules about what was measured alone: what another rule explains is not said twice.
pub const MEASURED: [&str; 3] = ["loses-values", "rewrites-table", "step-fails"];

/// Rules about what is no fault, and nearly every pull request has: they find something only where the configuration gives them a level.
pub const OPT_IN: [&str; 6] =
    ["add-column", "add-enum-value", "change-default", "change-function", "change-view", "lock-without-timeout"];

/// The rule with this id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}
