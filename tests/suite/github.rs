//! Publishing, against a stateful stand-in for GitHub whose requests and responses are checked by GitHub's own description, and
//! against servers that fail.

use std::{sync::Arc, time::Duration};

use schemaproof::{
    github::{
        self,
        api::{Api, Failure, Limits},
        check::{self, Annotation, AnnotationLevel, Conclusion, Outcome},
        comment::{self, Identity, Marker, Wanted, Written},
        status::{self, State},
    },
    source::{Commits, Selection, SourceError, api::Trees},
    trigger::{BaseTip, CommitSha, Head},
};
use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path, path_regex},
};

use crate::fake::Repo;

const SQL: &[(&str, &str)] = &[("extensions/sql/1.sql", "create table a ();")];
const MORE: &[(&str, &str)] = &[("extensions/sql/1.sql", "create table a (b int);")];

fn wanted<'a>(number: u64, head: &'a Head, text: &'a str) -> Wanted<'a> {
    Wanted { number, key: "schemaproof", head, told: text, text, sticky: true, make: true }
}

#[tokio::test]
async fn the_comment_is_found_among_130_others_and_a_quotation_is_left_alone() {
    let repo = Repo::new().await;
    let (number, _, head) = repo.with_pull(SQL, MORE).await;
    let api = repo.api("ghs_job");
    for at in 0..65 {
        repo.comment("ghs_eve", number, &format!("chatter {at}")).await;
    }
    let identity = Identity::ask(&api).await;
    assert_eq!(identity, Identity::Login("github-actions[bot]".into()));
    // Someone copies what our comment is made of, marker and all, before and after ours is there.
    let quoted = format!("{}\nfirst", Marker::new("schemaproof", "first", "first", &head));
    repo.comment("ghs_eve", number, &quoted).await;
    assert!(matches!(comment::write(&api, &identity, &wanted(number, &head, "first")).await.unwrap(), Written::Made { .. }));
    repo.comment("ghs_ann", number, &quoted).await;
    for at in 65..130 {
        repo.comment("ghs_eve", number, &format!("chatter {at}")).await;
    }
    assert!(matches!(comment::write(&api, &identity, &wanted(number, &head, "second")).await.unwrap(), Written::Updated { .. }));
    let all = repo.comments(number).await;
    assert_eq!(all.len(), 133);
    assert_eq!(all.iter().filter(|(_, body)| *body == quoted).count(), 2);
    let ours: Vec<_> = all.iter().filter(|(login, _)| login == "github-actions[bot]").collect();
    assert_eq!(ours.len(), 1);
    assert!(ours[0].1.ends_with("-->\nsecond"), "{}", ours[0].1);

    let before = repo.writes().await.len();
    assert!(matches!(comment::write(&api, &identity, &wanted(number, &head, "second")).await.unwrap(), Written::Same { .. }));
    assert_eq!(repo.writes().await.len(), before, "the same text is not written again");
}

#[tokio::test]
async fn surplus_comments_go_and_other_keys_stay() {
    let repo = Repo::new().await;
    let (number, _, head) = repo.with_pull(SQL, MORE).await;
    let api = repo.api("ghs_job");
    let identity = Identity::ask(&api).await;
    let new = Wanted { sticky: false, ..wanted(number, &head, "one") };
    for _ in 0..3 {
        assert!(matches!(comment::write(&api, &identity, &new).await.unwrap(), Written::Made { .. }));
    }
    let other = Wanted { key: "another", ..wanted(number, &head, "other") };
    comment::write(&api, &identity, &other).await.unwrap();
    assert!(matches!(comment::write(&api, &identity, &wanted(number, &head, "two")).await.unwrap(), Written::Updated { .. }));
    let texts: Vec<String> =
        repo.comments(number).await.iter().map(|(_, body)| body.lines().last().unwrap_or_default().to_string()).collect();
    assert_eq!(texts, ["two", "other"]);
    let none = Wanted { key: "third", make: false, ..wanted(number, &head, "x") };
    assert_eq!(comment::write(&api, &identity, &none).await.unwrap(), Written::None);
}

