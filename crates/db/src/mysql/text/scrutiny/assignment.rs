//! What a session may be set to: a dump changes how its own text is read.

use std::collections::HashMap;

use crate::mysql::text::head::Token;
use crate::mysql::text::statement::Modes;

/// What dumpers set.
const VARIABLES: [&str; 17] = [
    "AUTOCOMMIT",
    "CHARACTER_SET_CLIENT",
    "CHARACTER_SET_CONNECTION",
    "CHARACTER_SET_RESULTS",
    "COLLATION_CONNECTION",
    "FOREIGN_KEY_CHECKS",
    "INNODB_STRICT_MODE",
    "NOTE_VERBOSITY",
    "SHOW_CREATE_TABLE_SKIP_SECONDARY_ENGINE",
    "SQL_LOG_BIN",
    "SQL_MODE",
    "SQL_NOTES",
    "SQL_QUOTE_SHOW_CREATE",
    "SQL_REQUIRE_PRIMARY_KEY",
    "SYSTEM_VERSIONING_INSERT_HISTORY",
    "TIME_ZONE",
    "UNIQUE_CHECKS",
];

/// Character sets in which no byte of a longer character looks like a quote or a backslash; in GBK and its kin one does.
const CHARSETS: [&str; 24] = [
    "ARMSCII8", "ASCII", "BINARY", "CP1250", "CP1251", "CP1256", "CP1257", "CP850", "CP852", "CP866", "GEOSTD8",
    "GREEK", "HEBREW", "HP8", "KOI8R", "KOI8U", "LATIN1", "LATIN2", "LATIN5", "LATIN7", "TIS620", "UTF8", "UTF8MB3",
    "UTF8MB4",
];

/// What a session is set to, as far as it decides where a statement ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    pub(crate) modes: Modes,
    /// Which setting each `@variable` holds, and the modes of that time.
    saved: HashMap<String, (String, Modes)>,
    /// The session that is set aside while another one is meant.
    aside: Option<Box<Self>>,
}

impl Session {
    /// Changes to a session of its own, as it begins, or back. Both must begin in the same modes.
    pub(crate) fn change(&mut self) -> Result<(), &'static str> {
        let is_plain = !self.modes.ansi_quotes && !self.modes.no_backslash_escapes;
        if let Some(first) = self.aside.take() {
            *self = *first;
        } else {
            let first = std::mem::take(self);
            self.aside = Some(Box::new(first));
        }
        if is_plain { Ok(()) } else { Err("events under a mode that was set before them") }
    }

    /// Takes what stands behind SET.
    pub(crate) fn take(&mut self, tokens: &[Token]) -> Result<(), String> {
        for assignment in tokens.split(|token| *token == Token::Symbol(b',')) {
            self.assign(assignment).ok_or_else(|| "a SET of what no dumper sets".to_owned())?;
        }
        Ok(())
    }

    fn assign(&mut self, tokens: &[Token]) -> Option<()> {
        if let [names, charset, rest @ ..] = tokens
            && names.word() == "NAMES"
        {
            let is_collated = matches!(rest, [collate, _] if collate.word() == "COLLATE");
            return (is_safe(charset) && (rest.is_empty() || is_collated)).then_some(());
        }
        if let [character, set, charset] = tokens
            && (character.word(), set.word()) == ("CHARACTER", "SET")
        {
            return is_safe(charset).then_some(());
        }
        let at = tokens.iter().position(|token| *token == Token::Symbol(b'='))?;
        let (left, right) = (tokens.get(..at)?, tokens.get(at + 1..)?);
        match left {
            [Token::Symbol(b'@'), variable] => {
                let setting = system(right).filter(|_| right.first() == Some(&Token::Symbol(b'@')))?;
                self.saved.insert(variable.name()?.to_lowercase(), (setting, self.modes));
                Some(())
            }
            _ => self.set(&system(left)?, right),
        }
    }

    fn set(&mut self, setting: &str, value: &[Token]) -> Option<()> {
        if let [Token::Symbol(b'@'), variable] = value {
            let (of, modes) = self.saved.get(&variable.name()?.to_lowercase())?;
            if of != setting {
                return None;
            }
            if setting == "SQL_MODE" {
                self.modes = *modes;
            }
            return Some(());
        }
        match (setting, value) {
            // Under Oracle's, routines have another grammar.
            ("SQL_MODE", [Token::Text(text)]) if !text.to_uppercase().contains("ORACLE") => {
                self.modes = Modes::of(text);
            }
            ("SQL_MODE", _) => return None,
            ("CHARACTER_SET_CLIENT", [charset]) if !is_safe(charset) => return None,
            (_, [Token::Text(_) | Token::Word(..)] | [Token::Symbol(b'-'), Token::Word(..)]) => {}
            _ => return None,
        }
        Some(())
    }
}

/// The name of a setting: `sql_mode`, `@@sql_mode`, `@@SESSION.sql_mode`, `SESSION sql_mode`.
fn system(tokens: &[Token]) -> Option<String> {
    let rest = tokens.strip_prefix(&[Token::Symbol(b'@'), Token::Symbol(b'@')]).unwrap_or(tokens);
    let name = match rest {
        [name] => name,
        [scope, Token::Symbol(b'.'), name] | [scope, name] if matches!(scope.word(), "SESSION" | "LOCAL") => name,
        _ => return None,
    };
    VARIABLES.contains(&name.word()).then(|| name.word().to_owned())
}

fn is_safe(charset: &Token) -> bool {
    let name = match charset {
        Token::Word(name, _) => name.clone(),
        Token::Text(name) => name.to_uppercase(),
        Token::Name(_) | Token::Symbol(_) => return false,
    };
    CHARSETS.contains(&name.as_str())
}
