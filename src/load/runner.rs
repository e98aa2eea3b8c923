//! Runs statements in a session, several on their way at a time, each within its limit.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, pin_mut, poll};
use tokio_postgres::Error;

use super::{Failure, LoadError, Options, Strictness, provenance::numbered};
use crate::{
    config::Session,
    sandbox::{Connection, Notice, Server, error_text},
    script::{CopyData, Item, Place, Statement},
};

/// How many statements are on their way, and how many bytes of them.
const WINDOW: usize = 64;
const WINDOW_BYTES: usize = 256 << 10;
/// How much longer than the server's own limit we wait.
const GRACE: Duration = Duration::from_secs(3);
/// How many failures of a lenient load are kept.
const MOST_FAILURES: usize = 1000;
const MOST_REMARKS: usize = 100;

/// Settings that the head of a dump has and older servers have not (`_doSetFixedOutputState` in pg_backup_archiver.c).
const SET_BY_PG_DUMP: [&str; 3] = ["transaction_timeout", "idle_in_transaction_session_timeout", "default_table_access_method"];

pub(super) struct Ran {
    pub statements: Vec<Statement>,
    pub failures: Vec<Failure>,
    pub remarks: Vec<String>,
    pub notices: Vec<Notice>,
}

type Answer = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

struct Pending {
    index: usize,
    bytes: usize,
    answer: Answer,
}

struct Runner<'a> {
    server: &'a Server,
    database: &'a str,
    strictness: Strictness,
    connection: Arc<Connection>,
    window: VecDeque<Pending>,
    /// The files have begun a transaction and not ended it.
    in_transaction: bool,
    ran: Ran,
}

pub(super) async fn run(server: &Server, database: &str, items: Vec<Item>, options: Options) -> Result<Ran, LoadError> {
    let ran = Ran { statements: Vec::new(), failures: Vec::new(), remarks: Vec::new(), notices: Vec::new() };
    let connection = Arc::new(session(server, database).await?);
    let mut runner = Runner {
        server,
        database,
        strictness: options.strictness,
        connection,
        window: VecDeque::new(),
        in_transaction: false,
        ran,
    };
    let mut first = true;
    for item in items {
        match item {
            Item::File { .. } => {
                if options.session == Session::PerFile && !std::mem::take(&mut first) {
                    runner.reconnect().await?;
                }
            }
            Item::Remark { place, text } => runner.remark(format!("{place}: {text}")),
            Item::Reconnect { .. } => runner.reconnect().await?,
            Item::Refused(error) => match options.strictness {
                Strictness::Lenient => runner.fail(Failure::refused(&error)),
                Strictness::Strict => {
                    runner.drain().await?;
                    return Err(error.into());
                }
            },
            Item::Statement(statement) => runner.statement(statement).await?,
            Item::CopyIn { statement, data } => runner.copy_in(statement, &data).await?,
            Item::CopyOut(statement) => runner.copy_out(statement).await?,
        }
    }
    runner.drain().await?;
    let Runner { connection, mut ran, .. } = runner;
    ran.notices.extend(connection.notices());
    if let Some(connection) = Arc::into_inner(connection) {
        connection.close().await;
    }
    Ok(ran)
}

async fn session(server: &Server, database: &str) -> Result<Connection, LoadError> {
    let limit = server.limits().statement.as_millis();
    Ok(server.connect_with(database, &format!("-c statement_timeout={limit}")).await?)
}

