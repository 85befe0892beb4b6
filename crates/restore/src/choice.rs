//! Which backup is meant.

use std::path::PathBuf;

use clap::Args;
use db::{Store, Url};
use kit::Failure;
use kit::clock::{self, Time};
use kit::settings::Settings;

use crate::safety;
use crate::source::{STDIN, unvouched};

/// The options that say it.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// A backup: its path, its name in BACKUP_DIR, or `latest`; with --unverified a file, or `-` for standard input
    #[arg(value_parser = backup, required_unless_present_any = ["before", "label", "undo"], conflicts_with_all = ["before", "label", "undo"])]
    pub(crate) backup: Option<String>,

    /// The newest backup made before this moment: 2026-11-21T10:15:00Z, or the name of a backup
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) before: Option<Time>,

    /// The newest backup with this label
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,

    /// Restore what another program made, a SQLite file or a dump of any engine, compressed by gzip or zstd or not at all
    #[arg(long, conflicts_with = "drill")]
    pub(crate) unverified: bool,

    /// Put back what was live before the last restore
    #[arg(long, conflicts_with_all = ["before", "label", "unverified", "drill", "dry_run"])]
    pub(crate) undo: bool,

    /// Restore a backup of another database over this one
    #[arg(long)]
    pub(crate) into_other: bool,
}

impl Choice {
    /// 2 for what no look at anything could allow.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_stdin() && !self.unverified { Err(unvouched("standard input")) } else { Ok(()) }
    }

    /// Whether standard input is meant.
    pub(crate) fn is_stdin(&self) -> bool {
        self.backup.as_deref() == Some(STDIN)
    }

    /// The set that is meant.
    pub(crate) fn set(&self, store: &Store, url: &Url, settings: &Settings) -> Result<PathBuf, Failure> {
        match &self.backup {
            Some(name) => store.find(name, &url.identity()),
            None if self.undo => safety::of_last_restore(store, &url.identity(), settings),
            None => store.newest(&url.identity(), self.before, self.label.as_deref()),
        }
    }
}

fn moment(text: &str) -> Result<Time, String> {
    clock::of_text(text).ok_or_else(|| "supported: 2026-11-21T10:15:00Z (RFC 3339), or the name of a backup".to_owned())
}

fn backup(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty; supported: the path of a backup, its name in BACKUP_DIR, `latest`".to_owned());
    }
    Ok(text.to_owned())
}
