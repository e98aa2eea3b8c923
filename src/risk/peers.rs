//! What the catalogues of other tools find, and which rule finds it here.
//!
//! Every id of a catalogue stands here once, with our rules or with why a schema that is declared whole has no use for it. The list of rules in
//! the documentation shows it. Decides nothing.

/// A tool whose catalogue was read.
pub struct Peer {
    pub name: &'static str,
    /// Where its catalogue can be read.
    pub source: &'static str,
    pub ids: &'static [(&'static str, Here)],
}

/// What stands here for a peer's id.
pub enum Here {
    /// These rules find it.
    Rules(&'static [&'static str]),
    /// Why nothing has to: the end of "It has no counterpart:".
    None(&'static str),
}

use Here::{None, Rules};

const NO_FILES: &str =
    "nobody writes migration files; the plan is made of whole statements, in transaction groups that the replay runs";
const NO_DATA: &str = "it is about statements on data, and a schema's change has none";

pub const PEERS: &[Peer] = &[
    Peer {
        name: "Atlas",
        source: "https://atlasgo.io/lint/analyzers",
        ids: &[
            ("DS101", Rules(&["drop-schema"])),
            ("DS102", Rules(&["drop-table"])),
            ("DS103", Rules(&["drop-column"])),
            ("MF101", Rules(&["add-unique"])),
            ("MF102", Rules(&["add-unique"])),
            ("MF103", Rules(&["add-column-not-null"])),
            ("MF104", Rules(&["set-not-null"])),
            ("BC101", Rules(&["rename-table", "likely-rename-table"])),
            ("BC102", Rules(&["rename-column", "likely-rename-column"])),
            ("CD101", Rules(&["drop-constraint"])),
            ("PG101", Rules(&["build-index"])),
            ("PG102", Rules(&["drop-index"])),
            ("PG103", None(NO_FILES)),
            ("PG104", Rules(&["add-primary-key"])),
            ("PG105", Rules(&["add-unique"])),
            ("PG110", Rules(&["wasted-padding"])),
            ("PG301", Rules(&["change-column-type", "rewrites-table"])),
            ("PG302", Rules(&["rewrites-table"])),
            ("PG303", Rules(&["set-not-null"])),
            ("PG304", Rules(&["add-primary-key"])),
            ("PG305", Rules(&["add-check"])),
            ("PG306", Rules(&["add-foreign-key"])),
            ("NM101", Rules(&["name-pattern"])),
            ("NM102", Rules(&["name-pattern"])),
            ("NM103", Rules(&["name-pattern"])),
            ("NM104", Rules(&["name-pattern"])),
            ("NM105", Rules(&["name-pattern"])),
            ("NM106", Rules(&["name-pattern"])),
            ("MY101", Rules(&["add-column-not-null"])),
            ("MY110", Rules(&["change-column-type"])),
            ("MY111", Rules(&["change-column-type"])),
            ("MY112", Rules(&["change-column-type"])),
            ("MY113", Rules(&["change-column-type"])),
            ("MY120", Rules(&["change-column-type"])),
            ("MY121", Rules(&["change-column-type"])),
            ("MY122", Rules(&["change-column-type"])),
            ("MY123", Rules(&["change-column-type"])),
        ],
    },
    Peer {
        name: "pg-schema-diff",
        source: "https://github.com/stripe/pg-schema-diff",
        ids: &[
            ("ACQUIRES_ACCESS_EXCLUSIVE_LOCK", Rules(&["rewrites-table", "locks-held-together", "lock-without-timeout"])),
            ("ACQUIRES_SHARE_LOCK", Rules(&["build-index", "lock-without-timeout"])),
            ("ACQUIRES_SHARE_ROW_EXCLUSIVE_LOCK", Rules(&["add-foreign-key", "lock-without-timeout"])),
            (
                "AUTHZ_UPDATE",
                Rules(&[
                    "add-grant",
                    "remove-grant",
                    "add-policy",
                    "change-policy",
                    "drop-policy",
                    "enable-row-security",
                    "disable-row-security",
                    "change-owner",
                ]),
            ),
            ("CORRECTNESS", Rules(&["not-covered", "change-sequence", "step-fails"])),
            ("DELETES_DATA", Rules(&["drop-table", "drop-column", "loses-values"])),
            ("HAS_UNTRACKABLE_DEPENDENCIES", Rules(&["untracked-body"])),
            ("IMPACTS_DATABASE_PERFORMANCE", Rules(&["build-index", "rewrites-table"])),
            ("INDEX_BUILD", Rules(&["build-index"])),
            ("INDEX_DROPPED", Rules(&["drop-index"])),
            ("UPGRADING_EXTENSION_VERSION", Rules(&["change-extension"])),
        ],
    },
    Peer {
        name: "squawk",
        source: "https://squawkhq.com/docs/rules",
        ids: &[
            ("adding-field-with-default", Rules(&["rewrites-table"])),
            ("adding-foreign-key-constraint", Rules(&["add-foreign-key"])),
            ("adding-not-nullable-field", Rules(&["set-not-null"])),
            ("adding-required-field", Rules(&["add-column-not-null"])),
            ("adding-serial-primary-key-field", Rules(&["add-primary-key", "rewrites-table", "serial-column"])),
            ("ban-add-column", Rules(&["add-column"])),
            ("ban-add-composite-attribute", Rules(&["change-composite"])),
            ("ban-add-enum-value", Rules(&["add-enum-value"])),
            ("ban-alter-database-options", Rules(&["change-setting"])),
            ("ban-alter-domain-with-add-constraint", Rules(&["add-domain-constraint"])),
            ("ban-alter-extension", Rules(&["change-extension"])),
            ("ban-alter-function-options", Rules(&["change-function", "security-definer"])),
            ("ban-alter-generated-expression", Rules(&["change-generated"])),
            ("ban-alter-identity", Rules(&["change-identity"])),
            ("ban-alter-policy-condition", Rules(&["change-policy"])),
            ("ban-alter-policy-roles", Rules(&["change-policy"])),
            ("ban-alter-role-options", Rules(&["change-setting"])),
            ("ban-alter-row-level-security", Rules(&["enable-row-security", "disable-row-security"])),
            ("ban-alter-sequence-values", Rules(&["change-sequence"])),
            ("ban-alter-system-options", None("ALTER SYSTEM is the whole server's, and no part of a schema")),
            ("ban-alter-view-options", Rules(&["change-view", "view-loses-security"])),
            ("ban-char-field", Rules(&["fixed-length-text"])),
            ("ban-concurrent-index-creation-in-transaction", None(NO_FILES)),
            ("ban-create-domain-with-constraint", Rules(&["new-domain-constraint"])),
            ("ban-create-policy", Rules(&["add-policy"])),
            ("ban-detach-inheritance", Rules(&["change-inheritance", "change-partitioning"])),
            ("ban-disable-trigger", Rules(&["disable-trigger"])),
            ("ban-drop-column", Rules(&["drop-column"])),
            ("ban-drop-constraint", Rules(&["drop-constraint"])),
            ("ban-drop-database", None("a plan is about what is in a database, and never drops it")),
            ("ban-drop-default", Rules(&["drop-default"])),
            ("ban-drop-domain", Rules(&["drop-type"])),
            ("ban-drop-extension", Rules(&["drop-extension"])),
            ("ban-drop-function", Rules(&["drop-function"])),
            ("ban-drop-generated-expression", Rules(&["change-generated"])),
            ("ban-drop-index", Rules(&["drop-index"])),
            ("ban-drop-not-null", Rules(&["drop-not-null"])),
            ("ban-drop-policy", Rules(&["drop-policy"])),
            ("ban-drop-schema", Rules(&["drop-schema"])),
            ("ban-drop-sequence", Rules(&["drop-sequence"])),
            ("ban-drop-table", Rules(&["drop-table"])),
            ("ban-drop-trigger", Rules(&["drop-trigger"])),
            ("ban-drop-type", Rules(&["drop-type"])),
            ("ban-drop-view", Rules(&["drop-view", "drop-materialized-view"])),
            ("ban-duplicate-column-assignments", None(NO_DATA)),
            (
                "ban-new-write-restriction",
                Rules(&["add-check", "add-unique", "add-foreign-key", "add-exclusion", "set-not-null", "unvalidated-constraint"]),
            ),
            ("ban-replace-view-function", Rules(&["change-view", "change-function"])),
            ("ban-replica-identity", Rules(&["change-replica-identity"])),
            ("ban-revoke", Rules(&["remove-grant"])),
            ("ban-set-default", Rules(&["change-default"])),
            ("ban-set-schema", Rules(&["likely-rename-table"])),
            ("ban-truncate-cascade", None(NO_DATA)),
            ("ban-uncommitted-transaction", None(NO_FILES)),
            ("changing-column-type", Rules(&["change-column-type"])),
            ("constraint-missing-not-valid", Rules(&["add-check", "add-foreign-key"])),
            ("disallowed-unique-constraint", Rules(&["add-unique"])),
            ("identifier-too-long", Rules(&["name-cut"])),
            ("prefer-bigint-over-int", Rules(&["small-key"])),
            ("prefer-bigint-over-smallint", Rules(&["small-key"])),
            ("prefer-identity", Rules(&["serial-column"])),
            ("prefer-repack", None("VACUUM FULL and CLUSTER change no schema, and no plan has them")),
            (
                "prefer-robust-stmts",
                None(
                    "a plan is made for the state that it meets, and one that ended half-way is followed by a plan for what is left",
                ),
            ),
            ("prefer-text-field", Rules(&["limited-text"])),
            ("prefer-timestamp-tz", Rules(&["timestamp-without-time-zone"])),
            ("renaming-column", Rules(&["rename-column", "likely-rename-column"])),
            ("renaming-object", Rules(&["rename-table", "likely-rename-table", "drop-view", "drop-function", "drop-type"])),
            ("renaming-table", Rules(&["rename-table", "likely-rename-table"])),
            ("require-concurrent-index-creation", Rules(&["build-index"])),
            ("require-concurrent-index-deletion", Rules(&["drop-index"])),
            ("require-concurrent-partition-detach", Rules(&["change-partitioning"])),
            ("require-concurrent-reindex", None("REINDEX changes no schema, and no plan has it")),
            (
                "require-enum-value-ordering",
                None("the files say the order of all values, and the plan gives each new one its place"),
            ),
            ("require-lock-timeout", Rules(&["lock-without-timeout"])),
            ("require-statement-timeout", Rules(&["lock-without-timeout"])),
            ("require-table-schema", None("the plan writes every name with its schema, whatever the files do")),
            ("require-timeout-settings", Rules(&["lock-without-timeout"])),
            ("transaction-nesting", None(NO_FILES)),
        ],
    },
    Peer {
        name: "eugene",
        source: "https://kaveland.no/eugene/hints.html",
        ids: &[
            ("E1", Rules(&["add-check", "add-foreign-key"])),
            ("E2", Rules(&["set-not-null"])),
            ("E3", Rules(&["json-column"])),
            ("E4", Rules(&["locks-held-together", "worked-through-twice"])),
            ("E5", Rules(&["change-column-type", "rewrites-table"])),
            ("E6", Rules(&["build-index"])),
            ("E7", Rules(&["add-unique"])),
            ("E8", Rules(&["add-exclusion"])),
            ("E9", Rules(&["lock-without-timeout"])),
            ("E10", Rules(&["rewrites-table"])),
            ("E11", Rules(&["rewrites-table", "serial-column"])),
            ("W12", Rules(&["worked-through-twice"])),
            ("W13", Rules(&["new-enum"])),
            ("W14", Rules(&["add-primary-key", "set-not-null"])),
            ("E15", Rules(&["foreign-key-without-index"])),
        ],
    },
    Peer {
        name: "pgmold",
        source: "https://github.com/fmguerreiro/pgmold",
        ids: &[
            ("deny_drop_column", Rules(&["drop-column"])),
            ("deny_drop_domain", Rules(&["drop-type"])),
            ("deny_drop_enum", Rules(&["drop-type"])),
            ("deny_drop_extension", Rules(&["drop-extension"])),
            ("deny_drop_materialized_view", Rules(&["drop-materialized-view"])),
            ("deny_drop_schema", Rules(&["drop-schema"])),
            ("deny_drop_sequence", Rules(&["drop-sequence"])),
            ("deny_drop_table", Rules(&["drop-table"])),
            ("deny_drop_table_in_prod", Rules(&["drop-table"])),
            ("deny_drop_trigger", Rules(&["drop-trigger"])),
            ("deny_drop_unique_constraint", Rules(&["drop-constraint"])),
            ("deny_drop_view", Rules(&["drop-view"])),
            ("warn_identifier_exceeds_namedatalen", Rules(&["name-cut"])),
            ("warn_sequence_restart", Rules(&["change-sequence"])),
            ("warn_set_not_null", Rules(&["set-not-null"])),
            ("warn_type_narrowing", Rules(&["change-column-type"])),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::risk::rules;

    #[test]
    fn every_id_of_the_catalogues_is_here_once_with_rules_that_are_there() {
        for peer in PEERS {
            let ids: BTreeSet<&str> = peer.ids.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids.len(), peer.ids.len(), "{} has an id twice", peer.name);
            for (id, here) in peer.ids {
                match here {
                    Rules(ours) => {
                        assert!(!ours.is_empty(), "{id}");
                        ours.iter().for_each(|rule| assert!(rules::by_id(rule).is_some(), "{id}: there is no rule {rule}"));
                    }
                    None(why) => assert!(why.len() > 20, "{id}"),
                }
            }
        }
        let numbered = |peer: &str, names: &[(&str, std::ops::RangeInclusive<u16>)]| {
            let peer = PEERS.iter().find(|known| known.name == peer).unwrap();
            for (prefix, numbers) in names {
                for number in numbers.clone() {
                    let id = format!("{prefix}{number}");
                    assert!(peer.ids.iter().any(|(known, _)| *known == id), "{id} is missing");
                }
            }
        };
        // Atlas's own list, by its groups; eugene's, by its numbers.
        let atlas =
            [("DS", 101..=103), ("MF", 101..=104), ("BC", 101..=102), ("CD", 101..=101), ("PG", 101..=105), ("PG", 110..=110)];
        numbered("Atlas", &atlas);
        numbered("Atlas", &[("PG", 301..=306), ("NM", 101..=106), ("MY", 110..=113), ("MY", 120..=123)]);
        numbered("eugene", &[("E", 1..=11), ("W", 12..=14), ("E", 15..=15)]);
    }
}
