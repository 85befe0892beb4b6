//! What a step takes out of an answer, for the steps after it.

use serde_json::Value;
use ureq::http::Uri;

use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expression::Expression;
use crate::grammar::json_path::JsonPath;
use crate::http::answer::read_name;
use crate::http::session::Arrival;
use crate::http::{Answer, Session};

/// The longest text that is captured, in bytes: a token is shorter, and a whole page is none.
const LONGEST: usize = 8 << 10;

/// Where in an answer it stands.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// `body matches "…(…)…"`: what the first group finds.
    Body(Expression),
    /// `json $.id`
    Json(JsonPath),
    /// `header Location`
    Header(String),
    /// `cookie session`
    Cookie(String),
}

/// What is captured under a name.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) source: Source,
}

impl Source {
    /// Reads it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let here = cursor.here();
        match cursor.word() {
            "body" => {
                cursor.keyword("matches")?;
                let there = cursor.here();
                let expression = Expression::read(cursor)?;
                if expression.groups() == 0 {
                    return Err(there.wrong("a group ( ) in the regular expression: what to capture"));
                }
                Ok(Self::Body(expression))
            }
            "json" => JsonPath::read(cursor).map(Self::Json),
            "header" => Ok(Self::Header(read_name(cursor, "the name of a header")?.to_ascii_lowercase())),
            "cookie" => read_name(cursor, "the name of a cookie").map(Self::Cookie),
            _ => Err(here.wrong("body matches, json, header or cookie")),
        }
    }
}

impl Capture {
    /// The value; the error is a sentence that has none of it.
    pub(crate) fn find(&self, arrival: &Arrival, session: &Session) -> Result<String, String> {
        let found = self.source.find(&arrival.answer, session, &arrival.uri);
        let value = found.map_err(|why| format!("{why}; nothing is captured as `{}`", self.name))?;
        match value.len() {
            0 => Err(format!("what is captured as `{}` is empty", self.name)),
            length if length > LONGEST => {
                Err(format!("what is captured as `{}` is longer than {LONGEST} bytes", self.name))
            }
            _ => Ok(value),
        }
    }
}

impl Source {
    fn find(&self, answer: &Answer, session: &Session, uri: &Uri) -> Result<String, String> {
        match self {
            Self::Body(expression) => expression.first_group("the body", answer.body()),
            Self::Json(path) => match path.find(&answer.document()?).as_slice() {
                [] => Err(format!("there is no {path} in the answer")),
                [Value::String(text)] => Ok(text.clone()),
                [number @ (Value::Number(_) | Value::Bool(_))] => Ok(number.to_string()),
                [Value::Null] => Err(format!("{path} is null")),
                [_] => Err(format!("{path} is a list or an object")),
                values => Err(format!("{path} finds {} values", values.len())),
            },
            Self::Header(wanted) => {
                let value = answer.header(wanted).map(str::to_owned);
                value.ok_or_else(|| format!("the header {wanted} is missing"))
            }
            Self::Cookie(name) => {
                let value = session.cookie(name, uri).map(str::to_owned);
                value.ok_or_else(|| format!("there is no cookie {name} for this address"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Source;
    use crate::grammar::cursor::Cursor;

    #[test]
    fn a_capture_is_one_of_four_things() {
        let read = |line: &str| {
            let mut cursor = Cursor::new(line);
            Source::read(&mut cursor)
                .and_then(|source| cursor.end().map(|()| source))
                .map_err(|wrong| wrong.to_string())
        };
        for line in [
            "body matches 'id=(\\d+)'",
            "body matches \"name=\\\"csrf\\\" value=\\\"([^\\\"]+)\\\"\"",
            " json $.items[0].id ",
            "header Location",
            "cookie session_id",
        ] {
            assert!(read(line).is_ok(), "{line}");
        }
        for (line, expected) in [
            ("", "column 1: expected body matches, json, header or cookie, found the end"),
            ("status", "column 1: expected body matches, json, header or cookie, found `status`"),
            ("body contains 'x'", "column 6: expected `matches`, found `contains 'x'`"),
            (
                "body matches '\\d+'",
                "column 14: expected a group ( ) in the regular expression: what to capture, found `'\\d+'`",
            ),
            ("json a", "column 6: expected a path such as $.status, found `a`"),
            ("header", "column 7: expected the name of a header, found the end"),
            ("cookie a b", "column 10: expected the end, found `b`"),
        ] {
            assert_eq!(read(line).unwrap_err(), expected, "{line:?}");
        }
        assert!(read("body matches '('").unwrap_err().contains("a regular expression ("));
        assert!(read("body matches '(((a{1,100}){1,100}){1,100})'").unwrap_err().contains("a regular expression ("));
    }
}
