//! What is asked of a web server, as a check says it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kit::Failure;
use kit::settings::Settings;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use ureq::http::{Request as Head, Uri};

use crate::grammar::keys::Keys;
use crate::grammar::template::{Captured, Shape, Template};
use crate::http::reference::without_query;
use crate::http::{Manner, curl};

/// The methods that a check may use.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What has a meaning in an address stays out of it: all but the unreserved characters of RFC 3986, 2.3.
/// A colon, which a path and a query may hold (3.3, 3.4), stays as it is too: tokens have it.
pub(crate) const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// What is asked. A flow puts in what it has captured; all else is known from the beginning.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(super) method: String,
    pub(super) url: Template,
    pub(super) headers: Vec<(String, Template)>,
    pub(super) login: Option<Template>,
    pub(super) body: Option<Body>,
    pub(crate) manner: Manner,
}

/// What is sent.
#[derive(Debug)]
pub(super) enum Body {
    Text(Template),
    Form(Vec<(String, Template)>),
    Json(Shape),
}

/// One request, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: Head<()>,
    pub(crate) body: Option<Vec<u8>>,
    /// The address for a person, where it holds what nobody is to see.
    pub(crate) shown: Option<String>,
}

impl Ask {
    /// A GET of an address, and nothing besides.
    pub(crate) fn get(url: Template) -> Self {
        Self { method: "GET".to_owned(), url, headers: Vec::new(), login: None, body: None, manner: Manner::default() }
    }

    /// Takes its keys. How it is asked is known but for the redirects.
    pub(crate) fn read(keys: &mut Keys<'_>, manner: Manner) -> Result<Self, Failure> {
        let url = keys.required_address("url", "an address, or a path of API_URL")?;
        let url = absolute(url, keys.settings());
        let url = url.map_err(|failure| keys.because("url", "its url is a path of API_URL", failure))?;
        if url.alone().is_none() && url.has_gaps() && !names_host(&url.head()) {
            return Err(keys.wrong_at("url", "what was captured is the whole address, or stands behind its host"));
        }
        let headers = keys.templates("headers")?;
        let login = keys.template("basic")?;
        if let Some(login) = &login {
            let text = login.fill(&Captured::new(), str::to_owned);
            if !text.contains(':') {
                return Err(keys.wrong_at("basic", "`basic` must be a user and a password, as in \"me:${PASSWORD}\""));
            }
            // What a step captures is hidden by then; the rest alone is no more than a name.
            if !login.has_gaps() {
                keys.hide(&text);
            }
        }
        let body = Body::read(keys)?;
        let method = keys.text("method")?.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
        if !METHODS.contains(&method.as_str()) {
            return Err(keys.wrong_at("method", format!("`method` must be one of {}", METHODS.join(", "))));
        }
        let redirects = keys.number("redirects", 0..=20)?.unwrap_or(0);
        if manner.socket.is_some() && url.alone().is_none() && !url.written().starts_with("http://") {
            return Err(
                keys.wrong_at("url", "an address behind a `socket` begins with http://, as in http://localhost/")
            );
        }
        Ok(Self { method, url, headers, login, body, manner: Manner { redirects, ..manner } })
    }

    /// The name of what was captured, where that is the whole address.
    pub(crate) fn leads(&self) -> Option<&str> {
        self.url.alone()
    }

    /// What must be captured before it can be asked, and is not.
    pub(crate) fn lacks(&self, captured: &Captured) -> Option<&str> {
        let headers = self.headers.iter().map(|(_, value)| value);
        let mut texts = [&self.url].into_iter().chain(&self.login).chain(headers);
        let body = self.body.as_ref().and_then(|body| body.lacks(captured));
        texts.find_map(|text| text.lacks(captured)).or(body)
    }

    /// What it is, for a person: `GET http://localhost/orders/${order}`, without the query, which may hold a token.
    pub(crate) fn spell(&self) -> String {
        format!("{} {}", self.method, self.manner.at(without_query(&self.url.named())))
    }

    /// The request; the error says what is wrong with the address or a header. What was captured is a part of the address.
    pub(crate) fn request(&self, captured: &Captured) -> Result<Request, String> {
        let url = self.url.fill(captured, |value| utf8_percent_encode(value, RESERVED).to_string());
        self.request_to(address(&url)?, captured)
    }

