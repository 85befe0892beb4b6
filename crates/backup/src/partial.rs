//! A set that is not complete yet, or no more: a hidden directory in BACKUP_DIR, which nobody takes for a backup.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;

use kit::clock::{self, Time};
use kit::{Attempt, Exit, Failure, files};

/// How the hidden directories are called; the process id follows.
const PREFIX: &str = ".partial-";

/// The file in BACKUP_DIR whose lock is shared by all who build a set there. It is never removed.
const LOCK: &str = ".lock";

/// A hidden directory to build a set in. Dropped before it is published, it takes everything with it.
#[derive(Debug)]
pub(crate) struct Partial {
    store: PathBuf,
    path: PathBuf,
    left: Vec<PathBuf>,
    _lock: File,
}

impl Partial {
    /// Makes the directory (0700), and BACKUP_DIR with it where that is missing: 73 when that is not possible. What
    /// killed runs left is removed, unless somebody builds a set here right now.
    pub(crate) fn begin(store: &Path, doing: &str) -> Result<Self, Failure> {
        let doing = format!("{doing} in {}", store.display());
        let uncreatable = |error: &io::Error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::io(&doing, error),
            _ => {
                let failure = Failure::io(&doing, error);
                Failure::new(Exit::CANNOT_CREATE, failure.message)
            }
        };
        let made = !store.exists();
        private(true).create(store).map_err(|error| uncreatable(&error))?;
        if let (true, Some(parent)) = (made, store.parent()) {
            files::sync_dir(parent).attempt(format_args!("flush {}", parent.display()))?;
        }
        let (lock, left) = share(store).map_err(|error| uncreatable(&error))?;
        let path = store.join(format!("{PREFIX}{}", process::id()));
        private(false).create(&path).map_err(|error| uncreatable(&error))?;
        Ok(Self { store: store.to_owned(), path, left, _lock: lock })
    }

    /// What killed runs left, and cannot be removed.
    pub(crate) fn left(&self) -> &[PathBuf] {
        &self.left
    }

    /// Where the set is built.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the set its final name, that of its time; `-2`, `-3` … follows where a name is taken. It is complete and
    /// on disk before, and its name is on disk after.
    pub(crate) fn publish(self, created_at: Time) -> Result<PathBuf, Failure> {
        let name = clock::file_name(created_at);
        let names = std::iter::once(name.clone()).chain((2_u32..).map(|number| format!("{name}-{number}")));
        let doing = format!("give the backup its name in {}", self.store.display());
        for name in names {
            let path = self.store.join(name);
            if path.symlink_metadata().is_ok() {
                continue;
            }
            match fs::rename(&self.path, &path) {
                Ok(()) => return self.keep(path).attempt(&doing),
                // Another run was faster: a directory that holds something is not replaced (rename(2)).
                Err(error) if is_taken(&error) => {}
                Err(error) => return Err(Failure::io(&doing, &error)),
            }
        }
        Err(Failure::new(Exit::CANNOT_CREATE, format!("cannot {doing}: every name is taken")))
    }

    /// Makes the name durable; one that might not survive a power cut is taken back, and the set goes with it.
    fn keep(&self, path: PathBuf) -> io::Result<PathBuf> {
        let kept = files::sync_dir(&self.store);
        if kept.is_err() {
            drop(fs::rename(&path, &self.path));
        }
        kept.map(|()| path)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a rename there is nothing; otherwise the next run removes what stays.
        drop(files::remove_tree(&self.path));
    }
}

/// Takes a set's name away, durably, before its files: half a set is none, and the next run clears what is left of it.
/// `false` when another run was faster.
pub(crate) fn remove(set: &Path) -> Result<bool, Failure> {
    let name = set.file_name().unwrap_or_default().to_string_lossy();
    let hidden = set.with_file_name(format!("{PREFIX}{}-{name}", process::id()));
    let doing = format!("remove {}", set.display());
    match fs::rename(set, &hidden) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        renamed => renamed.attempt(&doing)?,
    }
    files::sync_dir(set.parent().unwrap_or(set)).attempt(&doing)?;
    match fs::remove_dir_all(&hidden) {
        // Another run that cleared up was faster.
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let hint = format!("what is left of it is {}: remove it by hand", hidden.display());
            Err(Failure::io(&doing, &error).hint(hint))
        }
        _ => Ok(true),
    }
}

fn private(recursive: bool) -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(recursive).mode(0o700);
    builder
}

/// Shares the lock of those who build. Whoever gets it alone first removes what killed runs left. What does not go is hidden,
/// and no reason to make no backup: it is returned.
pub(crate) fn share(store: &Path) -> io::Result<(File, Vec<PathBuf>)> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(store.join(LOCK))?;
    let left = match file.try_lock() {
        Ok(()) => remove_leftovers(store)?,
        Err(TryLockError::WouldBlock) => Vec::new(),
        Err(TryLockError::Error(error)) => return Err(error),
    };
    file.lock_shared()?;
    Ok((file, left))
}

/// Removes what killed runs have left, and returns what does not go.
fn remove_leftovers(store: &Path) -> io::Result<Vec<PathBuf>> {
    let is_left = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) && path.symlink_metadata().is_ok_and(|it| it.is_dir())
    };
    Ok(files::list(store)?.into_iter().filter(|path| is_left(path) && files::remove_tree(path).is_err()).collect())
}

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory
    )
}
