//! The one file that speaks HTTP with GitHub, through octocrab on our HTTP client: requests with limits, retries, pages, typed failures.
//!
//! It knows no comment and no commit status: those are in the files beside it. Reads are retried. A write that may have arrived
//! (the connection broke, the server failed) is repeated only after looking whether it did. The token is in no message.

use std::{
    hash::{BuildHasher as _, Hasher as _},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use octocrab::Octocrab;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{http, trigger::Repository};

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One request, to the last byte of its answer.
    pub request: Duration,
    /// Tries of one operation.
    pub tries: u32,
    /// Pause before the second try; doubled each time, with jitter.
    pub pause: Duration,
    /// Longest time that is waited when GitHub says how long to wait.
    pub longest_wait: Duration,
    /// Pages of one listing, a hundred entries each.
    pub pages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            request: Duration::from_secs(20),
            tries: 4,
            pause: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            pages: 300,
        }
    }
}

/// Why an operation on GitHub failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {attempt}: {why}")]
pub struct ApiError {
    /// What was attempted, on what.
    pub attempt: String,
    pub why: Failure,
}

/// What GitHub answered, or that it did not.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Failure {
    #[error("GitHub does not accept the token (401); give a valid one as the input `token`")]
    Unauthorized,
    #[error("GitHub forbids it (403: {message}); give the job the permission it needs")]
    Forbidden { message: String },
    #[error("GitHub's rate limit is reached{}", wait.map(|wait| format!("; it ends in {} s", wait.as_secs())).unwrap_or_default())]
    RateLimited { wait: Option<Duration> },
    #[error("GitHub does not find it (404: {message}), or the token may not see it")]
    NotFound { message: String },
    #[error("GitHub refuses it ({status}: {message})")]
    Refused { status: u16, message: String },
    #[error("GitHub is not available ({status}); run it again later")]
    Unavailable { status: u16 },
    #[error("the connection to GitHub failed ({message}); run it again later")]
    Connection { message: String },
    #[error("GitHub did not answer within {} s; run it again later", after.as_secs())]
    TimedOut { after: Duration },
    #[error("GitHub's answer cannot be read ({message})")]
    Unreadable { message: String },
    #[error("there are more than {pages} pages")]
    TooManyPages { pages: u32 },
}

impl Failure {
    /// Whether the request may nevertheless have been carried out.
    fn is_ambiguous(&self) -> bool {
        matches!(
            self,
            Failure::Unavailable { .. } | Failure::Connection { .. } | Failure::TimedOut { .. } | Failure::Unreadable { .. }
        )
    }

    fn is_passing(&self) -> bool {
        matches!(
            self,
            Failure::Unavailable { .. } | Failure::Connection { .. } | Failure::TimedOut { .. } | Failure::RateLimited { .. }
        )
    }
}

/// The REST method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

/// One repository on GitHub, with a token.
pub struct Api {
    crab: Octocrab,
    repository: Repository,
    token: SecretString,
    limits: Limits,
}

struct Answer {
    text: String,
    has_next: bool,
}

impl Api {
    /// A client for `base` (`GITHUB_API_URL`). Sends nothing. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When `base` is not a URL, or the machine has no certificates to trust.
    pub fn new(base: &str, token: SecretString, repository: Repository, limits: Limits) -> Result<Api, ApiError> {
        let failed = |error: &dyn std::error::Error| ApiError {
            attempt: format!("use `{base}` as GitHub's API"),
            why: Failure::Connection { message: root_cause(error) },
        };
        let http = http::client(limits.request).map_err(|error| failed(&error))?;
        let crab = Octocrab::builder()
            .base_uri(base.trim_end_matches('/'))
            .map_err(|error| failed(&error))?
            .personal_token(token.clone())
            .build_with_reqwest(http)
            .map_err(|error| failed(&error))?;
        Ok(Api { crab, repository, token, limits })
    }

    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The path of something in the repository.
    pub fn path(&self, rest: &str) -> String {
        let slash = if rest.is_empty() { "" } else { "/" };
        format!("/repos/{}/{}{slash}{rest}", self.repository.owner(), self.repository.name())
    }

