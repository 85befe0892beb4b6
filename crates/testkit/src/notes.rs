//! What a test has to say though it passes: what it could not look at on this machine, and how much it looked at.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

/// Says a line: at once, and again at the end of `scripts/test`, which names a file for it in `PUSHBACK_TEST_NOTES`.
pub fn note(line: &str) {
    eprintln!("{line}");
    if let Some(path) = env::var_os("PUSHBACK_TEST_NOTES") {
        let notes = OpenOptions::new().append(true).create(true).open(path);
        // One write: other tests append at the same time.
        notes.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).expect("a note can be written");
    }
}
