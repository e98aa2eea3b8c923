//! The one comment on a pull request that is kept up to date.
//!
//! Nothing is stored: our comment is found again by the hidden marker at its very start, the key in it, and its author, on every
//! page of comments. What the comment says is made in `report`.

use std::fmt;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    api::{Api, ApiError, Failure, Method},
    pull_request,
};
use crate::trigger::{CommitSha, Head};

/// Characters that a comment may have (GitHub answers 422 beyond).
pub const LONGEST: usize = 65_536;

/// What the first line of our comment says to later runs: `<!-- schemaproof key=… digest=… head=… text=… -->`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Tells several comments on one pull request apart; the status context.
    pub key: String,
    /// Hash of what the comment tells: the same as long as nothing but times and run numbers differs.
    pub digest: String,
    pub head: CommitSha,
    /// Hash of the comment's text, to the letter.
    pub text: String,
}

const BEGIN: &str = "<!-- schemaproof key=";

impl Marker {
    pub fn new(key: &str, told: &str, text: &str, head: &Head) -> Marker {
        Marker { key: key.into(), digest: Marker::hash(told), head: head.0.clone(), text: Marker::hash(text) }
    }

    /// The marker of a comment whose text another pull request's run changed: the next run of its own writes it anew.
    pub fn rewritten(&self, text: &str) -> Marker {
        Marker { digest: Marker::hash(text), text: Marker::hash(text), ..self.clone() }
    }

    /// Whether a comment is as the run that wrote it left it.
    pub fn is_intact(&self, body: &str) -> bool {
        let text = body.split_once('\n').map_or("", |(_, text)| text);
        Marker::hash(text) == self.text
    }

    fn hash(text: &str) -> String {
        // GitHub may give the end of a text and its line ends back otherwise than it got them.
        let plain = text.replace("\r\n", "\n");
        Sha256::digest(plain.trim_end().as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The marker that a comment begins with. One that stands anywhere else is a quotation.
    pub fn read(body: &str) -> Option<Marker> {
        let (inside, _) = body.strip_prefix(BEGIN)?.split_once(" -->")?;
        let (key, rest) = inside.split_once(" digest=")?;
        let (digest, rest) = rest.split_once(" head=")?;
        let (head, text) = rest.split_once(" text=")?;
        Some(Marker { key: decode(key)?, digest: digest.into(), head: head.parse().ok()?, text: text.into() })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{BEGIN}{} digest={} head={} text={} -->",
            super::api::encode(&self.key).replace("--", "-%2D"),
            self.digest,
            self.head,
            self.text
        )
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A comment as GitHub's API writes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Comment {
    pub id: u64,
    #[serde(default)]
    pub html_url: String,
    pub body: Option<String>,
    pub user: Option<User>,
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub updated_at: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct User {
    pub login: String,
    #[serde(default, rename = "type")]
    pub kind: String,
}

/// Who the token writes as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    Login(String),
    /// The token may not ask who it is. Only apps' tokens may not, so it is some bot.
    SomeBot,
    /// The server knows no such question (GitHub itself always does). Then the oldest comment that is as a run wrote it is ours:
    /// a copy comes later than what it copies.
    Unknown,
}

impl Identity {
    /// Asks who the token writes as: a person's token may read `/user`, an app's (as the job's own) only GraphQL's `viewer`.
    pub async fn ask(api: &Api) -> Identity {
        #[derive(Deserialize)]
        struct Viewer {
            login: String,
        }
        let known = match api.read::<Viewer>("read who the token belongs to", "/user").await {
            Ok(viewer) => return Identity::Login(viewer.login),
            Err(error) => {
                tracing::debug!("{error}");
                !matches!(error.why, Failure::NotFound { .. })
            }
        };
        let query = json!({"query": "query { viewer { login } }"});
        let nothing = async || Ok(None);
        match api.create::<serde_json::Value>("ask who the token belongs to", "/graphql", &query, nothing).await {
            Ok(answer) => match answer["data"]["viewer"]["login"].as_str() {
                Some(login) => Identity::Login(login.into()),
                None => Identity::SomeBot,
            },
            Err(error) => {
                tracing::debug!("{error}");
                let is_missing = matches!(error.why, Failure::NotFound { .. });
                if is_missing && !known { Identity::Unknown } else { Identity::SomeBot }
            }
        }
    }

    pub fn wrote(&self, comment: &Comment) -> bool {
        match (self, &comment.user) {
            (Identity::Login(login), Some(user)) => {
                bare(login).eq_ignore_ascii_case(bare(&user.login)) && is_bot(login) == is_bot(&user.login)
            }
            (Identity::SomeBot, Some(user)) => user.kind == "Bot",
            (Identity::Unknown, Some(_)) => true,
            (_, None) => false,
        }
    }
}

fn bare(login: &str) -> &str {
    login.strip_suffix("[bot]").unwrap_or(login)
}

fn is_bot(login: &str) -> bool {
    login.ends_with("[bot]")
}

/// All comments on a pull request, oldest first.
///
/// # Errors
/// When the API fails.
pub async fn all(api: &Api, number: u64) -> Result<Vec<Comment>, ApiError> {
    api.pages(&format!("read the comments on pull request {number}"), &api.path(&format!("issues/{number}/comments"))).await
}

/// One of our own comments.
struct Ours<'a> {
    comment: &'a Comment,
    marker: Marker,
    /// As it was written; if not, somebody has edited it, or copied its beginning under the same login.
    intact: bool,
}

/// Our own comments with this key among all of them: intact ones first, then the oldest.
fn ours<'a>(comments: &'a [Comment], identity: &Identity, key: &str) -> Vec<Ours<'a>> {
    let mut found: Vec<Ours<'a>> = comments
        .iter()
        .filter(|comment| identity.wrote(comment))
        .filter_map(|comment| {
            let body = comment.body.as_deref()?;
            let marker = Marker::read(body).filter(|marker| marker.key == key)?;
            Some(Ours { comment, intact: marker.is_intact(body), marker })
        })
        .collect();
    found.sort_by_key(|ours| (!ours.intact, ours.comment.id));
    if *identity == Identity::Unknown {
        found.retain(|ours| ours.intact);
        found.truncate(1);
    }
    found
}

