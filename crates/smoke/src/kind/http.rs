//! One request: no redirect is followed, no proxy is asked, no connection is kept.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use kit::clock;
use kit::failure::Failure;
use ureq::http;

use crate::answer::{Answer, AnswerAssertion, Running};
use crate::commit::Commit;
use crate::expectation::Expectations;
use crate::finding::{Finding, unseen};
use crate::json_path::JsonPath;
use crate::keys::Keys;
use crate::kind::Subject;
use crate::trial::{Conditions, milliseconds};

/// How much of a body is read. A page to be checked is smaller; an endless one must not fill the memory.
const BODY: u64 = 1 << 20;

/// The methods that a check may use.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A check of a web address.
#[derive(Debug)]
pub(crate) struct Page {
    request: http::Request<()>,
    commit: Option<JsonPath>,
    expectations: Expectations<AnswerAssertion>,
}

/// Takes the keys of an http check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let url = keys.required("url", "an address, or a path of API_URL")?;
    let url = match url.strip_prefix('/') {
        Some(path) => {
            let base = keys.settings().require("API_URL");
            let base = base.map_err(|failure| keys.because("url", "its url is a path of API_URL", failure))?;
            format!("{}/{path}", base.trim_end_matches('/'))
        }
        None => url,
    };
    let method = keys.text("method")?.unwrap_or_else(|| "GET".to_owned());
    if !METHODS.contains(&method.as_str()) {
        return Err(keys.wrong_at("method", format!("`method` must be one of {}", METHODS.join(", "))));
    }
    let headers = keys.texts("headers")?;
    let commit = keys.text("commit")?.map(|path| JsonPath::parse(&path)).transpose();
    let commit = commit.map_err(|wrong| keys.wrong_at("commit", format!("`commit`, {wrong}")))?;
    let page = Page::new(&method, &url, &headers, commit, keys.expectations()?);
    Ok(Box::new(page.map_err(|wrong| keys.wrong_at("url", wrong))?))
}

impl Page {
    /// A request; the error says what is wrong with the address or a header.
    pub(crate) fn new(
        method: &str,
        url: &str,
        headers: &[(String, String)],
        commit: Option<JsonPath>,
        expectations: Expectations<AnswerAssertion>,
    ) -> Result<Self, String> {
        let scheme = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        if scheme.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err("the address must begin with http:// or https:// and name a host".to_owned());
        }
        let uri: http::Uri = url.parse().map_err(|wrong| format!("the address is wrong: {wrong}"))?;
        let authority = uri.authority().ok_or("the address names no host")?;
        if authority.as_str().contains('@') {
            return Err("the address holds a user or password, which would be shown; use a header".to_owned());
        }
        // A port that is no number from 0 to 65535 would be taken for the usual one.
        if authority.host().is_empty() || (authority.port_u16().is_none() && authority.as_str() != authority.host()) {
            return Err(format!("the address is wrong: there is no host and port `{authority}`"));
        }
        let request =
            headers.iter().fold(http::Request::builder().method(method).uri(uri), |request, (name, value)| {
                request.header(name, value)
            });
        Ok(Self {
            request: request.body(()).map_err(|wrong| format!("the request is wrong: {wrong}"))?,
            commit,
            expectations,
        })
    }

    fn address(&self) -> String {
        let address = self.request.uri().to_string();
        address.split('?').next().unwrap_or_default().to_owned()
    }

    fn ask(&self, timeout: Duration) -> Result<Answer, ureq::Error> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(timeout))
            .user_agent(concat!("pushback-smoke-test/", env!("CARGO_PKG_VERSION")))
            .build();
        let began = Instant::now();
        let mut response = config.new_agent().run(self.request.clone())?;
        let mut body = Vec::new();
        // One byte more than the limit tells whether there is more.
        response.body_mut().as_reader().take(BODY + 1).read_to_end(&mut body)?;
        let took = began.elapsed();
        let limit = usize::try_from(BODY).unwrap_or(usize::MAX);
        let cut = body.len() > limit;
        body.truncate(limit);
        Ok(Answer { status: response.status().as_u16(), body: String::from_utf8_lossy(&body).into_owned(), cut, took })
    }

    /// What the answer means. Another commit comes first: what an old process says of itself tells nothing of the new.
    fn judge(&self, answer: &Answer, expected: Option<&Commit>) -> Finding {
        let running = match (&self.commit, expected) {
            (Some(path), Some(expected)) => Some((answer.running(path, expected), expected.short())),
            _ => None,
        };
        if let Some((Running::Other(commit), expected)) = &running {
            return Finding::Stale(format!("commit {commit} answers, expected {expected}"));
        }
        if let Err(instead) = self.expectations.judge(answer) {
            return Finding::Bad(instead);
        }
        let commit = match running {
            Some((Running::Unknown(why), expected)) => {
                return Finding::Bad(format!("{why}, expected commit {expected}"));
            }
            Some((_, expected)) => format!("commit {expected}, "),
            None if self.commit.is_some() => "commit not compared, ".to_owned(),
            None => String::new(),
        };
        Finding::Good(format!("status {}, {commit}{} ms", answer.status, answer.took.as_millis()))
    }

    /// No answer: what the server did instead, or what kept us from asking.
    fn excuse(&self, error: ureq::Error, timeout: Duration) -> Finding {
        let from = self.address();
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Finding::Refused(format!("{from} refuses the connection"))
            }
            ureq::Error::Io(error) => unseen(format_args!("ask {from}"), &error),
            ureq::Error::Timeout(_) => {
                let limit = clock::spell(milliseconds(timeout));
                Finding::Bad(format!("no whole answer from {from} within {limit}"))
            }
            ureq::Error::HostNotFound => Finding::Bad(format!("the name of {from} cannot be resolved")),
            ureq::Error::Protocol(error) => Finding::Bad(format!("{from} does not speak HTTP: {error}")),
            ureq::Error::Tls(error) => Finding::Bad(format!("no TLS with {from}: {error}")),
            ureq::Error::Rustls(error) => Finding::Bad(format!("no TLS with {from}: {error}")),
            error => Finding::Bad(format!("no answer from {from}: {error}")),
        }
    }
}

impl Subject for Page {
    /// Method and address without the query, which may hold a token.
    fn spell(&self) -> String {
        format!("{} {}", self.request.method(), self.address())
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        match self.ask(timeout) {
            Ok(answer) => self.judge(&answer, conditions.expected.as_ref()),
            Err(error) => self.excuse(error, timeout),
        }
    }

    fn compares(&self) -> Option<String> {
        self.commit.as_ref().map(ToString::to_string)
    }
}
