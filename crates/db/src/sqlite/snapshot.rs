//! A copy of a live database as it was at one instant, while others read and write it.

use std::path::Path;

use kit::progress::Line;
use kit::{Attempt, Failure, Meter, files, signal};
use rusqlite::Connection;
use rusqlite::backup::{Backup, Progress, StepResult};

use crate::deadline::Deadline;
use crate::sqlite::connection::{Access, TRY_EVERY, busy, explain, journal_mode, open, open_live, patiently, touch};

/// How many pages are copied between two looks at the deadline (4 MiB of 4 KiB pages).
const PAGES: i32 = 1024;

/// How often a copy may be started anew because somebody wrote meanwhile. After that writers wait.
const PATIENCE: u32 = 3;

/// Copies the database at `live` to a new file (0600): 65 when it is damaged, 75 when others keep it busy until the
/// deadline. In WAL mode nobody waits for this; else writers wait while a step is copied, and for the whole copy only
/// once it was disturbed a few times.
pub fn snapshot(live: &Path, to: &Path, meter: Meter, deadline: &Deadline) -> Result<(), Failure> {
    let doing = format!("copy {}", live.display());
    drop(files::create(to).attempt(format_args!("write {}", to.display()))?);
    let source = open_live(live, deadline)?;
    let mut target = open(to, Access::Write, deadline)?;
    // After a crash nobody wants this file, so it needs neither a journal nor a flush.
    target
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        .map_err(|error| explain(&doing, &error))?;
    let mode = patiently(&doing, deadline, || journal_mode(&source))?;
    let patience = if mode == "wal" { 0 } else { PATIENCE };
    copy(&source, &mut target, patience, &doing, &mut meter.line(), deadline)
}

fn copy(
    source: &Connection,
    target: &mut Connection,
    mut patience: u32,
    doing: &str,
    line: &mut Line,
    deadline: &Deadline,
) -> Result<(), Failure> {
    let backup = Backup::new(source, target).map_err(|error| explain(doing, &error))?;
    let mut remaining = i32::MAX;
    if patience == 0 {
        hold(source, doing, deadline)?;
    }
    loop {
        match backup.step(PAGES).map_err(|error| explain(doing, &error))? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked if deadline.has_passed() => return Err(busy(doing, deadline)),
            StepResult::Busy | StepResult::Locked => signal::sleep(TRY_EVERY)?,
            _ => {}
        }
        deadline.check()?;
        let Progress { remaining: left, pagecount: pages } = backup.progress();
        line.reach(|| u64::try_from(pages - left).unwrap_or_default() * page_size(source));
        if left > remaining && patience > 0 {
            patience -= 1;
            if patience == 0 {
                hold(source, doing, deadline)?;
            }
        }
        remaining = left;
    }
}

fn page_size(source: &Connection) -> u64 {
    source.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0)).unwrap_or_default().into()
}

/// Begins a read transaction that lasts until the connection is closed: what is read from now on is of one instant.
fn hold(source: &Connection, doing: &str, deadline: &Deadline) -> Result<(), Failure> {
    patiently(doing, deadline, || {
        if source.is_autocommit() {
            source.execute_batch("BEGIN")?;
        }
        touch(source)
    })
}
