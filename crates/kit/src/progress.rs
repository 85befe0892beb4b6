//! How far long work has got: one line on a terminal, rewritten a few times a second, and gone before anything else is said.
//!
//! A log, a pipe and a person who wants silence never see it, and nothing is asked of the system for them.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};

use crate::quantity::size;
use crate::voice;

/// Work that is over sooner needs no line.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a line stands before the next.
const EVERY: Duration = Duration::from_millis(250);

/// How wide a terminal is that does not say so.
const WIDTH: u16 = 80;

/// To the first column, and erase to the end of the line (ECMA-48: CR, EL).
const ERASE: &str = "\r\x1b[K";

/// What is measured, and for whom: [`Context::meter`](crate::Context::meter) knows. The default shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    tool: Option<&'static str>,
    verb: &'static str,
    expected: Option<u64>,
}

impl Meter {
    /// A meter of a tool that has a terminal, or of one that has none.
    pub(crate) fn new(tool: Option<&'static str>, verb: &'static str) -> Self {
        Self { tool, verb, expected: None }
    }

    /// About so many bytes are to come, as far as that is known.
    #[must_use]
    pub fn expecting(self, bytes: impl Into<Option<u64>>) -> Self {
        Self { expected: bytes.into(), ..self }
    }

    /// Begins to measure what is read from or written to `inner`.
    pub fn watch<T>(self, inner: T) -> Watched<T> {
        Watched { inner, passed: 0, line: self.line() }
    }

    /// Begins to measure work that somebody else does.
    #[must_use]
    pub fn line(self) -> Line {
        Line { meter: self, began: Instant::now(), next: PATIENCE }
    }
}

/// The line on the terminal. Dropped, it is gone.
#[derive(Debug)]
pub struct Line {
    meter: Meter,
    began: Instant,
    next: Duration,
}

impl Line {
    /// Shows how many bytes are done, where somebody looks and the line is due; else `done` is not even asked.
    pub fn reach(&mut self, done: impl FnOnce() -> u64) {
        let expected = self.meter.expected;
        self.show(|what, elapsed, width| spell(what, done(), expected, elapsed, width));
    }

    /// The same for how many of `all` things are done.
    pub fn count(&mut self, done: usize, all: usize) {
        self.show(|what, elapsed, width| count(what, done, all, elapsed, width));
    }

    fn show(&mut self, spell: impl FnOnce(&str, Duration, usize) -> String) {
        let Some(tool) = self.meter.tool else { return };
        let elapsed = self.began.elapsed();
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + EVERY;
        draw(&spell(&format!("{tool}: {}", self.meter.verb), elapsed, width()));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.next > PATIENCE {
            draw("");
        }
    }
}

/// Shows how many bytes pass through it. Dropped, the line is gone.
#[derive(Debug)]
pub struct Watched<T> {
    inner: T,
    passed: u64,
    line: Line,
}

impl<T> Watched<T> {
    fn pass(&mut self, length: usize) {
        self.passed += length as u64;
        self.line.reach(|| self.passed);
    }
}

impl<T: Read> Read for Watched<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.pass(length);
        Ok(length)
    }
}

