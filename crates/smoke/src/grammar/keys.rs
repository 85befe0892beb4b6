//! The keys of one `[[check]]` table: each is taken once, in its type, and one that does not belong there is refused.

mod nested;
mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use kit::settings::Settings;
use kit::{Exit, Failure, voice};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::grammar::cursor::Cursor;
use crate::grammar::expectation::{Assertion, Expectation, Expectations};
use crate::grammar::place::Place;
use crate::grammar::text::excerpt;
use crate::grammar::variable::Variables;
use crate::kind::Kind;

/// The keys that every check has, before those of its kind.
const COMMON: &[&str] =
    &["name", "kind", "gate", "severity", "tags", "attempts", "consecutive", "interval", "start_period", "timeout"];

/// How long a name may be, in characters: it stands in a table.
pub(crate) const NAME: usize = 200;

/// As often as something may be done.
pub(crate) const TIMES: RangeInclusive<u32> = 1..=100;

/// A table of a checks file, being read.
#[derive(Debug)]
pub(crate) struct Keys<'a> {
    /// Who is complained of.
    title: String,
    name: String,
    /// The whole file.
    text: &'a str,
    table: DeTable<'a>,
    /// Where the table and each of its keys begin in the text. Which lines those are is counted only for a complaint: a file
    /// of many checks would be counted through for each.
    start: usize,
    starts: BTreeMap<String, usize>,
    variables: Variables<'a>,
    expect: Vec<String>,
}

impl<'a> Keys<'a> {
    /// A table that is called so.
    pub(crate) fn open(title: String, table: Spanned<DeTable<'a>>, text: &'a str, settings: &'a Settings) -> Self {
        let start = table.span().start;
        let table = table.into_inner();
        let starts = table.keys().map(|key| (key.get_ref().to_string(), key.span().start)).collect();
        Self {
            title,
            name: String::new(),
            text,
            table,
            start,
            starts,
            variables: Variables::new(settings),
            expect: Vec::new(),
        }
    }

    /// The table of the check that stands at `position`, which must have a name.
    pub(crate) fn of_check(
        position: usize,
        table: Spanned<DeTable<'a>>,
        text: &'a str,
        settings: &'a Settings,
    ) -> Result<Self, Failure> {
        let mut keys = Self::open(format!("check `number {position}`"), table, text, settings);
        let name = keys.own_name()?.ok_or_else(|| keys.missing("name", "a name of its own"))?;
        keys.title = format!("check `{name}`");
        keys.name = name;
        Ok(keys)
    }

    /// The name in the table itself, fit to stand in a line.
    pub(crate) fn own_name(&mut self) -> Result<Option<String>, Failure> {
        let Some(name) = self.literal("name")? else { return Ok(None) };
        if name.trim() != name || name.is_empty() || voice::clean_line(&name) != name {
            return Err(self.wrong_at("name", "its name must be one line of text, without blanks around it"));
        }
        if name.chars().count() > NAME {
            return Err(self.wrong_at("name", format!("its name must have {NAME} characters at most")));
        }
        Ok(Some(name))
    }

