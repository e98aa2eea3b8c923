//! `schemaproof ci` from event to exit code, against the stand-in for GitHub. The planning in the middle is canned: what is tested
//! is what is read, what is published, and in which cases nothing is.

mod attention;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use schemaproof::{
    catalog::Action,
    cli::{
        Exit,
        ci::{Environment, ci, matrix, publish},
    },
    github::{api::Limits, outputs::Outputs},
    pipeline::{Job, Outcome, RENAMES_NOTHING, Schema},
    plan::{Origin, Plan, Step},
    report::{self, Remark, Report, ReportedChange, ReportedFinding, ReportedStep, Side},
    risk::Level,
    trigger::{CommitSha, Event, Head},
    verdict::Verdict,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use crate::fake::{self, Repo};

const SQL: &[(&str, &str)] = &[("extensions/sql/1.sql", "create table a ();"), ("README.md", "x")];
const MORE: &[(&str, &str)] = &[("extensions/sql/1.sql", "create table a (b int);"), ("README.md", "x")];

/// A step of a workflow: its files, and how often planning was asked for.
pub struct Stage {
    directory: tempfile::TempDir,
    pub environment: Environment,
}

impl Stage {
    pub fn new(repo: &Repo, token: &str, event: &str, payload: &Value) -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| Some(directory.path().join(name));
        let environment = Environment {
            event: Event {
                name: event.into(),
                payload: payload.to_string(),
                repository: Some(repo.full_name()),
                git_ref: None,
                sha: None,
                pr_number: None,
            },
            api_url: fake::url().into(),
            server_url: "https://github.example".into(),
            run_id: Some("77".into()),
            run_number: Some(7),
            token: Some(token.into()),
            workspace: Some(directory.path().to_path_buf()),
            outputs: Outputs { output: file("output"), summary: file("summary") },
            inputs: BTreeMap::new(),
            atlas: None,
            limits: Limits { pause: Duration::from_millis(10), ..Limits::default() },
        };
        Stage { directory, environment }
    }

