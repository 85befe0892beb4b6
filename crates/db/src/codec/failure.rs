//! An input or output that has failed has failed for good: what comes after must never look whole.

use std::io;

/// Damaged bytes, in a sentence.
pub(super) fn damaged(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// Bytes that are missing, in a sentence.
pub(super) fn early_end(codec: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the {codec} data ends early"))
}

/// The first failure, which every later call meets again.
#[derive(Debug, Default)]
pub(super) struct Latch(Option<io::Error>);

impl Latch {
    /// The failure there was, again.
    pub(super) fn check(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |error| Err(copy(error)))
    }

    /// Lets a result pass, and remembers it if it is a failure. An interruption is none.
    pub(super) fn pass<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.0 = Some(copy(error));
        }
        result
    }
}

fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
