//! Reading a live database: read-only, one snapshot, with time limits, never a write.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use secrecy::SecretString;

use super::{
    PipelineError,
    roles::{self, Role},
};
use crate::{
    catalog::{
        Catalog,
        read::{self, ReadOptions},
    },
    risk::probe::{Answer, Live, Question, Size, Unanswered},
    sandbox::{Address, Connection},
    source::shown_url,
};

/// Start options of every session on a live database: nothing is written, and nobody waits for us.
const OPTIONS: &str =
    "-c default_transaction_read_only=on -c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s";

/// Longest time for all that is done with one connection.
const SESSION: Duration = Duration::from_secs(120);

/// The catalog of a live database.
///
/// # Errors
/// When it cannot be reached or read; the message names the database without its password.
pub(super) async fn read(url: &SecretString, options: &ReadOptions) -> Result<Catalog, PipelineError> {
    with_session(url, async |connection| Ok(read::read(connection, options).await?)).await
}

/// The catalogs of two live databases, read at once for a plan between them ([`read::read_two`]), and the base's session, which [`ask`] can go on
/// with.
///
/// # Errors
/// As [`read`].
pub(super) async fn read_two(
    base: &SecretString,
    target: &SecretString,
    options: &ReadOptions,
) -> Result<(Catalog, Catalog, Option<Connection>), PipelineError> {
    let reading = async {
        let (one, two) = tokio::try_join!(open(base), open(target))?;
        let (one, two) = (Arc::new(one), Arc::new(two));
        let (base, target) = read::read_two(Arc::clone(&one), two, options).await?;
        Ok((base, target, Arc::into_inner(one)))
    };
    let late = || PipelineError::LiveTimeout { database: format!("{} and {}", shown_url(base), shown_url(target)), limit: SESSION };
    tokio::time::timeout(SESSION, reading).await.unwrap_or_else(|_| Err(late()))
}

/// The names of the roles of a live database's server.
///
/// # Errors
/// As [`read`].
pub(super) async fn roles(url: &SecretString) -> Result<Vec<String>, PipelineError> {
    with_session(url, async |connection| roles::read(connection).await).await
}

/// The roles that a live database names and that are not among these.
///
/// # Errors
/// As [`roles`].
pub(super) async fn roles_besides(url: &SecretString, there: &[String]) -> Result<Vec<Role>, PipelineError> {
    with_session(url, async |connection| roles::besides(connection, there).await).await
}

/// The major version of a live database's server.
///
/// # Errors
/// As [`read`].
pub(super) async fn major(url: &SecretString) -> Result<i32, PipelineError> {
    with_session(url, async |connection| {
        let failed = |source| PipelineError::Live { database: shown_url(url), source };
        let sql = "SELECT pg_catalog.current_setting('server_version_num')::int4 / 10000";
        connection.query_one(sql, &[]).await.and_then(|row| row.try_get(0)).map_err(failed)
    })
    .await
}

/// The names of the databases of a live database's server that take connections, but templates.
///
/// # Errors
/// As [`read`].
pub(super) async fn databases(url: &SecretString) -> Result<Vec<String>, PipelineError> {
    with_session(url, async |connection| {
        let sql = "SELECT datname::text FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1";
        let failed = |source| PipelineError::Live { database: shown_url(url), source };
        let rows = connection.query(sql, &[]).await.map_err(failed)?;
        rows.iter().map(|row| row.try_get(0).map_err(failed)).collect()
    })
    .await
}

/// Longest time for one question, and for all of them.
const QUESTION: Duration = Duration::from_secs(10);
const QUESTIONS: Duration = Duration::from_secs(60);

/// What a question's transaction begins with. Names are resolved in `pg_catalog` alone, so that no operator of the database's own is
/// run; row security must not hide rows from a count, and refuses instead; nobody's cores are taken.
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL row_security = off; SET LOCAL standard_conforming_strings = on;
    SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off; SET LOCAL lock_timeout = '2s'";

/// Sizes of the relations with these quoted names; `{bytes}` is the size of one of `all_of_it`. `reltuples` is -1, and before 14 perhaps 0, where nobody counted yet.
const SIZES: &str = "
    SELECT format('%I.%I', n.nspname, c.relname),
           (SELECT coalesce(sum({bytes}), 0)::int8 FROM (SELECT c.oid WHERE c.relkind <> 'p' UNION ALL
              SELECT relid FROM pg_partition_tree(c.oid) WHERE c.relkind = 'p') AS all_of_it(oid)),
           CASE WHEN c.relkind = 'p' THEN (SELECT sum(l.reltuples) FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid
                                           WHERE t.isleaf AND l.reltuples > 0)
             WHEN c.reltuples < 0 OR (c.reltuples = 0 AND c.relpages > 0) THEN NULL
             ELSE c.reltuples END::float8
    FROM unnest($1::text[]) AS asked(name), parse_ident(asked.name) AS part
      JOIN pg_namespace n ON n.nspname = part[1] JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = part[2]
    WHERE c.relkind IN ('r', 'm', 'p')";
