//! Every rule on a real server: what it must find, and what it must let pass.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use schemaproof::{
    catalog::{
        compare,
        read::{ReadOptions, read},
    },
    config::{Naming, Policy, RuleSetting},
    plan::native,
    proof::{Judgement, Proof, replay, rows},
    report::{self, Side, build},
    risk::{
        self, Example, Facts, Finding, Level, Places, Rule, look,
        rules::{self, RULES},
    },
    script::SqlFile,
    source::SqlFiles,
    verdict,
};

use crate::planner::server::Server;

/// Rules whose examples no SQL file can hold: what no reader reads, what a failed build left behind,
/// a loss that no other rule explains.
const WITHOUT_EXAMPLE: [&str; 3] = ["invalid-index", "loses-values", "not-covered"];

/// Rules that need the places of a real load: the command line's tests have them.
const BY_PLACE: [&str; 2] = ["rename-column", "rename-table"];

#[test]
fn every_file_is_a_rule_and_every_rule_a_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/risk/rules");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().replace('_', "-"))
        .collect();
    let ids: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_string()).collect();
    assert_eq!(files, ids);
    assert_eq!(RULES.len(), ids.len(), "two rules have the same id");
}

#[test]
fn every_rule_says_what_it_has_to() {
    for id in rules::OPT_IN {
        assert_eq!(rules::by_id(id).map(|rule| rule.level), Some(Level::Notice), "{id}");
    }
    for rule in RULES {
        for (what, text) in
            [("title", rule.title), ("what", rule.what), ("why", rule.why), ("effect", rule.effect), ("advice", rule.advice)]
        {
            assert!(text.len() > 4 && !text.contains('\n'), "{}: {what} is {text:?}", rule.id);
        }
        assert!(rule.source.starts_with("https://"), "{}: {}", rule.id, rule.source);
        let examples = !rule.bad.base.is_empty() || !rule.bad.head.is_empty();
        assert!(examples || WITHOUT_EXAMPLE.contains(&rule.id), "{} has no example", rule.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rules_find_the_bad_example_and_let_the_good_one_pass() {
    let server = Arc::new(Server::start().await.expect("a server"));
    let outcome = run_all(&server).await;
    server.stop();
    let (wrong, messages) = outcome.expect("the examples run");
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    if server.version / 10_000 != 18 {
        println!("skipped: the messages are those of Postgres 18");
        return;
    }
    // The pages of the rules show these runs: `cargo run -p xtask` takes them from the snapshot.
    let runs: Vec<String> = messages.into_iter().map(|(rule, run)| format!("=== {rule}\n{run}")).collect();
    insta::assert_snapshot!(runs.join("\n"));
}

async fn run_all(server: &Arc<Server>) -> Result<(Vec<String>, BTreeMap<&'static str, String>)> {
    let rules = RULES.iter().filter(|rule| !WITHOUT_EXAMPLE.contains(&rule.id) && !BY_PLACE.contains(&rule.id)).copied();
    let queue: Arc<Mutex<VecDeque<&'static Rule>>> = Arc::new(Mutex::new(rules.collect()));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (server, queue) = (Arc::clone(server), Arc::clone(&queue));
        workers.spawn(async move {
            let mut wrong = Vec::new();
            let mut messages = BTreeMap::new();
            loop {
                let Some(rule) = queue.lock().unwrap().pop_front() else { break };
                for (is_bad, example) in [(true, &rule.bad), (false, &rule.good)] {
                    let (found, run) = match findings(&server, rule, example).await {
                        Ok(found) => found,
                        Err(error) => {
                            wrong.push(format!("{} ({}): {error:#}", rule.id, if is_bad { "bad" } else { "good" }));
                            continue;
                        }
                    };
                    let own: Vec<&Finding> = found.iter().filter(|finding| finding.rule == rule.id).collect();
                    if own.is_empty() && found.iter().any(|finding| finding.rule == "not-covered") {
                        println!("skipped: no reader reads what {} is about", rule.id);
                        continue;
                    }
                    if own.is_empty() == is_bad {
                        let all: Vec<String> =
                            found.iter().map(|finding| format!("{}: {}", finding.rule, finding.message)).collect();
                        wrong.push(format!(
                            "{}: {} {all:?}",
                            rule.id,
                            if is_bad { "misses its bad example" } else { "finds its good example" }
                        ));
                    }
                    if is_bad && !own.is_empty() {
                        messages.insert(rule.id, run);
                    }
                }
            }
            (wrong, messages)
        });
    }
    let (mut wrong, mut messages) = (Vec::new(), BTreeMap::new());
    while let Some(done) = workers.join_next().await {
        let (some, said) = done?;
        wrong.extend(some);
        messages.extend(said);
    }
    wrong.sort();
    Ok((wrong, messages))
}

/// What all rules find between the two schemas of an example, planned natively and replayed on the base; and the run as a terminal shows
/// it, without what differs from run to run.
async fn findings(server: &Server, rule: &Rule, example: &Example) -> Result<(Vec<Finding>, String)> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let mut databases = Vec::new();
    let admin = server.connect("postgres").await?;
    let mut catalogs = Vec::new();
    let mut base_client = None;
    let mut made_up = BTreeSet::new();
    for (side, sql) in [("base", example.base), ("head", example.head)] {
        // A new name each time: dropping a database costs a checkpoint, and the server goes in the end.
        let database = format!("rules_{}_{}_{side}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        admin.batch_execute(&format!("create database {database}")).await.context("creating a database")?;
        databases.push(database.clone());
        let client = server.connect(&database).await?;
        client.batch_execute(sql).await.with_context(|| format!("running {sql}"))?;
        if side == "base" {
            made_up = rows::fill(&client).await.context("filling")?.made_up;
        }
        catalogs.push(read(&client, &ReadOptions::default()).await?);
        base_client.get_or_insert(client);
    }
    let [base, target] = catalogs.as_slice() else { unreachable!() };
    let client = base_client.context("no base")?;
    let plan = native::plan(base, target, &native::Options::default())?;
    let effects =
        replay::replay(&client, &plan, &made_up, Duration::from_secs(30)).await.map_err(|error| anyhow::anyhow!("{error}"))?;
    let equal = Judgement { equal: true, differences: vec![], unable: None };
    let proof = Proof { effects, pg_dump: equal.clone(), catalog: equal, column_order: vec![] };
    let changes = compare(base, target);
    let places = Places::default();
    let policy = policy(rule);
    let facts = Facts {
        base,
        target,
        changes: &changes,
        plan: &plan,
        proof: Some(&proof),
        places: &places,
        naming: &policy.naming,
        found: look::Found::default(),
    };
    let head = SqlFiles { files: vec![SqlFile { path: "head.sql".into(), text: example.head.into() }], ..SqlFiles::default() };
    let found = risk::findings(&facts, &head);
    if std::env::var_os("SCHEMAPROOF_TEST_URL").is_some() {
        drop(client);
        for database in databases {
            admin.batch_execute(&format!("drop database {database} with (force)")).await?;
        }
    }
    let run = terminal(&facts, found.clone(), &policy);
    Ok((found, run))
}

/// The policy under which a rule's examples are run: the usual one, with what the rule has to be asked for.
fn policy(rule: &Rule) -> Policy {
    let mut policy = Policy::default();
    if rules::OPT_IN.contains(&rule.id) {
        policy.rules.insert(rule.id.into(), RuleSetting::Level(rule.level));
    }
    if rule.id == rules::name_pattern::RULE.id {
        let (named, pattern) = rules::name_pattern::EXAMPLE;
        policy.naming = Naming([(named, pattern.to_string())].into());
    }
    policy
}

fn terminal(facts: &Facts<'_>, found: Vec<Finding>, policy: &Policy) -> String {
    let judged = verdict::judge(facts, found, policy, &[]);
    let side = |name: &str| Side { name: name.into(), ..Side::default() };
    let mut report = build::build(build::Parts {
        facts,
        judged: &judged,
        base: side("base"),
        target: side("head"),
        server: None,
        engine: None,
        left_out: &[],
        remarks: vec![],
        drift: None,
        live: None,
        down: None,
        seconds: 0.0,
        run: None,
    });
    for effects in report.steps.iter_mut().filter_map(|step| step.effects.as_mut()) {
        effects.milliseconds = 0.0;
    }
    let text = report::text::render(&report, report::text::Style::default()).replace(" · 0.0 ms", "");
    let text = text.split_once('\n').map_or("", |(_, rest)| rest).trim_matches('\n');
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
