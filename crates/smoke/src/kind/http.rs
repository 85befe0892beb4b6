//! One page: what a web server answers to one request, and which commit says so.

use std::time::Duration;

use kit::Failure;

use crate::commit::Commit;
use crate::evidence::Evidence;
use crate::expectation::Expectations;
use crate::finding::Finding;
use crate::http::answer::{AnswerAssertion, Running};
use crate::http::{Answer, Ask, Client, Manner, Request};
use crate::json_path::JsonPath;
use crate::keys::Keys;
use crate::kind::Subject;
use crate::template::Captured;
use crate::trial::Conditions;

/// A check of a web address.
#[derive(Debug)]
pub(crate) struct Page {
    ask: Ask,
    request: Request,
    commit: Option<JsonPath>,
    expectations: Expectations<AnswerAssertion>,
}

/// Takes the keys of an http check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let manner = Manner::read(keys)?;
    let ask = Ask::read(keys, manner)?;
    let commit = keys.text("commit")?.map(|path| JsonPath::parse(&path)).transpose();
    let commit = commit.map_err(|wrong| keys.wrong_at("commit", format!("`commit`, {wrong}")))?;
    let page = Page::new(ask, commit, keys.expectations()?);
    Ok(Box::new(page.map_err(|wrong| keys.wrong_at("url", wrong))?))
}

impl Page {
    /// A page; the error says what is wrong with the address or a header.
    pub(crate) fn new(
        ask: Ask,
        commit: Option<JsonPath>,
        expectations: Expectations<AnswerAssertion>,
    ) -> Result<Self, String> {
        let request = ask.request(&Captured::new())?;
        Ok(Self { ask, request, commit, expectations })
    }

    /// What the answer means. Another commit comes first: what an old process says of itself tells nothing of the new.
    fn judge(&self, answer: &Answer, expected: Option<&Commit>) -> Finding {
        let running = match (&self.commit, expected) {
            (Some(path), Some(expected)) => Some((answer.running(path, expected), expected.short())),
            _ => None,
        };
        if let Some((Running::Other(commit), expected)) = &running {
            return Finding::stale(format!("commit {commit} answers, expected {expected}"));
        }
        if let Err(instead) = self.expectations.judge(answer) {
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
        Finding::good(format!("status {}, {commit}{} ms", answer.status, answer.took.as_millis()))
    }
}

impl Subject for Page {
    fn spell(&self) -> String {
        format!("{} {}", self.request.head.method(), self.ask.manner.at(&self.request.address()))
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let client = match Client::new(&self.ask.manner, &conditions.dir) {
            Ok(client) => client,
            Err(failure) => return Finding::blind(failure),
        };
        let (finding, evidence) = match client.ask(&self.request, timeout) {
            Ok(answer) => (self.judge(&answer, conditions.expected.as_ref()), answer.evidence()),
            Err(finding) => (finding, Evidence::default()),
        };
        finding.with(evidence.and("curl", self.ask.curl(&self.request)))
    }

    fn compares(&self) -> Option<String> {
        self.commit.as_ref().map(ToString::to_string)
    }
}
