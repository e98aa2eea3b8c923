//! Atlas's community release for this platform: fetched, checked, kept in the user's cache.
//!
//! What is downloaded is run only after its SHA-256 is the one that the publisher has beside it, and the one that was asked for, if any.
//! The first of them comes from the same server as the file: it tells a broken download, not a dishonest server. None is built in here.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Client, StatusCode};
use sha2::{Digest, Sha256};
use url::Url;

use super::{Atlas, AtlasError};

/// The release that schemaproof is tested with.
pub const VERSION: &str = "v1.2.3";

/// Where releases are published.
pub const RELEASES: &str = "https://release.ariga.io/atlas";

/// What is asked for, and how much is taken.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Address that the release's files lie under.
    pub releases: String,
    /// The SHA-256 that the user knows from elsewhere, in hexadecimal.
    pub sha256: Option<String>,
    /// Download again what is there already.
    pub force: bool,
    pub limits: Limits,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most bytes of the release.
    pub bytes: u64,
    /// Longest wait for the next bytes.
    pub silence: Duration,
    /// Longest download.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 512 << 20, silence: Duration::from_secs(30), whole: Duration::from_secs(1_200) }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Installed {
    pub program: PathBuf,
    /// As the program says it.
    pub version: String,
    pub sha256: String,
    /// Nothing was downloaded: it was there.
    pub already: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("Atlas has no community release for {os} on {architecture}; build it, or use the Action's image, or `--engine native`")]
    Platform { os: &'static str, architecture: &'static str },
    #[error("there is no cache directory: neither XDG_CACHE_HOME nor HOME is set to an absolute path")]
    NoCache,
    #[error("cannot {attempt} {}: {source}", .path.display())]
    File { attempt: &'static str, path: PathBuf, source: io::Error },
    #[error("another `schemaproof atlas install` has held {} for {} s; end it, or remove the file", .path.display(), .limit.as_secs())]
    Locked { path: PathBuf, limit: Duration },
    #[error("`{address}…` is not an address of releases; give one that begins with https:// or http://")]
    Address { address: String },
    #[error(transparent)]
    Client(#[from] crate::http::HttpError),
    #[error("cannot get {url}: {why}; HTTPS_PROXY and NO_PROXY are heeded, and `--from URL` names a mirror")]
    Get { url: String, why: String },
    #[error("{url} is not there: the server answered {status}; `--from URL` names a mirror that has it")]
    Status { url: String, status: u16 },
    #[error("{url} did not end within {} s", .limit.as_secs())]
    Slow { url: String, limit: Duration },
    #[error("{url} has more than {limit} bytes, which no release of Atlas has; nothing was kept")]
    TooLarge { url: String, limit: u64 },
    #[error("{url} holds no SHA-256")]
    NoSum { url: String },
    #[error("`{given}` is not a SHA-256: 64 hexadecimal digits")]
    BadSum { given: String },
    #[error(
        "the SHA-256 of {url} is {found} and {whose} is {wanted}: the file is cut off or another one; nothing was kept. Try again, or name \
         another mirror with `--from URL`"
    )]
    Sum { url: String, found: String, wanted: String, whose: &'static str },
    #[error("what was downloaded is as published, but does not run here; it was removed: {0}")]
    Run(#[source] AtlasError),
}

/// Where the release is kept under a cache directory, whether it is there or not.
pub fn kept(cache: &Path) -> PathBuf {
    cache.join("schemaproof").join(format!("atlas-{}", VERSION.trim_start_matches('v'))).join("atlas")
}

/// Downloads, checks and keeps the release, unless it is there. `progress` hears how many bytes there are, of how many if that is known.
///
/// # Errors
/// [`InstallError`]; what was there before is left as it was.
pub async fn install(cache: &Path, wanted: &Wanted, progress: impl Fn(u64, Option<u64>)) -> Result<Installed, InstallError> {
    let program = kept(cache);
    let directory = program.parent().unwrap_or(cache).to_path_buf();
    fs::create_dir_all(&directory).map_err(file("make", &directory))?;
    let _lock = lock(&directory.join(".lock")).await?;
    let given = wanted.sha256.as_deref().map(|given| sum_in(given).ok_or_else(|| InstallError::BadSum { given: given.into() }));
    let given = given.transpose()?;
    if !wanted.force && program.is_file() {
        let found = sum_of(&program)?;
        if let Some(wanted) = given.clone().filter(|given| *given != found) {
            let whose = "the one that was given";
            return Err(InstallError::Sum { url: program.display().to_string(), found, wanted, whose });
        }
        let version = version(&program).await.map_err(InstallError::Run)?;
        return Ok(Installed { program, version, sha256: found, already: true });
    }
    if !Url::parse(&wanted.releases).is_ok_and(|url| matches!(url.scheme(), "https" | "http")) {
        return Err(InstallError::Address { address: wanted.releases.chars().take(8).collect() });
    }
    let client = crate::http::client(wanted.limits.silence)?;
    let url = format!("{}/{}", wanted.releases.trim_end_matches('/'), name()?);
    let download = async {
        let published = published(&client, &format!("{url}.sha256")).await?;
        let mut part = tempfile::Builder::new().prefix(".part-").tempfile_in(&directory).map_err(file("write to", &directory))?;
        let found = fetch(&client, &url, part.as_file_mut(), wanted.limits, progress).await?;
        for (wanted, whose) in [(Some(published), "the published one"), (given, "the one that was given")] {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                return Err(InstallError::Sum { url: url.clone(), found, wanted, whose });
            }
        }
        Ok((part, found))
    };
    let limit = wanted.limits.whole;
    let (part, sha256) =
        tokio::time::timeout(limit, download).await.map_err(|_| InstallError::Slow { url: url.clone(), limit })??;
    part.as_file().set_permissions(fs::Permissions::from_mode(0o755)).map_err(file("make executable", part.path()))?;
    part.as_file().sync_all().map_err(file("write to", part.path()))?;
    // A file that is open for writing cannot be run.
    let part = part.into_temp_path();
    let version = version(&part).await.map_err(InstallError::Run)?;
    part.persist(&program).map_err(|error| InstallError::File { attempt: "write", path: program.clone(), source: error.error })?;
    Ok(Installed { program, version, sha256, already: false })
}

