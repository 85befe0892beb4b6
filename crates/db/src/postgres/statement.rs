//! The one kind of statement that is understood in a script: `COPY … FROM stdin`, behind which rows follow.

/// No name is longer; what is longer is cut, so that memory has a bound.
const LONGEST: usize = 1024;

/// A statement, as far as it has been read.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    /// How many brackets are open.
    brackets: u32,
    part: Part,
    /// The names in front of and behind the dots.
    table: Vec<String>,
}

/// Where in a `COPY` the reading is.
#[derive(Debug, Default, PartialEq, Eq)]
enum Part {
    /// Nothing has been read.
    #[default]
    Nothing,
    /// It is some other statement.
    Other,
    /// A name is to follow.
    Copy,
    /// A dot may follow.
    Name,
    /// Somewhere behind the name.
    Behind,
    /// Behind `FROM`.
    From,
    /// Behind `FROM stdin`.
    Rows,
}

impl Statement {
    /// Whether nothing but blanks and comments has been read.
    pub(crate) fn is_empty(&self) -> bool {
        self.part == Part::Nothing
    }

    /// Takes a word: a keyword, a name, a number.
    pub(crate) fn word(&mut self, word: &[u8], is_quoted: bool) {
        let is = |keyword: &str| !is_quoted && word.eq_ignore_ascii_case(keyword.as_bytes());
        self.part = match self.part {
            Part::Nothing if is("copy") => Part::Copy,
            Part::Nothing | Part::Other => Part::Other,
            Part::Copy => {
                let name = String::from_utf8_lossy(word).into_owned();
                self.table.push(if is_quoted { name } else { name.to_lowercase() });
                Part::Name
            }
            Part::Rows => Part::Rows,
            _ if self.brackets > 0 => Part::Behind,
            Part::From if is("stdin") => Part::Rows,
            _ if is("from") => Part::From,
            _ => Part::Behind,
        };
    }

    /// Takes a character that stands for itself, and says whether it ends the statement.
    pub(crate) fn symbol(&mut self, symbol: u8) -> bool {
        match symbol {
            b'(' | b'[' => self.brackets = self.brackets.saturating_add(1),
            b')' | b']' => self.brackets = self.brackets.saturating_sub(1),
            b';' if self.brackets == 0 => return true,
            _ => {}
        }
        self.part = match self.part {
            Part::Nothing | Part::Other => Part::Other,
            Part::Name if symbol == b'.' => Part::Copy,
            Part::Rows => Part::Rows,
            _ => Part::Behind,
        };
        false
    }

    /// Ends it: the table whose rows follow, as `schema.table`, if any do.
    pub(crate) fn end(&mut self) -> Option<String> {
        let ended = std::mem::take(self);
        (ended.part == Part::Rows).then(|| ended.table.join("."))
    }
}

/// Adds to a word, up to a bound.
pub(crate) fn append(word: &mut Vec<u8>, bytes: &[u8]) {
    let room = LONGEST.saturating_sub(word.len());
    word.extend(bytes.iter().take(room));
}