impl<T: Write> Write for Watched<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.pass(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Replaces the line. A tool in the background leaves the terminal to the shell; one that cannot know is in front.
fn draw(text: &str) {
    if tcgetpgrp(io::stderr()).map_or(true, |group| group == getpgrp()) {
        voice::write_error(&format!("{ERASE}{text}"));
    }
}

fn width() -> usize {
    let columns = tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
    usize::from(if columns == 0 { WIDTH } else { columns })
}

/// `backup-db: packed 297.5 MiB of about 687.6 MiB (43 %), 138.3 MiB/s`, or as much of it as the width has room for. What
/// grew since the last time is not done before it is done: 99 % at most.
fn spell(what: &str, done: u64, expected: Option<u64>, elapsed: Duration, width: usize) -> String {
    let percent = |expected: u64| (u128::from(done) * 100 / u128::from(expected)).min(99);
    let share = |expected: u64| format!(" of about {} ({} %)", size(expected), percent(expected));
    let share = expected.filter(|expected| *expected > 0).map(share).unwrap_or_default();
    let rate = u128::from(done) * 1000 / elapsed.as_millis().max(1);
    let rate = size(u64::try_from(rate).unwrap_or(u64::MAX));
    let done = size(done);
    fitting(
        [format!("{what} {done}{share}, {rate}/s"), format!("{what} {done}{share}"), format!("{what} {done}"), done],
        width,
    )
}

/// `smoke-test: made 3 of 12, 4 s`, or as much of it as the width has room for.
fn count(what: &str, done: usize, all: usize, elapsed: Duration, width: usize) -> String {
    let (share, seconds) = (format!("{done} of {all}"), elapsed.as_secs());
    fitting([format!("{what} {share}, {seconds} s"), format!("{what} {share}"), share], width)
}

/// The longest that leaves the last column free: some terminals begin a new line once it is written.
fn fitting<const N: usize>(lines: [String; N], width: usize) -> String {
    lines.into_iter().find(|line| line.len() < width).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Duration, Meter, count, spell};
    use std::io::{Read, Write};

    const MIB: u64 = 1 << 20;

    fn line(done: u64, expected: Option<u64>, millis: u64, width: usize) -> String {
        spell("backup-db: packed", done, expected, Duration::from_millis(millis), width)
    }

    #[test]
    fn a_line_has_bytes_share_and_rate() {
        let half = line(312 * MIB, Some(721 * MIB), 2000, 80);
        assert_eq!(half, "backup-db: packed 312.0 MiB of about 721.0 MiB (43 %), 156.0 MiB/s");
        assert_eq!(line(312 * MIB, None, 2000, 80), "backup-db: packed 312.0 MiB, 156.0 MiB/s");
        assert_eq!(line(0, Some(MIB), 600, 80), "backup-db: packed 0 B of about 1.0 MiB (0 %), 0 B/s");
    }

    #[test]
    fn nothing_expected_is_no_share_and_more_than_expected_is_not_all() {
        assert_eq!(line(MIB, Some(0), 1000, 80), line(MIB, None, 1000, 80));
        for done in [MIB, MIB + 1, 7 * MIB, u64::MAX] {
            assert!(line(done, Some(MIB), 1000, 80).contains(" (99 %), "));
        }
        assert!(line(u64::MAX, Some(u64::MAX), 0, 200).contains(" of about 16.0 EiB (99 %), "));
    }

    #[test]
    fn what_has_no_room_is_left_away_and_never_cut() {
        let whole = line(312 * MIB, Some(721 * MIB), 2000, 200);
        for (width, expected) in [
            (67, whole.as_str()),
            (66, "backup-db: packed 312.0 MiB of about 721.0 MiB (43 %)"),
            (53, "backup-db: packed 312.0 MiB"),
            (27, "312.0 MiB"),
            (9, ""),
            (0, ""),
        ] {
            assert_eq!(line(312 * MIB, Some(721 * MIB), 2000, width), expected, "{width}");
        }
    }

    #[test]
    fn no_line_is_as_wide_as_the_terminal_or_has_a_control_character() {
        for width in 20..=200 {
            for done in [0, 1, 1023, 1024 * MIB - 1, u64::MAX] {
                for expected in [None, Some(0), Some(1), Some(done), Some(u64::MAX)] {
                    for millis in [0, 500, u64::MAX] {
                        let line = line(done, expected, millis, width);
                        assert!(!line.is_empty() && line.len() < width && line.is_ascii(), "{width}: {line}");
                        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn things_are_counted_as_far_as_there_is_room() {
        let line = |width| count("smoke-test: made", 3, 12, Duration::from_millis(4900), width);
        assert_eq!(line(80), "smoke-test: made 3 of 12, 4 s");
        assert_eq!([line(29), line(24), line(7)], ["smoke-test: made 3 of 12", "3 of 12", ""]);
    }

    #[test]
    fn what_is_watched_passes_unchanged() {
        let mut read = Vec::new();
        Meter::default().watch(&b"content"[..]).read_to_end(&mut read).unwrap();
        let mut written = Vec::new();
        let mut watched = Meter::default().watch(&mut written);
        watched.write_all(&read).unwrap();
        assert_eq!(watched.passed, 7);
        drop(watched);
        assert_eq!(written, b"content");
    }

    #[test]
    fn who_is_not_looked_at_is_not_asked() {
        let mut line = Meter::new(None, "packed").line();
        line.next = Duration::ZERO;
        line.reach(|| panic!("it was asked"));
    }
}
