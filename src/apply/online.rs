//! What the steps of an online plan say about how they are run: how long they wait for locks, and what ends what a failed one began.
//!
//! It runs nothing: [`super::group`] does.

use super::{Limits, session::milliseconds};
use crate::{
    catalog::ObjectId,
    plan::{self, Online, Recovery, Step},
};

/// `object_not_in_prerequisite_state`: what the statement was to end had not begun ("ALTER TABLE", DETACH PARTITION … FINALIZE).
pub(super) const NOT_BEGUN: &str = "55000";

fn online(steps: &[Step]) -> Option<&Online> {
    steps.iter().find_map(|step| step.online.as_ref())
}

/// `lock_timeout` of a group of an online plan, in milliseconds; 0 where nobody waits behind it. The run's own limit holds where it is
/// shorter. Absent in any other plan.
pub(super) fn lock_timeout(steps: &[Step], limits: &Limits) -> Option<u128> {
    let online = online(steps)?;
    Some(online.lock_timeout.map_or(0, |limit| milliseconds(limits.lock).min(u128::from(limit))))
}

/// What ends a statement that was cut short, instead of itself.
pub(super) fn instead(steps: &[Step]) -> Option<&str> {
    match online(steps)?.recovery.as_ref()? {
        Recovery::Instead(sql) => Some(sql),
        Recovery::Before(_) => None,
    }
}

/// Whether a failed try leaves something behind that goes before the next.
pub(super) fn is_left(steps: &[Step]) -> bool {
    online(steps).is_some_and(|online| matches!(online.recovery, Some(Recovery::Before(_))))
}

/// Whether a failed try leaves this index behind, not valid.
pub(super) fn leaves(steps: &[Step], index: &ObjectId) -> bool {
    let [schema, name] = index.path.as_slice() else { return false };
    let drop = plan::online::index::drop_left(schema, name);
    matches!(online(steps), Some(Online { recovery: Some(Recovery::Before(sql)), .. }) if *sql == drop)
}
