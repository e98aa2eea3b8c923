//! `.github/schemaproof.yml` and the Action's inputs or the command line's flags -> [`Config`].
//!
//! [`KEYS`] is the one list of settings: the config file, the Action's inputs, `action.yml` and the documentation are made from
//! it. Reads no file and no environment itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod naming;
pub mod policy;
pub mod reviewers;

pub use naming::{Named, Naming};
pub use policy::{Approve, Override, Permission, Policy, RuleSetting};
pub use reviewers::Reviewers;

use crate::risk::Level;

/// Which planner proposes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum EngineChoice {
    /// Atlas where its binary is found, completed by the native planner; else the native planner alone.
    #[default]
    Auto,
    /// Atlas, completed by the native planner; an error when its binary is not found.
    Atlas,
    Native,
}

/// Whose SQL the files are in, and which server proves them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum Dialect {
    #[default]
    Postgres,
    TiDb,
    MySql,
    MariaDb,
}

impl Dialect {
    /// The server as its makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Postgres => "Postgres",
            Dialect::TiDb => "TiDB",
            Dialect::MySql => "MySQL",
            Dialect::MariaDb => "MariaDB",
        }
    }

    /// What the judge beside the catalog compares.
    pub fn judge(self) -> &'static str {
        match self {
            Dialect::Postgres => "pg_dump",
            Dialect::TiDb | Dialect::MySql | Dialect::MariaDb => "SHOW CREATE",
        }
    }

    pub fn is_postgres(&self) -> bool {
        *self == Dialect::Postgres
    }
}

/// How the files of one schema are run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Session {
    /// One session over all files, as `cat *.sql | psql` has.
    #[default]
    Single,
    /// A session a file, as `docker-entrypoint-initdb.d` has.
    PerFile,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CommentMode {
    /// One comment, kept up to date.
    #[default]
    Sticky,
    /// A new comment a run.
    New,
    Off,
}

/// When the exit code is 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// When the verdict is `blocked`, for whatever reason.
    #[default]
    Blocked,
    /// Only when the plan is not proven.
    Unproven,
    Never,
}

/// One database of several: its name, and what it has instead of the settings of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct DatabaseEntry {
    /// Letters, digits, `.`, `_` and `-`: it names a section of the comment and a directory of reports.
    pub name: String,
    pub paths: Vec<String>,
    pub database_url: Option<String>,
    /// Of this database alone: those of all would be compared with files that are not theirs.
    pub environments: Option<Vec<String>>,
    pub engine: Option<EngineChoice>,
    pub image: Option<String>,
    pub session: Option<Session>,
    pub exclude: Option<Vec<String>>,
    pub setup: Option<Vec<String>>,
    pub policy: Option<Policy>,
}

/// All settings of a run, after the file and the inputs are put together (the input wins).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    pub paths: Vec<String>,
    pub base: String,
    pub database_url: Option<String>,
    pub environments: Vec<String>,
    pub engine: EngineChoice,
    /// Absent: that of a URL that is compared, else Postgres's.
    pub dialect: Option<Dialect>,
    /// Whether the plan is made of statements that do not block.
    pub online: bool,
    /// Whether the plan makes the roles that only the target has.
    pub create_roles: bool,
    pub sandbox: String,
    /// Absent: that of the server that is compared ([`crate::pipeline::run`]).
    pub image: Option<String>,
    pub session: Session,
    pub exclude: Vec<String>,
    pub comment: CommentMode,
    pub status_context: String,
    /// Label of a pull request by the worst level of its findings.
    pub labels: BTreeMap<Level, String>,
    pub reviewers: Vec<Reviewers>,
    /// Whether open pull requests that change the same objects are named in each other's comment.
    pub overlaps: bool,
    pub fail_on: FailOn,
    /// Name of the database that the SQL files are run in, and the superuser that runs them.
    pub database: String,
    pub role: String,
    pub setup: Vec<String>,
    /// Longest run of one statement of a schema file or a plan, in seconds.
    pub statement_timeout: u64,
    /// Longest time for a whole run, in seconds.
    pub timeout: u64,
    /// Memory of a sandbox server, in megabytes.
    pub memory: u64,
    /// Size of a sandbox server's data directory, in megabytes.
    pub disk: u64,
    pub policy: Policy,
    pub databases: Vec<DatabaseEntry>,
    /// Databases that are planned at the same time.
    pub parallel: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            paths: vec!["extensions/sql".into()],
            base: "merge-base".into(),
            database_url: None,
            environments: Vec::new(),
            engine: EngineChoice::Auto,
            dialect: None,
            online: false,
            create_roles: false,
            sandbox: "auto".into(),
            image: None,
            session: Session::Single,
            exclude: Vec::new(),
            comment: CommentMode::Sticky,
            status_context: "schemaproof".into(),
            labels: BTreeMap::new(),
            reviewers: Vec::new(),
            overlaps: false,
            fail_on: FailOn::Blocked,
            database: "app".into(),
            role: "postgres".into(),
            setup: Vec::new(),
            statement_timeout: 60,
            timeout: 900,
            memory: 1024,
            disk: 1024,
            policy: Policy::default(),
            databases: Vec::new(),
            parallel: 2,
        }
    }
}

