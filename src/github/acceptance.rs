//! Who accepted which plan on the pull request, and which renames were asked for: computed from its comments and reviews each time,
//! stored nowhere.
//!
//! An acceptance is `/schemaproof accept FINGERPRINT [reason]` on a line of its own, in a comment that was never edited or in a
//! standing approval, by a person whose permission GitHub confirms at that moment. `/schemaproof rename OLD to NEW` counts by the same
//! right. Whether the fingerprint is this plan's is the verdict's matter, and what a rename can mean the planner's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{
    api::{Api, ApiError, Failure, encode},
    comment::{Comment, User, all},
};
use crate::{
    config::{Approve, Permission},
    plan::rename::asked::Asked,
    trigger::PullRequest,
    verdict::Acceptance,
};

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Accept {
        fingerprint: String,
        reason: Option<String>,
    },
    /// The new name keeps the old one's data. Nobody is named in it yet.
    Rename(Asked),
    /// Say what a rule is about.
    Explain(String),
    /// Run again.
    Recheck,
    /// Anything else after `/schemaproof`.
    Unknown(String),
}

impl Command {
    /// Whether it counts only when somebody with the policy's permission says it.
    fn needs_right(&self) -> bool {
        matches!(self, Command::Accept { .. } | Command::Rename(_))
    }
}

/// The commands in a comment's text. A command stands on a line of its own, indented by less than four spaces; what is quoted,
/// in a code block or a code span, or hidden in an HTML comment is no command (CommonMark 0.31, sections 4.4 to 5.1 and 6.1).
pub fn commands(body: &str) -> Vec<Command> {
    let mut found = Vec::new();
    let mut block: Vec<&str> = Vec::new();
    let (mut fence, mut html): (Option<(char, usize)>, Option<&str>) = (None, None);
    for line in body.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let text = line.trim();
        if let Some((mark, length)) = fence {
            let run = text.chars().take_while(|character| *character == mark).count();
            if indent < 4 && run >= length && text.chars().all(|character| character == mark) {
                fence = None;
            }
            continue;
        }
        let lower = text.to_ascii_lowercase();
        if let Some(end) = html {
            if lower.contains(end) {
                html = None;
            }
            continue;
        }
        if let Some(mark) = ['`', '~'].into_iter().find(|mark| text.starts_with(&mark.to_string().repeat(3))) {
            fence = Some((mark, text.chars().take_while(|character| *character == mark).count()));
            continue;
        }
        let opened = [("<!--", "-->"), ("<pre", "</pre>"), ("<code", "</code>"), ("<script", "</script>"), ("<style", "</style>")];
        if let Some((start, end)) = opened.into_iter().filter_map(|(start, end)| Some((lower.rfind(start)?, end))).max() {
            if !lower.get(start..).unwrap_or_default().contains(end) {
                html = Some(end);
            }
            block.push("`");
            continue;
        }
        if text.is_empty() {
            found.extend(in_block(&block));
            block.clear();
        } else {
            block.push(line);
        }
    }
    found.extend(in_block(&block));
    found
}

/// The commands among the lines of one paragraph. A code span or a quotation may reach over several of its lines.
fn in_block(lines: &[&str]) -> Vec<Command> {
    let is_command = |line: &str| {
        line.len() - line.trim_start_matches(' ').len() < 4 && line.trim_start_matches(' ').starts_with("/schemaproof")
    };
    let hides = |line: &&str| line.contains('`') || line.trim_start().starts_with('>');
    if lines.iter().filter(|line| !is_command(line)).any(hides) {
        return Vec::new();
    }
    lines.iter().filter(|line| is_command(line)).filter_map(|line| command(line.trim())).collect()
}

