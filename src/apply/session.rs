//! The session that a plan runs in: its settings, the lock that keeps two runs apart, and what became of a lost commit.

use std::{ops::Deref, time::Duration};

use tokio::time::Instant;

use super::{ApplyError, Limits};
use crate::sandbox::{Address, Connection};

/// Key of the advisory lock: the bytes of `SCHA`, and 0. Advisory locks are a database's own, so one key serves all databases.
const LOCK: (i32, i32) = (0x5343_4841, 0);

/// How long connecting and small questions may take.
const ANSWER: Duration = Duration::from_secs(20);

pub(super) struct Session {
    connection: Connection,
    database: String,
}

impl Deref for Session {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Session {
    /// Connects, and sets what the plan runs under.
    pub async fn open(address: &Address, database: String, limits: &Limits) -> Result<Session, ApplyError> {
        let opening = async {
            let connect = |source| ApplyError::Connect { database: database.clone(), source };
            let connection = address.connect(address.database(), "").await.map_err(connect)?;
            let ask = |source| ApplyError::Ask { database: database.clone(), source };
            connection.batch_execute(&settings(limits)).await.map_err(ask)?;
            // So that a server soon notices that we are gone, and gives up what we hold (PostgreSQL 14 and newer).
            let _ = connection.batch_execute("SET client_connection_check_interval = '2s'").await;
            let row = connection.query_one("SELECT pg_is_in_recovery()", &[]).await.map_err(ask)?;
            match row.try_get(0).map_err(ask)? {
                true => Err(ApplyError::Standby { database: database.clone() }),
                false => Ok(connection),
            }
        };
        match tokio::time::timeout(ANSWER, opening).await {
            Ok(connection) => Ok(Session { connection: connection?, database }),
            Err(_) => Err(ApplyError::NoAnswer { database, limit: ANSWER }),
        }
    }

    /// `postgres://host/app`.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Takes the database for this session, within `patience`: a run that was killed may hold it until the server has noticed.
    pub async fn lock(&self, patience: Duration) -> Result<(), ApplyError> {
        let ask = |source| ApplyError::Ask { database: self.database.clone(), source };
        let until = Instant::now() + patience;
        loop {
            let row = self.query_one("SELECT pg_try_advisory_lock($1, $2)", &[&LOCK.0, &LOCK.1]).await.map_err(ask)?;
            if row.try_get(0).map_err(ask)? {
                return match self.holds_lock().await.map_err(ask)? {
                    true => Ok(()),
                    false => Err(ApplyError::Pooled { database: self.database.clone() }),
                };
            }
            if Instant::now() >= until {
                let holder = self.holder().await.map_err(ask)?;
                // Without a holder it has just been given up.
                if let Some((pid, holder)) = holder {
                    return Err(ApplyError::Locked { database: self.database.clone(), holder, pid });
                }
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Whether the lock is this very session's: behind a pooler the next statement may be another session's.
    pub async fn holds_lock(&self) -> Result<bool, tokio_postgres::Error> {
        let sql = format!("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND {})", lock_condition());
        self.query_one(&sql, &[]).await?.try_get(0)
    }

    async fn holder(&self) -> Result<Option<(i32, String)>, tokio_postgres::Error> {
        let sql = format!(
            "SELECT pid, concat_ws(', ', 'process ' || pid, 'application `' || nullif(application_name, '') || '`',
                    'role `' || usename || '`', coalesce('from ' || host(client_addr), 'from the server''s own machine'),
                    'since ' || to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'))
             FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE {}",
            lock_condition()
        );
        match self.query_opt(&sql, &[]).await? {
            Some(row) => Ok(Some((row.try_get(0)?, row.try_get(1)?))),
            None => Ok(None),
        }
    }

    /// A new session, and whether the transaction `xid` was committed; absent when that cannot be found out in time.
    pub async fn resolve(address: &Address, database: &str, xid: &str, limits: &Limits) -> Option<(Session, bool)> {
        let until = Instant::now() + limits.patience.max(ANSWER);
        while Instant::now() < until {
            if let Ok(session) = Session::open(address, database.to_string(), limits).await
                && let Ok(row) = session.query_one("SELECT pg_xact_status($1::text::xid8)", &[&xid]).await
            {
                match row.try_get::<_, Option<String>>(0).ok().flatten().as_deref() {
                    Some("committed") => return Some((session, true)),
                    Some("aborted") => return Some((session, false)),
                    // Still being decided.
                    Some(_) => {}
                    // Too long ago to be known: it is not the server that it was.
                    None => return None,
                }
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        None
    }

    pub async fn close(self) {
        self.connection.close().await;
    }
}

/// Settings of the session. Function bodies are not checked, as in the replay: one may name what is made later. A transaction of ours
/// that nobody drives any more gives up its locks.
fn settings(limits: &Limits) -> String {
    format!(
        "SET lock_timeout = {}; SET statement_timeout = {}; SET idle_in_transaction_session_timeout = '60s';
         SET check_function_bodies = off; SET standard_conforming_strings = on; SET client_min_messages = warning",
        milliseconds(limits.lock),
        milliseconds(limits.statement)
    )
}

/// Zero would be no limit at all.
pub(super) fn milliseconds(time: Duration) -> u128 {
    time.as_millis().clamp(1, 2_147_483_647)
}

/// Condition on `pg_locks`: the lock is granted, in this database. `objsubid` is 2 for a key of two numbers ("The pg_locks View").
fn lock_condition() -> String {
    format!(
        "locktype = 'advisory' AND granted AND classid = {} AND objid = {} AND objsubid = 2
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        LOCK.0, LOCK.1
    )
}
