//! Foreign texts: what is asserted of them, and how they are shown.

use serde_json::Value;

use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expression::Expression;
use crate::grammar::relation::Relation;

/// What is said of a text that goes on beyond what is looked at.
const TOO_LONG: &str = "is too long to look for so large a pattern";

/// What is said of a text that goes on beyond what is read of such a one.
pub(crate) const CUT: &str = "is longer than is read";

/// A foreign text, as far as it is looked at. Where it goes on, nobody knows what is not in it, nor where that ends which
/// reaches to the place of the cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(super) text: &'a str,
    /// Why nobody looks at the rest, where there is one.
    rest: Option<&'static str>,
}

impl<'a> From<&'a String> for Seen<'a> {
    fn from(text: &'a String) -> Self {
        Self::new(text, false)
    }
}

impl<'a> Seen<'a> {
    /// What was read of a text, and whether it goes on.
    pub(crate) fn new(text: &'a str, goes_on: bool) -> Self {
        Self { text, rest: goes_on.then_some(CUT) }
    }

    /// No more of it than so many bytes.
    pub(super) fn within(self, reach: usize) -> Self {
        let text = beginning(self.text, reach);
        if text.len() < self.text.len() { Self { text, rest: Some(TOO_LONG) } } else { self }
    }

    /// Whether something is in the text that was found to end there, or was not found.
    pub(super) fn has(self, found: Option<usize>) -> Result<bool, &'static str> {
        match self.rest {
            Some(why) if found.is_none_or(|end| end == self.text.len()) => Err(why),
            _ => Ok(found.is_some()),
        }
    }
}

/// `contains "…"`, `matches "…"`, or `not` before either.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    wanted: bool,
    pattern: Pattern,
}

#[derive(Clone, Debug)]
enum Pattern {
    Part(String),
    Regex(Expression),
}

impl Match {
    /// What it begins with.
    pub(crate) const WORDS: [&'static str; 3] = ["contains", "matches", "not"];

    /// Reads it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let here = cursor.here();
        match cursor.word() {
            word if Self::WORDS.contains(&word) => Self::after(word, cursor),
            _ => Err(here.wrong("`contains`, `matches` or `not`")),
        }
    }

    /// Reads what follows its first word.
    pub(crate) fn after(word: &str, cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let here = cursor.here();
        let wanted = word != "not";
        let pattern = match if wanted { word } else { cursor.word() } {
            "contains" => Pattern::Part(cursor.quoted()?),
            "matches" => Pattern::Regex(Expression::read(cursor)?),
            _ => return Err(here.wrong("`contains` or `matches`")),
        };
        Ok(Self { wanted, pattern })
    }

    /// Whether the pattern is in this text, wanted there or not; the error says why nobody knows.
    pub(crate) fn find(&self, seen: Seen<'_>) -> Result<bool, &'static str> {
        match &self.pattern {
            // Whatever follows, it is there.
            Pattern::Part(part) if seen.text.contains(part) => Ok(true),
            Pattern::Part(_) => seen.has(None),
            Pattern::Regex(expression) => expression.find(seen),
        }
    }

    /// Whether the pattern is in this text, which is whole, wanted there or not.
    pub(crate) fn fits(&self, text: &str) -> bool {
        self.find(Seen::new(text, false)) == Ok(true)
    }

    /// Whether it holds of this text, which is whole.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.find(Seen::new(text, false)) == Ok(self.wanted)
    }

    /// Whether the text is to have it, not to be without it.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Compares; `what` has the text.
    pub(crate) fn judge<'a>(&self, what: &str, text: impl Into<Seen<'a>>) -> Result<(), String> {
        let seen = text.into();
        match self.find(seen) {
            Err(why) => Err(format!("{what} {why}")),
            Ok(found) if found == self.wanted => Ok(()),
            Ok(true) => Err(format!("{what} has it")),
            Ok(false) if seen.text.is_empty() => Err(format!("{what} is empty")),
            Ok(false) => Err(format!("{what} does not: {}", excerpt(seen.text))),
        }
    }
}

fn without_end(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}

/// What is asserted of a text that there is, or may be: a [`Match`], `== "…"`, `!= "…"`, `exists` or `missing`.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Match(Match),
    Is(Relation, String),
    Exists,
    Missing,
}

