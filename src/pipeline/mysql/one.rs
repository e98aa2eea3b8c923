//! One schema of the family read, without a second one to compare it with.

use std::collections::BTreeSet;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{flavor_of, reading_live, requested};
use crate::{
    catalog::{Catalog, Object, ObjectId, Value},
    config::{Config, Dialect},
    load::{Options, Strictness},
    mysql::{
        catalog as reading,
        live::{self, Databases, LIMIT},
        load, quoted,
    },
    pipeline::{Input, PipelineError},
    sandbox::{
        SandboxError,
        mysql::{Flavor, MySqlAddress, with_mysql_servers},
    },
    source::shown_url,
};

/// A schema as it was read.
pub(in crate::pipeline) struct One {
    pub catalog: Catalog,
    /// What was said while it was loaded, a sentence each.
    pub remarks: Vec<String>,
}

/// A live database that others are called as.
pub(in crate::pipeline) struct Canonical {
    pub name: String,
    pub url: SecretString,
}

/// The database that an address names.
pub(in crate::pipeline) fn named(url: &SecretString) -> Result<Option<String>, PipelineError> {
    Ok(MySqlAddress::from_url(url)?.database().map(String::from))
}

/// The databases of a live server, but its own.
pub(in crate::pipeline) async fn databases(url: &SecretString) -> Result<Vec<String>, PipelineError> {
    let listed = async {
        let session = MySqlAddress::from_url(url)?.connect(LIMIT).await?;
        Ok(reading::databases(&session).await?)
    };
    reading_live(url, listed.await)
}

/// Reads a live server, all of it or the database that its address names; or loads files and reads what they made. With `canonical` the
/// database of a live address is called as that one, and files begin in it, so that databases of other names can be compared.
pub(in crate::pipeline) async fn read(
    config: &Config,
    dialect: Dialect,
    input: &Input,
    canonical: Option<&Canonical>,
    cancel: &CancellationToken,
) -> Result<One, PipelineError> {
    if let Some(url) = input.live() {
        let named = named(url)?;
        let databases: Databases = named.clone().map(|name| BTreeSet::from([name]));
        let read = async {
            let flavor = flavor_of(url).await?;
            let read = live::read(url, flavor, &config.exclude, &databases).await;
            reading_live(url, read)
        };
        let (snapshot, _) = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(SandboxError::Cancelled.into()),
            read = read => read?,
        };
        let mut catalog = snapshot.catalog;
        if let Some(name) = &named
            && !catalog.objects.keys().any(|id| id.kind == crate::catalog::Kind::Database && id.name() == name)
        {
            return Err(PipelineError::NoDatabase { database: shown_url(url), name: name.clone() });
        }
        if let (Some(from), Some(to)) = (named, canonical) {
            catalog = renamed(catalog, &from, &to.name);
        }
        return Ok(One { catalog, remarks: Vec::new() });
    }
    let flavor = Flavor::of_dialect(dialect).unwrap_or(Flavor::MySql);
    let mut request = requested(config, flavor);
    if let Some(Canonical { name, url }) = canonical {
        request.database.clone_from(name);
        request.collations = reading_live(url, live::collations(url).await)?;
    }
    with_mysql_servers(&request, flavor, cancel, async |servers| {
        let server = &servers.base;
        load::empty(server).await?;
        load::set_up(server).await?;
        let loaded = load::load(server, input.files(), Options { session: config.session, strictness: Strictness::Strict }).await?;
        if canonical.is_none() {
            load::drop_if_empty(server).await?;
        }
        let session = server.connect().await?;
        let failed = |source| SandboxError::MySql { attempted: format!("read the schema back from {}", server.origin), source };
        let mut snapshot = reading::read(&session, flavor, &config.exclude, &loaded.replicas).await.map_err(failed)?;
        snapshot.catalog.not_covered.extend(loaded.not_covered);
        Ok(One { catalog: snapshot.catalog, remarks: loaded.remarks })
    })
    .await
}

/// The catalog as it is printed where one of its databases has another name.
pub(super) fn renamed(catalog: Catalog, from: &str, to: &str) -> Catalog {
    if from == to {
        return catalog;
    }
    let id = |id: &ObjectId| {
        let path = id.path.iter().enumerate().map(|(at, name)| if at == 0 && name == from { to.to_string() } else { name.clone() });
        ObjectId::new(id.kind, path.collect::<Vec<_>>())
    };
    let (before, after) = (format!("{}.", quoted(from)), format!("{}.", quoted(to)));
    let text = |text: &str| text.replace(&before, &after);
    let value = |value: &Value| match value {
        Value::Text(old) => Value::Text(text(old)),
        Value::List(old) => Value::List(old.iter().map(|one| text(one)).collect()),
        other => other.clone(),
    };
    let object = |object: &Object| {
        let mut changed = Object::new(id(&object.id));
        changed.parent = object.parent.as_ref().map(id);
        changed.needs = object.needs.iter().map(id).collect();
        changed.attributes.extend(object.attributes.iter().map(|(name, old)| (name, value(old))));
        changed.details.extend(object.details.iter().map(|(name, old)| (name, value(old))));
        (changed.id.clone(), changed)
    };
    let objects = catalog.objects.values().map(object).collect();
    Catalog { objects, ..catalog }
}