/// One setting, as `action.yml`, `docs/configuration.md` and the reader of inputs know it.
pub struct Key {
    pub name: &'static str,
    /// Whether the Action takes it as an input.
    pub input: bool,
    /// Whether the config file takes it.
    pub file: bool,
    /// One sentence or two, Markdown.
    pub description: &'static str,
    /// As shown; for inputs that the config file may set too, `action.yml` has an empty default so that the file is not overridden.
    pub default: &'static str,
    /// Lists take one entry a line.
    pub list: bool,
}

const fn key(name: &'static str, default: &'static str, description: &'static str) -> Key {
    Key { name, input: true, file: true, description, default, list: false }
}

const fn list(name: &'static str, default: &'static str, description: &'static str) -> Key {
    Key { list: true, ..key(name, default, description) }
}

/// Every setting, in the order in which they are documented.
pub const KEYS: &[Key] = &[
    Key {
        file: false,
        ..key(
            "token",
            "${{ github.token }}",
            "Token for GitHub's API: reads the pull request, writes comment, status and check run.",
        )
    },
    Key {
        file: false,
        ..key(
            "command",
            "ci",
            "`ci`; or, for several databases on several runners, `matrix` (which of them change) or `publish` (the reports of all).",
        )
    },
    Key {
        file: false,
        ..key(
            "only",
            "",
            "Names of the databases that this job is for, separated by blanks. It leaves its reports to `publish`: no comment, no status.",
        )
    },
    list("paths", "extensions/sql", "Directories, files or globs of the SQL files, in the order in which they run."),
    key(
        "base",
        "merge-base",
        "What the pull request is compared with: `merge-base`, a git ref, a schema source, or `database` (the live one).",
    ),
    key(
        "database-url",
        "",
        "A live Postgres, read only: its drift, the sizes of what the plan locks and the rows in its way are shown; planned against when `base` is `database`.",
    ),
    list(
        "environments",
        "",
        "`NAME=URL` lines: live databases, read only. The comment says how they stand; a scheduled run compares them with the files and keeps one issue on drift.",
    ),
    key("engine", "auto", "`auto` (Atlas where it is installed, completed by the native planner), `atlas`, or `native`."),
    key(
        "dialect",
        "",
        "Whose SQL the files are in: `postgres`, `tidb`, `mysql` or `mariadb`. When it is not set: that of a URL that is compared, else `postgres`.",
    ),
    key(
        "online",
        "false",
        "`true`: reach the same end by statements that do not block, planned by the native planner. Slower, and not in one transaction.",
    ),
    key(
        "create-roles",
        "false",
        "`true`: the plan makes roles that the base's server has not, with `LOGIN` where the target gives it, and with no password, no other rights and no memberships. Otherwise they are named, and must be there.",
    ),
    key("sandbox", "auto", "Where the throwaway Postgres runs: `auto`, `docker`, `local`, or the URL of a server."),
    key(
        "image",
        "",
        "Docker image of the throwaway Postgres: the version and extensions that production has. When it is not set: `postgres` of the version of a live database that is compared, else `postgres:16`.",
    ),
    key(
        "session",
        "single",
        "`single`: all files in one session, as `cat *.sql` has; `per-file`: a session a file, as `docker-entrypoint-initdb.d` has.",
    ),
    list("exclude", "", "Objects that are left out of the comparison, as `schema.name` patterns with `*`."),
    Key {
        file: false,
        ..key(
            "config",
            ".github/schemaproof.yml",
            "Path of the config file. It is read from the base, never from the pull request.",
        )
    },
    key("comment", "sticky", "`sticky` (one comment, kept up to date), `new` (one a run) or `off`."),
    key(
        "status-context",
        "schemaproof",
        "Name of the commit status and the check run; also tells several comments on one pull request apart.",
    ),
    Key {
        input: false,
        ..key(
            "labels",
            "",
            "Labels of the pull request by the worst level of its findings, for instance `{danger: schema-danger}`.",
        )
    },
    Key { input: false, ..key("reviewers", "", "Who is asked for a review when a rule finds something: see below.") },
    Key {
        input: false,
        ..key("overlaps", "false", "Whether open pull requests that change the same objects are named in each other's comment.")
    },
    Key { file: false, ..key("pr-number", "", "For `workflow_dispatch`: the pull request to run for.") },
    key("fail-on", "blocked", "When the step fails: `blocked`, `unproven` or `never`."),
    Key { file: false, ..key("working-directory", ".", "Directory that `paths` and `config` are relative to.") },
    key("database", "app", "Name of the database that the SQL files are run in."),
    key("role", "postgres", "Superuser that runs the SQL files."),
    Key { input: false, ..list("setup", "", "SQL that is run in every sandbox server first, for instance `create role app`.") },
    Key { input: false, ..key("statement-timeout", "60", "Longest run of one statement, in seconds.") },
    Key { input: false, ..key("timeout", "900", "Longest time for a whole run, in seconds.") },
    Key { input: false, ..key("memory", "1024", "Memory of a sandbox server, in megabytes.") },
    Key { input: false, ..key("disk", "1024", "Size of a sandbox server's data directory, in megabytes.") },
    Key {
        input: false,
        ..key(
            "policy",
            "",
            "What blocks (`block`), levels by rule (`rules`), also by object or path (`overrides`), and who may accept (`approve`).",
        )
    },
    Key {
        input: false,
        ..key("databases", "", "Several databases in one repository, each with `name`, `paths` and what else differs: see below.")
    },
    Key { input: false, ..key("parallel", "2", "How many of `databases` are planned at the same time; each takes two servers.") },
];

