//! The checks file: flat `[[check]]` tables, each with a name, a kind and what it expects.

use std::time::Duration;

use kit::settings::Settings;
use kit::{Exit, Failure};
use toml::{Table, Value};

use crate::answer::AnswerAssertion;
use crate::command::Command;
use crate::disk::Disk;
use crate::expectation::{Assertion, Expectation};
use crate::http::{METHODS, Page};
use crate::json_path::JsonPath;
use crate::keys::Keys;

const TIMEOUT: Duration = Duration::from_secs(10);
const KINDS: &str = "http, command, disk";

/// One check.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) subject: Subject,
    /// Runs before those that are none, and stops them when it does not pass.
    pub(crate) gate: bool,
    /// Only warns.
    pub(crate) warn: bool,
    pub(crate) attempts: u32,
    pub(crate) interval: Duration,
    /// Of each attempt.
    pub(crate) timeout: Duration,
}

/// What is looked at.
#[derive(Debug)]
pub(crate) enum Subject {
    Http(Box<Page>),
    Command(Command),
    Disk(Disk),
}

/// What holds for checks that say nothing else.
#[derive(Debug)]
pub(crate) struct Defaults<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) attempts: u32,
    pub(crate) interval: Duration,
}

impl Subject {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Command(_) => "command",
            Self::Disk(_) => "disk",
        }
    }

    pub(crate) fn spell(&self) -> String {
        match self {
            Self::Http(page) => page.spell(),
            Self::Command(command) => command.spell(),
            Self::Disk(disk) => disk.spell(),
        }
    }

    pub(crate) fn expectations(&self) -> Vec<&str> {
        match self {
            Self::Http(page) => page.expectations(),
            Self::Command(command) => command.expectations(),
            Self::Disk(disk) => disk.expectations(),
        }
    }

    /// Where the answer tells its commit, for a check that looks at it.
    pub(crate) fn commit(&self) -> Option<&JsonPath> {
        match self {
            Self::Http(page) => page.commit(),
            Self::Command(_) | Self::Disk(_) => None,
        }
    }
}

/// The one check of a bare address: it answers with 200, and names the commit if that is asked for.
pub(crate) fn of_url(url: &str, with_commit: bool, defaults: &Defaults<'_>) -> Result<Vec<Check>, Failure> {
    // Without the address itself: what is wrong with it may be the password in it.
    let wrong = |sentence: String| Failure::new(Exit::SETTINGS, format!("the address to check: {sentence}"));
    let expected = Expectation::<AnswerAssertion>::parse("status == 200").map_err(|error| wrong(error.to_string()))?;
    let commit = with_commit.then(JsonPath::commit);
    Ok(vec![Check {
        name: "url".to_owned(),
        subject: Subject::Http(Box::new(Page::new("GET", url, &[], commit, vec![expected]).map_err(wrong)?)),
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
    let kind = keys.required("kind", KINDS)?;
    let (gate, warn) = (keys.flag("gate")?, keys.flag("warn")?);
    let attempts = keys.attempts("attempts", defaults.attempts)?;
    let interval = keys.length("interval", defaults.interval)?;
    let timeout = keys.length("timeout", TIMEOUT)?;
    let subject = match kind.as_str() {
        "http" => Subject::Http(Box::new(read_page(&mut keys, defaults.settings)?)),
        "command" => {
            let (run, expected) = (keys.list("run", false)?, expectations(&mut keys)?);
            Subject::Command(Command::new(run, expected).map_err(|wrong| keys.wrong(wrong))?)
        }
        "disk" => {
            let path = keys.required("path", "a directory or file on the disk")?;
            Subject::Disk(Disk::new(path.into(), expectations(&mut keys)?))
        }
        other => {
            let other = kit::voice::clean_line(other);
            return Err(keys.wrong(format!("there is no kind {other}; supported: {KINDS}")));
        }
    };
    let name = keys.name().to_owned();
    keys.close(&kind)?;
    Ok(Check { name, subject, gate, warn, attempts, interval, timeout })
}

fn read_page(keys: &mut Keys, settings: &Settings) -> Result<Page, Failure> {
    let url = keys.required("url", "an address, or a path of API_URL")?;
    let url = match url.strip_prefix('/') {
        Some(path) => {
            let base = settings.require("API_URL").map_err(|failure| {
                let complaint = keys.wrong(format!("its url is a path of API_URL: {}", failure.message));
                Failure { hint: failure.hint, ..complaint }
            })?;
            format!("{}/{path}", base.trim_end_matches('/'))
        }
        None => url,
    };
    let method = keys.text("method")?.unwrap_or_else(|| "GET".to_owned());
    if !METHODS.contains(&method.as_str()) {
        return Err(keys.wrong(format!("`method` must be one of {}", METHODS.join(", "))));
    }
    let headers = keys.texts("headers")?;
    let commit = keys.text("commit")?.map(|path| JsonPath::parse(&path)).transpose();
    let commit = commit.map_err(|wrong| keys.wrong(format!("`commit`, {wrong}")))?;
    let expected = expectations(keys)?;
    Page::new(&method, &url, &headers, commit, expected).map_err(|wrong| keys.wrong(wrong))
}

fn expectations<A: Assertion>(keys: &mut Keys) -> Result<Vec<Expectation<A>>, Failure> {
    let lines = keys.list("expect", true)?;
    if lines.is_empty() {
        return Err(keys.wrong(format!("it expects nothing; add expect = \"…\": {}", A::WORDS)));
    }
    let parse = |line: &String| {
        Expectation::parse(line)
            .map_err(|wrong| keys.wrong(format!("expectation `{}`, {wrong}", kit::voice::clean_line(line))))
    };
    lines.iter().map(parse).collect()
}
