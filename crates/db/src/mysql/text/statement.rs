//! One statement after the other: what each adds to a database, in constant memory.

use crate::manifest::Census;
use crate::mysql::text::head::{Token, tokens};
use crate::mysql::text::offence::{OWN, offence};
use crate::mysql::text::scrutiny::Scrutiny;

/// How much of a statement's beginning is kept: two names of 64 characters each, all of them doubled backticks, and a list of
/// all SQL modes fit in.
const LONGEST_HEAD: usize = 2048;

/// How much of a statement is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Its beginning is kept until it is clear what it does.
    #[default]
    Head,
    /// `INSERT INTO t (…`: the word VALUES is awaited.
    Columns,
    /// Behind VALUES: each `(` that is in no other begins a row.
    Rows,
    /// Nothing of it matters but its end.
    Rest,
}

/// SQL modes that change what a backslash is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Modes {
    pub(crate) no_backslash_escapes: bool,
    pub(crate) ansi_quotes: bool,
}

/// Modes that stand for several, of which one is `ANSI_QUOTES`.
const ANSI: [&str; 7] = ["ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];

impl Modes {
    /// Those that are on in the value of `sql_mode`.
    pub(crate) fn of(text: &str) -> Self {
        let is_on = |mode: &str| text.split(',').any(|on| on.trim().eq_ignore_ascii_case(mode));
        Self { no_backslash_escapes: is_on("NO_BACKSLASH_ESCAPES"), ansi_quotes: ANSI.into_iter().any(is_on) }
    }
}

/// The statement that is being read, and what those before it added up to.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    pub(crate) census: Census,
    /// The first thing that no dump of one database does.
    pub(crate) offence: Option<String>,
    pub(crate) modes: Modes,
    /// How many bytes the longest one has so far.
    pub(crate) longest: u64,
    length: u64,
    head: Vec<u8>,
    word: Vec<u8>,
    phase: Phase,
    depth: u32,
    table: String,
    rows: u64,
    has_begun: bool,
    is_routine: bool,
    /// What nobody vouches for is looked at more closely.
    scrutiny: Option<Box<Scrutiny>>,
}

impl Statement {
    pub(crate) fn under(scrutiny: Scrutiny) -> Self {
        Self { scrutiny: Some(Box::new(scrutiny)), ..Self::default() }
    }

    /// Has it looked at more closely as well, if it is to be.
    pub(crate) fn scrutinise(&mut self, look: impl FnOnce(&mut Scrutiny)) {
        let Some(scrutiny) = &mut self.scrutiny else { return };
        look(scrutiny);
        if let Some(what) = scrutiny.offence() {
            self.offend(|| what);
        }
    }

    pub(crate) fn take_scrutinised_modes(&mut self) {
        if let Some(scrutiny) = &self.scrutiny {
            self.modes = scrutiny.modes();
        }
    }

    /// Whether anybody vouches for it.
    pub(crate) fn is_vouched_for(&self) -> bool {
        self.scrutiny.is_none()
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.has_begun
    }

    /// Whether what was read of it so far is the client's word for a new delimiter.
    pub(crate) fn is_delimiter_command(&self) -> bool {
        self.is_in_head() && self.head.eq_ignore_ascii_case(b"DELIMITER")
    }

    /// Whether it is still open what it does.
    pub(crate) fn is_in_head(&self) -> bool {
        self.phase == Phase::Head
    }

    /// Whether it is the line with which dumps of MariaDB begin.
    pub(crate) fn is_sandbox_mark(&self) -> bool {
        self.is_in_head() && self.head == b"/*M!999999"
    }

    /// Takes bytes that are in no quotes and no parentheses' own.
    pub(crate) fn code(&mut self, bytes: &[u8]) {
        self.scrutinise(|it| it.code(bytes));
        self.has_begun = self.has_begun || !bytes.trim_ascii().is_empty();
        self.grow(bytes.len());
        match self.phase {
            Phase::Head if self.has_begun => self.keep(bytes),
            Phase::Columns if self.depth == 0 => self.await_values(bytes),
            // `ON DUPLICATE KEY UPDATE a = VALUES(a)`, `AS new`: no rows any more.
            Phase::Rows if self.depth == 0 && bytes.iter().any(u8::is_ascii_alphabetic) => self.phase = Phase::Rest,
            _ => {}
        }
    }

    /// Takes bytes in quotes, with the quotes.
    pub(crate) fn quoted(&mut self, bytes: &[u8]) {
        self.scrutinise(|it| it.quoted(bytes));
        self.has_begun = true;
        self.grow(bytes.len());
        if self.phase == Phase::Head {
            self.keep(bytes);
        }
    }

    pub(crate) fn open(&mut self) {
        self.scrutinise(Scrutiny::open);
        self.has_begun = true;
        if self.phase == Phase::Head {
            self.decide();
        }
        if self.phase == Phase::Columns && self.depth == 0 {
            self.await_values(b"(");
        }
        if self.phase == Phase::Rows && self.depth == 0 {
            self.rows += 1;
        }
        self.depth = self.depth.saturating_add(1);
    }

    pub(crate) fn close(&mut self) {
        self.scrutinise(Scrutiny::close);
        self.has_begun = true;
        self.depth = self.depth.saturating_sub(1);
    }

