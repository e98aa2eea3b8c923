//! `schemaproof completions` and `schemaproof man`: what a shell and a manual reader want, made from the command line itself.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use super::{CommandLine, Exit, output};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof completions bash > ~/.local/share/bash-completion/completions/schemaproof
  schemaproof completions zsh > ~/.zfunc/_schemaproof
  schemaproof completions fish > ~/.config/fish/completions/schemaproof.fish")]
pub struct CompletionsArguments {
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Prints a script that completes commands and options.
pub fn completions(arguments: &CompletionsArguments) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut CommandLine::command(), "schemaproof", &mut script);
    output::write(None, script)?;
    Ok(Exit::Pass)
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof man | man -l -
  schemaproof man --out ~/.local/share/man/man1")]
pub struct ManArguments {
    /// Write a page for each command into this directory instead of printing the main one
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

/// Prints the manual page, or writes all of them.
pub fn man(arguments: &ManArguments) -> anyhow::Result<Exit> {
    match &arguments.out {
        Some(directory) => {
            std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
            clap_mangen::generate_to(CommandLine::command(), directory)
                .with_context(|| format!("cannot write pages to {}", directory.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(CommandLine::command()).render(&mut page).context("cannot make the page")?;
            output::write(None, page)?;
        }
    }
    Ok(Exit::Pass)
}
