//! What a check expects, one line each: `status == 200`. Each kind of check has assertions of its own; this is what
//! they share.

use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};

/// What can be asserted of one kind of thing.
pub(crate) trait Assertion: Sized {
    /// What a look at the thing brings back.
    type Seen;

    /// Reads what follows `word`, the first of the line. `None` when no assertion begins with it.
    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>>;

    /// The words that begin one, for a complaint.
    const WORDS: &'static str;

    /// Compares; the error is what was seen instead, as the beginning of a sentence.
    fn judge(&self, seen: &Self::Seen) -> Result<(), String>;
}

/// One line of `expect`.
#[derive(Clone, Debug)]
pub(crate) struct Expectation<A> {
    text: String,
    assertion: A,
}

impl<A: Assertion> Expectation<A> {
    /// Reads a line.
    pub(crate) fn parse(mut cursor: Cursor<'_>) -> Result<Self, Wrong> {
        let line = cursor.line();
        let beginning = cursor.here();
        let word = cursor.word();
        let assertion = A::read(word, &mut cursor).unwrap_or_else(|| Err(beginning.wrong(A::WORDS)))?;
        cursor.end()?;
        Ok(Self { text: line.trim().to_owned(), assertion })
    }

    /// Compares; the error is a sentence: `status is 500, expected status == 200`.
    pub(crate) fn judge(&self, seen: &A::Seen) -> Result<(), String> {
        self.assertion.judge(seen).map_err(|instead| format!("{instead}, expected {}", self.text))
    }
}

/// All lines of one check: each must hold.
#[derive(Clone, Debug)]
pub(crate) struct Expectations<A>(Vec<Expectation<A>>);

impl<A: Assertion> Expectations<A> {
    pub(crate) fn new(expectations: Vec<Expectation<A>>) -> Self {
        Self(expectations)
    }

    /// What comes of a look: good, in the words of `spell`, where all hold.
    pub(crate) fn find(&self, seen: &A::Seen, spell: impl FnOnce(&A::Seen) -> String) -> Finding {
        match self.judge(seen) {
            Ok(()) => Finding::good(spell(seen)),
            Err(instead) => Finding::bad(instead),
        }
    }

    /// Compares until one does not hold; the error is its sentence.
    pub(crate) fn judge(&self, seen: &A::Seen) -> Result<(), String> {
        self.failures(seen).next().map_or(Ok(()), |(_, instead)| Err(instead))
    }

    /// What does not hold, with its sentence.
    pub(crate) fn failures(&self, seen: &A::Seen) -> impl Iterator<Item = (&A, String)> {
        self.0.iter().filter_map(|one| Some((&one.assertion, one.judge(seen).err()?)))
    }

    /// What is asserted.
    pub(crate) fn assertions(&self) -> impl Iterator<Item = &A> {
        self.0.iter().map(|one| &one.assertion)
    }

