//! A set, from the first byte to the last proof.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use db::checksums::Sums;
use db::digest::{Digest, Tally};
use db::engine::Server;
use db::manifest::{Census, Raw, VERSION, file_name};
use db::packing::pack;
use db::set::MANIFEST_FILE;
use db::{Deadline, Format, Manifest, Set, checksums, sqlite};
use kit::settings::Settings;
use kit::{Attempt, Failure, clock, files};

use crate::config;
use crate::manner::Manner;
use crate::source::Database;

/// The uncompressed copy, for as long as it is needed.
const SNAPSHOT: &str = ".snapshot.sqlite";

/// What a server has beside the database, in a set.
const GLOBALS: &str = "globals.sql";

const WRITING: &str = "write the dump";

/// What the manifest tells beside the database itself.
pub(crate) struct Facts {
    pub(crate) env: Option<String>,
    pub(crate) deploy: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) label: Option<String>,
}

/// What came of the database.
pub(crate) struct Data {
    pub(crate) raw: Raw,
    pub(crate) stored: Digest,
    pub(crate) tables: Census,
    engine_version: String,
    client_version: Option<String>,
}

/// Builds a whole set in `dir`, flushed to disk. The copy of a SQLite database is then proven by reading; a dump of a server
/// is as whole as the program that made it says.
pub(crate) fn capture(
    dir: &Path,
    database: &Database,
    facts: Facts,
    manner: Manner,
    (settings, include): (&Settings, &[PathBuf]),
    deadline: &Deadline,
) -> Result<Manifest, Failure> {
    let created_at = clock::now();
    let file = file_name(manner.format, manner.packing.codec);
    let path = dir.join(&file);
    let (data, known) = match database {
        Database::Server { server, .. } if manner.format == Format::Directory => {
            of_directory(server.as_ref(), dir, &file, manner, deadline)?
        }
        _ => {
            let stored = files::create(&path).attempt(format_args!("write {}", path.display()))?;
            let data = deliver(database, Some(dir), &stored, manner, deadline)?;
            stored.sync_all().attempt(format_args!("flush {}", path.display()))?;
            let known = Sums::from([(file.clone(), data.stored.sha256.clone())]);
            (data, known)
        }
    };
    if let Database::Server { server, .. } = database {
        keep_globals(server.as_ref(), dir, deadline)?;
    }
    let manifest = Manifest {
        v: VERSION,
        engine: database.engine(),
        engine_version: data.engine_version,
        client_version: data.client_version,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        database: database.identity(),
        created_at,
        finished_at: Some(clock::now()),
        env: facts.env,
        deploy: facts.deploy,
        commit: facts.commit,
        release: facts.release,
        label: facts.label,
        format: manner.format,
        compression: manner.packing.codec,
        file,
        raw: data.raw,
        stored: data.stored,
        tables: data.tables,
        config: config::copy(settings, include, dir)?,
    };
    files::write(&dir.join(MANIFEST_FILE), manifest.to_json().as_bytes())?;
    let sums = checksums::complete(known, dir, deadline)?;
    files::write(&dir.join(checksums::FILE), checksums::to_text(&sums).as_bytes())?;
    if manner.format == Format::Sqlite {
        Set::open(dir, deadline)?.unpack(&mut io::sink(), deadline)?;
    }
    Ok(manifest)
}

/// A dump in a directory, which `pg_dump` compresses and flushes by itself.
fn of_directory(
    server: &dyn Server,
    dir: &Path,
    file: &str,
    manner: Manner,
    deadline: &Deadline,
) -> Result<(Data, Sums), Failure> {
    server.require_privileges(deadline)?;
    let tables = server.dump_directory(&dir.join(file), manner.jobs, deadline)?;
    files::sync_tree(&dir.join(file))?;
    let (stored, sums) = checksums::of_directory(dir, file, deadline)?;
    let raw = Raw { size: stored.size, sha256: None };
    let (engine_version, client_version) = (server.version().to_owned(), Some(server.client_version().to_owned()));
    Ok((Data { raw, stored, tables, engine_version, client_version }, sums))
}

/// What the server has beside the database, if it has that.
fn keep_globals(server: &dyn Server, dir: &Path, deadline: &Deadline) -> Result<(), Failure> {
    let globals = server.globals(deadline)?;
    if globals.is_empty() { Ok(()) } else { files::write(&dir.join(GLOBALS), globals.as_bytes()) }
}

/// The compressed dump, to wherever it is to go. `place` is where the copy of a SQLite database may lie meanwhile.
pub(crate) fn deliver<W: Write>(
    database: &Database,
    place: Option<&Path>,
    to: W,
    manner: Manner,
    deadline: &Deadline,
) -> Result<Data, Failure> {
    match database {
        Database::File(live) => of_file(live, place.unwrap_or(live), to, manner, deadline),
        Database::Server { server, .. } => of_server(server.as_ref(), to, manner, deadline),
    }
}

/// A copy of the file by SQLite itself, and the copy compressed.
fn of_file<W: Write>(live: &Path, place: &Path, to: W, manner: Manner, deadline: &Deadline) -> Result<Data, Failure> {
    let snapshot = place.join(SNAPSHOT);
    sqlite::snapshot(live, &snapshot, deadline)?;
    let tables = sqlite::inspect(&snapshot, deadline)?;
    let reading = format!("read {}", snapshot.display());
    let mut copy = Tally::new(File::open(&snapshot).attempt(&reading)?);
    let packed = pack(&mut copy, to, manner.packing, deadline, |error| Failure::io(&reading, error), WRITING)?;
    fs::remove_file(&snapshot).attempt(format_args!("remove {}", snapshot.display()))?;
    let raw = Raw { size: packed.raw, sha256: Some(copy.finish().1.sha256) };
    let engine_version = sqlite::version().to_owned();
    Ok(Data { raw, stored: packed.stored, tables, engine_version, client_version: None })
}

/// A dump, compressed while it is made: there is no uncompressed one on the disk.
fn of_server<W: Write>(server: &dyn Server, to: W, manner: Manner, deadline: &Deadline) -> Result<Data, Failure> {
    server.require_privileges(deadline)?;
    let mut dump = server.dump(manner.format, deadline)?;
    let broken = |error: &io::Error| Failure::io("read what the dumper writes", error);
    let packed = pack(&mut dump, to, manner.packing, deadline, broken, WRITING)?;
    let tables = dump.finish()?;
    let raw = Raw { size: packed.raw, sha256: None };
    let (engine_version, client_version) = (server.version().to_owned(), Some(server.client_version().to_owned()));
    Ok(Data { raw, stored: packed.stored, tables, engine_version, client_version })
}
