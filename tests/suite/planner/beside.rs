//! Cases with something beside them that is alike on both sides: what a reading of two databases leaves out changes nothing.

use std::sync::Arc;

use anyhow::Result;
use schemaproof::{
    catalog::{
        Catalog, ObjectId, compare,
        read::{ReadOptions, read, read_two},
    },
    plan::{
        Plan,
        native::{self, Options, PlanError},
    },
};

use super::{
    corpus::{Case, drop_database, make_shared},
    server::Server,
};

/// What became of a direction that was read with something alike beside it.
pub struct Beside {
    pub name: String,
    /// Whether what was read was enough for the plan.
    pub enough: bool,
    /// What is not as when everything is read.
    pub wrong: Option<String>,
}

const OF_A_SESSION: &str =
    "create temporary table of_a_session (a serial primary key, b text default 'x' not null check (b <> ''))";

/// Reads each case both ways with the same beside it on both sides, all of it and as [`read_two`] does, and compares what is made of it.
pub async fn run(server: &Arc<Server>, cases: Vec<Case>, same: &str) -> Result<Vec<Beside>> {
    make_shared(server, &cases).await?;
    let mut shell = server.shell()?;
    let client = server.connect("postgres").await?;
    // OIDs are others on the other side.
    let templates = [
        ("beside_a", ""),
        ("beside_b", "create table t (a serial, b text); create view v as select * from t; drop table t cascade;"),
    ];
    for (template, before) in templates {
        drop_database(server, template).await?;
        client.batch_execute(&format!("create database {template} template template0")).await?;
        shell.psql(template, &format!("{before}\n{same}"))?;
    }
    let mut done = Vec::new();
    for case in cases.iter().filter(|case| case.fits(server)) {
        println!("reading {}", case.name);
        let mut loads = true;
        for ((template, _), sql) in templates.into_iter().zip([&case.a, &case.b]) {
            let database = format!("{template}_case");
            drop_database(server, &database).await?;
            client.batch_execute(&format!("create database {database} template {template}")).await?;
            loads &= shell.psql(&database, &format!("{}\n{sql}", case.setup)).is_ok();
        }
        if !loads {
            continue;
        }
        for (from, to, arrow) in [("beside_a_case", "beside_b_case", "->"), ("beside_b_case", "beside_a_case", "<-")] {
            let (one, two) = tokio::try_join!(server.connect(from), server.connect(to))?;
            // What a session has for itself is no part of either.
            one.batch_execute(OF_A_SESSION).await?;
            let all = (read(&one, &ReadOptions::default()).await?, read(&two, &ReadOptions::default()).await?);
            let part = read_two(Arc::new(one), Arc::new(two), &ReadOptions::default()).await?;
            let plan = |(base, target): &(Catalog, Catalog)| native::plan(base, target, &Options::default());
            let (whole, quick) = (plan(&all), plan(&part));
            let known = |id: &ObjectId| part.0.knows_all_about(id) && part.1.knows_all_about(id);
            let enough = part.0.looked_at.is_some()
                && quick.as_ref().is_ok_and(|plan| plan.steps.iter().flat_map(|step| &step.objects).all(known));
            let (changes, found) = (compare(&all.0, &all.1), compare(&part.0, &part.1));
            let not_covered = [(&all.0, &part.0), (&all.1, &part.1)].iter().any(|(all, part)| all.not_covered != part.not_covered);
            let wrong = if changes != found {
                Some(format!("other changes:\n{changes:?}\n{found:?}"))
            } else if not_covered {
                let not_covered = [&all.0, &all.1, &part.0, &part.1].map(|catalog| &catalog.not_covered);
                Some(format!("not covered: {not_covered:?}"))
            } else if enough && whole != quick {
                let sql = |plan: &Result<Plan, PlanError>| plan.as_ref().map_or_else(ToString::to_string, Plan::to_sql);
                Some(format!("another plan:\n{}\n{}", sql(&whole), sql(&quick)))
            } else {
                None
            };
            done.push(Beside { name: format!("{} {arrow}", case.name), enough, wrong });
        }
    }
    for (template, _) in templates {
        drop_database(server, &format!("{template}_case")).await?;
        drop_database(server, template).await?;
    }
    Ok(done)
}
