//! What happened, and what is to be compared: a GitHub event -> [`Trigger`].
//!
//! Reads the event's name and payload, both handed to it. It asks nothing of GitHub's API and reads no file: where the payload
//! has only a pull request's number, [`What::PullRequestNumber`] says so and the caller asks.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// A commit's full object name: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitSha(String);

impl CommitSha {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, as people write it.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl FromStr for CommitSha {
    type Err = TriggerError;

    fn from_str(text: &str) -> Result<Self, TriggerError> {
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex && matches!(text.len(), 40 | 64) {
            Ok(CommitSha(text.to_ascii_lowercase()))
        } else {
            Err(TriggerError::BadSha { text: text.chars().take(80).collect() })
        }
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The commit that is proposed. A type of its own so that it cannot stand where the base belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head(pub CommitSha);

/// The tip of the branch that is compared with. Not the merge base: that is found from this and the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseTip(pub CommitSha);

/// `owner/name` of a repository on GitHub, both checked to hold only what GitHub allows in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    pub fn owner(&self) -> &str {
        &self.owner
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Repository {
    type Err = TriggerError;

    fn from_str(text: &str) -> Result<Self, TriggerError> {
        let fits = |part: &str| {
            !part.is_empty()
                && !matches!(part, "." | "..")
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        match text.split_once('/') {
            Some((owner, name)) if fits(owner) && fits(name) => Ok(Repository { owner: owner.into(), name: name.into() }),
            _ => Err(TriggerError::BadRepository { text: text.chars().take(200).collect() }),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The facts about a pull request that a run needs. Branch names and the author's login are written by strangers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    pub open: bool,
    pub draft: bool,
    /// Login of who opened it; absent when the account is gone.
    pub author: Option<String>,
    pub base_branch: String,
    pub base: BaseTip,
    pub head_branch: String,
    pub head: Head,
    /// Whether the head is in another repository (or in one that is gone): the token is read-only then for `pull_request`.
    pub fork: bool,
}

/// What is to be compared with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A pull request against the merge base with its base branch.
    PullRequest(PullRequest),
    /// A pull request of which the event tells the number only.
    PullRequestNumber(u64),
    /// A comment on a pull request that may hold one of our commands.
    Command { number: u64, comment: u64, body: String, login: String },
    /// A merge queue's group against the queue's base. `number` is that of the pull request that it adds to what is before it.
    MergeGroup { base_branch: String, base: BaseTip, head: Head, number: Option<u64> },
    /// A pushed branch against what it was before; for a new branch `before` is absent and the default branch is the base.
    Push { branch: String, before: Option<CommitSha>, head: Head, default_branch: Option<String> },
    /// A branch (or tag) against the default branch.
    Branch { branch: String, head: Head, default_branch: Option<String> },
    /// The branch's files against live databases.
    Schedule { branch: String, head: Head },
    /// A workflow without rights has ended; the report that it left is to be published. `run` is its number in addresses.
    WorkflowRun { head: Head, run: u64 },
    /// Nothing to do, and why, in one sentence.
    Nothing(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    pub event: String,
    pub repository: Repository,
    pub what: What,
}

/// An event as a workflow run is told about it.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// `GITHUB_EVENT_NAME`.
    pub name: String,
    /// The text of the file that `GITHUB_EVENT_PATH` names.
    pub payload: String,
    /// `GITHUB_REPOSITORY`.
    pub repository: Option<String>,
    /// `GITHUB_REF`.
    pub git_ref: Option<String>,
    /// `GITHUB_SHA`.
    pub sha: Option<String>,
    /// The input `pr-number`.
    pub pr_number: Option<String>,
}

/// Why an event cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TriggerError {
    #[error("the event `{name}` is not one schemaproof runs on ({SUPPORTED}); remove it from the workflow's `on:`")]
    UnknownEvent { name: String },
    #[error("cannot read the payload of the event `{event}`: {message}")]
    Payload { event: String, message: String },
    #[error("the event `{event}` has no {field}, so it cannot be told what to compare")]
    Missing { event: String, field: &'static str },
    #[error("`{text}` is not the full name of a commit (40 or 64 hexadecimal digits)")]
    BadSha { text: String },
    #[error("`{text}` is not the name of a repository (OWNER/NAME)")]
    BadRepository { text: String },
    #[error("the input `pr-number` is `{text}`, which is not the number of a pull request")]
    BadNumber { text: String },
}

const SUPPORTED: &str = "pull_request, pull_request_target, pull_request_review, merge_group, push, workflow_dispatch, \
                         issue_comment, workflow_run, schedule; any other only with the input `pr-number`";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    action: Option<String>,
    r#ref: Option<String>,
    before: Option<String>,
    after: Option<String>,
    deleted: bool,
    inputs: Option<serde_json::Map<String, serde_json::Value>>,
    repository: Option<RepositoryPayload>,
    pull_request: Option<PullRequestPayload>,
    merge_group: Option<MergeGroupPayload>,
    issue: Option<IssuePayload>,
    comment: Option<CommentPayload>,
    workflow_run: Option<WorkflowRunPayload>,
    /// Of an edited comment: what it said before.
    changes: serde_json::Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RepositoryPayload {
    full_name: Option<String>,
    default_branch: Option<String>,
    id: Option<u64>,
}

/// A pull request as GitHub's API and its events write it.
#[derive(Debug, Deserialize)]
pub struct PullRequestPayload {
    number: u64,
    state: Option<String>,
    #[serde(default)]
    draft: Option<bool>,
    user: Option<UserPayload>,
    base: SidePayload,
    head: SidePayload,
}

#[derive(Debug, Deserialize)]
struct SidePayload {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    repo: Option<RepositoryPayload>,
}

#[derive(Debug, Deserialize)]
struct UserPayload {
    login: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct MergeGroupPayload {
    head_sha: String,
    base_sha: String,
    base_ref: String,
    #[serde(default)]
    head_ref: String,
}

/// The pull request of a queue's branch, which GitHub names `gh-readonly-queue/main/pr-7-SHA`.
fn queued(head_ref: &str) -> Option<u64> {
    let (queue, name) = branch_name(head_ref).strip_prefix("gh-readonly-queue/")?.rsplit_once('/')?;
    let (number, _) = name.strip_prefix("pr-")?.split_once('-')?;
    number.parse().ok().filter(|number| !queue.is_empty() && *number > 0)
}

#[derive(Debug, Deserialize)]
struct WorkflowRunPayload {
    id: u64,
    head_sha: String,
    event: String,
}

#[derive(Debug, Deserialize)]
struct IssuePayload {
    number: u64,
    state: Option<String>,
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct CommentPayload {
    id: u64,
    body: Option<String>,
    user: Option<UserPayload>,
}

impl TryFrom<PullRequestPayload> for PullRequest {
    type Error = TriggerError;

    fn try_from(payload: PullRequestPayload) -> Result<Self, TriggerError> {
        let id = |side: &SidePayload| side.repo.as_ref().and_then(|repository| repository.id);
        Ok(PullRequest {
            number: payload.number,
            open: payload.state.as_deref().is_none_or(|state| state == "open"),
            draft: payload.draft.unwrap_or_default(),
            author: payload.user.map(|user| user.login),
            fork: payload.head.repo.is_none() || id(&payload.head) != id(&payload.base),
            base_branch: payload.base.branch,
            base: BaseTip(payload.base.sha.parse()?),
            head_branch: payload.head.branch,
            head: Head(payload.head.sha.parse()?),
        })
    }
}

impl Trigger {
    /// Understands an event.
    ///
    /// # Errors
    /// When the event is not one we run on, its payload is not JSON, or a fact that the comparison needs is absent.
    pub fn read(event: &Event) -> Result<Trigger, TriggerError> {
        let name = event.name.as_str();
        let payload: Payload = if event.payload.trim().is_empty() {
            Payload::default()
        } else {
            serde_json::from_str(&event.payload)
                .map_err(|error| TriggerError::Payload { event: name.into(), message: error.to_string() })?
        };
        let named = payload.repository.as_ref().and_then(|repository| repository.full_name.as_deref());
        let repository = event.repository.as_deref().filter(|text| !text.is_empty()).or(named);
        let repository = repository.ok_or_else(|| missing(name, "repository"))?.parse()?;
        let what = what(event, payload)?;
        Ok(Trigger { event: name.into(), repository, what })
    }
}

fn missing(event: &str, field: &'static str) -> TriggerError {
    TriggerError::Missing { event: event.into(), field }
}

fn what(event: &Event, payload: Payload) -> Result<What, TriggerError> {
    let name = event.name.as_str();
    let need = |field| missing(name, field);
    let action = payload.action.as_deref().unwrap_or_default();
    match name {
        "pull_request" | "pull_request_target" | "pull_request_review" => {
            let pull: PullRequest = payload.pull_request.ok_or_else(|| need("pull request"))?.try_into()?;
            Ok(match pull.open && action != "closed" {
                true => What::PullRequest(pull),
                false => What::Nothing(format!("Pull request {} is closed.", pull.number)),
            })
        }
        _ if given_number(event, &payload).is_some() => {
            let text = given_number(event, &payload).unwrap_or_default();
            let number = text.trim_start_matches('#').parse().ok().filter(|number| *number > 0);
            number.map(What::PullRequestNumber).ok_or(TriggerError::BadNumber { text: text.chars().take(80).collect() })
        }
        "merge_group" => {
            let group = payload.merge_group.ok_or_else(|| need("merge group"))?;
            if action == "destroyed" {
                return Ok(What::Nothing("The merge group is gone.".into()));
            }
            Ok(What::MergeGroup {
                base_branch: branch_name(&group.base_ref).into(),
                base: BaseTip(group.base_sha.parse()?),
                head: Head(group.head_sha.parse()?),
                number: queued(&group.head_ref),
            })
        }
        "workflow_run" => {
            let run = payload.workflow_run.ok_or_else(|| need("workflow run"))?;
            Ok(match run.event.as_str() {
                "pull_request" => What::WorkflowRun { head: Head(run.head_sha.parse()?), run: run.id },
                _ => What::Nothing("The workflow that ended was not for a pull request.".into()),
            })
        }
        "push" => push(event, payload),
        "workflow_dispatch" | "schedule" | "repository_dispatch" | "workflow_call" => {
            let git_ref = event.git_ref.clone().or(payload.r#ref).ok_or_else(|| need("ref"))?;
            let head = Head(event.sha.as_deref().ok_or_else(|| need("commit (GITHUB_SHA)"))?.parse()?);
            let branch = branch_name(&git_ref).to_string();
            let default_branch = payload.repository.and_then(|repository| repository.default_branch);
            Ok(match name {
                "schedule" => What::Schedule { branch, head },
                _ => What::Branch { branch, head, default_branch },
            })
        }
        "issue_comment" => {
            let before = payload.changes["body"]["from"].as_str().unwrap_or_default().to_string();
            Ok(comment(payload.issue.ok_or_else(|| need("issue"))?, payload.comment, &before))
        }
        _ => Err(TriggerError::UnknownEvent { name: name.chars().take(80).collect() }),
    }
}

/// The pull request that a person asked for: by the input, or by the input of the workflow itself.
fn given_number(event: &Event, payload: &Payload) -> Option<String> {
    let own = event.pr_number.clone();
    let workflows = || {
        let value = payload.inputs.as_ref()?.get("pr-number")?;
        value.as_str().map(String::from).or_else(|| value.as_u64().map(|number| number.to_string()))
    };
    own.filter(|text| !text.trim().is_empty())
        .or_else(workflows)
        .map(|text| text.trim().to_string())
        .filter(|text| !text.is_empty())
}

fn push(event: &Event, payload: Payload) -> Result<What, TriggerError> {
    let git_ref = payload.r#ref.or_else(|| event.git_ref.clone()).ok_or_else(|| missing("push", "ref"))?;
    let Some(branch) = git_ref.strip_prefix("refs/heads/") else {
        return Ok(What::Nothing("A tag was pushed; only branches are compared.".into()));
    };
    let after = payload.after.or_else(|| event.sha.clone()).ok_or_else(|| missing("push", "commit"))?;
    let is_none = |sha: &str| sha.bytes().all(|byte| byte == b'0');
    if payload.deleted || is_none(&after) {
        return Ok(What::Nothing("The branch was deleted.".into()));
    }
    let before = match payload.before.filter(|sha| !is_none(sha)) {
        Some(sha) => Some(sha.parse()?),
        None => None,
    };
    let default_branch = payload.repository.and_then(|repository| repository.default_branch);
    Ok(What::Push { branch: branch.into(), before, head: Head(after.parse()?), default_branch })
}

fn comment(issue: IssuePayload, comment: Option<CommentPayload>, before: &str) -> What {
    let nothing = |why: &str| What::Nothing(why.into());
    let Some(comment) = comment else { return nothing("The event has no comment.") };
    if issue.pull_request.is_none() {
        return nothing("The comment is on an issue, not on a pull request.");
    }
    if issue.state.as_deref().is_some_and(|state| state != "open") {
        return nothing("The pull request is closed.");
    }
    let Some(user) = comment.user else { return nothing("The comment's author is gone.") };
    if user.kind.as_deref() == Some("Bot") {
        return nothing("The comment is a bot's.");
    }
    let body = comment.body.unwrap_or_default();
    // An acceptance that is edited away no longer counts, so that runs too.
    if !body.contains("/schemaproof") && !before.contains("/schemaproof") {
        return nothing("The comment has no /schemaproof command.");
    }
    What::Command { number: issue.number, comment: comment.id, body, login: user.login }
}

fn branch_name(git_ref: &str) -> &str {
    git_ref.strip_prefix("refs/heads/").or_else(|| git_ref.strip_prefix("refs/tags/")).unwrap_or(git_ref)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn read(name: &str, payload: serde_json::Value) -> Result<What, TriggerError> {
        let event = Event {
            name: name.into(),
            payload: payload.to_string(),
            repository: Some("o/r".into()),
            git_ref: Some("refs/heads/topic".into()),
            sha: Some(A.into()),
            pr_number: None,
        };
        Trigger::read(&event).map(|trigger| trigger.what)
    }

    fn pull(state: &str) -> serde_json::Value {
        json!({"number": 7, "state": state, "draft": true, "user": {"login": "ann"},
            "base": {"ref": "main", "sha": B, "repo": {"id": 1}}, "head": {"ref": "topic", "sha": A, "repo": {"id": 2}}})
    }

    #[test]
    fn a_pull_request_from_a_fork_keeps_base_and_head_apart() {
        let What::PullRequest(pull) = read("pull_request", json!({"action": "opened", "pull_request": pull("open")})).unwrap()
        else {
            panic!("not a pull request")
        };
        assert_eq!((pull.base.0.as_str(), pull.head.0.as_str()), (B, A));
        assert!(pull.fork && pull.draft && pull.open);
    }

    #[test]
    fn a_closed_pull_request_is_nothing_to_do() {
        let payload = json!({"action": "closed", "pull_request": pull("closed")});
        assert!(matches!(read("pull_request", payload).unwrap(), What::Nothing(_)));
    }

    #[test]
    fn a_deleted_fork_is_a_fork() {
        let mut pull = pull("open");
        pull["head"]["repo"] = serde_json::Value::Null;
        let What::PullRequest(pull) = read("pull_request", json!({ "pull_request": pull })).unwrap() else { panic!() };
        assert!(pull.fork);
    }

    #[test]
    fn pushes_of_new_branches_tags_and_deletions() {
        let push = |git_ref: &str, before: &str, after: &str| {
            read("push", json!({"ref": git_ref, "before": before, "after": after, "repository": {"default_branch": "main"}}))
                .unwrap()
        };
        let What::Push { before, branch, default_branch, .. } = push("refs/heads/a/b", ZERO, A) else { panic!() };
        assert_eq!((before, branch.as_str(), default_branch.as_deref()), (None, "a/b", Some("main")));
        assert!(matches!(push("refs/tags/v1", ZERO, A), What::Nothing(_)));
        assert!(matches!(push("refs/heads/a", A, ZERO), What::Nothing(_)));
        assert!(matches!(push("refs/heads/a", B, A), What::Push { before: Some(_), .. }));
    }

    #[test]
    fn a_dispatch_takes_a_number_or_its_own_branch() {
        assert_eq!(read("workflow_dispatch", json!({"inputs": {"pr-number": "7"}})).unwrap(), What::PullRequestNumber(7));
        assert!(matches!(
            read("workflow_dispatch", json!({"ref": "refs/heads/topic", "inputs": {"pr-number": ""}})).unwrap(),
            What::Branch { branch, .. } if branch == "topic"
        ));
        assert!(matches!(
            read("workflow_dispatch", json!({"inputs": {"pr-number": "7; rm"}})),
            Err(TriggerError::BadNumber { .. })
        ));
    }

    #[test]
    fn a_comment_counts_only_with_a_command_on_an_open_pull_request() {
        let comment = |pull: bool, state: &str, kind: &str, body: &str| {
            let mut issue = json!({"number": 7, "state": state});
            if pull {
                issue["pull_request"] = json!({"url": "x"});
            }
            read(
                "issue_comment",
                json!({"action": "created", "issue": issue,
                "comment": {"id": 5, "body": body, "user": {"login": "ann", "type": kind}}}),
            )
            .unwrap()
        };
        assert!(matches!(comment(true, "open", "User", "/schemaproof recheck"), What::Command { number: 7, comment: 5, .. }));
        assert!(matches!(comment(false, "open", "User", "/schemaproof recheck"), What::Nothing(_)));
        assert!(matches!(comment(true, "closed", "User", "/schemaproof recheck"), What::Nothing(_)));
        assert!(matches!(comment(true, "open", "Bot", "/schemaproof recheck"), What::Nothing(_)));
        assert!(matches!(comment(true, "open", "User", "nice"), What::Nothing(_)));
    }

    #[test]
    fn what_is_not_a_commit_or_a_repository_is_refused() {
        assert!("main".parse::<CommitSha>().is_err());
        assert!("../x".parse::<Repository>().is_err());
        assert!("o/..".parse::<Repository>().is_err());
        assert!("o/r?x=1".parse::<Repository>().is_err());
        let mut pull = pull("open");
        pull["head"]["sha"] = json!("HEAD");
        assert!(matches!(read("pull_request", json!({ "pull_request": pull })), Err(TriggerError::BadSha { .. })));
    }

    #[test]
    fn an_event_we_do_not_know_is_refused_by_name() {
        assert_eq!(read("gollum", json!({})), Err(TriggerError::UnknownEvent { name: "gollum".into() }));
        assert!(matches!(read("pull_request", json!({})), Err(TriggerError::Missing { .. })));
    }
}
