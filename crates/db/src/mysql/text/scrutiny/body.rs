//! The body of a routine, a trigger or an event: one statement, with others in it only between BEGIN and END and their like. What
//! stood behind it would be run at once.
//!
//! A block counts as open only where the server must take it for one, so that a word that is a name there never opens any. What is
//! not understood is refused.

use crate::mysql::text::head::Token;

/// What opens a block where a statement begins, beside BEGIN.
const BLOCKS: [&str; 6] = ["IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"];

/// What stands between the parameters of a routine and its body.
const CHARACTERISTICS: [&str; 24] = [
    "ASCII",
    "BINARY",
    "CHARACTER",
    "CHARSET",
    "COLLATE",
    "COMMENT",
    "CONTAINS",
    "DATA",
    "DEFINER",
    "DETERMINISTIC",
    "INVOKER",
    "LANGUAGE",
    "MODIFIES",
    "NO",
    "NOT",
    "PRECISION",
    "READS",
    "RETURNS",
    "SECURITY",
    "SIGNED",
    "SQL",
    "UNICODE",
    "UNSIGNED",
    "ZEROFILL",
];

/// Behind these comes an operand, so an END is a name there.
const AWAIT_OPERAND: [&str; 40] = [
    "ALL", "AND", "ANY", "AS", "BETWEEN", "BINARY", "BY", "CASE", "COLLATE", "DISTINCT", "DIV", "ELSE", "ELSEIF",
    "ESCAPE", "EXISTS", "FOR", "FROM", "IF", "IN", "INTERVAL", "IS", "LIKE", "MEMBER", "MOD", "NOT", "OF", "ON", "OR",
    "OVER", "REGEXP", "RLIKE", "ROW", "SELECT", "SOME", "SOUNDS", "THEN", "UNTIL", "USING", "WHEN", "XOR",
];

