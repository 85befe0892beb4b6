//! A backup set: a directory that holds a database, what it is, and the settings that go with it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kit::{Exit, Failure};

use crate::checksums::{self, Sums};
use crate::deadline::Deadline;
use crate::gzip;
use crate::manifest::{DATABASE_FILE, Manifest};

/// The manifest's file in a set.
pub const MANIFEST_FILE: &str = "manifest.json";

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
    /// the time of *this* reading. What was written before a failure is good for nothing.
    pub fn unpack(&self, to: &mut impl Write, deadline: &Deadline) -> Result<(), Failure> {
        let packed =
            gzip::unpack(&self.path.join(DATABASE_FILE), to, deadline).map_err(|failure| match failure.exit {
                Exit::DAMAGED => damaged(&self.path, &failure.message),
                _ => failure,
            })?;
        for (what, is, should) in [
            ("compressed database", &packed.stored, &self.manifest.stored),
            ("database", &packed.raw, &self.manifest.raw),
        ] {
            if is.size != should.size {
                let why = format!("the {what} has {} bytes, not {}", is.size, should.size);
                return Err(damaged(&self.path, &why));
            }
            if is.sha256 != should.sha256 {
                return Err(damaged(&self.path, &format!("the hash of the {what} differs")));
            }
        }
        Ok(())
    }
}

/// Reads the manifest in a directory, and nothing else of it: 65 when it is missing or not understood.
pub(crate) fn read_manifest(set: &Path) -> Result<Manifest, Failure> {
    let path = set.join(MANIFEST_FILE);
    let text = fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new(Exit::DAMAGED, format!("{MANIFEST_FILE} is missing")),
        _ => Failure::io(format_args!("read {}", path.display()), &error),
    })?;
    Manifest::from_json(&text)
}

/// The two files without which a set is none must be among those that were verified.
fn require_listed(sums: &Sums, manifest: &Manifest) -> Result<(), Failure> {
    let unlisted = |name: &str| Failure::new(Exit::DAMAGED, format!("{} does not list {name}", checksums::FILE));
    if !sums.contains_key(MANIFEST_FILE) {
        return Err(unlisted(MANIFEST_FILE));
    }
    let stored = sums.get(DATABASE_FILE).ok_or_else(|| unlisted(DATABASE_FILE))?;
    if *stored == manifest.stored.sha256 {
        Ok(())
    } else {
        let why = format!("{MANIFEST_FILE} and {} disagree on {DATABASE_FILE}", checksums::FILE);
        Err(Failure::new(Exit::DAMAGED, why))
    }
}

fn damaged(set: &Path, why: &str) -> Failure {
    Failure::new(Exit::DAMAGED, format!("the backup {} is damaged: {why}", set.display()))
        .hint("restore another one; what it holds cannot be trusted")
}
