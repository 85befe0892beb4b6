//! What one look at the checked thing found.

use std::fmt::Display;
use std::io;

use kit::{Exit, Failure};
use rustix::io::Errno;

use crate::evidence::Evidence;

/// Causes that lie on our side: too many open files, no memory, not allowed to open it at all.
const OURS: [Errno; 6] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ACCESS, Errno::PERM];

/// A failure to look at something: ours, or what the thing does.
pub(crate) fn unseen(doing: impl Display, error: &io::Error) -> Finding {
    let message = Failure::io(doing, error).message;
    if is_ours(error) { Finding::blind(Failure::new(Exit::IO, message)) } else { Finding::bad(message) }
}

/// Whether it is our own side that kept us from looking.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| OURS.contains(&errno))
}

/// The result of one attempt.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) state: State,
    /// What was found, for a person.
    pub(crate) message: String,
    /// What else was seen, for whoever has to mend it.
    pub(crate) evidence: Evidence,
    /// What nobody is to see of it: what the thing itself gave, such as a session.
    pub(crate) hidden: Vec<String>,
}

/// How the checked thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// All as expected.
    Good,
    /// Not as expected.
    Bad,
    /// Not as expected, and it will not be: what happened has happened.
    Lasting,
    /// Nobody listens: an app that is starting does that too.
    Refused,
    /// Another commit than the expected one answers.
    Stale,
    /// We could not look, and why.
    Blind(Exit),
}

impl From<Failure> for Finding {
    fn from(failure: Failure) -> Self {
        Self::blind(failure)
    }
}

impl Finding {
    fn new(state: State, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), evidence: Evidence::default(), hidden: Vec::new() }
    }

    pub(crate) fn good(message: impl Into<String>) -> Self {
        Self::new(State::Good, message)
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(State::Bad, message)
    }

    pub(crate) fn lasting(message: impl Into<String>) -> Self {
        Self::new(State::Lasting, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(State::Refused, message)
    }

    pub(crate) fn stale(message: impl Into<String>) -> Self {
        Self::new(State::Stale, message)
    }

    pub(crate) fn blind(failure: Failure) -> Self {
        Self::new(State::Blind(failure.exit), failure.message)
    }

    /// The same with what else was seen.
    pub(crate) fn with(self, evidence: Evidence) -> Self {
        Self { evidence, ..self }
    }

    /// The same, in which nobody is to see these.
    pub(crate) fn without(self, hidden: Vec<String>) -> Self {
        Self { hidden, ..self }
    }

    /// Whether another attempt could find something else. What keeps us from looking stays.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self.state, State::Bad | State::Refused | State::Stale)
    }
}
