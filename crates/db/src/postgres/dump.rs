//! A dump that is read while `pg_dump` makes it, and one that it makes in a directory.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use kit::process::{Consumer, Ended, Producer, Program, Sink, Status};
use kit::{Attempt, Exit, Failure, Meter};

use crate::deadline::Deadline;
use crate::engine::{Dump, Format, Text};
use crate::manifest::Census;
use crate::postgres::script::Script;
use crate::postgres::session::Session;
use crate::postgres::{Postgres, census, trouble};

/// No dump waits longer for a lock that somebody else holds on a table.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// A running `pg_dump`.
struct Running {
    producer: Producer,
    counted: Counted,
    is_read: bool,
    doing: String,
}

/// Where the numbers of rows come from.
enum Counted {
    /// From the dump itself.
    InText(Box<Script>),
    /// From the snapshot that the dump shows as well.
    InSnapshot(Box<Snapshot>, Box<Archive>),
}

/// `pg_restore`, which reads an archive while it is made and loads it nowhere: nothing at the end of an archive says that it
/// is the end.
struct Archive {
    consumer: Consumer,
}

impl Archive {
    fn begin(server: &Postgres, deadline: &Deadline) -> Result<Self, Failure> {
        let pg_restore = Program::at(server.clients.path("pg_restore")).arg("--file=/dev/null").stdout(Sink::Null);
        Ok(Self { consumer: pg_restore.deadline(deadline.remaining()).consume()? })
    }

    fn read(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.consumer.write_all(bytes) {
            // It says at its end why it reads no more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    fn finish(self, doing: &str) -> Result<(), Failure> {
        require_whole(doing, &self.consumer.finish()?)
    }
}

/// Whether `pg_restore` could read what `pg_dump` called whole: 65 when it could not.
fn require_whole(doing: &str, ended: &Ended) -> Result<(), Failure> {
    match judge(doing, ended) {
        Err(failure) if matches!(ended.status, Status::Exit(_)) => {
            Err(Failure::new(Exit::DAMAGED, format!("{}: what pg_dump made is not whole", failure.message)))
        }
        judged => judged,
    }
}

/// A moment of the database, which the server keeps for other connections as long as this one is open.
struct Snapshot {
    session: Session,
    id: String,
}

impl Snapshot {
    fn take(server: &Postgres, deadline: &Deadline) -> Result<Self, Failure> {
        let mut session = server.session(deadline)?;
        // It counts beside the dump, which needs the processors as well.
        let id = session.value(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL max_parallel_workers_per_gather = 0; \
             SELECT pg_export_snapshot();",
        )?;
        Ok(Self { session, id })
    }

    fn argument(&self) -> String {
        format!("--snapshot={}", self.id)
    }

    /// Judges the dump that has shown it, and counts what was in it.
    fn finish(mut self, doing: &str, ended: &Ended) -> Result<Census, Failure> {
        let census = match judge(doing, ended) {
            Ok(()) => census::fetch(&mut self.session)?,
            // It was gone before the dump had it: why, this side knows.
            Err(failure) if failure.message.contains("snapshot") => {
                return Err(census::fetch(&mut self.session).err().unwrap_or(failure));
            }
            Err(failure) => return Err(failure),
        };
        self.session.close()?;
        Ok(census)
    }
}

/// Begins a dump, plain or custom.
pub(crate) fn begin(server: &Postgres, format: Format, deadline: &Deadline) -> Result<Box<dyn Dump>, Failure> {
    let (program, counted) = match format {
        Format::Plain => (pg_dump(server, deadline)?.arg("--format=plain"), Counted::InText(Box::default())),
        Format::Custom => {
            let mut snapshot = Snapshot::take(server, deadline)?;
            census::begin(&mut snapshot.session)?;
            let program = pg_dump(server, deadline)?.args(["--format=custom", "--compress=0"]).arg(snapshot.argument());
            (program, Counted::InSnapshot(Box::new(snapshot), Box::new(Archive::begin(server, deadline)?)))
        }
        Format::Sqlite | Format::Directory => {
            return Err(Failure::new(
                Exit::SETTINGS,
                format!("PostgreSQL cannot stream a dump in the {format} format"),
            ));
        }
    };
    Ok(Box::new(Running { producer: program.produce()?, counted, is_read: false, doing: doing(server) }))
}

/// Makes a dump in a new directory. `pg_dump` itself writes it through to the disk.
pub(crate) fn to_directory(
    server: &Postgres,
    to: &Path,
    jobs: u32,
    meter: Meter,
    deadline: &Deadline,
) -> Result<Census, Failure> {
    let mut snapshot = Snapshot::take(server, deadline)?;
    census::begin(&mut snapshot.session)?;
    let program = pg_dump(server, deadline)?
        .args(["--format=directory", "--compress=1"])
        .arg(format!("--jobs={}", jobs.max(1)))
        .arg(snapshot.argument())
        .arg("--file")
        .arg(to);
    // It prints nothing: what there is to see of it lies on the disk.
    let dumping = program.private().produce()?;
    let mut line = meter.line();
    while !dumping.is_ready().attempt(doing(server))? {
        line.reach(|| size_of(to));
    }
    drop(line);
    let census = snapshot.finish(&doing(server), &dumping.finish()?)?;
    // The table of contents comes last.
    let list = Program::at(server.clients.path("pg_restore")).arg("--list").arg("--").arg(to).stdout(Sink::Null);
    require_whole(&doing(server), &list.deadline(deadline.remaining()).run()?)?;
    Ok(census)
}

/// How many bytes the files of a directory have by now, as far as one can look.
fn size_of(dir: &Path) -> u64 {
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

fn pg_dump(server: &Postgres, deadline: &Deadline) -> Result<Program, Failure> {
    let wait = LOCK_WAIT.min(deadline.remaining()).as_millis().max(1);
    let program = server.program("pg_dump")?.arg("--no-password").arg(format!("--lock-wait-timeout={wait}"));
    Ok(program.deadline(deadline.remaining()))
}

fn judge(doing: &str, ended: &Ended) -> Result<(), Failure> {
    if ended.status.is_success() { Ok(()) } else { Err(trouble::failure(doing, ended)) }
}

fn doing(server: &Postgres) -> String {
    format!("dump {}", server.address())
}

impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.producer.read(buffer);
        self.is_read |= read.as_ref().map_or(true, |length| *length == 0 && !buffer.is_empty());
        let length = read?;
        let bytes = buffer.get(..length).unwrap_or_default();
        match &mut self.counted {
            Counted::InText(script) => script.read(bytes),
            Counted::InSnapshot(_, archive) => archive.read(bytes)?,
        }
        Ok(length)
    }
}

impl Dump for Running {
    fn finish(self: Box<Self>) -> Result<Census, Failure> {
        let Self { producer, counted, is_read, doing } = *self;
        if !is_read {
            // Its pipe is full and nobody empties it: it would never end by itself.
            return Err(Failure::new(Exit::IO, format!("cannot {doing}: its output was not read to the end")));
        }
        let ended = producer.finish()?;
        match counted {
            Counted::InText(script) => judge(&doing, &ended).and_then(|()| script.finish()),
            Counted::InSnapshot(snapshot, archive) => {
                let census = snapshot.finish(&doing, &ended)?;
                archive.finish(&doing).map(|()| census)
            }
        }
    }
}
