//! What a dump may hold for which nobody vouches: what the dumpers write, and nothing that its reader here, the client and the
//! server would take apart at different places. They read quotes, comments and the end of a statement by rules of their own, and
//! the server runs each statement that it finds in what the client took for one.

mod assignment;
mod body;
mod form;

use crate::mysql::text::head::{NEVER, Token, is_letter};
use crate::mysql::text::state::is_space;
use crate::mysql::text::statement::Modes;
use crate::mysql::version::{Family, Version};
use assignment::Session;
use form::Form;

/// How much of a quoted text is kept: names, and the values of settings.
const LONGEST_TEXT: usize = 4096;

/// A comment with a version, in which the server may see code.
#[derive(Debug, PartialEq, Eq)]
enum Comment {
    /// Its number is being read.
    Number { of_mariadb: bool, digits: String },
    /// The server runs what is in it; in one of MariaDB's the client of MySQL sees a comment.
    Run { of_mariadb: bool },
    /// The server passes over it, by other rules than the client's.
    Skipped,
}

/// The statement that is being read, and what of those before it matters.
#[derive(Debug)]
pub(crate) struct Scrutiny {
    server: Version,
    session: Session,
    form: Form,
    comment: Option<Comment>,
    /// Whether anything of the statement was passed over.
    has_skipped: bool,
    word: Vec<u8>,
    /// A `*` that may be the beginning of a comment's end.
    has_star: bool,
    /// What is in quotes, with the quote in front.
    text: Option<Vec<u8>>,
    /// The last two bytes of code.
    last: [u8; 2],
    offence: Option<String>,
}

impl Scrutiny {
    /// Of a dump that is loaded into this server.
    pub(crate) fn of(server: Version) -> Self {
        Self {
            server,
            session: Session::default(),
            form: Form::default(),
            comment: None,
            has_skipped: false,
            word: Vec::new(),
            has_star: false,
            text: None,
            last: [0; 2],
            offence: None,
        }
    }

    /// The first thing that is not to be run.
    pub(crate) fn offence(&mut self) -> Option<String> {
        self.offence.take()
    }

    /// The modes that the session is in by now.
    pub(crate) fn modes(&self) -> Modes {
        self.session.modes
    }

    /// What follows runs in a session of its own, or again in the first one.
    pub(crate) fn change_session(&mut self) {
        if let Err(what) = self.session.change() {
            self.offend(what);
        }
    }

    /// Takes bytes that are in no quotes.
    pub(crate) fn code(&mut self, bytes: &[u8]) {
        self.end_text();
        if let b"/*!" | b"/*M!" = bytes {
            self.begin_comment(bytes.len() == 4);
            return;
        }
        for byte in bytes {
            self.take(*byte);
        }
    }

    /// Takes bytes in quotes, with the quotes, in as many pieces as they come.
    pub(crate) fn quoted(&mut self, bytes: &[u8]) {
        self.end_word();
        self.begin_content();
        if self.is_skipping() {
            self.offend("quotes in a comment for other versions of the server");
        }
        let is_in_comment = matches!(self.comment, Some(Comment::Run { of_mariadb: true }));
        let text = self.text.get_or_insert_default();
        let room = LONGEST_TEXT.saturating_sub(text.len());
        text.extend(bytes.iter().take(room));
        // To that client it would end there.
        let ends_comment = is_in_comment && (room == 0 || text.windows(2).any(|two| two == b"*/"));
        if ends_comment {
            self.offend("the end of a comment in quotes");
        }
    }

    /// A comment begins that is none for a version.
    pub(crate) fn opens_comment(&mut self) {
        if self.is_skipping() || self.last[1] == b'*' {
            self.offend("a comment within a comment");
        }
    }

    /// A comment ends in one for a version, where the client and the server do not agree on what is in it.
    pub(crate) fn ends_comment_in_version(&mut self) {
        self.offend("a comment within a comment");
    }

    pub(crate) fn open(&mut self) {
        self.end_text();
        self.end_word();
        self.begin_content();
        self.last = [0, b'('];
        if !self.is_skipping() {
            let told = self.form.open();
            self.judge(told);
        }
    }

    pub(crate) fn close(&mut self) {
        self.end_text();
        self.end_word();
        self.last = [0, b')'];
        if !self.is_skipping() {
            let told = self.form.close();
            self.judge(told);
        }
    }

    /// Takes a `;` that does not end it.
    pub(crate) fn separate(&mut self) {
        self.end_text();
        self.end_word();
        self.last = [0, b';'];
        let told = if self.comment.is_some() && self.is_skipping() {
            Err("a statement in a comment for other versions of the server".to_owned())
        } else {
            self.form.separate()
        };
        self.judge(told);
    }

