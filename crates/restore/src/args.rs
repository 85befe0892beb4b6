use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use kit::settings::duration;

use crate::choice::Choice;

/// Replaces the live database by a backup
///
/// Everything is verified before anything is touched: the files of the backup, the database in it, its tables and rows.
/// Then programs see the old data or the new: a SQLite database takes the content over in one transaction; PostgreSQL gets a
/// new database, which is renamed with the old one in one transaction; MySQL and MariaDB get new tables by one RENAME TABLE, and
/// views, routines, triggers and events follow. A SQLite file that is missing or damaged is replaced by a new file; the damaged
/// one is kept beside it.
///
/// What was live is kept for --undo: PostgreSQL keeps the old database; of the others a backup with the label `before
/// restore-db` is made first, which `latest` and --before pass over.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) choice: Choice,

    /// Verify the backup, say what would be replaced by what, and replace nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Restore into a copy, compare it, measure how long that takes, and throw it away: the grade `restored`
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) drill: bool,

    #[command(flatten)]
    pub(crate) previous: Previous,

    /// Do not ask: needed where stdin and stderr are no terminal
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Directory of the backups [default: DEPLOY_ROOT/backups]
    #[arg(long, value_name = "DIR", env = "BACKUP_DIR")]
    pub(crate) backup_dir: Option<PathBuf>,

    /// How long it may take, waiting for programs that use the database included
    #[arg(long, value_name = "TIME", env = "STEP_TIMEOUT", default_value = "30m", value_parser = duration)]
    pub(crate) timeout: Duration,
}

/// What becomes of what was live before.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Previous {
    /// PostgreSQL: how many databases that were live before a restore are kept for --undo
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) keep_previous: usize,

    /// SQLite, MySQL, MariaDB: make no backup of what is live first; then nothing can be undone
    #[arg(long)]
    pub(crate) without_safety_backup: bool,
}
