//! What is at the path of the live database now.

use std::fs;
use std::io;
use std::path::Path;

use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::manifest::Census;
use crate::sqlite::census::count;
use crate::sqlite::connection::open_live;

/// The state of a live database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// There is no file.
    Missing,
    /// There is a file, but SQLite cannot use it: why.
    Damaged(String),
    /// A database.
    Sound {
        /// The size of its file, in bytes.
        size: u64,
        /// Its tables.
        tables: Census,
    },
}

/// The size of a database's file; `None` when there is none, 65 when it is something else than a file.
pub fn size(path: &Path) -> Result<Option<u64>, Failure> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => {
            let message = format!("{} is not a regular file, so it is no database", path.display());
            Err(Failure::new(Exit::DAMAGED, message))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Failure::io(format_args!("open {}", path.display()), &error)),
    }
}

/// Looks at a live database without changing it, waiting while others keep it busy. A file of no bytes is damaged: SQLite
/// would take it for an empty database, and nobody backs up an empty database on purpose.
pub fn look(path: &Path, deadline: &Deadline) -> Result<Live, Failure> {
    let size = match size(path)? {
        None => return Ok(Live::Missing),
        Some(0) => return Ok(Live::Damaged(format!("{} has no bytes", path.display()))),
        Some(size) => size,
    };
    let counted = open_live(path, deadline).and_then(|connection| count(&connection, path, deadline));
    match counted {
        Ok(tables) => Ok(Live::Sound { size, tables }),
        Err(failure) if failure.exit == Exit::DAMAGED => Ok(Live::Damaged(failure.message)),
        Err(failure) => Err(failure),
    }
}
