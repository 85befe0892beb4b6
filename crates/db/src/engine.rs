//! What the engines have in common, for the tools that treat them alike.

use std::fmt::{self, Display};
use std::io::{self, Read, Write};
use std::path::Path;

use kit::{Failure, Meter};
use serde::{Deserialize, Serialize};

use crate::deadline::Deadline;
use crate::manifest::Census;

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// SQLite, a library in this tool.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

impl Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        })
    }
}

/// What a dump looks like before it is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A SQLite database file.
    #[default]
    Sqlite,
    /// SQL statements.
    Plain,
    /// An archive for `pg_restore`, in one file.
    Custom,
    /// An archive for `pg_restore`, in a directory.
    Directory,
}

impl Format {
    /// The name of such a dump in a set, before the compression adds its own.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Sqlite => "database.sqlite",
            Self::Plain => "database.sql",
            Self::Custom => "database.dump",
            Self::Directory => "database.dir",
        }
    }
}

impl Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Plain => "plain",
            Self::Custom => "custom",
            Self::Directory => "directory",
        })
    }
}

/// Whether a dump is known to be what one of our own backups holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Its hash is that of the set's manifest.
    Verified,
    /// Nobody knows who made it.
    Unverified,
}

/// A database on a server that answers, with the client programs that fit it.
pub trait Server {
    /// The version of the server, as it says itself: `15.18`, `10.11.14-MariaDB`.
    fn version(&self) -> &str;

    /// The version of the client programs: `15.18`.
    fn client_version(&self) -> &str;

    /// About how many bytes the database holds; `None` when there is no database of that name.
    fn size(&self, deadline: &Deadline) -> Result<Option<u64>, Failure>;

    /// The tables of the database with their rows, counted now.
    fn census(&self, deadline: &Deadline) -> Result<Census, Failure>;

    /// Begins a dump that is read while it is made: plain, or custom where the engine has that.
    fn dump(&self, format: Format, deadline: &Deadline) -> Result<Box<dyn Dump>, Failure>;

    /// Makes a dump in a new directory, with so many jobs at once: 78 where the engine has no such format.
    fn dump_directory(&self, to: &Path, jobs: u32, meter: Meter, deadline: &Deadline) -> Result<Census, Failure>;

    /// What a person should know of a backup of this database: one sentence each, none when all is well.
    fn warnings(&self, _deadline: &Deadline) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    /// Proves that the role may read all that a backup needs: 77 with the statement that grants it. Returns what a backup
    /// needs besides, as SQL without secrets: what belongs to the server and not to the database, roles, settings of the
    /// database. Empty where there is no such thing.
    fn prepare(&self, deadline: &Deadline) -> Result<String, Failure>;
}

/// A dump that is being made. Its end does not say that it is whole: [`Dump::finish`] does.
pub trait Dump: Read {
    /// Asks the dumper how it ended: 69 when it could not connect any more, 77 when it was not permitted to read something,
    /// else 74, with its own words. Returns the tables with their rows.
    fn finish(self: Box<Self>) -> Result<Census, Failure>;
}

/// What is learnt from a plain dump by reading it, when it is made as well as when it is verified or restored.
pub trait Text {
    /// Takes the next bytes; they may end anywhere.
    fn read(&mut self, bytes: &[u8]);

    /// Refuses a text that does what no dump of one database does (65): commands to the client, statements that leave the
    /// database or change the server. Asked before the bytes that were read go to a client.
    fn require_harmless(&self) -> Result<(), Failure>;

    /// The tables with their rows: 65 when the text does not end as a whole dump does.
    fn finish(self: Box<Self>) -> Result<Census, Failure>;
}

/// Gives what is written to it to whoever learns from it.
pub(crate) struct Reader(pub(crate) Box<dyn Text>);

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.read(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
