//! Reading one line of the checks file from left to right. What is wrong knows its column.

use std::fmt::{self, Display};

use kit::voice;

/// How much of the line is repeated in a complaint.
const FOUND: usize = 20;

/// A place in a line that should have been something else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    column: usize,
    expected: String,
    found: String,
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: expected {}, found {}", self.column, self.expected, self.found)
    }
}

/// A place in a line.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    line: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        Self { line, rest: line }
    }

    /// The complaint that here should be something else. Columns count characters from 1.
    pub(crate) fn wrong(&self, expected: impl Into<String>) -> Wrong {
        let before = self.line.chars().count() - self.rest.chars().count();
        let found: String = self.rest.chars().take(FOUND).collect();
        Wrong {
            column: before + 1,
            expected: expected.into(),
            found: if self.rest.is_empty() {
                "the end".to_owned()
            } else {
                format!("`{}`", voice::clean_line(found.trim_end()))
            },
        }
    }

    /// Steps over blanks.
    pub(crate) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Steps over `token` if it is next.
    pub(crate) fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Steps over as many characters as belong; they may be none.
    pub(crate) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Steps over a word in small letters.
    pub(crate) fn word(&mut self) -> &'a str {
        self.blanks();
        self.take_while(|c| c.is_ascii_lowercase() || c == '_')
    }

    /// Steps over a word that must be this one.
    pub(crate) fn keyword(&mut self, word: &str) -> Result<(), Wrong> {
        self.blanks();
        let mut ahead = self.clone();
        if ahead.word() == word {
            *self = ahead;
            Ok(())
        } else {
            Err(self.wrong(format!("`{word}`")))
        }
    }

    /// Steps over digits.
    pub(crate) fn number(&mut self, expected: &str) -> Result<u64, Wrong> {
        self.blanks();
        let here = self.clone();
        let digits = self.take_while(|c| c.is_ascii_digit());
        digits.parse().map_err(|_| here.wrong(expected))
    }

    /// Steps over the rest of the line, which must be one text in double quotes, with the escapes of JSON.
    pub(crate) fn quoted(&mut self) -> Result<String, Wrong> {
        self.blanks();
        let here = self.clone();
        match serde_json::from_str::<String>(self.rest()) {
            Ok(text) if !text.is_empty() => Ok(text),
            _ => Err(here.wrong("a text in double quotes, not empty, and nothing after it")),
        }
    }

    /// The rest of the line without the blanks around it.
    pub(crate) fn rest(&mut self) -> &'a str {
        self.blanks();
        let rest = self.rest.trim_end();
        self.rest = "";
        rest
    }

    /// Nothing may follow.
    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        self.blanks();
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong("the end")) }
    }
}
