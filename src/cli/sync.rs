//! `schemaproof sync`: the database of this project made as its SQL files say, with nothing to be typed but yes or no.
//!
//! What is to be changed is found in `.env` and the environment; what is wanted, in the configuration's `paths`. All else is
//! [`super::apply`]'s.

use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{CommonOptions, Environment, Exit, apply, generate};
use crate::{
    config::{Config, DatabaseEntry},
    pipeline::{Input, Schema},
    report::{safe, words},
    source::{self, Selection, shown_url},
};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  schemaproof sync
  schemaproof sync db/schema --dry-run
  DATABASE_URL=postgres://postgres@localhost/app schemaproof sync --yes --out target-schema.sql
  schemaproof sync --only billing

The database is DATABASE_URL; else P8FS_PG_HOST, P8FS_PG_PORT, P8FS_PG_DATABASE, P8FS_PG_USER and P8FS_PG_PASSWORD; else
postgres://postgres:postgres@localhost:5438/app?sslmode=disable. Variables of the environment win over those of `.env`.

Exit codes: 0 the database is as the files say (with --dry-run: the plan passes); 1 it is not; 2 wrong use; 3 the verdict blocks.")]
pub struct SyncArguments {
    /// Directory of .sql files, or one file [default: `paths` of the config file, else extensions/sql]
    source: Option<PathBuf>,
    /// Which of the configuration's `databases`; its address is DATABASE_URL_NAME
    #[arg(long, value_name = "NAME", conflicts_with = "source")]
    only: Option<String>,
    /// Write the consolidated schema file, too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    options: apply::ApplyOptions,
    #[command(flatten)]
    common: CommonOptions,
}

/// The database that `docker-compose` of P8FS starts.
const DEFAULT: &str = "postgres://postgres:postgres@localhost:5438/app?sslmode=disable";

pub async fn sync(arguments: SyncArguments, environment: &Environment, cancel: &CancellationToken) -> anyhow::Result<Exit> {
    let config = arguments.common.config()?;
    let environment = environment.with_dotenv(Path::new(".env"))?;
    let (config, (url, origin)) = match entry(&arguments, &config)? {
        Some(entry) => (config.of(entry), address(&entry.name, &environment)?),
        None => (config, database(&environment)?),
    };
    let target = target(&arguments, &config)?;
    let desk = apply::Desk::new(&arguments.options, &environment, cancel);
    let files = target.files().files.len();
    let (files, name) = (words::counted(files, "file"), safe::line(&target.name));
    desk.show(&format!("schema    {files} of {name}\ndatabase  {} ({origin})\n\n", safe::line(&shown_url(&url))))?;
    if let (Some(path), Schema::Files(files)) = (&arguments.out, &target.schema) {
        std::fs::write(path, generate::consolidated(files)?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    desk.planned(config, target, &url).await
}

/// Which of several databases it is.
fn entry<'a>(arguments: &SyncArguments, config: &'a Config) -> anyhow::Result<Option<&'a DatabaseEntry>> {
    let names = || config.databases.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", ");
    match (&arguments.only, config.databases.as_slice()) {
        (Some(name), entries) => match entries.iter().find(|entry| entry.name == *name) {
            Some(entry) => Ok(Some(entry)),
            None if entries.is_empty() => {
                anyhow::bail!("`--only {name}` is for a configuration with `databases`, and this has none")
            }
            None => anyhow::bail!("`{name}` is none of the configuration's databases: {}", names()),
        },
        (None, [_, ..]) if arguments.source.is_none() => {
            anyhow::bail!(
                "the configuration has the databases {}: say which, for instance `--only {}`",
                names(),
                config.databases[0].name
            )
        }
        (None, _) => Ok(None),
    }
}

/// The address of one of several: a variable of its own alone, since the files of one are not another's.
fn address(name: &str, environment: &Environment) -> anyhow::Result<(SecretString, String)> {
    let upper = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    let variable = format!("DATABASE_URL_{}", upper.collect::<String>());
    let url = environment
        .get(&variable)
        .with_context(|| format!("set {variable}, in `.env` or the environment, to the address of `{name}`"))?;
    Ok((SecretString::from(url), variable))
}

/// What is wanted: the files of the argument, or of the configuration.
fn target(arguments: &SyncArguments, config: &Config) -> anyhow::Result<Input> {
    let (name, files) = match &arguments.source {
        Some(path) => (path.display().to_string(), source::directory::read(path)?),
        None => {
            let selection = Selection::new(&config.paths, "")?;
            let (files, missing) = source::directory::read_selected(Path::new("."), &selection)?;
            if let Some(first) = missing.first() {
                // Emptying the database would be the answer to a mistyped name.
                anyhow::bail!("`{first}` of `paths` names nothing here; run it where the SQL files are, or name their directory");
            }
            (config.paths.join(", "), files)
        }
    };
    if files.files.is_empty() {
        anyhow::bail!("there are no SQL files in {name}; `sync` does not empty a database for want of files");
    }
    Ok(Input { name, commit: None, schema: Schema::Files(files) })
}

