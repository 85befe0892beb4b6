//! Programs that are read from or written to while they run, for what is too large for a file in between.
//!
//! The end of what a program prints does not say that it was all: a dump that breaks off ends as well. So whoever reads a
//! [`Producer`] asks it for its status afterwards. No read and no write waits longer than the program may take, and a
//! grandchild that holds the pipe open delays nobody.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::ending::{Ended, LOOK_EVERY, end};
use crate::failure::{Attempt, Failure};
use crate::process::Running;

/// After a read that found less than this, in bytes, the next one waits for more to gather. A writer of 4 KiB at a time,
/// as stdio is, would else wake the reader for each of them.
const LITTLE: usize = 64 * 1024;

/// How long: no more than the pipe holds comes in meanwhile, at a gigabyte per second too.
const GATHER: Duration = Duration::from_millis(1);

/// A program whose stdout is read while it runs. Dropped before its end, it is ended with all its kin.
#[derive(Debug)]
pub struct Producer {
    running: Option<Running>,
    pipe: PipeReader,
    /// Whether the pipe holds much.
    is_large: bool,
    found_little: bool,
}

impl Producer {
    pub(crate) fn new(running: Running, pipe: PipeReader, is_large: bool) -> Self {
        Self { running: Some(running), pipe, is_large, found_little: false }
    }

    /// Waits a moment, and says whether a read would not wait: there is something, or the program has ended, or is to be
    /// ended.
    pub fn is_ready(&self) -> io::Result<bool> {
        Ok(is_ready(&self.pipe, PollFlags::IN)? || has_ended(self.running.as_ref()).unwrap_or(true))
    }

    /// How it ended, with what it said on stderr: only a program that succeeded has printed everything. 128+n when a
    /// signal asked this tool to stop.
    pub fn finish(mut self) -> Result<Ended, Failure> {
        finish(&mut self.running)
    }
}

impl Read for Producer {
    /// Waits for something to read. An error of the kind `TimedOut` says that the program took longer than it may, or
    /// that a signal has come.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_large && self.found_little {
            thread::sleep(GATHER);
        }
        let mut is_last_look = false;
        loop {
            if is_ready(&self.pipe, PollFlags::IN)? {
                match self.pipe.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => {
                        self.found_little = matches!(read, Ok(length) if length < LITTLE.min(buffer.len()));
                        return read;
                    }
                }
            }
            // Whatever is held open by somebody whom the program has left behind is no part of what it printed.
            if is_last_look {
                return Ok(0);
            }
            is_last_look = has_ended(self.running.as_ref())?;
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        abandon(self.running.as_ref());
    }
}

/// A program whose stdin is written while it runs. Dropped before its end, it is ended with all its kin.
#[derive(Debug)]
pub struct Consumer {
    running: Option<Running>,
    pipe: Option<PipeWriter>,
}

impl Consumer {
    pub(crate) fn new(running: Running, pipe: PipeWriter) -> Result<Self, Failure> {
        let consumer = Self { running: Some(running), pipe: Some(pipe) };
        if let Some(pipe) = &consumer.pipe {
            let flags = fcntl_getfl(pipe).map_err(io::Error::from).attempt("look at a pipe")?;
            fcntl_setfl(pipe, flags | OFlags::NONBLOCK).map_err(io::Error::from).attempt("set up a pipe")?;
        }
        Ok(consumer)
    }

    /// Ends its stdin and waits for it. A program that ended before it had read everything says why: ask it after a
    /// failed write as well.
    pub fn finish(mut self) -> Result<Ended, Failure> {
        drop(self.pipe.take());
        finish(&mut self.running)
    }
}

impl Write for Consumer {
    /// Waits until something can be written. An error of the kind `BrokenPipe` says that the program reads no more, one of
    /// the kind `TimedOut` that it took longer than it may, or that a signal has come.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(pipe) = &mut self.pipe else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        loop {
            if is_ready(&*pipe, PollFlags::OUT)? {
                match pipe.write(bytes) {
                    Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                    written => return written,
                }
            }
            if has_ended(self.running.as_ref())? {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        drop(self.pipe.take());
        abandon(self.running.as_ref());
    }
}

