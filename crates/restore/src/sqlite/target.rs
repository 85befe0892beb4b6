//! The database that is to be replaced: which it is, what is there now, whether it took the backup over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use db::manifest::{Census, difference};
use db::sqlite::{self, Live};
use db::{Deadline, Engine, Url};
use kit::{Attempt, Context, Exit, Failure};

use crate::source::{Source, contents};
use crate::sqlite::unpacked::Unpacked;

/// The live database's file.
#[derive(Debug)]
pub(crate) struct Target {
    path: PathBuf,
}

impl Target {
    /// The database of the settings, which must be the one that the set was made of, unless another one is wanted: 78
    /// otherwise. A symbolic link is followed, so that it stays one.
    pub(crate) fn find(url: &Url, source: &Source, into_other: bool) -> Result<Self, Failure> {
        let file = url.require_file()?;
        let path = resolve(file)?;
        let Source::Set(set) = source else {
            return Ok(Self { path });
        };
        let manifest = set.manifest();
        if manifest.engine != Engine::Sqlite {
            let message = format!("{} is of a {} database, and {url} is none", source.spell(), manifest.engine);
            return Err(Failure::new(Exit::SETTINGS, message).hint("set DATABASE_URL to a database of that engine"));
        }
        let origin = Path::new(&manifest.database);
        if into_other || origin == file || resolve(origin).is_ok_and(|origin| origin == path) {
            return Ok(Self { path });
        }
        let message = format!("the backup {} is of {}, not of {url}", set.path().display(), origin.display());
        let hint = format!(
            "to restore it there, set DATABASE_URL=sqlite://{}; to restore it here all the same, say --into-other",
            origin.display()
        );
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

    /// What is wrong with it, looked at through and through.
    pub(crate) fn damage(&self, deadline: &Deadline) -> Result<Option<String>, Failure> {
        match sqlite::inspect_live(&self.path, deadline) {
            Ok(_) => Ok(None),
            Err(failure) if failure.exit == Exit::DAMAGED => Ok(Some(failure.message)),
            Err(failure) => Err(failure),
        }
    }

    /// Proves that the live database is sound and holds what the backup holds: 74 when it is damaged. The work is done
    /// by now, so what only keeps us from looking, and rows that somebody writes meanwhile, are worth a word, not a
    /// failure.
    pub(crate) fn verify(&self, expected: &Census, deadline: &Deadline, cx: &Context) -> Result<(), Failure> {
        match sqlite::inspect_live(&self.path, deadline) {
            Ok(tables) => {
                if let Some(difference) = difference(expected, &tables) {
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
pub(crate) fn announcement(target: &Target, live: &Live, source: &Source, copy: &Unpacked) -> String {
    let path = target.path().display();
    let now = match live {
        Live::Missing => format!("making {path}, which is not there,"),
        Live::Damaged(why) => format!("replacing {path}, which is damaged ({why}),"),
        Live::Sound { size, tables } => format!("replacing {path} ({})", contents(*size, tables)),
    };
    format!("{now} from {} ({})", source.spell(), copy.contents())
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
