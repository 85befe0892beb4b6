//! The links of a page: what its tags name, as addresses.

use html5gum::{HtmlString, StartTag, Token, Tokenizer, naive_next_state};
use url::Url;

use crate::crawl::candidates::candidates;

/// What a `link` may be for, so that a browser or a reader goes there.
const RELATIONS: [&str; 14] = [
    "stylesheet",
    "icon",
    "apple-touch-icon",
    "mask-icon",
    "preload",
    "modulepreload",
    "prefetch",
    "manifest",
    "alternate",
    "canonical",
    "next",
    "prev",
    "search",
    "help",
];

/// A longer address is not asked: RFC 9110, 4.1 wants 8,000 bytes to be understood, and no app links as much.
pub(crate) const LONGEST: usize = 2_000;

/// How an address is linked, which decides how it is asked and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Where a form sends to. It need not answer GET.
    Form,
    /// To be saved, not to be looked at: it may be large.
    Download,
    /// Anything else.
    Link,
    /// A list of addresses.
    Sitemap,
}

/// An address and how it is linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) address: Url,
    pub(crate) role: Role,
}

/// Links as they are written, and seen from where. A page has many, and the address of each may be as long as that of the page:
/// they are resolved one at a time.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    base: Url,
    named: Vec<(String, Role)>,
}

impl Links {
    pub(crate) fn new(base: Url, named: Vec<(String, Role)>) -> Self {
        Self { base, named }
    }

    /// The links of the page that stands at this address, in their order, as often as they stand there.
    pub(crate) fn of_page(html: &str, address: &Url) -> Self {
        let mut base = None;
        let mut named = Vec::new();
        let mut tokens = Tokenizer::new(html);
        while let Some(Ok(token)) = tokens.next() {
            let Token::StartTag(tag) = token else { continue };
            // What stands in a script is no tag. In `noscript` it is one, for us as for every reader without scripts.
            if let Some(state) = naive_next_state(&tag.name).filter(|_| **tag.name != *b"noscript") {
                tokens.set_state(state);
            }
            if **tag.name == *b"base" {
                // HTML, 4.2.3: the first one with an address counts, for the whole page.
                base = base.or_else(|| address.join(&attribute(&tag, "href")?).ok());
            }
            of_tag(&tag, &mut named);
        }
        let base = base.filter(|base| base.as_str().len() <= LONGEST);
        Self::new(base.unwrap_or_else(|| address.clone()), named)
    }

    /// Those that are addresses of HTTP.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Link> {
        self.named.iter().filter_map(|(name, role)| Some(Link { address: resolve(&self.base, name)?, role: *role }))
    }
}

