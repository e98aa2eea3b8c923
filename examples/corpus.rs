//! Runs folders of cases both ways on a real server and prints what is wrong: `cargo run --example corpus -- FOLDER [PART OF A NAME]`,
//! or schemas made at random: `-- random FIRST COUNT`.
//!
//! The server is the tests' (see `tests/suite/planner/server.rs`).

use std::{path::Path, sync::Arc, time::Instant};

use schemaproof::plan::native::Options;

#[path = "../tests/suite/planner/corpus.rs"]
mod corpus;
#[path = "../tests/suite/planner/coverage.rs"]
mod coverage;
#[path = "../tests/suite/planner/kept.rs"]
mod kept;
#[path = "../tests/suite/planner/random.rs"]
mod random;
#[path = "../tests/suite/planner/server.rs"]
mod server;

use corpus::Outcome;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let online = arguments.iter().position(|argument| argument == "--online").map(|at| arguments.remove(at)).is_some();
    let quiet = arguments.iter().position(|argument| argument == "--quiet").map(|at| arguments.remove(at)).is_some();
    let coverage = arguments.iter().position(|argument| argument == "--coverage").map(|at| arguments.remove(at)).is_some();
    let mut arguments = arguments.into_iter();
    let folder = arguments.next().unwrap_or_else(|| "tests/cases".to_owned());
    let part = arguments.next().unwrap_or_default();
    let count = arguments.next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(1);
    let cases: Vec<_> = if let ("random", Ok(first)) = (folder.as_str(), part.parse::<u64>()) {
        (first..first + count).map(random::case).collect()
    } else {
        corpus::find(Path::new(&folder))?.into_iter().filter(|case| case.name.contains(&part)).collect()
    };
    let server = Arc::new(server::Server::start().await?);
    let started = Instant::now();
    let done = corpus::run(&server, cases, &Options { online }).await;
    server.stop();
    let done = done?;
    let mut counts = (0, 0, 0);
    for case in &done {
        match &case.outcome {
            Outcome::Right => counts.0 += 1,
            Outcome::ColumnOrder => {
                counts.1 += 1;
                println!("COLUMN ORDER {}", case.name);
            }
            Outcome::Wrong { what, detail, plan } => {
                counts.2 += 1;
                println!("WRONG {}: {what}", case.name);
                if !quiet {
                    println!("{detail}\n---- plan\n{plan}----");
                }
            }
        }
        if !case.not_covered.is_empty() {
            println!("NOT COVERED {}: {}", case.name, case.not_covered.join("; ").chars().take(300).collect::<String>());
        }
    }
    if coverage {
        println!("{}\nno case for: {}", coverage::page(&done), coverage::gaps(&done).join(", "));
    }
    println!(
        "{} right, {} but for the order of columns, {} wrong, {:.1} s",
        counts.0,
        counts.1,
        counts.2,
        started.elapsed().as_secs_f64()
    );
    Ok(())
}
