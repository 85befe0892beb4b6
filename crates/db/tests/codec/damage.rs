//! What is cut, flipped, appended to or lies about itself is refused, or gives the very same bytes.

use std::io::Write;

use db::{Codec, Packer};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::content::{PACKED, block, content, pack, refused, try_unpack, unpack};

/// Where our members and our frames hold their length.
fn length_at(codec: Codec) -> usize {
    if codec == Codec::Gzip { 16 } else { 8 }
}

/// The length of the member or frame at the start, with all that belongs to it.
fn first_length(codec: Codec, packed: &[u8]) -> usize {
    let at = length_at(codec);
    let length = u32::from_le_bytes(packed[at..at + 4].try_into().unwrap()) as usize;
    if codec == Codec::Gzip { length } else { at + 4 + length }
}

#[test]
fn every_cut_of_a_small_file_is_refused() {
    for codec in PACKED {
        let packed = pack(codec, 1, &content(3_000, 5));
        for length in 0..packed.len() {
            let reason = refused(codec, &packed[..length]);
            assert_eq!(reason, format!("the {codec} data ends early"), "cut to {length} bytes");
        }
    }
}

#[test]
fn a_cut_of_what_others_wrote_is_refused() {
    let content = content(3_000, 5);
    for (codec, packed) in [(Codec::Gzip, foreign_gzip(&content)), (Codec::Zstd, foreign_zstd(&content))] {
        for length in 0..packed.len() {
            assert_eq!(refused(codec, &packed[..length]), format!("the {codec} data ends early"), "cut to {length}");
        }
        assert!(unpack(codec, 2, &packed) == content);
    }
}

#[test]
fn every_flipped_bit_is_refused_or_changes_nothing() {
    let content = content(600, 9);
    for codec in PACKED {
        let ours = [pack(codec, 1, &content[..200]), pack(codec, 1, &content[200..])].concat();
        let theirs = if codec == Codec::Gzip { foreign_gzip(&content) } else { foreign_zstd(&content) };
        for mut packed in [ours, theirs] {
            for bit in 0..packed.len() * 8 {
                packed[bit / 8] ^= 1 << (bit % 8);
                let (back, result) = try_unpack(codec, 2, &packed);
                assert!(result.is_err() || back == content, "{codec}: bit {bit} changes the content unnoticed");
                packed[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}

#[test]
fn what_follows_the_end_is_refused() {
    let content = content(1_000, 1);
    for codec in PACKED {
        let theirs = if codec == Codec::Gzip { foreign_gzip(&content) } else { foreign_zstd(&content) };
        for whole in [pack(codec, 1, &content), theirs] {
            for tail in [&b"x"[..], b"tail", b"\0", &[0; 5_000], &[0x1f], b"-- a line of SQL that somebody appended\n"]
            {
                refused(codec, &[&whole, tail].concat());
            }
        }
    }
}

#[test]
fn what_is_no_packed_data_is_refused() {
    for codec in PACKED {
        for other in [&b""[..], b"x", b"no such thing at all, but a line of text", &[0; 100], &[0xff; 100]] {
            refused(codec, other);
        }
        refused(codec, &pack(if codec == Codec::Gzip { Codec::Zstd } else { Codec::Gzip }, 1, b"content"));
    }
}

#[test]
fn a_length_that_lies_is_refused_at_once_or_changes_nothing() {
    let content = content(200_000, 4);
    for codec in PACKED {
        let packed = [pack(codec, 1, &content), pack(codec, 1, b"more")].concat();
        let real = u32::from_le_bytes(packed[length_at(codec)..length_at(codec) + 4].try_into().unwrap());
        let lies = [0, 1, 8, 29, real / 2, real - 1, real + 1, real + 60, 4_000_000, 1 << 30, u32::MAX];
        for lie in lies {
            let mut lying = packed.clone();
            lying[length_at(codec)..length_at(codec) + 4].copy_from_slice(&lie.to_le_bytes());
            let (back, result) = try_unpack(codec, 2, &lying);
            // To zstd a frame to be skipped means nothing: one that cannot be ours is skipped.
            let skipped = codec == Codec::Zstd && lie >= 4_000_000 && back == [&content[..], b"more"].concat();
            assert!(result.is_err() || skipped, "{codec}: {lie} instead of {real}");
        }
    }
}

#[test]
fn a_content_that_is_larger_than_its_member_says_is_refused() {
    let packed = pack(Codec::Gzip, 1, &content(100_000, 8));
    for lie in [0_u32, 1, 99_999, 100_001, 1 << 22, 1 << 30, u32::MAX] {
        let mut lying = packed.clone();
        let at = lying.len() - 4;
        lying[at..].copy_from_slice(&lie.to_le_bytes());
        refused(Codec::Gzip, &lying);
    }
}

#[test]
fn a_cut_between_two_blocks_decodes_so_the_manifest_decides() {
    for codec in PACKED {
        let content = content(block(codec) + 1_000, 6);
        let packed = pack(codec, 1, &content);
        let cut = &packed[..first_length(codec, &packed)];
        assert!(unpack(codec, 2, cut) == content[..block(codec)]);
    }
}

#[test]
fn a_packer_that_is_not_finished_leaves_nothing_that_decodes() {
    for codec in PACKED {
        for size in [0, 1, block(codec), 5 * block(codec), 9 * block(codec) + 17] {
            let mut written = Vec::new();
            let mut packer = Packer::new(codec, Some(1), 2, &mut written);
            packer.write_all(&content(size, 2)).unwrap();
            drop(packer);
            refused(codec, &written);
        }
    }
}

fn foreign_gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn foreign_zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
