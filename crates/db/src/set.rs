//! A backup set: a directory that holds a database, what it is, and the settings that go with it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kit::{Exit, Failure, Meter};

use crate::checksums::{self, Sums};
use crate::deadline::Deadline;
use crate::digest::Tally;
use crate::engine::{Format, Reader};
use crate::manifest::{Census, Manifest, difference};
use crate::packing::unpack;
use crate::{postgres, server, sqlite};

/// The manifest's file in a set.
pub const MANIFEST_FILE: &str = "manifest.json";

/// What stands between a set and why it cannot be trusted.
const IS_DAMAGED: &str = " is damaged: ";

/// A set whose every file is what it was when it was written.
#[derive(Clone, Debug)]
pub struct Set {
    path: PathBuf,
    manifest: Manifest,
}

impl Set {
    /// Opens a set and proves that nothing is missing, added or changed: 66 when there is no such directory, 65 when
    /// it does not verify. Whether the compressed database unpacks to what it should, [`Set::unpack`] proves.
    pub fn open(path: &Path, deadline: &Deadline) -> Result<Self, Failure> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(damaged(path, "it is not a directory")),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(Failure::new(Exit::ABSENT, format!("there is no backup {}", path.display())));
            }
            Err(error) => return Err(Failure::io(format_args!("open the backup {}", path.display()), &error)),
        }
        let named = |failure: Failure| match failure.exit {
            Exit::DAMAGED => damaged(path, &failure.message),
            _ => failure,
        };
        let manifest = read_manifest(path).map_err(named)?;
        let sums = checksums::verify(path, deadline).map_err(named)?;
        require_listed(&sums, &manifest).map_err(named)?;
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Decompresses its database into `to`: 65 unless length and hash of both sides are what the manifest says, at
    /// the time of *this* reading. What was written before a failure is good for nothing. A directory is no stream.
    pub fn unpack(&self, to: &mut impl Write, deadline: &Deadline) -> Result<(), Failure> {
        let manifest = &self.manifest;
        let path = self.path.join(&manifest.file);
        let mut raw = None;
        let unpacked = if manifest.raw.sha256.is_some() {
            let mut to = Tally::new(to);
            let unpacked = unpack(&path, manifest.compression, &mut to, deadline);
            raw = Some(to.finish().1.sha256);
            unpacked
        } else {
            unpack(&path, manifest.compression, to, deadline)
        };
        let packed = unpacked.map_err(|failure| self.blame(failure))?;
        for (what, is, should) in [
            ("compressed database", packed.stored.size, manifest.stored.size),
            ("database", packed.raw, manifest.raw.size),
        ] {
            if is != should {
                return Err(damaged(&self.path, &format!("the {what} has {is} bytes, not {should}")));
            }
        }
        if packed.stored.sha256 != manifest.stored.sha256 {
            return Err(damaged(&self.path, "the hash of the compressed database differs"));
        }
        if raw != manifest.raw.sha256 {
            return Err(damaged(&self.path, "the hash of the database differs"));
        }
        Ok(())
    }

    /// Reads the text of a plain dump through: 65 unless it ends as a whole dump does and has the tables and rows that the
    /// manifest says.
    pub fn read_text(&self, meter: Meter, deadline: &Deadline) -> Result<(), Failure> {
        let text = server::text(self.manifest.engine)
            .ok_or_else(|| damaged(&self.path, &format!("{} has no text", self.manifest.engine)))?;
        let mut reader = Reader(text);
        self.unpack(&mut meter.watch(&mut reader), deadline)?;
        let tables = reader.0.require_harmless().and_then(|()| reader.0.finish());
        let tables = tables.map_err(|failure| self.blame(failure))?;
        self.has(&tables)
    }

    /// Reads an archive of PostgreSQL through, the set's own directory or a copy that [`Set::unpack`] wrote: 65 unless
    /// `pg_restore` can, and it has the tables and rows that the manifest says.
    pub fn read_archive(&self, archive: &Path, deadline: &Deadline) -> Result<(), Failure> {
        let made_by = self.manifest.client_version.as_ref().unwrap_or(&self.manifest.engine_version);
        let tables = postgres::read_archive(archive, made_by, deadline).map_err(|failure| self.blame(failure))?;
        self.has(&tables)
    }

    /// Says of what is damaged that it is this set.
    #[must_use]
    pub fn blame(&self, failure: Failure) -> Failure {
        let is_said = failure.message.starts_with(&format!("the backup {}", self.path.display()));
        if failure.exit != Exit::DAMAGED || is_said {
            return failure;
        }
        damaged(&self.path, &failure.message)
    }

    fn has(&self, tables: &Census) -> Result<(), Failure> {
        match difference(&self.manifest.tables, tables) {
            Some(difference) => Err(damaged(&self.path, &difference)),
            None => Ok(()),
        }
    }

    /// Looks at a copy that [`Set::unpack`] wrote, and that nobody else uses: 65 unless the database is sound through and
    /// through and has the tables and rows that the manifest says.
    pub fn compare(&self, copy: &Path, deadline: &Deadline) -> Result<(), Failure> {
        let tables = sqlite::inspect(copy, deadline).map_err(|failure| self.blame(failure))?;
        self.has(&tables)
    }
}