    async fn run(&self, plan: impl AsyncFn(&Job, &CancellationToken) -> Outcome) -> Exit {
        ci(&self.environment, &CancellationToken::new(), plan).await
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    /// An output of the step.
    pub fn output(&self, name: &str) -> Option<String> {
        let text = self.file("output");
        text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(String::from)
    }
}

/// The payload of a `pull_request` event, as GitHub would send it now.
pub async fn opened(repo: &Repo, number: u64) -> Value {
    let pull = repo.direct("ghs_owner", "GET", &format!("pulls/{number}"), Value::Null).await;
    json!({"action": "synchronize", "number": number, "pull_request": pull, "repository": {"full_name": repo.full_name()}})
}

fn side(input: &schemaproof::pipeline::Input) -> Side {
    let files = if let Schema::Files(files) = &input.schema { files.files.len() } else { 0 };
    Side { name: input.name.clone(), commit: input.commit.clone(), files }
}

fn drop_a() -> Plan {
    let sql = "DROP TABLE public.a".to_string();
    Plan {
        steps: vec![Step {
            sql,
            masked: None,
            origin: Origin::Native,
            group: 1,
            transactional: true,
            objects: vec![],
            online: None,
        }],
    }
}

/// A plan with one finding that blocks unless somebody accepted the plan.
fn risky(job: &Job) -> Outcome {
    let plan = drop_a();
    let sql = plan.steps[0].sql.clone();
    let fingerprint = plan.fingerprint();
    let accepted = job.acceptances.iter().find(|acceptance| fingerprint.is_written_as(&acceptance.fingerprint));
    let nothing = report::build::nothing("One finding.", side(&job.base), side(&job.target), 0.5, job.run.clone());
    let blocks = accepted.is_none();
    let report = Report {
        verdict: if blocks { Verdict::Blocked } else { Verdict::Pass },
        proven: true,
        fingerprint: Some(fingerprint.to_string()),
        changes: vec![ReportedChange {
            kind: "table".into(),
            object: "public.a".into(),
            action: Action::Drop,
            renamed_from: None,
            details: vec![],
            file: Some("extensions/sql/1.sql".into()),
            line: Some(1),
            left_out: false,
            steps: vec![0],
        }],
        steps: vec![ReportedStep { sql, origin: Origin::Native, group: 1, transactional: true, effects: None }],
        findings: vec![ReportedFinding {
            rule: "drop-table".into(),
            title: "A table is dropped".into(),
            level: Level::Danger,
            blocks,
            accepted_by: accepted.map(|acceptance| acceptance.by.clone()),
            kind: "table".into(),
            object: "public.a".into(),
            message: "`public.a` is dropped with its rows.".into(),
            measured: None,
            live: None,
            advice: "Keep it.".into(),
            safer_sql: None,
            file: Some("extensions/sql/1.sql".into()),
            line: Some(1),
            step: Some(0),
        }],
        ..nothing
    };
    Outcome { report, plan, catalogs: None }
}

async fn canned(job: &Job, _: &CancellationToken) -> Outcome {
    risky(job)
}

async fn never(_: &Job, _: &CancellationToken) -> Outcome {
    panic!("nothing was to be planned")
}

fn texts(schema: &Schema) -> Vec<String> {
    match schema {
        Schema::Files(files) => files.files.iter().map(|file| file.text.to_string()).collect(),
        _ => panic!("not files"),
    }
}

#[tokio::test]
async fn a_risky_pull_request_is_blocked_and_opened_by_an_acceptance_that_counts() {
    let repo = Repo::new().await;
    let (number, base, head) = repo.with_pull(SQL, MORE).await;
    // The base moves on: it is compared with the merge base, and its newer commit does not show.
    repo.commit("main", Some(&base), &[("extensions/sql/1.sql", "create table other ();")]).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    let exit = stage
        .run(async |job: &Job, _: &CancellationToken| {
            assert_eq!(texts(&job.base.schema), ["create table a ();"]);
            assert_eq!(texts(&job.target.schema), ["create table a (b int);"]);
            assert_eq!(job.base.commit.as_deref(), Some(base.as_str()));
            risky(job)
        })
        .await;
    assert_eq!(exit, Exit::Blocked);
    assert_eq!(repo.status(&head.0, "schemaproof").await.unwrap().0, "failure");
    let fingerprint = stage.output("fingerprint").unwrap();
    assert_eq!(stage.output("verdict").as_deref(), Some("blocked"));
    assert_eq!(stage.output("blocking").as_deref(), Some("1"));
    assert!(stage.output("comment-url").unwrap().contains("#issuecomment-"));
    assert!(stage.file("summary").contains("public.a"));
    for name in ["report-json", "report-html", "report-sarif", "plan-sql"] {
        assert!(!stage.file(&stage.output(name).unwrap()).is_empty(), "{name}");
    }
    let (login, body) = repo.comments(number).await.remove(0);
    assert_eq!(login, "github-actions[bot]");
    assert!(body.contains(&format!("/schemaproof accept {fingerprint}")), "{body}");
    let runs = repo.direct("ghs_owner", "GET", &format!("commits/{}/check-runs", head.0), Value::Null).await;
    assert_eq!((&runs["total_count"], &runs["check_runs"][0]["conclusion"]), (&json!(1), &json!("failure")));
    assert_eq!(runs["check_runs"][0]["output"]["annotations_count"], 1);

    // Someone who may only read, someone who quotes, someone who edits, and another plan: none of them opens it.
    repo.comment("ghs_eve", number, &format!("/schemaproof accept {fingerprint}")).await;
    repo.comment("ghs_ann", number, &format!("> /schemaproof accept {fingerprint}")).await;
    repo.comment("ghs_ann", number, "/schemaproof accept 0000·0000·0000·0000").await;
    let edited = repo.comment("ghs_ann", number, "fine").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let body = json!({"body": format!("/schemaproof accept {fingerprint}")});
    repo.direct("ghs_ann", "PATCH", &format!("issues/comments/{edited}"), body).await;
    repo.comment("ghs_job", number, &format!("/schemaproof accept {fingerprint}")).await;
    assert_eq!(stage.run(canned).await, Exit::Blocked);

    let comment = repo.comment("ghs_ann", number, &format!("/schemaproof accept {fingerprint} rebuilt nightly")).await;
    let payload = json!({"action": "created", "issue": {"number": number, "state": "open", "pull_request": {}},
        "comment": {"id": comment, "body": format!("/schemaproof accept {fingerprint} rebuilt nightly"), "user": {"login": "ann", "type": "User"}}});
    let stage = Stage::new(&repo, "ghs_job", "issue_comment", &payload);
    assert_eq!(stage.run(canned).await, Exit::Pass);
    assert_eq!(repo.status(&head.0, "schemaproof").await.unwrap().0, "success");
    let reactions = repo.direct("ghs_owner", "GET", &format!("issues/comments/{comment}/reactions"), Value::Null).await;
    assert_eq!(reactions[0]["content"], "+1");
    let ours: Vec<_> = repo.comments(number).await.into_iter().filter(|(_, body)| body.starts_with("<!-- schemaproof")).collect();
    assert_eq!(ours.len(), 1);
    assert!(
        repo.requests().await.iter().all(|line| !line.ends_with(" 500") && !line.ends_with(" 422")),
        "{:?}",
        repo.requests().await
    );
}

/// A comment that somebody made, and the run for it; answers with how it ended and the first reaction.
async fn commented(
    repo: &Repo,
    number: u64,
    by: &str,
    body: &str,
    plan: impl AsyncFn(&Job, &CancellationToken) -> Outcome,
) -> (Exit, Value) {
    let comment = repo.comment(&format!("ghs_{by}"), number, body).await;
    let payload = json!({"action": "created", "issue": {"number": number, "state": "open", "pull_request": {}},
        "comment": {"id": comment, "body": body, "user": {"login": by, "type": "User"}}});
    let exit = Stage::new(repo, "ghs_job", "issue_comment", &payload).run(plan).await;
    let reactions = repo.direct("ghs_owner", "GET", &format!("issues/comments/{comment}/reactions"), Value::Null).await;
    (exit, reactions[0]["content"].clone())
}

#[tokio::test]
async fn a_rule_is_explained_in_one_comment_without_planning() {
    let repo = Repo::new().await;
    let (number, ..) = repo.with_pull(SQL, MORE).await;
    let ask = async |by: &str, body: &str| {
        let (exit, reaction) = commented(&repo, number, by, body, never).await;
        assert_eq!(exit, Exit::Pass);
        reaction
    };
    let ours = async || -> Vec<String> {
        let all = repo.comments(number).await.into_iter();
        all.filter(|(login, _)| login == "github-actions[bot]").map(|(_, body)| body).collect()
    };
    assert_eq!(ask("eve", "/schemaproof explain drop-column").await, "-1");
    assert_eq!(ask("ann", "/schemaproof explain @eve[x](y)").await, "confused");
    assert!(ours().await.is_empty());
    assert_eq!(ask("ann", "/schemaproof explain drop-column").await, "+1");
    assert_eq!(ask("ann", "again:\n\n/schemaproof explain `drop-column`").await, "+1");
    let said = ours().await;
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(
        said[0].contains("### drop-column: A column is dropped")
            && said[0].contains("ALTER TABLE") | said[0].contains("CREATE TABLE")
    );
    // A name that is nearly right is shown as what it is.
    assert_eq!(ask("ann", "/schemaproof explain drop-tabel\n/schemaproof explain drop-view").await, "+1");
    let said = ours().await;
    assert_eq!(said.len(), 3);
    assert!(
        said.iter().any(|text| text.contains("There is no rule `drop-tabel`") && text.contains("### drop-table: ")),
        "{said:#?}"
    );
}

#[tokio::test]
async fn a_rename_that_is_asked_for_reaches_the_plan_when_the_policy_lets_it() {
    let repo = Repo::new().await;
    let (number, ..) = repo.with_pull(SQL, MORE).await;
    let renamed = async |job: &Job, _: &CancellationToken| {
        let mut outcome = risky(job);
        for asked in &job.renames {
            let change = &mut outcome.report.changes[0];
            change.action = Action::Rename;
            change.object = format!("public.a.{}", asked.to);
            change.renamed_from = Some(vec!["public".into(), "a".into(), asked.from.last().unwrap().clone()]);
        }
        outcome.report.reason = format!("{:?}", job.renames);
        outcome
    };
    let asked = async |by: &str, body: &str| commented(&repo, number, by, body, renamed).await.1;
    assert_eq!(commented(&repo, number, "eve", "/schemaproof rename a.old to b", never).await.1, "-1");
    assert_eq!(commented(&repo, number, "ann", "/schemaproof rename a.old; drop table a", never).await.1, "confused");
    assert_eq!(asked("ann", "/schemaproof rename a.old to b").await, "+1");
    // What was said by those who may not say it never reaches the plan; what was, reaches each run after it.
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    let seen = async |job: &Job, _: &CancellationToken| {
        let said: Vec<_> = job.renames.iter().map(|asked| (asked.by.as_str(), asked.old(), asked.to.as_str())).collect();
        assert_eq!(said, [("ann", "a.old".to_string(), "b")]);
        risky(job)
    };
    assert_eq!(stage.run(seen).await, Exit::Blocked);
}

/// A repository of 200 databases, of which the pull request changes the first 150.
async fn many() -> (Repo, u64, Head) {
    let repo = Repo::new().await;
    let config: String = (0..200).map(|n| format!("- {{name: db{n:03}, paths: [db/{n:03}]}}\n")).collect();
    let config = format!("parallel: 8\ndatabases:\n{config}");
    let file = |n: usize, sql: &str| (format!("db/{n:03}/1.sql"), format!("create table a{n} ({sql});"));
    let base: Vec<(String, String)> =
        (0..200).map(|n| file(n, "")).chain([(".github/schemaproof.yml".to_string(), config)]).collect();
    let head: Vec<(String, String)> = (0..200).map(|n| file(n, if n < 150 { "b int" } else { "" })).collect();
    let plain =
        |files: &'static [(String, String)]| files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>();
    let (number, _, head) = repo.with_pull(&plain(base.leak()), &plain(head.leak())).await;
    (repo, number, head)
}

/// What is planned for one of many: every tenth blocks, every fiftieth cannot be planned, and each has a plan of its own.
fn one_of_many(job: &Job) -> Outcome {
    let name = texts(&job.target.schema).concat();
    let number: usize = name.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
    let mut outcome = risky(job);
    let sql = format!("DROP TABLE public.a{number}");
    outcome.plan.steps[0].sql.clone_from(&sql);
    outcome.report.steps[0].sql = sql;
    outcome.report.fingerprint = Some(outcome.plan.fingerprint().to_string());
    let accepted = job.acceptances.iter().any(|acceptance| outcome.plan.fingerprint().is_written_as(&acceptance.fingerprint));
    for finding in &mut outcome.report.findings {
        finding.message = format!("`public.a{number}` is dropped with its rows. {}", "It was long. ".repeat(40));
        finding.blocks = number.is_multiple_of(10) && !accepted;
        finding.accepted_by = (!finding.blocks).then(|| "ann".into());
    }
    outcome.report.verdict = match number {
        n if n % 50 == 7 => Verdict::Error,
        _ if outcome.report.findings[0].blocks => Verdict::Blocked,
        _ => Verdict::Pass,
    };
    outcome
}

#[tokio::test]
async fn of_200_databases_those_that_change_are_planned_side_by_side_and_told_in_one_comment() {
    let (repo, number, head) = many().await;
    let (now, most, all) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let plan = async |job: &Job, _: &CancellationToken| {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        now.fetch_sub(1, Ordering::SeqCst);
        all.fetch_add(1, Ordering::SeqCst);
        one_of_many(job)
    };
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(plan).await, Exit::Failed);
    assert_eq!((all.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (150, 8));
    let (state, description) = repo.status(&head.0, "schemaproof").await.unwrap();
    assert_eq!((state.as_str(), description.as_str()), ("error", "150 databases: 3 could not be planned, 15 blocked, 132 pass"));
    let ours: Vec<String> = repo.comments(number).await.into_iter().map(|(_, body)| body).collect();
    assert_eq!(ours.len(), 1);
    let text = &ours[0];
    assert!(text.chars().count() <= 65_536, "{}", text.chars().count());
    // What does not pass comes first, with the words that accept it; the others fill the room that is left.
    for n in (0..150).step_by(10) {
        assert!(text.contains(&format!("| ⛔ | `db{n:03}` |")) && text.contains(&format!("<b>db{n:03}</b>")), "db{n:03}");
    }
    assert_eq!(text.matches("/schemaproof accept ").count(), 15, "{text}");
    assert!(text.find("<b>db007</b>") < text.find("<b>db000</b>") && text.find("<b>db000</b>") < text.find("<b>db001</b>"));
    assert!(!text.contains("db150"));
    assert_eq!((stage.output("verdict").as_deref(), stage.output("blocking").as_deref()), (Some("error"), Some("15")));
    assert!(!stage.file("schemaproof-report/db042/report.json").is_empty());
    // An acceptance is of one plan, and opens that one.
    let fingerprint = text.split("/schemaproof accept ").nth(1).unwrap().split(' ').next().unwrap().to_string();
    let (exit, reaction) = commented(
        &repo,
        number,
        "ann",
        &format!("/schemaproof accept {fingerprint} agreed"),
        async |job: &Job, _: &CancellationToken| one_of_many(job),
    )
    .await;
    assert_eq!((exit, reaction), (Exit::Failed, json!("+1")));
    assert!(repo.status(&head.0, "schemaproof").await.unwrap().1.contains("14 blocked, 133 pass"));
}

#[tokio::test]
async fn a_job_matrix_shares_the_work_and_a_part_that_never_arrives_keeps_the_gate_shut() {
    let repo = Repo::new().await;
    let config = (
        ".github/schemaproof.yml",
        "databases:\n- {name: app, paths: [app]}\n- {name: bill, paths: [bill]}\n- {name: same, paths: [same]}\n",
    );
    let base = [config, ("app/1.sql", "create table a1 ();"), ("bill/1.sql", "create table a2 ();"), ("same/1.sql", "select 1;")];
    let head = [config, ("app/1.sql", "create table a1 (b int);"), ("bill/1.sql", "create table a2 (b int);"), base[3]];
    let (number, _, head) = repo.with_pull(&base, &head).await;
    let payload = opened(&repo, number).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &payload);
    assert_eq!(matrix(&stage.environment, &CancellationToken::new()).await, Exit::Pass);
    let jobs: Value = serde_json::from_str(&stage.output("matrix").unwrap()).unwrap();
    assert_eq!(jobs, json!({"include": [{"name": "app", "only": "app"}, {"name": "bill", "only": "bill"}]}));
    // Each job plans its own and writes nothing.
    let last = Stage::new(&repo, "ghs_job", "pull_request", &payload);
    for job in ["app", "bill"] {
        let mut part = Stage::new(&repo, "ghs_job", "pull_request", &payload);
        part.environment.inputs.insert("only".into(), job.into());
        assert_eq!(part.run(async |job: &Job, _: &CancellationToken| one_of_many(job)).await, Exit::Pass);
        assert!(repo.status(&head.0, "schemaproof").await.is_none() && repo.comments(number).await.is_empty());
        let text = part.file(&format!("schemaproof-report/{job}/report.json"));
        let directory = last.directory.path().join("parts").join(job);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("report.json"), text).unwrap();
    }
    let places = [last.directory.path().join("parts")];
    let done = async || {
        (publish(&last.environment, &CancellationToken::new(), &places).await, repo.status(&head.0, "schemaproof").await.unwrap())
    };
    let (exit, (state, said)) = done().await;
    assert_eq!((exit, state.as_str(), said.as_str()), (Exit::Pass, "success", "2 databases: 2 pass"));
    let bodies = async || repo.comments(number).await.into_iter().map(|(_, body)| body).collect::<Vec<_>>();
    assert!(bodies().await[0].contains("<b>app</b>") && !bodies().await[0].contains("same"));
    // A part that is missing is named, and so is one for another commit.
    let path = places[0].join("bill/report.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(head.0.as_str(), &"0".repeat(40))).unwrap();
    for _ in 0..2 {
        let (exit, (state, said)) = done().await;
        assert_eq!((exit, state.as_str(), said.as_str()), (Exit::Failed, "error", "2 databases: 1 could not be planned, 1 passes"));
        assert!(bodies().await[0].contains("No report of the database `bill` arrived."), "{:?}", bodies().await);
        let _ = std::fs::remove_file(&path);
    }
    // One that says it passes, and holds what blocks, does not pass.
    let forged = text.replace("\"blocks\": false", "\"blocks\": true");
    assert_ne!(forged, text);
    std::fs::write(&path, forged).unwrap();
    assert_eq!(done().await.1.0, "failure");
    assert_eq!(bodies().await.len(), 1);
}