/// On disk: opens the relation, so it waits for whoever has locked it.
const MEASURED: &str = "pg_total_relation_size(all_of_it.oid)";
/// As the last VACUUM or ANALYZE left it, with TOAST and indexes: waits for nobody.
const ESTIMATED: &str = "(SELECT sum(f.relpages)::numeric FROM pg_class f
              WHERE f.oid IN (SELECT all_of_it.oid UNION ALL SELECT o.reltoastrelid FROM pg_class o WHERE o.oid = all_of_it.oid
                              UNION ALL SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = all_of_it.oid))
              * current_setting('block_size')::int8";

/// Sizes of relations, by quoted name, and answers to questions, in one snapshot. A question that fails or takes too long is answered
/// with that; each gives back its locks before the next.
///
/// # Errors
/// When the database cannot be reached, or refuses to say how large its relations are.
pub(super) async fn ask(
    url: &SecretString,
    session: Option<Connection>,
    relations: &[String],
    questions: &[Question],
) -> Result<Live, PipelineError> {
    within(url, session, async |connection| {
        let failed = |source| PipelineError::Live { database: shown_url(url), source };
        connection.batch_execute(BEGIN).await.map_err(failed)?;
        let relations = sizes(connection, relations).await.map_err(failed)?;
        let begun = Instant::now();
        let answered = futures_util::stream::iter(questions).map(async |question| {
            let left = QUESTIONS.saturating_sub(begun.elapsed());
            let rows =
                if left.is_zero() { Err(Unanswered::NotAsked) } else { count(connection, &question.sql, QUESTION.min(left)).await };
            Answer { object: question.object.clone(), counted: question.counted, rows }
        });
        // The next is on its way while one is answered.
        let answers = answered.buffered(2).collect().await;
        connection.batch_execute("ROLLBACK").await.map_err(failed)?;
        Ok(Live { database: shown_url(url), relations, answers })
    })
    .await
}

/// Measured, or as they are estimated where a table is locked.
async fn sizes(connection: &Connection, relations: &[String]) -> Result<BTreeMap<String, Size>, tokio_postgres::Error> {
    connection.batch_execute("SAVEPOINT sizes; SET LOCAL statement_timeout = '20s'").await?;
    let measured = connection.query(&SIZES.replace("{bytes}", MEASURED), &[&relations]).await;
    connection.batch_execute("ROLLBACK TO SAVEPOINT sizes").await?;
    let rows = match measured {
        Ok(rows) => rows,
        Err(error) => {
            tracing::info!("sizes are estimates: {}", crate::sandbox::error_text(&error));
            connection.query(&SIZES.replace("{bytes}", ESTIMATED), &[&relations]).await?
        }
    };
    let size = |row: &tokio_postgres::Row| {
        let (bytes, rows): (Option<i64>, Option<f64>) = (row.try_get(1)?, row.try_get(2)?);
        Ok((row.try_get(0)?, Size { bytes: bytes.unwrap_or_default().unsigned_abs(), rows: rows.map(|rows| rows.max(0.0) as u64) }))
    };
    rows.iter().map(size).collect()
}

/// One question, within a savepoint that is given up in any case: sent at once, answered in one round trip.
async fn count(connection: &Connection, sql: &str, limit: Duration) -> Result<u64, Unanswered> {
    let refused = |error: tokio_postgres::Error| match error.code() {
        Some(&tokio_postgres::error::SqlState::QUERY_CANCELED) => Unanswered::TimedOut { seconds: limit.as_secs().max(1) },
        Some(code) => Unanswered::Refused { sqlstate: code.code().into() },
        None => Unanswered::NotAsked,
    };
    let begin = format!("SAVEPOINT question; SET LOCAL statement_timeout = {}", limit.as_millis().max(1));
    // Requests of one connection are carried out in the order in which they are first polled.
    let (begun, rows, ended) = tokio::join!(
        biased;
        connection.batch_execute(&begin),
        connection.query_typed(sql, &[]),
        connection.batch_execute("ROLLBACK TO SAVEPOINT question")
    );
    begun.map_err(refused)?;
    let rows = rows.map_err(refused);
    ended.map_err(refused)?;
    let counted = rows?.first().map(|row| row.try_get::<_, i64>(0)).transpose().map_err(refused)?;
    counted.map(i64::unsigned_abs).ok_or(Unanswered::NotAsked)
}

async fn with_session<T>(
    url: &SecretString,
    work: impl AsyncFnOnce(&Connection) -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    Box::pin(within(url, None, work)).await
}

/// Does the work with this session, or with one of its own, and ends it.
async fn within<T>(
    url: &SecretString,
    session: Option<Connection>,
    work: impl AsyncFnOnce(&Connection) -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    let reading = async {
        let connection = match session {
            Some(session) => session,
            None => open(url).await?,
        };
        let outcome = work(&connection).await;
        connection.close().await;
        outcome
    };
    let late = || PipelineError::LiveTimeout { database: shown_url(url), limit: SESSION };
    tokio::time::timeout(SESSION, reading).await.unwrap_or_else(|_| Err(late()))
}

async fn open(url: &SecretString) -> Result<Connection, PipelineError> {
    let address = Address::from_url(url)?;
    let failed = |source| PipelineError::Live { database: shown_url(url), source };
    address.connect(address.database(), OPTIONS).await.map_err(failed)
}
