//! The database of a backup, unpacked beside the live one and proven to be what the manifest says.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use db::Deadline;
use db::manifest::Census;
use kit::{Attempt, Context, Exit, Failure, files};

use crate::source::{Source, contents};

/// What follows the hidden name of the live database; the process id comes after it.
const MARK: &str = ".restore-";

/// A private file (0600) in the directory of the live database, so on the same file system. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Unpacked {
    path: PathBuf,
    tables: Census,
}

impl Unpacked {
    /// Unpacks a source: 73 when no file can be made beside the live database, 65 when the content does not verify. What
    /// a killed run left there is removed first.
    pub(crate) fn beside(live: &Path, source: &Source, deadline: &Deadline, cx: &Context) -> Result<Self, Failure> {
        remove_leftovers(live)?;
        source.require_room(live.parent().unwrap_or(Path::new("/")))?;
        let path = live.with_file_name(hidden_name(live, &process::id().to_string()));
        let doing = format!("write {}", path.display());
        let mut file = files::create(&path).map_err(|error| uncreatable(live, &Failure::io(&doing, &error)))?;
        let mut unpacked = Self { path, tables: Census::new() };
        source.unpack(&mut file, &unpacked.path, deadline, cx)?;
        file.sync_all().attempt(&doing)?;
        drop(file);
        unpacked.tables = source.examine(&unpacked.path, deadline)?;
        Ok(unpacked)
    }

    /// The tables in it with their rows.
    pub(crate) fn tables(&self) -> &Census {
        &self.tables
    }

    /// Its size, and what is in it.
    pub(crate) fn contents(&self) -> String {
        contents(self.path.metadata().map_or(0, |file| file.len()), &self.tables)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // SQLite takes its own files away when it closes; after a rename there is nothing. The next run removes what stays.
        for suffix in ["", "-wal", "-shm", "-journal"] {
            drop(fs::remove_file(with_suffix(&self.path, suffix)));
        }
    }
}

/// A path with something behind its file name, as SQLite names its `-wal` and `-shm`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut whole = OsString::from(path);
    whole.push(suffix);
    whole.into()
}

fn hidden_name(live: &Path, process: &str) -> OsString {
    let mut name = OsString::from(".");
    name.push(live.file_name().unwrap_or_default());
    name.push(MARK);
    name.push(process);
    name
}

/// Removes the copies of runs whose process is gone.
fn remove_leftovers(live: &Path) -> Result<(), Failure> {
    let dir = live.parent().unwrap_or(Path::new("/"));
    let doing = format!("look for leftovers in {}", dir.display());
    let paths = files::list(dir).map_err(|error| uncreatable(live, &Failure::io(&doing, &error)))?;
    for path in paths {
        if is_leftover(path.file_name().unwrap_or_default(), live) {
            fs::remove_file(&path).attempt(format_args!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn is_leftover(name: &OsStr, live: &Path) -> bool {
    let prefix = hidden_name(live, "");
    let Some(rest) = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes()) else {
        return false;
    };
    let rest = String::from_utf8_lossy(rest);
    let process = rest.split('-').next().unwrap_or_default();
    process.parse::<u32>().is_ok() && !Path::new("/proc").join(process).exists()
}

fn uncreatable(live: &Path, failure: &Failure) -> Failure {
    let dir = live.parent().unwrap_or(Path::new("/"));
    Failure::new(Exit::CANNOT_CREATE, &failure.message)
        .hint(format!("a directory that can be written to is needed: {}, with room for a copy", dir.display()))
}
