//! Parts a dump into statements at the same places as the client that loads it (`add_line` in client/mysql.cc of MariaDB and
//! MySQL): otherwise a text could be harmless to us and something else to the client.

use memchr::{memchr, memchr2};

use crate::mysql::text::remark::Remark;
use crate::mysql::text::scrutiny::Scrutiny;
use crate::mysql::text::state::{Line, State, is_space};
use crate::mysql::text::statement::Statement;

/// How long a delimiter may be, and with the space around it.
const LONGEST_DELIMITER: usize = 15;
const LONGEST_COMMAND: usize = 64;

/// What people take for a delimiter.
const DELIMITERS: [&[u8]; 4] = [b";", b";;", b"//", b"$$"];

/// Reads bytes as they come, cut anywhere.
#[derive(Debug)]
pub(crate) struct Lexer {
    pub(crate) statement: Statement,
    pub(crate) remark: Remark,
    state: State,
    delimiter: Vec<u8>,
    /// What is not taken in a run.
    stops: [bool; 256],
    line: Line,
    /// The client holds nothing of the next statement, not even a space.
    is_pristine: bool,
    is_complete: bool,
    /// What stands behind `DELIMITER`.
    command: Vec<u8>,
}

impl Default for Lexer {
    fn default() -> Self {
        let mut lexer = Self {
            statement: Statement::default(),
            remark: Remark::default(),
            state: State::Code,
            delimiter: Vec::new(),
            stops: [false; 256],
            line: Line { in_version: false, is_blank: true, was_blank: true },
            is_pristine: true,
            is_complete: false,
            command: Vec::new(),
        };
        lexer.set_delimiter(b";");
        lexer
    }
}