/// Where the next token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In front of the body.
    Head,
    /// Where a statement begins.
    Start,
    /// Behind its first token, which may be a label.
    First,
    /// Further in a statement that the next `;` ends.
    Statement,
    /// In `DECLARE … HANDLER FOR condition, … statement`.
    Handler(Handler),
    /// In a condition, up to this word, so many CASEs deep.
    Condition { until: &'static str, cases: u32 },
    /// Behind an END.
    End,
    /// Behind the last `;` of the whole.
    Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handler {
    Declared,
    Kind,
    For,
    Condition,
    Complete,
}

#[derive(Debug)]
pub(crate) struct Body {
    kind: String,
    place: Place,
    blocks: Vec<&'static str>,
    /// The two tokens before this one.
    before: [Token; 2],
    /// The table of a trigger.
    table: Option<String>,
}

type Judged = Result<(), String>;

impl Body {
    /// Of what is made, behind its name.
    pub(crate) fn of(kind: &str) -> Self {
        let before = [Token::Symbol(0), Token::Symbol(0)];
        Self { kind: kind.to_owned(), place: Place::Head, blocks: Vec::new(), before, table: None }
    }

    /// The table of a trigger, in small letters.
    pub(crate) fn table(&mut self) -> Option<String> {
        self.table.take()
    }

    pub(crate) fn open(&mut self) -> Judged {
        match self.place {
            Place::Behind => return Err(several()),
            Place::Start | Place::First | Place::Handler(Handler::Complete) => self.place = Place::Statement,
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn close(&mut self) {
        self.push(Token::Symbol(b')'));
    }

    /// Takes a `;` that is not the delimiter.
    pub(crate) fn separate(&mut self, depth: u32) -> Judged {
        if depth > 0 || matches!(self.place, Place::Condition { .. } | Place::Behind) {
            return Err(several());
        }
        self.place = if self.blocks.is_empty() { Place::Behind } else { Place::Start };
        self.push(Token::Symbol(b';'));
        Ok(())
    }

    pub(crate) fn take(&mut self, token: Token, depth: u32) -> Judged {
        if self.place == Place::Behind {
            return Err(several());
        }
        if depth > 0 {
            return Ok(());
        }
        let is_name = matches!(self.before[1], Token::Symbol(b'.' | b'@'));
        let word = if is_name { String::new() } else { token.word().to_owned() };
        match self.place {
            Place::Head => self.in_head(&word, &token)?,
            Place::Start => self.begin(&word),
            Place::First if token == Token::Symbol(b':') => self.place = Place::Start,
            Place::First => self.place = Place::Statement,
            Place::Handler(handler) => self.in_handler(handler, &word, &token),
            Place::Condition { until, cases } => self.in_condition(&word, until, cases),
            Place::Statement | Place::End | Place::Behind => {}
        }
        self.push(token);
        Ok(())
    }

    fn push(&mut self, token: Token) {
        self.before.swap(0, 1);
        self.before[1] = token;
    }

    fn in_head(&mut self, word: &str, token: &Token) -> Judged {
        // The schedule of an event may hold a number with a point.
        if *token == Token::Symbol(b'.') && (self.kind != "EVENT" || self.before[1] == Token::Symbol(0)) {
            return Err(format!("a {} of another database", self.kind));
        }
        if word == "SONAME" {
            return Err("a function in a library of the host".to_owned());
        }
        let [first, second] = [self.before[0].word(), self.before[1].word()];
        let is_body = match self.kind.as_str() {
            "TRIGGER" if self.table.is_none() && second == "ON" => {
                self.table = token.label().map(str::to_lowercase);
                false
            }
            "TRIGGER" => self.table.is_some() && (first, second) == ("EACH", "ROW"),
            "EVENT" => second == "DO",
            _ => {
                let is_named = matches!(second, "RETURNS" | "CHARSET" | "COLLATE" | "COMMENT");
                let is_set = word == "SET" && second == "CHARACTER" || (first, second) == ("CHARACTER", "SET");
                !(is_named || is_set || CHARACTERISTICS.contains(&word))
            }
        };
        if is_body && matches!(word, "FOLLOWS" | "PRECEDES") {
            // The name of another trigger, and then the body: as behind HANDLER FOR.
            self.place = Place::Handler(Handler::Condition);
        } else if is_body {
            self.begin(word);
        }
        Ok(())
    }

    /// Takes the first token of a statement.
    fn begin(&mut self, word: &str) {
        let condition = |until: &'static str| Place::Condition { until, cases: 0 };
        if let Some(block) = BLOCKS.into_iter().chain(["BEGIN"]).find(|block| *block == word) {
            self.blocks.push(block);
            self.place = match block {
                "IF" | "CASE" => condition("THEN"),
                "WHILE" | "FOR" => condition("DO"),
                _ => Place::Start,
            };
            return;
        }
        self.place = match (word, self.blocks.last()) {
            ("END", _) => {
                self.blocks.pop();
                Place::End
            }
            ("ELSE", Some(&("IF" | "CASE"))) => Place::Start,
            ("ELSEIF", Some(&"IF")) | ("WHEN", Some(&"CASE")) => condition("THEN"),
            ("UNTIL", Some(&"REPEAT")) => condition("REPEAT"),
            ("DECLARE", _) => Place::Handler(Handler::Declared),
            _ => Place::First,
        };
    }

    fn in_handler(&mut self, handler: Handler, word: &str, token: &Token) {
        self.place = match (handler, word) {
            (Handler::Declared, "CONTINUE" | "EXIT" | "UNDO") => Place::Handler(Handler::Kind),
            (Handler::Kind, "HANDLER") => Place::Handler(Handler::For),
            (Handler::For, "FOR") | (Handler::Condition, "NOT" | "SQLSTATE" | "VALUE") => {
                Place::Handler(Handler::Condition)
            }
            (Handler::Condition, _) => Place::Handler(Handler::Complete),
            (Handler::Complete, _) if *token == Token::Symbol(b',') => Place::Handler(Handler::Condition),
            (Handler::Complete, _) => return self.begin(word),
            _ => Place::Statement,
        };
    }

    fn in_condition(&mut self, word: &str, until: &'static str, cases: u32) {
        let awaits_operand = match &self.before[1] {
            Token::Symbol(symbol) => *symbol != b')',
            before => AWAIT_OPERAND.contains(&before.word()),
        };
        self.place = match word {
            "CASE" => Place::Condition { until, cases: cases + 1 },
            "END" if cases > 0 && !awaits_operand => Place::Condition { until, cases: cases - 1 },
            "REPEAT" if until == "REPEAT" && self.before[1].word() == "END" => {
                self.blocks.pop();
                Place::End
            }
            word if word == until && until != "REPEAT" && cases == 0 => Place::Start,
            _ => return,
        };
    }
}

fn several() -> String {
    "several statements that the client takes for one".to_owned()
}
