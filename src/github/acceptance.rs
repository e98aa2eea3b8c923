//! Who accepted which plan on the pull request, and which renames were asked for: computed from its comments and reviews each time,
//! stored nowhere.
//!
//! An acceptance is a command (`command.rs`) that accepts a fingerprint, in a comment that was never edited or in a
//! standing approval, by a person whose permission GitHub confirms at that moment. `/schemaproof rename OLD to NEW` counts by the same
//! right. Whether the fingerprint is this plan's is the verdict's matter, and what a rename can mean the planner's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{
    api::{Api, ApiError, Failure, encode},
    command::{Command, commands},
    comment::{Comment, User, all},
};
use crate::{
    config::{Approve, Permission},
    plan::rename::asked::Asked,
    trigger::PullRequest,
    verdict::Acceptance,
};

#[derive(Debug, Deserialize)]
struct Review {
    node_id: String,
    user: Option<User>,
    body: Option<String>,
    state: String,
}

/// What a person may do with the repository. The order is the order of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Right {
    Read,
    Write,
    Maintain,
    Admin,
}

/// Permissions as GitHub confirms them, each person asked for once a run.
pub struct Permissions<'a> {
    api: &'a Api,
    known: BTreeMap<String, Right>,
}

impl<'a> Permissions<'a> {
    pub fn new(api: &'a Api) -> Self {
        Permissions { api, known: BTreeMap::new() }
    }

    /// Whether a person has at least this permission now.
    ///
    /// # Errors
    /// When the API fails.
    pub async fn allows(&mut self, login: &str, needed: Permission) -> Result<bool, ApiError> {
        let needed = match needed {
            Permission::Write => Right::Write,
            Permission::Maintain => Right::Maintain,
            Permission::Admin => Right::Admin,
        };
        let right = match self.known.get(login) {
            Some(right) => *right,
            None => {
                let right = self.ask(login).await?;
                self.known.insert(login.to_string(), right);
                right
            }
        };
        Ok(right >= needed)
    }

    async fn ask(&self, login: &str) -> Result<Right, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            permission: String,
            #[serde(default)]
            role_name: String,
        }
        let path = self.api.path(&format!("collaborators/{}/permission", encode(login)));
        let attempt = format!("ask for the permission of `{}` on {}", login.escape_debug(), self.api.repository());
        let answer: Answer = match self.api.read(&attempt, &path).await {
            Ok(answer) => answer,
            Err(ApiError { why: Failure::NotFound { .. }, .. }) => return Ok(Right::Read),
            Err(error) => return Err(error),
        };
        // `permission` is `write` for maintainers too; `role_name` tells them apart. A custom role counts as its base.
        Ok(match (answer.permission.as_str(), answer.role_name.as_str()) {
            ("admin", _) => Right::Admin,
            ("write" | "push" | "maintain", "maintain") => Right::Maintain,
            ("write" | "push" | "maintain", _) => Right::Write,
            _ => Right::Read,
        })
    }
}

/// What was said on a pull request and counts under the policy, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub acceptances: Vec<Acceptance>,
    pub renames: Vec<Asked>,
}

