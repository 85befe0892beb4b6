//! The one table of exit codes. `--help` and the man page of every tool print their part of it.

use serde::{Serialize, Serializer};

/// A process exit status, 0 to 255. The constants follow `sysexits.h` where it has a fitting code; 124 is what
/// `timeout(1)` uses, 128+n what a shell reports for signal n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// Done, or nothing was to be done.
    pub const DONE: Self = Self(0);
    /// The answer is no. Never used for "could not find out".
    pub const NO: Self = Self(1);
    /// The command line is wrong.
    pub const USAGE: Self = Self(2);
    /// Data is damaged (`EX_DATAERR`).
    pub const DAMAGED: Self = Self(65);
    /// The thing asked for is not there (`EX_NOINPUT`).
    pub const ABSENT: Self = Self(66);
    /// A program or server is missing or refuses (`EX_UNAVAILABLE`).
    pub const UNAVAILABLE: Self = Self(69);
    /// The output cannot be created (`EX_CANTCREAT`).
    pub const CANNOT_CREATE: Self = Self(73);
    /// Reading, writing or a child process failed (`EX_IOERR`).
    pub const IO: Self = Self(74);
    /// Busy or refused for now (`EX_TEMPFAIL`).
    pub const BUSY: Self = Self(75);
    /// Not permitted (`EX_NOPERM`).
    pub const NOT_PERMITTED: Self = Self(77);
    /// The settings are wrong (`EX_CONFIG`).
    pub const SETTINGS: Self = Self(78);
    /// A bug in the tool: what Rust's runtime returns after a panic.
    pub const BUG: Self = Self(101);
    /// The deadline passed.
    pub const DEADLINE: Self = Self(124);

    /// The status that a shell reports for a process ended by `signal`.
    #[must_use]
    pub const fn signal(signal: i32) -> Self {
        let low = signal.to_le_bytes()[0] & 0x7f;
        Self(128 | low)
    }

    /// Takes a child's own status over, as when one tool speaks for another.
    #[must_use]
    pub const fn of_child(code: u8) -> Self {
        Self(code)
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The word that stands in `error.kind` of the JSON output. A word never changes its meaning.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self.0 {
            0 => "done",
            1 => "no",
            2 => "usage",
            65 => "damaged",
            66 => "absent",
            69 => "unavailable",
            73 => "cannot-create",
            74 => "io",
            75 => "busy",
            77 => "not-permitted",
            78 => "settings",
            101 => "bug",
            124 => "deadline",
            129.. => "interrupted",
            _ => "other",
        }
    }

    /// What the code means in every tool.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0 => "done, or nothing was to be done",
            1 => "the answer is no",
            2 => "wrong usage",
            65 => "damaged data",
            66 => "not there",
            69 => "a program or server it needs is missing or refuses",
            73 => "cannot create the output",
            74 => "reading, writing or a child process failed",
            75 => "busy or refused for now; try again later",
            77 => "not permitted",
            78 => "settings are wrong",
            101 => "a bug in the tool",
            124 => "the deadline passed",
            129.. => "ended by signal n (128+n)",
            _ => "see the tool's manual",
        }
    }
}

impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn a_signal_is_reported_as_a_shell_does() {
        assert_eq!(Exit::signal(2).code(), 130);
        assert_eq!(Exit::signal(15).code(), 143);
    }

    #[test]
    fn every_documented_code_has_a_word_and_a_meaning_of_its_own() {
        let codes = [0, 1, 2, 65, 66, 69, 73, 74, 75, 77, 78, 101, 124, 130];
        let mut words: Vec<_> = codes.map(|code| Exit::of_child(code).kind()).to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), codes.len());
        assert!(codes.iter().all(|code| Exit::of_child(*code).meaning() != "see the tool's manual"));
    }
}
