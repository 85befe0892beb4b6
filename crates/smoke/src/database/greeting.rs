//! The first words of a database server: whether it would let somebody in, asked without a name or a password that means
//! anything to it.

use std::time::Duration;

use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::Assertion;
use crate::grammar::relation::Relation;
use crate::grammar::text::{Match, excerpt};

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Greeting {
    /// Empty where the protocol does not tell it before the login.
    pub(crate) version: String,
    /// To connect and to get the answer.
    pub(crate) took: Duration,
}

impl Greeting {
    /// For a person.
    pub(crate) fn spell(&self) -> String {
        let version =
            if self.version.is_empty() { String::new() } else { format!("version {}, ", excerpt(&self.version)) };
        format!("answers, {version}{} ms", self.took.as_millis())
    }
}

/// What can be asserted of a greeting.
#[derive(Clone, Debug)]
pub(crate) enum GreetingAssertion {
    /// `answers`
    Answers,
    /// `version contains "11.8"`
    Version(Match),
    /// `time < 200ms`
    Time(Relation, Duration),
}

impl Assertion for GreetingAssertion {
    type Seen = Greeting;

    const WORDS: &'static str = "answers, version or time (without a query)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "answers" => Some(Ok(Self::Answers)),
            "version" => Some(Match::read(cursor).map(Self::Version)),
            "time" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Time(relation, limit))),
            _ => None,
        }
    }

    fn judge(&self, seen: &Greeting) -> Result<(), String> {
        match self {
            // Without an answer there is no greeting.
            Self::Answers => Ok(()),
            Self::Version(wanted) => wanted.judge("the version", &seen.version),
            Self::Time(relation, limit) if relation.holds(&seen.took, limit) => Ok(()),
            Self::Time(..) => Err(format!("the answer took {} ms", seen.took.as_millis())),
        }
    }
}