#[tokio::test]
async fn a_rename_that_is_asked_for_is_of_the_database_that_has_the_name() {
    let repo = Repo::new().await;
    let config = (".github/schemaproof.yml", "databases:\n- {name: app, paths: [app]}\n- {name: bill, paths: [bill]}\n");
    let base = [config, ("app/1.sql", "create table a (old int);"), ("bill/1.sql", "create table b ();")];
    let head = [config, ("app/1.sql", "create table a (new int);"), ("bill/1.sql", "create table b (c int);")];
    let (number, ..) = repo.with_pull(&base, &head).await;
    // What the pipeline says of a rename: it is done where the name is, and elsewhere a remark says that it does nothing.
    let plan = async |job: &Job, _: &CancellationToken| {
        let mut outcome = risky(job);
        for asked in &job.renames {
            if texts(&job.base.schema)[0].contains(&asked.from[1]) {
                let change = &mut outcome.report.changes[0];
                (change.action, change.object) = (Action::Rename, format!("public.a.{}", asked.to));
                change.renamed_from = Some(vec!["public".into(), "a".into(), asked.from[1].clone()]);
            } else {
                let text = format!("{}: the base has nothing of that name.", asked.words());
                outcome.report.remarks.push(Remark { title: RENAMES_NOTHING.into(), text, quote: None, file: None, line: None });
            }
        }
        outcome
    };
    let said = async || {
        let all = repo.comments(number).await;
        let body = all.into_iter().map(|(_, body)| body).find(|body| body.starts_with("<!-- schemaproof")).unwrap();
        body.matches(RENAMES_NOTHING).count()
    };
    assert_eq!(commented(&repo, number, "ann", "/schemaproof rename a.nothing to c", plan).await.1, "-1");
    assert_eq!(said().await, 1, "of the two that it is not about, one says so");
    assert_eq!(commented(&repo, number, "ann", "/schemaproof rename a.old to new", plan).await.1, "+1");
    assert_eq!(said().await, 1, "the first one still does nothing, and the second is done");
    // A job matrix hears it once a job; what is published says it once.
    let payload = opened(&repo, number).await;
    let last = Stage::new(&repo, "ghs_job", "pull_request", &payload);
    for only in ["app", "bill"] {
        let mut part = Stage::new(&repo, "ghs_job", "pull_request", &payload);
        part.environment.inputs.insert("only".into(), only.into());
        part.run(plan).await;
        let directory = last.directory.path().join(only);
        std::fs::create_dir_all(&directory).unwrap();
        let text = part.file(&format!("schemaproof-report/{only}/report.json"));
        assert!(text.contains("ann asked for `a.nothing`"), "{text}");
        std::fs::write(directory.join("report.json"), text).unwrap();
    }
    publish(&last.environment, &CancellationToken::new(), &[last.directory.path().to_path_buf()]).await;
    assert_eq!(said().await, 1);
}

