//! Sentences for a person on stderr, results on stdout, and no foreign text that steers a terminal.

use std::fmt::Display;
use std::io::{self, Write};

use crate::failure::Failure;

/// Writes `tool: sentence` to stderr. A closed or full stderr is ignored: the work matters more than the talk.
pub fn say(tool: &str, sentence: &str) {
    write_error(&format!("{tool}: {}\n", clean(sentence)));
}

/// Writes a line to stderr as it is, cleaned, without the tool's name: a hint, a table for a person.
pub fn line(text: &str) {
    write_error(&format!("{}\n", clean(text)));
}

/// Says a failure: its sentence, and the hint on a line of its own. What is foreign in them adds no lines: a name with a
/// line break in it could say what another tool says.
pub(crate) fn complain(tool: &str, failure: &Failure) {
    say(tool, &clean_line(&failure.message));
    if let Some(hint) = &failure.hint {
        line(&format!("hint: {}", clean_line(hint)));
    }
}

/// Writes to stderr as it is.
pub(crate) fn write_error(text: &str) {
    // One write: lines of tools that share a log do not mix. A stderr that is gone cannot be told so.
    drop(io::stderr().write_all(text.as_bytes()));
}

/// Writes a result to stdout and flushes it, so that a full disk or a closed pipe is known before the tool says 0.
pub fn result(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// The text with every character that could steer a terminal or reorder a line replaced by U+FFFD: C0 (but for tab
/// and newline), DEL, C1, and the bidirectional controls of Unicode Annex #9.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// [`clean`], on one line: what a table cell, a label or a sentence may hold.
#[must_use]
pub fn clean_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if steers(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// A word of a command that a person may copy, as a shell takes it for one.
#[must_use]
pub fn word(word: impl Display) -> String {
    let word = word.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A JSON text with every such character written as an escape: to a parser it is the same text.
#[must_use]
pub fn clean_json(text: &str) -> String {
    let escape = |c: char| match c {
        c if steers(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::{clean, clean_json, clean_line, word};

    #[test]
    fn an_escape_sequence_loses_its_escape() {
        assert_eq!(clean("a\u{1b}[31mb\u{9b}c\r"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}");
    }

    #[test]
    fn bidirectional_controls_do_not_reorder_a_line() {
        assert_eq!(clean("user\u{202e}txt.exe"), "user\u{fffd}txt.exe");
    }

    #[test]
    fn a_word_is_quoted_when_a_shell_would_take_it_for_something_else() {
        assert_eq!(word("/srv/guestbook/prod/deploy.env"), "/srv/guestbook/prod/deploy.env");
        assert_eq!(word("/srv/ada's app/$x"), r"'/srv/ada'\''s app/$x'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn a_json_text_stays_the_same_to_a_parser() {
        let text = "\u{7f}\u{9b}31m\u{202e}a\n";
        let json = serde_json::to_string(text).unwrap();
        let cleaned = clean_json(&json);
        assert_eq!(cleaned, r#""\u007f\u009b31m\u202ea\n""#);
        assert_eq!(serde_json::from_str::<String>(&cleaned).unwrap(), text);
    }

    #[test]
    fn a_label_stays_on_its_line() {
        assert_eq!(clean_line("one\ntwo\tthree"), "one two three");
    }
}
