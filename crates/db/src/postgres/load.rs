//! Loads a dump into a database: plain by `psql`, an archive by `pg_restore`.

use std::io::{self, Write};
use std::path::Path;

use kit::process::{Consumer, Ended, Sink};
use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::engine::{Text, Trust};
use crate::manifest::Census;
use crate::postgres::script::Script;
use crate::postgres::session::random_key;
use crate::postgres::{Postgres, archive, trouble};

/// A plain dump on its way into a database. It is loaded when [`Loading::finish`] says so.
#[derive(Debug)]
pub struct Loading {
    consumer: Consumer,
    script: Script,
    /// Why nothing more may be loaded.
    refused: Option<Failure>,
    /// Whether psql took no more.
    is_cut_off: bool,
    /// What ends the restriction.
    key: Option<String>,
    doing: String,
}

/// Begins to load. Not all in one transaction: a dump of many large objects takes more locks than a server has for one, and
/// a database that was not filled to its end is dropped anyway. Nothing of it needs to be on the disk before the swap, whose
/// commit is the first that waits for the disk.
pub(crate) fn begin(database: &Postgres, trust: Trust, deadline: &Deadline) -> Result<Loading, Failure> {
    let clients = &database.clients;
    if trust == Trust::Unverified && !clients.version.knows_restrict() {
        let message =
            format!("psql {} runs whatever command a dump holds, and this dump is not verified", clients.version);
        return Err(Failure::new(Exit::UNAVAILABLE, message)
            .hint("update postgresql-client: 13.22, 14.19, 15.14, 16.10, 17.6 and later know \\restrict"));
    }
    let psql = database.program("psql")?.args([
        "--no-psqlrc",
        "--no-password",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        // With the SQLSTATE, whatever language the server speaks.
        "--set=VERBOSITY=verbose",
        "--file=-",
    ]);
    let mut consumer = psql.stdout(Sink::Null).deadline(deadline.remaining()).consume()?;
    let key = clients.version.knows_restrict().then(random_key).transpose()?;
    let begin = key.as_ref().map(|key| format!("\\restrict {key}\n")).unwrap_or_default();
    // When this fails psql has ended; `finish` asks it why.
    drop(write!(consumer, "{begin}SET synchronous_commit = off;\nSET client_min_messages = warning;\n"));
    let doing = format!("load the dump into {}", database.address);
    Ok(Loading { consumer, script: Script::default(), refused: None, is_cut_off: false, key, doing })
}

impl Loading {
    /// Ends the dump: its tables with their rows, when all of it was there and is loaded. 65 for a dump that is not whole
    /// or holds a command for psql, 77 for what the role may not make, else 74, with psql's words.
    pub fn finish(mut self) -> Result<Census, Failure> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        // A dump that was not written to its end, because psql has ended, is not whole either: psql knows why.
        let census = if self.is_cut_off { None } else { Some(Box::new(self.script).finish()?) };
        let end = self.key.as_ref().map(|key| format!("\n\\unrestrict {key}\n")).unwrap_or_default();
        drop(self.consumer.write_all(end.as_bytes()));
        let ended = self.consumer.finish()?;
        match census {
            Some(census) if ended.status.is_success() => Ok(census),
            _ => Err(why_not(&self.doing, &ended)),
        }
    }
}

impl Write for Loading {
    /// Nothing of what holds a command for psql is sent.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.script.pass(bytes) {
            Ok(pieces) => {
                let sent = pieces.into_iter().try_for_each(|piece| self.consumer.write_all(piece));
                self.is_cut_off |= sent.is_err();
                sent.map(|()| bytes.len())
            }
            Err(refused) => {
                let error = io::Error::new(io::ErrorKind::InvalidData, refused.message.clone());
                self.refused = Some(refused);
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Loads an archive. The empty name makes `pg_restore` connect, and lets `PGDATABASE` say where, which is never taken for a
/// connection string. 65 for one that cannot be read to its end.
pub(crate) fn archive(database: &Postgres, path: &Path, jobs: u32, deadline: &Deadline) -> Result<(), Failure> {
    let pg_restore = database.program("pg_restore")?.args(["--no-password", "--exit-on-error", "--dbname="]);
    let pg_restore = pg_restore.arg(format!("--jobs={}", jobs.max(1))).arg("--").arg(path);
    let ended = pg_restore.deadline(deadline.remaining()).ends_its_group().run()?;
    if ended.status.is_success() {
        return Ok(());
    }
    let failure = why_not(&format!("load the archive into {}", database.address), &ended);
    if failure.exit != Exit::IO {
        return Err(failure);
    }
    // It fails alike at an archive that it cannot read, and at a server that does not take what it reads.
    let read = archive::read(path, &database.clients, deadline).err();
    Err(read.filter(|read| read.exit == Exit::DAMAGED).unwrap_or(failure))
}

fn why_not(doing: &str, ended: &Ended) -> Failure {
    let failure = trouble::failure(doing, ended);
    match failure.exit {
        Exit::NOT_PERMITTED => failure.hint(
            "what belongs to another role, or needs a superuser, is restored with ADMIN_DATABASE_URL set to a superuser's URL",
        ),
        _ => failure,
    }
}
