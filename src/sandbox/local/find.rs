//! Where Postgres's programs are on this machine, and where there is room for data.

use std::path::{Path, PathBuf};

/// The directory with `initdb` and `postgres`: on PATH, where `pg_config` says, or the newest of a distribution's.
pub(super) async fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let config = tokio::process::Command::new("pg_config").arg("--bindir").stdin(std::process::Stdio::null()).output();
    if let Ok(Ok(output)) = tokio::time::timeout(std::time::Duration::from_secs(5), config).await {
        candidates.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    for (root, below) in [("/usr/lib/postgresql", "bin"), ("/usr/local/opt", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr", "bin")]
    {
        candidates.extend(newest_first(Path::new(root)).into_iter().map(|directory| directory.join(below)));
    }
    candidates.into_iter().find_map(|directory| {
        let both = ["initdb", "postgres"].iter().all(|program| directory.join(program).is_file());
        // A link on PATH stands for the installation that it leads to, which has pg_dump beside the server.
        both.then(|| std::fs::canonicalize(directory.join("postgres")).ok()?.parent().map(Path::to_path_buf)).flatten()
    })
}

/// Directories whose name ends in a major version (`16`, `pgsql-16`, `postgresql@16`).
fn newest_first(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
            let named = ["", "pgsql-", "postgresql@"].contains(&name.strip_suffix(digits)?);
            Some((digits.parse().ok().filter(|_| named)?, entry.path()))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// Where data directories may be.
pub(in crate::sandbox) fn parents() -> Vec<PathBuf> {
    vec![PathBuf::from("/dev/shm"), PathBuf::from("/tmp")]
}

/// A directory in memory where there is room, else in /tmp (a socket's path may have 107 bytes, so not in a longer one).
pub(in crate::sandbox) fn roomy_directory(bytes: u64) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let room = nix::sys::statvfs::statvfs(&memory).map(|stat| {
        let (blocks, size) = (stat.blocks_available(), stat.fragment_size());
        #[allow(clippy::useless_conversion, reason = "their width differs between systems")]
        u64::from(blocks).saturating_mul(u64::from(size))
    });
    match room {
        Ok(room) if room > bytes => memory,
        _ => PathBuf::from("/tmp"),
    }
}
