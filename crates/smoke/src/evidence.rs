//! What was seen of a thing that is not as expected, beyond the sentence that says so: for whoever has to mend it.

use kit::voice;
use serde_json::Value;

use crate::grammar::secret::redact;
use crate::grammar::text::beginning;

/// How much of one thing is shown: a page says in its first lines what is wrong.
const SHOWN: usize = 2 << 10;

/// What was seen, each with what it is called, in the order in which it is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence(Vec<(&'static str, String)>);

impl Evidence {
    /// The same and this; nothing when it is empty.
    #[must_use]
    pub(crate) fn and(mut self, name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.trim().is_empty() {
            self.0.push((name, text));
        }
        self
    }

    /// The same, fit to be shown: without secrets, cut, each line clean.
    #[must_use]
    pub(crate) fn shown(self, secrets: &[String]) -> Self {
        let fit = |(name, text): (&'static str, String)| {
            let text = redact(&cut(&text), secrets);
            let lines: Vec<String> = text.trim_end().lines().map(voice::clean_line).collect();
            (name, lines.join("\n"))
        };
        Self(self.0.into_iter().map(fit).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each thing with what it is called.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// For the record.
    pub(crate) fn to_json(&self) -> Value {
        self.iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect()
    }
}

/// The beginning of a long text, ended by `…`.
fn cut(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.to_owned();
    }
    format!("{}…", beginning(text, SHOWN))
}

#[cfg(test)]
mod tests {
    use super::{Evidence, SHOWN};

    #[test]
    fn it_is_cut_between_characters_cleaned_and_redacted() {
        let long = format!("a{}", "é".repeat(SHOWN));
        let evidence = Evidence::default()
            .and("empty", " \n")
            .and("body", long)
            .and("curl", "curl -H 'X: s3cret-word'\nnext\u{1b}[2J")
            .shown(&["s3cret-word".to_owned()]);
        let shown: Vec<_> = evidence.iter().collect();
        assert_eq!(shown.len(), 2);
        assert_eq!(shown[0].1.len(), 1 + 2 * ((SHOWN - 1) / 2) + '…'.len_utf8());
        assert!(shown[1].1.starts_with("curl -H 'X: [redacted]'\nnext"), "{shown:?}");
        assert!(!shown[1].1.contains('\u{1b}'));
    }
}