/// Why a set is damaged, from the failure that says so: for a line that has its name already.
#[must_use]
pub fn reason(failure: &Failure) -> &str {
    failure.message.split_once(IS_DAMAGED).map_or(&failure.message, |(_, why)| why)
}

/// Reads the manifest in a directory, and nothing else of it: 65 when it is missing or not understood.
pub(crate) fn read_manifest(set: &Path) -> Result<Manifest, Failure> {
    Manifest::from_json(&checksums::read(set, MANIFEST_FILE)?)
}

/// The two files without which a set is none must be among those that were verified.
fn require_listed(sums: &Sums, manifest: &Manifest) -> Result<(), Failure> {
    let unlisted = |name: &str| Failure::new(Exit::DAMAGED, format!("{} does not list {name}", checksums::FILE));
    if !sums.contains_key(MANIFEST_FILE) {
        return Err(unlisted(MANIFEST_FILE));
    }
    let file = &manifest.file;
    let stored = match manifest.format {
        Format::Directory => checksums::hash_of(sums, file),
        _ => sums.get(file).ok_or_else(|| unlisted(file))?.clone(),
    };
    if stored == manifest.stored.sha256 {
        Ok(())
    } else {
        let why = format!("{MANIFEST_FILE} and {} disagree on {file}", checksums::FILE);
        Err(Failure::new(Exit::DAMAGED, why))
    }
}

fn damaged(set: &Path, why: &str) -> Failure {
    Failure::new(Exit::DAMAGED, format!("the backup {}{IS_DAMAGED}{why}", set.display()))
        .hint("restore another one; what it holds cannot be trusted")
}

#[cfg(test)]
mod tests {
    use super::{MANIFEST_FILE, Set, reason};
    use crate::manifest::{Census, Manifest, Raw, VERSION, file_name};
    use crate::packing::{Packing, pack};
    use crate::{Codec, Deadline, Engine, Format, checksums, sqlite};
    use kit::{Exit, clock};
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    /// A set of a database with one table of two rows.
    fn make(dir: &Path) -> Set {
        let database = dir.join("database");
        let sql = "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)";
        rusqlite::Connection::open(&database).unwrap().execute_batch(sql).unwrap();
        let set = dir.join("set");
        fs::create_dir(&set).unwrap();
        let file = file_name(Format::Sqlite, Codec::Gzip);
        let mut from = fs::File::open(&database).unwrap();
        let broken = |error: &std::io::Error| kit::Failure::io("read", error);
        let to = fs::File::create(set.join(&file)).unwrap();
        let packed = pack(&mut from, to, Packing::default(), &deadline(), broken, "write").unwrap();
        let manifest = Manifest {
            v: VERSION,
            engine: Engine::Sqlite,
            client_version: None,
            finished_at: None,
            format: Format::Sqlite,
            engine_version: sqlite::version().to_owned(),
            tool_version: String::new(),
            database: database.display().to_string(),
            created_at: clock::now(),
            env: None,
            deploy: None,
            commit: None,
            release: None,
            label: None,
            compression: Codec::Gzip,
            file,
            raw: Raw { size: packed.raw, sha256: None },
            stored: packed.stored,
            tables: Census::from([("t".to_owned(), 2)]),
            config: std::collections::BTreeMap::new(),
        };
        fs::write(set.join(MANIFEST_FILE), manifest.to_json()).unwrap();
        let sums = checksums::of_set(&set, &deadline()).unwrap();
        fs::write(set.join(checksums::FILE), checksums::to_text(&sums)).unwrap();
        Set::open(&set, &deadline()).unwrap()
    }

    #[test]
    fn what_changes_between_opening_and_unpacking_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let set = make(dir.path());
        let stored = set.path().join(&set.manifest().file);
        let good = fs::read(&stored).unwrap();
        set.unpack(&mut std::io::sink(), &deadline()).unwrap();
        let twice = good.repeat(2);
        for bad in [&good[..good.len() / 2], &twice, b""] {
            fs::write(&stored, bad).unwrap();
            let failure = set.unpack(&mut std::io::sink(), &deadline()).unwrap_err();
            assert_eq!(failure.exit, Exit::DAMAGED, "{}", failure.message);
        }
    }

    #[test]
    fn a_copy_with_other_rows_is_damaged_and_the_reason_stands_alone() {
        let dir = tempfile::tempdir().unwrap();
        let set = make(dir.path());
        let copy = dir.path().join("copy");
        set.unpack(&mut fs::File::create(&copy).unwrap(), &deadline()).unwrap();
        set.compare(&copy, &deadline()).unwrap();
        rusqlite::Connection::open(&copy).unwrap().execute_batch("DELETE FROM t WHERE x = 1").unwrap();
        let failure = set.compare(&copy, &deadline()).unwrap_err();
        assert_eq!(failure.exit, Exit::DAMAGED);
        assert_eq!(reason(&failure), "table \"t\": the manifest says 2 rows, the database 1 rows");
    }
}
