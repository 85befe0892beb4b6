//! Requests one after the other with one jar of cookies, as a browser makes them; none of it outlives the session.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

use kit::Failure;
use ureq::http::request::Builder;
use ureq::http::{Method, Request as Head, Uri, header};

use crate::finding::Finding;
use crate::grammar::secret::forms;
use crate::grammar::text::excerpt;
use crate::http::client::too_many;
use crate::http::jar::Jar;
use crate::http::reference::{is_same_origin, resolve, without_query};
use crate::http::{Answer, Client, Manner, Request};

/// A time that several requests share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) end: Instant,
    /// How long it was in the beginning, to be told.
    pub(crate) whole: Duration,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    jar: Jar,
    /// The values of all cookies that came.
    cookies: Vec<String>,
}

/// An answer, and where it came from after all redirects.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) answer: Answer,
    pub(crate) uri: Uri,
}

impl Session {
    /// Relative paths begin in `dir`; 74 for certificates that cannot be read.
    pub(crate) fn new(manner: &Manner, dir: &Path) -> Result<Self, Failure> {
        // Redirects are followed here, where their cookies are seen.
        let client = Client::new(&Manner { redirects: 0, ..manner.clone() }, dir)?;
        Ok(Self { client, jar: Jar::default(), cookies: Vec::new() })
    }

    /// The answer to a request and to so many redirects, in time.
    pub(crate) fn ask(&mut self, mut request: Request, redirects: u32, span: Span) -> Result<Arrival, Finding> {
        let (began, from) = (Instant::now(), request.address());
        let mut followed = 0;
        loop {
            let uri = request.head.uri().clone();
            let left = span.end.saturating_duration_since(Instant::now());
            let answer = self.client.ask_within(&self.with_cookies(&request), left, span.whole)?;
            for (_, line) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
                self.cookies.extend(self.jar.take(&uri, line));
            }
            let Some(next) = answer.location().filter(|_| redirects > 0) else {
                return Ok(Arrival { answer: Answer { took: began.elapsed(), ..answer }, uri });
            };
            if followed == redirects {
                return Err(too_many(redirects, &from));
            }
            followed += 1;
            let next = resolve(&uri, next).ok_or_else(|| "to no address that can be asked".to_owned());
            let next = next.and_then(|next| redirected(&request, next, answer.status));
            request = next.map_err(|wrong| Finding::bad(format!("{from} redirects {wrong}")))?;
        }
    }

    /// What nobody is to see: the cookies, which let in whoever has them.
    pub(crate) fn hidden(&self) -> Vec<String> {
        self.cookies.iter().flat_map(|cookie| forms(cookie)).collect()
    }

    /// The value of the cookie that would be sent there.
    pub(crate) fn cookie(&self, name: &str, uri: &Uri) -> Option<&str> {
        self.jar.value(name, uri)
    }

    /// The request with those that belong to it behind its own.
    fn with_cookies(&self, request: &Request) -> Request {
        let mut request = request.clone();
        let own = request.head.headers().get(header::COOKIE).map(|own| String::from_utf8_lossy(own.as_bytes()));
        let cookies: Vec<String> =
            own.map(Cow::into_owned).into_iter().chain(self.jar.header(request.head.uri())).collect();
        // What fits into no header came in none.
        if let Ok(value) = header::HeaderValue::from_bytes(cookies.join("; ").as_bytes())
            && !cookies.is_empty()
        {
            request.head.headers_mut().insert(header::COOKIE, value);
        }
        request
    }
}

/// The request at another address. Nothing of its own goes to another origin: neither headers nor what is sent.
fn redirected(request: &Request, uri: Uri, status: u16) -> Result<Request, String> {
    let method = request.head.method();
    let becomes_get = (status == 303 && method != Method::HEAD) || (status < 303 && method == Method::POST);
    let body = request.body.clone().filter(|_| !becomes_get);
    let is_own = is_same_origin(request.head.uri(), &uri);
    if body.is_some() && !is_own {
        return Err("to another origin, where what was sent does not go".to_owned());
    }
    let method = if becomes_get { &Method::GET } else { method };
    let goes_along = |name: &header::HeaderName| is_own && (body.is_some() || *name != header::CONTENT_TYPE);
    let headers = request.head.headers().iter().filter(|(name, _)| goes_along(name));
    // As long as its server likes.
    let shown = excerpt(without_query(&uri.to_string()));
    let head =
        headers.fold(Head::builder().method(method).uri(uri), |head: Builder, (name, value)| head.header(name, value));
    let head = head.body(()).map_err(|wrong| format!("to a wrong request: {wrong}"))?;
    Ok(Request { head, body, shown: Some(shown) })
}
