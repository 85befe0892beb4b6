//! Secrets: every form in which one may come back from whoever was told it, and taking them out of what is shown.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use kit::voice;

/// In bytes: a shorter text is no secret, and may be part of any word.
const SHORTEST: usize = 6;

const REDACTED: &str = "[redacted]";

/// What stands unencoded in an address besides letters and digits, as libraries have it: nothing, the unreserved
/// characters (RFC 3986, 2.3), these and what a path or a query may hold, a form's and those of `encodeURIComponent`.
const KEPT: [&str; 6] = ["", "-._~", "-._~:", "-._~/", "*-._", "-._~!*'()"];

/// How pages write `"` and `'`; in a text between tags they stand as they are.
const QUOTES: [(&str, &str); 7] = [
    ("\"", "'"),
    ("&quot;", "&#39;"),
    ("&quot;", "&#x27;"),
    ("&quot;", "&#039;"),
    ("&#34;", "&#39;"),
    ("&#34;", "&#x27;"),
    ("&#x22;", "&#x27;"),
];

/// A secret as it is, and as it may stand in JSON, in an address, in a page, in base64 and in a sentence; the longest first.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let trimmed = secret.trim();
    let mut texts = vec![secret.to_owned(), trimmed.to_owned(), voice::clean_line(trimmed)];
    texts.retain(|text| text.len() >= SHORTEST);
    texts.dedup();
    let encoded: Vec<String> = texts.iter().flat_map(|text| encodings(text)).collect();
    longest_first(texts.into_iter().chain(encoded).collect())
}

/// In the order in which they are taken out: none is a part of one that comes later.
pub(crate) fn longest_first(mut secrets: Vec<String>) -> Vec<String> {
    secrets.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    secrets.dedup();
    secrets
}

fn encodings(text: &str) -> Vec<String> {
    let escaped: [fn(char) -> bool; 4] = [
        |_| false,
        |c| !c.is_ascii(),
        // Go's, and Rails'.
        |c| "&<>\u{2028}\u{2029}".contains(c),
        // That of .NET.
        |c| !c.is_ascii() || "&<>\"'+`\u{7f}".contains(c),
    ];
    let json = escaped.iter().flat_map(|escaped| [json(text, escaped, false), json(text, escaped, true)]);
    let json = json.flat_map(|json| [json.replace('/', "\\/"), json]);
    let percent = KEPT.iter().flat_map(|kept| [percent(text, kept, false), percent(text, kept, true)]);
    let percent = percent.flat_map(|percent| [percent.replace("%20", "+"), percent]);
    let html = QUOTES.iter().map(|quotes| html(text, quotes));
    let base64 = [BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD];
    let base64 = base64.iter().map(|alphabet| alphabet.encode(text));
    json.chain(percent).chain(html).chain(base64).collect()
}

