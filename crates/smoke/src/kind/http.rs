//! One request: no redirect is followed unless that is said, no proxy is asked, no connection is kept.

mod unix;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kit::failure::Attempt;
use kit::settings::Settings;
use kit::{Exit, Failure, clock};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use unix::{NoResolver, UnixConnector};
use ureq::config::RedirectAuthHeaders;
use ureq::http;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

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

/// What is asked, as a check says it.
#[derive(Debug)]
pub(crate) struct Ask {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    /// How many redirects are followed.
    redirects: u32,
    /// The certificates that are trusted instead of Mozilla's list.
    ca: Option<PathBuf>,
    /// A socket of the file system that is asked instead of the host.
    socket: Option<PathBuf>,
}

impl Ask {
    /// A GET of an address, and nothing besides.
    pub(crate) fn get(url: &str) -> Self {
        let (method, url) = ("GET".to_owned(), url.to_owned());
        Self { method, url, headers: Vec::new(), body: None, redirects: 0, ca: None, socket: None }
    }

    fn read(keys: &mut Keys<'_>) -> Result<Self, Failure> {
        let url = keys.required("url", "an address, or a path of API_URL")?;
        let url = absolute(&url, keys.settings());
        let url = url.map_err(|failure| keys.because("url", "its url is a path of API_URL", failure))?;
        let mut headers = keys.texts("headers")?;
        if let Some(login) = keys.secret("basic")? {
            if !login.contains(':') {
                return Err(keys.wrong_at("basic", "`basic` must be a user and a password, as in \"me:${PASSWORD}\""));
            }
            let encoded = BASE64_STANDARD.encode(login);
            keys.hide(&encoded);
            headers.push(("Authorization".to_owned(), format!("Basic {encoded}")));
        }
        let body = read_body(keys)?;
        let method = keys.text("method")?.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
        if !METHODS.contains(&method.as_str()) {
            return Err(keys.wrong_at("method", format!("`method` must be one of {}", METHODS.join(", "))));
        }
        let body = body.map(|(kind, body)| {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("Content-Type".to_owned(), kind.to_owned()));
            }
            body
        });
        let redirects = keys.number("redirects", 0..=20)?.unwrap_or(0);
        let ca = keys.text("ca")?.map(PathBuf::from);
        let socket = keys.text("socket")?.map(PathBuf::from);
        if socket.is_some() && !url.starts_with("http://") {
            return Err(
                keys.wrong_at("url", "an address behind a `socket` begins with http://, as in http://localhost/")
            );
        }
        Ok(Self { method, url, headers, body, redirects, ca, socket })
    }
}

/// What is sent, and of which type: at most one of `body`, `form` and `json`.
fn read_body(keys: &mut Keys<'_>) -> Result<Option<(&'static str, Vec<u8>)>, Failure> {
    let text = keys.secret("body")?.map(|text| ("text/plain; charset=utf-8", text.into_bytes()));
    let pair = |(name, value): &(String, String)| format!("{}={}", encoded(name), encoded(value));
    let form = keys.texts("form")?;
    let form = (!form.is_empty()).then(|| {
        let pairs: Vec<String> = form.iter().map(pair).collect();
        ("application/x-www-form-urlencoded", pairs.join("&").into_bytes())
    });
    let json = keys.json("json")?.map(|value| ("application/json", value.to_string().into_bytes()));
    let mut bodies: Vec<_> = [text, form, json].into_iter().flatten().collect();
    if bodies.len() > 1 {
        return Err(keys.wrong("it sends one of `body`, `form` and `json`, not several"));
    }
    Ok(bodies.pop())
}

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// A check of a web address.
#[derive(Debug)]
pub(crate) struct Page {
    request: http::Request<()>,
    body: Option<Vec<u8>>,
    redirects: u32,
    ca: Option<PathBuf>,
    socket: Option<PathBuf>,
    commit: Option<JsonPath>,
    expectations: Expectations<AnswerAssertion>,
}

/// Takes the keys of an http check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let ask = Ask::read(keys)?;
    let commit = keys.text("commit")?.map(|path| JsonPath::parse(&path)).transpose();
    let commit = commit.map_err(|wrong| keys.wrong_at("commit", format!("`commit`, {wrong}")))?;
    let page = Page::new(&ask, commit, keys.expectations()?);
    Ok(Box::new(page.map_err(|wrong| keys.wrong_at("url", wrong))?))
}

/// Why nothing was asked, or no answer came.
enum Silence {
    /// The certificates that are to be trusted cannot be read.
    Ours(Failure),
    Theirs(ureq::Error),
}

impl<E: Into<ureq::Error>> From<E> for Silence {
    fn from(error: E) -> Self {
        Self::Theirs(error.into())
    }
}

impl Page {
    /// A request; the error says what is wrong with the address or a header.
    pub(crate) fn new(
        ask: &Ask,
        commit: Option<JsonPath>,
        expectations: Expectations<AnswerAssertion>,
    ) -> Result<Self, String> {
        let uri = address(&ask.url)?;
        let request = http::Request::builder().method(ask.method.as_str()).uri(uri);
        let request = ask.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(()).map_err(|wrong| format!("the request is wrong: {wrong}"))?;
        let (body, redirects, ca, socket) = (ask.body.clone(), ask.redirects, ask.ca.clone(), ask.socket.clone());
        Ok(Self { request, body, redirects, ca, socket, commit, expectations })
    }

