//! What a web server answered, and what can be asserted of it.

use std::fmt::{self, Display};
use std::time::Duration;

use serde_json::Value;

use crate::commit::Commit;
use crate::evidence::Evidence;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::Assertion;
use crate::grammar::json_path::JsonPath;
use crate::grammar::relation::Relation;
use crate::grammar::text::{CUT, Seen, Text, excerpt, spell};

/// An answer, read to its end or to the limit.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The header fields, in their order; names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    /// The body; what is not UTF-8 in it is replaced.
    pub(crate) body: String,
    /// Whether the body went on beyond the limit.
    pub(crate) cut: bool,
    /// From the request to the end of the body.
    pub(crate) took: Duration,
}

/// Where an answer tells which commit runs.
#[derive(Clone, Debug)]
pub(crate) enum Telling {
    /// `json $.commit`
    Json(JsonPath),
    /// `header X-Commit`; the name in small letters.
    Header(String),
}

impl Telling {
    /// Reads it; a path alone is one in the JSON.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut cursor = Cursor::new(text);
        let here = cursor.here();
        let place = match cursor.word() {
            "" if here.starts_with('$') => JsonPath::read(&mut cursor).map(Self::Json),
            "json" => JsonPath::read(&mut cursor).map(Self::Json),
            "header" => header_name(&mut cursor).map(Self::Header),
            _ => Err(here.wrong("json and a path such as $.commit, or header and a name such as X-Commit")),
        }?;
        cursor.end()?;
        Ok(place)
    }
}

impl Display for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(path) => path.fmt(f),
            Self::Header(name) => write!(f, "header {name}"),
        }
    }
}

/// What the answer says about the commit that runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Running {
    /// The expected one.
    Expected,
    /// Another one, in the answer's words.
    Other(String),
    /// Nothing, and why.
    Unknown(String),
}

impl Answer {
    /// What it was, for whoever looks for the cause.
    pub(crate) fn evidence(&self) -> Evidence {
        let header = |(name, value): &(String, String)| {
            // It lets whoever has it in.
            let value = if name == "set-cookie" { "…" } else { value.as_str() };
            format!("{name}: {value}")
        };
        let headers: Vec<String> = self.headers.iter().map(header).collect();
        Evidence::default()
            .and("status", self.status.to_string())
            .and("headers", headers.join("\n"))
            .and("body", &self.body)
    }

    /// The first header of this name, which is written in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether it says to go on elsewhere (RFC 9110, 15.4).
    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// Where it says to go on.
    pub(crate) fn location(&self) -> Option<&str> {
        self.header("location").filter(|_| self.is_redirect())
    }

    /// Which commit the answer names.
    pub(crate) fn running(&self, place: &Telling, expected: &Commit) -> Running {
        let told = match place {
            Telling::Json(path) => self.document().map(|document| path.find(&document).into_iter().cloned().collect()),
            Telling::Header(wanted) => {
                let named = self.headers.iter().filter(|(name, _)| name == wanted);
                Ok(named.map(|(_, value)| Value::from(value.as_str())).collect::<Vec<_>>())
            }
        };
        match told.as_deref() {
            Err(missing) => Running::Unknown(missing.clone()),
            Ok([]) => Running::Unknown(format!("there is no {place} in the answer")),
            Ok([value]) => match value.as_str().map(str::parse::<Commit>) {
                Some(Ok(commit)) if commit.agrees(expected) => Running::Expected,
                Some(Ok(commit)) => Running::Other(commit.short().to_owned()),
                _ => Running::Other(spell(value)),
            },
            Ok(values) => Running::Unknown(format!("{place} has {} values", values.len())),
        }
    }

    /// The body, as far as it was read.
    pub(crate) fn body(&self) -> Seen<'_> {
        Seen::new(&self.body, self.cut)
    }

    /// The body as JSON, or why it is none.
    pub(crate) fn document(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body).map_err(|_| match () {
            () if self.cut => format!("the body {CUT}"),
            () if self.body.is_empty() => "the body is empty".to_owned(),
            () => format!("the body is not JSON: {}", excerpt(&self.body)),
        })
    }
}

/// What must hold of the values that a path finds.
#[derive(Clone, Debug)]
pub(crate) enum Compared {
    /// There is one at least.
    Exists,
    /// There is none.
    Missing,
    /// There is one at least, and each of them is so.
    With(Relation, Value),
}

impl Compared {
    fn judge(&self, path: &JsonPath, document: &Value) -> Result<(), String> {
        let found = path.find(document);
        let unlike = match self {
            Self::Exists | Self::With(..) if found.is_empty() => {
                return Err(format!("there is no {path} in the answer"));
            }
            Self::Exists => None,
            Self::Missing => found.first().copied(),
            Self::With(relation, wanted) => found.into_iter().find(|value| !relation.holds_between(value, wanted)),
        };
        unlike.map_or(Ok(()), |value| Err(format!("{path} is {}", spell(value))))
    }
}