    /// Takes a `;` that does not end it, under another delimiter. The client sends it whole, and the server runs one statement
    /// after the other; only a routine is one statement with others in it.
    pub(crate) fn separate(&mut self) {
        self.scrutinise(Scrutiny::separate);
        self.has_begun = true;
        if self.phase == Phase::Head {
            self.decide();
        }
        if !self.is_routine {
            self.offend(|| "several statements that the client takes for one".to_owned());
        }
    }

    /// Takes its end.
    pub(crate) fn end(&mut self) {
        if self.phase == Phase::Head && self.has_begun {
            self.decide();
        }
        self.scrutinise(Scrutiny::end);
        self.take_scrutinised_modes();
        if self.rows > 0 {
            *self.census.entry(std::mem::take(&mut self.table)).or_default() += self.rows;
        }
        self.clear();
    }

    /// Forgets it: it was a command to the client.
    pub(crate) fn clear(&mut self) {
        self.scrutinise(Scrutiny::clear);
        self.head.clear();
        self.word.clear();
        self.phase = Phase::Head;
        (self.depth, self.rows, self.length) = (0, 0, 0);
        (self.has_begun, self.is_routine) = (false, false);
    }

    pub(crate) fn offend(&mut self, what: impl FnOnce() -> String) {
        self.offence.get_or_insert_with(what);
    }

    fn grow(&mut self, length: usize) {
        self.length = self.length.saturating_add(length as u64);
        self.longest = self.longest.max(self.length);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST_HEAD.saturating_sub(self.head.len());
        match bytes.get(..room) {
            Some(bytes) if bytes.len() == room => {
                self.head.extend_from_slice(bytes);
                self.decide();
            }
            _ => self.head.extend_from_slice(bytes),
        }
    }

    fn await_values(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if byte.is_ascii_alphanumeric() || *byte == b'_' {
                if self.word.len() < 8 {
                    self.word.push(byte.to_ascii_uppercase());
                }
                continue;
            }
            match self.word.as_slice() {
                b"VALUES" | b"VALUE" => self.phase = Phase::Rows,
                b"SELECT" | b"SET" | b"WITH" | b"TABLE" => self.phase = Phase::Rest,
                _ => {}
            }
            self.word.clear();
        }
    }

    /// Finds out what it does.
    fn decide(&mut self) {
        let head = std::mem::take(&mut self.head);
        let tokens = tokens(&head);
        self.phase = Phase::Rest;
        if let Some(what) = offence(&tokens) {
            self.offend(|| what);
        }
        self.is_routine = is_routine(&tokens);
        let mut words = tokens.iter().enumerate();
        match tokens.first().map_or("", Token::word) {
            "INSERT" | "REPLACE" => {
                let is_filler = |token: &Token| {
                    matches!(
                        token.word(),
                        "INSERT" | "REPLACE" | "LOW_PRIORITY" | "DELAYED" | "HIGH_PRIORITY" | "IGNORE" | "INTO"
                    )
                };
                let Some((at, name)) = words.find(|(_, token)| !is_filler(token)) else { return };
                name.name().unwrap_or_default().clone_into(&mut self.table);
                let behind = tokens.get(at + 1..).unwrap_or_default();
                let is = |name: &[&str]| behind.iter().any(|token| name.contains(&token.word()));
                self.phase = if is(&["VALUES", "VALUE"]) {
                    Phase::Rows
                } else if is(&["SELECT", "SET", "WITH", "TABLE"]) {
                    Phase::Rest
                } else {
                    Phase::Columns
                };
            }
            // A table in a comment with a version stands in for a view.
            "CREATE" if !head.starts_with(b"/*") => {
                if let Some(name) = created_table(&tokens) {
                    self.census.entry(name.to_owned()).or_default();
                }
            }
            "SET" => self.take_modes(&tokens),
            _ => {}
        }
        self.head = head;
        self.head.clear();
    }

    /// The last `sql_mode = …` of a SET: a text says what is on, a variable brings back what was on before.
    fn take_modes(&mut self, tokens: &[Token]) {
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.word() == "SQL_MODE") {
            let follows = |more: usize| tokens.get(at + more);
            if follows(1) != Some(&Token::Symbol(b'=')) || token.name().is_none() {
                continue;
            }
            self.modes = Modes::of(if let Some(Token::Text(text)) = follows(2) { text } else { "" });
        }
    }
}

/// Whether it makes what holds statements of its own.
fn is_routine(tokens: &[Token]) -> bool {
    let is_kind = |token: &Token| OWN.contains(&token.word());
    let kind = tokens.iter().find(|token| is_kind(token)).map_or("", Token::word);
    tokens.first().is_some_and(|token| token.word() == "CREATE")
        && matches!(kind, "TRIGGER" | "PROCEDURE" | "FUNCTION" | "EVENT" | "PACKAGE")
}

/// The name in `CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name`.
fn created_table(tokens: &[Token]) -> Option<&str> {
    let is_filler = |token: &&Token| matches!(token.word(), "CREATE" | "OR" | "REPLACE");
    let mut rest = tokens.iter().skip_while(is_filler);
    rest.next().filter(|token| token.word() == "TABLE")?;
    rest.find(|token| !matches!(token.word(), "IF" | "NOT" | "EXISTS"))?.name()
}
