//! `${NAME}` in a checks file: a setting, put in as text once everything round it has been understood, so that no value is
//! ever taken for an expectation, a second argument or a key.

use std::cell::RefCell;

use kit::settings::Settings;
use kit::{Exit, Failure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::template::{Piece, Template};

const SHORTEST_SECRET: usize = 6;

const REDACTED: &str = "[redacted]";

/// The settings of one check, and which of their values nobody is to see.
#[derive(Debug)]
pub(crate) struct Variables<'a> {
    pub(crate) settings: &'a Settings,
    secrets: RefCell<Vec<String>>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self { settings, secrets: RefCell::default() }
    }

    /// Puts them into a text that is shown.
    pub(crate) fn fill(&self, text: &str) -> Result<String, Failure> {
        fill(text, |name| value(name, self.settings))
    }

    /// Puts them into a text that is shown as it stands in the file.
    pub(crate) fn fill_secretly(&self, text: &str) -> Result<String, Failure> {
        fill(text, |name| self.secret(name))
    }

    /// The same of a text in which there may also stand what an earlier step has captured; `is_shown` like an address.
    pub(crate) fn template(&self, text: &str, captures: &[String], is_shown: bool) -> Result<Template, Failure> {
        let piece = |name: &str| match () {
            () if captures.iter().any(|capture| capture == name) => Ok(Piece::Captured(name.to_owned())),
            () if is_shown => value(name, self.settings).map(Piece::Text),
            () => self.secret(name).map(Piece::Text),
        };
        Ok(Template::new(text, pieces(text, piece)?))
    }

    fn secret(&self, name: &str) -> Result<String, Failure> {
        let value = value(name, self.settings)?;
        self.hide(&value);
        self.hide(serde_json::Value::from(value.as_str()).to_string().trim_matches('"'));
        self.hide(&utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string());
        Ok(value)
    }

    /// Takes down what nobody is to see either: a secret in another form.
    pub(crate) fn hide(&self, text: &str) {
        self.secrets.borrow_mut().push(text.to_owned());
    }

    /// What nobody is to see, the longest first.
    pub(crate) fn into_secrets(self) -> Vec<String> {
        let mut secrets = self.secrets.into_inner();
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }
}

/// Takes secrets out of a text that somebody else wrote, and the beginning of one where the text was cut. A short one is no
/// secret, and may be part of any word.
pub(crate) fn redact(text: &str, secrets: &[String]) -> String {
    let long = secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
    long.fold(text.to_owned(), |text, secret| {
        let text = text.replace(secret.as_str(), REDACTED);
        let begins = secret.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST_SECRET).rev();
        let mut cut = begins.filter_map(|at| Some(format!("{}…", secret.get(..at)?)));
        match cut.find(|cut| text.contains(cut.as_str())) {
            Some(cut) => text.replace(&cut, &format!("{REDACTED}…")),
            None => text,
        }
    })
}

/// Puts values into a text: 78 for what is no name.
fn fill(text: &str, value: impl Fn(&str) -> Result<String, Failure>) -> Result<String, Failure> {
    let pieces = pieces(text, |name| value(name).map(Piece::Text))?;
    let texts = pieces.into_iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text),
        Piece::Captured(_) => None,
    });
    Ok(texts.collect())
}

/// A text, in pieces. `$${` stands for `${` itself.
fn pieces(text: &str, value: impl Fn(&str) -> Result<Piece, Failure>) -> Result<Vec<Piece>, Failure> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            pieces.push(Piece::Text(format!("{before}${{")));
            rest = after;
            continue;
        }
        let Some((name, behind)) = after.split_once('}').filter(|(name, _)| is_name(name)) else {
            let message = "`${` begins the name of a setting, as in ${API_URL}";
            return Err(Failure::new(Exit::SETTINGS, message).hint("write $${ for the characters themselves"));
        };
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(value(name)?);
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

/// Whether it could be the name of a setting.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A setting, or what the private file holds that `NAME_FILE` names.
fn value(name: &str, settings: &Settings) -> Result<String, Failure> {
    match settings.secret(name)? {
        Some(value) => Ok(value),
        None => settings.require(name),
    }
}

#[cfg(test)]
mod tests {
    use super::{Variables, redact};
    use kit::settings::Settings;

    #[test]
    fn what_is_no_variable_stays_and_half_of_one_is_refused() {
        let settings = Settings::default();
        let fill = |text| Variables::new(&settings).fill(text);
        for (text, filled) in [("", ""), ("a $b {c} $", "a $b {c} $"), ("$${A}", "${A}"), ("a$$${b", "a$${b")] {
            assert_eq!(fill(text).unwrap(), filled);
        }
        for text in ["${", "${}", "${A", "${1A}", "${A B}", "x${A-B}y", "${A${B}}"] {
            assert!(fill(text).unwrap_err().message.starts_with("`${` begins"), "{text}");
        }
        let absent = fill("a ${PUSHBACK_NO_SUCH_SETTING} b").unwrap_err();
        assert_eq!(absent.message, "PUSHBACK_NO_SUCH_SETTING is not set");
    }

    #[test]
    fn secrets_are_taken_out_and_short_ones_are_none() {
        let secrets = ["longer-secret".to_owned(), "secret".to_owned(), "1".to_owned()];
        assert_eq!(redact("a longer-secret, 1 secret", &secrets), "a [redacted], 1 [redacted]");
        assert_eq!(redact("cut longer-s…`", &secrets), "cut [redacted]…`");
        assert_eq!(redact("cut long…`", &secrets), "cut long…`");
    }
}
