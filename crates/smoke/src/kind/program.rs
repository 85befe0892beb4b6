//! Programs of the system that are asked how something is: each is a row, that says what it is asked and which fields its
//! answer has. What is expected of them, how they run and how they fail is the same for all.

pub(crate) mod docker;
pub(crate) mod hurl;
pub(crate) mod nginx;
pub(crate) mod systemd;

use std::ffi::OsString;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use kit::{Exit, Failure, clock};
use serde_json::{Map, Value};

use crate::end::End;
use crate::evidence::Evidence;
use crate::finding::{Finding, State};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::text::{Text, spell};
use crate::kind::{Kind, Subject};
use crate::trial::Conditions;

/// One program: what it is asked, and what it answers.
pub(crate) trait Row: Clone + Debug + Send + Sync + 'static {
    /// The name of the kind.
    const NAME: &'static str;
    /// Its keys.
    const KEYS: &'static [&'static str];
    /// What can be expected, and of what shape that is.
    const FIELDS: &'static [(&'static str, Shape)];
    /// Their names, for a complaint.
    const WORDS: &'static str;
    /// How to get the program where it is missing.
    const SOURCE: &'static str;

    /// Takes its keys.
    fn read(keys: &mut Keys<'_>) -> Result<Self, Failure>;

    /// What it looks at, for a person.
    fn spell(&self) -> String;

    /// Refuses to be expected this, for its keys do not fit it; the error is a sentence.
    fn admit(&self, _wanted: &[&str]) -> Result<(), String> {
        Ok(())
    }

    /// Asks it.
    fn ask(&self, asking: &Asking<'_>) -> Result<Answer, Finding>;
}

/// What kind of value a field has, and so what can be expected of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// It holds or it does not: `active`
    Flag,
    /// `restarts == 0`
    Number,
    /// Milliseconds: `uptime > 10s`
    Length,
    /// `state == 'running'`
    Text,
}

/// What a program answered: a value for each field; of texts a list, all of which must be as expected. Where there is none, and
/// for a flag that does not hold, a text says why, as the beginning of a sentence.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) fields: Map<String, Value>,
    /// In short, for a person.
    pub(crate) summary: String,
    pub(crate) evidence: Evidence,
}

impl Answer {
    /// The same and this field.
    #[must_use]
    pub(crate) fn and(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }
}

/// One look: how long it may take, and what is looked at.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    began: Instant,
    timeout: Duration,
    pub(crate) conditions: &'a Conditions,
    /// The fields that somebody expects something of.
    pub(crate) wanted: Vec<&'static str>,
}

impl Asking<'_> {
    /// What is left of the time.
    pub(crate) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.began.elapsed()).max(Duration::from_millis(1))
    }

    /// Runs a program in what is left of the time. It speaks English.
    pub(crate) fn run(&self, argv: &[OsString], env: &[(OsString, OsString)]) -> Result<End, Finding> {
        let language = [("LC_ALL".into(), "C.UTF-8".into())];
        End::of(argv, &[&language, env].concat(), self.left(), self.conditions)
    }
}

/// A check by one of them.
#[derive(Debug)]
struct Question<R> {
    row: R,
    expectations: Expectations<FieldAssertion<R>>,
}

/// The kind that a row is.
pub(crate) const fn kind<R: Row>() -> Kind {
    Kind { name: R::NAME, keys: R::KEYS, read: read::<R> }
}

fn read<R: Row>(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let question = Question { row: R::read(keys)?, expectations: keys.expectations()? };
    question.row.admit(&question.wanted()).map_err(|wrong| keys.wrong_at("expect", wrong))?;
    Ok(Box::new(question))
}

impl<R: Row> Question<R> {
    /// The fields that somebody expects something of.
    fn wanted(&self) -> Vec<&'static str> {
        self.expectations.assertions().map(|assertion| assertion.field).collect()
    }
}

impl<R: Row> Subject for Question<R> {
    fn spell(&self) -> String {
        self.row.spell()
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        match self.row.ask(&Asking { began: Instant::now(), timeout, conditions, wanted: self.wanted() }) {
            Ok(answer) => match self.expectations.judge(&answer) {
                Ok(()) => Finding::good(answer.summary),
                Err(instead) => Finding::bad(instead).with(answer.evidence),
            },
            Err(missing) if missing.state == State::Blind(Exit::UNAVAILABLE) => {
                Finding { message: format!("{}; {}", missing.message, R::SOURCE), ..missing }
            }
            Err(finding) => finding,
        }
    }
}

/// What can be asserted of an answer.
#[derive(Clone, Debug)]
pub(crate) struct FieldAssertion<R> {
    field: &'static str,
    wanted: Wanted,
    row: PhantomData<R>,
}

#[derive(Clone, Debug)]
enum Wanted {
    Flag,
    Number(Relation, u64),
    Length(Relation, Duration),
    Text(Text),
}

impl<R: Row> Assertion for FieldAssertion<R> {
    type Seen = Answer;

    const WORDS: &'static str = R::WORDS;

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        let (field, shape) = R::FIELDS.iter().find(|(name, _)| *name == word)?;
        let wanted = match shape {
            Shape::Flag => Ok(Wanted::Flag),
            Shape::Number => Relation::read_count(cursor).map(|(relation, number)| Wanted::Number(relation, number)),
            Shape::Length => Relation::read_length(cursor, Relation::BESIDE)
                .map(|(relation, length)| Wanted::Length(relation, length)),
            Shape::Text => Text::read_present(cursor).map(Wanted::Text),
        };
        Some(wanted.map(|wanted| Self { field, wanted, row: PhantomData }))
    }

    fn judge(&self, answer: &Answer) -> Result<(), String> {
        let field = self.field;
        match (&self.wanted, answer.fields.get(field)) {
            (Wanted::Text(text), Some(Value::Array(values))) => {
                let mut texts = values.iter().filter_map(Value::as_str).map(str::to_owned);
                texts.try_for_each(|value| text.judge_any(field, &mut [value].iter()))
            }
            (_, Some(Value::String(reason))) => Err(reason.clone()),
            (Wanted::Flag, Some(Value::Bool(true))) => Ok(()),
            (Wanted::Number(relation, number), Some(value)) => {
                let holds = relation.holds_between(value, &Value::from(*number));
                if holds { Ok(()) } else { Err(format!("{field} is {}", spell(value))) }
            }
            (Wanted::Length(relation, wanted), Some(value)) => {
                let length = Duration::from_millis(value.as_u64().unwrap_or_default());
                let holds = relation.holds(&length, wanted);
                if holds {
                    Ok(())
                } else {
                    Err(format!("{field} is {}", clock::spell(value.as_u64().unwrap_or_default())))
                }
            }
            (_, _) => Err(format!("nothing tells {field}")),
        }
    }
}

/// Words as an argument vector.
pub(crate) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<OsString> {
    words.into_iter().map(OsString::from).collect()
}
