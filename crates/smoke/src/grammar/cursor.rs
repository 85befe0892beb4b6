//! Reading one line of the checks file from left to right. What is wrong knows its column.

use std::fmt::{self, Display};

use kit::voice;

use crate::grammar::variable::Variables;

/// How much of the line is repeated in a complaint.
const FOUND: usize = 20;

/// A place in a line that should have been something else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    column: usize,
    what: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.what)
    }
}

/// A place in a line.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    line: &'a str,
    rest: &'a str,
    variables: Option<&'a Variables<'a>>,
}

impl<'a> Cursor<'a> {
    /// The beginning of a line.
    pub(crate) fn new(line: &'a str) -> Self {
        Self { line, rest: line, variables: None }
    }

    /// The same where `${NAME}` in a text stands for one of these.
    pub(crate) fn with(self, variables: &'a Variables<'a>) -> Self {
        Self { variables: Some(variables), ..self }
    }

    /// All of the line.
    pub(crate) fn line(&self) -> &'a str {
        self.line
    }

    /// The complaint that here should be something else.
    pub(crate) fn wrong(&self, expected: impl Display) -> Wrong {
        let found: String = self.rest.chars().take(FOUND).collect();
        let found = if self.rest.is_empty() {
            "the end".to_owned()
        } else {
            format!("`{}`", voice::clean_line(found.trim_end()))
        };
        Wrong { column: self.column(), what: format!("expected {expected}, found {found}"), hint: None }
    }

    /// Columns count characters from 1.
    fn column(&self) -> usize {
        self.line.chars().count() - self.rest.chars().count() + 1
    }

    /// So many bytes further on.
    pub(crate) fn behind(&self, bytes: usize) -> Self {
        Self { rest: self.rest.get(bytes..).unwrap_or_default(), ..self.clone() }
    }

    /// Steps over blanks.
    pub(crate) fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Steps over blanks; the place behind them, for a complaint.
    pub(crate) fn here(&mut self) -> Self {
        self.blanks();
        self.clone()
    }

    /// Whether this is next.
    pub(crate) fn starts_with(&self, next: char) -> bool {
        self.rest.starts_with(next)
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
    pub(crate) fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'a str {
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
        let here = self.here();
        let digits = self.take_while(|c| c.is_ascii_digit());
        digits.parse().map_err(|_| here.wrong(expected))
    }

    /// Steps over the rest of the line, which must be one text in quotes, with the settings that are named in it.
    pub(crate) fn quoted(&mut self) -> Result<String, Wrong> {
        let here = self.here();
        let text = self.quoted_as_is()?;
        here.fill(&text)
    }

    /// The same of a text in which `${…}` has no meaning.
    pub(crate) fn quoted_as_is(&mut self) -> Result<String, Wrong> {
        let here = self.here();
        let text = literal(self.rest()).filter(|text| !text.is_empty());
        text.ok_or_else(|| here.wrong("a text in quotes, not empty, and nothing after it"))
    }

    /// Puts settings into a text that stands here.
    pub(crate) fn fill(&self, text: &str) -> Result<String, Wrong> {
        let Some(variables) = self.variables else { return Ok(text.to_owned()) };
        variables.fill_secretly(text).map_err(|failure| Wrong {
            column: self.column(),
            what: failure.message,
            hint: failure.hint,
        })
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

/// A text in double quotes, with the escapes of JSON (RFC 8259, 7), or in single quotes, as it is.
pub(crate) fn literal(text: &str) -> Option<String> {
    match text.strip_prefix('\'') {
        Some(rest) => rest.strip_suffix('\'').filter(|inner| !inner.contains('\'')).map(str::to_owned),
        None => serde_json::from_str(text).ok(),
    }
}
