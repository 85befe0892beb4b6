//! The data of a set: what comes in is compressed and hashed on its way.
//!
//! Neither an end of file nor the trailer of a codec proves that a stream is whole, so length and SHA-256 of what is stored
//! go into the manifest, and whoever unpacks it compares them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;

use kit::{Attempt, Exit, Failure};

use crate::codec::{Codec, Packer, Unpacker};
use crate::deadline::Deadline;
use crate::digest::{Digest, Tally, pump};

/// No more threads than this unless asked for: each takes memory, and a server has other work to do.
const THREADS: usize = 8;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// By which codec.
    pub codec: Codec,
    /// At which of its levels; its own default when none is said.
    pub level: Option<i32>,
    /// On how many threads.
    pub threads: usize,
}

impl Default for Packing {
    fn default() -> Self {
        Self { codec: Codec::default(), level: None, threads: threads() }
    }
}

/// As many threads as the machine has processors, and not more than eight.
#[must_use]
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(THREADS)
}

/// What went through the codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// How many bytes came in.
    pub raw: u64,
    /// What is stored.
    pub stored: Digest,
}

/// Compresses what `from` gives into `sink`: `broken` says what a failed reading means, `writing` what it is that is written.
/// Whoever gave the sink flushes it to disk, and throws it away after a failure.
pub fn pack<W: Write>(
    from: &mut impl Read,
    sink: W,
    packing: Packing,
    deadline: &Deadline,
    broken: impl Fn(&io::Error) -> Failure,
    writing: &str,
) -> Result<Packed, Failure> {
    let mut packer = Packer::new(packing.codec, packing.level, packing.threads, Tally::new(sink));
    let raw = pump(from, &mut packer, deadline, broken, writing)?;
    let (_, stored) = packer.finish().attempt(writing)?.finish();
    Ok(Packed { raw, stored })
}

/// Decompresses a file into `to`: 65 for a file that does not decode to its end. What was read and what came of it is
/// told; to compare it is the caller's duty.
pub fn unpack(from: &Path, codec: Codec, to: &mut impl Write, deadline: &Deadline) -> Result<Packed, Failure> {
    let doing = format!("decompress {}", from.display());
    let mut stored = Tally::new(File::open(from).attempt(&doing)?);
    let raw = decode(&mut stored, codec, to, &doing, deadline)?;
    Ok(Packed { raw, stored: stored.finish().1 })
}

/// Decompresses a stream to its end, and says how many bytes came of it: 65 for one that does not decode.
pub fn decode(
    from: &mut impl Read,
    codec: Codec,
    to: &mut impl Write,
    doing: &str,
    deadline: &Deadline,
) -> Result<u64, Failure> {
    let mut decoder = Unpacker::new(codec, threads(), from);
    pump(&mut decoder, to, deadline, |error| damaged(doing, error), "write a copy of the database")
}

/// An error with a number comes from the system; one without is the decoder's verdict on the bytes.
fn damaged(doing: &str, error: &io::Error) -> Failure {
    if error.raw_os_error().is_some() {
        Failure::io(doing, error)
    } else {
        Failure::new(Exit::DAMAGED, format!("cannot {doing}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Packing, pack, unpack};
    use crate::codec::Codec;
    use crate::deadline::Deadline;
    use kit::Failure;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    fn packed(content: &[u8], to: &Path, codec: Codec, deadline: &Deadline) -> Result<super::Packed, Failure> {
        let packing = Packing { codec, ..Packing::default() };
        let file = fs::File::create(to).unwrap();
        pack(&mut &content[..], file, packing, deadline, |error| Failure::io("read", error), "write")
    }

    #[test]
    fn what_is_packed_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        for codec in Codec::ALL {
            let stored = dir.path().join(codec.to_string());
            for content in [Vec::new(), b"x".to_vec(), vec![7; 1_000_000]] {
                let told = packed(&content, &stored, codec, &deadline()).unwrap();
                let mut back = Vec::new();
                assert_eq!(unpack(&stored, codec, &mut back, &deadline()).unwrap(), told);
                assert!(back == content);
                assert_eq!(told.stored.size, fs::metadata(&stored).unwrap().len());
                fs::remove_file(&stored).unwrap();
            }
        }
    }

    #[test]
    fn half_a_stream_and_a_stream_with_a_tail_are_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for codec in [Codec::Gzip, Codec::Zstd] {
            let stored = dir.path().join(codec.to_string());
            packed(&content, &stored, codec, &deadline()).unwrap();
            let whole = fs::read(&stored).unwrap();
            let tail = [&whole[..], b"tail"].concat();
            for bad in [&whole[..whole.len() / 2], &tail, b"nothing of that kind", &whole[..whole.len() - 1]] {
                fs::write(&stored, bad).unwrap();
                assert_eq!(unpack(&stored, codec, &mut Vec::new(), &deadline()).unwrap_err().exit.code(), 65);
            }
        }
    }

    #[test]
    fn a_deadline_that_has_passed_ends_the_packing() {
        let dir = tempfile::tempdir().unwrap();
        let late = Deadline::after(Duration::ZERO);
        let failure = packed(b"content", &dir.path().join("stored"), Codec::Gzip, &late).unwrap_err();
        assert_eq!(failure.exit.code(), 124);
    }
}
