//! The protocol of Redis, version 2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>): what a check says and
//! hears of it.

use crate::finding::Finding;
use crate::wire::dialogue::Dialogue;

/// How much of a reply is read, in bytes: a value that a check compares is smaller.
const LARGEST: usize = 1 << 20;

/// No simple text, error or length is longer.
const LONGEST_LINE: usize = 4096;

/// What a server replies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// `nil`
    Null,
    Text(String),
    Number(i64),
    Error(String),
    /// So many entries, which are not read.
    List(u32),
}

/// A command with its arguments.
pub(crate) fn request<T: AsRef<str>>(words: &[T]) -> Vec<u8> {
    let word = |word: &T| format!("${}\r\n{}\r\n", word.as_ref().len(), word.as_ref());
    let words: Vec<String> = words.iter().map(word).collect();
    format!("*{}\r\n{}", words.len(), words.concat()).into_bytes()
}

impl Reply {
    /// Hears the next one.
    pub(crate) fn hear(server: &mut Dialogue<'_>) -> Result<Self, Finding> {
        let Some(line) = server.line(LONGEST_LINE)? else { return Err(server.foreign()) };
        let text = String::from_utf8_lossy(line.get(1..).unwrap_or_default()).into_owned();
        let reply = match line.first() {
            Some(b'+') => Some(Self::Text(text)),
            Some(b'-') => Some(Self::Error(text)),
            Some(b':') => text.parse().ok().map(Self::Number),
            Some(b'$' | b'*') if text == "-1" => Some(Self::Null),
            Some(b'*') => text.parse().ok().map(Self::List),
            Some(b'$') => match text.parse() {
                Ok(length) => Some(Self::Text(bulk(server, length)?)),
                Err(_) => None,
            },
            _ => None,
        };
        reply.ok_or_else(|| server.foreign())
    }
}

/// A text of this length, and the end of a line behind it.
fn bulk(server: &mut Dialogue<'_>, length: usize) -> Result<String, Finding> {
    if length > LARGEST {
        return Err(Finding::bad(format!("the reply has {length} bytes, and no more than {LARGEST} are read")));
    }
    let text = server.hear(length)?;
    if server.hear(2)? == b"\r\n" { Ok(String::from_utf8_lossy(&text).into_owned()) } else { Err(server.foreign()) }
}
