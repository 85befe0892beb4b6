//! Cookies, as RFC 6265 has them: which of them a server gives are kept, and which of those are sent where.

use kit::clock;
use ureq::http::Uri;

use crate::http::reference::host;

/// Cookies larger than this are not kept, as browsers do it (RFC 6265bis, 5.7).
const LARGEST: usize = 4096;

/// So many are kept; a server that gives more than browsers take means no good.
const MOST: usize = 200;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The cookies of one session.
#[derive(Debug, Default)]
pub(crate) struct Jar(Vec<Cookie>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// For the host itself, not for those below it.
    is_of_host: bool,
    path: String,
    is_secure: bool,
}

impl Jar {
    /// Keeps what a `Set-Cookie` of this address gives, or lets it go (5.2, 5.3); the value, whatever becomes of it.
    pub(crate) fn take(&mut self, from: &Uri, line: &str) -> Option<String> {
        let (cookie, is_over) = Cookie::read(from, line)?;
        let value = cookie.value.clone();
        if !cookie.belongs_to(from) || cookie.name.len() + value.len() > LARGEST {
            return Some(value);
        }
        let same =
            |other: &Cookie| (&other.name, &other.domain, &other.path) == (&cookie.name, &cookie.domain, &cookie.path);
        let place = self.0.iter().position(same);
        if is_over {
            self.0.retain(|other| !same(other));
        } else if let Some(old) = place.and_then(|at| self.0.get_mut(at)) {
            // It keeps its place among those that are sent (5.3, 11).
            *old = cookie;
        } else if self.0.len() < MOST {
            self.0.push(cookie);
        }
        Some(value)
    }

    /// The header `Cookie` of a request, if there is one to send (5.4).
    pub(crate) fn header(&self, to: &Uri) -> Option<String> {
        let mut cookies: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.fits(to)).collect();
        // Those of longer paths first; the others stay as they came.
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The value of the cookie that would be sent there first.
    pub(crate) fn value(&self, name: &str, to: &Uri) -> Option<&str> {
        let named = self.0.iter().filter(|cookie| cookie.name == name && cookie.fits(to));
        named.max_by_key(|cookie| cookie.path.len()).map(|cookie| cookie.value.as_str())
    }
}

impl Cookie {
    /// What a line says, and whether its time is over; `None` for what is no cookie.
    fn read(from: &Uri, line: &str) -> Option<(Self, bool)> {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=')?;
        if name.trim().is_empty() {
            return None;
        }
        let mut cookie = Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            domain: host(from),
            is_of_host: true,
            path: default_path(from.path()),
            is_secure: false,
        };
        let (mut ends, mut lasts) = (None, None);
        for attribute in attributes.split(';') {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "domain" if !value.is_empty() => {
                    cookie.domain = value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase();
                    cookie.is_of_host = cookie.domain == host(from) && is_address(&cookie.domain);
                }
                "path" => {
                    cookie.path = if value.starts_with('/') { value.to_owned() } else { default_path(from.path()) };
                }
                "expires" => ends = date(value).or(ends),
                "max-age" => lasts = value.parse::<i64>().ok().or(lasts),
                "secure" => cookie.is_secure = true,
                _ => {}
            }
        }
        let is_past = |end: String| end <= clock::rfc3339(clock::now());
        Some((cookie, lasts.map_or_else(|| ends.is_some_and(is_past), |seconds| seconds <= 0)))
    }

    /// Whether a server may give it: for its own host or one above, which is no whole top-level domain.
    fn belongs_to(&self, from: &Uri) -> bool {
        let own = host(from);
        own == self.domain || (self.domain.contains('.') && is_below(&own, &self.domain))
    }

    fn fits(&self, to: &Uri) -> bool {
        let host = host(to);
        let path = to.path();
        (host == self.domain || (!self.is_of_host && is_below(&host, &self.domain)))
            && path
                .strip_prefix(&self.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
            && (!self.is_secure || to.scheme_str() == Some("https") || is_own_machine(&host))
    }
}

/// The directory of a path (5.1.4).
fn default_path(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, _)) if !directory.is_empty() => directory.to_owned(),
        _ => "/".to_owned(),
    }
}

/// Whether a host is one below a domain (5.1.3).
fn is_below(host: &str, domain: &str) -> bool {
    !is_address(host) && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether it is an address and no name.
fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

/// What browsers trust like https: nobody listens on the way (W3C Secure Contexts, 3.1).
fn is_own_machine(host: &str) -> bool {
    let own = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    own || host == "localhost" || host.ends_with(".localhost") || host == "[::1]"
}

/// A moment as servers write it (5.1.1), as RFC 3339 has it: of two such texts the earlier moment is the smaller.
fn date(text: &str) -> Option<String> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':').filter(|token| !token.is_empty()) {
        let lower = token.to_ascii_lowercase();
        let number = token.parse::<u32>().ok();
        let named = MONTHS.iter().zip(1..).find(|(name, _)| lower.starts_with(**name));
        match (number, token.len()) {
            _ if time.is_none() && token.contains(':') => time = Some(clock_time(token)?),
            (Some(number), 1..=2) if day.is_none() => day = Some(number),
            (Some(number), 2) if year.is_none() => year = Some(number + if number < 70 { 2000 } else { 1900 }),
            (Some(number), 4) if year.is_none() => year = Some(number),
            (None, _) if month.is_none() => month = named.map(|(_, number): (_, u32)| number),
            _ => {}
        }
    }
    let (day, month, year) = (day.filter(|day| (1..=31).contains(day))?, month?, year.filter(|year| *year >= 1601)?);
    Some(format!("{year:04}-{month:02}-{day:02}T{}.000Z", time?))
}