/// Waits a moment for the pipe to be ready.
pub(crate) fn is_ready(pipe: &impl AsFd, flags: PollFlags) -> io::Result<bool> {
    let moment = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK_EVERY.subsec_nanos()) };
    match poll(&mut [PollFd::new(pipe, flags)], Some(&moment)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the program itself has ended; `TimedOut` when it is to be ended.
fn has_ended(running: Option<&Running>) -> io::Result<bool> {
    let Some(running) = running else {
        return Ok(true);
    };
    if running.limits.are_over() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} took longer than it may", running.name)));
    }
    Ok(running.handle.try_wait()?.is_some())
}

fn finish(running: &mut Option<Running>) -> Result<Ended, Failure> {
    match running.take() {
        Some(running) => running.wait(true),
        None => Err(Failure::new(crate::Exit::BUG, "a program is waited for twice")),
    }
}

fn abandon(running: Option<&Running>) {
    if let Some(running) = running {
        // Nobody is left to hear of a program that does not end even when killed.
        end(&running.handle, &running.limits).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::{Consumer, Producer};
    use crate::process::{Ended, Program, Status};
    use std::io::{self, Read, Write};
    use std::time::Duration;

    /// More than any pipe holds.
    const MUCH: usize = 8 << 20;

    fn shell(script: &str) -> Program {
        Program::find("sh").unwrap().args(["-c", script]).deadline(Duration::from_secs(60))
    }

    fn read(mut producer: Producer) -> (io::Result<Vec<u8>>, Ended) {
        let mut bytes = Vec::new();
        let read = producer.read_to_end(&mut bytes).map(|_| bytes);
        (read, producer.finish().unwrap())
    }

    #[test]
    fn what_a_program_prints_is_read_whole_and_its_status_is_part_of_it() {
        let (read, ended) = read(shell("head -c 300000 /dev/zero; echo oh >&2; exit 3").produce().unwrap());
        assert_eq!((read.unwrap().len(), ended.status, ended.last_words().as_str()), (300_000, Status::Exit(3), "oh"));
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipe_delays_nobody_and_is_ended() {
        let (read, ended) = read(shell("sleep 600 & echo $!").produce().unwrap());
        let pid: u32 = String::from_utf8(read.unwrap()).unwrap().trim().parse().unwrap();
        assert!(ended.status.is_success() && crate::proc::Process::of(pid).is_none());
    }

    #[test]
    fn no_read_and_no_write_is_longer_than_the_program_may_take() {
        let brief = |script: &str| shell(script).deadline(Duration::from_millis(200));
        let mut producer = brief("sleep 600").produce().unwrap();
        assert_eq!(producer.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(producer.finish().unwrap().status, Status::Deadline);
        let mut consumer = brief("sleep 600").consume().unwrap();
        let written = consumer.write_all(&vec![0; MUCH]);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_producer_is_ready_when_it_has_printed_ended_or_taken_too_long() {
        let late = |script: &str| shell(script).deadline(Duration::from_millis(300)).produce().unwrap();
        for script in ["echo; sleep 600", "exit 0", "sleep 600"] {
            let producer = late(script);
            while !producer.is_ready().unwrap() {}
        }
        assert!(!shell("sleep 600").produce().unwrap().is_ready().unwrap());
    }

    #[test]
    fn what_is_written_arrives_whole() {
        let mut consumer: Consumer = shell("wc -c").consume().unwrap();
        consumer.write_all(&vec![0; 300_000]).unwrap();
        assert_eq!(consumer.finish().unwrap().text(), "300000");
    }

    #[test]
    fn a_program_that_reads_no_more_says_why() {
        let mut consumer = shell("echo enough >&2; exit 3").consume().unwrap();
        let written = consumer.write_all(&vec![0; MUCH]);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(consumer.finish().unwrap().last_words(), "enough");
    }
}
