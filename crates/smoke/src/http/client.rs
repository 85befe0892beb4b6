//! Who asks: no redirect is followed unless that is said, no proxy is asked, and what comes back is limited.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kit::{Failure, clock};
use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderName, HeaderValue};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, Error, RequestExt};

use crate::content::read_text;
use crate::finding::{Finding, unseen};
use crate::grammar::keys::Keys;
use crate::grammar::quantity::counted;
use crate::http::reset::Resets;
use crate::http::unix::{NoResolver, UnixConnector};
use crate::http::{Answer, Request};
use crate::wire::handshake::certificates;

/// How much of a body is read. A page to be checked is smaller; an endless one must not fill the memory.
const BODY: u64 = 1 << 20;

/// How it is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// How many redirects are followed.
    pub(crate) redirects: u32,
    /// The certificates that are trusted instead of Mozilla's list.
    pub(crate) ca: Option<PathBuf>,
    /// A socket of the file system that is asked instead of the host.
    pub(crate) socket: Option<PathBuf>,
}

impl Manner {
    /// Takes its keys, but for the redirects.
    pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Self, Failure> {
        let ca = keys.text("ca")?.map(PathBuf::from);
        let socket = keys.text("socket")?.map(PathBuf::from);
        Ok(Self { redirects: 0, ca, socket })
    }

    /// An address, and the socket behind which it is.
    pub(crate) fn at(&self, address: &str) -> String {
        match &self.socket {
            Some(socket) => format!("{address} on {}", socket.display()),
            None => address.to_owned(),
        }
    }
}

/// Asks, and knows what to say of silence.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    manner: Manner,
}

impl Client {
    /// Relative paths begin in `dir`; 74 for certificates that cannot be read.
    pub(crate) fn new(manner: &Manner, dir: &Path) -> Result<Self, Failure> {
        let roots = match &manner.ca {
            Some(path) => trusted(&dir.join(path))?,
            None => RootCerts::WebPki,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(manner.redirects)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            // A server that closes a kept connection just then would be taken for one that resets.
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .user_agent(concat!("pushback-smoke-test/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = match &manner.socket {
            Some(path) => Agent::with_parts(config, UnixConnector(dir.join(path)).chain(Resets), NoResolver),
            None => Agent::with_parts(config, DefaultConnector::new().chain(Resets), DefaultResolver::default()),
        };
        Ok(Self { agent, manner: manner.clone() })
    }

    /// The answer, in time; else what the server did instead, or what kept us from asking.
    pub(crate) fn ask(&self, request: &Request, timeout: Duration) -> Result<Answer, Finding> {
        self.ask_within(request, timeout, timeout)
    }

    /// The same in what is left of a time, which is told when it was not enough.
    pub(crate) fn ask_within(&self, request: &Request, left: Duration, timeout: Duration) -> Result<Answer, Finding> {
        self.send(request, left).map_err(|error| self.excuse(error, &self.manner.at(&request.address()), timeout))
    }

    /// The same of a server that is called so in what is said of it.
    pub(crate) fn ask_of(&self, name: &str, request: &Request, timeout: Duration) -> Result<Answer, Finding> {
        self.send(request, timeout).map_err(|error| self.excuse(error, name, timeout))
    }

    fn send(&self, request: &Request, timeout: Duration) -> Result<Answer, Error> {
        let began = Instant::now();
        let head = request.head.clone();
        let mut response = match &request.body {
            Some(body) => {
                let head = head.map(|()| body.as_slice()).with_agent(&self.agent);
                head.configure().timeout_global(Some(timeout)).run()?
            }
            None => head.with_agent(&self.agent).configure().timeout_global(Some(timeout)).run()?,
        };
        let (body, cut) = read_text(response.body_mut().as_reader(), BODY)?;
        let took = began.elapsed();
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(header).collect(),
            body,
            cut,
            took,
        })
    }

    /// Whether nobody listens on a socket of the file system: the app has not made it yet, or its queue is full.
    fn has_no_listener(&self, error: &io::Error) -> bool {
        self.manner.socket.is_some() && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock)
    }

    fn excuse(&self, error: Error, from: &str, timeout: Duration) -> Finding {
        match error {
            Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // It may have led to somebody else before.
                let or = if self.manner.redirects > 0 { ", or where it leads," } else { "" };
                Finding::refused(format!("{from}{or} refuses the connection"))
            }
            Error::Io(error) if self.has_no_listener(&error) => {
                Finding::refused(Failure::io(format_args!("ask {from}"), &error).message)
            }
            Error::Io(error) => unseen(format_args!("ask {from}"), &error),
            Error::Timeout(_) => {
                let limit = clock::spell(clock::milliseconds(timeout));
                Finding::bad(format!("no whole answer from {from} within {limit}"))
            }
            Error::TooManyRedirects => too_many(self.manner.redirects, from),
            Error::HostNotFound => Finding::bad(format!("the name of {from} cannot be resolved")),
            Error::Protocol(error) => Finding::bad(format!("{from} does not speak HTTP: {error}")),
            Error::Tls(error) => Finding::bad(format!("no TLS with {from}: {error}")),
            Error::Rustls(error) => Finding::bad(format!("no TLS with {from}: {error}")),
            error => Finding::bad(format!("no answer from {from}: {error}")),
        }
    }
}

/// Who sends us on again and again.
pub(super) fn too_many(redirects: u32, from: &str) -> Finding {
    Finding::bad(format!("{from}: more than {}", counted(redirects, "redirect", "redirects")))
}

/// The certificates of a file, as those that are trusted.
fn trusted(path: &Path) -> Result<RootCerts, Failure> {
    let certificates = certificates(path)?;
    Ok(certificates.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).into())
}
