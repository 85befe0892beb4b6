//! What a check expects, one line each: `status == 200`. Each kind of check has assertions of its own; this is what
//! they share.

use crate::cursor::{Cursor, Wrong};

/// What can be asserted of one kind of thing.
pub(crate) trait Assertion: Sized {
    /// What a look at the thing brings back.
    type Seen;

    /// Reads what follows `word`, the first of the line. `None` when no assertion begins with it.
    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>>;

    /// The words that begin one, for a complaint.
    const WORDS: &'static str;

    /// Compares; the error is what was seen instead, as the beginning of a sentence.
    fn judge(&self, seen: &Self::Seen) -> Result<(), String>;
}

/// One line of `expect`.
#[derive(Clone, Debug)]
pub(crate) struct Expectation<A> {
    text: String,
    assertion: A,
}

impl<A: Assertion> Expectation<A> {
    /// Reads a line.
    pub(crate) fn parse(line: &str) -> Result<Self, Wrong> {
        let mut cursor = Cursor::new(line);
        cursor.blanks();
        let beginning = cursor.clone();
        let word = cursor.word();
        let assertion = A::read(word, &mut cursor).unwrap_or_else(|| Err(beginning.wrong(A::WORDS)))?;
        cursor.end()?;
        Ok(Self { text: line.trim().to_owned(), assertion })
    }

    /// The line itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Compares; the error is a sentence: `status is 500, expected status == 200`.
    pub(crate) fn judge(&self, seen: &A::Seen) -> Result<(), String> {
        self.assertion.judge(seen).map_err(|instead| format!("{instead}, expected {}", self.text))
    }
}

/// `contains "…"` or `not contains "…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contains {
    wanted: bool,
    part: String,
}

impl Contains {
    /// Reads it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        cursor.blanks();
        let wanted = cursor.keyword("not").is_err();
        if let Err(wrong) = cursor.keyword("contains") {
            return Err(if wanted { cursor.wrong("`contains` or `not contains`") } else { wrong });
        }
        cursor.blanks();
        let here = cursor.clone();
        match serde_json::from_str::<String>(cursor.rest()) {
            Ok(part) if !part.is_empty() => Ok(Self { wanted, part }),
            _ => Err(here.wrong("a text in double quotes, not empty, and nothing after it")),
        }
    }

    /// Compares; `what` has the text.
    pub(crate) fn judge(&self, what: &str, text: &str) -> Result<(), String> {
        match (text.contains(&self.part), self.wanted) {
            (true, true) | (false, false) => Ok(()),
            (true, false) => Err(format!("{what} contains it")),
            (false, true) if text.is_empty() => Err(format!("{what} is empty")),
            (false, true) => Err(format!("{what} does not: {}", excerpt(text))),
        }
    }
}

/// The beginning of a foreign text, quoted, on one line, unable to steer a terminal.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown: String = text.trim().chars().take(SHOWN).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{}`", kit::voice::clean_line(&shown))
}

#[cfg(test)]
mod tests {
    use super::{Assertion, Expectation, excerpt};
    use crate::answer::AnswerAssertion;
    use crate::command::EndAssertion;
    use crate::disk::RoomAssertion;

    const GOOD: [&str; 12] = [
        "status == 200",
        "status!=500",
        "  status  <=  399  ",
        "body contains \"Wel\\\"come\\u00e9\"",
        "body not contains \"error\"",
        "json $.a[0].b-c == \"x\"",
        "json $ >= -1.5e3",
        "json $.ok != null",
        "time < 800ms",
        "exit == 0",
        "stdout contains \"ok\"",
        "free >= 100 MiB",
    ];

    fn parses<A: Assertion>(line: &str) -> bool {
        Expectation::<A>::parse(line).is_ok()
    }

    fn kinds(line: &str) -> [bool; 3] {
        [parses::<AnswerAssertion>(line), parses::<EndAssertion>(line), parses::<RoomAssertion>(line)]
    }

    #[test]
    fn every_expectation_of_the_reference_fits_exactly_one_kind() {
        for line in GOOD.into_iter().chain(["inodes > 5%", "free > 5%", "json $.ok == true"]) {
            assert_eq!(kinds(line).into_iter().filter(|fits| *fits).count(), 1, "{line}");
        }
    }

    #[test]
    fn a_complaint_names_the_column_and_what_belongs_there() {
        let complaint = |line: &str| Expectation::<AnswerAssertion>::parse(line).unwrap_err().to_string();
        for (line, expected) in [
            ("", "column 1: expected status, body, json or time (an http check), found the end"),
            (" exit == 0", "column 2: expected status, body, json or time (an http check), found `exit == 0`"),
            ("status", "column 7: expected == or != or <= or < or >= or >, found the end"),
            ("status == 2000", "column 11: expected a status from 100 to 599, found `2000`"),
            ("status == 200 ok", "column 15: expected the end, found `ok`"),
            ("body is \"x\"", "column 6: expected `contains` or `not contains`, found `is \"x\"`"),
            ("body not \"x\"", "column 10: expected `contains`, found `\"x\"`"),
            ("json $.größe. == 1", "column 14: expected a name, found ` == 1`"),
            ("json $.a < \"x\"", "column 10: expected == or != (only numbers have a size), found `< \"x\"`"),
            ("time < 800", "column 8: expected a length of time such as 800ms or 2s, found `800`"),
            ("time > 1s", "column 6: expected <= or <, found `> 1s`"),
        ] {
            assert_eq!(complaint(line), expected, "{line:?}");
        }
    }

    /// Good lines, cut, glued and with characters exchanged, by a generator that always gives the same ones.
    #[test]
    fn no_line_whatever_makes_the_parser_panic() {
        let pool: Vec<char> = "$.[]\"\\=!<>%&0129aeMKiB \t\u{0}\u{1b}\u{202e}é🦀{}-+_nmsu".chars().collect();
        let mut state: u64 = 0x2545_f491_4f6c_dd1d;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let mut line: Vec<char> = GOOD[random(GOOD.len())].chars().collect();
            for _ in 0..random(4) {
                let at = random(line.len().max(1)).min(line.len());
                match random(4) {
                    0 => line.insert(at, pool[random(pool.len())]),
                    1 => line.truncate(at),
                    2 => line.extend(GOOD[random(GOOD.len())].chars().skip(at)),
                    _ => drop(line.splice(at..(at + 1).min(line.len()), [pool[random(pool.len())]])),
                }
            }
            let line: String = line.into_iter().collect();
            for (kind, fits) in kinds(&line).into_iter().enumerate() {
                assert!(!fits || kinds(line.trim())[kind], "{line:?} is read, trimmed it is not");
            }
        }
    }

    #[test]
    fn an_excerpt_is_short_and_steers_nothing() {
        let text = excerpt(&format!("\u{1b}[2J\u{202e}{}", "x\n".repeat(500)));
        assert!(text.chars().count() < 210 && text.ends_with("…`"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\n']));
    }
}
