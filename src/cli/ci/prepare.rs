//! From an event to what is compared: base and head commits, the configuration, the files. Starts no server and writes nothing.

use std::{path::Path, sync::Arc};

use secrecy::SecretString;

use super::{CiError, Environment, command::Asked, drift};
use crate::{
    config::Config,
    github::{self, api::Api, api::ApiError},
    pipeline::{Input, Job, Schema, environments},
    report::{Side, safe},
    source::{self, Commits, SchemaSource, Selection, Snapshot, api::Trees, git::Local},
    trigger::{BaseTip, CommitSha, Head, PullRequest, Trigger, What},
};

/// What a run is for.
pub(super) struct Subject {
    /// The pull request, when it is for one: what gets a comment.
    pub pull: Option<PullRequest>,
    /// The pull request of a merge queue's group: it gets no comment, and what was said on it counts.
    pub queued: Option<PullRequest>,
    /// The commit that gets the status.
    pub head: Head,
    pub head_name: String,
    pub base: Base,
    pub base_name: String,
}

pub(super) enum Base {
    /// The merge base with this tip.
    Tip(BaseTip),
    Commit(CommitSha),
    /// The first commits of a repository: there was nothing before.
    Empty,
    /// A scheduled run: the live database.
    Database,
}

/// What is to be done.
pub(super) enum Prepared {
    /// No file that matters differs.
    Nothing {
        reason: String,
        sides: Box<(Side, Side)>,
    },
    Compare(Box<Job>),
}

/// What the event is about; absent when there is nothing to do for it. Asks GitHub for what the event does not say.
pub(super) async fn subject(api: &Arc<Api>, trigger: &Trigger) -> Result<Option<(Subject, Option<Asked>)>, CiError> {
    let of_branch = async |default: &Option<String>| -> Result<(BaseTip, String), ApiError> {
        let name = match default {
            Some(name) => name.clone(),
            None => github::default_branch(api).await?,
        };
        Ok((BaseTip(github::commit(api, &name).await?), name))
    };
    let found = match &trigger.what {
        What::Nothing(_) | What::WorkflowRun { .. } => return Ok(None),
        What::PullRequest(pull) => of_pull(pull.clone()),
        What::PullRequestNumber(number) => of_pull(github::pull_request(api, *number).await?),
        What::Command { number, comment, body, login } => {
            let pull = github::pull_request(api, *number).await?;
            let Some(asked) = Asked::read(api, &pull, *comment, body, login).await? else { return Ok(None) };
            return Ok(Some((of_pull(pull), Some(asked))));
        }
        What::MergeGroup { base_branch, base, head, number } => Subject {
            pull: None,
            queued: match number {
                Some(number) => Some(github::pull_request(api, *number).await?),
                None => None,
            },
            head: head.clone(),
            head_name: "merge queue".into(),
            base: Base::Tip(base.clone()),
            base_name: base_branch.clone(),
        },
        What::Push { branch, before, head, default_branch } => {
            let (base, base_name) = match before {
                Some(before) => (Base::Commit(before.clone()), format!("{branch} before")),
                None if default_branch.as_ref() == Some(branch) => (Base::Empty, "empty".into()),
                None => of_branch(default_branch).await.map(|(tip, name)| (Base::Tip(tip), name))?,
            };
            Subject { pull: None, queued: None, head: head.clone(), head_name: branch.clone(), base, base_name }
        }
        What::Branch { branch, head, default_branch } => {
            let (tip, base_name) = of_branch(default_branch).await?;
            Subject { pull: None, queued: None, head: head.clone(), head_name: branch.clone(), base: Base::Tip(tip), base_name }
        }
        What::Schedule { branch, head } => Subject {
            pull: None,
            queued: None,
            head: head.clone(),
            head_name: branch.clone(),
            base: Base::Database,
            base_name: "database".into(),
        },
    };
    Ok(Some((found, None)))
}

pub(super) fn of_pull(pull: PullRequest) -> Subject {
    Subject {
        head: pull.head.clone(),
        head_name: pull.head_branch.clone(),
        base: Base::Tip(pull.base.clone()),
        base_name: pull.base_branch.clone(),
        queued: None,
        pull: Some(pull),
    }
}

/// What is to be done for every database that the configuration names, with its name and its settings; for the only one without a name.
pub(super) struct All {
    /// The settings of all.
    pub config: Config,
    pub databases: Vec<Database>,
}

