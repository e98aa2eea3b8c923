//! Environments beside the files: the issue of scheduled runs and the comment of pull requests, with real databases and the stand-in
//! for GitHub.

use schemaproof::{
    cli::{Exit, ci::ci},
    pipeline,
    sandbox::Server,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    apply::{execute, on_server},
    ci::{Stage, opened},
    fake::Repo,
    sandbox::test_image,
};

const SCHEMA: &str = "CREATE TABLE t (id int PRIMARY KEY, note text);";
const FILES: &[(&str, &str)] = &[("extensions/sql/1.sql", SCHEMA)];

/// A scheduled run of the default branch.
async fn scheduled(repo: &Repo, token: &str, environments: &str) -> (Exit, Stage) {
    let head = repo.direct("ghs_owner", "GET", "commits/main", Value::Null).await["sha"].as_str().unwrap().to_string();
    let payload = json!({"schedule": "0 4 * * *", "repository": {"full_name": repo.full_name(), "default_branch": "main"}});
    let mut stage = Stage::new(repo, token, "schedule", &payload);
    stage.environment.event.git_ref = Some("refs/heads/main".into());
    stage.environment.event.sha = Some(head);
    let exit = real(&mut stage, environments).await;
    (exit, stage)
}

async fn real(stage: &mut Stage, environments: &str) -> Exit {
    let inputs = [("environments", environments), ("image", &test_image()), ("engine", "native")];
    stage.environment.inputs.extend(inputs.map(|(name, value)| (name.to_string(), value.to_string())));
    let cancel = CancellationToken::new();
    Box::pin(ci(&stage.environment, &cancel, async |job, cancel| Box::pin(pipeline::run(job, cancel)).await)).await
}

/// Number, state, title and body of every issue that is no pull request, and what was said on it.
async fn issues(repo: &Repo) -> Vec<(u64, String, String, String)> {
    let all = repo.direct("ghs_owner", "GET", "issues?state=all&per_page=100", Value::Null).await;
    let text = |issue: &Value, key: &str| issue[key].as_str().unwrap_or_default().to_string();
    let all = all.as_array().unwrap().iter().filter(|issue| issue["pull_request"].is_null());
    all.map(|issue| (issue["number"].as_u64().unwrap(), text(issue, "state"), text(issue, "title"), text(issue, "body"))).collect()
}

fn url(server: &Server, database: &str) -> String {
    server.url(database).expose_secret().to_string()
}