/// The address of the database, and where it comes from.
fn database(environment: &Environment) -> anyhow::Result<(SecretString, String)> {
    if let Some(url) = environment.get("DATABASE_URL") {
        return Ok((SecretString::from(url), "DATABASE_URL".into()));
    }
    let part = |name: &str| environment.get(&format!("P8FS_PG_{name}"));
    let names = ["HOST", "PORT", "DATABASE", "USER", "PASSWORD"];
    let set: Vec<String> = names.iter().filter(|name| part(name).is_some()).map(|name| format!("P8FS_PG_{name}")).collect();
    if set.is_empty() {
        return Ok((SecretString::from(DEFAULT), "the default".into()));
    }
    let mut url = url::Url::parse(DEFAULT).context("the default address is an address")?;
    let wrong = |name: &str| format!("P8FS_PG_{name} cannot be part of a database's address; give DATABASE_URL");
    if let Some(host) = part("HOST") {
        // A host elsewhere may ask for TLS.
        url.set_query(None);
        if host.starts_with('/') {
            url.query_pairs_mut().append_pair("host", host);
        } else {
            let bracketed = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_string() };
            url.set_host(Some(&bracketed)).with_context(|| wrong("HOST"))?;
        }
    }
    if let Some(port) = part("PORT") {
        let port = port.parse().with_context(|| wrong("PORT"))?;
        url.set_port(Some(port)).map_err(|()| anyhow::anyhow!(wrong("PORT")))?;
    }
    if let Some(user) = part("USER") {
        url.set_username(&escaped(user)).map_err(|()| anyhow::anyhow!(wrong("USER")))?;
    }
    if let Some(password) = part("PASSWORD") {
        url.set_password(Some(&escaped(password))).map_err(|()| anyhow::anyhow!(wrong("PASSWORD")))?;
    }
    if let Some(database) = part("DATABASE") {
        url.path_segments_mut().map_err(|()| anyhow::anyhow!(wrong("DATABASE")))?.clear().push(database);
    }
    Ok((SecretString::from(url.to_string()), set.join(", ")))
}

/// A percent sign is one, and begins no escape; all else `url` escapes.
fn escaped(text: &str) -> String {
    text.replace('%', "%25")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Address;
    use secrecy::ExposeSecret;

    fn found<const N: usize>(variables: [(&str, &str); N]) -> (String, String) {
        let (url, origin) = database(&Environment::from(variables)).unwrap();
        Address::from_url(&url).unwrap();
        (url.expose_secret().to_string(), origin)
    }

    #[test]
    fn the_database_is_found_in_the_order_that_help_says() {
        assert_eq!(found([]), (DEFAULT.into(), "the default".into()));
        let (url, origin) = found([("DATABASE_URL", "postgres://a@h/d"), ("P8FS_PG_HOST", "elsewhere")]);
        assert_eq!((url.as_str(), origin.as_str()), ("postgres://a@h/d", "DATABASE_URL"));
        let (url, origin) = found([("P8FS_PG_HOST", "db.internal"), ("P8FS_PG_PASSWORD", "p@ss/w:rd?#%")]);
        assert_eq!(origin, "P8FS_PG_HOST, P8FS_PG_PASSWORD");
        assert!(
            url.starts_with("postgres://postgres:p%40ss%2Fw%3Ard%3F%23%25@") && url.ends_with("@db.internal:5438/app"),
            "{url}"
        );
        let (url, _) = found([("P8FS_PG_PORT", "5432"), ("P8FS_PG_DATABASE", "my app/é"), ("P8FS_PG_USER", "ann:b")]);
        assert_eq!(url, "postgres://ann%3Ab:postgres@localhost:5432/my%20app%2F%C3%A9?sslmode=disable");
        assert_eq!(found([("P8FS_PG_HOST", "::1")]).0, "postgres://postgres:postgres@[::1]:5438/app");
        let wrong = database(&Environment::from([("P8FS_PG_PORT", "many")])).unwrap_err();
        assert!(wrong.to_string().contains("P8FS_PG_PORT"));
    }

    #[test]
    fn each_of_several_databases_has_an_address_of_its_own() {
        let environment = Environment::from([("DATABASE_URL", "postgres://a/x"), ("DATABASE_URL_BILLING_EU", "postgres://b/y")]);
        let (url, origin) = address("billing-eu", &environment).unwrap();
        assert_eq!((url.expose_secret(), origin.as_str()), ("postgres://b/y", "DATABASE_URL_BILLING_EU"));
        assert!(address("other", &environment).unwrap_err().to_string().contains("DATABASE_URL_OTHER"));
    }

    #[test]
    fn a_password_comes_back_as_it_was_written() {
        for password in ["p@ss/w:rd?#%", "100%25", "ü ß", "a+b&c=d", "'\"\\"] {
            let (url, _) = database(&Environment::from([("P8FS_PG_PASSWORD", password)])).unwrap();
            let config: tokio_postgres::Config = url.expose_secret().parse().unwrap();
            assert_eq!(config.get_password(), Some(password.as_bytes()));
        }
    }
}