#[tokio::test]
async fn two_runs_that_tell_the_same_edit_nothing() {
    let repo = Repo::new().await;
    let (number, ..) = repo.with_pull(SQL, MORE).await;
    let mut stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    let first = repo.comments(number).await;
    stage.environment.run_id = Some("78".into());
    stage.environment.run_number = Some(8);
    let slower = async |job: &Job, _: &CancellationToken| {
        let mut outcome = risky(job);
        outcome.report.seconds = 9.0;
        outcome.report.steps[0].effects = Some(Default::default());
        outcome
    };
    let faster = async |job: &Job, cancel: &CancellationToken| {
        let mut outcome = slower(job, cancel).await;
        outcome.report.steps[0].effects = Some(schemaproof::proof::Effects { milliseconds: 0.1, ..Default::default() });
        outcome
    };
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    assert_eq!(repo.comments(number).await, first, "only the run differs");
    assert_eq!(stage.run(slower).await, Exit::Blocked);
    let second = repo.comments(number).await;
    assert_ne!(second, first);
    assert_eq!(stage.run(faster).await, Exit::Blocked);
    assert_eq!(repo.comments(number).await, second, "only times differ");
    assert_eq!(repo.writes().await.iter().filter(|line| line.starts_with("PATCH /issues/comments")).count(), 1);
}

