//! What stands between a source and whoever takes its dump.

use std::io::{self, Write};

use db::Deadline;
use kit::{Context, Failure};

use crate::source::Source;

/// Takes a dump while it is decoded, and keeps the failure of whoever it is fed to, which says more than an error of a write.
pub(crate) struct Feeder<F> {
    feed: F,
    failure: Option<Failure>,
}

impl<F: FnMut(&[u8]) -> Result<(), Failure>> Feeder<F> {
    /// Feeds a whole dump.
    pub(crate) fn run(source: &Source, feed: F, deadline: &Deadline, cx: &Context) -> Result<(), Failure> {
        let mut feeder = Self { feed, failure: None };
        let poured = source.pour(&mut feeder, deadline, cx);
        feeder.failure.map_or(poured, Err)
    }
}

impl<F: FnMut(&[u8]) -> Result<(), Failure>> Write for Feeder<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (self.feed)(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(failure) => {
                self.failure = Some(failure);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
