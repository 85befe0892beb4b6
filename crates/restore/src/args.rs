use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use db::{Store, Url};
use kit::Failure;
use kit::clock::{self, Time};
use kit::settings::duration;

/// Replaces the live database by a backup
///
/// Everything is verified before anything is touched: the files of the backup, the database in it, its tables and rows.
/// Then the live database takes the content over in one transaction, so programs that have it open see the old data or
/// the new. A live file that is missing or damaged is replaced by a new file; the damaged one is kept beside it.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// A backup: its path, its name in BACKUP_DIR, or `latest`
    #[arg(value_parser = backup, required_unless_present_any = ["before", "label"], conflicts_with_all = ["before", "label"])]
    pub(crate) backup: Option<String>,

    /// The newest backup made before this moment: 2026-11-21T10:15:00Z, or the name of a backup
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) before: Option<Time>,

    /// The newest backup with this label
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,

    /// Verify the backup, say what would be replaced by what, and replace nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Restore into a copy, compare it, measure how long that takes, and throw it away: the grade `restored`
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) drill: bool,

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

impl Args {
    /// The set that is meant.
    pub(crate) fn choose(&self, store: &Store, url: &Url) -> Result<PathBuf, Failure> {
        match &self.backup {
            Some(name) => store.find(name, &url.identity()),
            None => store.newest(&url.identity(), self.before, self.label.as_deref()),
        }
    }
}

fn moment(text: &str) -> Result<Time, String> {
    clock::of_text(text).ok_or_else(|| "supported: 2026-11-21T10:15:00Z (RFC 3339), or the name of a backup".to_owned())
}

fn backup(text: &str) -> Result<String, String> {
    let supported = "supported: the path of a backup, its name in BACKUP_DIR, `latest`";
    match text {
        "-" => Err(format!("restoring from standard input is not supported; {supported}")),
        "" => Err(format!("it is empty; {supported}")),
        text => Ok(text.to_owned()),
    }
}
