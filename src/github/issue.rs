//! The one issue that tells of drift: opened, kept up to date, closed with a word, reopened.
//!
//! Nothing is stored: the issue is found again by the hidden marker at its very start, the key in it, and its author, as the comment on a
//! pull request is. What it says is made elsewhere.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    api::{Api, ApiError, Failure, Method},
    comment::{Comment, Identity, LONGEST, Marker},
};
use crate::trigger::Head;

/// Closed issues are looked for among this many pages of a hundred, those that changed last.
const CLOSED_PAGES: u32 = 10;

/// What the issue is to say.
pub struct Wanted<'a> {
    /// Tells several such issues of a repository apart.
    pub key: &'a str,
    pub head: &'a Head,
    pub title: &'a str,
    /// What it tells, without what differs between two runs that tell the same.
    pub told: &'a str,
    /// The body without the marker.
    pub text: &'a str,
    /// Whether there is anything to tell: without it no issue is made, and one that is open is closed.
    pub open: bool,
    /// The word with which it is closed or reopened.
    pub word: &'a str,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    Opened {
        url: String,
    },
    Reopened {
        url: String,
    },
    Updated {
        url: String,
    },
    /// It says the same already.
    Same {
        url: String,
    },
    Closed {
        url: String,
    },
    /// Somebody closed it while it said what it would say now: it stays closed until that changes.
    Dismissed {
        url: String,
    },
    /// There is nothing to tell, and no issue.
    None,
}

impl Kept {
    /// Address of the issue.
    pub fn url(&self) -> Option<&str> {
        match self {
            Kept::Opened { url }
            | Kept::Reopened { url }
            | Kept::Updated { url }
            | Kept::Same { url }
            | Kept::Closed { url }
            | Kept::Dismissed { url } => Some(url),
            Kept::None => None,
        }
    }
}

/// An issue as GitHub's API writes it; the lists hold pull requests, too.
#[derive(Debug, Clone, Deserialize)]
struct Issue {
    number: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
    /// Id, address, body and author, as a comment has them.
    #[serde(flatten)]
    said: Comment,
}

/// One of our own, with what its marker says.
struct Ours {
    issue: Issue,
    marker: Marker,
    intact: bool,
}

/// Opens, updates, closes or reopens the issue, as is wanted.
///
/// # Errors
/// When the API fails, or the text is too long to be sent.
pub async fn keep(api: &Api, identity: &Identity, wanted: &Wanted<'_>) -> Result<Kept, ApiError> {
    let attempt = format!("keep the issue on drift of {}", api.repository());
    let marker = Marker::new(wanted.key, wanted.told, wanted.text, wanted.head);
    let body = format!("{marker}\n{}", wanted.text);
    let characters = body.chars().count();
    if characters > LONGEST {
        let message = format!("the issue has {characters} characters, more than {LONGEST}");
        return Err(ApiError { attempt, why: Failure::Refused { status: 422, message } });
    }
    let mut open = ours(open_issues(api).await?, identity, wanted.key);
    if open.is_empty() {
        if !wanted.open {
            return Ok(Kept::None);
        }
        let closed = ours(closed_issues(api).await?, identity, wanted.key);
        return match closed.into_iter().max_by_key(|ours| ours.issue.number) {
            Some(Ours { issue, marker: there, .. }) if there.digest == marker.digest => {
                Ok(Kept::Dismissed { url: issue.said.html_url })
            }
            Some(Ours { issue, .. }) => {
                set(api, &attempt, &issue, &json!({"title": wanted.title, "body": body, "state": "open"})).await?;
                say(api, &issue, wanted.word).await?;
                Ok(Kept::Reopened { url: issue.said.html_url })
            }
            None => make(api, identity, wanted, &attempt, &body).await,
        };
    }
    let Ours { issue, marker: there, intact } = open.remove(0);
    let url = issue.said.html_url.clone();
    // Two first runs at once made two.
    for Ours { issue, .. } in open.iter().filter(|surplus| surplus.intact) {
        set(api, &attempt, issue, &json!({"state": "closed", "state_reason": "not_planned"})).await?;
    }
    if !wanted.open {
        // The word comes last: a run that ends in between leaves an issue that is closed, and the next has nothing to say.
        let closed = json!({"title": wanted.title, "body": body, "state": "closed", "state_reason": "completed"});
        set(api, &attempt, &issue, &closed).await?;
        say(api, &issue, wanted.word).await?;
        return Ok(Kept::Closed { url });
    }
    if intact && there.digest == marker.digest && issue.title == wanted.title {
        return Ok(Kept::Same { url });
    }
    set(api, &attempt, &issue, &json!({"title": wanted.title, "body": body})).await?;
    Ok(Kept::Updated { url })
}

/// Our own issues with this key: intact ones first, then the oldest.
fn ours(issues: Vec<Issue>, identity: &Identity, key: &str) -> Vec<Ours> {
    let mut found: Vec<Ours> = issues
        .into_iter()
        .filter(|issue| issue.pull_request.is_none() && identity.wrote(&issue.said))
        .filter_map(|issue| {
            let body = issue.said.body.as_deref()?;
            let marker = Marker::read(body).filter(|marker| marker.key == key)?;
            Some(Ours { intact: marker.is_intact(body), marker, issue })
        })
        .collect();
    found.sort_by_key(|ours| (!ours.intact, ours.issue.number));
    if *identity == Identity::Unknown {
        found.retain(|ours| ours.intact);
        found.truncate(1);
    }
    found
}

async fn open_issues(api: &Api) -> Result<Vec<Issue>, ApiError> {
    api.pages(&format!("read the open issues of {}", api.repository()), &api.path("issues?state=open")).await
}

async fn closed_issues(api: &Api) -> Result<Vec<Issue>, ApiError> {
    let attempt = format!("read the closed issues of {}", api.repository());
    let mut all = Vec::new();
    for page in 1..=CLOSED_PAGES {
        let query = format!("issues?state=closed&sort=updated&direction=desc&per_page=100&page={page}");
        let entries: Vec<Issue> = api.read(&attempt, &api.path(&query)).await?;
        let last = entries.len() < 100;
        all.extend(entries);
        if last {
            break;
        }
    }
    Ok(all)
}

async fn make(api: &Api, identity: &Identity, wanted: &Wanted<'_>, attempt: &str, body: &str) -> Result<Kept, ApiError> {
    let arrived = async || {
        let issues = open_issues(api).await?;
        Ok(issues.into_iter().find(|issue| identity.wrote(&issue.said) && issue.said.body.as_deref() == Some(body)))
    };
    let sent = json!({"title": wanted.title, "body": body});
    let made = api.create::<Issue>(attempt, &api.path("issues"), &sent, arrived).await?;
    Ok(Kept::Opened { url: made.said.html_url })
}

async fn set(api: &Api, attempt: &str, issue: &Issue, change: &Value) -> Result<(), ApiError> {
    api.set(attempt, Method::Patch, &api.path(&format!("issues/{}", issue.number)), Some(change)).await.map(|_| ())
}

/// A comment on the issue. Said twice after a broken connection it does no harm, and is not looked for.
async fn say(api: &Api, issue: &Issue, word: &str) -> Result<(), ApiError> {
    let attempt = format!("comment on issue {}", issue.number);
    let path = api.path(&format!("issues/{}/comments", issue.number));
    let nothing = async || Ok(None);
    api.create::<Value>(&attempt, &path, &json!({ "body": word }), nothing).await.map(|_| ())
}
