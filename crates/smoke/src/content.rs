//! Files that are looked at: opened without waiting, and never read without a limit.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Content {
    /// A regular file, open for reading.
    File(File, Metadata),
    /// Something else: a directory, a named pipe.
    Other,
    /// Nothing.
    Absent,
}

impl Content {
    /// Opens it. A named pipe that nobody writes to keeps nobody here.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(Self::Absent),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        Ok(if metadata.is_file() { Self::File(file, metadata) } else { Self::Other })
    }
}

/// Whether an error says that there is no such file.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Reads a text to its end, or so many bytes of it, and says whether it goes on.
pub(crate) fn read_text(file: impl Read, limit: u64) -> io::Result<(String, bool)> {
    // One byte more than the limit tells.
    let mut bytes = read_at_most(file, limit.saturating_add(1))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let goes_on = bytes.len() > limit;
    bytes.truncate(limit);
    Ok((String::from_utf8_lossy(&bytes).into_owned(), goes_on))
}

/// Reads to the end, or so many bytes.
pub(crate) fn read_at_most(file: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
