//! The backup of what is live that is made before it is replaced, for `--undo`: SQLite, MySQL, MariaDB.

use std::path::{Path, PathBuf};
use std::time::Duration;

use db::store::SAFETY_LABEL;
use db::{Deadline, Entry, Store};
use kit::context::speak_for;
use kit::history::History;
use kit::journal::Record;
use kit::lock::Lock;
use kit::process::Status;
use kit::settings::Settings;
use kit::{Context, Exit, Failure, clock};

/// Makes it; one that is suspect will do. It hands nothing over and removes nothing: it must not push out the one that is
/// being restored.
pub(crate) fn save(lock: Option<&Lock>, store: &Store, deadline: &Deadline, cx: &mut Context) -> Result<(), Failure> {
    deadline.check()?;
    let patience = format!("{}ms", deadline.remaining().as_millis().max(1));
    let backup = cx.tool("backup-db", lock)?.args(["-q", "--json", "create", "--alone", "--label", SAFETY_LABEL]);
    let saved = backup.args(["--timeout", &patience, "--backup-dir"]).arg(store.dir()).run()?;
    if !matches!(saved.status, Status::Exit(0 | 1)) {
        return Err(speak_for("what is live could not be backed up first: backup-db", &saved)
            .hint("nothing was touched; if it is beyond saving: --without-safety-backup"));
    }
    let path = serde_json::from_slice::<Record>(&saved.stdout).ok().and_then(|it| it.text("path").map(str::to_owned));
    let path = path.unwrap_or_else(|| store.dir().display().to_string());
    cx.say(&format!("what is live now is kept as a backup with the label {SAFETY_LABEL:?}: {path}"));
    cx.detail("saved", path);
    Ok(())
}

/// The same after a restore that was interrupted has been finished: what was live before that one is what `--undo` means, and
/// was saved then. `false` when that is not to be found.
pub(crate) fn keep_last(store: &Store, database: &str, cx: &mut Context) -> bool {
    let Ok(path) = of_last_restore(store, database, &cx.settings) else { return false };
    let path = path.display().to_string();
    cx.say(&format!("what was live before the restore that was interrupted is kept in {path}"));
    cx.detail("saved", path);
    true
}

/// Records that what was live stays live, so that `--undo` does not mean the backup that was made of it.
pub(crate) fn replaced_nothing(cx: &mut Context) {
    cx.detail("replaced", "nothing");
}

/// The backup that the last restore of this database has made of what it replaced: 66 when it made none. Suspect or not, it
/// is what was live.
pub(crate) fn of_last_restore(store: &Store, database: &str, settings: &Settings) -> Result<PathBuf, Failure> {
    let history = History::load(settings)?;
    let restores: Vec<&Record> = history.records.iter().filter(|record| is_of(record, database)).collect();
    let was_needless = |entry: &Entry| restores.iter().any(|record| made_for_nothing(record, entry));
    let is_ours = |entry: &Entry| entry.is_of(database) && entry.is_safety() && !was_needless(entry);
    let Some(entry) = store.entries()?.into_iter().find(is_ours) else {
        let message =
            format!("there is no backup of {database} with the label {SAFETY_LABEL:?} in {}", store.dir().display());
        return Err(Failure::new(Exit::ABSENT, message).hint("name the backup that is wanted: backup-db list"));
    };
    let is_later = |record: &&&Record| record.success == Some(true) && Some(record.started_at) > entry.made_at();
    let is_its_own = |record: &Record| record.text("saved").is_some_and(|saved| Path::new(saved) == entry.path);
    match restores.iter().rfind(is_later).filter(|last| !is_its_own(last)) {
        None => Ok(entry.path),
        Some(last) => Err(unsaved(last, &entry)),
    }
}

/// Whether it was made by a restore that then left everything as it was.
fn made_for_nothing(record: &Record, entry: &Entry) -> bool {
    let end = record.started_at + Duration::from_millis(record.duration_ms);
    record.text("replaced") == Some("nothing")
        && entry.made_at().is_some_and(|made| (record.started_at..=end).contains(&made))
}

fn is_of(record: &Record, database: &str) -> bool {
    let is_same =
        |told: &str| told == database || Path::new(database).canonicalize().is_ok_and(|path| path == Path::new(told));
    record.is("restore-db", "restore") && record.text("database").is_some_and(is_same)
}

/// Taking an older one instead would put back what nobody asked for.
fn unsaved(last: &Record, older: &Entry) -> Failure {
    let kept = last.text("kept").map(|kept| format!("; what was there is kept as {kept}")).unwrap_or_default();
    let when = clock::rfc3339(last.started_at);
    let message = match last.text("saved") {
        Some(saved) => format!("the backup {saved}, of what the last restore of {when} replaced, is gone"),
        None => format!("the last restore, of {when}, made no backup of what it replaced{kept}"),
    };
    Failure::new(Exit::ABSENT, message)
        .hint(format!("what was live before an earlier restore is in the backup {}", older.name))
}
