//! Reads an archive as `pg_restore` does, and without a server.

use std::path::Path;

use kit::process::{Program, Status};
use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::digest::pump;
use crate::engine::Reader;
use crate::manifest::Census;
use crate::postgres::client::Clients;
use crate::postgres::script::Script;
use crate::postgres::trouble;
use crate::postgres::version::Version;

/// The tables of an archive, a file or a directory, with their rows, which clients of this version have made: 65 for one that
/// cannot be read to its end, 69 when there are no such clients here.
pub fn read_archive(archive: &Path, made_by: &str, deadline: &Deadline) -> Result<Census, Failure> {
    let version = Version::find(made_by)
        .ok_or_else(|| Failure::new(Exit::DAMAGED, "nothing says which version of pg_restore reads the archive"))?;
    read(archive, &Clients::matching(version)?, deadline)
}

/// What `pg_restore` says of the machine, or of itself, and not of the archive.
const NO_VERDICTS: [&str; 5] =
    ["out of memory", "Permission denied", "Input/output error", "Too many open files", "unsupported version"];

/// The same by these clients.
pub(crate) fn read(archive: &Path, clients: &Clients, deadline: &Deadline) -> Result<Census, Failure> {
    let doing = "read the archive";
    let program = Program::at(clients.path("pg_restore")).args(["--file=-", "--"]).arg(archive);
    let mut producer = program.deadline(deadline.remaining()).produce()?;
    let mut reader = Reader(Box::<Script>::default());
    pump(&mut producer, &mut reader, deadline, |error| Failure::io(doing, error), doing)?;
    let ended = producer.finish()?;
    if ended.status.is_success() {
        return reader.0.finish();
    }
    let failure = trouble::failure(doing, &ended);
    let said = String::from_utf8_lossy(&ended.stderr);
    let is_verdict = matches!(ended.status, Status::Exit(_)) && !NO_VERDICTS.iter().any(|words| said.contains(words));
    let exit = if is_verdict { Exit::DAMAGED } else { failure.exit };
    Err(Failure::new(exit, failure.message))
}
