//! The proof that a backup would restore: what restore-db checks before it touches anything.

use std::path::Path;

use db::{Deadline, Format, Set, Store};
use kit::{Attempt, Exit, Failure, Meter, files};

use crate::partial::Partial;

/// Reads an opened set, whose files are what SHA256SUMS says by now, through and through: 65 unless length and hash, the
/// database, its tables and its rows are as the manifest says. A SQLite database, and an archive in one file, is unpacked to
/// a hidden copy in BACKUP_DIR: 73 when there can be none. 69 for an archive when there is no `pg_restore`, which alone reads it.
pub(crate) fn prove(set: &Set, store: &Store, meter: Meter, deadline: &Deadline) -> Result<(), Failure> {
    let meter = meter.expecting(set.manifest().raw.size);
    match set.manifest().format {
        Format::Sqlite => unpacked(set, store, meter, deadline, |copy| set.compare(copy, deadline)),
        Format::Plain => set.read_text(meter, deadline),
        Format::Custom => unpacked(set, store, meter, deadline, |copy| set.read_archive(copy, deadline)),
        Format::Directory => set.read_archive(&set.path().join(&set.manifest().file), deadline),
    }
}

/// Looks at a copy of what the set holds.
fn unpacked(
    set: &Set,
    store: &Store,
    meter: Meter,
    deadline: &Deadline,
    look: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let scratch = Partial::begin(store.dir(), "unpack a copy").map_err(|failure| match failure.exit {
        Exit::CANNOT_CREATE => failure.hint("to verify, a copy is unpacked there: it must be writable, and have room"),
        _ => failure,
    })?;
    let copy = scratch.path().join("copy");
    let file = files::create(&copy).attempt(format_args!("write {}", copy.display()))?;
    set.unpack(&mut meter.watch(file), deadline)?;
    look(&copy)
}
