//! Labels, requests for reviews, and pull requests that change the same objects.

use super::*;

const CONFIG: &str = "overlaps: true\nlabels: {danger: \"schema: danger\", warning: schema-warning}\nreviewers:\n\
                      - {rules: [drop-table], users: [ann, eve, octocat], teams: [databases, nobody]}\n- {rules: [drop-column], users: [eve]}\n\
                      - {users: [nobody-here]}\npolicy: {approve: {author: false}}";

async fn labels(repo: &Repo, number: u64) -> Vec<String> {
    let all = repo.direct("ghs_owner", "GET", &format!("issues/{number}/labels"), Value::Null).await;
    all.as_array().unwrap().iter().map(|label| label["name"].as_str().unwrap().to_string()).collect()
}

fn with_config<'a>(files: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    files.iter().copied().chain([(".github/schemaproof.yml", CONFIG)]).collect()
}

#[tokio::test]
async fn labels_and_reviewers_follow_what_was_found_and_nobody_elses_labels_are_touched() {
    let repo = Repo::new().await;
    let (number, ..) = repo.with_pull(&with_config(SQL), &with_config(MORE)).await;
    let by_hand = json!({"labels": ["urgent", "Schema-Warning"]});
    repo.direct("ghs_owner", "POST", &format!("issues/{number}/labels"), by_hand).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    assert_eq!(labels(&repo, number).await, ["urgent", "schema: danger"]);
    // People, then teams. One who cannot review is a warning, and the author of the pull request (octocat) is not asked.
    let asked = async || {
        let requests = repo.requests().await;
        requests.into_iter().filter(|line| line.contains("requested_reviewers")).collect::<Vec<_>>()
    };
    let post = format!("POST /pulls/{number}/requested_reviewers");
    assert_eq!(asked().await, [201, 201, 422, 201, 422].map(|status| format!("{post} {status}")));
    let pull = repo.direct("ghs_owner", "GET", &format!("pulls/{number}"), Value::Null).await;
    let logins: Vec<&Value> = pull["requested_reviewers"].as_array().unwrap().iter().map(|user| &user["login"]).collect();
    assert_eq!(logins, ["ann", "eve"]);

    // Again: who was asked is not asked again, and labels that are right are not written.
    let labelled = async || repo.writes().await.into_iter().filter(|line| line.contains("/labels")).count();
    let before = labelled().await;
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    assert_eq!(asked().await.iter().filter(|line| line.ends_with("201")).count(), 3);
    assert_eq!(labelled().await, before);
    // After an error nothing is known: what is there stays.
    let failing = async |job: &Job, _: &CancellationToken| {
        let mut outcome = risky(job);
        outcome.report.verdict = Verdict::Error;
        outcome.report.findings.clear();
        outcome
    };
    stage.run(failing).await;
    assert_eq!(labels(&repo, number).await, ["urgent", "schema: danger"]);
    // What is no longer true goes.
    let harmless = async |job: &Job, _: &CancellationToken| {
        let mut outcome = risky(job);
        (outcome.report.verdict, outcome.report.findings) = (Verdict::Pass, vec![]);
        outcome
    };
    assert_eq!(stage.run(harmless).await, Exit::Pass);
    assert_eq!(labels(&repo, number).await, ["urgent"]);
    assert!(repo.requests().await.iter().all(|line| !line.ends_with("500")), "{:?}", repo.requests().await);
}

#[tokio::test]
async fn labels_that_may_not_be_set_change_no_verdict() {
    let repo = Repo::new().await;
    let (number, ..) = repo.with_pull(&with_config(SQL), &with_config(MORE)).await;
    let mut stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    let forbidden = ResponseTemplate::new(403).set_body_json(json!({"message": "Resource not accessible by integration"}));
    let server = failing("GET", "/labels", forbidden).await;
    stage.environment.api_url = server.uri();
    let harmless = async |job: &Job, _: &CancellationToken| {
        let mut outcome = risky(job);
        outcome.report.verdict = Verdict::Pass;
        outcome.report.findings[0].blocks = false;
        outcome
    };
    assert_eq!(stage.run(harmless).await, Exit::Pass);
    let asked = server.received_requests().await.unwrap();
    assert!(asked.iter().any(|request| request.url.path().ends_with("/labels")));
}

#[tokio::test]
async fn two_pull_requests_that_change_the_same_table_are_named_in_each_others_comment() {
    let repo = Repo::new().await;
    let (first, base, _) = repo.with_pull(&with_config(SQL), &with_config(MORE)).await;
    repo.commit("second", Some(&base), &with_config(&[("extensions/sql/1.sql", "create table a (c int);")])).await;
    let second = repo.pull("second").await;
    // Somebody writes what our comments are made of, and the names in it are hostile.
    let forged =
        "<!-- schemaproof key=schemaproof digest=0 head=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa text=0 -->\n- #1: @everyone";
    repo.comment("ghs_eve", second, forged).await;
    let comment = async |number: u64| {
        let all = repo.comments(number).await;
        all.into_iter().find(|(login, _)| login == "github-actions[bot]").map(|(_, body)| body).unwrap_or_default()
    };
    let run = async |number: u64, object: &'static str| {
        let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
        let plan = async |job: &Job, _: &CancellationToken| {
            let mut outcome = risky(job);
            outcome.report.changes[0].object = object.into();
            outcome
        };
        assert_eq!(stage.run(plan).await, Exit::Blocked);
    };
    run(first, "public.a.b").await;
    assert!(!comment(first).await.contains("Other open pull requests"));
    run(second, "public.a.c").await;
    assert!(comment(second).await.contains(&format!("\n- #{first}: `public.a`\n")), "{}", comment(second).await);
    assert!(comment(first).await.contains(&format!("\n- #{second}: `public.a`\n")), "{}", comment(first).await);
    assert!(!comment(first).await.contains("@everyone"));
    // The same again says the same, and nothing is written but what the other run changed in it.
    let edits = async || repo.writes().await.iter().filter(|line| line.starts_with("PATCH /issues/comments")).count();
    run(first, "public.a.b").await;
    run(second, "public.a.c").await;
    let before = (edits().await, comment(first).await, comment(second).await);
    run(first, "public.a.b").await;
    run(second, "public.a.c").await;
    assert_eq!((edits().await, comment(first).await, comment(second).await), before);
    assert!(before.1.contains(&format!("- #{second}: ")) && before.2.contains(&format!("- #{first}: ")));
    // One changes something else by now: neither names the other.
    run(second, "public.elsewhere").await;
    assert!(!comment(second).await.contains("Other open pull requests"));
    assert!(!comment(first).await.contains("Other open pull requests"), "{}", comment(first).await);
    // A pull request that is closed is named by nobody.
    run(second, "public.a").await;
    repo.direct("ghs_owner", "PATCH", &format!("pulls/{second}"), json!({"state": "closed"})).await;
    run(first, "public.a.b").await;
    assert!(!comment(first).await.contains("Other open pull requests"));
}

#[tokio::test]
async fn what_cannot_be_asked_about_other_pull_requests_is_a_warning() {
    let repo = Repo::new().await;
    let (number, ..) = repo.with_pull(&with_config(SQL), &with_config(MORE)).await;
    let stage = Stage::new(&repo, "ghs_ann", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    assert!(repo.comments(number).await[0].1.contains("public.a"));
}
