//! The database that is to be replaced: which it is, what is there now, whether it took the backup over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use db::manifest::difference;
use db::sqlite::{self, Live};
use db::{Deadline, Manifest, Set, Url};
use kit::{Attempt, Context, Exit, Failure, clock};

/// The live database's file.
#[derive(Debug)]
pub(crate) struct Target {
    path: PathBuf,
}

impl Target {
    /// The database of the settings, which must be the one that the set was made of: 78 otherwise. A symbolic link is
    /// followed, so that it stays one.
    pub(crate) fn find(url: &Url, set: &Set) -> Result<Self, Failure> {
        let file = url.require_file()?;
        let path = resolve(file)?;
        let origin = Path::new(&set.manifest().database);
        if origin == file || resolve(origin).is_ok_and(|origin| origin == path) {
            return Ok(Self { path });
        }
        let message = format!("the backup {} is of {}, not of {url}", set.path().display(), origin.display());
        let hint = format!("to restore it there, set DATABASE_URL=sqlite://{}", origin.display());
        Err(Failure::new(Exit::SETTINGS, message).hint(hint))
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is there now.
    pub(crate) fn look(&self, deadline: &Deadline) -> Result<Live, Failure> {
        sqlite::look(&self.path, deadline)
    }

    /// Proves that the live database is sound and holds what the backup holds: 74 when it is damaged. The work is done
    /// by now, so what only keeps us from looking, and rows that somebody writes meanwhile, are worth a word, not a
    /// failure.
    pub(crate) fn verify(&self, set: &Set, deadline: &Deadline, cx: &Context) -> Result<(), Failure> {
        match sqlite::inspect_live(&self.path, deadline) {
            Ok(tables) => {
                if let Some(difference) = difference(&set.manifest().tables, &tables) {
                    cx.warn(&format!("restored, and somebody writes to it already: {difference}"));
                }
                Ok(())
            }
            Err(failure) if failure.exit == Exit::DAMAGED => {
                let message = format!("the restored database does not verify: {}", failure.message);
                Err(Failure::new(Exit::IO, message).hint("look for errors of the disk, then restore again"))
            }
            Err(failure) => {
                cx.warn(&format!("restored, but not looked at again: {}", failure.message));
                Ok(())
            }
        }
    }
}

/// What is there now and what comes, in one sentence.
pub(crate) fn announcement(target: &Target, live: &Live, set: &Set) -> String {
    let path = target.path().display();
    let now = match live {
        Live::Missing => format!("making {path}, which is not there,"),
        Live::Damaged(why) => format!("replacing {path}, which is damaged ({why}),"),
        Live::Sound { size, tables } => {
            let rows: u64 = tables.values().sum();
            format!("replacing {path} ({})", contents(*size, tables.len(), rows))
        }
    };
    let manifest: &Manifest = set.manifest();
    format!(
        "{now} from the backup {} of {} ({})",
        set.path().display(),
        clock::rfc3339(manifest.created_at),
        contents(manifest.raw.size, manifest.tables.len(), manifest.rows())
    )
}

fn contents(size: u64, tables: usize, rows: u64) -> String {
    let plural = |number: u64, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let tables = plural(tables as u64, "table");
    format!("{size} bytes, {tables}, {}", plural(rows, "row"))
}

/// The path without symbolic links; as it is when there is no file yet. A link that points at nothing is 66.
fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.is_symlink() {
                let message = format!("{} is a symbolic link that points at nothing", path.display());
                return Err(Failure::new(Exit::ABSENT, message).hint("remove the link, or make the file that it means"));
            }
            Ok(path.to_owned())
        }
        resolved => resolved.attempt(format_args!("find {}", path.display())),
    }
}