/// The address that a text names, seen from another. Nothing for one that is not asked over HTTP, that is the page itself,
/// or that is no address: of what stands in a page only the names of other hosts can be wrong.
pub(crate) fn resolve(base: &Url, name: &str) -> Option<Url> {
    let name = name.trim();
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    let mut address = base.join(name).ok()?;
    if !matches!(address.scheme(), "http" | "https") || address.host_str().is_none_or(str::is_empty) {
        return None;
    }
    address.set_fragment(None);
    // Who follows a link gives nobody's password away; neither can fail where there is a host.
    address.set_username("").ok()?;
    address.set_password(None).ok()?;
    Some(address)
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value: &HtmlString = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn of_tag(tag: &StartTag<()>, named: &mut Vec<(String, Role)>) {
    let mut name = |attribute_name: &str, role: Role| {
        named.extend(attribute(tag, attribute_name).map(|value| (value, role)));
    };
    match tag.name.as_slice() {
        b"a" | b"area" => {
            name("href", if attribute(tag, "download").is_some() { Role::Download } else { Role::Link });
        }
        b"link" if is_followed(tag) => name("href", Role::Link),
        b"img" | b"source" => {
            name("src", Role::Link);
            let set = attribute(tag, "srcset").unwrap_or_default();
            named.extend(candidates(&set).into_iter().map(|address| (address.to_owned(), Role::Link)));
        }
        b"video" => {
            name("src", Role::Link);
            name("poster", Role::Link);
        }
        b"script" | b"iframe" | b"frame" | b"embed" | b"audio" | b"track" => name("src", Role::Link),
        b"object" => name("data", Role::Link),
        b"form" => name("action", Role::Form),
        b"button" => name("formaction", Role::Form),
        b"input" => {
            name("src", Role::Link);
            name("formaction", Role::Form);
        }
        _ => {}
    }
}

fn is_followed(link: &StartTag<()>) -> bool {
    let relation = attribute(link, "rel").unwrap_or_default().to_ascii_lowercase();
    relation.split_ascii_whitespace().any(|word| RELATIONS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{Links, Role};
    use url::Url;

    fn links(html: &str) -> Vec<String> {
        let page = Url::parse("http://app.test/shop/list?page=2").unwrap();
        Links::of_page(html, &page).iter().map(|link| link.address.to_string()).collect()
    }

    fn one(html: &str) -> String {
        let links = links(html);
        assert_eq!(links.len(), 1, "{html}: {links:?}");
        links[0].strip_prefix("http://app.test").filter(|path| path.starts_with('/')).unwrap_or(&links[0]).to_owned()
    }

    #[test]
    fn an_address_is_seen_from_the_page_and_written_in_one_way() {
        for (written, address) in [
            ("/a", "/a"),
            ("a", "/shop/a"),
            (" ../a/./b/../c\n", "/a/c"),
            ("?page=3", "/shop/list?page=3"),
            ("/a?b=1&amp;c=2#d", "/a?b=1&c=2"),
            ("HTTP://App.Test:80/A", "/A"),
            ("//app.test", "/"),
            ("\\a\\b", "/a/b"),
            ("/a\tb", "/ab"),
            ("/größe/ü x", "/gr%C3%B6%C3%9Fe/%C3%BC%20x"),
            ("/&#27;[2J&#x202e;", "/%1B[2J%E2%80%AE"),
            ("http://me:secret@app.test/a", "/a"),
            ("https://app.test/", "https://app.test/"),
            ("http://app.test:8000/", "http://app.test:8000/"),
        ] {
            assert_eq!(one(&format!("<a href=\"{written}\">x</a>")), address);
        }
    }

    #[test]
    fn what_is_no_address_of_http_is_passed_over() {
        for written in [
            "",
            "#",
            "#top",
            " # ",
            "mailto:a@b",
            "tel:+1",
            "javascript:go()",
            "data:,x",
            "about:blank",
            "http://",
            "http://[",
            "http://größe.test/",
            "ftp://app.test/",
            "blob:http://app.test/x",
            "file:///etc/passwd",
        ] {
            assert_eq!(links(&format!("<a href='{written}'>x</a>")), [""; 0], "{written}");
        }
    }

    #[test]
    fn every_tag_that_names_an_address_is_known() {
        for html in [
            "<a href=/x>",
            "<A HREF='/x'>",
            "<area href=/x>",
            "<link rel=stylesheet href=/x>",
            "<link rel='shortcut ICON' href=/x>",
            "<img src=/x>",
            "<img srcset='/x 2x'>",
            "<source srcset=/x>",
            "<script src=/x></script>",
            "<iframe src=/x></iframe>",
            "<video poster=/x>",
            "<audio src=/x>",
            "<source src=/x>",
            "<track src=/x>",
            "<embed src=/x>",
            "<object data=/x>",
            "<form action=/x method=post>",
            "<button formaction=/x>",
            "<input type=image src=/x>",
            "<noscript><img src=/x></noscript>",
            "<a href=/x href=/y>",
            "<a href=/x rel=nofollow",
            "<a\u{c}href = /x /><b",
        ] {
            let closed = if html.ends_with('w') || html.ends_with('b') { ">" } else { "" };
            assert_eq!(one(&format!("{html}{closed}")), "/x", "{html}");
        }
    }

    #[test]
    fn what_only_looks_like_a_link_is_none() {
        for html in [
            "<!-- <a href=/x> -->",
            "<script>'<a href=/x>'</script>",
            "<style><a href=/x></style>",
            "<title><a href=/x></title>",
            "<textarea><a href=/x></textarea>",
            "<link rel=preconnect href=/x>",
            "<link href=/x>",
            "<p href=/x>",
            "<a data-href=/x>",
            "&lt;a href=/x&gt;",
            "<a href=/x",
        ] {
            assert_eq!(links(html), [""; 0], "{html}");
        }
    }

    #[test]
    fn the_first_base_counts_for_the_whole_page() {
        let html = "<a href=a><base target=_top><base href='/deep/er/'><base href=/other/><img src=b>";
        assert_eq!(links(html), ["http://app.test/deep/er/a", "http://app.test/deep/er/b"]);
        assert_eq!(links("<base href='//cdn.test/x'><img src=b>"), ["http://cdn.test/b"]);
        assert_eq!(links("<base href='http://['><img src=b>"), ["http://app.test/shop/b"]);
        assert_eq!(links(&format!("<base href='/{}/'><img src=b>", "x".repeat(3_000))), ["http://app.test/shop/b"]);
    }

    #[test]
    fn a_form_and_a_download_are_known_as_such() {
        let page = Url::parse("http://app.test/").unwrap();
        let role = |html| Links::of_page(html, &page).iter().next().map(|link| link.role);
        assert_eq!(role("<form action=/send method=post>"), Some(Role::Form));
        assert_eq!(role("<form method=post>"), None);
        assert_eq!(role("<a href=/big.zip download>"), Some(Role::Download));
        assert_eq!(role("<a href=/>"), Some(Role::Link));
    }

    #[test]
    fn whatever_stands_in_a_page_something_comes_of_it() {
        let pool: Vec<char> = "<>/='\" abhrefsrc!-&#;()[],.\u{0}\u{1b}\u{202e}é🦀\n".chars().collect();
        let mut state: u64 = 0x2545_f491_4f6c_dd1d;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..2_000 {
            let noise: String = (0..random(80)).map(|_| pool[random(pool.len())]).collect();
            for address in links(&format!("<a href='{noise}<base {noise}><img srcset=\"{noise}\">")) {
                assert!(address.is_ascii() && !address.contains(['\u{1b}', ' ', '#', '\n']), "{address}");
            }
        }
    }
}
