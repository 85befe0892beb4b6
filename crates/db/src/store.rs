//! `BACKUP_DIR`: the directory that holds the sets of an environment.

use std::io;
use std::path::{Path, PathBuf};

use kit::settings::Settings;
use kit::{Exit, Failure, files};

use crate::entry::Entry;

/// What stands for the newest set.
pub const LATEST: &str = "latest";

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
            return self.latest(database);
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

    /// The newest set of this database, by what the manifests say: 66 when there is none. A newest set that is
    /// damaged is still the newest: taking an older one instead is for a person to decide.
    fn latest(&self, database: &str) -> Result<PathBuf, Failure> {
        let is_of_database = |entry: &Entry| entry.is_of(database);
        let newest = self.entries()?.into_iter().find(is_of_database);
        newest.map(|entry| entry.path).ok_or_else(|| {
            let message = format!("there is no backup of {database} in {}", self.dir.display());
            Failure::new(Exit::ABSENT, message).hint("name a backup by its path, or make one: backup-db")
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
        let mut entries: Vec<Entry> = paths.iter().filter_map(|path| Entry::look(path)).collect();
        entries.sort_by_cached_key(Entry::newest_first);
        Ok(entries)
    }
}