/// Outputs of the Action: name and description.
pub const OUTPUTS: &[(&str, &str)] = &[
    ("verdict", "`pass`, `blocked` or `error`."),
    ("proven", "`true` when the replayed plan ends in the target schema."),
    ("changes", "Number of objects that change."),
    ("findings", "Number of findings."),
    ("blocking", "Number of findings that block and are not accepted."),
    ("fingerprint", "Fingerprint of the plan: what an acceptance is bound to."),
    ("plan-sql", "Path of the plan as a SQL script."),
    ("report-json", "Path of the report as JSON."),
    ("report-html", "Path of the report as a self-contained HTML file."),
    ("report-sarif", "Path of the report as SARIF, for `github/codeql-action/upload-sarif`."),
    ("matrix", "Of the command `matrix`: the databases that change, as a job matrix; `{\"include\":[]}` when none does."),
    ("comment-url", "Address of the comment on the pull request."),
    ("issue-url", "Address of the issue on drift that a scheduled run keeps."),
];

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {origin}: {message}")]
    Syntax { origin: String, message: String },
    #[error("{origin} has an unknown key `{key}`{}", suggestion.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    UnknownKey { origin: String, key: String, suggestion: Option<String> },
    #[error("{origin}: the database `{name}` cannot be used: {why}")]
    BadDatabase { origin: String, name: String, why: &'static str },
    #[error("{origin} names the rule `{rule}`, and there is no such rule{}", suggestion.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    UnknownRule { origin: String, rule: String, suggestion: Option<String> },
    #[error(
        "{origin}: the pattern `{pattern}` in `policy.overrides` cannot be understood: {source}; use for instance `audit.*` or `legacy/**`"
    )]
    BadPattern { origin: String, pattern: String, source: globset::Error },
    #[error(
        "{origin}: `policy.overrides` has an entry with neither `objects` nor `paths`; what holds everywhere stands in `policy.rules`"
    )]
    NoPattern { origin: String },
    #[error("{origin}: the pattern `{pattern}` in `policy.naming` cannot be understood: {why}")]
    BadNaming { origin: String, pattern: String, why: String },
    #[error("{origin}: `{key}` is `{value}`, which is not one of {expected}")]
    BadValue { origin: String, key: String, value: String, expected: String },
}

