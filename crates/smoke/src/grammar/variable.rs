//! `${NAME}` in a checks file: a setting, put in as text once everything round it has been understood, so that no value is
//! ever taken for an expectation, a second argument or a key.

use std::cell::RefCell;
use std::collections::BTreeSet;

use kit::settings::Settings;
use kit::{Exit, Failure};

use crate::grammar::template::{Piece, Template};

/// The settings of one check, and which of their values nobody is to see.
#[derive(Debug)]
pub(crate) struct Variables<'a> {
    pub(crate) settings: &'a Settings,
    /// What earlier steps of a flow have captured by then.
    pub(crate) captures: Vec<String>,
    secrets: RefCell<BTreeSet<String>>,
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

    /// The same of a text in which there may also stand what an earlier step has captured.
    pub(crate) fn template(&self, text: &str) -> Result<Template, Failure> {
        Ok(Template::new(text, pieces(text, |name| self.piece(name, Self::secret))?))
    }

    /// The same of an address, which is shown without its query: what the query holds may be secret.
    pub(crate) fn address(&self, text: &str) -> Result<Template, Failure> {
        let (place, query) = text.find('?').map_or((text, ""), |at| text.split_at(at));
        let mut whole = pieces(place, |name| self.piece(name, |this, name| value(name, this.settings)))?;
        whole.extend(pieces(query, |name| self.piece(name, Self::secret))?);
        Ok(Template::new(text, whole))
    }

    fn piece(&self, name: &str, value: fn(&Self, &str) -> Result<String, Failure>) -> Result<Piece, Failure> {
        if self.captures.iter().any(|capture| capture == name) {
            return Ok(Piece::Captured(name.to_owned()));
        }
        value(self, name).map(Piece::Text)
    }

    fn secret(&self, name: &str) -> Result<String, Failure> {
        let value = value(name, self.settings)?;
        self.hide(&value);
        Ok(value)
    }

    /// Takes down a secret.
    pub(crate) fn hide(&self, secret: &str) {
        self.secrets.borrow_mut().insert(secret.to_owned());
    }

    /// What nobody is to see, in whatever form it comes back.
    pub(crate) fn into_secrets(self) -> BTreeSet<String> {
        self.secrets.into_inner()
    }
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
    use super::Variables;
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
}
