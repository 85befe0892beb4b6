//! Where the statements of a script end, by the rules of `sqlite3_complete()`: at a `;` that is in no string, no name, no
//! comment and no body of a trigger.

use std::io::BufRead;

/// A script, as far as it has been read.
#[derive(Debug, Default)]
pub(crate) struct Script {
    inside: Inside,
    part: Part,
    /// The word that is being read, as much of it as tells a keyword.
    word: Vec<u8>,
}

/// Longer than every keyword that matters.
const LONGEST_WORD: usize = 10;

/// Inside of what the reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Code,
    /// Behind a `-` or a `/`, which may begin a comment.
    Sign(u8),
    /// A string or a name, up to this byte. One that is doubled ends it and begins another, which is as good.
    Quoted(u8),
    /// `-- …`
    Line,
    /// `/* … */`, and whether the last byte was a `*`.
    Block(bool),
}

/// How far a statement has come: all but a trigger end with the first `;`, a trigger with `; END;`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Begin,
    Normal,
    Create,
    Trigger,
    TriggerSemicolon,
    TriggerEnd,
}

impl Script {
    /// Reads on to the end of a statement: how many bytes that are, with the `;`. `None` when it needs more than these.
    pub(crate) fn statement(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (taken, has_ended) = self.take(rest);
            at += taken;
            if has_ended {
                return Some(at);
            }
        }
        None
    }

    /// Whether nothing but comments has come since the last statement ended.
    pub(crate) fn is_between_statements(&self) -> bool {
        let is_code = matches!(self.inside, Inside::Code | Inside::Line);
        is_code && self.part == Part::Begin && self.word.is_empty()
    }

    /// Reads some of what is there: how much, and whether a statement has ended with it.
    fn take(&mut self, rest: &[u8]) -> (usize, bool) {
        let first = rest.first().copied().unwrap_or_default();
        let mut left = rest;
        let mut until = |end: u8| {
            let taken = left.skip_until(end).unwrap_or_default();
            (taken, rest.get(taken - 1) == Some(&end))
        };
        match self.inside {
            Inside::Code => (1, self.code(first)),
            Inside::Sign(b'-') if first == b'-' => self.go(Inside::Line),
            Inside::Sign(b'/') if first == b'*' => self.go(Inside::Block(false)),
            Inside::Sign(_) => {
                self.inside = Inside::Code;
                self.part = self.part.behind(b"");
                (0, false)
            }
            Inside::Block(true) if first == b'/' => self.go(Inside::Code),
            Inside::Block(true) if first == b'*' => (1, false),
            Inside::Block(_) => {
                let (taken, is_star) = until(b'*');
                self.inside = Inside::Block(is_star);
                (taken, false)
            }
            Inside::Line | Inside::Quoted(_) => {
                let (taken, is_over) = until(if let Inside::Quoted(end) = self.inside { end } else { b'\n' });
                if is_over {
                    self.inside = Inside::Code;
                }
                (taken, false)
            }
        }
    }

    fn go(&mut self, inside: Inside) -> (usize, bool) {
        self.inside = inside;
        (1, false)
    }

    /// Reads a byte of code: whether a statement ends with it.
    fn code(&mut self, byte: u8) -> bool {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..) {
            if self.word.len() < LONGEST_WORD {
                self.word.push(byte.to_ascii_uppercase());
            }
            return false;
        }
        if !self.word.is_empty() {
            self.part = self.part.behind(&self.word);
            self.word.clear();
        }
        match byte {
            b';' => {
                self.part = self.part.behind(b";");
                return self.part == Part::Begin;
            }
            b'-' | b'/' => self.inside = Inside::Sign(byte),
            b'\'' | b'"' | b'`' => self.quote(byte),
            b'[' => self.quote(b']'),
            _ if byte.is_ascii_whitespace() || byte == 0x0b => {}
            _ => self.part = self.part.behind(b""),
        }
        false
    }

    fn quote(&mut self, end: u8) {
        self.part = self.part.behind(b"");
        self.inside = Inside::Quoted(end);
    }
}

impl Part {
    /// What it is after a word, a `;`, or anything else, which is nothing here.
    fn behind(self, token: &[u8]) -> Self {
        match (self, token) {
            (Self::Trigger | Self::TriggerSemicolon, b";") => Self::TriggerSemicolon,
            (_, b";") => Self::Begin,
            (Self::Begin, b"CREATE") | (Self::Create, b"TEMP" | b"TEMPORARY") => Self::Create,
            (Self::TriggerSemicolon, b"END") => Self::TriggerEnd,
            (Self::Create, b"TRIGGER") | (Self::Trigger | Self::TriggerSemicolon | Self::TriggerEnd, _) => {
                Self::Trigger
            }
            _ => Self::Normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Script;

    /// The statements of a script that comes in pieces of so many bytes, and what is left.
    fn statements(text: &str, piece: usize) -> (Vec<String>, String) {
        let (mut script, mut all, mut statement) = (Script::default(), Vec::new(), Vec::new());
        for mut bytes in text.as_bytes().chunks(piece) {
            while let Some(end) = script.statement(bytes) {
                statement.extend_from_slice(&bytes[..end]);
                all.push(String::from_utf8(std::mem::take(&mut statement)).unwrap());
                bytes = &bytes[end..];
            }
            statement.extend_from_slice(bytes);
        }
        (all, String::from_utf8(statement).unwrap())
    }

    #[test]
    fn a_statement_ends_where_sqlite_lets_it_end() {
        let whole = [
            "PRAGMA foreign_keys=OFF;",
            " INSERT INTO t VALUES('it''s; a',\"b;\",`c;`,[d;],x'3b');",
            " -- no; end\n SELECT 1 - 2 / 3 /* ; * ; **/;",
            "CREATE TABLE trigger_(a);",
            "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT ';'; UPDATE t SET a = CASE WHEN 1 THEN 2 END; END;",
            "\nCREATE /* a */ TEMP TRIGGER \"END\" AFTER INSERT ON t BEGIN SELECT 1; -- END;\n END ;",
            "CREATE VIEW v AS SELECT 'größe; 表' AS ü;",
            ";",
        ];
        for piece in [1, 2, 3, 7, 1000] {
            let (found, rest) = statements(&(whole.concat() + " COMMIT"), piece);
            assert_eq!(found, whole, "in pieces of {piece}");
            assert_eq!(rest, " COMMIT");
        }
    }

    #[test]
    fn a_comment_behind_the_last_statement_begins_no_other() {
        for (text, is_between) in
            [("; -- x", true), (";\n/* x; */ \n", true), ("; /* x", false), ("; x", false), ("; -", false)]
        {
            let mut script = Script::default();
            assert_eq!(script.statement(text.as_bytes()), Some(1));
            assert_eq!(script.statement(&text.as_bytes()[1..]), None);
            assert_eq!(script.is_between_statements(), is_between, "{text}");
        }
    }

    #[test]
    fn what_is_open_at_the_end_is_no_statement() {
        for open in
            ["SELECT ';", "SELECT /* ;", "-- ;", "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1;", "SELECT [;"]
        {
            assert_eq!(statements(open, 1000), (Vec::new(), open.to_owned()));
        }
    }
}