fn command(line: &str) -> Option<Command> {
    let rest = line.strip_prefix("/schemaproof")?;
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let mut words = rest.split_whitespace();
    let unknown = || Some(Command::Unknown(rest.trim().chars().take(100).collect()));
    if words.clone().next() == Some("rename") {
        let names = rest.trim_start().strip_prefix("rename").unwrap_or_default().replace('`', "");
        return Asked::parse(&names, "").map(Command::Rename).or_else(unknown);
    }
    match (words.next(), words.next()) {
        (Some("accept"), Some(fingerprint)) => {
            let fingerprint = fingerprint.trim_matches('`').to_string();
            let reason = words.collect::<Vec<_>>().join(" ");
            Some(Command::Accept { fingerprint, reason: Some(reason).filter(|reason| !reason.is_empty()) })
        }
        (Some("recheck"), None) => Some(Command::Recheck),
        (Some("explain"), Some(rule)) if words.next().is_none() => {
            Some(Command::Explain(rule.trim_matches('`').chars().take(100).collect()))
        }
        _ => unknown(),
    }
}

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

    fn accepts(body: &str) -> Vec<String> {
        let fingerprint = |command| match command {
            Command::Accept { fingerprint, .. } => Some(fingerprint),
            _ => None,
        };
        commands(body).into_iter().filter_map(fingerprint).collect()
    }

    #[test]
    fn a_command_on_a_line_of_its_own_counts() {
        let accept = |reason: Option<&str>| Command::Accept { fingerprint: "b7f3·91c2".into(), reason: reason.map(String::from) };
        assert_eq!(commands("/schemaproof accept b7f3·91c2"), [accept(None)]);
        assert_eq!(
            commands("fine with me\n\n  /schemaproof accept b7f3·91c2  rebuilt nightly \r\n"),
            [accept(Some("rebuilt nightly"))]
        );
        assert_eq!(commands("fine with me:\n/schemaproof accept `b7f3·91c2`"), [accept(None)]);
        assert_eq!(commands("/schemaproof recheck"), [Command::Recheck]);
        assert_eq!(commands("/schemaproof explain `drop-column`"), [Command::Explain("drop-column".into())]);
        assert_eq!(commands("/schemaproof explain"), [Command::Unknown("explain".into())]);
        let asked = Asked { by: String::new(), from: vec!["t".into(), "Old".into()], to: "new".into() };
        assert_eq!(commands("/schemaproof rename `t.\"Old\"` to `new`"), [Command::Rename(asked)]);
        assert_eq!(commands("/schemaproof rename t.old"), [Command::Unknown("rename t.old".into())]);
        assert_eq!(commands("/schemaproof accept"), [Command::Unknown("accept".into())]);
    }

    #[test]
    fn what_is_not_plainly_said_does_not_count() {
        for body in [
            "please write /schemaproof accept abc",
            "> /schemaproof accept abc",
            "> they said\n/schemaproof accept abc",
            "    /schemaproof accept abc",
            "\t/schemaproof accept abc",
            "```\n/schemaproof accept abc\n```",
            "````\n```\n/schemaproof accept abc\n````",
            "~~~sql\n/schemaproof accept abc",
            "- ```\n  /schemaproof accept abc\n  ```",
            "`\n/schemaproof accept abc\n`",
            "<!--\n/schemaproof accept abc\n-->",
            "x <!-- y\n/schemaproof accept abc",
            "<!-- a --> <!--\n/schemaproof accept abc",
            "<pre>\n\n/schemaproof accept abc\n</pre>",
            "<!-- /schemaproof accept abc -->",
            "/schemaproofaccept abc",
            "/schemaproof-accept abc",
            "* /schemaproof accept abc",
            "\\/schemaproof accept abc",
        ] {
            assert_eq!(accepts(body), [""; 0], "{body:?}");
        }
    }

    #[test]
    fn a_code_block_that_ends_hides_nothing_after_it() {
        assert_eq!(accepts("```\n/schemaproof accept no\n```\n/schemaproof accept yes"), ["yes"]);
        assert_eq!(accepts("<!-- hidden -->\n\n/schemaproof accept yes"), ["yes"]);
    }

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
