//! `schemaproof atlas install`: for those who want Atlas at the desk.

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::{Environment, Exit};
use crate::plan::atlas::release::{self, InstallError, Limits, RELEASES, VERSION, Wanted};

#[derive(clap::Args)]
pub struct AtlasArguments {
    #[command(subcommand)]
    command: AtlasCommand,
}

#[derive(clap::Subcommand)]
enum AtlasCommand {
    /// Download Atlas's community release into the user's cache, where every command finds it
    Install(InstallArguments),
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof atlas install
  schemaproof atlas install --sha256 0123…
  schemaproof atlas install --from https://mirror.example/atlas

The file is kept only if its SHA-256 is the one published beside it, and the one given with --sha256. The published one
comes from the same server; give one that you know from elsewhere where that is not enough. HTTPS_PROXY and NO_PROXY are heeded.")]
struct InstallArguments {
    /// Address that the release's files lie under [default: https://release.ariga.io/atlas, or SCHEMAPROOF_ATLAS_RELEASES]
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// SHA-256 that the file must have
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Download again what is there already
    #[arg(long)]
    force: bool,
}

pub async fn atlas(arguments: AtlasArguments, environment: &Environment, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let AtlasCommand::Install(arguments) = arguments.command;
    let releases = arguments.from.or_else(|| environment.get("SCHEMAPROOF_ATLAS_RELEASES").map(String::from));
    let mut limits = Limits::default();
    if let Some(seconds) = environment.get("SCHEMAPROOF_ATLAS_TIMEOUT") {
        let seconds = seconds.parse().context("SCHEMAPROOF_ATLAS_TIMEOUT is a number of seconds")?;
        limits.whole = std::time::Duration::from_secs(seconds);
    }
    let wanted =
        Wanted { releases: releases.unwrap_or_else(|| RELEASES.into()), sha256: arguments.sha256, force: arguments.force, limits };
    let cache = environment.cache().ok_or(InstallError::NoCache)?;
    // It draws on a terminal alone.
    let bar = ProgressBar::no_length().with_style(style());
    let progress = |read, length: Option<u64>| {
        if let Some(length) = length {
            bar.set_length(length);
        }
        bar.set_position(read);
    };
    let outcome = tokio::select! {
        outcome = release::install(&cache, &wanted, progress) => outcome,
        () = cancel.cancelled() => anyhow::bail!("stopped; nothing was kept"),
    };
    bar.finish_and_clear();
    let installed = outcome.with_context(|| format!("cannot install Atlas {VERSION}"))?;
    let verb = if installed.already { "is there already" } else { "is installed" };
    println!("Atlas {} {verb}: {}\nSHA-256 {}", installed.version, installed.program.display(), installed.sha256);
    if !installed.already && wanted.sha256.is_none() {
        println!("The sum is the one that {} has beside the file; `--sha256` checks it against yours.", wanted.releases);
    }
    Ok(Exit::Pass)
}

fn style() -> ProgressStyle {
    let plain = ProgressStyle::default_bar();
    plain.clone().template("Atlas {bytes} of {total_bytes} {bar:30} {bytes_per_sec}").unwrap_or(plain)
}
