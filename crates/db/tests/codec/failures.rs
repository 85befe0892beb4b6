//! A sink or a source that fails: its own error arrives, again at every later call, and nothing hangs.

use std::io::{self, Read, Write};

use db::{Codec, Packer, Unpacker};

use crate::content::{PACKED, block, content, pack};

/// The number of "no space left on device" and of "input/output error".
const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// A disk that is full after so many bytes.
struct Small {
    room: usize,
    flushes: bool,
}

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 && !bytes.is_empty() {
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        let length = bytes.len().min(self.room);
        self.room -= length;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.flushes { Ok(()) } else { Err(io::Error::from_raw_os_error(EIO)) }
    }
}

/// A disk that cannot be read after so many bytes, and is interrupted before each.
struct Bad<'a> {
    whole: &'a [u8],
    interrupted: bool,
}

impl Read for Bad<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.whole.is_empty() {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.whole.read(buffer)
    }
}

#[test]
fn a_full_disk_is_reported_wherever_it_fills() {
    for codec in Codec::ALL {
        let content = content(2_000, 3);
        let length = pack(codec, 1, &content).len();
        for room in 0..=length {
            let mut packer = Packer::new(codec, None, 2, Small { room, flushes: true });
            let written = packer.write_all(&content);
            let again = packer.write(b"x").map(|_| ());
            if let Err(error) = &written {
                assert_eq!(error.raw_os_error(), Some(ENOSPC));
                assert_eq!(again.unwrap_err().raw_os_error(), Some(ENOSPC), "a later write meets it again");
            }
            // The one byte more may or may not fit behind what is packed.
            match packer.finish() {
                Err(error) => assert_eq!(error.raw_os_error(), Some(ENOSPC)),
                Ok(_) => assert!(written.is_ok() && room + 8 >= length, "{codec}: {room} of {length} bytes"),
            }
        }
    }
}

#[test]
fn a_disk_that_fills_during_a_long_dump_ends_it() {
    for codec in PACKED {
        let content = content(8 * block(codec), 3);
        let length = pack(codec, 2, &content).len();
        for room in (0..length).step_by(length / 23) {
            let mut packer = Packer::new(codec, None, 3, Small { room, flushes: true });
            let written = content.chunks(256 * 1024).try_for_each(|piece| packer.write_all(piece));
            assert_eq!(written.and_then(|()| packer.finish().map(drop)).unwrap_err().raw_os_error(), Some(ENOSPC));
        }
    }
}

#[test]
fn a_flush_that_fails_is_reported_by_finish() {
    for codec in Codec::ALL {
        let mut packer = Packer::new(codec, None, 2, Small { room: usize::MAX, flushes: false });
        packer.write_all(b"content").unwrap();
        assert_eq!(packer.finish().map(drop).unwrap_err().raw_os_error(), Some(EIO));
    }
}

#[test]
fn a_packer_with_work_at_hand_can_be_dropped() {
    for codec in PACKED {
        let content = content(5 * block(codec), 3);
        for room in [0, 1_000_000, usize::MAX] {
            let mut packer = Packer::new(codec, None, 4, Small { room, flushes: true });
            packer.write_all(&content).ok();
            drop(packer);
        }
    }
}

#[test]
fn an_unpacker_with_work_at_hand_can_be_dropped() {
    for codec in PACKED {
        let packed = pack(codec, 2, &content(9 * block(codec), 3));
        let mut unpacker = Unpacker::new(codec, 4, &packed[..]);
        unpacker.read_exact(&mut [0; 1_000]).unwrap();
        drop(unpacker);
    }
}

#[test]
fn a_source_that_fails_is_no_verdict_on_the_data() {
    for codec in Codec::ALL {
        let ours = pack(codec, 2, &content(2_000, 3));
        // A time in the header, or no check sum: another writer's.
        let mut theirs = ours.clone();
        theirs[if codec == Codec::Gzip { 4 } else { 0 }] ^= 1;
        for packed in [ours, theirs] {
            for length in 0..packed.len() {
                let bad = Bad { whole: &packed[..length], interrupted: false };
                let mut unpacker = Unpacker::new(codec, 2, bad);
                let error = read(&mut unpacker).unwrap_err();
                assert_eq!(error.raw_os_error(), Some(EIO), "{codec}: after {length} bytes: {error}");
                assert_eq!(read(&mut unpacker).unwrap_err().raw_os_error(), Some(EIO));
            }
        }
    }
}

fn read(unpacker: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    unpacker.read_to_end(&mut content).map(|_| content)
}