/// Hours, minutes and seconds, each with two digits.
fn clock_time(token: &str) -> Option<String> {
    let parts: Vec<u32> = token.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    match parts.as_slice() {
        [hour @ 0..=23, minute @ 0..=59, second @ 0..=59] => Some(format!("{hour:02}:{minute:02}:{second:02}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Jar, date};
    use ureq::http::Uri;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    /// What is sent to an address after these lines came from `http://www.example.org/a/b`.
    fn sent(lines: &[&str], to: &str) -> String {
        let mut jar = Jar::default();
        for line in lines {
            jar.take(&uri("http://www.example.org/a/b"), line);
        }
        jar.header(&uri(to)).unwrap_or_default()
    }

    #[test]
    fn a_cookie_is_sent_where_its_host_path_and_scheme_are() {
        for (line, to, expected) in [
            ("s=1", "http://www.example.org/a/", "s=1"),
            ("s=1", "http://WWW.example.org:8080/a", "s=1"),
            ("s=1", "http://www.example.org/", ""),
            ("s=1", "http://www.example.org/ab", ""),
            ("s=1; Path=/", "http://www.example.org/ab", "s=1"),
            ("s=1; path=x", "http://www.example.org/", ""),
            ("s=1; Path=/", "http://example.org/", ""),
            ("s=1; Path=/", "http://x.www.example.org/", ""),
            ("s=1; Path=/; Domain=.Example.org", "http://example.org/", "s=1"),
            ("s=1; Path=/; Domain=example.org", "http://x.www.example.org/", "s=1"),
            ("s=1; Path=/; Domain=ample.org", "http://example.org/", ""),
            ("s=1; Path=/; Domain=org", "http://www.example.org/", ""),
            ("s=1; Path=/; Domain=other.org", "http://other.org/", ""),
            ("s=1; Path=/; Secure", "http://www.example.org/", ""),
            ("s=1; Path=/; Secure", "https://www.example.org/", "s=1"),
            (" s = \"a=b, c\" ; Path=/", "http://www.example.org/", "s=\"a=b, c\""),
            ("=1; Path=/", "http://www.example.org/", ""),
            ("s; Path=/", "http://www.example.org/", ""),
        ] {
            assert_eq!(sent(&[line], to), expected, "{line} to {to}");
        }
        let large = format!("s={}; Path=/", "x".repeat(4096));
        assert_eq!(sent(&[&large], "http://www.example.org/"), "");
    }

    #[test]
    fn on_the_own_machine_a_secure_cookie_needs_no_tls() {
        for (host, expected) in
            [("127.0.0.1:81", Some("s=1")), ("localhost", Some("s=1")), ("[::1]:81", Some("s=1")), ("10.0.0.1", None)]
        {
            let mut jar = Jar::default();
            let uri = uri(&format!("http://{host}/"));
            jar.take(&uri, "s=1; Secure");
            assert_eq!(jar.header(&uri).as_deref(), expected, "{host}");
        }
    }

    #[test]
    fn an_address_has_no_hosts_below_it() {
        let mut jar = Jar::default();
        jar.take(&uri("http://10.0.0.1/"), "a=1; Domain=0.0.1");
        jar.take(&uri("http://10.0.0.1/"), "b=1; Domain=10.0.0.1");
        assert_eq!(jar.header(&uri("http://10.0.0.1/")).as_deref(), Some("b=1"));
        assert_eq!(jar.header(&uri("http://x.10.0.0.1/")), None);
    }

    #[test]
    fn the_last_of_a_name_counts_and_what_is_over_goes() {
        let to = "http://www.example.org/a/b";
        assert_eq!(sent(&["s=1", "t=1", "s=2"], to), "s=2; t=1");
        assert_eq!(sent(&["s=1; Path=/", "s=2"], to), "s=2; s=1");
        for over in [
            "s=; Max-Age=0",
            "s=x; max-age=-1; Expires=Tue, 01 Jan 2999 00:00:00 GMT",
            "s=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "s=x; Expires=Thu, 01-Jan-70 00:00:01 GMT",
        ] {
            assert_eq!(sent(&["s=1", over], to), "", "{over}");
        }
        for stays in ["s=2; Max-Age=9", "s=2; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "s=2; Expires=never"] {
            assert_eq!(sent(&["s=1", stays], to), "s=2", "{stays}");
        }
        assert_eq!(sent(&["s=1", "s=; Max-Age=0; Path=/"], to), "s=1");
    }

    #[test]
    fn dates_are_read_as_servers_write_them() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 8:49:37 1994"] {
            assert_eq!(date(text).as_deref(), Some("1994-11-06T08:49:37.000Z"), "{text}");
        }
        for wrong in [
            "",
            "0",
            "Thu, 01 Jan 1970",
            "Thu, 32 Jan 1970 00:00:00",
            "Thu, 01 Foo 1970 00:00:00",
            "01 Jan 1970 24:00:00",
        ] {
            assert_eq!(date(wrong), None, "{wrong:?}");
        }
    }
}