#[tokio::test]
async fn an_approving_review_accepts_too() {
    let repo = Repo::new().await;
    let (number, ..) = repo.with_pull(SQL, MORE).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    let body = format!("/schemaproof accept {}", stage.output("fingerprint").unwrap());
    let path = format!("pulls/{number}/reviews");
    repo.direct("ghs_ann", "POST", &path, json!({"event": "COMMENT", "body": body})).await;
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    repo.direct("ghs_ann", "POST", &path, json!({"event": "APPROVE", "body": body})).await;
    assert_eq!(stage.run(canned).await, Exit::Pass);
}

#[tokio::test]
async fn policy_is_read_from_the_base_and_its_author_rule_holds() {
    let repo = Repo::new().await;
    let config = (".github/schemaproof.yml", "status-context: db\npolicy: {approve: {author: false}}\n");
    let hostile = (".github/schemaproof.yml", "fail-on: never\ncomment: off\n");
    let (number, _, head) = repo.with_pull(&[SQL[0], config], &[MORE[0], hostile]).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    // The pull request's author is the repository's owner, with every right but this one.
    repo.comment("ghs_owner", number, &format!("/schemaproof accept {}", stage.output("fingerprint").unwrap())).await;
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    assert_eq!(repo.status(&head.0, "db").await.unwrap().0, "failure");
    assert!(repo.comments(number).await[0].1.starts_with("<!-- schemaproof key=db "));
}

