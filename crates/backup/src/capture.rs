//! A set, from the first byte to the last proof.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use db::digest::Tally;
use db::engine::Server;
use db::manifest::{Census, Raw, VERSION, file_name};
use db::packing::{Packed, pack};
use db::set::MANIFEST_FILE;
use db::{Deadline, Format, Manifest, Packing, Set, checksums, sqlite};
use kit::settings::Settings;
use kit::{Attempt, Failure, clock, files};

use crate::config;
use crate::source::Database;

/// The uncompressed copy, for as long as it is needed.
const SNAPSHOT: &str = ".snapshot.sqlite";

/// What a server has beside the database, in a set.
const GLOBALS: &str = "globals.sql";

/// What the manifest tells beside the database itself.
pub(crate) struct Facts {
    pub(crate) env: Option<String>,
    pub(crate) deploy: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) label: Option<String>,
}

/// How the database is dumped and stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) format: Format,
    pub(crate) packing: Packing,
}

/// What came of the database.
struct Data {
    raw: Raw,
    packed: Packed,
    tables: Census,
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
    settings: &Settings,
    deadline: &Deadline,
) -> Result<Manifest, Failure> {
    let created_at = clock::now();
    let file = file_name(manner.format, manner.packing.codec);
    let to = dir.join(&file);
    let data = match database {
        Database::File(path) => of_file(path, dir, &to, manner, deadline)?,
        Database::Server { server, .. } => of_server(server.as_ref(), dir, &to, manner, deadline)?,
    };
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
        stored: data.packed.stored,
        tables: data.tables,
        config: config::copy(settings, dir)?,
    };
    files::write(&dir.join(MANIFEST_FILE), manifest.to_json().as_bytes())?;
    let sums = checksums::of_set(dir, deadline)?;
    files::write(&dir.join(checksums::FILE), checksums::to_text(&sums).as_bytes())?;
    if manner.format == Format::Sqlite {
        Set::open(dir, deadline)?.unpack(&mut io::sink(), deadline)?;
    }
    Ok(manifest)
}

/// A copy of the file by SQLite itself, and the copy compressed.
fn of_file(live: &Path, dir: &Path, to: &Path, manner: Manner, deadline: &Deadline) -> Result<Data, Failure> {
    let snapshot = dir.join(SNAPSHOT);
    sqlite::snapshot(live, &snapshot, deadline)?;
    let tables = sqlite::inspect(&snapshot, deadline)?;
    let reading = format!("read {}", snapshot.display());
    let mut copy = Tally::new(File::open(&snapshot).attempt(&reading)?);
    let packed = pack(&mut copy, to, manner.packing, deadline, |error| Failure::io(&reading, error))?;
    fs::remove_file(&snapshot).attempt(format_args!("remove {}", snapshot.display()))?;
    let raw = Raw { size: packed.raw, sha256: Some(copy.finish().1.sha256) };
    Ok(Data { raw, packed, tables, engine_version: sqlite::version().to_owned(), client_version: None })
}

/// A dump, compressed while it is made: there is no uncompressed one on the disk.
fn of_server(server: &dyn Server, dir: &Path, to: &Path, manner: Manner, deadline: &Deadline) -> Result<Data, Failure> {
    let mut dump = server.dump(manner.format, deadline)?;
    let packed =
        pack(&mut dump, to, manner.packing, deadline, |error| Failure::io("read what the dumper writes", error))?;
    let tables = dump.finish()?;
    let globals = server.globals(deadline)?;
    if !globals.is_empty() {
        files::write(&dir.join(GLOBALS), globals.as_bytes())?;
    }
    let raw = Raw { size: packed.raw, sha256: None };
    let (engine_version, client_version) = (server.version().to_owned(), Some(server.client_version().to_owned()));
    Ok(Data { raw, packed, tables, engine_version, client_version })
}
