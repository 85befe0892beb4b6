//! `BACKUP_DIR`: the directory that holds the sets of an environment.

use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::thread;

use kit::clock::{self, Time};
use kit::settings::Settings;
use kit::{Exit, Failure, files};

use crate::entry::Entry;

/// What stands for the newest set.
pub const LATEST: &str = "latest";

/// What `restore-db` calls the sets that it has made of what it replaces. They are for its `--undo`.
pub const SAFETY_LABEL: &str = "before restore-db";

/// So many sets are looked at in about ten milliseconds, a hundred times what it takes to start a thread.
const WORTH_A_THREAD: usize = 250;

/// A directory of backup sets.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// The directory that was named, else `DEPLOY_ROOT/backups`: 78 when neither is known, or it is not absolute.
    pub fn at(named: Option<&Path>, settings: &Settings) -> Result<Self, Failure> {
        let dir = match (named, settings.get("DEPLOY_ROOT")) {
            (Some(dir), _) => dir.to_owned(),
            (None, Some(root)) => Path::new(&root).join("backups"),
            (None, None) => return settings.require("BACKUP_DIR").map(|dir| Self { dir: dir.into() }),
        };
        if dir.is_absolute() {
            Ok(Self { dir })
        } else {
            let message = format!("BACKUP_DIR is {}, which is not an absolute path", dir.display());
            Err(Failure::new(Exit::SETTINGS, message))
        }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The set that a person named: `latest`, the name of a set here, or a path. 66 when there is no such name; whether
    /// there is a set at a path, [`Set::open`](crate::Set::open) finds out.
    pub fn find(&self, name: &str, database: &str) -> Result<PathBuf, Failure> {
        if name == LATEST {
            return self.newest(database, None, None);
        }
        let (here, path) = (self.dir.join(name), PathBuf::from(name));
        let is_name = !name.contains('/');
        if is_name && here.is_dir() {
            return Ok(here);
        }
        if is_name && !path.exists() {
            let message = format!("there is no backup {name} in {}", self.dir.display());
            let hint = "name one of those that `backup-db list` shows, a path, or `latest`";
            return Err(Failure::new(Exit::ABSENT, message).hint(hint));
        }
        Ok(path)
    }

    /// The newest set of this database that was made before a moment and has a label, where these are asked for, by what the
    /// manifests say: 66 when there is none. A newest set that is damaged is still the newest: taking an older one instead
    /// is for a person to decide. One that is suspect is not, until a person has said that it may count. What `restore-db`
    /// has made of what it replaces is meant only by its label: a restore that is run again would bring that back.
    pub fn newest(&self, database: &str, before: Option<Time>, label: Option<&str>) -> Result<PathBuf, Failure> {
        let is_meant = |entry: &Entry| {
            let told = entry.manifest.as_ref().and_then(|manifest| manifest.label.as_deref());
            entry.is_of(database)
                && before.is_none_or(|before| entry.made_at().is_some_and(|made| made < before))
                && label.map_or(told != Some(SAFETY_LABEL), |label| told == Some(label))
        };
        let entries = self.entries()?;
        let hint = if entries.is_empty() {
            "make one: backup-db"
        } else {
            "name one by its path: `backup-db list` shows them, with --all those of other databases as well"
        };
        let (suspect, counting): (Vec<Entry>, Vec<Entry>) =
            entries.into_iter().filter(is_meant).partition(|entry| entry.mark.suspect.is_some());
        if let Some(newest) = counting.into_iter().next() {
            return Ok(newest.path);
        }
        let before = before.map(|before| format!(" from before {}", clock::rfc3339(before))).unwrap_or_default();
        let label = label.map(|label| format!(" with the label {label:?}")).unwrap_or_default();
        let what = format!("backup of {database}{before}{label} in {}", self.dir.display());
        Err(match suspect.first() {
            None => Failure::new(Exit::ABSENT, format!("there is no {what}")).hint(hint),
            Some(entry) => Failure::new(Exit::ABSENT, format!("every {what} is suspect"))
                .hint(format!("name one, or let the newest count: backup-db accept {}", entry.name)),
        })
    }

    /// Every set, newest first, as its manifest tells. A directory that is not there holds none.
    pub fn entries(&self) -> Result<Vec<Entry>, Failure> {
        let doing = format!("list {}", self.dir.display());
        let paths = match files::list(&self.dir) {
            Ok(paths) => paths,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(doing, &error)),
        };
        let mut entries = look(&paths);
        entries.sort_by_cached_key(Entry::newest_first);
        Ok(entries)
    }
}

/// Looks at all of them, on as many cores as there are: most of the time goes into a handful of system calls for each.
fn look(paths: &[PathBuf]) -> Vec<Entry> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let look = |paths: &[PathBuf]| paths.iter().filter_map(|path| Entry::look(path)).collect::<Vec<Entry>>();
    let share = paths.len().div_ceil(cores).max(WORTH_A_THREAD);
    if paths.len() <= share {
        return look(paths);
    }
    thread::scope(|scope| {
        let workers: Vec<_> = paths.chunks(share).map(|paths| scope.spawn(move || look(paths))).collect();
        let looked =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        looked.flatten().collect()
    })
}
