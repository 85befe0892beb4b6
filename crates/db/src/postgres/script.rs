//! Reads a plain dump as `psql` does, to count rows, to know its end, and to let no command of psql's through.
//!
//! What looks like a statement or a command inside a string, a comment or the body of a function is none. Memory is the
//! same at any length of a line, and the rows, which are nearly all of a dump, are passed with one `memchr` each.

mod code;

use std::io::BufRead;

use kit::{Exit, Failure, voice};

use crate::engine::Text;
use crate::manifest::Census;
use crate::postgres::statement::{Statement, append};

/// What `pg_dump` writes last.
const END: &[u8] = b"PostgreSQL database dump complete";

/// A plain dump, as far as it has been read.
#[derive(Debug, Default)]
pub struct Script {
    state: State,
    statement: Statement,
    /// The word, tag, comment or command that is being read.
    word: Vec<u8>,
    /// Whether the last word was a lone `e`, which gives the string behind it escapes.
    has_escapes: bool,
    /// The table whose rows are being read, and the rows.
    table: String,
    rows: u64,
    tables: Census,
    /// Whether the end was the last thing read.
    is_complete: bool,
    wrong: Option<Failure>,
}

/// Inside of what the reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// SQL, between two words.
    #[default]
    Code,
    /// A word or a number.
    Word,
    /// Behind a `-` or a `/`, which may begin a comment.
    Sign(u8),
    /// `-- …`
    Line,
    /// `/* … */`, so many deep, behind this character.
    Block(u32, u8),
    /// `'…'`, whether `\` escapes in it, and whether it just did.
    Quoted { escapes: bool, escaped: bool },
    /// Behind a `'` that ends the string, unless another follows.
    QuoteEnd { escapes: bool },
    /// `"…"`
    Name,
    /// Behind a `"` that ends the name, unless another follows.
    NameEnd,
    /// Behind a `$` that may begin a dollar quote.
    Tag,
    /// `$tag$ … $tag$`, so many characters of the closing tag read.
    Body(usize),
    /// A command of psql's, up to the end of the line.
    Command,
    /// Behind `COPY … FROM stdin;`, up to the end of the line.
    BeforeRows,
    /// Rows.
    Rows,
}

impl Script {
    /// Takes the next bytes, which may end anywhere, and returns what of them may go to psql: all but the dump's own
    /// `\restrict` pair, which cannot be nested in ours. 65 for any other command of psql's, and none of these bytes may
    /// go then.
    pub fn pass<'a>(&mut self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, Failure> {
        let mut pieces = Vec::new();
        let mut begin = 0;
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let before = self.state;
            let taken = self.take(rest)?;
            match (before == State::Command, self.state == State::Command) {
                (false, true) => pieces.extend(bytes.get(begin..at)),
                (true, false) => begin = at,
                _ => {}
            }
            at += taken;
        }
        if self.state != State::Command {
            pieces.extend(bytes.get(begin..));
        }
        Ok(pieces)
    }

    /// Reads some of what is there and says how much.
    fn take(&mut self, rest: &[u8]) -> Result<usize, Failure> {
        let mut left = rest;
        let until = |left: &mut &[u8], end: u8| left.skip_until(end).unwrap_or_default();
        match self.state {
            State::Rows => Ok(self.row(rest)),
            State::Quoted { escapes: false, .. } => {
                let taken = until(&mut left, b'\'');
                if rest.get(taken - 1) == Some(&b'\'') {
                    self.state = State::QuoteEnd { escapes: false };
                }
                Ok(taken)
            }
            State::Line => {
                let line = rest.get(..until(&mut left, b'\n')).unwrap_or_default();
                append(&mut self.word, line);
                if line.ends_with(b"\n") {
                    self.comment();
                }
                Ok(line.len())
            }
            State::Body(0) => {
                let taken = until(&mut left, b'$');
                if rest.get(taken - 1) == Some(&b'$') {
                    self.state = State::Body(1);
                }
                Ok(taken)
            }
            _ => rest.first().map_or(Ok(false), |byte| self.step(*byte)).map(usize::from),
        }
    }

    /// Reads a row, or as much of it as is there.
    fn row(&mut self, rest: &[u8]) -> usize {
        let mut left = rest;
        let taken = left.skip_until(b'\n').unwrap_or_default();
        let line = rest.get(..taken).unwrap_or_default();
        // The beginning is kept only where it could be that of the end, `\.`.
        if self.word.len() < 4 {
            self.word.extend(line.iter().take(4 - self.word.len()));
        }
        if line.ends_with(b"\n") {
            if matches!(self.word.as_slice(), b"\\.\n" | b"\\.\r\n") {
                self.end_rows();
            } else {
                self.rows += 1;
            }
            self.word.clear();
        }
        taken
    }

    fn end_rows(&mut self) {
        let rows = self.tables.entry(std::mem::take(&mut self.table)).or_default();
        *rows += std::mem::take(&mut self.rows);
        self.state = State::Code;
    }

    fn comment(&mut self) {
        self.state = State::Code;
        let text = self.word.trim_ascii();
        if text == END {
            self.is_complete = self.statement.is_empty();
        } else if !text.is_empty() {
            self.is_complete = false;
        }
    }

    /// Judges a command of psql's.
    fn command(&mut self) -> Result<(), Failure> {
        self.state = State::Code;
        let text = String::from_utf8_lossy(&self.word).into_owned();
        let mut words = text.split_ascii_whitespace();
        let (name, key, more) = (words.next(), words.next(), words.next());
        let is_key = key.is_some_and(|key| key.bytes().all(|byte| byte.is_ascii_alphanumeric())) && more.is_none();
        match name {
            Some("unrestrict") if is_key && self.statement.is_empty() => {}
            Some("restrict") if is_key && self.statement.is_empty() => self.is_complete = false,
            _ => {
                let message = format!("the dump holds a command for psql: \\{}", voice::clean_line(&short(&text)));
                let hint = "psql could run any program by such a line; a dump by pg_dump has none of them";
                return Err(Failure::new(Exit::DAMAGED, message).hint(hint));
            }
        }
        Ok(())
    }

    fn before_rows(&mut self, byte: u8) -> Result<(), Failure> {
        match byte {
            b'\n' => self.begin(State::Rows),
            b' ' | b'\t' | b'\r' => {}
            _ => return Err(Failure::new(Exit::DAMAGED, "a COPY … FROM stdin of the dump is not alone on its line")),
        }
        Ok(())
    }
}

impl Text for Script {
    fn read(&mut self, bytes: &[u8]) {
        if self.wrong.is_none() {
            self.wrong = self.pass(bytes).err();
        }
    }

    fn require_harmless(&self) -> Result<(), Failure> {
        self.wrong.clone().map_or(Ok(()), Err)
    }

    fn finish(mut self: Box<Self>) -> Result<Census, Failure> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        match self.state {
            State::Line => self.comment(),
            State::Command => self.command()?,
            State::Rows | State::BeforeRows => {
                let table = voice::clean_line(&self.table);
                return Err(Failure::new(Exit::DAMAGED, format!("the dump breaks off in the rows of {table}")));
            }
            _ => {}
        }
        if self.state != State::Code || !self.is_complete {
            let message = "the dump is not whole: it does not end with what pg_dump writes last";
            return Err(Failure::new(Exit::DAMAGED, message));
        }
        Ok(self.tables)
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
