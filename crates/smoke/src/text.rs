//! Foreign texts: what is asserted of them, and how they are shown.

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;

use crate::cursor::{Cursor, Wrong};
use crate::relation::Relation;

/// How large a regular expression may become, in bytes. Each byte of a text takes the longer: the worst pattern of this size
/// takes a second of a slow machine on 16 KiB.
const PATTERN: usize = 1 << 14;

/// `contains "…"`, `matches "…"`, or `not` before either.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    wanted: bool,
    pattern: Pattern,
}

#[derive(Clone, Debug)]
enum Pattern {
    Part(String),
    Regex(Regex),
}

impl Match {
    /// What it begins with.
    pub(crate) const WORDS: [&'static str; 3] = ["contains", "matches", "not"];

    /// Reads it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        cursor.blanks();
        let here = cursor.clone();
        match cursor.word() {
            word if Self::WORDS.contains(&word) => Self::after(word, cursor),
            _ => Err(here.wrong("`contains`, `matches` or `not`")),
        }
    }

    /// Reads what follows its first word.
    pub(crate) fn after(word: &str, cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        cursor.blanks();
        let here = cursor.clone();
        let wanted = word != "not";
        let pattern = match if wanted { word } else { cursor.word() } {
            "contains" => Pattern::Part(cursor.quoted()?),
            "matches" => Pattern::Regex(regex(cursor)?),
            _ => return Err(here.wrong("`contains` or `matches`")),
        };
        Ok(Self { wanted, pattern })
    }

    /// Whether the pattern is in this text, wanted there or not.
    pub(crate) fn fits(&self, text: &str) -> bool {
        match &self.pattern {
            Pattern::Part(part) => text.contains(part),
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }

    /// Whether it holds of this text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.fits(text) == self.wanted
    }

    /// Whether the text is to have it, not to be without it.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Compares; `what` has the text.
    pub(crate) fn judge(&self, what: &str, text: &str) -> Result<(), String> {
        match () {
            () if self.holds(text) => Ok(()),
            () if !self.wanted => Err(format!("{what} has it")),
            () if text.is_empty() => Err(format!("{what} is empty")),
            () => Err(format!("{what} does not: {}", excerpt(text))),
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
        cursor.blanks();
        let here = cursor.clone();
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
    pub(crate) fn judge_any(&self, what: &str, texts: &mut dyn Iterator<Item = &String>) -> Result<(), String> {
        let texts: Vec<&str> = texts.map(String::as_str).collect();
        let alike = |wanted: &String| texts.iter().any(|text| without_end(text) == without_end(wanted));
        let Some(first) = texts.first() else {
            return if matches!(self, Self::Missing) { Ok(()) } else { Err(format!("{what} is missing")) };
        };
        match self {
            Self::Exists => Ok(()),
            Self::Is(Relation::Equal, wanted) if alike(wanted) => Ok(()),
            Self::Is(Relation::NotEqual, wanted) if !alike(wanted) => Ok(()),
            Self::Is(..) | Self::Missing => Err(format!("{what} is {}", excerpt(first))),
            Self::Match(pattern) => {
                let decides = texts.iter().find(|text| pattern.fits(text)).unwrap_or(first);
                pattern.judge(what, decides)
            }
        }
    }
}

fn regex(cursor: &mut Cursor<'_>) -> Result<Regex, Wrong> {
    cursor.blanks();
    let here = cursor.clone();
    let regex = RegexBuilder::new(&cursor.quoted_as_is()?).size_limit(PATTERN).build();
    regex.map_err(|wrong| here.wrong(format_args!("a regular expression ({wrong})")))
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

/// A value for a person; a long one is cut.
pub(crate) fn spell(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { excerpt(&text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_is_short_and_steers_nothing() {
        let text = excerpt(&format!("\u{1b}[2J\u{202e}{}", "x\n".repeat(500)));
        assert!(text.chars().count() < 210 && text.ends_with("…`"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\n']));
    }
}
