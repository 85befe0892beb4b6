//! `BACKUP_DIR`: the directory that holds the sets of an environment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kit::settings::Settings;
use kit::{Attempt, Exit, Failure};

use crate::deadline::Deadline;
use crate::manifest::Manifest;
use crate::set::{MANIFEST_FILE, Set, read_manifest};

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

    /// Opens and verifies the set that a person named: `latest`, the name of a set here, or a path.
    pub fn open(&self, name: &str, database: &Path, deadline: &Deadline) -> Result<Set, Failure> {
        if name == LATEST {
            return Set::open(&self.latest(database)?, deadline);
        }
        let here = self.dir.join(name);
        let is_name = !name.contains('/');
        let path = if is_name && here.is_dir() { here } else { PathBuf::from(name) };
        Set::open(&path, deadline).map_err(|failure| match failure.exit {
            Exit::ABSENT if is_name => {
                let message = format!("there is no backup {name} in {}", self.dir.display());
                Failure::new(Exit::ABSENT, message).hint("name one of those that are there, a path, or `latest`")
            }
            _ => failure,
        })
    }

    /// The newest set of this database, by what the manifests say: 66 when there is none. A newest set that is
    /// damaged is still the newest: taking an older one instead is for a person to decide.
    fn latest(&self, database: &Path) -> Result<PathBuf, Failure> {
        let of_database = |manifest: &Manifest| Path::new(&manifest.database) == database;
        let sets = self.sets()?;
        let newest = sets
            .into_iter()
            .filter(|(_, manifest)| of_database(manifest))
            .max_by_key(|(path, manifest)| (manifest.created_at, path.clone()));
        newest.map(|(path, _)| path).ok_or_else(|| {
            let message = format!("there is no backup of {} in {}", database.display(), self.dir.display());
            Failure::new(Exit::ABSENT, message).hint("name a backup by its path, or make one: backup-db")
        })
    }

    /// Every set that has a readable manifest. Hidden directories are not complete; those without a manifest of ours
    /// are nobody's business.
    fn sets(&self) -> Result<Vec<(PathBuf, Manifest)>, Failure> {
        let doing = format!("list {}", self.dir.display());
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(doing, &error)),
        };
        let mut sets = Vec::new();
        for entry in entries {
            let entry = entry.attempt(&doing)?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if hidden || !entry.path().join(MANIFEST_FILE).is_file() {
                continue;
            }
            if let Ok(manifest) = read_manifest(&entry.path()) {
                sets.push((entry.path(), manifest));
            }
        }
        Ok(sets)
    }
}