    /// Reads one thing.
    ///
    /// # Errors
    /// After the tries are used up, or at once when trying again cannot help.
    pub async fn read<T: DeserializeOwned>(&self, attempt: &str, path: &str) -> Result<T, ApiError> {
        let answer = self.persist(attempt, Method::Get, path, None).await?;
        parse(attempt, &answer)
    }

    /// Reads all pages of a listing, a hundred entries each. `path` may have a query.
    ///
    /// # Errors
    /// As [`Api::read`], and when there are more pages than the limit.
    pub async fn pages<T: DeserializeOwned>(&self, attempt: &str, path: &str) -> Result<Vec<T>, ApiError> {
        let mut all = Vec::new();
        let separator = if path.contains('?') { '&' } else { '?' };
        for page in 1..=self.limits.pages {
            let answer = self.persist(attempt, Method::Get, &format!("{path}{separator}per_page=100&page={page}"), None).await?;
            let entries: Vec<T> = parse(attempt, &answer)?;
            all.extend(entries);
            if !answer.has_next {
                return Ok(all);
            }
        }
        Err(ApiError { attempt: attempt.into(), why: Failure::TooManyPages { pages: self.limits.pages } })
    }

    /// A write that gives the same when it is done twice: a `PATCH` of whole values, a `DELETE`, a `POST` that adds to a set.
    ///
    /// # Errors
    /// As [`Api::read`].
    pub async fn set(&self, attempt: &str, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ApiError> {
        let answer = self.persist(attempt, method, path, body).await?;
        if answer.text.is_empty() { Ok(Value::Null) } else { parse(attempt, &answer) }
    }

    /// A `POST`, sent again only when `arrived` has looked and not found what it was to make.
    ///
    /// # Errors
    /// As [`Api::read`]; also when it cannot be found out whether the first try arrived.
    pub async fn create<T: DeserializeOwned>(
        &self,
        attempt: &str,
        path: &str,
        body: &Value,
        arrived: impl AsyncFn() -> Result<Option<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let why = match self.once(Method::Post, path, Some(body)).await {
                Ok(answer) => match parse(attempt, &answer) {
                    Ok(made) => return Ok(made),
                    Err(error) => error.why,
                },
                Err(why) => why,
            };
            let pause = self.pause(tried, &why);
            tracing::debug!("cannot {attempt} (try {tried}): {why}");
            let Some(pause) = pause.filter(|_| tried < self.limits.tries) else {
                return Err(ApiError { attempt: attempt.into(), why });
            };
            tokio::time::sleep(pause).await;
            if why.is_ambiguous()
                && let Some(made) = arrived().await.map_err(|_| ApiError { attempt: attempt.into(), why })?
            {
                return Ok(made);
            }
        }
    }

