//! Length and SHA-256: what decides whether bytes are the same bytes.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use kit::{Attempt, Failure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::deadline::Deadline;

/// How much is read at a time: enough for speed, little enough for a signal to be noticed at once.
const CHUNK: usize = 256 * 1024;

/// The length and the hash of some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut tally = Tally::new(());
        tally.count(bytes);
        tally.finish().1
    }

    /// The digest of a file.
    pub fn of_file(path: &Path, deadline: &Deadline) -> Result<Self, Failure> {
        let doing = format!("read {}", path.display());
        let mut file = Tally::new(File::open(path).attempt(&doing)?);
        pump(&mut file, &mut io::sink(), deadline, |error| Failure::io(&doing, error), &doing)?;
        Ok(file.finish().1)
    }
}

/// Counts and hashes what passes through it.
#[derive(Debug)]
pub struct Tally<T> {
    inner: T,
    size: u64,
    hash: Sha256,
}

impl<T> Tally<T> {
    /// Nothing has passed yet.
    pub fn new(inner: T) -> Self {
        Self { inner, size: 0, hash: Sha256::new() }
    }

    /// What it wrapped, and the digest of what passed.
    pub fn finish(self) -> (T, Digest) {
        let mut sha256 = String::with_capacity(64);
        for byte in self.hash.finalize() {
            // Writing to a String does not fail.
            write!(sha256, "{byte:02x}").ok();
        }
        let digest = Digest { size: self.size, sha256 };
        (self.inner, digest)
    }

    fn count(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.hash.update(bytes);
    }
}

impl<T: Read> Read for Tally<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.count(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

impl<T: Write> Write for Tally<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.count(bytes.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Moves everything from one side to the other, looking at the deadline at each chunk, and says how many bytes that was.
/// `broken` says what a failed read means; a failed write always is the writer's own (74, 77), who was `writing`.
pub(crate) fn pump(
    from: &mut impl Read,
    to: &mut impl Write,
    deadline: &Deadline,
    broken: impl Fn(&io::Error) -> Failure,
    writing: &str,
) -> Result<u64, Failure> {
    let mut buffer = vec![0; CHUNK];
    let mut moved = 0;
    loop {
        deadline.check()?;
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(moved),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // A program that was ended because its time was over is no broken one.
                deadline.check()?;
                return Err(broken(&error));
            }
        };
        to.write_all(buffer.get(..length).unwrap_or_default()).attempt(writing)?;
        moved += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Tally};
    use crate::deadline::Deadline;
    use std::io::Write;
    use std::time::Duration;

    #[test]
    fn the_hash_is_that_of_fips_180_4() {
        let mut tally = Tally::new(Vec::new());
        tally.write_all(b"a").unwrap();
        tally.write_all(b"bc").unwrap();
        let (bytes, digest) = tally.finish();
        assert_eq!((bytes.as_slice(), digest.size), (b"abc".as_slice(), 3));
        assert_eq!(digest.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        let deadline = Deadline::after(Duration::from_secs(60));
        assert_eq!(Digest::of_file(file.path(), &deadline).unwrap(), digest);
    }

    #[test]
    fn a_deadline_that_has_passed_ends_the_reading() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = Digest::of_file(file.path(), &Deadline::after(Duration::ZERO)).unwrap_err();
        assert_eq!(failure.exit.code(), 124);
    }
}