#[tokio::test]
async fn one_issue_is_opened_changed_closed_and_reopened_as_drift_comes_and_goes() {
    on_server(async |server| {
        execute(server, "app", SCHEMA).await;
        let other = server.create_database("other", None).await.unwrap();
        execute(server, &other, SCHEMA).await;
        let repo = Repo::new().await;
        repo.commit("main", None, FILES).await;
        let both = format!("dev={}\nprod={}", url(server, "app"), url(server, &other));
        let password = url::Url::parse(&url(server, "app")).unwrap().password().unwrap().to_string();

        // Nothing differs, and nothing was said before: nothing is said.
        let (exit, stage) = scheduled(&repo, "ghs_job", &both).await;
        assert_eq!((exit, stage.output("issue-url").as_deref()), (Exit::Pass, Some("")));
        assert!(issues(&repo).await.is_empty());
        assert!(stage.file("summary").contains("Environments: all of 2 as main"), "{}", stage.file("summary"));

        // Somebody else's issue with our marker is not ours.
        let fake = "<!-- schemaproof key=drift%20schemaproof digest=0 head=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa text=0 -->\n";
        repo.direct("ghs_eve", "POST", "issues", json!({"title": "mine", "body": fake})).await;

        execute(server, &other, "ALTER TABLE t DROP COLUMN note").await;
        let (exit, stage) = scheduled(&repo, "ghs_job", &both).await;
        assert_eq!(exit, Exit::Pass);
        let found = issues(&repo).await;
        let (number, state, title, body) = found.iter().find(|(_, _, title, _)| title != "mine").unwrap().clone();
        assert_eq!((state.as_str(), title.as_str()), ("open", "Schema drift: 1 of 2 differs from main"));
        assert!(body.contains("`public.t.note`") && body.contains("prod"), "{body}");
        assert!(stage.output("issue-url").unwrap().ends_with(&format!("/issues/{number}")), "{:?}", stage.output("issue-url"));

        // The same drift writes nothing; more of it, with a database that cannot be reached, changes the same issue.
        let writes = async || repo.writes().await.into_iter().filter(|line| line.contains("/issues")).collect::<Vec<_>>();
        let before = writes().await.len();
        scheduled(&repo, "ghs_job", &both).await;
        assert_eq!(writes().await.len(), before);
        let gone = format!("{both}\ngone=postgres://nobody:hush-hush@127.0.0.1:1/app");
        execute(server, &other, "CREATE TABLE extra (id int)").await;
        assert_eq!(scheduled(&repo, "ghs_job", &gone).await.0, Exit::Pass);
        let found = issues(&repo).await;
        assert_eq!(found.len(), 2, "{found:#?}");
        let (_, _, title, body) = found.iter().find(|(other, ..)| *other == number).unwrap();
        assert!(
            title.ends_with("1 could not be read") && body.contains("`public.extra`") && body.contains("127.0.0.1:1"),
            "{body}"
        );
        assert!(!body.contains("hush-hush") && !body.contains(&password), "{body}");

        // Gone: closed, with a word. Back: the same one.
        let mend = "ALTER TABLE t ADD COLUMN note text; DROP TABLE extra";
        execute(server, &other, mend).await;
        scheduled(&repo, "ghs_job", &both).await;
        let state = async || {
            let found = issues(&repo).await;
            (found.len(), found.into_iter().find(|(other, ..)| *other == number).unwrap().1)
        };
        assert_eq!(state().await, (2, "closed".into()));
        let said = repo.comments(number).await;
        assert_eq!(said.len(), 1);
        assert!(said[0].1.contains("the same schema again ([run 7]("), "{said:?}");
        scheduled(&repo, "ghs_job", &both).await;
        assert_eq!(repo.comments(number).await.len(), 1);
        execute(server, &other, "ALTER TABLE t DROP COLUMN note").await;
        scheduled(&repo, "ghs_job", &both).await;
        assert_eq!(state().await, (2, "open".into()));
        assert_eq!(repo.comments(number).await.len(), 2);

        // Closed by hand it stays closed until something changes.
        repo.direct("ghs_ann", "PATCH", &format!("issues/{number}"), json!({"state": "closed"})).await;
        scheduled(&repo, "ghs_job", &both).await;
        assert_eq!(state().await, (2, "closed".into()));
        execute(server, &other, "CREATE TABLE extra (id int)").await;
        scheduled(&repo, "ghs_job", &both).await;
        assert_eq!(state().await, (2, "open".into()));
        let requests = repo.requests().await;
        assert!(requests.iter().all(|line| !line.ends_with(" 500") && !line.ends_with(" 422")), "{requests:#?}");

        // Who may not write issues tells nobody of drift: that is a failure.
        assert_eq!(scheduled(&repo, "ghs_readonly", &gone).await.0, Exit::NotPublished);
    })
    .await;
}

#[tokio::test]
async fn the_comment_says_how_the_environments_stand() {
    on_server(async |server| {
        execute(server, "app", SCHEMA).await;
        let other = server.create_database("other", None).await.unwrap();
        let repo = Repo::new().await;
        let (number, ..) = repo.with_pull(FILES, &[("extensions/sql/1.sql", "CREATE TABLE t (id int PRIMARY KEY);")]).await;
        let mut stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
        let gone = "gone=postgres://nobody:hush-hush@127.0.0.1:1/app";
        let environments = format!("dev={}\nprod={}\n{gone}", url(server, "app"), url(server, &other));
        assert_eq!(real(&mut stage, &environments).await, Exit::Blocked);
        let (_, body) = repo.comments(number).await.remove(0);
        for part in [
            "Environments: 1 of 2 differs from main · 1 could not be read",
            "| dev | same |",
            "| prod | 1 difference: table `public.t` |",
            "| gone | ⚠️ could not be read:",
        ] {
            assert!(body.contains(part), "{part}\n{body}");
        }
        assert!(!body.contains("hush-hush") && !stage.file("summary").contains("hush-hush"), "{body}");
        assert!(stage.file("summary").contains("| prod | 1 difference"));
        let report: Value = serde_json::from_str(&stage.file("schemaproof-report/report.json")).unwrap();
        assert_eq!(report["environments"]["against"], "main");
        assert!(stage.file("schemaproof-report/report.html").contains("gone could not be read"));
        // No issue for a pull request.
        assert!(issues(&repo).await.is_empty());

        let mut stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
        assert_eq!(real(&mut stage, "postgres://x:hush-hush@h/d").await, Exit::Failed);
        assert!(!stage.file("summary").contains("hush-hush"));
        assert!(stage.file("summary").contains("entry 1 of 1"), "{}", stage.file("summary"));
    })
    .await;
}
