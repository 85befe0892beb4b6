//! Where an address leads: what a page or a redirect names, seen from where it was named (RFC 3986, 5.2).

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ureq::http::Uri;
use ureq::http::uri::Scheme;

use crate::http::ask::address;

/// What no address holds (RFC 3986, 2): a browser sends it like this.
const NEVER: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// The address that is meant by a reference on the page at `base`; none where it leads nowhere that can be asked.
pub(crate) fn resolve(base: &Uri, reference: &str) -> Option<Uri> {
    let reference = utf8_percent_encode(reference.trim(), NEVER).to_string();
    let reference = reference.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str().unwrap_or_default();
    let authority = base.authority().map(ToString::to_string).unwrap_or_default();
    let (path, query) = reference.split_once('?').map_or((reference, None), |(path, query)| (path, Some(query)));
    let local = match () {
        () if has_scheme(path) => return address(reference).ok(),
        () if path.starts_with("//") => return address(&format!("{scheme}:{reference}")).ok(),
        () if path.is_empty() => base.path().to_owned(),
        () if path.starts_with('/') => without_dots(path),
        () => {
            let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
            without_dots(&format!("{directory}/{path}"))
        }
    };
    let query = query.or_else(|| base.query().filter(|_| path.is_empty()));
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    address(&format!("{scheme}://{authority}{local}{query}")).ok()
}

/// Whether it begins with a scheme (3.1), which ends before anything that a path has.
fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// The path without `.` and `..` (5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if segments.peek().is_none() {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Whether two addresses have the same origin (RFC 6454, 4): scheme, host and port.
pub(crate) fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let origin = |uri: &Uri| (uri.scheme().cloned(), host(uri), port(uri));
    origin(one) == origin(other)
}

/// The host in small letters, an address of version 6 in its brackets.
pub(crate) fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_ascii_lowercase()
}

fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 })
}

#[cfg(test)]
mod tests {
    use super::{is_same_origin, resolve};

    #[test]
    fn a_reference_leads_where_rfc_3986_says() {
        let base = "http://a:81/b/c/d;p?q".parse().unwrap();
        for (reference, leads) in [
            ("g", "http://a:81/b/c/g"),
            ("./g", "http://a:81/b/c/g"),
            ("g/", "http://a:81/b/c/g/"),
            ("/g", "http://a:81/g"),
            ("//g", "http://g/"),
            ("?y", "http://a:81/b/c/d;p?y"),
            ("g?y#s", "http://a:81/b/c/g?y"),
            ("#s", "http://a:81/b/c/d;p?q"),
            ("", "http://a:81/b/c/d;p?q"),
            (".", "http://a:81/b/c/"),
            ("..", "http://a:81/b/"),
            ("../../../g", "http://a:81/g"),
            ("g;x=1/../y", "http://a:81/b/c/y"),
            ("g?y/../x", "http://a:81/b/c/g?y/../x"),
            ("https://h/x", "https://h/x"),
            (" /a b\r\n\"ü<\\>", "http://a:81/a%20b%0D%0A%22%C3%BC%3C%5C%3E"),
        ] {
            assert_eq!(resolve(&base, reference).map(|uri| uri.to_string()), Some(leads.to_owned()), "{reference:?}");
        }
        for nowhere in
            ["javascript:alert(1)", "mailto:a@b", "file:///etc/passwd", "//", "http://", "//u:p@h/", "http://h:x/"]
        {
            assert!(resolve(&base, nowhere).is_none(), "{nowhere}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |one: &str, other: &str| is_same_origin(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(same("http://h/a", "http://H:80/b?c"));
        assert!(same("https://h:443/", "https://h"));
        for (one, other) in [
            ("http://h", "https://h"),
            ("http://h", "http://h:81"),
            ("http://h", "http://h.example"),
            ("http://h:443", "https://h:443"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
