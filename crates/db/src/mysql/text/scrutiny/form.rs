//! What kind of statement it is, and what may stand in such a one.

use std::collections::HashSet;

use kit::voice;

use crate::mysql::text::head::Token;
use crate::mysql::text::scrutiny::assignment::Session;
use crate::mysql::text::scrutiny::body::Body;

/// The longest statement that is judged at its end, in tokens.
const LONGEST: usize = 256;

/// What CREATE may make.
const KINDS: [&str; 8] = ["TABLE", "VIEW", "SEQUENCE", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE"];

/// What stands in front of the name of a table in an INSERT.
const FILLERS: [&str; 5] = ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"];

/// What makes a table more than a table: rows of others, code that runs, files of the host, other servers.
const MORE: [&str; 5] = ["SELECT", "UNION", "TABLE", "DIRECTORY", "CONNECTION"];

/// What an ALTER TABLE must not do: dumpers switch keys off and on.
const MOVES: [&str; 7] = ["RENAME", "EXCHANGE", "IMPORT", "DISCARD", "DIRECTORY", "CONNECTION", "UNION"];

type Judged = Result<(), String>;

/// The statement that is being read.
#[derive(Debug, Default)]
pub(crate) struct Form {
    kind: Kind,
    tokens: Vec<Token>,
    depth: u32,
    /// The tables that have a trigger by now, and the views, which may be of such a table: a row would run it.
    triggered: HashSet<String>,
}

#[derive(Debug, Default)]
enum Kind {
    /// Nothing is known yet.
    #[default]
    New,
    /// It is short, and judged at its end.
    Short,
    /// `CREATE …`, up to the name of what is made.
    Head,
    /// A table, or a sequence.
    Table,
    /// With its first token behind the name still to come, or not.
    View {
        is_named: bool,
    },
    Routine(Box<Body>),
    /// `INSERT INTO t (…) VALUES (…)`, with the table's name once it is known, and whether the rows have begun.
    Data {
        table: Option<String>,
        in_rows: bool,
    },
}

impl Form {
    pub(crate) fn clear(&mut self) {
        self.kind = Kind::New;
        self.tokens.clear();
        self.depth = 0;
    }

    pub(crate) fn take(&mut self, token: Token, has_skipped: bool) -> Judged {
        let is_new = matches!(self.kind, Kind::New);
        if is_new {
            self.kind = match token.word() {
                "INSERT" | "REPLACE" => Kind::Data { table: None, in_rows: false },
                "CREATE" => Kind::Head,
                _ => Kind::Short,
            };
        }
        // Parts that only other versions of a server see are for tables, and for statements that are nothing else.
        if has_skipped && !matches!(self.kind, Kind::Table) {
            return Err("a comment for other versions of the server in the middle of a statement".to_owned());
        }
        match &mut self.kind {
            Kind::Data { .. } if is_new => Ok(()),
            Kind::Data { .. } => self.take_data(&token),
            Kind::New | Kind::Short => self.keep(token),
            Kind::Head => self.take_head(token),
            Kind::Table => self.take_table(token),
            Kind::View { is_named } => {
                let leaves = !std::mem::replace(is_named, true) && token == Token::Symbol(b'.');
                if leaves { Err("a view of another database".to_owned()) } else { Ok(()) }
            }
            Kind::Routine(body) => body.take(token, self.depth),
        }
    }

    pub(crate) fn open(&mut self) -> Judged {
        self.depth += 1;
        let is_nested = self.depth > 1;
        match &mut self.kind {
            Kind::New => Err("a statement that no dumper writes".to_owned()),
            Kind::Short => self.keep(Token::Symbol(b'(')),
            Kind::Head => Err("a CREATE of what no dumper makes".to_owned()),
            Kind::Data { .. } if is_nested => Err("a row with a value that is computed".to_owned()),
            Kind::Routine(body) => body.open(),
            Kind::Table => {
                self.tokens.clear();
                Ok(())
            }
            Kind::View { .. } | Kind::Data { .. } => Ok(()),
        }
    }

    pub(crate) fn close(&mut self) -> Judged {
        let Some(depth) = self.depth.checked_sub(1) else { return Err("a parenthesis too many".to_owned()) };
        self.depth = depth;
        match &mut self.kind {
            Kind::Short => self.keep(Token::Symbol(b')')),
            Kind::Routine(body) => {
                body.close();
                Ok(())
            }
            _ => {
                self.tokens.clear();
                Ok(())
            }
        }
    }

    pub(crate) fn separate(&mut self) -> Judged {
        match &mut self.kind {
            Kind::Routine(body) => body.separate(self.depth),
            _ => Err("several statements that the client takes for one".to_owned()),
        }
    }

    /// Judges it at its end.
    pub(crate) fn end(&mut self, session: &mut Session, has_skipped: bool) -> Judged {
        match &mut self.kind {
            Kind::New | Kind::Table | Kind::View { .. } | Kind::Data { table: Some(_), .. } => Ok(()),
            Kind::Head | Kind::Data { table: None, .. } => Err("half a statement".to_owned()),
            Kind::Routine(body) => {
                self.triggered.extend(body.table());
                Ok(())
            }
            Kind::Short if has_skipped => {
                Err("a comment for other versions of the server in the middle of a statement".to_owned())
            }
            Kind::Short => end_short(&self.tokens, session),
        }
    }

    fn keep(&mut self, token: Token) -> Judged {
        if self.tokens.len() >= LONGEST {
            return Err("a statement that is longer than dumpers write it".to_owned());
        }
        self.tokens.push(token);
        Ok(())
    }

    fn take_data(&mut self, token: &Token) -> Judged {
        let Kind::Data { table, in_rows } = &mut self.kind else { return Ok(()) };
        let is_outside = self.depth == 0;
        match (table.as_ref(), *in_rows) {
            (None, _) if FILLERS.contains(&token.word()) => Ok(()),
            (None, _) => {
                let name = token.label().ok_or_else(|| "an INSERT into no table".to_owned())?.to_lowercase();
                if self.triggered.contains(&name) {
                    return Err(format!("rows of {}, which has a trigger by then", voice::clean_line(&name)));
                }
                *table = Some(name);
                Ok(())
            }
            (Some(_), false) if is_outside && matches!(token.word(), "VALUES" | "VALUE") => {
                *in_rows = true;
                Ok(())
            }
            (Some(_), false) if is_outside => Err("an INSERT that is none of rows".to_owned()),
            (Some(_), true) if is_outside && *token != Token::Symbol(b',') => {
                Err("an INSERT that does more than insert".to_owned())
            }
            (Some(_), true) if !is_literal(token) => Err("a row with a value that is computed".to_owned()),
            _ => Ok(()),
        }
    }

    /// Waits for what is made, and for its name.
    fn take_head(&mut self, token: Token) -> Judged {
        let kind = self.tokens.iter().position(|token| KINDS.contains(&token.word()));
        let Some(kind) = kind else {
            // In `DEFINER=table@localhost` that is a name.
            let is_value = matches!(self.tokens.last(), Some(Token::Symbol(b'=' | b'@')));
            let token = if is_value { Token::Text(String::new()) } else { token };
            return self.keep(token);
        };
        let word = self.tokens.get(kind).map_or("", Token::word).to_owned();
        if matches!(token.word(), "IF" | "NOT" | "EXISTS" | "BODY") {
            return Ok(());
        }
        let Some(name) = token.label() else { return Err(format!("a CREATE {word} without a name")) };
        if word == "VIEW" {
            self.triggered.insert(name.to_lowercase());
        }
        self.kind = match word.as_str() {
            "TABLE" | "SEQUENCE" => Kind::Table,
            "VIEW" => Kind::View { is_named: false },
            _ => Kind::Routine(Box::new(Body::of(&word))),
        };
        self.tokens = vec![Token::Name(String::new())];
        Ok(())
    }

    /// Looks for what belongs to no table, and for names of other databases.
    fn take_table(&mut self, token: Token) -> Judged {
        if MORE.contains(&token.word()) {
            return Err(format!("a CREATE TABLE with {}", token.word()));
        }
        let is_number =
            |token: &Token| token.word().bytes().all(|byte| byte.is_ascii_digit()) && !token.word().is_empty();
        let before = self.tokens.pop();
        if token == Token::Symbol(b'.')
            && self.depth < 2
            && before.is_some_and(|before| is_named(&before) && !is_number(&before))
        {
            return Err("a table of another database".to_owned());
        }
        self.tokens.push(token);
        Ok(())
    }
}

/// Whether it is a value, or a part of one: `_binary 'x'`, `0x2a`, `-1.5`, `\N`.
fn is_literal(token: &Token) -> bool {
    match token {
        Token::Word(word, _) => {
            word.starts_with(|first: char| first.is_ascii_digit() || first == '_')
                || matches!(word.as_str(), "NULL" | "N" | "DEFAULT" | "TRUE" | "FALSE" | "X" | "B")
        }
        Token::Text(_) => true,
        Token::Symbol(symbol) => matches!(symbol, b',' | b'+' | b'-' | b'.' | b'\\'),
        Token::Name(_) => false,
    }
}

/// Whether it may be a name, under whatever mode.
fn is_named(token: &Token) -> bool {
    !matches!(token, Token::Symbol(_))
}

/// Judges a statement that was read whole.
fn end_short(tokens: &[Token], session: &mut Session) -> Judged {
    let (verb, rest) = tokens.split_first().map_or(("", tokens), |(verb, rest)| (verb.word(), rest));
    let has = |words: &[&str]| rest.iter().any(|token| words.contains(&token.word()));
    let is_plain = rest.iter().all(|token| !matches!(token, Token::Symbol(symbol) if *symbol != b','));
    let is_only = |words: &[&str]| rest.iter().all(|token| words.contains(&token.word()));
    let is_known = match verb {
        "SET" => return session.take(rest),
        "DROP" | "LOCK" | "UNLOCK" | "ANALYZE" | "OPTIMIZE" => is_plain,
        "ALTER" => is_plain && rest.first().is_some_and(|what| what.word() == "TABLE") && !has(&MOVES),
        "START" | "BEGIN" | "COMMIT" | "ROLLBACK" => {
            is_only(&["TRANSACTION", "WITH", "CONSISTENT", "SNAPSHOT", "WORK"])
        }
        "DO" | "SELECT" => is_setval(rest),
        _ => false,
    };
    if is_known { Ok(()) } else { Err(format!("a {} that no dumper writes", voice::clean_line(verb))) }
}

/// `SETVAL(name, 5, 0, 1)`.
fn is_setval(tokens: &[Token]) -> bool {
    let [word, Token::Symbol(b'('), name, Token::Symbol(b','), values @ .., Token::Symbol(b')')] = tokens else {
        return false;
    };
    let is_number = |token: &Token| match token {
        Token::Word(number, _) => number.bytes().all(|byte| byte.is_ascii_digit()),
        Token::Symbol(symbol) => matches!(symbol, b',' | b'-'),
        Token::Name(_) | Token::Text(_) => false,
    };
    word.word() == "SETVAL" && name.name().is_some() && values.iter().all(is_number)
}