    /// Without the query, which may hold a token.
    fn address(&self) -> String {
        let address = self.request.uri().to_string();
        let address = address.split('?').next().unwrap_or_default();
        match &self.socket {
            Some(socket) => format!("{address} on {}", socket.display()),
            None => address.to_owned(),
        }
    }

    fn ask(&self, timeout: Duration, dir: &Path) -> Result<Answer, Silence> {
        let roots = match &self.ca {
            Some(path) => certificates(&dir.join(path)).map_err(Silence::Ours)?,
            None => RootCerts::WebPki,
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(self.redirects)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_global(Some(timeout))
            .user_agent(concat!("pushback-smoke-test/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = match &self.socket {
            Some(path) => ureq::Agent::with_parts(config, UnixConnector(dir.join(path)), NoResolver),
            None => config.new_agent(),
        };
        let began = Instant::now();
        let mut response = match &self.body {
            Some(body) => agent.run(self.request.clone().map(|()| body.as_slice()))?,
            None => agent.run(self.request.clone())?,
        };
        let mut body = Vec::new();
        // One byte more than the limit tells whether there is more.
        response.body_mut().as_reader().take(BODY + 1).read_to_end(&mut body)?;
        let took = began.elapsed();
        let limit = usize::try_from(BODY).unwrap_or(usize::MAX);
        let cut = body.len() > limit;
        body.truncate(limit);
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(header).collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
            cut,
            took,
        })
    }

    /// Whether nobody listens on a socket of the file system: the app has not made it yet, or its queue is full.
    fn has_no_listener(&self, error: &io::Error) -> bool {
        self.socket.is_some() && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock)
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

    /// No answer: what the server did instead, or what kept us from asking.
    fn excuse(&self, error: ureq::Error, timeout: Duration) -> Finding {
        let from = self.address();
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Finding::refused(format!("{from} refuses the connection"))
            }
            ureq::Error::Io(error) if self.has_no_listener(&error) => {
                Finding::refused(Failure::io(format_args!("ask {from}"), &error).message)
            }
            ureq::Error::Io(error) => unseen(format_args!("ask {from}"), &error),
            ureq::Error::Timeout(_) => {
                let limit = clock::spell(milliseconds(timeout));
                Finding::bad(format!("no whole answer from {from} within {limit}"))
            }
            ureq::Error::TooManyRedirects => {
                let times = if self.redirects == 1 { "redirect" } else { "redirects" };
                Finding::bad(format!("{from}: more than {} {times}", self.redirects))
            }
            ureq::Error::HostNotFound => Finding::bad(format!("the name of {from} cannot be resolved")),
            ureq::Error::Protocol(error) => Finding::bad(format!("{from} does not speak HTTP: {error}")),
            ureq::Error::Tls(error) => Finding::bad(format!("no TLS with {from}: {error}")),
            ureq::Error::Rustls(error) => Finding::bad(format!("no TLS with {from}: {error}")),
            error => Finding::bad(format!("no answer from {from}: {error}")),
        }
    }
}

impl Subject for Page {
    fn spell(&self) -> String {
        format!("{} {}", self.request.method(), self.address())
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        match self.ask(timeout, &conditions.dir) {
            Ok(answer) => self.judge(&answer, conditions.expected.as_ref()),
            Err(Silence::Ours(failure)) => Finding::blind(failure),
            Err(Silence::Theirs(error)) => self.excuse(error, timeout),
        }
    }

    fn compares(&self) -> Option<String> {
        self.commit.as_ref().map(ToString::to_string)
    }
}

/// An address as it is, and a path behind `API_URL`.
pub(crate) fn absolute(url: &str, settings: &Settings) -> Result<String, Failure> {
    match url.strip_prefix('/') {
        Some(path) => Ok(format!("{}/{path}", settings.require("API_URL")?.trim_end_matches('/'))),
        None => Ok(url.to_owned()),
    }
}

/// An address that can be asked; the error says what is wrong with it.
fn address(url: &str) -> Result<http::Uri, String> {
    let scheme = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    if scheme.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Err("the address must begin with http:// or https:// and name a host".to_owned());
    }
    let uri: http::Uri = url.parse().map_err(|wrong| format!("the address is wrong: {wrong}"))?;
    let authority = uri.authority().ok_or("the address names no host")?;
    if authority.as_str().contains('@') {
        return Err("the address holds a user or password, which would be shown; use `basic`".to_owned());
    }
    // A port that is no number from 0 to 65535 would be taken for the usual one.
    if authority.host().is_empty() || (authority.port_u16().is_none() && authority.as_str() != authority.host()) {
        return Err(format!("the address is wrong: there is no host and port `{authority}`"));
    }
    Ok(uri)
}

/// The certificates in a PEM file (RFC 7468).
fn certificates(path: &Path) -> Result<RootCerts, Failure> {
    let doing = format!("read the certificates in {}", path.display());
    let pem = fs::read(path).attempt(&doing)?;
    let items: Result<Vec<_>, _> = parse_pem(&pem).collect();
    let items = items.map_err(|error| Failure::new(Exit::IO, format!("cannot {doing}: {error}")))?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Failure::new(Exit::IO, format!("cannot {doing}: there is none")));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
