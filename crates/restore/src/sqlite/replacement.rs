//! How the live database takes the backup over.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use db::Deadline;
use db::sqlite::{self, Live};
use kit::{Attempt, Context, Exit, Failure, clock, files};

use crate::sqlite::target::Target;
use crate::sqlite::unpacked::{Unpacked, with_suffix};

/// What SQLite keeps beside a database; put beside another one it would corrupt it.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What was done.
pub(crate) enum Replacement {
    /// The file took the content over in one transaction.
    InPlace,
    /// A new file has the name; the old one, if there was any, is kept under this one.
    ByRename(Option<PathBuf>),
}

impl Replacement {
    /// Replaces the content of a sound database in one transaction, and anything else by a rename.
    pub(crate) fn make(target: &Target, live: &Live, copy: &Unpacked, deadline: &Deadline) -> Result<Self, Failure> {
        if let Live::Sound { .. } = live {
            match sqlite::overwrite(target.path(), copy.path(), deadline) {
                Ok(()) => return Ok(Self::InPlace),
                // Damage that a look at the tables does not meet.
                Err(failure) if failure.exit == Exit::DAMAGED => {}
                Err(failure) => return Err(failure),
            }
        }
        deadline.check()?;
        rename(copy.path(), target.path()).map(Self::ByRename)
    }

    /// Says and records what a person must know.
    pub(crate) fn tell(&self, target: &Target, cx: &mut Context) {
        let Self::ByRename(kept) = self else {
            cx.detail("replaced", "in place");
            return;
        };
        cx.detail("replaced", "by rename");
        if let Some(kept) = kept {
            cx.detail("kept", kept.display().to_string());
            cx.warn(&format!("what was there is kept as {}", kept.display()));
        }
        cx.warn(&format!(
            "{} is a new file: restart the app, which may have the old one open",
            target.path().display()
        ));
    }
}

/// Gives the copy the live name, with owner and mode of the file that it replaces. The old file keeps a second name
/// first, so there is no moment at which a program finds no database and makes an empty one.
fn rename(copy: &Path, live: &Path) -> Result<Option<PathBuf>, Failure> {
    let aside = free_name(live);
    let mut kept = None;
    let doing = format!("keep {} as {}", live.display(), aside.display());
    match fs::metadata(live) {
        Ok(old) => {
            inherit(copy, &old)?;
            fs::hard_link(live, &aside).attempt(&doing)?;
            kept = Some(aside.clone());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::io(doing, &error)),
    }
    for companion in COMPANIONS {
        match fs::rename(with_suffix(live, companion), with_suffix(&aside, companion)) {
            Ok(()) => kept = Some(aside.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::io(doing, &error)),
        }
    }
    files::publish(copy, live).map_err(|failure| failure.hint("it may have its name already: restore again"))?;
    Ok(kept)
}

fn inherit(copy: &Path, old: &Metadata) -> Result<(), Failure> {
    let doing = format!("give {} the owner and mode of the old file", copy.display());
    let new = fs::metadata(copy).attempt(&doing)?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        chown(copy, Some(old.uid()), Some(old.gid())).attempt(&doing)?;
    }
    fs::set_permissions(copy, old.permissions()).attempt(&doing)
}

/// `NAME.damaged-TIME`, and a number behind it where that is taken.
fn free_name(live: &Path) -> PathBuf {
    let first = with_suffix(live, &format!(".damaged-{}", clock::file_name(clock::now())));
    let numbered = (2_u32..).map(|number| with_suffix(&first, &format!("-{number}")));
    let is_free = |path: &PathBuf| {
        let companions = COMPANIONS.map(|companion| with_suffix(path, companion));
        path.symlink_metadata().is_err() && companions.iter().all(|path| path.symlink_metadata().is_err())
    };
    std::iter::once(first.clone()).chain(numbered).find(is_free).unwrap_or(first)
}