impl Lexer {
    /// For a text that is looked at closely.
    pub(crate) fn under(scrutiny: Scrutiny) -> Self {
        Self { statement: Statement::under(scrutiny), ..Self::default() }
    }

    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((first, behind)) = bytes.split_first() {
            bytes = match self.state {
                State::Code if !self.statement.is_in_head() && !self.stops(*first) => self.run(bytes),
                State::Quotes(quote) => self.in_quotes(quote, bytes),
                State::Block => self.skip_to(b'*', State::BlockStar, bytes),
                State::Line => self.in_line(bytes),
                _ => {
                    self.take(*first);
                    behind
                }
            };
        }
    }

    /// Whether nothing is open.
    pub(crate) fn is_between_statements(&self) -> bool {
        self.state == State::Code && self.statement.is_empty()
    }

    /// Whether a statement has begun of which is not known yet what it does.
    pub(crate) fn is_undecided(&self) -> bool {
        !self.statement.is_empty() && self.statement.is_in_head()
    }

    /// Whether the text ended as a whole dump does.
    pub(crate) fn is_whole(&self) -> bool {
        let ends_here = self.state == State::Line && self.remark.is_end();
        (self.is_complete || ends_here)
            && matches!(self.state, State::Code | State::Line)
            && self.statement.is_empty()
            && self.delimiter == b";"
    }

    /// Takes the bytes that mean nothing by themselves, at once.
    fn run<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (run, behind) = bytes.split_at(bytes.iter().position(|byte| self.stops(*byte)).unwrap_or(bytes.len()));
        self.code(run);
        behind
    }

    fn stops(&self, byte: u8) -> bool {
        self.stops.get(usize::from(byte)).copied().unwrap_or_default()
    }

    fn in_quotes<'a>(&mut self, quote: u8, bytes: &'a [u8]) -> &'a [u8] {
        let modes = self.statement.modes;
        let escapes = match quote {
            b'`' => false,
            b'"' => !modes.ansi_quotes && !modes.no_backslash_escapes,
            _ => !modes.no_backslash_escapes,
        };
        let found = if escapes { memchr2(quote, b'\\', bytes) } else { memchr(quote, bytes) };
        let end = found.map_or(bytes.len(), |at| at + 1);
        let (content, behind) = bytes.split_at(end);
        self.statement.quoted(content);
        if found.is_some() {
            let is_end = content.last() == Some(&quote);
            self.state = if is_end { State::Code } else { State::Escape(quote) };
        }
        behind
    }

    fn in_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
        let (remark, behind) = bytes.split_at(end);
        self.remark.read(remark);
        if !behind.is_empty() {
            // What stands within a statement is no word of the dumper's.
            let is_dumpers = self.statement.is_empty();
            self.is_complete |= is_dumpers && self.remark.is_end();
            self.remark.end(is_dumpers);
            self.state = State::Code;
        }
        behind
    }

    fn skip_to<'a>(&mut self, byte: u8, state: State, bytes: &'a [u8]) -> &'a [u8] {
        let found = memchr(byte, bytes);
        let (skipped, behind) = bytes.split_at(found.map_or(bytes.len(), |at| at + 1));
        if self.line.in_version && memchr(b'\n', skipped).is_some() {
            self.line.in_version = false;
        }
        if found.is_some() {
            self.state = state;
        }
        behind
    }

    /// Takes a byte that means something.
    fn take(&mut self, byte: u8) {
        match self.state {
            State::Delimiter(matched) => self.in_delimiter(matched, byte),
            State::Code if self.delimiter.first() == Some(&byte) => self.in_delimiter(0, byte),
            State::Code => self.in_code(byte),
            State::Dash(count) => self.in_dashes(count, byte),
            State::Slash if byte == b'*' => {
                self.statement.scrutinise(Scrutiny::opens_comment);
                self.state = State::Opening;
            }
            State::Slash => self.was_only(b"/", byte),
            State::Opening if byte == b'!' => {
                self.line.in_version = true;
                self.goes_on(b"/*!");
            }
            State::Opening if byte == b'M' => self.state = State::OpeningM,
            State::OpeningM if byte == b'!' => self.goes_on(b"/*M!"),
            State::Opening | State::OpeningM | State::BlockStar => self.in_block(byte),
            State::Star => {
                self.line.in_version &= byte != b'/';
                self.state = State::Code;
                self.take(byte);
            }
            State::Backslash => self.behind_backslash(byte),
            State::Escape(quote) => {
                self.statement.quoted(&[byte]);
                self.state = State::Quotes(quote);
            }
            State::Command => self.in_command(byte),
            State::Quotes(_) | State::Line | State::Block => {}
        }
    }

    fn in_code(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.space(byte);
                self.end_line();
            }
            byte if is_space(byte) => self.space(byte),
            b'\'' | b'"' | b'`' => {
                self.begin();
                self.statement.quoted(&[byte]);
                self.state = State::Quotes(byte);
            }
            b'(' => {
                self.begin();
                self.statement.open();
            }
            b')' => self.statement.close(),
            b'-' => self.state = State::Dash(1),
            b'/' => {
                self.line.is_blank &= !self.statement.is_empty();
                self.state = State::Slash;
            }
            b'*' => {
                self.code(b"*");
                self.state = State::Star;
            }
            b'#' => self.begin_remark(),
            b';' => {
                self.begin();
                self.statement.separate();
            }
            b'\\' => self.state = State::Backslash,
            byte => self.code(&[byte]),
        }
    }

    fn in_delimiter(&mut self, matched: usize, byte: u8) {
        if self.delimiter.get(matched) == Some(&byte) {
            self.state = State::Delimiter(matched + 1);
            if matched + 1 == self.delimiter.len() {
                self.state = State::Code;
                self.begin();
                self.is_pristine = true;
                self.statement.end();
            }
            return;
        }
        // It only began like one: its first byte is code, and the others are looked at again.
        let seen: Vec<u8> = self.delimiter.iter().take(matched).copied().chain([byte]).collect();
        self.state = State::Code;
        if let Some((first, rest)) = seen.split_first() {
            self.in_code(*first);
            self.read(rest);
        }
    }

    /// `-- ` is a comment, and `--x` where a statement would begin.
    fn in_dashes(&mut self, count: u8, byte: u8) {
        match (count, byte) {
            (1, b'-') if self.is_pristine => self.begin_remark(),
            (1, b'-') => self.state = State::Dash(2),
            (2, byte) if is_space(byte) => {
                self.begin_remark();
                self.read(&[byte]);
            }
            (2, b'-') => self.code(b"-"),
            (2, byte) => self.was_only(b"--", byte),
            (_, byte) => self.was_only(b"-", byte),
        }
    }

    fn begin_remark(&mut self) {
        self.statement.scrutinise(Scrutiny::opens_comment);
        self.state = State::Line;
    }

    fn in_block(&mut self, byte: u8) {
        match (self.state, byte) {
            // A comment in `/*! … */` is closed by its second `*/` only: the client counts so.
            (State::BlockStar, b'/') if self.line.in_version => {
                // The server does not.
                self.statement.scrutinise(Scrutiny::ends_comment_in_version);
                self.line.in_version = false;
                self.state = State::Block;
            }
            (State::BlockStar, b'/') => {
                self.state = State::Code;
                self.is_pristine = false;
                // It parts words.
                self.statement.code(b" ");
            }
            (_, b'*') => self.state = State::BlockStar,
            (_, byte) => {
                self.line.in_version &= byte != b'\n';
                self.state = State::Block;
            }
        }
    }

    fn behind_backslash(&mut self, byte: u8) {
        self.state = State::Code;
        // A dump of MariaDB begins with this, which forbids its client to reach for files.
        if byte == b'-' && self.statement.is_sandbox_mark() {
            return;
        }
        // \N is NULL.
        if byte != b'N' {
            let shown = char::from(byte).escape_default();
            self.statement.offend(|| format!("a command to the client, \\{shown}"));
        }
        self.code(&[b'\\', byte]);
        if byte == b'\n' {
            self.end_line();
        }
    }

    fn in_command(&mut self, byte: u8) {
        if byte != b'\n' {
            self.command.push(byte);
            self.command.truncate(LONGEST_COMMAND);
            return;
        }
        let command = std::mem::take(&mut self.command);
        let word = command.trim_ascii();
        // The client takes a tab, and a return, for a part of it, and keeps fifteen bytes.
        let is_odd = |byte: &u8| is_space(*byte) || matches!(byte, b'\\' | b'\'' | b'"' | b'`');
        let ends_oddly = command.ends_with(b"\t") || command.ends_with(b"\r");
        let is_usual = self.statement.is_vouched_for() || DELIMITERS.contains(&word);
        if word.is_empty() || word.len() > LONGEST_DELIMITER || ends_oddly || !is_usual || word.iter().any(is_odd) {
            self.statement.offend(|| "an odd DELIMITER".to_owned());
        }
        if !word.is_empty() {
            self.set_delimiter(word);
        }
        self.statement.clear();
        self.is_pristine = true;
        self.state = State::Code;
        self.end_line();
    }

    /// What looked like a comment was none.
    fn was_only(&mut self, seen: &[u8], byte: u8) {
        self.goes_on(seen);
        self.take(byte);
    }

    fn goes_on(&mut self, seen: &[u8]) {
        self.state = State::Code;
        self.code(seen);
    }

    /// Takes code that has no meaning of its own here.
    fn code(&mut self, bytes: &[u8]) {
        if self.statement.is_empty() && !bytes.trim_ascii().is_empty() {
            self.begin();
        }
        self.statement.code(bytes);
    }

    /// Something of a statement comes: its first byte, maybe.
    fn begin(&mut self) {
        if self.statement.is_empty() {
            self.line.was_blank = self.line.is_blank && self.is_pristine;
        }
        self.line.is_blank = false;
        self.is_pristine = false;
        self.is_complete = false;
    }

    /// Takes a space. Behind `DELIMITER` it parts that from the new one.
    fn space(&mut self, byte: u8) {
        if matches!(byte, b' ' | b'\t' | b'\n') && self.statement.is_delimiter_command() {
            // The client takes it for a command only where it holds nothing yet, and for text elsewhere.
            if !self.line.was_blank {
                self.statement.offend(|| "DELIMITER within a statement".to_owned());
            }
            self.state = State::Command;
            if byte == b'\n' {
                self.in_command(byte);
            }
            return;
        }
        // What stands behind a delimiter up to the end of its line still belongs to that statement.
        if byte != b'\n' && self.line.is_blank {
            self.is_pristine = false;
        }
        self.statement.code(&[byte]);
    }

    fn end_line(&mut self) {
        self.line.in_version = false;
        self.line.is_blank = true;
    }

    fn set_delimiter(&mut self, delimiter: &[u8]) {
        self.delimiter = delimiter.to_vec();
        self.stops = [false; 256];
        for byte in b"\n'\"`()-/*#\\;".iter().chain(delimiter.first()) {
            if let Some(stops) = self.stops.get_mut(usize::from(*byte)) {
                *stops = true;
            }
        }
    }
}
