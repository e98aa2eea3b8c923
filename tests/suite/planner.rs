//! The native planner on a real server: every case both ways, judged by pg_dump, by an empty second plan, and by rows kept.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use schemaproof::{
    catalog::read::{ReadOptions, read},
    plan::native::Options,
};

mod beside;
mod corpus;
mod coverage;
mod kept;
mod random;
pub mod server;

use corpus::{Done, Outcome};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs folders of cases on one server, which is stopped then.
async fn run(folders: &[PathBuf], options: &Options) -> (Arc<server::Server>, Vec<Done>) {
    let server = Arc::new(server::Server::start().await.expect("a server"));
    let mut all = Vec::new();
    for folder in folders {
        let cases = corpus::find(folder).expect("cases");
        match corpus::run(&server, cases, options).await {
            Ok(done) => all.extend(done),
            Err(error) => {
                server.stop();
                panic!("{}: {error:#}", folder.display());
            }
        }
    }
    server.stop();
    (server, all)
}

/// One line a direction that is not right.
fn wrong(done: &[Done]) -> Vec<String> {
    let describe = |case: &Done| match &case.outcome {
        Outcome::Wrong { what, detail, plan } => Some(format!("{}: {what}\n{detail}\n{plan}", case.name)),
        _ => None,
    };
    done.iter().filter_map(describe).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_case_ends_in_its_target_both_ways() {
    let (server, done) = run(&[root().join("tests/cases")], &Options::default()).await;
    assert!(!done.is_empty(), "there are no cases");
    let wrong = wrong(&done);
    assert!(wrong.is_empty(), "{} of {} directions are wrong:\n{}", wrong.len(), done.len(), wrong.join("\n"));
    let uncovered: Vec<_> =
        done.iter().filter(|case| !case.not_covered.is_empty()).map(|case| (&case.name, &case.not_covered)).collect();
    assert!(uncovered.is_empty(), "not covered: {uncovered:?}");
    // Older servers lack some kinds and facts, those without a label provider one case.
    if server.version >= 180_000 && server.can_have_labels() {
        let gaps = coverage::gaps(&done);
        assert!(gaps.is_empty(), "no case for: {}", gaps.join(", "));
        let (path, page) = (root().join("docs/coverage.md"), coverage::page(&done));
        if std::env::var_os("SCHEMAPROOF_WRITE_DOCS").is_some() {
            std::fs::write(&path, &page).expect("writing docs/coverage.md");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "docs/coverage.md is not what the cases show: run this test with SCHEMAPROOF_WRITE_DOCS=1");
    }
}

/// A reading of two databases leaves out what is alike: the changes and the plan are those of a whole reading. Each twelfth case is
/// taken, or each that `SCHEMAPROOF_BESIDE` says, since it takes long.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_alike_beside_a_case_changes_nothing() {
    let server = Arc::new(server::Server::start().await.expect("a server"));
    let each = std::env::var("SCHEMAPROOF_BESIDE").ok().and_then(|text| text.parse().ok()).filter(|each| *each > 0).unwrap_or(12);
    let cases = corpus::find(&root().join("tests/cases")).expect("cases").into_iter().step_by(each).collect();
    let done = beside::run(&server, cases, include_str!("planner/aside.sql")).await;
    server.stop();
    let done = done.expect("cases that can be read");
    let wrong: Vec<String> = done.iter().filter_map(|case| Some(format!("{}: {}", case.name, case.wrong.as_ref()?))).collect();
    assert!(wrong.is_empty(), "{} of {} directions are wrong:\n{}", wrong.len(), done.len(), wrong.join("\n"));
    let not_enough: Vec<&str> = done.iter().filter(|case| !case.enough).map(|case| case.name.as_str()).collect();
    println!("{} of {} directions were read whole: {}", not_enough.len(), done.len(), not_enough.join(", "));
    assert!(not_enough.len() * 4 < done.len(), "too much is read whole: {}", not_enough.join(", "));
}