/// A text in JSON (RFC 8259, 7), without its quotes; what is `escaped` besides what must be stands there as `\u` and four digits.
fn json(text: &str, escaped: impl Fn(char) -> bool, is_capital: bool) -> String {
    let unit = |unit: &u16| if is_capital { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    let written = |c: char| match c {
        c if escaped(c) => c.encode_utf16(&mut [0; 2]).iter().map(unit).collect(),
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        c if c < ' ' => unit(&u16::try_from(u32::from(c)).unwrap_or_default()),
        c => c.to_string(),
    };
    text.chars().map(written).collect()
}

/// A text in an address (RFC 3986, 2.1).
fn percent(text: &str, kept: &str, is_small: bool) -> String {
    let written = |byte: u8| match char::from(byte) {
        c if c.is_ascii_alphanumeric() || kept.contains(c) => c.to_string(),
        _ if is_small => format!("%{byte:02x}"),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(written).collect()
}

fn html(text: &str, (double, single): &(&str, &str)) -> String {
    let pairs = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", double), ("'", single)];
    pairs.iter().fold(text.to_owned(), |text, (plain, written)| text.replace(plain, written))
}

/// Takes the forms of secrets out of a text that somebody else wrote, and the beginning of one where the text was cut.
pub(crate) fn redact(text: &str, secrets: &[String]) -> String {
    let without = |text: String, secret: &String| {
        let text = if text.contains(secret.as_str()) { text.replace(secret.as_str(), REDACTED) } else { text };
        without_beginning(text, secret)
    };
    secrets.iter().fold(text.to_owned(), without)
}

/// The text without the beginning of a secret where `…` says that it was cut.
fn without_beginning(mut text: String, secret: &str) -> String {
    let cuts: Vec<usize> = text.match_indices('…').map(|(at, _)| at).collect();
    let mut end = text.len();
    // From the last on: what stands before it stays where it is.
    for cut in cuts.into_iter().rev().filter(|cut| *cut >= SHORTEST) {
        let before = text.get(..cut).unwrap_or_default();
        let lengths = secret.char_indices().map(|(at, _)| at).take_while(|at| *at <= cut);
        let lengths: Vec<usize> = lengths.filter(|length| *length >= SHORTEST).collect();
        let begins = |length: &&usize| secret.get(..**length).is_some_and(|begin| before.ends_with(begin));
        if let Some(length) = lengths.iter().rfind(begins).filter(|_| cut <= end) {
            end = cut - length;
            text.replace_range(end..cut, REDACTED);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{encodings, forms, redact};
    use proptest::prelude::{ProptestConfig, proptest};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_secret_is_each_form_of_it_is_taken_out(secret in "(?s).{6,40}", plain in "[ -~äöü€😀]{6,40}") {
            for secret in [secret, plain] {
                let forms = forms(&secret);
                assert_eq!(redact(&secret, &forms), "[redacted]");
                for encoded in encodings(&secret) {
                    assert_eq!(redact(&encoded, &forms), "[redacted]", "{secret:?}");
                }
            }
        }
    }

    #[test]
    fn a_secret_is_known_in_every_form() {
        let known = forms(" <a&b\u{1b}\" ");
        for form in
            [" <a&b\u{1b}\" ", " <a&b\\u001b\\\" ", "%20%3Ca%26b%1B%22%20", "&lt;a&amp;b\u{1b}&quot;", "<a&b\u{fffd}\""]
        {
            assert!(known.iter().any(|known| known == form), "{form:?}: {known:?}");
        }
        let known = forms("a/ü😀'<?>~");
        for form in [
            "a/ü😀'<?>~",
            "a\\/\\u00fc\\ud83d\\ude00'<?>~",
            "a/\\u00fc\\ud83d\\ude00'<?>~",
            "a/\\u00FC\\uD83D\\uDE00\\u0027\\u003C?\\u003E~",
            "a/ü😀'\\u003c?\\u003e~",
            "a/ü😀&#x27;&lt;?&gt;~",
            "a/ü😀&#39;&lt;?&gt;~",
            "a%2F%C3%BC%F0%9F%98%80%27%3C%3F%3E~",
            "a%2f%c3%bc%f0%9f%98%80%27%3c%3f%3e~",
            "YS/DvPCfmIAnPD8+fg==",
            "YS_DvPCfmIAnPD8-fg",
        ] {
            assert!(known.iter().any(|known| known == form), "{form:?}: {known:?}");
        }
        assert!(forms("two words").contains(&"two+words".to_owned()));
        assert_eq!(forms("short"), [""; 0]);
    }

    #[test]
    fn secrets_are_taken_out_where_a_text_was_cut_too() {
        let secrets = ["longer-secret".to_owned(), "secret".to_owned()];
        assert_eq!(redact("a longer-secret, 1 secret", &secrets), "a [redacted], 1 [redacted]");
        assert_eq!(redact("cut longer-s…`", &secrets), "cut [redacted]…`");
        assert_eq!(redact("cut long…`", &secrets), "cut long…`");
        assert_eq!(redact("longer-s… and longer-secr…", &secrets), "[redacted]… and [redacted]…");
        let own = ["se…cret…word".to_owned()];
        assert_eq!(redact("é se…cret…wo… se…cret…word", &own), "é [redacted]… [redacted]");
        let huge = ["x".repeat(1 << 20)];
        assert_eq!(redact(&format!("a {}…", "x".repeat(2000)), &huge), "a [redacted]…");
    }
}