pub(super) struct Database {
    pub name: String,
    pub config: Config,
    pub prepared: Prepared,
    /// Live databases to be shown beside it, what they are compared with before them; none where there are none.
    pub environments: Vec<environments::Environment>,
}

/// The settings, and where they were read.
pub(super) struct Settings {
    pub config: Config,
    commits: Commits<Arc<Api>>,
    before: Option<CommitSha>,
}

/// Reads the configuration: never from the head of a pull request, policy is the base's.
pub(super) async fn settings(environment: &Environment, api: &Arc<Api>, subject: &Subject) -> Result<Settings, CiError> {
    let local = environment.workspace.as_deref().and_then(Local::find);
    let commits = Commits { local, remote: Some(Trees::new(api.clone())) };
    let before = match &subject.base {
        Base::Tip(tip) => Some(commits.merge_base(tip, &subject.head).await?),
        Base::Commit(commit) => Some(commit.clone()),
        Base::Empty | Base::Database => None,
    };
    let config = configuration(environment, &commits, before.as_ref().unwrap_or(&subject.head.0)).await?;
    Ok(Settings { config, commits, before })
}

/// Reads configuration and files, and finds out for each database whether anything that matters differs.
pub(super) async fn prepare(environment: &Environment, api: &Arc<Api>, subject: &Subject) -> Result<All, CiError> {
    let Settings { config, commits, before } = settings(environment, api, subject).await?;
    let reading = Reading { environment, api, subject, commits: &commits, before: before.as_ref() };
    let mut each: Vec<(String, Config)> = config.databases.iter().map(|entry| (entry.name.clone(), config.of(entry))).collect();
    if each.is_empty() {
        each.push((String::new(), config.clone()));
    }
    let only = only(environment);
    if let Some(unknown) = only.iter().find(|only| !each.iter().any(|(name, _)| name == *only)) {
        return Err(CiError::UnknownDatabase { name: unknown.escape_debug().to_string() });
    }
    each.retain(|(name, _)| only.is_empty() || only.contains(&name.as_str()));
    let mut databases = Vec::with_capacity(each.len());
    for (name, config) in each {
        let (prepared, environments) = reading.database(&config).await?;
        databases.push(Database { name, config, prepared, environments });
    }
    Ok(All { config, databases })
}

/// The databases that this job is for, of a job matrix; none means all.
pub(super) fn only(environment: &Environment) -> Vec<&str> {
    environment.inputs.get("only").map(|names| names.split_whitespace().collect()).unwrap_or_default()
}

/// Where the files of a database are read from.
struct Reading<'a> {
    environment: &'a Environment,
    api: &'a Arc<Api>,
    subject: &'a Subject,
    commits: &'a Commits<Arc<Api>>,
    before: Option<&'a CommitSha>,
}

