//! Foreign texts: what is asserted of them, and how they are shown.

use serde_json::Value;

use crate::cursor::{Cursor, Wrong};

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
        Ok(Self { wanted, part: cursor.quoted()? })
    }

    /// Reads what follows the first word of it, where nothing stands before.
    pub(crate) fn after(word: &str, cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let wanted = word == "contains";
        if !wanted {
            cursor.keyword("contains")?;
        }
        Ok(Self { wanted, part: cursor.quoted()? })
    }

    /// Whether it holds of this text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        text.contains(&self.part) == self.wanted
    }

    /// Whether the text is to contain it, not to be without it.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Compares; `what` has the text.
    pub(crate) fn judge(&self, what: &str, text: &str) -> Result<(), String> {
        match () {
            () if self.holds(text) => Ok(()),
            () if !self.wanted => Err(format!("{what} contains it")),
            () if text.is_empty() => Err(format!("{what} is empty")),
            () => Err(format!("{what} does not: {}", excerpt(text))),
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