    /// The same to another address.
    pub(crate) fn request_to(&self, uri: Uri, captured: &Captured) -> Result<Request, String> {
        let as_it_is = |text: &Template| text.fill(captured, str::to_owned);
        let mut head = Head::builder().method(self.method.as_str()).uri(uri);
        for (name, value) in &self.headers {
            head = head.header(name, as_it_is(value));
        }
        if let Some(login) = &self.login {
            head = head.header("Authorization", format!("Basic {}", BASE64_STANDARD.encode(as_it_is(login))));
        }
        let is_typed = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(body) = self.body.as_ref().filter(|_| !is_typed) {
            head = head.header("Content-Type", body.content_type());
        }
        let head = head.body(()).map_err(|wrong| format!("the request is wrong: {wrong}"))?;
        let shown = self.url.has_gaps().then(|| self.url.named());
        Ok(Request { head, body: self.body.as_ref().map(|body| body.fill(captured)), shown })
    }

    /// The same as a command line that can be copied, with the names of settings instead of secrets.
    pub(crate) fn curl(&self, request: &Request) -> String {
        curl::spell(self, &request.address(), "")
    }

    /// The same with the cookies that curl was given before.
    pub(crate) fn curl_with_jar(&self, request: &Request) -> String {
        curl::spell(self, &request.address(), "-b cookies -c cookies")
    }
}

impl Body {
    /// At most one of `body`, `form` and `json`.
    fn read(keys: &mut Keys<'_>) -> Result<Option<Self>, Failure> {
        let text = keys.template("body")?.map(Self::Text);
        let form = Some(keys.templates("form")?).filter(|form| !form.is_empty()).map(Self::Form);
        let json = keys.json("json")?.map(Self::Json);
        let mut bodies: Vec<_> = [text, form, json].into_iter().flatten().collect();
        if bodies.len() > 1 {
            return Err(keys.wrong("it sends one of `body`, `form` and `json`, not several"));
        }
        Ok(bodies.pop())
    }

    pub(super) const fn content_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "text/plain; charset=utf-8",
            Self::Form(_) => "application/x-www-form-urlencoded",
            Self::Json(_) => "application/json",
        }
    }

    fn lacks(&self, captured: &Captured) -> Option<&str> {
        match self {
            Self::Text(text) => text.lacks(captured),
            Self::Form(pairs) => pairs.iter().find_map(|(_, value)| value.lacks(captured)),
            Self::Json(shape) => shape.lacks(captured),
        }
    }

    fn fill(&self, captured: &Captured) -> Vec<u8> {
        match self {
            Self::Text(text) => text.fill(captured, str::to_owned).into_bytes(),
            Self::Form(pairs) => {
                let pair = |(name, value): &(String, Template)| {
                    format!("{}={}", encoded(name), encoded(&value.fill(captured, str::to_owned)))
                };
                pairs.iter().map(pair).collect::<Vec<_>>().join("&").into_bytes()
            }
            Self::Json(shape) => shape.fill(captured).to_string().into_bytes(),
        }
    }
}

impl Request {
    /// Without the query, which may hold a token.
    pub(crate) fn address(&self) -> String {
        let address = self.shown.clone().unwrap_or_else(|| self.head.uri().to_string());
        without_query(&address).to_owned()
    }
}

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// Whether an address goes on behind its host.
fn names_host(address: &str) -> bool {
    address.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?']))
}

/// An address as it is, and a path behind `API_URL`.
pub(crate) fn absolute(url: Template, settings: &Settings) -> Result<Template, Failure> {
    if !url.written().starts_with('/') {
        return Ok(url);
    }
    Ok(url.behind(settings.require("API_URL")?.trim_end_matches('/')))
}

/// An address that can be asked; the error says what is wrong with it.
pub(crate) fn address(url: &str) -> Result<Uri, String> {
    let scheme = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    if scheme.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Err("the address must begin with http:// or https:// and name a host".to_owned());
    }
    let uri: Uri = url.parse().map_err(|wrong| format!("the address is wrong: {wrong}"))?;
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
