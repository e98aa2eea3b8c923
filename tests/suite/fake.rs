//! The stand-in for GitHub's API (`tests/fake/github.sh`): one for all tests of a run, a repository for each test.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Client;
use schemaproof::{
    github::api::{Api, Limits},
    trigger::{CommitSha, Head, Repository},
};
use serde_json::{Value, json};

/// The process ends when its standard input is closed, which the end of this one does.
static FAKE: OnceLock<(String, Mutex<Child>)> = OnceLock::new();

/// Address of the stand-in, started when it is first asked for.
pub fn url() -> &'static str {
    let (url, _) = FAKE.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fake/github.sh");
        let mut child = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("tests/fake/github.sh");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line from github.sh");
        let url = line
            .trim()
            .strip_prefix("ready ")
            .unwrap_or_else(|| panic!("github.sh did not start (it needs npm); it said {line:?}"));
        (url.to_string(), Mutex::new(child))
    });
    url
}

/// A repository of its own, `octocat/NAME`. Tokens: `ghs_job` (the workflow's), `ghs_readonly`, `ghs_owner`, `ghs_ann` (may
/// write), `ghs_eve` (may read).
pub struct Repo {
    pub name: String,
    http: Client,
}

impl Repo {
    pub async fn new() -> Repo {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("r{}", COUNT.fetch_add(1, Ordering::SeqCst));
        let repo = Repo { name, http: schemaproof::http::client(Duration::from_secs(60)).unwrap() };
        let answer = repo.http.post(format!("{}/_fake/repos", url())).json(&json!({"name": repo.name})).send().await.expect("fake");
        assert_eq!(answer.status(), 201);
        repo
    }

    pub fn full_name(&self) -> String {
        format!("octocat/{}", self.name)
    }

    pub fn api(&self, token: &str) -> Api {
        self.api_at(url(), token)
    }

    pub fn api_at(&self, url: &str, token: &str) -> Api {
        let repository: Repository = self.full_name().parse().expect("name");
        Api::new(url, token.into(), repository, Limits::default()).expect("api")
    }

    /// Asks the stand-in itself, past Prism: for what a test needs to be there.
    pub async fn direct(&self, token: &str, method: &str, path: &str, body: Value) -> Value {
        let slash = if path.is_empty() { "" } else { "/" };
        let url = format!("{}/_fake/direct/repos/octocat/{}{slash}{path}", url(), self.name);
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("method");
        let mut request = self.http.request(method.clone(), &url).bearer_auth(token);
        if method != reqwest::Method::GET {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("fake");
        let status = answer.status();
        let text = answer.text().await.expect("text");
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A commit that holds exactly `files` (path, content), on `branch`, with `parent` as its parent.
    pub async fn commit(&self, branch: &str, parent: Option<&CommitSha>, files: &[(&str, &str)]) -> CommitSha {
        let items: Vec<Value> = files
            .iter()
            .map(|(path, content)| json!({"path": path, "mode": "100644", "type": "blob", "content": content}))
            .collect();
        self.commit_tree(branch, parent, items).await
    }

    pub async fn commit_tree(&self, branch: &str, parent: Option<&CommitSha>, items: Vec<Value>) -> CommitSha {
        let tree = self.direct("ghs_owner", "POST", "git/trees", json!({ "tree": items })).await;
        let parents: Vec<&str> = parent.map(CommitSha::as_str).into_iter().collect();
        let body = json!({"message": "m", "tree": tree["sha"], "parents": parents});
        let sha = self.direct("ghs_owner", "POST", "git/commits", body).await["sha"].as_str().expect("sha").to_string();
        let there = self.direct("ghs_owner", "GET", &format!("git/matching-refs/heads/{branch}"), json!(null)).await;
        let path = format!("git/refs/heads/{branch}");
        if there.as_array().is_some_and(|refs| refs.iter().any(|item| item["ref"] == format!("refs/heads/{branch}"))) {
            self.direct("ghs_owner", "PATCH", &path, json!({"sha": sha, "force": true})).await;
        } else {
            self.direct("ghs_owner", "POST", "git/refs", json!({"ref": format!("refs/heads/{branch}"), "sha": sha})).await;
        }
        sha.parse().expect("sha")
    }

    /// A pull request from `topic` to `main`; its number.
    pub async fn pull(&self, topic: &str) -> u64 {
        let pull = self.direct("ghs_owner", "POST", "pulls", json!({"title": "t", "head": topic, "base": "main"})).await;
        pull["number"].as_u64().expect("number")
    }

    pub async fn comment(&self, token: &str, number: u64, body: &str) -> u64 {
        let made = self.direct(token, "POST", &format!("issues/{number}/comments"), json!({ "body": body })).await;
        made["id"].as_u64().expect("id")
    }

    /// Every comment on a pull request: who and what.
    pub async fn comments(&self, number: u64) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for page in 1.. {
            let path = format!("issues/{number}/comments?per_page=100&page={page}");
            let entries = self.direct("ghs_owner", "GET", &path, json!(null)).await;
            let entries = entries.as_array().cloned().unwrap_or_default();
            if entries.is_empty() {
                break;
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
            all.extend(entries.iter().map(|entry| (text(&entry["user"]["login"]), text(&entry["body"]))));
        }
        all
    }

    /// The newest status of a context: state and description.
    pub async fn status(&self, sha: &CommitSha, context: &str) -> Option<(String, String)> {
        let all = self.direct("ghs_owner", "GET", &format!("commits/{sha}/statuses?per_page=100"), json!(null)).await;
        let newest = all.as_array()?.iter().find(|status| status["context"] == context)?.clone();
        Some((newest["state"].as_str()?.into(), newest["description"].as_str().unwrap_or_default().into()))
    }

    /// The requests that came through Prism, as `METHOD path status`, with the repository's own part of the path.
    pub async fn requests(&self) -> Vec<String> {
        let address = format!("{}/_fake/requests?repo={}", url(), self.full_name());
        let all: Value = self.http.get(address).send().await.expect("fake").json().await.expect("json");
        let prefix = format!("/repos/{}", self.full_name());
        let line = |entry: &Value| {
            let path = entry["path"].as_str().unwrap_or_default();
            format!(
                "{} {} {}",
                entry["method"].as_str().unwrap_or_default(),
                path.strip_prefix(&prefix).unwrap_or(path),
                entry["status"]
            )
        };
        all.as_array().into_iter().flatten().map(line).collect()
    }

    /// Those of them that write.
    pub async fn writes(&self) -> Vec<String> {
        self.requests().await.into_iter().filter(|line| !line.starts_with("GET")).collect()
    }

    /// A base and a head with a pull request between them: number, base and head.
    pub async fn with_pull(&self, base: &[(&str, &str)], head: &[(&str, &str)]) -> (u64, CommitSha, Head) {
        let main = self.commit("main", None, base).await;
        let topic = self.commit("topic", Some(&main), head).await;
        (self.pull("topic").await, main, Head(topic))
    }
}
