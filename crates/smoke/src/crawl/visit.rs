//! One address of a crawl: how it is asked, and what its answer says.

use std::time::{Duration, Instant};

use ureq::http::{Method, Uri};
use url::Url;

use crate::crawl::frontier::Fate;
use crate::crawl::links::{Links, Role, resolve};
use crate::crawl::sitemap::Sitemap;
use crate::finding::{Finding, State};
use crate::http::{Answer, Client, Request};

/// What is asked, taken from the frontier.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) number: usize,
    pub(crate) address: Url,
    pub(crate) role: Role,
    pub(crate) is_outside: bool,
    /// Whether the crawl begins with it, or with the list that names it: it must name something.
    pub(crate) is_beginning: bool,
}

/// What comes of it.
#[derive(Debug)]
pub(crate) enum Visit {
    /// It sends elsewhere.
    Redirect(Url),
    /// It answers, and links these. Not all of them, perhaps.
    Page { links: Links, is_whole: bool },
    /// All else.
    Ends(Fate),
    /// There was no answer.
    Silence(Finding),
    /// We could not look.
    Blind(Finding),
}

impl Errand {
    /// Asks with the headers of this request.
    pub(crate) fn run(&self, client: &Client, like: &Request, timeout: Duration) -> Visit {
        let began = Instant::now();
        let by_head = self.is_outside || self.role == Role::Download;
        let answer = match self.ask(client, like, timeout, if by_head { Method::HEAD } else { Method::GET }) {
            // Not every server knows HEAD.
            Ok(answer) if by_head && matches!(answer.status, 405 | 501) => {
                let left = timeout.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
                self.ask(client, like, left, Method::GET)
            }
            asked => asked,
        };
        match answer {
            Ok(answer) => self.judge(&answer),
            Err(finding) if matches!(finding.state, State::Blind(_)) => Visit::Blind(finding),
            Err(finding) => Visit::Silence(finding),
        }
    }

    fn ask(&self, client: &Client, like: &Request, timeout: Duration, method: Method) -> Result<Answer, Finding> {
        let uri: Uri = self.address.as_str().parse().map_err(|_| Finding::bad("it is no address"))?;
        let mut request = like.clone();
        *request.head.uri_mut() = uri;
        *request.head.method_mut() = method;
        // In a list of addresses each stands beside what is said of it.
        if self.number == 0 { client.ask(&request, timeout) } else { client.ask_of("it", &request, timeout) }
    }

    fn judge(&self, answer: &Answer) -> Visit {
        if answer.status >= 400 {
            return Visit::Ends(Fate::Status(answer.status));
        }
        if answer.is_redirect() && !self.is_outside {
            return match answer.location().and_then(|location| resolve(&self.address, location)) {
                Some(target) => Visit::Redirect(target),
                None => Visit::Ends(Fate::Broken(format!("{} without an address", answer.status))),
            };
        }
        if self.is_outside { Visit::Ends(Fate::Good) } else { self.read(answer) }
    }

    /// What the answer links. Where a crawl begins there must be something to read.
    fn read(&self, answer: &Answer) -> Visit {
        let kind = answer.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default();
        let kind = kind.trim().to_ascii_lowercase();
        let is_packed = answer.header("content-encoding").is_some_and(|coding| coding != "identity");
        let is_page = matches!(kind.as_str(), "text/html" | "application/xhtml+xml");
        let must_list = self.role == Role::Sitemap;
        let is_gz = self.address.path().rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("gz"));
        let packed = is_packed || kind.ends_with("gzip") || is_gz;
        match () {
            () if packed && (is_page || self.is_beginning) => self.unread("is compressed, and that is not read"),
            () if is_page && !must_list => {
                let links = Links::of_page(&answer.body, &self.address);
                Visit::Page { links, is_whole: !answer.cut }
            }
            () if self.is_beginning && kind.ends_with("xml") => match Sitemap::read(&answer.body) {
                Some(sitemap) => self.list(sitemap, !answer.cut),
                None => self.unread("is XML, but no sitemap"),
            },
            () if must_list => self.unread("is no sitemap"),
            () if self.is_beginning && kind.is_empty() => self.unread("says not what it is: there is no Content-Type"),
            () if self.is_beginning => self.unread(&format!("is {kind}, neither a page nor a sitemap")),
            () => Visit::Page { links: self.none(), is_whole: true },
        }
    }

    /// A page whose links nobody sees is no error of the app, unless the crawl begins there.
    fn unread(&self, why: &str) -> Visit {
        if self.is_beginning {
            Visit::Ends(Fate::Broken(why.to_owned()))
        } else {
            Visit::Page { links: self.none(), is_whole: false }
        }
    }

    fn none(&self) -> Links {
        Links::new(self.address.clone(), Vec::new())
    }

    fn list(&self, sitemap: Sitemap, is_whole: bool) -> Visit {
        let role = if sitemap.is_index { Role::Sitemap } else { Role::Link };
        let links = Links::new(self.address.clone(), sitemap.names.into_iter().map(|name| (name, role)).collect());
        if links.iter().next().is_none() {
            return self.unread("is a sitemap that names nothing");
        }
        let is_strange = |address: &Url| address.origin() != self.address.origin();
        let strange = links.iter().next().filter(|_| links.iter().all(|link| is_strange(&link.address)));
        if let Some(link) = strange {
            let (own, other) =
                (self.address.origin().ascii_serialization(), link.address.origin().ascii_serialization());
            return self.unread(&format!("is a sitemap of {other}, not of {own}"));
        }
        Visit::Page { links, is_whole }
    }
}
