//! The commit status: the gate that a required check looks at.

use serde::Deserialize;
use serde_json::json;

use super::api::{Api, ApiError};
use crate::trigger::Head;

/// Characters that a description may have (GitHub answers 422 beyond).
const LONGEST: usize = 140;

/// The state of a commit status, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Pending,
    Success,
    Failure,
    Error,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Success => "success",
            State::Failure => "failure",
            State::Error => "error",
        }
    }
}

/// Sets the status `context` of a commit. Only the newest of a context counts for GitHub.
///
/// # Errors
/// When the API fails.
pub async fn set(
    api: &Api,
    head: &Head,
    context: &str,
    state: State,
    description: &str,
    url: Option<&str>,
) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    struct Status {
        state: State,
        context: String,
        description: Option<String>,
    }
    let sha = &head.0;
    let description = shorten(description);
    let mut body = json!({"state": state.word(), "context": context, "description": description});
    if let Some(url) = url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
        body["target_url"] = url.into();
    }
    let arrived = async || {
        let path = api.path(&format!("commits/{sha}/statuses?per_page=100"));
        let all: Vec<Status> = api.read(&format!("read the statuses of {sha}"), &path).await?;
        let newest = all.into_iter().find(|status| status.context == context);
        Ok(newest.filter(|status| status.state == state && status.description.as_deref() == Some(&description)))
    };
    let attempt = format!("set the status `{context}` of {sha} to {}", state.word());
    api.create::<Status>(&attempt, &api.path(&format!("statuses/{sha}")), &body, arrived).await.map(|_| ())
}

/// One line of at most 140 characters.
fn shorten(text: &str) -> String {
    let line: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    if line.chars().count() <= LONGEST {
        return line;
    }
    let mut short: String = line.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_one_line_of_140_characters_at_most() {
        assert_eq!(shorten("a\nb"), "a b");
        let long = shorten(&"ü".repeat(200));
        assert_eq!(long.chars().count(), 140);
        assert!(long.ends_with('…'));
    }
}