/// Privileges on what is the server's own, or data, are not planned: that there are some is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn privileges_that_are_not_planned_are_said() {
    let server = server::Server::start().await.expect("a server");
    let answer = async {
        let client = server.connect("postgres").await?;
        let mut made = "create role n2_apart; grant create on tablespace pg_default to n2_apart;
                        select lo_create(471100); grant select on large object 471100 to n2_apart;"
            .to_owned();
        if server.version >= 150_000 {
            made.push_str("grant set on parameter log_min_messages to n2_apart;");
        }
        client.batch_execute(&made).await?;
        let catalog = read(&client, &ReadOptions::default()).await;
        client.batch_execute("select lo_unlink(471100); drop owned by n2_apart; drop role n2_apart;").await?;
        let after = read(&client, &ReadOptions::default()).await?;
        anyhow::Ok((catalog?.not_covered, after.not_covered))
    }
    .await;
    server.stop();
    let (said, after) = answer.expect("catalogs that can be read");
    assert!(said.contains(&"privileges on tablespace pg_default".to_owned()), "{said:?}");
    assert!(said.contains(&"comments and privileges of 1 large objects".to_owned()), "{said:?}");
    let parameter = said.contains(&"privileges on parameter log_min_messages".to_owned());
    assert_eq!(parameter, server.version >= 150_000, "{said:?}");
    assert!(after.is_empty(), "{after:?}");
}

/// Schemas made and changed at random: few each time, or as many as `SCHEMAPROOF_RANDOM` says, from the seed `SCHEMAPROOF_RANDOM_SEED` on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_changes_end_in_their_target_both_ways() {
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (count, first) = (number("SCHEMAPROOF_RANDOM", 4), number("SCHEMAPROOF_RANDOM_SEED", 1));
    let server = Arc::new(server::Server::start().await.expect("a server"));
    let cases = (first..first + count).map(random::case).collect();
    let done = corpus::run(&server, cases, &Options::default()).await;
    server.stop();
    let done = done.expect("cases that run");
    let wrong = wrong(&done);
    assert!(wrong.is_empty(), "{} of {} directions are wrong:\n{}", wrong.len(), done.len(), wrong.join("\n"));
}

/// The same end by the statements that do not block.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_case_ends_in_its_target_both_ways_online() {
    let (_, done) = run(&[root().join("tests/cases")], &Options { online: true }).await;
    let wrong = wrong(&done);
    assert!(wrong.is_empty(), "{} of {} directions are wrong:\n{}", wrong.len(), done.len(), wrong.join("\n"));
}

/// Schemas of others, where they are there: pgschema's test data, OpenStreetMap's history, P8FS.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shared_corpus_ends_in_its_target_both_ways() {
    let corpus = std::env::var_os("SCHEMAPROOF_CORPUS").map_or_else(|| root().join("../shared/corpus"), PathBuf::from);
    let folders: Vec<PathBuf> =
        ["pgschema", "osm", "p8fs"].iter().map(|name| corpus.join(name)).filter(|folder| Path::is_dir(folder)).collect();
    if folders.is_empty() {
        println!("skipped: no corpus in {}", corpus.display());
        return;
    }
    let (_, done) = run(&folders, &Options::default()).await;
    // What this server or its extensions are too old for says nothing about the planner.
    let loads = |done: &Done| !matches!(done.outcome, Outcome::Wrong { what: "does not load", .. });
    let (loaded, skipped): (Vec<Done>, Vec<Done>) = done.into_iter().partition(loads);
    for done in &skipped {
        println!("skipped: {} does not load on this server", done.name);
    }
    assert!(skipped.len() * 20 <= loaded.len(), "{} of {} do not load", skipped.len(), loaded.len() + skipped.len());
    let wrong = wrong(&loaded);
    assert!(wrong.is_empty(), "{} of {} directions are wrong:\n{}", wrong.len(), loaded.len(), wrong.join("\n"));
}
