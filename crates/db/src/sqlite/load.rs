//! A dump as SQL text, by `.dump` of `sqlite3` say, on its way into a new database.

use std::path::Path;

use kit::{Exit, Failure, signal};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization, TransactionOperation};
use rusqlite::{Connection, Error, ErrorCode};

use crate::deadline::Deadline;
use crate::sqlite::connection::{Access, explain, open};
use crate::sqlite::script::Script;

/// The longest statement that is kept in memory, which is the longest row.
const LONGEST: usize = 256 << 20;

/// What takes more than this loader does.
const WAY_OUT: &str = "make a database of it, and restore that: sqlite3 new.sqlite <dump.sql";

/// What a dump may set: what belongs to the database. Anything else is passed over, so that no setting of the connection or
/// of another file changes.
const SETTINGS: [&str; 6] =
    ["application_id", "auto_vacuum", "encoding", "page_size", "user_version", "writable_schema"];

/// Functions by which SQL reaches beyond the database.
const FUNCTIONS: [&str; 2] = ["load_extension", "fts3_tokenizer"];

/// A dump that is being loaded. Nobody wants the file unless [`Load::finish`] succeeds.
pub struct Load {
    connection: Connection,
    script: Script,
    /// What has come of the statement that is being read, and the line on which it begins.
    statement: Vec<u8>,
    line: usize,
    is_committed: bool,
    deadline: Deadline,
}

impl Load {
    /// Begins to load into an empty file.
    pub fn begin(path: &Path, deadline: &Deadline) -> Result<Self, Failure> {
        let mut connection = open(path, Access::Write, deadline)?;
        let settings = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF";
        let prepared = connection.execute_batch(settings).and_then(|()| connection.authorizer(Some(judge)));
        prepared.map_err(|error| explain(&format!("write {}", path.display()), &error))?;
        let (script, statement) = (Script::default(), Vec::new());
        Ok(Self { connection, script, statement, line: 1, is_committed: false, deadline: *deadline })
    }

    /// Takes the next bytes, cut anywhere, and runs what is whole of them: 65 for what is no SQL, or reaches beyond the
    /// database.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while let Some((head, rest)) = self.script.statement(bytes).and_then(|end| bytes.split_at_checked(end)) {
            self.keep(head)?;
            self.run()?;
            bytes = rest;
        }
        self.keep(bytes)
    }

    /// Ends it: 65 when the dump is not whole. A whole one is a transaction, as `.dump` writes it.
    pub fn finish(self) -> Result<(), Failure> {
        if !self.script.is_between_statements() {
            return Err(damaged("it is not whole: it ends in the middle of a statement"));
        }
        if !self.connection.is_autocommit() {
            return Err(damaged("it is not whole: COMMIT is missing at its end"));
        }
        if !self.is_committed {
            let hint = "a dump is a transaction, from BEGIN to COMMIT; other statements become a database with: \
                        sqlite3 new.sqlite <statements.sql";
            return Err(damaged("nothing says whether it is whole").hint(hint));
        }
        self.connection.close().map_err(|(_, error)| explain("end the dump", &error))
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.statement.len() + bytes.len() > LONGEST {
            return Err(self.wrong("it is longer than 256 MiB").hint(WAY_OUT));
        }
        self.statement.extend_from_slice(bytes);
        Ok(())
    }

    fn run(&mut self) -> Result<(), Failure> {
        signal::check()?;
        self.deadline.check()?;
        let Some(sql) = std::str::from_utf8(&self.statement).ok().filter(|sql| !sql.contains('\0')) else {
            return Err(self.wrong("it is no text in UTF-8").hint(WAY_OUT));
        };
        let was_open = !self.connection.is_autocommit();
        if let Err(error) = self.connection.execute_batch(sql) {
            return Err(self.why(error));
        }
        self.is_committed |= was_open && self.connection.is_autocommit();
        self.line += memchr::memchr_iter(b'\n', &self.statement).count();
        self.statement.clear();
        Ok(())
    }

    /// What SQLite says is wrong with the statement, or with the world.
    fn why(&self, error: Error) -> Failure {
        let (code, message) = match error {
            // Its own words for this one have the whole statement in them.
            Error::SqlInputError { error, msg, .. } | Error::SqliteFailure(error, Some(msg)) => (error.code, msg),
            other => (other.sqlite_error_code().unwrap_or(ErrorCode::Unknown), other.to_string()),
        };
        match code {
            ErrorCode::AuthorizationForStatementDenied if self.is_rollback() => {
                damaged("it ends with ROLLBACK, because the program that made it met errors")
            }
            ErrorCode::AuthorizationForStatementDenied => self.wrong("it reaches beyond its database"),
            ErrorCode::OperationInterrupted => {
                let reason = signal::check().and_then(|()| self.deadline.check()).err();
                reason.unwrap_or_else(|| self.wrong(&message))
            }
            ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory => {
                Failure::new(Exit::IO, format!("cannot load the dump: {message}"))
            }
            _ => self.wrong(&message),
        }
    }

    fn wrong(&self, what: &str) -> Failure {
        let before = self.statement.iter().take_while(|byte| byte.is_ascii_whitespace());
        let line = self.line + before.filter(|byte| **byte == b'\n').count();
        damaged(&format!("the statement on line {line}: {what}"))
    }

    fn is_rollback(&self) -> bool {
        self.statement.trim_ascii_start().get(..8).is_some_and(|word| word.eq_ignore_ascii_case(b"rollback"))
    }
}

/// Lets a statement be prepared that stays in its database, and takes nothing back of it.
fn judge(context: AuthContext<'_>) -> Authorization {
    let is_in = |names: &[&str], name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match context.action {
        AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Unknown { .. }
        | AuthAction::Transaction { operation: TransactionOperation::Rollback }
        | AuthAction::Savepoint { operation: TransactionOperation::Rollback, .. } => Authorization::Deny,
        AuthAction::Function { function_name } if is_in(&FUNCTIONS, function_name) => Authorization::Deny,
        AuthAction::Pragma { pragma_name, .. } if !is_in(&SETTINGS, pragma_name) => Authorization::Ignore,
        _ => Authorization::Allow,
    }
}

fn damaged(what: &str) -> Failure {
    Failure::new(Exit::DAMAGED, what)
}
