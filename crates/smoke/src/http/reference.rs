//! Where an address leads: what a page or a redirect names, seen from where it was named.

use ureq::http::Uri;
use ureq::http::uri::Scheme;
use url::Url;

use crate::http::ask::address;

/// The address that is meant by a reference on the page at `base`, as a browser takes it; none where it leads nowhere that can
/// be asked.
pub(crate) fn resolve(base: &Uri, reference: &str) -> Option<Uri> {
    let mut url = Url::parse(&base.to_string()).ok()?.join(reference).ok()?;
    // It is not sent.
    url.set_fragment(None);
    address(url.as_str()).ok()
}

/// An address without its query, which may hold a token.
pub(crate) fn without_query(address: &str) -> &str {
    address.split_once('?').map_or(address, |(before, _)| before)
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
    fn a_reference_leads_where_a_browser_goes() {
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
            (" /a b\r\n\"ü<\\>", "http://a:81/a%20b%22%C3%BC%3C/%3E"),
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
