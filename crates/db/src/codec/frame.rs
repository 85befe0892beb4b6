//! A block as a zstd frame (RFC 8878) with its size and check sum, after a frame to be skipped that holds the length of
//! the other, as pzstd writes them: a reader finds the next frame without decoding this one.

use std::io::{self, Cursor, Read};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{compress_bound, get_frame_content_size};

use super::crew::Work;
use super::failure::{damaged, early_end};
use super::unpacker::{Next, append};

/// How much of the input is one frame: the window of the default level. Twice as much is up to 2 % smaller, on pages of
/// SQLite, and would take more than 64 MiB with eight threads.
pub(super) const BLOCK: usize = 2 * 1024 * 1024;

/// The most that a frame may hold, and take, to be decoded in one piece; a larger one is decoded as a stream.
const LARGEST: usize = BLOCK;

/// The magic number of the frame to be skipped and the length of what it holds.
const START: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0];

/// The start and the length of the frame that follows.
const HEADER: usize = START.len() + 4;

/// The least that a frame is: magic number, descriptor, window or size, a block's header.
const SMALLEST: usize = 9;

/// Compresses blocks into frames.
pub(super) fn packer(level: i32) -> io::Result<Work> {
    let mut compressor = Compressor::new(level)?;
    compressor.include_checksum(true)?;
    compressor.include_contentsize(true)?;
    Ok(Box::new(move |input, output| {
        output.reserve(HEADER + compress_bound(input.len()));
        output.extend(START);
        output.extend([0; 4]);
        let mut rest = Cursor::new(std::mem::take(output));
        rest.set_position(HEADER as u64);
        let length = compressor.compress_to_buffer(input, &mut rest)?;
        *output = rest.into_inner();
        if let Some(place) = output.get_mut(START.len()..HEADER) {
            place.copy_from_slice(&u32::try_from(length).map_err(io::Error::other)?.to_le_bytes());
        }
        Ok(())
    }))
}

/// Reads the next frame, if it is one of ours, or like ours.
pub(super) fn read(source: &mut impl Read, into: &mut Vec<u8>) -> io::Result<Next> {
    append(source, HEADER, into)?;
    let Some((start, length)) = into.split_first_chunk::<8>() else {
        return Ok(if into.is_empty() { Next::End } else { Next::Foreign });
    };
    let (true, Ok(length)) = (*start == START, length.try_into().map(u32::from_le_bytes)) else {
        return Ok(Next::Foreign);
    };
    let length = length as usize;
    if length < SMALLEST {
        return Err(damaged(format!("a block of the zstd data cannot be {length} bytes long")));
    }
    if length > compress_bound(LARGEST) {
        return Ok(Next::Foreign);
    }
    append(source, length, into)?;
    if into.len() < HEADER + length {
        return Err(early_end("zstd"));
    }
    Ok(if content(into).is_some() { Next::Block } else { Next::Foreign })
}

/// How much a frame says that it holds, if that is not too much.
fn content(input: &[u8]) -> Option<usize> {
    let size = get_frame_content_size(input.get(HEADER..)?).ok()??;
    usize::try_from(size).ok().filter(|size| *size <= LARGEST)
}

/// Decodes frames as [`read`] gives them.
pub(super) fn unpacker() -> io::Result<Work> {
    let mut decompressor = Decompressor::new()?;
    Ok(Box::new(move |input, output| {
        let length = content(input).unwrap_or_default();
        output.reserve(length);
        let frame = input.get(HEADER..).unwrap_or_default();
        match decompressor.decompress_to_buffer(frame, output) {
            Ok(_) if output.len() == length => Ok(()),
            _ => Err(damaged("a block of the zstd data is damaged")),
        }
    }))
}