    /// Refuses one assertion beside others, which it contradicts: there is nothing of which they could hold.
    pub(crate) fn alone(&self, word: &str, is_alone: impl Fn(&A) -> bool) -> Result<(), String> {
        if self.0.len() > 1 && self.assertions().any(is_alone) {
            return Err(format!("`{word}` contradicts every other expectation; let it stand alone"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Assertion, Expectation};
    use crate::database::greeting::GreetingAssertion;
    use crate::database::rows::RowsAssertion;
    use crate::grammar::cursor::Cursor;
    use crate::kind::command::EndAssertion;
    use crate::kind::crawl::CrawlAssertion;
    use crate::kind::disk::RoomAssertion;
    use crate::kind::env::VariableAssertion;
    use crate::kind::file::FileAssertion;
    use crate::kind::git::GitAssertion;
    use crate::kind::http::PageAssertion;
    use crate::kind::load::LoadAssertion;
    use crate::kind::log::LineAssertion;
    use crate::kind::memory::MemoryAssertion;
    use crate::kind::process::ProcessAssertion;
    use crate::kind::program::FieldAssertion;
    use crate::kind::program::docker::Containers;
    use crate::kind::program::hurl::HurlFile;
    use crate::kind::program::nginx::Nginx;
    use crate::kind::program::systemd::Unit;
    use crate::kind::redis::ReplyAssertion;
    use crate::kind::sqlite::DataAssertion;
    use crate::kind::tcp::PortAssertion;
    use crate::kind::telegram::BotAssertion;
    use crate::kind::tls::TlsAssertion;

    /// Whether a kind understands a line.
    type Parses = fn(&str) -> bool;

    fn parses<A: Assertion>(line: &str) -> bool {
        Expectation::<A>::parse(Cursor::new(line)).is_ok()
    }

    const KINDS: &[(&str, Parses)] = &[
        ("http", parses::<PageAssertion>),
        ("command", parses::<EndAssertion>),
        ("disk", parses::<RoomAssertion>),
        ("tcp", parses::<PortAssertion>),
        ("tls", parses::<TlsAssertion>),
        ("sqlite", parses::<DataAssertion>),
        ("server", parses::<GreetingAssertion>),
        ("query", parses::<RowsAssertion>),
        ("redis", parses::<ReplyAssertion>),
        ("file", parses::<FileAssertion>),
        ("env", parses::<VariableAssertion>),
        ("git", parses::<GitAssertion>),
        ("load", parses::<LoadAssertion>),
        ("memory", parses::<MemoryAssertion>),
        ("process", parses::<ProcessAssertion>),
        ("systemd", parses::<FieldAssertion<Unit>>),
        ("docker", parses::<FieldAssertion<Containers>>),
        ("nginx", parses::<FieldAssertion<Nginx>>),
        ("hurl", parses::<FieldAssertion<HurlFile>>),
        ("crawl", parses::<CrawlAssertion>),
        ("log", parses::<LineAssertion>),
        ("telegram", parses::<BotAssertion>),
    ];

    const GOOD: &[(&str, &str)] = &[
        ("status == 200", "http"),
        ("status!=500", "http"),
        ("  status  <=  399  ", "http"),
        ("body contains \"Wel\\\"come\\u00e9\"", "http"),
        ("body not contains \"error\"", "http"),
        ("json $.a[0]['b-c'] == \"x\"", "http"),
        ("json $..a[?@.b == ' == '].c!=1", "http"),
        ("json $.a exists", "http"),
        ("json $['error'] missing", "http"),
        ("json $ >= -1.5e3", "http"),
        ("json $.ok != null", "http"),
        ("body == 'pong'", "http"),
        ("body not matches 'a|b'", "http"),
        ("header Content-Type contains 'json'", "http"),
        ("header X-Frame-Options == 'DENY'", "http"),
        ("header Server missing", "http"),
        ("stdout matches '^ok$'", "command"),
        ("matches 'x+'", "file"),
        ("time < 800ms", "http tcp tls sqlite server query redis crawl"),
        ("exit == 0", "command"),
        ("stdout contains \"ok\"", "command"),
        ("free >= 100 MiB", "disk"),
        ("free > 5%", "disk"),
        ("inodes > 5%", "disk"),
        ("open", "tcp"),
        ("closed", "tcp"),
        ("banner not contains \"SSH-2.0\"", "tcp"),
        ("trusted", "tls"),
        ("certificate >= 14d", "http tls"),
        ("protocol != 'TLSv1.2'", "tls"),
        ("issuer not contains 'Encrypt'", "tls"),
        ("rows[0][12]>=0.5", "sqlite query"),
        ("rows[1][0] != \"x\"", "sqlite query"),
        ("count == 3", "sqlite query process docker"),
        ("integrity == \"ok\"", "sqlite"),
        ("answers", "server redis telegram"),
        ("version contains 'MariaDB'", "server"),
        ("reply >= 3", "redis"),
        ("reply not matches 'x+'", "redis"),
        ("exists", "file"),
        ("missing", "file process"),
        ("size > 1kB", "file"),
        ("age < 25h", "file"),
        ("mode == 0600", "file"),
        ("not contains \"x\"", "file"),
        ("set", "env"),
        ("length >= 32", "env"),
        ("branch != \"main\"", "git"),
        ("commit == live", "git"),
        ("swap_free > 5%", "memory"),
        ("one<4", "load"),
        ("fifteen <= 1.5 per cpu", "load"),
        ("running", "process docker"),
        ("count>=1", "sqlite query process docker"),
        ("uptime > 10s", "process systemd docker"),
        ("active", "systemd"),
        ("restarts == 0", "systemd docker"),
        ("state != 'failed'", "systemd"),
        ("healthy", "docker"),
        ("image contains ':1.2'", "docker"),
        ("valid", "nginx"),
        ("connections < 500", "nginx"),
        ("dropped == 0", "nginx"),
        ("passes", "hurl"),
        ("broken == 0", "crawl"),
        ("broken<3", "crawl"),
        ("pages >= 5", "crawl"),
        ("lines not matches \"ERROR|FATAL\"", "log"),
        ("unseen not contains 'ERROR'", "log"),
        ("username == 'guestbook_bot'", "telegram"),
        ("webhook missing", "telegram"),
        ("webhook contains \"https://example.org/\"", "telegram"),
        ("pending<100", "telegram"),
        ("last_error missing", "telegram"),
        ("last_error_age >= 90s", "telegram"),
    ];

    fn kinds(line: &str) -> String {
        let fits: Vec<_> = KINDS.iter().filter(|(_, parses)| parses(line)).map(|(kind, _)| *kind).collect();
        fits.join(" ")
    }

    #[test]
    fn every_expectation_of_the_reference_fits_its_kinds() {
        for (line, expected) in GOOD.iter().copied() {
            assert_eq!(kinds(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_half_an_expectation_is_none() {
        for line in [
            "open 1",
            "body exists",
            "body missing",
            "body",
            "header contains 'x'",
            "header A",
            "header A is 'x'",
            "header A == x",
            "header A exists 'x'",
            "banner",
            "banner contains",
            "certificate < 14d",
            "certificate > 14",
            "certificate > 99999999999999999d",
            "protocol == 'SSLv3'",
            "trusted == true",
            "rows == 1",
            "rows[0] == 1",
            "rows[0][0]",
            "rows[0][0] < \"x\"",
            "rows[-1][0] == 1",
            "count == -1",
            "integrity == \"bad\"",
            "integrity != \"ok\"",
            "answers 1",
            "version == '8'",
            "reply",
            "reply < 'x'",
            "size > 5%",
            "size > 5",
            "age > 1h",
            "age < 5",
            "mode == 9999",
            "mode == 0o600",
            "mode == 77777",
            "mode > 0600",
            "contains x",
            "not \"x\"",
            "length > 32",
            "length >= 0",
            "branch == main",
            "branch > \"main\"",
            "commit == \"main\"",
            "commit != live",
            "clean == true",
            "available < 5%",
            "swap > 5%",
            "one > 4",
            "one < x",
            "one < 4 per",
            "one < 4 cpu",
            "ten < 4",
            "running 1",
            "restarts",
            "state exists",
            "image 'x'",
            "valid == true",
            "count > x",
            "uptime == 10s",
            "uptime > 10",
            "broken",
            "broken > 0",
            "broken == x",
            "broken == 0 ok",
            "pages == 5",
            "pages < 5",
            "lines \"x\"",
            "unseen \"x\"",
            "unseen contains \"x\"",
            "lines not \"x\"",
            "lines matches \"(\"",
            "lines matches \"((a{1,100}){1,100}){1,100}\"",
            "lines contains \"\"",
            "username",
            "username missing",
            "webhook",
            "webhook https://example.org/",
            "pending < many",
            "pending < -1",
            "last_error",
            "last_error_age < 1h",
            "last_error_age > 90",
        ] {
            assert_eq!(kinds(line), "", "{line}");
        }
    }

    #[test]
    fn a_complaint_names_the_column_and_what_belongs_there() {
        let complaint = |line: &str| Expectation::<PageAssertion>::parse(Cursor::new(line)).unwrap_err().to_string();
        for (line, expected) in [
            ("", "column 1: expected status, header, body, json, time or certificate (an http check), found the end"),
            (
                " exit == 0",
                "column 2: expected status, header, body, json, time or certificate (an http check), found `exit == 0`",
            ),
            ("status", "column 7: expected == or != or <= or < or >= or >, found the end"),
            ("status == 2000", "column 11: expected a status from 100 to 599, found `2000`"),
            ("status == 200 ok", "column 15: expected the end, found `ok`"),
            ("body is \"x\"", "column 6: expected `contains`, `matches`, `not`, == or !=, found `is \"x\"`"),
            ("body not \"x\"", "column 10: expected `contains` or `matches`, found `\"x\"`"),
            (
                "json $.größe. == 1",
                "column 14: expected a path by RFC 9535 (in dot member name, must start with lowercase alpha or '_'), \
                 found ` == 1`",
            ),
            ("json $.a < \"x\"", "column 10: expected == or != (only numbers have a size), found `< \"x\"`"),
            ("time < 800", "column 8: expected a length of time such as 800ms or 2s, found `800`"),
            ("time > 1s", "column 6: expected <= or <, found `> 1s`"),
        ] {
            assert_eq!(complaint(line), expected, "{line:?}");
        }
    }

    /// Good lines, cut, glued and with characters exchanged, by a generator that always gives the same ones.
    #[test]
    fn no_line_whatever_makes_the_parser_panic() {
        let pool: Vec<char> = "$.[](|)\"\\=!<>%&0129aeMKiB \t\u{0}\u{1b}\u{202e}é🦀{}-+_nmsu".chars().collect();
        let mut state: u64 = 0x2545_f491_4f6c_dd1d;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let mut line: Vec<char> = GOOD[random(GOOD.len())].0.chars().collect();
            for _ in 0..random(4) {
                let at = random(line.len().max(1)).min(line.len());
                match random(4) {
                    0 => line.insert(at, pool[random(pool.len())]),
                    1 => line.truncate(at),
                    2 => line.extend(GOOD[random(GOOD.len())].0.chars().skip(at)),
                    _ => drop(line.splice(at..(at + 1).min(line.len()), [pool[random(pool.len())]])),
                }
            }
            let line: String = line.into_iter().collect();
            assert_eq!(kinds(&line), kinds(line.trim()), "{line:?} is read, trimmed it is not");
        }
    }
}
