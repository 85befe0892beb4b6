//! The checks file: flat `[[check]]` tables, each with a name, a kind and what it expects.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use kit::settings::Settings;
use kit::{Exit, Failure, voice};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use crate::grammar::cursor::Cursor;
use crate::grammar::expectation::{Expectation, Expectations};
use crate::grammar::keys::{Keys, NAME, TIMES};
use crate::grammar::place::Place;
use crate::grammar::secret::{forms, longest_first};
use crate::grammar::template::Template;
use crate::grammar::text::{cut, excerpt};
use crate::http::Ask;
use crate::http::answer::Telling;
use crate::kind::http::Page;
use crate::kind::{Kind, Subject};

/// How long an attempt may take, unless the file says.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// How tables are written, for a complaint.
const DEFAULTS: &str = "the defaults are a table, written [defaults]";
const CHECK: &str = "a check is a table, written [[check]], in two pairs of brackets";

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
    /// What nobody is to see, whoever says it: the secrets of all checks of the file, in every form.
    pub(crate) secrets: Arc<[String]>,
    /// Runs before those that are none, and stops them when it does not pass.
    pub(crate) gate: bool,
    /// Only warns.
    pub(crate) warn: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) attempts: u32,
    /// So many looks in a row must find it good.
    pub(crate) consecutive: u32,
    pub(crate) interval: Duration,
    /// So long after the beginning nothing costs an attempt.
    pub(crate) start_period: Duration,
    /// Of each attempt.
    pub(crate) timeout: Duration,
}

/// What holds for checks that say nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) attempts: u32,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
}

/// The one check of a bare address: it answers with 200, and names the commit if that is asked for.
pub(crate) fn of_url(url: &str, with_commit: bool, defaults: &Defaults<'_>) -> Result<Vec<Check>, Failure> {
    let commit = with_commit.then_some("json $.commit");
    let check = of_page("url", Template::fixed(url), vec!["status == 200".to_owned()], commit, defaults);
    // Without the address itself: what is wrong with it may be the password in it.
    let wrong = |sentence| Failure::new(Exit::SETTINGS, format!("the address to check: {sentence}"));
    Ok(vec![check.map_err(wrong)?])
}

/// A check of an address and nothing besides; the error says what is wrong with it.
pub(crate) fn of_page(
    name: &str,
    url: Template,
    expect: Vec<String>,
    commit: Option<&str>,
    defaults: &Defaults<'_>,
) -> Result<Check, String> {
    let expected = expect.iter().map(|line| Expectation::parse(Cursor::new(line))).collect::<Result<_, _>>();
    let expected = Expectations::new(expected.map_err(|wrong| wrong.to_string())?);
    let commit = commit.map(Telling::parse).transpose().map_err(|wrong| wrong.to_string())?;
    Ok(Check {
        name: name.to_owned(),
        kind: "http",
        subject: Box::new(Page::new(Ask::get(url), commit, expected)?),
        expect,
        secrets: Arc::default(),
        gate: false,
        warn: false,
        tags: Vec::new(),
        attempts: defaults.attempts,
        consecutive: 1,
        interval: defaults.interval,
        start_period: Duration::ZERO,
        timeout: defaults.timeout,
    })
}

/// Reads a checks file; 78 for whatever is not understood, with line and column.
pub(crate) fn parse(text: &str, defaults: &Defaults<'_>) -> Result<Vec<Check>, Failure> {
    let mut file = DeTable::parse(text).map_err(|error| unreadable(text, &error))?.into_inner();
    let defaults = match file.remove("defaults") {
        None => *defaults,
        Some(value) => own_defaults(table(value, text, DEFAULTS)?, text, defaults)?,
    };
    let tables = file.remove("check").map_or(Ok(Vec::new()), |value| tables(value, text))?;
    if let Some(key) = file.keys().next() {
        let shown = excerpt(key.get_ref());
        let sentence =
            format!("{shown} does not belong here: a checks file holds [defaults] and [[check]] tables only");
        return Err(wrong(text, &key.span(), &sentence));
    }
    let mut checks = Vec::new();
    let (mut names, mut secrets) = (BTreeSet::new(), BTreeSet::new());
    for (index, value) in tables.into_iter().enumerate() {
        let keys = Keys::of_check(index + 1, table(value, text, CHECK)?, text, defaults.settings)?;
        if !names.insert(keys.name().to_owned()) {
            return Err(keys.wrong_at("name", "there is another check of this name"));
        }
        let (check, own) = read(keys, &defaults)?;
        checks.push(check);
        secrets.extend(own);
    }
    if checks.is_empty() {
        return Err(Failure::new(Exit::SETTINGS, "there is no [[check]] in it"));
    }
    // One check's answer may hold what another one sent.
    let secrets: Arc<[String]> = longest_first(secrets.iter().flat_map(|secret| forms(secret)).collect()).into();
    Ok(checks.into_iter().map(|check| Check { secrets: Arc::clone(&secrets), ..check }).collect())
}

/// What is no TOML.
fn unreadable(text: &str, error: &Error) -> Failure {
    wrong(text, &error.span().unwrap_or_default(), error.message())
}

fn wrong(text: &str, span: &Range<usize>, sentence: &str) -> Failure {
    Failure::new(Exit::SETTINGS, format!("{}: {sentence}", Place::of(text, span)))
}

/// The values of a list.
fn tables<'a>(value: Spanned<DeValue<'a>>, text: &str) -> Result<Vec<Spanned<DeValue<'a>>>, Failure> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(values) => Ok(values.into_iter().collect()),
        _ => Err(wrong(text, &span, CHECK)),
    }
}

