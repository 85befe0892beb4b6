//! Connections that end in time, and what SQLite's errors mean for us.

use std::path::Path;
use std::time::Duration;

use kit::{Exit, Failure, signal};
use rusqlite::ffi::{SQLITE_READONLY_RECOVERY, SQLITE_READONLY_ROLLBACK};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use crate::deadline::Deadline;

/// How long to wait before a busy database is tried again.
pub(crate) const TRY_EVERY: Duration = Duration::from_millis(20);

/// After how many steps of its virtual machine SQLite lets us look at the deadline: well under a millisecond.
const LOOK_EVERY: i32 = 10_000;

/// How a database is opened; never so that a missing one is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Opens a database whose long statements end when the deadline passes or a signal comes.
pub(crate) fn open(path: &Path, access: Access, deadline: &Deadline) -> Result<Connection, Failure> {
    let doing = format!("open {}", path.display());
    let access = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let opened = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let mut connection = opened.map_err(|error| explain(&doing, &error))?;
    let limit = *deadline;
    let over = move || limit.has_passed() || signal::received().is_some();
    // Functions and triggers of the schema are the app's; what we run must not call them.
    connection
        .progress_handler(LOOK_EVERY, Some(over))
        .and_then(|()| connection.execute_batch("PRAGMA trusted_schema = OFF"))
        .map_err(|error| explain(&doing, &error))?;
    Ok(connection)
}

/// Opens a live database for reading. When a program was killed in the middle of a transaction, SQLite must first roll
/// that back, which a reader may not: then the database is opened for writing once, as the next program would do.
pub(crate) fn open_live(path: &Path, deadline: &Deadline) -> Result<Connection, Failure> {
    let doing = format!("read {}", path.display());
    let connection = open(path, Access::Read, deadline)?;
    let first = patiently(&doing, deadline, || touch(&connection).map(|()| true).or_else(needs_recovery));
    if !first? {
        let recovering = open(path, Access::Write, deadline)?;
        patiently(&doing, deadline, || touch(&recovering))?;
        patiently(&doing, deadline, || touch(&connection))?;
    }
    Ok(connection)
}

/// Reads the first page: what a file that is no database does not survive.
pub(crate) fn touch(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// `false` for an error that says that a killed program's transaction must be rolled back before a reader may read.
pub(crate) fn needs_recovery(error: Error) -> rusqlite::Result<bool> {
    let code = error.sqlite_error().map(|error| error.extended_code);
    if matches!(code, Some(SQLITE_READONLY_ROLLBACK | SQLITE_READONLY_RECOVERY)) { Ok(false) } else { Err(error) }
}

/// `delete`, `wal` …: how the database keeps its transactions whole.
pub(crate) fn journal_mode(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))
}

/// Works on a database that others use too: tried again while it is busy, 75 when it still is at the deadline.
pub(crate) fn patiently<T>(
    doing: &str,
    deadline: &Deadline,
    mut work: impl FnMut() -> rusqlite::Result<T>,
) -> Result<T, Failure> {
    loop {
        signal::check()?;
        match work() {
            Ok(done) => return Ok(done),
            Err(error) if is_busy(&error) && !deadline.has_passed() => signal::sleep(TRY_EVERY)?,
            Err(error) => {
                if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
                    deadline.check()?;
                }
                return Err(explain(doing, &error));
            }
        }
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// 75 for a database that others kept busy until the deadline.
pub(crate) fn busy(doing: &str, deadline: &Deadline) -> Failure {
    let message = format!("cannot {doing}: others kept it busy for {}", deadline.spell());
    Failure::new(Exit::BUSY, message).hint("stop the program that uses it, or give more time with --timeout")
}

/// An error of SQLite with the code that its cause deserves: 65 damaged, 75 busy, 77 not permitted, else 74.
pub(crate) fn explain(doing: &str, error: &Error) -> Failure {
    let exit = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Exit::DAMAGED,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Exit::BUSY,
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => Exit::NOT_PERMITTED,
        _ => Exit::IO,
    };
    let cause = match error {
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    };
    Failure::new(exit, format!("cannot {doing}: {cause}"))
}