#[tokio::test]
async fn a_late_run_does_not_write_over_a_newer_one() {
    let repo = Repo::new().await;
    let (number, _, old) = repo.with_pull(SQL, MORE).await;
    let api = repo.api("ghs_job");
    let identity = Identity::ask(&api).await;
    let new = Head(repo.commit("topic", Some(&old.0), &[("extensions/sql/1.sql", "x")]).await);
    comment::write(&api, &identity, &wanted(number, &new, "new")).await.unwrap();
    let late = comment::write(&api, &identity, &wanted(number, &old, "old")).await.unwrap();
    assert_eq!(late, Written::Late { head: new.0 });
    assert!(repo.comments(number).await[0].1.ends_with("\nnew"));
}

#[tokio::test]
async fn a_comment_that_is_too_long_is_never_sent() {
    let repo = Repo::new().await;
    let (number, _, head) = repo.with_pull(SQL, MORE).await;
    let api = repo.api("ghs_job");
    let long = "ü".repeat(comment::LONGEST);
    let error = comment::write(&api, &Identity::SomeBot, &wanted(number, &head, &long)).await.unwrap_err();
    assert!(matches!(error.why, Failure::Refused { status: 422, .. }), "{error}");
    assert!(repo.writes().await.is_empty());
    let marker = Marker::new("schemaproof", "", "", &head).to_string().chars().count() + 1;
    let fits = "ü".repeat(comment::LONGEST - marker);
    assert!(matches!(comment::write(&api, &Identity::SomeBot, &wanted(number, &head, &fits)).await.unwrap(), Written::Made { .. }));
}

#[tokio::test]
async fn statuses_and_check_runs_with_130_annotations() {
    let repo = Repo::new().await;
    let (_, _, head) = repo.with_pull(SQL, MORE).await;
    let api = repo.api("ghs_job");
    status::set(&api, &head, "db", State::Pending, "planning", None).await.unwrap();
    status::set(&api, &head, "db", State::Failure, &"long ".repeat(100), Some("https://example.com/run")).await.unwrap();
    let (state, description) = repo.status(&head.0, "db").await.unwrap();
    assert_eq!((state.as_str(), description.chars().count()), ("failure", 140));

    let run = check::begin(&api, &head, "db", Some("https://example.com/run")).await.unwrap();
    let annotations: Vec<Annotation> = (0..130)
        .map(|at| Annotation {
            path: "extensions/sql/a\nb.sql".into(),
            line: at,
            level: AnnotationLevel::Warning,
            title: "t".into(),
            message: "m".into(),
        })
        .collect();
    let outcome = Outcome { conclusion: Conclusion::Failure, title: "one blocks", summary: "s", annotations: &annotations };
    check::end(&api, run, &outcome).await.unwrap();
    let there = repo.direct("ghs_owner", "GET", &format!("check-runs/{}", run.id), json!(null)).await;
    assert_eq!((there["status"].as_str(), there["conclusion"].as_str()), (Some("completed"), Some("failure")));
    assert_eq!(there["output"]["annotations_count"], 130);
    assert!(repo.requests().await.iter().all(|line| !line.ends_with("500") && !line.ends_with("422")));
}

#[tokio::test]
async fn a_token_that_may_only_read_is_told_apart() {
    let repo = Repo::new().await;
    let (number, _, head) = repo.with_pull(SQL, MORE).await;
    let api = repo.api("ghs_readonly");
    let identity = Identity::ask(&api).await;
    let error = comment::write(&api, &identity, &wanted(number, &head, "x")).await.unwrap_err();
    assert!(matches!(error.why, Failure::Forbidden { .. }), "{error}");
    let error = status::set(&api, &head, "db", State::Success, "x", None).await.unwrap_err();
    assert!(matches!(error.why, Failure::Forbidden { .. }), "{error}");
    assert_eq!(repo.writes().await.len(), 2, "nothing forbidden is tried twice");
}

