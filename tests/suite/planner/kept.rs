//! Whether rows are kept: all of a table that is on both sides, in the columns that mean the same on both.

use std::collections::BTreeMap;

use anyhow::Result;
use schemaproof::catalog::{Catalog, Kind, Object};
use tokio_postgres::Client;

/// What to look at before and after, for one table of the base that has rows of its own.
pub struct Look {
    name: String,
    before: String,
    after: String,
}

/// The rows of a look, and how often each is there.
pub type Rows = BTreeMap<String, usize>;

/// What is to be the same: rows of partitions that go may go with them.
pub fn looks(base: &Catalog, target: &Catalog) -> Vec<Look> {
    let tables = base.objects.values().filter(|object| object.id.kind == Kind::Table && object.text("partition_key").is_none());
    tables.filter_map(|before| look(base, target, before, target.objects.get(&before.id)?)).collect()
}

fn look(base: &Catalog, target: &Catalog, before: &Object, after: &Object) -> Option<Look> {
    let mut columns = Vec::new();
    for column in target.objects.values().filter(|part| part.parent.as_ref() == Some(&after.id) && part.id.kind == Kind::Column) {
        let same = base.objects.get(&column.id).is_some_and(|old| {
            old.text("type") == column.text("type") && old.text("generated").is_none() && column.text("generated").is_none()
        });
        // What a made-up type says may change with the type.
        let plain = column.needs.iter().all(|need| !matches!(need.kind, Kind::Type | Kind::Domain));
        if same && plain {
            columns.push(format!("{}::text", quoted(column.id.name())));
        }
    }
    let name = |object: &Object| object.id.path.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".");
    let from = after.text("partition_of").map_or_else(|| name(after), str::to_owned);
    let columns = columns.join(", ");
    (!columns.is_empty()).then(|| Look {
        name: before.id.to_string(),
        before: format!("select array[{columns}]::text from only {}", name(before)),
        after: format!("select array[{columns}]::text from {from}"),
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The rows there are before.
pub async fn before(client: &Client, looks: &[Look]) -> Result<Vec<Rows>> {
    let mut all = Vec::new();
    for look in looks {
        all.push(rows(client, &look.before).await?);
    }
    Ok(all)
}

/// Rows of before that are gone, one line each.
pub async fn lost(client: &Client, looks: &[Look], before: &[Rows]) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    for (look, before) in looks.iter().zip(before) {
        let after = rows(client, &look.after).await?;
        let gone = before.iter().filter(|(row, count)| after.get(*row).is_none_or(|left| left < count));
        lost.extend(
            gone.map(|(row, count)| format!("{}: {row}, {count} before, {} after", look.name, after.get(row).unwrap_or(&0))),
        );
    }
    Ok(lost)
}

async fn rows(client: &Client, query: &str) -> Result<Rows> {
    let mut rows = Rows::new();
    for row in client.query(query, &[]).await? {
        *rows.entry(row.get(0)).or_default() += 1;
    }
    Ok(rows)
}
