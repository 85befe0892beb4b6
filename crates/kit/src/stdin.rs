//! Standard input as data that somebody else makes, who may never come to an end.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::pipe::is_ready;
use crate::signal;

/// Standard input, of which no read waits longer than it may, nor when a signal has come. Nothing of it is read ahead, so one
/// of these can go on where another has stopped.
#[derive(Debug)]
pub struct Stdin {
    file: File,
    began: Instant,
    limit: Duration,
}

impl Stdin {
    /// Gives up this long from now.
    pub fn within(limit: Duration) -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self { file, began: Instant::now(), limit })
    }
}

impl Read for Stdin {
    /// Waits for something to read. An error of the kind `TimedOut` says that it took too long, or that a signal has come.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !is_ready(&self.file, PollFlags::IN)? {
            if signal::received().is_some() || self.began.elapsed() >= self.limit {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "standard input did not end in time"));
            }
        }
        self.file.read(buffer)
    }
}
