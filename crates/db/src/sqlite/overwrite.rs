//! A live database becomes another one, in one transaction.

use std::path::Path;
use std::time::Duration;

use kit::{Exit, Failure, signal};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, MAIN_DB};

use crate::deadline::Deadline;
use crate::sqlite::connection::{Access, TRY_EVERY, busy, explain, journal_mode, open, patiently};

/// How long SQLite itself waits for readers at each try. It keeps new readers out meanwhile, so that those who come
/// and go without a pause cannot put us off for ever.
const WAIT: Duration = Duration::from_millis(500);

/// What holds after every error on the way.
const EITHER: &str = "the database holds what it held before or what the backup holds, nothing in between: look for \
                      errors of the disk, then restore again";

/// Replaces the content of the database at `live` by that of `from`. Whoever reads it sees the old content or the new
/// one; after an error, a kill or a power cut it is the old one, or the new one if the transaction was complete.
///
/// 75 when others keep it busy until the deadline, 77 when it may not be written, 65 when SQLite finds it damaged.
pub fn overwrite(live: &Path, from: &Path, deadline: &Deadline) -> Result<(), Failure> {
    let doing = format!("write {}", live.display());
    let source = open(from, Access::Write, deadline)?;
    let mut target = open(live, Access::Write, deadline)?;
    let prepared = patiently(&doing, deadline, || {
        target.busy_timeout(WAIT)?;
        target.execute_batch("PRAGMA synchronous = EXTRA")?;
        Ok((target.is_readonly(MAIN_DB)?, journal_mode(&target)?))
    });
    let (readonly, mode) = prepared?;
    if readonly {
        return Err(Failure::new(Exit::NOT_PERMITTED, format!("cannot {doing}: it is read-only")));
    }
    let leaves_wal = mode == "wal" && page_size(&source, &doing)? != page_size(&target, &doing)?;
    if leaves_wal {
        leave_wal(&target, &doing, deadline)?;
    }
    let copied = copy(&source, &mut target, &doing, deadline);
    if leaves_wal {
        // Another program that opened it meanwhile can keep it from going back; it works in either mode.
        drop(target.execute_batch("PRAGMA journal_mode = WAL"));
    }
    copied
}

/// All pages in one step, which is one transaction: there is no state in between to look at or to be killed in.
fn copy(source: &Connection, target: &mut Connection, doing: &str, deadline: &Deadline) -> Result<(), Failure> {
    let backup = Backup::new(source, target).map_err(|error| explain(doing, &error))?;
    loop {
        // An error can also come after the commit, from unlocking, say: only a person can tell then what to believe.
        match backup.step(-1).map_err(|error| explain(doing, &error).hint(EITHER))? {
            StepResult::Done => return Ok(()),
            _ if deadline.has_passed() => return Err(busy(doing, deadline)),
            _ => signal::sleep(TRY_EVERY)?,
        }
    }
}

fn page_size(connection: &Connection, doing: &str) -> Result<i64, Failure> {
    let asked = connection.query_row("PRAGMA page_size", [], |row| row.get(0));
    asked.map_err(|error| explain(doing, &error))
}

/// A database in WAL mode cannot change its page size (`sqlite3_backup_step`: SQLITE_READONLY). Leaving that mode needs
/// the database to ourselves.
fn leave_wal(target: &Connection, doing: &str, deadline: &Deadline) -> Result<(), Failure> {
    let left = patiently(doing, deadline, || {
        target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0))
    });
    let hint = "the backup has another page size, which a database in WAL mode can take only while no other program \
                has it open: stop the app first";
    match left {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) => Err(busy(doing, deadline).hint(hint)),
        Err(failure) if failure.exit == Exit::BUSY => Err(failure.hint(hint)),
        Err(failure) => Err(failure),
    }
}
