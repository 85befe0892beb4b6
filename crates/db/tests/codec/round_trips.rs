//! What is packed comes back, whatever its size, the threads and the pieces that it is written in.

use std::io::{Read, Write};

use db::{Codec, Packer, Unpacker};
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, prop_assert_eq};
use proptest::sample::select;
use proptest::test_runner::Config;

use crate::content::{PACKED, block, content, pack, unpack};

#[test]
fn every_size_comes_back_with_any_number_of_threads() {
    for codec in Codec::ALL {
        let block = block(codec);
        for size in [0, 1, block - 1, block, block + 1, 2 * block, 7 * block + 4_321] {
            let content = content(size, 7);
            let packed = pack(codec, 1, &content);
            for threads in [0, 1, 2, 5] {
                assert!(pack(codec, threads, &content) == packed, "{codec}: {threads} threads give other bytes");
                assert!(unpack(codec, threads, &packed) == content, "{codec}: {size} bytes, {threads} threads");
            }
        }
    }
}

#[test]
fn every_level_packs_what_comes_back() {
    let content = content(100_000, 3);
    for codec in Codec::ALL {
        for level in codec.levels().chain([i32::MIN, i32::MAX]) {
            let mut packer = Packer::new(codec, Some(level), 2, Vec::new());
            packer.write_all(&content).unwrap();
            assert!(unpack(codec, 2, &packer.finish().unwrap()) == content, "{codec}: level {level}");
        }
    }
}

#[test]
fn a_packed_file_is_known_by_its_first_bytes() {
    for codec in PACKED {
        assert_eq!(Codec::detect(&pack(codec, 1, b"")), codec);
        assert_eq!(Codec::detect(&pack(codec, 1, b"content")), codec);
    }
}

#[test]
fn what_was_packed_apart_may_be_put_together() {
    let (one, two) = (content(300_000, 1), content(5_000_000, 2));
    for codec in PACKED {
        let packed = [pack(codec, 2, &one), pack(codec, 2, b""), pack(codec, 2, &two)].concat();
        assert!(unpack(codec, 2, &packed) == [&one[..], &two[..]].concat());
    }
}

proptest::proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_pieces_come_back(
        codec in select(&Codec::ALL[..]),
        threads in 0_usize..6,
        pieces in vec((0_usize..700_000, any::<u64>()), 0..8),
        chunk in 1_usize..300_000,
        level in 1..4,
    ) {
        let pieces: Vec<Vec<u8>> = pieces.into_iter().map(|(length, seed)| content(length, seed)).collect();
        let mut packer = Packer::new(codec, Some(level), threads, Vec::new());
        for piece in &pieces {
            packer.write_all(piece).unwrap();
            packer.flush().unwrap();
        }
        let packed = packer.finish().unwrap();
        let mut unpacker = Unpacker::new(codec, threads, &packed[..]);
        let (mut back, mut buffer) = (Vec::<u8>::new(), vec![0; chunk]);
        loop {
            let length = unpacker.read(&mut buffer).unwrap();
            back.extend(&buffer[..length]);
            if length == 0 {
                break;
            }
        }
        prop_assert!(back == pieces.concat());
        prop_assert_eq!(unpacker.read(&mut buffer).unwrap(), 0);
    }
}