impl Reading<'_> {
    /// What is to be done for a database, and its environments where it has some.
    async fn database(&self, config: &Config) -> Result<(Prepared, Vec<environments::Environment>), CiError> {
        let Reading { environment, api, subject, commits, before } = *self;
        let head = &subject.head.0;
        let workspace = environment.workspace.as_deref();
        let directory = environment.inputs.get("working-directory").map_or(".", String::as_str);
        let selection = Selection::new(&config.paths, directory)?;
        let after = commits.snapshot(head, &selection).await?;
        let was = match before {
            Some(before) => Some(commits.snapshot(before, &selection).await?),
            None => None,
        };
        let sides = || {
            let count = |snapshot: &Option<Snapshot>| snapshot.as_ref().map(Snapshot::len).unwrap_or_default();
            let base = Side { name: subject.base_name.clone(), commit: before.map(ToString::to_string), files: count(&was) };
            Box::new((base, Side { name: subject.head_name.clone(), commit: Some(head.to_string()), files: after.len() }))
        };
        let paths = || config.paths.iter().map(|path| safe::code(path)).collect::<Vec<_>>().join(", ");
        let same = match &was {
            Some(was) if commits.are_same(was, &after).await? => Some(was),
            _ => None,
        };
        if let Some(was) = same {
            let reason = match was.is_empty() {
                true => format!("There are no SQL files in {}, neither before nor after.", paths()),
                false => format!("No SQL file in {} changes.", paths()),
            };
            return Ok((Prepared::Nothing { sides: sides(), reason }, Vec::new()));
        }
        let scheduled = matches!(subject.base, Base::Database);
        let files = commits.read(&after).await?;
        let target = Input { name: subject.head_name.clone(), commit: Some(head.to_string()), schema: Schema::Files(files) };
        let live = config.database_url.clone().filter(|url| !url.is_empty()).map(|url| live(url.into()));
        let base = match (&subject.base, config.base.as_str()) {
            (Base::Database, _) => match live.clone() {
                Some(live) => live,
                None => {
                    let environments = drift::named(config, Some(target).filter(|_| !after.is_empty()), scheduled).await?;
                    let reason = match environments.is_empty() {
                        true => {
                            "A scheduled run compares with live databases, and neither `environments` nor `database-url` names one."
                        }
                        false => "Nothing is planned: the environments are compared.",
                    };
                    return Ok((Prepared::Nothing { sides: sides(), reason: reason.into() }, environments));
                }
            },
            (_, "database") => live.clone().ok_or(CiError::NoDatabase)?,
            (Base::Empty, "merge-base" | "") => Input { name: subject.base_name.clone(), commit: None, schema: Schema::Empty },
            (_, "merge-base" | "") => {
                let files = match &was {
                    Some(was) => commits.read(was).await?,
                    None => source::SqlFiles::default(),
                };
                let commit = before.map(ToString::to_string);
                Input { name: subject.base_name.clone(), commit, schema: Schema::Files(files) }
            }
            (_, other) => given(other, api, commits, &selection, directory, workspace).await?,
        };
        // A scheduled run asks how the databases stand to the files; a pull request, to what was there before it.
        let reference = if scheduled { Some(target.clone()).filter(|_| !after.is_empty()) } else { Some(base.clone()) };
        let environments = drift::named(config, reference, scheduled).await?;
        let is_database = matches!(base.schema, Schema::Live(_));
        // What the live database differs in from where the pull request began is not the pull request's.
        let before = match (&was, is_database) {
            (Some(was), true) => Some(Input {
                name: subject.base_name.clone(),
                commit: before.map(ToString::to_string),
                schema: Schema::Files(commits.read(was).await?),
            }),
            _ => None,
        };
        let job = Job {
            config: config.clone(),
            base,
            target,
            live: live.filter(|_| !is_database),
            before,
            atlas: environment.atlas.clone(),
            prove: true,
            acceptances: Vec::new(),
            renames: Vec::new(),
            run: None,
        };
        Ok((Prepared::Compare(Box::new(job)), environments))
    }
}

fn live(url: SecretString) -> Input {
    Input { name: source::shown_url(&url), commit: None, schema: Schema::Live(url) }
}

pub(super) async fn configuration(
    environment: &Environment,
    commits: &Commits<Arc<Api>>,
    commit: &CommitSha,
) -> Result<Config, CiError> {
    let directory = environment.inputs.get("working-directory").map_or("", String::as_str);
    let path = environment.inputs.get("config").map_or(".github/schemaproof.yml", String::as_str);
    let path = if matches!(directory, "" | ".") { path.to_string() } else { format!("{directory}/{path}") };
    let text = commits.file(commit, &path).await?;
    let file = text.as_deref().map(|text| (path.as_str(), text));
    Ok(Config::from_file_and_inputs(file, &environment.inputs)?)
}

/// A base that the configuration names: a git ref or a schema source.
async fn given(
    text: &str,
    api: &Arc<Api>,
    commits: &Commits<Arc<Api>>,
    selection: &Selection,
    directory: &str,
    workspace: Option<&Path>,
) -> Result<Input, CiError> {
    let is_source = text == "empty" || text.starts_with("git:") || text.contains("://");
    let source = if is_source { SchemaSource::parse(text)? } else { SchemaSource::Git { reference: text.into(), path: None } };
    let (reference, path) = match source {
        SchemaSource::Live { url, .. } => return Ok(live(url)),
        SchemaSource::Empty => return Ok(Input { name: "empty".into(), commit: None, schema: Schema::Empty }),
        SchemaSource::Directory(path) | SchemaSource::File(path) => {
            let path = workspace.unwrap_or(Path::new(".")).join(path);
            let files = source::directory::read(&path)?;
            return Ok(Input { name: text.into(), commit: None, schema: Schema::Files(files) });
        }
        SchemaSource::Git { reference, path } => (reference, path),
    };
    // A checkout's own branches may be old: GitHub is asked.
    let commit = github::commit(api, &reference).await?;
    let selection = match path {
        Some(path) => Selection::new(&[path], directory)?,
        None => selection.clone(),
    };
    let files = commits.read(&commits.snapshot(&commit, &selection).await?).await?;
    Ok(Input { name: reference, commit: Some(commit.to_string()), schema: Schema::Files(files) })
}
