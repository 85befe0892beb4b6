//! Memory does not depend on the length of a dump. Each case is a process of its own: this program again.
#![cfg(test)]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use db::{Codec, Packer, Unpacker};
use flate2::Compression;
use flate2::write::GzEncoder;
use kit::process::Program;

/// What a tool may take, at default levels, with any number of threads; in KiB.
const MOST: u64 = 64 * 1024;

/// More threads than most servers have processors.
const THREADS: usize = 8;

const MIB: u64 = 1024 * 1024;

/// Bytes without end, given again and again from a pattern.
struct Endless {
    pattern: Vec<u8>,
    at: usize,
}

impl Endless {
    fn zeros() -> Self {
        Self { pattern: vec![0; 4096], at: 0 }
    }

    /// Longer than a block, so that no block holds anything twice: it cannot be compressed.
    fn noise() -> Self {
        let mut state = 88_172_645_463_325_252_u64;
        let mut pattern = Vec::new();
        while pattern.len() < 3_000_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            pattern.extend(state.to_le_bytes());
        }
        Self { pattern, at: 0 }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.pattern.len() - self.at);
        buffer[..length].copy_from_slice(&self.pattern[self.at..self.at + length]);
        self.at = (self.at + length) % self.pattern.len();
        Ok(length)
    }
}

/// Tells the program that it is a case, and which.
const CASE: &str = "PUSHBACK_TEST_CASE";

#[test]
fn memory_does_not_depend_on_the_length_of_a_dump() {
    if let Some(case) = std::env::var_os(CASE) {
        return run(case.to_str().unwrap());
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("packed").display().to_string();
    for codec in Codec::ALL {
        for (content, length) in [("zeros", 10 * MIB), ("zeros", 1024 * MIB), ("noise", 10 * MIB), ("noise", 200 * MIB)]
        {
            assert_small(&format!("pack {codec} {content} {length} {file}"));
            assert_small(&format!("unpack {codec} {content} {length} {file}"));
        }
    }
    assert_small(&format!("bomb gzip zeros {} {file}", 512 * MIB));
    assert_small(&format!("unpack gzip zeros {} {file}", 512 * MIB));
}

/// Runs a case, and looks at what the kernel says of its memory.
fn assert_small(case: &str) {
    let own = std::env::current_exe().unwrap();
    let program = Program::find(own.to_str().unwrap()).unwrap();
    let program = program.args(["--exact", "memory_does_not_depend_on_the_length_of_a_dump", "--nocapture"]);
    let ended = program.env(CASE, case).deadline(Duration::from_secs(300)).run().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.is_success(), "{case}: {said}{}", String::from_utf8_lossy(&ended.stderr));
    let peak = said.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak <= MOST, "{case} takes {peak} KiB");
}

/// A case: packs so much to the file, or unpacks so much from it, and prints the most memory that it has had.
fn run(case: &str) {
    let [verb, codec, content, length, file] = case.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let (codec, length, file) = (codec.parse().unwrap(), length.parse().unwrap(), Path::new(file));
    let mut source = if content == "zeros" { Endless::zeros() } else { Endless::noise() }.take(length);
    let copied = match verb {
        "pack" => {
            let mut packer = Packer::new(codec, None, THREADS, File::create(file).unwrap());
            let copied = copy(&mut source, &mut packer);
            packer.finish().unwrap();
            copied
        }
        "bomb" => copy(&mut source, &mut GzEncoder::new(File::create(file).unwrap(), Compression::fast())),
        _ => copy(&mut Unpacker::new(codec, THREADS, File::open(file).unwrap()), &mut io::sink()),
    };
    assert_eq!(copied, length);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    println!("\n{}", status.lines().find(|line| line.starts_with("VmHWM:")).unwrap());
}

/// In pieces, as the tools do it.
fn copy(from: &mut impl Read, to: &mut impl Write) -> u64 {
    let (mut buffer, mut copied) = (vec![0; 256 * 1024], 0);
    loop {
        let length = from.read(&mut buffer).unwrap();
        if length == 0 {
            return copied;
        }
        to.write_all(&buffer[..length]).unwrap();
        copied += length as u64;
    }
}
