//! What an image's entry point would execute on a new database: the files of `/docker-entrypoint-initdb.d`.
//!
//! They are read out of a container that is created and never started, and gone afterwards. Nothing of the image runs.

use std::{collections::HashMap, io::Read};

use bollard::{errors::Error, query_parameters::DownloadFromContainerOptionsBuilder};
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{Daemon, Recipe, Stand, causes};
use crate::sandbox::{Request, SandboxError};

/// Where the official images' entry point looks.
const DIRECTORY: &str = "/docker-entrypoint-initdb.d";

/// Largest archive that is read, in bytes.
const LARGEST: usize = 256 << 20;

/// The files' names and contents, in C-locale order.
pub(in crate::sandbox) async fn read(
    request: &Request,
    cancel: &CancellationToken,
) -> Result<Vec<(String, Vec<u8>)>, SandboxError> {
    let stand = Stand::new(request).await?;
    stand.image(request, cancel).await?;
    let recipe = Recipe {
        name: stand.container("files"),
        image: request.image.clone(),
        entrypoint: vec!["/never/started".into()],
        command: Vec::new(),
        environment: Vec::new(),
        labels: stand.labels(),
        tmpfs: HashMap::new(),
        memory: 64 << 20,
        processes: 16,
        network: "none".into(),
        port: 5432,
        published: false,
    };
    stand.daemon.create(&recipe).await?;
    let archive = tokio::select! {
        archive = stand.daemon.archive(&recipe.name, &request.image) => archive,
        () = cancel.cancelled() => Err(SandboxError::Cancelled),
    };
    let removed = stand.daemon.remove(&recipe.name).await;
    let archive = archive?;
    removed?;
    let bad = |why: std::io::Error| SandboxError::Docker {
        attempted: format!("read {DIRECTORY} of `{}`", request.image),
        why: why.to_string(),
    };
    files(&archive).map_err(bad)
}

impl Daemon {
    /// The directory as a tar archive.
    async fn archive(&self, container: &str, image: &str) -> Result<Vec<u8>, SandboxError> {
        let attempted = format!("read {DIRECTORY} of `{image}`");
        let options = DownloadFromContainerOptionsBuilder::new().path(DIRECTORY).build();
        let mut pieces = std::pin::pin!(self.0.download_from_container(container, Some(options)));
        let mut archive = Vec::new();
        loop {
            let Ok(piece) = tokio::time::timeout(super::ANSWER, pieces.next()).await else {
                return Err(SandboxError::Docker { attempted, why: format!("no answer within {} s", super::ANSWER.as_secs()) });
            };
            match piece {
                None => return Ok(archive),
                Some(Ok(bytes)) => archive.extend_from_slice(&bytes),
                Some(Err(Error::DockerResponseServerError { status_code: 404, .. })) => {
                    return Err(SandboxError::Docker { attempted, why: "the image has no such directory".into() });
                }
                Some(Err(error)) => return Err(SandboxError::Docker { attempted, why: causes(&error) }),
            }
            if archive.len() > LARGEST {
                return Err(SandboxError::Docker { attempted, why: format!("it has more than {} MB", LARGEST >> 20) });
            }
        }
    }
}

/// The regular files right in the directory.
fn files(archive: &[u8]) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
        let (Some(_), Some(name), None) = (parts.next(), parts.next(), parts.next()) else { continue };
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.push((name.to_string(), bytes));
        } else if !entry.header().entry_type().is_dir() {
            let why = format!("`{name}` is a link or a device; put the file itself there");
            return Err(std::io::Error::other(why));
        }
    }
    files.sort();
    Ok(files)
}
