//! Which addresses are left alone.

use percent_encoding::{CONTROLS, utf8_percent_encode};
use url::{Position, Url};

/// The beginning of a path, or of a whole address, in which `*` stands for anything and a `$` at the end for the end: a rule of
/// robots.txt (RFC 9309, 2.2.3).
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    is_whole: bool,
    parts: Vec<String>,
    ends: bool,
}

impl Pattern {
    /// Nothing for one that no address can begin with.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let is_whole = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        if !is_whole && !text.starts_with(['/', '*']) {
            return None;
        }
        // As addresses are written.
        let text = utf8_percent_encode(text, CONTROLS).to_string();
        let (text, ends) = text.strip_suffix('$').map_or((text.as_str(), false), |text| (text, true));
        Some(Self { is_whole, parts: text.split('*').map(str::to_owned).collect(), ends })
    }

    /// Whether the address is one of those.
    pub(crate) fn fits(&self, address: &Url) -> bool {
        if self.is_whole { self.fits_text(address.as_str()) } else { self.fits_text(path(address)) }
    }

    fn fits_text(&self, text: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else { return false };
        let Some(mut left) = text.strip_prefix(first.as_str()) else { return false };
        let Some((last, middle)) = rest.split_last() else { return !self.ends || left.is_empty() };
        for part in middle {
            // The earliest place leaves the most for the others.
            let Some((_, behind)) = left.split_once(part.as_str()) else { return false };
            left = behind;
        }
        if self.ends { left.ends_with(last.as_str()) } else { left.contains(last.as_str()) }
    }
}

/// Path and query.
pub(crate) fn path(address: &Url) -> &str {
    &address[Position::BeforePath..]
}

#[cfg(test)]
mod tests {
    use super::{Pattern, path};
    use url::Url;

    fn fits(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).unwrap().fits(&Url::parse("http://app.test:81").unwrap().join(path).unwrap())
    }

    #[test]
    fn a_pattern_is_a_rule_of_robots_txt() {
        for (pattern, path) in [
            ("/logout", "/logout"),
            ("/logout", "/logout?next=/"),
            ("/logout", "/logout-all/"),
            ("/a/*/edit", "/a/1/2/edit/x"),
            ("*.pdf$", "/x/y.pdf"),
            ("/*?*page=", "/list?sort=a&page=2"),
            ("/a$", "/a"),
            ("/größe", "/größe/1"),
            ("*", "/"),
            ("/a*a$", "/aa"),
            ("http://app.test:81/x", "/x1"),
            ("http://*/x", "/x"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/logout", "/x/logout"),
            ("/logout/", "/logout"),
            ("/a$", "/a/"),
            ("/a/*/edit", "/a/edit"),
            ("*.pdf$", "/y.pdf?x"),
            ("/a*a$", "/a"),
            ("/A", "/a"),
            ("https://app.test:81/", "/"),
        ] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
        for wrong in ["", "logout", "ftp://x/", "$"] {
            assert!(Pattern::new(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_path_has_its_query() {
        for (address, expected) in
            [("http://a.test", "/"), ("https://a.test:1/b?c=/d//", "/b?c=/d//"), ("http://[::1]/?x", "/?x")]
        {
            assert_eq!(path(&Url::parse(address).unwrap()), expected);
        }
    }
}