    /// The check's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What settings there are.
    pub(crate) fn settings(&self) -> &'a Settings {
        self.variables.settings
    }

    /// Whether there is such a key that has not been taken.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A failure that names the check and where it stands.
    pub(crate) fn wrong(&self, sentence: impl AsRef<str>) -> Failure {
        self.wrong_at("", sentence)
    }

    /// A failure that names the check and where this key of it stands.
    pub(crate) fn wrong_at(&self, key: &str, sentence: impl AsRef<str>) -> Failure {
        self.wrong_there(*self.starts.get(key).unwrap_or(&self.start), sentence)
    }

    fn wrong_there(&self, start: usize, sentence: impl AsRef<str>) -> Failure {
        let place = Place::of(self.text, &(start..start));
        Failure::new(Exit::SETTINGS, format!("{place}: {}: {}", self.title, sentence.as_ref()))
    }

    /// The same for what somebody else has found wrong, with its hint.
    pub(crate) fn because(&self, key: &str, what: &str, failure: Failure) -> Failure {
        let complaint = self.wrong_at(key, format!("{what}: {}", failure.message));
        Failure { hint: failure.hint, ..complaint }
    }

    fn missing(&self, key: &str, wanted: &str) -> Failure {
        self.wrong(format!("`{key}` is missing: {wanted}"))
    }

    fn take(&mut self, key: &str) -> Option<DeValue<'a>> {
        self.table.remove(key).map(Spanned::into_inner)
    }

    fn mistyped(&self, key: &str, wanted: &str) -> Failure {
        self.wrong_at(key, format!("`{key}` must be {wanted}"))
    }

    /// A text as it stands there.
    pub(crate) fn literal(&mut self, key: &str) -> Result<Option<String>, Failure> {
        match self.take(key) {
            None => Ok(None),
            Some(DeValue::String(text)) => Ok(Some(text.into_owned())),
            Some(_) => Err(self.mistyped(key, "a text")),
        }
    }

    /// A text, with the settings that are named in it.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, Failure> {
        self.literal(key)?.map(|text| self.fill(key, &text)).transpose()
    }

    fn fill(&self, key: &str, text: &str) -> Result<String, Failure> {
        self.variables.fill(text).map_err(|failure| self.because(key, &format!("`{key}`"), failure))
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, key: &str, wanted: &str) -> Result<String, Failure> {
        let text = self.text(key)?;
        text.ok_or_else(|| self.missing(key, wanted))
    }

    /// `true` or `false`; false unless said.
    pub(crate) fn flag(&mut self, key: &str) -> Result<bool, Failure> {
        match self.take(key) {
            None => Ok(false),
            Some(DeValue::Boolean(flag)) => Ok(flag),
            Some(_) => Err(self.mistyped(key, "true or false")),
        }
    }

    /// How many times.
    pub(crate) fn times(&mut self, key: &str, default: u32) -> Result<u32, Failure> {
        Ok(self.number(key, TIMES)?.unwrap_or(default))
    }

    /// A number within limits.
    pub(crate) fn number(&mut self, key: &str, limits: RangeInclusive<u32>) -> Result<Option<u32>, Failure> {
        let number = match self.take(key) {
            None => return Ok(None),
            Some(DeValue::Integer(number)) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            Some(_) => None,
        };
        let wanted = || self.mistyped(key, &format!("a number from {} to {}", limits.start(), limits.end()));
        number.filter(|number| limits.contains(number)).map(Some).ok_or_else(wanted)
    }

    /// A length of time.
    pub(crate) fn length(&mut self, key: &str, default: Duration) -> Result<Duration, Failure> {
        let Some(text) = self.literal(key)? else { return Ok(default) };
        kit::settings::duration(&text).map_err(|wrong| self.wrong_at(key, format!("`{key}`: {wrong}")))
    }

    /// A list of texts as they stand there; one alone stands for a list of one where `alone` allows it.
    pub(crate) fn list(&mut self, key: &str, alone: bool) -> Result<Vec<String>, Failure> {
        Ok(self.lines(key, alone)?.into_iter().map(|(_, text)| text).collect())
    }

    /// The same, each with where it begins.
    fn lines(&mut self, key: &str, alone: bool) -> Result<Vec<(usize, String)>, Failure> {
        let wanted = if alone { "a text or a list of texts" } else { "a list of texts" };
        let Some(value) = self.table.remove(key) else { return Ok(Vec::new()) };
        let span = value.span();
        let values: Vec<_> = match value.into_inner() {
            DeValue::Array(values) => values.into_iter().collect(),
            DeValue::String(text) if alone => vec![Spanned::new(span, DeValue::String(text))],
            _ => return Err(self.mistyped(key, wanted)),
        };
        let line = |value: Spanned<DeValue<'_>>| {
            let start = value.span().start;
            match value.into_inner() {
                DeValue::String(text) => Ok((start, text.into_owned())),
                _ => Err(self.mistyped(key, wanted)),
            }
        };
        values.into_iter().map(line).collect()
    }

    /// A text that may be a secret, with the settings that are named in it.
    pub(crate) fn secret(&mut self, key: &str) -> Result<Option<String>, Failure> {
        let Some(text) = self.literal(key)? else { return Ok(None) };
        let filled = self.variables.fill_secretly(&text);
        filled.map(Some).map_err(|failure| self.because(key, &format!("`{key}`"), failure))
    }

    /// Lets nobody see a secret, in whatever form it comes back.
    pub(crate) fn hide(&self, secret: &str) {
        self.variables.hide(secret);
    }

    /// What is expected; 78 for nothing.
    pub(crate) fn expectations<A: Assertion>(&mut self) -> Result<Expectations<A>, Failure> {
        let lines = self.lines("expect", true)?;
        if lines.is_empty() {
            return Err(self.wrong(format!("it expects nothing; add expect = \"…\": {}", A::WORDS)));
        }
        let parse = |(start, line): &(usize, String)| {
            Expectation::parse(Cursor::new(line).with(&self.variables)).map_err(|wrong| {
                let complaint = format!("expectation {}, {wrong}", excerpt(line));
                Failure { hint: wrong.hint, ..self.wrong_there(*start, complaint) }
            })
        };
        let expectations = lines.iter().map(parse).collect::<Result<_, _>>()?;
        self.expect = lines.into_iter().map(|(_, line)| line.trim().to_owned()).collect();
        Ok(Expectations::new(expectations))
    }

    /// Refuses what neither every check nor this kind has.
    pub(crate) fn belong_to(&self, kind: &Kind) -> Result<(), Failure> {
        let known: Vec<&str> = COMMON.iter().chain(kind.keys).chain(&["expect"]).copied().collect();
        self.belong(&known, &format!("a check of kind {}", kind.name))
    }

    /// Refuses a key that is none of these.
    pub(crate) fn belong(&self, known: &[&str], whose: &str) -> Result<(), Failure> {
        let Some(unknown) = self.table.keys().map(Spanned::get_ref).find(|key| !known.contains(&key.as_ref())) else {
            return Ok(());
        };
        let shown = excerpt(unknown);
        Err(self.wrong_at(unknown, format!("{shown} is no key of {whose}: {}", known.join(", "))))
    }

    /// The name, the lines of `expect`, and what nobody is to see, once everything is taken.
    pub(crate) fn into_parts(self) -> (String, Vec<String>, BTreeSet<String>) {
        (self.name, self.expect, self.variables.into_secrets())
    }
}
