//! A Redis server (or one that speaks its protocol, RESP2): whether it would serve somebody, or what it replies to a command.

mod resp;
mod url;

use std::time::Duration;

use db::Deadline;
use kit::Failure;
use serde_json::Value;

use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::{Relation, as_compared};
use crate::grammar::text::{Match, spell};
use crate::kind::Subject;
use crate::trial::Conditions;
use crate::wire::dialogue::Dialogue;
use crate::wire::endpoint::Endpoint;
use resp::{Reply, request};
use url::RedisUrl;

/// Errors with which a server that works refuses somebody whom it does not know.
const WORKS: [&str; 2] = ["NOAUTH", "NOPERM"];

/// A check of a server.
#[derive(Debug)]
struct Store {
    url: RedisUrl,
    command: Vec<String>,
    expectations: Expectations<ReplyAssertion>,
}

/// What was seen of a server.
#[derive(Debug)]
pub(crate) struct Replied {
    reply: Reply,
    took: Duration,
}

/// Takes the keys of a redis check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let url = match keys.secret("url")? {
        Some(_) if keys.has("address") => return Err(keys.wrong_at("url", "it has an `address` or a `url`, not both")),
        Some(text) => RedisUrl::parse(&text).map_err(|wrong| keys.wrong_at("url", wrong))?,
        None => RedisUrl::of(Endpoint::read(keys)?),
    };
    if let Some(password) = url.password() {
        keys.hide(password);
    }
    let has_command = keys.has("command");
    let command = keys.list("command", false)?;
    if has_command && command.first().is_none_or(String::is_empty) {
        return Err(keys.wrong_at("command", "`command` must begin with a command, as in [\"LLEN\", \"jobs\"]"));
    }
    let expectations: Expectations<ReplyAssertion> = keys.expectations()?;
    let looks = |one: &ReplyAssertion| matches!(one, ReplyAssertion::Is(..) | ReplyAssertion::Match(_));
    if !has_command && expectations.assertions().any(looks) {
        return Err(keys.wrong("`command` is missing: [\"LLEN\", \"jobs\"]"));
    }
    Ok(Box::new(Store { url, command, expectations }))
}

impl Subject for Store {
    fn spell(&self) -> String {
        let command = self.command.join(" ");
        if command.is_empty() { self.url.to_string() } else { format!("{}: {command}", self.url) }
    }

    fn look(&self, timeout: Duration, _conditions: &Conditions) -> Finding {
        match self.ask(Deadline::after(timeout)) {
            Ok(replied) => {
                self.expectations.find(&replied, |replied| format!("answers, {} ms", replied.took.as_millis()))
            }
            Err(finding) => finding,
        }
    }
}

impl Store {
    fn ask(&self, deadline: Deadline) -> Result<Replied, Finding> {
        let mut server = Dialogue::open(self.url.endpoint(), "Redis's protocol", deadline)?;
        for step in self.url.login() {
            obey(&mut server, &step)?;
        }
        let reply = if self.command.is_empty() { ping(&mut server)? } else { obey(&mut server, &self.command)? };
        Ok(Replied { reply, took: server.took() })
    }
}

/// Says a command that must not be refused.
fn obey<T: AsRef<str>>(server: &mut Dialogue<'_>, command: &[T]) -> Result<Reply, Finding> {
    server.say(&request(command))?;
    match Reply::hear(server)? {
        Reply::Error(words) => Err(server.refusal(words.as_bytes())),
        reply => Ok(reply),
    }
}

/// Asks for nothing. Who does not know us answers too.
fn ping(server: &mut Dialogue<'_>) -> Result<Reply, Finding> {
    server.say(&request(&["PING"]))?;
    match Reply::hear(server)? {
        Reply::Error(words) if !WORKS.iter().any(|word| words.starts_with(word)) => {
            Err(server.refusal(words.as_bytes()))
        }
        reply @ (Reply::Error(_) | Reply::Text(_)) => Ok(reply),
        _ => Err(server.foreign()),
    }
}

/// What can be asserted of a server.
#[derive(Clone, Debug)]
pub(crate) enum ReplyAssertion {
    /// `answers`
    Answers,
    /// `reply == "x"`, `reply > 3`
    Is(Relation, Value),
    /// `reply contains "x"`
    Match(Match),
    /// `time < 200ms`
    Time(Relation, Duration),
}

impl Assertion for ReplyAssertion {
    type Seen = Replied;

    const WORDS: &'static str = "answers, reply or time (a redis check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "answers" => Some(Ok(Self::Answers)),
            "reply" => Some(read_reply(cursor)),
            "time" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Time(relation, limit))),
            _ => None,
        }
    }

    fn judge(&self, seen: &Replied) -> Result<(), String> {
        match self {
            // Without an answer there is no reply.
            Self::Answers => Ok(()),
            Self::Is(relation, wanted) => compare(&seen.reply, *relation, wanted),
            Self::Match(wanted) => match &seen.reply {
                Reply::Text(text) => wanted.judge("the reply", text),
                reply => Err(format!("the reply is {}, no text", value(reply, &Value::Null).0)),
            },
            Self::Time(relation, limit) if relation.holds(&seen.took, limit) => Ok(()),
            Self::Time(..) => Err(format!("the answer took {} ms", seen.took.as_millis())),
        }
    }
}

/// A list compares by how many entries it has.
fn compare(reply: &Reply, relation: Relation, wanted: &Value) -> Result<(), String> {
    let (shown, value) = value(reply, wanted);
    if relation.holds_between(&value, wanted) { Ok(()) } else { Err(format!("the reply is {shown}")) }
}

/// A reply for a person, and as it compares.
fn value(reply: &Reply, wanted: &Value) -> (String, Value) {
    let value = match reply {
        Reply::Null => Value::Null,
        Reply::Number(number) => Value::from(*number),
        Reply::List(length) => return (format!("a list of {length}"), Value::from(*length)),
        Reply::Text(text) | Reply::Error(text) => as_compared(text, wanted),
    };
    (spell(&value), value)
}

fn read_reply(cursor: &mut Cursor<'_>) -> Result<ReplyAssertion, Wrong> {
    let mut ahead = cursor.clone();
    let word = ahead.word();
    if Match::WORDS.contains(&word) {
        *cursor = ahead;
        return Match::after(word, cursor).map(ReplyAssertion::Match);
    }
    Relation::read_value(cursor).map(|(relation, wanted)| ReplyAssertion::Is(relation, wanted))
}
