//! The proof that a backup would restore: what restore-db checks before it touches anything.

use std::io;

use db::{Deadline, Format, Set, Store};
use kit::{Attempt, Exit, Failure, Meter, files};

use crate::partial::Partial;

/// Reads an opened set, whose files are what SHA256SUMS says by now, through and through: 65 unless length and hash, the
/// database, its tables and its rows are as the manifest says. A SQLite database is unpacked to a hidden copy in BACKUP_DIR:
/// 73 when there can be none.
pub(crate) fn prove(set: &Set, store: &Store, meter: Meter, deadline: &Deadline) -> Result<(), Failure> {
    let meter = meter.expecting(set.manifest().raw.size);
    match set.manifest().format {
        Format::Sqlite => prove_database(set, store, meter, deadline),
        Format::Plain => set.read_text(meter, deadline),
        Format::Custom => set.unpack(&mut meter.watch(io::sink()), deadline),
        // Its files have been hashed, and pg_restore alone can read them.
        Format::Directory => Ok(()),
    }
}

fn prove_database(set: &Set, store: &Store, meter: Meter, deadline: &Deadline) -> Result<(), Failure> {
    let scratch = Partial::begin(store.dir(), "unpack a copy").map_err(|failure| match failure.exit {
        Exit::CANNOT_CREATE => failure.hint("to verify, room for the unpacked database is needed there"),
        _ => failure,
    })?;
    let copy = scratch.path().join("copy.sqlite");
    let file = files::create(&copy).attempt(format_args!("write {}", copy.display()))?;
    set.unpack(&mut meter.watch(file), deadline)?;
    set.compare(&copy, deadline)
}
