//! One page: what a web server answers to one request, and which commit says so.

use std::time::{Duration, Instant};

use db::Deadline;
use kit::Failure;
use rustls::pki_types::ServerName;
use ureq::http::Uri;

use crate::commit::Commit;
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::template::Captured;
use crate::http::answer::{AnswerAssertion, Running, Telling};
use crate::http::session::Span;
use crate::http::{Answer, Ask, Manner, Request, Session};
use crate::kind::Subject;
use crate::trial::Conditions;
use crate::wire::endpoint::Endpoint;
use crate::wire::handshake::{Handshake, Left, authorities};

/// From here on a body is judged while no other is.
const LARGE: usize = 1 << 16;

/// A check of a web address.
#[derive(Debug)]
pub(crate) struct Page {
    ask: Ask,
    request: Request,
    commit: Option<Telling>,
    /// Who shows the certificate that is looked at.
    secured: Option<(Endpoint, ServerName<'static>)>,
    expectations: Expectations<PageAssertion>,
}

/// What was seen of a page.
#[derive(Debug)]
pub(crate) struct Seen {
    answer: Answer,
    /// Only where it was asked for.
    handshake: Option<Handshake>,
}

/// Takes the keys of an http check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let manner = Manner::read(keys)?;
    let ask = Ask::read(keys, manner)?;
    let commit = keys.text("commit")?.map(|place| Telling::parse(&place)).transpose();
    let commit = commit.map_err(|wrong| keys.wrong_at("commit", format!("`commit`, {wrong}")))?;
    let page = Page::new(ask, commit, keys.expectations()?);
    Ok(Box::new(page.map_err(|wrong| keys.wrong_at("url", wrong))?))
}

impl Page {
    /// A page; the error says what is wrong with the address or a header.
    pub(crate) fn new(
        ask: Ask,
        commit: Option<Telling>,
        expectations: Expectations<PageAssertion>,
    ) -> Result<Self, String> {
        let request = ask.request(&Captured::new())?;
        let looks = expectations.assertions().any(|one| matches!(one, PageAssertion::Certificate(_)));
        let secured = if looks { Some(secured(request.head.uri())?) } else { None };
        Ok(Self { ask, request, commit, secured, expectations })
    }

    /// The page, and the certificate on a connection of its own: ureq shows nobody that of its own.
    fn see(&self, session: &mut Session, timeout: Duration, conditions: &Conditions) -> Result<Seen, Finding> {
        let deadline = Deadline::after(timeout);
        let span = Span { end: Instant::now() + timeout, whole: timeout };
        let answer = session.ask(self.request.clone(), self.ask.manner.redirects, span)?.answer;
        let Some((endpoint, name)) = &self.secured else { return Ok(Seen { answer, handshake: None }) };
        let ca = self.ask.manner.ca.as_ref().map(|path| conditions.dir.join(path));
        let roots = authorities(ca.as_deref()).map_err(Finding::blind)?;
        let handshake = Some(Handshake::make(endpoint, name, roots, &deadline)?);
        Ok(Seen { answer, handshake })
    }

    /// What the answer means. Another commit comes first: what an old process says of itself tells nothing of the new.
    fn judge(&self, seen: &Seen, expected: Option<&Commit>) -> Finding {
        let answer = &seen.answer;
        let running = match (&self.commit, expected) {
            (Some(path), Some(expected)) => Some((answer.running(path, expected), expected.short())),
            _ => None,
        };
        if let Some((Running::Other(commit), expected)) = &running {
            return Finding::stale(format!("commit {commit} answers, expected {expected}"));
        }
        if let Err(instead) = self.expectations.judge(seen) {
            return Finding::bad(instead);
        }
        let commit = match running {
            Some((Running::Unknown(why), expected)) => {
                return Finding::bad(format!("{why}, expected commit {expected}"));
            }
            Some((_, expected)) => format!("commit {expected}, "),
            None if self.commit.is_some() => "commit not compared, ".to_owned(),
            None => String::new(),
        };
        let ends = |seen: &Handshake| format!("certificate ends in {}, ", seen.spell_left());
        let certificate = seen.handshake.as_ref().map(ends).unwrap_or_default();
        let (status, took) = (answer.status, answer.took.as_millis());
        Finding::good(format!("status {status}, {commit}{certificate}{took} ms"))
    }
}

impl Subject for Page {
    fn spell(&self) -> String {
        format!("{} {}", self.request.head.method(), self.ask.manner.at(&self.request.address()))
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let mut session = match Session::new(&self.ask.manner, &conditions.dir) {
            Ok(session) => session,
            Err(failure) => return Finding::blind(failure),
        };
        let (finding, evidence) = match self.see(&mut session, timeout, conditions) {
            Ok(seen) => {
                // A MiB of JSON becomes 40 MiB of values: there is one such at a time, not one for each check.
                let _alone = (seen.answer.body.len() > LARGE).then(|| conditions.judging.lock());
                (self.judge(&seen, conditions.expected.as_ref()), seen.answer.evidence())
            }
            Err(finding) => (finding, Evidence::default()),
        };
        finding.with(evidence.and("curl", self.ask.curl(&self.request))).without(session.hidden())
    }

    fn compares(&self) -> Option<String> {
        self.commit.as_ref().map(ToString::to_string)
    }
}

/// Whose certificate an address stands for.
fn secured(uri: &Uri) -> Result<(Endpoint, ServerName<'static>), String> {
    if uri.scheme_str() != Some("https") {
        return Err("only an address that begins with https:// has a `certificate`".to_owned());
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("no certificate can hold the name {host}"))?;
    Ok((Endpoint::new(host, uri.port_u16().unwrap_or(443)), name))
}

/// What can be asserted of a page.
#[derive(Clone, Debug)]
pub(crate) enum PageAssertion {
    Answer(AnswerAssertion),
    /// `certificate > 14d`
    Certificate(Left),
}

impl Assertion for PageAssertion {
    type Seen = Seen;

    const WORDS: &'static str = "status, header, body, json, time or certificate (an http check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "certificate" => Some(Left::read(cursor).map(Self::Certificate)),
            word => Some(AnswerAssertion::read(word, cursor)?.map(Self::Answer)),
        }
    }

    fn judge(&self, seen: &Seen) -> Result<(), String> {
        match (self, &seen.handshake) {
            (Self::Answer(assertion), _) => assertion.judge(&seen.answer),
            (Self::Certificate(left), Some(handshake)) => left.judge(handshake),
            (Self::Certificate(_), None) => Err("no certificate was seen".to_owned()),
        }
    }
}