#[tokio::test]
async fn a_docs_only_change_is_a_success_in_under_5_seconds_and_makes_no_comment() {
    let repo = Repo::new().await;
    let (number, _, head) = repo.with_pull(SQL, &[SQL[0], ("README.md", "y"), ("docs/new.md", "z")]).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    let begun = Instant::now();
    assert_eq!(stage.run(never).await, Exit::Pass);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let (state, description) = repo.status(&head.0, "schemaproof").await.unwrap();
    assert_eq!((state.as_str(), description.as_str()), ("success", "No SQL file in `extensions/sql` changes."));
    assert!(repo.comments(number).await.is_empty());
    assert_eq!(stage.output("verdict").as_deref(), Some("pass"));

    // A comment of an earlier push is brought up to date.
    let risky = Head(repo.commit("topic", Some(&head.0), MORE).await);
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    repo.commit("topic", Some(&risky.0), SQL).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(never).await, Exit::Pass);
    let comments = repo.comments(number).await;
    assert_eq!(comments.len(), 1);
    assert!(comments[0].1.contains("No SQL file in"), "{}", comments[0].1);
}

#[tokio::test]
async fn a_dispatch_with_a_number_reports_on_the_pull_requests_head() {
    let repo = Repo::new().await;
    let (number, base, head) = repo.with_pull(SQL, MORE).await;
    let payload = json!({"ref": "refs/heads/main", "inputs": {"pr-number": number.to_string()}});
    let mut stage = Stage::new(&repo, "ghs_job", "workflow_dispatch", &payload);
    stage.environment.workspace = None;
    stage.environment.event.sha = Some(base.to_string());
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    assert_eq!(repo.status(&head.0, "schemaproof").await.unwrap().0, "failure");
    assert!(repo.status(&base, "schemaproof").await.is_none());
    assert_eq!(repo.comments(number).await.len(), 1);
}

#[tokio::test]
async fn merge_groups_pushes_and_branches_get_a_status_and_no_comment() {
    let repo = Repo::new().await;
    let (number, base, head) = repo.with_pull(SQL, MORE).await;
    let (sha, was) = (head.0.as_str(), base.as_str());
    let group =
        json!({"action": "checks_requested", "merge_group": {"head_sha": sha, "base_sha": was, "base_ref": "refs/heads/main"}});
    let push = json!({"ref": "refs/heads/topic", "before": was, "after": sha, "repository": {"default_branch": "main"}});
    let zero = "0".repeat(40);
    let new = json!({"ref": "refs/heads/topic", "before": zero, "after": sha, "repository": {"default_branch": "main"}});
    for (event, payload) in
        [("merge_group", group), ("push", push), ("push", new), ("workflow_dispatch", json!({"ref": "refs/heads/topic"}))]
    {
        let mut stage = Stage::new(&repo, "ghs_job", event, &payload);
        stage.environment.event.sha = Some(sha.into());
        stage.environment.event.git_ref = Some("refs/heads/topic".into());
        let count = AtomicUsize::new(0);
        let exit = stage
            .run(async |job: &Job, _: &CancellationToken| {
                count.fetch_add(1, Ordering::SeqCst);
                assert_eq!(texts(&job.base.schema), ["create table a ();"], "{event}");
                risky(job)
            })
            .await;
        assert_eq!((exit, count.into_inner()), (Exit::Blocked, 1), "{event}");
        assert_eq!(repo.status(&head.0, "schemaproof").await.unwrap().0, "failure");
    }
    assert!(repo.comments(number).await.is_empty());
    // The queue's branch names the pull request: what was accepted on it is accepted here, for the same plan.
    let fingerprint = drop_a().fingerprint();
    repo.comment("ghs_eve", number, &format!("/schemaproof accept {fingerprint}")).await;
    let queued = |name: String| {
        let group =
            json!({"head_sha": sha, "base_sha": was, "base_ref": "refs/heads/main", "head_ref": format!("refs/heads/{name}")});
        json!({"action": "checks_requested", "merge_group": group})
    };
    let ours = queued(format!("gh-readonly-queue/main/pr-{number}-{was}"));
    let ends = async |payload: &Value| Stage::new(&repo, "ghs_job", "merge_group", payload).run(canned).await;
    assert_eq!(ends(&ours).await, Exit::Blocked, "eve may not");
    repo.comment("ghs_ann", number, &format!("/schemaproof accept {fingerprint} agreed")).await;
    assert_eq!(ends(&ours).await, Exit::Pass);
    assert_eq!(repo.status(&head.0, "schemaproof").await.unwrap().0, "success");
    for other in [format!("queue/main/pr-{number}-{was}"), format!("gh-readonly-queue/main/pr{number}-{was}"), "main".into()] {
        assert_eq!(ends(&queued(other)).await, Exit::Blocked);
    }
    let tag = json!({"ref": "refs/tags/v1", "before": zero, "after": sha});
    assert_eq!(Stage::new(&repo, "ghs_job", "push", &tag).run(never).await, Exit::Pass);
}