impl Runner<'_> {
    async fn reconnect(&mut self) -> Result<(), LoadError> {
        self.drain().await?;
        let next = Arc::new(session(self.server, self.database).await?);
        let last = std::mem::replace(&mut self.connection, next);
        self.ran.notices.extend(last.notices());
        if let Some(last) = Arc::into_inner(last) {
            last.close().await;
        }
        self.in_transaction = false;
        Ok(())
    }

    fn fail(&mut self, failure: Failure) {
        if self.ran.failures.len() < MOST_FAILURES {
            self.ran.failures.push(failure);
        }
    }

    fn remark(&mut self, remark: String) {
        if self.ran.remarks.len() < MOST_REMARKS {
            self.ran.remarks.push(remark);
        }
    }

    async fn statement(&mut self, statement: Statement) -> Result<(), LoadError> {
        if self.names_other_database(&statement) {
            return Ok(());
        }
        let lead: Vec<&str> = statement.lead.iter().map(String::as_str).collect();
        let (begins, ends, saves) = match lead.as_slice() {
            ["begin", ..] | ["start", "transaction", ..] => (true, false, true),
            ["rollback", "to", ..] | ["rollback", "work" | "transaction", "to", ..] => (false, false, true),
            ["commit" | "end" | "rollback" | "abort", rest @ ..] => (rest.contains(&"chain") && !rest.contains(&"no"), true, true),
            ["prepare", "transaction", ..] => (false, true, true),
            ["savepoint" | "release", ..] => (false, false, true),
            _ => (false, false, false),
        };
        let index = self.ran.statements.len();
        let text = numbered(&statement.text, index);
        self.ran.statements.push(statement);
        if self.in_transaction && self.strictness == Strictness::Lenient && !saves {
            return self.guarded(index, text).await;
        }
        self.send(index, text).await?;
        self.in_transaction = begins || (self.in_transaction && !ends);
        Ok(())
    }

    /// Leaves a statement that fails out of the transaction that it stands in.
    async fn guarded(&mut self, index: usize, text: String) -> Result<(), LoadError> {
        self.drain().await?;
        let save = self.connection.batch_execute("savepoint schemaproof").await.is_ok();
        let failures = self.ran.failures.len();
        self.send(index, text).await?;
        self.drain().await?;
        if save {
            let undo = if self.ran.failures.len() > failures { "rollback to savepoint schemaproof; " } else { "" };
            // Fails where the statement has ended the transaction itself; the next one finds out.
            let _ = self.connection.batch_execute(&format!("{undo}release savepoint schemaproof")).await;
        }
        Ok(())
    }

    /// Puts a statement on its way, when there is room.
    async fn send(&mut self, index: usize, text: String) -> Result<(), LoadError> {
        while self.window.len() >= WINDOW
            || (!self.window.is_empty()
                && self.window.iter().map(|pending| pending.bytes).sum::<usize>() + text.len() > WINDOW_BYTES)
        {
            self.settle().await?;
        }
        let (connection, bytes) = (self.connection.clone(), text.len());
        let mut answer: Answer = Box::pin(async move { connection.batch_execute(&text).await });
        // The first poll sends it.
        let answer: Answer = match poll!(answer.as_mut()) {
            std::task::Poll::Ready(done) => Box::pin(std::future::ready(done)),
            std::task::Poll::Pending => answer,
        };
        self.window.push_back(Pending { index, bytes, answer });
        Ok(())
    }

    async fn drain(&mut self) -> Result<(), LoadError> {
        while !self.window.is_empty() {
            self.settle().await?;
        }
        Ok(())
    }

    /// Waits for the answer to the first statement that is on its way.
    async fn settle(&mut self) -> Result<(), LoadError> {
        let Some(Pending { index, answer, .. }) = self.window.pop_front() else { return Ok(()) };
        let outcome = self.within_limit(index, answer).await?;
        self.judge(index, outcome).await
    }

    /// Waits as long as a statement may take, and no longer, whatever it has set `statement_timeout` to.
    async fn within_limit<T>(
        &self,
        index: usize,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<Result<T, Error>, LoadError> {
        let limit = self.server.limits().statement;
        pin_mut!(answer);
        tokio::select! {
            biased;
            outcome = tokio::time::timeout(limit + GRACE, &mut answer) => match outcome {
                Ok(outcome) => Ok(outcome),
                Err(_) => {
                    self.connection.cancel_query().await;
                    let _ = tokio::time::timeout(GRACE, answer).await;
                    Err(LoadError::Endless { spot: self.spot(index), seconds: limit.as_secs() })
                }
            },
            why = self.server.gone() => Err(LoadError::ServerEnded { spot: self.spot(index), why }),
        }
    }

    fn spot(&self, index: usize) -> crate::script::Spot {
        match self.ran.statements.get(index) {
            Some(statement) => statement.spot(1),
            None => crate::script::Spot { place: Place { file: "".into(), line: 1, column: 1 }, line: "".into() },
        }
    }

    async fn judge(&mut self, index: usize, outcome: Result<(), Error>) -> Result<(), LoadError> {
        let (Err(error), Some(statement)) = (outcome, self.ran.statements.get(index).cloned()) else { return Ok(()) };
        let Some(db_error) = error.as_db_error() else {
            if !self.connection.is_closed() {
                // The session is well: an answer that is not for a program like us.
                let mut failure = Failure::refused(&crate::script::ScriptError::NulByte { place: statement.place.clone() });
                failure.spot = statement.spot(1);
                failure.message = error_text(&error);
                failure.statement = statement.text.clone();
                return self.take(failure);
            }
            return Err(self.session_ended(index, error_text(&error)).await);
        };
        let mut failure = Failure::of(&statement, db_error);
        // A statement with an open quote takes its number for its own, and Postgres quotes it.
        failure.message = failure.message.replace(&numbered("", index), "");
        let sqlstate = db_error.code().code();
        match sqlstate {
            // query_canceled: the server's own limit.
            "57014" if self.strictness == Strictness::Strict => {
                return Err(LoadError::Endless { spot: statement.spot(1), seconds: self.server.limits().statement.as_secs() });
            }
            // disk_full
            "53100" => {
                let megabytes = self.server.limits().disk_bytes >> 20;
                return Err(LoadError::DiskFull { failure: Box::new(failure), megabytes });
            }
            // out_of_memory
            "53200" => {
                let megabytes = self.server.limits().memory_bytes >> 20;
                return Err(LoadError::OutOfMemory { failure: Box::new(failure), megabytes });
            }
            // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout
            "57P01" | "57P02" | "57P03" | "57P04" | "57P05" => {
                return Err(self.session_ended(index, format!("{} (SQLSTATE {sqlstate})", failure.message)).await);
            }
            // duplicate_object: on a server that both sides share, the other side has made the role.
            "42710"
                if self.server.is_shared()
                    && ["role", "user", "group"].iter().any(|kind| statement.begins_with(&["create", kind])) =>
            {
                self.remark(format!(
                    "{}: {}; the sides share one server, so it was left as it is",
                    statement.place, failure.message
                ));
                return Ok(());
            }
            // undefined_object: a newer pg_dump sets what this server does not have, and nothing in the schema depends on it.
            "42704" if SET_BY_PG_DUMP.iter().any(|name| statement.begins_with(&["set", name])) => {
                self.remark(format!("{}: {}; left out, since only sessions depend on it", statement.place, failure.message));
                return Ok(());
            }
            // feature_not_supported, undefined_file: what CREATE EXTENSION says of one that is not installed.
            "0A000" | "58P01" if statement.begins_with(&["create", "extension"]) => {
                failure.extension = self.missing_extension(&statement).await;
            }
            _ => {}
        }
        self.take(failure)
    }

    fn take(&mut self, failure: Failure) -> Result<(), LoadError> {
        if self.strictness == Strictness::Lenient {
            self.fail(failure);
            return Ok(());
        }
        let failure = Box::new(failure);
        Err(match failure.extension.clone() {
            Some(extension) => LoadError::MissingExtension { extension, origin: self.server.origin().into(), failure },
            None => LoadError::Statement(failure),
        })
    }

    /// A lost session: says whether the whole server is gone.
    async fn session_ended(&self, index: usize, why: String) -> LoadError {
        let spot = self.spot(index);
        match tokio::time::timeout(Duration::from_millis(500), self.server.gone()).await {
            Ok(why) => LoadError::ServerEnded { spot, why },
            Err(_) => LoadError::SessionEnded { spot, why },
        }
    }

    /// The extension that a CREATE EXTENSION names, if the server has it not.
    async fn missing_extension(&self, statement: &Statement) -> Option<String> {
        let connection = self.server.connect(self.database).await.ok()?;
        let rows = connection.query("select name::text from pg_available_extensions", &[]).await.ok()?;
        let available: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
        let name = extension_name(&statement.text)?;
        (!available.contains(&name)).then_some(name)
    }

    async fn copy_in(&mut self, statement: Statement, data: &CopyData) -> Result<(), LoadError> {
        self.drain().await?;
        let index = self.ran.statements.len();
        let text = statement.text.clone();
        self.ran.statements.push(statement);
        let guarded = self.in_transaction && self.strictness == Strictness::Lenient;
        let save = guarded && self.connection.batch_execute("savepoint schemaproof").await.is_ok();
        let failures = self.ran.failures.len();
        let connection = self.connection.clone();
        let copy = async {
            let sink = connection.copy_in::<_, Bytes>(&*text).await?;
            pin_mut!(sink);
            for chunk in data.as_str().as_bytes().chunks(64 << 10) {
                sink.send(Bytes::copy_from_slice(chunk)).await?;
            }
            sink.finish().await.map(drop)
        };
        let outcome = self.within_limit(index, copy).await?;
        self.judge(index, outcome).await?;
        if save {
            let undo = if self.ran.failures.len() > failures { "rollback to savepoint schemaproof; " } else { "" };
            let _ = self.connection.batch_execute(&format!("{undo}release savepoint schemaproof")).await;
        }
        Ok(())
    }

    async fn copy_out(&mut self, statement: Statement) -> Result<(), LoadError> {
        self.drain().await?;
        let index = self.ran.statements.len();
        let text = statement.text.clone();
        self.ran.statements.push(statement);
        let connection = self.connection.clone();
        let copy = async {
            let rows = connection.copy_out(&*text).await?;
            pin_mut!(rows);
            while let Some(row) = rows.next().await {
                row?;
            }
            Ok(())
        };
        let outcome = self.within_limit(index, copy).await?;
        self.judge(index, outcome).await
    }

    /// Whether a statement is about the database of the configured name while ours has another: that one belongs to somebody.
    fn names_other_database(&mut self, statement: &Statement) -> bool {
        let wanted = self.server.database();
        if self.database == wanted || !statement.names_database(wanted) {
            return false;
        }
        self.remark(format!("{}: left out, since it is about database `{wanted}`, which is not this run's", statement.place));
        true
    }
}

/// The name in `CREATE EXTENSION [IF NOT EXISTS] name`.
fn extension_name(text: &str) -> Option<String> {
    let mut names = crate::script::names(text).skip(2).peekable();
    for word in ["if", "not", "exists"] {
        names.next_if(|name| name == word);
    }
    names.next()
}
