//! The checks file: flat `[[check]]` tables, each with a name, a kind and what it expects.

use std::time::Duration;

use kit::settings::Settings;
use kit::{Exit, Failure};
use toml::{Table, Value};

use crate::expectation::{Expectation, Expectations};
use crate::json_path::JsonPath;
use crate::keys::Keys;
use crate::kind::http::Page;
use crate::kind::{Kind, Subject};

const TIMEOUT: Duration = Duration::from_secs(10);

/// One check.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) name: String,
    /// The name of its kind.
    pub(crate) kind: &'static str,
    /// What is looked at.
    pub(crate) subject: Box<dyn Subject>,
    /// The lines of `expect`.
    pub(crate) expect: Vec<String>,
    /// Runs before those that are none, and stops them when it does not pass.
    pub(crate) gate: bool,
    /// Only warns.
    pub(crate) warn: bool,
    pub(crate) attempts: u32,
    pub(crate) interval: Duration,
    /// Of each attempt.
    pub(crate) timeout: Duration,
}

/// What holds for checks that say nothing else.
#[derive(Debug)]
pub(crate) struct Defaults<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) attempts: u32,
    pub(crate) interval: Duration,
}

/// The one check of a bare address: it answers with 200, and names the commit if that is asked for.
pub(crate) fn of_url(url: &str, with_commit: bool, defaults: &Defaults<'_>) -> Result<Vec<Check>, Failure> {
    // Without the address itself: what is wrong with it may be the password in it.
    let wrong = |sentence: String| Failure::new(Exit::SETTINGS, format!("the address to check: {sentence}"));
    let expect = "status == 200";
    let expected = Expectation::parse(expect).map_err(|error| wrong(error.to_string()))?;
    let commit = with_commit.then(JsonPath::commit);
    Ok(vec![Check {
        name: "url".to_owned(),
        kind: "http",
        subject: Box::new(Page::new("GET", url, &[], commit, Expectations::new(vec![expected])).map_err(wrong)?),
        expect: vec![expect.to_owned()],
        gate: false,
        warn: false,
        attempts: defaults.attempts,
        interval: defaults.interval,
        timeout: TIMEOUT,
    }])
}

/// Reads a checks file; 78 for whatever is not understood, down to the column.
pub(crate) fn parse(text: &str, defaults: &Defaults<'_>) -> Result<Vec<Check>, Failure> {
    let mut file: Table = toml::from_str(text).map_err(|error| {
        let before = text.get(..error.span().unwrap_or_default().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Failure::new(Exit::SETTINGS, format!("line {line}: {}", error.message()))
    })?;
    let tables = match file.remove("check") {
        None => Vec::new(),
        Some(Value::Array(values)) => values,
        Some(_) => {
            return Err(Failure::new(Exit::SETTINGS, "a check is written [[check]], in two pairs of brackets"));
        }
    };
    if let Some(key) = file.keys().next() {
        let key = kit::voice::clean_line(key);
        let message = format!("`{key}` does not belong here: a checks file holds [[check]] tables only");
        return Err(Failure::new(Exit::SETTINGS, message));
    }
    let mut checks: Vec<Check> = Vec::new();
    for (index, value) in tables.into_iter().enumerate() {
        let Value::Table(table) = value else {
            return Err(Failure::new(Exit::SETTINGS, "a check is a table, written [[check]]"));
        };
        let keys = Keys::open(index + 1, table)?;
        if checks.iter().any(|check| check.name == keys.name()) {
            return Err(keys.wrong("there is another check of this name"));
        }
        checks.push(read(keys, defaults)?);
    }
    if checks.is_empty() {
        return Err(Failure::new(Exit::SETTINGS, "there is no [[check]] in it"));
    }
    Ok(checks)
}

fn read(mut keys: Keys, defaults: &Defaults<'_>) -> Result<Check, Failure> {
    let kind = keys.required("kind", &Kind::names())?;
    let Some(kind) = Kind::named(&kind) else {
        let other = kit::voice::clean_line(&kind);
        return Err(keys.wrong(format!("there is no kind {other}; supported: {}", Kind::names())));
    };
    let (gate, warn) = (keys.flag("gate")?, keys.flag("warn")?);
    let attempts = keys.attempts("attempts", defaults.attempts)?;
    let interval = keys.length("interval", defaults.interval)?;
    let timeout = keys.length("timeout", TIMEOUT)?;
    keys.belong_to(kind)?;
    let subject = (kind.read)(&mut keys, defaults.settings)?;
    let (name, expect) = keys.into_parts();
    Ok(Check { name, kind: kind.name, subject, expect, gate, warn, attempts, interval, timeout })
}
