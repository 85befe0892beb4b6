//! A sitemap: a list of addresses, or of further lists (the protocol of sitemaps.org, 0.9).

use html5gum::{Token, Tokenizer};

/// What one lists, as it stands there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sitemap {
    /// Whether it lists sitemaps instead of pages.
    pub(crate) is_index: bool,
    pub(crate) names: Vec<String>,
}

impl Sitemap {
    /// Reads one; `None` for XML of another kind. Its tags and references are those of HTML too.
    pub(crate) fn read(xml: &str) -> Option<Self> {
        let mut sitemap = None;
        let mut name: Option<String> = None;
        for Ok(token) in Tokenizer::new(xml) {
            match (token, &mut sitemap) {
                (Token::StartTag(tag), None) => match tag.name.as_slice() {
                    root @ (b"urlset" | b"sitemapindex") => {
                        sitemap = Some(Self { is_index: root == b"sitemapindex", names: Vec::new() });
                    }
                    _ => return None,
                },
                (Token::StartTag(tag), Some(_)) => name = (tag.name.as_slice() == b"loc").then(String::new),
                (Token::String(text), _) => add(&mut name, &String::from_utf8_lossy(&text)),
                // XML has CDATA everywhere, HTML takes it for a comment.
                (Token::Comment(comment), _) => {
                    let comment = String::from_utf8_lossy(&comment);
                    let text = comment.strip_prefix("[CDATA[").and_then(|text| text.strip_suffix("]]"));
                    add(&mut name, text.unwrap_or_default());
                }
                (Token::EndTag(_), Some(sitemap)) => {
                    sitemap.names.extend(name.take().map(|name| name.trim().to_owned()));
                }
                _ => {}
            }
        }
        sitemap
    }
}

fn add(name: &mut Option<String>, text: &str) {
    if let Some(name) = name {
        name.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::Sitemap;

    fn names(xml: &str) -> Vec<String> {
        Sitemap::read(xml).unwrap().names
    }

    #[test]
    fn pages_and_further_sitemaps_are_told_apart() {
        let xml = "\u{feff}<?xml version='1.0'?><!-- x --><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>\
            <url><loc>\n http://app.test/?a=1&amp;b=2 </loc><lastmod>2026-01-01</lastmod></url>\
            <url><loc><![CDATA[http://app.test/c?d&e]]></loc><image:image><image:loc>/no</image:loc></image:image></url>";
        let expected = ["http://app.test/?a=1&b=2", "http://app.test/c?d&e"].map(str::to_owned).to_vec();
        assert_eq!(Sitemap::read(xml), Some(Sitemap { is_index: false, names: expected }));
        let index = "<sitemapindex><sitemap><loc>/a.xml</loc></sitemap></sitemapindex>";
        assert_eq!(Sitemap::read(index), Some(Sitemap { is_index: true, names: vec!["/a.xml".to_owned()] }));
    }

    #[test]
    fn one_that_is_empty_or_cut_lists_what_is_there() {
        assert_eq!(names("<urlset/>"), [""; 0]);
        assert_eq!(names("<urlset><url><loc>/a</loc></url><url><loc>/b"), ["/a"]);
    }

    #[test]
    fn other_xml_is_none() {
        for xml in ["", "urlset", "<rss><channel><loc>/a</loc></channel></rss>", "<html><urlset>", "<!-- <urlset> -->"]
        {
            assert_eq!(Sitemap::read(xml), None, "{xml}");
        }
    }
}