#[tokio::test]
async fn a_token_that_may_only_read_still_gives_summary_outputs_and_exit_code() {
    let repo = Repo::new().await;
    let (number, _, head) = repo.with_pull(SQL, MORE).await;
    let stage = Stage::new(&repo, "ghs_readonly", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(canned).await, Exit::Blocked);
    assert_eq!(stage.output("verdict").as_deref(), Some("blocked"));
    assert!(stage.file("summary").contains("public.a"));
    assert!(repo.comments(number).await.is_empty() && repo.status(&head.0, "schemaproof").await.is_none());

    let docs = repo.commit("topic", Some(&head.0), SQL).await;
    let stage = Stage::new(&repo, "ghs_readonly", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(never).await, Exit::Pass, "{docs}");
}

#[tokio::test]
async fn a_forks_report_is_published_by_a_second_stage_that_believes_nothing_in_it() {
    let repo = Repo::new().await;
    let (number, base, head) = repo.with_pull(SQL, MORE).await;
    let first = Stage::new(&repo, "ghs_readonly", "pull_request", &opened(&repo, number).await);
    assert_eq!(first.run(canned).await, Exit::Blocked);
    let text = first.file("schemaproof-report/report.json");
    let second = async |text: &str, head: &CommitSha| {
        let payload = json!({"action": "completed", "workflow_run": {"id": 5, "head_sha": head.as_str(), "event": "pull_request"}});
        let stage = Stage::new(&repo, "ghs_job", "workflow_run", &payload);
        std::fs::create_dir(stage.directory.path().join("schemaproof-report")).unwrap();
        std::fs::write(stage.directory.path().join("schemaproof-report/report.json"), text).unwrap();
        stage.run(never).await
    };
    let state = async |head: &CommitSha| repo.status(head, "schemaproof").await.map(|(state, _)| state);
    // For another commit than the one that the workflow ran for, or no report at all: nothing is written.
    let before = repo.writes().await.len();
    assert_eq!(second(&text, &base).await, Exit::Failed);
    assert_eq!(second("{}", &head.0).await, Exit::Failed);
    assert_eq!(repo.writes().await.len(), before);

    assert_eq!(second(&text, &head.0).await, Exit::Pass);
    assert_eq!(state(&head.0).await.as_deref(), Some("failure"));
    assert_eq!(repo.comments(number).await.len(), 1);
    // Forged: it says that it passes, with what blocks in it.
    let mut forged: Value = serde_json::from_str(&text).unwrap();
    forged["verdict"] = json!("pass");
    assert_eq!(second(&forged.to_string(), &head.0).await, Exit::Pass);
    assert_eq!(state(&head.0).await.as_deref(), Some("failure"));
    // One that passes is believed as long as the workflow that made it is the base's.
    forged["findings"] = json!([]);
    assert_eq!(second(&forged.to_string(), &head.0).await, Exit::Pass);
    assert_eq!(state(&head.0).await.as_deref(), Some("success"));
    let newer = repo.commit("topic", Some(&head.0), &[MORE[0], (".github/workflows/schema-check.yml", "on: push")]).await;
    assert_eq!(second(&forged.to_string(), &head.0).await, Exit::Pass, "late: nothing to do");
    forged["run"]["head_sha"] = json!(newer.as_str());
    assert_eq!(second(&forged.to_string(), &newer).await, Exit::Pass);
    assert_eq!(state(&newer).await.as_deref(), Some("failure"));
}

#[tokio::test]
async fn broken_input_is_an_error_that_is_published() {
    let repo = Repo::new().await;
    let item = json!({"path": "extensions/sql/1.sql", "mode": "120000", "type": "blob", "content": "/etc/passwd"});
    let base = repo.commit("main", None, SQL).await;
    let head: CommitSha = repo.commit_tree("topic", Some(&base), vec![item]).await;
    let number = repo.pull("topic").await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    assert_eq!(stage.run(never).await, Exit::Failed);
    let (state, description) = repo.status(&head, "schemaproof").await.unwrap();
    assert_eq!(state, "error");
    assert!(description.contains("symbolic link"), "{description}");
    assert!(repo.comments(number).await[0].1.contains("symbolic link"));
}

/// A proxy in front of the stand-in that fails where it is told to.
async fn failing(verb: &'static str, path: &'static str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method(verb)).and(wiremock::matchers::path_regex(path)).respond_with(answer).with_priority(1).mount(&server).await;
    let http = schemaproof::http::client(Duration::from_secs(60)).unwrap();
    Mock::given(wiremock::matchers::any()).respond_with(Forward { http }).with_priority(5).mount(&server).await;
    server
}

