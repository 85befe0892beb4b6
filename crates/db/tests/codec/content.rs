//! What is packed, and how it is packed and unpacked here.

use std::io::{self, Read, Write};

use db::{Codec, Packer, Unpacker};

/// The two codecs that compress.
pub(crate) const PACKED: [Codec; 2] = [Codec::Gzip, Codec::Zstd];

/// The size of a block: its gzip member, its zstd frame.
pub(crate) fn block(codec: Codec) -> usize {
    if codec == Codec::Gzip { 1024 * 1024 } else { 2 * 1024 * 1024 }
}

/// Bytes that look like a dump for half of each KiB, and like nothing for the other half. The same seed gives the same.
pub(crate) fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 1024);
    while bytes.len() < length {
        writeln!(bytes, "{}\t{:012}\tsome text of a row that comes again\t\\N", bytes.len(), state % 1_000_003)
            .unwrap();
        for _ in 0..if bytes.len() % 1024 < 512 { 0 } else { 64 } {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
    }
    bytes.truncate(length);
    bytes
}

/// Packs it, written in pieces of 256 KiB.
pub(crate) fn pack(codec: Codec, threads: usize, content: &[u8]) -> Vec<u8> {
    let mut packer = Packer::new(codec, None, threads, Vec::new());
    content.chunks(256 * 1024).for_each(|piece| packer.write_all(piece).unwrap());
    packer.finish().unwrap()
}

/// Unpacks it, and says what came before an error, if there was one.
pub(crate) fn try_unpack(codec: Codec, threads: usize, packed: &[u8]) -> (Vec<u8>, io::Result<()>) {
    let mut unpacker = Unpacker::new(codec, threads, packed);
    let mut content = Vec::new();
    let result = unpacker.read_to_end(&mut content).map(|_| ());
    if result.is_err() {
        assert!(unpacker.read(&mut [0; 16]).is_err(), "after a failure there is no end of file");
    }
    (content, result)
}

/// Unpacks what is whole.
pub(crate) fn unpack(codec: Codec, threads: usize, packed: &[u8]) -> Vec<u8> {
    let (content, result) = try_unpack(codec, threads, packed);
    result.unwrap();
    content
}

/// The error that unpacking ends with, which is a verdict on the data.
pub(crate) fn refused(codec: Codec, packed: &[u8]) -> String {
    let error = try_unpack(codec, 2, packed).1.expect_err("it decodes, and should not");
    assert!(matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof), "{error:?}");
    error.to_string()
}