/// The acceptances and renames on a pull request that count under the policy.
///
/// # Errors
/// When the API fails: then none is known to count.
pub async fn collect(api: &Api, pull: &PullRequest, approve: &Approve) -> Result<Said, ApiError> {
    let number = pull.number;
    let comments = all(api, number).await?;
    let attempt = format!("read the reviews of pull request {number}");
    let reviews: Vec<Review> = api.pages(&attempt, &api.path(&format!("pulls/{number}/reviews"))).await?;
    let mut said: Vec<(String, Command)> = Vec::new();
    for Comment { user, body, created_at, updated_at, .. } in comments {
        let (Some(user), Some(body)) = (user, body) else { continue };
        if is_person(&user) && is_unedited(&created_at, &updated_at) {
            said.extend(commands(&body).into_iter().map(|command| (user.login.clone(), command)));
        }
    }
    for (login, review) in standing(reviews) {
        let accepts: Vec<Command> = commands(review.body.as_deref().unwrap_or_default());
        if accepts.iter().any(Command::needs_right) && never_edited(api, &review.node_id).await? {
            said.extend(accepts.into_iter().map(|command| (login.clone(), command)));
        }
    }
    let mut permissions = Permissions::new(api);
    let mut counted = Said::default();
    for (login, command) in said.into_iter().filter(|(_, command)| command.needs_right()) {
        let own = pull.author.as_deref().is_some_and(|author| author.eq_ignore_ascii_case(&login));
        if own && !approve.author {
            tracing::info!("an acceptance or rename by the pull request's author does not count (`policy.approve.author`)");
            continue;
        }
        if !permissions.allows(&login, approve.permission).await? {
            tracing::info!("an acceptance or rename by {} does not count: their permission is too low", login.escape_debug());
            continue;
        }
        match command {
            Command::Accept { fingerprint, reason } => counted.acceptances.push(Acceptance { by: login, reason, fingerprint }),
            Command::Rename(asked) => counted.renames.push(Asked { by: login, ..asked }),
            Command::Explain(_) | Command::Recheck | Command::Unknown(_) => {}
        }
    }
    Ok(counted)
}

/// Whether a comment is as it was posted. Both times come from the same request then, a second apart at most.
fn is_unedited(created: &str, updated: &str) -> bool {
    match (created.parse::<jiff::Timestamp>(), updated.parse::<jiff::Timestamp>()) {
        (Ok(created), Ok(updated)) => updated.duration_since(created).abs() <= jiff::SignedDuration::from_secs(1),
        _ => false,
    }
}

fn is_person(user: &User) -> bool {
    user.kind != "Bot" && !user.login.ends_with("[bot]")
}

/// The approvals that stand: of each person the last review that is a decision, when it approves.
fn standing(reviews: Vec<Review>) -> Vec<(String, Review)> {
    let mut last: BTreeMap<String, Review> = BTreeMap::new();
    for review in reviews {
        let Some(user) = review.user.as_ref().filter(|user| is_person(user)) else { continue };
        if matches!(review.state.as_str(), "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED") {
            last.insert(user.login.clone(), review);
        }
    }
    last.into_iter().filter(|(_, review)| review.state == "APPROVED").collect()
}

/// Whether a review is as it was submitted. REST does not tell, GraphQL does; where that cannot be asked, it does not count.
async fn never_edited(api: &Api, id: &str) -> Result<bool, ApiError> {
    let query = "query($id: ID!) { node(id: $id) { ... on PullRequestReview { id lastEditedAt } } }";
    let body = json!({"query": query, "variables": {"id": id}});
    let nothing = async || Ok(None);
    match api.create::<serde_json::Value>("ask whether a review was edited", "/graphql", &body, nothing).await {
        Ok(answer) => {
            let node = &answer["data"]["node"];
            Ok(node["id"].is_string() && node["lastEditedAt"].is_null())
        }
        Err(ApiError { why: Failure::NotFound { .. } | Failure::Forbidden { .. }, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_comment_is_told_by_its_times() {
        assert!(is_unedited("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"));
        assert!(is_unedited("2026-01-01T00:00:00.998Z", "2026-01-01T00:00:01.001Z"));
        assert!(!is_unedited("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z"));
        assert!(!is_unedited("", ""));
    }

    #[test]
    fn only_the_last_decision_of_a_person_stands() {
        let review = |login: &str, state: &str| Review {
            node_id: String::new(),
            user: Some(User { login: login.into(), kind: "User".into() }),
            body: None,
            state: state.into(),
        };
        let reviews = vec![
            review("ann", "APPROVED"),
            review("bob", "APPROVED"),
            review("ann", "COMMENTED"),
            review("bob", "DISMISSED"),
            review("eve[bot]", "APPROVED"),
        ];
        assert_eq!(standing(reviews).into_iter().map(|(login, _)| login).collect::<Vec<_>>(), ["ann"]);
    }
}
