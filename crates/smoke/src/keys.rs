//! The keys of one `[[check]]` table: each is taken once, in its type, and one that does not belong there is refused.

use std::time::Duration;

use kit::{Exit, Failure, voice};
use toml::{Table, Value};

use crate::expectation::{Assertion, Expectation, Expectations};
use crate::kind::Kind;

/// The keys that every check has, before those of its kind.
const COMMON: &[&str] = &["name", "kind", "gate", "warn", "attempts", "interval", "timeout"];

/// A check's table, being read.
#[derive(Debug)]
pub(crate) struct Keys {
    name: String,
    table: Table,
    expect: Vec<String>,
}

impl Keys {
    /// The table of the check that stands at `position`, which must have a name.
    pub(crate) fn open(position: usize, table: Table) -> Result<Self, Failure> {
        let mut keys = Self { name: format!("number {position}"), table, expect: Vec::new() };
        let name = keys.required("name", "a name of its own")?;
        if name.trim() != name || name.is_empty() || voice::clean_line(&name) != name {
            return Err(keys.wrong("its name must be one line of text, without blanks around it"));
        }
        keys.name = name;
        Ok(keys)
    }

    /// The check's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A failure that names the check.
    pub(crate) fn wrong(&self, sentence: impl AsRef<str>) -> Failure {
        let message = format!("check `{}`: {}", voice::clean_line(&self.name), sentence.as_ref());
        Failure::new(Exit::SETTINGS, message)
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.table.remove(key)
    }

    fn mistyped(&self, key: &str, wanted: &str) -> Failure {
        self.wrong(format!("`{key}` must be {wanted}"))
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &'static str) -> Result<Option<String>, Failure> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.mistyped(key, "a text")),
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, key: &'static str, wanted: &str) -> Result<String, Failure> {
        let text = self.text(key)?;
        text.ok_or_else(|| self.wrong(format!("`{key}` is missing: {wanted}")))
    }

    /// `true` or `false`; false unless said.
    pub(crate) fn flag(&mut self, key: &'static str) -> Result<bool, Failure> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(flag),
            Some(_) => Err(self.mistyped(key, "true or false")),
        }
    }

    /// A number of attempts.
    pub(crate) fn attempts(&mut self, key: &'static str, default: u32) -> Result<u32, Failure> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Integer(number @ 1..=100)) => Ok(u32::try_from(number).unwrap_or(default)),
            Some(_) => Err(self.mistyped(key, "a number from 1 to 100")),
        }
    }

    /// A length of time.
    pub(crate) fn length(&mut self, key: &'static str, default: Duration) -> Result<Duration, Failure> {
        match self.text(key)? {
            None => Ok(default),
            Some(text) => kit::settings::duration(&text).map_err(|wrong| self.wrong(format!("`{key}`: {wrong}"))),
        }
    }

    /// A list of texts; one alone stands for a list of one where `alone` allows it.
    pub(crate) fn list(&mut self, key: &'static str, alone: bool) -> Result<Vec<String>, Failure> {
        let wanted = if alone { "a text or a list of texts" } else { "a list of texts" };
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) if alone => Ok(vec![text]),
            Some(Value::Array(values)) => values
                .into_iter()
                .map(|value| match value {
                    Value::String(text) => Ok(text),
                    _ => Err(self.mistyped(key, wanted)),
                })
                .collect(),
            Some(_) => Err(self.mistyped(key, wanted)),
        }
    }

    /// A table of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Result<Vec<(String, String)>, Failure> {
        let wanted = "a table of texts, as in { Accept = \"text/html\" }";
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Table(table)) => table
                .into_iter()
                .map(|(name, value)| match value {
                    Value::String(text) => Ok((name, text)),
                    _ => Err(self.mistyped(key, wanted)),
                })
                .collect(),
            Some(_) => Err(self.mistyped(key, wanted)),
        }
    }

    /// What is expected; 78 for nothing.
    pub(crate) fn expectations<A: Assertion>(&mut self) -> Result<Expectations<A>, Failure> {
        self.expect = self.list("expect", true)?;
        if self.expect.is_empty() {
            return Err(self.wrong(format!("it expects nothing; add expect = \"…\": {}", A::WORDS)));
        }
        let parse = |line: &String| {
            Expectation::parse(line)
                .map_err(|wrong| self.wrong(format!("expectation `{}`, {wrong}", voice::clean_line(line))))
        };
        Ok(Expectations::new(self.expect.iter().map(parse).collect::<Result<_, _>>()?))
    }

    /// Refuses what neither every check nor this kind has.
    pub(crate) fn belong_to(&self, kind: &Kind) -> Result<(), Failure> {
        let known: Vec<&str> = COMMON.iter().chain(kind.keys).chain(&["expect"]).copied().collect();
        let Some(unknown) = self.table.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        let (unknown, kind, known) = (voice::clean_line(unknown), kind.name, known.join(", "));
        Err(self.wrong(format!("`{unknown}` is no key of a check of kind {kind}: {known}")))
    }

    /// The name and the lines of `expect`, once everything is taken.
    pub(crate) fn into_parts(self) -> (String, Vec<String>) {
        let lines = self.expect.iter().map(|line| line.trim().to_owned()).collect();
        (self.name, lines)
    }
}