struct Forward {
    http: reqwest::Client,
}

impl wiremock::Respond for Forward {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let (http, request) = (self.http.clone(), request.clone());
        let answer = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let url = format!("{}{}", fake::url(), &request.url[url::Position::BeforePath..]);
                let mut sent = http.request(request.method.as_str().parse().unwrap(), url).body(request.body.clone());
                for name in ["authorization", "content-type", "accept"] {
                    if let Some(value) = request.headers.get(name) {
                        sent = sent.header(name, value.as_bytes());
                    }
                }
                let answer = sent.send().await.unwrap();
                let (status, link) = (answer.status().as_u16(), answer.headers().get("link").cloned());
                let mut template = ResponseTemplate::new(status);
                if let Some(link) = link {
                    template = template.insert_header("link", link.to_str().unwrap());
                }
                template.set_body_bytes(answer.bytes().await.unwrap())
            })
        });
        answer.join().unwrap()
    }
}

#[tokio::test]
async fn what_cannot_be_published_never_turns_the_gate_green() {
    for (verb, path, status) in [
        ("POST", "/issues/.*/comments$", 500),
        ("POST", "/issues/.*/comments$", 422),
        ("GET", "/issues/.*/comments$", 404),
        ("POST", "/statuses/", 502),
        ("PATCH", "/check-runs/", 500),
    ] {
        let repo = Repo::new().await;
        let (number, _, head) = repo.with_pull(SQL, MORE).await;
        let server = failing(verb, path, ResponseTemplate::new(status)).await;
        let mut stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
        stage.environment.api_url = server.uri();
        let passing = async |job: &Job, _: &CancellationToken| {
            let mut outcome = risky(job);
            outcome.report.verdict = Verdict::Pass;
            outcome.report.findings.clear();
            outcome
        };
        let exit = stage.run(passing).await;
        assert_eq!(exit, Exit::NotPublished, "{verb} {path} {status}");
        let state = repo.status(&head.0, "schemaproof").await.map(|(state, _)| state);
        assert_ne!(state.as_deref(), Some("success"), "{verb} {path} {status}");
    }
}

#[tokio::test]
async fn a_cancelled_run_says_so_in_seconds() {
    let repo = Repo::new().await;
    let (number, _, head) = repo.with_pull(SQL, MORE).await;
    let stage = Stage::new(&repo, "ghs_job", "pull_request", &opened(&repo, number).await);
    let cancel = CancellationToken::new();
    let waits = async |job: &Job, cancel: &CancellationToken| {
        cancel.cancelled().await;
        risky(job)
    };
    let (exit, ended) = tokio::join!(async { (ci(&stage.environment, &cancel, waits).await, Instant::now()) }, async {
        // Until planning has begun.
        while repo.status(&head.0, "schemaproof").await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel();
        Instant::now()
    });
    assert_eq!(exit.0, Exit::Failed);
    assert!(exit.1.duration_since(ended) < Duration::from_secs(4));
    let (state, description) = repo.status(&head.0, "schemaproof").await.unwrap();
    assert_eq!((state.as_str(), description.as_str()), ("error", "The run was cancelled"));
    assert!(repo.comments(number).await.is_empty());
}

#[tokio::test]
async fn without_a_token_or_an_event_the_step_fails_and_says_why() {
    let repo = Repo::new().await;
    let mut stage = Stage::new(&repo, "ghs_job", "gollum", &json!({}));
    assert_eq!(stage.run(never).await, Exit::Failed);
    assert!(stage.file("summary").contains("gollum"));
    stage.environment.event.name = "push".into();
    stage.environment.event.payload = json!({"ref": "refs/heads/x", "after": "a".repeat(40)}).to_string();
    stage.environment.token = None;
    assert_eq!(stage.run(never).await, Exit::Failed);
    assert!(stage.file("summary").contains("token"));
    assert_eq!(stage.output("verdict").as_deref(), Some("error"));
}

/// Real payloads, where `@octokit/webhooks-examples` is there (the stand-in brings it).
#[tokio::test]
async fn real_payloads_are_understood() {
    fake::url();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache"))).unwrap();
    let file = cache.join("schemaproof/github-fake/npm/node_modules/@octokit/webhooks-examples/api.github.com/index.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let mut read = BTreeMap::new();
    for webhook in all.as_array().unwrap() {
        let name = webhook["name"].as_str().unwrap();
        for payload in webhook["examples"].as_array().unwrap() {
            let event = Event {
                name: name.into(),
                payload: payload.to_string(),
                sha: Some("a".repeat(40)),
                git_ref: Some("refs/heads/main".into()),
                ..Event::default()
            };
            match schemaproof::trigger::Trigger::read(&event) {
                Ok(_) => *read.entry(name.to_string()).or_insert(0) += 1,
                Err(schemaproof::trigger::TriggerError::UnknownEvent { .. }) => {}
                // Some examples of other events have no repository.
                Err(schemaproof::trigger::TriggerError::Missing { field: "repository", .. }) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
    for name in ["pull_request", "pull_request_review", "push", "issue_comment", "workflow_dispatch"] {
        assert!(read.get(name).is_some_and(|count| *count > 0), "{name}: {read:?}");
    }
}