    /// Takes its end.
    pub(crate) fn end(&mut self) {
        self.end_text();
        self.end_word();
        if self.comment.is_some() {
            self.offend("a delimiter in a comment");
        }
        let told = self.form.end(&mut self.session, self.has_skipped);
        self.judge(told);
        self.clear();
    }

    /// Forgets the statement.
    pub(crate) fn clear(&mut self) {
        self.form.clear();
        self.word.clear();
        (self.comment, self.text, self.has_skipped, self.has_star, self.last) = (None, None, false, false, [0; 2]);
    }

    fn take(&mut self, byte: u8) {
        // Behind two dashes the server takes a control byte, and in some character sets a byte above ASCII, for a space.
        let is_odd = (byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r'))
            || (self.last == *b"--" && !byte.is_ascii());
        if is_odd {
            self.offend(&format!("the byte {byte:#04x} where none can be seen"));
        }
        let closes = self.comment.is_some() && self.last[1] == b'*' && byte == b'/';
        self.last = [self.last[1], byte];
        if let Some(Comment::Number { digits, .. }) = &mut self.comment
            && byte.is_ascii_digit()
        {
            digits.push(char::from(byte));
            return;
        }
        self.begin_content();
        if closes {
            self.has_star = false;
            self.comment = None;
            return;
        }
        self.end_star();
        if self.is_skipping() {
            return;
        }
        if is_letter(byte) {
            self.word.push(byte);
            self.word.truncate(LONGEST_TEXT);
            return;
        }
        self.end_word();
        self.has_star = byte == b'*';
        if !self.has_star && !is_space(byte) {
            self.emit(Token::Symbol(byte));
        }
    }

    fn begin_comment(&mut self, of_mariadb: bool) {
        self.end_word();
        if self.comment.is_some() {
            self.offend("a comment within a comment");
        }
        self.last = [b'*', b'!'];
        self.comment = Some(Comment::Number { of_mariadb, digits: String::new() });
    }

    /// The number of a comment is over: now it is known whether the server runs it.
    fn begin_content(&mut self) {
        let Some(Comment::Number { of_mariadb, digits }) = &self.comment else { return };
        match runs(&self.server, *of_mariadb, digits) {
            Some(true) => self.comment = Some(Comment::Run { of_mariadb: *of_mariadb }),
            Some(false) => {
                // With that one dumps of MariaDB begin, and every server passes over it.
                self.has_skipped |= digits != NEVER;
                self.comment = Some(Comment::Skipped);
            }
            None => self.offend("a comment with an odd version"),
        }
    }

    fn is_skipping(&self) -> bool {
        self.comment == Some(Comment::Skipped)
    }

    fn end_star(&mut self) {
        if std::mem::take(&mut self.has_star) {
            self.emit(Token::Symbol(b'*'));
        }
    }

    fn end_word(&mut self) {
        self.end_star();
        if self.word.is_empty() {
            return;
        }
        let word = String::from_utf8_lossy(&std::mem::take(&mut self.word)).into_owned();
        self.emit(Token::Word(word.to_ascii_uppercase(), word));
    }

    fn end_text(&mut self) {
        let Some(text) = self.text.take() else { return };
        let Some((quote, content)) = text.split_first() else { return };
        let content = String::from_utf8_lossy(content.strip_suffix(&[*quote]).unwrap_or(content)).into_owned();
        self.last = [0, *quote];
        self.emit(if *quote == b'`' { Token::Name(content) } else { Token::Text(content) });
    }

    fn emit(&mut self, token: Token) {
        if self.is_skipping() {
            return;
        }
        let told = self.form.take(token, self.has_skipped);
        self.judge(told);
    }

    fn judge(&mut self, told: Result<(), String>) {
        if let Err(what) = told {
            self.offence.get_or_insert(what);
        }
    }

    fn offend(&mut self, what: &str) {
        self.judge(Err(what.to_owned()));
    }
}

/// Whether a server runs what stands in a comment with this version; `None` when that is not certain.
fn runs(server: &Version, of_mariadb: bool, digits: &str) -> Option<bool> {
    let is_mariadb = server.family == Family::Mariadb;
    if of_mariadb && !is_mariadb {
        return Some(false);
    }
    let version: u32 = match digits.len() {
        0 => return Some(true),
        5 => digits.parse().ok()?,
        6 if is_mariadb => digits.parse().ok()?,
        _ => return None,
    };
    // What MySQL has added since the two parted, MariaDB leaves alone.
    let is_of_mysql = is_mariadb && !of_mariadb && (50_700..100_000).contains(&version);
    Some(!is_of_mysql && version <= id(server))
}

/// `10.11.14` is 101114.
fn id(server: &Version) -> u32 {
    let mut numbers = server.text.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    let mut next = || numbers.next().unwrap_or_default();
    let (major, minor, patch) = (next(), next(), next());
    major.saturating_mul(10_000).saturating_add(minor.saturating_mul(100)).saturating_add(patch)
}
