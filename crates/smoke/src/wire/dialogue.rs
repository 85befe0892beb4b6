//! A few words with a server in its own protocol: what it says is bounded, and so is every wait.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use db::Deadline;

use crate::finding::{Finding, unseen};
use crate::grammar::text::excerpt;
use crate::wire::connection::Connection;
use crate::wire::endpoint::Endpoint;

/// How much more is shown of what a server says that speaks something else.
const MORE: usize = 200;

/// An open connection to a server that is to speak a protocol.
#[derive(Debug)]
pub(crate) struct Dialogue<'a> {
    endpoint: &'a Endpoint,
    /// Its name, for a person.
    protocol: &'static str,
    connection: Connection,
    deadline: Deadline,
    began: Instant,
    /// What was said last, as far as it has come.
    heard: Vec<u8>,
}

impl<'a> Dialogue<'a> {
    /// Connects.
    pub(crate) fn open(endpoint: &'a Endpoint, protocol: &'static str, deadline: Deadline) -> Result<Self, Finding> {
        let began = Instant::now();
        let (connection, _) = endpoint.open(&deadline)?;
        Ok(Self { endpoint, protocol, connection, deadline, began, heard: Vec::new() })
    }

    /// Since the beginning.
    pub(crate) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// Says something; what comes now is the answer to it.
    pub(crate) fn say(&mut self, words: &[u8]) -> Result<(), Finding> {
        self.heard.clear();
        self.connection.write_all(words).map_err(|error| self.silence(&error))
    }

    /// The next bytes, as many as there must be.
    pub(crate) fn hear(&mut self, length: usize) -> Result<Vec<u8>, Finding> {
        let begin = self.heard.len();
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        let read = Read::by_ref(&mut self.connection).take(limit).read_to_end(&mut self.heard);
        read.map_err(|error| self.silence(&error))?;
        let bytes = self.heard.get(begin..).unwrap_or_default().to_vec();
        if bytes.len() == length { Ok(bytes) } else { Err(self.end()) }
    }

    /// The next line without its end, CR and LF; `None` when none ends within so many bytes.
    pub(crate) fn line(&mut self, longest: usize) -> Result<Option<Vec<u8>>, Finding> {
        let mut line = Vec::new();
        while line.len() <= longest {
            line.extend(self.hear(1)?);
            if let Some(whole) = line.strip_suffix(b"\r\n") {
                return Ok(Some(whole.to_vec()));
            }
        }
        Ok(None)
    }

    /// The server does not speak the protocol: what it says instead.
    pub(crate) fn foreign(&mut self) -> Finding {
        let mut more = [0; MORE];
        let length = self.connection.at_hand(&mut more).unwrap_or_default();
        self.heard.extend(more.iter().take(length));
        let (endpoint, protocol, heard) = (self.endpoint, self.protocol, String::from_utf8_lossy(&self.heard));
        Finding::bad(format!("{endpoint} does not speak {protocol}: it says {}", excerpt(&heard)))
    }

    /// The server lets nobody in, or does not do what it was asked: why, in its words.
    pub(crate) fn refusal(&self, words: &[u8]) -> Finding {
        Finding::bad(format!("{} refuses: {}", self.endpoint, excerpt(&String::from_utf8_lossy(words))))
    }

    fn end(&mut self) -> Finding {
        if self.heard.is_empty() {
            return Finding::bad(format!("{} accepts, and ends without an answer", self.endpoint));
        }
        self.foreign()
    }

    /// No word came.
    fn silence(&self, error: &io::Error) -> Finding {
        let endpoint = self.endpoint;
        match error.kind() {
            io::ErrorKind::TimedOut if self.heard.is_empty() => {
                Finding::bad(format!("{endpoint} accepts, and does not answer within {}", self.deadline.spell()))
            }
            io::ErrorKind::TimedOut => {
                Finding::bad(format!("{endpoint} does not answer to the end within {}", self.deadline.spell()))
            }
            _ => unseen(format_args!("speak {} with {endpoint}", self.protocol), error),
        }
    }
}
