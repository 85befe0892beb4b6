//! How a child ends: by itself, or with all its kin when its deadline passes or this tool is told to stop.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, test_kill_process_group};

use crate::proc::Process;
use crate::signal;

/// How often a waiting tool looks for signals.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// With this code.
    Exit(u8),
    /// By this signal.
    Signal(i32),
    /// By this tool, because its deadline had passed.
    Deadline,
}

impl Status {
    /// Ended with 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Exit(0)
    }

    /// `exited with 3`, `was ended by signal 9`, `took longer than it may`.
    #[must_use]
    pub fn spell(self) -> String {
        match self {
            Self::Exit(code) => format!("exited with {code}"),
            Self::Signal(signal) => format!("was ended by signal {signal}"),
            Self::Deadline => "took longer than it may".to_owned(),
        }
    }
}

/// A child that ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: Status,
    /// What it printed, when captured.
    pub stdout: Vec<u8>,
    /// What it said, when captured.
    pub stderr: Vec<u8>,
}

impl Ended {
    /// The captured stdout as text, without its final newline.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// The last line that it said on stderr, or how it ended when it said nothing.
    #[must_use]
    pub fn last_words(&self) -> String {
        let said = String::from_utf8_lossy(&self.stderr);
        match said.trim_end().lines().next_back() {
            Some(line) => line.to_owned(),
            None => format!("it {}", self.status.spell()),
        }
    }
}

/// What is ended together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whole {
    /// The child's process group.
    Group,
    /// Its session, with all groups in it.
    Session,
}

/// How long a child may work, and what is ended then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) whole: Whole,
    pub(crate) began: Instant,
    pub(crate) deadline: Option<Duration>,
    pub(crate) grace: Duration,
}

impl Limits {
    /// Whether the child is to be ended: its deadline has passed, or a signal asks this tool to stop.
    pub(crate) fn are_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.began.elapsed() >= deadline) || signal::received().is_some()
    }
}

/// Waits for the child alone. When its limits are over, the child is ended with all its kin: SIGTERM, then SIGKILL.
pub(crate) fn wait(handle: &duct::Handle, limits: &Limits) -> io::Result<Status> {
    loop {
        if let Some(output) = handle.wait_timeout(LOOK_EVERY)? {
            return Ok(status_of(output.status));
        }
        if limits.are_over() {
            end(handle, limits)?;
            return Ok(Status::Deadline);
        }
    }
}

/// Ends the child and all its kin: SIGTERM, and SIGKILL for those who are still there after the grace.
pub(crate) fn end(handle: &duct::Handle, limits: &Limits) -> io::Result<()> {
    // The number of the child is that of its group or session.
    let leader = handle.pids().first().copied().unwrap_or_default();
    end_until(leader, limits.whole, limits.grace, || Ok(handle.try_wait()?.is_some()))
}

/// Ends a session that somebody else has left behind.
pub(crate) fn end_session(leader: u32, grace: Duration) -> io::Result<()> {
    end_until(leader, Whole::Session, grace, || Ok(true))
}

fn end_until(
    leader: u32,
    whole: Whole,
    grace: Duration,
    child_is_gone: impl Fn() -> io::Result<bool>,
) -> io::Result<()> {
    let is_gone = || Ok::<_, io::Error>(child_is_gone()? && kin(leader, whole).is_empty());
    tell(leader, whole, Signal::TERM);
    let began = Instant::now();
    while began.elapsed() < grace && !is_gone()? {
        thread::sleep(LOOK_EVERY);
    }
    // Children of children may still be made while we look; each round sees those that the last one missed.
    for _ in 0..100 {
        tell(leader, whole, Signal::KILL);
        if is_gone()? {
            return Ok(());
        }
        thread::sleep(LOOK_EVERY);
    }
    Err(io::Error::other("a process does not end even when killed"))
}

fn tell(leader: u32, whole: Whole, signal: Signal) {
    for process in kin(leader, whole) {
        // One that has ended meanwhile is what we want.
        let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
        pid.map(|pid| rustix::process::kill_process(pid, signal).ok());
    }
}

/// The living processes of the leader's group or session.
fn kin(leader: u32, whole: Whole) -> Vec<Process> {
    // Most children leave nothing behind, and the kernel knows that without a look at every process.
    if matches!(whole, Whole::Group) && is_empty(leader) {
        return Vec::new();
    }
    let mut all = Process::all();
    all.retain(|process| match whole {
        Whole::Group => process.group == leader,
        Whole::Session => process.session == leader,
    });
    all
}

fn is_empty(group: u32) -> bool {
    let group = i32::try_from(group).ok().and_then(Pid::from_raw);
    group.is_some_and(|group| test_kill_process_group(group) == Err(Errno::SRCH))
}

fn status_of(status: ExitStatus) -> Status {
    match (status.code(), status.signal()) {
        (Some(code), _) => Status::Exit(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, signal) => Status::Signal(signal.unwrap_or_default()),
    }
}