impl Config {
    /// Puts the config file (YAML text, with its name for messages) and the inputs (by key, empty ones left out) together.
    ///
    /// # Errors
    /// When the file is not YAML, has a key that is not in [`KEYS`] (with the nearest one as a suggestion), or a value does not
    /// fit its key.
    pub fn from_file_and_inputs(file: Option<(&str, &str)>, inputs: &BTreeMap<String, String>) -> Result<Config, ConfigError> {
        let mut tree = match file {
            None => serde_yaml::Mapping::new(),
            Some((origin, text)) => parse_file(origin, text)?,
        };
        for key in KEYS.iter().filter(|key| key.input && key.file) {
            let Some(value) = inputs.get(key.name).map(|value| value.trim()).filter(|value| !value.is_empty()) else { continue };
            let value = if key.list {
                value.lines().map(str::trim).filter(|line| !line.is_empty()).map(serde_yaml::Value::from).collect::<Vec<_>>().into()
            } else {
                match value {
                    "true" | "false" if matches!(key.default, "true" | "false") => serde_yaml::Value::from(value == "true"),
                    _ => serde_yaml::Value::from(value),
                }
            };
            tree.insert(key.name.into(), value);
        }
        let origin = file.map_or("the inputs", |(origin, _)| origin);
        let config: Config = serde_yaml::from_value(serde_yaml::Value::Mapping(tree))
            .map_err(|error| ConfigError::Syntax { origin: origin.into(), message: error.to_string() })?;
        config.policy.check(origin)?;
        config.reviewers.iter().try_for_each(|entry| entry.check(origin))?;
        config.check_databases(origin)?;
        Ok(config)
    }

    /// The settings of one of `databases`.
    pub fn of(&self, entry: &DatabaseEntry) -> Config {
        let mut config = Config { paths: entry.paths.clone(), databases: Vec::new(), ..self.clone() };
        let DatabaseEntry { database_url, environments, engine, image, session, exclude, setup, policy, .. } = entry.clone();
        config.database_url = database_url.or(config.database_url);
        config.environments = environments.unwrap_or_default();
        config.engine = engine.unwrap_or(config.engine);
        config.image = image.or(config.image);
        config.session = session.unwrap_or(config.session);
        config.exclude = exclude.unwrap_or(config.exclude);
        config.setup = setup.unwrap_or(config.setup);
        config.policy = policy.unwrap_or(config.policy);
        config
    }

    fn check_databases(&self, origin: &str) -> Result<(), ConfigError> {
        let bad = |name: &str, why: &'static str| ConfigError::BadDatabase { origin: origin.into(), name: name.into(), why };
        let mut names = std::collections::BTreeSet::new();
        for entry in &self.databases {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            let name = entry.name.as_str();
            if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(plain) {
                return Err(bad(name, "its name must be of letters, digits, `.`, `_` and `-`, and not begin with a dot"));
            }
            // Names are directories too, and some file systems know no capitals.
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(bad(name, "another has the same name"));
            }
            if entry.paths.is_empty() {
                return Err(bad(name, "it has no `paths`"));
            }
            if let Some(policy) = &entry.policy {
                policy.check(origin)?;
            }
        }
        Ok(())
    }
}

