//! Cases of two schemas, run both ways on a real server, and judged.
//!
//! A case is a folder with `a.sql` and `b.sql` (`old.sql` and `new.sql`, `base.sql` and `head.sql`), and maybe `setup.sql`, which is run first
//! on both sides, `kept.sql`, a query whose answer the plan must not change, and in the first line of `a.sql` the oldest server
//! that knows it: `-- server: 15`. `-- needs: label provider` there keeps it from a server without one. What both sides of the cases in a
//! folder begin with may stand in a `both.sql` of that folder.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use anyhow::{Context as _, Result, anyhow};
use schemaproof::{
    catalog::{
        Catalog, Kind,
        read::{ReadOptions, read, read_two},
    },
    plan::native::{self, Options},
    proof::judge,
};

use super::{
    coverage::{self, Event},
    kept,
    server::{Server, Shell},
};

#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub a: String,
    pub b: String,
    pub setup: String,
    kept: Option<String>,
    oldest: u32,
    labels: bool,
    /// Its rows must be kept, and may be in the plan's way.
    rows: bool,
    /// What fails to load is left out: real history (`base.sql` and `head.sql`) needs libraries that are not here.
    lenient: bool,
}

impl Case {
    /// A case that stands in no folder, whose rows are looked at.
    pub fn with_rows(name: String, a: String, b: String) -> Self {
        Self { name, a, b, setup: String::new(), kept: None, oldest: 0, labels: false, rows: true, lenient: false }
    }

    /// Whether a server has what the case is about.
    pub fn fits(&self, server: &Server) -> bool {
        self.oldest <= server.version && (server.can_have_labels() || !self.labels)
    }
}

/// How one direction of a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The plan ran and ends in the target.
    Right,
    /// As right as can be: the target's columns are in another order than ALTER can make.
    ColumnOrder,
    /// What is wrong, and the plan if there was one.
    Wrong { what: &'static str, detail: String, plan: String },
}

#[derive(Debug, Clone)]
pub struct Done {
    pub name: String,
    pub outcome: Outcome,
    pub not_covered: Vec<String>,
    /// What differs between the two sides, and what was read of both.
    pub events: BTreeSet<(Kind, Event)>,
    pub attributes: BTreeMap<Kind, BTreeSet<&'static str>>,
}