impl Text {
    /// Reads it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let mut ahead = cursor.clone();
        let presence = match ahead.word() {
            "exists" => Self::Exists,
            "missing" => Self::Missing,
            _ => return Self::read_present(cursor),
        };
        *cursor = ahead;
        Ok(presence)
    }

    /// Reads what is asserted of a text that is always there.
    pub(crate) fn read_present(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let here = cursor.here();
        match cursor.word() {
            word if Match::WORDS.contains(&word) => Match::after(word, cursor).map(Self::Match),
            "" if here.starts_with('=') || here.starts_with('!') => {
                let relation = Relation::read(cursor, Relation::ALIKE)?;
                cursor.quoted().map(|text| Self::Is(relation, text))
            }
            _ => Err(here.wrong("`contains`, `matches`, `not`, == or !=")),
        }
    }

    /// Compares all texts that there are: one must be as wanted, and none as not wanted. Whether two are alike, a new line at the
    /// end does not decide.
    pub(crate) fn judge_any<'a>(
        &self,
        what: &str,
        texts: impl Iterator<Item = impl Into<Seen<'a>>>,
    ) -> Result<(), String> {
        let texts: Vec<Seen<'_>> = texts.map(Into::into).collect();
        let alike = |wanted: &String| texts.iter().any(|seen| without_end(seen.text) == without_end(wanted));
        let Some(first) = texts.first() else {
            return if matches!(self, Self::Missing) { Ok(()) } else { Err(format!("{what} is missing")) };
        };
        match self {
            Self::Is(..) if texts.iter().any(|seen| seen.rest.is_some()) => Err(format!("{what} {CUT}")),
            Self::Exists => Ok(()),
            Self::Is(Relation::Equal, wanted) if alike(wanted) => Ok(()),
            Self::Is(Relation::NotEqual, wanted) if !alike(wanted) => Ok(()),
            Self::Is(..) | Self::Missing => Err(format!("{what} is {}", excerpt(first.text))),
            Self::Match(pattern) => {
                let decides = texts.iter().find(|seen| pattern.find(**seen) == Ok(true)).unwrap_or(first);
                pattern.judge(what, *decides)
            }
        }
    }
}

/// So many bytes of a text, or a few less: no character is cut.
pub(crate) fn beginning(text: &str, length: usize) -> &str {
    (0..=length.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// The beginning of a foreign text, quoted, on one line, unable to steer a terminal.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 200;
    format!("`{}`", kit::voice::clean_line(&cut(text.trim(), SHOWN)))
}

/// So many characters of a text; `…` stands for the others.
pub(crate) fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A value for a person; a long one is cut.
pub(crate) fn spell(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { excerpt(&text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::{CUT, Match, Seen, TOO_LONG, Text, excerpt};
    use crate::grammar::cursor::Cursor;

    /// The beginning of a text that goes on.
    fn judge_cut(line: &str, text: &str) -> Result<(), String> {
        let text = [Seen::new(text, true)];
        Text::read_present(&mut Cursor::new(line)).unwrap().judge_any("it", text.into_iter())
    }

    #[test]
    fn what_may_be_in_the_rest_of_a_text_is_not_decided() {
        let undecided = [
            "contains 'y'",
            "not contains 'y'",
            "matches 'y'",
            "not matches 'y'",
            "matches '^[ax]+$'",
            "matches 'x\\z'",
            "not matches 'x$'",
            "not matches 'ax+'",
            "== 'axx'",
            "!= 'axx'",
            "!= 'y'",
        ];
        for line in undecided {
            assert_eq!(judge_cut(line, "axx"), Err(format!("it {CUT}")), "{line}");
        }
        for line in ["contains 'xx'", "matches '^ax'", "matches '(?m)^a'"] {
            assert_eq!(judge_cut(line, "axx"), Ok(()), "{line}");
        }
        assert_eq!(judge_cut("not contains 'xx'", "axx"), Err("it has it".to_owned()));
        assert_eq!(judge_cut("not matches 'ax'", "axx"), Err("it has it".to_owned()));
    }

    #[test]
    fn what_is_too_long_for_a_large_pattern_neither_has_it_nor_is_without_it() {
        let text = format!("{}!", "é".repeat(1 << 18));
        let judge =
            |line: &str, text: &str| Match::read(&mut Cursor::new(line)).unwrap().judge("it", Seen::new(text, false));
        for large in ["matches '(?:é?){100}!'", "not matches '(?:é?){100}!'", "matches '(?:é?){100}é*$'"] {
            assert_eq!(judge(large, &text), Err(format!("it {TOO_LONG}")));
        }
        for fine in ["matches '(?:é?){100}é'", "matches '(?:é+)+!$'", "not matches '(?:é+)+x'"] {
            assert_eq!(judge(fine, &text), Ok(()), "{fine}");
        }
        assert_eq!(judge("not matches '(?:é?){100}!'", &text[..1 << 16]), Ok(()));
    }

    #[test]
    fn an_excerpt_is_short_and_steers_nothing() {
        let text = excerpt(&format!("\u{1b}[2J\u{202e}{}", "x\n".repeat(500)));
        assert!(text.chars().count() < 210 && text.ends_with("…`"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\n']));
    }
}