/// The release's file name on this platform: `atlas-community-linux-amd64-v1.2.3`.
///
/// # Errors
/// When there is none.
pub fn name() -> Result<String, InstallError> {
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let system = match os {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return Err(InstallError::Platform { os, architecture }),
    };
    let machine = match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        _ => return Err(InstallError::Platform { os, architecture }),
    };
    Ok(format!("atlas-community-{system}-{machine}-{VERSION}"))
}

fn file<'a>(attempt: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> InstallError + 'a {
    move |source| InstallError::File { attempt, path: path.into(), source }
}

async fn version(program: &Path) -> Result<String, AtlasError> {
    Ok(Atlas::open(program.into(), Duration::from_secs(30)).await?.version)
}

/// Held until it is dropped, also by the kernel when the process is killed.
async fn lock(path: &Path) -> Result<File, InstallError> {
    let limit = Duration::from_secs(600);
    let opened = File::options().create(true).append(true).open(path).map_err(file("open", path))?;
    let begun = tokio::time::Instant::now();
    loop {
        match opened.try_lock() {
            Ok(()) => return Ok(opened),
            Err(TryLockError::WouldBlock) if begun.elapsed() < limit => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(TryLockError::WouldBlock) => return Err(InstallError::Locked { path: path.into(), limit }),
            Err(TryLockError::Error(source)) => return Err(file("lock", path)(source)),
        }
    }
}

async fn get(client: &Client, url: &str) -> Result<reqwest::Response, InstallError> {
    let response = client.get(url).send().await.map_err(|error| failed(url, &error))?;
    if url.starts_with("https://") && response.url().scheme() != "https" {
        return Err(InstallError::Get { url: shown(url), why: "it was redirected to an address without TLS".into() });
    }
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(InstallError::Status { url: shown(url), status: status.as_u16() }),
    }
}

/// The SHA-256 in the file beside the release; `HEX` or `HEX  NAME`.
async fn published(client: &Client, url: &str) -> Result<String, InstallError> {
    let mut response = get(client, url).await?;
    let mut text = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(|error| failed(url, &error))? {
        text.extend(bytes);
        if text.len() > 4_096 {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    text.split_whitespace().next().and_then(sum_in).ok_or_else(|| InstallError::NoSum { url: shown(url) })
}

fn sum_in(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("sha256:").to_ascii_lowercase();
    (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
}

/// Writes a file and answers with its SHA-256.
async fn fetch(
    client: &Client,
    url: &str,
    into: &mut File,
    limits: Limits,
    progress: impl Fn(u64, Option<u64>),
) -> Result<String, InstallError> {
    let too_large = || InstallError::TooLarge { url: shown(url), limit: limits.bytes };
    let mut response = get(client, url).await?;
    let length = response.content_length();
    if length.is_some_and(|length| length > limits.bytes) {
        return Err(too_large());
    }
    let (mut hash, mut read) = (Sha256::new(), 0_u64);
    while let Some(bytes) = response.chunk().await.map_err(|error| failed(url, &error))? {
        read += bytes.len() as u64;
        if read > limits.bytes {
            return Err(too_large());
        }
        hash.update(&bytes);
        into.write_all(&bytes).map_err(file("write to", Path::new("the cache")))?;
        progress(read, length);
    }
    Ok(hex(&hash.finalize()))
}

fn sum_of(path: &Path) -> Result<String, InstallError> {
    let mut hash = Sha256::new();
    let mut program = File::open(path).map_err(file("read", path))?;
    let mut bytes = vec![0; 1 << 16];
    loop {
        match program.read(&mut bytes).map_err(file("read", path))? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(bytes.get(..read).unwrap_or_default()),
        }
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(url: &str, error: &reqwest::Error) -> InstallError {
    // The URL is said already; a proxy's, with its password, is in none of the causes.
    InstallError::Get { url: shown(url), why: causes(std::error::Error::source(error).unwrap_or(error)) }
}

/// An address without user and password.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) => {
            // Only a URL that has no host refuses.
            let _ = parsed.set_username("").and_then(|()| parsed.set_password(None));
            parsed.set_query(None);
            parsed.to_string()
        }
        Err(_) => "the release".into(),
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}
