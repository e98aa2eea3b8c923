//! Who owns a container, a network or a directory, and whether that run is still there.
//!
//! An owner is a process of one boot and one process-id namespace, told from later ones of the same number by its start time. Where
//! we cannot look (another machine, another container), only the deadline decides, so a run that lives is never swept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::random;

/// Marks everything that is ours.
pub(super) const LABEL: &str = "schemaproof";
pub(super) const OWNER: &str = "schemaproof.owner";
pub(super) const DEADLINE: &str = "schemaproof.deadline";
pub(super) const RUN: &str = "schemaproof.run";
pub(super) const MARK: &str = "schemaproof.mark";

/// One run of ours.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// Unique; part of every name.
    pub run: String,
    process: String,
    deadline: u64,
}

impl Owner {
    /// This process, which is to be done after `limit`.
    pub fn this(limit: Duration) -> Owner {
        // Starting, pulling and removing come on top of the run.
        let deadline = now().saturating_add(limit.as_secs()).saturating_add(600);
        Owner { run: random(12), process: process(std::process::id()).unwrap_or_default(), deadline }
    }

    /// Labels of Docker, or lines of a file.
    pub fn labels(&self) -> Vec<(String, String)> {
        vec![
            (LABEL.into(), "1".into()),
            (OWNER.into(), self.process.clone()),
            (DEADLINE.into(), self.deadline.to_string()),
            (RUN.into(), self.run.clone()),
        ]
    }
}

/// Whether what has these labels belongs to a run that is over.
pub(super) fn is_over(owner: Option<&str>, deadline: Option<&str>) -> bool {
    let late = deadline.and_then(|text| text.parse::<u64>().ok()).is_none_or(|deadline| deadline < now());
    late || owner.is_some_and(is_dead)
}

fn is_dead(owner: &str) -> bool {
    let mut parts = owner.split('/');
    let (Some(boot), Some(namespace), Some(pid), Some(_)) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(pid) = pid.parse::<u32>() else { return false };
    if Some(boot.to_string()) != boot_id() || Some(namespace.to_string()) != pid_namespace() {
        return false;
    }
    process(pid).as_deref() != Some(owner)
}

/// `BOOT/NAMESPACE/PID/START` of a process; none where there is no /proc, or no such process.
fn process(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, with whatever in it; the start time is field 22 (proc(5)).
    let start = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{}/{}/{pid}/{start}", boot_id()?, pid_namespace()?))
}

fn boot_id() -> Option<String> {
    Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_string())
}

fn pid_namespace() -> Option<String> {
    let link = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.to_str()?.chars().filter(char::is_ascii_digit).collect())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_lives_is_never_swept() {
        let owner = process(std::process::id());
        let later = (now() + 60).to_string();
        assert!(!is_over(owner.as_deref(), Some(&later)));
        assert!(is_over(owner.as_deref(), Some("1")), "but not after its deadline");
    }

    #[test]
    fn a_process_that_ended_is_told_from_a_later_one_of_its_number() {
        let later = (now() + 60).to_string();
        let owner = process(std::process::id()).unwrap();
        let before = format!("{}/7", owner.rsplit_once('/').unwrap().0);
        assert!(is_over(Some(&before), Some(&later)));
    }

    #[test]
    fn what_cannot_be_looked_at_is_left_until_its_deadline() {
        let later = (now() + 60).to_string();
        assert!(!is_over(Some("another-boot/1/2/3"), Some(&later)));
        assert!(!is_over(Some(""), Some(&later)));
        assert!(!is_over(None, Some(&later)));
        assert!(is_over(None, None));
    }
}