/// All cases in a folder, at any depth, in the order of their names.
pub fn find(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        let both = std::fs::read_to_string(at.with_file_name("both.sql")).unwrap_or_default();
        let mut inner: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(&at).with_context(|| format!("reading {}", at.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                inner.push(path);
            }
        }
        let pair = [("a", "b"), ("old", "new"), ("base", "head")]
            .iter()
            .find_map(|(a, b)| Some((both.clone() + &side(&at, a)?, both.clone() + &side(&at, b)?, *a == "base")));
        match pair {
            Some((a, b, lenient)) => {
                let oldest = a
                    .lines()
                    .next()
                    .and_then(|line| line.strip_prefix("-- server: "))
                    .and_then(|major| major.trim().parse::<u32>().ok());
                let name =
                    at.strip_prefix(folder).ok().filter(|name| !name.as_os_str().is_empty()).unwrap_or(&at).display().to_string();
                let setup = std::fs::read_to_string(at.join("setup.sql")).unwrap_or_default();
                let kept = std::fs::read_to_string(at.join("kept.sql")).ok();
                let labels = a.lines().take(2).any(|line| line == "-- needs: label provider");
                let oldest = oldest.unwrap_or(0) * 10_000;
                cases.push(Case { name, a, b, setup, kept, oldest, labels, rows: false, lenient });
            }
            None => folders.extend(inner),
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// `name.sql`, or all SQL files of a folder `name` one after the other.
fn side(case: &Path, name: &str) -> Option<String> {
    if let Ok(text) = std::fs::read_to_string(case.join(format!("{name}.sql"))) {
        return Some(text);
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(case.join(name)).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let texts: Option<Vec<String>> = files.iter().map(|file| std::fs::read_to_string(file).ok()).collect();
    texts.map(|texts| texts.join("\n"))
}

/// Runs the cases both ways, and makes both their sides from nothing, several at once; the answers are in the order of the cases, forth before back.
pub async fn run(server: &Arc<Server>, cases: Vec<Case>, options: &Options) -> Result<Vec<Done>> {
    const AT_ONCE: usize = 4;
    make_shared(server, &cases).await?;
    let count = cases.len();
    let queue = Arc::new(Mutex::new(cases.into_iter().filter(|case| case.fits(server)).enumerate().collect::<VecDeque<_>>()));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE.min(count) {
        let (server, queue, options) = (Arc::clone(server), Arc::clone(&queue), options.clone());
        workers.spawn(async move {
            let mut shell = server.shell()?;
            let mut done = Vec::new();
            loop {
                let Some((at, case)) = queue.lock().map_err(|_| anyhow!("another worker panicked"))?.pop_front() else { break };
                let databases = Databases::of(worker);
                done.push((at, both_ways(&server, &mut shell, &databases, &case, &options).await?));
            }
            anyhow::Ok(done)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = workers.join_next().await {
        all.extend(done??);
    }
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().flat_map(|(_, done)| done).collect())
}

/// Makes what cases name and belongs to the whole server: roles (`-- roles: one two`, or a guarded `CREATE ROLE`) and, where the server
/// can have them in its own folder, tablespaces (`-- tablespaces: one`); and a label provider.
pub async fn make_shared(server: &Server, cases: &[Case]) -> Result<()> {
    let (mut roles, mut tablespaces) = (BTreeSet::new(), BTreeSet::new());
    for text in cases.iter().flat_map(|case| [&case.a, &case.b, &case.setup]) {
        for line in text.lines() {
            if let Some(names) = line.strip_prefix("-- roles: ") {
                roles.extend(names.split_whitespace().map(str::to_owned));
            }
            if let Some(names) = line.strip_prefix("-- tablespaces: ") {
                tablespaces.extend(names.split_whitespace().map(str::to_owned));
            }
            if line.contains("testuser") {
                // The role that pgschema's own tests run as.
                roles.insert("testuser".to_owned());
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            for three in words.windows(3) {
                if three[0].eq_ignore_ascii_case("create")
                    && (three[1].eq_ignore_ascii_case("role") || three[1].eq_ignore_ascii_case("user"))
                {
                    let name = three[2].trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '_');
                    roles.insert(name.to_owned());
                }
            }
        }
    }
    let client = server.connect("postgres").await?;
    let there: Vec<String> = client.query("select rolname from pg_roles", &[]).await?.iter().map(|row| row.get(0)).collect();
    for role in roles.iter().filter(|role| !role.is_empty() && !there.contains(role)) {
        client.batch_execute(&format!("create role \"{}\"", role.replace('"', "\"\""))).await?;
    }
    if server.version >= 150_000 {
        client.batch_execute("set allow_in_place_tablespaces = on").await?;
        for space in tablespaces {
            client.batch_execute(&format!("create tablespace {space} location ''")).await?;
        }
    }
    if cases.iter().any(|case| case.labels) {
        server.provide_labels().await?;
    }
    Ok(())
}

struct Databases {
    a: String,
    b: String,
    nothing: String,
    copy: String,
}

impl Databases {
    fn of(worker: usize) -> Self {
        let name = |part: &str| format!("corpus_{}_{worker}_{part}", std::process::id());
        Self { a: name("a"), b: name("b"), nothing: name("nothing"), copy: name("copy") }
    }
}

/// One side, loaded and read.
struct Side<'a> {
    database: &'a str,
    sql: String,
    catalog: Catalog,
    dump: String,
}

async fn both_ways(server: &Server, shell: &mut Shell, names: &Databases, case: &Case, options: &Options) -> Result<Vec<Done>> {
    let mut sides = Vec::new();
    for (database, sql) in [(&names.a, &case.a), (&names.b, &case.b)] {
        let sql = format!("{}\n{sql}", case.setup);
        match load(server, shell, database, &sql, case.lenient).await {
            Ok((catalog, dump)) => sides.push(Side { database, sql, catalog, dump }),
            Err(error) => {
                let detail = format!("{error:#}");
                let outcome = Outcome::Wrong { what: "does not load", detail, plan: String::new() };
                return Ok(vec![Done {
                    name: case.name.clone(),
                    outcome,
                    not_covered: Vec::new(),
                    events: BTreeSet::new(),
                    attributes: BTreeMap::new(),
                }]);
            }
        }
    }
    let mut done = Vec::new();
    if let [a, b] = &sides[..] {
        for (from, to, arrow) in [(a, b, "->"), (b, a, "<-")] {
            let outcome = one_way(server, shell, &names.copy, from, to, case, options).await?;
            done.push(Done {
                name: format!("{} {arrow}", case.name),
                outcome,
                not_covered: from.catalog.not_covered.clone(),
                events: coverage::events(&from.catalog, &to.catalog),
                attributes: coverage::attributes(&from.catalog),
            });
        }
    }
    // A live database is made anew in the sandbox. On one version, since it takes as long as both ways.
    if !options.online && server.version >= 180_000 {
        let (catalog, dump) = load(server, shell, &names.nothing, &case.setup, false).await?;
        let nothing = Side { database: &names.nothing, sql: case.setup.clone(), catalog, dump };
        let case = Case { kept: None, rows: false, ..case.clone() };
        for (to, name) in sides.iter().zip(["a", "b"]) {
            let outcome = one_way(server, shell, &names.copy, &nothing, to, &case, options).await?;
            done.push(Done {
                name: format!("{}/{name} from nothing", case.name),
                outcome,
                not_covered: Vec::new(),
                events: BTreeSet::new(),
                attributes: BTreeMap::new(),
            });
        }
    }
    for database in [&names.a, &names.b, &names.nothing, &names.copy] {
        drop_database(server, database).await?;
    }
    Ok(done)
}

async fn one_way(
    server: &Server,
    shell: &mut Shell,
    copy: &str,
    from: &Side<'_>,
    to: &Side<'_>,
    case: &Case,
    options: &Options,
) -> Result<Outcome> {
    let plan = match native::plan(&from.catalog, &to.catalog, options) {
        Ok(plan) => plan,
        Err(error) => return Ok(Outcome::Wrong { what: "no plan", detail: error.to_string(), plan: String::new() }),
    };
    let sql = plan.to_sql();
    let wrong = |what, detail: String| Ok(Outcome::Wrong { what, detail, plan: sql.clone() });
    if native::plan(&from.catalog, &to.catalog, options).map(|again| again.to_sql()).as_ref() != Ok(&sql) {
        return wrong("another plan the second time", String::new());
    }
    // What is read of two sides at once leaves out what is alike; a plan that is about such a thing is not made from that.
    let (one, two) = tokio::try_join!(server.connect(from.database), server.connect(to.database))?;
    let (base, target) = read_two(Arc::new(one), Arc::new(two), &ReadOptions::default()).await?;
    match native::plan(&base, &target, options) {
        Ok(quick) => {
            let mut objects = quick.steps.iter().flat_map(|step| &step.objects);
            let known = objects.all(|object| base.knows_all_about(object) && target.knows_all_about(object));
            if known && quick.to_sql() != sql {
                return wrong("another plan when both sides are read at once", quick.to_sql());
            }
        }
        Err(error) => return wrong("no plan when both sides are read at once", error.to_string()),
    }
    if plan.steps.is_empty() {
        return if from.dump == to.dump {
            Ok(Outcome::Right)
        } else {
            judged(&from.dump, &to.dump, &sql, "an empty plan, and pg_dump differs")
        };
    }
    copy_database(server, shell, copy, from).await?;
    let kept_before = case.kept.as_ref().map(|query| shell.psql(copy, query)).transpose()?;
    let looks = if case.rows { kept::looks(&from.catalog, &to.catalog) } else { Vec::new() };
    let rows = kept::before(&server.connect(copy).await?, &looks).await?;
    let mut ran = shell.psql(copy, &sql);
    if case.rows
        && let Err(error) = &ran
        && ["ERROR:  22", "ERROR:  23"].iter().any(|class| error.to_string().contains(class))
    {
        // Data is in its way (a value that is no number, a NULL): whether it reaches the target is asked without rows.
        println!("rows are in the way of {}: {}", case.name, error.to_string().lines().next().unwrap_or_default());
        copy_database(server, shell, copy, from).await?;
        shell.psql(copy, EMPTY)?;
        ran = shell.psql(copy, &sql);
    } else if ran.is_ok() {
        let lost = kept::lost(&server.connect(copy).await?, &looks, &rows).await?;
        if !lost.is_empty() {
            return wrong("rows are not kept", lost.join("\n"));
        }
    }
    if let Err(error) = ran {
        return wrong("the plan fails", error.to_string());
    }
    let kept_after = case.kept.as_ref().map(|query| shell.psql(copy, query)).transpose()?;
    if kept_before != kept_after {
        return wrong(
            "rows are not kept",
            format!("before: {}\nafter:  {}", kept_before.unwrap_or_default(), kept_after.unwrap_or_default()),
        );
    }
    let dump = cleaned(&shell.pg_dump(copy)?);
    let outcome = if dump == to.dump { Outcome::Right } else { judged(&dump, &to.dump, &sql, "pg_dump differs")? };
    if matches!(outcome, Outcome::Wrong { .. }) {
        return Ok(outcome);
    }
    let client = server.connect(copy).await?;
    let end = read(&client, &ReadOptions::default()).await?;
    match native::plan(&end, &to.catalog, options) {
        Err(error) => wrong("no second plan", error.to_string()),
        Ok(second) if second.steps.is_empty() => Ok(outcome),
        Ok(second) => wrong("a second plan is not empty", second.to_sql()),
    }
}

/// Takes all rows out.
const EMPTY: &str = "do $$ declare t regclass; begin
  for t in select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  loop execute format('truncate %s cascade', t); end loop;
end $$";

/// What is left to say when the texts of two dumps differ.
fn judged(end: &str, target: &str, sql: &str, what: &'static str) -> Result<Outcome> {
    let (judgement, _) = judge::by_pg_dump(end, target);
    if judgement.equal {
        return Ok(Outcome::ColumnOrder);
    }
    let detail = judgement.differences.iter().map(|difference| format!("{}: {}\n", difference.object, difference.detail)).collect();
    Ok(Outcome::Wrong { what, detail, plan: sql.to_owned() })
}

async fn load(server: &Server, shell: &mut Shell, database: &str, sql: &str, lenient: bool) -> Result<(Catalog, String)> {
    drop_database(server, database).await?;
    server.connect("postgres").await?.batch_execute(&format!("create database {database} template template0")).await?;
    if lenient {
        shell.psql_leniently(database, sql)?
    } else {
        shell.psql(database, sql)?
    };
    let dump = cleaned(&shell.pg_dump(database)?);
    let client = server.connect(database).await?;
    let catalog = read(&client, &ReadOptions::default()).await?;
    Ok((catalog, dump))
}

/// `CREATE DATABASE ... TEMPLATE`; what that does not copy (settings, grants and comments of the database, subscriptions) is loaded anew.
async fn copy_database(server: &Server, shell: &mut Shell, copy: &str, from: &Side<'_>) -> Result<()> {
    drop_database(server, copy).await?;
    let client = server.connect("postgres").await?;
    let query = "select exists (select from pg_db_role_setting s where s.setdatabase = d.oid) or d.datacl is not null
                   or exists (select from pg_subscription s where s.subdbid = d.oid) or shobj_description(d.oid, 'pg_database') is not null
                 from pg_database d where d.datname = $1";
    let beside: bool = client.query_one(query, &[&from.database]).await?.get(0);
    let template = if beside { "template0" } else { from.database };
    client.batch_execute(&format!("create database {copy} template {template}")).await?;
    if beside {
        shell.psql(copy, &from.sql)?;
    }
    Ok(())
}

pub async fn drop_database(server: &Server, database: &str) -> Result<()> {
    let client = server.connect("postgres").await?;
    // A subscription keeps its database: it is cut off first.
    let query = "select 1 from pg_subscription s join pg_database d on d.oid = s.subdbid where d.datname = $1";
    if !client.query(query, &[&database]).await?.is_empty() {
        let inside = server.connect(database).await?;
        let names = inside.query("select quote_ident(subname) from pg_subscription s join pg_database d on d.oid = s.subdbid where d.datname = current_database()", &[]).await?;
        for row in names {
            let name: String = row.get(0);
            inside.batch_execute(&format!("alter subscription {name} disable")).await?;
            inside.batch_execute(&format!("alter subscription {name} set (slot_name = none)")).await?;
            inside.batch_execute(&format!("drop subscription {name}")).await?;
        }
    }
    Ok(client.batch_execute(&format!("drop database if exists {database} with (force)")).await?)
}

/// A dump without its random tokens.
fn cleaned(dump: &str) -> String {
    dump.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .flat_map(|line| [line, "\n"])
        .collect()
}
