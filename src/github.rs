//! GitHub: what is read from a pull request's repository, and what is published to it.
//!
//! Publishing a report is one comment, one commit status, one check run and the outputs of the Action. Nothing is stored
//! anywhere: each run finds its own earlier words again. What a report says is made elsewhere.

use base64::Engine as _;
use serde::Deserialize;

use crate::{
    source::{
        Entry, EntryKind,
        api::{Remote, RemoteError, Tree},
    },
    trigger::{BaseTip, CommitSha, Head, PullRequest, PullRequestPayload, TriggerError},
};

pub mod acceptance;
pub mod api;
pub mod check;
pub mod command;
pub mod comment;
pub mod issue;
pub mod labels;
pub mod outputs;
pub mod overlap;
pub mod reviewers;
pub mod status;

use api::{Api, ApiError, Failure, encode};

fn unreadable(attempt: &str, error: &TriggerError) -> ApiError {
    ApiError { attempt: attempt.into(), why: Failure::Unreadable { message: error.to_string() } }
}

/// The facts about a pull request as they are now.
///
/// # Errors
/// When the API fails or there is no such pull request.
pub async fn pull_request(api: &Api, number: u64) -> Result<PullRequest, ApiError> {
    let attempt = format!("read pull request {number} of {}", api.repository());
    let payload: PullRequestPayload = api.read(&attempt, &api.path(&format!("pulls/{number}"))).await?;
    PullRequest::try_from(payload).map_err(|error| unreadable(&attempt, &error))
}

/// Name of the repository's default branch.
///
/// # Errors
/// When the API fails.
pub async fn default_branch(api: &Api) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        default_branch: String,
    }
    let answer: Answer = api.read(&format!("read the default branch of {}", api.repository()), &api.path("")).await?;
    Ok(answer.default_branch)
}

/// The commit that a branch or tag points to, or that a commit's name means.
///
/// # Errors
/// When the API fails or there is no such commit.
pub async fn commit(api: &Api, reference: &str) -> Result<CommitSha, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        sha: String,
    }
    let attempt = format!("find the commit `{}` of {}", reference.escape_debug(), api.repository());
    let path: Vec<String> = reference.split('/').map(encode).collect();
    let answer: Answer = api.read(&attempt, &api.path(&format!("commits/{}?per_page=1", path.join("/")))).await?;
    answer.sha.parse().map_err(|error| unreadable(&attempt, &error))
}

fn remote(error: ApiError) -> RemoteError {
    match error.why {
        Failure::NotFound { .. } => RemoteError::NotFound(error.to_string()),
        _ => RemoteError::Failed(Box::new(error)),
    }
}

impl Remote for std::sync::Arc<Api> {
    async fn tree(&self, id: &str, recursive: bool) -> Result<Tree, RemoteError> {
        #[derive(Deserialize)]
        struct Answer {
            tree: Vec<Item>,
            #[serde(default)]
            truncated: bool,
        }
        #[derive(Deserialize)]
        struct Item {
            path: String,
            mode: String,
            r#type: String,
            sha: String,
            size: Option<u64>,
        }
        let query = if recursive { "?recursive=1" } else { "" };
        let path = self.path(&format!("git/trees/{}{query}", encode(id)));
        let answer: Answer = self.read(&format!("list the tree {id}"), &path).await.map_err(remote)?;
        let entry = |item: Item| {
            let kind = match (item.mode.as_str(), item.r#type.as_str()) {
                ("120000", _) => EntryKind::Symlink,
                (_, "commit") => EntryKind::Submodule,
                (_, "tree") => EntryKind::Tree,
                _ => EntryKind::File,
            };
            Entry { path: item.path.into_bytes(), kind, id: item.sha, size: item.size }
        };
        Ok(Tree { entries: answer.tree.into_iter().map(entry).collect(), truncated: answer.truncated })
    }

    async fn blob(&self, id: &str) -> Result<Vec<u8>, RemoteError> {
        #[derive(Deserialize)]
        struct Answer {
            content: String,
            encoding: String,
        }
        let attempt = format!("read the blob {id}");
        let answer: Answer = self.read(&attempt, &self.path(&format!("git/blobs/{}", encode(id)))).await.map_err(remote)?;
        if answer.encoding != "base64" {
            return Ok(answer.content.into_bytes());
        }
        let plain: String = answer.content.split_ascii_whitespace().collect();
        let why = |error: base64::DecodeError| Failure::Unreadable { message: error.to_string() };
        base64::engine::general_purpose::STANDARD.decode(plain).map_err(|error| remote(ApiError { attempt, why: why(error) }))
    }

    async fn merge_base(&self, base: &BaseTip, head: &Head) -> Result<Option<CommitSha>, RemoteError> {
        #[derive(Deserialize)]
        struct Answer {
            merge_base_commit: Named,
        }
        #[derive(Deserialize)]
        struct Named {
            sha: String,
        }
        // The first page alone has the changed files, which are not needed: the second is asked for.
        let path = self.path(&format!("compare/{}...{}?per_page=1&page=2", base.0, head.0));
        let attempt = format!("compare {} with {}", base.0, head.0);
        let answer: Answer = self.read(&attempt, &path).await.map_err(remote)?;
        let sha = answer.merge_base_commit.sha.parse().map_err(|error| remote(unreadable(&attempt, &error)))?;
        Ok(Some(sha))
    }
}
