//! SQL itself, character by character: what begins and ends a string, a name, a comment, a body, a statement.

use kit::Failure;

use super::{Script, State};
use crate::postgres::statement::append;

impl Script {
    /// Reads one character; false when it belongs to what follows and has only ended what went before.
    pub(super) fn step(&mut self, byte: u8) -> Result<bool, Failure> {
        match self.state {
            State::Code => self.code(byte),
            State::Word => return Ok(self.in_word(byte)),
            State::Sign(sign) => return Ok(self.behind_sign(sign, byte)),
            State::Block(depth, last) => self.state = in_block(depth, last, byte),
            State::Quoted { escapes, escaped } => {
                self.state = match byte {
                    b'\'' if !escaped => State::QuoteEnd { escapes },
                    byte => State::Quoted { escapes, escaped: escapes && !escaped && byte == b'\\' },
                };
            }
            State::QuoteEnd { escapes } => {
                let goes_on = byte == b'\'';
                self.state = if goes_on { State::Quoted { escapes, escaped: false } } else { State::Code };
                return Ok(goes_on);
            }
            State::Name => match byte {
                b'"' => self.state = State::NameEnd,
                byte => append(&mut self.word, &[byte]),
            },
            State::NameEnd => return Ok(self.behind_name(byte)),
            State::Tag => return Ok(self.in_tag(byte)),
            State::Body(read) => self.in_body(read, byte),
            State::Command if byte == b'\n' => {
                self.command()?;
                return Ok(false);
            }
            State::Command => append(&mut self.word, &[byte]),
            State::BeforeRows => self.before_rows(byte)?,
            State::Line | State::Rows => {}
        }
        Ok(true)
    }

    fn code(&mut self, byte: u8) {
        let has_escapes = std::mem::take(&mut self.has_escapes);
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => return,
            b'-' | b'/' => {
                self.state = State::Sign(byte);
                return;
            }
            b'\\' => {
                self.begin(State::Command);
                return;
            }
            b'\'' => self.state = State::Quoted { escapes: has_escapes, escaped: false },
            b'"' => self.begin(State::Name),
            b'$' => self.begin(State::Tag),
            byte if is_of_word(byte) => {
                self.begin(State::Word);
                append(&mut self.word, &[byte]);
            }
            _ => {}
        }
        self.is_complete = false;
        if matches!(self.state, State::Code | State::Quoted { .. }) && self.statement.symbol(byte) {
            self.end_statement();
        }
    }

    pub(super) fn begin(&mut self, state: State) {
        self.state = state;
        self.word.clear();
    }

    fn end_statement(&mut self) {
        if let Some(table) = self.statement.end() {
            self.table = table;
            self.state = State::BeforeRows;
        }
    }

    fn in_word(&mut self, byte: u8) -> bool {
        let is_number = self.word.first().is_some_and(u8::is_ascii_digit);
        let goes_on = is_of_word(byte) || (byte == b'$' && !is_number);
        if goes_on {
            append(&mut self.word, &[byte]);
        } else {
            self.state = State::Code;
            self.has_escapes = self.word.eq_ignore_ascii_case(b"e");
            self.statement.word(&self.word, false);
        }
        goes_on
    }

    fn behind_sign(&mut self, sign: u8, byte: u8) -> bool {
        match (sign, byte) {
            (b'-', b'-') => self.begin(State::Line),
            (b'/', b'*') => self.state = State::Block(1, 0),
            _ => {
                self.is_complete = false;
                self.statement.symbol(sign);
                self.state = State::Code;
                return false;
            }
        }
        true
    }

    fn behind_name(&mut self, byte: u8) -> bool {
        let goes_on = byte == b'"';
        if goes_on {
            append(&mut self.word, b"\"");
            self.state = State::Name;
        } else {
            self.statement.word(&self.word, true);
            self.state = State::Code;
        }
        goes_on
    }

    fn in_tag(&mut self, byte: u8) -> bool {
        if byte == b'$' {
            self.statement.symbol(b'$');
            self.state = State::Body(0);
            return true;
        }
        let goes_on = is_of_word(byte) && !(self.word.is_empty() && byte.is_ascii_digit());
        if goes_on {
            append(&mut self.word, &[byte]);
        } else {
            self.statement.symbol(b'$');
            self.state = State::Code;
        }
        goes_on
    }

    fn in_body(&mut self, read: usize, byte: u8) {
        self.state = match (self.word.get(read - 1), byte) {
            (None, b'$') => State::Code,
            (Some(expected), byte) if *expected == byte => State::Body(read + 1),
            (_, b'$') => State::Body(1),
            _ => State::Body(0),
        };
    }
}

fn in_block(depth: u32, last: u8, byte: u8) -> State {
    match (last, byte) {
        (b'*', b'/') if depth == 1 => State::Code,
        (b'*', b'/') => State::Block(depth - 1, 0),
        (b'/', b'*') => State::Block(depth.saturating_add(1), 0),
        (_, byte) => State::Block(depth, byte),
    }
}

/// psql's identifiers and numbers; every byte of a character beyond ASCII is a letter.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