#[tokio::test]
async fn files_merge_base_and_pull_request_come_without_a_checkout() {
    let repo = Repo::new().await;
    let root = repo.commit("main", None, SQL).await;
    let head = Head(
        repo.commit("topic/ä b", Some(&root), &[("extensions/sql/é;$(id).sql", "select 'ü';"), ("extensions/sql/1.sql", "x")])
            .await,
    );
    let tip = BaseTip(repo.commit("main", Some(&root), &[("README.md", "x"), ("extensions/sql/1.sql", "y")]).await);
    let number = repo.pull("topic/ä b").await;
    let api = Arc::new(repo.api("ghs_job"));
    let pull = github::pull_request(&api, number).await.unwrap();
    assert_eq!((&pull.head, &pull.base, pull.fork, pull.head_branch.as_str()), (&head, &tip, false, "topic/ä b"));
    assert_eq!(github::default_branch(&api).await.unwrap(), "main");
    assert_eq!(github::commit(&api, "topic/ä b").await.unwrap(), head.0);

    let commits = Commits { local: None, remote: Some(Trees::new(api)) };
    assert_eq!(commits.merge_base(&pull.base, &pull.head).await.unwrap(), root);
    let selection = Selection::new(&["extensions/sql".into()], "").unwrap();
    let files = commits.read(&commits.snapshot(&head.0, &selection).await.unwrap()).await.unwrap();
    let names: Vec<&str> = files.files.iter().map(|file| &*file.path).collect();
    assert_eq!(names, ["extensions/sql/1.sql", "extensions/sql/é;$(id).sql"]);
    assert_eq!(&*files.files[1].text, "select 'ü';");
    let gone: CommitSha = "1234567890123456789012345678901234567890".parse().unwrap();
    assert!(matches!(commits.snapshot(&gone, &selection).await, Err(SourceError::Remote { .. })));
}

#[tokio::test]
async fn a_symbolic_link_in_a_pull_request_is_refused_through_the_api_too() {
    let repo = Repo::new().await;
    let item = json!({"path": "extensions/sql/1.sql", "mode": "120000", "type": "blob", "content": "/etc/passwd"});
    let head = repo.commit_tree("topic", None, vec![item]).await;
    let commits = Commits { local: None, remote: Some(Trees::new(Arc::new(repo.api("ghs_job")))) };
    let selection = Selection::new(&["extensions/sql".into()], "").unwrap();
    assert!(matches!(commits.snapshot(&head, &selection).await, Err(SourceError::Symlink { .. })));
}

fn quick() -> Limits {
    Limits {
        request: Duration::from_millis(1500),
        pause: Duration::from_millis(10),
        longest_wait: Duration::from_secs(2),
        ..Limits::default()
    }
}

async fn broken() -> (MockServer, Api) {
    let server = MockServer::start().await;
    let api = Api::new(&server.uri(), "ghs_secret".into(), "o/r".parse().unwrap(), quick()).unwrap();
    (server, api)
}

#[tokio::test]
async fn every_failure_has_its_own_name_and_no_token_in_it() {
    let cases = [
        (ResponseTemplate::new(401), 1),
        (ResponseTemplate::new(403).set_body_json(json!({"message": "no ghs_secret here"})), 1),
        (ResponseTemplate::new(403).insert_header("retry-after", "3600"), 1),
        (ResponseTemplate::new(403).insert_header("x-ratelimit-remaining", "0").insert_header("x-ratelimit-reset", "1"), 4),
        (ResponseTemplate::new(404), 1),
        (ResponseTemplate::new(422).set_body_json(json!({"message": "Validation Failed", "errors": [{"message": "too long"}]})), 1),
        (ResponseTemplate::new(429).insert_header("retry-after", "0"), 4),
        (ResponseTemplate::new(500), 4),
        (ResponseTemplate::new(200).set_body_string("<html>ghs_secret"), 1),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(5)), 4),
    ];
    let mut names = Vec::new();
    for (answer, tries) in cases {
        let (server, api) = broken().await;
        Mock::given(method("GET")).respond_with(answer).expect(tries).mount(&server).await;
        let error = github::default_branch(&api).await.unwrap_err();
        assert!(!error.to_string().contains("ghs_secret"), "{error}");
        names.push(error.to_string());
        server.verify().await;
    }
    insta::assert_snapshot!(names.join("\n").replace("x is 1", ""));
}

