//! One rule a kind of object: what is to be said in SQL when it is new, gone or different.
//!
//! The contract for a rule stands in [`super::native`].

use super::native::Rule;
use crate::catalog::Kind;

pub mod base_type;
pub mod bound;
pub mod column;
pub mod comment;
pub mod constraint;
pub mod foreign;
pub mod grant;
pub mod index;
pub mod language;
pub mod operator;
pub mod owner;
pub mod partition;
pub mod publication;
pub mod rebuild;
pub mod routine;
pub mod schema;
pub mod sequence;
pub mod setting;
pub mod statistics;
pub mod swap;
pub mod table;
pub mod text_search;
pub mod trigger;
pub mod types;
pub mod user_catalog;
pub mod view;

/// All rules. A kind stands in exactly one.
pub const RULES: &[&dyn Rule] = &[
    &schema::SchemaRule,
    &schema::ExtensionRule,
    &types::TypeRule,
    &types::EnumValueRule,
    &types::DomainRule,
    &sequence::SequenceRule,
    &table::TableRule,
    &column::ColumnRule,
    &column::DefaultRule,
    &constraint::ConstraintRule,
    &index::IndexRule,
    &view::ViewRule,
    &view::MaterializedViewRule,
    &routine::RoutineRule,
    &routine::AggregateRule,
    &trigger::TriggerRule,
    &trigger::RuleRule,
    &trigger::PolicyRule,
    &trigger::EventTriggerRule,
    &comment::CommentRule,
    &grant::GrantRule,
    &grant::DefaultPrivilegeRule,
    &statistics::StatisticsRule,
    &text_search::ParserRule,
    &text_search::DictionaryRule,
    &text_search::ConfigurationRule,
    &operator::OperatorRule,
    &operator::FamilyRule,
    &operator::ClassRule,
    &operator::CastRule,
    &language::CollationRule,
    &language::LanguageRule,
    &foreign::ForeignRule,
    &publication::PublicationRule,
    &publication::SubscriptionRule,
    &setting::SettingRule,
];

/// The rule for a kind.
pub fn of(kind: Kind) -> Option<&'static dyn Rule> {
    RULES.iter().copied().find(|rule| rule.kinds().contains(&kind))
}
