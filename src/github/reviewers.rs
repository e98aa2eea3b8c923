//! Asking people for a review, once each: whoever was asked before, by anybody, is not asked again, also after a review or a refusal.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use super::api::{Api, ApiError, Method};
use crate::trigger::PullRequest;

/// Logins of users, and slugs of teams of the organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub users: BTreeSet<String>,
    pub teams: BTreeSet<String>,
}

impl Wanted {
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.teams.is_empty()
    }
}

/// Asks those of `wanted` for a review who were not asked yet; nobody is asked to review a change of their own. Each request is one of its
/// own: GitHub refuses one whole that names somebody who cannot review.
///
/// # Errors
/// When the API fails, or the token may not ask. The first of several; the others are asked all the same.
pub async fn request(api: &Api, pull: &PullRequest, wanted: &Wanted) -> Result<(), ApiError> {
    #[derive(Deserialize)]
    struct Event {
        event: Option<String>,
        requested_reviewer: Option<User>,
        requested_team: Option<Team>,
    }
    #[derive(Deserialize)]
    struct User {
        login: String,
    }
    #[derive(Deserialize)]
    struct Team {
        slug: String,
    }
    let number = pull.number;
    let attempt = format!("read who was asked to review pull request {number}");
    let events: Vec<Event> = api.pages(&attempt, &api.path(&format!("issues/{number}/events"))).await?;
    let mut asked: (BTreeSet<String>, BTreeSet<String>) = Default::default();
    for event in events.into_iter().filter(|event| event.event.as_deref() == Some("review_requested")) {
        asked.0.extend(event.requested_reviewer.map(|user| user.login.to_lowercase()));
        asked.1.extend(event.requested_team.map(|team| team.slug.to_lowercase()));
    }
    asked.0.extend(pull.author.as_deref().map(str::to_lowercase));
    let users = wanted.users.iter().filter(|login| !asked.0.contains(&login.to_lowercase()));
    let teams = wanted.teams.iter().filter(|slug| !asked.1.contains(&slug.to_lowercase()));
    let path = api.path(&format!("pulls/{number}/requested_reviewers"));
    let bodies = users
        .map(|login| (login, json!({"reviewers": [login]})))
        .chain(teams.map(|slug| (slug, json!({"team_reviewers": [slug]}))));
    let mut failed = None;
    for (name, body) in bodies {
        let attempt = format!("ask `{}` to review pull request {number}", name.escape_debug());
        // Asking twice is asking once.
        if let Err(error) = api.set(&attempt, Method::Post, &path, Some(&body)).await {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}
