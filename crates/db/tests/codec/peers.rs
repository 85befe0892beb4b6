//! The programs that everybody has read what we write, and we read what they write.

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use db::Codec;
use kit::process::{Program, Sink};

use crate::content::{block, content, pack, refused, unpack};

/// Reads all of stdin through Python's own decoder.
const PYTHON: &str = "import gzip, shutil, sys; shutil.copyfileobj(gzip.open(sys.stdin.buffer), sys.stdout.buffer)";

/// What a program makes of its stdin.
fn through(command: &[&str], input: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("input"), dir.path().join("output"));
    fs::write(&from, input).unwrap();
    let program = Program::find(command[0]).unwrap().args(&command[1..]).deadline(Duration::from_secs(120));
    let (stdin, stdout) = (File::open(&from).unwrap(), File::create(&to).unwrap());
    let ended = program.stdin(stdin).stdout(Sink::File(stdout)).run().unwrap();
    assert!(ended.status.is_success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
    fs::read(&to).unwrap()
}

#[test]
fn everybody_reads_what_we_write() {
    let readers: [(Codec, &[&[&str]]); 2] = [
        (Codec::Gzip, &[&["gzip", "-dc"], &["zcat"], &["pigz", "-dc"], &["python3", "-c", PYTHON]]),
        (Codec::Zstd, &[&["zstd", "-dc"], &["pzstd", "-dc"]]),
    ];
    for (codec, readers) in readers {
        for size in [0, 1, block(codec) + 1, 5 * block(codec) + 77] {
            let content = content(size, 11);
            let packed = pack(codec, 2, &content);
            for reader in readers {
                assert!(through(reader, &packed) == content, "{reader:?}, {size} bytes");
            }
        }
    }
}

#[test]
fn the_programs_own_tests_pass_on_what_we_write() {
    let content = content(3_000_000, 12);
    for (codec, tests) in [(Codec::Gzip, ["gzip", "pigz"]), (Codec::Zstd, ["zstd", "pzstd"])] {
        let packed = pack(codec, 2, &content);
        for test in tests {
            assert_eq!(through(&[test, "-t"], &packed), b"");
        }
    }
}

#[test]
fn we_read_what_everybody_writes() {
    let writers: [(Codec, &[&[&str]]); 2] = [
        (Codec::Gzip, &[&["gzip", "-c"], &["gzip", "-1c"], &["pigz", "-c"], &["pigz", "-ic", "-b", "128"]]),
        (
            Codec::Zstd,
            &[
                &["zstd", "-c"],
                &["zstd", "-c", "-12", "-T2"],
                &["zstd", "-c", "--no-check"],
                &["zstd", "-c", "--fast=5"],
                &["zstd", "-c", "--long=27"],
                &["pzstd", "-c", "-p", "2"],
            ],
        ),
    ];
    for (codec, writers) in writers {
        for size in [0, 1, 5_000_000] {
            let content = content(size, 13);
            for writer in writers {
                let theirs = through(writer, &content);
                assert!(unpack(codec, 2, &theirs) == content, "{writer:?}, {size} bytes");
                let (before, after) = (pack(codec, 2, b"before"), pack(codec, 2, b"after"));
                let mixed = [&before[..], &theirs, &theirs, &after].concat();
                let whole = [b"before", &content[..], &content, b"after"].concat();
                assert!(unpack(codec, 2, &mixed) == whole, "{writer:?} between ours");
                if size > 1 {
                    refused(codec, &theirs[..theirs.len() / 2]);
                    refused(codec, &[&theirs[..], b"tail"].concat());
                }
            }
        }
    }
}

#[test]
fn a_name_a_comment_and_a_time_in_the_header_are_no_matter() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dump.sql");
    fs::write(&file, b"content").unwrap();
    let packed = through(&["gzip", "-Nc", file.to_str().unwrap()], b"");
    assert!(packed.windows(8).any(|name| name == b"dump.sql"));
    assert_eq!(unpack(Codec::Gzip, 2, &packed), b"content");
    let full = flate2::GzBuilder::new().extra([1, 2, 3, 0, 9, 9, 9]).comment("why").filename("n").mtime(7);
    let mut encoder = full.write(Vec::new(), flate2::Compression::best());
    encoder.write_all(b"content").unwrap();
    assert_eq!(unpack(Codec::Gzip, 2, &encoder.finish().unwrap()), b"content");
}

/// A zstd frame that holds `x` and asks for a window (RFC 8878, 3.1.1.1.2) of 2 to this power.
fn frame(window: u8) -> Vec<u8> {
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, (window - 10) << 3][..], &[9, 0, 0, b'x']].concat()
}

#[test]
fn a_window_above_128_mib_is_refused() {
    let ours = |frame: &[u8]| {
        let length = u32::try_from(frame.len()).unwrap();
        [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0], &length.to_le_bytes()[..], frame].concat()
    };
    // A frame of a single segment, whose window is its content: a tebibyte, it says.
    let tebibyte = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0][..], &[9, 0, 0, b'x']].concat();
    assert_eq!(unpack(Codec::Zstd, 2, &frame(27)), b"x");
    assert_eq!(unpack(Codec::Zstd, 2, &ours(&frame(27))), b"x");
    for large in [frame(28), frame(31), ours(&frame(28)), ours(&tebibyte), tebibyte] {
        assert_eq!(refused(Codec::Zstd, &large), "the zstd data needs a window of more than 128 MiB");
    }
}

#[test]
fn a_frame_to_be_skipped_is_skipped_wherever_it_stands() {
    let note = [&[0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"notes"].concat();
    let ours = pack(Codec::Zstd, 2, b"content");
    for packed in [[&note[..], &ours].concat(), [&ours[..], &note].concat(), [&ours[..], &note, &note, &ours].concat()]
    {
        assert!(unpack(Codec::Zstd, 2, &packed).starts_with(b"content"));
        refused(Codec::Zstd, &[&packed[..], &note[..7]].concat());
    }
    assert_eq!(unpack(Codec::Zstd, 2, &note), b"", "nothing but notes holds nothing");
}
