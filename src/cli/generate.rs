//! `schemaproof generate`: one consolidated file from the SQL directory, or from an image's, loadable by psql.

use std::{io::Read, path::PathBuf};

use anyhow::{Context, bail};
use tokio_util::sync::CancellationToken;

use super::{CommonOptions, Exit, output};
use crate::{
    report::safe,
    sandbox::{self, Request},
    script::{self, Item, Names, SqlFile, hcl},
    source::{self, LIMITS, SqlFiles},
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof generate --out schema.sql && psql -v ON_ERROR_STOP=1 -f schema.sql
  schemaproof generate --from-image percolationlabs/postgres-base:16 --out schema.sql
  schemaproof generate schema.hcl

With --from-image it is what the image's entry point would execute on a new database: the files of
/docker-entrypoint-initdb.d in C-locale order, .sql and .sql.gz. Nothing of the image is run.")]
pub struct GenerateArguments {
    /// Directory of .sql files, or one file of SQL or HCL
    #[arg(default_value = "extensions/sql", conflicts_with = "from_image")]
    source: PathBuf,
    /// Take the files out of a Docker image
    #[arg(long, value_name = "IMAGE")]
    from_image: Option<String>,
    /// With --from-image: leave out what the image would run as a program (.sh)
    #[arg(long, requires = "from_image")]
    without_scripts: bool,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub async fn generate(arguments: &GenerateArguments, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let files = match &arguments.from_image {
        Some(image) => SqlFiles { files: from_image(image, arguments.without_scripts, cancel).await?, included: Vec::new() },
        None => source::directory::read(&arguments.source)?,
    };
    let text = consolidated(&files)?;
    output::write(arguments.out.as_deref(), text)?;
    Ok(Exit::Pass)
}

/// The files one after the other, a comment line before each; HCL as the SQL that it stands for.
pub(super) fn consolidated(files: &SqlFiles) -> anyhow::Result<String> {
    let files = &files.files;
    let mut text = String::new();
    for file in files.iter().filter(|file| !hcl::is_hcl(&file.path)) {
        // A line break in a file's name must not end the comment.
        text.push_str(&format!("-- {}\n{}", safe::visible(&file.path), file.text));
        if !file.text.ends_with('\n') {
            text.push('\n');
        }
    }
    let of_hcl: Vec<SqlFile> = files.iter().filter(|file| hcl::is_hcl(&file.path)).cloned().collect();
    for item in script::split(&of_hcl, &Names::default())? {
        match item {
            Item::File { path } => text.push_str(&format!("-- {}\n", safe::visible(&path))),
            Item::Statement(statement) => {
                text.push_str(&format!("-- {}\n{};\n", safe::visible(&statement.place.to_string()), statement.text));
            }
            Item::Remark { place, text: remark } => {
                text.push_str(&format!("-- {}\n", safe::visible(&format!("{place}: {remark}"))))
            }
            Item::Refused(error) => bail!("{error}\n{}", error.excerpt().unwrap_or_default()),
            Item::CopyIn { .. } | Item::CopyOut(_) | Item::Reconnect { .. } => {}
        }
    }
    Ok(text)
}

/// What the entry point of an image would execute.
async fn from_image(image: &str, without_scripts: bool, cancel: &CancellationToken) -> anyhow::Result<Vec<SqlFile>> {
    let config = CommonOptions { image: Some(image.into()), ..CommonOptions::default() }.config()?;
    let found = sandbox::initial_files(&Request::from(&config), cancel).await?;
    let (mut files, mut programs, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (name, bytes) in found {
        let path = format!("{image}:/docker-entrypoint-initdb.d/{name}");
        if name.ends_with(".sql") {
            files.push(SqlFile::from_bytes(&path, &bytes)?);
        } else if name.ends_with(".sql.gz") {
            let mut text = Vec::new();
            let limit = LIMITS.file_bytes;
            let read = flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(limit + 1).read_to_end(&mut text);
            read.with_context(|| format!("cannot unpack {path}"))?;
            if text.len() as u64 > limit {
                bail!("{path} unpacks to more than {} MB, the most that one SQL file may have", limit >> 20);
            }
            files.push(SqlFile::from_bytes(&path, &text)?);
        } else if [".sh", ".sql.xz", ".sql.zst"].iter().any(|end| name.ends_with(end)) {
            programs.push(name);
        } else {
            others.push(name);
        }
    }
    if !programs.is_empty() && !without_scripts {
        bail!(
            "the image `{image}` also runs what is no SQL file to read: {}. What they do to the schema cannot be written down here; \
             `--without-scripts` leaves them out",
            programs.join(", ")
        );
    }
    for name in programs {
        eprintln!("schemaproof: left out: {}, which the image would run", safe::line(&name));
    }
    for name in others {
        eprintln!("schemaproof: left out: {}, which the image's entry point ignores too", safe::line(&name));
    }
    if files.is_empty() {
        bail!("the image `{image}` has no .sql or .sql.gz file in /docker-entrypoint-initdb.d");
    }
    Ok(files)
}
