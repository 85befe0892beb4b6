//! A connection on which no wait is longer than what is left of the time, however slowly the other side goes on.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use db::Deadline;

/// It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    deadline: Deadline,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, deadline: Deadline) -> Self {
        Self { stream, deadline }
    }

    /// What has come by now, as much as fits.
    pub(crate) fn at_hand(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_nonblocking(true)?;
        self.stream.read(buffer)
    }

    /// What is left of the time; an error of the kind `TimedOut` when it is over.
    fn left(&self) -> io::Result<Duration> {
        Some(self.deadline.remaining()).filter(|left| !left.is_zero()).ok_or_else(|| io::ErrorKind::TimedOut.into())
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer).map_err(late)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whoever met a time limit is told one or the other (socket(7), SO_RCVTIMEO); here it is always `TimedOut`.
fn late(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}