/// What can be asserted of an answer.
#[derive(Clone, Debug)]
pub(crate) enum AnswerAssertion {
    /// `status == 200`
    Status(Relation, u64),
    /// `header Content-Type contains "json"`
    Header(String, Text),
    /// `body contains "…"`
    Body(Text),
    /// `json $.status == "ok"`
    Json(JsonPath, Compared),
    /// `time < 800ms`
    Time(Relation, Duration),
}

impl Assertion for AnswerAssertion {
    type Seen = Answer;

    const WORDS: &'static str = "status, header, body, json or time (a step)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "status" => Some(read_status(cursor)),
            "header" => Some(read_header(cursor)),
            "body" => Some(Text::read_present(cursor).map(Self::Body)),
            "json" => Some(read_json(cursor)),
            "time" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Time(relation, limit))),
            _ => None,
        }
    }

    fn judge(&self, answer: &Answer) -> Result<(), String> {
        match self {
            Self::Status(relation, wanted) if relation.holds(&u64::from(answer.status), wanted) => Ok(()),
            Self::Status(..) => Err(format!("status is {}", answer.status)),
            Self::Header(name, text) => {
                let mut values = answer.headers.iter().filter(|header| header.0 == *name).map(|header| &header.1);
                text.judge_any(&format!("the header {name}"), &mut values)
            }
            Self::Body(text) => text.judge_any("the body", [answer.body()].into_iter()),
            Self::Json(path, compared) => compared.judge(path, &answer.document()?),
            Self::Time(relation, limit) if relation.holds(&answer.took, limit) => Ok(()),
            Self::Time(..) => Err(format!("the answer took {} ms", answer.took.as_millis())),
        }
    }
}

fn read_status(cursor: &mut Cursor<'_>) -> Result<AnswerAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ANY)?;
    let here = cursor.here();
    let expected = "a status from 100 to 599";
    let status = cursor.number(expected)?;
    if !(100..600).contains(&status) {
        return Err(here.wrong(expected));
    }
    Ok(AnswerAssertion::Status(relation, status))
}

fn read_header(cursor: &mut Cursor<'_>) -> Result<AnswerAssertion, Wrong> {
    Ok(AnswerAssertion::Header(header_name(cursor)?, Text::read(cursor)?))
}

/// Reads the name of a header; it comes in small letters.
fn header_name(cursor: &mut Cursor<'_>) -> Result<String, Wrong> {
    Ok(read_name(cursor, "the name of a header")?.to_ascii_lowercase())
}

/// Reads the name of a header, or of a cookie.
pub(crate) fn read_name(cursor: &mut Cursor<'_>, expected: &str) -> Result<String, Wrong> {
    let here = cursor.here();
    // A token of RFC 9110, 5.6.2, as far as names of fields use it.
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if name.is_empty() { Err(here.wrong(expected)) } else { Ok(name.to_owned()) }
}

fn read_json(cursor: &mut Cursor<'_>) -> Result<AnswerAssertion, Wrong> {
    let path = JsonPath::read(cursor)?;
    cursor.blanks();
    let mut ahead = cursor.clone();
    let compared = match ahead.word() {
        "exists" => Compared::Exists,
        "missing" => Compared::Missing,
        _ => {
            let (relation, wanted) = Relation::read_value(cursor)?;
            return Ok(AnswerAssertion::Json(path, Compared::With(relation, wanted)));
        }
    };
    *cursor = ahead;
    Ok(AnswerAssertion::Json(path, compared))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Running, Telling};
    use std::time::Duration;

    fn running(body: &str) -> Running {
        let answer =
            Answer { status: 200, headers: Vec::new(), body: body.to_owned(), cut: false, took: Duration::ZERO };
        answer.running(&Telling::parse("$.commit").unwrap(), &"3f2a1c9d".parse().unwrap())
    }

    #[test]
    fn only_the_expected_commit_is_the_expected_commit() {
        assert_eq!(running(r#"{"commit":"3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d"}"#), Running::Expected);
        assert_eq!(running(r#"{"commit":"3F2A1C9"}"#), Running::Expected);
        assert_eq!(running(r#"{"commit":"0000000"}"#), Running::Other("0000000".to_owned()));
        assert_eq!(running(r#"{"commit":"unknown"}"#), Running::Other("\"unknown\"".to_owned()));
        assert_eq!(running(r#"{"commit":null}"#), Running::Other("null".to_owned()));
        for nothing in ["", "{}", "<html>", "[]"] {
            assert!(matches!(running(nothing), Running::Unknown(_)), "{nothing}");
        }
    }
}
