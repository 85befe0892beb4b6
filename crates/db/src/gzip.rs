//! The gzip codec: length and SHA-256 of both sides, because neither an end of file nor gzip's own trailer proves that
//! a stream is whole.
//!
//! An encoder that is dropped writes a *valid* trailer, so [`pack`] finishes it explicitly and an error removes what
//! was written; a file cut at the boundary of two members decodes without an error (RFC 1952, 2.2), so whoever
//! unpacks compares the digests.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use kit::{Attempt, Exit, Failure, files};

use crate::deadline::Deadline;
use crate::digest::{Digest, Tally, pump};

/// The digests of the two sides of the codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Of the content.
    pub raw: Digest,
    /// Of the compressed file.
    pub stored: Digest,
}

/// Compresses a file into a new one (0600), flushed to disk. After a failure there is no new file.
pub fn pack(from: &Path, to: &Path, deadline: &Deadline) -> Result<Packed, Failure> {
    let packed = pack_unguarded(from, to, deadline);
    if packed.is_err() {
        drop(fs::remove_file(to));
    }
    packed
}

fn pack_unguarded(from: &Path, to: &Path, deadline: &Deadline) -> Result<Packed, Failure> {
    let reading = format!("read {}", from.display());
    let writing = format!("write {}", to.display());
    let mut raw = Tally::new(File::open(from).attempt(&reading)?);
    let stored = Tally::new(files::create(to).attempt(&writing)?);
    let mut encoder = GzEncoder::new(stored, Compression::default());
    pump(&mut raw, &mut encoder, deadline, |error| Failure::io(&reading, error))?;
    let (file, stored) = encoder.finish().attempt(&writing)?.finish();
    file.sync_all().attempt(&writing)?;
    Ok(Packed { raw: raw.finish().1, stored })
}

/// Decompresses a file into `to`: 65 for a file that is no whole gzip stream. The digests say what was read and what
/// came of it; comparing them is the caller's duty.
pub fn unpack(from: &Path, to: &mut impl Write, deadline: &Deadline) -> Result<Packed, Failure> {
    let doing = format!("decompress {}", from.display());
    let stored = Tally::new(File::open(from).attempt(&doing)?);
    let mut decoder = MultiGzDecoder::new(BufReader::new(stored));
    let mut raw = Tally::new(to);
    pump(&mut decoder, &mut raw, deadline, |error| broken(&doing, error))?;
    let (_, stored) = decoder.into_inner().into_inner().finish();
    Ok(Packed { raw: raw.finish().1, stored })
}

/// An error with a number comes from the system; one without is the decoder's verdict on the bytes.
fn broken(doing: &str, error: &io::Error) -> Failure {
    if error.raw_os_error().is_some() {
        Failure::io(doing, error)
    } else {
        Failure::new(Exit::DAMAGED, format!("cannot {doing}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};
    use crate::deadline::Deadline;
    use std::fs;
    use std::time::Duration;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    #[test]
    fn what_is_packed_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let (raw, stored) = (dir.path().join("raw"), dir.path().join("raw.gz"));
        for content in [Vec::new(), b"x".to_vec(), vec![7; 1_000_000]] {
            fs::write(&raw, &content).unwrap();
            let packed = pack(&raw, &stored, &deadline()).unwrap();
            let mut back = Vec::new();
            assert_eq!(unpack(&stored, &mut back, &deadline()).unwrap(), packed);
            assert!(back == content);
            assert_eq!(packed.stored.size, fs::metadata(&stored).unwrap().len());
        }
    }

    #[test]
    fn half_a_stream_and_a_stream_with_a_tail_are_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let (raw, stored) = (dir.path().join("raw"), dir.path().join("raw.gz"));
        fs::write(&raw, (0..100_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()).unwrap();
        pack(&raw, &stored, &deadline()).unwrap();
        let whole = fs::read(&stored).unwrap();
        let half = &whole[..whole.len() / 2];
        let tail = [&whole[..], b"tail"].concat();
        for bad in [half, &tail, b"no gzip at all", &whole[..whole.len() - 1]] {
            fs::write(&stored, bad).unwrap();
            assert_eq!(unpack(&stored, &mut Vec::new(), &deadline()).unwrap_err().exit.code(), 65);
        }
    }

    #[test]
    fn a_failed_packing_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let (raw, stored) = (dir.path().join("raw"), dir.path().join("raw.gz"));
        fs::write(&raw, b"content").unwrap();
        assert!(pack(&raw, &stored, &Deadline::after(Duration::ZERO)).is_err());
        assert!(!stored.exists());
    }
}
