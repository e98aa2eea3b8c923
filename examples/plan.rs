//! Prints the statements that turn one database's schema into another's:
//! `cargo run --example plan -- postgres://localhost/base postgres://localhost/target`.

use std::sync::Arc;

use anyhow::Context;
use schemaproof::{
    catalog::read::{ReadOptions, read_two},
    plan::native,
};
use tokio_postgres::{Client, NoTls};

async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.with_context(|| format!("connecting to {url}"))?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let mut arguments = std::env::args().skip(1);
    let (Some(base), Some(target)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: plan BASE_URL TARGET_URL");
    };
    let started = std::time::Instant::now();
    let (base, target) = tokio::try_join!(connect(&base), connect(&target))?;
    let (base, target) = read_two(Arc::new(base), Arc::new(target), &ReadOptions::default()).await?;
    let read = started.elapsed();
    let plan = native::plan(&base, &target, &native::Options::default())?;
    let planned = started.elapsed();
    print!("{}", plan.to_sql());
    eprintln!(
        "read {} and {} objects in {read:.1?}, compared and planned in {:.1?}, printed in {:.1?}",
        base.objects.len(),
        target.objects.len(),
        planned - read,
        started.elapsed() - planned
    );
    for object in &target.not_covered {
        eprintln!("not covered: {object}");
    }
    Ok(())
}