    async fn persist(&self, attempt: &str, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, ApiError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let why = match self.once(method, path, body).await {
                Ok(answer) => return Ok(answer),
                // Already deleted by the try before.
                Err(Failure::NotFound { .. }) if method == Method::Delete && tried > 1 => {
                    return Ok(Answer { text: String::new(), has_next: false });
                }
                Err(why) => why,
            };
            tracing::debug!("cannot {attempt} (try {tried}): {why}");
            match self.pause(tried, &why).filter(|_| tried < self.limits.tries) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(ApiError { attempt: attempt.into(), why }),
            }
        }
    }

    /// How long to wait before the next try; absent when another cannot help.
    fn pause(&self, tried: u32, why: &Failure) -> Option<Duration> {
        if let Failure::RateLimited { wait: Some(wait) } = why {
            return (*wait <= self.limits.longest_wait).then_some(*wait);
        }
        let unreadable = matches!(why, Failure::Unreadable { .. });
        if !why.is_passing() && !unreadable {
            return None;
        }
        let whole = self.limits.pause.saturating_mul(1 << (tried - 1).min(6));
        // Between half and the whole, so that many jobs that failed together do not come back together.
        let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
        Some(whole.mul_f64(0.5 + (random % 1000) as f64 / 2000.0))
    }

    async fn once(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let after = self.limits.request;
        let cut = |error: octocrab::Error| match timed_out(&error) {
            true => Failure::TimedOut { after },
            false => Failure::Connection { message: self.clean(root_cause(&error)) },
        };
        let sent = async {
            let answer = match method {
                Method::Get => self.crab._get(path).await,
                Method::Post => self.crab._post(path, body).await,
                Method::Patch => self.crab._patch(path, body).await,
                Method::Delete => self.crab._delete(path, body).await,
            };
            let answer = answer.map_err(cut)?;
            let status = answer.status().as_u16();
            let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(String::from);
            let (link, wait) = (header("link"), wait(&header));
            let text = self.crab.body_to_string(answer).await.map_err(cut)?;
            if (200..300).contains(&status) {
                return Ok(Answer { text, has_next: link.is_some_and(|link| link.contains("rel=\"next\"")) });
            }
            Err(self.failure(status, wait, &text))
        };
        tokio::time::timeout(after, sent).await.unwrap_or(Err(Failure::TimedOut { after }))
    }

    fn failure(&self, status: u16, limited: Option<Option<Duration>>, text: &str) -> Failure {
        let told: Value = serde_json::from_str(text).unwrap_or_default();
        let mut message = told["message"].as_str().unwrap_or("no reason given").to_string();
        for error in told["errors"].as_array().into_iter().flatten() {
            if let Some(more) = error["message"].as_str().or_else(|| error.as_str()) {
                message = format!("{message}; {more}");
            }
        }
        let message = self.clean(message.chars().take(500).collect());
        match (status, limited) {
            (429, wait) => Failure::RateLimited { wait: wait.flatten() },
            (403, Some(wait)) => Failure::RateLimited { wait },
            (401, _) => Failure::Unauthorized,
            (403, None) => Failure::Forbidden { message },
            (404 | 410, _) => Failure::NotFound { message },
            (500.., _) => Failure::Unavailable { status },
            _ => Failure::Refused { status, message },
        }
    }

    /// The text without the token, should a server ever send it back.
    fn clean(&self, text: String) -> String {
        let token = self.token.expose_secret();
        if token.is_empty() { text } else { text.replace(token, "***") }
    }
}

/// Whether the answer's headers tell of a rate limit, and how long it lasts if they say so ("Rate limits for the REST API" in
/// GitHub's documentation: `retry-after` in seconds, else `x-ratelimit-reset` in seconds since 1970 when none remain).
fn wait(header: &impl Fn(&str) -> Option<String>) -> Option<Option<Duration>> {
    let number = |name: &str| header(name).and_then(|text| text.trim().parse::<u64>().ok());
    if let Some(seconds) = number("retry-after") {
        return Some(Some(Duration::from_secs(seconds)));
    }
    if number("x-ratelimit-remaining") != Some(0) {
        return None;
    }
    let reset = UNIX_EPOCH + Duration::from_secs(number("x-ratelimit-reset").unwrap_or_default());
    Some(Some(reset.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_secs(1)))
}

fn parse<T: DeserializeOwned>(attempt: &str, answer: &Answer) -> Result<T, ApiError> {
    serde_json::from_str(&answer.text)
        .map_err(|error| ApiError { attempt: attempt.into(), why: Failure::Unreadable { message: error.to_string() } })
}

/// Whether the client gave up waiting. octocrab hands its client's errors on in wrappings of its own.
fn timed_out(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|error| error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout))
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().lines().next().unwrap_or_default().chars().take(300).collect()
}

/// One segment of a URL's path (RFC 3986: everything but the unreserved characters is percent-encoded).
pub fn encode(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
