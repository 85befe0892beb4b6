//! `${NAME}` in a checks file: a setting, put in as text once everything round it has been understood, so that no value is
//! ever taken for an expectation, a second argument or a key.

use std::cell::RefCell;

use kit::settings::Settings;
use kit::{Exit, Failure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::grammar::template::{Piece, Template};
use crate::http::ask::RESERVED;

const SHORTEST_SECRET: usize = 6;

const REDACTED: &str = "[redacted]";

/// The settings of one check, and which of their values nobody is to see.
#[derive(Debug)]
pub(crate) struct Variables<'a> {
    pub(crate) settings: &'a Settings,
    /// What earlier steps of a flow have captured by then.
    pub(crate) captures: Vec<String>,
    secrets: RefCell<Vec<String>>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self { settings, captures: Vec::new(), secrets: RefCell::default() }
    }

    /// Puts them into a text that is shown.
    pub(crate) fn fill(&self, text: &str) -> Result<String, Failure> {
        fill(text, |name| self.known(name).and_then(|()| value(name, self.settings)))
    }

    /// Puts them into a text that is shown as it stands in the file.
    pub(crate) fn fill_secretly(&self, text: &str) -> Result<String, Failure> {
        fill(text, |name| self.known(name).and_then(|()| self.secret(name)))
    }

    /// Refuses what will be known only later.
    fn known(&self, name: &str) -> Result<(), Failure> {
        if !self.captures.iter().any(|capture| capture == name) {
            return Ok(());
        }
        let message = format!("`{name}` is captured by an earlier step, and stands only in what a step asks");
        Err(Failure::new(Exit::SETTINGS, message).hint("use it in url, headers, basic, body, form or json"))
    }

    /// The same of a text in which there may also stand what an earlier step has captured; `is_shown` like an address.
    pub(crate) fn template(&self, text: &str, is_shown: bool) -> Result<Template, Failure> {
        let piece = |name: &str| match () {
            () if self.captures.iter().any(|capture| capture == name) => Ok(Piece::Captured(name.to_owned())),
            () if is_shown => value(name, self.settings).map(Piece::Text),
            () => self.secret(name).map(Piece::Text),
        };
        Ok(Template::new(text, pieces(text, piece)?))
    }

    fn secret(&self, name: &str) -> Result<String, Failure> {
        let value = value(name, self.settings)?;
        self.hide_all(&value);
        Ok(value)
    }

    /// Takes down a secret, in every form in which it may come back.
    pub(crate) fn hide_all(&self, secret: &str) {
        self.secrets.borrow_mut().extend(forms(secret));
    }

    /// Takes down what nobody is to see either: a secret in another form.
    pub(crate) fn hide(&self, text: &str) {
        self.secrets.borrow_mut().push(text.to_owned());
    }

    /// What nobody is to see, the longest first.
    pub(crate) fn into_secrets(self) -> Vec<String> {
        longest_first(self.secrets.into_inner())
    }
}

/// In the order in which they are taken out: none is a part of one that comes later.
pub(crate) fn longest_first(mut secrets: Vec<String>) -> Vec<String> {
    secrets.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    secrets.dedup();
    secrets
}

/// A secret as it is, and as it may stand in JSON, in an address, in a page and in a sentence.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let trimmed = secret.trim();
    let page = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    let json = serde_json::Value::from(secret).to_string();
    longest_first(vec![
        secret.to_owned(),
        trimmed.to_owned(),
        // Without its own quotes, and with that of a secret that ends so.
        json.get(1..json.len() - 1).unwrap_or_default().to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(secret, RESERVED).to_string(),
        page.iter().fold(trimmed.to_owned(), |text, (plain, written)| text.replace(plain, written)),
        kit::voice::clean_line(trimmed),
    ])
}

/// Takes secrets out of a text that somebody else wrote, and the beginning of one where the text was cut. A short one is no
/// secret, and may be part of any word.
pub(crate) fn redact(text: &str, secrets: &[String]) -> String {
    let long = secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET);
    long.fold(text.to_owned(), |text, secret| without_beginning(text.replace(secret.as_str(), REDACTED), secret))
}

/// The text without the beginning of a secret where `…` says that it was cut.
fn without_beginning(mut text: String, secret: &str) -> String {
    let cuts: Vec<usize> = text.match_indices('…').map(|(at, _)| at).collect();
    let mut end = text.len();
    // From the last on: what stands before it stays where it is.
    for cut in cuts.into_iter().rev().filter(|cut| *cut >= SHORTEST_SECRET) {
        let before = text.get(..cut).unwrap_or_default();
        let lengths = secret.char_indices().map(|(at, _)| at).take_while(|at| *at <= cut);
        let lengths: Vec<usize> = lengths.filter(|length| *length >= SHORTEST_SECRET).collect();
        let begins = |length: &&usize| secret.get(..**length).is_some_and(|begin| before.ends_with(begin));
        if let Some(length) = lengths.iter().rfind(begins).filter(|_| cut <= end) {
            end = cut - length;
            text.replace_range(end..cut, REDACTED);
        }
    }
    text
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
    use super::{Variables, forms, redact};
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
    fn a_secret_is_known_in_every_form() {
        let forms = forms(" <a&b\u{1b}\" ");
        for form in
            [" <a&b\u{1b}\" ", " <a&b\\u001b\\\" ", "%20%3Ca%26b%1B%22%20", "&lt;a&amp;b\u{1b}&quot;", "<a&b\u{fffd}\""]
        {
            assert!(forms.iter().any(|known| known == form), "{form:?}: {forms:?}");
        }
    }

    #[test]
    fn secrets_are_taken_out_and_short_ones_are_none() {
        let secrets = ["longer-secret".to_owned(), "secret".to_owned(), "1".to_owned()];
        assert_eq!(redact("a longer-secret, 1 secret", &secrets), "a [redacted], 1 [redacted]");
        assert_eq!(redact("cut longer-s…`", &secrets), "cut [redacted]…`");
        assert_eq!(redact("cut long…`", &secrets), "cut long…`");
        assert_eq!(redact("longer-s… and longer-secr…", &secrets), "[redacted]… and [redacted]…");
        let own = ["se…cret…word".to_owned()];
        assert_eq!(redact("é se…cret…wo… se…cret…word", &own), "é [redacted]… [redacted]");
        let huge = ["x".repeat(1 << 20)];
        assert_eq!(redact(&format!("a {}…", "x".repeat(2000)), &huge), "a [redacted]…");
    }
}