fn table<'a>(value: Spanned<DeValue<'a>>, text: &str, written_so: &str) -> Result<Spanned<DeTable<'a>>, Failure> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Table(table) => Ok(Spanned::new(span, table)),
        _ => Err(wrong(text, &span, written_so)),
    }
}

/// What the file says for all of its checks.
fn own_defaults<'a>(
    table: Spanned<DeTable<'a>>,
    text: &'a str,
    defaults: &Defaults<'a>,
) -> Result<Defaults<'a>, Failure> {
    let mut keys = Keys::open("[defaults]".to_owned(), table, text, defaults.settings);
    keys.belong(&["attempts", "interval", "timeout"], "the defaults")?;
    Ok(Defaults {
        attempts: keys.times("attempts", defaults.attempts)?,
        interval: keys.length("interval", defaults.interval)?,
        timeout: keys.length("timeout", defaults.timeout)?,
        ..*defaults
    })
}

/// The check of a table, and its secrets; 78 for a key that its kind does not have.
fn read(mut keys: Keys<'_>, defaults: &Defaults<'_>) -> Result<(Check, BTreeSet<String>), Failure> {
    let Some(kind) = keys.literal("kind")? else {
        return Err(keys.wrong(format!("`kind` is missing: {}", Kind::names())));
    };
    let Some(kind) = Kind::named(&kind) else {
        let other = cut(&voice::clean_line(&kind), NAME);
        return Err(keys.wrong_at("kind", format!("there is no kind {other}; supported: {}", Kind::names())));
    };
    let (gate, warn) = (keys.flag("gate")?, severity(&mut keys)?);
    let tags = keys.list("tags", false)?;
    let (attempts, consecutive) = attempts(&mut keys, defaults)?;
    let interval = keys.length("interval", defaults.interval)?;
    let start_period = keys.length("start_period", Duration::ZERO)?;
    let timeout = keys.length("timeout", defaults.timeout)?;
    keys.belong_to(kind)?;
    let subject = (kind.read)(&mut keys)?;
    let (name, expect, secrets) = keys.into_parts();
    let check = Check {
        name,
        kind: kind.name,
        subject,
        expect,
        secrets: Arc::default(),
        gate,
        warn,
        tags,
        attempts,
        consecutive,
        interval,
        start_period,
        timeout,
    };
    Ok((check, secrets))
}

/// How many attempts there are, and how many of them in a row must pass.
fn attempts(keys: &mut Keys<'_>, defaults: &Defaults<'_>) -> Result<(u32, u32), Failure> {
    let own = keys.number("attempts", TIMES)?;
    let consecutive = keys.times("consecutive", 1)?;
    // Who asks once, for a look, still wants the check to be able to pass.
    let attempts = own.unwrap_or(defaults.attempts.max(consecutive));
    if consecutive > attempts {
        let sentence =
            format!("`consecutive` is {consecutive}, and there are {attempts} attempts: it could never pass");
        return Err(keys.wrong_at("consecutive", sentence));
    }
    Ok((attempts, consecutive))
}

/// Whether it only warns.
fn severity(keys: &mut Keys<'_>) -> Result<bool, Failure> {
    match keys.literal("severity")?.as_deref() {
        None | Some("fail") => Ok(false),
        Some("warn") => Ok(true),
        Some(_) => Err(keys.wrong_at("severity", "`severity` must be \"fail\" or \"warn\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Defaults, parse};
    use kit::Exit;
    use kit::settings::Settings;
    use proptest::prelude::{ProptestConfig, any, prop, prop_oneof, proptest};
    use proptest::strategy::{Just, Strategy};
    use std::time::Duration;

    /// What checks files are made of, and what they are not.
    const WORDS: &str = "[[check]]\n|[defaults]\n|name = '|name = \"a\"\n|kind = 'http'\n|kind = 'file'\n|kind = 'log'\n|\
        kind = 'tcp'\n|url = 'http://h/|path = \"|address = 'h:1'\n|expect = |['status == 200', '|'json $.a[?@.b == \\u|\
        'body not matches \"(a+)+$\"'|'lines contains \"|'open'\n|attempts = 1\n|timeout = '1s'\n|json = { |headers = {|\
        ${A}|$${|1979-05-27T07:32:00Z|0x7fffffff|=|.|]|}|'|\"\"\"|\\|\n|#|\u{1b}|\u{202e}|\u{feff}|\0";

    fn texts() -> impl Strategy<Value = String> {
        let words: Vec<&str> = WORDS.split('|').collect();
        let word = prop_oneof![
            8 => prop::sample::select(words).prop_map(str::to_owned),
            1 => any::<String>(),
            1 => Just("[[check]]\nname = 'a'\nkind = 'tcp'\naddress = 'h:1'\nexpect = 'open'\n".to_owned()),
        ];
        prop::collection::vec(word, 0..20).prop_map(|words| words.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// `scripts/fuzz` looks for more.
        #[test]
        fn whatever_a_file_holds_is_read_or_refused(text in texts()) {
            let settings = Settings::default();
            let wait = Duration::from_secs(1);
            match parse(&text, &Defaults { settings: &settings, attempts: 5, interval: wait, timeout: wait }) {
                Ok(checks) => assert!(checks.iter().all(|check| !check.subject.spell().is_empty())),
                Err(failure) => assert_eq!(failure.exit, Exit::SETTINGS, "{}", failure.message),
            }
        }
    }
}