/// What is to be written, where.
pub struct Wanted<'a> {
    pub number: u64,
    pub key: &'a str,
    pub head: &'a Head,
    /// What the comment tells, without what differs between two runs that tell the same.
    pub told: &'a str,
    /// The comment without the marker.
    pub text: &'a str,
    /// `false`: a new comment whatever is there.
    pub sticky: bool,
    /// `false`: an older comment is brought up to date, but none is made.
    pub make: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    Made {
        url: String,
    },
    Updated {
        url: String,
    },
    /// It says the same already.
    Same {
        url: String,
    },
    /// The pull request has a newer head by now, whose run comments.
    Late {
        head: CommitSha,
    },
    /// There is none, and none was to be made.
    None,
}

impl Written {
    /// Address of the comment.
    pub fn url(&self) -> Option<&str> {
        match self {
            Written::Made { url } | Written::Updated { url } | Written::Same { url } => Some(url),
            Written::Late { .. } | Written::None => None,
        }
    }
}

/// Writes the comment: finds ours, compares, and makes or updates it. Surplus ones that are as we wrote them are removed.
///
/// # Errors
/// When the API fails, or the text is too long to be sent.
pub async fn write(api: &Api, identity: &Identity, wanted: &Wanted<'_>) -> Result<Written, ApiError> {
    let number = wanted.number;
    let attempt = format!("comment on pull request {number}");
    let marker = Marker::new(wanted.key, wanted.told, wanted.text, wanted.head);
    let body = format!("{marker}\n{}", wanted.text);
    let characters = body.chars().count();
    if characters > LONGEST {
        let message = format!("the comment has {characters} characters, more than {LONGEST}");
        return Err(ApiError { attempt, why: Failure::Refused { status: 422, message } });
    }
    let comments = all(api, number).await?;
    let found = if wanted.sticky { ours(&comments, identity, wanted.key) } else { Vec::new() };
    // Asked as late as can be: the time in which a newer run can come in between is one request long.
    let now = pull_request(api, number).await?.head;
    if now != *wanted.head {
        return Ok(Written::Late { head: now.0 });
    }
    let mut kept = None;
    for Ours { comment, marker: there, intact } in &found {
        if kept.is_some() {
            if *intact {
                remove(api, comment.id).await;
            }
            continue;
        }
        if *intact && there.digest == marker.digest && there.head == marker.head {
            kept = Some(Written::Same { url: comment.html_url.clone() });
            continue;
        }
        let path = api.path(&format!("issues/comments/{}", comment.id));
        match api.set(&attempt, Method::Patch, &path, Some(&json!({ "body": body }))).await {
            Ok(_) => kept = Some(Written::Updated { url: comment.html_url.clone() }),
            // Deleted in between: the next one, or a new one.
            Err(ApiError { why: Failure::NotFound { .. }, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    match kept {
        Some(written) => Ok(written),
        None if !wanted.make => Ok(Written::None),
        None => make(api, identity, wanted, &attempt, &body).await,
    }
}

async fn make(api: &Api, identity: &Identity, wanted: &Wanted<'_>, attempt: &str, body: &str) -> Result<Written, ApiError> {
    let arrived = async || {
        let comments = all(api, wanted.number).await?;
        Ok(comments.into_iter().rev().find(|comment| identity.wrote(comment) && comment.body.as_deref() == Some(body)))
    };
    let path = api.path(&format!("issues/{}/comments", wanted.number));
    let comment = api.create::<Comment>(attempt, &path, &json!({ "body": body }), arrived).await?;
    Ok(Written::Made { url: comment.html_url })
}

/// A surplus comment is only untidy: failing to remove it is no failure of the run.
async fn remove(api: &Api, id: u64) {
    let path = api.path(&format!("issues/comments/{id}"));
    if let Err(error) = api.set(&format!("remove the surplus comment {id}"), Method::Delete, &path, None).await {
        tracing::warn!("{error}");
    }
}

/// Answers a command with a reaction on its comment.
///
/// # Errors
/// When the API fails.
pub async fn react(api: &Api, comment: u64, content: &str) -> Result<(), ApiError> {
    let path = api.path(&format!("issues/comments/{comment}/reactions"));
    // GitHub answers 200 with the reaction that is there when it is made twice, so a second try does no harm.
    let nothing = async || Ok(None);
    let attempt = format!("react to the comment {comment}");
    api.create::<serde_json::Value>(&attempt, &path, &json!({ "content": content }), nothing).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap())
    }

    fn comment(id: u64, login: &str, kind: &str, body: &str) -> Comment {
        Comment {
            id,
            html_url: String::new(),
            body: Some(body.into()),
            user: Some(User { login: login.into(), kind: kind.into() }),
            created_at: String::new(),
            updated_at: String::new(),
        }
    }

    #[test]
    fn a_marker_is_read_back_whatever_its_key() {
        for key in ["schemaproof", "db / prod --> x", "schéma proof", "a--b%", ""] {
            let marker = Marker::new(key, "told", "text", &head());
            let body = format!("{marker}\nrest");
            assert_eq!(body.matches("-->").count(), 1);
            assert_eq!(Marker::read(&body), Some(marker));
        }
    }

    #[test]
    fn a_quoted_marker_is_not_ours_and_neither_is_another_authors() {
        let marker = Marker::new("k", "told", "text", &head());
        let comments = [
            comment(1, "eve", "User", &format!("{marker}\ntext")),
            comment(2, "github-actions[bot]", "Bot", &format!("> {marker}\ntext")),
            comment(8, "github-actions[bot]", "Bot", &format!(" {marker}\ntext")),
            comment(5, "github-actions[bot]", "Bot", &format!("{marker}\ntext")),
            comment(4, "github-actions[bot]", "Bot", &format!("{marker}\ntext")),
            comment(6, "github-actions[bot]", "Bot", &format!("{}\ntext", Marker::new("other", "told", "text", &head()))),
            comment(7, "other-app[bot]", "Bot", &format!("{marker}\ntext")),
            comment(3, "github-actions[bot]", "Bot", &format!("{marker} is how it begins")),
        ];
        let ids = |identity: Identity| ours(&comments, &identity, "k").iter().map(|ours| ours.comment.id).collect::<Vec<_>>();
        assert_eq!(ids(Identity::Login("github-actions[bot]".into())), [4, 5, 3]);
        assert_eq!(ids(Identity::Login("eve".into())), [1]);
        assert_eq!(ids(Identity::Login("github-actions".into())), [0_u64; 0]);
        assert_eq!(ids(Identity::SomeBot), [4, 5, 7, 3]);
        assert_eq!(ids(Identity::Unknown), [1]);
    }
}