#[tokio::test]
async fn a_cut_connection_is_tried_again_and_then_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = count.clone();
    let cutter = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            drop(socket);
        }
    });
    let api = Api::new(&url, "t".into(), "o/r".parse().unwrap(), quick()).unwrap();
    let error = github::default_branch(&api).await.unwrap_err();
    cutter.abort();
    assert!(matches!(error.why, Failure::Connection { .. }), "{error}");
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_comment_that_arrived_although_the_answer_was_lost_is_not_made_twice() {
    let (server, api) = broken().await;
    let head = Head("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    let body = format!("{}\nx", Marker::new("schemaproof", "x", "x", &head));
    let pull = json!({"number": 1, "base": {"ref": "m", "sha": head.0.as_str()}, "head": {"ref": "t", "sha": head.0.as_str()}});
    let made = json!([{"id": 5, "html_url": "https://example.com/5", "body": body, "user": {"login": "github-actions[bot]", "type": "Bot"}}]);
    Mock::given(path("/repos/o/r/pulls/1")).respond_with(ResponseTemplate::new(200).set_body_json(pull)).mount(&server).await;
    let posts =
        Mock::given(method("POST")).and(path("/repos/o/r/issues/1/comments")).respond_with(ResponseTemplate::new(502)).expect(1);
    posts.mount(&server).await;
    let empty = ResponseTemplate::new(200).set_body_json(json!([]));
    Mock::given(method("GET")).and(path_regex("comments$")).respond_with(empty).up_to_n_times(1).mount(&server).await;
    let there = ResponseTemplate::new(200).set_body_json(made);
    Mock::given(method("GET")).and(path_regex("comments$")).respond_with(there).mount(&server).await;
    let written = comment::write(&api, &Identity::SomeBot, &wanted(1, &head, "x")).await.unwrap();
    assert_eq!(written, Written::Made { url: "https://example.com/5".into() });
    server.verify().await;
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_asked_for_github() {
    let proxy = MockServer::start().await;
    let directory = tempfile::tempdir().unwrap();
    let event = directory.path().join("event.json");
    let payload = json!({"inputs": {"pr-number": "7"}, "repository": {"full_name": "o/r", "default_branch": "main"}});
    std::fs::write(&event, payload.to_string()).unwrap();
    let mut step = tokio::process::Command::new(env!("CARGO_BIN_EXE_schemaproof"));
    step.arg("ci")
        .env_clear()
        .current_dir(directory.path())
        .envs([("GITHUB_EVENT_NAME", "workflow_dispatch"), ("GITHUB_REPOSITORY", "o/r"), ("GITHUB_TOKEN", "ghs_secret")])
        // No such host: only a proxy can have an answer.
        .envs([("GITHUB_API_URL", "http://api.github.invalid"), ("HTTP_PROXY", &proxy.uri()), ("INPUT_PR-NUMBER", "7")])
        .env("GITHUB_EVENT_PATH", &event);
    Mock::given(path("/repos/o/r/pulls/7")).respond_with(ResponseTemplate::new(401)).expect(1..).mount(&proxy).await;
    let output = tokio::time::timeout(Duration::from_secs(60), step.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("GitHub does not accept the token"), "{said}");
    assert!(!said.contains("ghs_secret"), "{said}");
    proxy.verify().await;
}