fn parse_file(origin: &str, text: &str) -> Result<serde_yaml::Mapping, ConfigError> {
    let syntax = |message: String| ConfigError::Syntax { origin: origin.into(), message };
    let tree = match serde_yaml::from_str(text).map_err(|error| syntax(error.to_string()))? {
        serde_yaml::Value::Null => serde_yaml::Mapping::new(),
        serde_yaml::Value::Mapping(tree) => tree,
        _ => return Err(syntax("the file must hold `key: value` lines".into())),
    };
    for name in tree.keys() {
        let name = name.as_str().unwrap_or_default();
        if !KEYS.iter().any(|key| key.file && key.name == name) {
            let names = KEYS.iter().filter(|key| key.file).map(|key| key.name);
            return Err(ConfigError::UnknownKey { origin: origin.into(), key: name.into(), suggestion: nearest(name, names) });
        }
    }
    Ok(tree)
}

/// The name that a mistyped one most likely meant.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        Config::from_file_and_inputs(Some(("schemaproof.yml", text)), &BTreeMap::new())
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(read("").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_an_error_with_a_suggestion() {
        let error = read("imgae: postgres:17").unwrap_err().to_string();
        assert_eq!(error, "schemaproof.yml has an unknown key `imgae`; did you mean `image`?");
        assert!(read("policy: {blok: danger}").unwrap_err().to_string().contains("blok"));
    }

    #[test]
    fn the_input_wins_over_the_file() {
        let inputs =
            BTreeMap::from([("image".to_string(), "postgres:18".to_string()), ("paths".to_string(), "a\n b \n\n".to_string())]);
        let config = Config::from_file_and_inputs(Some(("f", "image: postgres:15\nsession: per-file")), &inputs).unwrap();
        assert_eq!((config.image.as_deref(), config.session), (Some("postgres:18"), Session::PerFile));
        assert_eq!(config.paths, ["a", "b"]);
    }

    #[test]
    fn databases_have_what_differs_and_share_the_rest() {
        let config = read(
            "image: postgres:15\nmemory: 512\ndatabases:\n- {name: a, paths: [a]}\n- {name: b, paths: [b], image: postgres:18}",
        )
        .unwrap();
        let of: Vec<Config> = config.databases.iter().map(|entry| config.of(entry)).collect();
        assert_eq!(
            of.iter().map(|config| (config.image.as_deref().unwrap_or_default(), config.memory)).collect::<Vec<_>>(),
            [("postgres:15", 512), ("postgres:18", 512)]
        );
        assert_eq!(of[1].paths, ["b"]);
        for bad in [
            "{name: ../a, paths: [a]}",
            "{name: a}",
            "{paths: [a]}",
            "{name: a, paths: [a], imgae: x}",
            "{name: a, paths: [a]}\n- {name: A, paths: [b]}",
        ] {
            assert!(read(&format!("databases:\n- {bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_switch_is_true_or_false_in_the_file_and_as_an_input() {
        assert!(read("online: true").unwrap().online);
        assert!(read("create-roles: true").unwrap().create_roles);
        let online = |text: &str| {
            Config::from_file_and_inputs(Some(("f", "online: true")), &BTreeMap::from([("online".into(), text.into())]))
        };
        assert!(!online("false").unwrap().online && online("").unwrap().online);
        assert!(online("perhaps").unwrap_err().to_string().contains("boolean"));
    }

    #[test]
    fn rules_take_a_level_or_off() {
        let config = read("policy: {block: warning, rules: {drop-index: off, add-column-not-null: danger}}").unwrap();
        assert_eq!(config.policy.block, Level::Warning);
        assert_eq!(config.policy.rules["drop-index"], RuleSetting::Off);
        assert_eq!(config.policy.rules["add-column-not-null"], RuleSetting::Level(Level::Danger));
    }

    #[test]
    fn every_default_in_the_list_is_the_default_in_the_type() {
        let inputs =
            KEYS.iter().filter(|key| key.input && key.file).map(|key| (key.name.to_string(), key.default.to_string())).collect();
        assert_eq!(Config::from_file_and_inputs(None, &inputs).unwrap(), Config::default());
    }
}
