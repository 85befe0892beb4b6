//! A set, from the first byte to the last proof.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use db::checksums::Sums;
use db::digest::{Digest, Tally};
use db::engine::Server;
use db::manifest::{Census, Raw, VERSION, file_name};
use db::packing::{Packed, pack};
use db::set::MANIFEST_FILE;
use db::{Deadline, Format, Manifest, Set, checksums, sqlite};
use kit::{Attempt, Context, Failure, Meter, clock, files};

use crate::config;
use crate::manner::Manner;
use crate::source::Database;

/// The uncompressed copy, for as long as it is needed.
const SNAPSHOT: &str = ".snapshot.sqlite";

/// What a server has beside the database, in a set.
const GLOBALS: &str = "globals.sql";

/// Which database is captured, and how.
pub(crate) struct Capture<'a> {
    pub(crate) database: &'a Database,
    pub(crate) manner: Manner,
    /// About how many bytes it has.
    pub(crate) expected: Option<u64>,
    pub(crate) deadline: &'a Deadline,
    pub(crate) cx: &'a Context,
}

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
    /// What the server has beside the database.
    globals: String,
    engine_version: String,
    client_version: Option<String>,
}

impl Capture<'_> {
    /// Builds a whole set in `dir`, flushed to disk. The copy of a SQLite database is then proven by reading; a dump of a
    /// server is as whole as the program that made it says.
    pub(crate) fn run(&self, dir: &Path, facts: Facts, include: &[PathBuf]) -> Result<Manifest, Failure> {
        let created_at = clock::now();
        let Self { database, manner, deadline, cx, .. } = *self;
        let file = file_name(manner.format, manner.packing.codec);
        let path = dir.join(&file);
        let (data, known) = match database {
            Database::Server { server, .. } if manner.format == Format::Directory => {
                self.of_directory(server.as_ref(), dir, &file)?
            }
            _ => {
                let stored = files::create(&path).attempt(format_args!("write {}", path.display()))?;
                let data = self.deliver(Some(dir), &stored)?;
                stored.sync_all().attempt(format_args!("flush {}", path.display()))?;
                let known = Sums::from([(file.clone(), data.stored.sha256.clone())]);
                (data, known)
            }
        };
        if !data.globals.is_empty() {
            files::write(&dir.join(GLOBALS), data.globals.as_bytes())?;
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
            config: config::copy(&cx.settings, include, dir)?,
        };
        files::write(&dir.join(MANIFEST_FILE), manifest.to_json().as_bytes())?;
        let sums = checksums::complete(known, dir, deadline)?;
        files::write(&dir.join(checksums::FILE), checksums::to_text(&sums).as_bytes())?;
        if manner.format == Format::Sqlite {
            let meter = cx.meter("read").expecting(manifest.raw.size);
            Set::open(dir, deadline)?.unpack(&mut meter.watch(io::sink()), deadline)?;
        }
        Ok(manifest)
    }

    /// The compressed dump, to wherever it is to go. `place` is where the copy of a SQLite database may lie meanwhile.
    pub(crate) fn deliver<W: Write>(&self, place: Option<&Path>, to: W) -> Result<Data, Failure> {
        match self.database {
            Database::File(live) => self.of_file(live, place.unwrap_or(live), to),
            Database::Server { server, .. } => self.of_server(server.as_ref(), to),
        }
    }

    /// A dump in a directory, which `pg_dump` compresses and flushes by itself.
    fn of_directory(&self, server: &dyn Server, dir: &Path, file: &str) -> Result<(Data, Sums), Failure> {
        let globals = server.prepare(self.deadline)?;
        let tables = server.dump_directory(&dir.join(file), self.manner.jobs, self.meter("dumped"), self.deadline)?;
        files::sync_tree(&dir.join(file))?;
        let (stored, sums) = checksums::of_directory(dir, file, self.deadline)?;
        let raw = Raw { size: stored.size, sha256: None };
        let (engine_version, client_version) = (server.version().to_owned(), Some(server.client_version().to_owned()));
        Ok((Data { raw, stored, tables, globals, engine_version, client_version }, sums))
    }

    /// A copy of the file by SQLite itself, and the copy compressed.
    fn of_file<W: Write>(&self, live: &Path, place: &Path, to: W) -> Result<Data, Failure> {
        let snapshot = place.join(SNAPSHOT);
        sqlite::snapshot(live, &snapshot, self.meter("copied"), self.deadline)?;
        let tables = sqlite::inspect(&snapshot, self.deadline)?;
        let reading = format!("read {}", snapshot.display());
        let mut copy = Tally::new(File::open(&snapshot).attempt(&reading)?);
        let packed = self.pack(&mut copy, to, |error| Failure::io(&reading, error))?;
        fs::remove_file(&snapshot).attempt(format_args!("remove {}", snapshot.display()))?;
        let raw = Raw { size: packed.raw, sha256: Some(copy.finish().1.sha256) };
        let engine_version = sqlite::version().to_owned();
        let globals = String::new();
        Ok(Data { raw, stored: packed.stored, tables, globals, engine_version, client_version: None })
    }

    /// A dump, compressed while it is made: there is no uncompressed one on the disk.
    fn of_server<W: Write>(&self, server: &dyn Server, to: W) -> Result<Data, Failure> {
        let globals = server.prepare(self.deadline)?;
        let mut dump = server.dump(self.manner.format, self.deadline)?;
        let packed = self.pack(&mut dump, to, |error| Failure::io("read what the dumper writes", error))?;
        let tables = dump.finish()?;
        let raw = Raw { size: packed.raw, sha256: None };
        let (engine_version, client_version) = (server.version().to_owned(), Some(server.client_version().to_owned()));
        Ok(Data { raw, stored: packed.stored, tables, globals, engine_version, client_version })
    }

    fn pack(
        &self,
        from: &mut impl Read,
        to: impl Write,
        broken: impl Fn(&io::Error) -> Failure,
    ) -> Result<Packed, Failure> {
        let mut from = self.meter("packed").watch(from);
        pack(&mut from, to, self.manner.packing, self.deadline, broken, "write the dump")
    }

    fn meter(&self, verb: &'static str) -> Meter {
        self.cx.meter(verb).expecting(self.expected)
    }
}
